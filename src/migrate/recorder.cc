// recorder.cc: see recorder.h.
#include "migrate/recorder.h"

#include <chrono>
#include <utility>

namespace fileferry {

namespace {
constexpr std::size_t kEnough = 500;
constexpr std::size_t kTooMany = 20000;  // then those who tell wait for the disk
constexpr auto kAge = std::chrono::milliseconds(200);
}  // namespace

JournalToken ToJournal(const Token& token) { return {token.etag, token.version_id, token.size, token.modified}; }
Token FromJournal(const JournalToken& token) { return {token.etag, token.version_id, token.size, token.modified}; }

Item ItemOf(const JournalRow& row) {
  Item item;
  item.key = row.key;
  item.to = row.to;
  item.size = row.size;
  item.modified = row.modified;
  item.etag = row.etag;
  item.ours = row.wrote;
  item.written = FromJournal(row.token);
  item.digest = row.digest;
  item.trash = row.trash;
  item.source_deleted = row.source_deleted;
  item.removing = row.removing;
  return item;
}

JournalRecorder::JournalRecorder(Journal& journal, Board& board, std::string nonce, int run) : journal_(journal), board_(board), nonce_(std::move(nonce)), run_(run) {}

JournalRecorder::~JournalRecorder() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
    told_.notify_all();
  }
  threads_.Join();
}

Status JournalRecorder::Start() {
  return threads_.Start("ferry-journal", [this] { Run(); });
}

void JournalRecorder::Run() {
  std::vector<JournalChange> batch;
  std::unique_lock lock(mutex_);
  for (;;) {
    told_.wait(lock, [this] { return stop_ || !changes_.empty(); });
    if (changes_.empty()) return;
    told_.wait_for(lock, kAge, [this] { return stop_ || waiting_ > 0 || changes_.size() >= kEnough; });
    batch.swap(changes_);
    const std::uint64_t upto = told_count_;
    Status status = broken_;
    lock.unlock();
    if (status.ok()) status = journal_.Apply(batch);
    batch.clear();
    lock.lock();
    if (!status.ok() && broken_.ok()) broken_ = status;
    written_count_ = upto;
    written_.notify_all();
  }
}

Status JournalRecorder::Tell(JournalChange change, bool wait) {
  std::unique_lock lock(mutex_);
  written_.wait(lock, [this] { return changes_.size() < kTooMany || !broken_.ok(); });
  if (!broken_.ok()) return broken_;
  changes_.push_back(std::move(change));
  const std::uint64_t mine = ++told_count_;
  if (changes_.size() == 1 || changes_.size() == kEnough) told_.notify_one();
  if (!wait) return {};
  ++waiting_;
  told_.notify_one();
  written_.wait(lock, [&] { return written_count_ >= mine; });
  --waiting_;
  return broken_;
}

Status JournalRecorder::Flush() {
  std::unique_lock lock(mutex_);
  const std::uint64_t mine = told_count_;
  if (written_count_ >= mine) return broken_;
  ++waiting_;
  told_.notify_one();
  written_.wait(lock, [&] { return written_count_ >= mine; });
  --waiting_;
  return broken_;
}

Status JournalRecorder::UploadAsked(const Item& item, const std::string& attempt_id) {
  JournalChange change;
  change.kind = JournalChange::Kind::kUpload;
  change.upload = {item.key, item.to, attempt_id, 0, 0, {}, {}, attempt_id, {}, {}};  // no id yet
  return Tell(std::move(change), true);
}

Result<std::vector<AskedUpload>> JournalRecorder::UploadsAsked(std::vector<std::string>* known) {
  if (Status status = Flush(); !status.ok()) return status;
  Result<std::vector<JournalUpload>> uploads = journal_.AskedUploads();
  if (!uploads.ok()) return uploads.status();
  std::vector<AskedUpload> asked;
  for (JournalUpload& upload : *uploads) asked.push_back({std::move(upload.to), std::move(upload.attempt_id), upload.created});
  if (asked.empty()) return asked;
  Result<std::vector<JournalUpload>> open = journal_.Uploads();
  if (!open.ok()) return open.status();
  for (JournalUpload& upload : *open) known->push_back(std::move(upload.upload_id));
  return asked;
}

Status JournalRecorder::UploadOpened(const Item& item, const OpenUpload& upload) {
  JournalChange change;
  change.kind = JournalChange::Kind::kUpload;
  change.upload = {item.key, item.to, upload.upload_id, upload.part_size, upload.size, upload.source_etag, upload.source_modified, upload.attempt_id, {}, {}};
  return Tell(std::move(change), true);
}

Status JournalRecorder::PartDone(const Item&, const std::string& upload_id, const PartInfo& part) {
  JournalChange change;
  change.kind = JournalChange::Kind::kPart;
  change.upload.upload_id = upload_id;
  change.part = part;
  return Tell(std::move(change), false);
}

Status JournalRecorder::UploadClosed(const Item&, const std::string& upload_id) {
  JournalChange change;
  change.kind = JournalChange::Kind::kUploadClosed;
  change.upload.upload_id = upload_id;
  return Tell(std::move(change), false);
}

Status JournalRecorder::Replacing(const Item& item, const std::string& trash) {
  JournalChange change;
  change.kind = JournalChange::Kind::kTrash;
  change.row.key = item.key;
  change.row.trash = trash;
  return Tell(std::move(change), true);
}

Status JournalRecorder::Ended(const Item& item, const struct Ended& ended) {
  if (item.in_journal) board_.Uncount(item.counted, item.counted_size);
  if (ended.outcome == Outcome::kSkipped) return {};
  JournalChange change;
  JournalRow& row = change.row;
  row.key = item.key;
  row.to = item.to;
  row.size = ended.size;
  row.state = ended.outcome;
  // Whatever is found later: a rollback has to restore the source first.
  row.source_deleted = ended.outcome == Outcome::kSourceDeleted || (item.source_deleted && !ended.source_written && ended.outcome != Outcome::kRolledBack);
  row.removing = !row.source_deleted && ended.outcome != Outcome::kRolledBack && (ended.removing || (item.removing && !ended.source_written));
  row.attempts = item.attempts + 1;
  row.run = run_;
  row.code = ended.status.code();
  row.message = std::string(ended.status.message());
  if (ended.wrote) {
    row.modified = ended.source_modified;
    row.etag = ended.source_etag;
    row.wrote = true;
    row.token = ToJournal(ended.token);
    row.digest = ended.digest;
    row.trash = ended.trash.empty() ? item.trash : ended.trash;
  } else {  // what an earlier run wrote is still known
    row.modified = item.modified;
    row.etag = item.etag;
    row.wrote = item.ours && ended.outcome != Outcome::kRolledBack;
    if (row.wrote) {
      row.token = ToJournal(item.written);
      row.digest = item.digest;
    }
    if (ended.outcome != Outcome::kRolledBack) row.trash = item.trash;
  }
  return Tell(std::move(change), false);
}

}  // namespace fileferry
