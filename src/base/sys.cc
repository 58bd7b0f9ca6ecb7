// sys.cc: the system calls behind sys.h, each with the same few lines around it that let a test make it fail.  Any thread.
#include "base/sys.h"

#include <linux/openat2.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace fileferry::sys {

std::atomic<IFaultHook*> g_hook{nullptr};
void SetFaultHook(IFaultHook* hook) { g_hook.store(hook, std::memory_order_release); }

namespace {

enum class Interrupted { kRepeat, kReport };

// Asks the hook before every attempt.  call() returns -1 and sets errno on failure; undo(result) is run for a result whose answer is "lost".
template <typename Call, typename Undo>
auto Run(const char* name, const Place& at, Interrupted interrupted, const Call& call, const Undo& undo) {
  using Value = decltype(call(std::size_t{}));
  while (true) {
    const Verdict verdict = Ask(name, at);
    Value result = -1;
    if (verdict.error != 0 && !verdict.after) {
      errno = verdict.error;
    } else {
      result = call(verdict.limit);
      if (verdict.error != 0) {
        if (result >= 0) undo(result);
        result = -1;
        errno = verdict.error;
      }
    }
    if (result >= 0 || errno != EINTR || interrupted == Interrupted::kReport) return result;
  }
}

template <typename Call>
auto Run(const char* name, const Place& at, Interrupted interrupted, const Call& call) {
  return Run(name, at, interrupted, call, [](auto) {});
}

void CloseQuietly(int fd) { ::close(fd); }

// Whether the kernel has openat2: sandboxes answer EPERM instead of ENOSYS, so it is asked with arguments that it must find invalid.
bool HasOpenAt2() {
  static const bool has = ::syscall(SYS_openat2, -1, "", nullptr, 0) == -1 && errno == EINVAL;
  return has;
}

}  // namespace

int OpenAt(int folder, const char* path, int flags, mode_t mode, const Place& at) {
  return Run("openat", at, Interrupted::kRepeat, [&](std::size_t) { return ::openat(folder, path, flags, mode); }, CloseQuietly);
}

int OpenBeneath(int folder, const char* path, int flags, mode_t mode, bool follow, const Place& at) {
  if (!HasOpenAt2()) {
    errno = ENOSYS;
    return -1;
  }
  struct open_how how = {};
  how.flags = static_cast<std::uint64_t>(static_cast<unsigned>(flags));
  how.mode = (flags & (O_CREAT | __O_TMPFILE)) != 0 ? mode : 0;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | (follow ? 0U : RESOLVE_NO_SYMLINKS);
  const auto open = [&](std::size_t) {
    int fd = -1;
    for (int attempt = 0; attempt < 32; ++attempt) {  // EAGAIN: a rename or mount raced with the walk and it could not be proved to stay beneath
      fd = static_cast<int>(::syscall(SYS_openat2, folder, path, &how, sizeof how));
      if (fd >= 0 || errno != EAGAIN) break;
    }
    return fd;
  };
  return Run("openat2", at, Interrupted::kRepeat, open, CloseQuietly);
}

int Close(int fd, const Place& at) {
  const Verdict verdict = Ask("close", at);
  // Linux releases the descriptor whatever close returns: repeating it could close another thread's file.
  const int result = ::close(fd);
  if (verdict.error != 0) {
    errno = verdict.error;
    return -1;
  }
  return result == -1 && errno == EINTR ? 0 : result;
}

ssize_t Read(int fd, void* out, std::size_t size, const Place& at) {
  return Run("read", at, Interrupted::kRepeat, [&](std::size_t limit) { return ::read(fd, out, std::min(size, limit)); });
}

ssize_t PRead(int fd, void* out, std::size_t size, off_t offset, const Place& at) {
  return Run("pread", at, Interrupted::kRepeat, [&](std::size_t limit) { return ::pread(fd, out, std::min(size, limit), offset); });
}

ssize_t Write(int fd, const void* data, std::size_t size, const Place& at) {
  return Run("write", at, Interrupted::kRepeat, [&](std::size_t limit) { return ::write(fd, data, std::min(size, limit)); });
}

ssize_t PWrite(int fd, const void* data, std::size_t size, off_t offset, const Place& at) {
  return Run("pwrite", at, Interrupted::kRepeat, [&](std::size_t limit) { return ::pwrite(fd, data, std::min(size, limit), offset); });
}

