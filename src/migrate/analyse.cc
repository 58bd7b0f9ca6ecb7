// analyse.cc: `plan`: what a run would meet.  Lists both sides, moves nothing.
#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <utility>

#include "core/parallel.h"
#include "migrate/key_index.h"
#include "migrate/sides.h"
#include "transfer/announced.h"
#include "transfer/compare.h"
#include "transfer/decide.h"
#include "transfer/merge.h"

namespace fileferry {

namespace {

constexpr std::size_t kLargest = 10;
constexpr std::size_t kRefused = 10000;  // as many as a run keeps problems
constexpr std::size_t kTypes = 1000;  // more kinds than that are counted as "other"
constexpr std::uint64_t kObjectsAPage = 1000;

struct Bound {
  const char* name;
  std::uint64_t below;
};
constexpr Bound kSizes[] = {{"0", 1},
                            {"< 64 KiB", std::uint64_t{64} << 10},
                            {"< 1 MiB", std::uint64_t{1} << 20},
                            {"< 16 MiB", std::uint64_t{16} << 20},
                            {"< 128 MiB", std::uint64_t{128} << 20},
                            {"< 1 GiB", std::uint64_t{1} << 30},
                            {">= 1 GiB", UINT64_MAX}};

// AWS S3's list prices (us-east-1, standard class), in US dollars.
constexpr double kWritePrice = 0.005 / 1000, kReadPrice = 0.0004 / 1000, kTransferPrice = 0.09 / (1 << 30), kStoragePrice = 0.023 / (1 << 30);

class Analyst {
 public:
  Analyst(const CopyPlan& plan, const Side& source, const Side* destination) : plan_(plan), source_(source), destination_(destination) {
    for (const Bound& bound : kSizes) analysis_.sizes.push_back({bound.name, 0, 0});
  }

  void Take(const Item& item) {
    if (item.decided == Outcome::kUnlisted) {
      if (++analysis_.unlisted_count <= kRefused) analysis_.unlisted.push_back(RecordOf(item));
      return;
    }
    ++analysis_.objects;
    analysis_.bytes += item.size;
    std::size_t at = 0;
    while (item.size >= kSizes[at].below && at + 1 < std::size(kSizes)) ++at;
    ++analysis_.sizes[at].objects;
    analysis_.sizes[at].bytes += item.size;
    Type(item);
    if (largest_.size() < kLargest || item.size > largest_.back().size) {
      ObjectRecord record;
      record.key = item.key;
      record.destination_key = item.to;
      record.size = item.size;
      const auto place = std::upper_bound(largest_.begin(), largest_.end(), record, [](const ObjectRecord& a, const ObjectRecord& b) { return a.size > b.size; });
      largest_.insert(place, std::move(record));
      if (largest_.size() > kLargest) largest_.pop_back();
    }
    if (item.decided == Outcome::kRefused) return Refuse(item);
    if (item.decided == Outcome::kConflict) {
      ++analysis_.conflicts;
      return;
    }
    if (item.decided == Outcome::kSame || item.decided == Outcome::kSameByTime) {
      ++analysis_.already_there;
      return;
    }
    ++analysis_.left;
    analysis_.left_bytes += item.size;
    Requests(item.size);
  }

  std::uint64_t unlisted() const { return analysis_.unlisted_count; }
  std::uint64_t objects() const { return analysis_.objects; }
  void Asked(std::uint64_t objects) { analysis_.requests_read += 2 * objects; }

  Analysis Finish(const Board& board) {
    const Progress progress = board.Snapshot();
    analysis_.skipped_links = progress.skipped_links;
    analysis_.empty_folders = progress.empty_folders;
    analysis_.filtered = progress.filtered;
    const std::uint64_t seen = analysis_.objects + analysis_.filtered;
    analysis_.requests_list += seen / kObjectsAPage + 1;
    if (destination_ != nullptr) analysis_.requests_list += (analysis_.already_there + analysis_.conflicts + progress.extra) / kObjectsAPage + 1;
    for (auto& [name, group] : types_) analysis_.types.push_back(std::move(group));
    std::sort(analysis_.types.begin(), analysis_.types.end(), [](const Analysis::Group& a, const Analysis::Group& b) {
      return a.bytes != b.bytes ? a.bytes > b.bytes : a.name < b.name;
    });
    analysis_.largest = std::move(largest_);
    Cost();
    return std::move(analysis_);
  }

