// timetable.h: limits and windows that follow the local clock.
//
// A time of day means the first moment of that day at which local clocks show it or more: when clocks go forward over it, the moment they do; when they go
// back, the first of the two.
// Immutable after Create; any thread.  The time zone is the process's (TZ).
#ifndef FILEFERRY_TRANSFER_TIMETABLE_H_
#define FILEFERRY_TRANSFER_TIMETABLE_H_

#include <optional>
#include <string_view>
#include <vector>

#include "fileferry/object.h"

namespace fileferry {

// Values that begin at times of day, each holding until the next begins.
class DaySchedule {
 public:
  struct Entry {
    int weekday = -1;   // 0 Sunday … 6 Saturday; -1 every day
    int minute = 0;     // of the day
    double value = 0;
  };
  struct Step {
    double value = 0;
    std::optional<Time> until;  // when the next step begins; absent: never
  };
  explicit DaySchedule(std::vector<Entry> entries) : entries_(std::move(entries)) {}
  // REQUIRES: at least one entry
  Step At(Time now) const;

 private:
  std::vector<Entry> entries_;
};

// rclone's --bwlimit: "10M", "off", "08:00,512k 19:00,off", "Mon-08:00,1M Fri-18:00,off".  Bytes a second; a bare number is KiB a second.
class Timetable {
 public:
  // kInvalidArgument naming what cannot be read.  Empty: no limit.
  static Result<Timetable> Create(std::string_view text);
  // value: bytes a second, 0 for no limit.
  DaySchedule::Step At(Time now) const { return schedule_.At(now); }

 private:
  explicit Timetable(DaySchedule schedule) : schedule_(std::move(schedule)) {}
  DaySchedule schedule_;
};

// "22:00-06:00": open from the first time to the second, every day.
class Window {
 public:
  // kInvalidArgument naming what cannot be read.  Empty: always open.
  static Result<Window> Create(std::string_view text);
  bool IsOpen(Time now) const { return schedule_.At(now).value != 0; }
  // When it next opens or closes; absent: never.
  std::optional<Time> NextChange(Time now) const { return schedule_.At(now).until; }

 private:
  explicit Window(DaySchedule schedule) : schedule_(std::move(schedule)) {}
  DaySchedule schedule_;
};

// "22:00", a time as local clocks show it: for "paused until 22:00".
std::string LocalClock(Time time);

}  // namespace fileferry

#endif  // FILEFERRY_TRANSFER_TIMETABLE_H_
