// layers.h: providers that wrap any provider and change one thing about it.  A layer owns what it wraps (shared_ptr) and is as thread-safe.
//
// Use ProviderStack (stack.h) for the usual combination: the order matters and is fixed there.
#ifndef FILEFERRY_LAYERS_H
#define FILEFERRY_LAYERS_H

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fileferry/provider.h"

namespace fileferry {

using ProviderPtr = std::shared_ptr<IStorageProvider>;

// Every operation of IStorageProvider that does I/O.
enum class Operation : std::uint8_t {
  kStat, kGet, kOpen, kPut, kList, kRemove, kRemoveMany, kCopyFrom, kSetProperties, kCreateUpload, kUploadPart, kUploadPartCopy,
  kListParts, kCompleteUpload, kAbortUpload, kListUploads, kCommitBatch, kHealth, kUrl, kGetAccess
};
constexpr std::size_t kOperationCount = 20;
// "stat", "upload-part", ...: what errors (ErrorDetail::operation), logs and metrics call it.
std::string_view OperationName(Operation operation);

// Waiting and trying again, in this one place.  The AWS SDKs' rules of 2026: full jitter, a quota of retries shared by all calls of the layer.
struct RetryPolicy {
  int attempts = 3;                                   // in all
  std::chrono::milliseconds base{50};                 // before the first retry, for transient errors
  std::chrono::milliseconds throttle_base{1000};      // after kRateLimited
  std::chrono::milliseconds cap{20000};
  int quota = 500;                                    // tokens; a retry takes, its success gives back
  int cost = 14;                                      // of a retry after a transient error
  int throttle_cost = 5;
  // Tests replace these: sleep, and a random number in [0, 1).
  std::function<Status(const OpContext&, std::chrono::milliseconds)> sleep{};
  std::function<double()> random{};
};
// Retries errors with Retry::kTemporary; the last becomes kExhausted.  A Get goes on at the byte reached with If-Match, or starts anew when the sink can; a Put rewinds its source
// and is not tried again when that is not possible.
ProviderPtr WithRetry(ProviderPtr inner, RetryPolicy policy = {});

// A rate limit that can be changed while transfers run.  Thread-safe.
class RateLimiter {
 public:
  virtual ~RateLimiter() = default;
  // Blocks until `amount` may pass (bytes or requests), or ctx stops.
  virtual Status Acquire(const OpContext& ctx, std::uint64_t amount) = 0;
  virtual void SetRate(double per_second) = 0;  // 0: no limit
  virtual double rate() const = 0;
};
std::shared_ptr<RateLimiter> NewRateLimiter(double per_second);
struct ThrottlePolicy {
  std::shared_ptr<RateLimiter> bytes{};     // both directions together; may be shared by storages; nullptr: no limit
  std::shared_ptr<RateLimiter> requests{};
};
ProviderPtr WithThrottle(ProviderPtr inner, ThrottlePolicy policy);

// Gives each call a deadline of its own: operations without a body `call`; with a body `call` plus the time for `min_rate` bytes a second.
struct TimeoutPolicy {
  std::chrono::milliseconds call{60000};
  std::uint64_t min_rate = 16 << 10;
};
ProviderPtr WithTimeout(ProviderPtr inner, TimeoutPolicy policy = {});

// Counts calls, errors, bytes and latencies.  Reading is lock-free and may happen at any time.
struct OperationMetrics {
  std::uint64_t calls = 0, errors = 0, bytes = 0;
  double p50_ms = 0, p90_ms = 0, p99_ms = 0, max_ms = 0;
};
class Metrics {
 public:
  virtual ~Metrics() = default;
  virtual OperationMetrics Of(Operation operation) const = 0;
  // Prometheus text exposition format, metrics named fileferry_…, labelled with storage and operation.
  virtual std::string Prometheus(std::string_view storage) const = 0;
  virtual std::string Json() const = 0;
};
ProviderPtr WithMetrics(ProviderPtr inner, std::shared_ptr<Metrics>* metrics);  // *metrics receives the counters

// One line for each call to `log`: operation, key, bytes, milliseconds, result.  Called on the thread of the call; must be thread-safe.
ProviderPtr WithLogging(ProviderPtr inner, std::function<void(std::string_view line)> log);

// The objects below prefix (bytes; "photos/" and not "photos" for a folder), seen without it.
ProviderPtr WithPrefix(ProviderPtr inner, std::string prefix);

// Every call that would change something returns kPermissionDenied.
ProviderPtr WithReadOnly(ProviderPtr inner);

}  // namespace fileferry

#endif  // FILEFERRY_LAYERS_H
