// throttled_test.cc: storages that ask for less.
#include <atomic>

#include "base/clock.h"
#include "unit/migrate/shaped.h"
#include "unit/migrate/world.h"

using namespace fileferry;

namespace {

// Time goes by faster: ten seconds a look.
class FastClock : public IClock {
 public:
  Time Now() override { return Time(std::chrono::seconds(1700000000)); }
  OpContext::Clock::time_point SteadyNow() override { return OpContext::Clock::time_point(std::chrono::seconds(10 * ++looks_)); }
  Status Sleep(const OpContext&, std::chrono::milliseconds) override { return {}; }
  double RandomUnit() override { return 0.5; }

 private:
  std::atomic<int> looks_{0};
};

struct Throttled {
  Throttled() {
    for (int i = 0; i < 200; ++i) PutText(*from, "k" + std::to_string(i), "text");
    to->caps.server_copy = to->caps.batch = false;
    to->OnCall([this](Operation operation, const std::string&) {
      if (operation != Operation::kPut) return Status();
      return ++puts <= refused ? Status(Code::kRateLimited, "slow down") : Status();
    });
  }
  ProviderPtr from = MemoryStorageProvider::Create("from:"), memory = MemoryStorageProvider::Create("to:");
  std::shared_ptr<Shaped> to = std::make_shared<Shaped>(memory);
  std::atomic<int> puts{0};
  int refused = 0;
};

}  // namespace

TEST_CASE("a storage that asks for less for a while does not end the run") {
  Throttled world;
  world.refused = 150;
  CopyPlan plan;
  const Progress progress = MustRun(NewCopy(Opened(world.from, "from:"), Opened(world.to, "to:"), plan));
  CHECK(Count(progress, Outcome::kVerified) == 200);
  CHECK(Contents(*world.memory) == Contents(*world.from));
}

TEST_CASE("a storage that lets nothing through ends the run, after a while") {
  Throttled world;
  world.refused = 1 << 30;
  FastClock clock;
  SetClock(&clock);
  Result<std::unique_ptr<IRun>> run = NewCopy(Opened(world.from, "from:"), Opened(world.to, "to:"), {});
  REQUIRE(run.ok());
  const Status status = Finish(**run);
  run->reset();
  SetClock(nullptr);
  CHECK(status.code() == Code::kRateLimited);
  CHECK(CodeExitStatus(status.code()) == 3);
  CHECK(world.puts < 200);
}
