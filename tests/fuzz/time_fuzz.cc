// time_fuzz.cc: any bytes as a time; what was read can be written and reads back the same.
#include "base/text.h"
#include "fuzz/check.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = FuzzText(data, size);
  if (const auto time = fileferry::ParseIso8601(text)) FUZZ_CHECK(fileferry::ParseIso8601(fileferry::FormatIso8601(*time)) == time);
  if (const auto time = fileferry::ParseHttpDate(text)) FUZZ_CHECK(fileferry::ParseHttpDate(fileferry::FormatHttpDate(*time)) == time);
  if (const auto time = fileferry::ParseUnixTime(text)) FUZZ_CHECK(fileferry::ParseUnixTime(fileferry::FormatUnixTime(*time)) == time);
  return 0;
}
