// api.cc: building, signing and sending requests, and the three corrections.  Thread-safe; blocks.
#include "providers/s3/api.h"

#include <algorithm>
#include <cstdlib>

#include "base/clock.h"
#include "base/text.h"

namespace fileferry::s3 {

namespace {

constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";
constexpr std::uint64_t kExpectFrom = std::uint64_t{1} << 20;
constexpr auto kSkewThatMatters = std::chrono::minutes(5);

std::string JoinQuery(const Headers& query) {
  std::string text;
  for (const auto& [name, value] : query) {
    if (!text.empty()) text += '&';
    text += UriEncode(name, false) + "=" + UriEncode(value, false);
  }
  return text;
}

std::string PathOf(const Address& address, std::string_view key) {
  std::string path;
  path.reserve(address.base.size() + key.size() + 1);
  path = address.base;
  if (!key.empty() || path.empty()) path += '/';
  path += key;
  return path;
}

http::ClientOptions ClientOptionsOf(const S3Options& options) {
  http::ClientOptions client;
  client.connect_timeout = options.connect_timeout;
  client.stall_timeout = options.stall_timeout;
  client.ca_file = options.ca_file;
  client.max_handles = options.max_connections;
  return client;
}

bool IsAwsHost(std::string_view host) { return !host.empty() && DialectOfHost(host) == DialectOfHost(""); }

bool SameCredentials(const S3Credentials& a, const S3Credentials& b) {
  return a.access_key_id == b.access_key_id && a.secret_access_key == b.secret_access_key && a.session_token == b.session_token;
}

}  // namespace

Api::Api(S3Options options, Endpoint endpoint)
    : options_(std::move(options)), endpoint_(std::move(endpoint)), client_(ClientOptionsOf(options_)), region_(options_.region) {}

Result<std::unique_ptr<Api>> Api::Create(S3Options options) {
  if (Status status = CheckBucketName(options.bucket); !status.ok()) return status;
  Result<Endpoint> endpoint = ParseEndpoint(options.endpoint);
  if (!endpoint.ok()) return endpoint.status();
  if (!options.region.empty() && !IsRegionName(options.region)) {
    return {Code::kInvalidArgument, "`region`: \"" + Printable(options.region) + "\" is not the name of a region"};
  }
  if (options.addressing != "auto" && options.addressing != "virtual" && options.addressing != "path") {
    return {Code::kInvalidArgument, "`addressing`: \"" + Printable(options.addressing) + "\" is not one of auto, virtual, path"};
  }
  if (endpoint->custom() && (options.accelerate || options.dualstack || options.fips)) {
    return {Code::kInvalidArgument, "`accelerate`, `dualstack` and `fips` are for AWS without `endpoint`: leave one or the other out"};
  }
  const Dialect* dialect = options.vendor.empty() ? DialectOfHost(endpoint->host) : FindDialect(options.vendor);
  if (dialect == nullptr && !options.vendor.empty()) {
    const std::vector<std::string> names = Split(DialectNames(), '|');
    const std::string near = NearestName(options.vendor, std::vector<std::string_view>(names.begin(), names.end()));
    return {Code::kInvalidArgument, "`vendor`: there is no \"" + Printable(options.vendor) + "\"" + (near.empty() ? "" : "; did you mean \"" + near + "\"?") + "; known are " +
                                        std::string(DialectNames())};
  }
  const Dialect& checked = dialect != nullptr ? *dialect : *FindDialect("other");
  if (Result<Dialect> own = WithQuirks(checked, options.quirks); !own.ok()) return own.status();
  if (Result<Address> address = AddressOf(options, *endpoint, checked, options.region.empty() ? checked.default_region : options.region, options.bucket); !address.ok()) {
    return address.status();
  }
  std::unique_ptr<Api> api(new Api(std::move(options), std::move(*endpoint)));
  if (dialect != nullptr) {
    if (!api->options_.quirks.empty()) {
      Result<Dialect> own = WithQuirks(*dialect, api->options_.quirks);
      api->own_vendor_ = std::make_unique<Dialect>(std::move(*own));
      dialect = api->own_vendor_.get();
    }
    api->vendor_.store(dialect, std::memory_order_release);
  }
  return api;
}

Result<const Dialect*> Api::FindVendor(const OpContext& ctx) {
  if (const Dialect* known = vendor_.load(std::memory_order_acquire)) return known;
  const std::lock_guard<std::mutex> lock(vendor_mutex_);
  if (const Dialect* known = vendor_.load(std::memory_order_acquire)) return known;
  // Of the bucket: the root of some services is answered by something else.
  http::Request request;
  request.method = HttpMethod::kHead;
  request.url = endpoint_.scheme + "://" + endpoint_.host + (endpoint_.port.empty() ? "" : ":" + endpoint_.port) + UriEncode(endpoint_.base + "/" + options_.bucket, true);
  Result<http::Response> response = client_.Perform(ctx, request);
  if (!response.ok()) return response.status().With(options_.name, "connect", "");
  const Dialect* found = &DialectOfServer(response->Find("server"));
  if (!options_.quirks.empty()) {
    Result<Dialect> own = WithQuirks(*found, options_.quirks);
    if (!own.ok()) return own.status();
    own_vendor_ = std::make_unique<Dialect>(std::move(*own));
    found = own_vendor_.get();
  }
  vendor_.store(found, std::memory_order_release);
  return found;
}

const Dialect& Api::Vendor() {
  OpContext ctx;
  ctx.deadline = OpContext::Clock::now() + options_.connect_timeout;
  Result<const Dialect*> found = FindVendor(ctx);
  return found.ok() ? **found : *FindDialect("other");
}

Time Api::SigningTime() const { return Now() + std::chrono::nanoseconds(clock_offset_ns_.load(std::memory_order_relaxed)); }

std::chrono::milliseconds Api::clock_offset() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::nanoseconds(clock_offset_ns_.load(std::memory_order_relaxed)));
}

