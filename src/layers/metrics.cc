// metrics.cc: counters and latency histograms for each operation.  Writers and readers are lock-free; any thread.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>

#include "base/clock.h"
#include "layers/around.h"
#include "layers/bodies.h"

namespace fileferry {
namespace {

using layers::CallInfo;

// Microseconds in steps of a quarter of a power of two: a percentile is off by 25 % at most.
constexpr std::size_t kSteps = 256;

std::size_t StepOf(std::uint64_t value) {
  if (value < 4) return static_cast<std::size_t>(value);
  const auto power = static_cast<std::size_t>(std::bit_width(value) - 1);
  return (power - 1) * 4 + static_cast<std::size_t>((value >> (power - 2)) & 3);
}

// The largest value of a step.
std::uint64_t TopOf(std::size_t step) {
  if (step < 4) return step;
  const std::size_t power = step / 4 + 1;
  return ((std::uint64_t{4} + step % 4 + 1) << (power - 2)) - 1;
}

struct Counter {
  std::atomic<std::uint64_t> calls{0}, errors{0}, bytes{0}, total_us{0}, max_us{0};
  std::array<std::atomic<std::uint64_t>, kSteps> steps{};

  void Add(bool ok, std::uint64_t moved, std::uint64_t microseconds) {
    calls.fetch_add(1, std::memory_order_relaxed);
    if (!ok) errors.fetch_add(1, std::memory_order_relaxed);
    bytes.fetch_add(moved, std::memory_order_relaxed);
    total_us.fetch_add(microseconds, std::memory_order_relaxed);
    steps[std::min(StepOf(microseconds), kSteps - 1)].fetch_add(1, std::memory_order_relaxed);
    std::uint64_t seen = max_us.load(std::memory_order_relaxed);
    while (seen < microseconds && !max_us.compare_exchange_weak(seen, microseconds, std::memory_order_relaxed)) {
    }
  }

  OperationMetrics Read() const {
    OperationMetrics out;
    out.calls = calls.load(std::memory_order_relaxed);
    out.errors = errors.load(std::memory_order_relaxed);
    out.bytes = bytes.load(std::memory_order_relaxed);
    const std::uint64_t max = max_us.load(std::memory_order_relaxed);
    out.max_ms = static_cast<double>(max) / 1000;
    std::array<std::uint64_t, kSteps> counts{};
    std::uint64_t all = 0;
    for (std::size_t i = 0; i < kSteps; ++i) all += counts[i] = steps[i].load(std::memory_order_relaxed);
    const auto percentile = [&](double part) {
      if (all == 0) return 0.0;
      const auto rank = static_cast<std::uint64_t>(std::max(1.0, part * static_cast<double>(all)));
      std::uint64_t below = 0;
      std::size_t step = 0;
      while (step + 1 < kSteps && (below += counts[step]) < rank) ++step;
      return static_cast<double>(std::min(TopOf(step), max)) / 1000;
    };
    out.p50_ms = percentile(0.50);
    out.p90_ms = percentile(0.90);
    out.p99_ms = percentile(0.99);
    return out;
  }
};

std::string Escaped(std::string_view label) {
  std::string out;
  for (const char c : label) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out;
}

class Counters final : public Metrics {
 public:
  Counter& At(Operation operation) { return counters_[static_cast<std::size_t>(operation)]; }

  OperationMetrics Of(Operation operation) const override { return counters_[static_cast<std::size_t>(operation)].Read(); }

