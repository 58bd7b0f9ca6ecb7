// url_fuzz.cc: any bytes as a URL, a query, an escaped text; and what is escaped comes back.
#include <string>

#include "base/text.h"
#include "fuzz/check.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = FuzzText(data, size);
  if (const std::optional<fileferry::UrlParts> parts = fileferry::ParseUrl(text)) {
    FUZZ_CHECK(!parts->scheme.empty());
    FUZZ_CHECK(parts->path.empty() || parts->path[0] == '/');
    FUZZ_CHECK(parts->host.find_first_of("@/?# \n") == std::string::npos);
    // Put together again, it means the same.
    const std::string again = parts->scheme + "://" + parts->authority() + parts->path + (parts->query.empty() ? "" : "?" + parts->query);
    const std::optional<fileferry::UrlParts> second = fileferry::ParseUrl(again);
    FUZZ_CHECK(second.has_value());
    FUZZ_CHECK(second->host == parts->host && second->port == parts->port && second->path == parts->path && second->query == parts->query && !second->has_user);
  }
  for (const auto& [name, value] : fileferry::ParseQuery(text)) FUZZ_CHECK(name.size() + value.size() <= text.size());
  (void)fileferry::PercentDecode(text, true);
  std::string escaped;
  for (char c : text) {
    static constexpr char kDigits[] = "0123456789abcdefABCDEF";
    const unsigned value = static_cast<unsigned char>(c);
    const unsigned high = value >> 4, low = value & 15;
    escaped += {'%', kDigits[high >= 10 && (low & 1) != 0 ? high + 6 : high], kDigits[low]};
  }
  const std::optional<std::string> decoded = fileferry::PercentDecode(escaped, false);
  FUZZ_CHECK(decoded.has_value());
  FUZZ_CHECK(*decoded == text);
  FUZZ_CHECK(fileferry::IsValidUtf8(fileferry::Printable(text)));
  return 0;
}
