// digest_test.cc: published vectors, constants computed with Python, and the accelerated code against the portable.
#include "base/digest.h"

#include <doctest/doctest.h>

#include <random>

#include "base/crc.h"

using namespace fileferry;

namespace {

constexpr std::uint64_t kNvme = 0x9A6C9329AC4BC9B5;
constexpr std::uint32_t kCastagnoli = 0x82F63B78;
constexpr std::uint32_t kIso = 0xEDB88320;

constexpr DigestMask kAll = 0x3F;

// One bit at a time, straight from the definition.
template <typename Word>
Word ByBits(Word polynomial, Bytes bytes) {
  Word crc = static_cast<Word>(~Word{0});
  for (std::byte byte : bytes) {
    crc ^= std::to_integer<Word>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? (crc >> 1) ^ polynomial : crc >> 1;
  }
  return static_cast<Word>(~crc);
}

std::string Noise(std::size_t size, std::uint32_t x = 12345) {
  std::string out(size, '\0');
  for (char& c : out) {
    x = x * 1664525U + 1013904223U;
    c = static_cast<char>(x >> 24);
  }
  return out;
}

std::string Base64Of(DigestKind kind, std::string_view text) {
  Hasher hasher(MaskOf(kind));
  hasher.Update(AsBytes(text));
  const DigestSet set = hasher.Finish();
  REQUIRE(set.Find(kind) != nullptr);
  return ToBase64(set.Find(kind)->value());
}

std::string HexOf(DigestKind kind, std::string_view text) {
  Hasher hasher(MaskOf(kind));
  hasher.Update(AsBytes(text));
  return ToHex(hasher.Finish().Find(kind)->value());
}

}  // namespace

TEST_CASE("the check values of the CRC catalogue and of S3") {
  CHECK(Crc64Nvme(0, AsBytes("123456789")) == 0xAE8B14860A799888);
  CHECK(Crc64NvmePortable(0, AsBytes("123456789")) == 0xAE8B14860A799888);
  CHECK(Crc32c(0, AsBytes("123456789")) == 0xE3069283);
  CHECK(Crc32(0, AsBytes("123456789")) == 0xCBF43926);
  CHECK(Base64Of(DigestKind::kCrc64Nvme, "123456789") == "rosUhgp5mIg=");
  CHECK(Base64Of(DigestKind::kCrc32, "123456789") == "y/Q5Jg==");
  CHECK(Base64Of(DigestKind::kCrc32c, "123456789") == "4waSgw==");
  CHECK(Base64Of(DigestKind::kCrc64Nvme, "hello world") == "jSnVw/bqjr4=");
  CHECK(Base64Of(DigestKind::kCrc32, "hello world") == "DUoRhQ==");
  CHECK(Base64Of(DigestKind::kCrc32c, "hello world") == "yZRlqg==");
  CHECK(Base64Of(DigestKind::kSha256, "hello world") == "uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=");
  CHECK(Base64Of(DigestKind::kMd5, "hello world") == "XrY7u+Ae7tCTyyK7j1rNww==");
  CHECK(Crc64Nvme(0, {}) == 0);
  CHECK(Crc32c(0, {}) == 0);
  // The vectors of RFC 3720 for CRC-32C, and of NVM Express for 4 KiB of zeros and of ones.
  CHECK(Crc32c(0, AsBytes(std::string(32, '\0'))) == 0x8A9136AA);
  CHECK(Crc32c(0, AsBytes(std::string(32, '\xFF'))) == 0x62A8AB43);
  CHECK(Crc64Nvme(0, AsBytes(std::string(4096, '\0'))) == 0x6482D367EB22B64E);
  CHECK(Crc64Nvme(0, AsBytes(std::string(4096, '\xFF'))) == 0xC0DDBA7302ECA3AC);
}

TEST_CASE("100000 bytes of noise, as Python computes them") {
  const std::string noise = Noise(100000);
  CHECK(Crc64Nvme(0, AsBytes(noise)) == 0x3FBF34C57D2C1BAB);
  CHECK(Crc32c(0, AsBytes(noise)) == 0x41B82F1D);
  CHECK(Crc32(0, AsBytes(noise)) == 0x43F6EC66);
  CHECK(HexOf(DigestKind::kMd5, noise) == "e654cb8d5ddc0cd7c3f2e8f18d9afde8");
  CHECK(HexOf(DigestKind::kSha1, noise) == "52324e0909390e53ea093815934c2f1da0050194");
  CHECK(HexOf(DigestKind::kSha256, noise) == "20a244b11f67dae1526e0ca07cd71adf0b1338de0c123186ed62d3666c721371");
}

