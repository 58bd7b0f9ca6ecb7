// sigv4.cc: Signature Version 4, written so that one signature costs two or three microseconds.  Pure computation; any thread, no lock (see KeyCache).
#include "fileferry/sigv4.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>

#include "base/digest.h"
#include "base/text.h"

namespace fileferry {
namespace {

using Key = std::array<std::byte, 32>;

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr std::string_view kEmptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";
constexpr std::int64_t kMaxExpiry = 604800;

// Headers that proxies or HTTP libraries change or add, and that are therefore left out of a signature.
constexpr std::string_view kNeverSigned[] = {"accept",  "accept-encoding", "authorization", "connection",        "expect",  "keep-alive", "proxy-authenticate", "proxy-authorization",
                                             "te",      "trailer",         "transfer-encoding", "upgrade", "user-agent", "x-amzn-trace-id"};

bool IsNeverSigned(std::string_view name) { return std::find(std::begin(kNeverSigned), std::end(kNeverSigned), name) != std::end(kNeverSigned); }

struct Unreserved {
  bool is[256] = {};
  constexpr Unreserved() {
    for (int c = 'a'; c <= 'z'; ++c) is[c] = true;
    for (int c = 'A'; c <= 'Z'; ++c) is[c] = true;
    for (int c = '0'; c <= '9'; ++c) is[c] = true;
    for (unsigned char c : {'-', '_', '.', '~'}) is[c] = true;
  }
};
constexpr Unreserved kUnreserved;

void AppendEncoded(std::string_view text, bool keep_slash, std::string* out) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::size_t plain = 0;  // what was not appended yet
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (kUnreserved.is[byte] || (byte == '/' && keep_slash)) continue;
    out->append(text.substr(plain, i - plain));
    const char escape[3] = {'%', kHex[byte >> 4], kHex[byte & 15]};
    out->append(escape, 3);
    plain = i + 1;
  }
  out->append(text.substr(plain));
}

bool IsBlank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// Both ends trimmed, runs of white space one space.
void AppendValue(std::string_view value, std::string* out) {
  bool pending = false;
  bool any = false;
  for (char c : value) {
    if (IsBlank(c)) {
      pending = any;
      continue;
    }
    if (pending) out->push_back(' ');
    pending = false;
    any = true;
    out->push_back(c);
  }
}

// "//", "." and ".." collapsed, as the services other than S3 do before they compare.
std::string NormalizePath(std::string_view path) {
  std::vector<std::string_view> segments;
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string_view segment = path.substr(at, end - at);
    if (segment == "..") {
      if (!segments.empty()) segments.pop_back();
    } else if (!segment.empty() && segment != ".") {
      segments.push_back(segment);
    }
    at = end + 1;
  }
  std::string out;
  for (std::string_view segment : segments) out.append("/").append(segment);
  if (segments.empty() || (!path.empty() && path.back() == '/')) out.push_back('/');
  return out;
}

std::string CanonicalPath(std::string encoded, const SigV4Options& options) {
  if (options.normalize_path) encoded = NormalizePath(encoded);
  if (options.double_encode) {
    std::string twice;
    twice.reserve(encoded.size() + encoded.size() / 2);
    AppendEncoded(encoded, /*keep_slash=*/true, &twice);
    return twice;
  }
  return encoded;
}

std::string EncodePath(std::string_view path) {
  std::string out;
  out.reserve(path.size() + 16);
  if (path.empty() || path.front() != '/') out.push_back('/');
  AppendEncoded(path, /*keep_slash=*/true, &out);
  return out;
}

using Query = std::vector<std::pair<std::string, std::string>>;

std::string CanonicalQuery(const Query& query) {
  if (query.empty()) return {};
  Query encoded;
  encoded.reserve(query.size());
  for (const auto& [name, value] : query) {
    auto& pair = encoded.emplace_back();
    AppendEncoded(name, /*keep_slash=*/false, &pair.first);
    AppendEncoded(value, /*keep_slash=*/false, &pair.second);
  }
  std::sort(encoded.begin(), encoded.end());
  std::string out;
  for (const auto& [name, value] : encoded) {
    if (!out.empty()) out.push_back('&');
    out.append(name).append("=").append(value);
  }
  return out;
}