  std::string Prometheus(std::string_view storage) const override {
    const std::string label = "storage=\"" + Escaped(storage) + "\"";
    std::string calls = "# HELP fileferry_calls_total Calls of a storage.\n# TYPE fileferry_calls_total counter\n";
    std::string errors = "# HELP fileferry_errors_total Calls that failed.\n# TYPE fileferry_errors_total counter\n";
    std::string bytes = "# HELP fileferry_bytes_total Bytes of objects moved, both directions.\n# TYPE fileferry_bytes_total counter\n";
    std::string seconds = "# HELP fileferry_call_seconds Time of a call.\n# TYPE fileferry_call_seconds summary\n";
    for (std::size_t i = 0; i < kOperationCount; ++i) {
      const auto operation = static_cast<Operation>(i);
      const OperationMetrics m = Of(operation);
      if (m.calls == 0) continue;
      const std::string labels = fmt::format("{},operation=\"{}\"", label, OperationName(operation));
      calls += fmt::format("fileferry_calls_total{{{}}} {}\n", labels, m.calls);
      errors += fmt::format("fileferry_errors_total{{{}}} {}\n", labels, m.errors);
      bytes += fmt::format("fileferry_bytes_total{{{}}} {}\n", labels, m.bytes);
      for (const auto& [quantile, ms] : {std::pair{"0.5", m.p50_ms}, std::pair{"0.9", m.p90_ms}, std::pair{"0.99", m.p99_ms}}) {
        seconds += fmt::format("fileferry_call_seconds{{{},quantile=\"{}\"}} {:.6f}\n", labels, quantile, ms / 1000);
      }
      const double total = static_cast<double>(counters_[i].total_us.load(std::memory_order_relaxed)) / 1e6;
      seconds += fmt::format("fileferry_call_seconds_sum{{{0}}} {1:.6f}\nfileferry_call_seconds_count{{{0}}} {2}\n", labels, total, m.calls);
    }
    return calls + errors + bytes + seconds;
  }

  std::string Json() const override {
    std::string out = "{";
    for (std::size_t i = 0; i < kOperationCount; ++i) {
      const auto operation = static_cast<Operation>(i);
      const OperationMetrics m = Of(operation);
      if (m.calls == 0) continue;
      out += fmt::format("{}\"{}\":{{\"calls\":{},\"errors\":{},\"bytes\":{},\"p50_ms\":{:.3f},\"p90_ms\":{:.3f},\"p99_ms\":{:.3f},\"max_ms\":{:.3f}}}",
                         out.size() > 1 ? "," : "", OperationName(operation), m.calls, m.errors, m.bytes, m.p50_ms, m.p90_ms, m.p99_ms, m.max_ms);
    }
    return out + "}";
  }

 private:
  std::array<Counter, kOperationCount> counters_;
};

struct Hooks : layers::PlainHooks {
  explicit Hooks(std::shared_ptr<Counters> c) : counters(std::move(c)) {}

  template <typename R, typename F>
  R Around(const CallInfo& call, F&& next) {
    const auto start = SteadyNow();
    std::optional<layers::WatchedSink> sink;
    if (call.body.sink != nullptr) sink.emplace(*call.body.sink);
    R result = next(call.ctx, layers::Body{sink ? &*sink : nullptr, call.body.source});
    const bool ok = layers::StatusOf(result).ok();
    const auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(SteadyNow() - start).count();
    const std::uint64_t bytes = layers::BytesMoved(call.operation, sink ? sink->count() : 0, MovedBy(call, result), ok);
    counters->At(call.operation).Add(ok, bytes, static_cast<std::uint64_t>(std::max<std::int64_t>(0, microseconds)));
    if constexpr (layers::kIsOpened<R>) {
      if (result.ok()) {
        return std::unique_ptr<ISource>(std::make_unique<layers::CountedSource>(std::move(result).value(), [kept = counters](std::uint64_t read) {
          kept->At(Operation::kOpen).bytes.fetch_add(read, std::memory_order_relaxed);
        }));
      }
    }
    return result;
  }

  template <typename R>
  static std::optional<std::uint64_t> MovedBy(const CallInfo& call, const R& result) {
    if constexpr (std::is_same_v<R, Result<ObjectInfo>>) {
      if (result.ok()) return result->size;
    }
    return call.bytes;
  }

  const std::shared_ptr<Counters> counters;
};

}  // namespace

ProviderPtr WithMetrics(ProviderPtr inner, std::shared_ptr<Metrics>* metrics) {
  auto counters = std::make_shared<Counters>();
  if (metrics != nullptr) *metrics = counters;
  return std::make_shared<layers::Around<Hooks>>(std::move(inner), std::move(counters));
}

}  // namespace fileferry
