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
