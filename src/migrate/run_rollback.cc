// run_rollback.cc: takes a migration back: removes what it wrote where that is still what it wrote, puts back what it replaced or deleted, and leaves everything else alone, by name.
//
// Each object is one step that may be repeated: a rollback that was cut off goes on when it is run again.
#include <utility>

#include "migrate/journal_supply.h"
#include "migrate/runner.h"
#include "transfer/compare.h"

namespace fileferry {

namespace {

void End(Ended* ended, Outcome outcome, Status status = {}) {
  ended->outcome = outcome;
  ended->status = std::move(status);
}

class RollbackTask : public IEngineTask {
 public:
  explicit RollbackTask(const Setup& setup) : setup_(setup), to_(setup.destination) {}

  void Do(const OpContext& ctx, Item& item, Ended* ended) override {
    ended->size = item.size;
    if (item.trash == kSwept) {
      return End(ended, Outcome::kConflict, Status(Code::kPreconditionFailed, "what it replaced was removed from the trash by cleanup and cannot be put back; left alone"));
    }
    const std::string key = to_.Full(item.to);
    Result<ObjectInfo> there = to_.provider->Stat(ctx, key);
    if (!there.ok() && there.code() != Code::kNotFound) return End(ended, Outcome::kFailed, there.status());
    const bool absent = !there.ok();
    if (!absent && !IsOurs(ctx, item, *there, ended)) return;
    if (IsRemoved(ctx, item)) {
      if (!RestoreSource(ctx, item, absent, ended)) return;
    } else if (!absent && !SourceIsThere(ctx, item, ended)) {
      return;
    }
    if (!item.trash.empty()) {
      if (!PutBack(ctx, item, absent ? nullptr : &*there, ended)) return;
    } else if (!absent) {
      RemoveOptions options;
      // Where versions are kept, ours goes for good, and what was there before it is current again.
      if (to_.caps.versions && !there->version_id.empty()) options.version_id = there->version_id;
      else if (to_.caps.conditional_remove) options.if_match = there->etag;
      const Status removed = to_.provider->Remove(ctx, key, options);
      if (removed.code() == Code::kPreconditionFailed) return LeftAlone(ended);
      if (!removed.ok()) return End(ended, Outcome::kFailed, removed);
    }
    End(ended, Outcome::kRolledBack);
  }

 private:
  void LeftAlone(Ended* ended) {
    End(ended, Outcome::kConflict, Status(Code::kPreconditionFailed, "it was changed at the destination after it was copied; left alone"));
  }

  // False: *ended; what is there is not what this migration wrote.
  bool IsOurs(const OpContext& ctx, Item& item, const ObjectInfo& there, Ended* ended) {
    if (item.ours && IsStill(item.written, there)) return true;
    const bool in_doubt = item.counted == Outcome::kPending || item.counted == Outcome::kInFlight || item.counted == Outcome::kFailed;  // it may have been written once more
    if (item.ours && !(in_doubt && setup_.IsOurAttempt(there.attempt_id))) {
      if (item.trash.empty()) {
        LeftAlone(ended);
      } else {
        AfterPutBack(ctx, item, there, ended);
      }
      return false;
    }
    // A run was cut off before it could write down what it wrote: its mark, and the source's bytes, tell.
    if (!setup_.IsOurAttempt(there.attempt_id)) {
      if (item.trash.empty()) {
        if (!IsRemoved(ctx, item) || RestoreSource(ctx, item, true, ended)) End(ended, Outcome::kRolledBack);  // nothing of ours is there
      } else {
        AfterPutBack(ctx, item, there, ended);  // kept, but perhaps never replaced
      }
      return false;
    }
    Result<ObjectInfo> here = setup_.source.provider->Stat(ctx, setup_.source.Full(item.key));
    if (here.ok()) {
      Evidence evidence;
      evidence.by_time = false;
      Result<Comparison> compared = CompareObjects(ctx, setup_, setup_.source.Full(item.key), *here, to_.Full(item.to), there, evidence);
      if (!compared.ok()) {
        End(ended, Outcome::kFailed, compared.status());
        return false;
      }
      if (compared->content == Content::kEqual) {
        item.source_deleted = item.removing = false;  // it is there, perhaps written anew: nothing is lost with its copy
        return true;
      }
    }
    End(ended, Outcome::kConflict, Status(Code::kPreconditionFailed, "it bears the mark of this migration but not the source's bytes; left alone"));
    return false;
  }

