// credentials_sso.cc: keys of IAM Identity Center (SSO), with the access token that "aws sso login" left in ~/.aws/sso/cache.
//
// Signing in needs a browser and is not done here; a token that has ended is an error which says what to run.
#include "base/clock.h"
#include "base/digest.h"
#include "base/text.h"
#include "fileferry/sigv4.h"
#include "providers/s3/credentials_link.h"

namespace fileferry::s3 {
namespace {

struct SsoSettings {
  std::string account, role, region;
  std::string cache_key;  // what the name of the cache file is the hash of
};

Result<SsoSettings> Settings(const LinkContext& context, const std::string& profile) {
  SsoSettings settings;
  settings.account = context.profiles.Get(profile, "sso_account_id");
  settings.role = context.profiles.Get(profile, "sso_role_name");
  settings.region = context.profiles.Get(profile, "sso_region");
  settings.cache_key = context.profiles.Get(profile, "sso_start_url");
  const std::string session = context.profiles.Get(profile, "sso_session");
  if (!session.empty()) {
    const IniSection* section = context.profiles.SsoSession(session);
    if (section == nullptr) {
      return Status(Code::kInvalidArgument, "profile " + Printable(profile) + " uses the SSO session " + Printable(session) + ", which is not in " + context.profiles.config_name());
    }
    settings.region = section->Get("sso_region");
    settings.cache_key = session;
  }
  for (const auto& [name, value] : {std::pair{"sso_account_id", &settings.account}, {"sso_role_name", &settings.role}, {"sso_region", &settings.region}, {"sso_start_url", &settings.cache_key}}) {
    if (value->empty()) return Status(Code::kInvalidArgument, "profile " + Printable(profile) + " uses SSO but has no " + name + " in " + context.profiles.config_name());
  }
  return settings;
}

// The access token, or what to do to get one.
Result<std::string> CachedToken(const LinkContext& context, const std::string& profile, const std::string& cache_key) {
  Hasher hasher(MaskOf(DigestKind::kSha1));
  hasher.Update(AsBytes(cache_key));
  const DigestSet digests = hasher.Finish();
  const std::string name = "/.aws/sso/cache/" + ToHex(digests.Find(DigestKind::kSha1)->value()) + ".json";
  const std::string mend = "; run: aws sso login --profile " + Printable(profile);
  Result<std::optional<std::string>> text = ReadSmallFile(Variable(context.env, "HOME") + name);
  if (!text.ok()) return text.status();
  if (!*text) return NoKeys("profile " + Printable(profile) + " is not signed in to SSO" + mend);
  const Result<codec::JsonValue> json = codec::ParseJson(**text);
  const std::string token = json.ok() ? json.value().Text("accessToken") : std::string();
  std::string ends = json.ok() ? json.value().Text("expiresAt") : std::string();
  if (ends.size() > 3 && ends.substr(ends.size() - 3) == "UTC") ends.replace(ends.size() - 3, 3, "Z");
  const std::optional<Time> expires = ParseIso8601(ends);
  if (token.empty() || !expires || !IsHeaderSafe(token)) return NoKeys("the SSO token of profile " + Printable(profile) + " in ~" + name + " cannot be read" + mend);
  if (*expires <= Now()) return NoKeys("the SSO token of profile " + Printable(profile) + " has ended" + mend);
  return token;
}

}  // namespace

Result<S3Credentials> KeysFromSso(const LinkContext& context, const std::string& profile) {
  const Result<SsoSettings> settings = Settings(context, profile);
  if (!settings.ok()) return settings.status();
  const Result<std::string> token = CachedToken(context, profile, settings.value().cache_key);
  if (!token.ok()) return token.status();
  std::string base = ServiceEndpointUrl(context.env, context.profiles, profile, "sso");
  if (base.empty()) base = "https://portal.sso." + settings.value().region + ".amazonaws.com" + (settings.value().region.substr(0, 3) == "cn-" ? ".cn" : "");
  while (!base.empty() && base.back() == '/') base.pop_back();
  http::Request request;
  request.url = base + "/federation/credentials?role_name=" + UriEncode(settings.value().role, false) + "&account_id=" + UriEncode(settings.value().account, false);
  request.headers = {{"x-amz-sso_bearer_token", token.value()}};
  request.max_body = std::uint64_t{1} << 20;
  Result<http::Response> response = context.client.Perform(context.op, request);
  if (!response.ok()) return response.status();
  const std::string from = "SSO, role " + Printable(settings.value().role) + " of profile " + Printable(profile) + " in " + context.profiles.config_name();
  if (response->status == 401) return NoKeys(from + " gave no keys: the token has ended; run: aws sso login --profile " + Printable(profile));
  if (response->status != 200) return ServiceFailure(from, *response, {});
  const Result<codec::JsonValue> json = codec::ParseJson(response->body);
  const codec::JsonValue* keys = json.ok() ? json.value().Find("roleCredentials") : nullptr;
  if (keys == nullptr) return Status(Code::kUnavailable, from + " gave no keys: its answer is not JSON with roleCredentials");
  return KeysFromJson(*keys, {"accessKeyId", "secretAccessKey", "sessionToken", "expiration"}, from);
}

}  // namespace fileferry::s3
