// compare_supply.h: the items of a comparison of two storages.  Read by one thread.
#ifndef FILEFERRY_MIGRATE_COMPARE_SUPPLY_H_
#define FILEFERRY_MIGRATE_COMPARE_SUPPLY_H_

#include <vector>

#include "transfer/setup.h"

namespace fileferry {

// Listings merged, and nothing is moved: what they do not tell is compared by the workers.
class CompareSupply : public ISupply {
 public:
  // Both must outlive it.
  CompareSupply(ISupply& inner, const Setup& setup) : inner_(inner), setup_(setup) {}
  // Ends after CopyPlan::limit objects.
  Status Next(const OpContext& ctx, std::vector<Item>* out) override;

 private:
  void Judge(Item* item) const;

  ISupply& inner_;
  const Setup& setup_;
  std::uint64_t given_ = 0;
};

}  // namespace fileferry

#endif  // FILEFERRY_MIGRATE_COMPARE_SUPPLY_H_
