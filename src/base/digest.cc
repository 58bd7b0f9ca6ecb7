// digest.cc: Hasher, one-shot digests and HMAC over OpenSSL's block functions, and the texts of digests.
//
// The SHA and MD5 functions are used directly and not through EVP: they work in place, so that they allocate nothing, look up no provider, cannot fail, and
// cost a fifth for the short texts of request signing.  They are the same accelerated code.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/digest.h"

#include <openssl/crypto.h>
#include <openssl/md5.h>
#include <openssl/sha.h>

namespace fileferry {
namespace {

constexpr bool Has(DigestMask mask, DigestKind kind) { return (mask & MaskOf(kind)) != 0; }

unsigned char* Raw(std::byte* bytes) { return reinterpret_cast<unsigned char*>(bytes); }

Digest BigEndian(DigestKind kind, std::uint64_t value) {
  Digest digest;
  digest.kind = kind;
  const std::size_t size = DigestSize(kind);
  for (std::size_t i = 0; i < size; ++i) digest.bytes[i] = static_cast<std::byte>(value >> (8 * (size - 1 - i)) & 0xff);
  return digest;
}

std::optional<Digest> DigestFromBytes(DigestKind kind, const std::optional<std::string>& bytes) {
  if (!bytes || bytes->size() != DigestSize(kind)) return std::nullopt;
  Digest digest;
  digest.kind = kind;
  std::memcpy(digest.bytes.data(), bytes->data(), bytes->size());
  return digest;
}

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

int Base64Value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  if (c == '/') return 63;
  return -1;
}

}  // namespace

Digest Crc64Digest(std::uint64_t crc) { return BigEndian(DigestKind::kCrc64Nvme, crc); }

std::uint64_t Crc64Value(const Digest& digest) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i) value = value << 8 | std::to_integer<std::uint64_t>(digest.bytes[i]);
  return value;
}

struct Hasher::Evp {
  MD5_CTX md5;
  SHA256_CTX sha256;
  SHA_CTX sha1;
  void Init() {
    MD5_Init(&md5);
    SHA256_Init(&sha256);
    SHA1_Init(&sha1);
  }
};

Hasher::Hasher(DigestMask kinds) : kinds_(kinds) {
  if (Has(kinds, DigestKind::kMd5) || Has(kinds, DigestKind::kSha256) || Has(kinds, DigestKind::kSha1)) {
    evp_ = std::make_unique<Evp>();
    evp_->Init();
  }
}

Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

void Hasher::Update(Bytes bytes) {
  count_ += bytes.size();
  // Piece by piece, so that the bytes are still in the cache for the second digest.
  constexpr std::size_t kPiece = std::size_t{32} << 10;
  while (!bytes.empty()) {
    const Bytes piece = bytes.first(std::min(bytes.size(), kPiece));
    bytes = bytes.subspan(piece.size());
    if (Has(kinds_, DigestKind::kCrc64Nvme)) crc64_ = Crc64Nvme(crc64_, piece);
    if (Has(kinds_, DigestKind::kCrc32c)) crc32c_ = Crc32c(crc32c_, piece);
    if (Has(kinds_, DigestKind::kCrc32)) crc32_ = Crc32(crc32_, piece);
    if (Has(kinds_, DigestKind::kMd5)) MD5_Update(&evp_->md5, piece.data(), piece.size());
    if (Has(kinds_, DigestKind::kSha256)) SHA256_Update(&evp_->sha256, piece.data(), piece.size());
    if (Has(kinds_, DigestKind::kSha1)) SHA1_Update(&evp_->sha1, piece.data(), piece.size());
  }
}

DigestSet Hasher::Finish() {
  DigestSet set;
  if (Has(kinds_, DigestKind::kCrc64Nvme)) set.Set(Crc64Digest(crc64_));
  if (Has(kinds_, DigestKind::kCrc32c)) set.Set(BigEndian(DigestKind::kCrc32c, crc32c_));
  if (Has(kinds_, DigestKind::kCrc32)) set.Set(BigEndian(DigestKind::kCrc32, crc32_));
  if (evp_ == nullptr) return set;
  Evp last = *evp_;  // finishing changes the state; Update may go on
  Digest digest;
  if (Has(kinds_, DigestKind::kMd5)) {
    digest.kind = DigestKind::kMd5;
    MD5_Final(Raw(digest.bytes.data()), &last.md5);
    set.Set(digest);
  }
  if (Has(kinds_, DigestKind::kSha256)) {
    digest.kind = DigestKind::kSha256;
    SHA256_Final(Raw(digest.bytes.data()), &last.sha256);
    set.Set(digest);
  }
  if (Has(kinds_, DigestKind::kSha1)) {
    digest.kind = DigestKind::kSha1;
    SHA1_Final(Raw(digest.bytes.data()), &last.sha1);
    set.Set(digest);
  }
  return set;
}

