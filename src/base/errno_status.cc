// errno_status.cc: the one table from errno to Status.  No state; any thread.
#include "base/errno_status.h"

#include <cerrno>
#include <cstring>

namespace fileferry {
namespace {

struct Row {
  int error;
  std::string_view name;
  Code code;
  std::string_view mend;
};

#define FF_ROW(error, code, mend) {error, #error, Code::code, mend}
constexpr Row kRows[] = {
    FF_ROW(ENOSPC, kQuotaExceeded, "free space on the device"),
    FF_ROW(EDQUOT, kQuotaExceeded, "free space or raise the quota"),
    FF_ROW(EFBIG, kQuotaExceeded, "the file system or a limit of the process allows no larger file"),
    FF_ROW(EACCES, kPermissionDenied, "check the owner and mode of the file and its folders"),
    FF_ROW(EPERM, kPermissionDenied, "check the owner and attributes of the file"),
    FF_ROW(EROFS, kPermissionDenied, "mount it read-write"),
    FF_ROW(ENOENT, kNotFound, ""),
    FF_ROW(EEXIST, kAlreadyExists, ""),
    FF_ROW(EIO, kUnavailable, "check the device"),
    FF_ROW(ESTALE, kUnavailable, "the file server lost the file; mount it again"),
    FF_ROW(EMFILE, kUnavailable, "raise the limit of open files (ulimit -n)"),
    FF_ROW(ENFILE, kUnavailable, "raise the system's limit of open files (fs.file-max)"),
    FF_ROW(EAGAIN, kUnavailable, ""),
    FF_ROW(EBUSY, kUnavailable, ""),
    FF_ROW(ETXTBSY, kUnavailable, ""),
    FF_ROW(EINTR, kUnavailable, ""),
    FF_ROW(ENODEV, kUnavailable, ""),
    FF_ROW(ENXIO, kUnavailable, ""),
    FF_ROW(ENOTCONN, kUnavailable, ""),
    FF_ROW(ECONNREFUSED, kUnavailable, ""),
    FF_ROW(ECONNRESET, kUnavailable, ""),
    FF_ROW(EHOSTUNREACH, kUnavailable, ""),
    FF_ROW(EHOSTDOWN, kUnavailable, ""),
    FF_ROW(ENETUNREACH, kUnavailable, ""),
    FF_ROW(EPIPE, kUnavailable, ""),
    FF_ROW(EREMOTEIO, kUnavailable, "check the device"),
    FF_ROW(EUCLEAN, kUnavailable, "check the file system"),
    FF_ROW(ENOLCK, kUnavailable, ""),
    FF_ROW(EDEADLK, kUnavailable, ""),
    FF_ROW(ETIMEDOUT, kTimeout, ""),
    FF_ROW(ECANCELED, kCancelled, ""),
    FF_ROW(ENOMEM, kInternal, ""),
    FF_ROW(EBADF, kInternal, ""),
    FF_ROW(EFAULT, kInternal, ""),
    FF_ROW(EINVAL, kInvalidArgument, ""),
    FF_ROW(ENAMETOOLONG, kInvalidArgument, "shorten the name"),
    FF_ROW(EILSEQ, kInvalidArgument, "the file system cannot hold this name"),
    FF_ROW(ELOOP, kInvalidArgument, "a symbolic link is in the way"),
    FF_ROW(EMLINK, kInvalidArgument, ""),
    FF_ROW(ENOTDIR, kInvalidArgument, "a file is in the way of a folder"),
    FF_ROW(EISDIR, kInvalidArgument, "a folder is in the way of a file"),
    FF_ROW(ENOTEMPTY, kInvalidArgument, "the folder is not empty"),
    FF_ROW(EXDEV, kInvalidArgument, "the two names lie on different file systems, or outside the folder"),
    FF_ROW(EOVERFLOW, kInvalidArgument, ""),
    FF_ROW(ERANGE, kInvalidArgument, ""),
    FF_ROW(E2BIG, kInvalidArgument, ""),
    FF_ROW(ESPIPE, kInvalidArgument, ""),
    FF_ROW(ENOSYS, kUnsupported, "the kernel has no such call"),
    FF_ROW(ENOTSUP, kUnsupported, "the file system has no such operation"),
    FF_ROW(ENOTTY, kUnsupported, ""),
    FF_ROW(ENODATA, kNotFound, ""),
};
#undef FF_ROW

const Row* RowOf(int error) {
  for (const Row& row : kRows) {
    if (row.error == error) return &row;
  }
  return nullptr;
}

// strerror_r has two signatures (GNU and POSIX); the overloads take whichever is there.
[[maybe_unused]] std::string_view TextOf(const char* result, const char*) { return result; }
[[maybe_unused]] std::string_view TextOf(int result, const char* buffer) { return result == 0 ? buffer : "unknown error"; }

}  // namespace

std::string_view ErrnoName(int error) {
  const Row* row = RowOf(error);
  return row == nullptr ? "errno" : row->name;
}

Status ErrnoStatus(int error, std::string_view what) {
  const Row* row = RowOf(error);
  const Code code = row == nullptr ? Code::kUnavailable : row->code;
  char buffer[128] = "";
  const std::string_view text = TextOf(strerror_r(error, buffer, sizeof buffer), buffer);
  std::string message(what);
  if (!message.empty()) message += ": ";
  message += text;
  if (row != nullptr && !row->mend.empty()) message.append("; ").append(row->mend);
  Status status(code, std::move(message));
  ErrorDetail detail = status.detail();
  detail.service_code = row == nullptr ? "errno " + std::to_string(error) : std::string(row->name);
  return Status(std::move(detail));
}

}  // namespace fileferry
