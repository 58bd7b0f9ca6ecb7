// keys.cc: the tables of keys and the checks.  Constant data; any thread.
#include "config/keys.h"

#include <algorithm>

#include "base/text.h"
#include "config/local_keys.h"
#include "providers/s3/config.h"

namespace fileferry {
namespace config {
namespace {

std::vector<ConfigKey> WithCommon(std::vector<ConfigKey> keys) {
  for (const ConfigKey& key : CommonKeys()) {
    if (FindKey(keys, key.name) == nullptr) keys.push_back(key);
  }
  return keys;
}

const std::vector<ConfigKey>& HybridKeys() {
  static const std::vector<ConfigKey> keys = {
      {"read", KeyType::kList, "", "", "storages to read from, in this order"},
      {"write", KeyType::kList, "", "", "storages to write to"},
      {"heal", KeyType::kBool, "true", "", "copy what a storage misses when it is read"},
      {"ack", KeyType::kChoice, "primary", "primary|all|any", "when a write counts as done"},
  };
  return keys;
}

const std::vector<ConfigKey>& RouterKeys() {
  static const std::vector<ConfigKey> keys = {
      {"default", KeyType::kText, "", "", "the storage of what no route matches"},
      {"routes", KeyType::kList, "", "", "tenant, content_type and storage of each route"},
  };
  return keys;
}

const std::vector<ConfigKey>& YandexKeys() {
  static const std::vector<ConfigKey> keys = {
      {"token", KeyType::kSecret, "", "", "OAuth token"},
      {"base_path", KeyType::kText, "", "", "folder on the disk"},
      {"enabled", KeyType::kBool, "true", "", "whether it is used"},
  };
  return keys;
}

const std::vector<ConfigKey>& Empty() {
  static const std::vector<ConfigKey> keys;
  return keys;
}

struct Service {
  std::string_view name;
  const std::vector<ConfigKey>& (*keys)();
  std::string_view later;  // what to say where the service comes later
};

constexpr Service kServices[] = {
    {"local", &LocalConfigKeys, ""},
    {"s3", &S3ConfigKeys, ""},
    {"memory", &Empty, ""},
    {"hybrid", &HybridKeys, "hybrid storages"},
    {"router", &RouterKeys, "routed storages"},
    {"yandex_disk", &YandexKeys, "Yandex.Disk"},
};

const Service* FindService(std::string_view name) {
  for (const Service& service : kServices) {
    if (service.name == name) return &service;
  }
  return nullptr;
}

std::string Subject(const StorageConfig& config, std::string_view key, const ConfigValue& value) {
  std::string where = value.origin.ToString();
  if (!where.empty()) where += ": ";
  return where + (config.name.empty() ? "" : "storage '" + Printable(config.name) + "': ") + Printable(key);
}

}  // namespace

const std::vector<ConfigKey>& CommonKeys() {
  static const std::vector<ConfigKey> keys = {
      {"service", KeyType::kText, "", "", "what kind of storage it is: local, s3 or memory"},
      {"fallback", KeyType::kText, "", "", "the storage that is used instead when this one is unhealthy"},
      {"prefix", KeyType::kText, "", "", "only what lies below this folder; keys are seen without it"},
      {"read_only", KeyType::kBool, "false", "", "refuse every change"},
      {"attempts", KeyType::kInteger, "3", "", "how often a request is tried in all"},
      {"timeout", KeyType::kDuration, "60s", "", "of one request without a body; bodies get time by their size"},
  };
  return keys;
}

const ConfigKey* FindKey(const std::vector<ConfigKey>& keys, std::string_view name) {
  for (const ConfigKey& key : keys) {
    if (key.name == name) return &key;
  }
  return nullptr;
}

std::string KeyHint(std::string_view name, const std::vector<ConfigKey>& keys) {
  std::vector<std::string_view> names;
  for (const ConfigKey& key : keys) names.push_back(key.name);
  const std::string nearest = NearestName(name, names);
  if (!nearest.empty()) return "did you mean '" + nearest + "'?";
  std::string known = "known keys are ";
  for (std::size_t i = 0; i < names.size(); i++) known += (i == 0 ? "" : ", ") + std::string(names[i]);
  return known;
}

bool IsKnownService(std::string_view service) { return FindService(service) != nullptr; }

bool ComesLater(std::string_view service) {
  const Service* found = FindService(service);
  return found != nullptr && !found->later.empty();
}

Status ComesLaterStatus(std::string_view service, std::string_view where) {
  const Service* found = FindService(service);
  const std::string what = found == nullptr ? std::string(service) : std::string(found->later);
  return {Code::kUnsupported, (where.empty() ? "" : std::string(where) + ": ") + what + (what.back() == 's' ? " come" : " comes") + " in a later version: use a local or s3 storage"};
}

std::string ServiceHint(std::string_view service) {
  std::vector<std::string_view> names = {"Disk", "S3", "Mirror", "GCS", "Fileferry"};
  for (const Service& known : kServices) names.push_back(known.name);
  const std::string nearest = NearestName(service, names);
  return nearest.empty() ? "services are local, s3, memory, and Rails' Disk and S3" : "did you mean '" + nearest + "'?";
}

Status CheckValue(const ConfigKey& key, const ConfigValue& value) {
  if (value.text.empty()) return Status::Ok();  // as if it were not set
  switch (key.type) {
    case KeyType::kText:
    case KeyType::kSecret:
    case KeyType::kList:
      for (char c : value.text) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return {Code::kInvalidArgument, "must not hold control characters"};
      }
      return Status::Ok();
    case KeyType::kBool:
      for (std::string_view word : {"true", "false", "yes", "no", "on", "off", "1", "0"}) {
        if (EqualsIgnoreCase(value.text, word)) return Status::Ok();
      }
      return {Code::kInvalidArgument, "'" + Printable(value.text) + "' is neither true nor false"};
    case KeyType::kInteger:
      if (ParseUint(value.text)) return Status::Ok();
      return {Code::kInvalidArgument, "'" + Printable(value.text) + "' is not a number"};
    case KeyType::kSize: {
      const auto size = ParseSize(value.text);
      return size.status();
    }
    case KeyType::kDuration: {
      const auto time = ParseDurationMs(value.text);
      return time.status();
    }
    case KeyType::kChoice: {
      std::vector<std::string_view> choices;
      std::string_view rest = key.choices;
      while (true) {
        const auto bar = rest.find('|');
        choices.push_back(rest.substr(0, bar));
        if (bar == std::string_view::npos) break;
        rest.remove_prefix(bar + 1);
      }
      if (std::find(choices.begin(), choices.end(), value.text) != choices.end()) return Status::Ok();
      std::string list;
      for (std::string_view choice : choices) list += (list.empty() ? "" : ", ") + std::string(choice);
      const std::string nearest = NearestName(value.text, choices);
      return {Code::kInvalidArgument,
              "'" + Printable(value.text) + "' is not one of " + list + (nearest.empty() ? "" : ": did you mean '" + nearest + "'?")};
    }
  }
  return Status::Ok();
}

std::vector<Status> CheckAgainst(const StorageConfig& config, const std::vector<ConfigKey>& keys) {
  std::vector<Status> findings = config.problems;
  for (const auto& [name, value] : config.values) {
    const ConfigKey* key = FindKey(keys, name);
    if (key == nullptr) {
      findings.emplace_back(Code::kInvalidArgument, Subject(config, name, value) + " is not known: " + KeyHint(name, keys));
      continue;
    }
    const Status status = CheckValue(*key, value);
    if (!status.ok()) findings.emplace_back(status.code(), Subject(config, name, value) + ": " + std::string(status.message()));
  }
  return findings;
}

}  // namespace config

