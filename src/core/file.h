// file.h: files on disk that core reads and writes beside objects.  Used by one thread at a time.
#ifndef FILEFERRY_CORE_FILE_H_
#define FILEFERRY_CORE_FILE_H_

#include <memory>
#include <string>

#include "base/unique_fd.h"
#include "fileferry/provider.h"

namespace fileferry {

// A source over an open regular file, from its first byte; see FileSource in ops.h.  `name` is for messages.
Result<std::unique_ptr<ISource>> SourceOverFile(UniqueFd fd, std::string name);

// All of bytes to the descriptor, at offset (or, when negative, at its position).
Status WriteFully(int fd, Bytes bytes, std::int64_t offset, std::string_view name);

// A nameless file in the folder for temporary files, which vanishes when it is closed.
Result<UniqueFd> NamelessFile();

}  // namespace fileferry

#endif  // FILEFERRY_CORE_FILE_H_
