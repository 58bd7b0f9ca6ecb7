// journal_supply.cc: see journal_supply.h.
#include "migrate/journal_supply.h"

#include <atomic>
#include <utility>

#include "core/parallel.h"
#include "migrate/recorder.h"
#include "transfer/announced.h"
#include "transfer/decide.h"

namespace fileferry {

namespace {

constexpr std::size_t kHandful = 500;

bool Unchanged(const JournalRow& row, const Item& item) {
  if (row.size != item.size) return false;
  if (!row.etag.empty() && !item.etag.empty()) return row.etag == item.etag;
  return row.modified && item.modified && SameTime(*row.modified, *item.modified);
}

}  // namespace

Status RowSupply::Next(const OpContext& ctx, std::vector<Item>* out) {
  const std::size_t before = out->size();
  while (out->size() == before) {
    if (Status status = ctx.Check(); !status.ok()) return status;
    Result<std::vector<JournalRow>> rows = journal_.Rows(states_, after_, kHandful);
    if (!rows.ok()) return rows.status();
    if (rows->empty()) return {};
    after_ = rows->back().key;
    for (const JournalRow& row : *rows) {
      Item item = ItemOf(row);
      if (make_(row, &item)) out->push_back(std::move(item));
    }
  }
  return {};
}

void TakeUpload(const JournalUpload& upload, Item* item) {
  item->upload = OpenUpload{upload.upload_id, upload.part_size, upload.size, upload.etag, upload.modified, upload.attempt_id, upload.parts};
}

MigrateSupply::MigrateSupply(Journal& journal, const Setup& setup, Board& board, int run, bool had_rows, MergeSupply* merge, MappedSupply* keys)
    : journal_(journal), setup_(setup), board_(board), run_(run), had_rows_(had_rows), merge_(merge), keys_(keys),
      unfinished_(journal, {Outcome::kPending, Outcome::kInFlight}, [this](const JournalRow& row, Item* item) {
        item->known = Known::kUnknown;
        item->doubt = true;
        item->announced = keys_ != nullptr;
        item->in_journal = true;
        item->counted = row.state;
        item->counted_size = row.size;
        if (const auto found = uploads_.find(row.key); found != uploads_.end()) TakeUpload(found->second, item);
        return true;
      }) {
  resumed_ = !had_rows;
}

Status MigrateSupply::ReadUploads() {
  if (read_uploads_) return {};
  read_uploads_ = true;
  Result<std::vector<JournalUpload>> uploads = journal_.Uploads();
  if (!uploads.ok()) return uploads.status();
  for (JournalUpload& upload : *uploads) uploads_.insert_or_assign(upload.key, std::move(upload));
  return {};
}

Status MigrateSupply::AskSources(const OpContext& ctx, std::vector<Item>* items) {
  std::vector<Item*> done;
  for (Item& item : *items) {
    if (!item.announced || item.decided != Outcome::kPending) continue;
    Result<std::optional<JournalRow>> row = journal_.Find(item.key);
    if (!row.ok()) return row.status();
    if (row->has_value() && (*row)->run != run_ && OutcomeIsGood((*row)->state)) done.push_back(&item);
  }
  if (done.empty()) return {};
  std::atomic<std::size_t> next{0};
  RunOnThreads(setup_.plan.checkers, [&] {
    for (std::size_t at; (at = next.fetch_add(1)) < done.size();) {
      if (!ctx.Check().ok()) return;
      const Result<ObjectInfo> info = setup_.source.provider->Stat(ctx, setup_.source.Full(done[at]->key));
      if (!info.ok()) continue;  // a source that is gone is no reason to touch its copy
      done[at]->size = info->size;
      done[at]->modified = ListedTime(*info, setup_.source.caps);
      done[at]->etag = info->etag;
    }
  });
  return ctx.Check();
}

Result<bool> MigrateSupply::Recall(Item* item) {
  Result<std::optional<JournalRow>> found = journal_.Find(item->key);
  if (!found.ok()) return found.status();
  if (!found->has_value()) return true;
  const JournalRow& row = **found;
  switch (row.state) {
    case Outcome::kPending:
    case Outcome::kInFlight:
      return false;  // under way already
    case Outcome::kCopied:
    case Outcome::kVerified:
    case Outcome::kSame:
    case Outcome::kSameByTime:
      if (row.state == Outcome::kSameByTime && row.run != run_ && !TrustsTimes(setup_.plan)) break;
      [[fallthrough]];
    case Outcome::kDifferent:              // retry mends it
    case Outcome::kMissingAtDestination:   // somebody removed it there: retry sends it again
      if (row.run == run_) return false;  // the listing of the destination may be older than that end
      if (const bool asked = item->modified || !item->etag.empty(); (item->announced && !asked) || Unchanged(row, *item)) return LooksOther(row, item);
      break;
    case Outcome::kConflict:
    case Outcome::kMissing:
    case Outcome::kVanished:
    case Outcome::kCorrupt:
    case Outcome::kFailed:
    case Outcome::kRefused:
    case Outcome::kRolledBack:
    case Outcome::kSourceDeleted:
    case Outcome::kSkipped:
    case Outcome::kUnlisted:
      if (row.run == run_) return false;  // this run has just come to that end
      break;
  }
  item->ours = row.wrote;
  item->written = FromJournal(row.token);
  item->digest = row.digest;
  item->trash = row.trash;
  item->source_deleted = row.source_deleted;  // until the new source is written, the copy is all that is left of the old one
  item->removing = row.removing;
  item->counted = row.state;
  item->counted_size = row.size;
  item->in_journal = true;
  if (row.state == Outcome::kFailed) item->doubt = true;  // an answer may have been lost
  if (const auto upload = uploads_.find(row.key); upload != uploads_.end()) TakeUpload(upload->second, item);
  if (item->ours) {
    // What is at the destination is judged by what was written, not by the listing alone.
    if (item->known != Known::kPresent) item->known = Known::kUnknown;
  }
  return true;
}

bool MigrateSupply::LooksOther(const JournalRow& row, Item* item) {
  if (row.state == Outcome::kDifferent || row.state == Outcome::kMissingAtDestination) return false;
  if (item->known == Known::kUnknown) {  // no listing shows what was written for a key from a list
    if (!item->announced || !row.wrote) return false;
    item->size = row.size;
    item->modified = row.modified;
    item->etag = row.etag;
  }
  if (item->known == Known::kPresent) {
    // What was there before this migration has no token of ours, and what is equal but not ours any more is only as good as its size.
    const bool ours = row.wrote && (row.state == Outcome::kCopied || row.state == Outcome::kVerified);
    if (ours ? !ListsOther(FromJournal(row.token), item->there) : item->there.size == row.size) return false;
  }
  item->task = Task::kLook;
  item->ours = row.wrote;
  item->written = FromJournal(row.token);
  item->digest = row.digest;
  item->trash = row.trash;
  item->source_deleted = row.source_deleted;
  item->removing = row.removing;
  item->counted = row.state;
  item->counted_size = row.size;
  item->in_journal = true;
  return true;
}

Status MigrateSupply::ClaimRows(const OpContext& ctx) {
  if (claimed_ || !had_rows_ || !listing().needs_claims()) return {};
  claimed_ = true;
  for (const bool wrote : {true, false}) {
    RowSupply all(journal_, {}, [wrote](const JournalRow& row, Item*) { return row.state != Outcome::kRefused && row.wrote == wrote; });
    std::vector<Item> rows;
    for (;;) {
      rows.clear();
      if (Status status = all.Next(ctx, &rows); !status.ok()) return status;
      if (rows.empty()) break;
      for (const Item& item : rows) {
        if (Result<bool> claimed = listing().Claim(item.to, item.key); !claimed.ok()) return claimed.status();
      }
    }
  }
  return {};
}

Status MigrateSupply::Unfinished(const OpContext& ctx, std::vector<Item>* out) {
  const std::size_t before = out->size();
  if (Status status = unfinished_.Next(ctx, out); !status.ok() || !listing().needs_claims()) return status;
  for (std::size_t i = before; i < out->size(); ++i) {
    if (Status status = listing().ClaimFor(&(*out)[i]); !status.ok()) return status;
  }
  return {};
}

Status MigrateSupply::Listed(const OpContext& ctx, std::vector<Item>* out) {
  std::vector<Item> items;
  for (;;) {
    items.clear();
    if (Status status = listing().Next(ctx, &items); !status.ok()) return status;
    const bool ended = merge_ != nullptr ? merge_->ended() : items.empty();
    if (Status status = LeaveOut(ctx, setup_, board_, &items, 0); !status.ok()) return status;
    if (had_rows_ && keys_ != nullptr) {
      if (Status status = AskSources(ctx, &items); !status.ok()) return status;
    }
    std::vector<JournalRow> rows;
    rows.reserve(items.size());
    const std::size_t before = out->size();
    for (Item& item : items) {
      bool work = true;
      if (had_rows_) {
        Result<bool> recalled = Recall(&item);
        if (!recalled.ok()) return recalled.status();
        work = *recalled;
      }
      if (!work) {
        board_.Worked(item.size);
        continue;
      }
      if (item.task == Task::kLook) {  // its row stays as it is until it is known to be otherwise
        out->push_back(std::move(item));
        continue;
      }
      Decide(&item, setup_.plan, setup_.destination, Uploads::kAsked);
      if (item.decided == Outcome::kSameByTime) item.source_deleted = item.removing = false;  // it is there again
      if (item.in_journal) board_.Uncount(item.counted, item.counted_size);
      item.in_journal = true;
      item.counted = Outcome::kPending;
      item.counted_size = item.size;
      board_.Count(Outcome::kPending, item.size);
      JournalRow& row = rows.emplace_back();
      row.key = item.key;
      row.to = item.to;
      row.size = item.size;
      row.modified = item.modified;
      row.etag = item.etag;
      row.wrote = item.ours;
      row.token = ToJournal(item.written);
      row.digest = item.digest;
      row.trash = item.trash;
      row.source_deleted = item.source_deleted;
      row.removing = item.removing;
      row.run = run_;
      if (item.decided == Outcome::kUnlisted) {  // at once: nobody shall ever take it for an object that is pending
        row.state = item.decided;
        row.code = item.why.code();
        row.message = std::string(item.why.message());
      }
      out->push_back(std::move(item));
    }
    const std::string token = merge_ != nullptr ? merge_->token() : std::string();
    const std::string last = merge_ != nullptr ? merge_->last_key() : std::string();
    const bool listed = ended || (merge_ != nullptr && token.empty());  // no page follows
    if (Status status = journal_.AddPage(rows, token, last, listed, board_.skipped_links.load(), board_.empty_folders.load(), board_.filtered.load()); !status.ok()) return status;
    if (ended || out->size() != before) return {};
  }
}

Status MigrateSupply::Next(const OpContext& ctx, std::vector<Item>* out) {
  const std::size_t before = out->size();
  if (Status status = ReadUploads(); !status.ok()) return status;
  if (Status status = ClaimRows(ctx); !status.ok()) return status;
  if (!resumed_) {
    if (Status status = Unfinished(ctx, out); !status.ok() || out->size() != before) return status;
    resumed_ = true;
  }
  if (merge_ != nullptr && merge_->ended()) return {};
  board_.Phase("copying");
  return Listed(ctx, out);
}

}  // namespace fileferry
