// retry_state.h: when a failed call may be made again, and after which wait: the AWS SDKs' rules of 2026.
//
// RetryState belongs to a layer and is shared by its calls; any thread.  Attempts belongs to one call.
#ifndef FILEFERRY_LAYERS_RETRY_STATE_H_
#define FILEFERRY_LAYERS_RETRY_STATE_H_

#include <atomic>
#include <chrono>

#include "fileferry/layers.h"

namespace fileferry::layers {

class RetryState {
 public:
  explicit RetryState(RetryPolicy policy);
  const RetryPolicy& policy() const { return policy_; }
  // Takes cost tokens, or none and says false.
  bool Take(int cost);
  void Give(int tokens);  // never above the quota
  int tokens() const { return tokens_.load(std::memory_order_relaxed); }

 private:
  const RetryPolicy policy_;
  std::atomic<int> tokens_;
};

// The error that no loop above tries again.
Status Exhausted(const Status& status, bool ambiguous);

class Attempts {
 public:
  Attempts(RetryState& state, const OpContext& ctx) : state_(state), ctx_(ctx) {}

  // After a failed attempt: waits and says true when another one is due.  Otherwise *status is what the call returns.
  bool Again(Status* status);
  // After the attempt that succeeded: gives back what its retry cost.
  void Succeeded();
  // Takes note of a failure whose effect is not known.
  void Note(const Status& status) { ambiguous_ = ambiguous_ || (!status.ok() && status.detail().ambiguous); }
  // Whether an attempt so far may have taken effect although it failed.
  bool ambiguous() const { return ambiguous_; }
  int made() const { return made_; }

 private:
  std::chrono::milliseconds Delay(const ErrorDetail& detail) const;

  RetryState& state_;
  const OpContext& ctx_;
  int made_ = 0;       // failed attempts
  int last_cost_ = 0;  // of the last retry
  bool ambiguous_ = false;
};

}  // namespace fileferry::layers

#endif  // FILEFERRY_LAYERS_RETRY_STATE_H_
