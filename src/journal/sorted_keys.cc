// sorted_keys.cc: see sorted_keys.h.
#include "journal/sorted_keys.h"

#include <utility>

namespace fileferry {

Result<std::unique_ptr<SortedKeys>> SortedKeys::Create() {
  Result<std::unique_ptr<Database>> database = Database::Open("", Database::Mode::kTemporary);
  if (!database.ok()) return database.status();
  std::unique_ptr<SortedKeys> keys(new SortedKeys(std::move(*database)));
  if (Status status = keys->Prepare(); !status.ok()) return status;
  return keys;
}

Status SortedKeys::Prepare() {
  Status status = database_->Exec(
      "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-8192; PRAGMA temp_store=FILE;"
      "CREATE TABLE entries(key BLOB PRIMARY KEY, size INTEGER, modified INTEGER, etag BLOB, seen INTEGER) WITHOUT ROWID;"
      "CREATE TABLE claims(key BLOB PRIMARY KEY, owner BLOB) WITHOUT ROWID;"
      "BEGIN");
  const auto prepare = [&](Statement* out, std::string_view sql) {
    if (!status.ok()) return;
    Result<Statement> prepared = database_->Prepare(sql);
    if (prepared.ok()) {
      *out = std::move(*prepared);
    } else {
      status = prepared.status();
    }
  };
  prepare(&add_, "INSERT OR REPLACE INTO entries VALUES(?1,?2,?3,?4,0)");
  prepare(&find_, "SELECT size,modified,etag FROM entries WHERE key=?1");
  prepare(&mark_, "UPDATE entries SET seen=1 WHERE key=?1");
  prepare(&claim_, "INSERT OR IGNORE INTO claims VALUES(?1,?2)");
  prepare(&owner_, "SELECT owner FROM claims WHERE key=?1");
  return status;
}

Status SortedKeys::Add(std::string_view key, const Entry& entry) {
  add_.BindBlob(1, key).Bind(2, static_cast<std::int64_t>(entry.size)).BindBlob(4, entry.etag);
  if (entry.modified) add_.Bind(3, entry.modified->time_since_epoch().count());
  return add_.Run();
}

Result<std::optional<SortedKeys::Entry>> SortedKeys::Find(std::string_view key) {
  Result<bool> row = find_.BindBlob(1, key).Step();
  std::optional<Entry> entry;
  if (row.ok() && *row) {
    entry.emplace();
    entry->size = static_cast<std::uint64_t>(find_.Int(0));
    if (!find_.IsNull(1)) entry->modified = Time(std::chrono::nanoseconds(find_.Int(1)));
    entry->etag = find_.Bytes(2);
  }
  find_.Reset();
  if (!row.ok()) return row.status();
  if (entry) {
    if (Status status = mark_.BindBlob(1, key).Run(); !status.ok()) return status;
  }
  return entry;
}

Result<std::uint64_t> SortedKeys::Unseen() {
  Result<std::optional<std::int64_t>> count = database_->Value("SELECT count(*) FROM entries WHERE seen=0");
  if (!count.ok()) return count.status();
  return static_cast<std::uint64_t>(count->value_or(0));
}

Result<bool> SortedKeys::Claim(std::string_view key, std::string_view owner) {
  if (Status status = claim_.BindBlob(1, key).BindBlob(2, owner).Run(); !status.ok()) return status;
  Result<bool> row = owner_.BindBlob(1, key).Step();
  const bool mine = row.ok() && *row && owner_.Bytes(0) == owner;
  owner_.Reset();
  if (!row.ok()) return row.status();
  return mine;
}

}  // namespace fileferry
