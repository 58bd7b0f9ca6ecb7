// prefix.cc: the objects below a prefix, seen without it.  Written out by hand, because it rewrites keys in both directions: in calls, answers, listings, errors and
// batches.  Tokens and upload ids pass unchanged, so they survive a restart as well as the wrapped provider's.  Any thread.
#include "layers/around.h"

namespace fileferry {
namespace {

class Prefix;

class PrefixBatch final : public IWriteBatch {
 public:
  PrefixBatch(const Prefix& layer, std::unique_ptr<IWriteBatch> inner) : layer_(layer), inner_(std::move(inner)) {}
  std::size_t pending() const override { return inner_->pending(); }
  std::uint64_t pending_bytes() const override { return inner_->pending_bytes(); }
  std::vector<BatchResult> Commit(const OpContext& ctx) override;
  IWriteBatch* inner() const { return inner_.get(); }

 private:
  const Prefix& layer_;
  const std::unique_ptr<IWriteBatch> inner_;
};

class Prefix final : public IStorageProvider {
 public:
  Prefix(ProviderPtr inner, std::string prefix) : inner_(std::move(inner)), prefix_(std::move(prefix)) {}

  std::string_view Scheme() const override { return inner_->Scheme(); }
  std::string Name() const override { return inner_->Name(); }
  Capabilities Caps() const override { return inner_->Caps(); }
  Status CheckKey(std::string_view key) const override {
    const Key full(*this, Operation::kStat, key);
    if (!full.ok()) return full.status();
    return Without(inner_->CheckKey(full.text()));
  }