 private:
  void Type(const Item& item) {
    std::string name(ContentTypeByName(item.key));
    if (name.empty()) name = "unknown";
    if (types_.size() >= kTypes && types_.find(name) == types_.end()) name = "other";
    Analysis::Group& group = types_[name];
    group.name = name;
    ++group.objects;
    group.bytes += item.size;
  }

  void Refuse(const Item& item) {
    if (++analysis_.refused_count <= kRefused) analysis_.refused.push_back(RecordOf(item));
  }

  static ObjectRecord RecordOf(const Item& item) {
    ObjectRecord record;
    record.key = item.key;
    record.destination_key = item.to;
    record.size = item.size;
    record.outcome = item.decided;
    record.code = item.why.code();
    record.message = std::string(item.why.message());
    return record;
  }

  void Requests(std::uint64_t size) {
    const bool in_parts = size >= plan_.tuning.multipart_threshold && (destination_ == nullptr || destination_->caps.multipart);
    if (!in_parts) {
      ++analysis_.requests_write;
      ++analysis_.requests_read;
      return;
    }
    const std::uint64_t part = destination_ != nullptr ? PartSizeFor(destination_->caps, size, plan_.tuning.part_size) : plan_.tuning.part_size;
    const std::uint64_t parts = (size + part - 1) / part;
    analysis_.requests_write += parts + 2;
    analysis_.requests_read += parts + 1;
  }

  void Cost() {
    const bool from_s3 = source_.provider->Scheme() == "s3";
    const bool to_s3 = destination_ != nullptr && destination_->provider->Scheme() == "s3";
    double cost = 0;
    if (to_s3) cost += static_cast<double>(analysis_.requests_write) * kWritePrice + static_cast<double>(analysis_.left_bytes) * kStoragePrice;
    if (from_s3) cost += static_cast<double>(analysis_.requests_read) * kReadPrice + static_cast<double>(analysis_.left_bytes) * kTransferPrice;
    if (from_s3 || to_s3) cost += static_cast<double>(analysis_.requests_list) * kWritePrice;
    analysis_.cost_usd = cost;
    analysis_.cost_note = from_s3 || to_s3 ? "at AWS S3's list prices (us-east-1, standard class): requests, transfer out of S3, one month of storage; other vendors and regions differ"
                                           : "no storage with a price list takes part";
  }

  const CopyPlan& plan_;
  const Side& source_;
  const Side* const destination_;
  Analysis analysis_;
  std::map<std::string, Analysis::Group> types_;
  std::vector<ObjectRecord> largest_;
};

// Announced keys: sizes come from the storage.
Status Ask(const OpContext& ctx, const Setup& setup, Item* item) {
  const Side& source = setup.source;
  Result<ObjectInfo> info = source.provider->Stat(ctx, source.Full(item->key));
  if (info.code() == Code::kNotFound) return {};
  if (!info.ok()) return info.status();
  if (!IsWanted(setup, *item, *info)) {
    item->decided = Outcome::kVanished;
    return {};
  }
  item->size = info->size;
  item->modified = ListedTime(*info, source.caps);
  item->announced = false;
  return {};
}

// What a copy would ask for where the listings do not tell, with its own comparison; only bytes are not read.
class Inquiry {
 public:
  Inquiry(const OpContext& ctx, const Setup& setup, bool with_destination, std::vector<Item>& items) : ctx_(ctx), setup_(setup) {
    if (!with_destination) return;
    if (setup.plan.overwrite == Overwrite::kAlways) return;
    for (Item& item : items) {
      if (item.decided == Outcome::kPending && item.known != Known::kAbsent) open_.push_back(&item);
    }
  }
  std::size_t size() const { return open_.size(); }

  Status Run() {
    if (open_.empty()) return {};
    RunOnThreads(setup_.plan.checkers, [this] {
      for (std::size_t at; (at = next_.fetch_add(1)) < open_.size();) {
        const Status status = Compare(open_[at]);
        if (status.ok()) continue;
        next_.store(open_.size());
        std::lock_guard lock(mutex_);
        if (failure_.ok()) failure_ = status;
      }
    });
    return failure_;
  }

