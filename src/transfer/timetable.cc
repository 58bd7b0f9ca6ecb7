// timetable.cc: local clocks without guessing: every conversion starts from an instant, which has exactly one local time.
#include "transfer/timetable.h"

#include <time.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "fileferry/config.h"

namespace fileferry {
namespace {

using std::chrono::days;
using std::chrono::minutes;
using std::chrono::seconds;
using Seconds = std::chrono::sys_seconds;
// A reading of the local clock, as if it were UTC.
using Reading = std::chrono::local_seconds;

// What local clocks show ahead of UTC at an instant.
seconds OffsetAt(Seconds instant) {
  const time_t count = static_cast<time_t>(instant.time_since_epoch().count());
  struct tm local = {};
  if (::localtime_r(&count, &local) == nullptr) return seconds(0);
  return seconds(local.tm_gmtoff);
}

Reading ReadingAt(Seconds instant) { return Reading(instant.time_since_epoch() + OffsetAt(instant)); }

// The first instant at which local clocks show this reading, or, where they jump over it, the instant of the jump.
Seconds FirstInstant(Reading reading) {
  const Seconds as_utc(reading.time_since_epoch());
  // Clocks change at most once within two days, so these are the only two offsets that count.
  const seconds before = OffsetAt(as_utc - days(1)), after = OffsetAt(as_utc + days(1));
  const Seconds one = as_utc - before, other = as_utc - after;
  const Seconds early = std::min(one, other), late = std::max(one, other);
  if (ReadingAt(early) == reading) return early;
  if (ReadingAt(late) == reading) return late;
  Seconds low = early, high = late;  // the jump lies between them
  while (high - low > seconds(1)) {
    const Seconds middle = low + (high - low) / 2;
    (ReadingAt(middle) < reading ? low : high) = middle;
  }
  return high;
}

// "HH:MM" as a minute of the day.
std::optional<int> ParseClock(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  const std::optional<std::uint64_t> hour = ParseUint(text.substr(0, 2)), minute = ParseUint(text.substr(3, 2));
  if (!hour || !minute || *hour > 23 || *minute > 59) return std::nullopt;
  return static_cast<int>(*hour * 60 + *minute);
}

std::optional<int> ParseWeekday(std::string_view text) {
  static constexpr std::array<std::string_view, 7> kNames = {"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"};
  const std::string lower = ToLower(text);
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (lower == kNames[i] || lower == kNames[i].substr(0, 3)) return static_cast<int>(i);
  }
  return std::nullopt;
}

// Bytes a second; a bare number is KiB.
std::optional<double> ParseRate(std::string_view text) {
  const bool bare = !text.empty() && text.find_first_not_of("0123456789.") == std::string_view::npos;
  const Result<std::uint64_t> rate = ParseSize(bare ? std::string(text) + "k" : std::string(text));
  if (!rate.ok()) return std::nullopt;
  return static_cast<double>(*rate);
}

}  // namespace

DaySchedule::Step DaySchedule::At(Time now) const {
  if (entries_.size() == 1 && entries_[0].weekday < 0) return {entries_[0].value, std::nullopt};
  const auto today = std::chrono::floor<days>(ReadingAt(std::chrono::floor<seconds>(now)));
  // A beginning: when, and, for two at one instant (a jump of the clocks), which is meant to be the later.
  struct Beginning {
    Time instant;
    Reading reading;
    double value = 0;
    bool operator<(const Beginning& other) const { return instant != other.instant ? instant < other.instant : reading < other.reading; }
  };
  std::optional<Beginning> last;
  std::optional<Time> next;
  for (int offset = -8; offset <= 8; ++offset) {  // the last beginning of a weekly entry lies at most a week back
    const auto day = today + days(offset);
    const int weekday = static_cast<int>(std::chrono::weekday(day).c_encoding());
    for (const Entry& entry : entries_) {
      if (entry.weekday >= 0 && entry.weekday != weekday) continue;
      const Reading reading = day + minutes(entry.minute);
      const Beginning beginning{FirstInstant(reading), reading, entry.value};
      if (beginning.instant > now) {
        if (!next || beginning.instant < *next) next = beginning.instant;
      } else if (!last || *last < beginning) {
        last = beginning;
      }
    }
  }
  return {last ? last->value : entries_[0].value, next};
}

