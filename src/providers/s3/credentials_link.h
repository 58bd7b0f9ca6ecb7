// credentials_link.h: what the links of the credential chain share.  Each link answers keys, nothing (not configured here), or an error (configured, but it does not work).
// Functions block; any thread.
#ifndef FILEFERRY_PROVIDERS_S3_CREDENTIALS_LINK_H_
#define FILEFERRY_PROVIDERS_S3_CREDENTIALS_LINK_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codec/json.h"
#include "fileferry/config.h"
#include "fileferry/s3.h"
#include "http/client.h"
#include "providers/s3/profile.h"

namespace fileferry::s3 {

using LinkResult = Result<std::optional<S3Credentials>>;

struct LinkContext {
  const OpContext& op;
  const Environment& env;
  const Profiles& profiles;
  std::string region;           // for STS; empty: us-east-1 and the global endpoint
  http::Client& client;         // for STS and SSO
  http::Client& metadata;       // for container and instance: short times, no proxy
  std::vector<std::string>* notes;  // what was looked at, for the message when nothing was found
};

// Names of the members that hold keys; JSON differs from service to service.
struct KeyNames {
  const char* access_key_id = "AccessKeyId";
  const char* secret_access_key = "SecretAccessKey";
  const char* token = "Token";
  const char* expiration = "Expiration";  // ISO 8601 text, or milliseconds since 1970 as a number
};
// `from` names the source in messages and is the origin of the keys.
Result<S3Credentials> KeysFromJson(const codec::JsonValue& object, const KeyNames& names, const std::string& from);

// A time when keys end; far ones are cut to what a Time can hold.
std::optional<Time> ParseExpiry(std::string text);

// An error that blames the credentials.
Status NoKeys(std::string message);
// An answer of a service that is no success, as a Status: 5xx and 429 temporary.
Status ServiceFailure(const std::string& from, const http::Response& response, const std::string& words);
// Whether a bearer token can be sent in a header.
bool IsHeaderSafe(std::string_view text);

// credentials_process.cc
Result<S3Credentials> KeysFromProcess(const OpContext& op, const std::string& command, const std::string& from);

// sts.cc
struct RoleRequest {
  std::string role_arn, session_name, external_id, duration_seconds;
};
Result<S3Credentials> AssumeRole(const LinkContext& context, const std::string& profile, const S3Credentials& by, const RoleRequest& role, const std::string& from);
// Reads the token file each time.
Result<S3Credentials> AssumeRoleWithWebIdentity(const LinkContext& context, const std::string& profile, const std::string& token_file, const RoleRequest& role, const std::string& from);

// credentials_metadata.cc
LinkResult KeysFromContainer(const LinkContext& context);
LinkResult KeysFromInstance(const LinkContext& context);

// credentials_sso.cc
Result<S3Credentials> KeysFromSso(const LinkContext& context, const std::string& profile);

// credentials_profile.cc: everything that a profile can say.
LinkResult KeysFromProfile(const LinkContext& context, const std::string& profile);

// credentials_chain.cc
LinkResult KeysFromEnvironment(const LinkContext& context);

}  // namespace fileferry::s3

#endif  // FILEFERRY_PROVIDERS_S3_CREDENTIALS_LINK_H_
