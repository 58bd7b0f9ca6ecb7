// run_copy.cc: the runs that move objects: copy (first, resumed, or for what is new) and retry.
#include <algorithm>
#include <utility>

#include "fileferry/ops.h"
#include "migrate/journal_supply.h"
#include "migrate/key_index.h"
#include "migrate/runner.h"
#include "transfer/announced.h"
#include "transfer/decide.h"

namespace fileferry {

namespace {

// Sources of verified objects, once everything else is done and written down.
class DeleteTask : public IEngineTask {
 public:
  DeleteTask(const Setup& setup, Board& board) : setup_(setup), board_(board) {}
  void Do(const OpContext& ctx, Item& item, Ended* ended) override {
    ended->outcome = Outcome::kVerified;
    ended->size = item.size;
    ended->wrote = true;
    ended->token = item.written;
    ended->digest = item.digest;
    ended->trash = item.trash;
    ended->source_etag = item.etag;
    ended->source_modified = item.modified;
    DeleteSource(ctx, setup_, board_, item, ended);
  }

 private:
  const Setup& setup_;
  Board& board_;
};

// That sources are about to be removed is written down before, many at a time: of one that is gone after a run was cut off, the next one knows by whom.
class RemovalSupply : public ISupply {
 public:
  RemovalSupply(Journal& journal, RowSupply& rows) : journal_(journal), rows_(rows) {}
  Status Next(const OpContext& ctx, std::vector<Item>* out) override {
    const std::size_t before = out->size();
    if (Status status = rows_.Next(ctx, out); !status.ok()) return status;
    std::vector<JournalChange> changes(out->size() - before);
    for (std::size_t i = 0; i < changes.size(); ++i) {
      changes[i].kind = JournalChange::Kind::kRemoving;
      changes[i].row.key = (*out)[before + i].key;
    }
    return journal_.Apply(changes);
  }

 private:
  Journal& journal_;
  RowSupply& rows_;
};

// What is left to be tried again.  Of a source that this migration has removed nothing can be sent, and its row stays what it is, for a rollback; unless the source was written anew.
class RetrySupply : public ISupply {
 public:
  RetrySupply(RowSupply& rows, const Setup& setup, Board& board) : rows_(rows), setup_(setup), board_(board) {}
  Status Next(const OpContext& ctx, std::vector<Item>* out) override {
    const std::size_t before = out->size();
    while (out->size() == before) {
      if (Status status = rows_.Next(ctx, out); !status.ok() || out->size() == before) return status;
      if (Status status = LeaveRemoved(ctx, out, before); !status.ok()) return status;
    }
    return {};
  }

 private:
  Status LeaveRemoved(const OpContext& ctx, std::vector<Item>* items, std::size_t from) {
    const auto judged = [](const Item& item) {
      return (item.source_deleted || item.removing) && item.counted != Outcome::kPending && item.counted != Outcome::kInFlight;
    };
    if (std::none_of(items->begin() + static_cast<std::ptrdiff_t>(from), items->end(), judged)) return {};
    const Result<std::size_t> left = TakeOut(ctx, setup_, items, from, [&](const Item& item) {
      if (!judged(item)) return false;
      const Result<bool> there = Exists(*setup_.source.provider, ctx, setup_.source.Full(item.key));
      if (there.ok() && *there) return false;
      board_.Worked(item.counted_size);
      return true;
    });
    if (!left.ok()) return left.status();
    if (*left > 0) board_.Note("sources that were removed after they were copied cannot be sent again where their copies are damaged or gone; rollback restores them from the archive, if there is one");
    return {};
  }