  // Whether this migration has removed the source.
  bool IsRemoved(const OpContext& ctx, const Item& item) { return item.source_deleted || (item.removing && SourceIsGone(ctx, item)); }

  bool SourceIsGone(const OpContext& ctx, const Item& item) {
    const Result<bool> there = Exists(*setup_.source.provider, ctx, setup_.source.Full(item.key));
    return there.ok() && !*there;
  }

  // False: *ended; nobody but the user has removed the source, and what is at the destination may be the only copy.
  bool SourceIsThere(const OpContext& ctx, const Item& item, Ended* ended) {
    const Result<bool> there = Exists(*setup_.source.provider, ctx, setup_.source.Full(item.key));
    if (there.ok() && *there) return true;
    if (!there.ok()) {
      End(ended, Outcome::kFailed, AtSource(there.status()));
    } else {
      End(ended, Outcome::kConflict, Status(Code::kPreconditionFailed, "its source is gone, so this may be the only copy; left alone"));
    }
    return false;
  }

  // Something else than we wrote is in the place of an object that was replaced: what was put back by an attempt that was cut off, or somebody's.
  void AfterPutBack(const OpContext& ctx, const Item& item, const ObjectInfo& there, Ended* ended) {
    const std::string trash = to_.prefix + item.trash;
    Result<ObjectInfo> kept = to_.provider->Stat(ctx, trash);
    if (kept.code() == Code::kNotFound) return End(ended, Outcome::kRolledBack);
    if (!kept.ok()) return End(ended, Outcome::kFailed, kept.status());
    Result<bool> same = SameBytes(ctx, setup_, to_, trash, *kept, to_.Full(item.to), there);
    if (!same.ok()) return End(ended, Outcome::kFailed, same.status());
    if (!*same) return LeftAlone(ended);
    const Status removed = to_.provider->Remove(ctx, trash, {});
    if (!removed.ok()) return End(ended, Outcome::kFailed, removed);
    End(ended, Outcome::kRolledBack);
  }

  // Whether what is at the source now has the bytes that were moved; without a digest, those of the copy.
  Result<bool> IsWhatWasMoved(const OpContext& ctx, const Item& item, const ObjectInfo& now) {
    if (now.size != item.size) return false;
    const DigestKind kind = item.digest ? item.digest->kind : DigestKind::kCrc64Nvme;
    Result<Digest> here = ReadDigest(ctx, setup_, setup_.source, setup_.source.Full(item.key), kind, now.etag);
    if (!here.ok()) return here.status();
    if (item.digest) return *here == *item.digest;
    Result<Digest> there = ReadDigest(ctx, setup_, to_, to_.Full(item.to), kind, {});
    if (!there.ok()) return there.status();
    return *here == *there;
  }

  // The deleted source, from the archive, or from the copy while that is still ours.
  bool RestoreSource(const OpContext& ctx, const Item& item, bool absent, Ended* ended) {
    const std::string key = setup_.source.Full(item.key);
    Result<ObjectInfo> now = setup_.source.provider->Stat(ctx, key);
    if (now.ok()) {
      if (absent && !item.digest) return true;  // nobody knows what was moved, and nothing is taken away
      Result<bool> same = IsWhatWasMoved(ctx, item, *now);
      if (same.ok() && *same) return true;  // restored before
      if (same.ok() && absent) {
        End(ended, Outcome::kFailed, Status(Code::kNotFound, "what was moved is lost: its copy is gone, and its source holds other bytes"));
      } else if (same.ok()) {
        End(ended, Outcome::kConflict, Status(Code::kPreconditionFailed, "its source was written anew, so this is the only copy of what was moved; left alone"));
      } else {
        End(ended, Outcome::kFailed, same.status());
      }
      return false;
    }
    if (now.code() != Code::kNotFound) {
      End(ended, Outcome::kFailed, AtSource(now.status()));
      return false;
    }
    Status why(Code::kNotFound, "the source was deleted, was not archived, and its copy is gone");
    if (setup_.archive) {
      why = CopyBack(ctx, item, *setup_.archive, setup_.archive->prefix + item.key);
      if (why.ok()) return true;
    }
    if (!absent) {
      why = CopyBack(ctx, item, to_, to_.Full(item.to));
      if (why.ok()) return true;
    }
    End(ended, Outcome::kFailed, why);
    return false;
  }

