// units_fuzz.cc: any bytes as number, size and duration.
#include <cmath>
#include <string>

#include "base/text.h"
#include "fileferry/config.h"
#include "fuzz/check.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = FuzzText(data, size);
  if (const std::optional<std::uint64_t> number = fileferry::ParseUint(text)) {
    const std::string digits = std::to_string(*number);
    FUZZ_CHECK(text.size() >= digits.size());
    FUZZ_CHECK(text.substr(text.size() - digits.size()) == digits);  // leading zeros at most
    FUZZ_CHECK(text.find_first_not_of('0') >= text.size() - digits.size());
  }
  if (const fileferry::Result<std::uint64_t> bytes = fileferry::ParseSize(text); bytes.ok()) {
    const fileferry::Result<std::uint64_t> exact = fileferry::ParseSize(std::to_string(*bytes));
    FUZZ_CHECK(exact.ok() && *exact == *bytes);
    const fileferry::Result<std::uint64_t> shown = fileferry::ParseSize(fileferry::FormatSize(*bytes));
    FUZZ_CHECK(shown.ok() || *bytes > UINT64_MAX / 2);  // "16 EiB" is one more than there is
    if (shown.ok()) FUZZ_CHECK(std::abs(static_cast<double>(*shown) - static_cast<double>(*bytes)) <= 0.06 * static_cast<double>(*bytes) + 1);
  }
  if (const fileferry::Result<std::int64_t> duration = fileferry::ParseDurationMs(text); duration.ok()) {
    FUZZ_CHECK(*duration >= 0);
    const fileferry::Result<std::int64_t> exact = fileferry::ParseDurationMs(std::to_string(*duration) + "ms");
    FUZZ_CHECK(exact.ok() && *exact == *duration);
    FUZZ_CHECK(!fileferry::FormatDuration(static_cast<double>(*duration) / 1000).empty());
  }
  (void)fileferry::NearestName(text, {"bucket", "endpoint", "region"});
  return 0;
}
