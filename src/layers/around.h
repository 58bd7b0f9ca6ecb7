// around.h: the one template behind every layer.  Each method of IStorageProvider is a hook around a call to the wrapped provider, so that a method added to the
// interface stops this file from compiling, and then belongs to every layer.
//
// A layer is Around<Hooks>, with
//   template <typename R, typename F> R Around(const CallInfo& call, F&& next);
// which calls next(ctx, body) not at all, once or often, and returns an R: Status, Result<T>, std::vector<RemoveResult>, std::vector<BatchResult> or HealthReport.
// `body` is what `call` came with, or a wrapper of it.  Hooks are called by any thread; what they point to must be thread-safe.
#ifndef FILEFERRY_LAYERS_AROUND_H_
#define FILEFERRY_LAYERS_AROUND_H_

#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "fileferry/layers.h"

namespace fileferry::layers {

// The bytes that go through a call: at most one of the two.
struct Body {
  ISink* sink = nullptr;
  ISource* source = nullptr;
};

// What a hook may know of a call.
struct CallInfo {
  Operation operation;
  const OpContext& ctx;
  std::string_view key{};                  // the object's; the prefix of a listing
  std::span<const std::string> keys{};     // of kRemoveMany and, for hooks with kBatchKeys, kCommitBatch
  Body body{};
  std::optional<std::uint64_t> bytes{};    // that the call moves, where known before it is made
  HttpMethod method = HttpMethod::kGet;    // of kUrl
};

// What hooks inherit; they replace what they need.
struct PlainHooks {
  static constexpr bool kBatchKeys = false;  // whether batches remember their keys for CallInfo::keys
};

template <typename R>
inline constexpr bool kIsOpened = std::is_same_v<R, Result<std::unique_ptr<ISource>>>;

// The status of a call's answer; of several results, the first failure.
template <typename R>
Status StatusOf(const R& result) {
  if constexpr (std::is_same_v<R, Status>) {
    return result;
  } else if constexpr (std::is_same_v<R, HealthReport>) {
    return result.status;
  } else if constexpr (std::is_same_v<R, std::vector<RemoveResult>> || std::is_same_v<R, std::vector<BatchResult>>) {
    for (const auto& one : result) {
      if (!one.status.ok()) return one.status;
    }
    return {};
  } else {
    return result.status();
  }
}

// The answer of a call that failed with status.
template <typename R>
R Failed(const CallInfo& call, const Status& status) {
  if constexpr (std::is_same_v<R, HealthReport>) {
    HealthReport report;
    report.status = status;
    return report;
  } else if constexpr (std::is_same_v<R, std::vector<RemoveResult>>) {
    R results;
    for (const std::string& key : call.keys) results.push_back({key, status.With({}, {}, key)});
    return results;
  } else if constexpr (std::is_same_v<R, std::vector<BatchResult>>) {
    R results;
    for (const std::string& key : call.keys) results.push_back({key, status.With({}, {}, key), {}});
    return results;
  } else {
    return status;
  }
}

// Something that can run Commit through a layer's hooks.
class ICommitter {
 public:
  virtual ~ICommitter() = default;
  virtual std::vector<BatchResult> CommitThroughHooks(const OpContext& ctx, std::span<const std::string> keys, IWriteBatch& inner, bool* reached) = 0;
  virtual Result<std::unique_ptr<IWriteBatch>> NewInnerBatch() = 0;
};

// A batch as seen above a layer.
class AroundBatch final : public IWriteBatch {
 public:
  AroundBatch(ICommitter& layer, std::unique_ptr<IWriteBatch> inner) : layer_(layer), inner_(std::move(inner)) {}
  std::size_t pending() const override { return inner_->pending(); }
  std::uint64_t pending_bytes() const override { return inner_->pending_bytes(); }
  std::vector<BatchResult> Commit(const OpContext& ctx) override {
    std::vector<std::string> keys = std::exchange(keys_, {});
    bool reached = false;
    std::vector<BatchResult> results = layer_.CommitThroughHooks(ctx, keys, *inner_, &reached);
    if (!reached) {  // a hook refused: the writes are dropped, as Commit promises
      if (Result<std::unique_ptr<IWriteBatch>> fresh = layer_.NewInnerBatch(); fresh.ok()) inner_ = std::move(fresh).value();
    }
    return results;
  }
  IWriteBatch* inner() const { return inner_.get(); }
  void Remember(std::string_view key) {
    const std::lock_guard lock(mutex_);
    keys_.emplace_back(key);
  }

