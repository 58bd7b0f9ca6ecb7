// pool.h: the handles of one Client in one process.  Thread-safe; the most recently used handle is leased first, so that its connection is warm.
#ifndef FILEFERRY_HTTP_POOL_H_
#define FILEFERRY_HTTP_POOL_H_

#include <sys/types.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "http/handle.h"

namespace fileferry::http {

class Pool {
 public:
  Pool(const ClientOptions& options, pid_t owner, Pool* before) : options_(options), owner_(owner), before_(before) {}

  pid_t owner() const { return owner_; }

  // Waits while max_handles are leased.
  Result<std::unique_ptr<Handle>> Lease(const OpContext& ctx);
  void Return(std::unique_ptr<Handle> handle);

 private:
  const ClientOptions& options_;
  const pid_t owner_;
  [[maybe_unused]] Pool* const before_;  // of the process that this one was forked from: kept reachable, never touched
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<Handle>> idle_;
  int leased_ = 0;
};

}  // namespace fileferry::http

#endif  // FILEFERRY_HTTP_POOL_H_
