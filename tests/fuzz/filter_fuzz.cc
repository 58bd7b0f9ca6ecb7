// filter_fuzz.cc: "pattern LF key LF timetable LF window": patterns compile or are refused, and include and exclude are each other's opposite.
#include <string>

#include "base/text.h"
#include "fuzz/check.h"
#include "transfer/filter.h"
#include "transfer/timetable.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest = FuzzText(data, size);
  const std::string pattern(FuzzTake(&rest, '\n'));
  const std::string_view key = FuzzTake(&rest, '\n');
  fileferry::FilterOptions with, without;
  with.include = {pattern};
  without.exclude = {pattern};
  const auto include = fileferry::Filter::Create(with);
  const auto exclude = fileferry::Filter::Create(without);
  FUZZ_CHECK(include.ok() == exclude.ok());
  if (include.ok()) {
    FUZZ_CHECK(fileferry::PatternToRegex(pattern).ok());
    if (fileferry::IsValidUtf8(key)) FUZZ_CHECK((*include)->WantsKey(key) != (*exclude)->WantsKey(key));
  } else {
    FUZZ_CHECK(include.code() == fileferry::Code::kInvalidArgument);
  }
  // A key, escaped, matches itself and nothing that is longer.
  std::string escaped = "/";
  for (char c : key) escaped += {'\\', c};
  fileferry::FilterOptions itself;
  itself.include = {escaped};
  if (!key.empty() && fileferry::IsValidUtf8(key)) {
    bool ascii = true;
    for (char c : key) ascii = ascii && static_cast<unsigned char>(c) < 0x80;
    if (ascii) {
      const auto filter = fileferry::Filter::Create(itself);
      FUZZ_CHECK(filter.ok());
      FUZZ_CHECK((*filter)->WantsKey(key));
      FUZZ_CHECK(!(*filter)->WantsKey(std::string(key) + "x"));
    }
  }
  const fileferry::Time now(std::chrono::seconds(1'700'000'000));
  const std::string_view table_text = FuzzTake(&rest, '\n');
  if (table_text.size() < 200) {
    if (const auto table = fileferry::Timetable::Create(table_text); table.ok()) {
      const fileferry::DaySchedule::Step step = table->At(now);
      FUZZ_CHECK(step.value >= 0);
      FUZZ_CHECK(!step.until || *step.until > now);
    }
  }
  if (const auto window = fileferry::Window::Create(FuzzTake(&rest, '\n')); window.ok()) {
    if (const auto change = window->NextChange(now)) FUZZ_CHECK(window->IsOpen(*change) != window->IsOpen(now));
  }
  return 0;
}
