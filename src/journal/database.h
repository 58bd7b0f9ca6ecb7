// database.h: SQLite with values for errors: the only place that calls it.
//
// A Database and its statements are used by one thread at a time (their owner locks).  Every call that can fail for reasons outside of the program asks the fault seam first
// (sys::Ask with "sqlite.open", "sqlite.prepare", "sqlite.step"); a verdict's error is an SQLite result code.
#ifndef FILEFERRY_JOURNAL_DATABASE_H_
#define FILEFERRY_JOURNAL_DATABASE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/sys.h"
#include "fileferry/status.h"

struct sqlite3;
struct sqlite3_stmt;

namespace fileferry {

class Database;

// A prepared statement.  Bind, Step until false, read columns between; Reset before it is bound again.
class Statement {
 public:
  Statement() = default;
  ~Statement();
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;

  Statement& Bind(int at, std::int64_t value);
  Statement& BindBlob(int at, std::string_view bytes);       // bytes must live until Reset
  Statement& BindText(int at, std::string_view text);        // the same
  Statement& BindNull(int at);
  // True: a row; false: done.
  Result<bool> Step(const sys::Place& at = sys::Place::current());
  // Step to the end without reading rows, then Reset.
  Status Run(const sys::Place& at = sys::Place::current());
  void Reset();

  std::int64_t Int(int column) const;
  std::string_view Bytes(int column) const;  // valid until the next Step or Reset
  bool IsNull(int column) const;

 private:
  friend class Database;
  Statement(Database* database, sqlite3_stmt* statement) : database_(database), statement_(statement) {}
  Database* database_ = nullptr;
  sqlite3_stmt* statement_ = nullptr;
  int bind_error_ = 0;
};

class Database {
 public:
  enum class Mode : std::uint8_t { kCreate, kReadOnly, kTemporary };  // kTemporary: a private file that vanishes; path is ignored
  // kCreate: the file is made with mode 0600.  kIntegrity when the file is no database or damaged.
  static Result<std::unique_ptr<Database>> Open(const std::string& path, Mode mode, const sys::Place& at = sys::Place::current());
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  Result<Statement> Prepare(std::string_view sql, const sys::Place& at = sys::Place::current());
  Status Exec(std::string_view sql, const sys::Place& at = sys::Place::current());
  Status Begin(const sys::Place& at = sys::Place::current()) { return Exec("BEGIN IMMEDIATE", at); }
  Status Commit(const sys::Place& at = sys::Place::current()) { return Exec("COMMIT", at); }
  void Rollback();
  // The single value of a query; absent when it has no row.
  Result<std::optional<std::int64_t>> Value(std::string_view sql);
  // The handle stays open for ever: for a child process after a fork, where closing would touch the parent's files.
  void Leak() { handle_ = nullptr; }

 private:
  friend class Statement;
  Database(sqlite3* handle, std::string name) : handle_(handle), name_(std::move(name)) {}
  Status Error(int code, std::string_view doing) const;

  sqlite3* handle_;
  const std::string name_;
};

}  // namespace fileferry

#endif  // FILEFERRY_JOURNAL_DATABASE_H_