  Result<ObjectInfo> Stat(const OpContext& ctx, std::string_view key) override {
    const Key full(*this, Operation::kStat, key);
    if (!full.ok()) return full.status();
    return Without(inner_->Stat(ctx, full.text()));
  }
  Result<ObjectInfo> Get(const OpContext& ctx, std::string_view key, const GetOptions& options, ISink& sink) override {
    const Key full(*this, Operation::kGet, key);
    if (!full.ok()) return full.status();
    if (options.head == nullptr) return Without(inner_->Get(ctx, full.text(), options, sink));
    HeadSink stripped(*this, sink, options.head);
    GetOptions inner = options;
    inner.head = stripped.own();
    return Without(inner_->Get(ctx, full.text(), inner, stripped));
  }
  Result<std::unique_ptr<ISource>> Open(const OpContext& ctx, std::string_view key, const GetOptions& options, ObjectInfo* info) override {
    const Key full(*this, Operation::kOpen, key);
    if (!full.ok()) return full.status();
    Result<std::unique_ptr<ISource>> source = inner_->Open(ctx, full.text(), options, info);
    if (!source.ok()) return Without(source.status());
    if (info != nullptr) Strip(&info->key);
    if (options.head != nullptr) Strip(&options.head->key);
    return std::unique_ptr<ISource>(std::make_unique<OpenedSource>(*this, std::move(source).value()));
  }
  Result<ObjectInfo> Put(const OpContext& ctx, std::string_view key, ISource& source, const PutOptions& options) override {
    const Key full(*this, Operation::kPut, key);
    if (!full.ok()) return full.status();
    auto* batch = dynamic_cast<PrefixBatch*>(options.batch);
    if (batch == nullptr) return Without(inner_->Put(ctx, full.text(), source, options));
    PutOptions inner = options;
    inner.batch = batch->inner();
    return Without(inner_->Put(ctx, full.text(), source, inner));
  }
  Result<ListPage> List(const OpContext& ctx, const ListQuery& query) override;
  Status Remove(const OpContext& ctx, std::string_view key, const RemoveOptions& options) override {
    const Key full(*this, Operation::kRemove, key);
    if (!full.ok()) return full.status();
    return Without(inner_->Remove(ctx, full.text(), options));
  }
  std::vector<RemoveResult> RemoveMany(const OpContext& ctx, std::span<const std::string> keys) override;
  Location Locate(std::string_view key) const override { return inner_->Locate(prefix_ + std::string(key)); }
  Result<ObjectInfo> CopyFrom(const OpContext& ctx, const Location& from, std::string_view to, const CopyOptions& options) override {
    const Key full(*this, Operation::kCopyFrom, to);
    if (!full.ok()) return full.status();
    return Without(inner_->CopyFrom(ctx, from, full.text(), options));
  }
  Result<ObjectInfo> SetProperties(const OpContext& ctx, std::string_view key, const Properties& properties) override {
    const Key full(*this, Operation::kSetProperties, key);
    if (!full.ok()) return full.status();
    return Without(inner_->SetProperties(ctx, full.text(), properties));
  }
  Result<Properties> GetAccess(const OpContext& ctx, std::string_view key, bool acl, bool tags) override {
    const Key full(*this, Operation::kGetAccess, key);
    if (!full.ok()) return full.status();
    return Without(inner_->GetAccess(ctx, full.text(), acl, tags));
  }
  Result<SignedUrl> Url(std::string_view key, const UrlOptions& options) override {
    const Key full(*this, Operation::kUrl, key);
    if (!full.ok()) return full.status();
    return Without(inner_->Url(full.text(), options));
  }
  Result<std::string> CreateUpload(const OpContext& ctx, std::string_view key, const UploadOptions& options) override {
    const Key full(*this, Operation::kCreateUpload, key);
    if (!full.ok()) return full.status();
    return Without(inner_->CreateUpload(ctx, full.text(), options));
  }
  Result<PartInfo> UploadPart(const OpContext& ctx, std::string_view key, const std::string& upload_id, const PartSpec& part, ISource& source) override {
    const Key full(*this, Operation::kUploadPart, key);
    if (!full.ok()) return full.status();
    return Without(inner_->UploadPart(ctx, full.text(), upload_id, part, source));
  }
  Result<PartInfo> UploadPartCopy(const OpContext& ctx, std::string_view key, const std::string& upload_id, const PartSpec& part, const Location& from,
                                  const std::string& source_if_match) override {
    const Key full(*this, Operation::kUploadPartCopy, key);
    if (!full.ok()) return full.status();
    return Without(inner_->UploadPartCopy(ctx, full.text(), upload_id, part, from, source_if_match));
  }
  Result<std::vector<PartInfo>> ListParts(const OpContext& ctx, std::string_view key, const std::string& upload_id) override {
    const Key full(*this, Operation::kListParts, key);
    if (!full.ok()) return full.status();
    return Without(inner_->ListParts(ctx, full.text(), upload_id));
  }
  Result<ObjectInfo> CompleteUpload(const OpContext& ctx, std::string_view key, const std::string& upload_id, const std::vector<PartInfo>& parts,
                                    const CompleteOptions& options) override {
    const Key full(*this, Operation::kCompleteUpload, key);
    if (!full.ok()) return full.status();
    auto* batch = dynamic_cast<PrefixBatch*>(options.batch);
    if (batch == nullptr) return Without(inner_->CompleteUpload(ctx, full.text(), upload_id, parts, options));
    CompleteOptions inner = options;
    inner.batch = batch->inner();
    return Without(inner_->CompleteUpload(ctx, full.text(), upload_id, parts, inner));
  }
  Status AbortUpload(const OpContext& ctx, std::string_view key, const std::string& upload_id) override {
    const Key full(*this, Operation::kAbortUpload, key);
    if (!full.ok()) return full.status();
    return Without(inner_->AbortUpload(ctx, full.text(), upload_id));
  }
  Result<UploadPage> ListUploads(const OpContext& ctx, std::string_view prefix, const std::string& token) override;
  Result<std::unique_ptr<IWriteBatch>> NewBatch() override {
    Result<std::unique_ptr<IWriteBatch>> batch = inner_->NewBatch();
    if (!batch.ok()) return Without(batch.status());
    return std::unique_ptr<IWriteBatch>(std::make_unique<PrefixBatch>(*this, std::move(batch).value()));
  }
  HealthReport Health(const OpContext& ctx) override { return inner_->Health(ctx); }

  // Takes the prefix off, where it is there.
  void Strip(std::string* key) const {
    if (std::string_view(*key).starts_with(prefix_)) key->erase(0, prefix_.size());
  }
  // The same error about the key as the caller knows it.
  Status Without(const Status& status) const {
    if (status.ok() || !std::string_view(status.detail().key).starts_with(prefix_)) return status;
    ErrorDetail detail = status.detail();
    Strip(&detail.key);
    return Status(std::move(detail));
  }

 private:
  // A caller's key with the prefix before it, once it is known to be a key at all ("" must not become the object named like the prefix).
  class Key {
   public:
    Key(const Prefix& layer, Operation operation, std::string_view key)
        : status_(CheckKeyBytes(key).With(layer.inner_->Name(), OperationName(operation), key)) {
      if (status_.ok()) text_.append(layer.prefix_).append(key);
    }
    bool ok() const { return status_.ok(); }
    const Status& status() const { return status_; }
    const std::string& text() const { return text_; }

   private:
    Status status_;
    std::string text_;
  };