struct HeaderView {
  std::string_view name;  // lower case
  std::string_view value;
};

// The headers of one signature: names in lower case, in the order of the canonical request.  A few are added by the signer; the caller's of the same name are passed over.
class HeaderList {
 public:
  HeaderList(const SigV4Request& request, std::initializer_list<HeaderView> added) {
    std::size_t room = 0;
    for (const auto& header : request.headers) room += header.first.size();
    names_.reserve(room);  // views point into it
    list_.reserve(request.headers.size() + added.size() + 1);
    list_.push_back({"host", request.host});
    for (const HeaderView& header : added) {
      if (!header.name.empty()) list_.push_back(header);
    }
    const std::size_t ours = list_.size();
    for (const auto& [name, value] : request.headers) {
      const std::size_t at = names_.size();
      for (char c : name) names_.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
      const std::string_view lower = std::string_view(names_).substr(at);
      const auto is_same = [lower](const HeaderView& other) { return other.name == lower; };
      if (IsNeverSigned(lower) || std::any_of(list_.begin(), list_.begin() + static_cast<std::ptrdiff_t>(ours), is_same)) continue;
      list_.push_back({lower, value});
    }
    // Insertion: a handful of names, equal ones in the order given, no allocation.
    for (std::size_t i = 1; i < list_.size(); ++i) {
      for (std::size_t j = i; j > 0 && list_[j].name < list_[j - 1].name; --j) std::swap(list_[j], list_[j - 1]);
    }
  }

  void AppendCanonical(std::string* out) const {
    for (std::size_t i = 0; i < list_.size(); ++i) {
      if (i > 0 && list_[i].name == list_[i - 1].name) {
        out->back() = ',';  // one more value of the same header
      } else {
        out->append(list_[i].name).push_back(':');
      }
      AppendValue(list_[i].value, out);
      out->push_back('\n');
    }
  }

  std::string Names() const {
    std::string out;
    for (std::size_t i = 0; i < list_.size(); ++i) {
      if (i > 0 && list_[i].name == list_[i - 1].name) continue;
      if (i > 0) out.push_back(';');
      out.append(list_[i].name);
    }
    return out;
  }

 private:
  std::string names_;
  std::vector<HeaderView> list_;
};

std::string Canonical(std::string_view method, std::string_view path, std::string_view query, const HeaderList& headers, std::string_view names, std::string_view payload_hash) {
  std::string out;
  out.reserve(method.size() + path.size() + query.size() + payload_hash.size() + names.size() + 512);
  out.append(method).append("\n").append(path).append("\n").append(query).append("\n");
  headers.AppendCanonical(&out);
  out.append("\n").append(names).append("\n").append(payload_hash);
  return out;
}

std::string_view PayloadHash(const SigV4Request& request) { return request.payload_hash.empty() ? kEmptyHash : std::string_view(request.payload_hash); }

std::string ScopeOf(std::string_view day, const SigV4Options& options) {
  std::string out;
  out.reserve(day.size() + options.region.size() + options.service.size() + 16);
  out.append(day).append("/").append(options.region).append("/").append(options.service).append("/aws4_request");
  return out;
}

std::string TextToSign(std::string_view algorithm, std::string_view date, const SigV4Options& options) {
  std::string out;
  out.reserve(320);
  out.append(algorithm).append("\n").append(date).append("\n").append(ScopeOf(date.substr(0, 8), options)).append("\n");
  return out;
}

std::string Hash(std::string_view text) { return ToHex(Sha256(AsBytes(text)).value()); }

// The signing key of one day.  Readers and the one writer meet in a sequence lock: whoever finds it busy computes the key again, so that nobody ever waits, not even a child process that
// was forked while a thread of its parent wrote.
class KeyCache {
 public:
  Key Get(const SigV4Credentials& credentials, const SigV4Options& options, std::string_view day) {
    const std::uint64_t number = DayNumber(day);
    Key key;
    if (Read(number, &key)) return key;
    key = Derive(credentials, options, day);
    Write(number, key);
    return key;
  }

 private:
  // The eight digits as a number; never 0, which is the empty cache.
  static std::uint64_t DayNumber(std::string_view day) {
    std::uint64_t number = 0;
    std::memcpy(&number, day.data(), std::min(day.size(), sizeof number));
    return number;
  }

