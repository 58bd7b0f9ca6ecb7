// pool.cc: leasing and returning connections.
#include "http/pool.h"

#include <algorithm>

namespace fileferry::http {

Result<std::unique_ptr<Connection>> Pool::Lease(const OpContext& ctx, const std::string& origin) {
  std::unique_ptr<Connection> chosen, surplus;  // closed without the lock
  std::unique_lock lock(mutex_);
  while (leased_ >= options_.max_handles) {
    returned_.wait_for(lock, std::chrono::milliseconds(50));
    Status status = ctx.Check();
    if (!status.ok()) return status;
  }
  ++leased_;
  const auto found = std::find_if(idle_.rbegin(), idle_.rend(), [&](const auto& idle) { return idle->origin() == origin; });
  if (found != idle_.rend()) {
    chosen = std::move(*found);
    idle_.erase(std::next(found).base());
  } else if (!idle_.empty() && leased_ + static_cast<int>(idle_.size()) > options_.max_handles) {
    surplus = std::move(idle_.front());
    idle_.erase(idle_.begin());
  }
  lock.unlock();
  return chosen;
}

void Pool::Return(std::unique_ptr<Connection> connection) {
  {
    const std::lock_guard lock(mutex_);
    --leased_;
    if (connection != nullptr) idle_.push_back(std::move(connection));
  }
  returned_.notify_one();
}

}  // namespace fileferry::http
