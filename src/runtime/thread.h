// thread.h: the only place of the library that starts threads.
//
// Threads of the library block all signals, so that a host's handlers run on the host's own threads, and carry a name that `top -H` and gdb show.  In a child
// after a fork the threads of the parent do not exist: a Thread there can only be destroyed, which does nothing.
#ifndef FILEFERRY_RUNTIME_THREAD_H_
#define FILEFERRY_RUNTIME_THREAD_H_

#include <functional>
#include <memory>
#include <string>

#include "fileferry/status.h"

namespace fileferry {

// One thread.  Used by its owner alone; destroying joins.
class Thread {
 public:
  Thread() = default;
  ~Thread() { Join(); }
  Thread(Thread&& other) noexcept = default;
  Thread& operator=(Thread&& other) noexcept;

  // kUnavailable when the system gives no more threads.  The name is cut to 15 bytes.
  static Result<Thread> Start(const std::string& name, std::function<void()> body);
  bool joinable() const { return impl_ != nullptr; }
  // Waits for the end of body.  Must not be called by body.
  void Join();

 private:
  struct Impl;
  struct Release {
    void operator()(Impl* impl) const;
  };
  std::unique_ptr<Impl, Release> impl_;
};

}  // namespace fileferry

#endif  // FILEFERRY_RUNTIME_THREAD_H_
