// runner.h: the journaled migration behind MigrationRunner.
//
// Thread-safe as migration.h says; one run at a time.
#ifndef FILEFERRY_MIGRATE_RUNNER_H_
#define FILEFERRY_MIGRATE_RUNNER_H_

#include <memory>
#include <string>
#include <vector>

#include "journal/journal.h"
#include "migrate/recorder.h"
#include "migrate/sides.h"

namespace fileferry {

class JournaledRunner : public MigrationRunner {
 public:
  JournaledRunner(OpenedStorage source, OpenedStorage destination, CopyPlan plan, std::shared_ptr<Journal> journal, JournalHead head)
      : source_(std::move(source)), destination_(std::move(destination)), plan_(std::move(plan)), journal_(std::move(journal)), head_(std::move(head)) {}

  const std::string& journal() const override { return journal_->path(); }
  const std::string& identity() const override { return head_.identity; }
  Result<std::unique_ptr<IRun>> Copy() override;
  Result<std::unique_ptr<IRun>> Verify(VerifyMode mode) override;
  Result<std::unique_ptr<IRun>> Compare(VerifyMode mode) override;
  Result<std::unique_ptr<IRun>> Retry() override;
  Result<std::unique_ptr<IRun>> Cleanup(std::optional<std::chrono::seconds> trash_age) override;
  Result<std::unique_ptr<IRun>> Rollback() override;
  Result<std::vector<ObjectRecord>> Records(const std::vector<Outcome>& outcomes, const std::string& after_key, std::size_t max) override;
  Result<State> GetState() override;

  // What the bodies of runs work with; they keep it alive.
  struct World {
    OpenedStorage source, destination;
    std::shared_ptr<Journal> journal;
    JournalHead head;
    std::string phase_before;  // what the run before left the migration at
    bool cut_off = false;  // the run before did not come to its end
    std::optional<std::chrono::seconds> trash_age;  // cleanup: what is kept for longer is swept
  };

 private:
  using Body = Status (*)(Run& run, World& world, Setup& setup, JournalRecorder& recorder);
  Result<std::unique_ptr<IRun>> NewRun(CopyPlan plan, std::string phase, Body body, std::optional<std::chrono::seconds> trash_age = std::nullopt);

  const OpenedStorage source_, destination_;
  const CopyPlan plan_;
  const std::shared_ptr<Journal> journal_;
  const JournalHead head_;
};

// The bodies, each in its own file.
Status CopyBody(Run& run, JournaledRunner::World& world, Setup& setup, JournalRecorder& recorder);
Status RetryBody(Run& run, JournaledRunner::World& world, Setup& setup, JournalRecorder& recorder);
Status VerifyBody(Run& run, JournaledRunner::World& world, Setup& setup, JournalRecorder& recorder);
Status CompareBody(Run& run, JournaledRunner::World& world, Setup& setup, JournalRecorder& recorder);
Status RollbackBody(Run& run, JournaledRunner::World& world, Setup& setup, JournalRecorder& recorder);
Status CleanupBody(Run& run, JournaledRunner::World& world, Setup& setup, JournalRecorder& recorder);

// Shows what the journal knows, before a run adds its own; listed_too: as if this run had listed it.
void ShowTotals(Board& board, const Journal::Totals& totals, bool listed_too);
// Tells the board that this run works on the rows in these states (empty: all but those rolled back).
void BeginWork(Board& board, const Journal::Totals& totals, const std::vector<Outcome>& states, bool by_bytes);
// Aborts the uploads that the journal knows, and those that were asked for without an answer; the number aborted.
Result<std::uint64_t> AbortUploads(const OpContext& ctx, Journal& journal, const Setup& setup, JournalRecorder& recorder);
// Removes what killed processes left in a storage, of any run: single writes that nobody is going to finish; how many.
Result<std::uint64_t> RemoveAbandoned(const OpContext& ctx, const Side& side);
// The same in all storages that a run writes to.
Result<std::uint64_t> RemoveAbandoned(const OpContext& ctx, const Setup& setup, bool writes_to_source);
// A run that promises something of the whole migration, and it is not whole: says so, and the exit status is not 0.
void SayUnfinished(Board& board, const JournaledRunner::World& world, const JournalHead& head, std::uint64_t pending);
ObjectRecord RecordOf(const JournalRow& row);
Progress ProgressOf(const Journal::Totals& totals, const JournalHead& head);

}  // namespace fileferry

#endif  // FILEFERRY_MIGRATE_RUNNER_H_
