// connection.cc: see connection.h.  Faults of the network are injected as a whole exchange (fault.h), so sockets are used directly.
#include "http/connection.h"

#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "http/curl_status.h"

namespace fileferry::http {
namespace {

constexpr std::size_t kTlsRecord = std::size_t{16} << 10;  // at once, so that progress is seen
constexpr auto kMaxIdle = std::chrono::seconds(90);         // what stands between may have forgotten it by then

// libcurl is initialised once in the process, and never cleaned up: the host may use it too.
bool InitOnce() {
  static const bool ok = curl_global_init(CURL_GLOBAL_ALL) == CURLE_OK;
  return ok;
}

bool WouldBlock(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

}  // namespace

Result<std::unique_ptr<Connection>> Connection::Open(const OpContext& ctx, const ClientOptions& options, const Target& target, std::string_view url) {
  CURL* easy = InitOnce() ? curl_easy_init() : nullptr;
  CURLM* multi = easy == nullptr ? nullptr : curl_multi_init();
  if (multi == nullptr) {
    curl_easy_cleanup(easy);
    return Status(Code::kInternal, "libcurl cannot be initialised");
  }
  std::unique_ptr<Connection> connection(new Connection(easy, multi));
  connection->SetUp(options, target);
  if (Status status = connection->Connect(ctx, options, url); !status.ok()) return status;
  return connection;
}

Connection::~Connection() {
  curl_multi_remove_handle(multi_, easy_);
  curl_easy_cleanup(easy_);
  curl_multi_cleanup(multi_);
}

void Connection::SetUp(const ClientOptions& options, const Target& target) {
  origin_ = target.origin;
  tls_ = origin_.starts_with("https");
  const auto set = [this](CURLoption option, auto value) { (void)curl_easy_setopt(easy_, option, value); };
  set(CURLOPT_URL, origin_.c_str());
  set(CURLOPT_CONNECT_ONLY, 1L);
  set(CURLOPT_ERRORBUFFER, words_);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  set(CURLOPT_SSL_VERIFYPEER, 1L);
  set(CURLOPT_SSL_VERIFYHOST, 2L);
  if (!options.ca_file.empty()) set(CURLOPT_CAINFO, options.ca_file.c_str());
  if (target.tunnel) set(CURLOPT_PROXY, target.tunnel->c_str());
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout.count()));
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  if (!options.user_agent.empty()) set(CURLOPT_USERAGENT, options.user_agent.c_str());  // for the CONNECT of a tunnel
  set(CURLOPT_QUICK_EXIT, 1L);  // a name that is still looked up does not hold up a call that has ended
  set(CURLOPT_OPENSOCKETFUNCTION, &Connection::OpenSocket);
}

Status Connection::Connect(const OpContext& ctx, const ClientOptions& options, std::string_view url) {
  if (curl_multi_add_handle(multi_, easy_) != CURLM_OK) return Status(Code::kInternal, "libcurl cannot make a connection");
  for (int running = 1;;) {
    if (curl_multi_perform(multi_, &running) != CURLM_OK) return Status(Code::kInternal, "libcurl cannot make a connection");
    if (running == 0) break;
    if (Status status = ctx.Check(); !status.ok()) return status;
    auto slice = std::chrono::milliseconds(ctx.cancel != nullptr ? 50 : 1000);
    if (ctx.deadline != OpContext::Clock::time_point::max()) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(ctx.deadline - OpContext::Clock::now()) + std::chrono::milliseconds(1);
      slice = std::clamp(left, std::chrono::milliseconds(1), slice);
    }
    if (curl_multi_poll(multi_, nullptr, 0, static_cast<int>(slice.count()), nullptr) != CURLM_OK) return Status(Code::kInternal, "libcurl cannot wait for a connection");
  }
  int left = 0;
  const CURLMsg* message = curl_multi_info_read(multi_, &left);
  const CURLcode code = message != nullptr && message->msg == CURLMSG_DONE ? message->data.result : CURLE_FAILED_INIT;
  if (code != CURLE_OK) return Status(DescribeCurlError(code, words_, url, options.ca_file));
  curl_socket_t socket = CURL_SOCKET_BAD;
  if (curl_easy_getinfo(easy_, CURLINFO_ACTIVESOCKET, &socket) != CURLE_OK || socket == CURL_SOCKET_BAD) return Status(Code::kInternal, "libcurl does not give the socket of its connection");
  socket_ = socket;
  words_[0] = '\0';
  receive_.reset(new std::byte[kBuffer]);
  return {};
}

