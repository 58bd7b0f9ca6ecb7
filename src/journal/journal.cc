// journal.cc: see journal.h.
#include "journal/journal.h"

#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/clock.h"
#include "base/errno_status.h"
#include "base/sys.h"
#include "base/unique_fd.h"
#include "journal/rows.h"

namespace fileferry {

namespace {

constexpr std::int64_t kFormat = 1;
constexpr std::int64_t kApplication = 0x46727279;  // "Frry"
constexpr std::uint64_t kCheckedWhole = std::uint64_t{32} << 20;  // larger files are not read as a whole at every start

constexpr std::string_view kSchema =
    "CREATE TABLE migration(id INTEGER PRIMARY KEY CHECK(id=1), identity TEXT, source TEXT, destination TEXT, options TEXT, nonce TEXT, phase TEXT, token BLOB, last_key BLOB,"
    " listed INTEGER, runs INTEGER, created INTEGER, updated INTEGER, finished INTEGER, skipped_links INTEGER, empty_folders INTEGER, filtered INTEGER);"
    "CREATE TABLE objects(key BLOB PRIMARY KEY, dest BLOB, size INTEGER, modified INTEGER, etag BLOB, state INTEGER, wrote INTEGER, d_etag BLOB, d_version BLOB, d_size INTEGER,"
    " d_modified INTEGER, digest BLOB, trash BLOB, attempts INTEGER, code INTEGER, message TEXT, run INTEGER, source_deleted INTEGER) WITHOUT ROWID;"
    "CREATE TABLE uploads(upload_id TEXT PRIMARY KEY, key BLOB, dest BLOB, part_size INTEGER, size INTEGER, etag BLOB, modified INTEGER, attempt TEXT, created INTEGER) WITHOUT ROWID;"
    "CREATE TABLE parts(upload_id TEXT, number INTEGER, size INTEGER, etag BLOB, crc64 INTEGER, PRIMARY KEY(upload_id, number)) WITHOUT ROWID;";

bool IsOnNetwork(const std::string& path) {
  struct statfs info;
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  if (::statfs(folder.c_str(), &info) != 0) return false;
  switch (static_cast<unsigned>(info.f_type)) {
    case 0x6969:      // NFS
    case 0x517B:      // SMB
    case 0xFF534D42:  // CIFS
    case 0xFE534D42:  // SMB 2
      return true;
    default:
      return false;
  }
}

// A file that holds something else is never touched: SQLite takes very short ones for empty.
Status CheckFile(const std::string& path) {
  UniqueFd fd(sys::OpenAt(AT_FDCWD, path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0));
  if (!fd.valid()) return errno == ENOENT ? Status() : ErrnoStatus(errno, "the journal '" + path + "'");
  char begin[16] = {};
  const ssize_t got = sys::PRead(fd.get(), begin, sizeof(begin), 0);
  if (got < 0) return ErrnoStatus(errno, "the journal '" + path + "'");
  if (got == 0 || std::string_view(begin, sizeof(begin)) == std::string_view("SQLite format 3", 16)) return {};
  return Status(Code::kInvalidArgument, "the journal '" + path + "' is not a journal of fileferry; name another file with --journal");
}

Status MakeFolder(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos || slash == 0) return {};
  const std::string folder = path.substr(0, slash);
  if (sys::MkdirAt(AT_FDCWD, folder.c_str(), 0700) == 0 || errno == EEXIST) return {};
  if (errno == ENOENT || errno == ENOTDIR) return Status(Code::kInvalidArgument, "the journal's folder '" + folder + "' is not there; make it, or name another file with --journal");
  return ErrnoStatus(errno, "the journal's folder '" + folder + "'");
}

}  // namespace

Journal::Journal(std::string path, std::unique_ptr<Database> database, std::unique_ptr<JournalLock> lock)
    : path_(std::move(path)), pid_(::getpid()), lock_(std::move(lock)), database_(std::move(database)) {}

Journal::~Journal() {
  if (::getpid() != pid_) database_->Leak();
}

