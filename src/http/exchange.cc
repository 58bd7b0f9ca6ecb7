// exchange.cc: the transfer loop, the call-backs, and the classification of how it ended.
#include "http/exchange.h"

#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "base/digest.h"
#include "base/text.h"
#include "http/curl_status.h"
#include "http/raw_answer.h"

namespace fileferry::http {
namespace {

using SteadyClock = OpContext::Clock;

constexpr std::size_t kMaxHead = std::size_t{256} << 10;
constexpr std::size_t kMaxReserve = std::size_t{1} << 20;
constexpr std::size_t kMaxLateAnswer = std::size_t{64} << 10;

bool WantsCrc(DigestMask mask) { return (mask & MaskOf(DigestKind::kCrc64Nvme)) != 0; }

}  // namespace

Exchange::Exchange(const OpContext& ctx, const ClientOptions& options, const Request& request) : ctx_(ctx), options_(options), request_(request) {
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
}

void Exchange::CutAnswer(std::optional<std::uint64_t> after) {
  cut_ = true;
  cut_after_ = after;
}

Result<Response> Exchange::Run(Handle* handle) {
  const SteadyClock::time_point start = SteadyClock::now();
  easy_ = handle->easy();
  handle->Prepare(request_, body_size_, has_body_, /*fresh_connection=*/false, this);
  CURLcode code = Transfer(handle);
  if (MayTryAgain(handle, code)) {
    ForgetAnswer();
    if (OnRewind()) {
      response_.resent = true;
      handle->Prepare(request_, body_size_, has_body_, /*fresh_connection=*/true, this);
      code = Transfer(handle);
    }
  }
  handle->Detach();
  Result<Response> result = Finish(handle, code);
  if (result.ok()) result->elapsed = std::chrono::duration_cast<std::chrono::microseconds>(SteadyClock::now() - start);
  return result;
}

CURLcode Exchange::Transfer(Handle* handle) {
  if (curl_multi_add_handle(handle->multi(), easy_) != CURLM_OK) return CURLE_FAILED_INIT;
  CURLcode code = CURLE_OK;
  int running = 1;
  while (true) {
    if (curl_multi_perform(handle->multi(), &running) != CURLM_OK) {
      code = CURLE_FAILED_INIT;
      break;
    }
    if (running == 0) {
      int left = 0;
      const CURLMsg* message = curl_multi_info_read(handle->multi(), &left);
      code = message != nullptr && message->msg == CURLMSG_DONE ? message->data.result : CURLE_FAILED_INIT;
      break;
    }
    if (!Wait(handle)) {
      code = CURLE_ABORTED_BY_CALLBACK;
      break;
    }
  }
  long sent = 0;
  if (code != CURLE_OK && curl_easy_getinfo(easy_, CURLINFO_REQUEST_SIZE, &sent) == CURLE_OK && sent > 0) started_ = true;
  curl_multi_remove_handle(handle->multi(), easy_);
  return code;
}

bool Exchange::Wait(Handle* handle) {
  Status status = ctx_.Check();
  if (!status.ok()) return Fail(WithAmbiguity(std::move(status)));
  auto slice = std::min(std::chrono::milliseconds(1000), std::max(options_.stall_timeout / 4, std::chrono::milliseconds(1)));
  if (ctx_.cancel != nullptr) slice = std::min(slice, std::chrono::milliseconds(50));
  if (ctx_.deadline != SteadyClock::time_point::max()) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(ctx_.deadline - SteadyClock::now()) + std::chrono::milliseconds(1);
    slice = std::clamp(left, std::chrono::milliseconds(1), slice);
  }
  int ready = 0;
  if (curl_multi_poll(handle->multi(), nullptr, 0, static_cast<int>(slice.count()), &ready) != CURLM_OK) {
    return Fail(Status(Code::kInternal, "waiting for " + RedactUrl(EndpointOf(request_.url)) + " failed"));
  }
  return ready > 0 || CheckStall(handle);
}

