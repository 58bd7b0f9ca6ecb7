// curl_status.cc: libcurl's error codes on the way to a connection, classified once.
#include "http/curl_status.h"

#include <string>

#include "http/client.h"

namespace fileferry::http {
namespace {

ErrorDetail Make(Code code, Retry retry, std::string message) {
  ErrorDetail detail;
  detail.code = code;
  detail.retry = retry;
  detail.message = std::move(message);
  return detail;
}

ErrorDetail Unavailable(std::string message) { return Make(Code::kUnavailable, Retry::kTemporary, std::move(message)); }
ErrorDetail Unusable(std::string message) { return Make(Code::kUnavailable, Retry::kNever, std::move(message)); }

}  // namespace

std::string ClauseOf(std::string_view words, CURLcode code) {
  const bool has_secret = words.find('@') != std::string_view::npos;  // a proxy of the environment, with its password
  std::string text(words.empty() || has_secret ? std::string_view(curl_easy_strerror(code)) : words);
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  while (!text.empty() && (text.back() == '.' || text.back() == ' ')) text.pop_back();
  return text;
}

ErrorDetail DescribeCurlError(CURLcode code, std::string_view words, std::string_view url, std::string_view ca_file) {
  const std::string endpoint = RedactUrl(EndpointOf(url));
  const std::string why = ClauseOf(words, code);
  // Many codes, few meanings: the rest is "the connection failed", which is worth another try.
  switch (static_cast<int>(code)) {
    case CURLE_URL_MALFORMAT: return Make(Code::kInvalidArgument, Retry::kNever, "the URL " + RedactUrl(url) + " cannot be used: " + why);
    case CURLE_UNSUPPORTED_PROTOCOL:
      return Make(Code::kInvalidArgument, Retry::kNever, "the URL " + RedactUrl(url) + " is neither http nor https");
    case CURLE_COULDNT_RESOLVE_HOST: return Unavailable("the host of " + endpoint + " cannot be found: " + why + "; check the endpoint and the name service");
    case CURLE_COULDNT_RESOLVE_PROXY: return Unavailable("the host of the proxy for " + endpoint + " cannot be found; check http_proxy, https_proxy and no_proxy");
    case CURLE_COULDNT_CONNECT: return Unavailable("cannot connect to " + endpoint + ": " + why);
    case CURLE_PEER_FAILED_VERIFICATION:
      return Unusable("the certificate of " + endpoint + " is refused: " + why + (ca_file.empty() ? "; name the authority's certificate as ca_file where it is your own" : "; ca_file is " + std::string(ca_file)));
    case CURLE_SSL_CACERT_BADFILE:
      return Make(Code::kInvalidArgument, Retry::kNever, ca_file.empty() ? "the system's certificate authorities cannot be read: " + why : "the ca_file " + std::string(ca_file) + " cannot be read: " + why);
    case CURLE_SSL_CONNECT_ERROR: return Unavailable("the TLS connection to " + endpoint + " failed: " + why + "; TLS 1.2 or later is needed");
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH: return Unusable("the certificate of " + endpoint + " is refused: " + why);
    case CURLE_OPERATION_TIMEDOUT: return Make(Code::kTimeout, Retry::kTemporary, "cannot connect to " + endpoint + " in time: " + why);
    case CURLE_OUT_OF_MEMORY: return Make(Code::kInternal, Retry::kNever, "no memory for a request to " + endpoint);
    case CURLE_BAD_FUNCTION_ARGUMENT:
    case CURLE_UNKNOWN_OPTION:
    case CURLE_NOT_BUILT_IN:
    case CURLE_FAILED_INIT: return Make(Code::kInternal, Retry::kNever, "libcurl cannot make a request to " + endpoint + ": " + why);
    default: return Unavailable("the connection to " + endpoint + " failed: " + why);
  }
}

std::string_view EndpointOf(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return url.substr(0, url.find_first_of("/?#"));
  return url.substr(0, url.find_first_of("/?#", scheme + 3));
}

}  // namespace fileferry::http
