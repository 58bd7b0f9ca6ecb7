// listing.h: reads a listing ahead of its reader, one page in hand and at most two waiting.
//
// One reader; the pages are fetched by a thread of its own.
#ifndef FILEFERRY_TRANSFER_LISTING_H_
#define FILEFERRY_TRANSFER_LISTING_H_

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>

#include "transfer/item.h"
#include "transfer/threads.h"

namespace fileferry {

class Listing {
 public:
  // prefix: of the storage's keys.  token, start_after and name_problems as ListQuery's.
  Listing(const OpContext& ctx, IStorageProvider& provider, std::string prefix, std::string token, std::string start_after, bool name_problems = false);
  ~Listing();

  // The next page (its keys are the storage's), or nullptr at the end.  Valid until the next call.
  Result<ListPage*> NextPage();
  // Entry by entry, keys without the prefix; nullptr at the end.  Valid until Pop.
  Result<const ListEntry*> Peek();
  void Pop() {
    ++at_;
    peeked_ = false;
  }
  // Whether the pages that Peek has seen were sorted.
  bool in_order() const { return in_order_; }

 private:
  void Fetch();
  void CheckOrder();
  Status FetchAll();

  const OpContext ctx_;
  IStorageProvider& provider_;
  const std::string prefix_;
  std::string token_, start_after_;
  const bool name_problems_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<ListPage> waiting_;
  Status status_;
  bool ended_ = false, stop_ = false;
  ListPage page_;
  ListEntry entry_;
  std::size_t at_ = 0;
  bool started_ = false, has_page_ = false, peeked_ = false, in_order_ = true;
  std::string last_key_;
  Threads threads_;
};

}  // namespace fileferry

#endif  // FILEFERRY_TRANSFER_LISTING_H_
