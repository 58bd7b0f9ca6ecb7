// decide.h: what the two listings say about one object, without asking anybody.  Any thread.
#ifndef FILEFERRY_TRANSFER_DECIDE_H_
#define FILEFERRY_TRANSFER_DECIDE_H_

#include "transfer/item.h"

namespace fileferry {

enum class Likeness : std::uint8_t { kEqualByTime, kDifferent, kAsk };
// Sizes and times alone.  A storage that keeps the time of modification lists that; another lists when the object was uploaded.
Likeness CompareByListing(const Item& item, const Capabilities& source, const Capabilities& destination);
// Times as the coarser side keeps them: equal to the microsecond, or to the whole second where one has no fraction.
bool SameTime(Time a, Time b);

// Whether size and time are enough for what is at the destination already: not where digests or bytes were asked for.
bool TrustsTimes(const CopyPlan& plan);

// Fills item.decided where nothing is to be moved or asked.
void Decide(Item* item, const CopyPlan& plan, const Side& source, const Side& destination);

}  // namespace fileferry

#endif  // FILEFERRY_TRANSFER_DECIDE_H_
