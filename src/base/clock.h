// clock.h: time, randomness and waiting, replaceable by tests (virtual clock, seeded randomness).
#ifndef FILEFERRY_BASE_CLOCK_H_
#define FILEFERRY_BASE_CLOCK_H_

#include <chrono>
#include <cstdint>
#include <string>

#include "fileferry/object.h"
#include "fileferry/options.h"

namespace fileferry {

Time Now();
OpContext::Clock::time_point SteadyNow();  // for measuring; follows a test's clock
// Sleeps until the time has passed, or returns early with kCancelled or kTimeout (looks at ctx at least every 50 ms).
Status SleepFor(const OpContext& ctx, std::chrono::milliseconds time);
double RandomUnit();                       // [0, 1), thread-safe
std::string RandomId();                    // 26 characters [0-9a-z], unguessable; also right after a fork

// What a test puts in the place of the real clock; called on any thread.
class IClock {
 public:
  virtual ~IClock() = default;
  virtual Time Now() = 0;
  virtual OpContext::Clock::time_point SteadyNow() = 0;
  virtual Status Sleep(const OpContext& ctx, std::chrono::milliseconds time) = 0;
  virtual double RandomUnit() = 0;
};
void SetClock(IClock* clock);  // tests only.  nullptr: the real one.  Not owned

}  // namespace fileferry

#endif  // FILEFERRY_BASE_CLOCK_H_
