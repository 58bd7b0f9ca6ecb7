// load.cc: reads config/storage.yml and storage_config.json, and finds them.  Any thread.
#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "base/sys.h"
#include "base/text.h"
#include "config/document.h"
#include "config/keys.h"
#include "config/load_context.h"
#include "config/storage_text.h"
#include "config/template.h"

namespace fileferry {
namespace config {
namespace {

Status Bad(std::string message) { return {Code::kInvalidArgument, std::move(message)}; }

// What stands at the top of the file.
enum class Form { kEmpty, kStorages, kEnvironments, kJson };

bool LooksLikeStorage(const Node& node) {
  if (!node.IsMap()) return false;
  if (node.Find("service") != nullptr) return true;
  return std::any_of(node.members.begin(), node.members.end(), [](const Node::Member& member) { return member.value.IsScalar(); });
}

Form FormOf(const Node& root) {
  if (root.members.empty()) return Form::kEmpty;
  if (IsStorageConfigJson(root)) return Form::kJson;
  for (const Node::Member& member : root.members) {
    if (LooksLikeStorage(member.value) && member.value.Find("service") != nullptr) return Form::kStorages;
  }
  for (const Node::Member& member : root.members) {
    if (member.value.IsMap() && !LooksLikeStorage(member.value)) return Form::kEnvironments;
  }
  return Form::kStorages;
}

// Rails.root: the folder above config/, else the folder of the file.
std::string RootOf(const std::string& path) {
  const std::string absolute = AbsoluteFolder(path);
  const std::filesystem::path folder = std::filesystem::path(absolute).parent_path();
  return folder.filename() == "config" ? folder.parent_path().string() : folder.string();
}

// Entries of `service: Fileferry` with `storage: <text>` become what the text names.
void ResolveTexts(const Environment& env, Configuration* configuration) {
  const auto unresolved = [](const StorageConfig& config) { return config.Get("service") == "Fileferry"; };
  for (std::size_t round = 0; round <= configuration->storages.size(); round++) {
    for (auto& [name, config] : configuration->storages) {
      if (!unresolved(config) || !config.problems.empty()) continue;
      const ConfigValue text = config.values["storage"];
      Configuration others = *configuration;
      others.storages.erase(name);
      auto parsed = ParseStorageText(text.text, others, env);
      if (!parsed.ok()) {
        config.problems.emplace_back(parsed.code(), text.origin.ToString() + ": storage '" + Printable(name) + "': " + std::string(parsed.status().message()));
        continue;
      }
      if (unresolved(parsed->config)) continue;
      StorageConfig resolved = std::move(parsed->config);
      resolved.name = name;
      for (auto& [key, value] : resolved.values) {
        if (value.origin.what == "storage text") value.origin = text.origin;
      }
      if (!parsed->path.empty()) resolved.values["prefix"] = {resolved.Get("prefix") + parsed->path, text.origin};
      for (const auto& [key, value] : config.values) {
        if (key != "service" && key != "storage") resolved.values[key] = value;
      }
      config = std::move(resolved);
    }
  }
  for (auto& [name, config] : configuration->storages) {
    if (unresolved(config) && config.problems.empty())
      config.problems.push_back(Bad(config.values["storage"].origin.ToString() + ": storage '" + Printable(name) + "' names itself: write where the files are"));
  }
}

Status ReadStorages(const Node& section, const LoadContext& context, Configuration* configuration) {
  for (const Node::Member& member : section.members) {
    if (member.value.kind == Node::Kind::kNull) continue;
    auto storage = ReadStorage(member.key, member.line, member.value, context);
    if (!storage.ok()) return storage.status();
    configuration->storages[member.key] = *std::move(storage);
  }
  return Status::Ok();
}

Status ReadEnvironments(const Node& root, bool chosen, const LoadContext& context, Configuration* configuration) {
  const Node* section = nullptr;
  for (const Node::Member& member : root.members) {
    if (LooksLikeStorage(member.value)) return Bad(context.At(member.line) + ": '" + Printable(member.key) + "' is a storage beside environments: put it into one of them");
    configuration->environments.push_back(member.key);
    if (member.key == configuration->environment) section = &member.value;
  }
  if (section == nullptr) {
    std::string list;
    std::vector<std::string_view> names;
    for (const std::string& name : configuration->environments) {
      list += (list.empty() ? "" : ", ") + Printable(name);
      names.push_back(name);
    }
    const std::string nearest = NearestName(configuration->environment, names);
    const std::string message = context.fill.path + ": there is no environment '" + Printable(configuration->environment) +
                                "': " + (nearest.empty() ? "the file has " + list : "did you mean '" + nearest + "'?");
    if (chosen) return Bad(message);
    configuration->warnings.push_back(message);
    return Status::Ok();
  }
  return ReadStorages(*section, context, configuration);
}

Status ReadDocument(const Node& root, bool chosen, const LoadContext& context, Configuration* configuration) {
  if (!root.IsMap() && root.kind != Node::Kind::kNull) return Bad(context.At(root.line) + ": the file does not hold a map of storages or environments");
  switch (FormOf(root)) {
    case Form::kEmpty:
      return Status::Ok();
    case Form::kStorages:
      return ReadStorages(root, context, configuration);
    case Form::kEnvironments:
      return ReadEnvironments(root, chosen, context, configuration);
    case Form::kJson: {
      auto storages = ReadStorageConfigJson(root, context);
      if (!storages.ok()) return storages.status();
      for (StorageConfig& storage : *storages) configuration->storages[storage.name] = std::move(storage);
      return Status::Ok();
    }
  }
  return Status::Ok();
}

std::string ChooseEnvironment(const std::string& asked, const Environment& env, bool* chosen) {
  *chosen = true;
  if (!asked.empty()) return asked;
  for (const char* name : {"FILEFERRY_ENV", "RAILS_ENV"}) {
    const auto value = env(name);
    if (value && !value->empty()) return *value;
  }
  *chosen = false;
  return "development";
}

void AddEnvironmentStorages(const Environment& env, Configuration* configuration) {
  for (StorageConfig& storage : EnvironmentStorages(env)) configuration->storages.try_emplace(storage.name, storage);  // the file wins
}

// Literal secrets in a file that everybody can read.
void WarnOfOpenSecrets(Configuration* configuration) {
  struct stat info {};
  if (sys::FStatAt(AT_FDCWD, configuration->path.c_str(), &info, 0) != 0 || (info.st_mode & S_IROTH) == 0) return;
  for (const auto& [name, config] : configuration->storages) {
    const std::vector<ConfigKey>* keys = ConfigKeysOf(config.Get("service"));
    if (keys == nullptr) continue;
    for (const auto& [key, value] : config.values) {
      const ConfigKey* known = FindKey(*keys, key);
      if (known == nullptr || known->type != KeyType::kSecret || value.origin.what != configuration->path || value.text.empty()) continue;
      configuration->warnings.push_back(value.origin.ToString() + ": " + key + " is written into a file that every user can read: use ${VARIABLE}, or chmod 600 the file");
    }
  }
}

}  // namespace
}  // namespace config

Result<Configuration> LoadConfiguration(const std::string& path, const std::string& environment, const Environment& env) {
  using namespace config;  // NOLINT
  auto raw = ReadConfigFile(path);
  if (!raw.ok()) return raw.status();
  Configuration configuration;
  configuration.path = path;
  bool chosen = false;
  configuration.environment = ChooseEnvironment(environment, env, &chosen);
  auto source = ReadTemplate(*raw, path);
  if (!source.ok()) return source.status();
  auto root = ParseDocument(source->text, path);
  if (!root.ok()) return root.status();
  LoadContext context{{&*source, &env, path, RootOf(path), configuration.environment}, &configuration.warnings};
  const Status status = ReadDocument(*root, chosen, context, &configuration);
  if (!status.ok()) return status;
  ResolveTexts(env, &configuration);
  WarnOfOpenSecrets(&configuration);
  AddEnvironmentStorages(env, &configuration);
  return configuration;
}

Result<Configuration> FindConfiguration(const std::string& path_or_empty, const std::string& environment, const Environment& env) {
  std::string path = path_or_empty;
  if (path.empty()) path = env("FILEFERRY_CONFIG").value_or("");
  if (path.empty()) {
    for (const char* candidate : {"config/storage.yml", "storage_config.json"}) {
      struct stat info {};
      if (sys::FStatAt(AT_FDCWD, candidate, &info, 0) == 0) {
        path = candidate;
        break;
      }
      if (errno != ENOENT && errno != ENOTDIR) {
        path = candidate;  // there, but not to be looked at: say so
        break;
      }
    }
  }
  if (!path.empty()) return LoadConfiguration(path, environment, env);
  Configuration configuration;
  bool chosen = false;
  configuration.environment = config::ChooseEnvironment(environment, env, &chosen);
  config::AddEnvironmentStorages(env, &configuration);
  return configuration;
}

}  // namespace fileferry