  // Hands GetOptions::head on, with its key rewritten, before the first byte.
  class HeadSink final : public ISink {
   public:
    HeadSink(const Prefix& layer, ISink& inner, ObjectInfo* head) : layer_(layer), inner_(inner), head_(head) {}
    ~HeadSink() override { Publish(); }
    ObjectInfo* own() { return &own_; }
    Status Write(Bytes bytes) override {
      Publish();
      return inner_.Write(bytes);
    }
    Status Restart() override {
      published_ = false;
      return inner_.Restart();
    }
    std::span<std::byte> Room() override { return inner_.Room(); }

   private:
    void Publish() {
      if (std::exchange(published_, true) || own_.key.empty()) return;
      *head_ = own_;
      layer_.Strip(&head_->key);
    }
    const Prefix& layer_;
    ISink& inner_;
    ObjectInfo* const head_;
    ObjectInfo own_;
    bool published_ = false;
  };

  class OpenedSource final : public ISource {
   public:
    OpenedSource(const Prefix& layer, std::unique_ptr<ISource> inner) : layer_(layer), inner_(std::move(inner)) {}
    std::optional<std::uint64_t> size() const override { return inner_->size(); }
    Result<std::size_t> Read(std::span<std::byte> out) override {
      Result<std::size_t> got = inner_->Read(out);
      if (!got.ok()) return layer_.Without(got.status());
      return got;
    }
    Status Rewind() override { return layer_.Without(inner_->Rewind()); }
    std::optional<Bytes> Memory() const override { return inner_->Memory(); }
    Status SendTo(ISink& sink) override { return layer_.Without(inner_->SendTo(sink)); }

   private:
    const Prefix& layer_;
    const std::unique_ptr<ISource> inner_;
  };

  template <typename T>
  Result<T> Without(Result<T> result) const {
    if (!result.ok()) return Without(result.status());
    if constexpr (std::is_same_v<T, ObjectInfo>) Strip(&result->key);
    return result;
  }

  const ProviderPtr inner_;
  const std::string prefix_;
};

std::vector<BatchResult> PrefixBatch::Commit(const OpContext& ctx) {
  std::vector<BatchResult> results = inner_->Commit(ctx);
  for (BatchResult& result : results) {
    layer_.Strip(&result.key);
    layer_.Strip(&result.info.key);
    result.status = layer_.Without(result.status);
  }
  return results;
}

Result<ListPage> Prefix::List(const OpContext& ctx, const ListQuery& query) {
  ListQuery inner = query;
  inner.prefix = prefix_ + query.prefix;
  if (!query.start_after.empty()) inner.start_after = prefix_ + query.start_after;
  Result<ListPage> page = inner_->List(ctx, inner);
  if (!page.ok()) return Without(page.status());
  bool foreign = false;
  for (ListProblem& problem : page->problems) Strip(&problem.key);
  std::erase_if(page->entries, [&](ListEntry& entry) {
    if (!entry.key.starts_with(prefix_)) {
      foreign = true;
      return false;
    }
    entry.key.remove_prefix(prefix_.size());
    return entry.key.empty();  // the object that is named like the prefix has no name below it
  });
  if (foreign) {
    ErrorDetail detail;
    detail.code = Code::kUnavailable;
    detail.message = "the storage listed keys outside the prefix that was asked for";
    detail.operation = "list";
    detail.key = query.prefix;
    detail.provider = inner_->Name();
    return Status(std::move(detail));
  }
  return page;
}

std::vector<RemoveResult> Prefix::RemoveMany(const OpContext& ctx, std::span<const std::string> keys) {
  std::vector<RemoveResult> results(keys.size());
  std::vector<std::string> full;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const Key key(*this, Operation::kRemoveMany, keys[i]);
    results[i] = {keys[i], key.status()};
    if (!key.ok()) continue;
    full.push_back(key.text());
    places.push_back(i);
  }
  if (full.empty()) return results;
  std::vector<RemoveResult> inner = inner_->RemoveMany(ctx, full);
  for (std::size_t i = 0; i < places.size() && i < inner.size(); ++i) results[places[i]].status = Without(inner[i].status);
  return results;
}

Result<UploadPage> Prefix::ListUploads(const OpContext& ctx, std::string_view prefix, const std::string& token) {
  Result<UploadPage> page = inner_->ListUploads(ctx, prefix_ + std::string(prefix), token);
  if (!page.ok()) return Without(page.status());
  for (UploadEntry& entry : page->entries) Strip(&entry.key);
  std::erase_if(page->entries, [](const UploadEntry& entry) { return entry.key.empty(); });
  return page;
}

}  // namespace

ProviderPtr WithPrefix(ProviderPtr inner, std::string prefix) { return std::make_shared<Prefix>(std::move(inner), std::move(prefix)); }

}  // namespace fileferry