std::span<std::byte> Connection::send_buffer() {
  if (send_ == nullptr) send_.reset(new std::byte[kBuffer]);
  return {send_.get(), kBuffer};
}

bool Connection::IsUsable() {
  if (used_ != OpContext::Clock::time_point() && OpContext::Clock::now() - used_ > kMaxIdle) return false;
  // Otherwise it is an end, or something that nobody asked for.  Over TLS a new ticket may wait in the socket, and surplus bytes of an answer behind it.
  std::size_t got = 0;
  if (tls_) return Receive({receive_.get(), kBuffer}, &got) == Io::kWait;
  char byte = 0;
  return ::recv(socket_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && WouldBlock(errno);
}

Connection::Io Connection::Send(Bytes first, Bytes second, std::size_t* sent) {
  *sent = 0;
  if (tls_) {
    const Bytes bytes = first.empty() ? second : first;
    code_ = curl_easy_send(easy_, bytes.data(), std::min(bytes.size(), kTlsRecord), sent);
    if (code_ == CURLE_AGAIN) return Io::kWait;
    return code_ == CURLE_OK && *sent > 0 ? Io::kDone : Io::kFailed;
  }
  struct iovec parts[2] = {{const_cast<std::byte*>(first.data()), first.size()}, {const_cast<std::byte*>(second.data()), second.size()}};
  struct msghdr message = {};
  message.msg_iov = first.empty() ? parts + 1 : parts;
  message.msg_iovlen = first.empty() || second.empty() ? 1 : 2;
  const ssize_t n = ::sendmsg(socket_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (n > 0) {
    *sent = static_cast<std::size_t>(n);
    return Io::kDone;
  }
  errno_ = n == 0 ? EPIPE : errno;
  return WouldBlock(errno_) ? Io::kWait : Io::kFailed;
}

Connection::Io Connection::Receive(std::span<std::byte> room, std::size_t* got) {
  *got = 0;
  if (tls_) {
    code_ = curl_easy_recv(easy_, room.data(), room.size(), got);
    if (code_ == CURLE_AGAIN) return Io::kWait;
    if (code_ != CURLE_OK) return Io::kFailed;
    return *got > 0 ? Io::kDone : Io::kEnd;
  }
  const ssize_t n = ::recv(socket_, room.data(), room.size(), MSG_DONTWAIT);
  if (n >= 0) {
    *got = static_cast<std::size_t>(n);
    return n > 0 ? Io::kDone : Io::kEnd;
  }
  errno_ = errno;
  return WouldBlock(errno_) ? Io::kWait : Io::kFailed;
}

bool Connection::EndIsGenuine() const {
  if (!tls_) return true;
  struct curl_tlssessioninfo* session = nullptr;
  if (curl_easy_getinfo(easy_, CURLINFO_TLS_SSL_PTR, &session) != CURLE_OK || session == nullptr || session->backend != CURLSSLBACKEND_OPENSSL) return false;
  return (SSL_get_shutdown(static_cast<SSL*>(session->internals)) & SSL_RECEIVED_SHUTDOWN) != 0;
}

std::string Connection::error() const {
  if (tls_) return ClauseOf(words_, code_);
  char buffer[128] = "";
  return strerror_r(errno_, buffer, sizeof buffer);
}

curl_socket_t Connection::OpenSocket(void*, curlsocktype, struct curl_sockaddr* address) {
  // Not inherited by programs that the host starts.
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

}  // namespace fileferry::http