TEST_CASE("every kernel agrees with the definition, at every length and offset up to 700") {
  const std::string noise = Noise(800, 7);
  const auto folders = crc::AllFolders();
  for (std::size_t size = 0; size <= 700; ++size) {
    const Bytes bytes = AsBytes(noise).subspan(size % 67, size);
    const std::uint64_t expected = ByBits(kNvme, bytes);
    const std::uint32_t expected_c = ByBits(kCastagnoli, bytes), expected_iso = ByBits(kIso, bytes);
    CAPTURE(size);
    REQUIRE(Crc64NvmePortable(0, bytes) == expected);
    REQUIRE(Crc64Nvme(0, bytes) == expected);
    REQUIRE(Crc32c(0, bytes) == expected_c);
    REQUIRE(Crc32(0, bytes) == expected_iso);
    for (crc::Folder folder : folders) {
      if (folder == nullptr) continue;
      REQUIRE(~crc::Update<std::uint64_t, kNvme>(~std::uint64_t{0}, bytes, folder) == expected);
      REQUIRE(~crc::Update<std::uint32_t, kCastagnoli>(~std::uint32_t{0}, bytes, folder) == expected_c);
      REQUIRE(~crc::Update<std::uint32_t, kIso>(~std::uint32_t{0}, bytes, folder) == expected_iso);
    }
  }
}

TEST_CASE("accelerated, portable and in pieces: random lengths up to 1 MiB") {
  const std::string noise = Noise(std::size_t{1} << 20, 99);
  std::mt19937 random(1);
  for (int round = 0; round < 60; ++round) {
    const std::size_t offset = random() % 4096, size = random() % (noise.size() - offset);
    const Bytes bytes = AsBytes(noise).subspan(offset, size);
    const std::uint64_t expected = Crc64NvmePortable(0, bytes);
    const std::uint32_t expected_c = ~crc::Update<std::uint32_t, kCastagnoli>(~std::uint32_t{0}, bytes, nullptr);
    std::uint64_t pieces = 0;
    std::uint32_t pieces_c = 0;
    for (std::size_t at = 0; at < size;) {
      const std::size_t step = std::min<std::size_t>(size - at, random() % 70000);
      pieces = Crc64Nvme(pieces, bytes.subspan(at, step));
      pieces_c = Crc32c(pieces_c, bytes.subspan(at, step));
      at += step;
    }
    CAPTURE(offset);
    CAPTURE(size);
    REQUIRE(Crc64Nvme(0, bytes) == expected);
    REQUIRE(pieces == expected);
    REQUIRE(Crc32c(0, bytes) == expected_c);
    REQUIRE(pieces_c == expected_c);
  }
}

TEST_CASE("combining: the multipart vector of S3, and every cut of a text") {
  const std::string a(std::size_t{5} << 20, 'a'), b(10, 'b');
  const std::uint64_t crc_a = Crc64Nvme(0, AsBytes(a)), crc_b = Crc64Nvme(0, AsBytes(b));
  CHECK(ToBase64(Crc64Digest(Crc64NvmeCombine(crc_a, crc_b, b.size())).value()) == "om/L0dM0gF4=");
  CHECK(Crc64Nvme(0, AsBytes(a + b)) == Crc64NvmeCombine(crc_a, crc_b, b.size()));
  CHECK(ToBase64(Crc64Digest(Crc64Nvme(0, AsBytes(a + b))).value()) == "om/L0dM0gF4=");
  CHECK(Base64Of(DigestKind::kCrc32, a + b) == "1FimjA==");
  CHECK(Base64Of(DigestKind::kCrc32c, a + b) == "Ecdwnw==");

  const std::string noise = Noise(2000, 3);
  const std::uint64_t whole = Crc64Nvme(0, AsBytes(noise));
  for (std::size_t cut = 0; cut <= noise.size(); ++cut) {
    const Bytes bytes = AsBytes(noise);
    REQUIRE(Crc64NvmeCombine(Crc64Nvme(0, bytes.first(cut)), Crc64Nvme(0, bytes.subspan(cut)), noise.size() - cut) == whole);
  }
  CHECK(Crc64NvmeCombine(whole, 0, 0) == whole);
}

TEST_CASE("combining over lengths that nobody can compute directly is associative") {
  const std::uint64_t a = 0x0123456789ABCDEF, b = 0xFEDCBA9876543210, c = 0x1111222233334444;
  const std::uint64_t size_b = (std::uint64_t{1} << 40) + 12345, size_c = (std::uint64_t{1} << 43) + 1;
  CHECK(Crc64NvmeCombine(Crc64NvmeCombine(a, b, size_b), c, size_c) == Crc64NvmeCombine(a, Crc64NvmeCombine(b, c, size_c), size_b + size_c));
}

