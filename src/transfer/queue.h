// queue.h: what the workers of a run take from: a bounded queue of objects, and before it the parts of large objects under way.
//
// Thread-safe.  The planner fills it in handfuls and sleeps while it is full; nobody is woken who is not asleep.
#ifndef FILEFERRY_TRANSFER_QUEUE_H_
#define FILEFERRY_TRANSFER_QUEUE_H_

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "transfer/item.h"

namespace fileferry {

struct LargeObject;

struct Job {
  Item item;                           // where large is empty
  std::shared_ptr<LargeObject> large;  // a part of it
  std::size_t part = 0;                // index of the part
};

class JobQueue {
 public:
  explicit JobQueue(std::size_t capacity) : capacity_(capacity) {}

  // Blocks while the queue is full; false when stopped.  Takes all of items.
  bool Push(std::vector<Item>* items);
  // From inside a job: never blocks, comes first.
  void Requeue(Item item);
  void AddParts(std::shared_ptr<LargeObject> large, const std::vector<std::size_t>& parts);
  // Forgets the parts of this object that nobody has begun; how many.
  std::size_t DropParts(const LargeObject* large);

  // False: stopped, or closed and everything is done.  Every true must be followed by Done().
  bool Pop(Job* job);
  void Done();
  // Holds what is outside the queue but not done (a write that waits for its batch), so that it does not end.
  void Hold(std::size_t count);
  void Release(std::size_t count);

  void Close();  // nothing more is pushed
  void Stop();   // everything waiting gives up
  bool stopped() const;
  // Waits until nothing is queued or under way (held items apart); false when stopped.
  bool WaitIdle();
  bool Idle() const;
  void Pause(bool on);
  // The storage asks for less: from now on half as many jobs at a time as are under way, at least one.
  void Narrow();
  // A job went well: one more at a time for every few of these.  False: as many as before the first Narrow.
  bool Widen();

 private:
  struct Parts {
    std::shared_ptr<LargeObject> large;
    std::deque<std::size_t> left;
  };
  static constexpr std::size_t kNoLimit = SIZE_MAX;
  bool Empty() const { return items_.empty() && parts_.empty(); }

  const std::size_t capacity_;
  mutable std::mutex mutex_;
  std::condition_variable work_, room_, idle_;
  std::deque<Item> items_;
  std::deque<Parts> parts_;
  std::size_t sleeping_ = 0, active_ = 0, held_ = 0;
  std::size_t limit_ = kNoLimit, widest_ = 0, went_well_ = 0;  // jobs at a time; widest_: when it was first narrowed
  bool planner_waits_ = false, closed_ = false, stopped_ = false, paused_ = false;
};

}  // namespace fileferry

#endif  // FILEFERRY_TRANSFER_QUEUE_H_
