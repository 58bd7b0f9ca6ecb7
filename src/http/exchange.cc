// exchange.cc: sending a request, reading its answer, and the classification of how it ended.
#include "http/exchange.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/text.h"
#include "http/curl_status.h"

namespace fileferry::http {
namespace {

using SteadyClock = OpContext::Clock;

constexpr std::uint64_t kExpectFrom = std::uint64_t{1} << 20;
constexpr auto kContinueWait = std::chrono::milliseconds(1000);  // then the host does not know the question
constexpr auto kRenegotiation = std::chrono::milliseconds(20);
constexpr std::size_t kFirstPiece = std::size_t{4} << 10;
constexpr std::uint64_t kMaxReserve = std::uint64_t{1} << 20;

static_assert(kMaxHead <= Connection::kBuffer, "a head is read into the buffer as a whole");

bool IsBlank(std::string_view text) { return text.find_first_not_of(' ') == std::string_view::npos; }

}  // namespace

Exchange::Exchange(const OpContext& ctx, const ClientOptions& options, const Target& target, const Request& request)
    : ctx_(ctx), options_(options), target_(target), request_(request) {
  if (request.source != nullptr) {
    has_body_ = true;
    body_size_ = request.body_size;
    const std::optional<Bytes> memory = request.source->Memory();
    if (memory && memory->size() == body_size_) memory_ = memory;
  } else if (!request.body.empty()) {
    has_body_ = true;
    body_size_ = request.body.size();
    memory_ = request.body;
  }
  expect_ = request.expect_continue && body_size_ > kExpectFrom;
}

void Exchange::CutAnswer(std::optional<std::uint64_t> after) {
  cut_ = true;
  cut_after_ = after;
}

Result<Response> Exchange::Run(Connection* connection) {
  const SteadyClock::time_point start = SteadyClock::now();
  connection_ = connection;
  reader_.emplace(request_.method, &response_);
  Result<Sent> sent = SendRequest();
  Result<Response> result = sent.ok() ? ReceiveAnswer(*sent) : Result<Response>(sent.status());
  if (result.ok()) result->elapsed = std::chrono::duration_cast<std::chrono::microseconds>(SteadyClock::now() - start);
  return result;
}

// ---- the request ----

void Exchange::WriteHead(std::string* head) const {
  head->clear();
  head->append(HttpMethodName(request_.method)).append(" ").append(target_.request).append(" HTTP/1.1\r\nHost: ").append(target_.host).append("\r\n");
  const auto add = [head](std::string_view name, std::string_view value) {
    head->append(name).append(IsBlank(value) ? ":" : ": ").append(IsBlank(value) ? std::string_view() : value).append("\r\n");
  };
  if (!options_.user_agent.empty()) add("User-Agent", options_.user_agent);
  if (!target_.proxy_authorization.empty()) add("Proxy-Authorization", target_.proxy_authorization);
  for (const Header& header : request_.headers) add(header.name, header.value);
  // PUT and POST always announce a length, 0 without a body.
  if (has_body_ || request_.method == HttpMethod::kPut || request_.method == HttpMethod::kPost) add("Content-Length", std::to_string(body_size_));
  if (expect_) add("Expect", "100-continue");
  head->append("\r\n");
}

Result<Exchange::Sent> Exchange::SendRequest() {
  std::string& text = connection_->head();
  WriteHead(&text);
  Bytes head = AsBytes(text);
  std::uint64_t left = body_size_;  // of the body, for the network
  bool asked = false;
  if (has_body_ && !memory_ && body_size_ == 0) {  // that it is empty has to be seen
    if (Status status = FillSendBuffer(); !status.ok()) return status;
  }
  while (!head.empty() || left > 0) {
    if (Status status = Check(); !status.ok()) return status;
    if (head.empty() && expect_ && !asked) {
      asked = true;
      Result<bool> go = AwaitContinue();
      if (!go.ok()) return go.status();
      if (!*go) return ended_ ? Sent::kBroken : Sent::kAnswered;
    }
    Bytes body;
    if (!expect_ || asked) {
      if (memory_) {
        body = memory_->last(static_cast<std::size_t>(left));
      } else if (left > 0) {
        if (unsent_.empty()) {
          if (Status status = FillSendBuffer(); !status.ok()) return status;
        }
        body = unsent_;
      }
    }
    std::size_t sent = 0;
    const Connection::Io io = connection_->Send(head, body, &sent);
    if (io == Connection::Io::kDone) {
      started_ = true;
      ready_ = 0;
      Progress();
      const std::size_t of_head = std::min(sent, head.size());
      head = head.subspan(of_head);
      sent -= of_head;
      if (sent == 0) continue;
      if (memory_) {
        response_.sent += sent;
      } else {
        unsent_ = unsent_.subspan(sent);
      }
      left -= sent;
      continue;
    }
    if (io == Connection::Io::kFailed) {
      broken_ = true;
      return Sent::kBroken;  // a host that refuses a body may have said why before it closed
    }
    // What could be written and still is not waits for something to be read (a renegotiation).
    const bool reads = connection_->tls() && ready_ == POLLOUT;
    if (Status status = reads ? Wait(Wanted::kRead, kRenegotiation) : Wait(Wanted::kWrite); !status.ok()) return status;
    // An answer before the request is complete is a refusal, nearly always.
    if (!ReceiveSome() && !ended_) continue;
    Result<bool> done = Understand();
    if (!done.ok()) return done.status();
    if (ended_) return Sent::kBroken;
    if (*done || is_refusal()) return Sent::kAnswered;
  }
  return Sent::kAll;
}

// True: send the body; false: the answer has come, or the connection has ended.
Result<bool> Exchange::AwaitContinue() {
  const SteadyClock::time_point until = SteadyClock::now() + kContinueWait;
  while (true) {
    if (ReceiveSome() || ended_) {
      Result<bool> done = Understand();
      if (!done.ok()) return done;
      if (*done || reader_->head_done() || ended_) return false;
      if (continued_) return true;
      continue;
    }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - SteadyClock::now());
    if (left.count() <= 0) return true;
    if (Status status = Wait(Wanted::kRead, left); !status.ok()) return status;
  }
}

