// evidence_test.cc: what is compared where the destination holds an object already.
#include <fcntl.h>
#include <sys/stat.h>

#include "fileferry/local.h"
#include "unit/migrate/shaped.h"
#include "unit/migrate/world.h"

namespace fileferry {
namespace {

struct Folders {
  Folders() {
    from = At("s");
    to = At("d");
  }
  OpenedStorage At(const std::string& name) {
    LocalOptions options;
    options.root = folder.path + "/" + name;
    options.fsync = LocalOptions::Fsync::kNone;
    Result<std::unique_ptr<LocalStorageProvider>> provider = LocalStorageProvider::Create(options);
    REQUIRE_MESSAGE(provider.ok(), provider.status().ToString());
    return Opened(ProviderPtr(std::move(*provider)), "./" + name);
  }
  // Other bytes in the source's file f, of the same size and time.
  void Swap(std::string_view text) {
    const std::string path = folder.path + "/s/f";
    struct stat st = {};
    REQUIRE(::stat(path.c_str(), &st) == 0);
    std::filesystem::remove(path);
    PutText(*from.provider, "f", text);
    const struct timespec times[2] = {st.st_atim, st.st_mtim};
    REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, 0) == 0);
  }
  std::string There() { return Contents(*to.provider)["f"]; }

  TempFolder folder;
  OpenedStorage from, to;
};

TEST_CASE("of what is there already, size and time are enough only where nothing else was asked for") {
  for (const bool journaled : {false, true}) {
    CAPTURE(journaled);
    Folders world;
    PutText(*world.from.provider, "f", "aaaa");
    (void)MustRun(NewCopy(world.from, world.to, {}));
    world.Swap("bbbb");
    const auto run = [&](CopyPlan plan) {
      if (!journaled) return MustRun(NewCopy(world.from, world.to, plan));
      Result<std::unique_ptr<MigrationRunner>> runner = MigrationRunner::Open(world.from, world.to, {plan, world.folder.path + "/j.db"});
      REQUIRE_MESSAGE(runner.ok(), runner.status().ToString());
      return MustRun((*runner)->Copy());
    };
    CopyPlan plan;
    plan.overwrite = Overwrite::kChanged;
    CHECK(Count(run(plan), Outcome::kSameByTime) == 1);
    CHECK(world.There() == "aaaa");
    plan.verify_existing = true;  // checksum, typed
    CHECK(Count(run(plan), Outcome::kVerified) == 1);
    CHECK(world.There() == "bbbb");
  }
}

// As S3: the time of modification is kept, but an upload's time is listed.
class ListsUploads : public Shaped {
 public:
  explicit ListsUploads(ProviderPtr inner) : Shaped(inner), inner_(std::move(inner)) { caps.keeps_mtime = false; }
  Result<ListPage> List(const OpContext& ctx, const ListQuery& query) override {
    Result<ListPage> page = Shaped::List(ctx, query);
    if (!page.ok()) return page;
    for (ListEntry& entry : page->entries) {
      const Result<ObjectInfo> info = inner_->Stat(ctx, entry.key);
      if (!info.ok()) return info.status();
      entry.modified = info->modified;
    }
    return page;
  }

 private:
  const ProviderPtr inner_;
};

