// thread_pool.cc: one queue, one lock.  Tasks are whole requests, so that the lock is never what a transfer waits for.
#include "runtime/thread_pool.h"

#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>
#include <vector>

#include "runtime/thread.h"

namespace fileferry {

struct ThreadPool::Impl {
  const std::string name;
  const int threads;
  const pid_t owner = ::getpid();

  mutable std::mutex mutex;
  std::condition_variable work;      // a task came, or stopping
  std::condition_variable progress;  // a task was taken or ended
  std::deque<std::function<void()>> tasks;
  std::vector<Thread> workers;
  int idle = 0;     // workers that wait for a task
  int running = 0;  // tasks
  bool stopping = false;

  Impl(std::string pool_name, int count) : name(std::move(pool_name)), threads(std::max(1, count)) {}

  bool forked() const { return owner != ::getpid(); }

  void Work() {
    std::unique_lock lock(mutex);
    while (true) {
      ++idle;
      work.wait(lock, [this] { return stopping || !tasks.empty(); });
      --idle;
      if (tasks.empty()) return;
      std::function<void()> task = std::move(tasks.front());
      tasks.pop_front();
      ++running;
      progress.notify_all();
      lock.unlock();
      task();
      task = nullptr;  // what it holds goes before it counts as ended
      lock.lock();
      --running;
      progress.notify_all();
    }
  }
};

ThreadPool::ThreadPool(std::string name, int threads) : impl_(std::make_unique<Impl>(std::move(name), threads)) {}

ThreadPool::~ThreadPool() {
  if (impl_->forked()) {
    (void)impl_.release();  // the lock may be held for ever by a thread that exists only in the parent
    return;
  }
  std::vector<Thread> workers;
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
    workers.swap(impl_->workers);
  }
  impl_->work.notify_all();
  while (!workers.empty()) {
    workers.clear();  // joins
    const std::lock_guard lock(impl_->mutex);
    workers.swap(impl_->workers);  // a last task may have submitted another, and started a worker for it
  }
}

Status ThreadPool::Submit(std::function<void()> task) {
  if (impl_->forked()) return Status(Code::kForked, "the threads belong to the parent process; open the storage again in the child");
  const std::lock_guard lock(impl_->mutex);
  impl_->tasks.push_back(std::move(task));
  const bool all_busy = impl_->idle < static_cast<int>(impl_->tasks.size());
  if (all_busy && static_cast<int>(impl_->workers.size()) < impl_->threads) {
    Impl* impl = impl_.get();
    Result<Thread> worker = Thread::Start(impl->name, [impl] { impl->Work(); });
    if (worker.ok()) {
      impl_->workers.push_back(*std::move(worker));
    } else if (impl_->workers.empty()) {
      impl_->tasks.pop_back();
      return worker.status();
    }  // otherwise the workers that there are do it
  }
  impl_->work.notify_one();
  return {};
}

bool ThreadPool::WaitForRoom(std::size_t most, std::chrono::milliseconds timeout) {
  if (impl_->forked()) return false;
  std::unique_lock lock(impl_->mutex);
  return impl_->progress.wait_for(lock, timeout, [&] { return impl_->tasks.size() < most; });
}

bool ThreadPool::WaitIdle(std::chrono::milliseconds timeout) {
  if (impl_->forked()) return false;
  std::unique_lock lock(impl_->mutex);
  return impl_->progress.wait_for(lock, timeout, [&] { return impl_->tasks.empty() && impl_->running == 0; });
}

int ThreadPool::threads() const { return impl_->threads; }

std::size_t ThreadPool::waiting() const {
  if (impl_->forked()) return 0;
  const std::lock_guard lock(impl_->mutex);
  return impl_->tasks.size();
}

int ThreadPool::running() const {
  if (impl_->forked()) return 0;
  const std::lock_guard lock(impl_->mutex);
  return impl_->running;
}

}  // namespace fileferry
