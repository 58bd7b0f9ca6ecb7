// thread.cc: POSIX threads behind thread.h.
#include "runtime/thread.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "base/errno_status.h"
#include "base/sys.h"

namespace fileferry {

struct Thread::Impl {
  pthread_t id{};
  pid_t owner = ::getpid();
};

void Thread::Release::operator()(Impl* impl) const { delete impl; }

namespace {

struct Start {
  std::string name;
  std::function<void()> body;
};

void* Main(void* argument) {
  const std::unique_ptr<Start> start(static_cast<Start*>(argument));
  ::pthread_setname_np(::pthread_self(), start->name.c_str());
  start->body();
  return nullptr;
}

}  // namespace

Thread& Thread::operator=(Thread&& other) noexcept {
  if (this != &other) {
    Join();
    impl_ = std::move(other.impl_);
  }
  return *this;
}

Result<Thread> Thread::Start(const std::string& name, std::function<void()> body) {
  auto start = std::make_unique<fileferry::Start>(fileferry::Start{name.substr(0, 15), std::move(body)});
  Thread thread;
  thread.impl_.reset(new Impl);
  int error = sys::Ask("thread", sys::Place::current()).error;
  if (error == 0) {
    sigset_t all, before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);  // inherited by the new thread
    error = ::pthread_create(&thread.impl_->id, nullptr, &Main, start.get());
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  if (error != 0) {
    thread.impl_.reset();
    return ErrnoStatus(error, "cannot start a thread; raise the limit of threads (ulimit -u) or use fewer transfers");
  }
  (void)start.release();  // Main's
  return thread;
}

void Thread::Join() {
  if (impl_ == nullptr) return;
  if (impl_->owner == ::getpid()) ::pthread_join(impl_->id, nullptr);
  impl_.reset();
}

}  // namespace fileferry
