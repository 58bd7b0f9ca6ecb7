// clock.cc: the process's clock, sleep and randomness, with the replacement that tests install.
#include "base/clock.h"

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <random>
#include <thread>

namespace fileferry {
namespace {

std::atomic<IClock*> g_clock{nullptr};

// Bytes of the kernel: nothing is buffered in the process, so that a fork cannot give both sides the same bytes.
void FillRandom(unsigned char* out, std::size_t size) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got = ::getrandom(out + done, size - done, 0);
    if (got > 0) {
      done += static_cast<std::size_t>(got);
    } else if (errno != EINTR) {
      break;
    }
  }
  if (done == size) return;
  std::random_device device("/dev/urandom");  // kernels and sandboxes without getrandom
  for (; done < size; ++done) out[done] = static_cast<unsigned char>(device());
}

std::uint64_t RandomWord() {
  unsigned char bytes[8];
  FillRandom(bytes, sizeof bytes);
  std::uint64_t word = 0;
  for (unsigned char byte : bytes) word = word << 8 | byte;
  return word;
}

}  // namespace

void SetClock(IClock* clock) { g_clock.store(clock, std::memory_order_release); }

Time Now() {
  if (IClock* clock = g_clock.load(std::memory_order_acquire)) return clock->Now();
  return std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now());
}

OpContext::Clock::time_point SteadyNow() {
  if (IClock* clock = g_clock.load(std::memory_order_acquire)) return clock->SteadyNow();
  return OpContext::Clock::now();
}

Status SleepFor(const OpContext& ctx, std::chrono::milliseconds time) {
  if (IClock* clock = g_clock.load(std::memory_order_acquire)) return clock->Sleep(ctx, time);
  using Clock = OpContext::Clock;
  const Clock::time_point start = Clock::now();
  constexpr std::chrono::milliseconds kMost = std::chrono::hours(24 * 365 * 10);  // beyond it, adding to a time point could overflow
  const Clock::time_point end = start + std::clamp(time, std::chrono::milliseconds(0), kMost);
  while (true) {
    Status status = ctx.Check();
    if (!status.ok()) return status;
    const Clock::time_point now = Clock::now();
    if (now >= end) return {};
    const Clock::time_point stop = std::min({end, ctx.deadline, now + std::chrono::milliseconds(50)});
    std::this_thread::sleep_until(stop);
  }
}

double RandomUnit() {
  if (IClock* clock = g_clock.load(std::memory_order_acquire)) return clock->RandomUnit();
  return static_cast<double>(RandomWord() >> 11) * 0x1.0p-53;
}

std::string RandomId() {
  static constexpr char kDigits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
  std::string id;
  id.reserve(26);
  while (id.size() < 26) {
    unsigned char bytes[32];
    FillRandom(bytes, sizeof bytes);
    for (unsigned char byte : bytes) {
      if (byte < 252 && id.size() < 26) id.push_back(kDigits[byte % 36]);  // 252 = 7 * 36: every digit equally likely
    }
  }
  return id;
}

}  // namespace fileferry
