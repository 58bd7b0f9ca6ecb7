// runner.cc: opening journals, starting runs, reading rows; see runner.h and migration.h.
#include "migrate/runner.h"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <tuple>
#include <utility>

#include "base/clock.h"
#include "journal/lock.h"
#include "migrate/plan.h"

namespace fileferry {

namespace {

constexpr std::string_view kFolder = ".fileferry";
// Lines beside those of the plan: what a text meant when the migration was begun, whatever is there by now.
constexpr std::string_view kSourceIsObject = "source-is-object=1\n", kDestinationIsObject = "destination-is-object=1\n",
                           kLinksGiven = "links-given=1\n";  // --links was, so that it overrides what the configuration says

constexpr std::string_view kStopped = "stopped", kRollingBack = "rolling back", kRolledBack = "rolled back";

std::uint64_t PendingOf(const Journal::Totals& totals) {
  return totals.objects[static_cast<std::size_t>(Outcome::kPending)] + totals.objects[static_cast<std::size_t>(Outcome::kInFlight)];
}

// Whether a rollback was begun and has not come to its end.
bool IsRollingBack(std::string_view phase) { return phase.substr(0, phase.find(':')).ends_with(kRollingBack); }

// Whether the journal shows a migration of which nothing is left to be done because it was taken back: its end forgets the listing.
bool WasTakenBack(const JournalHead& head, const Journal::Totals& totals) {
  return !head.listed && head.token.empty() && PendingOf(totals) == 0 && totals.objects[static_cast<std::size_t>(Outcome::kRolledBack)] > 0;
}

// What a run that came to its end leaves the migration at.  Only a copy and a rollback take it further: an unfinished one stays unfinished under all others.
std::string PhaseAfter(const std::string& phase, const std::string& before, const JournalHead& head, const Journal::Totals& totals) {
  const bool moves = phase == "copying";
  if (phase == kRollingBack) return std::string(kRolledBack);
  if (!moves && IsRollingBack(before)) return before;
  if (!moves && WasTakenBack(head, totals)) return std::string(kRolledBack);
  return std::string(head.listed && PendingOf(totals) == 0 ? "done" : kStopped);
}

// "stopped", "stopped while verifying", and why.
std::string StoppedPhase(const std::string& phase, const Status& status) {
  std::string text(kStopped);
  if (phase != "copying") text += " while " + phase;
  return status.code() == Code::kCancelled ? text : text + ": " + std::string(status.message());
}

std::vector<std::string> AgainOf(const std::string& path, const JournalHead& head, const Journal::Totals& totals) {
  std::string_view phase = std::string_view(head.phase).substr(0, head.phase.find(':'));
  // What is left of the copy comes first; of it, retry takes what was listed.
  const bool unlisted = !head.listed && !WasTakenBack(head, totals);
  if (!IsRollingBack(phase) && (unlisted || (PendingOf(totals) > 0 && !phase.ends_with("retrying")))) phase = kStopped;
  std::vector<std::string> words;
  for (const auto& [doing, command] : {std::pair("rolling back", "rollback"), std::pair("verifying", "verify"), std::pair("retrying", "retry"), std::pair("cleaning up", "cleanup")}) {
    if (phase.ends_with(doing)) words = {command};
  }
  if (words.empty()) {
    words = {"migrate"};
    const Result<CopyPlan> plan = PlanFromText(head.options);
    const std::vector<std::string> options = plan.ok() ? OptionsOf(*plan) : std::vector<std::string>();
    words.insert(words.end(), options.begin(), options.end());
    const bool links = plan.ok() && plan->links == CopyPlan().links && head.options.find(kLinksGiven) != std::string::npos;
    if (links) words.insert(words.end(), {"--links", plan->links});
  }
  const bool migrate = words.front() == "migrate";
  if (!migrate || path != std::string(kFolder) + "/" + head.identity.substr(0, 16) + ".db") words.insert(words.end(), {"--journal", path});
  if (migrate) words.insert(words.end(), {head.source, head.destination});
  return words;
}

// Whether the next copy goes on with what the last one left, rather than looking at the source once more.
bool GoesOn(const JournalHead& head) {
  if (head.phase == "rolled back") return false;
  const std::string_view phase = std::string_view(head.phase).substr(0, head.phase.find(':'));
  return !head.listed || phase == "copying" || phase == kStopped;
}

// Of times that count back from now, a copy that is gone on with keeps the moments that it began with.
void KeepMoments(const FilterOptions& earlier, FilterOptions* filter) {
  if (!filter->newer_than_age.empty() && earlier.newer_than) filter->newer_than = earlier.newer_than;
  if (!filter->older_than_age.empty() && earlier.older_than) filter->older_than = earlier.older_than;
}

// As it was opened when the migration was begun.
Result<OpenedStorage> OpenAgain(StorageFactory& factory, const std::string& text, const JournalHead& head, const CopyPlan& plan, std::string_view is_object) {
  std::map<std::string, std::string> overrides;
  if (plan.links != CopyPlan().links || head.options.find(kLinksGiven) != std::string::npos) overrides["links"] = plan.links;
  return factory.OpenWith(text, overrides, head.options.find(is_object) != std::string::npos);
}

// Whether an option of the command line says what links are.
bool LinksGiven(const OpenedStorage& storage) {
  const auto links = storage.config.values.find("links");
  return links != storage.config.values.end() && links->second.origin.what == "option";
}

std::string TextOf(const OpenedStorage& storage) { return storage.text.empty() ? storage.provider->Name() : storage.text; }

std::vector<Outcome> BadOutcomes() {
  std::vector<Outcome> bad;
  for (std::size_t i = 2; i < kOutcomeCount; ++i) {
    if (!OutcomeIsGood(static_cast<Outcome>(i))) bad.push_back(static_cast<Outcome>(i));
  }
  return bad;
}

// The first rows, by key, that did not end well.
std::vector<ObjectRecord> ProblemsOf(Journal& journal, std::size_t max) {
  std::vector<ObjectRecord> records;
  Result<std::vector<JournalRow>> rows = journal.Rows(BadOutcomes(), {}, max);
  if (!rows.ok()) return records;
  for (const JournalRow& row : *rows) records.push_back(RecordOf(row));
  return records;
}

}  // namespace

ObjectRecord RecordOf(const JournalRow& row) {
  ObjectRecord record;
  record.key = row.key;
  record.destination_key = row.to;
  record.size = row.size;
  record.outcome = row.state;
  record.code = row.code;
  record.message = row.message;
  record.attempts = row.attempts;
  return record;
}

Progress ProgressOf(const Journal::Totals& totals, const JournalHead& head) {
  Progress progress;
  progress.phase = head.phase;
  progress.objects = totals.objects;
  progress.bytes = totals.bytes;
  for (std::size_t i = 0; i < kOutcomeCount; ++i) {
    progress.listed += totals.objects[i];
    progress.listed_bytes += totals.bytes[i];
    if (i > 1 && !OutcomeIsGood(static_cast<Outcome>(i))) progress.errors += totals.objects[i];
  }
  progress.listing_done = head.listed;
  progress.skipped_links = head.skipped_links;
  progress.empty_folders = head.empty_folders;
  progress.filtered = head.filtered;
  return progress;
}

void ShowTotals(Board& board, const Journal::Totals& totals, bool listed_too) {
  for (std::size_t i = 0; i < kOutcomeCount; ++i) {
    board.Preset(static_cast<Outcome>(i), totals.objects[i], totals.bytes[i]);
    if (!listed_too) continue;
    board.listed += totals.objects[i];
    board.listed_bytes += totals.bytes[i];
    if (i > static_cast<std::size_t>(Outcome::kInFlight)) board.Worked(totals.bytes[i], totals.objects[i]);
  }
}

void BeginWork(Board& board, const Journal::Totals& totals, const std::vector<Outcome>& states, bool by_bytes) {
  std::uint64_t objects = 0, bytes = 0;
  for (std::size_t i = 0; i < kOutcomeCount; ++i) {
    const auto outcome = static_cast<Outcome>(i);
    const bool works = states.empty() ? outcome != Outcome::kRolledBack : std::find(states.begin(), states.end(), outcome) != states.end();
    if (!works) continue;
    objects += totals.objects[i];
    bytes += totals.bytes[i];
  }
  board.BeginWork(objects, bytes, by_bytes);
}

// ---- opening ----

Result<std::unique_ptr<MigrationRunner>> MigrationRunner::Open(OpenedStorage source, OpenedStorage destination, Options options) {
  if (Status status = CheckPlan(options.plan); !status.ok()) return status;
  if (Status status = CheckArchive(options.plan); !status.ok()) return status;
  if (source.provider == nullptr || destination.provider == nullptr) return Status(Code::kInvalidArgument, "a storage is not open");
  JournalHead head;
  head.source = TextOf(source);
  head.destination = TextOf(destination);
  head.identity = IdentityOf(head.source, head.destination, options.plan);
  const auto options_of = [&source, &destination](const CopyPlan& plan) {
    return PlanToText(plan) + (source.is_object ? std::string(kSourceIsObject) : "") + (destination.is_object ? std::string(kDestinationIsObject) : "") +
           (LinksGiven(source) || LinksGiven(destination) ? std::string(kLinksGiven) : "");
  };
  head.options = options_of(options.plan);
  head.nonce = RandomId().substr(0, 10);
  std::string path = options.journal.empty() ? std::string(kFolder) + "/" + head.identity.substr(0, 16) + ".db" : options.journal;
  if (options.plan.dry_run) path.clear();  // nothing is written, not even a journal
  Result<std::unique_ptr<Journal>> journal = Journal::Open(path, head);
  if (!journal.ok()) return journal.status();
  Result<JournalHead> before = (*journal)->Head();
  if (!before.ok()) return before.status();
  Result<CopyPlan> earlier = PlanFromText(before->options);
  if (!earlier.ok()) return earlier.status();
  if (GoesOn(*before)) KeepMoments(earlier->filter, &options.plan.filter);
  CopyPlan kept = options.plan;
  if (!earlier->archive.empty() && options.plan.archive != earlier->archive) {  // a rollback needs it, whatever this run does
    if (!options.plan.archive.empty()) {
      return Status(Code::kInvalidArgument, "--archive " + options.plan.archive + ": the sources that this migration removed are kept in '" + earlier->archive + "'; name the same archive");
    }
    kept.archive = earlier->archive;
  }
  if (Status status = (*journal)->SetOptions(options_of(kept)); !status.ok()) return status;
  Result<JournalHead> found = (*journal)->Head();
  if (!found.ok()) return found.status();
  return std::unique_ptr<MigrationRunner>(
      std::make_unique<JournaledRunner>(std::move(source), std::move(destination), std::move(options.plan), std::move(*journal), std::move(*found)));
}

Result<std::unique_ptr<MigrationRunner>> MigrationRunner::Reopen(const std::string& journal, StorageFactory& factory, const std::function<void(CopyPlan&)>& change) {
  std::string path = journal;
  if (path.empty()) {
    Result<std::string> newest = NewestJournal();
    if (!newest.ok()) return newest.status();
    path = std::move(*newest);
  }
  Result<State> state = ReadState(path);  // an error for what is no journal, before anything is made
  if (!state.ok()) return state.status();
  Result<std::unique_ptr<Journal>> opened = Journal::Open(path, {});
  if (!opened.ok()) return opened.status();
  Result<JournalHead> head = (*opened)->Head();
  if (!head.ok()) return head.status();
  Result<CopyPlan> plan = PlanFromText(head->options);
  if (!plan.ok()) return plan.status();
  plan->confirmed = false;
  plan->limit = 0;  // of the run that it was begun with
  if (change) change(*plan);
  if (!plan->confirmed) plan->delete_source = false;  // asked for anew each time
  Result<OpenedStorage> source = OpenAgain(factory, head->source, *head, *plan, kSourceIsObject);
  if (!source.ok()) return source.status();
  Result<OpenedStorage> destination = OpenAgain(factory, head->destination, *head, *plan, kDestinationIsObject);
  if (!destination.ok()) return destination.status();
  if (!plan->archive.empty()) {
    Result<OpenedStorage> archive = factory.Open(plan->archive);
    if (!archive.ok()) return archive.status();
    plan->archive_storage = std::make_shared<OpenedStorage>(std::move(*archive));
  }
  if (!plan->delete_source && plan->archive_storage == nullptr) plan->archive.clear();
  CopyPlan checked = *plan;  // a rollback needs the archive although nothing more is deleted
  if (!checked.delete_source) checked.archive.clear();
  if (Status status = CheckPlan(checked); !status.ok()) return status;
  return std::unique_ptr<MigrationRunner>(
      std::make_unique<JournaledRunner>(std::move(*source), std::move(*destination), std::move(*plan), std::move(*opened), std::move(*head)));
}

namespace {

// Nothing to be shown, mended or taken back: a migration of a mistyped source leaves such a journal.
bool NeverListed(Journal& journal) {
  const Result<bool> empty = journal.Empty();
  if (!empty.ok() || !*empty) return false;
  const Result<pid_t> holder = JournalLock::Holder(journal.path() + ".lock");
  return holder.ok() && *holder == 0;
}

// Of the journals in .fileferry/ that fit the one that was made last; those that never listed anything come after all others.  Empty: there is none; *unreadable: why some could not be looked at.
std::string LastMade(const std::function<bool(const JournalHead&)>& fits, Status* unreadable) {
  std::error_code error;
  std::string last;
  std::tuple<bool, std::optional<Time>, std::filesystem::file_time_type> when;
  for (std::filesystem::directory_iterator it(std::string(kFolder), error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() != ".db") continue;
    std::error_code ignored;
    auto modified = std::filesystem::last_write_time(it->path(), ignored);
    if (ignored) continue;
    const auto log = std::filesystem::last_write_time(it->path().string() + "-wal", ignored);  // what was written since the last checkpoint
    if (!ignored) modified = std::max(modified, log);
    Result<std::unique_ptr<Journal>> journal = Journal::OpenToRead(it->path().string());
    Result<JournalHead> head = journal.ok() ? (*journal)->Head() : Result<JournalHead>(journal.status());
    if (!head.ok()) {
      *unreadable = head.status();
      continue;
    }
    if (!fits(*head)) continue;
    const std::tuple made(!NeverListed(**journal), head->created, modified);
    if (last.empty() || made > when) {
      last = it->path().string();
      when = made;
    }
  }
  return last;
}

Result<MigrationRunner::State> StateOf(Journal& journal) {
  Result<JournalHead> head = journal.Head();
  if (!head.ok()) return head.status();
  Result<Journal::Totals> totals = journal.Count();
  if (!totals.ok()) return totals.status();
  MigrationRunner::State state;
  state.journal = journal.path();
  state.identity = head->identity;
  state.source = head->source;
  state.destination = head->destination;
  state.phase = head->phase;
  state.progress = ProgressOf(*totals, *head);
  state.created = head->created;
  state.updated = head->updated;
  state.finished = head->finished;
  state.runs = head->runs;
  state.again = AgainOf(state.journal, *head, *totals);
  return state;
}

}  // namespace

Result<std::string> MigrationRunner::NewestJournal() {
  Status unreadable;
  std::string newest = LastMade([](const JournalHead&) { return true; }, &unreadable);
  if (!newest.empty()) return newest;
  if (!unreadable.ok()) return unreadable;
  return Status(Code::kInvalidArgument, "there is no journal in " + std::string(kFolder) + "/ of this folder; name one with --journal");
}

std::string MigrationRunner::FindJournal(const OpenedStorage& source, const OpenedStorage& destination, const CopyPlan* plan) {
  const std::string from = TextOf(source), to = TextOf(destination), identity = plan == nullptr ? std::string() : IdentityOf(from, to, *plan);
  Status unreadable;
  return LastMade([&](const JournalHead& head) { return head.source == from && head.destination == to && (plan == nullptr || head.identity == identity); }, &unreadable);
}

Result<MigrationRunner::State> MigrationRunner::ReadState(const std::string& journal) {
  Result<std::unique_ptr<Journal>> opened = Journal::OpenToRead(journal);
  if (!opened.ok()) return opened.status();
  Result<State> state = StateOf(**opened);
  if (!state.ok()) return state;
  const fileferry::Result<pid_t> holder = JournalLock::Holder(journal + ".lock");
  if (!holder.ok()) return holder.status();
  state->running = *holder != 0;
  return state;
}

Result<MigrationRunner::State> JournaledRunner::GetState() {
  Result<State> state = StateOf(*journal_);
  if (state.ok()) state->running = true;
  return state;
}

namespace {

Result<std::vector<ObjectRecord>> RecordsOf(Journal& journal, const std::vector<Outcome>& outcomes, const std::string& after_key, std::size_t max) {
  Result<std::vector<JournalRow>> rows = journal.Rows(outcomes, after_key, max);
  if (!rows.ok()) return rows.status();
  std::vector<ObjectRecord> records;
  records.reserve(rows->size());
  for (const JournalRow& row : *rows) records.push_back(RecordOf(row));
  return records;
}

class JournalRows : public MigrationRunner::Rows {
 public:
  explicit JournalRows(std::unique_ptr<Journal> journal) : journal_(std::move(journal)) {}
  Result<std::vector<ObjectRecord>> Records(const std::vector<Outcome>& outcomes, const std::string& after_key, std::size_t max) override {
    return RecordsOf(*journal_, outcomes, after_key, max);
  }