// Called when nothing happened for a slice; looks at the clock only then.
bool Exchange::CheckStall(Handle*) {
  curl_off_t up = 0;
  curl_off_t down = 0;
  curl_off_t connected = 0;
  long head = 0;
  long request = 0;
  (void)curl_easy_getinfo(easy_, CURLINFO_SIZE_UPLOAD_T, &up);
  (void)curl_easy_getinfo(easy_, CURLINFO_SIZE_DOWNLOAD_T, &down);
  (void)curl_easy_getinfo(easy_, CURLINFO_PRETRANSFER_TIME_T, &connected);
  (void)curl_easy_getinfo(easy_, CURLINFO_HEADER_SIZE, &head);
  (void)curl_easy_getinfo(easy_, CURLINFO_REQUEST_SIZE, &request);
  const auto now = SteadyClock::now();
  const std::uint64_t progress = static_cast<std::uint64_t>(up + down + head + request) + (connected > 0 ? 1 : 0);
  if (progress != last_progress_) {
    last_progress_ = progress;
    idle_since_ = now;
    return true;
  }
  if (connected == 0 || now - idle_since_ < options_.stall_timeout) return true;  // before that, the connect timeout counts
  started_ = true;
  return Fail(WithAmbiguity(Status(Code::kTimeout, "no byte to or from " + RedactUrl(EndpointOf(request_.url)) + " for " +
                                                       std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(options_.stall_timeout).count()) + " ms")));
}

bool Exchange::Fail(Status status) {
  if (failure_.ok()) failure_ = std::move(status);
  return false;
}

// A kept-alive connection that the server closed while it was idle shows it only now.  libcurl tries again by itself in most of these cases; this is for the rest.
bool Exchange::MayTryAgain(Handle*, CURLcode code) {
  if (!failure_.ok() || head_bytes_ > 0 || !late_answer_.empty() || response_.resent) return false;
  if (code != CURLE_SEND_ERROR && code != CURLE_RECV_ERROR && code != CURLE_GOT_NOTHING) return false;
  long connects = 1;
  return curl_easy_getinfo(easy_, CURLINFO_NUM_CONNECTS, &connects) == CURLE_OK && connects == 0;
}

void Exchange::ForgetAnswer() {
  response_ = Response();
  head_done_ = false;
  head_bytes_ = 0;
  late_answer_.clear();
}

std::size_t Exchange::OnRead(char* out, std::size_t room) {
  const std::uint64_t left = body_size_ - response_.sent;
  room = static_cast<std::size_t>(std::min<std::uint64_t>(room, left));
  if (room == 0) return 0;
  std::size_t got = 0;
  if (memory_) {
    std::memcpy(out, memory_->data() + response_.sent, room);
    got = room;
  } else if (!ReadSource(out, room, &got)) {
    return CURL_READFUNC_ABORT;
  }
  if (WantsCrc(request_.digest_body)) response_.crc64_sent = Crc64Nvme(response_.crc64_sent, AsBytes({out, got}));
  response_.sent += got;
  return got;
}

// Fills out, and makes sure that the source ends where it said before the last bytes leave.
bool Exchange::ReadSource(char* out, std::size_t room, std::size_t* got) {
  while (*got < room) {
    Result<std::size_t> read = request_.source->Read(std::as_writable_bytes(std::span(out + *got, room - *got)));
    if (!read.ok()) return Fail(read.status());
    if (*read == 0) {
      return Fail(Status(Code::kSourceChanged, "the source ended after " + std::to_string(response_.sent + *got) + " of " + std::to_string(body_size_) + " bytes"));
    }
    *got += *read;
  }
  if (response_.sent + *got < body_size_) return true;
  std::byte extra;
  Result<std::size_t> more = request_.source->Read(std::span(&extra, 1));
  if (!more.ok()) return Fail(more.status());
  if (*more != 0) return Fail(Status(Code::kSourceChanged, "the source is longer than the " + std::to_string(body_size_) + " bytes that it had"));
  return true;
}

bool Exchange::OnRewind() {
  if (response_.sent > 0 || started_) response_.resent = true;
  if (request_.source != nullptr && !memory_) {
    if (Status status = request_.source->Rewind(); !status.ok()) return false;
  }
  response_.sent = 0;
  response_.crc64_sent = 0;
  return true;
}

bool Exchange::OnHeader(std::string_view line) {
  if (line.substr(0, 5) == "HTTP/" && response_.received == 0) {
    const int status = ParseStatusLine(line);
    if (status == 0) return Fail(WithAmbiguity(Status(Code::kUnavailable, RedactUrl(EndpointOf(request_.url)) + " does not speak HTTP/1.1")));
    response_.status = status;
    response_.headers.clear();
    response_.headers.reserve(12);
    response_.body.clear();
    head_done_ = false;
    head_bytes_ = line.size();
    return true;
  }
  if (head_done_) return true;  // trailers
  head_bytes_ += line.size();
  if (head_bytes_ > kMaxHead) return Fail(Status(Code::kIntegrity, "the head of the answer of " + RedactUrl(EndpointOf(request_.url)) + " is larger than 256 KiB"));
  if (line == "\r\n" || line == "\n") return OnHeadEnd();
  (void)AddHeaderLine(line, &response_.headers);
  return true;
}

