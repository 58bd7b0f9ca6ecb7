// timetable_test.cc: rates and windows by the clock of Berlin, over day changes and both changes of the clocks.
#include "transfer/timetable.h"

#include <doctest/doctest.h>
#include <time.h>

#include <cstdlib>

#include "base/text.h"

using namespace fileferry;

namespace {

// Everything here happens in one time zone.
struct Zone {
  explicit Zone(const char* name) {
    const char* before = std::getenv("TZ");
    had_ = before != nullptr;
    before_ = had_ ? before : "";
    ::setenv("TZ", name, 1);
    ::tzset();
  }
  ~Zone() {
    if (had_) {
      ::setenv("TZ", before_.c_str(), 1);
    } else {
      ::unsetenv("TZ");
    }
    ::tzset();
  }
  bool had_;
  std::string before_;
};

Time At(std::string_view iso) {
  const std::optional<Time> time = ParseIso8601(iso);
  REQUIRE(time);
  return *time;
}

// "rate until": the rate in KiB/s, and when it changes, UTC.
std::string Step(const std::string& table, std::string_view now) {
  const Result<Timetable> parsed = Timetable::Create(table);
  REQUIRE_MESSAGE(parsed.ok(), parsed.status().ToString());
  const DaySchedule::Step step = parsed->At(At(now));
  return std::to_string(static_cast<long>(step.value / 1024)) + " " + (step.until ? FormatIso8601(*step.until) : "never");
}

std::string Gate(const std::string& window, std::string_view now) {
  const Result<Window> parsed = Window::Create(window);
  REQUIRE_MESSAGE(parsed.ok(), parsed.status().ToString());
  const std::optional<Time> change = parsed->NextChange(At(now));
  return std::string(parsed->IsOpen(At(now)) ? "open until " : "closed until ") + (change ? FormatIso8601(*change) : "never");
}

}  // namespace

TEST_CASE("one rate for ever") {
  CHECK(Step("10M", "2024-01-01") == "10240 never");
  CHECK(Step("512", "2024-01-01") == "512 never");   // bare numbers are KiB/s
  CHECK(Step("1.5", "2024-01-01") == "1 never");
  CHECK(Timetable::Create("1.5")->At(At("2024-01-01")).value == 1536);
  CHECK(Timetable::Create("100B")->At(At("2024-01-01")).value == 100);
  CHECK(Timetable::Create("1MB")->At(At("2024-01-01")).value == 1e6);
  CHECK(Step("off", "2024-01-01") == "0 never");
  CHECK(Step("0", "2024-01-01") == "0 never");
  CHECK(Step("", "2024-01-01") == "0 never");
}

TEST_CASE("times of day, over midnight") {
  const Zone zone("Europe/Berlin");  // UTC+1 in January
  const std::string table = "08:00,512k 19:00,off";
  CHECK(Step(table, "2024-01-10T06:59:59Z") == "0 2024-01-10T07:00:00Z");
  CHECK(Step(table, "2024-01-10T07:00:00Z") == "512 2024-01-10T18:00:00Z");
  CHECK(Step(table, "2024-01-10T17:59:59Z") == "512 2024-01-10T18:00:00Z");
  CHECK(Step(table, "2024-01-10T18:00:00Z") == "0 2024-01-11T07:00:00Z");
  CHECK(Step(table, "2024-01-10T23:30:00Z") == "0 2024-01-11T07:00:00Z");
  CHECK(Step(table, "2024-07-10T06:00:00Z") == "512 2024-07-10T17:00:00Z");  // summer: UTC+2
  CHECK(Step("19:00,off   08:00,512k", "2024-01-10T18:00:00Z") == "0 2024-01-11T07:00:00Z");
}

TEST_CASE("weekdays, over the end of the week") {
  const Zone zone("UTC");
  const std::string table = "Mon-08:00,1M Fri-18:00,off Sunday-12:00,2M";
  CHECK(Step(table, "2024-01-08T07:59:59Z") == "2048 2024-01-08T08:00:00Z");  // a Monday, still Sunday's
  CHECK(Step(table, "2024-01-08T08:00:00Z") == "1024 2024-01-12T18:00:00Z");
  CHECK(Step(table, "2024-01-13T00:00:00Z") == "0 2024-01-14T12:00:00Z");
  CHECK(Step(table, "2024-01-14T12:00:00Z") == "2048 2024-01-15T08:00:00Z");
  CHECK(Step("wed-00:00,1M", "2024-01-08T00:00:00Z") == "1024 2024-01-10T00:00:00Z");
  // A weekday's own entry goes before every day's.
  CHECK(Step("08:00,1M mon-08:00,2M", "2024-01-08T09:00:00Z") == "2048 2024-01-09T08:00:00Z");
  CHECK(Step("mon-08:00,2M 08:00,1M", "2024-01-08T09:00:00Z") == "2048 2024-01-09T08:00:00Z");
  CHECK(Step("08:00,1M mon-08:00,2M", "2024-01-09T09:00:00Z") == "1024 2024-01-10T08:00:00Z");
}

