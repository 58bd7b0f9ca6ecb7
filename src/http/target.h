// target.h: where a request goes: the host of its URL, or the proxy that the environment names for it.  Pure but for the environment; any thread.
#ifndef FILEFERRY_HTTP_TARGET_H_
#define FILEFERRY_HTTP_TARGET_H_

#include <optional>
#include <string>
#include <string_view>

#include "fileferry/status.h"

namespace fileferry::http {

struct Target {
  std::string origin;                // "https://host:9000": what is connected to
  std::string host;                  // of the Host header, without the scheme's own port
  std::string request;               // "/path?query"; the whole URL where a proxy takes it (RFC 9112 3.2.2)
  std::string proxy_authorization;   // "Basic ..." for that proxy, or empty
  std::optional<std::string> tunnel; // for CURLOPT_PROXY: empty is none, absent is what libcurl finds in the environment
};

// kInvalidArgument when the URL is neither of http nor of https.  Proxies are found as curl finds them (http_proxy, https_proxy, all_proxy, no_proxy; HTTP_PROXY is not read): one for http://
// is asked with the whole URL, everything else is a tunnel of libcurl's.  User information in the URL is not sent.
Result<Target> FindTarget(std::string_view url, bool use_proxy);

// Whether a list as in no_proxy names this host: "*", names with all below them, addresses, and networks ("10.0.0.0/8").
bool IsInNoProxy(std::string_view list, std::string_view host);

}  // namespace fileferry::http

#endif  // FILEFERRY_HTTP_TARGET_H_