Status Journal::CheckProcess() const {
  if (::getpid() == pid_) return {};
  return Status(Code::kForked, "the journal '" + path_ + "' belongs to the process that opened it; open it again after the fork");
}

Status Journal::CheckFormat(Database& database, const std::string& path) {
  Result<std::optional<std::int64_t>> application = database.Value("PRAGMA application_id");
  if (!application.ok()) return application.status();
  Result<std::optional<std::int64_t>> format = database.Value("PRAGMA user_version");
  if (!format.ok()) return format.status();
  if (application->value_or(0) != kApplication) {
    return Status(Code::kInvalidArgument, "the journal '" + path + "' is not a journal of fileferry; name another file with --journal");
  }
  if (format->value_or(0) > kFormat) {
    return Status(Code::kInvalidArgument, "the journal '" + path + "' was written by a newer fileferry; use that version, or move the file away");
  }
  struct stat info;
  if (sys::FStatAt(AT_FDCWD, path.c_str(), &info, 0) == 0 && static_cast<std::uint64_t>(info.st_size) <= kCheckedWhole) {
    Result<Statement> check = database.Prepare("PRAGMA quick_check(1)");
    if (!check.ok()) return check.status();
    Result<bool> row = check->Step();
    if (!row.ok()) return row.status();
    if (!*row || check->Bytes(0) != "ok") {
      return Status(Code::kInvalidArgument, "the journal '" + path + "' is damaged; move it away and run again: what is at the destination already is recognised");
    }
  }
  return {};
}

Result<std::unique_ptr<Journal>> Journal::Open(const std::string& path, const JournalHead& head) {
  std::unique_ptr<JournalLock> lock;
  if (!path.empty()) {
    if (Status status = MakeFolder(path); !status.ok()) return status;
    if (IsOnNetwork(path)) return Status(Code::kInvalidArgument, "the journal '" + path + "' lies on a network file system, where locks cannot be trusted; name a local file with --journal");
    Result<std::unique_ptr<JournalLock>> taken = JournalLock::Take(path + ".lock");
    if (!taken.ok()) return taken.status();
    lock = std::move(*taken);
    if (Status status = CheckFile(path); !status.ok()) return status;
  }
  Result<std::unique_ptr<Database>> database = Database::Open(path, path.empty() ? Database::Mode::kTemporary : Database::Mode::kCreate);
  if (!database.ok()) return database.status();
  std::unique_ptr<Journal> journal(new Journal(path, std::move(*database), std::move(lock)));
  Database& db = *journal->database_;
  // The first question that reads the file: an empty file is a new journal.
  Result<std::optional<std::int64_t>> tables = db.Value("SELECT count(*) FROM sqlite_schema");
  if (!tables.ok()) return tables.status();
  const bool is_new = tables->value_or(0) == 0;
  if (!is_new) {
    if (Status status = CheckFormat(db, path); !status.ok()) return status;
  }
  Status status = db.Exec("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-8192; PRAGMA journal_size_limit=67108864; PRAGMA foreign_keys=OFF");
  if (status.ok() && is_new) status = journal->Create(head);
  if (status.ok()) status = journal->PrepareAll();
  if (!status.ok()) return status;
  Result<JournalHead> found = journal->Head();
  if (!found.ok()) return found.status();
  if (!head.identity.empty() && found->identity != head.identity) {
    return Status(Code::kInvalidArgument, "the journal '" + path + "' is of another migration (" + found->source + " to " + found->destination +
                                              ", or with another map or filter); name another file with --journal");
  }
  return journal;
}

Result<std::unique_ptr<Journal>> Journal::OpenToRead(const std::string& path) {
  struct stat info;
  if (sys::FStatAt(AT_FDCWD, path.c_str(), &info, 0) != 0) {
    if (errno == ENOENT) return Status(Code::kInvalidArgument, "there is no journal '" + path + "'; name one with --journal");
    return ErrnoStatus(errno, "the journal '" + path + "'");
  }
  Result<std::unique_ptr<Database>> database = Database::Open(path, Database::Mode::kReadOnly);
  if (!database.ok()) return database.status();
  if (Status status = CheckFormat(**database, path); !status.ok()) return status;
  std::unique_ptr<Journal> journal(new Journal(path, std::move(*database), nullptr));
  if (Status status = journal->PrepareAll(); !status.ok()) return status;
  return journal;
}

