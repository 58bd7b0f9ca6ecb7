// signals.cc: what a signal handler may do, and no more.
#include "signals.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <ctime>

#include "output.h"

namespace fileferry::cli {
namespace {

CancelToken* g_token = nullptr;
volatile std::sig_atomic_t g_asked = 0;
volatile std::sig_atomic_t g_hidden = 0;
struct timespec g_first {};

// One Ctrl-C can arrive twice: sent to this process and to its group.
bool IsEcho() {
  struct timespec now {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  const long long elapsed = (now.tv_sec - g_first.tv_sec) * 1'000'000'000LL + (now.tv_nsec - g_first.tv_nsec);
  return elapsed < 500'000'000LL;
}

void OnSignal(int number) {
  if (g_asked == 0) {
    clock_gettime(CLOCK_MONOTONIC, &g_first);
    g_asked = 1;
    if (g_token != nullptr) g_token->Cancel();
    return;
  }
  if (IsEcho()) return;
  if (g_hidden != 0) WriteAllTo(STDERR_FILENO, "\x1b[?25h\n");
  std::signal(number, SIG_DFL);
  std::raise(number);
}

}  // namespace

void InstallSignals(CancelToken* token) {
  g_token = token;
  struct sigaction action {};
  action.sa_handler = &OnSignal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART | SA_NODEFER;
  for (int number : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction before {};
    if (sigaction(number, nullptr, &before) == 0 && before.sa_handler == SIG_IGN) continue;  // nohup, a background job
    sigaction(number, &action, nullptr);
  }
  std::signal(SIGPIPE, SIG_IGN);
}

bool StopWasAsked() { return g_asked != 0; }

bool WaitToRead(int fd) {
  constexpr int kLookMs = 100;  // a signal may be taken by another thread, or come right before the wait
  while (!StopWasAsked()) {
    struct pollfd what {fd, POLLIN, 0};
    const int ready = ::poll(&what, 1, kLookMs);
    if (ready > 0 || (ready < 0 && errno != EINTR)) return true;  // the read says what is wrong
  }
  return false;
}

void SetCursorHidden(bool hidden) { g_hidden = hidden ? 1 : 0; }

}  // namespace fileferry::cli