  // Nothing is published at the source that is not what was moved: the bytes are looked at before, because a folder's own copy shows them to nobody.
  Status CopyBack(const OpContext& ctx, const Item& item, const Side& from, const std::string& from_key) {
    const std::string key = setup_.source.Full(item.key);
    PutOptions options;
    options.if_absent = setup_.source.caps.conditional_put;
    options.attempt_id = setup_.NextAttempt();
    if (item.digest) {
      const Status good = HasDigest(ctx, from, from_key, *item.digest);
      if (!good.ok()) return good.code() == Code::kIntegrity ? Status(Code::kIntegrity, "what is to be restored has other bytes than what was moved; nothing was restored") : good;
      options.expected.Set(*item.digest);
    }
    Result<ObjectInfo> stored = CopyBetween(*from.provider, from_key, *setup_.source.provider, key, ctx, options, setup_.plan.tuning);
    if (!stored.ok()) return stored.status();
    if (!item.digest) return {};
    const Status good = HasDigest(ctx, setup_.source, key, *item.digest);
    return good.code() == Code::kIntegrity ? Status(Code::kIntegrity, "the restored source has other bytes; its copy was kept") : good;
  }

  // kIntegrity when the object's bytes have another digest.
  Status HasDigest(const OpContext& ctx, const Side& side, const std::string& key, const Digest& digest) {
    Result<Digest> read = ReadDigest(ctx, setup_, side, key, digest.kind, {});
    if (!read.ok()) return read.status();
    return *read == digest ? Status() : Status(Code::kIntegrity, "other bytes");
  }

  // What was replaced goes back from the trash.
  bool PutBack(const OpContext& ctx, const Item& item, const ObjectInfo* there, Ended* ended) {
    const std::string trash = to_.prefix + item.trash;
    PutOptions options;
    options.attempt_id = "back-" + setup_.NextAttempt();  // it is the user's again: no later run may take it for a write of its own
    options.if_absent = there == nullptr && to_.caps.conditional_put;
    if (there != nullptr && to_.caps.replace_if_match) options.if_match = there->etag;
    if (to_.caps.acl && !setup_.plan.preserve_acl) setup_.board->Note("what was put back has the ACL that the storage gives to new objects; with --preserve acl a migration keeps them");
    Result<ObjectInfo> restored = CopyWithin(ctx, setup_, to_, trash, to_.Full(item.to), options);
    if (restored.code() == Code::kPreconditionFailed || restored.code() == Code::kAlreadyExists) {
      LeftAlone(ended);
      return false;
    }
    if (!restored.ok()) {
      End(ended, Outcome::kFailed, restored.status());
      return false;
    }
    if (const Status removed = to_.provider->Remove(ctx, trash, {}); !removed.ok()) {
      End(ended, Outcome::kFailed, removed);
      return false;
    }
    return true;
  }

  const Setup& setup_;
  const Side& to_;
};

}  // namespace

Status RollbackBody(Run& run, JournaledRunner::World& world, Setup& setup, JournalRecorder& recorder) {
  Board& board = run.board();
  Journal& journal = *world.journal;
  Result<Journal::Totals> totals = journal.Count();
  if (!totals.ok()) return totals.status();
  totals->Forget(Outcome::kUnlisted);  // never moved, and forgotten with the listing
  ShowTotals(board, *totals, true);
  BeginWork(board, *totals, {}, false);
  board.listing_done = true;
  board.Phase("rolling back");
  if (Result<std::uint64_t> aborted = AbortUploads(run.context(), journal, setup, recorder); !aborted.ok()) return aborted.status();
  const int this_run = world.head.runs;
  RollbackTask task(setup);
  RowSupply rows(journal, {}, [this_run, &board](const JournalRow& row, Item* item) {
    const bool in_doubt = row.state == Outcome::kPending || row.state == Outcome::kInFlight || row.state == Outcome::kFailed;
    item->task = Task::kCustom;
    item->in_journal = true;
    item->counted = row.state;
    item->counted_size = row.size;
    if (row.run == this_run || row.state == Outcome::kRolledBack || row.state == Outcome::kUnlisted) return false;
    if (row.wrote || row.source_deleted || row.removing || !row.trash.empty() || in_doubt || row.run == 0) return true;
    board.Worked(row.size);
    return false;
  });
  if (Status status = run.Work(setup, rows, "rolling back", setup.plan.checkers, &task); !status.ok()) return status;
  if (world.cut_off) {
    if (Result<std::uint64_t> removed = RemoveAbandoned(run.context(), setup, true); !removed.ok()) return removed.status();
  }
  return journal.BeginListing();  // a later run begins anew
}

}  // namespace fileferry
