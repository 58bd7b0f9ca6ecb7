// merge.h: the objects of the source, each with what the destination is known to hold in its place: two listings merged as they stream.
//
// Where one of them is not sorted, or the map changes the order, the destination's listing is kept in an index outside memory.  One reader.
#ifndef FILEFERRY_TRANSFER_MERGE_H_
#define FILEFERRY_TRANSFER_MERGE_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "transfer/board.h"
#include "transfer/index.h"
#include "transfer/item.h"
#include "transfer/listing.h"
#include "transfer/rules.h"

namespace fileferry {

// A supply that maps keys, and gives each key of the destination to one key of the source only.
class MappedSupply : public ISupply {
 public:
  MappedSupply(const Rules& rules, KeyIndexMaker make_index) : rules_(rules), make_index_(std::move(make_index)) {}
  // Whether keys of the destination are given away one by one; then those of an earlier run are claimed first.
  bool needs_claims() const { return !rules_.one_to_one(); }
  // True: `to` was free, or is key's already.
  Result<bool> Claim(std::string_view to, std::string_view key);
  // Claims item->to; refuses the item by name where it is another key's.
  Status ClaimFor(Item* item);

 protected:
  // Fills item->to; refuses by name what cannot be mapped and what another key is mapped to already.
  Status Map(Item* item);
  Status OpenIndex();

  const Rules& rules_;
  std::unique_ptr<IKeyIndex> index_;

 private:
  const KeyIndexMaker make_index_;
};

class MergeSupply : public MappedSupply {
 public:
  struct Start {
    std::string token;     // of the source's next page; empty: from the beginning
    std::string last_key;  // of the source, before that page
    bool list_destination = true;
  };
  MergeSupply(const Side& source, const Side& destination, const Rules& rules, KeyIndexMaker make_index, Board& board, Start start);

  // One page of the source.  An item whose key cannot be mapped or held, and what the source cannot list, is there with its `decided` set.
  Status Next(const OpContext& ctx, std::vector<Item>* out) override;
  // After Next: where a later run goes on.
  const std::string& token() const { return token_; }
  const std::string& last_key() const { return last_key_; }
  bool ended() const { return ended_; }

 private:
  Status Prepare(const OpContext& ctx);
  Status Single(const OpContext& ctx, std::vector<Item>* out);
  Status Meet(Item* item);          // fills known and there
  Status CountRest();
  void Unlisted(const ListProblem& problem, std::vector<Item>* out);

  const Side& source_;
  const Side& destination_;
  Board& board_;
  const Start start_;
  std::unique_ptr<Listing> here_, there_;
  std::string token_, last_key_, last_met_;
  bool prepared_ = false, ended_ = false, indexed_ = false, trusted_ = true;
};

// Keys from a file, one a line or ended by NUL: nothing is listed.
Result<std::unique_ptr<MappedSupply>> SupplyOfKeys(const std::string& path, const Rules& rules, KeyIndexMaker make_index, Board& board);

}  // namespace fileferry

#endif  // FILEFERRY_TRANSFER_MERGE_H_
