// run_verify.cc: looks at everything that the journal says is at the destination; compares two storages and brings the journal up to date with what is found.
#include <algorithm>
#include <utility>

#include "fileferry/ops.h"
#include "migrate/compare_supply.h"
#include "migrate/journal_supply.h"
#include "migrate/key_index.h"
#include "migrate/runner.h"
#include "transfer/compare.h"
#include "transfer/decide.h"

namespace fileferry {

namespace {

// Rows of objects that are, or were found not to be, at the destination.
const std::vector<Outcome> kThere = {Outcome::kCopied,    Outcome::kVerified, Outcome::kSame, Outcome::kSameByTime, Outcome::kDifferent, Outcome::kMissingAtDestination,
                                     Outcome::kSourceDeleted};

void End(Ended* ended, Outcome outcome, Status status = {}) {
  ended->outcome = outcome;
  ended->status = std::move(status);
}

class VerifyTask : public IEngineTask {
 public:
  explicit VerifyTask(const Setup& setup) : setup_(setup) {}

  void Do(const OpContext& ctx, Item& item, Ended* ended) override {
    ended->size = item.size;
    ended->wrote = item.ours;
    ended->token = item.written;
    ended->digest = item.digest;
    ended->trash = item.trash;
    ended->source_etag = item.etag;
    ended->source_modified = item.modified;
    Result<ObjectInfo> there = setup_.destination.provider->Stat(ctx, setup_.destination.Full(item.to));
    if (there.code() == Code::kNotFound) return End(ended, Outcome::kMissingAtDestination, there.status());
    if (!there.ok()) return End(ended, Outcome::kFailed, there.status());
    if (there->size != item.size) {
      return End(ended, Outcome::kDifferent, Status(Code::kIntegrity, std::to_string(there->size) + " bytes instead of " + std::to_string(item.size)));
    }
    switch (setup_.plan.verify) {
      case VerifyMode::kNone:
      case VerifyMode::kSize:
        return End(ended, item.counted == Outcome::kDifferent || item.counted == Outcome::kMissingAtDestination ? Outcome::kCopied : item.counted);
      case VerifyMode::kChecksum:
        return item.digest ? Checksum(ctx, item, *there, ended) : WithSource(ctx, item, *there, false, ended);
      case VerifyMode::kFull:
        return item.source_deleted && item.digest ? Checksum(ctx, item, *there, ended) : WithSource(ctx, item, *there, true, ended);
    }
  }

 private:
  void Good(const Item& item, Ended* ended) { End(ended, item.source_deleted ? Outcome::kSourceDeleted : Outcome::kVerified); }

  // Against the digest of what was written: the one that the storage keeps, or, where it keeps none, that of its bytes.
  void Checksum(const OpContext& ctx, const Item& item, const ObjectInfo& there, Ended* ended) {
    const DigestKind kind = item.digest->kind;
    const Digest* kept = there.digests.Find(kind);
    Digest found;
    if (kept != nullptr && (there.confirmed & MaskOf(kind)) != 0 && setup_.plan.verify != VerifyMode::kFull) {
      found = *kept;
    } else {
      Result<Digest> read = ReadDigest(ctx, setup_, setup_.destination, setup_.destination.Full(item.to), kind, there.etag);
      if (read.code() == Code::kIntegrity) return End(ended, Outcome::kDifferent, read.status());
      if (!read.ok()) return End(ended, Outcome::kFailed, read.status());
      found = *read;
    }
    if (found == *item.digest) return Good(item, ended);
    End(ended, Outcome::kDifferent, Status(Code::kIntegrity, "the bytes are not those that were written"));
  }

  void WithSource(const OpContext& ctx, const Item& item, const ObjectInfo& there, bool full, Ended* ended) {
    const std::string key = setup_.source.Full(item.key);
    Result<ObjectInfo> here = setup_.source.provider->Stat(ctx, key);
    const bool gone = here.code() == Code::kNotFound;
    if (!here.ok() && !gone) return End(ended, Outcome::kFailed, AtSource(here.status()));
    bool changed = gone;
    if (!gone) {
      const std::optional<Time> listed = ListedTime(*here, setup_.source.caps);
      const bool same_etag = !item.etag.empty() && item.etag == here->etag;
      const bool same_time = item.modified && listed && SameTime(*item.modified, *listed);
      changed = here->size != item.size || !(same_etag || same_time);
    }
    if (changed) {  // the source is another one by now: what was copied is judged by its own digest
      if (item.digest) return Checksum(ctx, item, there, ended);
      if (gone) return End(ended, Outcome::kVanished);
    }
    Evidence evidence;
    evidence.by_time = false;
    evidence.read_both = full;
    evidence.properties = item.ours;
    Result<Comparison> compared = CompareObjects(ctx, setup_, key, *here, setup_.destination.Full(item.to), there, evidence);
    if (!compared.ok()) {
      if (IsAtSource(compared.status()) && compared.code() == Code::kIntegrity) return End(ended, Outcome::kCorrupt, compared.status());
      return End(ended, Outcome::kFailed, compared.status());
    }
    if (compared->content == Content::kDifferent) return End(ended, Outcome::kDifferent, Status(Code::kIntegrity, compared->why));
    Good(item, ended);
  }