// Reads the next bytes of the source, and makes sure that it ends where it said before the last of them leave.
Status Exchange::FillSendBuffer() {
  const std::span<std::byte> buffer = connection_->send_buffer();
  const std::uint64_t due = body_size_ - response_.sent;
  const std::span<std::byte> room = buffer.first(static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), due)));
  std::size_t got = 0;
  const auto stop = [this](Status status) {
    stopped_ = true;
    return response_.resent ? WithAmbiguity(std::move(status)) : status;  // a body that ends early is never taken for whole, but the first one may have been
  };
  while (got < room.size()) {
    Result<std::size_t> read = request_.source->Read(room.subspan(got));
    if (!read.ok()) return stop(read.status());
    if (*read == 0) {
      return stop(Status(Code::kSourceChanged, "the source ended after " + std::to_string(response_.sent + got) + " of " + std::to_string(body_size_) + " bytes"));
    }
    got += *read;
  }
  if (response_.sent + got == body_size_) {
    std::byte extra;
    Result<std::size_t> more = request_.source->Read(std::span(&extra, 1));
    if (!more.ok()) return stop(more.status());
    if (*more != 0) return stop(Status(Code::kSourceChanged, "the source is longer than the " + std::to_string(body_size_) + " bytes that it had"));
  }
  unsent_ = room;
  response_.sent += got;
  return {};
}

// ---- the answer ----

Result<Response> Exchange::ReceiveAnswer(Sent sent) {
  bool wait = sent == Sent::kAll && !connection_->tls();  // it cannot be there yet
  const auto stop = [this](Status status) {  // a refusal that stalls is one, too
    return is_refusal() && status.code() == Code::kTimeout ? Result<Response>(std::move(response_)) : Result<Response>(std::move(status));
  };
  while (true) {
    Result<bool> done = Understand();
    if (!done.ok()) return done.status();
    if (*done) break;
    if (ended_) {
      if (reader_->head_done() && reader_->EndsWithConnection() && !broken_ && connection_->EndIsGenuine()) break;
      if (is_refusal()) return std::move(response_);  // a cut refusal is a refusal
      return Broken();
    }
    if (!wait) {
      if (Status status = Check(); !status.ok()) return stop(std::move(status));
      Result<bool> more = ReceiveIntoSink();
      if (!more.ok()) return more.status();
      wait = !*more && !ended_;
      if (!wait) continue;
    }
    wait = false;
    if (Status status = Wait(Wanted::kRead); !status.ok()) return stop(std::move(status));
  }
  if (sent != Sent::kAll && is_success()) return Broken();  // success without having seen the body is none
  reusable_ = sent == Sent::kAll && !ended_ && reader_->done() && reader_->keep_alive() && begin_ == end_;
  return std::move(response_);
}

