// mapping_file.h: the map "file:PATH" of mapping.h.
#ifndef FILEFERRY_TRANSFER_MAPPING_FILE_H_
#define FILEFERRY_TRANSFER_MAPPING_FILE_H_

#include <memory>
#include <string>

#include "transfer/mapping.h"

namespace fileferry {

// Reads the file once.  kInvalidArgument naming the line of what cannot be used: no tab or several, an empty side, no key, a source that comes twice.
Result<std::shared_ptr<const KeyMap>> OpenMappingFile(const std::string& rule, const std::string& path);

}  // namespace fileferry

#endif  // FILEFERRY_TRANSFER_MAPPING_FILE_H_
