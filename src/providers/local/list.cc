// list.cc: pages of listings: the plain tree and the keys folder, merged in the order of keys.  Thread-safe; a walker is used by one call at a time.
#include <algorithm>

#include "base/clock.h"
#include "base/digest.h"
#include "providers/local/provider.h"

namespace fileferry::local {
namespace {

constexpr std::size_t kWorthKeeping = 4096;    // names; smaller folders are simply read again for the next page
constexpr std::size_t kSmallEnough = 20'000;   // names; so many are always read again when a folder changed
constexpr std::size_t kMaxSaved = 4;
constexpr auto kMaxAge = std::chrono::minutes(5);

// A token is "k" (go on after this key) or "p" (go on after everything that begins with this prefix), and the hexadecimal bytes of it.
std::string MakeToken(const WalkItem& item) { return (item.is_prefix ? 'p' : 'k') + ToHex(AsBytes(item.key)); }

Result<Lower> LowerOf(const ListQuery& query) {
  if (query.token.empty()) return Lower{query.start_after, false};
  const Status foreign(Code::kInvalidArgument, "the listing token is not of this listing");
  if (query.token[0] != 'k' && query.token[0] != 'p') return foreign;
  std::optional<std::string> text = FromHex(std::string_view(query.token).substr(1));
  if (!text || text->empty() || !text->starts_with(query.prefix)) return foreign;
  if (query.token[0] == 'k') return Lower{std::move(*text), false};
  if (text->back() != '/') return foreign;
  text->back() = '/' + 1;  // the first text after all that begin with it
  return Lower{std::move(*text), true};
}

std::string IdOf(const ListQuery& query, std::string_view token) {
  std::string id = query.prefix;
  id += '\0';
  id += query.delimiter ? '1' : '0';
  id += query.name_problems ? '1' : '0';
  return id.append(token);
}

void Append(const WalkItem& item, ListPage* page) {
  ListEntry& entry = page->entries.emplace_back();
  entry.key = page->arena.Add(item.key);
  entry.is_prefix = item.is_prefix;
  if (item.is_prefix) return;
  char etag[kEtagMax];
  entry.etag = page->arena.Add({etag, FormatEtag(item.st, etag)});
  entry.size = static_cast<std::uint64_t>(item.st.st_size);
  entry.modified = Time(std::chrono::nanoseconds(MtimeOf(item.st)));
}

// The two streams that make a listing: the walker's, and the keys folder's (read at once; most often empty).
class Merge {
 public:
  Merge(Tree* tree, const ListQuery& query, std::unique_ptr<Walker> walker) : tree_(tree), query_(query), walker_(std::move(walker)) {}

  Status Start(const Lower& lower, std::vector<std::string>* notes) {
    Result<std::vector<std::string>> keys = ReadKeysFolder(*tree_, query_.prefix, lower, notes);
    if (!keys.ok()) return keys.status();
    keys_ = std::move(*keys);
    return {};
  }
  void SetAhead(const WalkItem& item) {
    ahead_ = item;
    have_ahead_ = true;
  }

  Status Next(const OpContext& ctx, WalkItem* item, bool* done) {
    *done = false;
    while (true) {
      if (!have_ahead_ && !plain_done_) {
        if (Status s = walker_->Next(ctx, &ahead_, &plain_done_); !s.ok()) return s;
        have_ahead_ = !plain_done_;
      }
      if (next_key_ >= keys_.size()) break;
      const WalkItem other = Folded(keys_[next_key_]);
      if (have_ahead_ && ahead_.key <= other.key) {
        if (ahead_.key == other.key) SkipFolded(other);
        break;
      }
      bool there = true;
      *item = other;
      if (Status s = StatKey(item, &there); !s.ok()) return s;
      SkipFolded(other);
      if (!there) continue;
      return {};
    }
    if (!have_ahead_) {
      *done = true;
      return {};
    }
    *item = ahead_;
    have_ahead_ = false;
    return {};
  }

  std::unique_ptr<Walker> TakeWalker() { return std::move(walker_); }
  Walker& walker() { return *walker_; }
  bool only_plain() const { return keys_.empty(); }

 private:
  WalkItem Folded(const std::string& key) const {
    WalkItem item;
    item.key = key;
    const std::size_t slash = query_.delimiter ? key.find('/', query_.prefix.size()) : std::string::npos;
    if (slash != std::string::npos) {
      item.key = std::string_view(key).substr(0, slash + 1);
      item.is_prefix = true;
    }
    return item;
  }
  void SkipFolded(const WalkItem& item) {
    const std::string_view text = item.key;  // views keys_, which does not change
    if (!item.is_prefix) {
      ++next_key_;
    } else {
      while (next_key_ < keys_.size() && std::string_view(keys_[next_key_]).starts_with(text)) ++next_key_;
    }
  }
  Status StatKey(WalkItem* item, bool* there) {
    if (item->is_prefix) return {};
    const Result<RootRef> root = tree_->Get();
    if (!root.ok()) return root.status();
    const std::string path = KeysPath(item->key);
    const UniqueFd file(tree_->Open((*root)->get(), path, O_PATH));
    *there = file.valid() && sys::FStat(file.get(), &item->st) == 0 && S_ISREG(item->st.st_mode);
    return *there || errno == ENOENT ? Status() : tree_->Error(errno, "cannot look at", path);
  }