Result<bool> Exchange::Understand() {
  while (!given_up_) {
    std::string_view bytes = received(), piece;
    const std::size_t before = bytes.size();
    const AnswerReader::Step step = reader_->Next(&bytes, &piece);
    begin_ += before - bytes.size();
    if (begin_ == end_) begin_ = end_ = 0;  // what piece points to stays until more is received
    Status status;
    switch (step) {
      case AnswerReader::Step::kMore: return false;
      case AnswerReader::Step::kEnd: return true;
      case AnswerReader::Step::kContinue: continued_ = true; break;
      case AnswerReader::Step::kHead: status = OnHead(); break;
      case AnswerReader::Step::kBody: status = Deliver(piece); break;
      case AnswerReader::Step::kBad:
        if (reader_->head_too_large()) {
          status = WithAmbiguity(Status(Code::kIntegrity, "the head of the answer of " + Endpoint() + " is larger than 256 KiB"));
        } else {
          ErrorDetail detail;
          detail.code = Code::kUnavailable;
          detail.retry = Retry::kTemporary;
          detail.message = Endpoint() + " does not speak HTTP/1.1: " + reader_->error() + "; check the endpoint's scheme and port";
          status = WithAmbiguity(Status(std::move(detail)));
        }
        break;
    }
    if (status.ok()) continue;
    stopped_ = true;
    given_up_ = is_refusal();
    if (given_up_) return true;  // that its body is endless, or framed wrongly, changes nothing
    return status;
  }
  return true;
}

Status Exchange::OnHead() {
  const std::uint64_t length = reader_->announced();
  if (cut_ && !cut_after_) cut_after_ = length / 2;
  if (is_success() && request_.head_check != nullptr) {
    if (Status status = request_.head_check->OnHead(response_); !status.ok()) return status;
  }
  if (!is_success() || request_.sink == nullptr) response_.body.reserve(static_cast<std::size_t>(std::min({length, request_.max_body, kMaxReserve})));
  return {};
}

Status Exchange::Deliver(std::string_view bytes) {
  bool cut_here = false;
  if (cut_) {
    const std::uint64_t had = response_.received + response_.body.size();
    const std::uint64_t room = cut_after_.value_or(0) > had ? *cut_after_ - had : 0;
    cut_here = room < bytes.size();
    if (cut_here) bytes = bytes.substr(0, static_cast<std::size_t>(room));
  }
  if (is_success() && request_.sink != nullptr) {
    if (!bytes.empty()) {
      if (Status status = request_.sink->Write(AsBytes(bytes)); !status.ok()) return status;
      response_.received += bytes.size();
    }
  } else {
    const std::uint64_t room = request_.max_body - std::min<std::uint64_t>(request_.max_body, response_.body.size());
    response_.body.append(bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(room, bytes.size()))));
    if (bytes.size() > room) return WithAmbiguity(Status(Code::kIntegrity, "the answer of " + Endpoint() + " is larger than " + std::to_string(request_.max_body) + " bytes"));
  }
  if (!cut_here) return {};
  ErrorDetail detail;
  detail.code = Code::kUnavailable;
  detail.retry = Retry::kTemporary;
  detail.message = "the answer of " + Endpoint() + " was cut";
  return WithAmbiguity(Status(std::move(detail)));
}

