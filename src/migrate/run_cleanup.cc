// run_cleanup.cc: removes what migrations leave behind: uploads, unfinished files, and, where asked, what was replaced and is kept in the trash.
#include <atomic>
#include <utility>

#include "base/clock.h"
#include "migrate/journal_supply.h"
#include "migrate/runner.h"
#include "transfer/orphans.h"

namespace fileferry {

namespace {

// Objects whose replaced predecessor the trash has kept for long enough.
class SweepTask : public IEngineTask {
 public:
  SweepTask(const Setup& setup, Board& board, Time before) : setup_(setup), board_(board), before_(before) {}

  void Do(const OpContext& ctx, Item& item, Ended* ended) override {
    Sweep(ctx, &item, ended);
    ended->outcome = item.counted;  // the object itself stays as it is
    ended->size = item.size;
    ended->wrote = true;
    ended->token = item.written;
    ended->digest = item.digest;
    ended->trash = item.trash;
    ended->source_etag = item.etag;
    ended->source_modified = item.modified;
  }
  std::uint64_t swept() const { return swept_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  void Sweep(const OpContext& ctx, Item* item, Ended* ended) {
    const Side& to = setup_.destination;
    const std::string key = to.prefix + item->trash;
    const Result<ObjectInfo> kept = to.provider->Stat(ctx, key);
    if (kept.code() == Code::kNotFound) return;
    Status status = kept.status();
    if (kept.ok()) {
      if (!kept->modified || *kept->modified > before_) return;
      status = to.provider->Remove(ctx, key, {});
    }
    if (!status.ok()) {
      ended->status = status;
      board_.Problem({item->key, item->to, item->size, item->counted, status.code(), "what it replaced is still in the trash: " + std::string(status.message()), item->attempts}, true);
      return;
    }
    item->trash = kSwept;
    ++swept_;
    bytes_ += kept->size;
  }

  const Setup& setup_;
  Board& board_;
  const Time before_;
  std::atomic<std::uint64_t> swept_{0}, bytes_{0};
};

Status SweepTrash(Run& run, JournaledRunner::World& world, Setup& setup) {
  const int this_run = world.head.runs;
  Board& board = run.board();
  Result<Journal::Totals> totals = world.journal->Count();
  if (!totals.ok()) return totals.status();
  BeginWork(board, *totals, {}, false);
  SweepTask task(setup, board, Now() - *world.trash_age);
  RowSupply rows(*world.journal, {}, [this_run, &board](const JournalRow& row, Item* item) {
    item->task = Task::kCustom;
    item->in_journal = true;
    item->counted = row.state;
    item->counted_size = row.size;
    if (row.run != this_run && row.wrote && OutcomeIsGood(row.state) && !row.trash.empty() && row.trash != kSwept) return true;
    if (row.state != Outcome::kRolledBack) board.Worked(row.size);
    return false;
  });
  const Status status = run.Work(setup, rows, "sweeping the trash", setup.plan.checkers, &task);
  board.Note("replaced objects removed from the trash: " + std::to_string(task.swept()) + ", bytes: " + std::to_string(task.bytes()));
  return status;
}

}  // namespace

Result<std::uint64_t> RemoveAbandoned(const OpContext& ctx, const Side& side) {
  IStorageProvider& provider = *side.provider;
  if (!side.caps.multipart) return std::uint64_t{0};
  std::uint64_t count = 0;
  std::string token;
  do {
    Result<UploadPage> page = provider.ListUploads(ctx, side.prefix, token);
    if (!page.ok()) return page.status();
    for (const UploadEntry& entry : page->entries) {
      if (!entry.abandoned) continue;
      if (Status status = provider.AbortUpload(ctx, entry.key, entry.upload_id); !status.ok()) return status;
      ++count;
    }
    if (!page->next_token.empty() && page->next_token == token) return Status(Code::kUnavailable, "the storage repeats a page of its unfinished uploads");
    token = page->next_token;
  } while (!token.empty());
  return count;
}

Result<std::uint64_t> RemoveAbandoned(const OpContext& ctx, const Setup& setup, bool writes_to_source) {
  std::uint64_t count = 0;
  for (const Side* side : {&setup.destination, writes_to_source ? &setup.source : nullptr, setup.archive ? &*setup.archive : nullptr}) {
    if (side == nullptr) continue;
    Result<std::uint64_t> some = RemoveAbandoned(ctx, *side);
    if (some.ok()) {
      count += *some;
    } else if (side == &setup.destination) {  // another one may not let us look
      return some;
    }
  }
  return count;
}

Result<std::uint64_t> AbortUploads(const OpContext& ctx, Journal& journal, const Setup& setup, JournalRecorder& recorder) {
  Result<std::vector<JournalUpload>> uploads = journal.Uploads();
  if (!uploads.ok()) return uploads.status();
  std::uint64_t count = 0;
  for (const JournalUpload& upload : *uploads) {
    const Status aborted = setup.destination.provider->AbortUpload(ctx, setup.destination.Full(upload.to), upload.upload_id);
    if (!aborted.ok() && aborted.code() != Code::kNotFound) return aborted;
    if (Status status = recorder.UploadClosed({}, upload.upload_id); !status.ok()) return status;
    ++count;
  }
  Result<std::uint64_t> lost = AbortLostUploads(ctx, setup, true);
  if (!lost.ok()) return lost.status();
  return count + *lost;
}

Status CleanupBody(Run& run, JournaledRunner::World& world, Setup& setup, JournalRecorder& recorder) {
  Result<Journal::Totals> totals = world.journal->Count();
  if (!totals.ok()) return totals.status();
  ShowTotals(run.board(), *totals, true);
  run.board().Phase("cleaning up");
  Result<std::uint64_t> aborted = AbortUploads(run.context(), *world.journal, setup, recorder);
  if (!aborted.ok()) return aborted.status();
  Result<std::uint64_t> abandoned = RemoveAbandoned(run.context(), setup, false);
  if (!abandoned.ok()) return abandoned.status();
  run.board().Note("unfinished uploads removed: " + std::to_string(*aborted) + ", unfinished files: " + std::to_string(*abandoned));
  return world.trash_age ? SweepTrash(run, world, setup) : Status();
}

}  // namespace fileferry
