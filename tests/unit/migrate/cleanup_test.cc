// cleanup_test.cc: what is swept from the trash, and what a rollback does then.
#include "shaped.h"
#include "world.h"

using namespace fileferry;

namespace {

struct Replaced {
  TempFolder folder;
  ProviderPtr from = MemoryStorageProvider::Create("from:"), to = MemoryStorageProvider::Create("to:");
  std::unique_ptr<MigrationRunner> runner;

  Replaced() {
    PutText(*from, "new", "new");
    PutText(*from, "replaced", "source");
    PutText(*to, "replaced", "theirs");
    MigrationRunner::Options options{CopyPlan(), folder.path + "/j.db"};
    options.plan.overwrite = Overwrite::kChanged;
    Result<std::unique_ptr<MigrationRunner>> opened = MigrationRunner::Open(Opened(from, "from:"), Opened(to, "to:"), options);
    REQUIRE_MESSAGE(opened.ok(), opened.status().ToString());
    runner = std::move(*opened);
    MustRun(runner->Copy());
    REQUIRE(InTrash() == 1);
  }
  std::size_t InTrash() {
    std::size_t count = 0;
    for (const auto& [key, text] : Contents(*to)) count += key.starts_with(".fileferry/trash/") ? 1 : 0;
    return count;
  }
};

}  // namespace

TEST_CASE("cleanup alone, and with an age that nothing has reached, leaves the trash: rollback puts back") {
  Replaced world;
  MustRun(world.runner->Cleanup());
  CHECK(world.InTrash() == 1);
  MustRun(world.runner->Cleanup(std::chrono::hours(1)));
  CHECK(world.InTrash() == 1);
  MustRun(world.runner->Rollback());
  CHECK(Contents(*world.to) == std::map<std::string, std::string>{{"replaced", "theirs"}});
}

TEST_CASE("what was swept cannot be put back: a rollback leaves the object alone and says so") {
  Replaced world;
  const Progress swept = MustRun(world.runner->Cleanup(std::chrono::seconds(0)));
  CHECK(world.InTrash() == 0);
  CHECK(Count(swept, Outcome::kVerified) == 2);  // nothing else has changed
  CHECK(swept.errors == 0);
  CHECK(Contents(*world.to) == std::map<std::string, std::string>{{"new", "new"}, {"replaced", "source"}});
  CHECK(Count(MustRun(world.runner->Verify(VerifyMode::kChecksum)), Outcome::kVerified) == 2);
  Result<std::unique_ptr<IRun>> rollback = world.runner->Rollback();
  REQUIRE(rollback.ok());
  CHECK(Finish(**rollback).ok());
  const Progress progress = (*rollback)->Snapshot();
  CHECK(Count(progress, Outcome::kRolledBack) == 1);
  CHECK(Count(progress, Outcome::kConflict) == 1);
  CHECK(Contents(*world.to) == std::map<std::string, std::string>{{"replaced", "source"}});
}

TEST_CASE("an object of the trash that cannot be removed is named, and stays") {
  Replaced world;
  auto stuck = std::make_shared<Shaped>(world.to);
  stuck->OnCall([](Operation operation, const std::string&) { return operation == Operation::kRemove ? Status(Code::kPermissionDenied, "not yours") : Status(); });
  world.runner.reset();
  MigrationRunner::Options options{CopyPlan(), world.folder.path + "/j.db"};
  Result<std::unique_ptr<MigrationRunner>> runner = MigrationRunner::Open(Opened(world.from, "from:"), Opened(stuck, "to:"), options);
  REQUIRE_MESSAGE(runner.ok(), runner.status().ToString());
  Result<std::unique_ptr<IRun>> run = (*runner)->Cleanup(std::chrono::seconds(0));
  REQUIRE(run.ok());
  CHECK(Finish(**run).ok());
  CHECK((*run)->Snapshot().errors == 1);
  CHECK(world.InTrash() == 1);
  CHECK(Count((*run)->Snapshot(), Outcome::kVerified) == 2);
}

namespace {

// A service whose conditional copies are made of an upload in parts; the process dies while one is under way.
class CutOff : public Shaped {
 public:
  using Shaped::Shaped;
  Result<ObjectInfo> CopyFrom(const OpContext& ctx, const Location& from, std::string_view to, const CopyOptions& options) override {
    if (run == nullptr) return Shaped::CopyFrom(ctx, from, to, options);
    REQUIRE(options.uploads != nullptr);
    REQUIRE(options.uploads->Asked().ok());
    UploadOptions upload;
    upload.attempt_id = options.attempt_id;
    Result<std::string> id = CreateUpload(ctx, to, upload);
    REQUIRE_MESSAGE(id.ok(), id.status().ToString());
    if (knows_id) {
      REQUIRE(options.uploads->Opened(*id, false).ok());
      const std::unique_ptr<ISource> part = MemorySource(AsBytes("bytes"));
      REQUIRE(UploadPart(ctx, to, *id, {1, 0, 5}, *part).ok());
    }
    run->Cancel();
    return Status(Code::kCancelled, "killed");
  }
  IRun* run = nullptr;
  bool knows_id = true;
};

}  // namespace

TEST_CASE("an upload that a copy inside a service was made of is aborted after a kill, by whichever run comes next") {
  for (const bool knows_id : {true, false}) {
    for (const char* next : {"migrate", "cleanup", "rollback"}) {
      CAPTURE(knows_id);
      CAPTURE(next);
      TempFolder folder;
      const auto service = std::make_shared<CutOff>(MemoryStorageProvider::Create("m:"));
      service->caps.batch = false;
      service->knows_id = knows_id;
      PutText(*service, "from/a", "bytes");
      CopyPlan plan;
      plan.transfers = 1;
      const auto open = [&] {
        Result<std::unique_ptr<MigrationRunner>> runner = MigrationRunner::Open(Opened(service, "m:from", "from/"), Opened(service, "m:to", "to/"), {plan, folder.path + "/j.db"});
        REQUIRE_MESSAGE(runner.ok(), runner.status().ToString());
        return std::move(*runner);
      };
      const auto uploads = [&] {
        const Result<UploadPage> page = service->ListUploads({}, "", "");
        REQUIRE(page.ok());
        return page->entries.size();
      };
      for (int killed = 1; killed <= 2; ++killed) {
        auto runner = open();
        Result<std::unique_ptr<IRun>> run = runner->Copy();
        REQUIRE(run.ok());
        service->run = run->get();
        CHECK(Finish(**run).code() == Code::kCancelled);
        service->run = nullptr;
        CHECK(uploads() == static_cast<std::size_t>(knows_id ? 1 : killed));
      }
      const std::string_view what = next;
      auto runner = open();
      const Progress progress = MustRun(what == "migrate" ? runner->Copy() : what == "cleanup" ? runner->Cleanup() : runner->Rollback());
      CHECK(uploads() == 0);
      if (what == "migrate") CHECK(Count(progress, Outcome::kVerified) == 1);
    }
  }
}