  const Setup& setup_;
};

// Writes what a comparison finds into the rows that are there; an object without a row is no part of the migration, and has none afterwards.
class CompareRecorder : public IRecorder {
 public:
  CompareRecorder(Journal& journal, JournalRecorder& inner) : journal_(journal), inner_(inner) {}
  const std::string& attempt_prefix() const override { return inner_.attempt_prefix(); }
  bool durable() const override { return false; }  // what is found is kept for the report of this run
  Status UploadAsked(const Item& item, const std::string& attempt_id) override { return inner_.UploadAsked(item, attempt_id); }
  Result<std::vector<AskedUpload>> UploadsAsked(std::vector<std::string>* known) override { return inner_.UploadsAsked(known); }
  Status UploadOpened(const Item& item, const OpenUpload& upload) override { return inner_.UploadOpened(item, upload); }
  Status PartDone(const Item& item, const std::string& upload_id, const PartInfo& part) override { return inner_.PartDone(item, upload_id, part); }
  Status UploadClosed(const Item& item, const std::string& upload_id) override { return inner_.UploadClosed(item, upload_id); }
  Status Replacing(const Item& item, const std::string& trash) override { return inner_.Replacing(item, trash); }
  Status Flush() override { return inner_.Flush(); }

  Status Ended(const Item& item, const struct Ended& ended) override {
    if (item.task == Task::kCustom) return inner_.Ended(item, ended);
    if (ended.outcome == Outcome::kVanished || ended.outcome == Outcome::kUnlisted) return {};
    Result<std::optional<JournalRow>> found = journal_.Find(item.key);
    if (!found.ok()) return found.status();
    if (!found->has_value()) return {};
    const JournalRow& row = **found;
    if (row.to != item.to || row.state == Outcome::kSourceDeleted || std::find(kThere.begin(), kThere.end(), row.state) == kThere.end()) return {};
    struct Ended now;
    now.outcome = row.state;
    const bool was_bad = !OutcomeIsGood(row.state);
    if (ended.outcome == Outcome::kVerified || ended.outcome == Outcome::kDifferent || ended.outcome == Outcome::kMissingAtDestination) now.outcome = ended.outcome;
    if (was_bad && (ended.outcome == Outcome::kSame || ended.outcome == Outcome::kSameByTime)) now.outcome = row.wrote ? Outcome::kCopied : Outcome::kSame;
    if (!OutcomeIsGood(now.outcome)) now.status = ended.status.ok() ? Status(row.code, row.message) : ended.status;
    now.size = row.size;
    now.wrote = row.wrote;
    now.token = FromJournal(row.token);
    now.digest = row.digest;
    now.trash = row.trash;
    now.source_etag = row.etag;
    now.source_modified = row.modified;
    return inner_.Ended(ItemOf(row), now);
  }

 private:
  Journal& journal_;
  JournalRecorder& inner_;
};

}  // namespace

Status VerifyBody(Run& run, JournaledRunner::World& world, Setup& setup, JournalRecorder&) {
  Board& board = run.board();
  Result<Journal::Totals> totals = world.journal->Count();
  if (!totals.ok()) return totals.status();
  ShowTotals(board, *totals, true);
  board.listing_done = true;
  SayUnfinished(board, world, world.head, totals->objects[static_cast<std::size_t>(Outcome::kPending)] + totals->objects[static_cast<std::size_t>(Outcome::kInFlight)]);
  const int this_run = world.head.runs;
  VerifyTask task(setup);
  BeginWork(board, *totals, kThere, setup.plan.verify == VerifyMode::kFull);
  RowSupply rows(*world.journal, kThere,
                 [this_run](const JournalRow& row, Item* item) {
                   item->task = Task::kCustom;
                   item->in_journal = true;
                   item->counted = row.state;
                   item->counted_size = row.size;
                   return row.run != this_run;
                 });
  return run.Work(setup, rows, "verifying", setup.plan.checkers, &task);
}

Status CompareBody(Run& run, JournaledRunner::World& world, Setup& setup, JournalRecorder& recorder) {
  Journal& journal = *world.journal;
  Board& board = run.board();
  Result<bool> empty = journal.Empty();
  if (!empty.ok()) return empty.status();
  Result<std::unique_ptr<Rules>> rules = Rules::Compile(setup.plan);
  if (!rules.ok()) return rules.status();
  setup.plan.limit = 0;  // of the trial that it was begun with
  CompareRecorder comparing(journal, recorder);
  setup.recorder = &comparing;
  std::unique_ptr<ISupply> both;
  const std::string& keys_from = setup.plan.filter.keys_from;
  if (keys_from.empty()) {
    both = std::make_unique<MergeSupply>(setup.source, setup.destination, **rules, NewKeyIndex, board, MergeSupply::Start{});
  } else {
    Result<std::unique_ptr<MappedSupply>> keys = SupplyOfKeys(keys_from, **rules, NewKeyIndex, board);
    if (!keys.ok()) return keys.status();
    both = std::move(*keys);
  }
  CompareSupply supply(*both, setup, *empty ? nullptr : &journal);
  if (Status status = run.Work(setup, supply, "comparing", setup.plan.checkers); !status.ok()) return status;
  if (*empty && keys_from.empty()) return CheckMet(setup, board);
  // Copies of sources that this migration has removed: no listing of the source tells of them.
  VerifyTask task(setup);
  const int this_run = world.head.runs;
  RowSupply rows(journal, kThere, [&](const JournalRow& row, Item* item) {
    item->task = Task::kCustom;
    item->counted = row.state;
    if (!(row.source_deleted || row.removing) || row.run == this_run || !(*rules)->WantsKey(row.key)) return false;
    const Result<std::string> to = (*rules)->Map(row.key);
    if (!to.ok() || *to != row.to) return false;
    if (row.source_deleted) return true;
    const Result<bool> there = Exists(*setup.source.provider, run.context(), setup.source.Full(row.key));  // a run was cut off: only the source tells
    return !there.ok() || !*there;
  });
  return run.Work(setup, rows, "verifying", setup.plan.checkers, &task);
}

}  // namespace fileferry
