// queue.cc: see queue.h.
#include "transfer/queue.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace fileferry {

namespace {
constexpr std::size_t kWidenAfter = 16;
}  // namespace

bool JobQueue::Push(std::vector<Item>* items) {
  std::size_t next = 0;
  std::unique_lock lock(mutex_);
  while (next < items->size()) {
    while (!stopped_ && items_.size() >= capacity_) {
      planner_waits_ = true;
      room_.wait(lock);
    }
    planner_waits_ = false;
    if (stopped_) return false;
    std::size_t added = 0;
    for (; next < items->size() && items_.size() < capacity_; ++next, ++added) items_.push_back(std::move((*items)[next]));
    if (sleeping_ > 0 && !paused_) {
      if (added == 1) {
        work_.notify_one();
      } else {
        work_.notify_all();
      }
    }
  }
  items->clear();
  return true;
}

void JobQueue::Requeue(Item item) {
  std::lock_guard lock(mutex_);
  items_.push_front(std::move(item));
  if (sleeping_ > 0) work_.notify_one();
}

void JobQueue::AddParts(std::shared_ptr<LargeObject> large, const std::vector<std::size_t>& parts) {
  if (parts.empty()) return;
  std::lock_guard lock(mutex_);
  parts_.push_back({std::move(large), {parts.begin(), parts.end()}});
  if (sleeping_ > 0) work_.notify_all();
}

std::size_t JobQueue::DropParts(const LargeObject* large) {
  std::lock_guard lock(mutex_);
  for (auto at = parts_.begin(); at != parts_.end(); ++at) {
    if (at->large.get() != large) continue;
    const std::size_t count = at->left.size();
    parts_.erase(at);
    return count;
  }
  return 0;
}

bool JobQueue::Pop(Job* job) {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (stopped_) return false;
    if (!paused_ && !Empty() && active_ < limit_) break;
    if (closed_ && Empty() && active_ == 0 && held_ == 0) return false;
    ++sleeping_;
    work_.wait(lock);
    --sleeping_;
  }
  if (!parts_.empty()) {
    Parts& front = parts_.front();
    job->large = front.large;
    job->part = front.left.front();
    front.left.pop_front();
    if (front.left.empty()) parts_.pop_front();
  } else {
    job->item = std::move(items_.front());
    job->large.reset();
    items_.pop_front();
    if (planner_waits_ && items_.size() <= capacity_ / 2) room_.notify_one();
  }
  ++active_;
  return true;
}

void JobQueue::Done() {
  std::lock_guard lock(mutex_);
  --active_;
  if (limit_ != kNoLimit && active_ < limit_ && !Empty() && sleeping_ > 0) work_.notify_one();
  if (active_ == 0 && Empty()) {
    idle_.notify_all();
    if (closed_ && held_ == 0) work_.notify_all();
  }
}

void JobQueue::Hold(std::size_t count) {
  std::lock_guard lock(mutex_);
  held_ += count;
}

void JobQueue::Release(std::size_t count) {
  std::lock_guard lock(mutex_);
  held_ -= count;
  if (held_ == 0 && active_ == 0 && Empty()) {
    idle_.notify_all();
    if (closed_) work_.notify_all();
  }
}

void JobQueue::Close() {
  std::lock_guard lock(mutex_);
  closed_ = true;
  work_.notify_all();
}

void JobQueue::Stop() {
  std::lock_guard lock(mutex_);
  stopped_ = true;
  work_.notify_all();
  room_.notify_all();
  idle_.notify_all();
}

bool JobQueue::stopped() const {
  std::lock_guard lock(mutex_);
  return stopped_;
}

bool JobQueue::WaitIdle() {
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [this] { return stopped_ || (Empty() && active_ == 0); });
  return !stopped_;
}

bool JobQueue::Idle() const {
  std::lock_guard lock(mutex_);
  return Empty() && active_ == 0;
}

void JobQueue::Narrow() {
  std::lock_guard lock(mutex_);
  went_well_ = 0;
  if (active_ > limit_) return;  // those under way do not know of the last time yet
  if (limit_ == kNoLimit) widest_ = std::max<std::size_t>(active_, 1);
  limit_ = std::max<std::size_t>(std::min(limit_, active_) / 2, 1);
}

bool JobQueue::Widen() {
  std::lock_guard lock(mutex_);
  if (limit_ == kNoLimit) return false;
  if (++went_well_ < kWidenAfter) return true;
  went_well_ = 0;
  if (++limit_ >= widest_) limit_ = kNoLimit;
  work_.notify_all();
  return limit_ != kNoLimit;
}

void JobQueue::Pause(bool on) {
  std::lock_guard lock(mutex_);
  paused_ = on;
  if (!on) work_.notify_all();
}

}  // namespace fileferry
