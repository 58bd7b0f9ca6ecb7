// load_context.h: what the readers of the several forms of configuration share.  One thread.
#ifndef FILEFERRY_CONFIG_LOAD_CONTEXT_H_
#define FILEFERRY_CONFIG_LOAD_CONTEXT_H_

#include <string>
#include <string_view>
#include <vector>

#include "config/document.h"
#include "config/template.h"
#include "fileferry/config.h"

namespace fileferry::config {

struct LoadContext {
  FillContext fill;
  std::vector<std::string>* warnings = nullptr;

  std::string At(int line) const { return fill.path + (line > 0 ? ":" + std::to_string(line) : ""); }
};

// Fills in a value and stores it under key, with its origin; a list is joined by ','.  An absent one is left out; problems go to config->problems.
void StoreValue(const Node& node, std::string_view key, const LoadContext& context, StorageConfig* config);

// One entry of config/storage.yml.
Result<StorageConfig> ReadStorage(const std::string& name, int line, const Node& node, const LoadContext& context);
// Rails' own services: Disk, S3, GCS, Mirror, AzureStorage.  false when `service` is none of them.
bool ReadRailsStorage(std::string_view service, const Node& node, const LoadContext& context, StorageConfig* config);

// storage_config.json: minio, yandex_disk, local, content_types.
bool IsStorageConfigJson(const Node& root);
Result<std::vector<StorageConfig>> ReadStorageConfigJson(const Node& root, const LoadContext& context);

// Storages that environment variables define: USE_S3 with AWS_STORAGE_BUCKET_NAME …, SOURCE_S3_….
std::vector<StorageConfig> EnvironmentStorages(const Environment& env);

}  // namespace fileferry::config

#endif  // FILEFERRY_CONFIG_LOAD_CONTEXT_H_
