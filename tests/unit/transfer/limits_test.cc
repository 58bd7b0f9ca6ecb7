// limits_test.cc: --bwlimit, --window, --delay and --limit of a run, by a clock of the test's own.
#include <time.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "base/clock.h"
#include "transfer/merge.h"
#include "transfer/run.h"
#include "unit/migrate/world.h"

using namespace fileferry;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

// Time passes only where somebody sleeps, or the test says so.
class TestClock : public IClock {
 public:
  explicit TestClock(Time now) : begin_(now), now_(now) { SetClock(this); }
  ~TestClock() { SetClock(nullptr); }
  Time Now() override {
    std::lock_guard lock(mutex_);
    return now_;
  }
  OpContext::Clock::time_point SteadyNow() override { return steady_ + (Now() - begin_); }
  Status Sleep(const OpContext& ctx, milliseconds time) override {
    Pass(time);
    {
      std::lock_guard lock(mutex_);
      longest_ = std::max(longest_, time);
      slept_ += time >= seconds(1) ? 1 : 0;
    }
    std::this_thread::sleep_for(real_.load());
    return ctx.Check();
  }
  double RandomUnit() override { return 0.5; }
  void Slow(milliseconds real) { real_ = real; }  // each sleep takes so much of the test's own time
  void Pass(milliseconds time) {
    std::lock_guard lock(mutex_);
    now_ += time;
  }
  int long_sleeps() const { return slept_; }
  milliseconds longest() const { return longest_; }

 private:
  std::mutex mutex_;
  const OpContext::Clock::time_point steady_ = OpContext::Clock::now();
  const Time begin_;
  Time now_;
  int slept_ = 0;
  milliseconds longest_{0};
  std::atomic<milliseconds> real_{milliseconds(0)};
};

// Local clocks show UTC.
struct Utc {
  Utc() {
    if (const char* zone = std::getenv("TZ")) before_ = zone;
    ::setenv("TZ", "UTC", 1);
    ::tzset();
  }
  ~Utc() {
    before_.empty() ? ::unsetenv("TZ") : ::setenv("TZ", before_.c_str(), 1);
    ::tzset();
  }
  std::string before_;
};

Time At(int hour, int minute = 0) { return Time(std::chrono::hours(24 * 20000 + hour) + std::chrono::minutes(minute)); }

struct Limited {
  ProviderPtr from = MemoryStorageProvider::Create("from:"), to = MemoryStorageProvider::Create("to:");

  void Fill(int objects, std::size_t size) {
    for (int i = 0; i < objects; ++i) PutText(*from, "k" + std::to_string(i), std::string(size, 'x'));
  }
  std::unique_ptr<Run> Copy(const CopyPlan& plan) {
    Result<std::unique_ptr<Run>> run = Run::Create(plan, [this](Run& self) -> Status {
      Setup setup;
      setup.plan = self.plan();
      setup.source.provider = from;
      setup.source.caps = from->Caps();
      setup.destination.provider = to;
      setup.destination.caps = to->Caps();
      NoRecorder recorder("test");
      setup.recorder = &recorder;
      self.Throttle(&setup.source, &setup.destination, false);
      Result<std::unique_ptr<Rules>> rules = Rules::Compile(setup.plan);
      if (!rules.ok()) return rules.status();
      MergeSupply supply(setup.source, setup.destination, **rules, {}, self.board(), {});
      return self.Work(setup, supply, "copying", setup.plan.transfers);
    });
    REQUIRE_MESSAGE(run.ok(), run.status().ToString());
    return std::move(*run);
  }
};

void MustEnd(Run& run) {
  const Status status = Finish(run);
  CHECK_MESSAGE(status.ok(), status.ToString());
}

bool WaitForPhase(Run& run, const std::string& begin) {
  for (int i = 0; i < 500; ++i) {
    if (run.Snapshot().phase.starts_with(begin)) return true;
    if (run.Wait(milliseconds(10))) return false;
  }
  return false;
}

}  // namespace

