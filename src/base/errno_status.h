// errno_status.h: errno to Status, classified once for the whole library.
#ifndef FILEFERRY_BASE_ERRNO_STATUS_H_
#define FILEFERRY_BASE_ERRNO_STATUS_H_

#include <string>
#include <string_view>

#include "fileferry/status.h"

namespace fileferry {

// ENOSPC, EDQUOT -> kQuotaExceeded; EACCES, EPERM, EROFS -> kPermissionDenied; ENOENT -> kNotFound; EEXIST -> kAlreadyExists; EIO, EMFILE, ENFILE, ... ->
// kUnavailable; ENOMEM -> kInternal; ENAMETOOLONG, ELOOP, ENOTDIR, EISDIR -> kInvalidArgument.  The message is "<what>: <text of errno>" with a mend where
// there is one; service_code the errno's name.
Status ErrnoStatus(int error, std::string_view what);
std::string_view ErrnoName(int error);  // "ENOSPC"

}  // namespace fileferry

#endif  // FILEFERRY_BASE_ERRNO_STATUS_H_
