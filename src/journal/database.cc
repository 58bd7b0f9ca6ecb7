// database.cc: see database.h.
#include "journal/database.h"

#include <sqlite3.h>
#include <sys/stat.h>
#include <fcntl.h>

#include <cerrno>
#include <utility>

#include "base/errno_status.h"
#include "base/sys.h"
#include "base/unique_fd.h"

namespace fileferry {

namespace {

constexpr int kBusyMs = 10000;

// The transient destructor, written without the old-style cast of sqlite3.h.
const sqlite3_destructor_type kStatic = nullptr;

}  // namespace

// ---- Statement ----

Statement::~Statement() {
  if (statement_ != nullptr && database_->handle_ != nullptr) sqlite3_finalize(statement_);
}

Statement::Statement(Statement&& other) noexcept
    : database_(other.database_), statement_(std::exchange(other.statement_, nullptr)), bind_error_(other.bind_error_) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  if (this != &other) {
    if (statement_ != nullptr && database_->handle_ != nullptr) sqlite3_finalize(statement_);
    database_ = other.database_;
    statement_ = std::exchange(other.statement_, nullptr);
    bind_error_ = other.bind_error_;
  }
  return *this;
}

Statement& Statement::Bind(int at, std::int64_t value) {
  if (const int code = sqlite3_bind_int64(statement_, at, value); code != SQLITE_OK) bind_error_ = code;
  return *this;
}

Statement& Statement::BindBlob(int at, std::string_view bytes) {
  // An empty blob, not NULL, for no bytes.
  const int code = bytes.empty() ? sqlite3_bind_zeroblob(statement_, at, 0) : sqlite3_bind_blob64(statement_, at, bytes.data(), bytes.size(), kStatic);
  if (code != SQLITE_OK) bind_error_ = code;
  return *this;
}

Statement& Statement::BindText(int at, std::string_view text) {
  const int code = sqlite3_bind_text64(statement_, at, text.empty() ? "" : text.data(), text.size(), kStatic, SQLITE_UTF8);
  if (code != SQLITE_OK) bind_error_ = code;
  return *this;
}

Statement& Statement::BindNull(int at) {
  if (const int code = sqlite3_bind_null(statement_, at); code != SQLITE_OK) bind_error_ = code;
  return *this;
}

Result<bool> Statement::Step(const sys::Place& at) {
  if (bind_error_ != 0) return database_->Error(std::exchange(bind_error_, 0), "write");
  const sys::Verdict verdict = sys::Ask("sqlite.step", at);
  if (verdict.error != 0 && !verdict.after) return database_->Error(verdict.error, "write");
  const int code = sqlite3_step(statement_);
  if (verdict.error != 0) return database_->Error(verdict.error, "write");
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return database_->Error(code, "write");
}

Status Statement::Run(const sys::Place& at) {
  Status status;
  for (;;) {
    Result<bool> row = Step(at);
    if (!row.ok()) {
      status = row.status();
      break;
    }
    if (!*row) break;
  }
  Reset();
  return status;
}

void Statement::Reset() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

std::int64_t Statement::Int(int column) const { return sqlite3_column_int64(statement_, column); }

std::string_view Statement::Bytes(int column) const {
  const void* data = sqlite3_column_blob(statement_, column);
  const int size = sqlite3_column_bytes(statement_, column);
  return data == nullptr ? std::string_view() : std::string_view(static_cast<const char*>(data), static_cast<std::size_t>(size));
}

