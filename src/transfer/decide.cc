// decide.cc: see decide.h.
#include "transfer/decide.h"

namespace fileferry {

bool SameTime(Time a, Time b) {
  using std::chrono::floor;
  if (floor<std::chrono::microseconds>(a) == floor<std::chrono::microseconds>(b)) return true;
  const auto second_a = floor<std::chrono::seconds>(a), second_b = floor<std::chrono::seconds>(b);
  return second_a == second_b && (a == second_a || b == second_b);
}

Likeness CompareByListing(const Item& item, const Capabilities& destination) {
  if (item.size != item.there.size) return Likeness::kDifferent;
  if (!item.modified || !item.there.modified) return Likeness::kAsk;
  if (destination.keeps_mtime) return SameTime(*item.modified, *item.there.modified) ? Likeness::kEqualByTime : Likeness::kAsk;
  // Whether the source lists when the content was modified or uploaded: not later than our copy means that it is the content that was copied.
  return *item.modified <= *item.there.modified ? Likeness::kEqualByTime : Likeness::kAsk;
}

bool TrustsTimes(const CopyPlan& plan) { return plan.verify != VerifyMode::kFull && !(plan.verify == VerifyMode::kChecksum && plan.verify_existing); }

namespace {
bool ComparesContent(const CopyPlan& plan) { return plan.verify == VerifyMode::kChecksum || plan.verify == VerifyMode::kFull; }
}  // namespace

void Decide(Item* item, const CopyPlan& plan, const Side& destination, Uploads uploads) {
  if (item->decided != Outcome::kPending || item->announced || item->task != Task::kMove) return;
  if (const Status held = destination.provider->CheckKey(destination.Full(item->to)); !held.ok()) {
    item->decided = Outcome::kRefused;
    item->why = held;
    return;
  }
  if (item->known == Known::kPresent && !item->mend && !(item->ours && IsStill(item->written, ObjectInfo{.size = item->there.size, .modified = item->there.modified, .etag = item->there.etag}))) {
    if (plan.overwrite == Overwrite::kAlways) return;
    switch (CompareByListing(*item, destination.caps)) {
      case Likeness::kEqualByTime:
        if (!TrustsTimes(plan)) return;
        if (uploads == Uploads::kAsked && !destination.caps.keeps_mtime && ComparesContent(plan)) return;
        item->decided = Outcome::kSameByTime;
        return;
      case Likeness::kDifferent:
        if (plan.overwrite != Overwrite::kNever) return;
        item->decided = Outcome::kConflict;
        item->why = Status(Code::kAlreadyExists, "the destination holds an object of " + std::to_string(item->there.size) + " bytes instead of " +
                                                     std::to_string(item->size) + "; replace it with --overwrite changed");
        return;
      case Likeness::kAsk:
        return;
    }
  }
}

}  // namespace fileferry
