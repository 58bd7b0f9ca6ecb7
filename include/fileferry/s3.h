// s3.h: S3StorageProvider, a bucket of AWS S3 or of a service that speaks its protocol.
#ifndef FILEFERRY_S3_H
#define FILEFERRY_S3_H

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fileferry/config.h"
#include "fileferry/provider.h"

namespace fileferry {

struct S3Credentials {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;
  std::optional<Time> expires;
  std::string origin;  // "environment", "profile media in ~/.aws/credentials", ...
  bool anonymous() const { return access_key_id.empty(); }
};

// Where credentials come from.  Thread-safe; refreshes before they expire, one refresh at a time.
class IS3CredentialSource {
 public:
  virtual ~IS3CredentialSource() = default;
  virtual Result<S3Credentials> Get(const OpContext& ctx) = 0;
  virtual void Invalidate() = 0;  // the service said "expired": fetch anew at the next Get
};

enum class PayloadSigning { kAuto, kAlways, kNever };  // auto: signed over plain HTTP, unsigned with a checksum over TLS

struct S3Options {
  std::string name;                       // for messages; empty: s3://bucket
  std::string bucket;
  std::string endpoint;                   // empty: AWS for the region; may carry a base path
  std::string region;                     // empty: found out; for signing "us-east-1" until then
  std::string vendor;                     // a row of the dialect table: "aws", "minio", "spaces", "gcs", "r2", "b2", "ceph", "seaweedfs", "yandex", "other"; empty: by the endpoint
  std::string quirks;                     // cells of the vendor's row that differ here: "conditional_put=true,multi_delete=0" (docs/providers/s3.md)
  std::string addressing = "auto";        // auto|virtual|path
  PayloadSigning payload_signing = PayloadSigning::kAuto;
  std::shared_ptr<IS3CredentialSource> credentials;  // nullptr: the default chain
  std::string profile;
  bool anonymous = false;                 // requests are not signed
  std::string acl, storage_class, sse, sse_kms_key, cache_control;  // defaults for new objects
  std::string public_url;                 // custom domain, e.g. "https://cdn.shop.example"
  bool bucket_in_public_url = false;
  std::string ca_file;                    // PEM, besides the system's
  std::chrono::milliseconds connect_timeout{10000};
  std::chrono::milliseconds stall_timeout{60000};  // no byte either way for so long
  int max_connections = 256;
  std::string request_payer, expected_bucket_owner;
  bool accelerate = false, dualstack = false, fips = false;
};

class S3StorageProvider : public IStorageProvider {
 public:
  static Result<std::unique_ptr<S3StorageProvider>> Create(S3Options options);
  static Result<std::unique_ptr<S3StorageProvider>> FromConfig(const StorageConfig& config, const Environment& env);

  // Makes the bucket; kAlreadyExists when somebody else has it, OK when it is the caller's.
  virtual Status CreateBucket(const OpContext& ctx) = 0;
  virtual Status RemoveBucket(const OpContext& ctx) = 0;

 protected:
  S3StorageProvider() = default;
};

}  // namespace fileferry

#endif  // FILEFERRY_S3_H
