// digest_fuzz.cc: fast, portable and combined CRCs agree; base64 and hex have one text for one value.
#include "base/digest.h"
#include "fuzz/check.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = FuzzText(data, size);
  const fileferry::Bytes bytes = fileferry::AsBytes(text);
  const std::uint64_t whole = fileferry::Crc64Nvme(0, bytes);
  FUZZ_CHECK(whole == fileferry::Crc64NvmePortable(0, bytes));
  const std::size_t cut = size == 0 ? 0 : data[0] * size / 256;
  const std::uint64_t one = fileferry::Crc64Nvme(0, bytes.first(cut)), other = fileferry::Crc64Nvme(0, bytes.subspan(cut));
  FUZZ_CHECK(fileferry::Crc64NvmeCombine(one, other, size - cut) == whole);
  FUZZ_CHECK(fileferry::Crc64Nvme(one, bytes.subspan(cut)) == whole);
  FUZZ_CHECK(fileferry::FromBase64(fileferry::ToBase64(bytes)) == text);
  FUZZ_CHECK(fileferry::FromHex(fileferry::ToHex(bytes)) == text);
  if (const auto value = fileferry::FromBase64(text)) FUZZ_CHECK(fileferry::ToBase64(fileferry::AsBytes(*value)) == text);
  return 0;
}
