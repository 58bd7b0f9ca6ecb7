// digest.h: digests over streams of bytes, for people who write providers: PutOptions::digests and ::expected, GetOptions::digests.
#ifndef FILEFERRY_DIGEST_H
#define FILEFERRY_DIGEST_H

#include <cstdint>
#include <memory>

#include "fileferry/object.h"

namespace fileferry {

// Several digests over one stream.  One thread at a time.  A mask of CRC-64 alone does not allocate.
class Hasher {
 public:
  explicit Hasher(DigestMask kinds);
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;
  void Update(Bytes bytes);
  std::uint64_t count() const { return count_; }
  DigestSet Finish();  // of everything so far; Update may go on
  void Reset();

 private:
  struct Evp;
  DigestMask kinds_;
  std::uint64_t count_ = 0;
  std::uint64_t crc64_ = 0;
  std::uint32_t crc32c_ = 0, crc32_ = 0;
  std::unique_ptr<Evp> evp_;
};

}  // namespace fileferry

#endif  // FILEFERRY_DIGEST_H
