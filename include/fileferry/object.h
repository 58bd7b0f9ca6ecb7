// object.h: what a storage knows about an object: its key, size, version tokens, digests and properties.
//
// All types are plain values.  A key is bytes: valid UTF-8, 1 to 1024 bytes, without NUL, otherwise opaque; "a//b", "/x",
// "..", "dir/" are legal keys and different from each other.
#ifndef FILEFERRY_OBJECT_H
#define FILEFERRY_OBJECT_H

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fileferry/status.h"

namespace fileferry {

// A point in time, UTC, in nanoseconds since 1970.
using Time = std::chrono::sys_time<std::chrono::nanoseconds>;
using Bytes = std::span<const std::byte>;

inline Bytes AsBytes(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }
inline std::string_view AsText(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

// OK, or kInvalidArgument that says which rule the key breaks.
Status CheckKeyBytes(std::string_view key);

// A digest algorithm.  The values are bits, so that sets of them can be written as masks.
enum class DigestKind : std::uint8_t { kCrc64Nvme = 1, kMd5 = 2, kSha256 = 4, kCrc32c = 8, kCrc32 = 16, kSha1 = 32 };
using DigestMask = std::uint8_t;
constexpr DigestMask MaskOf(DigestKind kind) { return static_cast<DigestMask>(kind); }
std::size_t DigestSize(DigestKind kind);            // in bytes: 8, 16, 32, 4, 4, 20
std::string_view DigestName(DigestKind kind);       // "crc64", "md5", "sha256", "crc32c", "crc32", "sha1"
std::optional<DigestKind> DigestKindFromName(std::string_view name);  // also "crc64nvme"

// The digest of a whole object's bytes.  CRCs are stored big-endian, as S3 writes them.
struct Digest {
  DigestKind kind = DigestKind::kCrc64Nvme;
  std::array<std::byte, 32> bytes{};
  Bytes value() const { return {bytes.data(), DigestSize(kind)}; }
  friend bool operator==(const Digest& a, const Digest& b) {
    return a.kind == b.kind && std::memcmp(a.bytes.data(), b.bytes.data(), DigestSize(a.kind)) == 0;
  }
};

// At most one digest of each kind, without allocation.
class DigestSet {
 public:
  void Set(const Digest& digest);                    // replaces one of the same kind
  const Digest* Find(DigestKind kind) const;         // nullptr when absent
  DigestMask mask() const;
  bool empty() const { return count_ == 0; }
  const Digest* begin() const { return digests_.data(); }
  const Digest* end() const { return digests_.data() + count_; }

 private:
  std::array<Digest, 6> digests_{};
  std::uint8_t count_ = 0;
};

enum class DigestMatch { kEqual, kDifferent, kNothingInCommon };
DigestMatch Compare(const DigestSet& a, const DigestSet& b);

std::string ToHex(Bytes bytes);
std::string ToBase64(Bytes bytes);

// What belongs to an object besides its bytes; carried by copies and compared by verification.  An empty text means "not set".
struct Properties {
  std::string content_type;
  std::string cache_control;
  std::string content_disposition;
  std::string content_encoding;
  std::string content_language;
  std::optional<Time> mtime;  // when the content was last modified where it came from
  // User metadata.  Names are lower-case; values are UTF-8 without control characters.  Names that begin with "ferry-", and "mtime", are reserved.
  std::map<std::string, std::string> metadata;
  // Carried only where asked for (they need requests or rights of their own).
  std::string acl;  // a canned ACL: "private", "public-read", ...
  std::map<std::string, std::string> tags;
  // Of the storage, not of the content: set by configuration or request, not compared by verification.
  std::string storage_class;
  std::string sse;          // "AES256", "aws:kms", ...
  std::string sse_kms_key;  // key id for "aws:kms"
  friend bool operator==(const Properties&, const Properties&) = default;
};

struct ObjectInfo {
  std::string key;
  std::uint64_t size = 0;
  std::optional<Time> modified;  // when the storage last changed the object, by the storage's clock
  std::string etag;              // an opaque "unchanged?" token, exactly as the storage writes it (quotes included); may be empty
  std::string version_id;        // where the storage keeps versions
  Properties properties;
  DigestSet digests;             // of the whole object: computed on the way to or from the storage, or known there
  // Those of `digests` that the storage computed or checked itself.  The others that it tells are a record that was written beside the bytes: what a read must find, never a proof.
  DigestMask confirmed = 0;
  std::string attempt_id;        // reserved metadata: who wrote it (see PutOptions::attempt_id)
};

// Those of info.digests that the storage answers for.
DigestSet ConfirmedDigests(const ObjectInfo& info);

// One line of a listing.  The texts live in the page that owns the entry.
struct ListEntry {
  std::string_view key;
  std::string_view etag;           // empty where a listing does not tell
  std::string_view storage_class;  // empty where a listing does not tell
  std::uint64_t size = 0;
  std::optional<Time> modified;
  bool is_prefix = false;          // a common prefix ("folder") of a delimited listing; key ends with the delimiter
};

// Owns the bytes of many short texts; views into it stay valid as long as it lives.  Not thread-safe.
class StringArena {
 public:
  std::string_view Add(std::string_view text);
  // Room for size bytes that the caller fills.
  char* Reserve(std::size_t size);
  void Clear();

 private:
  static constexpr std::size_t kBlock = std::size_t{64} << 10;
  std::vector<std::unique_ptr<char[]>> blocks_;
  std::size_t used_ = kBlock;
};

// Something at the storage that a listing cannot tell of as an object; see ListQuery::name_problems.
struct ListProblem {
  std::string key;  // for people: of the object, or, ending in '/', what all keys of a folder begin with; it may be none that the storage can be asked for
  Status status;
};

// One page of a listing.  Movable; entries stay valid when the page is moved.
struct ListPage {
  std::vector<ListEntry> entries;
  std::string next_token;  // empty: this was the last page.  Valid across process restarts
  StringArena arena;       // owns the texts of entries
  // What was passed over, for the report: symbolic links, and folders without any object below.
  std::uint64_t skipped_links = 0;
  std::uint64_t empty_folders = 0;
  std::vector<std::string> notes;  // one line each about what could not be listed as an object (sockets, devices ...)
  std::vector<ListProblem> problems;  // only with ListQuery::name_problems
};

}  // namespace fileferry

#endif  // FILEFERRY_OBJECT_H
