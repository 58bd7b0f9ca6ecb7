// rules.h: which objects a run is about and what they are called at the destination: filter, shard and map of a plan, compiled.
//
// Immutable after Compile; any thread.
#ifndef FILEFERRY_TRANSFER_RULES_H_
#define FILEFERRY_TRANSFER_RULES_H_

#include <memory>
#include <string>
#include <string_view>

#include "transfer/filter.h"
#include "transfer/mapping.h"

namespace fileferry {

class Rules {
 public:
  static Result<std::unique_ptr<Rules>> Compile(const CopyPlan& plan);

  Filter::Decision Wants(std::string_view key, std::uint64_t size, const std::optional<Time>& modified) const;
  bool WantsType(std::string_view content_type) const { return filter_->WantsType(content_type); }
  bool WantsKey(std::string_view key) const { return InShard(key) && filter_->WantsKey(key); }
  bool ExcludesFolder(std::string_view folder) const { return filter_->ExcludesFolder(folder); }
  Result<std::string> Map(std::string_view key) const { return map_->Map(key); }
  bool keeps_order() const { return map_->order_preserving(); }
  bool one_to_one() const { return map_->one_to_one(); }

 private:
  Rules() = default;
  bool InShard(std::string_view key) const;

  std::shared_ptr<const Filter> filter_;
  std::shared_ptr<const KeyMap> map_;
  bool all_ = false;
  std::uint32_t shard_ = 0, shards_ = 1;
};

}  // namespace fileferry

#endif  // FILEFERRY_TRANSFER_RULES_H_
