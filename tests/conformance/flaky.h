// flaky.h: every third call of a thread fails with an error that a retry may hide, before it has any effect.  Any thread.
#ifndef FILEFERRY_TESTS_CONFORMANCE_FLAKY_H_
#define FILEFERRY_TESTS_CONFORMANCE_FLAKY_H_

#include <utility>

#include "conformance/forward.h"

namespace fileferry::conformance {

class Flaky final : public Forward {
 public:
  using Forward::Forward;
  Result<ObjectInfo> Stat(const OpContext& ctx, std::string_view key) override {
    if (Status s = Trouble(ctx, "stat", key); !s.ok()) return s;
    return inner_->Stat(ctx, key);
  }
  Result<ObjectInfo> Get(const OpContext& ctx, std::string_view key, const GetOptions& options, ISink& sink) override {
    if (Status s = Trouble(ctx, "get", key); !s.ok()) return s;
    return inner_->Get(ctx, key, options, sink);
  }
  Result<std::unique_ptr<ISource>> Open(const OpContext& ctx, std::string_view key, const GetOptions& options, ObjectInfo* info) override {
    if (Status s = Trouble(ctx, "open", key); !s.ok()) return s;
    return inner_->Open(ctx, key, options, info);
  }
  Result<ObjectInfo> Put(const OpContext& ctx, std::string_view key, ISource& source, const PutOptions& options) override {
    if (Status s = Trouble(ctx, "put", key); !s.ok()) return s;
    return inner_->Put(ctx, key, source, options);
  }
  Result<ListPage> List(const OpContext& ctx, const ListQuery& query) override {
    if (Status s = Trouble(ctx, "list", {}); !s.ok()) return s;
    return inner_->List(ctx, query);
  }
  Status Remove(const OpContext& ctx, std::string_view key, const RemoveOptions& options) override {
    if (Status s = Trouble(ctx, "remove", key); !s.ok()) return s;
    return inner_->Remove(ctx, key, options);
  }
  std::vector<RemoveResult> RemoveMany(const OpContext& ctx, std::span<const std::string> keys) override {
    if (Status s = Trouble(ctx, "remove", {}); !s.ok()) {
      std::vector<RemoveResult> out;
      for (const std::string& key : keys) out.push_back({key, s.With({}, {}, key)});
      return out;
    }
    return inner_->RemoveMany(ctx, keys);
  }
  Result<ObjectInfo> CopyFrom(const OpContext& ctx, const Location& from, std::string_view to, const CopyOptions& options) override {
    if (Status s = Trouble(ctx, "copy", to); !s.ok()) return s;
    return inner_->CopyFrom(ctx, from, to, options);
  }
  Result<ObjectInfo> SetProperties(const OpContext& ctx, std::string_view key, const Properties& properties) override {
    if (Status s = Trouble(ctx, "set-properties", key); !s.ok()) return s;
    return inner_->SetProperties(ctx, key, properties);
  }
  Result<std::string> CreateUpload(const OpContext& ctx, std::string_view key, const UploadOptions& options) override {
    if (Status s = Trouble(ctx, "create-upload", key); !s.ok()) return s;
    return inner_->CreateUpload(ctx, key, options);
  }
  Result<PartInfo> UploadPart(const OpContext& ctx, std::string_view key, const std::string& upload_id, const PartSpec& part, ISource& source) override {
    if (Status s = Trouble(ctx, "upload-part", key); !s.ok()) return s;
    return inner_->UploadPart(ctx, key, upload_id, part, source);
  }
  Result<std::vector<PartInfo>> ListParts(const OpContext& ctx, std::string_view key, const std::string& upload_id) override {
    if (Status s = Trouble(ctx, "list-parts", key); !s.ok()) return s;
    return inner_->ListParts(ctx, key, upload_id);
  }
  Result<ObjectInfo> CompleteUpload(const OpContext& ctx, std::string_view key, const std::string& upload_id, const std::vector<PartInfo>& parts,
                                    const CompleteOptions& options) override {
    if (Status s = Trouble(ctx, "complete-upload", key); !s.ok()) return s;
    return inner_->CompleteUpload(ctx, key, upload_id, parts, options);
  }
  Status AbortUpload(const OpContext& ctx, std::string_view key, const std::string& upload_id) override {
    if (Status s = Trouble(ctx, "abort-upload", key); !s.ok()) return s;
    return inner_->AbortUpload(ctx, key, upload_id);
  }
  Result<UploadPage> ListUploads(const OpContext& ctx, std::string_view prefix, const std::string& token) override {
    if (Status s = Trouble(ctx, "list-uploads", {}); !s.ok()) return s;
    return inner_->ListUploads(ctx, prefix, token);
  }

 private:
  Status Trouble(const OpContext& ctx, std::string_view operation, std::string_view key) const {
    if (!ctx.Check().ok()) return {};  // the provider itself will say so
    thread_local int calls = 0;
    if (++calls % 3 != 0) return {};
    return Status(Code::kUnavailable, "the connection was reset by the test").With(Name(), operation, key);
  }
};

}  // namespace fileferry::conformance

#endif  // FILEFERRY_TESTS_CONFORMANCE_FLAKY_H_
