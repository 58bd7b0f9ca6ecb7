// url.cc: taking URLs and query texts apart.  Pure functions; any thread.
#include <algorithm>

#include "base/text.h"

namespace fileferry {
namespace {

bool IsAlpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsHex(char c) { return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

bool IsScheme(std::string_view text) {
  const auto fits = [](char c) { return IsAlpha(c) || IsDigit(c) || c == '+' || c == '-' || c == '.'; };
  return !text.empty() && IsAlpha(text[0]) && std::all_of(text.begin(), text.end(), fits);
}

bool IsBracketedHost(std::string_view host) {
  if (host.size() < 4 || host.front() != '[' || host.back() != ']') return false;
  const std::string_view inside = host.substr(1, host.size() - 2);
  // An address, and after '%' the name of an interface.
  const std::string_view address = inside.substr(0, inside.find('%'));
  const std::string_view zone = inside.substr(address.size());
  const auto in_address = [](char c) { return IsHex(c) || c == ':' || c == '.'; };
  const auto in_zone = [](char c) { return IsAlpha(c) || IsDigit(c) || c == '%' || c == '-' || c == '.' || c == '_'; };
  if (address.find(':') == std::string_view::npos) return false;
  return std::all_of(address.begin(), address.end(), in_address) && std::all_of(zone.begin(), zone.end(), in_zone);
}

bool IsHost(std::string_view host) {
  if (!host.empty() && host.front() == '[') return IsBracketedHost(host);
  return std::all_of(host.begin(), host.end(), [](char c) {
    const unsigned char byte = static_cast<unsigned char>(c);
    return byte > 0x20 && byte != 0x7F && std::string_view("\"#/:<>?@[\\]^`{|}").find(c) == std::string_view::npos;
  });
}

bool IsPort(std::string_view port) {
  const std::optional<std::uint64_t> number = ParseUint(port);
  return number && *number >= 1 && *number <= 65535;
}

}  // namespace

std::optional<UrlParts> ParseUrl(std::string_view url) {
  const std::size_t colon = url.find("://");
  if (colon == std::string_view::npos || !IsScheme(url.substr(0, colon))) return std::nullopt;
  UrlParts parts;
  parts.scheme = ToLower(url.substr(0, colon));
  url.remove_prefix(colon + 3);
  std::string_view authority = url.substr(0, url.find_first_of("/?"));
  url.remove_prefix(authority.size());
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    parts.has_user = true;
    authority.remove_prefix(at + 1);
  }
  const std::size_t bracket = authority.find(']');
  const std::size_t port = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  parts.host = authority.substr(0, port);
  if (port != std::string_view::npos) parts.port = authority.substr(port + 1);
  if (!IsHost(parts.host) || (port != std::string_view::npos && !IsPort(parts.port))) return std::nullopt;
  const std::size_t question = url.find('?');
  parts.path = url.substr(0, question);
  if (question != std::string_view::npos) parts.query = url.substr(question + 1);
  return parts;
}

std::vector<std::pair<std::string, std::string>> ParseQuery(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> out;
  const auto decode = [](std::string_view text) {
    std::optional<std::string> decoded = PercentDecode(text, false);
    return decoded ? *std::move(decoded) : std::string(text);
  };
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    out.emplace_back(decode(pair.substr(0, equals)), equals == std::string_view::npos ? std::string() : decode(pair.substr(equals + 1)));
  }
  return out;
}

}  // namespace fileferry
