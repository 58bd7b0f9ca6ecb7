// batch.h: writes that become visible together: one flush for all their bytes, then the renames, then one flush for the names.
//
// Add may be called by many threads; Commit by one, while nobody adds.
#ifndef FILEFERRY_PROVIDERS_LOCAL_BATCH_H_
#define FILEFERRY_PROVIDERS_LOCAL_BATCH_H_

#include <unistd.h>

#include <mutex>
#include <string>
#include <vector>

#include "providers/local/provider.h"

namespace fileferry::local {

class Batch final : public IWriteBatch {
 public:
  explicit Batch(LocalProvider* provider) : provider_(provider) {}
  ~Batch() override;
  std::size_t pending() const override;
  std::uint64_t pending_bytes() const override;
  std::vector<BatchResult> Commit(const OpContext& ctx) override;

  const LocalProvider* provider() const { return provider_; }
  // To be called before the first byte of a draft for this batch is written.
  Status Prepare(const RootRef& root);
  // Takes a sealed draft; its folder is closed, its file stays open and locked until it is published.
  void Add(Draft draft, const ObjectInfo& info, const std::string& upload_id);

 private:
  struct Pending {
    Draft draft;
    ObjectInfo info;
    std::string upload_id;
    Status status;
  };
  Status FlushBytes(std::vector<Pending>* writes, int sync_fd);
  Status FlushOne(const Pending& write);
  void PublishAll(std::vector<Pending>* writes);
  Status FlushNames(const std::vector<Pending>& writes, int sync_fd);

  LocalProvider* const provider_;
  const pid_t process_ = ::getpid();
  mutable std::mutex mutex_;
  std::vector<Pending> writes_;  // guarded by mutex_
  std::uint64_t bytes_ = 0;      // guarded by mutex_
  // Of this batch alone, open since before its first byte was written: a write-back error in between is reported to this descriptor.
  UniqueFd sync_fd_;             // guarded by mutex_
};

}  // namespace fileferry::local

#endif  // FILEFERRY_PROVIDERS_LOCAL_BATCH_H_
