// credentials_process.cc: runs a profile's credential_process: at most 30 s, at most 64 KiB of answer, its error output dropped (it may hold secrets).
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "base/errno_status.h"
#include "base/sys.h"
#include "base/unique_fd.h"
#include "providers/s3/credentials_link.h"

namespace fileferry::s3 {
namespace {

using SteadyClock = OpContext::Clock;

constexpr std::chrono::seconds kLongest{30};
constexpr std::size_t kMostOutput = std::size_t{64} << 10;

// A child in a process group of its own, so that what it started ends with it.
class Child {
 public:
  ~Child() {
    if (pid_ > 0) {
      (void)::kill(-pid_, SIGKILL);
      int state = 0;
      while (::waitpid(pid_, &state, 0) < 0 && errno == EINTR) {
      }
    }
  }

  int Start(const std::string& command, int output) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, output, 1);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    // The host may block or ignore signals that a program expects to work.
    sigset_t none;
    sigset_t usual;
    sigemptyset(&none);
    sigemptyset(&usual);
    for (int signal : {SIGPIPE, SIGTERM, SIGINT, SIGCHLD}) sigaddset(&usual, signal);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &usual);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    char shell[] = "sh";
    char option[] = "-c";
    std::string line = command;
    char* const arguments[] = {shell, option, line.data(), nullptr};
    const int error = ::posix_spawn(&pid_, "/bin/sh", &actions, &attributes, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (error != 0) pid_ = -1;
    return error;
  }

  // The exit status; nothing while it runs.  0 also where the host takes the status away (it ignores SIGCHLD): then the output decides.
  std::optional<int> Poll() {
    int state = 0;
    const pid_t got = ::waitpid(pid_, &state, WNOHANG);
    if (got == 0 || (got < 0 && errno == EINTR)) return std::nullopt;
    pid_ = -1;
    if (got < 0) return 0;
    return WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);
  }

 private:
  pid_t pid_ = -1;
};

Status CheckTime(const OpContext& op, SteadyClock::time_point end, const std::string& from) {
  if (SteadyClock::now() >= end) return NoKeys(from + " did not end within 30 s");
  return op.Check();
}

// Reads until the end of the output.
Status ReadAll(const OpContext& op, SteadyClock::time_point end, int fd, const std::string& from, std::string* out) {
  char buffer[4096];
  while (true) {
    if (Status status = CheckTime(op, end, from); !status.ok()) return status;
    struct pollfd ready = {fd, POLLIN, 0};
    if (::poll(&ready, 1, 50) <= 0) continue;
    const ssize_t got = sys::Read(fd, buffer, sizeof buffer);
    if (got < 0) return ErrnoStatus(errno, "cannot read the output of " + from);
    if (got == 0) return {};
    out->append(buffer, static_cast<std::size_t>(got));
    if (out->size() > kMostOutput) return NoKeys(from + " printed more than 64 KiB");
  }
}

}  // namespace

Result<S3Credentials> KeysFromProcess(const OpContext& op, const std::string& command, const std::string& from) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return ErrnoStatus(errno, "cannot run " + from);
  const UniqueFd output(ends[0]);
  UniqueFd input(ends[1]);
  const SteadyClock::time_point end = SteadyClock::now() + kLongest;
  std::string text;
  std::optional<int> status;
  {
    Child child;
    if (const int error = child.Start(command, input.get()); error != 0) return ErrnoStatus(error, "cannot run " + from);
    input.Reset();
    if (Status read = ReadAll(op, end, output.get(), from, &text); !read.ok()) return read;
    while (!(status = child.Poll())) {
      if (Status late = CheckTime(op, end, from); !late.ok()) return late;
      (void)::poll(nullptr, 0, 5);
    }
  }
  if (*status != 0) return NoKeys(from + " failed with exit status " + std::to_string(*status) + "; run its command by hand to see why");
  const Result<codec::JsonValue> json = codec::ParseJson(text);
  if (!json.ok() || !json.value().IsObject()) return NoKeys(from + " did not print a JSON object");
  const codec::JsonValue* version = json.value().Find("Version");
  if (version == nullptr || version->AsInteger() != 1) return NoKeys(from + " printed an answer whose Version is not 1");
  KeyNames names;
  names.token = "SessionToken";
  return KeysFromJson(json.value(), names, from);
}

}  // namespace fileferry::s3