Status Journal::Create(const JournalHead& head) {
  return InTransaction([&]() -> Status {
    if (Status status = database_->Exec(kSchema); !status.ok()) return status;
    Result<Statement> insert = database_->Prepare("INSERT INTO migration VALUES(1,?1,?2,?3,?4,?5,'planned',x'',x'',0,0,?6,?6,NULL,0,0,0)");
    if (!insert.ok()) return insert.status();
    insert->BindText(1, head.identity).BindText(2, head.source).BindText(3, head.destination).BindText(4, head.options).BindText(5, head.nonce);
    insert->Bind(6, Now().time_since_epoch().count());
    if (Status status = insert->Run(); !status.ok()) return status;
    return database_->Exec("PRAGMA application_id=" + std::to_string(kApplication) + "; PRAGMA user_version=" + std::to_string(kFormat));
  });
}

Status Journal::PrepareAll() {
  const std::string find_row = kSelectRows + " WHERE key=?1";
  const std::pair<Statement*, std::string_view> all[] = {
      {&write_row_, "INSERT INTO objects VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18) ON CONFLICT(key) DO UPDATE SET dest=?2,size=?3,modified=?4,etag=?5,state=?6,wrote=?7,"
                    "d_etag=?8,d_version=?9,d_size=?10,d_modified=?11,digest=?12,trash=?13,attempts=?14,code=?15,message=?16,run=?17,source_deleted=?18"},
      {&find_row_, find_row},
      {&upload_, "INSERT OR REPLACE INTO uploads VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9)"},
      {&upload_closed_, "DELETE FROM uploads WHERE upload_id=?1"},
      {&parts_closed_, "DELETE FROM parts WHERE upload_id=?1"},
      {&part_, "INSERT OR REPLACE INTO parts VALUES(?1,?2,?3,?4,?5)"},
      {&trash_, "UPDATE objects SET trash=?2, state=1 WHERE key=?1"},
      {&removing_, "UPDATE objects SET source_deleted=2 WHERE key=?1 AND source_deleted=0"},
      {&page_, "UPDATE migration SET token=?1,last_key=?2,listed=?3,updated=?4,skipped_links=?5,empty_folders=?6,filtered=?7"},
  };
  for (const auto& [statement, sql] : all) {
    Result<Statement> prepared = database_->Prepare(sql);
    if (!prepared.ok()) return prepared.status();
    *statement = std::move(*prepared);
  }
  return {};
}

// REQUIRES: mutex_ is held, or nobody else knows the journal yet.
template <typename F>
Status Journal::InTransaction(F&& body) {
  if (!broken_.ok()) return broken_;
  Status status = database_->Begin();
  if (status.ok()) status = body();
  if (status.ok()) status = database_->Commit();
  if (!status.ok()) {
    database_->Rollback();
    broken_ = status;  // what was told cannot be written down: nothing may go on as if it were
  }
  return status;
}

Status Journal::SetPhase(std::string_view phase, bool finished) {
  if (Status status = CheckProcess(); !status.ok()) return status;
  std::lock_guard lock(mutex_);
  return InTransaction([&]() -> Status {
    Result<Statement> update = database_->Prepare(finished ? "UPDATE migration SET phase=?1,updated=?2,finished=?2" : "UPDATE migration SET phase=?1,updated=?2,finished=NULL");
    if (!update.ok()) return update.status();
    return update->BindText(1, phase).Bind(2, Now().time_since_epoch().count()).Run();
  });
}

Status Journal::SetOptions(std::string_view options) {
  if (Status status = CheckProcess(); !status.ok()) return status;
  std::lock_guard lock(mutex_);
  return InTransaction([&]() -> Status {
    Result<Statement> update = database_->Prepare("UPDATE migration SET options=?1");
    if (!update.ok()) return update.status();
    return update->BindText(1, options).Run();
  });
}

