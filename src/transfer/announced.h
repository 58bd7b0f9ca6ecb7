// announced.h: what a list of keys does not tell of its objects.  Any thread.
#ifndef FILEFERRY_TRANSFER_ANNOUNCED_H_
#define FILEFERRY_TRANSFER_ANNOUNCED_H_

#include <cstddef>
#include <functional>
#include <vector>

#include "transfer/board.h"
#include "transfer/setup.h"

namespace fileferry {

// Takes out those items from `from` on for which `drop` says so; asks it for each, on as many threads as the plan has checkers.  How many it took out; they are in when ctx has ended meanwhile.
Result<std::size_t> TakeOut(const OpContext& ctx, const Setup& setup, std::vector<Item>* items, std::size_t from, const std::function<bool(const Item&)>& drop);

// Whether Setup::filter takes an announced item of which the source has just told; every other item is wanted.
bool IsWanted(const Setup& setup, const Item& item, const ObjectInfo& info);

// Of the announced items from `from` on, removes those that are not wanted, and counts them so: asks the source for each, a few at once.  Keys that are not there stay, to be named as missing; so do those that
// cannot be asked for: whoever works on them asks once more, finds out what that failure means, and asks IsWanted.
Status LeaveOut(const OpContext& ctx, const Setup& setup, Board& board, std::vector<Item>* items, std::size_t from);

// The next items of a supply without those that are left out; nothing means the end, as with ISupply::Next.
Status NextWanted(ISupply& supply, const OpContext& ctx, const Setup& setup, std::vector<Item>* out);

}  // namespace fileferry

#endif  // FILEFERRY_TRANSFER_ANNOUNCED_H_
