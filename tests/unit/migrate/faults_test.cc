// faults_test.cc: every call of a migration fails once, and from then on, in every way; afterwards nothing is lost, doubled or torn, and the next run finishes.
#include "base/sys.h"
#include "unit/migrate/shaped.h"
#include "unit/migrate/world.h"

namespace fileferry {
namespace {

using testing::FaultKind;
using testing::FaultPlan;

struct Scenario {
  TempFolder folder;
  ProviderPtr from = MemoryStorageProvider::Create("memory:source"), to = MemoryStorageProvider::Create("memory:destination");
  std::shared_ptr<Shaped> source = std::make_shared<Shaped>(from), destination = std::make_shared<Shaped>(to);
  Counted here{source}, there{destination};
  MigrationRunner::Options options;
  std::map<std::string, std::string> before_from, before_to;

  explicit Scenario(bool batch) {
    source->caps.server_copy = destination->caps.server_copy = false;
    destination->caps.batch = batch;
    options.journal = folder.path + "/j.db";
    options.plan = SmallParts();
    options.plan.overwrite = Overwrite::kChanged;
    options.plan.transfers = 2;
    for (unsigned i = 0; i < 20; ++i) PutText(*from, "k" + std::to_string(i), Pattern(50 + i, i));
    PutText(*from, "large", Pattern(100000, 50));
    PutText(*to, "k4", "theirs");
    PutText(*to, "k5", Pattern(55, 5));
    before_from = Contents(*from);
    before_to = Contents(*to);
  }
  // False: the run could not be made, or did not end well.
  bool Try(bool rollback) {
    Result<std::unique_ptr<MigrationRunner>> runner = MigrationRunner::Open(Opened(here.provider, "memory:source"), Opened(there.provider, "memory:destination"), options);
    if (!runner.ok()) return false;
    Result<std::unique_ptr<IRun>> run = rollback ? (*runner)->Rollback() : (*runner)->Copy();
    if (!run.ok() || !(*run)->Start().ok()) return false;
    REQUIRE_MESSAGE((*run)->Wait(std::chrono::seconds(60)), "a run hangs");
    return ExitStatusOf(**run) == 0;
  }
  // What holds after every run, failed or not.
  void CheckNothingLost(const char* when) {
    CAPTURE(when);
    CHECK(Contents(*from) == before_from);
    const std::map<std::string, std::string> now = Contents(*to);
    for (const auto& each : now) {
      const std::string &key = each.first, &text = each.second;
      if (key.starts_with(".fileferry/")) continue;
      const auto source_text = before_from.find(key);
      const bool ours = source_text != before_from.end() && source_text->second == text;
      const auto old = before_to.find(key);
      CHECK_MESSAGE((ours || (old != before_to.end() && old->second == text)), key);
    }
    for (const auto& [key, text] : before_to) CHECK(now.count(key) == 1);
  }
  void CheckDone() {
    std::map<std::string, std::string> now = Contents(*to);
    std::erase_if(now, [](const auto& each) { return each.first.starts_with(".fileferry/"); });
    CHECK(now == before_from);
    const Result<UploadPage> open = to->ListUploads({}, "", "");
    REQUIRE(open.ok());
    CHECK(open->entries.empty());
  }
};

int Sweep(bool batch, bool at_source, FaultPlan plan, bool in_rollback) {
  int runs = 0;
  for (std::uint64_t k = 1;; ++k) {
    Scenario scenario(batch);
    CAPTURE(batch);
    CAPTURE(at_source);
    CAPTURE(static_cast<int>(plan.kind));
    CAPTURE(plan.sticky);
    CAPTURE(in_rollback);
    CAPTURE(k);
    plan.at = k;
    testing::Faults& faults = at_source ? *scenario.here.faults : *scenario.there.faults;
    if (in_rollback) REQUIRE(scenario.Try(false));
    faults.Arm(plan);
    const bool well = scenario.Try(in_rollback);
    const bool reached = faults.reached() > 0;
    faults.Disarm();
    ++runs;
    scenario.CheckNothingLost("after the fault");
    if (well && !in_rollback) scenario.CheckDone();
    if (!in_rollback) {
      CHECK_MESSAGE(scenario.Try(false), "the next run finishes");
      scenario.CheckDone();
    }
    CHECK_MESSAGE(scenario.Try(true), "and can be taken back");
    CHECK(Contents(*scenario.to) == scenario.before_to);
    CHECK(Contents(*scenario.from) == scenario.before_from);
    if (!reached) return runs;
  }
}

TEST_CASE("every call fails once and for good, in copies and rollbacks") {
  int runs = 0;
  for (const bool at_source : {false, true}) {
    for (const FaultKind kind : {FaultKind::kError, FaultKind::kLostAnswer, FaultKind::kCutBody, FaultKind::kShort, FaultKind::kFlipBit, FaultKind::kNoSpace}) {
      for (const bool sticky : {false, true}) {
        FaultPlan plan;
        plan.kind = kind;
        if (at_source && kind == FaultKind::kNoSpace) {  // no write there, but a device may say so to a reader
          plan.kind = FaultKind::kError;
          plan.code = Code::kQuotaExceeded;
        }
        plan.sticky = sticky;
        plan.at_byte = 13;
        runs += Sweep(sticky, at_source, plan, false);
        if (kind == FaultKind::kError || kind == FaultKind::kLostAnswer) runs += Sweep(!sticky, at_source, plan, true);
      }
    }
  }
  MESSAGE("runs with a fault: ", runs);
  CHECK(runs > 500);
}

struct FailAt : sys::IFaultHook {
  std::atomic<int> seen{0};
  int at = 0, error = 0;
  bool sticky = false;
  sys::Verdict OnCall(const sys::Site& site) override {
    if (std::string_view(site.call).substr(0, 6) != "sqlite") return {};
    const int now = ++seen;
    return now == at || (sticky && now > at) ? sys::Verdict{.error = error} : sys::Verdict{};
  }
};

TEST_CASE("every call of the journal fails: the run stops, and the next one finishes") {
  int runs = 0;
  for (const int error : {13 /* SQLITE_FULL */, 10 /* SQLITE_IOERR */}) {
    for (const bool sticky : {false, true}) {
      for (int k = 1;; k += 3) {
        Scenario scenario(k % 2 == 0);
        CAPTURE(k);
        FailAt hook;
        hook.at = k;
        hook.error = error;
        hook.sticky = sticky;
        sys::SetFaultHook(&hook);
        const bool well = scenario.Try(false);
        sys::SetFaultHook(nullptr);
        ++runs;
        const bool reached = hook.seen >= k;
        CAPTURE(error);
        CAPTURE(sticky);
        CAPTURE(well);
        if (!sticky || !reached) CHECK((well || reached));
        if (well) scenario.CheckDone();
        scenario.CheckNothingLost("after the fault");
        CHECK_MESSAGE(scenario.Try(false), "the next run finishes");
        scenario.CheckDone();
        CHECK(scenario.Try(true));
        CHECK(Contents(*scenario.to) == scenario.before_to);
        if (!reached) break;
      }
    }
  }
  CHECK(runs > 50);
}

}  // namespace
}  // namespace fileferry
