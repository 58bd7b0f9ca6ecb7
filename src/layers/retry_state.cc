// retry_state.cc: quota, delays and the end of trying.
#include "layers/retry_state.h"

#include <algorithm>
#include <cmath>

#include "base/clock.h"

namespace fileferry::layers {

RetryState::RetryState(RetryPolicy policy) : policy_(std::move(policy)), tokens_(policy_.quota) {}

bool RetryState::Take(int cost) {
  int have = tokens_.load(std::memory_order_relaxed);
  do {
    if (have < cost) return false;
  } while (!tokens_.compare_exchange_weak(have, have - cost, std::memory_order_relaxed));
  return true;
}

void RetryState::Give(int tokens) {
  int have = tokens_.load(std::memory_order_relaxed);
  while (have < policy_.quota && !tokens_.compare_exchange_weak(have, std::min(policy_.quota, have + tokens), std::memory_order_relaxed)) {
  }
}

Status Exhausted(const Status& status, bool ambiguous) {
  if (status.ok()) return status;
  if (status.detail().retry != Retry::kTemporary && status.detail().ambiguous == ambiguous) return status;
  ErrorDetail detail = status.detail();
  if (detail.retry == Retry::kTemporary) detail.retry = Retry::kExhausted;
  detail.ambiguous = detail.ambiguous || ambiguous;
  return Status(std::move(detail));
}

std::chrono::milliseconds Attempts::Delay(const ErrorDetail& detail) const {
  const RetryPolicy& policy = state_.policy();
  const auto base = detail.code == Code::kRateLimited ? policy.throttle_base : policy.base;
  const double ceiling = std::min(static_cast<double>(policy.cap.count()), static_cast<double>(base.count()) * std::ldexp(1.0, made_ - 1));
  const double unit = policy.random ? policy.random() : RandomUnit();
  const std::chrono::milliseconds computed(static_cast<std::int64_t>(ceiling * unit));
  if (detail.retry_after <= computed) return computed;
  return std::min(detail.retry_after, computed + std::chrono::seconds(5));
}

bool Attempts::Again(Status* status) {
  ++made_;
  Note(*status);
  const ErrorDetail detail = status->detail();
  const RetryPolicy& policy = state_.policy();
  const int cost = detail.code == Code::kRateLimited ? policy.throttle_cost : policy.cost;
  const bool tired = detail.retry != Retry::kTemporary || made_ >= policy.attempts || !ctx_.Check().ok();
  if (tired || !state_.Take(cost)) {
    *status = Exhausted(*status, ambiguous_);
    return false;
  }
  last_cost_ = cost;
  const std::chrono::milliseconds delay = Delay(detail);
  if (ctx_.deadline != OpContext::Clock::time_point::max() && SteadyNow() + delay >= ctx_.deadline) {
    state_.Give(cost);
    *status = Exhausted(*status, ambiguous_);
    return false;
  }
  const Status slept = policy.sleep ? policy.sleep(ctx_, delay) : SleepFor(ctx_, delay);
  if (slept.ok()) return true;
  state_.Give(cost);
  // Being asked to stop is the reason then, not the error that was waited for.
  *status = Exhausted(slept.With(detail.provider, detail.operation, detail.key), ambiguous_);
  return false;
}

void Attempts::Succeeded() { state_.Give(made_ > 0 ? last_cost_ : 1); }

}  // namespace fileferry::layers