 private:
  Status Compare(Item* item) {
    const std::string from = setup_.source.Full(item->key), to = setup_.destination.Full(item->to);
    const Result<ObjectInfo> here = setup_.source.provider->Stat(ctx_, from);
    if (!here.ok()) return here.code() == Code::kNotFound ? Status() : here.status();
    const Result<ObjectInfo> there = setup_.destination.provider->Stat(ctx_, to);
    if (!there.ok()) return there.code() == Code::kNotFound ? Status() : there.status();
    Evidence evidence;
    evidence.may_read = false;
    const Result<Comparison> compared = CompareObjects(ctx_, setup_, from, *here, to, *there, evidence);
    if (!compared.ok()) return compared.status();
    if (compared->content == Content::kEqual) item->decided = Outcome::kSame;
    if (compared->content == Content::kEqualByTime) item->decided = Outcome::kSameByTime;
    if (compared->content == Content::kDifferent && setup_.plan.overwrite == Overwrite::kNever) item->decided = Outcome::kConflict;
    return {};
  }

  const OpContext ctx_;
  const Setup& setup_;
  std::vector<Item*> open_;
  std::atomic<std::size_t> next_{0};
  std::mutex mutex_;
  Status failure_;
};

}  // namespace

double Analysis::seconds_at(double bytes_per_second) const { return bytes_per_second > 0 ? static_cast<double>(left_bytes) / bytes_per_second : 0; }

Result<Analysis> Analyse(const OpContext& ctx, OpenedStorage source, std::optional<OpenedStorage> destination, const CopyPlan& plan) {
  if (Status status = CheckPlan(plan); !status.ok()) return status;
  Result<Side> from = ResolveSide(ctx, source, true);
  if (!from.ok()) return from.status();
  Side to = *from;  // without a destination: the source's own rules for keys
  if (destination) {
    Result<Side> resolved = ResolveSide(ctx, *destination, false);
    if (!resolved.ok()) return resolved.status();
    to = std::move(*resolved);
    NameObject(*destination, *from, &to);
  }
  Result<std::unique_ptr<Rules>> rules = Rules::Compile(plan);
  if (!rules.ok()) return rules.status();
  Board board(1);
  MergeSupply::Start start;
  start.list_destination = destination.has_value();
  MergeSupply merge(*from, to, **rules, NewKeyIndex, board, start);
  std::unique_ptr<ISupply> keys;
  if (!plan.filter.keys_from.empty()) {
    Result<std::unique_ptr<MappedSupply>> opened = SupplyOfKeys(plan.filter.keys_from, **rules, NewKeyIndex, board);
    if (!opened.ok()) return opened.status();
    keys = std::move(*opened);
  }
  ISupply& supply = keys != nullptr ? *keys : static_cast<ISupply&>(merge);
  Setup setup;
  setup.plan = plan;
  setup.source = *from;
  setup.destination = to;
  Result<std::shared_ptr<const Filter>> filter = FilterOfKeys(plan);
  if (!filter.ok()) return filter.status();
  setup.filter = std::move(*filter);
  Analyst analyst(plan, *from, destination ? &to : nullptr);
  std::vector<Item> items;
  for (;;) {
    items.clear();
    if (Status status = supply.Next(ctx, &items); !status.ok()) return status;
    if (items.empty()) {
      const Status met = keys == nullptr && analyst.unlisted() == 0 ? CheckMet(setup, board) : Status();
      return met.ok() ? Result<Analysis>(analyst.Finish(board)) : met;
    }
    if (Status status = LeaveOut(ctx, setup, board, &items, 0); !status.ok()) return status;
    const bool last = plan.limit > 0 && analyst.objects() + items.size() >= plan.limit;
    if (last) items.resize(static_cast<std::size_t>(plan.limit - analyst.objects()));
    for (Item& item : items) {
      if (item.announced && item.decided == Outcome::kPending) {  // not a line that is no key
        if (Status status = Ask(ctx, setup, &item); !status.ok()) return status;
      }
      Decide(&item, plan, to, Uploads::kTrusted);
    }
    std::erase_if(items, [](const Item& item) { return item.decided == Outcome::kVanished; });
    Inquiry inquiry(ctx, setup, destination.has_value(), items);
    if (Status status = inquiry.Run(); !status.ok()) return status;
    analyst.Asked(inquiry.size());
    for (const Item& item : items) analyst.Take(item);
    if (last) return analyst.Finish(board);
  }
}

}  // namespace fileferry
