// provider.h: S3Provider, the IStorageProvider of one bucket.  Thread-safe; the methods lie in put.cc, probe.cc, get.cc, list_objects.cc, remove.cc, copy.cc, multipart.cc, url.cc and bucket.cc.
//
// It never waits to try again; what it corrects at once, api.h says.
#ifndef FILEFERRY_PROVIDERS_S3_PROVIDER_H_
#define FILEFERRY_PROVIDERS_S3_PROVIDER_H_

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "fileferry/s3.h"
#include "providers/s3/api.h"
#include "providers/s3/body.h"
#include "providers/s3/list.h"

namespace fileferry::s3 {

class S3Provider final : public S3StorageProvider {
 public:
  explicit S3Provider(std::unique_ptr<Api> api) : api_(std::move(api)), place_(PlaceOf(api_->endpoint())) {}

  std::string_view Scheme() const override { return "s3"; }
  std::string Name() const override { return api_->options().name; }
  Capabilities Caps() const override;
  Status CheckKey(std::string_view key) const override;

  Result<ObjectInfo> Stat(const OpContext& ctx, std::string_view key) override;
  Result<ObjectInfo> Get(const OpContext& ctx, std::string_view key, const GetOptions& options, ISink& sink) override;
  Result<std::unique_ptr<ISource>> Open(const OpContext& ctx, std::string_view key, const GetOptions& options, ObjectInfo* info) override;
  Result<ObjectInfo> Put(const OpContext& ctx, std::string_view key, ISource& source, const PutOptions& options) override;
  Result<ListPage> List(const OpContext& ctx, const ListQuery& query) override;
  Status Remove(const OpContext& ctx, std::string_view key, const RemoveOptions& options) override;
  std::vector<RemoveResult> RemoveMany(const OpContext& ctx, std::span<const std::string> keys) override;
  Location Locate(std::string_view key) const override;
  Result<ObjectInfo> CopyFrom(const OpContext& ctx, const Location& from, std::string_view to, const CopyOptions& options) override;
  Result<Properties> GetAccess(const OpContext& ctx, std::string_view key, bool acl, bool tags) override;
  Result<ObjectInfo> SetProperties(const OpContext& ctx, std::string_view key, const Properties& properties) override;
  Result<SignedUrl> Url(std::string_view key, const UrlOptions& options) override;
  Result<std::string> CreateUpload(const OpContext& ctx, std::string_view key, const UploadOptions& options) override;
  Result<PartInfo> UploadPart(const OpContext& ctx, std::string_view key, const std::string& upload_id, const PartSpec& part, ISource& source) override;
  Result<PartInfo> UploadPartCopy(const OpContext& ctx, std::string_view key, const std::string& upload_id, const PartSpec& part, const Location& from,
                                  const std::string& source_if_match) override;
  Result<std::vector<PartInfo>> ListParts(const OpContext& ctx, std::string_view key, const std::string& upload_id) override;
  Result<ObjectInfo> CompleteUpload(const OpContext& ctx, std::string_view key, const std::string& upload_id, const std::vector<PartInfo>& parts,
                                    const CompleteOptions& options) override;
  Status AbortUpload(const OpContext& ctx, std::string_view key, const std::string& upload_id) override;
  Result<UploadPage> ListUploads(const OpContext& ctx, std::string_view prefix, const std::string& token) override;
  Result<std::unique_ptr<IWriteBatch>> NewBatch() override;
  HealthReport Health(const OpContext& ctx) override;
  Status CreateBucket(const OpContext& ctx) override;
  Status RemoveBucket(const OpContext& ctx) override;

 private:
  Status Fail(std::string_view operation, std::string_view key, const Status& status) const { return status.With(api_->options().name, operation, key); }
  Status Fail(std::string_view operation, std::string_view key, Code code, std::string message) const {
    return Status(code, std::move(message)).With(api_->options().name, operation, key);
  }
  // The vendor's row, after the key was found fit for it.
  Result<const Dialect*> Enter(const OpContext& ctx, std::string_view operation, std::string_view key) const;
  // What an unknown service was found to do.
  enum class Learned : std::uint8_t { kUnknown, kYes, kNo };
  // Whether the service honours If-None-Match: * when `key` is put: by its row, or asked once.  False while the answer is not known.
  bool CreatesOnlyIfAbsent(const OpContext& ctx, const Dialect& dialect, std::string_view key);
  Learned Probe(const OpContext& ctx, std::string_view key);
  // The properties of a new object: the configured defaults where none are given.
  Properties WithDefaults(const Properties& properties) const;

  Result<ObjectInfo> Head(const OpContext& ctx, std::string_view operation, std::string_view key, const std::optional<std::string>& bucket, const std::string& version_id);
  Result<ObjectInfo> HeadByGet(const OpContext& ctx, std::string_view operation, std::string_view key, const std::optional<std::string>& bucket, const Status& head);
  Result<ObjectInfo> EmptyRange(const OpContext& ctx, std::string_view key, const GetOptions& options, const Status* refused);
  // After an answer that may hide our own success: the object, if it carries our attempt id; kNotFound if there is none; the given error otherwise.
  Result<ObjectInfo> FindOwn(const OpContext& ctx, std::string_view operation, std::string_view key, const std::string& attempt_id, std::uint64_t size, const Status& error);

  // OK: `came`, which contradicts the digests written beside the object, is what was put.  Reads it once more.
  Status CheckByEtag(const OpContext& ctx, const Dialect& dialect, std::string_view key, const GetOptions& options, const DigestSet& came, const ObjectInfo& info);
  Result<RawListPage> ListOnce(const OpContext& ctx, const Dialect& dialect, const ListQuery& query, bool version_1, const std::string& position);
  void RemovePage(const OpContext& ctx, const Dialect& dialect, std::vector<RemoveResult>* results, std::span<const std::size_t> page);
  Result<ObjectInfo> CopyOnCondition(const OpContext& ctx, const Location& from, std::string_view to, const ObjectInfo& source, const CopyOptions& options);
  Result<std::map<std::string, std::string>> TagsOf(const OpContext& ctx, std::string_view key, const std::optional<std::string>& bucket);
  Result<std::string> NewUpload(const OpContext& ctx, std::string_view key, const UploadOptions& options, const Reserved& reserved);
  Result<ObjectInfo> CopyInParts(const OpContext& ctx, const Location& from, std::string_view to, const ObjectInfo& source, const Properties& properties, const CopyOptions& options);
  Result<PartInfo> SendPart(const OpContext& ctx, const Dialect& dialect, Call& call, const PartSpec& part, ISource& source);
  Result<ObjectInfo> LostComplete(const OpContext& ctx, std::string_view key, const CompleteOptions& options, const Status& error);

  const std::unique_ptr<Api> api_;
  const std::string place_;  // the service, whoever asks it
  BlockPool blocks_;
  std::mutex probe_mutex_;  // held while the service is asked
  std::atomic<Learned> if_absent_{Learned::kUnknown};
  std::atomic<bool> only_list_v1_{false};     // learned: the service has no version 2
  std::atomic<bool> no_multi_delete_{false};  // learned: the service has no DeleteObjects
};

}  // namespace fileferry::s3

#endif  // FILEFERRY_PROVIDERS_S3_PROVIDER_H_
