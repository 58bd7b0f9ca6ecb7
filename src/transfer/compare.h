// compare.h: whether two stored objects hold the same bytes, found out as cheaply as is certain.  Any thread.
#ifndef FILEFERRY_TRANSFER_COMPARE_H_
#define FILEFERRY_TRANSFER_COMPARE_H_

#include <string>

#include "transfer/setup.h"

namespace fileferry {

enum class Content : std::uint8_t { kEqual, kEqualByTime, kDifferent, kUnknown };

// Which evidence is asked for.
struct Evidence {
  bool by_time = true;    // the same size and recorded time is enough where no digest is kept by both
  bool read_both = false; // nothing but the bytes themselves
  bool properties = false;
  bool may_read = true;   // bytes are read where nothing else tells; otherwise the answer is kUnknown there
};

struct Comparison {
  Content content = Content::kDifferent;
  std::string why;        // of kDifferent, for people
  std::optional<Digest> digest;  // of kEqual: what both have
};

// The digest of a stored object's bytes, by reading them.
Result<Digest> ReadDigest(const OpContext& ctx, const Setup& setup, const Side& side, const std::string& full_key, DigestKind kind, const std::string& if_match);

// Whether two objects of one side, which were asked for just now, hold the same bytes: by digests that the storage vouches for, else by reading both.
Result<bool> SameBytes(const OpContext& ctx, const Setup& setup, const Side& side, const std::string& key_a, const ObjectInfo& a, const std::string& key_b, const ObjectInfo& b);

// Compares two objects that were asked for just now; reads bytes only where nothing else tells.  A status of the source's side carries operation "compare source".
Result<Comparison> CompareObjects(const OpContext& ctx, const Setup& setup, const std::string& source_key, const ObjectInfo& source, const std::string& destination_key,
                                  const ObjectInfo& destination, const Evidence& evidence);

}  // namespace fileferry

#endif  // FILEFERRY_TRANSFER_COMPARE_H_
