// credentials_metadata.cc: keys that a container platform or a virtual machine hands out over HTTP on a link-local address.
//
// Nobody answering there is the usual case on other machines: that is "no keys here", not an error.
#include "base/clock.h"
#include "base/text.h"
#include "providers/s3/credentials_link.h"

namespace fileferry::s3 {
namespace {

constexpr std::string_view kContainerHost = "http://169.254.170.2";
constexpr int kContainerTries = 3;

bool IsTrue(const std::string& text) { return EqualsIgnoreCase(text, "true"); }

bool IsLoopback(const std::string& host) {
  if (EqualsIgnoreCase(host, "localhost") || host == "[::1]") return true;
  const std::vector<std::string> parts = Split(host, '.');
  if (parts.size() != 4 || parts[0] != "127") return false;
  for (const std::string& part : parts) {
    const auto number = ParseUint(part);
    if (!number || *number > 255) return false;
  }
  return true;
}

// A token is sent there: only to places that cannot be somebody else's.
bool IsAllowedContainer(const UrlParts& url) {
  if (url.scheme == "https") return true;
  if (url.scheme != "http") return false;
  return IsLoopback(url.host) || url.host == "169.254.170.2" || url.host == "169.254.170.23" || EqualsIgnoreCase(url.host, "[fd00:ec2::23]");
}

Result<http::Response> GetText(const LinkContext& context, std::string url, std::vector<http::Header> headers, HttpMethod method = HttpMethod::kGet) {
  http::Request request;
  request.method = method;
  request.url = std::move(url);
  request.headers = std::move(headers);
  request.max_body = std::uint64_t{1} << 20;
  return context.metadata.Perform(context.op, request);
}

bool WasStopped(const Status& status) { return status.code() == Code::kCancelled; }

Result<S3Credentials> Parse(const http::Response& response, const std::string& from) {
  const Result<codec::JsonValue> json = codec::ParseJson(response.body);
  if (!json.ok()) return Status(Code::kUnavailable, from + " gave no keys: its answer is not JSON");
  const std::string code = json.value().Text("Code", "Success");
  if (code != "Success") return NoKeys(from + " gave no keys: " + Printable(code));
  return KeysFromJson(json.value(), KeyNames(), from);
}

Result<std::vector<http::Header>> ContainerToken(const LinkContext& context) {
  std::string token = Variable(context.env, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
  const std::string file = Variable(context.env, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
  if (!file.empty()) {
    Result<std::optional<std::string>> text = ReadSmallFile(file);  // each time: it is replaced while we run
    if (!text.ok()) return text.status();
    if (!*text) return NoKeys("the container's credentials cannot be asked for: " + Printable(file) + " (AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE) does not exist");
    token = std::string(Trim(**text));
  }
  std::vector<http::Header> headers{{"Accept", "application/json"}};
  if (token.empty()) return headers;
  if (!IsHeaderSafe(token)) return NoKeys("the container's authorization token holds control characters; check AWS_CONTAINER_AUTHORIZATION_TOKEN");
  headers.push_back({"Authorization", std::move(token)});
  return headers;
}

// The session token of version 2; empty where only version 1 is there.  Nothing: no answer at all.
Result<std::optional<std::string>> InstanceToken(const LinkContext& context, const std::string& base) {
  Result<http::Response> response = GetText(context, base + "/latest/api/token", {{"x-aws-ec2-metadata-token-ttl-seconds", "21600"}}, HttpMethod::kPut);
  if (response.ok() && response->status == 200) {
    if (response->body.empty() || !IsHeaderSafe(response->body)) return Status(Code::kUnavailable, "instance metadata gave a token that cannot be sent back");
    return std::optional<std::string>(response->body);
  }
  if (!response.ok() && WasStopped(response.status())) return response.status();
  const bool may_be_old = response.ok() ? (response->status == 403 || response->status == 404 || response->status == 405)
                                        : response.code() == Code::kTimeout && response.status().detail().ambiguous;  // connected, but it does not answer a PUT
  if (!may_be_old) return std::optional<std::string>();
  if (IsTrue(Variable(context.env, "AWS_EC2_METADATA_V1_DISABLED"))) {
    context.notes->push_back("instance metadata (version 1 only, and AWS_EC2_METADATA_V1_DISABLED is set)");
    return std::optional<std::string>();
  }
  return std::optional<std::string>(std::string());
}

std::string InstanceEndpoint(const Environment& env) {
  std::string base = Variable(env, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
  if (base.empty()) base = EqualsIgnoreCase(Variable(env, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"), "ipv6") ? "http://[fd00:ec2::254]" : "http://169.254.169.254";
  while (!base.empty() && base.back() == '/') base.pop_back();
  return base;
}

}  // namespace

LinkResult KeysFromContainer(const LinkContext& context) {
  const std::string relative = Variable(context.env, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  const std::string full = Variable(context.env, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
  if (relative.empty() && full.empty()) {
    context.notes->push_back("container (AWS_CONTAINER_CREDENTIALS_… are not set)");
    return std::optional<S3Credentials>();
  }
  const std::string url = relative.empty() ? full : std::string(kContainerHost) + relative;
  const std::string from = "container credentials";
  const std::optional<UrlParts> parts = ParseUrl(url);
  if (!parts || !IsAllowedContainer(*parts)) {
    return Status(Code::kInvalidArgument, "AWS_CONTAINER_CREDENTIALS_FULL_URI must be https, or http to a loopback address, 169.254.170.2, 169.254.170.23 or [fd00:ec2::23]");
  }
  Result<std::vector<http::Header>> headers = ContainerToken(context);
  if (!headers.ok()) return headers.status();
  for (int i = 1;; ++i) {
    Result<http::Response> response = GetText(context, url, headers.value());
    const bool temporary = response.ok() ? response->status >= 500 : response.status().temporary();
    if (temporary && i < kContainerTries) continue;
    if (!response.ok()) return response.status();
    if (response->status != 200) return ServiceFailure(from, *response, {});
    Result<S3Credentials> keys = Parse(*response, from);
    if (!keys.ok()) return keys.status();
    return std::optional<S3Credentials>(std::move(*keys));
  }
}

LinkResult KeysFromInstance(const LinkContext& context) {
  const auto nothing = [&](std::string why) {
    context.notes->push_back("instance metadata (" + std::move(why) + ")");
    return std::optional<S3Credentials>();
  };
  if (IsTrue(Variable(context.env, "AWS_EC2_METADATA_DISABLED"))) return nothing("AWS_EC2_METADATA_DISABLED is set");
  const std::string base = InstanceEndpoint(context.env);
  Result<std::optional<std::string>> token = InstanceToken(context, base);
  if (!token.ok()) return token.status();
  if (!*token) return nothing("no answer");
  std::vector<http::Header> headers;
  if (!(*token)->empty()) headers.push_back({"x-aws-ec2-metadata-token", **token});
  const std::string folder = base + "/latest/meta-data/iam/security-credentials/";
  Result<http::Response> response = GetText(context, folder, headers);
  if (!response.ok() && WasStopped(response.status())) return response.status();
  if (!response.ok()) return nothing("no answer");
  if (response->status == 404) return nothing("the instance has no role");
  if (response->status != 200) return nothing("HTTP status " + std::to_string(response->status));
  const std::string role(Trim(std::string_view(response->body).substr(0, response->body.find('\n'))));
  if (role.empty() || !IsHeaderSafe(role)) return nothing("the instance has no role");
  std::string escaped;
  for (char c : role) escaped += c == ' ' || c == '/' || c == '?' || c == '#' || c == '%' ? std::string("%") + ToHex(AsBytes({&c, 1})) : std::string(1, c);
  response = GetText(context, folder + escaped, headers);
  if (!response.ok()) return response.status();
  const std::string from = "instance metadata, role " + Printable(role);
  if (response->status != 200) return ServiceFailure(from, *response, {});
  Result<S3Credentials> keys = Parse(*response, from);
  if (!keys.ok()) return keys.status();
  return std::optional<S3Credentials>(std::move(*keys));
}

}  // namespace fileferry::s3
