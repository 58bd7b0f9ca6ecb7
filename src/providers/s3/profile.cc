// profile.cc: finds and reads the AWS shared files, and answers what profile and environment say.
#include "providers/s3/profile.h"

#include <fcntl.h>

#include <cerrno>

#include "base/errno_status.h"
#include "base/sys.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "providers/s3/credentials.h"

namespace fileferry::s3 {
namespace {

constexpr std::size_t kMaxFile = std::size_t{1} << 20;

struct Place {
  std::string path;  // empty: there is no home folder
  std::string name;  // for messages
  bool named = false;  // by a variable: it must be readable
};

Place FindPlace(const Environment& env, const char* variable, const char* leaf) {
  const std::string home = Variable(env, "HOME");
  Place place;
  place.path = Variable(env, variable);
  place.named = !place.path.empty();
  if (!place.named) {
    place.name = "~/.aws/" + std::string(leaf);
    if (!home.empty()) place.path = home + "/.aws/" + leaf;
  } else if (place.path.substr(0, 2) == "~/" && !home.empty()) {
    place.name = place.path;
    place.path = home + place.path.substr(1);
  } else {
    place.name = place.path;
  }
  return place;
}

Result<IniFile> ReadIni(const Place& place) {
  if (place.path.empty()) return IniFile();
  Result<std::optional<std::string>> text = ReadSmallFile(place.path);
  // A home folder that this user may not enter (a service that kept another user's HOME) has no files for it.
  if (text.code() == Code::kPermissionDenied && !place.named) return IniFile();
  if (!text.ok()) return text.status();
  return *text ? ParseIni(**text, place.name) : Result<IniFile>(IniFile());
}

std::optional<S3Credentials> KeysIn(const IniSection* section, const std::string& origin) {
  if (section == nullptr) return std::nullopt;
  S3Credentials keys;
  keys.access_key_id = section->Get("aws_access_key_id");
  keys.secret_access_key = section->Get("aws_secret_access_key");
  keys.session_token = section->Get("aws_session_token");
  if (keys.session_token.empty()) keys.session_token = section->Get("aws_security_token");
  keys.origin = origin;
  if (keys.access_key_id.empty() && keys.secret_access_key.empty()) return std::nullopt;
  return keys;
}

ConfigValue FromVariable(const Environment& env, const char* name) { return {Variable(env, name), {"environment " + std::string(name), 0}}; }

bool IsTrue(const std::string& text) { return EqualsIgnoreCase(text, "true"); }

}  // namespace

Result<std::optional<std::string>> ReadSmallFile(const std::string& path) {
  const UniqueFd fd(sys::OpenAt(AT_FDCWD, path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0));
  if (!fd.valid()) {
    if (errno == ENOENT || errno == ENOTDIR) return std::optional<std::string>();
    return ErrnoStatus(errno, "cannot open " + Printable(path));
  }
  std::string text;
  char buffer[8192];
  while (true) {
    const ssize_t got = sys::Read(fd.get(), buffer, sizeof buffer);
    if (got < 0) return ErrnoStatus(errno, "cannot read " + Printable(path));
    if (got == 0) return std::optional<std::string>(std::move(text));
    text.append(buffer, static_cast<std::size_t>(got));
    if (text.size() > kMaxFile) return Status(Code::kInvalidArgument, Printable(path) + " is larger than 1 MiB; it is not a file of credentials or settings");
  }
}

Result<Profiles> Profiles::Load(const Environment& env) {
  Profiles profiles;
  const Place config = FindPlace(env, "AWS_CONFIG_FILE", "config");
  const Place credentials = FindPlace(env, "AWS_SHARED_CREDENTIALS_FILE", "credentials");
  profiles.config_name_ = config.name;
  profiles.credentials_name_ = credentials.name;
  Result<IniFile> read = ReadIni(config);
  if (!read.ok()) return read.status();
  profiles.config_ = std::move(*read);
  read = ReadIni(credentials);
  if (!read.ok()) return read.status();
  profiles.credentials_ = std::move(*read);
  return profiles;
}

const IniSection* Profiles::InConfig(const std::string& profile) const {
  auto found = config_.find("profile " + profile);
  if (found == config_.end() && profile == "default") found = config_.find(profile);
  return found == config_.end() ? nullptr : &found->second;
}

const IniSection* Profiles::InCredentials(const std::string& profile) const {
  const auto found = credentials_.find(profile);
  return found == credentials_.end() ? nullptr : &found->second;
}

bool Profiles::Has(const std::string& profile) const { return InConfig(profile) != nullptr || InCredentials(profile) != nullptr; }

std::string Profiles::Get(const std::string& profile, const std::string& name) const { return Find(profile, name).text; }

ConfigValue Profiles::Find(const std::string& profile, const std::string& name) const {
  const std::pair<const IniSection*, const std::string*> places[] = {{InCredentials(profile), &credentials_name_}, {InConfig(profile), &config_name_}};
  for (const auto& [section, file] : places) {
    if (section == nullptr) continue;
    const auto found = section->values.find(name);
    if (found != section->values.end() && !found->second.text.empty()) return {found->second.text, {*file, found->second.line}};
  }
  return {};
}

ConfigValue Profiles::FindNested(const std::string& profile, const std::string& block, const std::string& name) const {
  const IniSection* section = InConfig(profile);
  if (section == nullptr) return {};
  const auto found = section->values.find(block);
  if (found == section->values.end()) return {};
  const auto value = found->second.nested.find(name);
  if (value == found->second.nested.end()) return {};
  return {value->second, {config_name_, found->second.line}};
}

std::optional<S3Credentials> Profiles::KeysInCredentialsFile(const std::string& profile) const {
  return KeysIn(InCredentials(profile), "profile " + profile + " in " + credentials_name_);
}

std::optional<S3Credentials> Profiles::KeysInConfigFile(const std::string& profile) const { return KeysIn(InConfig(profile), "profile " + profile + " in " + config_name_); }

const IniSection* Profiles::SsoSession(const std::string& name) const {
  const auto found = config_.find("sso-session " + name);
  return found == config_.end() ? nullptr : &found->second;
}

ConfigValue Profiles::ServiceEndpoint(const std::string& profile, const std::string& service) const {
  const std::string services = Get(profile, "services");
  const auto section = services.empty() ? config_.end() : config_.find("services " + services);
  if (section != config_.end()) {
    const auto block = section->second.values.find(service);
    if (block != section->second.values.end()) {
      const auto url = block->second.nested.find("endpoint_url");
      if (url != block->second.nested.end()) return {url->second, {config_name_, block->second.line}};
    }
  }
  return Find(profile, "endpoint_url");
}

std::string Variable(const Environment& env, const char* name) { return env(name).value_or(std::string()); }

std::string ProfileName(const Environment& env, const std::string& named) {
  if (!named.empty()) return named;
  for (const char* variable : {"AWS_PROFILE", "AWS_DEFAULT_PROFILE"}) {
    std::string name = Variable(env, variable);
    if (!name.empty()) return name;
  }
  return "default";
}

std::string ServiceEndpointUrl(const Environment& env, const Profiles& profiles, const std::string& profile, const std::string& service) {
  if (IsTrue(Variable(env, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"))) return {};
  std::string name = "AWS_ENDPOINT_URL_";
  for (char c : service) name.push_back(c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c);
  for (const std::string& variable : {name, std::string("AWS_ENDPOINT_URL")}) {
    std::string url = Variable(env, variable.c_str());
    if (!url.empty()) return url;
  }
  return profiles.ServiceEndpoint(profile, service).text;
}

Result<AwsSettings> FindAwsSettings(const Environment& given, const std::string& named) {
  const Environment env = given ? given : ProcessEnvironment();
  Result<Profiles> profiles = Profiles::Load(env);
  if (!profiles.ok()) return profiles.status();
  const std::string profile = ProfileName(env, named);
  if (!named.empty() && !profiles->Has(named)) {
    return Status(Code::kInvalidArgument, "the profile " + Printable(named) + " is neither in " + profiles->config_name() + " nor in " + profiles->credentials_name());
  }
  AwsSettings settings;
  settings.region = FromVariable(env, "AWS_REGION");
  if (settings.region.text.empty()) settings.region = FromVariable(env, "AWS_DEFAULT_REGION");
  if (settings.region.text.empty()) settings.region = profiles->Find(profile, "region");
  if (!IsTrue(Variable(env, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"))) {
    settings.endpoint_url = FromVariable(env, "AWS_ENDPOINT_URL_S3");
    if (settings.endpoint_url.text.empty()) settings.endpoint_url = FromVariable(env, "AWS_ENDPOINT_URL");
    if (settings.endpoint_url.text.empty() && !IsTrue(profiles->Get(profile, "ignore_configured_endpoint_urls"))) settings.endpoint_url = profiles->ServiceEndpoint(profile, "s3");
  }
  settings.addressing_style = profiles->FindNested(profile, "s3", "addressing_style");
  for (ConfigValue* value : {&settings.region, &settings.endpoint_url, &settings.addressing_style}) {
    if (value->text.empty()) *value = ConfigValue();
  }
  return settings;
}

}  // namespace fileferry::s3
