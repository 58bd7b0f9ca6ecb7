// output.cc: standard output, buffered.  Main thread only.
#include "output.h"

#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

namespace fileferry::cli {

bool WriteAllTo(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(fd, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

void Output::Flush() {
  if (status_.ok() && !WriteAllTo(fd_, buffer_)) {
    const int error = errno;
    if (error == EPIPE) {
      std::signal(SIGPIPE, SIG_DFL);
      std::raise(SIGPIPE);
    }
    status_ = Status(error == ENOSPC ? Code::kQuotaExceeded : Code::kUnavailable, std::string("standard output cannot be written: ") + std::strerror(error));
  }
  buffer_.clear();
}

bool IsTerminal(int fd) { return ::isatty(fd) == 1; }

}  // namespace fileferry::cli
