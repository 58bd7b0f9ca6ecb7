// copy.cc: `copy`, and comparing two storages: runs without a journal.
#include <memory>
#include <utility>

#include "base/clock.h"
#include "migrate/key_index.h"
#include "migrate/sides.h"
#include "transfer/announced.h"
#include "transfer/decide.h"
#include "transfer/merge.h"
#include "transfer/run.h"

namespace fileferry {

namespace {

Status NextWanted(ISupply& supply, const OpContext& ctx, const Setup& setup, std::vector<Item>* out) {
  const std::size_t before = out->size();
  for (;;) {
    if (Status status = supply.Next(ctx, out); !status.ok() || out->size() == before) return status;
    if (Status status = LeaveOut(ctx, setup, *setup.board, out, before); !status.ok() || out->size() != before) return status;
  }
}

// Listings merged, decided and handed on.
class CopySupply : public ISupply {
 public:
  CopySupply(ISupply& inner, const Setup& setup, Uploads uploads) : inner_(inner), setup_(setup), uploads_(uploads) {}
  Status Next(const OpContext& ctx, std::vector<Item>* out) override {
    const std::size_t before = out->size();
    if (Status status = NextWanted(inner_, ctx, setup_, out); !status.ok()) return status;
    for (std::size_t i = before; i < out->size(); ++i) Decide(&(*out)[i], setup_.plan, setup_.source, setup_.destination, uploads_);
    return {};
  }

 private:
  ISupply& inner_;
  const Setup& setup_;
  const Uploads uploads_;
};

// The same, but nothing is moved: what the listings do not tell is compared by the workers.
class CompareSupply : public ISupply {
 public:
  CompareSupply(ISupply& inner, const Setup& setup) : inner_(inner), setup_(setup) {}
  Status Next(const OpContext& ctx, std::vector<Item>* out) override {
    const std::size_t before = out->size();
    if (Status status = NextWanted(inner_, ctx, setup_, out); !status.ok()) return status;
    for (std::size_t i = before; i < out->size(); ++i) Judge(&(*out)[i]);
    return {};
  }

 private:
  void Judge(Item* item) {
    item->task = Task::kCompare;
    if (item->decided != Outcome::kPending || item->announced) return;
    const auto decide = [item](Outcome outcome, std::string why) {
      item->decided = outcome;
      if (!why.empty()) item->why = Status(outcome == Outcome::kMissingAtDestination ? Code::kNotFound : Code::kIntegrity, std::move(why));
    };
    switch (item->known) {
      case Known::kAbsent:
        return decide(Outcome::kMissingAtDestination, "there is no such object at the destination");
      case Known::kPresent:
        if (item->there.size != item->size) {
          return decide(Outcome::kDifferent, std::to_string(item->there.size) + " bytes instead of " + std::to_string(item->size));
        }
        if (setup_.plan.verify == VerifyMode::kNone || setup_.plan.verify == VerifyMode::kSize) decide(Outcome::kSame, {});
        return;
      case Known::kUnknown:
        return;
    }
  }

  ISupply& inner_;
  const Setup& setup_;
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
  if (compare) {
    CompareSupply comparing(*supply, setup);
    return run.Work(setup, comparing, "comparing", setup.plan.checkers);
  }
  CopySupply copying(*supply, setup, kind == Kind::kTrial ? Uploads::kAsked : Uploads::kTrusted);
  return run.Work(setup, copying, "copying", setup.plan.transfers);
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