void Hasher::Reset() {
  count_ = 0;
  crc64_ = 0;
  crc32c_ = crc32_ = 0;
  if (evp_ != nullptr) evp_->Init();
}

Digest Md5(Bytes bytes) {
  Digest digest;
  digest.kind = DigestKind::kMd5;
  MD5_CTX context;
  MD5_Init(&context);
  MD5_Update(&context, bytes.data(), bytes.size());
  MD5_Final(Raw(digest.bytes.data()), &context);
  return digest;
}

Digest Sha256(Bytes bytes) {
  Digest digest;
  digest.kind = DigestKind::kSha256;
  SHA256_CTX context;
  SHA256_Init(&context);
  SHA256_Update(&context, bytes.data(), bytes.size());
  SHA256_Final(Raw(digest.bytes.data()), &context);
  return digest;
}

std::string Sha256Hex(Bytes bytes) { return ToHex(Sha256(bytes).value()); }

std::array<std::byte, 32> HmacSha256(Bytes key, Bytes data) {
  constexpr std::size_t kBlock = 64;
  std::array<std::byte, kBlock> pad{};
  if (key.size() > kBlock) {
    const Digest hashed = Sha256(key);
    std::memcpy(pad.data(), hashed.bytes.data(), 32);
  } else if (!key.empty()) {
    std::memcpy(pad.data(), key.data(), key.size());
  }
  std::array<std::byte, 32> out{};
  SHA256_CTX context;
  for (std::byte& byte : pad) byte ^= std::byte{0x36};
  SHA256_Init(&context);
  SHA256_Update(&context, pad.data(), pad.size());
  SHA256_Update(&context, data.data(), data.size());
  SHA256_Final(Raw(out.data()), &context);
  for (std::byte& byte : pad) byte ^= std::byte{0x36 ^ 0x5c};
  SHA256_Init(&context);
  SHA256_Update(&context, pad.data(), pad.size());
  SHA256_Update(&context, out.data(), out.size());
  SHA256_Final(Raw(out.data()), &context);
  OPENSSL_cleanse(pad.data(), pad.size());
  OPENSSL_cleanse(&context, sizeof context);
  return out;
}

std::optional<std::string> FromHex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string out;
  out.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = HexValue(text[i]), low = HexValue(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out.push_back(static_cast<char>(high * 16 + low));
  }
  return out;
}

std::optional<std::string> FromBase64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t digits = text.size();
  while (digits > 0 && text.size() - digits < 2 && text[digits - 1] == '=') --digits;
  std::string out;
  out.reserve(text.size() / 4 * 3);
  std::uint32_t group = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    const int value = Base64Value(text[i]);
    if (value < 0) return std::nullopt;
    group = group << 6 | static_cast<std::uint32_t>(value);
    if (i % 4 != 3) continue;
    out.push_back(static_cast<char>(group >> 16 & 0xff));
    out.push_back(static_cast<char>(group >> 8 & 0xff));
    out.push_back(static_cast<char>(group & 0xff));
    group = 0;
  }
  const std::size_t rest = digits % 4;  // bits that belong to no byte must be zero: one text for one value
  if (rest == 2) {
    if ((group & 0xf) != 0) return std::nullopt;
    out.push_back(static_cast<char>(group >> 4 & 0xff));
  } else if (rest == 3) {
    if ((group & 0x3) != 0) return std::nullopt;
    out.push_back(static_cast<char>(group >> 10 & 0xff));
    out.push_back(static_cast<char>(group >> 2 & 0xff));
  }
  return out;
}

std::optional<DigestKind> CheapestOf(DigestMask mask) {
  for (const DigestKind kind : {DigestKind::kCrc64Nvme, DigestKind::kCrc32c, DigestKind::kCrc32, DigestKind::kMd5, DigestKind::kSha1, DigestKind::kSha256}) {
    if (Has(mask, kind)) return kind;
  }
  return std::nullopt;
}

std::optional<Digest> DigestFromBase64(DigestKind kind, std::string_view text) { return DigestFromBytes(kind, FromBase64(text)); }

std::optional<Digest> DigestFromHex(DigestKind kind, std::string_view text) { return DigestFromBytes(kind, FromHex(text)); }

}  // namespace fileferry