  static Key Derive(const SigV4Credentials& credentials, const SigV4Options& options, std::string_view day) {
    const std::string start = "AWS4" + credentials.secret_access_key;
    Key key = HmacSha256(AsBytes(start), AsBytes(day));
    key = HmacSha256(key, AsBytes(options.region));
    key = HmacSha256(key, AsBytes(options.service));
    return HmacSha256(key, AsBytes("aws4_request"));
  }

  bool Read(std::uint64_t number, Key* out) const {
    const std::uint32_t before = version_.load(std::memory_order_acquire);
    if ((before & 1) != 0) return false;
    // Acquire, so that the version is looked at again after them; it is odd, or higher, for who saw a word of a writer.
    const bool is_it = day_.load(std::memory_order_acquire) == number;
    std::uint64_t words[4];
    for (std::size_t i = 0; i < 4; ++i) words[i] = words_[i].load(std::memory_order_acquire);
    if (!is_it || version_.load(std::memory_order_relaxed) != before) return false;
    std::memcpy(out->data(), words, sizeof words);
    return true;
  }

  void Write(std::uint64_t number, const Key& key) {
    std::uint32_t before = version_.load(std::memory_order_relaxed);
    if ((before & 1) != 0 || !version_.compare_exchange_strong(before, before + 1, std::memory_order_acquire)) return;
    std::uint64_t words[4];
    std::memcpy(words, key.data(), sizeof words);
    day_.store(number, std::memory_order_release);
    for (std::size_t i = 0; i < 4; ++i) words_[i].store(words[i], std::memory_order_release);
    version_.store(before + 2, std::memory_order_release);
  }

  std::atomic<std::uint32_t> version_{0};
  std::atomic<std::uint64_t> day_{0};
  std::array<std::atomic<std::uint64_t>, 4> words_{};
};

}  // namespace

std::string UriEncode(std::string_view text, bool keep_slash) {
  std::string out;
  out.reserve(text.size() + 16);
  AppendEncoded(text, keep_slash, &out);
  return out;
}

struct SigV4Signer::Impl {
  SigV4Credentials credentials;
  SigV4Options options;
  mutable KeyCache keys;

  std::string Sign(std::string_view text, std::string_view day) const { return ToHex(HmacSha256(keys.Get(credentials, options, day), AsBytes(text))); }
};

SigV4Signer::SigV4Signer(SigV4Credentials credentials, SigV4Options options) : impl_(new Impl{std::move(credentials), std::move(options), {}}) {}
SigV4Signer::~SigV4Signer() = default;
const SigV4Options& SigV4Signer::options() const { return impl_->options; }

SigV4Result SigV4Signer::Sign(const SigV4Request& request, Time now) const {
  const SigV4Options& options = impl_->options;
  const SigV4Credentials& credentials = impl_->credentials;
  const std::string date = FormatAmzDate(now);
  const std::string_view day = std::string_view(date).substr(0, 8);
  const std::string_view payload_hash = PayloadHash(request);
  const bool has_token = !credentials.session_token.empty();
  const HeaderList headers(request, {{"x-amz-date", date},
                                     {options.signed_body ? "x-amz-content-sha256" : std::string_view(), payload_hash},
                                     {has_token ? "x-amz-security-token" : std::string_view(), credentials.session_token}});
  SigV4Result result;
  result.signed_headers = headers.Names();
  result.encoded_path = EncodePath(request.path);
  result.encoded_query = CanonicalQuery(request.query);
  const bool as_sent = !options.normalize_path && !options.double_encode;
  const std::string other_path = as_sent ? std::string() : CanonicalPath(result.encoded_path, options);
  result.canonical_request = Canonical(request.method, as_sent ? result.encoded_path : other_path, result.encoded_query, headers, result.signed_headers, payload_hash);
  result.string_to_sign = TextToSign(kAlgorithm, date, options).append(Hash(result.canonical_request));
  result.signature = impl_->Sign(result.string_to_sign, day);

  std::string authorization;
  authorization.reserve(160 + credentials.access_key_id.size() + options.region.size() + options.service.size() + result.signed_headers.size());
  authorization.append(kAlgorithm).append(" Credential=").append(credentials.access_key_id).append("/").append(ScopeOf(day, options));
  authorization.append(", SignedHeaders=").append(result.signed_headers).append(", Signature=").append(result.signature);
  result.headers.reserve(4);
  result.headers.emplace_back("Authorization", std::move(authorization));
  result.headers.emplace_back("x-amz-date", date);
  if (options.signed_body) result.headers.emplace_back("x-amz-content-sha256", payload_hash);
  if (has_token) result.headers.emplace_back("x-amz-security-token", credentials.session_token);
  return result;
}

