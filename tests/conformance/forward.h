// forward.h: a provider that hands every call to another one; tests override what they want to spoil.  As thread-safe as what it wraps.
#ifndef FILEFERRY_TESTS_CONFORMANCE_FORWARD_H_
#define FILEFERRY_TESTS_CONFORMANCE_FORWARD_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fileferry/layers.h"

namespace fileferry::conformance {

class Forward : public IStorageProvider {
 public:
  explicit Forward(ProviderPtr inner) : inner_(std::move(inner)) {}
  std::string_view Scheme() const override { return inner_->Scheme(); }
  std::string Name() const override { return inner_->Name(); }
  Capabilities Caps() const override { return inner_->Caps(); }
  Status CheckKey(std::string_view key) const override { return inner_->CheckKey(key); }
  Result<ObjectInfo> Stat(const OpContext& ctx, std::string_view key) override { return inner_->Stat(ctx, key); }
  Result<ObjectInfo> Get(const OpContext& ctx, std::string_view key, const GetOptions& options, ISink& sink) override { return inner_->Get(ctx, key, options, sink); }
  Result<std::unique_ptr<ISource>> Open(const OpContext& ctx, std::string_view key, const GetOptions& options, ObjectInfo* info) override {
    return inner_->Open(ctx, key, options, info);
  }
  Result<ObjectInfo> Put(const OpContext& ctx, std::string_view key, ISource& source, const PutOptions& options) override { return inner_->Put(ctx, key, source, options); }
  Result<ListPage> List(const OpContext& ctx, const ListQuery& query) override { return inner_->List(ctx, query); }
  Status Remove(const OpContext& ctx, std::string_view key, const RemoveOptions& options) override { return inner_->Remove(ctx, key, options); }
  std::vector<RemoveResult> RemoveMany(const OpContext& ctx, std::span<const std::string> keys) override { return inner_->RemoveMany(ctx, keys); }
  Location Locate(std::string_view key) const override { return inner_->Locate(key); }
  Result<ObjectInfo> CopyFrom(const OpContext& ctx, const Location& from, std::string_view to, const CopyOptions& options) override {
    return inner_->CopyFrom(ctx, from, to, options);
  }
  Result<ObjectInfo> SetProperties(const OpContext& ctx, std::string_view key, const Properties& properties) override { return inner_->SetProperties(ctx, key, properties); }
  Result<Properties> GetAccess(const OpContext& ctx, std::string_view key, bool acl, bool tags) override { return inner_->GetAccess(ctx, key, acl, tags); }
  Result<SignedUrl> Url(std::string_view key, const UrlOptions& options) override { return inner_->Url(key, options); }
  Result<std::string> CreateUpload(const OpContext& ctx, std::string_view key, const UploadOptions& options) override { return inner_->CreateUpload(ctx, key, options); }
  Result<PartInfo> UploadPart(const OpContext& ctx, std::string_view key, const std::string& upload_id, const PartSpec& part, ISource& source) override {
    return inner_->UploadPart(ctx, key, upload_id, part, source);
  }
  Result<PartInfo> UploadPartCopy(const OpContext& ctx, std::string_view key, const std::string& upload_id, const PartSpec& part, const Location& from,
                                  const std::string& source_if_match) override {
    return inner_->UploadPartCopy(ctx, key, upload_id, part, from, source_if_match);
  }
  Result<std::vector<PartInfo>> ListParts(const OpContext& ctx, std::string_view key, const std::string& upload_id) override {
    return inner_->ListParts(ctx, key, upload_id);
  }
  Result<ObjectInfo> CompleteUpload(const OpContext& ctx, std::string_view key, const std::string& upload_id, const std::vector<PartInfo>& parts,
                                    const CompleteOptions& options) override {
    return inner_->CompleteUpload(ctx, key, upload_id, parts, options);
  }
  Status AbortUpload(const OpContext& ctx, std::string_view key, const std::string& upload_id) override { return inner_->AbortUpload(ctx, key, upload_id); }
  Result<UploadPage> ListUploads(const OpContext& ctx, std::string_view prefix, const std::string& token) override { return inner_->ListUploads(ctx, prefix, token); }
  Result<std::unique_ptr<IWriteBatch>> NewBatch() override { return inner_->NewBatch(); }
  HealthReport Health(const OpContext& ctx) override { return inner_->Health(ctx); }

 protected:
  ProviderPtr inner_;
};

}  // namespace fileferry::conformance

#endif  // FILEFERRY_TESTS_CONFORMANCE_FORWARD_H_
