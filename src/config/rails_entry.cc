// rails_entry.cc: Active Storage's own entries of config/storage.yml as storages of ours.  What is not understood is a warning: the entry is Rails'.  One thread.
#include "base/text.h"
#include "config/keys.h"
#include "config/load_context.h"

namespace fileferry::config {
namespace {

struct Mapping {
  std::string_view theirs, ours;  // ours empty: has no meaning here, no warning
};

constexpr Mapping kDisk[] = {{"root", "root"}, {"public", ""}};

constexpr Mapping kS3[] = {
    {"bucket", "bucket"},
    {"region", "region"},
    {"endpoint", "endpoint"},
    {"access_key_id", "access_key_id"},
    {"secret_access_key", "secret_access_key"},
    {"session_token", "session_token"},
    {"profile", "profile"},
    {"force_path_style", "force_path_style"},
    {"http_open_timeout", "connect_timeout"},
    {"http_read_timeout", "stall_timeout"},
    {"ssl_ca_bundle", "ca_file"},
    {"use_accelerate_endpoint", "accelerate"},
    {"use_dualstack_endpoint", "dualstack"},
    {"use_fips_endpoint", "fips"},
    {"signature_version", ""},
    {"retry_limit", ""},
    {"retry_mode", ""},
    {"http_idle_timeout", ""},
    {"http_continue_timeout", ""},
    {"request_checksum_calculation", ""},
    {"response_checksum_validation", ""},
    {"ssl_verify_peer", ""},
};

constexpr Mapping kUpload[] = {
    {"server_side_encryption", "sse"}, {"ssekms_key_id", "sse_kms_key"}, {"acl", "acl"}, {"cache_control", "cache_control"}, {"storage_class", "storage_class"},
    {"multipart_threshold", ""},
};

constexpr Mapping kGcs[] = {{"bucket", "bucket"}, {"project", ""}, {"cache_control", "cache_control"}, {"iam", ""}, {"gsa_email", ""}};

void Warn(const LoadContext& context, int line, const StorageConfig& config, std::string_view key, std::string_view rest) {
  context.warnings->push_back(context.At(line) + ": '" + Printable(key) + "' of the Rails storage '" + Printable(config.name) + "' " + std::string(rest));
}

void StoreMapped(std::string_view ours, const Node& value, const LoadContext& context, StorageConfig* config) {
  StoreValue(value, ours, context, config);
  const auto stored = config->values.find(std::string(ours));
  if (stored == config->values.end()) return;
  std::string& text = stored->second.text;
  if (ours.size() > 8 && ours.substr(ours.size() - 8) == "_timeout" && ParseUint(text)) text += "s";
}

template <std::size_t N>
void Map(const Mapping (&table)[N], const Node& node, const LoadContext& context, StorageConfig* config) {
  for (const Node::Member& entry : node.members) {
    if (entry.key == "service" || entry.key == "upload" || (entry.key == "public" && &table[0] != &kDisk[0]) || entry.key == "credentials") continue;
    const Mapping* found = nullptr;
    for (const Mapping& mapping : table) {
      if (mapping.theirs == entry.key) found = &mapping;
    }
    if (found == nullptr) {
      Warn(context, entry.line, *config, entry.key, "is not understood and left to Rails");
    } else if (!found->ours.empty()) {
      StoreMapped(found->ours, entry.value, context, config);
    }
  }
}

bool IsTrue(const Node* node, const LoadContext& context) {
  return node != nullptr && EqualsIgnoreCase(Fill(node->text, node->line, "public", context.fill).text, "true");
}

void SetFrom(StorageConfig* config, std::string_view key, std::string_view value, const LoadContext& context, int line) {
  config->values.try_emplace(std::string(key), ConfigValue{std::string(value), {context.fill.path, line}});
}

void ReadS3(const Node& node, const LoadContext& context, StorageConfig* config) {
  if (const Node* upload = node.Find("upload"); upload != nullptr && upload->IsMap()) Map(kUpload, *upload, context, config);
  Map(kS3, node, context, config);
  if (const Node* shared = node.Find("public"); IsTrue(shared, context)) SetFrom(config, "acl", "public-read", context, shared->line);
}

}  // namespace

bool ReadRailsStorage(std::string_view service, const Node& node, const LoadContext& context, StorageConfig* config) {
  if (service == "Disk") {
    SetFrom(config, "service", "local", context, node.line);
    Map(kDisk, node, context, config);
    SetFrom(config, "layout", "activestorage", context, node.line);
  } else if (service == "S3") {
    SetFrom(config, "service", "s3", context, node.line);
    ReadS3(node, context, config);
  } else if (service == "GCS") {
    SetFrom(config, "service", "s3", context, node.line);
    SetFrom(config, "vendor", "gcs", context, node.line);
    SetFrom(config, "endpoint", "https://storage.googleapis.com", context, node.line);
    Map(kGcs, node, context, config);
    if (const Node* credentials = node.Find("credentials"))
      Warn(context, credentials->line, *config, "credentials", "cannot be used: Google Cloud Storage is reached with HMAC keys, set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
    if (const Node* shared = node.Find("public"); IsTrue(shared, context)) SetFrom(config, "acl", "public-read", context, shared->line);
  } else if (service == "Mirror") {
    SetFrom(config, "service", "hybrid", context, node.line);
    std::string all;
    if (const Node* primary = node.Find("primary")) all = primary->text;
    if (const Node* mirrors = node.Find("mirrors")) {
      for (const Node& mirror : mirrors->items) all += (all.empty() ? "" : ",") + mirror.text;
    }
    SetFrom(config, "read", all.substr(0, all.find(',')), context, node.line);
    SetFrom(config, "write", all, context, node.line);
  } else if (service == "AzureStorage") {
    SetFrom(config, "service", "azure", context, node.line);
    config->problems.emplace_back(Code::kUnsupported, context.At(node.line) + ": Azure storage is not supported: use a local or s3 storage");
  } else {
    return false;
  }
  return true;
}

}  // namespace fileferry::config
