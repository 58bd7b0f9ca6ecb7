// parallel.h: the same work on a few threads at once.  Any thread.
#ifndef FILEFERRY_CORE_PARALLEL_H_
#define FILEFERRY_CORE_PARALLEL_H_

#include <functional>

namespace fileferry {

// Runs work on the calling thread and on up to width - 1 others, and returns when all of them have.  Where the system gives no more threads, fewer do it: work must hand out
// what there is to do by itself.
void RunOnThreads(int width, const std::function<void()>& work);

}  // namespace fileferry

#endif  // FILEFERRY_CORE_PARALLEL_H_
