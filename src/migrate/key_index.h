// key_index.h: the engine's index of keys, kept in a temporary SQLite file.
#ifndef FILEFERRY_MIGRATE_KEY_INDEX_H_
#define FILEFERRY_MIGRATE_KEY_INDEX_H_

#include "transfer/index.h"

namespace fileferry {

Result<std::unique_ptr<IKeyIndex>> NewKeyIndex();

}  // namespace fileferry

#endif  // FILEFERRY_MIGRATE_KEY_INDEX_H_