bool Exchange::OnHeadEnd() {
  if (response_.status < 200) return true;  // 100 Continue: the answer follows
  head_done_ = true;
  const auto length = ParseUint(response_.Find("content-length"));
  if (cut_ && !cut_after_) cut_after_ = length.value_or(0) / 2;
  if (is_success() && request_.head_check != nullptr) {
    Status status = request_.head_check->OnHead(response_);
    if (!status.ok()) return Fail(std::move(status));
  }
  if (length && !(is_success() && request_.sink != nullptr)) response_.body.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(*length, kMaxReserve)));
  return true;
}

bool Exchange::OnWrite(std::string_view bytes) {
  bool cut_here = false;
  if (cut_) {
    const std::uint64_t had = response_.received + response_.body.size();
    const std::uint64_t room = cut_after_.value_or(0) > had ? *cut_after_ - had : 0;
    if (room < bytes.size()) {
      cut_here = true;
      bytes = bytes.substr(0, static_cast<std::size_t>(room));
    }
  }
  if (is_success() && request_.sink != nullptr) {
    if (!bytes.empty() && !IntoSink(bytes)) return false;
  } else if (bytes.size() > request_.max_body - std::min<std::uint64_t>(request_.max_body, response_.body.size())) {
    response_.body.append(bytes.substr(0, static_cast<std::size_t>(request_.max_body - response_.body.size())));
    return Fail(Status(Code::kIntegrity, "the answer of " + RedactUrl(EndpointOf(request_.url)) + " is larger than " + std::to_string(request_.max_body) + " bytes"));
  } else {
    response_.body.append(bytes);
  }
  if (cut_here) return Fail(WithAmbiguity(Status(Code::kUnavailable, "the answer of " + RedactUrl(EndpointOf(request_.url)) + " was cut")));
  return true;
}

bool Exchange::IntoSink(std::string_view bytes) {
  if (request_.digest_answer) response_.crc64_received = Crc64Nvme(response_.crc64_received, AsBytes(bytes));
  Status status = request_.sink->Write(AsBytes(bytes));
  if (!status.ok()) return Fail(std::move(status));
  response_.received += bytes.size();
  return true;
}

void Exchange::OnConnect() {
  // A second connection within one transfer: libcurl found the first one dead after it had sent something.
  long sent = 0;
  if (curl_easy_getinfo(easy_, CURLINFO_REQUEST_SIZE, &sent) == CURLE_OK && sent > 0) response_.resent = true;
}

// A server may refuse a body early, answer and close.  libcurl then fails to send, and forgets what lies in the socket.
void Exchange::OnClose(curl_socket_t socket) {
  if (head_bytes_ > 0 || !has_body_ || request_.url.compare(0, 7, "http://") != 0) return;
  char buffer[4096];
  while (late_answer_.size() < kMaxLateAnswer) {
    const ssize_t got = ::recv(socket, buffer, sizeof buffer, MSG_DONTWAIT);
    if (got <= 0) return;
    late_answer_.append(buffer, static_cast<std::size_t>(got));
  }
}

Status Exchange::WithAmbiguity(Status status) const {
  long sent = 0;
  const bool started = started_ || (curl_easy_getinfo(easy_, CURLINFO_REQUEST_SIZE, &sent) == CURLE_OK && sent > 0);
  // A head that says failure is an answer; one that says success may be followed by a failure in the body.
  const bool refused = head_done_ && !is_success();
  if (!started || refused || !changes_something()) return status;
  ErrorDetail detail = status.detail();
  detail.ambiguous = true;
  return Status(std::move(detail));
}

Result<Response> Exchange::Finish(Handle* handle, CURLcode code) {
  const bool refused = head_done_ && !is_success();
  if (!failure_.ok()) {
    // The answer is known to be a refusal; that its body is endless, or that the source failed meanwhile, changes nothing.
    if (refused && failure_.code() == Code::kIntegrity) return std::move(response_);
    return failure_;
  }
  if (code == CURLE_OK && head_done_) return std::move(response_);
  if (code == CURLE_OK) code = CURLE_GOT_NOTHING;
  if (refused) return std::move(response_);  // a cut refusal is a refusal
  if (!late_answer_.empty()) {
    Response late;
    if (ParseRawAnswer(late_answer_, &late) && (late.status < 200 || late.status >= 300)) {
      late.sent = response_.sent;
      late.crc64_sent = response_.crc64_sent;
      late.resent = response_.resent;
      return late;
    }
  }
  ErrorDetail detail = DescribeCurlError(code, handle->error(), request_.url, options_.ca_file, started_);
  if (head_done_) detail.http_status = response_.status;
  return WithAmbiguity(Status(std::move(detail)));
}

}  // namespace fileferry::http
