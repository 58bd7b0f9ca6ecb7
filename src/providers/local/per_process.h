// per_process.h: state with locks that a forked child gets anew: in the child a lock may be held by a thread that does not exist there.
//
// Thread-safe.  What the parent's state owned is left alone in the child (descriptors stay open, nothing is destroyed).
#ifndef FILEFERRY_PROVIDERS_LOCAL_PER_PROCESS_H_
#define FILEFERRY_PROVIDERS_LOCAL_PER_PROCESS_H_

#include <unistd.h>

#include <atomic>

namespace fileferry::local {

template <typename T>
class PerProcess {
 public:
  PerProcess() : state_(new State) {}
  ~PerProcess() {
    const State* state = state_.load(std::memory_order_acquire);
    if (state->process == ::getpid()) delete state;
  }
  PerProcess(const PerProcess&) = delete;
  PerProcess& operator=(const PerProcess&) = delete;

  T& Get() {
    State* state = state_.load(std::memory_order_acquire);
    if (state->process == ::getpid()) return state->value;
    auto* fresh = new State;
    if (state_.compare_exchange_strong(state, fresh, std::memory_order_acq_rel)) return fresh->value;
    delete fresh;  // another thread of the child was first
    return state->value;
  }

 private:
  struct State {
    const pid_t process = ::getpid();
    T value;
  };
  std::atomic<State*> state_;
};

}  // namespace fileferry::local

#endif  // FILEFERRY_PROVIDERS_LOCAL_PER_PROCESS_H_
