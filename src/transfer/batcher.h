// batcher.h: writes that become durable together: many workers fill a batch while one thread makes the one before durable.
//
// Thread-safe.  A write is not done before its batch was committed; the callback then says how it ended, on the committing thread.
#ifndef FILEFERRY_TRANSFER_BATCHER_H_
#define FILEFERRY_TRANSFER_BATCHER_H_

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "transfer/item.h"
#include "transfer/threads.h"

namespace fileferry {

// A write that waits for its batch.
struct PendingWrite {
  Item item;
  Ended ended;       // as it will be when the batch is committed; token and digest are completed from the batch's answer
  DigestMask confirmed = 0;
};

class Batcher {
 public:
  // `done` takes each write with the status and description that the commit gave it.
  using Done = std::function<void(PendingWrite&& write, const Status& status, const ObjectInfo& info)>;
  Batcher(IStorageProvider& provider, Done done) : provider_(provider), done_(std::move(done)) {}
  ~Batcher();

  Status Start();
  struct Open;
  // The batch to write to; every Enter is followed by one Leave.
  Result<std::shared_ptr<Open>> Enter();
  static IWriteBatch* BatchOf(const std::shared_ptr<Open>& open);
  // write: what was put into it, nullptr when the put failed.
  void Leave(const std::shared_ptr<Open>& open, PendingWrite* write);
  // Commits what is there and waits for it.
  void Drain();
  // Commits what is there (with a context of its own: it takes little time), and ends the thread.
  void Stop();

 private:
  void Run();
  void Commit(Open& open);
  void SealLocked();

  IStorageProvider& provider_;
  const Done done_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<Open> current_;
  std::deque<std::shared_ptr<Open>> sealed_;
  std::size_t unfinished_ = 0;  // batches sealed and not yet told
  bool stop_ = false;
  Threads threads_;
};

}  // namespace fileferry

#endif  // FILEFERRY_TRANSFER_BATCHER_H_
