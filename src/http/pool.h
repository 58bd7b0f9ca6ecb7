// pool.h: the connections of one Client in one process.  Thread-safe; the most recently used one to a host is leased first: it is the warmest.
#ifndef FILEFERRY_HTTP_POOL_H_
#define FILEFERRY_HTTP_POOL_H_

#include <sys/types.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "http/connection.h"

namespace fileferry::http {

class Pool {
 public:
  Pool(const ClientOptions& options, pid_t owner, Pool* before) : options_(options), owner_(owner), before_(before) {}

  pid_t owner() const { return owner_; }

  // A place, with an idle connection to this host where there is one.  Waits while max_handles are leased.  Every lease that is OK is followed by one Return.
  Result<std::unique_ptr<Connection>> Lease(const OpContext& ctx, const std::string& origin);
  // connection: idle again, or nullptr.
  void Return(std::unique_ptr<Connection> connection);

 private:
  const ClientOptions& options_;
  const pid_t owner_;
  [[maybe_unused]] Pool* const before_;  // of the process that this one was forked from: kept reachable, never touched
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<Connection>> idle_;
  int leased_ = 0;
};

}  // namespace fileferry::http

#endif  // FILEFERRY_HTTP_POOL_H_
