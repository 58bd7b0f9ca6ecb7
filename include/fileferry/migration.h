// migration.h: moving objects between storages: `copy` without a journal and MigrationRunner with one.
//
// Both stream: memory does not grow with the number of keys or the size of objects.  A run works on its own threads; the caller polls Progress() and may Cancel() or Pause() from any
// thread (Cancel also from a signal handler).  No call-back is made on a thread of the library.
#ifndef FILEFERRY_MIGRATION_H
#define FILEFERRY_MIGRATION_H

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fileferry/factory.h"
#include "fileferry/ops.h"
#include "fileferry/provider.h"

namespace fileferry {

enum class Overwrite : std::uint8_t { kNever, kChanged, kAlways };
enum class VerifyMode : std::uint8_t { kNone, kSize, kChecksum, kFull };

// Patterns as rclone's: '*' within one level, '**' across, '?', [set], {a,b}; a leading '/' anchors at the root of the copy, otherwise the end of the key is matched at a '/'.
// Exclude beats include.  With any include, what matches none is left out.
struct FilterOptions {
  std::vector<std::string> include;
  std::vector<std::string> exclude;
  std::string filter_from;   // a file of lines "+ pattern", "- pattern", '#' comments; first match wins
  std::string keys_from;     // a file of keys, one a line (NUL-separated when it holds a NUL): only these, nothing is listed
  std::optional<std::uint64_t> min_size, max_size;
  std::optional<Time> newer_than, older_than;  // by the entry's modification time
  // How the user wrote that time where it counts back from now ("7d").  Such words, not the moment, tell one migration from another; a run that is gone on with keeps the moment it began with.
  std::string newer_than_age, older_than_age;
  std::vector<std::string> content_types;      // "image/*"; by the key's extension, else by a stat
};

struct CopyPlan {
  FilterOptions filter;
  // "same", "prefix+TEXT", "prefix-TEXT", "activestorage" (flat keys to or from the disk layout), "re:PATTERN=>REPLACEMENT" (RE2, \1), "file:PATH" (tab-separated pairs)
  std::string map = "same";
  Overwrite overwrite = Overwrite::kNever;
  VerifyMode verify = VerifyMode::kChecksum;
  // kChecksum was asked for by name: what is at the destination already is compared by digest (computed where only one side keeps one), not by size and time.
  bool verify_existing = false;
  DigestKind digest = DigestKind::kCrc64Nvme;
  int transfers = 16;                  // objects or parts under way at once, 1 … 1024
  int checkers = 8;
  std::uint64_t limit = 0;             // objects to transfer; 0: all
  std::uint32_t batch_size = 1000;
  std::chrono::milliseconds delay{0};  // between batches
  std::string bwlimit;                 // "10M" or "08:00,512k 19:00,off", weekdays allowed ("Mon-08:00,1M"); local time
  double tpslimit = 0;                 // requests a second; 0: no limit
  std::string window;                  // "22:00-06:00": pauses by itself outside; local time
  bool dry_run = false;
  std::uint32_t shard = 0, shards = 1; // works on keys with hash(key) mod shards == shard
  bool delete_source = false;          // after a verified copy; needs `confirmed`
  bool confirmed = false;
  std::string archive;                 // storage text: deleted sources are copied there first
  std::shared_ptr<OpenedStorage> archive_storage;  // `archive`, opened by the caller; needed where `archive` is set
  bool preserve_acl = false, preserve_tags = false;
  std::string links = "skip";          // skip|follow|error
  TransferTuning tuning;
};
// kInvalidArgument naming the option, for everything that can be found without a storage.
Status CheckPlan(const CopyPlan& plan);

// How one object ended.  Numbers are stored in journals; append only.
enum class Outcome : std::uint8_t {
  kPending = 0,        // known, not yet done
  kInFlight = 1,       // was under way when the state was written
  kCopied = 2,         // stored; the storage confirmed nothing
  kVerified = 3,       // stored, and a digest of the stored bytes was confirmed
  kSame = 4,           // was there already and equal
  kSameByTime = 5,     // equal by size and time only
  kConflict = 6,       // the destination holds something else; left alone
  kMissing = 7,        // announced (list of keys, database) but not at the source
  kVanished = 8,       // was listed, gone when it was read: not an error
  kCorrupt = 9,        // the source's bytes do not match their own digest or size
  kFailed = 10,        // see the error; `retry` tries again
  kRefused = 11,       // the destination cannot hold the key; nothing was tried
  kDifferent = 12,     // found different by verify
  kMissingAtDestination = 13,  // found missing by verify
  kRolledBack = 14,
  kSourceDeleted = 15, // verified, archived where asked, and removed at the source
  kSkipped = 16,       // a dry run would have copied it
  kUnlisted = 17       // the source cannot list it: a folder that may not be read (the key ends in '/'), or a file whose name can be no key
};
constexpr std::size_t kOutcomeCount = 18;
std::string_view OutcomeName(Outcome outcome);   // "copied", "verified", "missing at source", ...
bool OutcomeIsGood(Outcome outcome);             // the run can end with exit status 0

struct Transfer {               // one object under way
  std::string key;
  std::uint64_t size = 0, done = 0;
};

struct Progress {
  std::string phase;            // "listing", "copying", "second pass", "verifying", "rolling back", "paused until 22:00", "done", ...
  std::array<std::uint64_t, kOutcomeCount> objects{};  // by Outcome
  std::array<std::uint64_t, kOutcomeCount> bytes{};
  std::uint64_t listed = 0, listed_bytes = 0;  // at the source, after filters
  bool listing_done = false;
  std::uint64_t filtered = 0, skipped_links = 0, empty_folders = 0, extra = 0;  // extra: at the destination only
  bool unfinished = false;         // of verify and retry: the migration has objects that are pending or not yet listed, or was taken back
  std::uint64_t kept_sources = 0;  // to be deleted, and not deleted because the copy, the archive or the source itself was not as it had to be
  std::uint64_t bytes_moved = 0;               // through the client, retries included
  std::uint64_t bytes_sent_again = 0;          // parts or objects sent a second time
  // The work of this run: of verify, retry, rollback the rows that it looks at; of a copy what was listed.  Small objects weigh more than their bytes in `share`.
  std::uint64_t due = 0, due_bytes = 0, ended = 0, ended_bytes = 0;
  double share = 0;                            // 0 … 1
  double seconds = 0, rate = 0, eta = -1;      // rate in bytes/s over the last seconds, read back ones included; eta in seconds, -1 unknown
  double object_rate = 0;                      // objects/s over the last seconds
  std::vector<Transfer> under_way;             // at most 16, largest first
  std::vector<std::string> last_errors;        // at most 5, newest last, one line each
  std::uint64_t errors = 0;
  std::vector<std::string> notes;              // about the run as a whole, e.g. that the destination cannot create conditionally
};

struct ObjectRecord {           // a row of a report
  std::string key, destination_key;
  std::uint64_t size = 0;
  Outcome outcome = Outcome::kPending;
  Code code = Code::kOk;
  std::string message;
  int attempts = 0;
};

// A run under way: of copy, migrate, verify, retry, rollback.
class IRun {
 public:
  virtual ~IRun() = default;                 // cancels and waits
  virtual Status Start() = 0;                // once; does not block
  virtual bool Wait(std::chrono::milliseconds timeout) = 0;  // true: ended
  virtual Status Result() const = 0;         // REQUIRES: ended.  Not OK when the run stopped before the end (kCancelled, kQuotaExceeded, kUnavailable, kUnauthenticated …)
  virtual void Cancel() = 0;                 // objects under way end cleanly or are abandoned; the journal stays resumable
  virtual void Pause(bool on) = 0;
  virtual Progress Snapshot() const = 0;
  // Objects that did not end well, at most max: without a journal the last of the first 10000, newest last; of a migration those with the lowest keys, by key.
  virtual std::vector<ObjectRecord> Problems(std::size_t max) const = 0;
  // For who wants all of them, however many: those met since the last call, oldest first; of a dry run also what would be copied (kSkipped).  From the first call on, which comes before Start, a run without a journal drops none: while 10,000 wait
  // to be taken it waits, too.  Problems() does not tell those that were taken.  A migration's are in its journal (Report): empty.
  virtual std::vector<ObjectRecord> TakeProblems() = 0;
};
// 0, 1, 3 or 4 as the command line documents.
int ExitStatusOf(const IRun& run);

// `fileferry copy`: two listings merged as they stream; no journal.
Result<std::unique_ptr<IRun>> NewCopy(OpenedStorage source, OpenedStorage destination, CopyPlan plan);
// `fileferry verify` / `missing` of two storages without a journal.  Outcomes: kVerified, kSame, kSameByTime, kDifferent, kMissingAtDestination, and `extra`.
Result<std::unique_ptr<IRun>> NewCompare(OpenedStorage source, OpenedStorage destination, CopyPlan plan);

// `fileferry plan`: what a run would meet.  Lists, moves nothing.
struct Analysis {
  std::uint64_t objects = 0, bytes = 0, skipped_links = 0, empty_folders = 0, filtered = 0;
  std::uint64_t already_there = 0, conflicts = 0;                    // with a destination
  std::uint64_t left = 0, left_bytes = 0;                            // what a run would move
  struct Group { std::string name; std::uint64_t objects = 0, bytes = 0; };
  std::vector<Group> types;          // by content type, largest first
  std::vector<Group> sizes;          // histogram: "0", "< 64 KiB", "< 1 MiB", "< 16 MiB", "< 128 MiB", "< 1 GiB", ">= 1 GiB"
  std::vector<ObjectRecord> largest; // ten
  std::vector<ObjectRecord> refused; // keys that the destination cannot hold: the first 10,000
  std::uint64_t refused_count = 0;
  std::vector<ObjectRecord> unlisted; // what the source cannot list: the first 100
  std::uint64_t unlisted_count = 0;
  std::uint64_t requests_write = 0, requests_read = 0, requests_list = 0;
  double seconds_at(double bytes_per_second) const;  // for what is left
  double cost_usd = 0;               // at AWS S3's list prices: requests, transfer out of the source where it is S3, a month of storage
  std::string cost_note;
};
Result<Analysis> Analyse(const OpContext& ctx, OpenedStorage source, std::optional<OpenedStorage> destination, const CopyPlan& plan);

// `fileferry migrate`: the same engine with a journal in SQLite (WAL, one writer).  The journal belongs to the process that opened it (kForked in a child); a second runner on it is kBusy.
class MigrationRunner {
 public:
  struct Options {
    CopyPlan plan;
    std::string journal;     // path; empty: .fileferry/<identity>.db below the working folder
  };
  // Creates or reopens the journal.  kInvalidArgument when the journal is of another migration.
  static Result<std::unique_ptr<MigrationRunner>> Open(OpenedStorage source, OpenedStorage destination, Options options);
  // Reopens a journal by its path (empty: the newest in .fileferry/), with its storages opened through the factory.  `change` (may be empty) is given the plan that the migration was begun with,
  // for what shall be otherwise this time; its limit was that run's, and what it deletes at the source has to be confirmed anew.
  static Result<std::unique_ptr<MigrationRunner>> Reopen(const std::string& journal, StorageFactory& factory, const std::function<void(CopyPlan&)>& change = {});
  // Reads a journal without taking it: works while another process runs.
  struct State {
    std::string journal, identity, source, destination, phase;
    Progress progress;
    bool running = false;        // a process holds it now
    std::optional<Time> created, updated, finished;
    int runs = 0;
    std::vector<std::string> again;  // words of the command line that goes on with what was stopped: "rollback", "--journal", …
  };
  static Result<State> ReadState(const std::string& journal);
  // Of the journals in .fileferry/ the one that was made last, whichever was worked on since; those that never listed anything come after all others.
  static Result<std::string> NewestJournal();
  // The same among those of just these two storages, with a plan among those of a migration with its map and filters.  Empty: there is none.
  static std::string FindJournal(const OpenedStorage& source, const OpenedStorage& destination, const CopyPlan* plan = nullptr);
  // Reads the rows of a journal without taking it: works while another process runs.
  class Rows {
   public:
    virtual ~Rows() = default;
    // As Records below; each call sees what is written by then.
    virtual Result<std::vector<ObjectRecord>> Records(const std::vector<Outcome>& outcomes, const std::string& after_key, std::size_t max) = 0;
  };
  static Result<std::unique_ptr<Rows>> ReadRows(const std::string& journal);

