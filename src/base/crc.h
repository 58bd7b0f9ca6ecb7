// crc.h: the parts that the three reflected CRCs of digest.h share: tables, powers of x, and folding with carry-less multiplication.
//
// A CRC of width W is the remainder of the message, times x^W, modulo P.  "Reflected" means that bit i of a word is the coefficient of x^(width-1-i), and that
// the first byte of a message holds the highest powers.  Folding replaces 16 bytes by 16 other bytes with the same remainder, D bits further on; only its
// constants depend on P, so that one kernel serves every CRC of up to 64 bits.  Pure functions; any thread.
#ifndef FILEFERRY_BASE_CRC_H_
#define FILEFERRY_BASE_CRC_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "fileferry/object.h"

namespace fileferry::crc {

// Value * x modulo P, both reflected.
template <typename Word>
constexpr Word TimesX(Word value, Word polynomial) {
  return static_cast<Word>((value >> 1) ^ ((value & 1) != 0 ? polynomial : 0));
}

// a * b modulo P.
template <typename Word>
constexpr Word Multiply(Word a, Word b, Word polynomial) {
  Word product = 0;
  for (Word bit = Word{1} << (sizeof(Word) * 8 - 1); bit != 0; bit >>= 1) {
    product = static_cast<Word>(product ^ ((a & bit) != 0 ? b : 0));
    b = TimesX(b, polynomial);
  }
  return product;
}

// x^exponent modulo P.
template <typename Word>
constexpr Word Power(std::uint64_t exponent, Word polynomial) {
  Word result = Word{1} << (sizeof(Word) * 8 - 1);  // x^0
  Word square = result >> 1;                        // x^1
  for (; exponent != 0; exponent >>= 1) {
    if ((exponent & 1) != 0) result = Multiply(result, square, polynomial);
    square = Multiply(square, square, polynomial);
  }
  return result;
}

// Tables for eight bytes at a time: entry [k][b] is the CRC of the byte b followed by k zero bytes.
template <typename Word, Word kPolynomial>
struct Tables {
  static constexpr std::array<std::array<Word, 256>, 8> Make() {
    std::array<std::array<Word, 256>, 8> tables{};
    for (unsigned byte = 0; byte < 256; ++byte) {
      Word value = static_cast<Word>(byte);
      for (int bit = 0; bit < 8; ++bit) value = TimesX(value, kPolynomial);
      tables[0][byte] = value;
    }
    for (std::size_t k = 1; k < 8; ++k) {
      for (std::size_t byte = 0; byte < 256; ++byte) tables[k][byte] = static_cast<Word>((tables[k - 1][byte] >> 8) ^ tables[0][tables[k - 1][byte] & 0xff]);
    }
    return tables;
  }
  static constexpr std::array<std::array<Word, 256>, 8> kTables = Make();
};

inline std::uint64_t LoadLittle64(const std::byte* data) {
  std::uint64_t word;
  std::memcpy(&word, data, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  word = __builtin_bswap64(word);
#endif
  return word;
}

// The plain remainder (no inversion before or after) of what `remainder` stands for followed by these bytes.
template <typename Word, Word kPolynomial>
Word UpdateByTables(Word remainder, const std::byte* data, std::size_t size) {
  constexpr const auto& t = Tables<Word, kPolynomial>::kTables;
  for (; size >= 8; data += 8, size -= 8) {
    const std::uint64_t word = LoadLittle64(data) ^ remainder;
    remainder = static_cast<Word>(t[7][word & 0xff] ^ t[6][word >> 8 & 0xff] ^ t[5][word >> 16 & 0xff] ^ t[4][word >> 24 & 0xff] ^ t[3][word >> 32 & 0xff] ^
                                  t[2][word >> 40 & 0xff] ^ t[1][word >> 48 & 0xff] ^ t[0][word >> 56]);
  }
  for (; size > 0; ++data, --size) remainder = static_cast<Word>((remainder >> 8) ^ t[0][(remainder ^ std::to_integer<Word>(*data)) & 0xff]);
  return remainder;
}

// The two factors that carry 16 bytes D bits further on: for their first and their last eight bytes.  As 64-bit reflected words whatever the width of P is.
struct FoldKey {
  std::uint64_t first;
  std::uint64_t last;
};
template <typename Word>
constexpr FoldKey KeyFor(std::uint64_t distance, Word polynomial) {
  constexpr int kShift = 64 - static_cast<int>(sizeof(Word)) * 8;
  // A carry-less product of two reflected words comes out one x too high, hence the -1.
  const std::uint64_t first = Power<Word>(distance + 64 - 1, polynomial), last = Power<Word>(distance - 1, polynomial);
  return {first << kShift, last << kShift};
}
struct FoldKeys {
  FoldKey by128, by512, by1024, by2048;
};
template <typename Word>
constexpr FoldKeys KeysFor(Word polynomial) {
  return {KeyFor<Word>(128, polynomial), KeyFor<Word>(512, polynomial), KeyFor<Word>(1024, polynomial), KeyFor<Word>(2048, polynomial)};
}

// Folds a whole number of 16-byte blocks of data (at least kFoldMinimum bytes) to 16 bytes with the same remainder; `start` is added to the first eight bytes.
// Returns how many bytes went in.
using Folder = std::size_t (*)(const FoldKeys& keys, std::uint64_t start, const std::byte* data, std::size_t size, std::byte out[16]);
constexpr std::size_t kFoldMinimum = 128;
// The fastest that this processor can run; nullptr when it has none.
Folder BestFolder();
// All that it can run, fastest last, for tests.
std::array<Folder, 2> AllFolders();

template <typename Word, Word kPolynomial>
Word Update(Word remainder, Bytes bytes, Folder folder) {
  const std::byte* data = bytes.data();
  std::size_t size = bytes.size();
  if (folder != nullptr && size >= kFoldMinimum) {
    static constexpr FoldKeys kKeys = KeysFor<Word>(kPolynomial);
    std::byte folded[16];
    const std::size_t taken = folder(kKeys, remainder, data, size, folded);
    data += taken;
    size -= taken;
    remainder = UpdateByTables<Word, kPolynomial>(0, folded, sizeof folded);
  }
  return UpdateByTables<Word, kPolynomial>(remainder, data, size);
}

}  // namespace fileferry::crc

#endif  // FILEFERRY_BASE_CRC_H_
