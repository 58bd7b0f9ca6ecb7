// storage_config_json.cc: storage_config.json of applications that keep MinIO, Yandex.Disk and a kind of storage for each content type in one file.  One thread.
//
//   { "minio": {"endpoint", "access_key", "secret_key", "bucket", "secure", "region"}, "local": {"root"}, "yandex_disk": {...},
//     "content_types": {"portraits": {"storage_type": "minio"}} }
//
// gives the storages minio, local and yandex_disk, and one named after each content type, which is the same as the one that it names.
#include <algorithm>

#include "base/text.h"
#include "config/keys.h"
#include "config/load_context.h"
#include "config/storage_text.h"

namespace fileferry::config {
namespace {

struct Rename {
  std::string_view theirs, ours;
};
constexpr Rename kMinio[] = {{"endpoint", "endpoint"}, {"access_key", "access_key_id"}, {"secret_key", "secret_access_key"}, {"bucket", "bucket"},       {"bucket_name", "bucket"},
                             {"region", "region"},     {"secure", ""},                  {"enabled", ""},                     {"public_url", "public_url"}};
constexpr Rename kYandex[] = {{"oauth_token", "token"}, {"token", "token"}, {"base_path", "base_path"}, {"enabled", "enabled"}};
constexpr Rename kLocal[] = {{"root", "root"}, {"storage_root", "root"}, {"base_path", "root"}, {"path", "root"}, {"enabled", ""}};
constexpr std::string_view kSections[] = {"minio", "yandex_disk", "local", "content_types", "backup", "backup_settings", "default_storage"};

template <std::size_t N>
Status ReadSection(const Rename (&table)[N], const Node& node, const LoadContext& context, StorageConfig* config) {
  for (const Node::Member& member : node.members) {
    const Rename* found = nullptr;
    std::vector<std::string_view> names;
    for (const Rename& row : table) {
      names.push_back(row.theirs);
      if (row.theirs == member.key) found = &row;
    }
    if (found == nullptr) {
      const std::string nearest = NearestName(member.key, names);
      return {Code::kInvalidArgument, context.At(member.line) + ": '" + Printable(config->name) + "' has an unknown key '" + Printable(member.key) + "'" +
                                          (nearest.empty() ? ": remove it" : ": did you mean '" + nearest + "'?")};
    }
    if (!found->ours.empty()) StoreValue(member.value, found->ours, context, config);
  }
  return Status::Ok();
}

StorageConfig Named(std::string_view name, std::string_view service, int line, const LoadContext& context) {
  StorageConfig config;
  config.name = std::string(name);
  config.values["service"] = {std::string(service), {context.fill.path, line}};
  return config;
}

void AddScheme(const Node& node, const LoadContext& context, StorageConfig* config) {
  const auto endpoint = config->values.find("endpoint");
  if (endpoint == config->values.end() || endpoint->second.text.empty() || endpoint->second.text.find("://") != std::string::npos) return;
  const Node* secure = node.Find("secure");
  const bool tls = secure != nullptr && EqualsIgnoreCase(Fill(secure->text, secure->line, "secure", context.fill).text, "true");
  endpoint->second.text = (tls ? "https://" : "http://") + endpoint->second.text;
}

StorageConfig LocalOf(const Node* node, const LoadContext& context, Status* status) {
  StorageConfig config = Named("local", "local", node == nullptr ? 0 : node->line, context);
  if (node != nullptr) *status = ReadSection(kLocal, *node, context, &config);
  config.values.try_emplace("root", ConfigValue{"storage", {"default", 0}});
  std::string& root = config.values["root"].text;
  root = AbsoluteFolder(root.substr(0, 1) == "/" ? root : context.fill.root + "/" + root);
  return config;
}

}  // namespace

bool IsStorageConfigJson(const Node& root) {
  for (const Node::Member& member : root.members) {
    if (member.value.Find("service") != nullptr) return false;
  }
  return root.Find("content_types") != nullptr || root.Find("minio") != nullptr || root.Find("yandex_disk") != nullptr;
}

Result<std::vector<StorageConfig>> ReadStorageConfigJson(const Node& root, const LoadContext& context) {
  std::vector<StorageConfig> storages;
  Status status;
  for (const Node::Member& member : root.members) {
    const std::string nearest = NearestName(member.key, {std::begin(kSections), std::end(kSections)});
    if (std::find(std::begin(kSections), std::end(kSections), member.key) == std::end(kSections)) {
      if (!nearest.empty()) return Status(Code::kInvalidArgument, context.At(member.line) + ": there is no section '" + Printable(member.key) + "': did you mean '" + nearest + "'?");
      context.warnings->push_back(context.At(member.line) + ": '" + Printable(member.key) + "' is not understood and left to the application");
      continue;
    }
    if (member.key == "minio" && member.value.IsMap()) {
      StorageConfig config = Named("minio", "s3", member.line, context);
      status = ReadSection(kMinio, member.value, context, &config);
      AddScheme(member.value, context, &config);
      storages.push_back(std::move(config));
    } else if (member.key == "yandex_disk" && member.value.IsMap()) {
      StorageConfig config = Named("yandex_disk", "yandex_disk", member.line, context);
      status = ReadSection(kYandex, member.value, context, &config);
      storages.push_back(std::move(config));
    } else if (member.key == "local" && member.value.IsMap()) {
      storages.push_back(LocalOf(&member.value, context, &status));
    }
    if (!status.ok()) return status;
  }
  const Node* types = root.Find("content_types");
  if (types == nullptr) return storages;
  for (const Node::Member& type : types->members) {
    const Node* kind = type.value.Find("storage_type");
    if (kind == nullptr) return Status(Code::kInvalidArgument, context.At(type.line) + ": content type '" + Printable(type.key) + "' has no storage_type: write \"storage_type\": \"minio\"");
    auto found = std::find_if(storages.begin(), storages.end(), [&](const StorageConfig& config) { return config.name == kind->text; });
    if (found == storages.end() && kind->text == "local") found = storages.insert(storages.end(), LocalOf(nullptr, context, &status));
    if (found == storages.end()) {
      const std::string nearest = NearestName(kind->text, {"local", "minio", "yandex_disk"});
      return Status(Code::kInvalidArgument, context.At(kind->line) + ": there is no section for storage_type '" + Printable(kind->text) + "'" +
                                                (nearest.empty() || nearest == kind->text ? ": add it" : ": did you mean '" + nearest + "'?"));
    }
    StorageConfig same = *found;
    same.name = type.key;
    storages.push_back(std::move(same));
  }
  return storages;
}

}  // namespace fileferry::config
