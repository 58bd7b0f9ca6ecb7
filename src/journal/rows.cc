// rows.cc: see rows.h, and the reading half of journal.h.
#include "journal/rows.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace fileferry {

const std::string kSelectRows =
    "SELECT key,dest,size,modified,etag,state,wrote,d_etag,d_version,d_size,d_modified,digest,trash,attempts,code,message,run,source_deleted FROM objects";

namespace {

// One byte for the kind, then the digest.
std::optional<Digest> ReadDigest(std::string_view bytes) {
  if (bytes.empty()) return std::nullopt;
  Digest digest;
  const auto kind = static_cast<unsigned char>(bytes[0]);
  if (kind == 0 || (kind & (kind - 1)) != 0 || kind > 32) return std::nullopt;
  digest.kind = static_cast<DigestKind>(kind);
  if (bytes.size() - 1 != DigestSize(digest.kind)) return std::nullopt;
  std::memcpy(digest.bytes.data(), bytes.data() + 1, bytes.size() - 1);
  return digest;
}

Outcome ToOutcome(std::int64_t number) { return number >= 0 && number < static_cast<std::int64_t>(kOutcomeCount) ? static_cast<Outcome>(number) : Outcome::kFailed; }

}  // namespace

void BindTime(Statement* statement, int at, const std::optional<Time>& time) {
  if (time) {
    statement->Bind(at, time->time_since_epoch().count());
  } else {
    statement->BindNull(at);
  }
}

std::optional<Time> ReadTime(const Statement& statement, int column) {
  if (statement.IsNull(column)) return std::nullopt;
  return Time(std::chrono::nanoseconds(statement.Int(column)));
}

void BindRow(Statement* statement, const JournalRow& row) {
  Statement& s = *statement;
  s.BindBlob(1, row.key);
  if (row.to == row.key) {
    s.BindNull(2);
  } else {
    s.BindBlob(2, row.to);
  }
  s.Bind(3, static_cast<std::int64_t>(row.size));
  BindTime(&s, 4, row.modified);
  s.BindBlob(5, row.etag).Bind(6, static_cast<std::int64_t>(row.state)).Bind(7, row.wrote ? 1 : 0);
  if (row.wrote) {
    s.BindBlob(8, row.token.etag).BindBlob(9, row.token.version_id).Bind(10, static_cast<std::int64_t>(row.token.size));
    BindTime(&s, 11, row.token.modified);
  }
  if (row.digest) {
    const Digest& digest = *row.digest;
    static thread_local std::string coded;
    coded.assign(1, static_cast<char>(digest.kind));
    coded.append(AsText(digest.value()));
    s.BindBlob(12, coded);
  }
  if (!row.trash.empty()) s.BindBlob(13, row.trash);
  s.Bind(14, row.attempts).Bind(15, static_cast<std::int64_t>(row.code));
  if (!row.message.empty()) s.BindText(16, row.message);
  s.Bind(18, row.source_deleted ? 1 : row.removing ? 2 : 0);
}

JournalRow ReadRow(const Statement& s) {
  JournalRow row;
  row.key = s.Bytes(0);
  row.to = s.IsNull(1) ? row.key : std::string(s.Bytes(1));
  row.size = static_cast<std::uint64_t>(s.Int(2));
  row.modified = ReadTime(s, 3);
  row.etag = s.Bytes(4);
  row.state = ToOutcome(s.Int(5));
  row.wrote = s.Int(6) != 0;
  row.token.etag = s.Bytes(7);
  row.token.version_id = s.Bytes(8);
  row.token.size = static_cast<std::uint64_t>(s.Int(9));
  row.token.modified = ReadTime(s, 10);
  row.digest = ReadDigest(s.Bytes(11));
  row.trash = s.Bytes(12);
  row.attempts = static_cast<int>(s.Int(13));
  row.code = static_cast<Code>(s.Int(14));
  row.message = s.Bytes(15);
  row.run = static_cast<int>(s.Int(16));
  row.source_deleted = s.Int(17) == 1;
  row.removing = s.Int(17) == 2;
  return row;
}

Result<JournalHead> Journal::Head() {
  if (Status status = CheckProcess(); !status.ok()) return status;
  std::lock_guard lock(mutex_);
  Result<Statement> read = database_->Prepare(
      "SELECT identity,source,destination,options,nonce,phase,token,last_key,listed,runs,created,updated,finished,skipped_links,empty_folders,filtered FROM migration WHERE id=1");
  if (!read.ok()) return read.status();
  Result<bool> row = read->Step();
  if (!row.ok()) return row.status();
  if (!*row) return Status(Code::kIntegrity, "the journal '" + path_ + "' has lost its head row; move it away and run again");
  const Statement& s = *read;
  JournalHead head;
  head.identity = s.Bytes(0);
  head.source = s.Bytes(1);
  head.destination = s.Bytes(2);
  head.options = s.Bytes(3);
  head.nonce = s.Bytes(4);
  head.phase = s.Bytes(5);
  head.token = s.Bytes(6);
  head.last_key = s.Bytes(7);
  head.listed = s.Int(8) != 0;
  head.runs = static_cast<int>(s.Int(9));
  head.created = ReadTime(s, 10);
  head.updated = ReadTime(s, 11);
  head.finished = ReadTime(s, 12);
  head.skipped_links = static_cast<std::uint64_t>(s.Int(13));
  head.empty_folders = static_cast<std::uint64_t>(s.Int(14));
  head.filtered = static_cast<std::uint64_t>(s.Int(15));
  return head;
}

