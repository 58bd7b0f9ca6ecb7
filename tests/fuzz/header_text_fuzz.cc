// header_text_fuzz.cc: any text goes through a header and comes back; any header gives valid UTF-8.
#include <string>

#include "base/text.h"
#include "fuzz/check.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = FuzzText(data, size);
  FUZZ_CHECK(fileferry::IsValidUtf8(fileferry::DecodeHeaderText(text)));
  if (!fileferry::IsValidUtf8(text)) return 0;
  const std::string coded = fileferry::EncodeHeaderText(text);
  for (char c : coded) FUZZ_CHECK(c >= 0x20 && c < 0x7F);
  FUZZ_CHECK(coded.empty() || (coded.front() != ' ' && coded.back() != ' '));
  FUZZ_CHECK(fileferry::DecodeHeaderText(coded) == text);
  return 0;
}
