// journal.h: the durable memory of one migration: what is to be moved, how each object ended, which uploads are open.
//
// One SQLite file (WAL, every commit synced), one writer process.  Thread-safe; everything but the constructor functions answers kForked in a child process.
// Rows come and go in transactions of many; memory does not grow with their number.
#ifndef FILEFERRY_JOURNAL_JOURNAL_H_
#define FILEFERRY_JOURNAL_JOURNAL_H_

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fileferry/migration.h"
#include "journal/database.h"
#include "journal/lock.h"

namespace fileferry {

struct JournalHead {
  std::string identity, source, destination;
  std::string options;        // text; the journal does not look into it
  std::string nonce;          // in the attempt id of every write of this migration
  std::string phase;
  std::string token;          // of the source's next page, while it is being listed
  std::string last_key;       // the last key that was listed
  bool listed = false;        // to its end, in this round
  int runs = 0;
  std::optional<Time> created, updated, finished;
  std::uint64_t skipped_links = 0, empty_folders = 0, filtered = 0;
};

// What a write left at the destination.
struct JournalToken {
  std::string etag, version_id;
  std::uint64_t size = 0;
  std::optional<Time> modified;
};

struct JournalRow {
  std::string key, to;
  std::uint64_t size = 0;
  std::optional<Time> modified;   // of the source, as listed or as moved
  std::string etag;
  Outcome state = Outcome::kPending;
  bool wrote = false;             // `token` is what this migration wrote
  JournalToken token;
  std::optional<Digest> digest;
  std::string trash;              // where the replaced object is kept
  int attempts = 0;
  Code code = Code::kOk;
  std::string message;
  int run = 0;                    // the run that wrote this row
  bool source_deleted = false;    // this migration has removed the source, whatever became of the copy since
  bool removing = false;          // it was about to, and how that ended is not known
};

struct JournalUpload {
  std::string key, to, upload_id;
  std::uint64_t part_size = 0, size = 0;
  std::string etag;               // of the source
  std::optional<Time> modified;
  std::string attempt_id;         // in the place of upload_id: it was asked for, and the storage has not told its id
  std::vector<PartInfo> parts;
  Time created{};                 // when this was written down
};

// One thing that happened.
struct JournalChange {
  enum class Kind : std::uint8_t { kEnded, kUpload, kUploadClosed, kPart, kTrash, kRemoving };
  Kind kind = Kind::kEnded;
  JournalRow row;                 // kEnded: everything; others: key
  JournalUpload upload;           // kUpload; kUploadClosed and kPart: upload_id
  PartInfo part;
};

class Journal {
 public:
  // Opens the journal, or makes it with `head` where there is none.  kInvalidArgument when it is another migration's (identity; empty in head: any), no journal, damaged or
  // of a newer fileferry, kBusy when a process works on it.  In memory only where path is empty (a dry run).
  static Result<std::unique_ptr<Journal>> Open(const std::string& path, const JournalHead& head);
  // Reads without taking it.
  static Result<std::unique_ptr<Journal>> OpenToRead(const std::string& path);
  ~Journal();

  const std::string& path() const { return path_; }
  Result<JournalHead> Head();
  Status SetPhase(std::string_view phase, bool finished);
  Status SetOptions(std::string_view options);
  Status BeginRun(std::string_view phase);
  // The source is listed anew from its beginning: what it could not list is forgotten.
  Status BeginListing();

  // The rows of one page, and where the listing goes on after it; one transaction.  Rows that are there already are replaced.
  Status AddPage(std::span<const JournalRow> rows, std::string_view token, std::string_view last_key, bool listed, std::uint64_t skipped_links, std::uint64_t empty_folders,
                 std::uint64_t filtered);
  Status Apply(std::span<const JournalChange> changes);

  Result<bool> Empty();
  Result<std::optional<JournalRow>> Find(std::string_view key);
  // Ordered by key; states empty: all.
  Result<std::vector<JournalRow>> Rows(std::span<const Outcome> states, std::string_view after_key, std::size_t max);
  Result<std::vector<JournalUpload>> Uploads();
  Result<std::vector<JournalUpload>> AskedUploads();  // asked for, without an id yet
  Result<std::optional<JournalUpload>> FindUpload(std::string_view key);

  struct Totals {
    std::array<std::uint64_t, kOutcomeCount> objects{}, bytes{};
    void Forget(Outcome outcome) { objects[static_cast<std::size_t>(outcome)] = bytes[static_cast<std::size_t>(outcome)] = 0; }
  };
  Result<Totals> Count();

 private:
  Journal(std::string path, std::unique_ptr<Database> database, std::unique_ptr<JournalLock> lock);
  Status CheckProcess() const;
  static Status CheckFormat(Database& database, const std::string& path);
  Status Create(const JournalHead& head);
  Status PrepareAll();
  Status ApplyOne(const JournalChange& change);
  Status WriteRow(const JournalRow& row);
  Result<std::vector<JournalUpload>> ReadUploads(std::string_view where, std::string_view key);
  template <typename F>
  Status InTransaction(F&& body);

  const std::string path_;
  const long pid_;
  std::mutex mutex_;
  std::unique_ptr<JournalLock> lock_;
  std::unique_ptr<Database> database_;
  Status broken_;  // a commit failed: nothing more is written
  Statement write_row_, find_row_, upload_, upload_closed_, parts_closed_, part_, trash_, removing_, page_;
};

}  // namespace fileferry

#endif  // FILEFERRY_JOURNAL_JOURNAL_H_
