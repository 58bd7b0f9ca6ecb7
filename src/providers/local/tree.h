// tree.h: the root folder held by a descriptor, and every way from it to a file or folder.  Nothing here follows a link out of the root.
//
// Tree is thread-safe.  Paths are relative to the root, as names.h makes them.
#ifndef FILEFERRY_PROVIDERS_LOCAL_TREE_H_
#define FILEFERRY_PROVIDERS_LOCAL_TREE_H_

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"
#include "fileferry/local.h"
#include "providers/local/names.h"
#include "providers/local/per_process.h"

namespace fileferry::local {

using RootRef = std::shared_ptr<const UniqueFd>;

// An existing object's file, open for reading.
struct Found {
  RootRef root;
  UniqueFd file;
  struct stat st = {};
  std::string path;
};

// Counts folders that were made but whose entry in the parent is not known to be durable; while there are any, a durable write also flushes the folders above it.
class UnsyncedFolders {
 public:
  bool any() const { return count_.load(std::memory_order_acquire) != 0; }
  void Add(int n) { count_.fetch_add(n, std::memory_order_acq_rel); }

 private:
  std::atomic<int> count_{0};
};

// Other threads may remove a folder, found empty, as often as one makes it.
inline constexpr int kFolderAttempts = 64;

class Tree {
 public:
  explicit Tree(LocalOptions options);

  const LocalOptions& options() const { return options_; }
  bool durable() const { return options_.fsync != LocalOptions::Fsync::kNone; }
  bool durable_folders() const { return options_.fsync == LocalOptions::Fsync::kFull; }
  UnsyncedFolders& unsynced() { return unsynced_; }

  // The root; kNotFound where there is none.  GetOrMake makes it if the options allow that.
  Result<RootRef> Get();
  Result<RootRef> GetOrMake();
  // Lets go of a root that was removed from its place; true if it was.
  bool ForgetIfRemoved(const RootRef& root);

  // open(2) below root; -1 and errno on failure, ELOOP for a symbolic link that the options do not allow to follow, EXDEV for one out of the root.
  int Open(int root, const std::string& path, int flags, mode_t mode = 0) const;
  // A folder, open for reading entries and for flushing; "" is the root.
  int OpenFolder(int root, std::string_view path) const;
  // The same, and makes what is missing.  With defer the entries of new folders are not flushed, and their number is added to *deferred and to unsynced().
  int OpenOrMakeFolder(int root, std::string_view path, bool defer, int* deferred);
  // Flushes the folders above path, up to the root.
  int SyncAncestors(int root, std::string_view path) const;

  // The file of key: kNotFound when there is none.
  Result<Found> Find(std::string_view key);
  bool HasKeysFolder(int root) const;

  // "<root>/<path>", for messages.
  std::string Display(std::string_view path) const;
  // errno as a Status: "<verb> <root>/<path>: <text>".
  Status Error(int error, std::string_view verb, std::string_view path) const;

  // Serialises changes to one key within this process.
  std::mutex& LockOf(std::string_view key) {
    auto& locks = shared_.Get().locks;
    return locks[std::hash<std::string_view>()(key) % locks.size()];
  }

 private:
  int Walk(int root, const std::string& path, int flags, mode_t mode) const;
  int TryFind(const RootRef& root, const std::string& path, Found* found) const;

  const LocalOptions options_;
  struct Shared {
    std::mutex mutex;
    RootRef root;  // guarded by mutex
    std::array<std::mutex, 64> locks;
  };
  PerProcess<Shared> shared_;
  UnsyncedFolders unsynced_;
};

}  // namespace fileferry::local

#endif  // FILEFERRY_PROVIDERS_LOCAL_TREE_H_