TEST_CASE("where only the time of an upload is listed, a migration asks for the one that is kept before it calls an object done") {
  Folders world;
  const ProviderPtr memory = MemoryStorageProvider::Create("memory:d");
  const auto counted = std::make_shared<testing::Faults>();
  const OpenedStorage to = Opened(testing::WithFaults(std::make_shared<ListsUploads>(memory), counted), "memory:d");
  for (const char* key : {"f", "same"}) PutText(*world.from.provider, key, "aaaa");
  (void)MustRun(NewCopy(world.from, to, {}));
  // An older file of the same size takes the place of f.
  const std::string path = world.folder.path + "/s/f";
  std::filesystem::remove(path);
  PutText(*world.from.provider, "f", "bbbb");
  const struct timespec times[2] = {{1'000'000'000, 0}, {1'000'000'000, 0}};
  REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, 0) == 0);

  const std::uint64_t asked = counted->calls(Operation::kStat);
  CHECK(Count(MustRun(NewCopy(world.from, to, {})), Outcome::kSameByTime) == 2);
  CHECK_MESSAGE(counted->calls(Operation::kStat) == asked, "a copy that has nothing to do asks for nothing");

  const auto migrate = [&](CopyPlan plan, const std::string& journal) {
    Result<std::unique_ptr<MigrationRunner>> runner = MigrationRunner::Open(world.from, to, {std::move(plan), world.folder.path + "/" + journal});
    REQUIRE_MESSAGE(runner.ok(), runner.status().ToString());
    return MustRun((*runner)->Copy());
  };
  CopyPlan plan;
  plan.verify = VerifyMode::kSize;
  CHECK(Count(migrate(plan, "by size.db"), Outcome::kSameByTime) == 2);
  CHECK(counted->calls(Operation::kStat) == asked);
  plan = {};
  plan.dry_run = true;
  CHECK(Count(migrate(plan, "none.db"), Outcome::kConflict) == 1);
  plan.dry_run = false;
  for (int round = 0; round < 2; ++round) {
    const Progress progress = migrate(plan, "j.db");
    CHECK(Count(progress, Outcome::kConflict) == 1);
    CHECK(Count(progress, Outcome::kSame) + Count(progress, Outcome::kSameByTime) == 1);
    CHECK(ReadAll(*memory, {}, "f").value() == "aaaa");
  }
  plan.overwrite = Overwrite::kChanged;
  CHECK(Count(migrate(plan, "j.db"), Outcome::kVerified) == 1);
  CHECK(ReadAll(*memory, {}, "f").value() == "bbbb");
  const std::uint64_t done = counted->calls(Operation::kStat);
  (void)migrate(plan, "j.db");
  CHECK_MESSAGE(counted->calls(Operation::kStat) == done, "what was found out once is not asked for again");
}

TEST_CASE("migrate and both ways to verify say the same of what was there before; what the migration wrote answers for its properties") {
  TempFolder folder;
  const OpenedStorage from = Opened(MemoryStorageProvider::Create("memory:s"), "memory:s");
  const auto to = std::make_shared<Shaped>(MemoryStorageProvider::Create("memory:d"));
  to->caps.server_copy = false;
  PutOptions early, late;
  early.properties.mtime = Time(std::chrono::seconds(1000));
  late.properties.mtime = Time(std::chrono::seconds(2000));
  for (const char* key : {"theirs", "ours"}) PutText(*from.provider, key, key, early);
  PutText(*to, "theirs", "theirs", late);
  using Make = Result<std::unique_ptr<IRun>> (*)(MigrationRunner&);
  const auto exit = [&](Make make) {
    Result<std::unique_ptr<MigrationRunner>> runner = MigrationRunner::Open(from, Opened(to, "memory:d"), {{}, folder.path + "/j.db"});
    REQUIRE_MESSAGE(runner.ok(), runner.status().ToString());
    Result<std::unique_ptr<IRun>> run = make(**runner);
    REQUIRE(run.ok());
    CHECK(Finish(**run).ok());
    return ExitStatusOf(**run);
  };
  const Make copy = [](MigrationRunner& r) { return r.Copy(); }, verify = [](MigrationRunner& r) { return r.Verify(VerifyMode::kChecksum); },
             full = [](MigrationRunner& r) { return r.Compare(VerifyMode::kFull); }, compare = [](MigrationRunner& r) { return r.Compare(VerifyMode::kChecksum); },
             retry = [](MigrationRunner& r) { return r.Retry(); };
  for (const Make make : {copy, verify, compare, full, copy, retry, compare, verify}) CHECK(exit(make) == 0);
  Properties properties = to->Stat({}, "ours")->properties;
  properties.mtime = Time(std::chrono::seconds(3000));
  REQUIRE(to->SetProperties({}, "ours", properties).ok());
  CHECK(exit(compare) == 1);
}