TEST_CASE("a hasher goes on after Finish, starts over after Reset, and counts") {
  Hasher hasher(kAll);
  hasher.Update(AsBytes("hello "));
  const DigestSet half = hasher.Finish();
  CHECK(half.mask() == kAll);
  hasher.Update(AsBytes("world"));
  CHECK(hasher.count() == 11);
  const DigestSet whole = hasher.Finish();
  CHECK(ToHex(whole.Find(DigestKind::kSha1)->value()) == "2aae6c35c94fcfb415dbe95f408b9ce91ee846ed");
  CHECK(ToBase64(whole.Find(DigestKind::kMd5)->value()) == "XrY7u+Ae7tCTyyK7j1rNww==");
  CHECK(ToBase64(whole.Find(DigestKind::kCrc64Nvme)->value()) == "jSnVw/bqjr4=");
  CHECK(Compare(half, whole) == DigestMatch::kDifferent);
  hasher.Reset();
  CHECK(hasher.count() == 0);
  Hasher moved = std::move(hasher);
  moved.Update(AsBytes("hello "));
  CHECK(Compare(moved.Finish(), half) == DigestMatch::kEqual);
}

TEST_CASE("only what was asked for") {
  Hasher none(0);
  none.Update(AsBytes("x"));
  CHECK(none.Finish().empty());
  CHECK(none.count() == 1);
  Hasher two(MaskOf(DigestKind::kMd5) | MaskOf(DigestKind::kCrc32));
  CHECK(two.Finish().mask() == (MaskOf(DigestKind::kMd5) | MaskOf(DigestKind::kCrc32)));
  CHECK(ToHex(two.Finish().Find(DigestKind::kMd5)->value()) == "d41d8cd98f00b204e9800998ecf8427e");
}

TEST_CASE("HMAC-SHA256: the vectors of RFC 4231") {
  const auto hmac = [](std::string_view key, std::string_view data) { return ToHex(HmacSha256(AsBytes(key), AsBytes(data))); };
  CHECK(hmac(std::string(20, '\x0b'), "Hi There") == "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  CHECK(hmac("Jefe", "what do ya want for nothing?") == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  CHECK(hmac(std::string(20, '\xaa'), std::string(50, '\xdd')) == "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
  CHECK(hmac(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First") == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  CHECK(hmac("", "") == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST_CASE("the signing key of the AWS examples") {
  const auto step = [](Bytes key, std::string_view text) { return HmacSha256(key, AsBytes(text)); };
  const auto date = step(AsBytes("AWS4wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), "20130524");
  const auto region = step(date, "us-east-1");
  const auto service = step(region, "s3");
  CHECK(ToHex(step(service, "aws4_request")) == "dbb893acc010964918f1fd433add87c70e8b0db6be30c1fbeafefa5ec6ba8378");
}

TEST_CASE("one-shot digests: the vectors of FIPS 180 and RFC 1321") {
  CHECK(Sha256Hex(AsBytes("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(Sha256Hex({}) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(ToHex(Sha256(AsBytes("abc")).value()) == Sha256Hex(AsBytes("abc")));
  CHECK(ToHex(Md5(AsBytes("message digest")).value()) == "f96b697d7cb7938d525a2f31aaf161d0");
}

TEST_CASE("base64 and hex: the vectors of RFC 4648, both ways, and what is refused") {
  const std::pair<const char*, const char*> vectors[] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, coded] : vectors) {
    CHECK(ToBase64(AsBytes(plain)) == coded);
    CHECK(FromBase64(coded) == std::string(plain));
  }
  for (const char* bad : {"Zg", "Zg=", "Z===", "====", "Zh==", "Zm9=", "Zm 9", "Zm9v\n", "Zg==Zg==", "Zm-_"}) {
    CAPTURE(bad);
    CHECK_FALSE(FromBase64(bad));
  }
  CHECK(ToHex(AsBytes(std::string_view("\x00\xff\x10", 3))) == "00ff10");
  CHECK(FromHex("00fF10") == std::string("\x00\xff\x10", 3));
  CHECK(FromHex("") == "");
  CHECK_FALSE(FromHex("0"));
  CHECK_FALSE(FromHex("0g"));
}

TEST_CASE("digests from texts need the right length") {
  const std::optional<Digest> crc = DigestFromBase64(DigestKind::kCrc64Nvme, "rosUhgp5mIg=");
  REQUIRE(crc);
  CHECK(Crc64Value(*crc) == 0xAE8B14860A799888);
  CHECK(*crc == Crc64Digest(0xAE8B14860A799888));
  CHECK_FALSE(DigestFromBase64(DigestKind::kCrc32, "rosUhgp5mIg="));
  CHECK_FALSE(DigestFromBase64(DigestKind::kCrc64Nvme, "rosUhgp5mIg"));
  CHECK(DigestFromHex(DigestKind::kMd5, "5eb63bbbe01eeed093cb22bb8f5acdc3") == Md5(AsBytes("hello world")));
  CHECK_FALSE(DigestFromHex(DigestKind::kSha256, "5eb63bbbe01eeed093cb22bb8f5acdc3"));
}