Result<SigV4Result> SigV4Signer::Presign(const SigV4Request& request, Time now, std::chrono::seconds expires) const {
  if (expires.count() < 1 || expires.count() > kMaxExpiry) {
    return Status(Code::kInvalidArgument, "a signed URL cannot be valid for " + std::to_string(expires.count()) + " seconds; 1 to 604800 (7 days) are possible");
  }
  const SigV4Options& options = impl_->options;
  const SigV4Credentials& credentials = impl_->credentials;
  const std::string date = FormatAmzDate(now);
  const std::string_view day = std::string_view(date).substr(0, 8);
  const HeaderList headers(request, {});
  SigV4Result result;
  result.signed_headers = headers.Names();
  Query query = request.query;
  query.emplace_back("X-Amz-Algorithm", kAlgorithm);
  query.emplace_back("X-Amz-Credential", credentials.access_key_id + "/" + ScopeOf(day, options));
  query.emplace_back("X-Amz-Date", date);
  query.emplace_back("X-Amz-Expires", std::to_string(expires.count()));
  query.emplace_back("X-Amz-SignedHeaders", result.signed_headers);
  if (!credentials.session_token.empty()) query.emplace_back("X-Amz-Security-Token", credentials.session_token);
  result.encoded_path = EncodePath(request.path);
  result.encoded_query = CanonicalQuery(query);
  const std::string_view payload_hash = options.signed_body ? kUnsignedPayload : PayloadHash(request);
  result.canonical_request = Canonical(request.method, CanonicalPath(result.encoded_path, options), result.encoded_query, headers, result.signed_headers, payload_hash);
  result.string_to_sign = TextToSign(kAlgorithm, date, options).append(Hash(result.canonical_request));
  result.signature = impl_->Sign(result.string_to_sign, day);
  result.encoded_query.append("&X-Amz-Signature=").append(result.signature);
  return result;
}

std::string SigV4Signer::CanonicalRequest(const SigV4Request& request, const SigV4Options& options, std::string* signed_headers) {
  const HeaderList headers(request, {});
  std::string names = headers.Names();
  std::string canonical = Canonical(request.method, CanonicalPath(EncodePath(request.path), options), CanonicalQuery(request.query), headers, names, PayloadHash(request));
  if (signed_headers != nullptr) *signed_headers = std::move(names);
  return canonical;
}

std::string SigV4Signer::StringToSign(std::string_view canonical_request, Time now, const SigV4Options& options) {
  return TextToSign(kAlgorithm, FormatAmzDate(now), options).append(Hash(canonical_request));
}

std::string SigV4Signer::Signature(std::string_view string_to_sign, Time now) const { return impl_->Sign(string_to_sign, FormatAmzDate(now).substr(0, 8)); }

std::string SigV4Signer::Scope(Time now) const { return ScopeOf(FormatAmzDate(now).substr(0, 8), impl_->options); }

std::string SigV4Signer::ChunkSignature(std::string_view previous_signature, Bytes chunk, Time now) const {
  const std::string date = FormatAmzDate(now);
  std::string text = TextToSign("AWS4-HMAC-SHA256-PAYLOAD", date, impl_->options);
  text.append(previous_signature).append("\n").append(kEmptyHash).append("\n").append(ToHex(Sha256(chunk).value()));
  return impl_->Sign(text, std::string_view(date).substr(0, 8));
}

std::string SigV4Signer::TrailerSignature(std::string_view previous_signature, std::string_view trailer_lines, Time now) const {
  const std::string date = FormatAmzDate(now);
  std::string text = TextToSign("AWS4-HMAC-SHA256-TRAILER", date, impl_->options);
  text.append(previous_signature).append("\n").append(Hash(trailer_lines));
  return impl_->Sign(text, std::string_view(date).substr(0, 8));
}

}  // namespace fileferry