std::string Api::region() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return region_;
}

bool Api::SignsBodies() const {
  switch (options_.payload_signing) {
    case PayloadSigning::kAlways: return true;
    case PayloadSigning::kNever: return false;
    case PayloadSigning::kAuto: break;
  }
  return endpoint_.scheme == "http";
}

Result<Address> Api::CurrentAddress(std::string_view bucket) {
  const Dialect& dialect = Vendor();
  std::string region = this->region();
  if (region.empty()) region = dialect.default_region;
  return AddressOf(options_, endpoint_, dialect, region, bucket);
}

Result<std::shared_ptr<const Api::Target>> Api::FindTarget(const OpContext& ctx, const Dialect& dialect) {
  Result<S3Credentials> credentials = options_.anonymous ? Result<S3Credentials>(S3Credentials{}) : options_.credentials->Get(ctx);
  if (!credentials.ok()) return credentials.status();
  const std::lock_guard<std::mutex> lock(mutex_);
  const std::string_view region = region_.empty() ? dialect.default_region : std::string_view(region_);
  if (target_ != nullptr && target_->address.region == region && SameCredentials(target_->credentials, *credentials)) return target_;
  auto target = std::make_shared<Target>();
  Result<Address> address = AddressOf(options_, endpoint_, dialect, region, options_.bucket);
  if (!address.ok()) return address.status();
  target->address = std::move(*address);
  target->credentials = std::move(*credentials);
  if (!target->credentials.anonymous()) {
    SigV4Options signing;
    signing.region = region;
    SigV4Credentials keys{target->credentials.access_key_id, target->credentials.secret_access_key, target->credentials.session_token};
    target->signer = std::make_unique<SigV4Signer>(std::move(keys), std::move(signing));
  }
  target_ = target;
  return std::shared_ptr<const Target>(std::move(target));
}

Result<http::Response> Api::SendOnce(const OpContext& ctx, const Dialect& dialect, const Call& call, const Target& target, const std::string& other_host,
                                     const sys::Place& at) {
  Address elsewhere;
  const Address* address = &target.address;
  if (call.bucket || !other_host.empty()) {
    Result<Address> other = AddressOf(options_, endpoint_, dialect, address->region, call.bucket ? *call.bucket : options_.bucket);
    if (!other.ok()) return other.status();
    elsewhere = std::move(*other);
    if (!other_host.empty()) elsewhere.host = other_host;
    address = &elsewhere;
  }
  http::Request request;
  request.method = call.method;
  request.body = call.body;
  request.source = call.source;
  request.body_size = call.body_size;
  request.sink = call.sink;
  request.head_check = call.head_check;
  request.expect_continue = dialect.expect_continue && std::max<std::uint64_t>(call.body.size(), call.body_size) > kExpectFrom;
  SigV4Request to_sign;
  to_sign.method = HttpMethodName(call.method);
  to_sign.host = address->host;
  to_sign.path = PathOf(*address, call.key);
  to_sign.query = call.query;
  to_sign.headers = call.headers;
  if (!options_.request_payer.empty()) to_sign.headers.emplace_back("x-amz-request-payer", options_.request_payer);
  if (!options_.expected_bucket_owner.empty()) to_sign.headers.emplace_back("x-amz-expected-bucket-owner", options_.expected_bucket_owner);
  switch (call.payload) {
    case PayloadHash::kEmpty: break;
    case PayloadHash::kGiven: to_sign.payload_hash = call.sha256; break;
    case PayloadHash::kUnsigned: to_sign.payload_hash = kUnsignedPayload; break;
  }
  request.url = address->origin();
  request.headers.reserve(to_sign.headers.size() + 6);
  if (target.signer != nullptr) {
    SigV4Result result = target.signer->Sign(to_sign, SigningTime());
    request.url += result.encoded_path;
    if (!result.encoded_query.empty()) request.url.append("?").append(result.encoded_query);
    for (auto& [name, value] : result.headers) request.headers.push_back({std::move(name), std::move(value)});
  } else {
    request.url += UriEncode(to_sign.path, true);
    if (!to_sign.query.empty()) request.url.append("?").append(JoinQuery(to_sign.query));
  }
  for (auto& [name, value] : to_sign.headers) request.headers.push_back({std::move(name), std::move(value)});
  // Never signed: some services rewrite it on the way.
  if (call.method == HttpMethod::kGet || call.method == HttpMethod::kHead) request.headers.push_back({"accept-encoding", "identity"});
  return client_.Perform(ctx, request, at);
}

