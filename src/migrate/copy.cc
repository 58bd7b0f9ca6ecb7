// copy.cc: `copy`, and comparing two storages: runs without a journal.
#include <memory>
#include <utility>

#include "base/clock.h"
#include "migrate/compare_supply.h"
#include "migrate/key_index.h"
#include "migrate/sides.h"
#include "transfer/announced.h"
#include "transfer/decide.h"
#include "transfer/merge.h"
#include "transfer/run.h"

namespace fileferry {

namespace {

// Listings merged, decided and handed on.
class CopySupply : public ISupply {
 public:
  CopySupply(ISupply& inner, const Setup& setup, Uploads uploads) : inner_(inner), setup_(setup), uploads_(uploads) {}
  Status Next(const OpContext& ctx, std::vector<Item>* out) override {
    const std::size_t before = out->size();
    if (Status status = NextWanted(inner_, ctx, setup_, out); !status.ok()) return status;
    for (std::size_t i = before; i < out->size(); ++i) Decide(&(*out)[i], setup_.plan, setup_.destination, uploads_);
    return {};
  }

 private:
  ISupply& inner_;
  const Setup& setup_;
  const Uploads uploads_;
};

enum class Kind : std::uint8_t { kCopy, kTrial, kCompare };

Status RunBoth(Run& run, const OpenedStorage& source, const OpenedStorage& destination, Kind kind) {
  const bool compare = kind == Kind::kCompare;
  Setup setup;
  if (Status status = FillSetup(run, source, destination, compare, &setup); !status.ok()) return status;
  NoRecorder recorder(RandomId().substr(0, 10));
  setup.recorder = &recorder;
  setup.run_id = "c";
  Result<std::unique_ptr<Rules>> rules = Rules::Compile(setup.plan);
  if (!rules.ok()) return rules.status();
  std::unique_ptr<ISupply> supply;
  if (setup.plan.filter.keys_from.empty()) {
    supply = std::make_unique<MergeSupply>(setup.source, setup.destination, **rules, NewKeyIndex, run.board(), MergeSupply::Start{});
  } else {
    Result<std::unique_ptr<MappedSupply>> keys = SupplyOfKeys(setup.plan.filter.keys_from, **rules, NewKeyIndex, run.board());
    if (!keys.ok()) return keys.status();
    supply = std::move(*keys);
  }
  Status status;
  if (compare) {
    CompareSupply comparing(*supply, setup);
    status = run.Work(setup, comparing, "comparing", setup.plan.checkers);
  } else {
    CopySupply copying(*supply, setup, kind == Kind::kTrial ? Uploads::kAsked : Uploads::kTrusted);
    status = run.Work(setup, copying, "copying", setup.plan.transfers);
  }
  return status.ok() && setup.plan.filter.keys_from.empty() ? CheckMet(setup, run.board()) : status;
}

Result<std::unique_ptr<IRun>> NewRun(OpenedStorage source, OpenedStorage destination, CopyPlan plan, Kind kind) {
  if (Status status = CheckPlan(plan); !status.ok()) return status;
  if (Status status = CheckArchive(plan); !status.ok()) return status;
  Result<std::unique_ptr<Run>> run =
      Run::Create(plan, [source = std::move(source), destination = std::move(destination), kind](Run& self) { return RunBoth(self, source, destination, kind); });
  if (!run.ok()) return run.status();
  return std::unique_ptr<IRun>(std::move(*run));
}

}  // namespace

Result<std::unique_ptr<IRun>> NewCopy(OpenedStorage source, OpenedStorage destination, CopyPlan plan) {
  return NewRun(std::move(source), std::move(destination), std::move(plan), Kind::kCopy);
}

Result<std::unique_ptr<IRun>> NewTrial(OpenedStorage source, OpenedStorage destination, CopyPlan plan) {
  return NewRun(std::move(source), std::move(destination), std::move(plan), Kind::kTrial);
}

Result<std::unique_ptr<IRun>> NewCompare(OpenedStorage source, OpenedStorage destination, CopyPlan plan) {
  plan.delete_source = false;
  plan.archive.clear();
  return NewRun(std::move(source), std::move(destination), std::move(plan), Kind::kCompare);
}

}  // namespace fileferry
