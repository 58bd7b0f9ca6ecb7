// fault_provider.cc: the fault layer.  The same template as every other layer, so that no method of a provider escapes it.  Any thread.
#include "fileferry/testing/fault_provider.h"

#include <algorithm>
#include <atomic>
#include <vector>

#include "base/clock.h"
#include "layers/around.h"
#include "layers/bodies.h"

namespace fileferry::testing {
namespace {

using layers::Body;
using layers::CallInfo;

bool HasBody(Operation operation) {
  return operation == Operation::kGet || operation == Operation::kOpen || operation == Operation::kPut || operation == Operation::kUploadPart;
}

bool Writes(Operation operation) {
  switch (operation) {
    case Operation::kPut:
    case Operation::kCopyFrom:
    case Operation::kSetProperties:
    case Operation::kCreateUpload:
    case Operation::kUploadPart:
    case Operation::kUploadPartCopy:
    case Operation::kCompleteUpload:
    case Operation::kCommitBatch: return true;
    case Operation::kStat:
    case Operation::kGet:
    case Operation::kOpen:
    case Operation::kList:
    case Operation::kRemove:
    case Operation::kRemoveMany:
    case Operation::kListParts:
    case Operation::kAbortUpload:
    case Operation::kListUploads:
    case Operation::kHealth:
    case Operation::kGetAccess:
    case Operation::kUrl: return false;
  }
  return false;
}

Status Injected(const FaultPlan& plan) {
  ErrorDetail detail;
  if (plan.kind == FaultKind::kNoSpace) {
    detail.code = Code::kQuotaExceeded;
    detail.message = "injected fault: no space is left";
    detail.service_code = "ENOSPC";
    return Status(std::move(detail));
  }
  detail.code = plan.kind == FaultKind::kError ? plan.code : Code::kUnavailable;
  detail.retry = Status(detail.code, {}).detail().retry;
  detail.retry_after = plan.retry_after;
  detail.ambiguous = plan.kind == FaultKind::kLostAnswer;
  detail.message = detail.ambiguous ? "injected fault: the answer was lost" : plan.kind == FaultKind::kCutBody ? "injected fault: the connection broke" : "injected fault";
  return Status(std::move(detail));
}

// What the plan does to the bytes of one body, in either direction.
class Damage {
 public:
  explicit Damage(const FaultPlan& plan) : plan_(plan) {}

  // How many of the next `size` bytes pass before the body ends or breaks.
  std::size_t Passing(std::size_t size) const {
    if (plan_.kind == FaultKind::kFlipBit) return size;
    return static_cast<std::size_t>(std::min<std::uint64_t>(size, plan_.at_byte - std::min(plan_.at_byte, position_)));
  }
  // Bytes that passed: flips the bit if it is among them.
  void Pass(std::span<std::byte> bytes) {
    if (plan_.kind == FaultKind::kFlipBit && plan_.at_byte >= position_ && plan_.at_byte - position_ < bytes.size()) bytes[plan_.at_byte - position_] ^= std::byte{1};
    position_ += bytes.size();
  }
  void Rewind() { position_ = 0; }
  bool ended() const { return plan_.kind != FaultKind::kFlipBit && position_ >= plan_.at_byte; }
  bool silent() const { return plan_.kind == FaultKind::kShort || plan_.kind == FaultKind::kFlipBit; }
  Status Break() {
    broke_ = true;
    return Injected(plan_);
  }
  bool broke() const { return broke_; }

 private:
  const FaultPlan plan_;
  std::uint64_t position_ = 0;
  bool broke_ = false;
};

class DamagedSink final : public ISink {
 public:
  DamagedSink(ISink& inner, Damage& damage) : inner_(inner), damage_(damage) {}
  Status Write(Bytes bytes) override {
    std::vector<std::byte> copy(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(damage_.Passing(bytes.size())));
    damage_.Pass(copy);
    if (!copy.empty()) {
      if (Status s = inner_.Write(copy); !s.ok()) return s;
    }
    if (copy.size() == bytes.size() || damage_.silent()) return {};
    return damage_.Break();
  }
  Status Restart() override {
    damage_.Rewind();
    return inner_.Restart();
  }

 private:
  ISink& inner_;
  Damage& damage_;
};

// With its own damage and source where it is an opened one, which outlives the call.
class DamagedSource final : public ISource {
 public:
  DamagedSource(ISource& inner, Damage& damage) : inner_(inner), damage_(damage) {}
  DamagedSource(std::unique_ptr<ISource> owned, const FaultPlan& plan)
      : owned_(std::move(owned)), own_damage_(std::make_unique<Damage>(plan)), inner_(*owned_), damage_(*own_damage_) {}

  std::optional<std::uint64_t> size() const override { return inner_.size(); }
  Result<std::size_t> Read(std::span<std::byte> out) override {
    const std::size_t passing = damage_.Passing(out.size());
    if (passing == 0 && !out.empty()) return End();
    Result<std::size_t> got = inner_.Read(out.first(passing));
    if (!got.ok()) return got;
    if (*got == 0 && !damage_.silent()) return damage_.Break();  // the body is shorter than at_byte: it breaks at its end
    damage_.Pass(out.first(*got));
    return got;
  }
  Status Rewind() override {
    damage_.Rewind();
    return inner_.Rewind();
  }
  std::optional<Bytes> Memory() const override { return std::nullopt; }
  Status SendTo(ISink& sink) override {
    std::vector<std::byte> buffer(std::size_t{64} << 10);
    while (true) {
      Result<std::size_t> got = Read(buffer);
      if (!got.ok()) return got.status();
      if (*got == 0) return {};
      if (Status s = sink.Write(Bytes(buffer).first(*got)); !s.ok()) return s;
    }
  }

