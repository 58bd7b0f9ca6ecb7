// thread_pool.h: a fixed number of workers for tasks that block.
//
// Thread-safe.  No thread exists before the first Submit; workers are added one by one while every one of them is busy.  The pool belongs to the process that
// made it: in a child after a fork Submit is kForked, and destroying does nothing.
#ifndef FILEFERRY_RUNTIME_THREAD_POOL_H_
#define FILEFERRY_RUNTIME_THREAD_POOL_H_

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "fileferry/status.h"

namespace fileferry {

class ThreadPool {
 public:
  // threads: at least one.
  ThreadPool(std::string name, int threads);
  // Runs what was submitted to its end.  To end early, the tasks look at a CancelToken of theirs.
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // Runs task on a worker, in the order of submission; does not block.  Tasks may submit tasks.  kUnavailable, and the task is not run, when not even one
  // worker can be started.
  Status Submit(std::function<void()> task);
  // Waits until fewer than `most` tasks wait for a worker; false when the time is over first.  Not from a task.
  bool WaitForRoom(std::size_t most, std::chrono::milliseconds timeout);
  // Waits until no task waits or runs; false when the time is over first.  Not from a task.
  bool WaitIdle(std::chrono::milliseconds timeout);

  int threads() const;           // as given
  std::size_t waiting() const;   // tasks without a worker
  int running() const;           // tasks with one

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fileferry

#endif  // FILEFERRY_RUNTIME_THREAD_POOL_H_
