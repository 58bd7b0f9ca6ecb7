// timeout.cc: a deadline for each call.  Any thread.
//
// A call whose bytes do not pass through callbacks gets an absolute deadline.  Where they do (a sink, or a source that is not in memory), the time spent in the callbacks (a slow
// consumer, a bandwidth limit) does not count: the wrapper measures the storage alone and stops the call when it is slower than the policy's rate.  A provider's own stall limit covers the
// case that no callback comes at all.
#include <algorithm>

#include "base/clock.h"
#include "layers/around.h"
#include "layers/bodies.h"

namespace fileferry {
namespace {

using Clock = OpContext::Clock;
using layers::Body;
using layers::CallInfo;

std::chrono::milliseconds Allowance(const TimeoutPolicy& policy, std::uint64_t bytes) {
  if (policy.min_rate == 0) return policy.call;
  const double more = static_cast<double>(bytes) / static_cast<double>(policy.min_rate) * 1000;
  return policy.call + std::chrono::milliseconds(static_cast<std::int64_t>(std::min(more, 1e12)));
}

// The time the storage itself has taken for a call with a body.
class Guard {
 public:
  explicit Guard(const TimeoutPolicy& policy) : policy_(policy), start_(SteadyNow()) {}
  Status Enter() {
    entered_ = SteadyNow();
    const auto taken = entered_ - start_ - outside_;
    if (taken <= Allowance(policy_, bytes_)) return {};
    return Status(Code::kTimeout, "the storage moved " + std::to_string(bytes_) + " bytes in " +
                                      std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(taken).count()) + " ms, slower than the timeout allows");
  }
  void Leave(std::uint64_t bytes) {
    outside_ += SteadyNow() - entered_;
    bytes_ += bytes;
  }

 private:
  const TimeoutPolicy& policy_;
  const Clock::time_point start_;
  Clock::time_point entered_;
  Clock::duration outside_{0};
  std::uint64_t bytes_ = 0;
};

class GuardedSink final : public ISink {
 public:
  GuardedSink(ISink& inner, const TimeoutPolicy& policy) : inner_(inner), guard_(policy) {}
  Status Write(Bytes bytes) override {
    if (Status s = guard_.Enter(); !s.ok()) return s;
    Status status = inner_.Write(bytes);
    guard_.Leave(bytes.size());
    return status;
  }
  Status Restart() override { return inner_.Restart(); }
  std::span<std::byte> Room() override { return inner_.Room(); }

 private:
  ISink& inner_;
  Guard guard_;
};

class GuardedSource final : public ISource {
 public:
  GuardedSource(ISource& inner, const TimeoutPolicy& policy) : inner_(inner), guard_(policy) {}
  std::optional<std::uint64_t> size() const override { return inner_.size(); }
  Result<std::size_t> Read(std::span<std::byte> out) override {
    if (Status s = guard_.Enter(); !s.ok()) return s;
    Result<std::size_t> got = inner_.Read(out);
    guard_.Leave(got.ok() ? *got : 0);
    return got;
  }
  Status Rewind() override { return inner_.Rewind(); }
  std::optional<Bytes> Memory() const override { return inner_.Memory(); }
  Status SendTo(ISink& sink) override { return inner_.SendTo(sink); }  // the time is spent in the sink, which is the storage's own

 private:
  ISource& inner_;
  Guard guard_;
};

struct Hooks : layers::PlainHooks {
  explicit Hooks(TimeoutPolicy p) : policy(p) {}

  template <typename R, typename F>
  R Around(const CallInfo& call, F&& next) {
    if (call.operation == Operation::kUrl) return next(call.ctx, call.body);
    if (call.body.sink != nullptr) {
      GuardedSink sink(*call.body.sink, policy);
      return next(call.ctx, Body{&sink, nullptr});
    }
    if (call.body.source != nullptr && !call.body.source->Memory()) {
      GuardedSource source(*call.body.source, policy);
      return next(call.ctx, Body{nullptr, &source});
    }
    // An opened source lives on after the call, with the caller's own context; a copy inside a service takes as long as the object is large.
    if constexpr (layers::kIsOpened<R>) return next(call.ctx, call.body);
    if (call.operation == Operation::kCopyFrom) return next(call.ctx, call.body);
    OpContext ctx = call.ctx;
    ctx.deadline = std::min(ctx.deadline, SteadyNow() + Allowance(policy, call.bytes.value_or(0)));
    return next(ctx, call.body);
  }

  const TimeoutPolicy policy;
};

}  // namespace

ProviderPtr WithTimeout(ProviderPtr inner, TimeoutPolicy policy) { return std::make_shared<layers::Around<Hooks>>(std::move(inner), policy); }

}  // namespace fileferry
