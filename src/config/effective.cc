// effective.cc: what a storage works with, and where each value came from.  Any thread.
#include "base/text.h"
#include "fileferry/config.h"
#include "providers/s3/credentials.h"

namespace fileferry {
namespace {

void Fill(StorageConfig* config, std::string_view key, const ConfigValue& value) {
  if (!value.text.empty() && config->Get(key).empty()) config->values[std::string(key)] = value;
}

void AddAwsSettings(const Environment& env, StorageConfig* config) {
  const auto settings = s3::FindAwsSettings(env, config->Get("profile"));
  if (settings.ok()) {
    const std::string vendor = config->Get("vendor");
    Fill(config, "region", settings->region);
    if (vendor.empty() || vendor == "aws" || vendor == "other") Fill(config, "endpoint", settings->endpoint_url);
    Fill(config, "addressing", settings->addressing_style);
  }
  // The first link of the chain of credentials; the others are found when the storage is used.
  if (!config->Get("access_key_id").empty() || !config->Get("profile").empty()) return;
  for (const auto& [key, variable] : {std::pair("access_key_id", "AWS_ACCESS_KEY_ID"), std::pair("secret_access_key", "AWS_SECRET_ACCESS_KEY"), std::pair("session_token", "AWS_SESSION_TOKEN")}) {
    const auto value = env(variable);
    if (value) Fill(config, key, {*value, {std::string("environment ") + variable, 0}});
  }
}

}  // namespace

StorageConfig EffectiveConfig(const StorageConfig& config, const Environment& env) {
  StorageConfig effective = config;
  const std::string service = config.Get("service");
  if (service == "s3") AddAwsSettings(env, &effective);
  if (const std::vector<ConfigKey>* keys = ConfigKeysOf(service)) {
    for (const ConfigKey& key : *keys) Fill(&effective, key.name, {std::string(key.default_value), {"default", 0}});
  }
  return effective;
}

}  // namespace fileferry
