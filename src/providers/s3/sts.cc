// sts.cc: temporary keys from the Security Token Service: AssumeRole (signed) and AssumeRoleWithWebIdentity (not signed).
#include "base/clock.h"
#include "base/digest.h"
#include "base/text.h"
#include "codec/xml.h"
#include "fileferry/sigv4.h"
#include "providers/s3/credentials_link.h"

namespace fileferry::s3 {
namespace {

using Form = std::vector<std::pair<std::string, std::string>>;

// The few elements of an answer that matter, wherever they stand.
class StsAnswer : public codec::IXmlHandler {
 public:
  void OnStart(std::string_view, int) override {}
  void OnEnd(std::string_view name, int, std::string_view text) override {
    for (auto& [wanted, value] : {std::pair{"AccessKeyId", &access_key_id}, {"SecretAccessKey", &secret_access_key}, {"SessionToken", &session_token}, {"Expiration", &expiration}, {"Code", &code},
                                  {"Message", &message}}) {
      if (name == wanted) value->assign(Trim(text));
    }
  }
  std::string access_key_id, secret_access_key, session_token, expiration, code, message;
};

std::string EndpointFor(const LinkContext& context, const std::string& profile) {
  std::string url = ServiceEndpointUrl(context.env, context.profiles, profile, "sts");
  if (!url.empty()) return url;
  if (context.region.empty() || context.region == "aws-global") return "https://sts.amazonaws.com";
  return "https://sts." + context.region + ".amazonaws.com" + (context.region.substr(0, 3) == "cn-" ? ".cn" : "");
}

std::string Encode(const Form& form) {
  std::string out;
  for (const auto& [name, value] : form) {
    if (value.empty()) continue;
    if (!out.empty()) out.push_back('&');
    out.append(UriEncode(name, false)).append("=").append(UriEncode(value, false));
  }
  return out;
}

std::string Host(const UrlParts& url) {
  const bool usual = url.port.empty() || (url.scheme == "https" && url.port == "443") || (url.scheme == "http" && url.port == "80");
  return usual ? url.host : url.authority();
}

// The service's words.  Of a signed request also the sentence, which names who may not do what; a web identity's could repeat the token.
std::string Words(const StsAnswer& answer, const S3Credentials* by) {
  std::string words = Printable(answer.code);
  if (by == nullptr || answer.message.empty()) return words;
  for (const std::string& secret : {by->secret_access_key, by->session_token}) {
    if (!secret.empty() && answer.message.find(secret) != std::string::npos) return words;
  }
  return words + " (" + Printable(answer.message.substr(0, 300)) + ")";
}

Result<S3Credentials> Ask(const LinkContext& context, const std::string& profile, const Form& form, const S3Credentials* by, const std::string& from) {
  const std::string endpoint = EndpointFor(context, profile);
  const std::optional<UrlParts> url = ParseUrl(endpoint);
  if (!url) return Status(Code::kInvalidArgument, "the endpoint of STS is not a URL; check AWS_ENDPOINT_URL_STS and endpoint_url");
  const std::string body = Encode(form);
  http::Request request;
  request.method = HttpMethod::kPost;
  request.body = AsBytes(body);
  request.headers.push_back({"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"});
  const std::string path = url->path.empty() ? "/" : url->path;
  request.url = url->scheme + "://" + url->authority() + path;
  if (by != nullptr) {
    SigV4Options options;
    options.service = "sts";
    options.region = context.region.empty() || context.region == "aws-global" ? "us-east-1" : context.region;
    options.normalize_path = true;
    options.double_encode = true;
    options.signed_body = false;
    SigV4Request to_sign;
    to_sign.method = "POST";
    to_sign.host = Host(*url);
    to_sign.path = PercentDecode(path, false).value_or(path);
    to_sign.headers = {{"content-type", request.headers[0].value}};
    to_sign.payload_hash = Sha256Hex(AsBytes(body));
    const SigV4Signer signer({by->access_key_id, by->secret_access_key, by->session_token}, options);
    for (auto& [name, value] : signer.Sign(to_sign, Now()).headers) request.headers.push_back({name, std::move(value)});
  }
  request.max_body = std::uint64_t{1} << 20;
  Result<http::Response> response = context.client.Perform(context.op, request);
  if (!response.ok()) return response.status();
  StsAnswer answer;
  const Status parsed = codec::ParseXml(response->body, answer);
  if (response->status != 200) {
    if (answer.code == "IDPCommunicationError" || answer.code == "Throttling") response->status = 503;
    return ServiceFailure(from, *response, Words(answer, by));
  }
  if (!parsed.ok()) return Status(Code::kUnavailable, from + " gave no keys: the answer of " + http::RedactUrl(endpoint) + " is not the XML of STS");
  S3Credentials keys;
  keys.access_key_id = answer.access_key_id;
  keys.secret_access_key = answer.secret_access_key;
  keys.session_token = answer.session_token;
  keys.expires = ParseExpiry(answer.expiration);
  keys.origin = from;
  if (keys.access_key_id.empty() || keys.secret_access_key.empty() || keys.session_token.empty() || !keys.expires) {
    return Status(Code::kUnavailable, from + " gave no keys: the answer of " + http::RedactUrl(endpoint) + " is incomplete");
  }
  return keys;
}

std::string SessionName(const RoleRequest& role) {
  return role.session_name.empty() ? "fileferry-" + std::to_string(std::chrono::duration_cast<std::chrono::seconds>(Now().time_since_epoch()).count()) : role.session_name;
}

}  // namespace

Result<S3Credentials> AssumeRole(const LinkContext& context, const std::string& profile, const S3Credentials& by, const RoleRequest& role, const std::string& from) {
  return Ask(context, profile,
             {{"Action", "AssumeRole"},
              {"Version", "2011-06-15"},
              {"RoleArn", role.role_arn},
              {"RoleSessionName", SessionName(role)},
              {"ExternalId", role.external_id},
              {"DurationSeconds", role.duration_seconds}},
             &by, from);
}

Result<S3Credentials> AssumeRoleWithWebIdentity(const LinkContext& context, const std::string& profile, const std::string& token_file, const RoleRequest& role, const std::string& from) {
  Result<std::optional<std::string>> token = ReadSmallFile(token_file);
  if (!token.ok()) return token.status();
  if (!*token || Trim(**token).empty()) return NoKeys(from + " has no token: " + Printable(token_file) + (*token ? " is empty" : " does not exist"));
  return Ask(context, profile,
             {{"Action", "AssumeRoleWithWebIdentity"},
              {"Version", "2011-06-15"},
              {"RoleArn", role.role_arn},
              {"RoleSessionName", SessionName(role)},
              {"WebIdentityToken", std::string(Trim(**token))},
              {"DurationSeconds", role.duration_seconds}},
             nullptr, from);
}

}  // namespace fileferry::s3
