// time_text.cc: points in time as HTTP, ISO 8601, AWS and rclone write them.  Independent of locale and time zone.  Pure functions; any thread.
#include <fmt/format.h>

#include <array>
#include <charconv>

#include "base/text.h"

namespace fileferry {
namespace {

using std::chrono::days;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr std::array<std::string_view, 7> kDays = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

struct Civil {
  int year = 1970;
  unsigned month = 1, day = 1, hour = 0, minute = 0, second = 0, weekday = 0;
  long nanos = 0;
};

Civil CivilOf(Time time) {
  const auto day = std::chrono::floor<days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss<nanoseconds> clock(time - day);
  Civil civil;
  civil.year = static_cast<int>(date.year());
  civil.month = static_cast<unsigned>(date.month());
  civil.day = static_cast<unsigned>(date.day());
  civil.hour = static_cast<unsigned>(clock.hours().count());
  civil.minute = static_cast<unsigned>(clock.minutes().count());
  civil.second = static_cast<unsigned>(clock.seconds().count());
  civil.nanos = static_cast<long>(clock.subseconds().count());
  civil.weekday = std::chrono::weekday(day).c_encoding();
  return civil;
}

// A second of 60 (a leap second) counts as the first of the next minute.
std::optional<Time> TimeOf(const Civil& civil, seconds offset = seconds(0)) {
  const std::chrono::year_month_day date{std::chrono::year(civil.year), std::chrono::month(civil.month), std::chrono::day(civil.day)};
  if (!date.ok() || civil.hour > 23 || civil.minute > 59 || civil.second > 60) return std::nullopt;
  if (civil.year < 1678 || civil.year > 2261) return std::nullopt;  // what 64 bits of nanoseconds hold
  const Time day = std::chrono::sys_days(date);
  return day + std::chrono::hours(civil.hour) + std::chrono::minutes(civil.minute) + seconds(civil.second) + nanoseconds(civil.nanos) - offset;
}

// Reads a text from its front; the first thing that does not fit makes every later step fail too.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}
  bool ok() const { return ok_; }
  bool done() const { return ok_ && text_.empty(); }
  char peek() const { return ok_ && !text_.empty() ? text_.front() : '\0'; }

  bool Skip(std::string_view what) {
    if (ok_ && text_.starts_with(what)) {
      text_.remove_prefix(what.size());
      return true;
    }
    return false;
  }
  void Expect(std::string_view what) { ok_ = Skip(what) && ok_; }

  // Exactly `digits` digits.
  unsigned Number(std::size_t digits) {
    unsigned value = 0;
    if (text_.size() < digits) ok_ = false;
    for (std::size_t i = 0; ok_ && i < digits; ++i) {
      if (text_[i] < '0' || text_[i] > '9') ok_ = false;
      value = value * 10 + static_cast<unsigned>(text_[i] - '0');
    }
    if (ok_) text_.remove_prefix(digits);
    return ok_ ? value : 0;
  }

  // One or more digits as the decimal places of a second; what is finer than a nanosecond is dropped.
  long Fraction() {
    long nanos = 0, unit = 100'000'000;
    if (peek() < '0' || peek() > '9') ok_ = false;
    for (; peek() >= '0' && peek() <= '9'; text_.remove_prefix(1), unit /= 10) nanos += (text_.front() - '0') * unit;
    return nanos;
  }

  unsigned Month() {
    for (unsigned i = 0; i < kMonths.size(); ++i) {
      if (Skip(kMonths[i])) return i + 1;
    }
    ok_ = false;
    return 0;
  }

  // A weekday, long or short.  Whether it fits the date is not asked.
  void Weekday(bool is_long) {
    for (std::string_view day : kDays) {
      if (Skip(is_long ? day : day.substr(0, 3))) return;
    }
    ok_ = false;
  }

  void Clock(Civil* civil) {
    civil->hour = Number(2);
    Expect(":");
    civil->minute = Number(2);
    Expect(":");
    civil->second = Number(2);
  }

 private:
  std::string_view text_;
  bool ok_ = true;
};

// "Fri, 24 May 2013 00:00:00 GMT"
std::optional<Time> ParseFixdate(std::string_view text) {
  Reader reader(text);
  Civil civil;
  reader.Weekday(false);
  reader.Expect(", ");
  civil.day = reader.Number(2);
  reader.Expect(" ");
  civil.month = reader.Month();
  reader.Expect(" ");
  civil.year = static_cast<int>(reader.Number(4));
  reader.Expect(" ");
  reader.Clock(&civil);
  reader.Expect(" ");
  if (!reader.Skip("UTC")) reader.Expect("GMT");
  return reader.done() ? TimeOf(civil) : std::nullopt;
}

// "Friday, 24-May-13 00:00:00 GMT" (RFC 850)
std::optional<Time> ParseRfc850(std::string_view text) {
  Reader reader(text);
  Civil civil;
  reader.Weekday(true);
  reader.Expect(", ");
  civil.day = reader.Number(2);
  reader.Expect("-");
  civil.month = reader.Month();
  reader.Expect("-");
  const int year = static_cast<int>(reader.Number(2));
  civil.year = year + (year < 70 ? 2000 : 1900);
  reader.Expect(" ");
  reader.Clock(&civil);
  reader.Expect(" GMT");
  return reader.done() ? TimeOf(civil) : std::nullopt;
}

// "Fri May 24 00:00:00 2013" (asctime)
std::optional<Time> ParseAsctime(std::string_view text) {
  Reader reader(text);
  Civil civil;
  reader.Weekday(false);
  reader.Expect(" ");
  civil.month = reader.Month();
  reader.Expect(" ");
  civil.day = reader.Skip(" ") ? reader.Number(1) : reader.Number(2);
  reader.Expect(" ");
  reader.Clock(&civil);
  reader.Expect(" ");
  civil.year = static_cast<int>(reader.Number(4));
  return reader.done() ? TimeOf(civil) : std::nullopt;
}

std::string TrimmedFraction(long nanos) {
  if (nanos == 0) return {};
  std::string text = fmt::format(".{:09}", nanos);
  text.erase(text.find_last_not_of('0') + 1);
  return text;
}

}  // namespace