ssize_t CopyFileRange(int from, off_t* from_offset, int to, off_t* to_offset, std::size_t size, const Place& at) {
  return Run("copy_file_range", at, Interrupted::kRepeat,
             [&](std::size_t limit) { return ::copy_file_range(from, from_offset, to, to_offset, std::min(size, limit), 0); });
}

int Fsync(int fd, const Place& at) {
  return Run("fsync", at, Interrupted::kRepeat, [&](std::size_t) { return ::fsync(fd); });
}

int SyncFs(int fd, const Place& at) {
  return Run("syncfs", at, Interrupted::kRepeat, [&](std::size_t) { return ::syncfs(fd); });
}

int FAllocate(int fd, off_t offset, off_t size, const Place& at) {
  return Run("fallocate", at, Interrupted::kRepeat, [&](std::size_t) { return ::fallocate(fd, FALLOC_FL_KEEP_SIZE, offset, size); });
}

int FTruncate(int fd, off_t size, const Place& at) {
  return Run("ftruncate", at, Interrupted::kRepeat, [&](std::size_t) { return ::ftruncate(fd, size); });
}

int FStat(int fd, struct stat* out, const Place& at) {
  return Run("fstat", at, Interrupted::kRepeat, [&](std::size_t) { return ::fstat(fd, out); });
}

int FStatAt(int folder, const char* path, struct stat* out, int flags, const Place& at) {
  return Run("fstatat", at, Interrupted::kRepeat, [&](std::size_t) { return ::fstatat(folder, path, out, flags); });
}

// Names are changed once: repeating an interrupted rename, link or unlink could report EEXIST or ENOENT for one's own work.
int RenameAt(int from_folder, const char* from, int to_folder, const char* to, unsigned flags, const Place& at) {
  return Run("renameat2", at, Interrupted::kReport, [&](std::size_t) { return ::renameat2(from_folder, from, to_folder, to, flags); });
}

int LinkAt(int from_folder, const char* from, int to_folder, const char* to, int flags, const Place& at) {
  return Run("linkat", at, Interrupted::kReport, [&](std::size_t) { return ::linkat(from_folder, from, to_folder, to, flags); });
}

int UnlinkAt(int folder, const char* path, int flags, const Place& at) {
  return Run("unlinkat", at, Interrupted::kReport, [&](std::size_t) { return ::unlinkat(folder, path, flags); });
}

int MkdirAt(int folder, const char* path, mode_t mode, const Place& at) {
  return Run("mkdirat", at, Interrupted::kReport, [&](std::size_t) { return ::mkdirat(folder, path, mode); });
}

int FChmod(int fd, mode_t mode, const Place& at) {
  return Run("fchmod", at, Interrupted::kRepeat, [&](std::size_t) { return ::fchmod(fd, mode); });
}

int FUtimens(int fd, const struct timespec times[2], const Place& at) {
  return Run("futimens", at, Interrupted::kRepeat, [&](std::size_t) { return ::futimens(fd, times); });
}

int FLock(int fd, int operation, const Place& at) {
  return Run("flock", at, Interrupted::kRepeat, [&](std::size_t) { return ::flock(fd, operation); });
}

int FSetXattr(int fd, const char* name, const void* value, std::size_t size, int flags, const Place& at) {
  return Run("fsetxattr", at, Interrupted::kRepeat, [&](std::size_t) { return ::fsetxattr(fd, name, value, size, flags); });
}

ssize_t FGetXattr(int fd, const char* name, void* value, std::size_t size, const Place& at) {
  return Run("fgetxattr", at, Interrupted::kRepeat, [&](std::size_t) { return ::fgetxattr(fd, name, value, size); });
}

int FStatVfs(int fd, struct statvfs* out, const Place& at) {
  return Run("fstatvfs", at, Interrupted::kRepeat, [&](std::size_t) { return ::fstatvfs(fd, out); });
}

DIR* FdOpenDir(int fd, const Place& at) {
  const Verdict verdict = Ask("fdopendir", at);
  if (verdict.error != 0) {  // the effect would be the loss of fd, which a caller that sees a failure still owns: never done
    errno = verdict.error;
    return nullptr;
  }
  return ::fdopendir(fd);
}

struct dirent* ReadDir(DIR* folder, const Place& at) {
  const Verdict verdict = Ask("readdir", at);
  if (verdict.error != 0) {
    errno = verdict.error;
    return nullptr;
  }
  errno = 0;
  return ::readdir(folder);
}

}  // namespace fileferry::sys
