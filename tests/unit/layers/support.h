// support.h: what the tests of the layers share: a clock that does not wait, sources and sinks with habits.
#ifndef FILEFERRY_TESTS_UNIT_LAYERS_SUPPORT_H_
#define FILEFERRY_TESTS_UNIT_LAYERS_SUPPORT_H_

#include <doctest/doctest.h>

#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "fileferry/layers.h"
#include "fileferry/memory.h"
#include "fileferry/ops.h"
#include "fileferry/stack.h"
#include "fileferry/testing/fault_provider.h"

namespace fileferry {

inline const OpContext kCtx;

// Time that passes only by sleeping.
class VirtualClock final : public IClock {
 public:
  VirtualClock() { SetClock(this); }
  ~VirtualClock() override { SetClock(nullptr); }
  Time Now() override { return Time(std::chrono::duration_cast<std::chrono::nanoseconds>(now().time_since_epoch())); }
  OpContext::Clock::time_point SteadyNow() override { return now(); }
  Status Sleep(const OpContext& ctx, std::chrono::milliseconds time) override {
    if (Status s = ctx.Check(); !s.ok()) return s;
    const std::lock_guard lock(mutex_);
    sleeps_.push_back(time);
    now_ += time;
    return {};
  }
  double RandomUnit() override { return 0.5; }

  OpContext::Clock::time_point now() const {
    const std::lock_guard lock(mutex_);
    return now_;
  }
  std::vector<std::chrono::milliseconds> sleeps() const {
    const std::lock_guard lock(mutex_);
    return sleeps_;
  }

 private:
  mutable std::mutex mutex_;
  OpContext::Clock::time_point now_{std::chrono::hours(1000)};
  std::vector<std::chrono::milliseconds> sleeps_;
};

// Bytes that differ from place to place.
inline std::string Pattern(std::size_t size) {
  std::string text(size, '\0');
  std::uint32_t state = 1;
  for (char& c : text) {
    state = state * 1664525 + 1013904223;
    c = static_cast<char>(state >> 24);
  }
  return text;
}

// Not in memory; may refuse to rewind.
class Stream final : public ISource {
 public:
  explicit Stream(std::string text, bool rewinds = true) : text_(std::move(text)), rewinds_(rewinds) {}
  std::optional<std::uint64_t> size() const override { return text_.size(); }
  Result<std::size_t> Read(std::span<std::byte> out) override {
    if (!failure.ok() && at_ >= fail_at) return failure;
    const std::size_t n = std::min({out.size(), text_.size() - at_, std::size_t{1000}});
    std::memcpy(out.data(), text_.data() + at_, n);
    at_ += n;
    return n;
  }
  Status Rewind() override {
    if (at_ > 0 && !rewinds_) return Status(Code::kUnsupported, "cannot");
    at_ = 0;
    ++rewound;
    return {};
  }
  std::optional<Bytes> Memory() const override { return std::nullopt; }
  Status SendTo(ISink& sink) override { return SendByReading(*this, sink); }

  int rewound = 0;
  Status failure;
  std::size_t fail_at = 0;

 private:
  const std::string text_;
  const bool rewinds_;
  std::size_t at_ = 0;
};

// Remembers everything; may refuse to restart, may fail at a byte.
class Recorder final : public ISink {
 public:
  explicit Recorder(bool restarts = true) : restarts_(restarts) {}
  Status Write(Bytes bytes) override {
    if (!failure.ok()) return failure;
    text.append(AsText(bytes));
    if (on_write) on_write();
    return {};
  }
  Status Restart() override {
    if (!restarts_ && !text.empty()) return Status(Code::kUnsupported, "cannot");
    text.clear();
    ++restarted;
    return {};
  }
  std::string text;
  int restarted = 0;
  Status failure;
  std::function<void()> on_write;

 private:
  const bool restarts_;
};

struct Faulty {
  std::shared_ptr<IStorageProvider> memory = MemoryStorageProvider::Create("shelf");
  std::shared_ptr<testing::Faults> faults = std::make_shared<testing::Faults>();
  ProviderPtr provider = testing::WithFaults(memory, faults);
};

}  // namespace fileferry

#endif  // FILEFERRY_TESTS_UNIT_LAYERS_SUPPORT_H_