TEST_CASE("--bwlimit: the bytes take their time, with many transfers as with one") {
  Utc utc;
  for (const int transfers : {1, 8}) {
    CAPTURE(transfers);
    TestClock clock(At(12));
    Limited limited;
    limited.Fill(20, 50 << 10);  // 1000 KiB
    CopyPlan plan;
    plan.bwlimit = "100k";
    plan.transfers = transfers;
    std::unique_ptr<Run> run = limited.Copy(plan);
    MustEnd(*run);
    const auto took = clock.Now() - At(12);
    CHECK(took > seconds(9));
    CHECK(took < seconds(12));
    CHECK(Contents(*limited.to).size() == 20);
  }
}

TEST_CASE("--bwlimit by a timetable: the rate changes while the run works") {
  Utc utc;
  TestClock clock(At(7, 59) + seconds(50));
  clock.Slow(milliseconds(2));  // the run looks at the clock five times a second
  Limited limited;
  limited.Fill(40, 50 << 10);  // 2000 KiB: 10 s at 10 KiB/s, then no limit
  CopyPlan plan;
  plan.bwlimit = "00:00,10k 08:00,off";
  plan.transfers = 2;
  std::unique_ptr<Run> run = limited.Copy(plan);
  MustEnd(*run);
  const auto took = clock.Now() - (At(7, 59) + seconds(50));
  CHECK(took >= seconds(9));
  CHECK(took < seconds(150));  // 200 s at the first rate
}

TEST_CASE("--window: outside nothing moves, and the phase says when it will") {
  Utc utc;
  TestClock clock(At(12));
  Limited limited;
  limited.Fill(20, 100);
  CopyPlan plan;
  plan.window = "22:00-06:00";
  std::unique_ptr<Run> run = limited.Copy(plan);
  REQUIRE(run->Start().ok());
  REQUIRE(WaitForPhase(*run, "paused until 22:00"));
  CHECK_FALSE(run->Wait(milliseconds(300)));
  CHECK(Contents(*limited.to).empty());
  clock.Pass(std::chrono::hours(10));
  REQUIRE(run->Wait(seconds(20)));
  CHECK(run->Result().ok());
  CHECK(Contents(*limited.to).size() == 20);
}

TEST_CASE("a run that is paused outside of its window can still be cancelled") {
  Utc utc;
  TestClock clock(At(12));
  Limited limited;
  limited.Fill(20, 100);
  CopyPlan plan;
  plan.window = "22:00-06:00";
  std::unique_ptr<Run> run = limited.Copy(plan);
  REQUIRE(run->Start().ok());
  REQUIRE(WaitForPhase(*run, "paused until"));
  run->Cancel();
  REQUIRE(run->Wait(seconds(20)));
  CHECK(run->Result().code() == Code::kCancelled);
  CHECK(Contents(*limited.to).empty());
}

TEST_CASE("--delay: a rest after each batch, not after each object") {
  TestClock clock(At(12));
  Limited limited;
  limited.Fill(23, 100);
  CopyPlan plan;
  plan.batch_size = 5;
  plan.delay = seconds(30);
  std::unique_ptr<Run> run = limited.Copy(plan);
  MustEnd(*run);
  CHECK(Contents(*limited.to).size() == 23);
  CHECK(clock.long_sleeps() == 4);
  CHECK(clock.longest() == seconds(30));
}

TEST_CASE("--limit counts what is moved, not what is there already") {
  Limited limited;
  limited.Fill(20, 100);
  CopyPlan plan;
  plan.limit = 7;
  std::unique_ptr<Run> first = limited.Copy(plan);
  MustEnd(*first);
  CHECK(Contents(*limited.to).size() == 7);
  std::unique_ptr<Run> second = limited.Copy(plan);
  MustEnd(*second);
  CHECK(Contents(*limited.to).size() == 14);
}
