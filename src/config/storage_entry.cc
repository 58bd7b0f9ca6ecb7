// storage_entry.cc: one entry of config/storage.yml as a StorageConfig.  One thread.
#include "base/text.h"
#include "config/keys.h"
#include "config/load_context.h"
#include "config/storage_text.h"

namespace fileferry::config {
namespace {

Status Bad(std::string message) { return {Code::kInvalidArgument, std::move(message)}; }

std::string Subject(const LoadContext& context, int line, std::string_view name) { return context.At(line) + ": storage '" + Printable(name) + "'"; }

// The text of a value without structure: lists joined by ',', maps as {key: value}.
Filled FlatText(const Node& node, std::string_view key, const LoadContext& context) {
  switch (node.kind) {
    case Node::Kind::kNull: {
      Filled filled;
      filled.absent = true;
      return filled;
    }
    case Node::Kind::kScalar:
      return Fill(node.text, node.line, key, context.fill);
    case Node::Kind::kList:
    case Node::Kind::kMap:
      break;
  }
  Filled all;
  const auto add = [&](std::string_view label, const Node& item) {
    Filled one = FlatText(item, key, context);
    if (one.absent) return;
    all.text += (all.text.empty() ? "" : ",") + std::string(label) + (item.IsMap() ? "{" + one.text + "}" : one.text);
    if (all.problem.ok()) all.problem = one.problem;
    all.variables.insert(all.variables.end(), one.variables.begin(), one.variables.end());
  };
  for (const Node& item : node.items) add("", item);
  for (const Node::Member& entry : node.members) add(entry.key + ": ", entry.value);
  return all;
}

// Our own keys, checked against the table of the service.
Status ReadOwnKeys(const Node& node, const LoadContext& context, StorageConfig* config) {
  const std::string service = config->Get("service");
  const std::vector<ConfigKey>* keys = ConfigKeysOf(service);
  for (const Node::Member& entry : node.members) {
    if (entry.key == "service" || entry.key == "provider") continue;
    if (keys != nullptr && FindKey(*keys, entry.key) == nullptr)
      return Bad(Subject(context, entry.line, config->name) + " has an unknown key '" + Printable(entry.key) + "': " + KeyHint(entry.key, *keys));
    StoreValue(entry.value, entry.key, context, config);
    const auto stored = config->values.find(entry.key);
    if (stored == config->values.end() || keys == nullptr) continue;
    const Status status = CheckValue(*FindKey(*keys, entry.key), stored->second);
    if (!status.ok()) return Bad(Subject(context, entry.line, config->name) + ": " + Printable(entry.key) + ": " + std::string(status.message()));
  }
  return Status::Ok();
}

// A folder that is not absolute lies below the application's root, wherever the command is run.
void AnchorRoot(const LoadContext& context, StorageConfig* config) {
  const auto root = config->values.find("root");
  if (config->Get("service") != "local" || root == config->values.end() || root->second.text.empty()) return;
  const std::string& text = root->second.text;
  root->second.text = AbsoluteFolder(text.front() == '/' ? text : context.fill.root + "/" + text);
}

}  // namespace

void StoreValue(const Node& node, std::string_view key, const LoadContext& context, StorageConfig* config) {
  Filled filled = FlatText(node, key, context);
  if (!filled.problem.ok()) {
    config->problems.push_back(filled.problem);
    return;
  }
  if (filled.absent) return;
  ConfigValue value;
  value.text = std::move(filled.text);
  value.origin = {context.fill.path, node.line};
  if (!filled.variables.empty()) {
    std::string names;
    for (const std::string& variable : filled.variables) names += (names.empty() ? "environment " : ", ") + variable;
    value.origin.what = names + " in " + context.fill.path;
  }
  config->values[std::string(key)] = std::move(value);
}

Result<StorageConfig> ReadStorage(const std::string& name, int line, const Node& node, const LoadContext& context) {
  StorageConfig config;
  config.name = name;
  if (name.empty() || name.find_first_of(":/?# \t\n") != std::string::npos || name == "." || name == "..")
    return Bad(context.At(line) + ": '" + Printable(name) + "' cannot be the name of a storage: it must not be empty or hold ':', '/', '?', '#' or spaces");
  if (!node.IsMap()) return Bad(Subject(context, line, name) + " is not a map of keys and values: write service: local and root: folder");
  const Node* service_node = node.Find("service");
  if (service_node == nullptr) {
    for (const Node::Member& entry : node.members) {
      if (NearestName(entry.key, {"service"}) == "service")
        return Bad(Subject(context, entry.line, name) + " has an unknown key '" + Printable(entry.key) + "': did you mean 'service'?");
    }
    return Bad(Subject(context, line, name) + " has no service: write service: local or service: s3");
  }
  const std::string service = Fill(service_node->text, service_node->line, "service", context.fill).text;
  std::string own = service;
  if (service == "Fileferry") {
    const Node* provider = node.Find("provider");
    const Node* text = node.Find("storage");
    if ((provider == nullptr) == (text == nullptr)) return Bad(Subject(context, line, name) + " needs either provider: local|s3|memory with its keys, or storage: with a storage text");
    if (text != nullptr) {
      config.values["service"] = {"Fileferry", {context.fill.path, service_node->line}};
      for (const Node::Member& entry : node.members) {
        if (entry.key != "service") StoreValue(entry.value, entry.key, context, &config);
      }
      return config;  // resolved when all storages are known
    }
    own = Fill(provider->text, provider->line, "provider", context.fill).text;
  } else if (ReadRailsStorage(service, node, context, &config)) {
    AnchorRoot(context, &config);
    return config;
  }
  config.values["service"] = {own, {context.fill.path, service_node->line}};
  if (own == "yadisk") config.values["service"].text = "yandex_disk";
  const Status status = ReadOwnKeys(node, context, &config);
  if (!status.ok()) return status;
  AnchorRoot(context, &config);
  return config;
}

}  // namespace fileferry::config
