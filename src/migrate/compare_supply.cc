// compare_supply.cc: see compare_supply.h.
#include "migrate/compare_supply.h"

#include <utility>

#include "transfer/announced.h"

namespace fileferry {

Status CompareSupply::Next(const OpContext& ctx, std::vector<Item>* out) {
  const std::size_t before = out->size();
  const std::uint64_t limit = setup_.plan.limit;
  if (limit > 0 && given_ >= limit) return {};
  if (Status status = NextWanted(inner_, ctx, setup_, out); !status.ok()) return status;
  if (limit > 0 && out->size() - before > limit - given_) out->resize(before + static_cast<std::size_t>(limit - given_));
  given_ += out->size() - before;
  for (std::size_t i = before; i < out->size(); ++i) {
    Item& item = (*out)[i];
    Judge(&item);
    if (rows_ == nullptr || item.decided != Outcome::kPending) continue;
    if (Status status = Recall(&item); !status.ok()) return status;
  }
  return {};
}

// What was there before the migration, which says that it has the same bytes, keeps the properties that its owner gave it.
Status CompareSupply::Recall(Item* item) const {
  Result<std::optional<JournalRow>> row = rows_->Find(item->key);
  if (!row.ok()) return row.status();
  item->was_there = row->has_value() && !(*row)->wrote && (OutcomeIsGood((*row)->state) || (*row)->state == Outcome::kDifferent);
  return {};
}

void CompareSupply::Judge(Item* item) const {
  item->task = Task::kCompare;
  if (item->decided != Outcome::kPending || item->announced) return;
  const auto decide = [item](Outcome outcome, std::string why) {
    item->decided = outcome;
    if (!why.empty()) item->why = Status(outcome == Outcome::kMissingAtDestination ? Code::kNotFound : Code::kIntegrity, std::move(why));
  };
  switch (item->known) {
    case Known::kAbsent:
      return decide(Outcome::kMissingAtDestination, "there is no such object at the destination");
    case Known::kPresent:
      if (item->there.size != item->size) {
        return decide(Outcome::kDifferent, std::to_string(item->there.size) + " bytes instead of " + std::to_string(item->size));
      }
      if (setup_.plan.verify == VerifyMode::kNone || setup_.plan.verify == VerifyMode::kSize) decide(Outcome::kSame, {});
      return;
    case Known::kUnknown:
      return;
  }
}

}  // namespace fileferry
