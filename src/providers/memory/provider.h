// provider.h: the parts of MemoryStorageProvider.  Objects are immutable once stored and shared, so readers hold no lock while they read.
//
// State is guarded by its mutex; everything else here is used by the provider's own files only.
#ifndef FILEFERRY_PROVIDERS_MEMORY_PROVIDER_H_
#define FILEFERRY_PROVIDERS_MEMORY_PROVIDER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fileferry/memory.h"

namespace fileferry::memory {

using Contents = std::shared_ptr<const std::string>;

struct Object {
  Contents bytes;
  ObjectInfo info;  // complete, key included
};
using ObjectPtr = std::shared_ptr<const Object>;

struct Part {
  Contents bytes;
  PartInfo info;
};

struct PendingUpload {
  std::string key;
  UploadOptions options;
  Time initiated{};
  std::map<std::uint32_t, Part> parts;
};

struct Conditions {
  bool if_absent = false;
  std::string if_match;
};

struct State {
  std::string id;  // the container in Location
  mutable std::shared_mutex mutex;
  std::map<std::string, ObjectPtr, std::less<>> objects;
  std::map<std::string, PendingUpload> uploads;  // by upload id

  ObjectPtr Find(std::string_view key) const;
  // Gives object its etag and time and stores it, if the conditions hold.
  Result<ObjectInfo> Publish(Object object, const Conditions& conditions);
  // REQUIRES: mutex is held exclusively.
  Result<ObjectInfo> PublishLocked(Object object, const Conditions& conditions);
  // REQUIRES: mutex is held.
  Status CheckLocked(std::string_view key, const Conditions& conditions) const;
};

// All living storages of the process by id, for copies from one to another.
void Register(const std::shared_ptr<State>& state);
std::shared_ptr<State> FindState(std::string_view id);

// Unique in the process.
std::string NewEtag();

// The asked range of an object of this size: first byte and number of bytes.
Result<std::pair<std::uint64_t, std::uint64_t>> RangeOf(const GetOptions& options, std::uint64_t size);

Result<ListPage> ListObjects(const State& state, const ListQuery& query);
Result<UploadPage> ListPending(const State& state, std::string_view prefix, const std::string& token);

// Checks parts against what the upload has and joins them; the joined object keeps the upload's properties.
Result<Object> JoinParts(const PendingUpload& upload, const std::vector<PartInfo>& parts, const CompleteOptions& options);

// The pull form of Get: bytes of one version; kSourceChanged at the end if another took its place.
std::unique_ptr<ISource> OpenObject(const OpContext& ctx, std::shared_ptr<State> state, ObjectPtr object, std::uint64_t offset, std::uint64_t length);

class Batch final : public IWriteBatch {
 public:
  Batch(std::shared_ptr<State> state, std::string name) : state_(std::move(state)), name_(std::move(name)) {}
  std::size_t pending() const override;
  std::uint64_t pending_bytes() const override;
  std::vector<BatchResult> Commit(const OpContext& ctx) override;

  const State* state() const { return state_.get(); }
  void Add(Object object, Conditions conditions);

 private:
  std::shared_ptr<State> state_;
  const std::string name_;  // of the storage, for errors
  mutable std::mutex mutex_;
  std::uint64_t bytes_ = 0;
  std::vector<std::pair<Object, Conditions>> writes_;
};

}  // namespace fileferry::memory

#endif  // FILEFERRY_PROVIDERS_MEMORY_PROVIDER_H_
