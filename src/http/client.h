// client.h: one exchange of HTTP/1.1 over a pooled connection.
//
// Connections are made by libcurl (names, proxies, TLS), of which this folder is the only user; requests and answers are written and read here, because that is where the cost of a small
// object lies (docs/performance.md).  Client is thread-safe; Perform blocks.  Kept-alive connections are leased last-in-first-out.  No thread and no socket exists before the first Perform.
// After a fork the child uses connections of its own and never touches the parent's.  Redirects are never followed, proxies of the environment are honoured as curl does, responses are never
// decompressed, paths are sent as they are, TLS 1.2 or later is verified always, .netrc is not read.
//
// Perform never waits to try again; the one exception is a kept-alive connection that turns out to be closed before any byte of the answer came: one more try, if the body can rewind.
#ifndef FILEFERRY_HTTP_CLIENT_H_
#define FILEFERRY_HTTP_CLIENT_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/sys.h"
#include "fileferry/options.h"
#include "fileferry/provider.h"
#include "fileferry/status.h"

namespace fileferry::http {

struct Header {
  std::string name;   // as written; compared without case
  std::string value;
};

struct Request {
  HttpMethod method = HttpMethod::kGet;
  std::string url;                  // complete and encoded
  std::vector<Header> headers;      // a value with a control character is kInvalidArgument: nothing is sent
  // The body: bytes in memory, or a source of exactly body_size bytes.  Neither: no body (PUT and POST then send Content-Length: 0).
  Bytes body{};
  ISource* source = nullptr;
  std::uint64_t body_size = 0;      // of source
  bool expect_continue = false;     // ask before a body of more than 1 MiB is sent; smaller ones are sent at once
  // Where the body of a 2xx answer goes; nullptr: into Response::body, at most max_body bytes (kIntegrity beyond).
  ISink* sink = nullptr;
  std::uint64_t max_body = std::uint64_t{16} << 20;
  // Called once with the head of a 2xx answer before any byte goes into the sink; may refuse it.
  class IHeadCheck { public: virtual ~IHeadCheck() = default; virtual Status OnHead(const struct Response& head) = 0; };
  IHeadCheck* head_check = nullptr;
};

struct Response {
  int status = 0;
  std::vector<Header> headers;      // names in lower case
  std::string body;                 // without a sink, or of an answer that is not 2xx
  std::uint64_t received = 0;       // bytes given to the sink
  std::uint64_t sent = 0;           // bytes of the body taken from the source
  bool resent = false;              // sent a second time over a new connection: the first one may have been processed, so that "exists" or "no such upload" can be our own doing
  std::chrono::microseconds elapsed{0};
  // The first header of that name, or empty.  `name` in lower case.
  std::string_view Find(std::string_view name) const;
};

struct ClientOptions {
  std::chrono::milliseconds connect_timeout{10000};
  std::chrono::milliseconds stall_timeout{60000};   // no byte either way for so long: kTimeout
  std::string ca_file;              // PEM, instead of the system's file
  bool use_proxy = true;            // false: the environment's proxies are passed over (metadata services)
  int max_handles = 256;            // connections in use at once
  std::string user_agent = "fileferry";
};

class Client {
 public:
  explicit Client(ClientOptions options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // An answer of any HTTP status is OK here; a Status is an exchange that did not complete: kUnavailable (no connection, cut; `ambiguous` when the request may have been processed),
  // kTimeout, kCancelled, kIntegrity, kInvalidArgument, or what source or sink returned.
  // `at` is the site that fault injection sees (fault.h).
  Result<Response> Perform(const OpContext& ctx, const Request& request, const sys::Place& at = sys::Place::current());

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The URL without query and user information, for messages and logs.
std::string RedactUrl(std::string_view url);

}  // namespace fileferry::http

#endif  // FILEFERRY_HTTP_CLIENT_H_
