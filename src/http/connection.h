// connection.h: one stream to a host.  libcurl finds the host, connects, goes through tunnels and speaks TLS; what is said on the stream is exchange.cc's.
//
// Used by one thread at a time; leased from the pool.  Belongs to the process that opened it.
#ifndef FILEFERRY_HTTP_CONNECTION_H_
#define FILEFERRY_HTTP_CONNECTION_H_

#include <curl/curl.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "http/client.h"
#include "http/target.h"

namespace fileferry::http {

class Connection {
 public:
  enum class Io : unsigned char { kDone, kWait, kEnd, kFailed };
  static constexpr std::size_t kBuffer = std::size_t{256} << 10;

  // Blocks until connected, at most options.connect_timeout; looks at ctx.  `url` is for messages.
  static Result<std::unique_ptr<Connection>> Open(const OpContext& ctx, const ClientOptions& options, const Target& target, std::string_view url);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  const std::string& origin() const { return origin_; }
  bool tls() const { return tls_; }
  int socket() const { return socket_; }
  // Whether the host has not closed it while it was idle, as far as can be seen without waiting.
  bool IsUsable();
  void Used() { used_ = OpContext::Clock::now(); }

  // None of these waits.  Send gives some of `first`, and of `second` behind it, to the network: kDone with *sent > 0, kWait, or kFailed.  After kWait the same bytes must be given again.
  Io Send(Bytes first, Bytes second, std::size_t* sent);
  // kDone with *got > 0, kWait, kEnd (the host has closed it), or kFailed.
  Io Receive(std::span<std::byte> room, std::size_t* got);
  // After kEnd: whether the host has said so.  Over TLS anybody on the way can close the connection below.
  bool EndIsGenuine() const;
  // Why the last call failed, as one clause.
  std::string error() const;

  std::span<std::byte> receive_buffer() { return {receive_.get(), kBuffer}; }
  std::span<std::byte> send_buffer();  // made on first use
  std::string& head() { return head_; }  // text that is kept for its capacity

 private:
  Connection(CURL* easy, CURLM* multi) : easy_(easy), multi_(multi) {}
  void SetUp(const ClientOptions& options, const Target& target);
  Status Connect(const OpContext& ctx, const ClientOptions& options, std::string_view url);
  static curl_socket_t OpenSocket(void* self, curlsocktype purpose, struct curl_sockaddr* address);

  CURL* const easy_;
  CURLM* const multi_;
  std::string origin_;
  bool tls_ = false;
  int socket_ = -1;
  int errno_ = 0;
  CURLcode code_ = CURLE_OK;
  OpContext::Clock::time_point used_{};
  std::unique_ptr<std::byte[]> receive_, send_;
  std::string head_;
  char words_[CURL_ERROR_SIZE] = "";
};

}  // namespace fileferry::http

#endif  // FILEFERRY_HTTP_CONNECTION_H_
