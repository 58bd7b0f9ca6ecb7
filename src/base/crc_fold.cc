// crc_fold.cc: folding for the CRCs with PCLMULQDQ (16 bytes an instruction) and VPCLMULQDQ (64 bytes), chosen at run time.  Pure functions; any thread.
#include "base/crc.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace fileferry::crc {

#if defined(__x86_64__)
namespace {

#define FF_CLMUL __attribute__((target("pclmul,sse4.1")))
#define FF_WIDE __attribute__((target("pclmul,sse4.1,avx512f,avx512vl,vpclmulqdq")))

FF_CLMUL inline __m128i Load(const std::byte* data) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(data)); }

FF_CLMUL inline __m128i Key(const FoldKey& key) {
  return _mm_set_epi64x(static_cast<long long>(key.last), static_cast<long long>(key.first));
}

// `state` carried on by the key's distance, plus `next`.
FF_CLMUL inline __m128i Fold(__m128i state, __m128i key, __m128i next) {
  const __m128i first = _mm_clmulepi64_si128(state, key, 0x00);
  const __m128i last = _mm_clmulepi64_si128(state, key, 0x11);
  return _mm_xor_si128(_mm_xor_si128(first, last), next);
}

FF_CLMUL std::size_t FoldNarrow(const FoldKeys& keys, std::uint64_t start, const std::byte* data, std::size_t size, std::byte out[16]) {
  const std::size_t whole = size & ~std::size_t{15};
  const std::byte* const end = data + whole;
  __m128i state[8];
  for (int i = 0; i < 8; ++i) state[i] = Load(data + 16 * i);
  state[0] = _mm_xor_si128(state[0], _mm_set_epi64x(0, static_cast<long long>(start)));
  data += 128;
  const __m128i by1024 = Key(keys.by1024);
  for (; end - data >= 128; data += 128) {
    for (int i = 0; i < 8; ++i) state[i] = Fold(state[i], by1024, Load(data + 16 * i));
  }
  const __m128i by128 = Key(keys.by128);
  __m128i sum = state[0];
  for (int i = 1; i < 8; ++i) sum = Fold(sum, by128, state[i]);
  for (; data < end; data += 16) sum = Fold(sum, by128, Load(data));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), sum);
  return whole;
}

FF_WIDE inline __m512i LoadWide(const std::byte* data) { return _mm512_loadu_si512(data); }

// The same key for each of the four 16-byte lanes.
FF_WIDE inline __m512i KeyWide(const FoldKey& key) {
  const long long first = static_cast<long long>(key.first), last = static_cast<long long>(key.last);
  return _mm512_set_epi64(last, first, last, first, last, first, last, first);
}

FF_WIDE inline __m512i FoldWideStep(__m512i state, __m512i key, __m512i next) {
  const __m512i first = _mm512_clmulepi64_epi128(state, key, 0x00);
  const __m512i last = _mm512_clmulepi64_epi128(state, key, 0x11);
  return _mm512_ternarylogic_epi64(first, last, next, 0x96);  // xor of the three
}

FF_WIDE std::size_t FoldWide(const FoldKeys& keys, std::uint64_t start, const std::byte* data, std::size_t size, std::byte out[16]) {
  if (size < 256) return FoldNarrow(keys, start, data, size, out);
  const std::size_t whole = size & ~std::size_t{15};
  const std::byte* const end = data + whole;
  __m512i state[4];
  for (int i = 0; i < 4; ++i) state[i] = LoadWide(data + 64 * i);
  state[0] = _mm512_xor_si512(state[0], _mm512_set_epi64(0, 0, 0, 0, 0, 0, 0, static_cast<long long>(start)));
  data += 256;
  const __m512i by2048 = KeyWide(keys.by2048);
  for (; end - data >= 256; data += 256) {
    for (int i = 0; i < 4; ++i) state[i] = FoldWideStep(state[i], by2048, LoadWide(data + 64 * i));
  }
  const __m512i by512 = KeyWide(keys.by512);
  __m512i wide = state[0];
  for (int i = 1; i < 4; ++i) wide = FoldWideStep(wide, by512, state[i]);
  for (; end - data >= 64; data += 64) wide = FoldWideStep(wide, by512, LoadWide(data));
  const __m128i by128 = Key(keys.by128);
  std::byte lanes[64];
  _mm512_storeu_si512(lanes, wide);
  __m128i sum = Load(lanes);
  for (int i = 1; i < 4; ++i) sum = Fold(sum, by128, Load(lanes + 16 * i));
  for (; data < end; data += 16) sum = Fold(sum, by128, Load(data));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), sum);
  return whole;
}

}  // namespace

std::array<Folder, 2> AllFolders() {
  __builtin_cpu_init();
  const bool narrow = __builtin_cpu_supports("pclmul") != 0 && __builtin_cpu_supports("sse4.1") != 0;
  const bool wide = narrow && __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512vl") != 0 && __builtin_cpu_supports("vpclmulqdq") != 0;
  return {narrow ? &FoldNarrow : nullptr, wide ? &FoldWide : nullptr};
}
#else
std::array<Folder, 2> AllFolders() { return {nullptr, nullptr}; }
#endif

Folder BestFolder() {
  static const Folder best = [] {
    const std::array<Folder, 2> all = AllFolders();
    return all[1] != nullptr ? all[1] : all[0];
  }();
  return best;
}

}  // namespace fileferry::crc