 private:
  ICommitter& layer_;
  std::unique_ptr<IWriteBatch> inner_;
  std::mutex mutex_;
  std::vector<std::string> keys_;
};

template <typename Hooks>
class Around : public IStorageProvider, private ICommitter {
 public:
  template <typename... Args>
  explicit Around(ProviderPtr inner, Args&&... args) : inner_(std::move(inner)), hooks_(std::forward<Args>(args)...) {}

  std::string_view Scheme() const override { return inner_->Scheme(); }
  std::string Name() const override { return inner_->Name(); }
  Capabilities Caps() const override { return inner_->Caps(); }
  Status CheckKey(std::string_view key) const override { return inner_->CheckKey(key); }
  Location Locate(std::string_view key) const override { return inner_->Locate(key); }

  Result<ObjectInfo> Stat(const OpContext& ctx, std::string_view key) override {
    return Run<Result<ObjectInfo>>({Operation::kStat, ctx, key}, [&](const OpContext& c, const Body&) { return inner_->Stat(c, key); });
  }
  Result<ObjectInfo> Get(const OpContext& ctx, std::string_view key, const GetOptions& options, ISink& sink) override {
    return Run<Result<ObjectInfo>>({Operation::kGet, ctx, key, {}, {&sink, nullptr}, options.length},
                                   [&](const OpContext& c, const Body& body) { return inner_->Get(c, key, options, *body.sink); });
  }
  Result<std::unique_ptr<ISource>> Open(const OpContext& ctx, std::string_view key, const GetOptions& options, ObjectInfo* info) override {
    return Run<Result<std::unique_ptr<ISource>>>({Operation::kOpen, ctx, key}, [&](const OpContext& c, const Body&) { return inner_->Open(c, key, options, info); });
  }
  Result<ObjectInfo> Put(const OpContext& ctx, std::string_view key, ISource& source, const PutOptions& options) override {
    const Unwrapped<PutOptions> inner(options);
    Result<ObjectInfo> info = Run<Result<ObjectInfo>>({Operation::kPut, ctx, key, {}, {nullptr, &source}, source.size()},
                                                      [&](const OpContext& c, const Body& body) { return inner_->Put(c, key, *body.source, inner.options()); });
    if (info.ok()) inner.Remember(key);
    return info;
  }
  Result<ListPage> List(const OpContext& ctx, const ListQuery& query) override {
    return Run<Result<ListPage>>({Operation::kList, ctx, query.prefix}, [&](const OpContext& c, const Body&) { return inner_->List(c, query); });
  }
  Status Remove(const OpContext& ctx, std::string_view key, const RemoveOptions& options) override {
    return Run<Status>({Operation::kRemove, ctx, key}, [&](const OpContext& c, const Body&) { return inner_->Remove(c, key, options); });
  }
  std::vector<RemoveResult> RemoveMany(const OpContext& ctx, std::span<const std::string> keys) override {
    return Run<std::vector<RemoveResult>>({Operation::kRemoveMany, ctx, {}, keys}, [&](const OpContext& c, const Body&) { return inner_->RemoveMany(c, keys); });
  }
  Result<ObjectInfo> CopyFrom(const OpContext& ctx, const Location& from, std::string_view to, const CopyOptions& options) override {
    return Run<Result<ObjectInfo>>({Operation::kCopyFrom, ctx, to}, [&](const OpContext& c, const Body&) { return inner_->CopyFrom(c, from, to, options); });
  }
  Result<ObjectInfo> SetProperties(const OpContext& ctx, std::string_view key, const Properties& properties) override {
    return Run<Result<ObjectInfo>>({Operation::kSetProperties, ctx, key}, [&](const OpContext& c, const Body&) { return inner_->SetProperties(c, key, properties); });
  }
  Result<Properties> GetAccess(const OpContext& ctx, std::string_view key, bool acl, bool tags) override {
    return Run<Result<Properties>>({Operation::kGetAccess, ctx, key}, [&](const OpContext& c, const Body&) { return inner_->GetAccess(c, key, acl, tags); });
  }
  Result<SignedUrl> Url(std::string_view key, const UrlOptions& options) override {
    static const OpContext kNoContext;
    return Run<Result<SignedUrl>>({Operation::kUrl, kNoContext, key, {}, {}, {}, options.method}, [&](const OpContext&, const Body&) { return inner_->Url(key, options); });
  }
  Result<std::string> CreateUpload(const OpContext& ctx, std::string_view key, const UploadOptions& options) override {
    return Run<Result<std::string>>({Operation::kCreateUpload, ctx, key}, [&](const OpContext& c, const Body&) { return inner_->CreateUpload(c, key, options); });
  }
  Result<PartInfo> UploadPart(const OpContext& ctx, std::string_view key, const std::string& upload_id, const PartSpec& part, ISource& source) override {
    return Run<Result<PartInfo>>({Operation::kUploadPart, ctx, key, {}, {nullptr, &source}, part.size},
                                 [&](const OpContext& c, const Body& body) { return inner_->UploadPart(c, key, upload_id, part, *body.source); });
  }
  Result<PartInfo> UploadPartCopy(const OpContext& ctx, std::string_view key, const std::string& upload_id, const PartSpec& part, const Location& from,
                                  const std::string& source_if_match) override {
    return Run<Result<PartInfo>>({Operation::kUploadPartCopy, ctx, key, {}, {}, part.size},
                                 [&](const OpContext& c, const Body&) { return inner_->UploadPartCopy(c, key, upload_id, part, from, source_if_match); });
  }
  Result<std::vector<PartInfo>> ListParts(const OpContext& ctx, std::string_view key, const std::string& upload_id) override {
    return Run<Result<std::vector<PartInfo>>>({Operation::kListParts, ctx, key}, [&](const OpContext& c, const Body&) { return inner_->ListParts(c, key, upload_id); });
  }
  Result<ObjectInfo> CompleteUpload(const OpContext& ctx, std::string_view key, const std::string& upload_id, const std::vector<PartInfo>& parts,
                                    const CompleteOptions& options) override {
    const Unwrapped<CompleteOptions> inner(options);
    Result<ObjectInfo> info = Run<Result<ObjectInfo>>({Operation::kCompleteUpload, ctx, key, {}, {}, options.size}, [&](const OpContext& c, const Body&) {
      return inner_->CompleteUpload(c, key, upload_id, parts, inner.options());
    });
    if (info.ok()) inner.Remember(key);
    return info;
  }
  Status AbortUpload(const OpContext& ctx, std::string_view key, const std::string& upload_id) override {
    return Run<Status>({Operation::kAbortUpload, ctx, key}, [&](const OpContext& c, const Body&) { return inner_->AbortUpload(c, key, upload_id); });
  }
  Result<UploadPage> ListUploads(const OpContext& ctx, std::string_view prefix, const std::string& token) override {
    return Run<Result<UploadPage>>({Operation::kListUploads, ctx, prefix}, [&](const OpContext& c, const Body&) { return inner_->ListUploads(c, prefix, token); });
  }
  Result<std::unique_ptr<IWriteBatch>> NewBatch() override {
    Result<std::unique_ptr<IWriteBatch>> batch = inner_->NewBatch();
    if (!batch.ok()) return batch;
    return std::unique_ptr<IWriteBatch>(std::make_unique<AroundBatch>(static_cast<ICommitter&>(*this), std::move(batch).value()));
  }
  HealthReport Health(const OpContext& ctx) override {
    return Run<HealthReport>({Operation::kHealth, ctx}, [&](const OpContext& c, const Body&) { return inner_->Health(c); });
  }

