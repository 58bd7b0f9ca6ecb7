// shapes_test.cc: the same copies between storages that can do less: every way the bytes can take.
#include <atomic>

#include "unit/migrate/shaped.h"
#include "unit/migrate/world.h"

namespace fileferry {
namespace {

struct Shape {
  const char* name;
  void (*apply)(Shaped& source, Shaped& destination);
};

const Shape kShapes[] = {
    {"all that memory can", [](Shaped&, Shaped&) {}},
    {"a source to open, a destination with batches", [](Shaped& s, Shaped& d) { s.caps.server_copy = d.caps.server_copy = false; }},
    {"bodies through memory",
     [](Shaped& s, Shaped& d) {
       s.caps.server_copy = d.caps.server_copy = s.caps.open = d.caps.batch = false;
     }},
    {"bodies pushed into the destination",
     [](Shaped& s, Shaped& d) {
       s.caps.server_copy = d.caps.server_copy = s.caps.open = false;
     }},
    {"listings without order",
     [](Shaped& s, Shaped& d) {
       s.caps.server_copy = d.caps.server_copy = s.caps.sorted_list = d.caps.sorted_list = false;
       s.shuffle = d.shuffle = true;
     }},
    {"listings that break the order they promise",
     [](Shaped& s, Shaped& d) {
       s.caps.server_copy = d.caps.server_copy = false;
       s.shuffle = d.shuffle = true;
     }},
    {"no conditions at all",
     [](Shaped& s, Shaped& d) {
       s.caps.server_copy = d.caps.server_copy = s.caps.open = d.caps.batch = false;
       s.caps.conditional_get = d.caps.conditional_get = d.caps.conditional_put = d.caps.replace_if_match = d.caps.conditional_remove = s.caps.conditional_remove = false;
     }},
    {"no parts",
     [](Shaped& s, Shaped& d) {
       s.caps.server_copy = d.caps.server_copy = d.caps.multipart = false;
     }},
    {"parts inside the service",
     [](Shaped&, Shaped& d) {
       d.caps.batch = false;
       d.caps.max_put_size = 100000;
     }},
};

// Learns with the first write whether it can write conditionally.
class FindsOut final : public Shaped {
 public:
  FindsOut(ProviderPtr inner, bool can) : Shaped(std::move(inner)), can_(can) {}
  Result<ObjectInfo> Put(const OpContext& ctx, std::string_view key, ISource& body, const PutOptions& options) override {
    if (options.if_absent && !can_) {
      ++refusals;
      return Status(Code::kUnsupported, "it cannot");
    }
    return Shaped::Put(ctx, key, body, options);
  }
  std::atomic<int> refusals{0};