TEST_CASE("--verify full reads the bytes of both sides, whatever times and kept digests say") {
  Folders world;
  PutText(*world.from.provider, "f", "aaaa");
  (void)MustRun(NewCopy(world.from, world.to, {}));
  world.Swap("bbbb");
  CopyPlan plan;
  plan.verify = VerifyMode::kFull;
  CHECK(Count(MustRun(NewCopy(world.from, world.to, plan)), Outcome::kConflict) == 1);
  plan.overwrite = Overwrite::kChanged;
  CHECK(Count(MustRun(NewCopy(world.from, world.to, plan)), Outcome::kVerified) == 1);
  CHECK(world.There() == "bbbb");
  const Progress again = MustRun(NewCopy(world.from, world.to, plan));
  CHECK(Count(again, Outcome::kSame) == 1);
  CHECK(Count(again, Outcome::kSameByTime) == 0);
}

TEST_CASE("the next migrate names what was removed or changed at the destination, and leaves it as it is") {
  for (const bool local : {true, false}) {
    CAPTURE(local);
    Folders world;
    const auto counted = std::make_shared<testing::Faults>();
    OpenedStorage to = local ? world.to : Opened(MemoryStorageProvider::Create("memory:d"), "memory:d");
    IStorageProvider& there = *to.provider;
    const ProviderPtr behind = to.provider;
    to.provider = testing::WithFaults(behind, counted);
    for (const char* key : {"changed", "grown", "removed", "rewritten", "still", "was there"}) PutText(*world.from.provider, key, std::string("text of ") + key);
    PutText(there, "was there", "text of was there");
    MigrationRunner::Options options{{}, world.folder.path + "/j.db"};
    options.plan.overwrite = Overwrite::kChanged;  // what an application wrote later is not replaced even so
    const auto migrate = [&] {
      Result<std::unique_ptr<MigrationRunner>> runner = MigrationRunner::Open(world.from, to, options);
      REQUIRE_MESSAGE(runner.ok(), runner.status().ToString());
      Result<std::unique_ptr<IRun>> run = (*runner)->Copy();
      REQUIRE(run.ok());
      CHECK(Finish(**run).ok());
      const int exit = ExitStatusOf(**run);
      CHECK(exit == (Count((*run)->Snapshot(), Outcome::kDifferent) + Count((*run)->Snapshot(), Outcome::kMissingAtDestination) > 0 ? 1 : 0));
      return (*run)->Snapshot();
    };
    CHECK(Count(migrate(), Outcome::kVerified) == 5);
    const std::uint64_t asked = counted->calls(Operation::kStat);
    CHECK(Count(migrate(), Outcome::kVerified) == 5);
    CHECK_MESSAGE(counted->calls(Operation::kStat) == asked, "nothing is looked at while the listing agrees");

    const auto rewrite = [&](const std::string& key, const std::string& text) {
      REQUIRE(there.Remove({}, key, {}).ok());
      PutText(there, key, text);
    };
    rewrite("changed", "TEXT OF changed");
    rewrite("grown", "text of grown and more");
    rewrite("rewritten", "text of rewritten");
    REQUIRE(there.Remove({}, "removed", {}).ok());
    REQUIRE(there.Remove({}, "was there", {}).ok());
    const std::map<std::string, std::string> before = Contents(there);
    for (int round = 0; round < 2; ++round) {
      const Progress next = migrate();
      CHECK(Count(next, Outcome::kDifferent) == 2);
      CHECK(Count(next, Outcome::kMissingAtDestination) == 2);
      CHECK(Count(next, Outcome::kSame) + Count(next, Outcome::kVerified) == 2);
      CHECK(Contents(there) == before);
    }
  }
}

}  // namespace
}  // namespace fileferry
