// parallel.cc: see parallel.h.
#include "core/parallel.h"

#include <vector>

#include "runtime/thread.h"

namespace fileferry {

void RunOnThreads(int width, const std::function<void()>& work) {
  std::vector<Thread> others;
  for (int i = 1; i < width; ++i) {
    Result<Thread> thread = Thread::Start("ferry-part", work);
    if (!thread.ok()) break;
    others.push_back(std::move(thread).value());
  }
  work();
  others.clear();  // joins
}

}  // namespace fileferry