Result<Timetable> Timetable::Create(std::string_view text) {
  const auto bad = [&](std::string_view part) {
    const std::string forms = "write 10M, off, or times with rates such as \"08:00,512k 19:00,off\" or \"Mon-08:00,1M\"";
    return Status(Code::kInvalidArgument, "\"" + Printable(part) + "\" is not a rate or timetable; " + forms);
  };
  const std::string_view all = Trim(text);
  if (all.empty()) return Timetable(DaySchedule({DaySchedule::Entry{}}));
  if (all.find(',') == std::string_view::npos) {
    const std::optional<double> rate = ParseRate(all);
    if (!rate) return bad(all);
    return Timetable(DaySchedule({DaySchedule::Entry{-1, 0, *rate}}));
  }
  std::vector<DaySchedule::Entry> entries;
  for (const std::string& part : Split(all, ' ')) {
    if (part.empty()) continue;
    const std::string_view slot = part;
    const std::size_t comma = slot.find(',');
    if (comma == std::string_view::npos) return bad(slot);
    std::string_view when = slot.substr(0, comma);
    DaySchedule::Entry entry;
    if (const std::size_t dash = when.find('-'); dash != std::string_view::npos) {
      const std::optional<int> weekday = ParseWeekday(when.substr(0, dash));
      if (!weekday) return bad(slot);
      entry.weekday = *weekday;
      when.remove_prefix(dash + 1);
    }
    const std::optional<int> minute = ParseClock(when);
    const std::optional<double> rate = ParseRate(slot.substr(comma + 1));
    if (!minute || !rate) return bad(slot);
    entry.minute = *minute;
    entry.value = *rate;
    for (const DaySchedule::Entry& other : entries) {
      if (other.weekday != entry.weekday || other.minute != entry.minute) continue;
      return Status(Code::kInvalidArgument, "the timetable has two rates for " + Printable(slot.substr(0, comma)));
    }
    entries.push_back(entry);
  }
  // Of two that begin together the first holds: a weekday goes before every day.
  std::stable_sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.weekday > b.weekday; });
  return Timetable(DaySchedule(std::move(entries)));
}

Result<Window> Window::Create(std::string_view text) {
  const std::string_view all = Trim(text);
  if (all.empty()) return Window(DaySchedule({DaySchedule::Entry{-1, 0, 1}}));
  const std::size_t dash = all.find('-');
  const std::optional<int> opens = ParseClock(Trim(all.substr(0, dash)));
  const std::optional<int> closes = dash == std::string_view::npos ? std::nullopt : ParseClock(Trim(all.substr(dash + 1)));
  if (!opens || !closes) return Status(Code::kInvalidArgument, "\"" + Printable(text) + "\" is not a window; write two times such as 22:00-06:00");
  if (*opens == *closes) {
    return Status(Code::kInvalidArgument, "the window \"" + Printable(text) + "\" opens and closes at the same time; leave it out to have no window");
  }
  return Window(DaySchedule({DaySchedule::Entry{-1, *opens, 1}, DaySchedule::Entry{-1, *closes, 0}}));
}

std::string LocalClock(Time time) {
  const Reading reading = ReadingAt(std::chrono::floor<seconds>(time));
  const auto of_day = std::chrono::duration_cast<minutes>(reading - std::chrono::floor<days>(reading)).count();
  const auto two = [](long value) { return std::string(value < 10 ? "0" : "") + std::to_string(value); };
  return two(of_day / 60) + ":" + two(of_day % 60);
}

}  // namespace fileferry
