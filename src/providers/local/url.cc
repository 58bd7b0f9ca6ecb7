// url.cc: signed URLs to files that the host serves: <base>/<key>?method=…&expires=…&…&signature=….  No I/O; any thread.
#include <charconv>

#include "base/clock.h"
#include "base/digest.h"
#include "base/text.h"
#include "providers/local/provider.h"

namespace fileferry::local {
namespace {

constexpr std::string_view kVersion = "fileferry-url-1";

std::string Encode(std::string_view text, bool keep_slash) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '~' || (keep_slash && c == '/');
    if (plain) {
      out += c;
    } else {
      out.append({'%', "0123456789ABCDEF"[byte >> 4], "0123456789ABCDEF"[byte & 15]});
    }
  }
  return out;
}

// A browser folds "." and ".." segments away: their dots are encoded, which a host's router leaves alone more often than not, and the signature covers the key anyway.
std::string EncodeKey(std::string_view key) {
  std::string out;
  for (std::size_t begin = 0;;) {
    const std::size_t slash = key.find('/', begin);
    const std::string_view segment = key.substr(begin, slash == std::string_view::npos ? slash : slash - begin);
    if (segment == "." || segment == "..") {
      for (std::size_t i = 0; i < segment.size(); ++i) out += "%2E";
    } else {
      out += Encode(segment, false);
    }
    if (slash == std::string_view::npos) return out;
    out += '/';
    begin = slash + 1;
  }
}

using Fields = std::vector<std::pair<std::string, std::string>>;

// Every field with its length, so that no two sets of fields read alike.
std::string Sign(std::string_view secret, std::string_view key, const Fields& fields) {
  std::string text(kVersion);
  const auto add = [&text](std::string_view part) { text.append("\n").append(std::to_string(part.size())).append(":").append(part); };
  add(key);
  for (const auto& [name, value] : fields) {
    add(name);
    add(value);
  }
  const std::array<std::byte, 32> mac = HmacSha256(AsBytes(secret), AsBytes(text));
  return ToHex(Bytes(mac.data(), mac.size()));
}

std::string PathOf(std::string_view url) {  // of the base: what stands after scheme and host
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return std::string(url);
  const std::size_t slash = url.find('/', scheme + 3);
  return slash == std::string_view::npos ? std::string() : std::string(url.substr(slash));
}

Status Refused(std::string_view why) { return Status(Code::kPermissionDenied, "the URL is not valid: " + std::string(why)); }

}  // namespace

Result<SignedUrl> LocalProvider::Url(std::string_view key, const UrlOptions& options) {
  const LocalOptions& own = tree_.options();
  if (Status s = CheckKeyBytes(key); !s.ok()) return Say(s, "url", key);
  if (own.url_base.empty()) return Say(Status(Code::kUnsupported, "no URL leads to this folder; set url_base"), "url", key);
  SignedUrl out;
  out.url = own.url_base + "/" + EncodeKey(key);
  if (options.is_public) return out;
  if (own.url_secret.empty()) return Say(Status(Code::kUnsupported, "URLs cannot be signed without url_secret"), "url", key);
  if (options.expires < std::chrono::seconds(1) || options.expires > std::chrono::days(7)) {
    return Say(Status(Code::kInvalidArgument, "a signed URL lives from 1 second to 7 days"), "url", key);
  }
  if (options.method == HttpMethod::kPost || options.method == HttpMethod::kDelete) {
    return Say(Status(Code::kInvalidArgument, "only GET, HEAD and PUT can be signed"), "url", key);
  }
  const Time expires = std::chrono::ceil<std::chrono::seconds>(Now() + options.expires);
  Fields fields;
  fields.emplace_back("method", std::string(HttpMethodName(options.method)));
  fields.emplace_back("expires", std::to_string(std::chrono::floor<std::chrono::seconds>(expires.time_since_epoch()).count()));
  if (options.method == HttpMethod::kPut) {
    if (!options.content_type.empty()) fields.emplace_back("content-type", options.content_type);
    if (options.content_length) fields.emplace_back("content-length", std::to_string(*options.content_length));
    if (!options.content_md5.empty()) fields.emplace_back("content-md5", options.content_md5);
    if (!options.content_type.empty()) out.headers.emplace_back("Content-Type", options.content_type);
    if (!options.content_md5.empty()) out.headers.emplace_back("Content-MD5", options.content_md5);
  } else {
    if (!options.response_content_type.empty()) fields.emplace_back("response-content-type", options.response_content_type);
    if (!options.response_content_disposition.empty()) fields.emplace_back("response-content-disposition", options.response_content_disposition);
  }
  char separator = '?';
  for (const auto& [name, value] : fields) {
    out.url.append(1, separator).append(name).append("=").append(Encode(value, false));
    separator = '&';
  }
  out.url.append("&signature=").append(Sign(own.url_secret, key, fields));
  out.expires = expires;
  return out;
}

Result<LocalStorageProvider::CheckedUrl> LocalProvider::CheckUrl(std::string_view url, HttpMethod method, Time now) const {
  const LocalOptions& own = tree_.options();
  if (own.url_base.empty() || own.url_secret.empty()) return Status(Code::kUnsupported, "no URL leads to this folder; set url_base and url_secret");
  // A host may know the whole URL, or only what follows its own name.
  const std::string base_path = PathOf(own.url_base) + "/";
  std::string_view rest = url.substr(0, url.find('#'));
  if (rest.starts_with(own.url_base + "/")) {
    rest.remove_prefix(own.url_base.size() + 1);
  } else if (rest.starts_with('/') && rest.starts_with(base_path)) {
    rest.remove_prefix(base_path.size());
  } else {
    return Refused("it does not begin with " + own.url_base);
  }
  const std::size_t question = rest.find('?');
  if (question == std::string_view::npos) return Refused("it is not signed");
  const std::optional<std::string> key = PercentDecode(rest.substr(0, question), false);
  if (!key || !CheckKeyBytes(*key).ok()) return Refused("its path is no key");
  Fields fields = ParseQuery(rest.substr(question + 1));
  if (fields.size() < 3 || fields.back().first != "signature" || fields[0].first != "method" || fields[1].first != "expires") return Refused("it is not signed");
  const std::string signature = fields.back().second;
  fields.pop_back();
  if (!SecretEquals(signature, Sign(own.url_secret, *key, fields))) return Refused("the signature does not match");
  const std::optional<std::uint64_t> expires = ParseUint(fields[1].second);
  if (!expires || *expires > static_cast<std::uint64_t>(INT64_MAX / 1'000'000'000)) return Refused("the time of expiry is no number");
  if (now >= Time(std::chrono::seconds(*expires))) return Refused("it has expired");
  const bool reads = fields[0].second == "GET" || fields[0].second == "HEAD";
  const bool allowed = fields[0].second == HttpMethodName(method) || (reads && method == HttpMethod::kHead);
  if (!allowed) return Refused("it is signed for " + fields[0].second);
  CheckedUrl checked;
  checked.key = *key;
  checked.method = method;
  for (auto& [name, value] : fields) {
    if (name == "content-type") checked.content_type = std::move(value);
    else if (name == "content-md5") checked.content_md5 = std::move(value);
    else if (name == "response-content-type") checked.response_content_type = std::move(value);
    else if (name == "response-content-disposition") checked.response_content_disposition = std::move(value);
    else if (name == "content-length") {
      checked.content_length = ParseUint(value);
      if (!checked.content_length) return Refused("the signed length is no number");
    }
  }
  return checked;
}

}  // namespace fileferry::local