std::string FormatHttpDate(Time time) {
  const Civil c = CivilOf(time);
  const std::string_view day = kDays[c.weekday].substr(0, 3), month = kMonths[c.month - 1];
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", day, c.day, month, c.year, c.hour, c.minute, c.second);
}

std::optional<Time> ParseHttpDate(std::string_view text) {
  text = Trim(text);
  if (std::optional<Time> time = ParseFixdate(text)) return time;
  if (std::optional<Time> time = ParseRfc850(text)) return time;
  return ParseAsctime(text);
}

std::string FormatIso8601(Time time) {
  const Civil c = CivilOf(time);
  std::string fraction = c.nanos == 0 ? std::string() : fmt::format(".{:09}", c.nanos);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{}Z", c.year, c.month, c.day, c.hour, c.minute, c.second, fraction);
}

std::optional<Time> ParseIso8601(std::string_view text) {
  Reader reader(Trim(text));
  Civil civil;
  civil.year = static_cast<int>(reader.Number(4));
  reader.Expect("-");
  civil.month = reader.Number(2);
  reader.Expect("-");
  civil.day = reader.Number(2);
  if (reader.done()) return TimeOf(civil);  // a day: its start, UTC
  if (!reader.Skip("T") && !reader.Skip("t")) reader.Expect(" ");
  civil.hour = reader.Number(2);
  reader.Expect(":");
  civil.minute = reader.Number(2);
  if (reader.Skip(":")) civil.second = reader.Number(2);
  if (reader.Skip(".")) civil.nanos = reader.Fraction();
  seconds offset(0);
  if (!reader.Skip("Z") && !reader.Skip("z")) {
    const bool west = reader.Skip("-");
    if (!west) reader.Expect("+");
    const unsigned hours = reader.Number(2);
    (void)reader.Skip(":");
    const unsigned minutes = reader.Number(2);
    if (hours > 23 || minutes > 59) return std::nullopt;
    offset = std::chrono::hours(hours) + std::chrono::minutes(minutes);
    if (west) offset = -offset;
  }
  return reader.done() ? TimeOf(civil, offset) : std::nullopt;
}

std::string FormatAmzDate(Time time) {
  const Civil c = CivilOf(time);
  std::string text = "00000000T000000Z";  // written by hand: once for each signed request
  const auto put = [&text](std::size_t last, unsigned value) {
    for (; value > 0; value /= 10) text[last--] = static_cast<char>('0' + value % 10);
  };
  put(3, static_cast<unsigned>(c.year));  // 1677 to 2262
  put(5, c.month);
  put(7, c.day);
  put(10, c.hour);
  put(12, c.minute);
  put(14, c.second);
  return text;
}

std::string FormatUnixTime(Time time) {
  const std::int64_t count = time.time_since_epoch().count();
  const std::uint64_t magnitude = count < 0 ? ~static_cast<std::uint64_t>(count) + 1 : static_cast<std::uint64_t>(count);
  return fmt::format("{}{}{}", count < 0 ? "-" : "", magnitude / 1'000'000'000, TrimmedFraction(static_cast<long>(magnitude % 1'000'000'000)));
}

std::optional<Time> ParseUnixTime(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const std::string_view whole = text.substr(0, text.find('.'));
  const std::optional<std::uint64_t> count = ParseUint(whole);
  if (!count || *count > 9'223'372'035U) return std::nullopt;  // what 64 bits of nanoseconds hold
  nanoseconds time = seconds(static_cast<std::int64_t>(*count));
  if (whole.size() != text.size()) {
    Reader reader(text.substr(whole.size() + 1));
    time += nanoseconds(reader.Fraction());
    if (!reader.done()) return std::nullopt;
  }
  return Time(negative ? -time : time);
}

Time TimeFromTimespec(std::int64_t whole, long nanos) {
  constexpr std::int64_t kMost = 9'223'372'035;  // beyond: the farthest that a Time holds
  if (whole > kMost) return Time::max();
  if (whole < -kMost) return Time::min();
  return Time(seconds(whole) + nanoseconds(nanos));
}

}  // namespace fileferry
