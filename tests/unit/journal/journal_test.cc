// journal_test.cc: rows, pages, uploads, locks and broken files.
#include "journal/journal.h"

#include <doctest/doctest.h>
#include <sqlite3.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/digest.h"
#include "journal/sorted_keys.h"

namespace fileferry {
namespace {

struct Place {
  Place() {
    std::string pattern = (std::filesystem::temp_directory_path() / "ferry-unit-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    folder = pattern;
    path = folder + "/j/x.db";
    head.identity = "id";
    head.source = "from";
    head.destination = "to";
    head.nonce = "nonce";
  }
  ~Place() {
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }
  std::unique_ptr<Journal> Open() {
    Result<std::unique_ptr<Journal>> journal = Journal::Open(path, head);
    REQUIRE_MESSAGE(journal.ok(), journal.status().ToString());
    return std::move(*journal);
  }
  std::string folder, path;
  JournalHead head;
};

JournalRow FullRow(const std::string& key) {
  JournalRow row;
  row.key = key;
  row.to = "there/" + key;
  row.size = (std::uint64_t{1} << 62) + 5;
  row.modified = Time(std::chrono::nanoseconds(1234567890123456789));
  row.etag = "\"etag\"";
  row.state = Outcome::kVerified;
  row.wrote = true;
  row.token = {"\"new\"", "v1", 77, Time(std::chrono::nanoseconds(-5))};
  row.digest = Sha256(AsBytes(key));
  row.trash = ".fileferry/trash/1/" + key;
  row.attempts = 3;
  row.code = Code::kIntegrity;
  row.message = "a message";
  row.run = 9;
  return row;
}

void CheckEqual(const JournalRow& a, const JournalRow& b) {
  CHECK(a.key == b.key);
  CHECK(a.to == b.to);
  CHECK(a.size == b.size);
  CHECK(a.modified == b.modified);
  CHECK(a.etag == b.etag);
  CHECK(a.state == b.state);
  CHECK(a.wrote == b.wrote);
  CHECK(a.token.etag == b.token.etag);
  CHECK(a.token.version_id == b.token.version_id);
  CHECK(a.token.size == b.token.size);
  CHECK(a.token.modified == b.token.modified);
  CHECK(a.digest == b.digest);
  CHECK(a.trash == b.trash);
  CHECK(a.attempts == b.attempts);
  CHECK(a.code == b.code);
  CHECK(a.message == b.message);
  CHECK(a.run == b.run);
}

TEST_CASE("rows come back as they were, with any key, after closing") {
  Place place;
  std::vector<JournalRow> rows;
  for (const std::string& key : {std::string("a"), std::string("a\0b", 3), std::string("\xff\xfe"), std::string("'; DROP TABLE objects;--"), std::string(1024, 'k')}) rows.push_back(FullRow(key));
  JournalRow bare;
  bare.key = bare.to = "bare";
  rows.push_back(bare);
  REQUIRE(place.Open()->AddPage(rows, std::string("tok\0en", 6), "last", false, 1, 2, 3).ok());
  auto journal = place.Open();
  for (const JournalRow& row : rows) {
    const Result<std::optional<JournalRow>> found = journal->Find(row.key);
    REQUIRE(found.ok());
    REQUIRE(found->has_value());
    CheckEqual(**found, row);
  }
  CHECK(!journal->Find("no")->has_value());
  const Result<JournalHead> head = journal->Head();
  REQUIRE(head.ok());
  CHECK(head->token == std::string("tok\0en", 6));
  CHECK(head->last_key == "last");
  CHECK(!head->listed);
  CHECK(head->skipped_links == 1);
  CHECK(head->nonce == "nonce");
  const Result<std::vector<JournalRow>> pending = journal->Rows(std::vector{Outcome::kPending}, "", 10);
  REQUIRE(pending.ok());
  REQUIRE(pending->size() == 1);
  CHECK(pending->front().key == "bare");
  std::string after;
  std::size_t count = 0;
  for (;;) {
    const Result<std::vector<JournalRow>> some = journal->Rows({}, after, 2);
    REQUIRE(some.ok());
    if (some->empty()) break;
    for (const JournalRow& row : *some) {
      CHECK(after < row.key);
      after = row.key;
      ++count;
    }
  }
  CHECK(count == rows.size());
}

TEST_CASE("uploads and parts") {
  Place place;
  auto journal = place.Open();
  JournalChange open;
  open.kind = JournalChange::Kind::kUpload;
  open.upload = {"key", "to", "upload-1", 8, 20, "\"e\"", Time(std::chrono::seconds(5)), "attempt", {}};
  std::vector<JournalChange> changes{open};
  for (std::uint32_t number : {2u, 1u}) {
    JournalChange part;
    part.kind = JournalChange::Kind::kPart;
    part.upload.upload_id = "upload-1";
    part.part.number = number;
    part.part.size = 8;
    part.part.etag = "p" + std::to_string(number);
    if (number == 2) part.part.crc64 = Crc64Digest(0xfedcba9876543210u);
    changes.push_back(part);
  }
  REQUIRE(journal->Apply(changes).ok());
  Result<std::optional<JournalUpload>> found = journal->FindUpload("key");
  REQUIRE(found.ok());
  REQUIRE(found->has_value());
  REQUIRE((*found)->parts.size() == 2);
  CHECK((*found)->parts[0].number == 1);
  CHECK((*found)->parts[1].offset == 8);
  CHECK(!(*found)->parts[0].crc64);
  CHECK(Crc64Value(*(*found)->parts[1].crc64) == 0xfedcba9876543210u);
  JournalChange close;
  close.kind = JournalChange::Kind::kUploadClosed;
  close.upload.upload_id = "upload-1";
  REQUIRE(journal->Apply(std::vector{close}).ok());
  CHECK(journal->Uploads()->empty());
}

TEST_CASE("one owner; another migration is refused; a newer format and damage are named and left alone") {
  Place place;
  {
    auto journal = place.Open();
    CHECK(Journal::Open(place.path, place.head).code() == Code::kBusy);
    CHECK(Journal::OpenToRead(place.path).ok());
    CHECK(*JournalLock::Holder(place.path + ".lock") == ::getpid());
  }
  CHECK(*JournalLock::Holder(place.path + ".lock") == 0);
  JournalHead other = place.head;
  other.identity = "another";
  CHECK(Journal::Open(place.path, other).code() == Code::kInvalidArgument);
  sqlite3* raw = nullptr;
  REQUIRE(sqlite3_open(place.path.c_str(), &raw) == SQLITE_OK);
  REQUIRE(sqlite3_exec(raw, "PRAGMA user_version=999", nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(raw);
  const Result<std::unique_ptr<Journal>> newer = Journal::Open(place.path, place.head);
  CHECK(newer.code() == Code::kInvalidArgument);
  CHECK(newer.status().ToString().find("newer") != std::string::npos);
}

TEST_CASE("every byte of a journal may be damaged: never a crash, never a deleted file") {
  Place place;
  {
    auto journal = place.Open();
    std::vector<JournalRow> rows;
    for (int i = 0; i < 200; ++i) rows.push_back(FullRow("k" + std::to_string(i)));
    REQUIRE(journal->AddPage(rows, "t", "k", false, 0, 0, 0).ok());
  }
  std::ifstream file(place.path, std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(file)), {});
  file.close();
  REQUIRE(whole.size() > 10000);
  for (std::size_t at = 0; at < whole.size(); at += 397) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
    std::ofstream(place.path, std::ios::binary | std::ios::trunc) << damaged;
    Result<std::unique_ptr<Journal>> journal = Journal::Open(place.path, place.head);
    if (journal.ok()) (void)(*journal)->Rows({}, "", 1000);
    journal = Status(Code::kInternal, "closed");
    CHECK(std::filesystem::file_size(place.path) > 0);
  }
  for (std::size_t size = 1; size < whole.size(); size += 1021) {
    std::ofstream(place.path, std::ios::binary | std::ios::trunc) << whole.substr(0, size);
    const Result<std::unique_ptr<Journal>> journal = Journal::Open(place.path, place.head);
    CHECK_MESSAGE(!journal.ok(), size);
  }
}

// The k-th call of SQLite fails.
struct FailAt : sys::IFaultHook {
  int at = 0, seen = 0, error = 0;
  sys::Verdict OnCall(const sys::Site& site) override {
    if (std::string_view(site.call).substr(0, 6) != "sqlite") return {};
    return ++seen == at ? sys::Verdict{.error = error} : sys::Verdict{};
  }
};

TEST_CASE("a call of SQLite that fails is an error, and what was acknowledged before stays") {
  for (const int error : {SQLITE_FULL, SQLITE_IOERR, SQLITE_BUSY}) {
    for (int k = 1;; ++k) {
      Place place;
      FailAt hook;
      hook.at = k;
      hook.error = error;
      sys::SetFaultHook(&hook);
      int acknowledged = 0;
      bool failed = false;
      {
        Result<std::unique_ptr<Journal>> journal = Journal::Open(place.path, place.head);
        failed = !journal.ok();
        for (int i = 0; journal.ok() && i < 5; ++i) {
          JournalChange change;
          change.row = FullRow("k" + std::to_string(i));
          if ((*journal)->Apply(std::vector{change, change}).ok()) {
            CHECK_MESSAGE(!failed, "nothing is acknowledged after a failure");
            acknowledged = i + 1;
          } else {
            failed = true;
          }
        }
      }
      sys::SetFaultHook(nullptr);
      const bool fired = hook.seen >= k;
      CHECK(failed == fired);
      auto journal = place.Open();
      for (int i = 0; i < acknowledged; ++i) CHECK(journal->Find("k" + std::to_string(i))->has_value());
      CHECK(journal->Rows({}, "", 100)->size() == static_cast<std::size_t>(acknowledged));
      if (!fired) break;
    }
  }
}

TEST_CASE("keys outside memory") {
  Result<std::unique_ptr<SortedKeys>> keys = SortedKeys::Create();
  REQUIRE(keys.ok());
  for (int i = 0; i < 5000; ++i) REQUIRE((*keys)->Add("k" + std::to_string(i), {"e", static_cast<std::uint64_t>(i), std::nullopt}).ok());
  const auto found = (*keys)->Find("k77");
  REQUIRE(found.ok());
  REQUIRE(found->has_value());
  CHECK((*found)->size == 77);
  CHECK(!(*keys)->Find("nothing")->has_value());
  CHECK(*(*keys)->Unseen() == 4999);
  CHECK(*(*keys)->Claim("x", "a"));
  CHECK(*(*keys)->Claim("x", "a"));
  CHECK(!*(*keys)->Claim("x", "b"));
}

}  // namespace
}  // namespace fileferry
