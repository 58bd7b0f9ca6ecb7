// announced.h: what a list of keys does not tell of its objects.  Any thread.
#ifndef FILEFERRY_TRANSFER_ANNOUNCED_H_
#define FILEFERRY_TRANSFER_ANNOUNCED_H_

#include <vector>

#include "transfer/board.h"
#include "transfer/setup.h"

namespace fileferry {

// Of the announced items from `from` on, removes those that Setup::filter leaves out by size, time or content type, and counts them so: asks the source for each, a few at once.  Keys that are not
// there stay, to be named as missing; what cannot be asked for is decided as failed.
Status LeaveOut(const OpContext& ctx, const Setup& setup, Board& board, std::vector<Item>* items, std::size_t from);

// The next items of a supply without those that are left out; nothing means the end, as with ISupply::Next.
Status NextWanted(ISupply& supply, const OpContext& ctx, const Setup& setup, std::vector<Item>* out);

}  // namespace fileferry

#endif  // FILEFERRY_TRANSFER_ANNOUNCED_H_
