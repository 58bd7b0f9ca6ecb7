// config.h: the configuration of storages: where a value came from, what it is, and what is wrong with it.
//
// A configuration value is a text with an origin.  Secrets are marked, and no function here prints one.  Plain values; no locking.
#ifndef FILEFERRY_CONFIG_H
#define FILEFERRY_CONFIG_H

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fileferry/status.h"

namespace fileferry {

// How a value was found, for messages and `config show --origin`.
struct Origin {
  std::string what;  // "config/storage.yml", "environment AWS_REGION", "storage text", "option", "default"
  int line = 0;      // in a file; 0 otherwise
  std::string ToString() const;  // "config/storage.yml:12"
};

struct ConfigValue {
  std::string text;                  // lists are joined by ','
  Origin origin;
};

// The keys of one storage, e.g. {"service": "s3", "bucket": "acme"}.  Ordered by name.
struct StorageConfig {
  std::string name;                  // in the configuration; empty for a storage text
  std::map<std::string, ConfigValue> values;
  std::vector<Status> problems;      // found while reading (a variable that is not set, a service that comes later); reported when the storage is opened or checked
  std::string Get(std::string_view key, std::string_view fallback = {}) const;
  bool Has(std::string_view key) const;
};

enum class KeyType : unsigned char { kText, kSecret, kBool, kInteger, kSize, kDuration, kChoice, kList };

// One configuration key of a service; the tables are the documentation (docs/providers/) and the check at once.
struct ConfigKey {
  std::string_view name;
  KeyType type;
  std::string_view default_value;
  std::string_view choices;  // "a|b|c" for kChoice
  std::string_view help;     // one line
};
// The keys of a service ("local", "s3", "memory"), nullptr when there is no such service.
const std::vector<ConfigKey>* ConfigKeysOf(std::string_view service);

// All storages of one environment.
struct Configuration {
  std::string path;          // the file; empty when none was read
  std::string environment;
  std::vector<std::string> environments;  // all that the file has; empty where storages are at its top
  std::map<std::string, StorageConfig> storages;
  std::vector<std::string> warnings;  // one line each
};

using Environment = std::function<std::optional<std::string>(const std::string& name)>;
Environment ProcessEnvironment();

// Reads config/storage.yml (Rails form or environment form) or storage_config.json.  `environment` picks the section: empty means FILEFERRY_ENV, RAILS_ENV, "development".
// kInvalidArgument names file, line, key and, for an unknown key, the nearest known one.  ${VAR}, ${VAR:-default}, <%= ENV["VAR"] %> and ENV.fetch are filled in.
Result<Configuration> LoadConfiguration(const std::string& path, const std::string& environment, const Environment& env);
// Finds the file as the command does: FILEFERRY_CONFIG, ./config/storage.yml, ./storage_config.json; a Configuration without storages when there is none.
Result<Configuration> FindConfiguration(const std::string& path_or_empty, const std::string& environment, const Environment& env);

// Parses a storage text ("s3://bucket/prefix?endpoint=…", "./folder", "media:photos/", "memory:") against a configuration.
struct StorageText {
  StorageConfig config;      // resolved: values of the configuration with the parameters of the text over them
  std::string path;          // prefix or key inside the storage, decoded; "" for the whole storage
  bool has_trailing_slash = false;
};
Result<StorageText> ParseStorageText(std::string_view text, const Configuration& configuration, const Environment& env);

// Checks every value of a storage against its table; all findings, one line each, empty when there are none.
std::vector<Status> CheckConfig(const StorageConfig& config);

// The values that a storage works with: its own, what the environment and the AWS profile add, then the defaults of its table; each with its origin, for
// `config show --origin`.  Reads the AWS files; no network.
StorageConfig EffectiveConfig(const StorageConfig& config, const Environment& env);

// "10M", "512k" (powers of 1024), "1GB" (of 1000), "1.5 MiB", bare bytes, "off" (0); "7d12h", "50ms", bare seconds.  kInvalidArgument with the accepted forms.
Result<std::uint64_t> ParseSize(std::string_view text);
Result<std::int64_t> ParseDurationMs(std::string_view text);
// 1536 -> "1.5 KiB"
std::string FormatSize(std::uint64_t bytes);
std::string FormatDuration(double seconds);  // "1h02m", "3m20s", "12s", "0.4s"

}  // namespace fileferry

#endif  // FILEFERRY_CONFIG_H