 private:
  const std::unique_ptr<Journal> journal_;
};

}  // namespace

Result<std::vector<ObjectRecord>> JournaledRunner::Records(const std::vector<Outcome>& outcomes, const std::string& after_key, std::size_t max) {
  return RecordsOf(*journal_, outcomes, after_key, max);
}

Result<std::unique_ptr<MigrationRunner::Rows>> MigrationRunner::ReadRows(const std::string& journal) {
  Result<std::unique_ptr<Journal>> opened = Journal::OpenToRead(journal);
  if (!opened.ok()) return opened.status();
  return std::unique_ptr<Rows>(std::make_unique<JournalRows>(std::move(*opened)));
}

// ---- runs ----

namespace {

Result<std::string> EndPhase(Journal& journal, const std::string& phase, const std::string& before) {
  Result<JournalHead> head = journal.Head();
  if (!head.ok()) return head.status();
  Result<Journal::Totals> totals = journal.Count();
  if (!totals.ok()) return totals.status();
  return PhaseAfter(phase, before, *head, *totals);
}

}  // namespace

void SayUnfinished(Board& board, const JournaledRunner::World& world, const JournalHead& head, std::uint64_t pending) {
  const bool taken_back = world.phase_before == kRolledBack || IsRollingBack(world.phase_before);
  if (!taken_back && head.listed && pending == 0) return;
  board.unfinished = true;
  board.Note(taken_back ? "the migration was taken back: fileferry migrate copies it again"
                        : "the migration is not finished: fileferry migrate goes on with what is pending" + std::string(head.listed ? "" : " or was not listed"));
}

Result<std::unique_ptr<IRun>> JournaledRunner::NewRun(CopyPlan plan, std::string phase, Body body, std::optional<std::chrono::seconds> trash_age) {
  auto world = std::make_shared<World>(World{source_, destination_, journal_, head_, {}, false, trash_age});
  Result<std::unique_ptr<Run>> run = Run::Create(plan, [world, phase, body](Run& self) -> Status {
    Journal& journal = *world->journal;
    Result<JournalHead> before = journal.Head();
    if (!before.ok()) return before.status();
    world->phase_before = before->phase;
    world->cut_off = before->runs > 0 && before->phase != "done" && before->phase != kRolledBack;
    // A rollback that was begun is what goes on, whatever is looked at meanwhile.
    const std::string begin = IsRollingBack(before->phase) && phase != "copying" && phase != kRollingBack ? before->phase : phase;
    if (Status status = journal.BeginRun(begin); !status.ok()) return status;
    Result<JournalHead> head = journal.Head();
    if (!head.ok()) return head.status();
    world->head = *head;
    Setup setup;
    const bool compare = body == CompareBody;
    Status status = FillSetup(self, world->source, world->destination, compare, &setup);
    if (status.ok()) {
      JournalRecorder recorder(journal, self.board(), head->nonce, head->runs);
      setup.recorder = &recorder;
      setup.run_id = std::to_string(head->runs);
      status = recorder.Start();
      if (status.ok()) status = body(self, *world, setup, recorder);
      const Status flushed = recorder.Flush();
      if (status.ok()) status = flushed;
    }
    const bool done = status.ok();
    Result<std::string> end = done ? EndPhase(journal, phase, before->phase) : begin == phase ? StoppedPhase(phase, status) : begin;
    const Status noted = end.ok() ? journal.SetPhase(*end, done && (*end == "done" || *end == kRolledBack)) : end.status();
    return status.ok() ? noted : status;
  });
  if (!run.ok()) return run.status();
  if (body != CompareBody) (*run)->SetProblems([world](std::size_t max) { return ProblemsOf(*world->journal, max); });
  return std::unique_ptr<IRun>(std::move(*run));
}

Result<std::unique_ptr<IRun>> JournaledRunner::Copy() {
  if (plan_.dry_run) return NewTrial(source_, destination_, plan_);
  return NewRun(plan_, "copying", CopyBody);
}

Result<std::unique_ptr<IRun>> JournaledRunner::Verify(VerifyMode mode) {
  CopyPlan plan = plan_;
  plan.verify = mode;
  plan.limit = 0;
  plan.delete_source = false;
  return NewRun(std::move(plan), "verifying", VerifyBody);
}

Result<std::unique_ptr<IRun>> JournaledRunner::Compare(VerifyMode mode) {
  CopyPlan plan = plan_;
  plan.verify = mode;
  plan.limit = 0;
  plan.delete_source = false;
  plan.archive.clear();
  return NewRun(std::move(plan), "verifying", CompareBody);
}

Result<std::unique_ptr<IRun>> JournaledRunner::Retry() {
  CopyPlan plan = plan_;
  plan.delete_source = false;
  return NewRun(std::move(plan), "retrying", RetryBody);
}

Result<std::unique_ptr<IRun>> JournaledRunner::Cleanup(std::optional<std::chrono::seconds> trash_age) {
  CopyPlan plan = plan_;
  plan.limit = 0;
  plan.delete_source = false;
  return NewRun(std::move(plan), "cleaning up", CleanupBody, trash_age);
}

Result<std::unique_ptr<IRun>> JournaledRunner::Rollback() {
  CopyPlan plan = plan_;
  plan.limit = 0;
  plan.delete_source = false;
  return NewRun(std::move(plan), "rolling back", RollbackBody);
}

}  // namespace fileferry
