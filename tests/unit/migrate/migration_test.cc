// migration_test.cc: migrations with a journal: resume, conflicts, retry, rollback.
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <fstream>
#include <set>
#include <utility>

#include "fileferry/local.h"
#include "unit/migrate/shaped.h"
#include "unit/migrate/world.h"

namespace fileferry {
namespace {

struct World {
  World() {
    source->caps.server_copy = destination->caps.server_copy = false;
    options.journal = folder.path + "/journal/test.db";
    options.plan = SmallParts();
  }
  Result<std::unique_ptr<MigrationRunner>> TryOpen() { return MigrationRunner::Open(Opened(source, "memory:source"), Opened(destination, "memory:destination"), options); }
  std::unique_ptr<MigrationRunner> Open() {
    Result<std::unique_ptr<MigrationRunner>> runner = TryOpen();
    REQUIRE_MESSAGE(runner.ok(), runner.status().ToString());
    return std::move(*runner);
  }
  Progress Copy() { return MustRun(Open()->Copy()); }
  // The mark of this migration, as an object that it wrote bears it.
  std::string Nonce() {
    for (const auto& [key, text] : Contents(*to)) {
      if (const Result<ObjectInfo> info = to->Stat({}, key); info.ok() && key.starts_with(".fileferry/trash/")) return info->attempt_id.substr(0, info->attempt_id.find('-'));
    }
    return {};
  }
  void Fill(unsigned objects) {
    for (unsigned i = 0; i < objects; ++i) PutText(*from, "k" + std::to_string(i), Pattern(i % 500, i));
    PutText(*from, "large", Pattern(500000, 99));
  }
  std::map<std::string, Outcome> Outcomes() {
    std::map<std::string, Outcome> all;
    auto runner = Open();
    std::string after;
    for (;;) {
      const Result<std::vector<ObjectRecord>> records = runner->Records({}, after, 100);
      REQUIRE(records.ok());
      if (records->empty()) return all;
      for (const ObjectRecord& record : *records) all[record.key] = record.outcome;
      after = records->back().key;
    }
  }