 private:
  const bool can_;
};

TEST_CASE("every way the bytes can take gives the same objects") {
  for (const Shape& shape : kShapes) {
    CAPTURE(shape.name);
    ProviderPtr from = MemoryStorageProvider::Create("memory:source"), to = MemoryStorageProvider::Create("memory:destination");
    auto source = std::make_shared<Shaped>(from);
    auto destination = std::make_shared<Shaped>(to);
    for (unsigned i = 0; i < 120; ++i) PutText(*source, "k" + std::to_string(i), Pattern(i * 37, i));
    PutText(*source, "middle", Pattern(2u << 20, 7));
    PutText(*source, "large", Pattern((5u << 20) + 1, 8));
    PutOptions typed;
    typed.properties.content_type = "text/x-odd";
    typed.properties.metadata["a"] = "b";
    PutText(*source, "typed", "t", typed);
    PutText(*destination, "k3", "something else");
    PutText(*destination, "k5", Pattern(5 * 37, 5));
    PutText(*destination, "zzz", "extra");
    shape.apply(*source, *destination);
    CopyPlan plan;
    plan.tuning.multipart_threshold = 3u << 20;
    plan.tuning.part_size = 1u << 20;
    const Progress first = MustRun(NewCopy(Opened(source, "memory:source"), Opened(destination, "memory:destination"), plan));
    CHECK(Count(first, Outcome::kConflict) == 1);
    CHECK(Count(first, Outcome::kSame) + Count(first, Outcome::kSameByTime) == 1);
    CHECK(Count(first, Outcome::kCopied) + Count(first, Outcome::kVerified) == 121);
    std::map<std::string, std::string> expected = Contents(*from);
    expected["k3"] = "something else";
    expected["zzz"] = "extra";
    CHECK(Contents(*to) == expected);
    const Result<ObjectInfo> info = destination->Stat({}, "typed");
    REQUIRE(info.ok());
    CHECK(info->properties.content_type == "text/x-odd");
    CHECK(info->properties.metadata == std::map<std::string, std::string>{{"a", "b"}});

    plan.overwrite = Overwrite::kChanged;
    const Progress second = MustRun(NewCopy(Opened(source, "memory:source"), Opened(destination, "memory:destination"), plan));
    CHECK(Count(second, Outcome::kConflict) == 0);
    CHECK(Count(second, Outcome::kSame) + Count(second, Outcome::kSameByTime) == 122);
    expected["k3"] = Contents(*from)["k3"];
    CHECK(Contents(*to) == expected);
  }
}

TEST_CASE("a writer that comes in between keeps its bytes") {
  for (const bool batch : {true, false}) {
    CAPTURE(batch);
    auto source = std::make_shared<Shaped>(MemoryStorageProvider::Create("memory:source"));
    ProviderPtr real = MemoryStorageProvider::Create("memory:destination");
    auto destination = std::make_shared<Shaped>(real);
    source->caps.server_copy = destination->caps.server_copy = false;
    destination->caps.batch = batch;
    for (unsigned i = 0; i < 50; ++i) PutText(*source, "k" + std::to_string(i), "old " + std::to_string(i));
    PutText(*source, "large", Pattern(300000, 1));
    destination->OnCall([&](Operation operation, const std::string& key) {
      if (operation == Operation::kPut && key == "k7") (void)WriteAll(*real, {}, "k7", "the writer's");
      if (operation == Operation::kPut && key == "k8") (void)WriteAll(*real, {}, "k8", "old 8");  // the same bytes
      if (operation == Operation::kCompleteUpload) (void)WriteAll(*real, {}, "large", "the writer's too");
      return Status();
    });
    const Progress progress = MustRun(NewCopy(Opened(source, "memory:source"), Opened(destination, "memory:destination"), SmallParts()));
    CHECK(Count(progress, Outcome::kConflict) == 2);
    CHECK(Count(progress, Outcome::kSame) == 1);
    const std::map<std::string, std::string> there = Contents(*real);
    CHECK(there.at("k7") == "the writer's");
    CHECK(there.at("large") == "the writer's too");
    CHECK(there.size() == 51);
    const Result<UploadPage> open = real->ListUploads({}, "", "");
    REQUIRE(open.ok());
    CHECK(open->entries.empty());
  }
}

TEST_CASE("a storage that finds out by itself whether it can write conditionally: no look before each key where it can, one where it cannot") {
  for (bool can : {true, false}) {
    CAPTURE(can);
    ProviderPtr real = MemoryStorageProvider::Create("memory:destination");
    auto source = std::make_shared<Shaped>(MemoryStorageProvider::Create("memory:source"));
    auto destination = std::make_shared<FindsOut>(real, can);
    source->caps.server_copy = destination->caps.server_copy = destination->caps.batch = false;
    destination->caps.conditional_put = false;
    destination->caps.conditional_put_unknown = true;
    for (unsigned i = 0; i < 200; ++i) PutText(*source, "k" + std::to_string(i), "old " + std::to_string(i));
    std::atomic<int> looks{0};
    destination->OnCall([&](Operation operation, const std::string& key) {
      if (operation == Operation::kStat && key != "k7") ++looks;
      if (operation == (can ? Operation::kPut : Operation::kStat) && key == "k7") (void)WriteAll(*real, {}, "k7", "the writer's");
      return Status();
    });
    const Progress progress = MustRun(NewCopy(Opened(source, "memory:source"), Opened(destination, "memory:destination"), SmallParts()));
    CHECK(Count(progress, Outcome::kConflict) == 1);
    CHECK(Contents(*real).at("k7") == "the writer's");
    CHECK(Contents(*real).size() == 200);
    CHECK(looks == (can ? 0 : 199));
    CHECK(destination->refusals <= (can ? 0 : 64));
  }
}

TEST_CASE("sources that vanish, change and are damaged while they are read") {
  ProviderPtr real = MemoryStorageProvider::Create("memory:source");
  auto source = std::make_shared<Shaped>(real);
  auto destination = std::make_shared<Shaped>(MemoryStorageProvider::Create("memory:destination"));
  source->caps.server_copy = destination->caps.server_copy = source->caps.open = false;
  for (const char* key : {"vanishes", "stays", "changes", "damaged"}) PutText(*real, key, Pattern(100000, 3));
  source->OnCall([&](Operation operation, const std::string& key) {
    if (operation != Operation::kGet) return Status();
    if (key == "vanishes") (void)real->Remove({}, key, {});
    if (key == "changes") (void)WriteAll(*real, {}, key, "short now");
    if (key == "damaged") return Status(Code::kIntegrity, "the bytes are not those that were stored");
    return Status();
  });
  Result<std::unique_ptr<IRun>> run = NewCopy(Opened(source, "memory:source"), Opened(destination, "memory:destination"), {});
  REQUIRE(run.ok());
  CHECK(Finish(**run).ok());
  const Progress progress = (*run)->Snapshot();
  CHECK(Count(progress, Outcome::kVanished) == 1);
  CHECK(Count(progress, Outcome::kCorrupt) == 1);
  CHECK(ExitStatusOf(**run) == 1);
  CHECK(Contents(*destination) == std::map<std::string, std::string>{{"changes", "short now"}, {"stays", Pattern(100000, 3)}});
}

TEST_CASE("a storage that has failed for good stops the run with its reason") {
  auto source = std::make_shared<Shaped>(MemoryStorageProvider::Create("memory:source"));
  auto destination = std::make_shared<Shaped>(MemoryStorageProvider::Create("memory:destination"));
  source->caps.server_copy = destination->caps.server_copy = false;
  destination->caps.batch = false;
  for (unsigned i = 0; i < 2000; ++i) PutText(*source, "k" + std::to_string(i), "text");
  std::atomic<int> puts{0};
  const auto with = [&](Status failure, int from) {
    puts = 0;
    destination->OnCall([&puts, failure, from](Operation operation, const std::string&) {
      return operation == Operation::kPut && ++puts > from ? failure : Status();
    });
    Result<std::unique_ptr<IRun>> run = NewCopy(Opened(source, "memory:source"), Opened(destination, "memory:destination"), {});
    REQUIRE(run.ok());
    const Status status = Finish(**run);
    CHECK(ExitStatusOf(**run) == CodeExitStatus(failure.code()));
    return status.code();
  };
  CHECK(with(Status(Code::kQuotaExceeded, "full"), 100) == Code::kQuotaExceeded);
  CHECK(puts < 200);
  CHECK(with(Status(Code::kUnauthenticated, "who are you"), 0) == Code::kUnauthenticated);
  CHECK(puts <= 17);
  CHECK(with(Status(Code::kPermissionDenied, "no"), 0) == Code::kPermissionDenied);
  CHECK(with(Status(Code::kUnavailable, "down"), 50) == Code::kUnavailable);
  CHECK(puts < 200);
}

TEST_CASE("a few failures get another pass") {
  auto source = std::make_shared<Shaped>(MemoryStorageProvider::Create("memory:source"));
  auto destination = std::make_shared<Shaped>(MemoryStorageProvider::Create("memory:destination"));
  source->caps.server_copy = destination->caps.server_copy = false;
  for (unsigned i = 0; i < 200; ++i) PutText(*source, "k" + std::to_string(i), "text");
  PutText(*source, "large", Pattern(500000, 9));
  std::mutex mutex;
  std::map<std::string, int> tries;
  destination->OnCall([&](Operation operation, const std::string& key) {
    std::lock_guard lock(mutex);
    const bool body = operation == Operation::kPut || operation == Operation::kUploadPart;
    const bool unlucky = key == "k17" || key == "k99" || key == "large";
    return body && unlucky && ++tries[key] <= 2 ? Status(Code::kUnavailable, "try again") : Status();
  });
  const Progress progress = MustRun(NewCopy(Opened(source, "memory:source"), Opened(destination, "memory:destination"), SmallParts()));
  CHECK(Count(progress, Outcome::kFailed) == 0);
  CHECK(Contents(*destination) == Contents(*source));
}

TEST_CASE("cancelling ends soon and leaves no upload") {
  auto source = std::make_shared<Shaped>(MemoryStorageProvider::Create("memory:source"));
  auto destination = std::make_shared<Shaped>(MemoryStorageProvider::Create("memory:destination"));
  source->caps.server_copy = destination->caps.server_copy = false;
  for (unsigned i = 0; i < 3000; ++i) PutText(*source, "k" + std::to_string(i), "text");
  PutText(*source, "a large one", Pattern(4000000, 9));
  std::atomic<int> calls{0};
  destination->OnCall([&](Operation operation, const std::string&) {
    if (operation == Operation::kPut || operation == Operation::kUploadPart) {
      ++calls;
      ::usleep(2000);
    }
    return Status();
  });
  Result<std::unique_ptr<IRun>> run = NewCopy(Opened(source, "memory:source"), Opened(destination, "memory:destination"), SmallParts());
  REQUIRE(run.ok());
  REQUIRE((*run)->Start().ok());
  while (calls < 40) ::usleep(1000);
  const auto before = std::chrono::steady_clock::now();
  (*run)->Cancel();
  REQUIRE((*run)->Wait(std::chrono::seconds(5)));
  CHECK(std::chrono::steady_clock::now() - before < std::chrono::seconds(2));
  CHECK((*run)->Result().code() == Code::kCancelled);
  CHECK(ExitStatusOf(**run) == 4);
  const Result<UploadPage> open = destination->ListUploads({}, "", "");
  REQUIRE(open.ok());
  CHECK(open->entries.empty());
  const std::map<std::string, std::string> all = Contents(*source);
  for (const auto& [key, text] : Contents(*destination)) CHECK(all.at(key) == text);
}

TEST_CASE("where versions are kept, a rollback removes the version that was written and no other") {
  class Versioned final : public Shaped {
   public:
    using Shaped::Shaped;
    Result<ObjectInfo> Stat(const OpContext& ctx, std::string_view key) override { return Of(key, Shaped::Stat(ctx, key)); }
    Result<ObjectInfo> Put(const OpContext& ctx, std::string_view key, ISource& source, const PutOptions& options) override {
      return Of(key, Shaped::Put(ctx, key, source, options));
    }
    Status Remove(const OpContext& ctx, std::string_view key, const RemoveOptions& options) override {
      removed.push_back(options.version_id);
      return Shaped::Remove(ctx, key, {});
    }
    std::vector<std::string> removed;

   private:
    static Result<ObjectInfo> Of(std::string_view key, Result<ObjectInfo> info) {
      if (info.ok()) info->version_id = "version of " + std::string(key);
      return info;
    }
  };
  TempFolder folder;
  const OpenedStorage from = Opened(MemoryStorageProvider::Create("m:"), "m:");
  auto to = std::make_shared<Versioned>(MemoryStorageProvider::Create("n:"));
  to->caps.batch = to->caps.server_copy = false;
  to->caps.versions = true;
  PutText(*from.provider, "k", "bytes");
  Result<std::unique_ptr<MigrationRunner>> runner = MigrationRunner::Open(from, Opened(to, "n:"), {CopyPlan{}, folder.path + "/j.db"});
  REQUIRE_MESSAGE(runner.ok(), runner.status().ToString());
  CHECK(Count(MustRun((*runner)->Copy()), Outcome::kVerified) == 1);
  CHECK(Count(MustRun((*runner)->Rollback()), Outcome::kRolledBack) == 1);
  CHECK(to->removed == std::vector<std::string>{"version of k"});
}

}  // namespace
}  // namespace fileferry