 private:
  Result<std::size_t> End() {
    if (damage_.silent()) return std::size_t{0};
    return damage_.Break();
  }

  const std::unique_ptr<ISource> owned_;
  const std::unique_ptr<Damage> own_damage_;
  ISource& inner_;
  Damage& damage_;
};

struct Hooks : layers::PlainHooks {
  static constexpr bool kBatchKeys = true;

  Hooks(std::string storage, std::shared_ptr<Faults> f) : name(std::move(storage)), faults(std::move(f)) {}

  template <typename R, typename F>
  R Around(const CallInfo& call, F&& next) {
    const std::optional<FaultPlan> plan = faults->OnCall(call.operation);
    if (!plan) return next(call.ctx, call.body);
    const auto named = [&](const Status& status) { return status.With(name, OperationName(call.operation), call.key); };
    switch (plan->kind) {
      case FaultKind::kError: return layers::Failed<R>(call, named(Injected(*plan)));
      case FaultKind::kLostAnswer:
        (void)next(call.ctx, call.body);
        return layers::Failed<R>(call, named(Injected(*plan)));
      case FaultKind::kSlow:
        if (Status s = SleepFor(call.ctx, plan->delay); !s.ok()) return layers::Failed<R>(call, named(s));
        return next(call.ctx, call.body);
      case FaultKind::kNoSpace:
        if (call.body.source == nullptr || plan->at_byte == 0) return layers::Failed<R>(call, named(Injected(*plan)));
        return Damaged<R>(call, *plan, named(Injected(*plan)), next);
      case FaultKind::kCutBody:
      case FaultKind::kFlipBit:
      case FaultKind::kShort: return Damaged<R>(call, *plan, named(Injected(*plan)), next);
    }
    return next(call.ctx, call.body);
  }

  template <typename R, typename F>
  R Damaged(const CallInfo& call, const FaultPlan& plan, const Status& broken, F& next) {
    if constexpr (layers::kIsOpened<R>) {
      R opened = next(call.ctx, call.body);
      if (!opened.ok()) return opened;
      return std::unique_ptr<ISource>(std::make_unique<DamagedSource>(std::move(opened).value(), plan));
    } else {
      Damage damage(plan);
      if (call.body.sink != nullptr) {
        DamagedSink sink(*call.body.sink, damage);
        R result = next(call.ctx, Body{&sink, nullptr});
        // A body shorter than at_byte, or an empty one: the break comes at its end.
        if (damage.broke() || (!damage.silent() && layers::StatusOf(result).ok())) return layers::Failed<R>(call, broken);
        return result;
      }
      // A body that breaks never takes effect, so it breaks before its last byte at the latest.
      const std::optional<std::uint64_t> size = call.body.source->size();
      FaultPlan within = plan;
      if (!damage.silent() && size) {
        if (*size == 0) return layers::Failed<R>(call, broken);
        within.at_byte = std::min(plan.at_byte, *size - 1);
      }
      Damage cut(within);
      DamagedSource source(*call.body.source, cut);
      R result = next(call.ctx, Body{nullptr, &source});
      if (cut.broke()) return layers::Failed<R>(call, broken);
      return result;
    }
  }

  const std::string name;
  const std::shared_ptr<Faults> faults;
};

}  // namespace

bool Applies(FaultKind kind, Operation operation) {
  switch (kind) {
    case FaultKind::kError:
    case FaultKind::kLostAnswer:
    case FaultKind::kSlow: return operation != Operation::kUrl;
    case FaultKind::kCutBody:
    case FaultKind::kFlipBit:
    case FaultKind::kShort: return HasBody(operation);
    case FaultKind::kNoSpace: return Writes(operation);
  }
  return false;
}

void Faults::Arm(const FaultPlan& plan) {
  const std::lock_guard lock(mutex_);
  plan_ = plan;
  matched_ = reached_ = 0;
}

void Faults::Disarm() {
  const std::lock_guard lock(mutex_);
  plan_.reset();
}

std::uint64_t Faults::matched() const {
  const std::lock_guard lock(mutex_);
  return matched_;
}

std::uint64_t Faults::reached() const {
  const std::lock_guard lock(mutex_);
  return reached_;
}

std::uint64_t Faults::calls() const {
  const std::lock_guard lock(mutex_);
  return calls_;
}

std::uint64_t Faults::calls(Operation operation) const {
  const std::lock_guard lock(mutex_);
  return by_operation_[static_cast<std::size_t>(operation)];
}

std::optional<FaultPlan> Faults::OnCall(Operation operation) {
  const std::lock_guard lock(mutex_);
  ++calls_;
  ++by_operation_[static_cast<std::size_t>(operation)];
  if (!plan_ || !Applies(plan_->kind, operation) || (plan_->operation && *plan_->operation != operation)) return std::nullopt;
  ++matched_;
  if (plan_->at == 0 || (plan_->sticky ? matched_ < plan_->at : matched_ != plan_->at)) return std::nullopt;
  ++reached_;
  return plan_;
}

ProviderPtr WithFaults(ProviderPtr inner, std::shared_ptr<Faults> faults) {
  std::string name = inner->Name();
  return std::make_shared<layers::Around<Hooks>>(std::move(inner), std::move(name), std::move(faults));
}

}  // namespace fileferry::testing
