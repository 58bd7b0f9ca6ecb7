// sys.h: every system call of the library goes through here, so that tests can make any of them fail (docs/testing.md).
//
// Same meaning and errno as the call of the same name; EINTR is retried inside where repeating is right.  The call's place in the source is its "site"; a hook
// sees each call before it is made.
// Without a hook the cost is one relaxed load.
#ifndef FILEFERRY_BASE_SYS_H_
#define FILEFERRY_BASE_SYS_H_

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace fileferry::sys {

// A place in the source, std::source_location for clang 14 too.
class Place {
 public:
  static constexpr Place current(const char* file = __builtin_FILE(), unsigned line = __builtin_LINE()) { return Place(file, line); }
  constexpr const char* file_name() const { return file_; }
  constexpr unsigned line() const { return line_; }

 private:
  constexpr Place(const char* file, unsigned line) : file_(file), line_(line) {}
  const char* file_;
  unsigned line_;
};

struct Site {
  const char* call;  // "openat", "http", "sqlite.step", ...
  const char* file;
  unsigned line;
};

// What a hook wants: nothing (all zero), a failure without the effect, a failure after the effect (a lost answer), or a shorter transfer.
struct Verdict {
  int error = 0;               // errno; for http and sqlite see their own headers
  bool after = false;          // do the work first, then fail
  std::size_t limit = SIZE_MAX;  // read and write: at most so many bytes
};

class IFaultHook {
 public:
  virtual ~IFaultHook() = default;
  virtual Verdict OnCall(const Site& site) = 0;  // any thread
};

extern std::atomic<IFaultHook*> g_hook;
// Tests only.  nullptr: none.  Not owned.
void SetFaultHook(IFaultHook* hook);
inline Verdict Ask(const char* call, const Place& at) {
  IFaultHook* hook = g_hook.load(std::memory_order_acquire);
  if (hook == nullptr) [[likely]] return {};
  return hook->OnCall(Site{call, at.file_name(), at.line()});
}

#define FF_SITE const Place& at = Place::current()
int OpenAt(int folder, const char* path, int flags, mode_t mode, FF_SITE);
// openat2(2) with RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS, and RESOLVE_NO_SYMLINKS unless follow; -1/ENOSYS where the kernel has none.
int OpenBeneath(int folder, const char* path, int flags, mode_t mode, bool follow, FF_SITE);
int Close(int fd, FF_SITE);
ssize_t Read(int fd, void* out, std::size_t size, FF_SITE);
ssize_t PRead(int fd, void* out, std::size_t size, off_t offset, FF_SITE);
ssize_t Write(int fd, const void* data, std::size_t size, FF_SITE);
ssize_t PWrite(int fd, const void* data, std::size_t size, off_t offset, FF_SITE);
ssize_t CopyFileRange(int from, off_t* from_offset, int to, off_t* to_offset, std::size_t size, FF_SITE);
int Fsync(int fd, FF_SITE);
int SyncFs(int fd, FF_SITE);
int FAllocate(int fd, off_t offset, off_t size, FF_SITE);   // fallocate, keeping the size: FALLOC_FL_KEEP_SIZE
int FTruncate(int fd, off_t size, FF_SITE);
int FStat(int fd, struct stat* out, FF_SITE);
int FStatAt(int folder, const char* path, struct stat* out, int flags, FF_SITE);
int RenameAt(int from_folder, const char* from, int to_folder, const char* to, unsigned flags, FF_SITE);  // renameat2
int LinkAt(int from_folder, const char* from, int to_folder, const char* to, int flags, FF_SITE);
int UnlinkAt(int folder, const char* path, int flags, FF_SITE);
int MkdirAt(int folder, const char* path, mode_t mode, FF_SITE);
int FChmod(int fd, mode_t mode, FF_SITE);
int FUtimens(int fd, const struct timespec times[2], FF_SITE);
int FLock(int fd, int operation, FF_SITE);   // flock(2)
int FSetXattr(int fd, const char* name, const void* value, std::size_t size, int flags, FF_SITE);
ssize_t FGetXattr(int fd, const char* name, void* value, std::size_t size, FF_SITE);
int FStatVfs(int fd, struct statvfs* out, FF_SITE);
DIR* FdOpenDir(int fd, FF_SITE);          // takes fd on success
struct dirent* ReadDir(DIR* folder, FF_SITE);  // errno tells the end (0) from a failure
#undef FF_SITE

}  // namespace fileferry::sys

#endif  // FILEFERRY_BASE_SYS_H_
