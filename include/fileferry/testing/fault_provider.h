// fault_provider.h: makes any provider fail on demand, to find out what the code above it does then.
//
// A Faults object is armed with one plan at a time; the plan says which calls fail and how.  The usual loop fails the first call, the second, … until the plan is not reached any more:
//
//   auto faults = std::make_shared<Faults>();
//   ProviderPtr provider = WithFaults(inner, faults);
//   for (std::uint64_t k = 1;; ++k) {
//     faults->Arm({.kind = FaultKind::kLostAnswer, .at = k});
//     ... run the scenario over provider, check what must hold ...
//     if (faults->reached() == 0) break;
//   }
//
// All of it is thread-safe; a Faults object may be shared by several providers, which then count together.
#ifndef FILEFERRY_TESTING_FAULT_PROVIDER_H
#define FILEFERRY_TESTING_FAULT_PROVIDER_H

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

#include "fileferry/layers.h"

namespace fileferry::testing {

enum class FaultKind : std::uint8_t {
  kError,       // fails before any effect, with `code`
  kLostAnswer,  // takes effect and fails nevertheless: kUnavailable, ambiguous
  kSlow,        // waits for `delay` first (cancellation and deadlines end the wait), then goes on
  kCutBody,     // the connection breaks after at_byte bytes of the body: kUnavailable, no effect.  Bodies only
  kFlipBit,     // one bit of byte at_byte of the body is wrong, and nobody says so.  Bodies only; a shorter body stays right
  kShort,       // the body ends after at_byte bytes, and nobody says so: a source that is too short, an answer that is cut.  Bodies only
  kNoSpace      // kQuotaExceeded (ENOSPC): before any effect, or after at_byte bytes of a body.  Writing calls only
};

struct FaultPlan {
  FaultKind kind = FaultKind::kError;
  std::uint64_t at = 1;                  // the first call to fail, counted from 1 among those that match
  bool sticky = false;                   // false: this call alone; true: from this call on
  std::optional<Operation> operation{};  // absent: every operation that the kind applies to
  std::uint64_t at_byte = 0;             // for bodies
  Code code = Code::kUnavailable;        // of kError
  std::chrono::milliseconds retry_after{0};  // of kError
  std::chrono::milliseconds delay{0};    // of kSlow
};

// Whether a kind can happen to an operation at all; others are not counted.
bool Applies(FaultKind kind, Operation operation);

class Faults {
 public:
  // Begins to count anew.
  void Arm(const FaultPlan& plan);
  void Disarm();

  // Calls since the last Arm that matched its kind and operation.
  std::uint64_t matched() const;
  // Those of them that the plan chose to fail.  0 after a scenario: `at` lies past its last call.
  std::uint64_t reached() const;
  // All calls since construction, faults or not.
  std::uint64_t calls() const;
  std::uint64_t calls(Operation operation) const;

  // Used by the provider: counts a call, and answers the plan if this one is to fail.
  std::optional<FaultPlan> OnCall(Operation operation);

 private:
  mutable std::mutex mutex_;
  std::optional<FaultPlan> plan_;
  std::uint64_t matched_ = 0, reached_ = 0, calls_ = 0;
  std::array<std::uint64_t, kOperationCount> by_operation_{};
};

// A layer like those of layers.h.  Operations without I/O (CheckKey, Locate, NewBatch …) never fail; the commit of a batch does.
ProviderPtr WithFaults(ProviderPtr inner, std::shared_ptr<Faults> faults);

}  // namespace fileferry::testing

#endif  // FILEFERRY_TESTING_FAULT_PROVIDER_H
