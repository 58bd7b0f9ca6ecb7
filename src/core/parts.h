// parts.h: sending one object in parts, several at a time.  The way of the bytes is a feed; the rest (upload id, digests, abort) is the same for all.
#ifndef FILEFERRY_CORE_PARTS_H_
#define FILEFERRY_CORE_PARTS_H_

#include <cstdint>
#include <memory>
#include <optional>

#include "fileferry/ops.h"

namespace fileferry {

// Bytes of the next part.  `source` lives on its own until the part is sent.
struct Piece {
  PartSpec spec;
  std::unique_ptr<ISource> source;
  std::optional<Bytes> bytes;      // where they are in memory
  std::uint64_t memory = 0;        // that the piece holds while it is sent
};

// Gives the parts in order.  Called by one thread at a time.
class IPartFeed {
 public:
  virtual ~IPartFeed() = default;
  // The next part; absent at the end.  A feed gives at least one part.
  virtual Result<std::optional<Piece>> Next() = 0;
  virtual std::uint64_t memory_of_next() const = 0;
  // At the end: digests of all bytes, as far as the feed computed them.
  virtual DigestSet digests() = 0;
};

// One part after the other out of a source, each copied into memory unless the source lies there.  `size` absent: parts grow, so that max_parts suffice.
// `digests` are computed as the bytes are read (CRC-64 comes from the parts).
std::unique_ptr<IPartFeed> SequentialFeed(ISource& source, std::optional<std::uint64_t> size, std::uint64_t part_size, const Capabilities& caps, DigestMask digests);
// Ranges of one version of an object, got by whoever sends the part.
std::unique_ptr<IPartFeed> RangeFeed(IStorageProvider& from, const OpContext& ctx, std::string key, const ObjectInfo& info, std::uint64_t part_size);

// Creates an upload, sends what the feed gives on up to `width` threads, and completes it; aborts it on failure.  `part_size` is 0 when parts grow.
Result<ObjectInfo> SendParts(IStorageProvider& to, const OpContext& ctx, std::string_view key, IPartFeed& feed, const PutOptions& options, std::optional<std::uint64_t> size,
                             std::uint64_t part_size, int width);

// The same by copies inside the service.
Result<ObjectInfo> CopyParts(IStorageProvider& to, const OpContext& ctx, std::string_view key, const Location& from, const ObjectInfo& source, const PutOptions& options,
                             std::uint64_t part_size, int width);

// Whether an answer agrees with what is known of the bytes; completes its digests.
Result<ObjectInfo> CheckStored(ObjectInfo info, const DigestSet& known, std::uint64_t size);

}  // namespace fileferry

#endif  // FILEFERRY_CORE_PARTS_H_