const std::vector<ConfigKey>* ConfigKeysOf(std::string_view service) {
  static const std::map<std::string, std::vector<ConfigKey>, std::less<>> tables = [] {
    std::map<std::string, std::vector<ConfigKey>, std::less<>> all;
    for (const auto& known : config::kServices) all.emplace(known.name, config::WithCommon(known.keys()));
    return all;
  }();
  const auto found = tables.find(service);
  return found == tables.end() ? nullptr : &found->second;
}

std::vector<Status> CheckConfig(const StorageConfig& storage) {
  const std::string service = storage.Get("service");
  const std::vector<ConfigKey>* keys = ConfigKeysOf(service);
  const std::string where = storage.name.empty() ? "" : "storage '" + Printable(storage.name) + "': ";
  if (keys == nullptr) {
    std::vector<Status> findings = storage.problems;
    if (findings.empty()) {
      findings.emplace_back(Code::kInvalidArgument, where + (service.empty() ? "service is missing: write service: local or service: s3"
                                                                             : "there is no service '" + Printable(service) + "': " + config::ServiceHint(service)));
    }
    return findings;
  }
  std::vector<Status> findings = config::CheckAgainst(storage, *keys);
  const auto require = [&](std::string_view key, std::string_view mend) {
    if (storage.Get(key).empty() && findings.empty())
      findings.emplace_back(Code::kInvalidArgument, where + std::string(key) + " is missing: " + std::string(mend));
  };
  if (service == "s3") require("bucket", "name the bucket");
  if (service == "local") require("root", "name the folder");
  return findings;
}

}  // namespace fileferry