TEST_CASE("clocks go forward: 02:30 does not exist, so it is the moment of the change") {
  const Zone zone("Europe/Berlin");  // 2024-03-31, 02:00 becomes 03:00, at 01:00 UTC
  CHECK(Step("02:30,1M 12:00,off", "2024-03-31T00:59:59Z") == "0 2024-03-31T01:00:00Z");
  CHECK(Step("02:30,1M 12:00,off", "2024-03-31T01:00:00Z") == "1024 2024-03-31T10:00:00Z");
  CHECK(Gate("22:00-06:00", "2024-03-30T23:00:00Z") == "open until 2024-03-31T04:00:00Z");
  CHECK(Gate("02:10-02:40", "2024-03-31T01:00:00Z") == "closed until 2024-04-01T00:10:00Z");  // no such half hour that day
  CHECK(Gate("02:10-04:00", "2024-03-31T01:00:00Z") == "open until 2024-03-31T02:00:00Z");
}

TEST_CASE("clocks go back: 02:30 comes twice, and the first one counts") {
  const Zone zone("Europe/Berlin");  // 2024-10-27, 03:00 becomes 02:00, at 01:00 UTC
  CHECK(Step("02:30,1M 12:00,off", "2024-10-27T00:29:59Z") == "0 2024-10-27T00:30:00Z");
  CHECK(Step("02:30,1M 12:00,off", "2024-10-27T00:30:00Z") == "1024 2024-10-27T11:00:00Z");
  CHECK(Step("02:30,1M 12:00,off", "2024-10-27T01:10:00Z") == "1024 2024-10-27T11:00:00Z");  // the second 02:10
  CHECK(Gate("22:00-06:00", "2024-10-26T21:00:00Z") == "open until 2024-10-27T05:00:00Z");
  CHECK(Gate("02:10-02:40", "2024-10-27T01:20:00Z") == "closed until 2024-10-28T01:10:00Z");
}

TEST_CASE("windows") {
  const Zone zone("Europe/Berlin");
  CHECK(Gate("22:00-06:00", "2024-01-10T20:59:59Z") == "closed until 2024-01-10T21:00:00Z");
  CHECK(Gate("22:00-06:00", "2024-01-10T21:00:00Z") == "open until 2024-01-11T05:00:00Z");
  CHECK(Gate("22:00-06:00", "2024-01-11T04:59:59Z") == "open until 2024-01-11T05:00:00Z");
  CHECK(Gate("22:00-06:00", "2024-01-11T05:00:00Z") == "closed until 2024-01-11T21:00:00Z");
  CHECK(Gate("09:00-17:00", "2024-01-10T12:00:00Z") == "open until 2024-01-10T16:00:00Z");
  CHECK(Gate("09:00 - 17:00", "2024-01-10T16:00:00Z") == "closed until 2024-01-11T08:00:00Z");
  CHECK(Gate("", "2024-01-10T16:00:00Z") == "open until never");
  CHECK(LocalClock(At("2024-01-10T21:05:59Z")) == "22:05");
  CHECK(LocalClock(At("2024-07-10T22:00:00Z")) == "00:00");
}

TEST_CASE("fractions of a second before a change count as before") {
  const Zone zone("UTC");
  const Window window = Window::Create("22:00-06:00").value();
  CHECK_FALSE(window.IsOpen(At("2024-01-10T21:59:59.999999999Z")));
  CHECK(window.IsOpen(At("2024-01-10T22:00:00Z")));
}

TEST_CASE("other places: half hours, and clocks that change by half an hour or at midnight") {
  {
    const Zone zone("Asia/Kolkata");
    CHECK(Gate("22:00-06:00", "2024-01-10T16:30:00Z") == "open until 2024-01-11T00:30:00Z");
  }
  {
    const Zone zone("Australia/Lord_Howe");  // 2024-10-06 02:00 becomes 02:30, at 15:30 UTC of the 5th
    CHECK(Gate("02:15-06:00", "2024-10-05T15:29:59Z") == "closed until 2024-10-05T15:30:00Z");
  }
  {
    const Zone zone("America/Santiago");  // 2024-09-08 00:00 becomes 01:00, at 04:00 UTC
    CHECK(Gate("00:00-06:00", "2024-09-08T03:59:59Z") == "closed until 2024-09-08T04:00:00Z");
    CHECK(Gate("00:30-06:00", "2024-09-08T04:00:00Z") == "open until 2024-09-08T09:00:00Z");
  }
}

TEST_CASE("every step ends where the next begins, for two years of hours") {
  const Zone zone("Europe/Berlin");
  const Timetable table = Timetable::Create("02:30,1M Sat-02:15,2M 03:00,3M Sun-23:59,off").value();
  Time now = At("2024-01-01");
  const Time end = At("2026-01-01");
  int steps = 0;
  while (now < end) {
    const DaySchedule::Step step = table.At(now);
    REQUIRE(step.until);
    REQUIRE(*step.until > now);
    REQUIRE(*step.until - now <= std::chrono::hours(25));
    REQUIRE(table.At(*step.until - std::chrono::nanoseconds(1)).value == step.value);
    now = *step.until;
    ++steps;
  }
  CHECK(steps > 2 * 365 * 2);
}

TEST_CASE("refused") {
  for (const char* bad : {"10X", "x", "08:00", "08:00,", "8:00,1M", "24:00,1M", "08:60,1M", "08:00,1M 08:00,2M", "Foo-08:00,1M", "Mon 08:00,1M", "08:00,1M,2M",
      "-1", ",1M"}) {
    CAPTURE(bad);
    CHECK(Timetable::Create(bad).code() == Code::kInvalidArgument);
  }
  for (const char* bad : {"22:00", "22:00-", "-06:00", "22:00-24:00", "22-06", "22:00-22:00", "22:00-06:00-08:00", "x"}) {
    CAPTURE(bad);
    CHECK(Window::Create(bad).code() == Code::kInvalidArgument);
  }
}
