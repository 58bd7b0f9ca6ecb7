// units.cc: sizes and durations as people write them.  Pure functions; any thread.
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>

#include "base/text.h"
#include "fileferry/config.h"

namespace fileferry {
namespace {

// A decimal number at the front of *text, removed from it: digits with at most one '.', no sign and no exponent.
std::optional<double> TakeNumber(std::string_view* text) {
  const std::string_view number = text->substr(0, std::min(text->size(), text->find_first_not_of("0123456789.")));
  double value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value, std::chars_format::fixed);
  if (number.empty() || error != std::errc() || end != number.data() + number.size() || number.front() == '.' || number.back() == '.') return std::nullopt;
  text->remove_prefix(number.size());
  return value;
}

// The factor of a unit of size; nullopt when there is no such unit.
std::optional<double> SizeFactor(std::string_view unit) {
  static constexpr std::string_view kLetters = "kmgtpe";
  const std::string lower = ToLower(unit);
  if (lower.empty() || lower == "b") return 1;
  const std::size_t power = kLetters.find(lower[0]);
  if (power == std::string_view::npos) return std::nullopt;
  const std::string_view rest = std::string_view(lower).substr(1);
  if (rest.empty() || rest == "ib" || rest == "i") return std::pow(1024.0, static_cast<double>(power + 1));
  if (rest == "b") return std::pow(1000.0, static_cast<double>(power + 1));
  return std::nullopt;
}

struct Unit {
  std::string_view name;
  std::int64_t milliseconds;
};
constexpr Unit kDurations[] = {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}, {"w", 604'800'000}};

}  // namespace

Result<std::uint64_t> ParseSize(std::string_view text) {
  const auto bad = [&] {
    static constexpr const char* kForms = "write bytes, or a number with k, M, G, T (1024) or kB, MB, GB, TB (1000), or off";
    return Status(Code::kInvalidArgument, fmt::format("\"{}\" is not a size; {}", Printable(text), kForms));
  };
  std::string_view rest = Trim(text);
  if (EqualsIgnoreCase(rest, "off")) return std::uint64_t{0};
  const std::string_view digits = rest;
  const std::optional<double> number = TakeNumber(&rest);
  if (!number) return bad();
  const std::string_view written = digits.substr(0, digits.size() - rest.size());
  const std::optional<double> factor = SizeFactor(Trim(rest));
  if (!factor) return bad();
  if (const std::optional<std::uint64_t> whole = ParseUint(written)) {  // whole numbers are exact
    std::uint64_t product = 0;
    if (__builtin_mul_overflow(*whole, static_cast<std::uint64_t>(*factor), &product)) return bad();
    return product;
  }
  const double product = std::round(*number * *factor);
  if (!(product < 0x1p63)) return bad();
  return static_cast<std::uint64_t>(product);
}

Result<std::int64_t> ParseDurationMs(std::string_view text) {
  const auto bad = [&] {
    static constexpr const char* kForms = "write a number with ms, s, m, h, d or w, such as 90s, 1h30m or 7d12h (a bare number is seconds)";
    return Status(Code::kInvalidArgument, fmt::format("\"{}\" is not a duration; {}", Printable(text), kForms));
  };
  std::string_view rest = Trim(text);
  if (rest.empty()) return bad();
  double total = 0;
  bool first = true;
  std::int64_t above = INT64_MAX;  // units go from large to small, each at most once
  while (!rest.empty()) {
    const std::optional<double> number = TakeNumber(&rest);
    if (!number) return bad();
    const std::string_view name = rest.substr(0, std::min(rest.size(), rest.find_first_of("0123456789.")));
    rest.remove_prefix(name.size());
    std::int64_t unit = name.empty() && first ? 1000 : 0;
    for (const Unit& row : kDurations) {
      if (EqualsIgnoreCase(name, row.name)) unit = row.milliseconds;
    }
    if (unit == 0 || unit >= above) return bad();
    above = unit;
    total += *number * static_cast<double>(unit);
    first = false;
  }
  if (!(total < 0x1p53)) return bad();
  return static_cast<std::int64_t>(std::llround(total));
}

std::string FormatSize(std::uint64_t bytes) {
  static constexpr std::array<std::string_view, 7> kUnits = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return fmt::format("{} B", bytes);
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (unit + 1 < kUnits.size() && std::round(value * 10) >= 10240) {  // as it will be printed: never "1024 KiB"
    value /= 1024;
    ++unit;
  }
  std::string number = fmt::format("{:.1f}", value);
  if (number.ends_with(".0")) number.resize(number.size() - 2);
  return fmt::format("{} {}", number, kUnits[unit]);
}

std::string FormatDuration(double seconds) {
  if (!(seconds >= 0)) return "?";
  if (seconds < 9.95) {
    std::string number = fmt::format("{:.1f}", seconds);
    if (number.ends_with(".0")) number.resize(number.size() - 2);
    return number + "s";
  }
  if (seconds > 1e12) return "?";
  const std::uint64_t whole = static_cast<std::uint64_t>(std::llround(seconds));
  if (whole < 60) return fmt::format("{}s", whole);
  if (whole < 3600) return fmt::format("{}m{:02}s", whole / 60, whole % 60);
  if (whole < 86'400) return fmt::format("{}h{:02}m", whole / 3600, whole % 3600 / 60);
  return fmt::format("{}d{:02}h", whole / 86'400, whole % 86'400 / 3600);
}

}  // namespace fileferry
