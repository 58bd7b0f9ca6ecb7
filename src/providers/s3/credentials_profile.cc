// credentials_profile.cc: the keys of a profile: a role that it assumes, a web identity, SSO, keys in a file, or a process.
#include <algorithm>

#include "base/text.h"
#include "providers/s3/credentials_link.h"

namespace fileferry::s3 {
namespace {

// Follows source_profile; `seen` are the profiles on the way, to notice circles.
class ProfileResolver {
 public:
  explicit ProfileResolver(const LinkContext& context) : context_(context) {}

  LinkResult Resolve(const std::string& profile) {
    const Profiles& profiles = context_.profiles;
    if (std::find(seen_.begin(), seen_.end(), profile) != seen_.end()) {
      std::string circle;
      for (const std::string& name : seen_) circle += Printable(name) + " -> ";
      return Status(Code::kInvalidArgument, "the profiles name each other as source_profile in a circle: " + circle + Printable(profile));
    }
    seen_.push_back(profile);
    if (!profiles.Get(profile, "role_arn").empty()) return FromRole(profile);
    if (!profiles.Get(profile, "sso_session").empty() || !profiles.Get(profile, "sso_start_url").empty()) return Wrap(KeysFromSso(context_, profile));
    return FromFilesOrProcess(profile);
  }

 private:
  static LinkResult Wrap(Result<S3Credentials> keys) {
    if (!keys.ok()) return keys.status();
    return std::optional<S3Credentials>(std::move(*keys));
  }

  // Keys that are half there are a mistake, not "none".
  static LinkResult Whole(std::optional<S3Credentials> keys) {
    if (keys && (keys->access_key_id.empty() || keys->secret_access_key.empty())) {
      return NoKeys(keys->origin + " has only one of aws_access_key_id and aws_secret_access_key; add the other");
    }
    if (keys && (!IsHeaderSafe(keys->access_key_id) || !IsHeaderSafe(keys->session_token))) return NoKeys(keys->origin + " holds a control character in its keys");
    return keys;
  }

  LinkResult FromFilesOrProcess(const std::string& profile) {
    const Profiles& profiles = context_.profiles;
    if (auto keys = profiles.KeysInCredentialsFile(profile)) return Whole(std::move(keys));
    const ConfigValue process = profiles.Find(profile, "credential_process");
    if (!process.text.empty()) return Wrap(KeysFromProcess(context_.op, process.text, "credential_process of profile " + Printable(profile) + " in " + process.origin.what));
    return Whole(profiles.KeysInConfigFile(profile));
  }

  LinkResult FromRole(const std::string& profile) {
    const Profiles& profiles = context_.profiles;
    const ConfigValue arn = profiles.Find(profile, "role_arn");
    const std::string from = "role " + Printable(arn.text) + " of profile " + Printable(profile) + " in " + arn.origin.what;
    const RoleRequest role{arn.text, profiles.Get(profile, "role_session_name"), profiles.Get(profile, "external_id"), profiles.Get(profile, "duration_seconds")};
    const std::string token_file = profiles.Get(profile, "web_identity_token_file");
    if (!token_file.empty()) return Wrap(AssumeRoleWithWebIdentity(context_, profile, token_file, role, from));
    if (!profiles.Get(profile, "mfa_serial").empty()) {
      return NoKeys(from + " asks for a one-time code (mfa_serial), which cannot be asked for here; put temporary keys into the environment instead");
    }
    LinkResult by = Source(profile, from);
    if (!by.ok()) return by.status();
    return Wrap(AssumeRole(context_, profile, **by, role, from));
  }

  // The keys that assume the role; never nothing.
  LinkResult Source(const std::string& profile, const std::string& from) {
    const Profiles& profiles = context_.profiles;
    const std::string source_profile = profiles.Get(profile, "source_profile");
    const std::string source = profiles.Get(profile, "credential_source");
    if (source_profile.empty() == source.empty()) {
      return Status(Code::kInvalidArgument, from + (source.empty() ? " needs a source_profile or credential_source" : " has both source_profile and credential_source; remove one"));
    }
    LinkResult keys = std::optional<S3Credentials>();
    if (!source_profile.empty()) {
      if (!profiles.Has(source_profile)) return Status(Code::kInvalidArgument, from + " names the source_profile " + Printable(source_profile) + ", which does not exist");
      // A profile may name itself: then its own keys assume the role.
      keys = source_profile == profile ? FromFilesOrProcess(profile) : Resolve(source_profile);
    } else if (source == "Environment") {
      keys = KeysFromEnvironment(context_);
    } else if (source == "EcsContainer") {
      keys = KeysFromContainer(context_);
    } else if (source == "Ec2InstanceMetadata") {
      keys = KeysFromInstance(context_);
    } else {
      return Status(Code::kInvalidArgument, from + " has a credential_source that is not Environment, EcsContainer or Ec2InstanceMetadata");
    }
    if (keys.ok() && !*keys) return NoKeys(from + " cannot be assumed: " + (source.empty() ? "profile " + Printable(source_profile) : "credential_source " + source) + " has no keys");
    return keys;
  }

  const LinkContext& context_;
  std::vector<std::string> seen_;
};

}  // namespace

LinkResult KeysFromProfile(const LinkContext& context, const std::string& profile) { return ProfileResolver(context).Resolve(profile); }

}  // namespace fileferry::s3
