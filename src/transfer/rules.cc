// rules.cc: see rules.h.
#include "transfer/rules.h"

#include "base/digest.h"

namespace fileferry {

Result<std::unique_ptr<Rules>> Rules::Compile(const CopyPlan& plan) {
  std::unique_ptr<Rules> rules(new Rules());
  Result<std::shared_ptr<const Filter>> filter = Filter::Create(plan.filter);
  if (!filter.ok()) return filter.status();
  Result<std::shared_ptr<const KeyMap>> map = KeyMap::Create(plan.map);
  if (!map.ok()) return map.status();
  rules->filter_ = std::move(*filter);
  rules->map_ = std::move(*map);
  rules->all_ = rules->filter_->empty() && plan.shards <= 1;
  rules->shard_ = plan.shard;
  rules->shards_ = plan.shards;
  return rules;
}

bool Rules::InShard(std::string_view key) const { return shards_ <= 1 || Crc64Nvme(0, AsBytes(key)) % shards_ == shard_; }

Filter::Decision Rules::Wants(std::string_view key, std::uint64_t size, const std::optional<Time>& modified) const {
  if (all_) return Filter::Decision::kWanted;
  if (!InShard(key)) return Filter::Decision::kLeftOut;
  return filter_->Decide(key, size, modified);
}

}  // namespace fileferry