 protected:
  // Options whose batch is the wrapped provider's own.  A copy is made only where there is a batch.
  template <typename Options>
  class Unwrapped {
   public:
    explicit Unwrapped(const Options& given) : given_(given), batch_(dynamic_cast<AroundBatch*>(given.batch)) {
      if (batch_ == nullptr) return;
      own_ = given;
      own_->batch = batch_->inner();
    }
    const Options& options() const { return own_ ? *own_ : given_; }
    void Remember(std::string_view key) const {
      if (Hooks::kBatchKeys && batch_ != nullptr) batch_->Remember(key);
    }

   private:
    const Options& given_;
    AroundBatch* batch_;
    std::optional<Options> own_;
  };

  IStorageProvider& inner() const { return *inner_; }
  Hooks& hooks() { return hooks_; }

 private:
  template <typename R, typename F>
  R Run(const CallInfo& call, F&& next) {
    return hooks_.template Around<R>(call, std::forward<F>(next));
  }
  std::vector<BatchResult> CommitThroughHooks(const OpContext& ctx, std::span<const std::string> keys, IWriteBatch& batch, bool* reached) override {
    return Run<std::vector<BatchResult>>({Operation::kCommitBatch, ctx, {}, keys, {}, batch.pending_bytes()}, [&](const OpContext& c, const Body&) {
      *reached = true;
      return batch.Commit(c);
    });
  }
  Result<std::unique_ptr<IWriteBatch>> NewInnerBatch() override { return inner_->NewBatch(); }

  const ProviderPtr inner_;
  Hooks hooks_;
};

}  // namespace fileferry::layers

#endif  // FILEFERRY_LAYERS_AROUND_H_
