// copy_test.cc: copy and compare of two storages without a journal.
#include <fstream>

#include "unit/migrate/world.h"

namespace fileferry {
namespace {

struct Pair {
  ProviderPtr source = MemoryStorageProvider::Create("memory:source");
  ProviderPtr destination = MemoryStorageProvider::Create("memory:destination");
  Counted from{source}, to{destination};

  Result<std::unique_ptr<IRun>> Copy(CopyPlan plan = {}) { return NewCopy(Opened(from.provider, "memory:source"), Opened(to.provider, "memory:destination"), plan); }
  Result<std::unique_ptr<IRun>> Compare(CopyPlan plan = {}) {
    return NewCompare(Opened(from.provider, "memory:source"), Opened(to.provider, "memory:destination"), plan);
  }
};

TEST_CASE("copy moves every object with its bytes and properties, and a second run moves nothing") {
  Pair pair;
  for (int i = 0; i < 2500; ++i) PutText(*pair.source, "k/" + std::to_string(i), Pattern(static_cast<std::size_t>(i % 900), static_cast<unsigned>(i)));
  PutOptions options;
  options.properties.content_type = "image/x-test";
  options.properties.cache_control = "max-age=7";
  options.properties.metadata["owner"] = "ü";
  PutText(*pair.source, "with properties", "x", options);
  PutText(*pair.source, "empty", "");
  PutText(*pair.source, "a//b", "double");
  PutText(*pair.source, "/x", "leading");

  const Progress first = MustRun(pair.Copy());
  CHECK(Contents(*pair.source) == Contents(*pair.destination));
  CHECK(Count(first, Outcome::kVerified) + Count(first, Outcome::kCopied) == 2504);
  CHECK(first.listed == 2504);
  const Result<ObjectInfo> info = pair.destination->Stat({}, "with properties");
  REQUIRE(info.ok());
  CHECK(info->properties.content_type == "image/x-test");
  CHECK(info->properties.cache_control == "max-age=7");
  CHECK(info->properties.metadata.at("owner") == "ü");
  CHECK(!info->attempt_id.empty());

  const std::uint64_t requests_before = pair.to.faults->calls(), lists_before = pair.to.faults->calls(Operation::kList);
  const Progress second = MustRun(pair.Copy());
  CHECK(Count(second, Outcome::kSame) + Count(second, Outcome::kSameByTime) == 2504);
  CHECK(second.bytes_moved == 0);
  CHECK_MESSAGE(pair.to.faults->calls() - requests_before == pair.to.faults->calls(Operation::kList) - lists_before, "nothing but list requests");
}

TEST_CASE("one request per small object") {
  Pair pair;
  for (int i = 0; i < 300; ++i) PutText(*pair.source, std::to_string(i), "text " + std::to_string(i));
  MustRun(pair.Copy());
  CHECK(pair.to.faults->calls(Operation::kPut) + pair.to.faults->calls(Operation::kCopyFrom) == 300);
  CHECK(pair.to.faults->calls(Operation::kStat) == 0);
}

TEST_CASE("large objects go in parts and come out whole") {
  Pair pair;
  const std::string large = Pattern(1000003, 1), edge = Pattern(64 << 10, 2);
  PutText(*pair.source, "large", large);
  PutText(*pair.source, "edge", edge);
  PutText(*pair.source, "small", "s");
  const Progress progress = MustRun(pair.Copy(SmallParts()));
  CHECK(Contents(*pair.destination) == Contents(*pair.source));
  CHECK(Count(progress, Outcome::kFailed) == 0);
  const Result<UploadPage> open = pair.destination->ListUploads({}, "", "");
  REQUIRE(open.ok());
  CHECK(open->entries.empty());
}

TEST_CASE("what differs at the destination is a conflict unless --overwrite says otherwise") {
  Pair pair;
  PutText(*pair.destination, "size", "something longer");
  PutText(*pair.destination, "bytes", "abcd");
  PutText(*pair.source, "size", "short");
  PutText(*pair.source, "bytes", "ABCD");
  PutText(*pair.source, "new", "n");

  SUBCASE("never") {
    const Progress progress = MustRun(pair.Copy());
    CHECK(Count(progress, Outcome::kConflict) == 2);
    CHECK(Contents(*pair.destination) == std::map<std::string, std::string>{{"size", "something longer"}, {"bytes", "abcd"}, {"new", "n"}});
  }
  SUBCASE("changed") {
    CopyPlan plan;
    plan.overwrite = Overwrite::kChanged;
    const Progress progress = MustRun(pair.Copy(plan));
    CHECK(Count(progress, Outcome::kConflict) == 0);
    CHECK(Contents(*pair.destination) == Contents(*pair.source));
  }
  SUBCASE("a dry run says it and writes nothing") {
    CopyPlan plan;
    plan.overwrite = Overwrite::kChanged;
    plan.dry_run = true;
    const Progress progress = MustRun(pair.Copy(plan));
    CHECK(Count(progress, Outcome::kSkipped) == 3);
    CHECK(Contents(*pair.destination) == std::map<std::string, std::string>{{"size", "something longer"}, {"bytes", "abcd"}});
  }
}

TEST_CASE("two keys that are mapped to one: the second is refused by name") {
  Pair pair;
  PutText(*pair.source, "a.jpg", "1");
  PutText(*pair.source, "b.jpg", "2");
  PutText(*pair.source, "c.txt", "3");
  CopyPlan plan;
  plan.map = "re:^.*\\.jpg$=>picture.jpg";
  Result<std::unique_ptr<IRun>> run = pair.Copy(plan);
  REQUIRE(run.ok());
  CHECK(Finish(**run).ok());
  CHECK(Count((*run)->Snapshot(), Outcome::kRefused) == 2);  // b.jpg, and c.txt which the rule does not fit
  CHECK(ExitStatusOf(**run) == 1);
  CHECK(Contents(*pair.destination) == std::map<std::string, std::string>{{"picture.jpg", "1"}});
  bool named = false;
  for (const ObjectRecord& record : (*run)->Problems(10)) named = named || (record.key == "b.jpg" && record.outcome == Outcome::kRefused);
  CHECK(named);
}

TEST_CASE("folders of two storages: prefixes are no part of the keys") {
  ProviderPtr storage = MemoryStorageProvider::Create();
  PutText(*storage, "in/a", "1");
  PutText(*storage, "in/b/c", "2");
  PutText(*storage, "inner", "no");
  MustRun(NewCopy(Opened(storage, "memory:in", "in/"), Opened(storage, "memory:out", "out"), {}));
  CHECK(Contents(*storage) == std::map<std::string, std::string>{{"in/a", "1"}, {"in/b/c", "2"}, {"inner", "no"}, {"out/a", "1"}, {"out/b/c", "2"}});
  MustRun(NewCopy(Opened(storage, "memory:inner", "inner"), Opened(storage, "memory:one", "one/"), {}));
  CHECK(Contents(*storage).at("one/inner") == "no");
  MustRun(NewCopy(Opened(storage, "memory:inner", "inner"), Opened(storage, "memory:other", "other/name"), {}));
  CHECK(Contents(*storage).at("other/name") == "no");
  Result<std::unique_ptr<IRun>> same = NewCopy(Opened(storage, "memory:in", "in/"), Opened(storage, "memory:in", "in"), {});
  REQUIRE(same.ok());
  CHECK(Finish(**same).code() == Code::kInvalidArgument);
}

TEST_CASE("verify names what is missing, different and extra") {
  Pair pair;
  for (const char* key : {"same", "missing", "size", "bytes"}) PutText(*pair.source, key, "text");
  PutText(*pair.destination, "same", "text");
  PutText(*pair.destination, "size", "texts");
  PutText(*pair.destination, "bytes", "tExt");
  PutText(*pair.destination, "extra", "text");
  for (const VerifyMode mode : {VerifyMode::kChecksum, VerifyMode::kFull}) {
    CopyPlan plan;
    plan.verify = mode;
    const Progress progress = MustRun(pair.Compare(plan));
    CHECK(Count(progress, Outcome::kVerified) == 1);
    CHECK(Count(progress, Outcome::kMissingAtDestination) == 1);
    CHECK(Count(progress, Outcome::kDifferent) == 2);
    CHECK(progress.extra == 1);
  }
  CopyPlan plan;
  plan.verify = VerifyMode::kSize;
  CHECK(Count(MustRun(pair.Compare(plan)), Outcome::kDifferent) == 1);
}

TEST_CASE("a list of keys: missing ones are named, nothing is listed") {
  Pair pair;
  TempFolder folder;
  PutText(*pair.source, "a", "1");
  PutText(*pair.source, "b", "2");
  PutText(*pair.source, "c", "3");
  CopyPlan plan;
  plan.filter.keys_from = folder.path + "/keys";
  REQUIRE(std::system(("printf 'a\\nnot there\\nc\\n' > " + plan.filter.keys_from).c_str()) == 0);
  const Progress progress = MustRun(pair.Copy(plan));
  CHECK(Count(progress, Outcome::kMissing) == 1);
  CHECK(Contents(*pair.destination) == std::map<std::string, std::string>{{"a", "1"}, {"c", "3"}});
  CHECK(pair.from.faults->calls(Operation::kList) == 0);
}

TEST_CASE("a list of keys: of two that are mapped to one the second is refused, whatever it holds, and keeps its source") {
  TempFolder folder;
  for (const bool journal : {false, true}) {
    for (const bool equal : {false, true}) {
      CAPTURE(journal);
      CAPTURE(equal);
      Pair pair;
      PutText(*pair.source, "a/x", "AAAAAAA");
      PutText(*pair.source, "b/x", equal ? "AAAAAAA" : "BBBBBBB");
      const std::map<std::string, std::string> before = Contents(*pair.source);
      CopyPlan plan;
      plan.map = "re:^.*/([^/]*)$=>\\1";
      plan.delete_source = plan.confirmed = true;
      plan.filter.keys_from = folder.path + "/keys";
      REQUIRE(std::system(("printf 'a/x\\nb/x\\n' > " + plan.filter.keys_from).c_str()) == 0);
      for (int run = 0; run < 2; ++run) {  // the second knows what the first has given away
        Progress progress;
        if (journal) {
          Result<std::unique_ptr<MigrationRunner>> runner = MigrationRunner::Open(Opened(pair.from.provider, "memory:source"), Opened(pair.to.provider, "memory:destination"),
                                                                                  {plan, folder.path + (equal ? "/equal.db" : "/other.db")});
          REQUIRE_MESSAGE(runner.ok(), runner.status().ToString());
          progress = MustRun((*runner)->Copy());
        } else if (run == 0) {
          progress = MustRun(pair.Copy(plan));
        } else {
          break;
        }
        CHECK(Count(progress, Outcome::kRefused) == 1);
        CHECK(Contents(*pair.source) == std::map<std::string, std::string>{*before.rbegin()});
        CHECK(Contents(*pair.destination) == std::map<std::string, std::string>{{"x", "AAAAAAA"}});
      }
    }
  }
}

TEST_CASE("a list that names a key twice: one object, and one result for it") {
  Pair pair;
  TempFolder folder;
  for (int i = 0; i < 20; ++i) PutText(*pair.source, "k" + std::to_string(i), Pattern(100, static_cast<unsigned>(i)));
  CopyPlan plan;
  plan.filter.keys_from = folder.path + "/keys";
  REQUIRE(std::system(("for i in $(seq 0 19); do printf 'k%s\\nk%s\\n' $i $i; done > " + plan.filter.keys_from).c_str()) == 0);
  const Progress progress = MustRun(pair.Copy(plan));
  CHECK(Count(progress, Outcome::kVerified) + Count(progress, Outcome::kSame) == 40);
  CHECK(Contents(*pair.destination) == Contents(*pair.source));
}

TEST_CASE("a list of keys: size, time and content type leave out, too") {
  struct Way {
    void (*set)(FilterOptions*);
    const char* wanted;
  };
  const Way ways[] = {{[](FilterOptions* f) { f->min_size = 3; }, "large"},
                      {[](FilterOptions* f) { f->max_size = 2; }, "old"},
                      {[](FilterOptions* f) { f->newer_than = Time(std::chrono::seconds(500)); }, "large"},
                      {[](FilterOptions* f) { f->older_than = Time(std::chrono::seconds(500)); }, "old"},
                      {[](FilterOptions* f) { f->content_types = {"image/*"}; }, "large"}};
  for (const Way& way : ways) {
    CAPTURE(&way - ways);
    Pair pair;
    TempFolder folder;
    PutOptions options;
    options.properties.content_type = "text/x-old";
    options.properties.mtime = Time(std::chrono::seconds(100));
    PutText(*pair.source, "old", "1", options);
    options.properties.content_type = "image/x-large";
    options.properties.mtime = Time(std::chrono::seconds(1000));
    PutText(*pair.source, "large", "333", options);
    CopyPlan plan;
    plan.filter.keys_from = folder.path + "/keys";
    way.set(&plan.filter);
    const std::string other = std::string(way.wanted) == "old" ? "large" : "old";
    std::string keys;  // the whole first handful is left out: that is not the end
    for (int i = 0; i < 500; ++i) keys += other + "\n";
    keys += std::string(way.wanted) + "\nnot there\n";
    REQUIRE(std::ofstream(plan.filter.keys_from).write(keys.data(), static_cast<std::streamsize>(keys.size())).flush());
    const Result<Analysis> analysis = Analyse({}, Opened(pair.from.provider, "memory:source"), Opened(pair.to.provider, "memory:destination"), plan);
    REQUIRE_MESSAGE(analysis.ok(), analysis.status().ToString());
    CHECK(analysis->filtered == 500);
    CHECK(analysis->bytes == (other == "old" ? 3 : 1));
    const Progress compared = MustRun(pair.Compare(plan));
    CHECK(Count(compared, Outcome::kMissingAtDestination) == 1);
    for (const bool journaled : {false, true}) {
      CAPTURE(journaled);
      Pair fresh;
      fresh.from = pair.from;
      Progress progress;
      if (journaled) {
        Result<std::unique_ptr<MigrationRunner>> runner =
            MigrationRunner::Open(Opened(fresh.from.provider, "memory:source"), Opened(fresh.to.provider, "memory:destination"), {plan, folder.path + "/j.db"});
        REQUIRE_MESSAGE(runner.ok(), runner.status().ToString());
        progress = MustRun((*runner)->Copy());
      } else {
        progress = MustRun(fresh.Copy(plan));
      }
      CHECK(Count(progress, Outcome::kMissing) == 1);
      CHECK(progress.filtered == 500);
      CHECK(progress.listed == 2);
      CHECK(Contents(*fresh.destination).size() == 1);
      CHECK(Contents(*fresh.destination).contains(way.wanted));
    }
  }
}

TEST_CASE("a list of keys with filters: a dead source is the run's status, and a key that could not be asked for is asked again") {
  TempFolder folder;
  CopyPlan plan;
  plan.filter.keys_from = folder.path + "/keys";
  plan.filter.min_size = 3;
  REQUIRE(std::system(("printf 'large\\nsmall\\n' > " + plan.filter.keys_from).c_str()) == 0);
  for (const bool dead : {true, false}) {
    CAPTURE(dead);
    for (const char* kind : {"plan", "copy", "compare", "migrate"}) {
      CAPTURE(kind);
      Pair pair;
      PutText(*pair.source, "large", "333");
      PutText(*pair.source, "small", "1");
      pair.from.faults->Arm({.sticky = dead, .operation = Operation::kStat});
      const std::string name = kind;
      if (name == "plan") {
        const Result<Analysis> analysis = Analyse({}, Opened(pair.from.provider, "memory:source"), Opened(pair.to.provider, "memory:destination"), plan);
        if (dead) CHECK(analysis.code() == Code::kUnavailable);
        if (!dead) REQUIRE_MESSAGE(analysis.ok(), analysis.status().ToString());
        if (!dead) CHECK(analysis->bytes == 3);
        continue;
      }
      Result<std::unique_ptr<MigrationRunner>> runner = Status(Code::kInternal, "none");
      Result<std::unique_ptr<IRun>> run = name == "copy" ? pair.Copy(plan) : pair.Compare(plan);
      if (name == "migrate") {
        runner = MigrationRunner::Open(Opened(pair.from.provider, "memory:source"), Opened(pair.to.provider, "memory:destination"),
                                       {plan, folder.path + (dead ? "/dead.db" : "/alive.db")});
        REQUIRE_MESSAGE(runner.ok(), runner.status().ToString());
        run = (*runner)->Copy();
      }
      REQUIRE_MESSAGE(run.ok(), run.status().ToString());
      CHECK(Finish(**run).code() == (dead ? Code::kUnavailable : Code::kOk));
      if (dead) continue;
      CHECK(Count((*run)->Snapshot(), Outcome::kFailed) == 0);
      CHECK(Contents(*pair.destination) == (name == "compare" ? std::map<std::string, std::string>{} : std::map<std::string, std::string>{{"large", "333"}}));
    }
  }
}

TEST_CASE("sources are removed only after a verified copy, and archived first where asked") {
  Pair pair;
  ProviderPtr archive = MemoryStorageProvider::Create("memory:archive");
  PutText(*pair.source, "moved", "text");
  PutText(*pair.source, "conflict", "mine");
  PutText(*pair.destination, "conflict", "theirs!");
  CopyPlan plan;
  plan.delete_source = true;
  CHECK_MESSAGE(pair.Copy(plan).code() == Code::kInvalidArgument, "not confirmed");
  plan.confirmed = true;
  plan.archive = "memory:archive";
  CHECK_MESSAGE(pair.Copy(plan).code() == Code::kInvalidArgument, "the archive is not open");
  plan.archive_storage = std::make_shared<OpenedStorage>(Opened(archive, "memory:archive"));
  const Progress progress = MustRun(pair.Copy(plan));
  CHECK(Count(progress, Outcome::kSourceDeleted) == 1);
  CHECK(Contents(*pair.source) == std::map<std::string, std::string>{{"conflict", "mine"}});
  CHECK(Contents(*pair.destination) == std::map<std::string, std::string>{{"conflict", "theirs!"}, {"moved", "text"}});
  CHECK(Contents(*archive) == std::map<std::string, std::string>{{"moved", "text"}});
}

}  // namespace
}  // namespace fileferry
