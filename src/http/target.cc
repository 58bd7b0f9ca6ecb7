// target.cc: see target.h.
#include "http/target.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>

#include "base/digest.h"
#include "base/text.h"
#include "http/client.h"

namespace fileferry::http {
namespace {

constexpr std::string_view kProxyPort = "1080";  // curl's default for an HTTP proxy

std::string_view Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

// The first of these variables that is set.
std::string_view FirstOf(std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (const std::string_view value = Environment(name); !value.empty()) return value;
  }
  return {};
}

struct Address {
  int family = AF_UNSPEC;  // AF_UNSPEC: a name
  std::array<unsigned char, 16> bytes{};
};

Address ParseAddress(std::string_view host) {
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  const std::string text(host.substr(0, host.find('%')));
  Address address;
  if (::inet_pton(AF_INET, text.c_str(), address.bytes.data()) == 1) {
    address.family = AF_INET;
  } else if (::inet_pton(AF_INET6, text.c_str(), address.bytes.data()) == 1) {
    address.family = AF_INET6;
  }
  return address;
}

bool InNetwork(const Address& host, std::string_view network) {
  const std::size_t slash = network.find('/');
  const Address base = ParseAddress(network.substr(0, slash));
  const std::uint64_t all = host.family == AF_INET ? 32 : 128;
  const std::optional<std::uint64_t> bits = slash == std::string_view::npos ? std::optional<std::uint64_t>(all) : ParseUint(network.substr(slash + 1));
  if (base.family != host.family || !bits || *bits > all) return false;
  const std::size_t whole = static_cast<std::size_t>(*bits / 8);
  if (std::memcmp(base.bytes.data(), host.bytes.data(), whole) != 0) return false;
  const unsigned rest = static_cast<unsigned>(*bits % 8);
  return rest == 0 || ((base.bytes[whole] ^ host.bytes[whole]) >> (8 - rest)) == 0;
}

// Sends the request to this proxy, which speaks HTTP.
Status ThroughProxy(std::string_view proxy, std::string_view url, Target* target) {
  const bool has_scheme = proxy.find("://") != std::string_view::npos;
  const std::string text = has_scheme ? std::string(proxy) : "http://" + std::string(proxy);
  const std::optional<UrlParts> parts = ParseUrl(text);
  if (!parts || parts->host.empty()) return Status(Code::kInvalidArgument, "the proxy of the environment is no URL; check http_proxy and all_proxy (a slash, @ or # in its password must be encoded)");
  target->origin = parts->scheme + "://" + parts->host + ":" + (!parts->port.empty() ? parts->port : parts->scheme == "https" ? "443" : std::string(kProxyPort));
  target->request = url;
  target->tunnel = std::string();
  if (parts->has_user) {
    const std::size_t from = text.find("://") + 3;
    const std::string_view user = std::string_view(text).substr(from, text.substr(0, text.find_first_of("/?", from)).rfind('@') - from);
    const std::size_t colon = std::min(user.find(':'), user.size());
    const std::optional<std::string> name = PercentDecode(user.substr(0, colon), false), password = PercentDecode(user.substr(std::min(colon + 1, user.size())), false);
    if (!name || !password) return Status(Code::kInvalidArgument, "the user of the proxy of the environment is not encoded as in a URL; check http_proxy and all_proxy");
    target->proxy_authorization = "Basic " + ToBase64(AsBytes(*name + ":" + *password));
  }
  return {};
}

}  // namespace

bool IsInNoProxy(std::string_view list, std::string_view host) {
  if (Trim(list) == "*") return true;
  const Address address = ParseAddress(host);
  while (!host.empty() && host.back() == '.') host.remove_suffix(1);
  const std::string name = ToLower(host);
  while (!list.empty()) {
    const std::size_t end = std::min(list.find_first_of(", \t"), list.size());
    std::string_view entry = list.substr(0, end);
    list.remove_prefix(std::min(end + 1, list.size()));
    if (address.family != AF_UNSPEC) {
      if (!entry.empty() && InNetwork(address, entry)) return true;
      continue;
    }
    while (!entry.empty() && entry.back() == '.') entry.remove_suffix(1);
    if (!entry.empty() && entry.front() == '.') entry.remove_prefix(1);
    if (entry.empty()) continue;
    const std::string wanted = ToLower(entry);
    if (name == wanted || (name.size() > wanted.size() && name.ends_with(wanted) && name[name.size() - wanted.size() - 1] == '.')) return true;
  }
  return false;
}

Result<Target> FindTarget(std::string_view url, bool use_proxy) {
  std::optional<UrlParts> parts = ParseUrl(url);
  if (!parts || parts->host.empty()) return Status(Code::kInvalidArgument, "the URL " + RedactUrl(url) + " cannot be used");
  if (std::any_of(parts->host.begin(), parts->host.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; })) {
    return Status(Code::kInvalidArgument, "the host of " + RedactUrl(url) + " is not ASCII; write it in its xn-- form");
  }
  const bool tls = parts->scheme == "https";
  if (!tls && parts->scheme != "http") return Status(Code::kInvalidArgument, "the URL " + RedactUrl(url) + " is neither http nor https");
  Target target;
  const std::string_view own_port = tls ? "443" : "80";
  target.host = parts->port == own_port ? parts->host : parts->authority();
  target.origin.append(parts->scheme).append("://").append(parts->host).append(":").append(parts->port.empty() ? own_port : std::string_view(parts->port));
  if (parts->path.empty()) target.request = "/";
  target.request.append(parts->path);
  if (url.find('?') != std::string_view::npos) target.request.append("?").append(parts->query);
  if (!use_proxy) {
    target.tunnel = std::string();
  } else if (!tls) {
    const std::string_view proxy = FirstOf({"http_proxy", "all_proxy", "ALL_PROXY"});
    if (proxy.empty() || IsInNoProxy(FirstOf({"no_proxy", "NO_PROXY"}), parts->host)) {
      target.tunnel = std::string();
    } else if (const std::string_view scheme = proxy.substr(0, proxy.find("://")); ToLower(scheme).starts_with("socks")) {
      target.tunnel = std::string(proxy);
    } else {
      const std::string plain = parts->scheme + "://" + parts->authority() + target.request;  // without user information
      if (Status status = ThroughProxy(proxy, plain, &target); !status.ok()) return status;
    }
  }
  return target;
}

}  // namespace fileferry::http