Result<http::Response> Api::Send(const OpContext& ctx, Call& call, const sys::Place& at) {
  Result<const Dialect*> dialect = FindVendor(ctx);
  if (!dialect.ok()) return Named(call, dialect.status());
  Tried tried;
  for (;;) {
    Result<std::shared_ptr<const Target>> target = FindTarget(ctx, **dialect);
    if (!target.ok()) return Named(call, target.status());
    Result<http::Response> response = SendOnce(ctx, **dialect, call, **target, tried.host, at);
    if (!response.ok()) return Named(call, response.status());
    ServiceError error;
    const bool success = response->status >= 200 && response->status < 300;
    const bool has_error = (!success || call.xml) && ParseServiceError(response->body, &error);
    if (success && !has_error) return response;
    if (Correct(ctx, call, **target, *response, error, &tried) && (call.source == nullptr || call.source->Rewind().ok())) continue;
    return Failure(call, *response, error);
  }
}

Status Api::Failure(const Call& call, const http::Response& response, const ServiceError& error) const {
  ErrorDetail detail = StatusOf(error, response, call.write).detail();
  const std::string_view location = response.Find("location");
  if (response.status >= 300 && response.status < 400 && !location.empty()) detail.message += " (it points to " + Printable(http::RedactUrl(location)) + ")";
  if (call.write && response.resent) detail.ambiguous = true;  // the first one may have done what this answer says cannot be done
  // For a bucket as a whole a 404 without a body is the bucket's.
  if (response.status == 404 && error.code.empty() && call.key.empty()) detail.message = "the bucket does not exist: create it or check `bucket`";
  return Named(call, Status(std::move(detail)));
}

bool Api::Correct(const OpContext& ctx, const Call& call, const Target& target, const http::Response& response, const ServiceError& error, Tried* tried) {
  const Correction correction = CorrectionFor(error, response.status);
  const bool wordless = error.code.empty() && (response.status == 400 || response.status == 403);
  const std::string_view named = response.Find("x-amz-bucket-region");
  const bool other_region = !named.empty() && named != target.address.region && (wordless || correction == Correction::kRegion);
  if (!tried->region && !call.keep_region && (correction == Correction::kRegion || other_region)) {
    tried->region = true;
    if (CorrectRegion(ctx, call, target, response, error, tried)) return true;
  }
  if (!tried->clock && target.signer != nullptr && (correction == Correction::kClock || wordless)) {
    tried->clock = true;
    if (CorrectClock(response)) return true;
  }
  if (!tried->token && target.signer != nullptr && correction == Correction::kToken) {
    tried->token = true;
    return CorrectToken(ctx, target.credentials);
  }
  return false;
}

bool Api::CorrectRegion(const OpContext& ctx, const Call& call, const Target& target, const http::Response& response, const ServiceError& error, Tried* tried) {
  std::string region(response.Find("x-amz-bucket-region"));
  if (region.empty()) region = error.region;
  const bool redirect = response.status >= 300 && response.status < 400;
  if (response.status == 307 && !endpoint_.custom()) {
    // A fresh bucket, before its name is known everywhere: the place in Location is right for this request, and only AWS's own hosts are.
    const std::optional<UrlParts> where = ParseUrl(response.Find("location"));
    if (where && where->scheme == endpoint_.scheme && IsAwsHost(where->host) && ToLower(where->authority()) != target.address.host) {
      tried->host = ToLower(where->authority());
      return true;
    }
  }
  if (region.empty() && (!endpoint_.custom() || !redirect)) region = RegionOfBucket(ctx, call, target);
  if (region == "EU") region = "eu-west-1";
  if (!IsRegionName(region) || region == target.address.region) return false;
  const std::lock_guard<std::mutex> lock(mutex_);
  region_ = region;
  return true;
}

