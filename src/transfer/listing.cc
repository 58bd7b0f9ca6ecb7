// listing.cc: see listing.h.
#include "transfer/listing.h"

#include <utility>

namespace fileferry {

namespace {
constexpr std::size_t kAhead = 2;
constexpr int kEmptyPagesAllowed = 100000;
}  // namespace

Listing::Listing(const OpContext& ctx, IStorageProvider& provider, std::string prefix, std::string token, std::string start_after, bool name_problems)
    : ctx_(ctx), provider_(provider), prefix_(std::move(prefix)), token_(std::move(token)), start_after_(std::move(start_after)), name_problems_(name_problems) {}

Listing::~Listing() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
    changed_.notify_all();
  }
  threads_.Join();
}

void Listing::Fetch() {
  Status status = FetchAll();
  std::lock_guard lock(mutex_);
  status_ = std::move(status);
  ended_ = true;
  changed_.notify_all();
}

Status Listing::FetchAll() {
  ListQuery query;
  query.prefix = prefix_;
  query.token = token_;
  query.start_after = start_after_;
  query.name_problems = name_problems_;
  int empty_pages = 0;
  for (;;) {
    Result<ListPage> page = provider_.List(ctx_, query);
    if (!page.ok()) return page.status();
    std::string next = page->next_token;
    if (page->entries.empty() && !next.empty() && ++empty_pages > kEmptyPagesAllowed) {
      return Status(Code::kUnavailable, "the storage goes on sending empty pages instead of a listing");
    }
    const bool repeated = !next.empty() && next == query.token;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stop_ || waiting_.size() < kAhead; });
      if (stop_) return Status(Code::kCancelled, "the listing is not wanted any more");
      waiting_.push_back(std::move(*page));
      changed_.notify_all();
    }
    if (next.empty()) return {};
    if (repeated) return Status(Code::kUnavailable, "the storage repeats a page of its listing without end");
    query.token = std::move(next);
  }
}

Result<ListPage*> Listing::NextPage() {
  if (!started_) {
    started_ = true;
    if (Status status = threads_.Start("ferry-list", [this] { Fetch(); }); !status.ok()) return status;
  }
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return ended_ || !waiting_.empty(); });
  if (waiting_.empty()) {
    has_page_ = false;
    if (!status_.ok()) return status_;
    return static_cast<ListPage*>(nullptr);
  }
  page_ = std::move(waiting_.front());
  waiting_.pop_front();
  changed_.notify_all();
  has_page_ = true;
  peeked_ = false;
  at_ = 0;
  return &page_;
}

// Of the whole page, before any of it is believed.
void Listing::CheckOrder() {
  std::string_view last = last_key_;
  for (const ListEntry& entry : page_.entries) {
    if (!last.empty() && entry.key <= last) in_order_ = false;
    last = entry.key;
  }
  last_key_ = std::string(last);
}

Result<const ListEntry*> Listing::Peek() {
  for (;;) {
    while (has_page_ && at_ < page_.entries.size()) {
      const ListEntry& entry = page_.entries[at_];
      if (entry.is_prefix || entry.key.size() <= prefix_.size()) {  // the folder itself is no object in the folder
        ++at_;
        continue;
      }
      if (peeked_) return &entry_;
      peeked_ = true;
      entry_ = entry;
      entry_.key.remove_prefix(prefix_.size());
      return &entry_;
    }
    Result<ListPage*> page = NextPage();
    if (!page.ok()) return page.status();
    if (*page == nullptr) return static_cast<const ListEntry*>(nullptr);
    CheckOrder();
  }
}

}  // namespace fileferry
