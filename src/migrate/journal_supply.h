// journal_supply.h: where the items of journaled runs come from.  Each supply is read by one thread.
#ifndef FILEFERRY_MIGRATE_JOURNAL_SUPPLY_H_
#define FILEFERRY_MIGRATE_JOURNAL_SUPPLY_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "journal/journal.h"
#include "transfer/merge.h"
#include "transfer/setup.h"

namespace fileferry {

// Rows with any of these outcomes, in the order of their keys; `make` turns a row into an item, or says no.
class RowSupply : public ISupply {
 public:
  using Make = std::function<bool(const JournalRow& row, Item* item)>;
  RowSupply(Journal& journal, std::vector<Outcome> states, Make make) : journal_(journal), states_(std::move(states)), make_(std::move(make)) {}
  Status Next(const OpContext& ctx, std::vector<Item>* out) override;

 private:
  Journal& journal_;
  const std::vector<Outcome> states_;
  const Make make_;
  std::string after_;
};

// A run of the migration: first what an earlier run left unfinished, then the listing from where it stopped; the rows of each page are in the journal before its items are worked on.
class MigrateSupply : public ISupply {
 public:
  // keys: instead of a listing.  Exactly one of merge and keys is set.
  MigrateSupply(Journal& journal, const Setup& setup, Board& board, int run, bool had_rows, MergeSupply* merge, MappedSupply* keys);
  Status Next(const OpContext& ctx, std::vector<Item>* out) override;

 private:
  Status ReadUploads();
  MappedSupply& listing() const { return merge_ != nullptr ? static_cast<MappedSupply&>(*merge_) : *keys_; }
  // What earlier runs have given away stays theirs; what was written first of all.
  Status ClaimRows(const OpContext& ctx);
  Status Unfinished(const OpContext& ctx, std::vector<Item>* out);
  Status Listed(const OpContext& ctx, std::vector<Item>* out);
  // Of keys from a list that earlier runs have copied: what their sources are by now, which no listing tells.
  Status AskSources(const OpContext& ctx, std::vector<Item>* items);
  // What an earlier run knows of the item; false: nothing is to be done about it.
  Result<bool> Recall(Item* item);
  // The source is as it was copied.  True: the listing shows something else at the destination, and the item is made to find out.
  bool LooksOther(const JournalRow& row, Item* item);

  Journal& journal_;
  const Setup& setup_;
  Board& board_;
  const int run_;
  const bool had_rows_;
  MergeSupply* const merge_;
  MappedSupply* const keys_;
  RowSupply unfinished_;
  std::map<std::string, JournalUpload> uploads_;
  bool resumed_ = false, read_uploads_ = false, claimed_ = false;
};

// Puts an upload of an earlier run into the item.
void TakeUpload(const JournalUpload& upload, Item* item);

}  // namespace fileferry

#endif  // FILEFERRY_MIGRATE_JOURNAL_SUPPLY_H_
