// object.cc: the value types of object.h and options.h.  No shared state; any thread.
#include "fileferry/object.h"

#include <algorithm>

#include "base/clock.h"
#include "base/text.h"
#include "fileferry/options.h"

namespace fileferry {
namespace {

struct KindRow {
  DigestKind kind;
  std::size_t size;
  std::string_view name;
};
constexpr KindRow kKinds[] = {
    {DigestKind::kCrc64Nvme, 8, "crc64"}, {DigestKind::kMd5, 16, "md5"}, {DigestKind::kSha256, 32, "sha256"}, {DigestKind::kCrc32c, 4, "crc32c"},
    {DigestKind::kCrc32, 4, "crc32"},     {DigestKind::kSha1, 20, "sha1"},
};

}  // namespace

Status CheckKeyBytes(std::string_view key) {
  if (key.empty()) return Status(Code::kInvalidArgument, "the key is empty; a key has 1 to 1024 bytes");
  if (key.size() > 1024) return Status(Code::kInvalidArgument, "the key has " + std::to_string(key.size()) + " bytes; a key has 1 to 1024 bytes");
  if (key.find('\0') != std::string_view::npos) return Status(Code::kInvalidArgument, "the key contains a NUL byte");
  if (!IsValidUtf8(key)) return Status(Code::kInvalidArgument, "the key is not valid UTF-8");
  return {};
}

std::size_t DigestSize(DigestKind kind) {
  switch (kind) {
    case DigestKind::kCrc64Nvme: return 8;
    case DigestKind::kMd5: return 16;
    case DigestKind::kSha256: return 32;
    case DigestKind::kCrc32c:
    case DigestKind::kCrc32: return 4;
    case DigestKind::kSha1: return 20;
  }
  return 0;
}

std::string_view DigestName(DigestKind kind) {
  for (const KindRow& row : kKinds) {
    if (row.kind == kind) return row.name;
  }
  return "unknown";
}

std::optional<DigestKind> DigestKindFromName(std::string_view name) {
  if (EqualsIgnoreCase(name, "crc64nvme")) return DigestKind::kCrc64Nvme;
  for (const KindRow& row : kKinds) {
    if (EqualsIgnoreCase(row.name, name)) return row.kind;
  }
  return std::nullopt;
}

void DigestSet::Set(const Digest& digest) {
  for (std::size_t i = 0; i < count_; ++i) {
    if (digests_[i].kind == digest.kind) {
      digests_[i] = digest;
      return;
    }
  }
  if (count_ < digests_.size()) digests_[count_++] = digest;
}

const Digest* DigestSet::Find(DigestKind kind) const {
  const Digest* found = std::find_if(begin(), end(), [kind](const Digest& digest) { return digest.kind == kind; });
  return found == end() ? nullptr : found;
}

DigestMask DigestSet::mask() const {
  unsigned mask = 0;
  for (const Digest& digest : *this) mask |= MaskOf(digest.kind);
  return static_cast<DigestMask>(mask);
}

DigestMatch Compare(const DigestSet& a, const DigestSet& b) {
  DigestMatch match = DigestMatch::kNothingInCommon;
  for (const Digest& digest : a) {
    const Digest* other = b.Find(digest.kind);
    if (other == nullptr) continue;
    if (!(digest == *other)) return DigestMatch::kDifferent;
    match = DigestMatch::kEqual;
  }
  return match;
}

DigestSet ConfirmedDigests(const ObjectInfo& info) {
  DigestSet confirmed;
  for (const Digest& digest : info.digests) {
    if ((info.confirmed & MaskOf(digest.kind)) != 0) confirmed.Set(digest);
  }
  return confirmed;
}

std::string ToHex(Bytes bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out(bytes.size() * 2, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const unsigned value = std::to_integer<unsigned>(bytes[i]);
    out[2 * i] = kDigits[value >> 4];
    out[2 * i + 1] = kDigits[value & 15];
  }
  return out;
}

std::string ToBase64(Bytes bytes) {
  static constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t left = std::min<std::size_t>(3, bytes.size() - i);
    unsigned group = std::to_integer<unsigned>(bytes[i]) << 16;
    if (left > 1) group |= std::to_integer<unsigned>(bytes[i + 1]) << 8;
    if (left > 2) group |= std::to_integer<unsigned>(bytes[i + 2]);
    out.push_back(kDigits[group >> 18]);
    out.push_back(kDigits[(group >> 12) & 63]);
    out.push_back(left > 1 ? kDigits[(group >> 6) & 63] : '=');
    out.push_back(left > 2 ? kDigits[group & 63] : '=');
  }
  return out;
}

std::string_view StringArena::Add(std::string_view text) {
  if (text.empty()) return {};
  char* place = Reserve(text.size());
  std::memcpy(place, text.data(), text.size());
  return {place, text.size()};
}

char* StringArena::Reserve(std::size_t size) {
  if (size > kBlock / 4) {  // a block of its own, before the block that is being filled
    auto block = std::make_unique_for_overwrite<char[]>(size);
    char* place = block.get();
    blocks_.insert(blocks_.begin(), std::move(block));
    if (blocks_.size() == 1) used_ = kBlock;
    return place;
  }
  if (blocks_.empty() || kBlock - used_ < size) {
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(kBlock));
    used_ = 0;
  }
  char* place = blocks_.back().get() + used_;
  used_ += size;
  return place;
}

void StringArena::Clear() {
  blocks_.clear();
  used_ = kBlock;
}

Status OpContext::Check() const {
  if (cancelled()) return Status(Code::kCancelled, "the operation was cancelled");
  if (deadline != Clock::time_point::max() && SteadyNow() >= deadline) return Status(Code::kTimeout, "the deadline passed before the operation was done");
  return {};
}

std::string_view HttpMethodName(HttpMethod method) {
  switch (method) {
    case HttpMethod::kGet: return "GET";
    case HttpMethod::kPut: return "PUT";
    case HttpMethod::kHead: return "HEAD";
    case HttpMethod::kPost: return "POST";
    case HttpMethod::kDelete: return "DELETE";
  }
  return "GET";
}

}  // namespace fileferry