  TempFolder folder;
  ProviderPtr from = MemoryStorageProvider::Create("memory:source"), to = MemoryStorageProvider::Create("memory:destination");
  std::shared_ptr<Shaped> source = std::make_shared<Shaped>(from), destination = std::make_shared<Shaped>(to);
  MigrationRunner::Options options;
};

bool NoUploads(IStorageProvider& provider) {
  const Result<UploadPage> page = provider.ListUploads({}, "", "");
  return page.ok() && page->entries.empty();
}

TEST_CASE("a migration moves everything, a second run nothing, rollback takes it back") {
  World world;
  world.Fill(1500);
  PutText(*world.to, "k3", "theirs");
  PutText(*world.to, "foreign", "theirs");
  const Progress first = world.Copy();
  CHECK(Count(first, Outcome::kVerified) + Count(first, Outcome::kCopied) == 1500);
  CHECK(Count(first, Outcome::kConflict) == 1);
  CHECK(Count(first, Outcome::kPending) == 0);
  std::map<std::string, std::string> expected = Contents(*world.from);
  expected["k3"] = "theirs";
  expected["foreign"] = "theirs";
  CHECK(Contents(*world.to) == expected);

  std::atomic<int> writes{0};
  world.destination->OnCall([&](Operation operation, const std::string&) {
    if (operation == Operation::kPut || operation == Operation::kUploadPart || operation == Operation::kCopyFrom) ++writes;
    return Status();
  });
  const Progress second = world.Copy();
  CHECK(writes == 0);
  CHECK(second.bytes_moved == 0);
  CHECK(Count(second, Outcome::kVerified) + Count(second, Outcome::kCopied) == 1500);
  CHECK(Count(second, Outcome::kConflict) == 1);

  (void)MustRun(world.Open()->Rollback());
  CHECK(Contents(*world.to) == std::map<std::string, std::string>{{"k3", "theirs"}, {"foreign", "theirs"}});
  CHECK(NoUploads(*world.to));
  const Progress again = world.Copy();
  CHECK(Count(again, Outcome::kVerified) + Count(again, Outcome::kCopied) == 1500);
  CHECK(Contents(*world.to) == expected);
}

TEST_CASE("a stopped migration goes on: nothing is sent twice, nothing is missed") {
  World world;
  world.Fill(3000);
  std::mutex mutex;
  std::map<std::string, int> sent;
  int parts = 0;
  std::atomic<int> calls{0};
  IRun* running = nullptr;
  int stop_at = 0;
  world.destination->OnCall([&](Operation operation, const std::string& key) {
    if (operation != Operation::kPut && operation != Operation::kUploadPart) return Status();
    std::lock_guard lock(mutex);
    if (operation == Operation::kPut) ++sent[key];
    if (operation == Operation::kUploadPart) ++parts;
    if (++calls == stop_at) running->Cancel();
    return Status();
  });
  for (int round = 1; round <= 6; ++round) {
    auto runner = world.Open();
    Result<std::unique_ptr<IRun>> run = runner->Copy();
    REQUIRE(run.ok());
    running = run->get();
    calls = 0;
    stop_at = 500;
    const Status status = Finish(**run);
    if (status.ok()) {
      CHECK(round == 6 + (calls >= 500 ? 100 : 0));
      break;
    }
    CHECK(status.code() == Code::kCancelled);
    CHECK(ExitStatusOf(**run) == 4);
    const Result<MigrationRunner::State> state = runner->GetState();
    REQUIRE(state.ok());
    CHECK(state->phase == "stopped");
  }
  stop_at = 0;
  const Progress last = world.Copy();
  CHECK(Count(last, Outcome::kVerified) + Count(last, Outcome::kCopied) == 3001);
  CHECK(Count(last, Outcome::kPending) == 0);
  CHECK(Contents(*world.to) == Contents(*world.from));
  CHECK(NoUploads(*world.to));
  int twice = 0;
  for (const auto& [key, times] : sent) twice += times - 1;
  CHECK_MESSAGE(twice <= 6 * 16, "at most what was under way at each stop");
  CHECK(parts <= 31 + 6 * 16);
}

TEST_CASE("uploads that an earlier run may have left are listed once, however many objects are in doubt; those of the objects are aborted") {
  World world;
  constexpr int kObjects = 6;
  for (int i = 0; i < kObjects; ++i) PutText(*world.from, "large" + std::to_string(i), Pattern(300000, 9));
  world.destination->OnCall([&](Operation operation, const std::string& key) {
    if (operation != Operation::kCreateUpload) return Status();
    (void)world.to->CreateUpload({}, key, {});  // its answer is lost
    return Status(Code::kInvalidArgument, "refused");
  });
  Result<std::unique_ptr<IRun>> run = world.Open()->Copy();
  REQUIRE(run.ok());
  (void)Finish(**run);
  CHECK(Count((*run)->Snapshot(), Outcome::kFailed) == kObjects);
  run->reset();
  CHECK_FALSE(NoUploads(*world.to));
  std::atomic<int> lists{0};
  world.destination->OnCall([&](Operation operation, const std::string&) {
    if (operation == Operation::kListUploads) ++lists;
    return Status();
  });
  MustRun(world.Open()->Retry());
  CHECK(lists <= 2);  // one for single writes that nobody finishes, one for these
  CHECK(NoUploads(*world.to));
  CHECK(Contents(*world.to) == Contents(*world.from));
}

TEST_CASE("uploads that an application has open stay, whatever is resumed, retried or cleaned up; a lost one of ours does not") {
  World world;
  PutText(*world.from, "large", Pattern(300000, 9));
  PutText(*world.from, "other", Pattern(300000, 8));
  PutText(*world.from, "never asked for", Pattern(300, 8));
  const auto open = [&](const std::string& key, bool with_part) {
    const Result<std::string> id = world.to->CreateUpload({}, key, {});
    REQUIRE(id.ok());
    if (with_part) {
      PartSpec spec;
      spec.size = 4;
      REQUIRE(world.to->UploadPart({}, key, *id, spec, *MemorySource(AsBytes(std::string_view("text")))).ok());
    }
    return *id;
  };
  std::set<std::string> theirs = {open("large", true), open("other", true), open("never asked for", false), open("elsewhere", false)};
  const auto left = [&] {
    std::set<std::string> ids;
    const Result<UploadPage> page = world.to->ListUploads({}, "", "");
    REQUIRE(page.ok());
    for (const UploadEntry& entry : page->entries) ids.insert(entry.upload_id);
    return ids;
  };
  // Cut off while the answer to a new upload is under way.
  Result<std::unique_ptr<IRun>> run = world.Open()->Copy();
  REQUIRE(run.ok());
  IRun* running = run->get();
  std::string lost;
  std::mutex mutex;
  world.destination->OnCall([&](Operation operation, const std::string& key) {
    if (operation != Operation::kCreateUpload || key != "large") return Status();
    std::lock_guard lock(mutex);
    lost = open(key, false);
    running->Cancel();
    return Status(Code::kCancelled, "cut off");
  });
  CHECK(Finish(**run).code() == Code::kCancelled);
  run->reset();
  world.destination->OnCall({});
  CHECK(left().count(lost) == 1);
  SUBCASE("the next run") {
    world.Copy();
    CHECK(Contents(*world.to) == Contents(*world.from));
  }
  SUBCASE("cleanup") { MustRun(world.Open()->Cleanup()); }
  SUBCASE("rollback") { MustRun(world.Open()->Rollback()); }
  CHECK(left() == theirs);
}

TEST_CASE("a source that was changed is sent again while the copy is still ours") {
  World world;
  world.Fill(20);
  world.Copy();
  PutText(*world.from, "k1", "changed at the source");
  PutText(*world.from, "k2", "changed at the source, too");
  PutText(*world.from, "k5", "changed at the source, removed there");
  PutText(*world.to, "k2", "changed at the destination");
  REQUIRE(world.to->Remove({}, "k4", {}).ok());
  REQUIRE(world.to->Remove({}, "k5", {}).ok());
  PutText(*world.from, "new", "n");
  const Progress progress = world.Copy();
  const std::map<std::string, std::string> there = Contents(*world.to);
  CHECK(there.at("k1") == "changed at the source");
  CHECK(there.at("k2") == "changed at the destination");
  CHECK(there.at("new") == "n");
  CHECK_MESSAGE(there.count("k4") == 0, "what was deleted is not brought back");
  CHECK(there.count("k5") == 0);
  CHECK(Count(progress, Outcome::kConflict) == 1);
  CHECK(Count(progress, Outcome::kMissingAtDestination) == 2);
  // Rollback leaves alone what somebody else wrote.
  Result<std::unique_ptr<IRun>> rollback = world.Open()->Rollback();
  REQUIRE(rollback.ok());
  CHECK(Finish(**rollback).ok());
  CHECK(ExitStatusOf(**rollback) == 1);
  CHECK(Contents(*world.to) == std::map<std::string, std::string>{{"k2", "changed at the destination"}});
}

TEST_CASE("what is replaced is kept, and rollback puts it back") {
  World world;
  world.Fill(30);
  PutOptions typed;
  typed.properties.content_type = "text/x-theirs";
  PutText(*world.to, "k3", "theirs", typed);
  PutText(*world.to, "large", Pattern(200000, 5));
  const std::map<std::string, std::string> before = Contents(*world.to);
  world.options.plan.overwrite = Overwrite::kChanged;
  const Progress progress = world.Copy();
  CHECK(Count(progress, Outcome::kConflict) == 0);
  std::map<std::string, std::string> there = Contents(*world.to);
  CHECK(there.at("k3") == Contents(*world.from).at("k3"));
  CHECK(there.size() == 31 + 2);  // and two in the trash
  const Progress second = world.Copy();
  CHECK_MESSAGE(second.bytes_moved == 0, "the trash is no part of anything");
  MustRun(world.Open()->Rollback());
  CHECK(Contents(*world.to) == before);
  const Result<ObjectInfo> info = world.to->Stat({}, "k3");
  REQUIRE(info.ok());
  CHECK(info->properties.content_type == "text/x-theirs");
}

// A run that is cut off at a write under `key`: its first `before` writes are done, the next one is (`done`) or is not, and nobody writes that down.
Status CutOffAt(World& world, const std::string& key, bool done, const std::string& text) {
  Result<std::unique_ptr<IRun>> run = world.Open()->Copy();
  REQUIRE(run.ok());
  IRun* running = run->get();
  world.destination->OnCall([&, running](Operation operation, const std::string& at) {
    if (operation != Operation::kPut || at != key) return Status();
    running->Cancel();
    if (done) {  // the write arrives, its answer does not
      PutOptions mark;
      mark.attempt_id = world.Nonce() + "-1-77";
      PutText(*world.to, key, text, mark);
    }
    return Status(Code::kCancelled, "cut off");
  });
  const Status status = Finish(**run);
  world.destination->OnCall({});
  return status;
}

TEST_CASE("a replacement that was cut off and is done anew never writes over what it replaced") {
  for (const Overwrite overwrite : {Overwrite::kChanged, Overwrite::kAlways}) {
    for (const bool done : {false, true}) {
      for (const bool source_changes : {false, true}) {
        CAPTURE(static_cast<int>(overwrite));
        CAPTURE(done);
        CAPTURE(source_changes);
        World world;
        PutText(*world.from, "a", "ours");
        PutText(*world.from, "b", "ours, too");
        PutText(*world.to, "a", "theirs");
        world.options.plan.overwrite = overwrite;
        CHECK(CutOffAt(world, "a", done, "ours").code() == Code::kCancelled);
        CHECK(Contents(*world.to).at("a") == (done ? "ours" : "theirs"));
        if (source_changes) PutText(*world.from, "a", "ours, but newer");
        world.Copy();
        CHECK(Contents(*world.to).at("a") == Contents(*world.from).at("a"));
        Result<std::unique_ptr<IRun>> rollback = world.Open()->Rollback();
        REQUIRE(rollback.ok());
        CHECK(Finish(**rollback).ok());
        CHECK(ExitStatusOf(**rollback) == 0);
        std::map<std::string, std::string> left = Contents(*world.to);
        CHECK(left.at("a") == "theirs");
        left.erase("a");
        for (const auto& object : left) CHECK_MESSAGE((object.first.starts_with(".fileferry/trash/") && object.second == "ours" && done && source_changes), object.first);
      }
    }
  }
}

TEST_CASE("an object that somebody writes over a replacement of ours is kept when it is replaced, and rollback puts back the first") {
  World world;
  PutText(*world.from, "a", "ours");
  PutText(*world.to, "a", "theirs");
  world.options.plan.overwrite = Overwrite::kChanged;
  world.Copy();
  PutText(*world.to, "a", "theirs again");
  PutText(*world.from, "a", "ours again");
  world.Copy();
  std::vector<std::string> kept;
  for (const auto& [key, text] : Contents(*world.to)) {
    if (key.starts_with(".fileferry/trash/")) kept.push_back(text);
  }
  std::sort(kept.begin(), kept.end());
  CHECK(kept == std::vector<std::string>{"theirs", "theirs again"});
  CHECK(Contents(*world.to).at("a") == "ours again");
  MustRun(world.Open()->Rollback());
  CHECK(Contents(*world.to).at("a") == "theirs");
  // What was put back is theirs: a run that is cut off right before it keeps it takes it for nothing else.
  Result<std::unique_ptr<IRun>> run = world.Open()->Copy();
  REQUIRE(run.ok());
  IRun* running = run->get();
  world.destination->OnCall([&](Operation operation, const std::string& key) {
    if (operation != Operation::kStat || key != "a") return Status();
    running->Cancel();
    return Status(Code::kCancelled, "cut off");
  });
  CHECK(Finish(**run).code() == Code::kCancelled);
  run->reset();
  world.destination->OnCall({});
  world.Copy();
  CHECK(Contents(*world.to).at("a") == "ours again");
  MustRun(world.Open()->Rollback());
  CHECK(Contents(*world.to).at("a") == "theirs");
}

TEST_CASE("somebody who writes between the keeping and the replacing gets back what he wrote") {
  World world;
  PutText(*world.from, "a", "ours");
  PutText(*world.to, "a", "theirs");
  world.options.plan.overwrite = Overwrite::kChanged;
  bool first = true;
  world.destination->OnCall([&](Operation operation, const std::string& key) {
    if (operation == Operation::kPut && key == "a" && std::exchange(first, false)) PutText(*world.to, "a", "theirs, meanwhile");
    return Status();
  });
  world.Copy();
  CHECK(Contents(*world.to).at("a") == "ours");
  CHECK(Contents(*world.to).size() == 2);
  MustRun(world.Open()->Rollback());
  CHECK(Contents(*world.to) == std::map<std::string, std::string>{{"a", "theirs, meanwhile"}});
}

TEST_CASE("verify finds damage; retry mends what is ours and leaves what is not") {
  World world;
  world.Fill(40);
  world.Copy();
  PutText(*world.to, "k7", "another");            // somebody's
  REQUIRE(world.to->Remove({}, "k9", {}).ok());
  Result<std::unique_ptr<IRun>> verify = world.Open()->Verify(VerifyMode::kFull);
  REQUIRE(verify.ok());
  CHECK(Finish(**verify).ok());
  CHECK(ExitStatusOf(**verify) == 1);
  CHECK(Count((*verify)->Snapshot(), Outcome::kDifferent) == 1);
  CHECK(Count((*verify)->Snapshot(), Outcome::kMissingAtDestination) == 1);
  CHECK(Count((*verify)->Snapshot(), Outcome::kVerified) == 39);
  verify->reset();
  const Progress retried = MustRun(world.Open()->Retry());
  CHECK(Count(retried, Outcome::kConflict) == 1);
  CHECK(Count(retried, Outcome::kMissingAtDestination) == 0);
  CHECK(Contents(*world.to).at("k7") == "another");
  CHECK(Contents(*world.to).at("k9") == Contents(*world.from).at("k9"));
  world.options.plan.overwrite = Overwrite::kChanged;
  MustRun(world.Open()->Retry());
  CHECK(Contents(*world.to).at("k7") == Contents(*world.from).at("k7"));
}

TEST_CASE("sources are removed after verified copies, and come back") {
  World world;
  world.Fill(25);
  PutText(*world.to, "k2", "theirs");
  ProviderPtr archive = MemoryStorageProvider::Create("memory:archive");
  const std::map<std::string, std::string> before = Contents(*world.from);
  world.options.plan.delete_source = true;
  world.options.plan.confirmed = true;
  SUBCASE("with an archive") {
    world.options.plan.archive = "memory:archive";
    world.options.plan.archive_storage = std::make_shared<OpenedStorage>(Opened(archive, "memory:archive"));
  }
  SUBCASE("without") {}
  const Progress progress = world.Copy();
  CHECK(Count(progress, Outcome::kSourceDeleted) == 25);
  CHECK(Contents(*world.from) == std::map<std::string, std::string>{{"k2", before.at("k2")}});
  if (world.options.plan.archive_storage != nullptr) CHECK(Contents(*archive).size() == 25);
  MustRun(world.Open()->Rollback());
  CHECK(Contents(*world.from) == before);
  CHECK(Contents(*world.to) == std::map<std::string, std::string>{{"k2", "theirs"}});
}

TEST_CASE("a source that somebody writes while it is archived stays, also where the storage cannot remove conditionally") {
  World world;
  PutText(*world.from, "a", "moved");
  world.source->caps.conditional_remove = false;
  auto archive = std::make_shared<Shaped>(MemoryStorageProvider::Create("memory:archive"));
  archive->caps.server_copy = false;
  archive->OnCall([&](Operation operation, const std::string&) {
    if (operation == Operation::kPut) PutText(*world.from, "a", "newer");
    return Status();
  });
  world.options.plan.delete_source = true;
  world.options.plan.confirmed = true;
  world.options.plan.archive = "memory:archive";
  world.options.plan.archive_storage = std::make_shared<OpenedStorage>(Opened(archive, "memory:archive"));
  const Progress progress = world.Copy();
  CHECK(Contents(*world.from) == std::map<std::string, std::string>{{"a", "newer"}});
  CHECK(progress.kept_sources == 1);
  CHECK(std::any_of(progress.notes.begin(), progress.notes.end(), [](const std::string& note) { return note.find("cannot remove conditionally") != std::string::npos; }));
}

// The child dies right after it has removed a source.
TEST_CASE("killed between the removal of a source and its row: a rollback brings it back, and a rerun knows who removed it") {
  for (const bool archived : {false, true}) {
    for (const bool rerun : {false, true}) {
      CAPTURE(archived);
      CAPTURE(rerun);
      World world;
      TempFolder tree;
      const auto open = [&](const std::string& root) {
        LocalOptions o;
        o.root = tree.path + root;
        Result<std::unique_ptr<LocalStorageProvider>> made = LocalStorageProvider::Create(o);
        return ProviderPtr(std::move(*made));
      };
      for (const char* key : {"a", "b", "c"}) PutText(*open("/from"), key, key);
      const std::map<std::string, std::string> before = Contents(*open("/from"));
      world.options.plan.delete_source = world.options.plan.confirmed = true;
      if (archived) {
        world.options.plan.archive = tree.path + "/archive";
        world.options.plan.archive_storage = std::make_shared<OpenedStorage>(Opened(open("/archive"), tree.path + "/archive"));
      }
      const auto runner = [&](ProviderPtr from) { return MigrationRunner::Open(Opened(std::move(from), tree.path + "/from"), Opened(open("/to"), tree.path + "/to"), world.options); };
      const pid_t child = ::fork();
      if (child == 0) {
        auto from = std::make_shared<Shaped>(open("/from"));
        from->OnCall([&](Operation operation, const std::string& key) {
          if (operation != Operation::kRemove || key != "b") return Status();
          ::_exit(open("/from")->Remove({}, key, {}).ok() ? 77 : 78);
        });
        Result<std::unique_ptr<MigrationRunner>> opened = runner(from);
        if (!opened.ok()) ::_exit(3);
        Result<std::unique_ptr<IRun>> run = (*opened)->Copy();
        if (!run.ok() || !(*run)->Start().ok()) ::_exit(4);
        (void)(*run)->Wait(std::chrono::seconds(60));
        ::_exit(5);
      }
      int status = 0;
      REQUIRE(::waitpid(child, &status, 0) == child);
      REQUIRE(WEXITSTATUS(status) == 77);
      if (!rerun && archived) {  // the loss of its copy is not called good
        REQUIRE(open("/to")->Remove({}, "b", {}).ok());
        Result<std::unique_ptr<IRun>> compare = (*runner(open("/from")))->Compare(VerifyMode::kFull);
        REQUIRE(compare.ok());
        CHECK(Finish(**compare).ok());
        CHECK(Count((*compare)->Snapshot(), Outcome::kMissingAtDestination) == 1);
        CHECK(ExitStatusOf(**compare) == 1);
      }
      if (rerun) {
        CHECK(Count(MustRun((*runner(open("/from")))->Copy()), Outcome::kSourceDeleted) == 3);
        CHECK(Contents(*open("/from")).empty());
      }
      Result<std::unique_ptr<IRun>> rollback = (*runner(open("/from")))->Rollback();
      REQUIRE(rollback.ok());
      CHECK(Finish(**rollback).ok());
      CHECK(ExitStatusOf(**rollback) == 0);
      CHECK(Contents(*open("/from")) == before);
      CHECK(Contents(*open("/to")).empty());
    }
  }
}

TEST_CASE("a source that a cut-off run was about to remove, and has not, is no loss to anybody") {
  World world;
  for (const char* key : {"a", "b"}) PutText(*world.from, key, key);
  const std::map<std::string, std::string> before = Contents(*world.from);
  world.options.plan.delete_source = world.options.plan.confirmed = true;
  world.options.plan.transfers = 1;
  Result<std::unique_ptr<IRun>> run = world.Open()->Copy();
  REQUIRE(run.ok());
  IRun* running = run->get();
  world.source->OnCall([&](Operation operation, const std::string&) {
    if (operation != Operation::kRemove) return Status();
    running->Cancel();
    return Status(Code::kCancelled, "cut off");
  });
  (void)Finish(**run);
  run->reset();
  world.source->OnCall({});
  world.options.plan.delete_source = world.options.plan.confirmed = false;
  CHECK(Count(MustRun(world.Open()->Verify(VerifyMode::kChecksum)), Outcome::kVerified) == 2);
  MustRun(world.Open()->Rollback());
  CHECK(Contents(*world.from) == before);
  CHECK(Contents(*world.to).empty());
}

// A run of one kind on the world's journal; its exit status.
int Exit(World& world, const std::function<Result<std::unique_ptr<IRun>>(MigrationRunner&)>& make) {
  auto runner = world.Open();
  Result<std::unique_ptr<IRun>> run = make(*runner);
  REQUIRE(run.ok());
  CHECK(Finish(**run).ok());
  return ExitStatusOf(**run);
}
int Verify(World& world) {
  return Exit(world, [](MigrationRunner& runner) { return runner.Verify(VerifyMode::kChecksum); });
}
int Retry(World& world) {
  return Exit(world, [](MigrationRunner& runner) { return runner.Retry(); });
}
int Cleanup(World& world) {
  return Exit(world, [](MigrationRunner& runner) { return runner.Cleanup(); });
}

MigrationRunner::State StateOf(World& world) {
  Result<MigrationRunner::State> state = MigrationRunner::ReadState(world.options.journal);
  REQUIRE_MESSAGE(state.ok(), state.status().ToString());
  return std::move(*state);
}

TEST_CASE("a migration is done when nothing is pending and the source is listed to its end, whatever else was run on it") {
  World world;
  world.Fill(3000);
  const auto unfinished = [&] {
    const MigrationRunner::State state = StateOf(world);
    CHECK(state.phase.starts_with("stopped"));
    CHECK(!state.finished);
    REQUIRE(!state.again.empty());
    CHECK(state.again.front() == "migrate");
  };
  SUBCASE("objects beyond a limit") {
    world.options.plan.limit = 100;
    world.Copy();
    world.options.plan.limit = 0;
    unfinished();
    CHECK(Verify(world) == 1);
    unfinished();
    world.options.plan.limit = 3;
    CHECK(Retry(world) == 1);
    world.options.plan.limit = 0;
    unfinished();
    CHECK(Cleanup(world) == 0);
    unfinished();
    CHECK(Retry(world) == 1);  // the rest of the source was never listed
    unfinished();
  }
  SUBCASE("a source that could not be listed") {
    world.source->OnCall([](Operation operation, const std::string&) { return operation == Operation::kList ? Status(Code::kUnavailable, "down") : Status(); });
    auto run = world.Open()->Copy();
    REQUIRE(run.ok());
    CHECK(Finish(**run).code() == Code::kUnavailable);
    run->reset();
    unfinished();
    CHECK(Retry(world) == 1);
    CHECK(Verify(world) == 1);
    CHECK(Cleanup(world) == 0);
    unfinished();
    world.source->OnCall({});
  }
  world.Copy();
  CHECK(StateOf(world).phase == "done");
  CHECK(StateOf(world).finished);
  CHECK(Contents(*world.to) == Contents(*world.from));
  CHECK(Verify(world) == 0);
  CHECK(StateOf(world).phase == "done");
  SUBCASE("taken back") {
    MustRun(world.Open()->Rollback());
    CHECK(Verify(world) == 1);
    CHECK(Cleanup(world) == 0);
    CHECK(StateOf(world).phase == "rolled back");
    CHECK(StateOf(world).finished);
  }
  SUBCASE("half taken back") {
    std::atomic<int> removed{0};
    IRun* running = nullptr;
    world.destination->OnCall([&](Operation operation, const std::string&) {
      if (operation == Operation::kRemove && ++removed == 100) running->Cancel();
      return Status();
    });
    auto run = world.Open()->Rollback();
    REQUIRE(run.ok());
    running = run->get();
    CHECK(Finish(**run).code() == Code::kCancelled);
    run->reset();
    CHECK(Verify(world) == 1);
    CHECK(Cleanup(world) == 0);
    CHECK(StateOf(world).again.front() == "rollback");
    CHECK(!StateOf(world).finished);
  }
}

TEST_CASE("a comparison looks at both storages and leaves the rows as it found them") {
  World world;
  world.Fill(10);
  world.Copy();
  const auto compare = [&] { return Exit(world, [](MigrationRunner& runner) { return runner.Compare(VerifyMode::kChecksum); }); };
  CHECK(compare() == 0);
  PutText(*world.from, "new", "n");
  PutText(*world.to, "k3", "other");
  REQUIRE(world.to->Remove({}, "k4", {}).ok());
  REQUIRE(world.from->Remove({}, "k5", {}).ok());
  REQUIRE(world.to->Remove({}, "k5", {}).ok());  // gone on both sides: no difference
  CHECK(compare() == 1);
  std::map<std::string, Outcome> rows = world.Outcomes();
  CHECK(rows.size() == 11);
  CHECK(rows.count("new") == 0);
  CHECK(rows["k3"] == Outcome::kDifferent);
  CHECK(rows["k4"] == Outcome::kMissingAtDestination);
  CHECK(rows["k1"] == Outcome::kVerified);
  CHECK(Retry(world) == 1);  // k3 is somebody's
  CHECK(Contents(*world.to).at("k4") == Contents(*world.from).at("k4"));
  PutText(*world.to, "k3", Contents(*world.from).at("k3"));
  REQUIRE(world.from->Remove({}, "new", {}).ok());
  CHECK(compare() == 0);
  CHECK(world.Outcomes()["k3"] == Outcome::kConflict);  // it never was this migration's to judge again; the next migrate finds it the same
  world.Copy();
  CHECK(world.Outcomes()["k3"] == Outcome::kSame);
}

int Compare(World& world, VerifyMode mode) {
  return Exit(world, [&](MigrationRunner& runner) { return runner.Compare(mode); });
}
int Full(World& world) {
  return Exit(world, [](MigrationRunner& runner) { return runner.Verify(VerifyMode::kFull); });
}
int Rollback(World& world) {
  return Exit(world, [](MigrationRunner& runner) { return runner.Rollback(); });
}

TEST_CASE("the copy of a removed source that is gone or damaged is never called good, and a rollback restores it from the archive") {
  for (const bool archived : {true, false}) {
    for (const bool gone : {true, false}) {
      CAPTURE(archived);
      CAPTURE(gone);
      World world;
      for (const char* key : {"a", "b", "c"}) PutText(*world.from, key, key);
      const std::map<std::string, std::string> before = Contents(*world.from);
      world.options.plan.delete_source = world.options.plan.confirmed = true;
      if (archived) {
        world.options.plan.archive = "memory:archive";
        world.options.plan.archive_storage = std::make_shared<OpenedStorage>(Opened(MemoryStorageProvider::Create("memory:archive"), "memory:archive"));
      }
      CHECK(Count(world.Copy(), Outcome::kSourceDeleted) == 3);
      REQUIRE(world.to->Remove({}, "b", {}).ok());
      if (!gone) PutText(*world.to, "b", "B");
      const Outcome found = gone ? Outcome::kMissingAtDestination : Outcome::kDifferent;
      CHECK(Verify(world) == 1);
      for (int round = 0; round < 2; ++round) {
        CHECK(Retry(world) == 1);
        CHECK(world.Outcomes()["b"] == found);
        CHECK(Full(world) == 1);
        CHECK(Compare(world, VerifyMode::kFull) == 1);
        CHECK(world.Outcomes()["b"] == found);
      }
      CHECK(world.Outcomes()["a"] == Outcome::kSourceDeleted);
      if (gone) {
        CHECK(Rollback(world) == (archived ? 0 : 1));
        std::map<std::string, std::string> expected = before;
        if (!archived) expected.erase("b");
        CHECK(Contents(*world.from) == expected);
      } else {
        CHECK(Rollback(world) == 1);
        CHECK(Contents(*world.to).at("b") == "B");
      }
    }
  }
}

TEST_CASE("a retry sends what is at the place of a removed source again") {
  for (const VerifyMode mode : {VerifyMode::kChecksum, VerifyMode::kFull}) {
    CAPTURE(static_cast<int>(mode));
    World world;
    for (const char* key : {"a", "b"}) PutText(*world.from, key, key);
    world.options.plan.delete_source = world.options.plan.confirmed = true;
    CHECK(Count(world.Copy(), Outcome::kSourceDeleted) == 2);
    world.options.plan.delete_source = world.options.plan.confirmed = false;
    REQUIRE(world.to->Remove({}, "a", {}).ok());
    CHECK(Verify(world) == 1);
    PutText(*world.from, "a", "anew");
    world.options.plan.verify = mode;
    CHECK(Retry(world) == 0);
    CHECK(Contents(*world.to).at("a") == "anew");
    CHECK(world.Outcomes()["a"] == Outcome::kVerified);
    CHECK(Rollback(world) == 0);
    CHECK(Contents(*world.from) == std::map<std::string, std::string>{{"a", "anew"}, {"b", "b"}});
  }
}

TEST_CASE("the copy of a removed source stays while what was written at its place anew is pending") {
  World world;
  for (const char* key : {"a", "b", "c"}) PutText(*world.from, key, key);
  world.options.plan.delete_source = world.options.plan.confirmed = true;
  CHECK(Count(world.Copy(), Outcome::kSourceDeleted) == 3);
  world.options.plan.delete_source = world.options.plan.confirmed = false;
  for (const char* key : {"a", "b", "c"}) PutText(*world.from, key, std::string("anew ") + key);
  world.options.plan.limit = 1;
  world.options.plan.transfers = 1;
  CHECK(Count(world.Copy(), Outcome::kPending) == 2);
  world.options.plan.limit = 0;
  SUBCASE("taken back: named, and left alone") {
    CHECK(Rollback(world) == 1);
    CHECK(Contents(*world.to) == std::map<std::string, std::string>{{"b", "b"}, {"c", "c"}});
    CHECK(world.Outcomes()["b"] == Outcome::kConflict);
  }
  SUBCASE("the new one vanishes: the old one is still the copy of a removed source") {
    REQUIRE(world.from->Remove({}, "b", {}).ok());
    CHECK(Count(world.Copy(), Outcome::kSourceDeleted) == 1);
    CHECK(Full(world) == 0);
    CHECK(Contents(*world.to).at("b") == "b");
    CHECK(Rollback(world) == 0);
    CHECK(Contents(*world.from).at("b") == "b");
  }
  SUBCASE("copied: the new one is an object like any other") {
    world.Copy();
    CHECK(Contents(*world.to) == Contents(*world.from));
    CHECK(Rollback(world) == 0);
    CHECK(Contents(*world.from).at("b") == "anew b");
    CHECK(Contents(*world.to).empty());
  }
}

TEST_CASE("of a list of keys, the next migrate sees what was changed at the source and removed at the destination") {
  World world;
  for (const char* key : {"changed", "gone", "removed", "still"}) PutText(*world.from, key, key);
  world.options.plan.filter.keys_from = world.folder.path + "/keys";
  REQUIRE(std::ofstream(world.options.plan.filter.keys_from).write("changed\ngone\nremoved\nstill\n", 27).flush());
  CHECK(Count(world.Copy(), Outcome::kVerified) == 4);
  CHECK(Count(world.Copy(), Outcome::kVerified) == 4);
  PutText(*world.from, "changed", "CHANGED");
  REQUIRE(world.from->Remove({}, "gone", {}).ok());
  REQUIRE(world.to->Remove({}, "removed", {}).ok());
  for (int round = 0; round < 2; ++round) {
    const Progress next = world.Copy();
    CHECK(Count(next, Outcome::kVerified) == 3);
    CHECK(Count(next, Outcome::kMissingAtDestination) == 1);
    CHECK(Contents(*world.to) == std::map<std::string, std::string>{{"changed", "CHANGED"}, {"gone", "gone"}, {"still", "still"}});
  }
  CHECK(Retry(world) == 0);
  CHECK(Contents(*world.to).at("removed") == "removed");
  CHECK(Rollback(world) == 1);  // "gone" may be the only copy
}

TEST_CASE("one journal, one runner, one migration") {
  World world;
  world.Fill(3);
  auto runner = world.Open();
  CHECK(world.TryOpen().code() == Code::kBusy);
  const Result<MigrationRunner::State> state = MigrationRunner::ReadState(world.options.journal);
  REQUIRE(state.ok());
  CHECK(state->running);
  CHECK(state->source == "memory:source");
  const pid_t child = ::fork();
  if (child == 0) {
    const bool refused = runner->GetState().code() == Code::kForked && world.TryOpen().code() == Code::kBusy;
    ::_exit(refused ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  CHECK_MESSAGE(world.TryOpen().code() == Code::kBusy, "the child's end has not taken the lock away");
  runner.reset();
  CHECK(!MigrationRunner::ReadState(world.options.journal)->running);
  world.options.plan.map = "prefix+x/";
  CHECK(world.TryOpen().code() == Code::kInvalidArgument);
  struct stat info;
  REQUIRE(::stat(world.options.journal.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  REQUIRE(::stat((world.folder.path + "/journal").c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0700);
}

TEST_CASE("times that count back from now: the same words are the same migration, and what is gone on with keeps its moment") {
  World world;
  world.Fill(3);
  FilterOptions& filter = world.options.plan.filter;
  filter.newer_than_age = "7d";
  const Time began = std::chrono::system_clock::now() - std::chrono::hours(1);
  filter.newer_than = began;
  const auto kept = [&] {
    const Result<MigrationRunner::State> state = MigrationRunner::ReadState(world.options.journal);
    REQUIRE(state.ok());
    return state->again;
  };
  std::atomic<bool> cancelled{false};
  {
    auto runner = world.Open();
    auto run = runner->Copy();
    REQUIRE(run.ok());
    world.destination->OnCall([&](Operation operation, const std::string&) {
      if (operation == Operation::kPut) cancelled = true, (*run)->Cancel();
      return Status();
    });
    CHECK(Finish(**run).code() == Code::kCancelled);
    world.destination->OnCall({});
  }
  REQUIRE(cancelled);
  const std::vector<std::string> again = kept();
  CHECK(std::find(again.begin(), again.end(), "7d") != again.end());
  filter.newer_than = began + std::chrono::hours(1000);  // would leave everything out
  CHECK(Count(world.Copy(), Outcome::kVerified) == 4);
  PutText(*world.from, "new", "too old for the moment of this run");
  const Progress anew = world.Copy();
  CHECK(anew.filtered == 5);
  CHECK(Contents(*world.to).size() == 4);
  (void)MustRun(world.Open()->Rollback());
  CHECK(Contents(*world.to).empty());
  filter.newer_than = began;
  filter.newer_than_age = "8d";
  CHECK(world.TryOpen().code() == Code::kInvalidArgument);
  filter.newer_than_age.clear();
  CHECK(world.TryOpen().code() == Code::kInvalidArgument);
}

TEST_CASE("what goes on with a stopped migration says all that was asked for, and nothing else") {
  World world;
  world.Fill(3);
  const auto again = [&] {
    Result<MigrationRunner::State> state = MigrationRunner::ReadState(world.options.journal);
    REQUIRE(state.ok());
    std::string line;
    for (const std::string& word : state->again) line += (line.empty() ? "" : " ") + word;
    return line;
  };
  const std::string end = " --journal " + world.options.journal + " memory:source memory:destination";
  world.options.plan = CopyPlan();
  (void)world.Open();
  CHECK(again() == "migrate" + end);
  CopyPlan& plan = world.options.plan;
  plan.verify_existing = true;
  plan.checkers = 3;
  plan.limit = 7;
  plan.batch_size = 10;
  plan.delay = std::chrono::milliseconds(1500);
  plan.tpslimit = 0.57;
  plan.tuning.part_size = 6 << 20;
  (void)world.Open();
  CHECK(again() == "migrate --verify checksum --checkers 3 --limit 7 --batch-size 10 --delay 1500ms --tpslimit 0.57 --part-size 6291456" + end);
  plan = CopyPlan();
  plan.delete_source = plan.confirmed = true;
  plan.archive = "memory:archive";
  plan.archive_storage = std::make_shared<OpenedStorage>(Opened(MemoryStorageProvider::Create("memory:archive"), "memory:archive"));
  plan.verify = VerifyMode::kFull;
  (void)world.Open();
  CHECK(again() == "migrate --verify full --delete-source --archive memory:archive" + end);
  plan = CopyPlan();
  (void)world.Open();
  CHECK_MESSAGE(again() == "migrate" + end, "the archive is the journal's to know: without --delete-source the command line refuses it");
}

TEST_CASE("a dry run makes nothing") {
  World world;
  world.Fill(10);
  world.options.plan.dry_run = true;
  CHECK(Count(world.Copy(), Outcome::kSkipped) == 11);
  CHECK(Contents(*world.to).empty());
  CHECK(!std::filesystem::exists(world.options.journal));
}

TEST_CASE("what is no journal is named and left alone") {
  TempFolder folder;
  World world;
  world.options.journal = folder.path + "/x.db";
  for (const char* content : {"this is no database, but long enough to look like one ............................................................", "x"}) {
    std::ofstream(world.options.journal) << content;
    CHECK(world.TryOpen().code() == Code::kInvalidArgument);
    std::ifstream file(world.options.journal);
    const std::string now((std::istreambuf_iterator<char>(file)), {});
    CHECK(now == content);
  }
}

// The child is killed in the middle, again and again; what it left is finished by others.
TEST_CASE("kill -9 at any moment: the next run finishes, nothing is lost or doubled") {
  World world;
  TempFolder tree;
  LocalOptions local;
  local.root = tree.path + "/from";
  Result<std::unique_ptr<LocalStorageProvider>> opened = LocalStorageProvider::Create(local);
  REQUIRE(opened.ok());
  ProviderPtr from = std::move(*opened);
  local.root = tree.path + "/to";
  for (unsigned i = 0; i < 400; ++i) PutText(*from, "d" + std::to_string(i % 7) + "/k" + std::to_string(i), Pattern(i * 11, i));
  PutText(*from, "large", Pattern(3000000, 4));
  const auto open = [&](const std::string& root) {
    LocalOptions o;
    o.root = root;
    Result<std::unique_ptr<LocalStorageProvider>> made = LocalStorageProvider::Create(o);
    return ProviderPtr(std::move(*made));
  };
  int killed = 0;
  for (int round = 0; round < 25; ++round) {
    const pid_t child = ::fork();
    if (child == 0) {
      Result<std::unique_ptr<MigrationRunner>> runner =
          MigrationRunner::Open(Opened(open(tree.path + "/from"), tree.path + "/from"), Opened(open(tree.path + "/to"), tree.path + "/to"), world.options);
      if (!runner.ok()) ::_exit(3);
      Result<std::unique_ptr<IRun>> run = (*runner)->Copy();
      if (!run.ok() || !(*run)->Start().ok()) ::_exit(4);
      (void)(*run)->Wait(std::chrono::seconds(60));
      ::_exit((*run)->Result().ok() ? 0 : 5);
    }
    ::usleep(static_cast<useconds_t>(3000 + 2500 * round));
    ::kill(child, SIGKILL);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    if (WIFSIGNALED(status)) {
      ++killed;
    } else {
      CHECK(WEXITSTATUS(status) == 0);
      break;
    }
  }
  CHECK(killed > 0);
  ProviderPtr to = open(tree.path + "/to");
  Result<std::unique_ptr<MigrationRunner>> runner = MigrationRunner::Open(Opened(from, tree.path + "/from"), Opened(to, tree.path + "/to"), world.options);
  REQUIRE_MESSAGE(runner.ok(), runner.status().ToString());
  const Progress progress = MustRun((*runner)->Copy());
  CHECK(Count(progress, Outcome::kVerified) + Count(progress, Outcome::kCopied) == 401);
  CHECK(Contents(*to) == Contents(*from));
  CHECK(NoUploads(*to));
  MustRun((*runner)->Rollback());
  CHECK(Contents(*to).empty());
}

TEST_CASE("kill -9 of a retry, a verify and a cleanup: the state says what is pending, and the next migrate finishes") {
  World world;
  TempFolder tree;
  const auto open = [&](const char* name) {
    LocalOptions options;
    options.root = tree.path + "/" + name;
    Result<std::unique_ptr<LocalStorageProvider>> made = LocalStorageProvider::Create(options);
    REQUIRE(made.ok());
    return ProviderPtr(std::move(*made));
  };
  const ProviderPtr from = open("from"), to = open("to");
  for (unsigned i = 0; i < 300; ++i) PutText(*from, "d" + std::to_string(i % 7) + "/k" + std::to_string(i), Pattern(i * 11 + 1, i));
  const auto runner = [&](const ProviderPtr& destination) {
    Result<std::unique_ptr<MigrationRunner>> opened =
        MigrationRunner::Open(Opened(from, tree.path + "/from"), Opened(destination, tree.path + "/to"), world.options);
    REQUIRE_MESSAGE(opened.ok(), opened.status().ToString());
    return std::move(*opened);
  };
  world.options.plan.limit = 200;
  MustRun(runner(to)->Copy());
  world.options.plan.limit = 0;
  using Start = Result<std::unique_ptr<IRun>> (*)(MigrationRunner&);
  const auto killed = [&](Operation at, int calls, Start start) {
    const pid_t child = ::fork();
    if (child == 0) {
      const auto dying = std::make_shared<Shaped>(open("to"));  // a provider of its own: the parent's is the parent's
      std::atomic<int> left{calls};
      dying->OnCall([&](Operation operation, const std::string&) {
        if (operation == at && --left <= 0) ::kill(::getpid(), SIGKILL);
        return Status();
      });
      LocalOptions options;
      options.root = tree.path + "/from";
      auto opened = MigrationRunner::Open(Opened(ProviderPtr(std::move(*LocalStorageProvider::Create(options))), tree.path + "/from"), Opened(dying, tree.path + "/to"), world.options);
      if (!opened.ok()) ::_exit(3);
      auto run = start(**opened);
      if (!run.ok() || !(*run)->Start().ok()) ::_exit(4);
      (void)(*run)->Wait(std::chrono::seconds(60));
      ::_exit(5);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status));
  };
  const auto pending = [&] {
    const MigrationRunner::State state = StateOf(world);
    CHECK(!state.running);
    CHECK(!state.finished);
    CHECK(Count(state.progress, Outcome::kPending) + Count(state.progress, Outcome::kInFlight) > 0);
    return state.again.front();
  };
  killed(Operation::kStat, 50, [](MigrationRunner& r) { return r.Verify(VerifyMode::kChecksum); });
  CHECK(pending() == "migrate");
  killed(Operation::kListUploads, 1, [](MigrationRunner& r) { return r.Cleanup(); });
  CHECK(pending() == "migrate");
  killed(Operation::kPut, 30, [](MigrationRunner& r) { return r.Retry(); });
  CHECK(pending() == "retry");
  MustRun(runner(to)->Copy());
  CHECK(StateOf(world).phase == "done");
  CHECK(Contents(*to) == Contents(*from));
  CHECK(NoUploads(*to));
}

}  // namespace
}  // namespace fileferry
