// environment_storages.cc: storages that the environment names, as Django's and Rails' guides do.  Any thread.
//
//   USE_S3=true, AWS_STORAGE_BUCKET_NAME, AWS_S3_…   default (below AWS_LOCATION), media (below media/, private), public (below public/, public-read)
//   SOURCE_S3_BUCKET, SOURCE_S3_ACCESS_KEY …         source
#include "base/text.h"
#include "config/load_context.h"

namespace fileferry::config {
namespace {

// The first of the variables that is set and not empty.
bool Take(const Environment& env, StorageConfig* config, std::string_view key, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const auto value = env(name);
    if (!value || value->empty()) continue;
    config->values[std::string(key)] = {*value, {std::string("environment ") + name, 0}};
    return true;
  }
  return false;
}

void Default(StorageConfig* config, std::string_view key, std::string_view value, std::string_view why) {
  config->values.try_emplace(std::string(key), ConfigValue{std::string(value), {std::string(why), 0}});
}

void TakeDjango(const Environment& env, std::vector<StorageConfig>* storages) {
  const auto use = env("USE_S3");
  if (!use || !(EqualsIgnoreCase(*use, "true") || *use == "1" || EqualsIgnoreCase(*use, "yes") || EqualsIgnoreCase(*use, "on"))) return;
  StorageConfig base;
  Default(&base, "service", "s3", "environment USE_S3");
  if (!Take(env, &base, "bucket", {"AWS_STORAGE_BUCKET_NAME"}))
    base.problems.emplace_back(Code::kInvalidArgument, "USE_S3 is on, but AWS_STORAGE_BUCKET_NAME is not set: name the bucket, or turn USE_S3 off");
  Take(env, &base, "region", {"AWS_S3_REGION_NAME"});
  Take(env, &base, "endpoint", {"AWS_S3_ENDPOINT_URL"});
  Take(env, &base, "access_key_id", {"AWS_S3_ACCESS_KEY_ID", "AWS_ACCESS_KEY_ID"});
  Take(env, &base, "secret_access_key", {"AWS_S3_SECRET_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY"});
  Take(env, &base, "session_token", {"AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"});
  Take(env, &base, "profile", {"AWS_S3_SESSION_PROFILE"});
  Take(env, &base, "addressing", {"AWS_S3_ADDRESSING_STYLE"});
  Take(env, &base, "acl", {"AWS_DEFAULT_ACL"});
  if (Take(env, &base, "public_url", {"AWS_S3_CUSTOM_DOMAIN"})) {
    std::string& url = base.values["public_url"].text;
    if (url.find("://") == std::string::npos) url = "https://" + url;
  }
  StorageConfig standard = base, media = base, shared = base;
  standard.name = "default";
  Take(env, &standard, "prefix", {"AWS_LOCATION"});
  media.name = "media";
  Default(&media, "prefix", "media", "default");
  media.values["acl"] = {"private", {"default", 0}};
  shared.name = "public";
  Default(&shared, "prefix", "public", "default");
  shared.values["acl"] = {"public-read", {"default", 0}};
  for (StorageConfig* config : {&standard, &media, &shared}) storages->push_back(std::move(*config));
}

void TakeSource(const Environment& env, std::vector<StorageConfig>* storages) {
  StorageConfig config;
  config.name = "source";
  const bool bucket = Take(env, &config, "bucket", {"SOURCE_S3_BUCKET"});
  const bool id = Take(env, &config, "access_key_id", {"SOURCE_S3_ACCESS_KEY_ID", "SOURCE_S3_ACCESS_KEY"});
  const bool secret = Take(env, &config, "secret_access_key", {"SOURCE_S3_SECRET_ACCESS_KEY", "SOURCE_S3_SECRET_KEY"});
  if (!bucket && !id) return;
  if (!bucket) config.problems.emplace_back(Code::kInvalidArgument, "SOURCE_S3_BUCKET is not set: name the bucket of the storage 'source'");
  if (id && !secret) config.problems.emplace_back(Code::kInvalidArgument, "SOURCE_S3_SECRET_KEY is not set: set it beside SOURCE_S3_ACCESS_KEY");
  Take(env, &config, "session_token", {"SOURCE_S3_SESSION_TOKEN"});
  Take(env, &config, "endpoint", {"SOURCE_S3_ENDPOINT", "SOURCE_S3_ENDPOINT_URL"});
  Take(env, &config, "region", {"SOURCE_S3_REGION"});
  Default(&config, "service", "s3", "environment SOURCE_S3_BUCKET");
  storages->push_back(std::move(config));
}

}  // namespace

std::vector<StorageConfig> EnvironmentStorages(const Environment& env) {
  std::vector<StorageConfig> storages;
  TakeDjango(env, &storages);
  TakeSource(env, &storages);
  return storages;
}

}  // namespace fileferry::config
