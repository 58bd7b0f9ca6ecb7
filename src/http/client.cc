// client.cc: Client: checks a request, leases a connection, and injects faults where a test asks for them.
#include "http/client.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>

#include "http/curl_status.h"
#include "http/exchange.h"
#include "http/fault.h"
#include "http/pool.h"
#include "http/target.h"

namespace fileferry::http {
namespace {

// What a byte may be part of.
struct ByteTable {
  bool token[256] = {}, control[256] = {};
  constexpr ByteTable() {
    for (int c = '0'; c <= '9'; ++c) token[c] = true;
    for (int c = 'A'; c <= 'Z'; ++c) token[c] = token[c + 32] = true;
    for (unsigned char c : {'!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~'}) token[c] = true;
    for (int c = 0; c < 0x20; ++c) control[c] = true;
    control[0x7f] = true;
  }
};
constexpr ByteTable kBytes;

bool IsToken(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return kBytes.token[static_cast<unsigned char>(c)]; });
}

bool HasControl(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return kBytes.control[static_cast<unsigned char>(c)]; });
}

Status CheckRequest(const Request& request) {
  if (request.url.empty() || HasControl(request.url) || request.url.find(' ') != std::string::npos) {
    return Status(Code::kInvalidArgument, "a URL with blanks or control characters cannot be requested; encode them");
  }
  for (const Header& header : request.headers) {
    if (!IsToken(header.name)) return Status(Code::kInvalidArgument, "the name of a header is empty, or holds a character that HTTP does not allow");
    if (HasControl(header.value)) return Status(Code::kInvalidArgument, "the value of the header " + header.name + " holds a control character; remove it");
  }
  if (request.source != nullptr && request.body_size > static_cast<std::uint64_t>(INT64_MAX)) return Status(Code::kInvalidArgument, "a body of more than 2^63 bytes cannot be sent");
  return {};
}

Response SlowDown() {
  Response response;
  response.status = 503;
  response.body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>SlowDown</Code><Message>injected</Message><RequestId>injected</RequestId></Error>";
  response.headers = {{"content-type", "application/xml"}, {"content-length", std::to_string(response.body.size())}, {"x-amz-request-id", "injected"}};
  return response;
}

Status Lost(const Request& request) {
  ErrorDetail detail;
  detail.code = Code::kUnavailable;
  detail.retry = Retry::kTemporary;
  detail.message = "the answer of " + RedactUrl(EndpointOf(request.url)) + " was lost";
  detail.ambiguous = request.method != HttpMethod::kGet && request.method != HttpMethod::kHead;
  return Status(std::move(detail));
}

}  // namespace

struct Client::Impl {
  explicit Impl(ClientOptions o) : options(std::move(o)) {}
  ~Impl() {
    Pool* last = pool.load();
    // A pool of a parent process is left alone: its connections are not ours to close.
    if (last != nullptr && last->owner() == ::getpid()) delete last;
  }

  // The pool of this process.
  Pool* Current() {
    const pid_t self = ::getpid();
    Pool* current = pool.load(std::memory_order_acquire);
    while (current == nullptr || current->owner() != self) {
      auto fresh = std::make_unique<Pool>(options, self, current);
      if (pool.compare_exchange_strong(current, fresh.get(), std::memory_order_acq_rel)) return fresh.release();
    }
    return current;
  }

  const ClientOptions options;
  std::atomic<Pool*> pool{nullptr};
};

Client::Client(ClientOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Client::~Client() = default;

Result<Response> Client::Perform(const OpContext& ctx, const Request& request, const sys::Place& at) {
  if (Status status = ctx.Check(); !status.ok()) return status;
  if (Status status = CheckRequest(request); !status.ok()) return status;
  const sys::Verdict verdict = sys::Ask("http", at);
  const bool lose = verdict.error == kLoseAnswer || (verdict.error != 0 && verdict.after && verdict.error != kStatus503 && verdict.error != kCutAnswer && verdict.error != kRefuse);
  if (verdict.error == kStatus503) return SlowDown();
  if (verdict.error != 0 && verdict.error != kCutAnswer && !lose) return Status(Code::kUnavailable, "cannot connect to " + RedactUrl(EndpointOf(request.url)) + ": injected");

  Result<Target> target = FindTarget(request.url, impl_->options.use_proxy);
  if (!target.ok()) return target.status();
  Pool* pool = impl_->Current();
  Result<std::unique_ptr<Connection>> leased = pool->Lease(ctx, target->origin);
  if (!leased.ok()) return leased.status();
  std::unique_ptr<Connection> connection = std::move(*leased);
  if (connection != nullptr && !connection->IsUsable()) connection.reset();
  Exchange exchange(ctx, impl_->options, *target, request);
  if (verdict.error == kCutAnswer) exchange.CutAnswer(verdict.limit == SIZE_MAX ? std::nullopt : std::optional<std::uint64_t>(verdict.limit));
  Result<Response> result = Response();
  for (bool was_idle = connection != nullptr, again = true; again;) {
    if (connection == nullptr) {
      Result<std::unique_ptr<Connection>> opened = Connection::Open(ctx, impl_->options, *target, request.url);
      if (!opened.ok()) {
        result = exchange.WithoutConnection(opened.status());
        break;
      }
      connection = std::move(*opened);
    }
    result = exchange.Run(connection.get());
    if (!exchange.connection_is_reusable()) connection.reset();
    again = exchange.CanRunAgain(was_idle);
    if (again) connection.reset();
    was_idle = false;
  }
  if (connection != nullptr) connection->Used();
  pool->Return(std::move(connection));
  // An answer without a body cannot be cut: then it is lost.
  if (lose || (verdict.error == kCutAnswer && result.ok())) return Lost(request);
  return result;
}

std::string_view Response::Find(std::string_view name) const {
  for (const Header& header : headers) {
    if (header.name == name) return header.value;
  }
  return {};
}

}  // namespace fileferry::http
