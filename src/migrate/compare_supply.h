// compare_supply.h: the items of a comparison of two storages.  Read by one thread.
#ifndef FILEFERRY_MIGRATE_COMPARE_SUPPLY_H_
#define FILEFERRY_MIGRATE_COMPARE_SUPPLY_H_

#include <vector>

#include "journal/journal.h"
#include "transfer/setup.h"

namespace fileferry {

// Listings merged, and nothing is moved: what they do not tell is compared by the workers.
class CompareSupply : public ISupply {
 public:
  // All must outlive it.  rows: of a migration between the two; may be nullptr.
  CompareSupply(ISupply& inner, const Setup& setup, Journal* rows = nullptr) : inner_(inner), setup_(setup), rows_(rows) {}
  // Ends after CopyPlan::limit objects.
  Status Next(const OpContext& ctx, std::vector<Item>* out) override;

 private:
  void Judge(Item* item) const;
  Status Recall(Item* item) const;

  ISupply& inner_;
  const Setup& setup_;
  Journal* const rows_;
  std::uint64_t given_ = 0;
};

}  // namespace fileferry

#endif  // FILEFERRY_MIGRATE_COMPARE_SUPPLY_H_