Result<bool> Journal::Empty() {
  if (Status status = CheckProcess(); !status.ok()) return status;
  std::lock_guard lock(mutex_);
  Result<std::optional<std::int64_t>> any = database_->Value("SELECT 1 FROM objects LIMIT 1");
  if (!any.ok()) return any.status();
  return !any->has_value();
}

Result<std::optional<JournalRow>> Journal::Find(std::string_view key) {
  if (Status status = CheckProcess(); !status.ok()) return status;
  std::lock_guard lock(mutex_);
  Result<bool> row = find_row_.BindBlob(1, key).Step();
  std::optional<JournalRow> found;
  if (row.ok() && *row) found = ReadRow(find_row_);
  find_row_.Reset();
  if (!row.ok()) return row.status();
  return found;
}

Result<std::vector<JournalRow>> Journal::Rows(std::span<const Outcome> states, std::string_view after_key, std::size_t max) {
  if (Status status = CheckProcess(); !status.ok()) return status;
  std::string sql = kSelectRows + " WHERE key>?1";
  for (std::size_t i = 0; i < states.size(); ++i) {
    sql += i == 0 ? " AND state IN(" : ",";
    sql += std::to_string(static_cast<int>(states[i]));
  }
  if (!states.empty()) sql += ")";
  sql += " ORDER BY key LIMIT ?2";
  std::lock_guard lock(mutex_);
  Result<Statement> read = database_->Prepare(sql);
  if (!read.ok()) return read.status();
  read->BindBlob(1, after_key).Bind(2, static_cast<std::int64_t>(std::min<std::size_t>(max, INT32_MAX)));
  std::vector<JournalRow> rows;
  for (;;) {
    Result<bool> row = read->Step();
    if (!row.ok()) return row.status();
    if (!*row) return rows;
    rows.push_back(ReadRow(*read));
  }
}

Result<std::vector<JournalUpload>> Journal::ReadUploads(std::string_view where, std::string_view key) {
  if (Status status = CheckProcess(); !status.ok()) return status;
  std::lock_guard lock(mutex_);
  Result<Statement> read = database_->Prepare("SELECT upload_id,key,dest,part_size,size,etag,modified,attempt,created FROM uploads WHERE " + std::string(where));
  if (!read.ok()) return read.status();
  Result<Statement> parts = database_->Prepare("SELECT number,size,etag,crc64 FROM parts WHERE upload_id=?1 ORDER BY number");
  if (!parts.ok()) return parts.status();
  if (!key.empty()) read->BindBlob(1, key);
  std::vector<JournalUpload> uploads;
  for (;;) {
    Result<bool> row = read->Step();
    if (!row.ok()) return row.status();
    if (!*row) return uploads;
    JournalUpload& upload = uploads.emplace_back();
    upload.upload_id = read->Bytes(0);
    upload.key = read->Bytes(1);
    upload.to = read->Bytes(2);
    upload.part_size = static_cast<std::uint64_t>(read->Int(3));
    upload.size = static_cast<std::uint64_t>(read->Int(4));
    upload.etag = read->Bytes(5);
    upload.modified = ReadTime(*read, 6);
    upload.attempt_id = read->Bytes(7);
    upload.created = ReadTime(*read, 8).value_or(Time());
    parts->BindText(1, upload.upload_id);
    for (;;) {
      Result<bool> next = parts->Step();
      if (!next.ok()) return next.status();
      if (!*next) break;
      PartInfo& part = upload.parts.emplace_back();
      part.number = static_cast<std::uint32_t>(parts->Int(0));
      part.size = static_cast<std::uint64_t>(parts->Int(1));
      part.offset = (part.number - 1) * upload.part_size;
      part.etag = parts->Bytes(2);
      if (!parts->IsNull(3)) part.crc64 = Crc64Digest(static_cast<std::uint64_t>(parts->Int(3)));
    }
    parts->Reset();
  }
}

Result<std::vector<JournalUpload>> Journal::Uploads() { return ReadUploads("upload_id<>attempt", {}); }

Result<std::vector<JournalUpload>> Journal::AskedUploads() { return ReadUploads("upload_id=attempt", {}); }

Result<std::optional<JournalUpload>> Journal::FindUpload(std::string_view key) {
  Result<std::vector<JournalUpload>> uploads = ReadUploads("key=?1 AND upload_id<>attempt ORDER BY created DESC LIMIT 1", key);
  if (!uploads.ok()) return uploads.status();
  if (uploads->empty()) return std::optional<JournalUpload>();
  return std::optional<JournalUpload>(std::move(uploads->front()));
}

Result<Journal::Totals> Journal::Count() {
  if (Status status = CheckProcess(); !status.ok()) return status;
  std::lock_guard lock(mutex_);
  Result<Statement> read = database_->Prepare("SELECT state,count(*),sum(size) FROM objects GROUP BY state");
  if (!read.ok()) return read.status();
  Totals totals;
  for (;;) {
    Result<bool> row = read->Step();
    if (!row.ok()) return row.status();
    if (!*row) return totals;
    const auto at = static_cast<std::size_t>(ToOutcome(read->Int(0)));
    totals.objects[at] += static_cast<std::uint64_t>(read->Int(1));
    totals.bytes[at] += static_cast<std::uint64_t>(read->Int(2));
  }
}

}  // namespace fileferry
