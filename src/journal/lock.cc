// lock.cc: see lock.h.  A record lock of POSIX belongs to the process, not to the descriptor: it does not pass to children, and it ends when the process closes *any* descriptor of the file.
// So this process keeps a register of the locks it holds and never opens such a file again.
#include "journal/lock.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <mutex>
#include <utility>

#include "base/errno_status.h"
#include "base/sys.h"

namespace fileferry {

namespace {

using FileId = std::pair<dev_t, ino_t>;

struct Register {
  std::mutex mutex;
  std::map<FileId, pid_t> held;  // and by which process: a child inherits the register, not the locks
};

Register& TheRegister() {
  static Register* const instance = new Register;  // lives for ever: threads may end after main
  return *instance;
}

struct flock WholeFile() {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

Status Busy(const std::string& path, pid_t holder) {
  return Status(Code::kBusy, "another process (pid " + std::to_string(holder) + ") works on the journal of '" + path + "'; wait for it or stop it");
}

// The process that holds the lock, by the register alone; 0: not this process.
// To be known before the file is opened: closing any descriptor of it would give up this process's lock.
Result<pid_t> HeldHere(const std::string& path) {
  struct stat info;
  if (sys::FStatAt(AT_FDCWD, path.c_str(), &info, 0) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return pid_t{0};
    return ErrnoStatus(errno, "the lock file '" + path + "'");
  }
  Register& all = TheRegister();
  std::lock_guard lock(all.mutex);
  const auto found = all.held.find({info.st_dev, info.st_ino});
  return found != all.held.end() && found->second == ::getpid() ? found->second : 0;
}

}  // namespace

JournalLock::JournalLock(UniqueFd fd, dev_t device, ino_t inode) : fd_(std::move(fd)), device_(device), inode_(inode), pid_(::getpid()) {}

Result<std::unique_ptr<JournalLock>> JournalLock::Take(const std::string& path) {
  const Result<pid_t> here = HeldHere(path);
  if (!here.ok()) return here.status();
  if (*here != 0) return Busy(path, *here);
  UniqueFd fd(sys::OpenAt(AT_FDCWD, path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.valid()) return ErrnoStatus(errno, "the lock file '" + path + "'");
  struct stat info;
  if (sys::FStat(fd.get(), &info) != 0) return ErrnoStatus(errno, "the lock file '" + path + "'");
  struct flock lock = WholeFile();
  const sys::Verdict verdict = sys::Ask("fcntl", sys::Place::current());
  if (verdict.error != 0) return ErrnoStatus(verdict.error, "the lock file '" + path + "'");
  if (::fcntl(fd.get(), F_SETLK, &lock) != 0) {
    if (errno != EACCES && errno != EAGAIN) return ErrnoStatus(errno, "the lock file '" + path + "'");
    lock = WholeFile();
    const bool known = ::fcntl(fd.get(), F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
    return Busy(path, known ? lock.l_pid : 0);
  }
  Register& all = TheRegister();
  std::lock_guard guard(all.mutex);
  all.held[{info.st_dev, info.st_ino}] = ::getpid();
  return std::unique_ptr<JournalLock>(new JournalLock(std::move(fd), info.st_dev, info.st_ino));
}

JournalLock::~JournalLock() {
  if (::getpid() != pid_) return;  // in a child: the descriptor's closing does not touch the parent's lock
  Register& all = TheRegister();
  std::lock_guard lock(all.mutex);
  all.held.erase({device_, inode_});
  fd_.Reset();
}

Result<pid_t> JournalLock::Holder(const std::string& path) {
  Result<pid_t> here = HeldHere(path);
  if (!here.ok() || *here != 0) return here;
  UniqueFd fd(sys::OpenAt(AT_FDCWD, path.c_str(), O_RDONLY | O_CLOEXEC, 0));
  if (!fd.valid() && errno == ENOENT) return pid_t{0};
  if (!fd.valid()) return ErrnoStatus(errno, "the lock file '" + path + "'");
  struct flock lock = WholeFile();
  if (::fcntl(fd.get(), F_GETLK, &lock) != 0) return ErrnoStatus(errno, "the lock file '" + path + "'");
  return lock.l_type == F_UNLCK ? 0 : lock.l_pid;
}

}  // namespace fileferry