bool Exchange::ReceiveSome() {
  if (ended_) return false;
  std::span<std::byte> buffer = connection_->receive_buffer();
  if (end_ == buffer.size()) {  // an unfinished head or line at the end of it
    std::memmove(buffer.data(), buffer.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  std::span<std::byte> room = buffer.subspan(end_);
  // The head with little of a body that the sink would have to copy.
  if (!reader_->head_done() && request_.sink != nullptr && !request_.sink->Room().empty()) room = room.first(std::min(room.size(), kFirstPiece));
  std::size_t got = 0;
  const bool more = Received(connection_->Receive(room, &got));
  end_ += got;
  return more;
}

Result<bool> Exchange::ReceiveIntoSink() {
  if (ended_ || begin_ != end_ || reader_->plain_left() == 0 || !is_success() || request_.sink == nullptr || cut_) return ReceiveSome();
  std::span<std::byte> room = request_.sink->Room();
  if (room.empty()) return ReceiveSome();
  room = room.first(static_cast<std::size_t>(std::min<std::uint64_t>(room.size(), reader_->plain_left())));
  std::size_t got = 0;
  if (!Received(connection_->Receive(room, &got))) return false;
  reader_->Skip(got);
  if (Status status = Deliver(AsText(Bytes(room.first(got)))); !status.ok()) {
    stopped_ = true;
    return status;
  }
  return true;
}

bool Exchange::Received(Connection::Io io) {
  switch (io) {
    case Connection::Io::kDone:
      any_answer_ = true;
      Progress();
      return true;
    case Connection::Io::kWait: return false;
    case Connection::Io::kFailed: broken_ = true; break;
    case Connection::Io::kEnd: break;
  }
  ended_ = true;
  return false;
}

// ---- waiting ----

Status Exchange::Check() {
  Status status = ctx_.Check();
  if (status.ok()) return status;
  stopped_ = true;
  return WithAmbiguity(std::move(status));
}

Status Exchange::Wait(Wanted wanted, std::optional<std::chrono::milliseconds> most) {
  if (Status status = Check(); !status.ok()) return status;
  const SteadyClock::time_point now = SteadyClock::now();
  if (idle_since_ == SteadyClock::time_point()) idle_since_ = now;
  if (now - idle_since_ >= options_.stall_timeout) {
    stopped_ = true;
    return WithAmbiguity(Status(Code::kTimeout, "no byte to or from " + Endpoint() + " for " + std::to_string(options_.stall_timeout.count()) + " ms"));
  }
  auto slice = std::min(std::chrono::milliseconds(1000), std::max(options_.stall_timeout / 4, std::chrono::milliseconds(1)));
  if (ctx_.cancel != nullptr) slice = std::min(slice, std::chrono::milliseconds(50));
  if (most) slice = std::min(slice, *most);
  if (ctx_.deadline != SteadyClock::time_point::max()) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(ctx_.deadline - now) + std::chrono::milliseconds(1);
    slice = std::clamp(left, std::chrono::milliseconds(1), slice);
  }
  struct pollfd ready = {connection_->socket(), static_cast<short>(wanted == Wanted::kWrite ? POLLIN | POLLOUT : POLLIN), 0};
  if (::poll(&ready, 1, static_cast<int>(slice.count())) < 0 && errno != EINTR) {
    stopped_ = true;
    return WithAmbiguity(Status(Code::kInternal, "waiting for " + Endpoint() + " failed"));
  }
  ready_ = ready.revents;
  return {};
}

// ---- how it ended ----

bool Exchange::CanRunAgain(bool was_idle) {
  const bool unexpected = expect_ && response_.status == 417;  // a host that does not know the question
  const bool stale = was_idle && !any_answer_ && !stopped_ && (ended_ || broken_) && !response_.resent;
  if (!unexpected && !stale) return false;
  if (request_.source != nullptr && !memory_ && !request_.source->Rewind().ok()) return false;
  const bool resent = response_.resent || (stale && started_);
  response_ = Response();
  response_.resent = resent;
  if (unexpected) expect_ = false;
  unsent_ = {};
  begin_ = end_ = 0;
  ended_ = broken_ = reusable_ = any_answer_ = continued_ = given_up_ = false;
  ready_ = 0;
  Progress();
  return true;
}

Status Exchange::WithoutConnection(Status status) const {
  if (!response_.resent || !changes_something()) return status;
  ErrorDetail detail = status.detail();
  detail.ambiguous = true;  // of the first time
  return Status(std::move(detail));
}

std::string Exchange::Endpoint() const { return RedactUrl(EndpointOf(request_.url)); }

Status Exchange::Broken() const {
  ErrorDetail detail;
  detail.code = Code::kUnavailable;
  detail.retry = Retry::kTemporary;
  if (broken_) {
    detail.message = "the connection to " + Endpoint() + " failed: " + connection_->error();
  } else if (!any_answer_) {
    detail.message = Endpoint() + " closed the connection without an answer";
  } else {
    detail.message = "the answer of " + Endpoint() + " was cut: the host closed the connection";
  }
  if (reader_->head_done()) detail.http_status = response_.status;
  return WithAmbiguity(Status(std::move(detail)));
}

Status Exchange::WithAmbiguity(Status status) const {
  // A head that says failure is an answer, unless a gateway speaks for a host that it has lost; one that says success may be followed by a failure in the body.
  const bool refused = is_refusal() && response_.status < 500 && !response_.resent;
  if ((!started_ && !response_.resent) || refused || !changes_something()) return status;
  ErrorDetail detail = status.detail();
  detail.ambiguous = true;
  return Status(std::move(detail));
}

}  // namespace fileferry::http