Status Journal::BeginRun(std::string_view phase) {
  if (Status status = CheckProcess(); !status.ok()) return status;
  std::lock_guard lock(mutex_);
  return InTransaction([&]() -> Status {
    Result<Statement> update = database_->Prepare("UPDATE migration SET runs=runs+1,phase=?1,updated=?2,finished=NULL");
    if (!update.ok()) return update.status();
    return update->BindText(1, phase).Bind(2, Now().time_since_epoch().count()).Run();
  });
}

Status Journal::BeginListing() {
  if (Status status = CheckProcess(); !status.ok()) return status;
  std::lock_guard lock(mutex_);
  const std::string forget = "DELETE FROM objects WHERE state=" + std::to_string(static_cast<int>(Outcome::kUnlisted));
  return InTransaction([&]() -> Status {
    if (Status status = database_->Exec(forget); !status.ok()) return status;
    return database_->Exec("UPDATE migration SET token=x'',last_key=x'',listed=0");
  });
}

Status Journal::WriteRow(const JournalRow& row) {
  BindRow(&write_row_, row);
  write_row_.Bind(17, row.run);
  return write_row_.Run();
}

Status Journal::AddPage(std::span<const JournalRow> rows, std::string_view token, std::string_view last_key, bool listed, std::uint64_t skipped_links, std::uint64_t empty_folders,
                        std::uint64_t filtered) {
  if (Status status = CheckProcess(); !status.ok()) return status;
  std::lock_guard lock(mutex_);
  return InTransaction([&]() -> Status {
    for (const JournalRow& row : rows) {
      if (Status status = WriteRow(row); !status.ok()) return status;
    }
    page_.BindBlob(1, token).BindBlob(2, last_key).Bind(3, listed ? 1 : 0).Bind(4, Now().time_since_epoch().count());
    page_.Bind(5, static_cast<std::int64_t>(skipped_links)).Bind(6, static_cast<std::int64_t>(empty_folders)).Bind(7, static_cast<std::int64_t>(filtered));
    return page_.Run();
  });
}

Status Journal::ApplyOne(const JournalChange& change) {
  switch (change.kind) {
    case JournalChange::Kind::kEnded:
      return WriteRow(change.row);
    case JournalChange::Kind::kUpload: {
      const JournalUpload& upload = change.upload;
      upload_.BindText(1, upload.upload_id).BindBlob(2, upload.key).BindBlob(3, upload.to).Bind(4, static_cast<std::int64_t>(upload.part_size));
      upload_.Bind(5, static_cast<std::int64_t>(upload.size)).BindBlob(6, upload.etag).BindText(8, upload.attempt_id).Bind(9, Now().time_since_epoch().count());
      BindTime(&upload_, 7, upload.modified);
      return upload_.Run();
    }
    case JournalChange::Kind::kUploadClosed: {
      if (Status status = upload_closed_.BindText(1, change.upload.upload_id).Run(); !status.ok()) return status;
      return parts_closed_.BindText(1, change.upload.upload_id).Run();
    }
    case JournalChange::Kind::kPart:
      part_.BindText(1, change.upload.upload_id).Bind(2, change.part.number).Bind(3, static_cast<std::int64_t>(change.part.size)).BindBlob(4, change.part.etag);
      if (change.part.crc64) part_.Bind(5, static_cast<std::int64_t>(Crc64Value(*change.part.crc64)));
      return part_.Run();
    case JournalChange::Kind::kTrash:
      return trash_.BindBlob(1, change.row.key).BindBlob(2, change.row.trash).Run();
    case JournalChange::Kind::kRemoving:
      return removing_.BindBlob(1, change.row.key).Run();
  }
  return {};
}

Status Journal::Apply(std::span<const JournalChange> changes) {
  if (Status status = CheckProcess(); !status.ok()) return status;
  if (changes.empty()) return {};
  std::lock_guard lock(mutex_);
  return InTransaction([&]() -> Status {
    for (const JournalChange& change : changes) {
      if (Status status = ApplyOne(change); !status.ok()) return status;
    }
    return {};
  });
}

}  // namespace fileferry