bool Statement::IsNull(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

// ---- Database ----

Result<std::unique_ptr<Database>> Database::Open(const std::string& path, Mode mode, const sys::Place& at) {
  const std::string name = mode == Mode::kTemporary ? "a temporary index" : path;
  if (mode == Mode::kCreate) {  // made here, so that nobody else can ever read it
    UniqueFd fd(sys::OpenAt(AT_FDCWD, path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600, at));
    if (!fd.valid()) return ErrnoStatus(errno, "the journal '" + path + "'");
  }
  const sys::Verdict verdict = sys::Ask("sqlite.open", at);
  sqlite3* handle = nullptr;
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_NOFOLLOW;
  flags |= mode == Mode::kReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
  if (mode == Mode::kTemporary) flags |= SQLITE_OPEN_CREATE;
  const int code = verdict.error != 0 ? verdict.error : sqlite3_open_v2(mode == Mode::kTemporary ? "" : path.c_str(), &handle, flags, nullptr);
  std::unique_ptr<Database> database(new Database(handle, name));
  if (code != SQLITE_OK) return database->Error(code, "open");
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, kBusyMs);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_limit(handle, SQLITE_LIMIT_ATTACHED, 0);
  if (Status status = database->Exec("PRAGMA cell_size_check=ON; PRAGMA mmap_size=0"); !status.ok()) return status;
  return database;
}

Database::~Database() {
  if (handle_ != nullptr) sqlite3_close_v2(handle_);
}

Status Database::Error(int code, std::string_view doing) const {
  ErrorDetail detail;
  detail.service_code = sqlite3_errstr(code);
  const std::string the = "the journal '" + name_ + "'";
  switch (code & 0xff) {
    case SQLITE_FULL:
      detail.code = Code::kQuotaExceeded;
      detail.message = the + " cannot grow: its disk is full; make room and run the same command again";
      break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      detail.code = Code::kBusy;
      detail.message = the + " is locked by another process";
      break;
    case SQLITE_NOTADB:
      detail.code = Code::kInvalidArgument;
      detail.message = the + " is not a journal of fileferry; name another file with --journal";
      break;
    case SQLITE_CORRUPT:
      detail.code = Code::kInvalidArgument;
      detail.message = the + " is damaged; move it away and run again: what is at the destination already is recognised";
      break;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      detail.code = Code::kPermissionDenied;
      detail.message = the + " cannot be written; check the permissions of the file and its folder";
      break;
    case SQLITE_CANTOPEN:
      detail.code = Code::kInvalidArgument;
      detail.message = the + " cannot be opened; check that its folder exists and can be written";
      break;
    case SQLITE_IOERR:
      detail.code = Code::kUnavailable;
      detail.message = "cannot " + std::string(doing) + " " + the + ": its disk reports an error";
      break;
    case SQLITE_NOMEM:
      detail.code = Code::kInternal;
      detail.message = "out of memory for " + the;
      break;
    default:
      detail.code = Code::kInternal;
      detail.message = "cannot " + std::string(doing) + " " + the + ": " + (handle_ != nullptr ? sqlite3_errmsg(handle_) : sqlite3_errstr(code));
      break;
  }
  return Status(std::move(detail));
}

Result<Statement> Database::Prepare(std::string_view sql, const sys::Place& at) {
  const sys::Verdict verdict = sys::Ask("sqlite.prepare", at);
  if (verdict.error != 0) return Error(verdict.error, "read");
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return Error(code, "read");
  return Statement(this, statement);
}

Status Database::Exec(std::string_view sql, const sys::Place& at) {
  while (!sql.empty()) {
    sqlite3_stmt* raw = nullptr;
    const char* rest = nullptr;
    const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()), 0, &raw, &rest);
    if (code != SQLITE_OK) return Error(code, "read");
    sql.remove_prefix(static_cast<std::size_t>(rest - sql.data()));
    if (raw == nullptr) continue;
    Statement statement(this, raw);
    if (Status status = statement.Run(at); !status.ok()) return status;
  }
  return {};
}

void Database::Rollback() {
  if (sqlite3_get_autocommit(handle_) == 0) sqlite3_exec(handle_, "ROLLBACK", nullptr, nullptr, nullptr);
}

Result<std::optional<std::int64_t>> Database::Value(std::string_view sql) {
  Result<Statement> statement = Prepare(sql);
  if (!statement.ok()) return statement.status();
  Result<bool> row = statement->Step();
  if (!row.ok()) return row.status();
  if (!*row) return std::optional<std::int64_t>();
  return std::optional<std::int64_t>(statement->Int(0));
}

}  // namespace fileferry
