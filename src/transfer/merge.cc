// merge.cc: see merge.h.
#include "transfer/merge.h"

#include <utility>

#include "transfer/key_file.h"

namespace fileferry {

MergeSupply::MergeSupply(const Side& source, const Side& destination, const Rules& rules, KeyIndexMaker make_index, Board& board, Start start)
    : MappedSupply(rules, std::move(make_index)), source_(source), destination_(destination), board_(board), start_(std::move(start)) {}

Status MappedSupply::OpenIndex() {
  if (index_ != nullptr) return {};
  if (!make_index_) return Status(Code::kInternal, "no index outside memory was given for keys that are not in order");
  Result<std::unique_ptr<IKeyIndex>> index = make_index_();
  if (!index.ok()) return index.status();
  index_ = std::move(*index);
  return {};
}

Result<bool> MappedSupply::Claim(std::string_view to, std::string_view key) {
  if (Status status = OpenIndex(); !status.ok()) return status;
  return index_->Claim(to, key);
}

Status MappedSupply::ClaimFor(Item* item) {
  Result<bool> first = Claim(item->to, item->key);
  if (!first.ok()) return first.status();
  if (!*first) {
    item->decided = Outcome::kRefused;
    item->why = Status(Code::kInvalidArgument, "another key is mapped to the same place, '" + item->to + "'; change --map so that no two keys become one");
  }
  return {};
}

Status MappedSupply::Map(Item* item) {
  Result<std::string> to = rules_.Map(item->key);
  if (!to.ok()) {
    item->decided = Outcome::kRefused;
    item->why = to.status();
    item->to = item->key;
    return {};
  }
  item->to = std::move(*to);
  return rules_.one_to_one() ? Status() : ClaimFor(item);
}

Status MergeSupply::Prepare(const OpContext& ctx) {
  prepared_ = true;
  last_key_ = start_.last_key;
  const bool in_order = source_.caps.sorted_list && destination_.caps.sorted_list && rules_.keeps_order();
  if (source_.single.empty()) {
    here_ = std::make_unique<Listing>(ctx, *source_.provider, source_.prefix, start_.token, std::string(), true);
  }
  if (!rules_.one_to_one()) {
    if (Status status = OpenIndex(); !status.ok()) return status;
  }
  if (!start_.list_destination || !source_.single.empty()) return {};
  std::string after;
  if (in_order && !start_.last_key.empty()) {
    const Result<std::string> to = rules_.Map(start_.last_key);
    if (to.ok()) after = destination_.Full(*to);
  }
  there_ = std::make_unique<Listing>(ctx, *destination_.provider, destination_.prefix, std::string(), std::move(after));
  if (in_order) return {};
  if (Status status = OpenIndex(); !status.ok()) return status;
  board_.Phase("listing the destination");
  for (;;) {
    Result<const ListEntry*> entry = there_->Peek();
    if (!entry.ok()) return entry.status();
    if (*entry == nullptr) break;
    const ListEntry& found = **entry;
    if (!IsInTrash(found.key)) {
      if (Status status = index_->Add(found.key, Token{std::string(found.etag), {}, found.size, found.modified}); !status.ok()) return status;
    }
    there_->Pop();
  }
  there_.reset();
  indexed_ = true;
  return {};
}

Status MergeSupply::Meet(Item* item) {
  if (indexed_) {
    Result<bool> found = index_->Find(item->to, &item->there);
    if (!found.ok()) return found.status();
    item->known = *found ? Known::kPresent : Known::kAbsent;
    return {};
  }
  if (there_ == nullptr || !trusted_) return {};
  if (!last_met_.empty() && item->to <= last_met_) trusted_ = false;
  last_met_ = item->to;
  while (trusted_) {
    Result<const ListEntry*> entry = there_->Peek();
    if (!entry.ok()) return entry.status();
    if (!there_->in_order()) trusted_ = false;
    if (*entry == nullptr || (*entry)->key > item->to) break;
    const ListEntry& found = **entry;
    if (found.key == item->to) {
      item->known = Known::kPresent;
      item->there = Token{std::string(found.etag), {}, found.size, found.modified};
      there_->Pop();
      return {};
    }
    if (!IsInTrash(found.key)) board_.extra.fetch_add(1, std::memory_order_relaxed);
    there_->Pop();
  }
  if (trusted_) {
    item->known = Known::kAbsent;
  } else {
    board_.Note("a listing was not in the order that the storage promises; objects are asked for one by one");
  }
  return {};
}

Status MergeSupply::CountRest() {
  if (indexed_) {
    if (!start_.last_key.empty()) return {};  // what an earlier run met is not seen again
    Result<std::uint64_t> unseen = index_->Unseen();
    if (!unseen.ok()) return unseen.status();
    board_.extra.fetch_add(*unseen, std::memory_order_relaxed);
    return {};
  }
  while (there_ != nullptr) {
    Result<const ListEntry*> entry = there_->Peek();
    if (!entry.ok()) return entry.status();
    if (*entry == nullptr) return {};
    if (!IsInTrash((*entry)->key)) board_.extra.fetch_add(1, std::memory_order_relaxed);
    there_->Pop();
  }
  return {};
}

Status MergeSupply::Single(const OpContext& ctx, std::vector<Item>* out) {
  ended_ = true;
  Result<ObjectInfo> info = source_.provider->Stat(ctx, source_.single);
  if (!info.ok()) return info.status();
  const std::size_t slash = source_.single.rfind('/', source_.single.size() - 2);
  Item item;
  item.key = slash == std::string::npos ? source_.single : source_.single.substr(slash + 1);
  item.size = info->size;
  item.modified = source_.caps.keeps_mtime && info->properties.mtime ? info->properties.mtime : info->modified;
  item.etag = info->etag;
  if (Status status = Map(&item); !status.ok()) return status;
  if (start_.list_destination && item.decided == Outcome::kPending) {
    const Result<ObjectInfo> there = destination_.provider->Stat(ctx, destination_.Full(item.to));
    item.known = there.ok() ? Known::kPresent : there.code() == Code::kNotFound ? Known::kAbsent : Known::kUnknown;
    if (there.ok()) {
      item.there = Token::Of(*there);
      if (destination_.caps.keeps_mtime && there->properties.mtime) item.there.modified = there->properties.mtime;
    }
  }
  board_.listed.fetch_add(1, std::memory_order_relaxed);
  board_.listed_bytes.fetch_add(item.size, std::memory_order_relaxed);
  out->push_back(std::move(item));
  return {};
}

void MergeSupply::Unlisted(const ListProblem& problem, std::vector<Item>* out) {
  std::string_view key = problem.key;
  if (key.starts_with(source_.prefix)) key.remove_prefix(source_.prefix.size());
  if (key.ends_with('/') ? rules_.ExcludesFolder(key) : !rules_.WantsKey(key)) {
    board_.filtered.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  Item& item = out->emplace_back();
  item.key = item.to = key;
  item.decided = Outcome::kUnlisted;
  item.why = problem.status;
}

Status MergeSupply::Next(const OpContext& ctx, std::vector<Item>* out) {
  if (!prepared_) {
    if (Status status = Prepare(ctx); !status.ok()) return status;
  }
  if (!ended_ && !source_.single.empty()) return Single(ctx, out);
  const std::size_t before = out->size();
  while (!ended_ && out->size() == before) {
    Result<ListPage*> next = here_->NextPage();
    if (!next.ok()) return next.status();
    if (*next == nullptr) {
      ended_ = true;
      token_.clear();
      return CountRest();
    }
    const ListPage& page = **next;
    board_.skipped_links.fetch_add(page.skipped_links, std::memory_order_relaxed);
    board_.empty_folders.fetch_add(page.empty_folders, std::memory_order_relaxed);
    for (const std::string& note : page.notes) board_.Note(note);
    for (const ListProblem& problem : page.problems) Unlisted(problem, out);
    token_ = page.next_token;
    std::uint64_t listed = 0, bytes = 0, filtered = 0;
    out->reserve(before + page.entries.size());
    for (const ListEntry& entry : page.entries) {
      if (entry.is_prefix || entry.key.size() <= source_.prefix.size()) continue;
      const std::string_view key = entry.key.substr(source_.prefix.size());
      if (IsInTrash(key)) continue;
      last_key_ = key;
      Filter::Decision wanted = rules_.Wants(key, entry.size, entry.modified);
      if (wanted == Filter::Decision::kNeedsType) {
        Result<ObjectInfo> info = source_.provider->Stat(ctx, entry.key);
        if (!info.ok() && info.code() != Code::kNotFound) return info.status();
        wanted = info.ok() && rules_.WantsType(info->properties.content_type) ? Filter::Decision::kWanted : Filter::Decision::kLeftOut;
      }
      if (wanted == Filter::Decision::kLeftOut) {
        ++filtered;
        continue;
      }
      ++listed;
      bytes += entry.size;
      Item& item = out->emplace_back();
      item.key = key;
      item.size = entry.size;
      item.modified = entry.modified;
      item.etag = entry.etag;
      Status status = Map(&item);
      if (status.ok() && item.decided == Outcome::kPending) status = Meet(&item);
      if (!status.ok()) return status;
    }
    board_.listed.fetch_add(listed, std::memory_order_relaxed);
    board_.listed_bytes.fetch_add(bytes, std::memory_order_relaxed);
    board_.filtered.fetch_add(filtered, std::memory_order_relaxed);
  }
  return {};
}

namespace {

class KeySupply : public MappedSupply {
 public:
  KeySupply(const Rules& rules, KeyIndexMaker make_index, std::unique_ptr<KeyFile> file, Board& board)
      : MappedSupply(rules, std::move(make_index)), file_(std::move(file)), board_(board) {}

  Status Next(const OpContext& ctx, std::vector<Item>* out) override {
    constexpr std::size_t kHandful = 500;
    const std::size_t before = out->size();
    while (out->size() - before < kHandful) {
      if (Status status = ctx.Check(); !status.ok()) return status;
      Result<std::optional<std::string>> key = file_->Next();
      if (!key.ok()) return key.status();
      if (!key->has_value()) break;
      if (!rules_.WantsKey(**key)) {
        board_.filtered.fetch_add(1, std::memory_order_relaxed);
        continue;
      }
      Item& item = out->emplace_back();
      item.key = std::move(**key);
      item.to = item.key;
      item.announced = true;
      if (Status held = CheckKeyBytes(item.key); !held.ok()) {
        item.decided = Outcome::kRefused;
        item.why = std::move(held);
      } else if (Status status = Map(&item); !status.ok()) {
        return status;
      }
      board_.listed.fetch_add(1, std::memory_order_relaxed);
    }
    return {};
  }

 private:
  const std::unique_ptr<KeyFile> file_;
  Board& board_;
};

}  // namespace

Result<std::unique_ptr<MappedSupply>> SupplyOfKeys(const std::string& path, const Rules& rules, KeyIndexMaker make_index, Board& board) {
  Result<std::unique_ptr<KeyFile>> file = KeyFile::Open(path);
  if (!file.ok()) return file.status();
  return std::unique_ptr<MappedSupply>(std::make_unique<KeySupply>(rules, std::move(make_index), std::move(*file), board));
}

}  // namespace fileferry
