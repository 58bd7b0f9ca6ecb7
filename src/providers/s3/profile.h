// profile.h: the AWS shared files (~/.aws/config, ~/.aws/credentials) and what is said in them.
//
// Parsing is pure; reading goes through sys.  Values are plain; any thread.  A message names file and line, and never quotes a value.
#ifndef FILEFERRY_PROVIDERS_S3_PROFILE_H_
#define FILEFERRY_PROVIDERS_S3_PROFILE_H_

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "fileferry/config.h"
#include "fileferry/s3.h"

namespace fileferry::s3 {

struct IniValue {
  std::string text;
  int line = 0;
  std::map<std::string, std::string> nested;  // "s3 =" followed by indented "name = value" lines
};

struct IniSection {
  int line = 0;
  std::map<std::string, IniValue> values;  // names in lower case
  std::string Get(const std::string& name) const;  // empty: not there
};

// Section names as written between the brackets, white space collapsed and quotes removed: "default", "profile dev", "sso-session corp".
using IniFile = std::map<std::string, IniSection>;

// `path` is for messages.  Comments (# and ; at the start of a line, or after white space), CRLF, a byte order mark, indented continuations and nested blocks are understood; a section
// that comes twice is one; the last of two values counts.
Result<IniFile> ParseIni(std::string_view text, std::string_view path);

// A file of at most 1 MiB; nullopt when there is none.
Result<std::optional<std::string>> ReadSmallFile(const std::string& path);

// Both files as the environment names them, read once.
class Profiles {
 public:
  static Result<Profiles> Load(const Environment& env);

  // Whether any file has this profile.
  bool Has(const std::string& profile) const;
  // A value of the profile: the credentials file's, else the config file's.  Empty: not there.
  std::string Get(const std::string& profile, const std::string& name) const;
  ConfigValue Find(const std::string& profile, const std::string& name) const;                              // with its origin
  ConfigValue FindNested(const std::string& profile, const std::string& block, const std::string& name) const;  // of "[profile x]" "s3 ="
  // Static keys in one of the files.
  std::optional<S3Credentials> KeysInCredentialsFile(const std::string& profile) const;
  std::optional<S3Credentials> KeysInConfigFile(const std::string& profile) const;

  const IniSection* SsoSession(const std::string& name) const;
  ConfigValue ServiceEndpoint(const std::string& profile, const std::string& service) const;  // of the profile's "services" section, else endpoint_url

  // For messages: "~/.aws/config", "~/.aws/credentials".
  const std::string& config_name() const { return config_name_; }
  const std::string& credentials_name() const { return credentials_name_; }

 private:
  const IniSection* InConfig(const std::string& profile) const;
  const IniSection* InCredentials(const std::string& profile) const;

  std::string config_name_, credentials_name_;
  IniFile config_, credentials_;
};

// The variable, or empty; a variable that is set to nothing counts as not set.
std::string Variable(const Environment& env, const char* name);
// What was named, else AWS_PROFILE, AWS_DEFAULT_PROFILE, "default".
std::string ProfileName(const Environment& env, const std::string& named);
// The endpoint of another AWS service ("sts", "sso") from environment and profile; empty: AWS's own.
std::string ServiceEndpointUrl(const Environment& env, const Profiles& profiles, const std::string& profile, const std::string& service);

}  // namespace fileferry::s3

#endif  // FILEFERRY_PROVIDERS_S3_PROFILE_H_
