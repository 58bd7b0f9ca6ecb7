// store.h: a Store is what applications use: put, get, list, remove, copy and move objects of one storage, read them piece by piece and write them piece by piece.
//
// A Store is a handle: cheap to copy, shares its provider, safe to use from any thread.  A Lister, Reader or Writer belongs to one thread at a time and keeps the provider alive.
//
//   Store media(provider);
//   media.Put({}, "greeting.txt", "hello");
//   Result<std::string> text = media.Get({}, "greeting.txt");
//   Lister objects = media.List({}, "photos/");
//   while (objects.Next()) Use(objects.entry());
//   if (!objects.status().ok()) ...
//
// Keys are checked before anything is sent: kInvalidArgument for one that the storage cannot hold.  Every other error is the provider's.
#ifndef FILEFERRY_STORE_H
#define FILEFERRY_STORE_H

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "fileferry/ops.h"
#include "fileferry/provider.h"

namespace fileferry {

using ProviderPtr = std::shared_ptr<IStorageProvider>;

// The entries under a prefix, one after the other; pages are fetched as they are needed.
class Lister {
 public:
  Lister(ProviderPtr provider, OpContext ctx, ListQuery query);
  // False at the end or on failure: status() tells which.
  bool Next();
  // REQUIRES: the last Next() said true.  Valid until the next Next().
  const ListEntry& entry() const { return page_.entries[next_ - 1]; }
  const Status& status() const { return status_; }

 private:
  ProviderPtr provider_;
  OpContext ctx_;
  ListQuery query_;
  ListPage page_;
  std::size_t next_ = 0;
  bool last_page_ = false;
  Status status_;
};

struct ReaderOptions {
  std::uint64_t read_ahead = std::uint64_t{4} << 20;  // at most so many bytes are fetched beyond what was asked for, when reading goes straight on
};

// One version of an object, read from anywhere.  A replacement while it is read is kSourceChanged, never a mixture.
class Reader {
 public:
  virtual ~Reader() = default;
  virtual const ObjectInfo& info() const = 0;
  std::uint64_t size() const { return info().size; }
  virtual std::uint64_t position() const = 0;
  // Any position up to the end; costs nothing by itself.  kInvalidArgument past the end.
  virtual Status Seek(std::uint64_t position) = 0;
  // Fills out as far as the object goes; 0 only at the end.
  virtual Result<std::size_t> Read(const OpContext& ctx, std::span<std::byte> out) = 0;
};

// An object that is written piece by piece.  Nothing is visible before Commit; destroying without Commit discards.
class Writer {
 public:
  virtual ~Writer() = default;
  virtual std::uint64_t position() const = 0;  // bytes so far
  // After a failure the writer is good for Discard only.
  virtual Status Write(const OpContext& ctx, Bytes bytes) = 0;
  // All or nothing, as IStorageProvider::Put; the writer is closed afterwards, whatever the answer.
  virtual Result<ObjectInfo> Commit(const OpContext& ctx) = 0;
  // Forgets what was written, also what lies at the storage already.  OK after Commit or Discard.
  virtual Status Discard(const OpContext& ctx) = 0;
};

class Store {
 public:
  explicit Store(ProviderPtr provider, TransferTuning tuning = {}) : provider_(std::move(provider)), tuning_(tuning) {}

  const ProviderPtr& provider() const { return provider_; }

  Result<ObjectInfo> Put(const OpContext& ctx, std::string_view key, std::string_view bytes, const PutOptions& options = {});
  // Of any size, known or not.  A content type that is not given is found by the key.
  Result<ObjectInfo> Put(const OpContext& ctx, std::string_view key, ISource& source, const PutOptions& options = {});
  // A file of the disk; its modification time is kept unless one is given.
  Result<ObjectInfo> PutFile(const OpContext& ctx, std::string_view key, const std::string& path, const PutOptions& options = {});

  Result<std::string> Get(const OpContext& ctx, std::string_view key, std::uint64_t max_size = UINT64_MAX);
  Result<ObjectInfo> Get(const OpContext& ctx, std::string_view key, ISink& sink, const GetOptions& options = {});
  // Into a file that appears whole or not at all.
  Result<ObjectInfo> GetFile(const OpContext& ctx, std::string_view key, const std::string& path);

  Result<ObjectInfo> Stat(const OpContext& ctx, std::string_view key);
  Result<bool> Exists(const OpContext& ctx, std::string_view key);
  Status Remove(const OpContext& ctx, std::string_view key);
  Lister List(const OpContext& ctx, std::string_view prefix = {}, bool delimiter = false);

  // Overwrites what is at `to`, unless options say otherwise.
  Result<ObjectInfo> Copy(const OpContext& ctx, std::string_view from, std::string_view to, const PutOptions& options = {});
  // Copies, then removes `from`: only the version that was copied, where the storage can tell.  When the removal fails both are there, and the error says so.
  Result<ObjectInfo> Move(const OpContext& ctx, std::string_view from, std::string_view to, const PutOptions& options = {});

  Result<SignedUrl> Url(std::string_view key, const UrlOptions& options = {});

  Result<std::unique_ptr<Reader>> OpenReader(const OpContext& ctx, std::string_view key, const ReaderOptions& options = {});
  Result<std::unique_ptr<Writer>> OpenWriter(std::string_view key, const PutOptions& options = {});

 private:
  ProviderPtr provider_;
  TransferTuning tuning_;
};

}  // namespace fileferry

#endif  // FILEFERRY_STORE_H