  RowSupply& rows_;
  const Setup& setup_;
  Board& board_;
};

Status DeleteSources(Run& run, JournaledRunner::World& world, Setup& setup) {
  setup.plan.limit = 0;
  Board& board = run.board();
  DeleteTask task(setup, board);
  Result<Journal::Totals> totals = world.journal->Count();
  if (!totals.ok()) return totals.status();
  KeepUnverified(board, totals->objects[static_cast<std::size_t>(Outcome::kCopied)]);
  BeginWork(board, *totals, {Outcome::kVerified}, false);
  RowSupply rows(*world.journal, {Outcome::kVerified}, [&board](const JournalRow& row, Item* item) {
    item->task = Task::kCustom;
    item->in_journal = true;
    item->counted = row.state;
    item->counted_size = row.size;
    if (row.wrote && row.digest.has_value()) return true;
    board.Worked(row.size);
    return false;
  });
  RemovalSupply supply(*world.journal, rows);
  return run.Work(setup, supply, "removing sources", setup.plan.transfers, &task);
}

}  // namespace

Status CopyBody(Run& run, JournaledRunner::World& world, Setup& setup, JournalRecorder& recorder) {
  (void)recorder;
  Journal& journal = *world.journal;
  Result<std::unique_ptr<Rules>> rules = Rules::Compile(setup.plan);
  if (!rules.ok()) return rules.status();
  Result<Journal::Totals> totals = journal.Count();
  if (!totals.ok()) return totals.status();
  bool had_rows = false;
  for (const std::uint64_t objects : totals->objects) had_rows = had_rows || objects > 0;
  JournalHead& head = world.head;
  const bool goes_on = !head.listed && !head.token.empty();
  if (!goes_on) {
    if (Status status = journal.BeginListing(); !status.ok()) return status;
    totals->Forget(Outcome::kUnlisted);
    head.token.clear();
    head.last_key.clear();
  } else {
    run.board().skipped_links = head.skipped_links;
    run.board().empty_folders = head.empty_folders;
    run.board().filtered = head.filtered;
  }
  ShowTotals(run.board(), *totals, goes_on);
  std::unique_ptr<MergeSupply> merge;
  std::unique_ptr<MappedSupply> keys;
  if (setup.plan.filter.keys_from.empty()) {
    merge = std::make_unique<MergeSupply>(setup.source, setup.destination, **rules, NewKeyIndex, run.board(), MergeSupply::Start{head.token, head.last_key, true});
  } else {
    Result<std::unique_ptr<MappedSupply>> opened = SupplyOfKeys(setup.plan.filter.keys_from, **rules, NewKeyIndex, run.board());
    if (!opened.ok()) return opened.status();
    keys = std::move(*opened);
  }
  MigrateSupply supply(journal, setup, run.board(), head.runs, had_rows, merge.get(), keys.get());
  Status status = run.Work(setup, supply, "copying", setup.plan.transfers);
  if (status.ok() && !had_rows && merge != nullptr) status = CheckMet(setup, run.board());
  if (status.ok() && setup.plan.delete_source) status = DeleteSources(run, world, setup);
  if (status.ok() && world.cut_off) status = RemoveAbandoned(run.context(), setup, false).status();
  return status;
}

Status RetryBody(Run& run, JournaledRunner::World& world, Setup& setup, JournalRecorder&) {
  Journal& journal = *world.journal;
  Result<Journal::Totals> totals = journal.Count();
  if (!totals.ok()) return totals.status();
  ShowTotals(run.board(), *totals, true);
  run.board().listing_done = true;
  std::vector<Outcome> states = {Outcome::kPending, Outcome::kInFlight, Outcome::kFailed, Outcome::kMissing, Outcome::kCorrupt, Outcome::kDifferent, Outcome::kMissingAtDestination};
  if (setup.plan.overwrite != Overwrite::kNever) states.push_back(Outcome::kConflict);
  BeginWork(run.board(), *totals, states, true);
  const int this_run = world.head.runs;
  RowSupply rows(journal, states, [this_run, &journal](const JournalRow& row, Item* item) {
    if (row.run == this_run && row.state != Outcome::kPending) return false;
    item->doubt = true;
    item->in_journal = true;
    item->counted = row.state;
    item->counted_size = row.size;
    item->mend = row.state == Outcome::kDifferent;
    item->announced = row.state == Outcome::kMissing;
    if (row.state == Outcome::kMissingAtDestination) {  // asked for by name: send it again
      item->ours = false;
      item->mend = false;
    }
    Result<std::optional<JournalUpload>> upload = journal.FindUpload(row.key);
    if (upload.ok() && upload->has_value()) TakeUpload(**upload, item);
    return true;
  });
  RetrySupply supply(rows, setup, run.board());
  Status status = run.Work(setup, supply, "retrying", setup.plan.transfers);
  SayUnfinished(run.board(), world, world.head, 0);  // with --limit, what is beyond it is pending as asked for
  if (status.ok() && world.cut_off) status = RemoveAbandoned(run.context(), setup, false).status();
  return status;
}

}  // namespace fileferry
