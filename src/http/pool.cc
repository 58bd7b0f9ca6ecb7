// pool.cc: leasing and returning handles.
#include "http/pool.h"

namespace fileferry::http {

Result<std::unique_ptr<Handle>> Pool::Lease(const OpContext& ctx) {
  std::unique_lock lock(mutex_);
  while (leased_ >= options_.max_handles) {
    returned_.wait_for(lock, std::chrono::milliseconds(50));
    Status status = ctx.Check();
    if (!status.ok()) return status;
  }
  ++leased_;
  if (!idle_.empty()) {
    std::unique_ptr<Handle> handle = std::move(idle_.back());
    idle_.pop_back();
    return handle;
  }
  lock.unlock();
  std::unique_ptr<Handle> handle = Handle::Create(options_);
  if (handle != nullptr) return handle;
  lock.lock();
  --leased_;
  return Status(Code::kInternal, "libcurl cannot be initialised");
}

void Pool::Return(std::unique_ptr<Handle> handle) {
  {
    const std::lock_guard lock(mutex_);
    --leased_;
    idle_.push_back(std::move(handle));
  }
  returned_.notify_one();
}

}  // namespace fileferry::http
