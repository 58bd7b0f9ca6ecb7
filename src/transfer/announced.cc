// announced.cc: see announced.h.
#include "transfer/announced.h"

#include <atomic>
#include <utility>

#include "core/parallel.h"
#include "transfer/filter.h"

namespace fileferry {

bool IsWanted(const Setup& setup, const Item& item, const ObjectInfo& info) {
  if (setup.filter == nullptr || !item.announced) return true;
  const Filter::Decision wanted = setup.filter->Decide(item.key, info.size, ListedTime(info, setup.source.caps));
  return wanted == Filter::Decision::kNeedsType ? setup.filter->WantsType(info.properties.content_type) : wanted == Filter::Decision::kWanted;
}

Result<std::size_t> TakeOut(const OpContext& ctx, const Setup& setup, std::vector<Item>* items, std::size_t from, const std::function<bool(const Item&)>& drop) {
  std::vector<char> out(items->size(), 0);
  std::atomic<std::size_t> next{from};
  RunOnThreads(setup.plan.checkers, [&] {
    for (std::size_t at; (at = next.fetch_add(1)) < items->size();) {
      if (ctx.Check().ok()) out[at] = drop((*items)[at]) ? 1 : 0;
    }
  });
  if (Status status = ctx.Check(); !status.ok()) return status;
  std::size_t kept = from;
  for (std::size_t at = from; at < items->size(); ++at) {
    if (out[at] != 0) continue;
    if (kept != at) (*items)[kept] = std::move((*items)[at]);
    ++kept;
  }
  const std::size_t gone = items->size() - kept;
  items->resize(kept);
  return gone;
}

Status LeaveOut(const OpContext& ctx, const Setup& setup, Board& board, std::vector<Item>* items, std::size_t from) {
  if (setup.filter == nullptr || from == items->size()) return {};
  const Result<std::size_t> gone = TakeOut(ctx, setup, items, from, [&](const Item& item) {
    if (!item.announced || item.decided != Outcome::kPending) return false;
    const Result<ObjectInfo> info = setup.source.provider->Stat(ctx, setup.source.Full(item.key));
    return info.ok() && !IsWanted(setup, item, *info);
  });
  if (!gone.ok()) return gone.status();
  board.listed.fetch_sub(*gone, std::memory_order_relaxed);
  board.filtered.fetch_add(*gone, std::memory_order_relaxed);
  return {};
}

Status NextWanted(ISupply& supply, const OpContext& ctx, const Setup& setup, std::vector<Item>* out) {
  const std::size_t before = out->size();
  for (;;) {
    if (Status status = supply.Next(ctx, out); !status.ok() || out->size() == before) return status;
    if (Status status = LeaveOut(ctx, setup, *setup.board, out, before); !status.ok() || out->size() != before) return status;
  }
}

}  // namespace fileferry
