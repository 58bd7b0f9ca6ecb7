// threads.h: the threads of one run, all of them joined when it ends.  One owner.
#ifndef FILEFERRY_TRANSFER_THREADS_H_
#define FILEFERRY_TRANSFER_THREADS_H_

#include <functional>
#include <utility>
#include <vector>

#include "runtime/thread.h"

namespace fileferry {

class Threads {
 public:
  ~Threads() { Join(); }
  Status Start(const char* name, std::function<void()> work) {
    fileferry::Result<Thread> thread = Thread::Start(name, std::move(work));
    if (!thread.ok()) return thread.status();
    threads_.push_back(std::move(*thread));
    return {};
  }
  void Join() { threads_.clear(); }
  bool empty() const { return threads_.empty(); }

 private:
  std::vector<Thread> threads_;
};

}  // namespace fileferry

#endif  // FILEFERRY_TRANSFER_THREADS_H_
