// provider.h: the parts of LocalStorageProvider; used by this folder's own files only.
//
// LocalProvider and everything it points to is thread-safe, has no threads of its own and keeps no lock while it reads or writes bytes.
#ifndef FILEFERRY_PROVIDERS_LOCAL_PROVIDER_H_
#define FILEFERRY_PROVIDERS_LOCAL_PROVIDER_H_

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fileferry/local.h"
#include "providers/local/property_store.h"
#include "providers/local/tree.h"
#include "providers/local/uploads.h"
#include "providers/local/walker.h"
#include "providers/local/writer.h"

namespace fileferry::local {

// Big buffers for reading, given back and used again.
class BufferPool {
 public:
  static constexpr std::size_t kSize = std::size_t{256} << 10;
  using Buffer = std::unique_ptr<std::byte[]>;
  Buffer Take();
  void Give(Buffer buffer);

 private:
  struct Shared {
    std::mutex mutex;
    std::vector<Buffer> free;  // guarded by mutex
  };
  PerProcess<Shared> shared_;
};

// Walkers over large folders that wait for their next page.
class WalkerCache {
 public:
  struct Saved {
    std::string id;  // prefix, delimiter and token
    std::unique_ptr<Walker> walker;
    WalkItem item;   // read ahead; item.key views item_key
    std::string item_key;
    OpContext::Clock::time_point saved{};
  };
  void Save(Saved saved);
  // The walker that waits for this token, if it still tells the truth.
  std::unique_ptr<Saved> Take(std::string_view id);

 private:
  struct Shared {
    std::mutex mutex;
    std::vector<Saved> saved;  // guarded by mutex
  };
  PerProcess<Shared> shared_;
};

class LocalProvider final : public LocalStorageProvider {
 public:
  explicit LocalProvider(LocalOptions options);

  std::string_view Scheme() const override { return "file"; }
  std::string Name() const override { return name_; }
  Capabilities Caps() const override;
  Status CheckKey(std::string_view key) const override { return CheckKeyBytes(key); }
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

  Result<CheckedUrl> CheckUrl(std::string_view url, HttpMethod method, Time now) const override;
  // Drafts whose writer is gone, relative to the root; and one of them removed.
  Status ListAbandoned(const OpContext& ctx, std::vector<std::string>* paths);
  Status RemoveAbandoned(const std::string& path);
  Result<std::uint64_t> SweepTemporary(const OpContext& ctx, std::chrono::seconds age) override;

  // For batches.
  Tree& tree() { return tree_; }
  Writer& writer() { return writer_; }
  Uploads& uploads() { return uploads_; }

 private:
  Status Say(const Status& status, std::string_view operation, std::string_view key) const { return status.With(name_, operation, key); }

  Result<Found> FindChecked(const OpContext& ctx, std::string_view key);
  Result<ObjectInfo> DoStat(const OpContext& ctx, std::string_view key);
  Result<ObjectInfo> DoGet(const OpContext& ctx, std::string_view key, const GetOptions& options, ISink& sink);
  Result<ObjectInfo> DoPut(const OpContext& ctx, std::string_view key, ISource& source, const PutOptions& options);
  Result<ListPage> DoList(const OpContext& ctx, const ListQuery& query);
  Status DoRemove(std::string_view key, const std::string& if_match, std::string* changed_folder, bool* removed);
  Status RemoveIfMatch(const RootRef& root, const std::string& path, const std::string& etag, bool* removed);
  Result<ObjectInfo> DoCopyFrom(const OpContext& ctx, const Location& from, std::string_view to, const CopyOptions& options);
  Result<ObjectInfo> DoSetProperties(const OpContext& ctx, std::string_view key, const Properties& properties);
  Result<ObjectInfo> DoComplete(const OpContext& ctx, std::string_view key, const std::string& upload_id, const std::vector<PartInfo>& parts,
                                const CompleteOptions& options);
  Status PrepareBatch(IWriteBatch* batch, const RootRef& root);
  // Publishes a sealed draft, or leaves it to the batch; with upload_id, that upload ends.
  Result<ObjectInfo> FinishDraft(Draft draft, IWriteBatch* batch, const std::string& upload_id);
  Status SyncFolders(const std::vector<std::string>& folders);

  Tree tree_;
  const std::string name_;
  PropertyStore properties_;
  Writer writer_;
  Uploads uploads_;
  BufferPool buffers_;
  WalkerCache walkers_;
};

// OK, or kPreconditionFailed (HTTP status 304 for if_none_match); kInvalidArgument for a range that is not in the object.
struct ByteRange {
  std::uint64_t offset = 0, length = 0;
};
Result<ByteRange> CheckGet(const GetOptions& options, const ObjectInfo& info);

// A source over an open file of an object.
std::unique_ptr<ISource> FileRangeSource(const OpContext& ctx, Found found, ByteRange range, BufferPool* buffers);
// Sends a range of an open file to sink and checks that the file stayed what it was.  digests may be nullptr.
Status SendRange(const OpContext& ctx, const Found& found, ByteRange range, BufferPool* buffers, ISink& sink, Hasher* hasher);

// In the service of one file system: where the keys of a root lie, as text of Location::container, and back.
std::string ContainerOf(const LocalOptions& options);
LocalOptions OptionsOfContainer(const std::string& container);

}  // namespace fileferry::local

#endif  // FILEFERRY_PROVIDERS_LOCAL_PROVIDER_H_
