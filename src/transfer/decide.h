// decide.h: what the two listings say about one object, without asking anybody.  Any thread.
#ifndef FILEFERRY_TRANSFER_DECIDE_H_
#define FILEFERRY_TRANSFER_DECIDE_H_

#include "transfer/item.h"

namespace fileferry {

enum class Likeness : std::uint8_t { kEqualByTime, kDifferent, kAsk };
// Sizes and times alone.  A storage that keeps the time of modification lists that; another lists when the object was uploaded.
Likeness CompareByListing(const Item& item, const Capabilities& destination);
// Times as the coarser side keeps them: equal to the microsecond, or to the whole second where one has no fraction.
bool SameTime(Time a, Time b);

// Whether size and time are enough for what is at the destination already: not where digests or bytes were asked for.
bool TrustsTimes(const CopyPlan& plan);

// A source that is not newer than an upload of the same size was most likely what was uploaded, but may be an older file that took the place of the newer one.
enum class Uploads : std::uint8_t {
  kTrusted,  // good enough for a copy, which says "same by size and time" and looks again each time
  kAsked     // the destination is asked for the time and digests that it keeps: once, for what a journal then calls done
};

// Fills item.decided where nothing is to be moved or asked.
void Decide(Item* item, const CopyPlan& plan, const Side& destination, Uploads uploads);

}  // namespace fileferry

#endif  // FILEFERRY_TRANSFER_DECIDE_H_