  virtual ~MigrationRunner() = default;
  virtual const std::string& journal() const = 0;
  virtual const std::string& identity() const = 0;

  virtual Result<std::unique_ptr<IRun>> Copy() = 0;       // run or resume, then verify as the plan says
  // What the journal says is at the destination.  Of an unfinished migration: Progress::unfinished.
  virtual Result<std::unique_ptr<IRun>> Verify(VerifyMode mode) = 0;
  // The two storages, with the plan's filters and map, as NewCompare does; the rows are brought up to date with what is found.  Also the copies whose sources are gone.
  virtual Result<std::unique_ptr<IRun>> Compare(VerifyMode mode) = 0;
  virtual Result<std::unique_ptr<IRun>> Retry() = 0;      // failed, missing, corrupt, different ones alone
  // Leftovers: uploads, temporary objects, partial copies of this migration.  With `trash_age` also what --overwrite replaced and the trash has kept for longer: rollback leaves such objects alone.
  virtual Result<std::unique_ptr<IRun>> Cleanup(std::optional<std::chrono::seconds> trash_age = std::nullopt) = 0;
  // Removes what this migration wrote and what is still as written; puts back what it replaced or (where archived) deleted; leaves alone and reports everything else.
  virtual Result<std::unique_ptr<IRun>> Rollback() = 0;

  // Rows of the journal, ordered by key, with any of these outcomes (empty: all), after `after_key`, at most `max`.
  virtual Result<std::vector<ObjectRecord>> Records(const std::vector<Outcome>& outcomes, const std::string& after_key, std::size_t max) = 0;
  virtual Result<State> GetState() = 0;

 protected:
  MigrationRunner() = default;
};

}  // namespace fileferry

#endif  // FILEFERRY_MIGRATION_H
