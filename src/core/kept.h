// kept.h: the bytes of a whole read against the digests that are kept for the object.  Any thread; blocks where it says so.
#ifndef FILEFERRY_CORE_KEPT_H_
#define FILEFERRY_CORE_KEPT_H_

#include "fileferry/ops.h"

namespace fileferry {

// What has to be computed besides `computed`, so that a whole read can be compared with what is kept of the object: nothing where that is in it already.
DigestMask ToCompare(const ObjectInfo& info, DigestMask computed);

// Whether the bytes that a reader of `info` got, whose digests are `computed`, are the object's: OK, and *info has these digests; or kIntegrity.  Asks nothing where the storage
// itself answers for a digest, or where all agree.  Where only a record written beside the bytes says otherwise, the object may have been replaced by a program that kept
// our metadata: then the provider is asked, by a whole read of that version, and what it says counts.
Status CheckKept(IStorageProvider& provider, const OpContext& ctx, std::string_view key, const DigestSet& computed, ObjectInfo* info);

}  // namespace fileferry

#endif  // FILEFERRY_CORE_KEPT_H_
