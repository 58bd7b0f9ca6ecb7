// redact.cc: a URL as it may be shown.  Pure; any thread.
#include "http/client.h"

namespace fileferry::http {

std::string RedactUrl(std::string_view url) {
  url = url.substr(0, url.find_first_of("?#"));
  const std::size_t scheme = url.find("://");
  const std::size_t authority = scheme == std::string_view::npos ? 0 : scheme + 3;
  const std::size_t path = url.find('/', authority);
  const std::size_t end = path == std::string_view::npos ? url.size() : path;
  std::string out;
  // The last '@': user information may hold more of them.
  const std::size_t at = url.substr(0, end).rfind('@');
  const std::size_t host = at == std::string_view::npos || at < authority ? authority : at + 1;
  for (std::string_view part : {url.substr(0, authority), url.substr(host)}) {
    for (char c : part) {
      const auto byte = static_cast<unsigned char>(c);
      out.push_back(byte < 0x20 || byte == 0x7f ? '?' : c);
    }
  }
  return out;
}

}  // namespace fileferry::http
