// memory.h: MemoryStorageProvider, for hosts' own tests.  Every capability but URLs; nothing survives the object.
#ifndef FILEFERRY_MEMORY_H
#define FILEFERRY_MEMORY_H

#include <memory>
#include <string>

#include "fileferry/config.h"
#include "fileferry/provider.h"

namespace fileferry {

class MemoryStorageProvider : public IStorageProvider {
 public:
  static std::unique_ptr<MemoryStorageProvider> Create(std::string name = "memory:");
  static Result<std::unique_ptr<MemoryStorageProvider>> FromConfig(const StorageConfig& config);

 protected:
  MemoryStorageProvider() = default;
};

}  // namespace fileferry

#endif  // FILEFERRY_MEMORY_H
