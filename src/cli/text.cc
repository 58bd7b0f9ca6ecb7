// text.cc: texts for people.  Pure functions; any thread.
#include "text.h"

#include <algorithm>
#include <cstdio>
#include <ctime>

#include "fileferry/config.h"

namespace fileferry::cli {
namespace {

// The character at the front of text and its length; length 0 when it is not valid UTF-8.
struct Decoded {
  char32_t character = 0;
  std::size_t length = 0;
};

Decoded Decode(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  std::size_t length = 0;
  char32_t character = 0;
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
    character = lead & 0x1F;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    character = lead & 0x0F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    character = lead & 0x07;
  } else {
    return {};
  }
  if (text.size() < length) return {};
  for (std::size_t i = 1; i < length; i++) {
    if ((byte(i) & 0xC0) != 0x80) return {};
    character = (character << 6) | (byte(i) & 0x3F);
  }
  const bool overlong = (length == 3 && character < 0x800) || (length == 4 && character < 0x10000);
  if (overlong || character > 0x10FFFF || (character >= 0xD800 && character <= 0xDFFF)) return {};
  return {character, length};
}

bool ObeyedByTerminals(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x2028 || c == 0x2029 || (c >= 0x200E && c <= 0x200F) || (c >= 0x202A && c <= 0x202E) ||
         (c >= 0x2066 && c <= 0x2069) || c == 0xFEFF;
}

std::size_t ColumnsOf(char32_t c) {
  if ((c >= 0x300 && c <= 0x36F) || (c >= 0x200B && c <= 0x200D) || (c >= 0xFE00 && c <= 0xFE0F) || (c >= 0x1AB0 && c <= 0x1AFF) || (c >= 0x20D0 && c <= 0x20FF)) return 0;
  const bool wide = (c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0xA4CF) || (c >= 0xAC00 && c <= 0xD7A3) || (c >= 0xF900 && c <= 0xFAFF) ||
                    (c >= 0xFE30 && c <= 0xFE6F) || (c >= 0xFF00 && c <= 0xFF60) || (c >= 0xFFE0 && c <= 0xFFE6) || (c >= 0x1F300 && c <= 0x1FAFF) ||
                    (c >= 0x20000 && c <= 0x3FFFD);
  return wide ? 2 : 1;
}

std::string TimeText(Time time, bool utc, const char* format) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const std::time_t value = static_cast<std::time_t>(seconds.time_since_epoch().count());
  std::tm parts{};
  if ((utc ? gmtime_r(&value, &parts) : localtime_r(&value, &parts)) == nullptr) return "?";
  char text[64];
  return {text, std::strftime(text, sizeof text, format, &parts)};
}

// Exactly `count` digits at `at`; nullopt otherwise.
std::optional<int> Digits(std::string_view text, std::size_t at, std::size_t count) {
  if (at + count > text.size()) return std::nullopt;
  int value = 0;
  for (char c : text.substr(at, count)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

std::size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); j++) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); i++) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); j++) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0u : 1u)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

