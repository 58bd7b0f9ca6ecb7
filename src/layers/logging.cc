// logging.cc: one line for each call.  The line never holds more than the operation, the key, counts and the error's own text, which carries no secret.  Any thread.
#include <fmt/format.h>

#include "base/clock.h"
#include "base/text.h"
#include "layers/around.h"
#include "layers/bodies.h"

namespace fileferry {
namespace {

struct Hooks : layers::PlainHooks {
  Hooks(std::string storage, std::function<void(std::string_view)> sink) : name(std::move(storage)), log(std::move(sink)) {}

  template <typename R, typename F>
  R Around(const layers::CallInfo& call, F&& next) {
    const auto start = SteadyNow();
    std::optional<layers::WatchedSink> sink;
    if (call.body.sink != nullptr) sink.emplace(*call.body.sink);
    R result = next(call.ctx, layers::Body{sink ? &*sink : nullptr, call.body.source});
    const Status status = layers::StatusOf(result);
    std::optional<std::uint64_t> known = call.bytes;
    if constexpr (std::is_same_v<R, Result<ObjectInfo>>) {
      if (result.ok()) known = result->size;
    }
    const double ms = std::chrono::duration<double, std::milli>(SteadyNow() - start).count();
    log(Line(call, status, layers::BytesMoved(call.operation, sink ? sink->count() : 0, known, status.ok()), ms));
    return result;
  }

  std::string Line(const layers::CallInfo& call, const Status& status, std::uint64_t bytes, double ms) const {
    std::string line = fmt::format("{} {}", Printable(name), OperationName(call.operation));
    if (call.operation == Operation::kRemoveMany || call.operation == Operation::kCommitBatch) {
      if (!call.keys.empty()) line += fmt::format(" {} keys", call.keys.size());
    } else if (!call.key.empty()) {
      line += fmt::format(" \"{}\"", Printable(call.key));
    }
    if (bytes > 0) line += fmt::format(" {} bytes", bytes);
    line += fmt::format(" {:.1f} ms ", ms);
    if (status.ok()) return line + "ok";
    const ErrorDetail& detail = status.detail();
    line += fmt::format("{}: {}", CodeName(detail.code), Printable(detail.message));
    if (!detail.service_code.empty()) line += fmt::format(" ({})", Printable(detail.service_code));
    if (detail.http_status != 0) line += fmt::format(" HTTP {}", detail.http_status);
    if (!detail.request_id.empty()) line += fmt::format(" id {}", Printable(detail.request_id));
    return line;
  }

  const std::string name;
  const std::function<void(std::string_view)> log;
};

}  // namespace

ProviderPtr WithLogging(ProviderPtr inner, std::function<void(std::string_view)> log) {
  if (!log) return inner;
  std::string name = inner->Name();
  return std::make_shared<layers::Around<Hooks>>(std::move(inner), std::move(name), std::move(log));
}

}  // namespace fileferry
