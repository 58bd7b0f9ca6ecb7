// config.cc: see config.h.  Any thread.
#include "providers/s3/config.h"

#include "base/text.h"
#include "providers/s3/credentials.h"

namespace fileferry {

const std::vector<ConfigKey>& S3ConfigKeys() {
  static const std::vector<ConfigKey> keys{
      {"bucket", KeyType::kText, "", "", "the bucket"},
      {"endpoint", KeyType::kText, "", "", "address of the service, https://host[:port][/base]; empty: AWS for the region"},
      {"region", KeyType::kText, "", "", "region of the bucket; empty: found out"},
      {"vendor", KeyType::kChoice, "", "|aws|minio|spaces|gcs|r2|b2|ceph|seaweedfs|yandex|other", "whose service it is; empty: found out by the address, or asked"},
      {"quirks", KeyType::kList, "", "", "cells of the vendor's row that differ here, e.g. conditional_put=true,list_v1=true"},
      {"access_key_id", KeyType::kText, "", "", "access key; with secret_access_key, in place of the usual chain of sources"},
      {"secret_access_key", KeyType::kSecret, "", "", "secret key"},
      {"session_token", KeyType::kSecret, "", "", "token of temporary keys"},
      {"profile", KeyType::kText, "", "", "profile of ~/.aws/config and ~/.aws/credentials"},
      {"anonymous", KeyType::kBool, "false", "", "send requests without a signature"},
      {"instance_metadata", KeyType::kBool, "false", "", "ask the machine's instance role also where `endpoint` is not AWS"},
      {"addressing", KeyType::kChoice, "auto", "auto|virtual|path", "bucket in the host name or in the path"},
      {"path_style", KeyType::kBool, "", "", "true: the same as addressing: path"},
      {"force_path_style", KeyType::kBool, "", "", "Rails' name of path_style"},
      {"payload_signing", KeyType::kChoice, "auto", "auto|always|never", "auto: bodies are signed over plain HTTP, and sent with a checksum over TLS"},
      {"acl", KeyType::kText, "", "", "canned ACL of new objects: private, public-read, ..."},
      {"storage_class", KeyType::kText, "", "", "storage class of new objects"},
      {"sse", KeyType::kText, "", "", "server-side encryption of new objects: AES256 or aws:kms"},
      {"sse_kms_key", KeyType::kText, "", "", "key id for aws:kms"},
      {"cache_control", KeyType::kText, "", "", "Cache-Control of new objects that have none"},
      {"public_url", KeyType::kText, "", "", "custom domain of public URLs, e.g. https://cdn.shop.example"},
      {"bucket_in_public_url", KeyType::kBool, "false", "", "whether public_url is followed by the bucket's name"},
      {"ca_file", KeyType::kText, "", "", "certificates (PEM) to trust besides the system's"},
      {"connect_timeout", KeyType::kDuration, "10s", "", "for a connection"},
      {"stall_timeout", KeyType::kDuration, "60s", "", "without a byte in either direction"},
      {"max_connections", KeyType::kInteger, "256", "", "connections kept at most"},
      {"request_payer", KeyType::kChoice, "", "|requester", "who pays for requests"},
      {"expected_bucket_owner", KeyType::kText, "", "", "account that must own the bucket"},
      {"accelerate", KeyType::kBool, "false", "", "AWS transfer acceleration"},
      {"dualstack", KeyType::kBool, "false", "", "AWS addresses with IPv6"},
      {"fips", KeyType::kBool, "false", "", "AWS FIPS endpoints"},
  };
  return keys;
}

namespace s3 {

namespace {

class Reader {
 public:
  explicit Reader(const StorageConfig& config) : config_(config) {}

  std::string Text(std::string_view key) const { return config_.Get(key); }
  bool Bool(std::string_view key, bool fallback) {
    const std::string text = ToLower(config_.Get(key));
    if (text.empty()) return fallback;
    if (text == "true" || text == "yes" || text == "on" || text == "1") return true;
    if (text == "false" || text == "no" || text == "off" || text == "0") return false;
    Wrong(key, "is true or false");
    return fallback;
  }
  std::chrono::milliseconds Duration(std::string_view key, std::chrono::milliseconds fallback) {
    const std::string text = config_.Get(key);
    if (text.empty()) return fallback;
    Result<std::int64_t> value = ParseDurationMs(text);
    if (!value.ok() || *value <= 0) Wrong(key, "is a time like 10s or 500ms");
    return value.ok() ? std::chrono::milliseconds(*value) : fallback;
  }
  int Integer(std::string_view key, int fallback, std::uint64_t least, std::uint64_t most) {
    const std::string text = config_.Get(key);
    if (text.empty()) return fallback;
    const std::optional<std::uint64_t> value = ParseUint(text);
    if (!value || *value < least || *value > most) {
      Wrong(key, "is a number from " + std::to_string(least) + " to " + std::to_string(most));
      return fallback;
    }
    return static_cast<int>(*value);
  }
  void Wrong(std::string_view key, const std::string& what) {
    if (!problem_.ok()) return;
    const auto found = config_.values.find(std::string(key));
    const std::string where = found == config_.values.end() ? std::string() : found->second.origin.ToString();
    problem_ = Status(Code::kInvalidArgument, (where.empty() ? "" : where + ": ") + "`" + std::string(key) + "` " + what).With(config_.name, "open", "");
  }
  std::string OriginOf(std::string_view key) const {
    const auto found = config_.values.find(std::string(key));
    return found == config_.values.end() ? std::string("configuration") : found->second.origin.ToString();
  }
  const Status& problem() const { return problem_; }