  Tree* const tree_;
  const ListQuery& query_;
  std::unique_ptr<Walker> walker_;
  std::vector<std::string> keys_;
  std::size_t next_key_ = 0;
  WalkItem ahead_;
  bool have_ahead_ = false, plain_done_ = false;
};

void GiveCounts(WalkCounts* counts, ListPage* page) {
  page->skipped_links += std::exchange(counts->links, 0);
  page->empty_folders += std::exchange(counts->empty_folders, 0);
  for (std::string& note : counts->notes) page->notes.push_back(std::move(note));
  counts->notes.clear();
  for (ListProblem& problem : counts->problems) page->problems.push_back(std::move(problem));
  if (const std::uint64_t more = std::exchange(counts->more_problems, 0); more > 0) {
    page->problems.back().status = Status(page->problems.back().status.code(), std::string(page->problems.back().status.message()) + "; so it is with " + std::to_string(more) + " more");
  }
  counts->problems.clear();
}

}  // namespace

void WalkerCache::Save(Saved saved) {
  saved.saved = SteadyNow();
  std::vector<Saved> old;  // destroyed without the lock
  Shared& shared = shared_.Get();
  const std::scoped_lock lock(shared.mutex);
  if (shared.saved.size() >= kMaxSaved) {
    old.push_back(std::move(shared.saved.front()));
    shared.saved.erase(shared.saved.begin());
  }
  shared.saved.push_back(std::move(saved));
}

std::unique_ptr<WalkerCache::Saved> WalkerCache::Take(std::string_view id) {
  std::unique_ptr<Saved> found;
  {
    Shared& shared = shared_.Get();
    const std::scoped_lock lock(shared.mutex);
    const auto at = std::find_if(shared.saved.begin(), shared.saved.end(), [&](const Saved& saved) { return saved.id == id; });
    if (at == shared.saved.end()) return nullptr;
    found = std::make_unique<Saved>(std::move(*at));
    shared.saved.erase(at);
  }
  const auto age = SteadyNow() - found->saved;
  if (age > kMaxAge) return nullptr;
  // A folder that is written to all the time is read again only where that is cheap, or after a while: a page stays O(page).
  if (found->walker->Changed() && (found->walker->names() <= kSmallEnough || age > 20 * found->walker->cost())) return nullptr;
  found->item.key = found->item_key;
  return found;
}

Result<ListPage> LocalProvider::DoList(const OpContext& ctx, const ListQuery& query) {
  if (Status s = ctx.Check(); !s.ok()) return s;
  if (query.limit == 0) return Status(Code::kInvalidArgument, "a listing needs a limit of at least 1 entry");
  const Result<Lower> lower = LowerOf(query);
  if (!lower.ok()) return lower.status();
  ListPage page;
  std::unique_ptr<WalkerCache::Saved> saved;
  if (!query.token.empty()) saved = walkers_.Take(IdOf(query, query.token));
  std::unique_ptr<Walker> fresh;
  if (saved == nullptr) {
    fresh = std::make_unique<Walker>(&tree_, query.prefix, query.delimiter, *lower, query.name_problems);
    if (Status s = fresh->Start(); !s.ok()) return s;
  }
  Merge merge(&tree_, query, saved != nullptr ? std::move(saved->walker) : std::move(fresh));
  if (saved != nullptr) merge.SetAhead(saved->item);
  if (Status s = merge.Start(*lower, &page.notes); !s.ok()) return s;
  if (!query.token.empty()) page.notes.clear();  // what the keys folder holds is said once, with the first page
  page.entries.reserve(std::min<std::size_t>(query.limit, 1000));
  WalkItem item;
  bool done = false;
  std::string token;
  while (true) {
    if (page.entries.size() == query.limit) GiveCounts(&merge.walker().counts(), &page);  // what is counted from here on lies after this page
    if (Status s = merge.Next(ctx, &item, &done); !s.ok()) return s;
    if (done || page.entries.size() == query.limit) break;
    Append(item, &page);
    if (page.entries.size() == query.limit) token = MakeToken(item);
  }
  if (done) {
    GiveCounts(&merge.walker().counts(), &page);
    return page;
  }
  page.next_token = std::move(token);
  if (merge.only_plain() && merge.walker().names() >= kWorthKeeping) {
    WalkerCache::Saved keep;
    keep.id = IdOf(query, page.next_token);
    keep.item = item;
    keep.item_key = std::string(item.key);
    keep.walker = merge.TakeWalker();
    walkers_.Save(std::move(keep));
  }
  return page;
}

Result<ListPage> LocalProvider::List(const OpContext& ctx, const ListQuery& query) {
  Result<ListPage> page = DoList(ctx, query);
  return page.ok() ? std::move(page) : Result<ListPage>(Say(page.status(), "list", query.prefix));
}

}  // namespace fileferry::local
