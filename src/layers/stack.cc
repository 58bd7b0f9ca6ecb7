// stack.cc: the layers in their one right order.
#include "fileferry/stack.h"

namespace fileferry {

ProviderPtr ProviderStack::Build() {
  ProviderPtr provider = std::move(provider_);
  if (log_) provider = WithLogging(std::move(provider), std::move(log_));
  if (timeout_) provider = WithTimeout(std::move(provider), *timeout_);
  if (throttle_) provider = WithThrottle(std::move(provider), std::move(*throttle_));
  if (retry_) provider = WithRetry(std::move(provider), std::move(*retry_));
  if (metrics_ != nullptr) provider = WithMetrics(std::move(provider), metrics_);
  if (read_only_) provider = WithReadOnly(std::move(provider));
  if (!prefix_.empty()) provider = WithPrefix(std::move(provider), std::move(prefix_));
  return provider;
}

}  // namespace fileferry