std::string Printable(std::string_view text) {
  std::string shown;
  shown.reserve(text.size());
  while (!text.empty()) {
    const Decoded next = Decode(text);
    const std::size_t length = std::max<std::size_t>(next.length, 1);
    if (next.length == 0 || ObeyedByTerminals(next.character)) {
      for (char c : text.substr(0, length)) {
        char escaped[8];
        std::snprintf(escaped, sizeof escaped, "\\x%02X", static_cast<unsigned>(static_cast<unsigned char>(c)));
        shown += escaped;
      }
    } else {
      shown += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  return shown;
}

std::size_t DisplayWidth(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const Decoded next = Decode(text);
    width += next.length == 0 ? 1 : ColumnsOf(next.character);
    text.remove_prefix(std::max<std::size_t>(next.length, 1));
  }
  return width;
}

std::string Clip(std::string_view text, std::size_t width) {
  if (DisplayWidth(text) <= width) return std::string(text);
  if (width <= 2) return std::string(width, '.');
  // The front and the end stay; the end matters more in a path.
  const std::size_t front_columns = (width - 2) / 3, end_columns = width - 2 - front_columns;
  std::string front;
  std::string_view rest = text;
  for (std::size_t used = 0; !rest.empty();) {
    const Decoded next = Decode(rest);
    const std::size_t length = std::max<std::size_t>(next.length, 1);
    used += next.length == 0 ? 1 : ColumnsOf(next.character);
    if (used > front_columns) break;
    front += rest.substr(0, length);
    rest.remove_prefix(length);
  }
  while (DisplayWidth(rest) > end_columns) rest.remove_prefix(std::max<std::size_t>(Decode(rest).length, 1));
  return front + ".." + std::string(rest);
}

std::string PadRight(std::string text, std::size_t width) {
  const std::size_t have = DisplayWidth(text);
  if (have < width) text.append(width - have, ' ');
  return text;
}

std::string PadLeft(std::string text, std::size_t width) {
  const std::size_t have = DisplayWidth(text);
  return have < width ? std::string(width - have, ' ') + text : text;
}

std::string Count(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

std::string Objects(std::uint64_t number) { return Count(number) + (number == 1 ? " object" : " objects"); }

std::string SizeText(std::uint64_t bytes) { return FormatSize(bytes); }

std::string Rate(double bytes_per_second) { return FormatSize(bytes_per_second < 0 ? 0 : static_cast<std::uint64_t>(bytes_per_second)) + "/s"; }

std::string LocalTime(Time time) { return TimeText(time, false, "%Y-%m-%d %H:%M:%S"); }
std::string IsoTime(Time time) { return TimeText(time, true, "%Y-%m-%dT%H:%M:%SZ"); }

Result<Time> ParseWhen(std::string_view text, Time now) {
  if (text.size() == 30 && text[19] == '.' && text[29] == 'Z') {  // as status prints it
    const auto nanos = ParseNumber(text.substr(20, 9));
    const Result<Time> whole = ParseWhen(std::string(text.substr(0, 19)) + "Z", now);
    if (nanos && whole.ok()) return *whole + std::chrono::nanoseconds(*nanos);
  }
  const auto year = Digits(text, 0, 4), month = Digits(text, 5, 2), day = Digits(text, 8, 2);
  if (year && month && day && text[4] == '-' && text[7] == '-') {
    int hour = 0, minute = 0, second = 0;
    bool fine = text.size() == 10;
    bool utc = false;
    if (text.size() >= 19 && (text[10] == 'T' || text[10] == ' ') && text[13] == ':' && text[16] == ':') {
      const auto h = Digits(text, 11, 2), m = Digits(text, 14, 2), s = Digits(text, 17, 2);
      utc = text.size() == 20 && text[19] == 'Z';
      fine = h && m && s && (text.size() == 19 || utc) && *h < 24 && *m < 60 && *s < 61;
      if (fine) hour = *h, minute = *m, second = *s;
    }
    const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)), std::chrono::day(static_cast<unsigned>(*day))};
    if (fine && date.ok()) {
      std::tm parts{};
      parts.tm_year = *year - 1900;
      parts.tm_mon = *month - 1;
      parts.tm_mday = *day;
      parts.tm_hour = hour;
      parts.tm_min = minute;
      parts.tm_sec = second;
      parts.tm_isdst = -1;
      return Time(std::chrono::seconds(utc ? timegm(&parts) : std::mktime(&parts)));
    }
  }
  const auto age = ParseDurationMs(text);
  // Before 1970 is as good as for ever, and keeps the arithmetic in range.
  if (age.ok()) return std::max(Time(std::chrono::nanoseconds(0)), now - std::min<std::chrono::nanoseconds>(std::chrono::milliseconds(std::min<std::int64_t>(*age, 4'000'000'000'000)), now.time_since_epoch()));
  return Status(Code::kInvalidArgument, "'" + Printable(text) + "' is neither an age nor a date: write 7d, 12h, 2026-05-24 or 2026-05-24T11:02:11Z");
}

std::optional<std::uint64_t> ParseNumber(std::string_view text) {
  if (text.empty() || text.size() > 19) return std::nullopt;
  std::uint64_t value = 0;
  for (char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return value;
}

std::string Nearest(std::string_view name, const std::vector<std::string>& candidates) {
  std::size_t best = std::max<std::size_t>(1, name.size() / 3) + 1;
  std::string nearest;
  for (const std::string& candidate : candidates) {
    const bool begins = name.size() >= 3 && candidate.substr(0, name.size()) == name;
    const std::size_t distance = begins ? 1 : EditDistance(name, candidate);
    if (distance < best) {
      best = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

std::string ShellQuote(std::string_view word) {
  const bool plain = !word.empty() && word.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=,+@%") == std::string_view::npos;
  if (plain) return std::string(word);
  std::string quoted = "'";
  for (char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

}  // namespace fileferry::cli
