// credentials.h: where the keys of an S3 storage come from: the chain of sources that the AWS tools use, and fixed keys.
//
// Order of the chain: environment (skipped where a profile is named), the profile (role, web identity, SSO, shared credentials file, credential_process, config file), web identity of the
// environment, container, instance metadata.  Sources are thread-safe; nothing is read or asked before the first Get.  No secret is ever in a Status or an origin.
#ifndef FILEFERRY_PROVIDERS_S3_CREDENTIALS_H_
#define FILEFERRY_PROVIDERS_S3_CREDENTIALS_H_

#include <memory>
#include <string>

#include "fileferry/config.h"
#include "fileferry/s3.h"

namespace fileferry::s3 {

struct CredentialOptions {
  Environment env;              // empty: the process's
  std::string profile;          // named by the user: the environment's keys are skipped; empty: AWS_PROFILE, AWS_DEFAULT_PROFILE, "default"
  std::string region;           // for STS; empty: the profile's or AWS_REGION, else "us-east-1"
  bool custom_endpoint = false;  // not AWS: instance metadata is not asked, unless `instance_metadata`
  bool instance_metadata = false;
  std::string ca_file;          // for STS, SSO and container endpoints over TLS
};

// The chain.  Get answers kUnauthenticated, with the list of what was looked at, when no link supplies keys; a link that is configured but does not work (a role that may not be
// assumed, a process that fails) is an error of its own and ends the search.
std::shared_ptr<IS3CredentialSource> NewCredentialChain(CredentialOptions options);

// Keys as they are.  `origin` names the configuration key or file that they came from, never a secret.
std::shared_ptr<IS3CredentialSource> NewStaticCredentials(std::string access_key_id, std::string secret_access_key, std::string session_token, std::string origin);

// Anonymous access: empty keys.
std::shared_ptr<IS3CredentialSource> NewAnonymousCredentials();

// What the environment and the files say besides keys.  An empty text: not said.  Each with its origin, for `config show --origin`.
struct AwsSettings {
  ConfigValue region;            // AWS_REGION, AWS_DEFAULT_REGION, profile's region
  ConfigValue endpoint_url;      // AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, the profile's services section or endpoint_url; none with AWS_IGNORE_CONFIGURED_ENDPOINT_URLS
  ConfigValue addressing_style;  // "auto", "virtual" or "path": the profile's s3 block
};
// profile: as in CredentialOptions.  kInvalidArgument when a named profile does not exist or a file cannot be parsed (file and line are named).
Result<AwsSettings> FindAwsSettings(const Environment& env, const std::string& profile);

}  // namespace fileferry::s3

#endif  // FILEFERRY_PROVIDERS_S3_CREDENTIALS_H_