std::string Api::RegionOfBucket(const OpContext& ctx, const Call& call, const Target& target) {
  if (call.key.empty() && call.method == HttpMethod::kHead) return {};
  Call ask;
  ask.operation = "head-bucket";
  ask.method = HttpMethod::kHead;
  ask.bucket = call.bucket;
  Result<http::Response> response = SendOnce(ctx, *vendor_.load(std::memory_order_acquire), ask, target, {}, sys::Place::current());
  return response.ok() ? std::string(response->Find("x-amz-bucket-region")) : std::string();
}

bool Api::CorrectClock(const http::Response& response) {
  const std::optional<Time> theirs = ParseHttpDate(response.Find("date"));
  if (!theirs) return false;
  const auto offset = std::chrono::duration_cast<std::chrono::nanoseconds>(*theirs - Now());
  const auto known = std::chrono::nanoseconds(clock_offset_ns_.load(std::memory_order_relaxed));
  if (std::chrono::abs(offset - known) <= kSkewThatMatters) return false;
  clock_offset_ns_.store(offset.count(), std::memory_order_relaxed);
  return true;
}

bool Api::CorrectToken(const OpContext& ctx, const S3Credentials& used) {
  if (Result<S3Credentials> now = options_.credentials->Get(ctx); now.ok() && !SameCredentials(*now, used)) return true;  // another thread was faster
  options_.credentials->Invalidate();
  Result<S3Credentials> fresh = options_.credentials->Get(ctx);
  return fresh.ok() && !SameCredentials(*fresh, used);
}

Result<SignedUrl> Api::Presign(std::string_view key, const UrlOptions& options) {
  OpContext ctx;
  ctx.deadline = OpContext::Clock::now() + options_.connect_timeout;
  Call call;
  call.operation = "url";
  call.key = key;
  Result<const Dialect*> dialect = FindVendor(ctx);
  if (!dialect.ok()) return Named(call, dialect.status());
  Result<std::shared_ptr<const Target>> target = FindTarget(ctx, **dialect);
  if (!target.ok()) return Named(call, target.status());
  if (region().empty() && !endpoint_.custom()) {
    const std::string found = RegionOfBucket(ctx, call, **target);
    if (IsRegionName(found)) {
      { const std::lock_guard<std::mutex> lock(mutex_); region_ = found; }
      target = FindTarget(ctx, **dialect);
      if (!target.ok()) return Named(call, target.status());
    }
  }
  if ((*target)->signer == nullptr) return Named(call, Status(Code::kUnauthenticated, "a URL cannot be signed without credentials: set access key and secret, or ask for a public URL"));
  SignedUrl signed_url;
  SigV4Request request;
  request.method = HttpMethodName(options.method);
  request.host = (*target)->address.host;
  request.path = PathOf((*target)->address, key);
  if (options.method == HttpMethod::kPut) {
    if (!options.content_type.empty()) request.headers.emplace_back("content-type", options.content_type);
    if (!options.content_md5.empty()) request.headers.emplace_back("content-md5", options.content_md5);
    if (options.content_length) request.headers.emplace_back("content-length", std::to_string(*options.content_length));
    signed_url.headers = request.headers;
  } else {
    if (!options.response_content_type.empty()) request.query.emplace_back("response-content-type", options.response_content_type);
    if (!options.response_content_disposition.empty()) request.query.emplace_back("response-content-disposition", options.response_content_disposition);
  }
  const Time now = SigningTime();
  Result<SigV4Result> result = (*target)->signer->Presign(request, now, options.expires);
  if (!result.ok()) return Named(call, result.status());
  signed_url.url = (*target)->address.origin() + result->encoded_path + "?" + result->encoded_query;
  signed_url.expires = now + options.expires;
  const std::optional<Time>& end = (*target)->credentials.expires;
  if (end && *end < *signed_url.expires) signed_url.expires = end;
  return signed_url;
}

Result<std::string> Api::PublicUrl(std::string_view key) {
  if (!options_.public_url.empty()) {
    std::string url = options_.public_url;
    while (url.ends_with('/')) url.pop_back();
    if (options_.bucket_in_public_url) url += "/" + UriEncode(options_.bucket, false);
    return url + "/" + UriEncode(key, true);
  }
  Result<Address> address = CurrentAddress(options_.bucket);
  if (!address.ok()) return address.status();
  return address->origin() + UriEncode(PathOf(*address, key), true);
}

S3Credentials Api::CredentialsForDisplay(const OpContext& ctx, Status* status) {
  if (options_.anonymous) return {};
  Result<S3Credentials> credentials = options_.credentials->Get(ctx);
  *status = credentials.status();
  if (!credentials.ok()) return {};
  credentials->secret_access_key.clear();
  credentials->session_token.clear();
  return std::move(*credentials);
}

}  // namespace fileferry::s3
