// lock.h: at most one process, and in it one owner, works on a journal.  The lock goes with the process, however that ends, and not to its children.
#ifndef FILEFERRY_JOURNAL_LOCK_H_
#define FILEFERRY_JOURNAL_LOCK_H_

#include <sys/types.h>

#include <memory>
#include <string>

#include "base/unique_fd.h"
#include "fileferry/status.h"

namespace fileferry {

class JournalLock {
 public:
  // Takes the lock of the file `path` (made with mode 0600).  kBusy naming the holder's process id.
  static Result<std::unique_ptr<JournalLock>> Take(const std::string& path);
  // The process that holds it; 0: nobody.  A failure when that cannot be known.
  static Result<pid_t> Holder(const std::string& path);
  ~JournalLock();
  JournalLock(const JournalLock&) = delete;
  JournalLock& operator=(const JournalLock&) = delete;

 private:
  JournalLock(UniqueFd fd, dev_t device, ino_t inode);
  UniqueFd fd_;
  const dev_t device_;
  const ino_t inode_;
  const pid_t pid_;
};

}  // namespace fileferry

#endif  // FILEFERRY_JOURNAL_LOCK_H_
