// credentials_chain.cc: the order of the links, and what is said when none of them has keys.
#include "providers/s3/credentials_chain.h"

#include "base/text.h"
#include "providers/s3/credentials_link.h"

namespace fileferry::s3 {
namespace {

LinkResult KeysFromWebIdentityVariables(const LinkContext& context, const std::string& profile) {
  const std::string file = Variable(context.env, "AWS_WEB_IDENTITY_TOKEN_FILE");
  if (file.empty()) {
    context.notes->push_back("web identity (AWS_WEB_IDENTITY_TOKEN_FILE is not set)");
    return std::optional<S3Credentials>();
  }
  const RoleRequest role{Variable(context.env, "AWS_ROLE_ARN"), Variable(context.env, "AWS_ROLE_SESSION_NAME"), {}, {}};
  if (role.role_arn.empty()) return Status(Code::kInvalidArgument, "AWS_WEB_IDENTITY_TOKEN_FILE is set but AWS_ROLE_ARN is not; set both");
  Result<S3Credentials> keys = AssumeRoleWithWebIdentity(context, profile, file, role, "web identity, role " + Printable(role.role_arn) + " of the environment");
  if (!keys.ok()) return keys.status();
  return std::optional<S3Credentials>(std::move(*keys));
}

LinkResult KeysFromNamedProfile(const LinkContext& context, const std::string& profile, bool must_exist) {
  const Profiles& profiles = context.profiles;
  if (!profiles.Has(profile)) {
    const std::string where = profiles.credentials_name() + " or " + profiles.config_name();
    if (must_exist) return Status(Code::kInvalidArgument, "the profile " + Printable(profile) + " is not in " + where);
    context.notes->push_back("profile " + Printable(profile) + " (not in " + where + ")");
    return std::optional<S3Credentials>();
  }
  LinkResult keys = KeysFromProfile(context, profile);
  if (keys.ok() && !*keys) context.notes->push_back("profile " + Printable(profile) + " (it says nothing of keys)");
  return keys;
}

std::string RegionFor(const CredentialOptions& options, const Environment& env, const Profiles& profiles, const std::string& profile) {
  for (const std::string& region : {options.region, Variable(env, "AWS_REGION"), Variable(env, "AWS_DEFAULT_REGION"), profiles.Get(profile, "region")}) {
    if (!region.empty()) return region;
  }
  return {};
}

Status NothingFound(const std::vector<std::string>& notes) {
  std::string looked;
  for (const std::string& note : notes) looked += (looked.empty() ? "" : ", ") + note;
  return NoKeys("no credentials were found; looked at: " + looked + "; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile");
}

}  // namespace

LinkResult KeysFromEnvironment(const LinkContext& context) {
  S3Credentials keys;
  keys.access_key_id = Variable(context.env, "AWS_ACCESS_KEY_ID");
  keys.secret_access_key = Variable(context.env, "AWS_SECRET_ACCESS_KEY");
  keys.session_token = Variable(context.env, "AWS_SESSION_TOKEN");
  if (keys.session_token.empty()) keys.session_token = Variable(context.env, "AWS_SECURITY_TOKEN");
  keys.origin = "environment";
  if (keys.access_key_id.empty() && keys.secret_access_key.empty()) {
    context.notes->push_back("environment (AWS_ACCESS_KEY_ID is not set)");
    return std::optional<S3Credentials>();
  }
  if (keys.access_key_id.empty()) return NoKeys("AWS_SECRET_ACCESS_KEY is set but AWS_ACCESS_KEY_ID is not; set both");
  if (keys.secret_access_key.empty()) return NoKeys("AWS_ACCESS_KEY_ID is set but AWS_SECRET_ACCESS_KEY is not; set both");
  if (!IsHeaderSafe(keys.access_key_id) || !IsHeaderSafe(keys.session_token)) return NoKeys("AWS_ACCESS_KEY_ID or AWS_SESSION_TOKEN holds a control character, perhaps a line end; remove it");
  const std::string expiration = Variable(context.env, "AWS_CREDENTIAL_EXPIRATION");
  if (!expiration.empty()) {
    keys.expires = ParseExpiry(expiration);
    if (!keys.expires) return NoKeys("AWS_CREDENTIAL_EXPIRATION is not a time such as 2030-01-01T00:00:00Z");
  }
  return std::optional<S3Credentials>(std::move(keys));
}

Result<S3Credentials> FetchFromChain(const CredentialOptions& options, const OpContext& op) {
  const Environment env = options.env ? options.env : ProcessEnvironment();
  std::vector<std::string> notes;
  http::ClientOptions usual;
  usual.ca_file = options.ca_file;
  usual.connect_timeout = std::chrono::seconds(5);
  usual.stall_timeout = std::chrono::seconds(20);
  http::ClientOptions quick = usual;
  quick.use_proxy = false;
  quick.connect_timeout = quick.stall_timeout = std::chrono::seconds(1);
  http::Client client(usual);
  http::Client metadata(quick);

  Result<Profiles> profiles = Profiles();
  const auto context = [&] { return LinkContext{op, env, profiles.value(), std::string(), client, metadata, &notes}; };
  if (options.profile.empty()) {
    LinkResult keys = KeysFromEnvironment(context());
    if (!keys.ok()) return keys.status();
    if (*keys) return std::move(**keys);
  }
  profiles = Profiles::Load(env);  // not before: keys of the environment need no file
  if (!profiles.ok()) return profiles.status();
  const std::string profile = ProfileName(env, options.profile);
  const bool is_named = !options.profile.empty() || !Variable(env, "AWS_PROFILE").empty() || !Variable(env, "AWS_DEFAULT_PROFILE").empty();
  LinkContext with_files = context();
  with_files.region = RegionFor(options, env, profiles.value(), profile);

  LinkResult keys = KeysFromNamedProfile(with_files, profile, is_named);
  if (keys.ok() && !*keys) keys = KeysFromWebIdentityVariables(with_files, profile);
  if (keys.ok() && !*keys) keys = KeysFromContainer(with_files);
  if (keys.ok() && !*keys) {
    if (options.custom_endpoint && !options.instance_metadata) {
      notes.emplace_back("instance metadata (not asked: the endpoint is not AWS's)");
    } else {
      keys = KeysFromInstance(with_files);
    }
  }
  if (!keys.ok()) return keys.status();
  if (!*keys) return NothingFound(notes);
  return std::move(**keys);
}

}  // namespace fileferry::s3
