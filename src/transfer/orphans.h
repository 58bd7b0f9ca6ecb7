// orphans.h: uploads in parts that were asked for and whose ids nobody knows: the process was killed before the answer was written down, or the answer was lost.
//
// Any thread.
#ifndef FILEFERRY_TRANSFER_ORPHANS_H_
#define FILEFERRY_TRANSFER_ORPHANS_H_

#include <cstdint>

#include "transfer/setup.h"

namespace fileferry {

// Aborts those that the recorder says were asked for; how many.  Listed once, and only where any was.  An upload is taken for one of them only where all of this holds:
//  - it is at exactly the key that was asked for, and was begun about then;
//  - it has no parts: an id is written down before its first part is sent;
//  - its id is not in the journal;
//  - the key holds what this migration wrote (not asked with `everywhere`: for those who want nothing of the migration to be left).
// Every other one may be an application's, and stays.
Result<std::uint64_t> AbortLostUploads(const OpContext& ctx, const Setup& setup, bool everywhere);

}  // namespace fileferry

#endif  // FILEFERRY_TRANSFER_ORPHANS_H_