 private:
  const StorageConfig& config_;
  Status problem_;
};

void ReadAddressing(Reader& reader, S3Options* options) {
  if (const std::string text = reader.Text("addressing"); !text.empty()) options->addressing = text;
  for (const std::string_view key : {"path_style", "force_path_style"}) {
    if (!reader.Bool(key, false)) continue;
    if (options->addressing == "virtual") reader.Wrong(key, "contradicts `addressing: virtual`: leave one out");
    options->addressing = "path";
  }
}

void ReadPayloadSigning(Reader& reader, S3Options* options) {
  const std::string text = reader.Text("payload_signing");
  if (text.empty() || text == "auto") options->payload_signing = PayloadSigning::kAuto;
  else if (text == "always") options->payload_signing = PayloadSigning::kAlways;
  else if (text == "never") options->payload_signing = PayloadSigning::kNever;
  else reader.Wrong("payload_signing", "is auto, always or never");
}

// Fixed keys, no keys, or the chain.
void ReadCredentials(Reader& reader, const Environment& env, bool custom_endpoint, S3Options* options) {
  const std::string key = reader.Text("access_key_id"), secret = reader.Text("secret_access_key");
  options->anonymous = reader.Bool("anonymous", false);
  options->profile = reader.Text("profile");
  if (options->anonymous) return;
  if (key.empty() != secret.empty()) {
    reader.Wrong(key.empty() ? "secret_access_key" : "access_key_id", key.empty() ? "needs `access_key_id` beside it" : "needs `secret_access_key` beside it");
    return;
  }
  if (!key.empty()) {
    options->credentials = NewStaticCredentials(key, secret, reader.Text("session_token"), reader.OriginOf("secret_access_key"));
    return;
  }
  CredentialOptions chain;
  chain.env = env;
  chain.profile = options->profile;
  chain.region = options->region;
  chain.custom_endpoint = custom_endpoint;
  chain.instance_metadata = reader.Bool("instance_metadata", false);
  chain.ca_file = options->ca_file;
  options->credentials = NewCredentialChain(std::move(chain));
}

}  // namespace

Result<S3Options> S3OptionsOf(const StorageConfig& config, const Environment& env) {
  Reader reader(config);
  S3Options options;
  options.bucket = reader.Text("bucket");
  options.name = config.name.empty() ? "s3://" + options.bucket : config.name;
  options.endpoint = reader.Text("endpoint");
  options.region = reader.Text("region");
  options.vendor = reader.Text("vendor");
  options.quirks = reader.Text("quirks");
  ReadAddressing(reader, &options);
  ReadPayloadSigning(reader, &options);
  options.acl = reader.Text("acl");
  options.storage_class = reader.Text("storage_class");
  options.sse = reader.Text("sse");
  options.sse_kms_key = reader.Text("sse_kms_key");
  options.cache_control = reader.Text("cache_control");
  options.public_url = reader.Text("public_url");
  options.bucket_in_public_url = reader.Bool("bucket_in_public_url", false);
  options.ca_file = reader.Text("ca_file");
  options.connect_timeout = reader.Duration("connect_timeout", options.connect_timeout);
  options.stall_timeout = reader.Duration("stall_timeout", options.stall_timeout);
  options.max_connections = reader.Integer("max_connections", options.max_connections, 1, 100000);
  options.request_payer = reader.Text("request_payer");
  options.expected_bucket_owner = reader.Text("expected_bucket_owner");
  options.accelerate = reader.Bool("accelerate", false);
  options.dualstack = reader.Bool("dualstack", false);
  options.fips = reader.Bool("fips", false);
  if (options.region.empty() || options.endpoint.empty()) {
    Result<AwsSettings> settings = FindAwsSettings(env, reader.Text("profile"));
    if (!settings.ok()) return settings.status().With(options.name, "open", "");
    const bool aws_vendor = options.vendor.empty() || options.vendor == "aws" || options.vendor == "other";
    if (options.region.empty()) options.region = settings->region.text;
    if (options.endpoint.empty() && aws_vendor && !options.accelerate && !options.dualstack && !options.fips) options.endpoint = settings->endpoint_url.text;
    if (reader.Text("addressing").empty() && options.addressing == "auto" && !settings->addressing_style.text.empty()) options.addressing = settings->addressing_style.text;
  }
  ReadCredentials(reader, env, !options.endpoint.empty(), &options);
  if (!reader.problem().ok()) return reader.problem();
  return options;
}

}  // namespace s3
}  // namespace fileferry
