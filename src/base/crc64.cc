// crc64.cc: CRC-64/NVME, CRC-32C and CRC-32 over the kernels of crc.h.  Pure functions; any thread.
#include "base/crc.h"
#include "base/digest.h"

namespace fileferry {
namespace {

constexpr std::uint64_t kNvme = 0x9A6C9329AC4BC9B5;  // all three bit-reflected
constexpr std::uint32_t kCastagnoli = 0x82F63B78;
constexpr std::uint32_t kIso = 0xEDB88320;

// Entry k: x^(8 * 2^k) modulo P, what 2^k zero bytes multiply a remainder by.
constexpr std::array<std::uint64_t, 64> kZeroBytes = [] {
  std::array<std::uint64_t, 64> powers{};
  powers[0] = crc::Power<std::uint64_t>(8, kNvme);
  for (std::size_t k = 1; k < powers.size(); ++k) powers[k] = crc::Multiply(powers[k - 1], powers[k - 1], kNvme);
  return powers;
}();

}  // namespace

std::uint64_t Crc64Nvme(std::uint64_t crc, Bytes bytes) { return ~crc::Update<std::uint64_t, kNvme>(~crc, bytes, crc::BestFolder()); }

std::uint64_t Crc64NvmePortable(std::uint64_t crc, Bytes bytes) { return ~crc::Update<std::uint64_t, kNvme>(~crc, bytes, nullptr); }

std::uint64_t Crc64NvmeCombine(std::uint64_t crc_a, std::uint64_t crc_b, std::uint64_t size_b) {
  // The inversions before and after cancel out: crc(AB) = crc(A) * x^(8 |B|) + crc(B).
  for (std::size_t k = 0; size_b != 0; size_b >>= 1, ++k) {
    if ((size_b & 1) != 0) crc_a = crc::Multiply(crc_a, kZeroBytes[k], kNvme);
  }
  return crc_a ^ crc_b;
}

std::uint32_t Crc32c(std::uint32_t crc, Bytes bytes) { return ~crc::Update<std::uint32_t, kCastagnoli>(~crc, bytes, crc::BestFolder()); }

std::uint32_t Crc32(std::uint32_t crc, Bytes bytes) { return ~crc::Update<std::uint32_t, kIso>(~crc, bytes, crc::BestFolder()); }

}  // namespace fileferry
