// stack.h: the layers in their one right order.  Callers say what they want, not where it goes:
//   prefix -> read-only -> metrics -> retry -> throttle -> timeout (per attempt) -> logging -> provider
#ifndef FILEFERRY_STACK_H
#define FILEFERRY_STACK_H

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "fileferry/layers.h"

namespace fileferry {

class ProviderStack {
 public:
  explicit ProviderStack(ProviderPtr provider) : provider_(std::move(provider)) {}
  ProviderStack& Prefix(std::string prefix) { prefix_ = std::move(prefix); return *this; }
  ProviderStack& ReadOnly(bool on = true) { read_only_ = on; return *this; }
  ProviderStack& Retry(RetryPolicy policy) { retry_ = std::move(policy); return *this; }
  ProviderStack& Throttle(ThrottlePolicy policy) { throttle_ = std::move(policy); return *this; }
  ProviderStack& Timeout(TimeoutPolicy policy) { timeout_ = policy; return *this; }
  ProviderStack& Log(std::function<void(std::string_view)> log) { log_ = std::move(log); return *this; }
  ProviderStack& CollectMetrics(std::shared_ptr<Metrics>* metrics) { metrics_ = metrics; return *this; }
  // REQUIRES: called once.
  ProviderPtr Build();

 private:
  ProviderPtr provider_;
  std::string prefix_;
  bool read_only_ = false;
  std::optional<RetryPolicy> retry_;
  std::optional<ThrottlePolicy> throttle_;
  std::optional<TimeoutPolicy> timeout_;
  std::function<void(std::string_view)> log_;
  std::shared_ptr<Metrics>* metrics_ = nullptr;
};

}  // namespace fileferry

#endif  // FILEFERRY_STACK_H
