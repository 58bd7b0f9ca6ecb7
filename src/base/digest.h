// digest.h: digests over streams of bytes.  CRC-64/NVME is our own code (carry-less multiply, with a portable twin); the others are OpenSSL's.
#ifndef FILEFERRY_BASE_DIGEST_H_
#define FILEFERRY_BASE_DIGEST_H_

#include <cstdint>
#include <memory>
#include <string>

#include "fileferry/digest.h"  // Hasher
#include "fileferry/object.h"

namespace fileferry {

// CRC-64/NVME (polynomial 0x9A6C9329AC4BC9B5 reflected, init and xorout all ones).  Start with 0; pass the result back in to continue.
std::uint64_t Crc64Nvme(std::uint64_t crc, Bytes bytes);
std::uint64_t Crc64NvmePortable(std::uint64_t crc, Bytes bytes);
// The CRC of A followed by B, from theirs and the length of B.
std::uint64_t Crc64NvmeCombine(std::uint64_t crc_a, std::uint64_t crc_b, std::uint64_t size_b);
Digest Crc64Digest(std::uint64_t crc);        // big-endian
std::uint64_t Crc64Value(const Digest& digest);

std::uint32_t Crc32c(std::uint32_t crc, Bytes bytes);
std::uint32_t Crc32(std::uint32_t crc, Bytes bytes);

Digest Md5(Bytes bytes);
Digest Sha256(Bytes bytes);
std::string Sha256Hex(Bytes bytes);
// HMAC-SHA256; 32 raw bytes.
std::array<std::byte, 32> HmacSha256(Bytes key, Bytes data);

// The kind of the mask that costs least to compute.
std::optional<DigestKind> CheapestOf(DigestMask mask);

std::optional<Digest> DigestFromBase64(DigestKind kind, std::string_view text);
std::optional<Digest> DigestFromHex(DigestKind kind, std::string_view text);
std::optional<std::string> FromBase64(std::string_view text);
std::optional<std::string> FromHex(std::string_view text);

}  // namespace fileferry

#endif  // FILEFERRY_BASE_DIGEST_H_
