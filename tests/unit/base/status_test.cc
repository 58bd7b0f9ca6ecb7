// status_test.cc: statuses, the table of errors, errno, and the values of object.h.
#include "fileferry/status.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <set>

#include "base/digest.h"
#include "base/errno_status.h"
#include "fileferry/object.h"
#include "fileferry/options.h"

using namespace fileferry;

TEST_CASE("OK is nothing") {
  CHECK(Status().ok());
  CHECK(Status::Ok().code() == Code::kOk);
  CHECK(Status(Code::kOk, "text").ok());
  CHECK(Status().message().empty());
  CHECK(Status().ToString() == "Ok");
  CHECK_FALSE(Status().temporary());
  CHECK(Status().With("s3", "put", "a").ok());
}

TEST_CASE("numbers that are compiled into programs") {
  CHECK(static_cast<int>(Code::kInternal) == -1);
  CHECK(static_cast<int>(Code::kNotFound) == -3);
  CHECK(static_cast<int>(Code::kCancelled) == -12);
  CHECK(static_cast<int>(Code::kBusy) == -18);
  CHECK(CodeName(Code::kNotFound) == "NotFound");
  CHECK(CodeName(Code::kOk) == "Ok");
  CHECK(CodeName(static_cast<Code>(-999)) == "Unknown");
  CHECK(CodeExitStatus(Code::kOk) == 0);
  CHECK(CodeExitStatus(Code::kNotFound) == 1);
  CHECK(CodeExitStatus(Code::kInvalidArgument) == 2);
  CHECK(CodeExitStatus(Code::kUnavailable) == 3);
  CHECK(CodeExitStatus(Code::kCancelled) == 4);
}

TEST_CASE("the table has each number and each name once") {
  std::set<int> numbers;
  std::set<std::string> names;
  int rows = 0;
#define FILEFERRY_ERROR(name, number, c_name, host_class, exit_status, retry, help) \
  ++rows;                                                                           \
  numbers.insert(number);                                                           \
  names.insert(#name);                                                              \
  names.insert(#c_name);                                                            \
  CHECK((number) < 0);                                                              \
  CHECK((exit_status) >= 1);                                                        \
  CHECK((exit_status) <= 4);
#include "fileferry/errors.def"
#undef FILEFERRY_ERROR
  CHECK(numbers.size() == static_cast<std::size_t>(rows));
  CHECK(names.size() == static_cast<std::size_t>(2 * rows));
}

TEST_CASE("the default retry class is the table's") {
  CHECK(Status(Code::kUnavailable, "x").temporary());
  CHECK(Status(Code::kRateLimited, "x").temporary());
  CHECK(Status(Code::kTimeout, "x").temporary());
  CHECK_FALSE(Status(Code::kNotFound, "x").temporary());
  CHECK(Status(Code::kNotFound, "x").detail().retry == Retry::kNever);
}

TEST_CASE("the line of a status") {
  ErrorDetail detail;
  detail.code = Code::kNotFound;
  detail.message = "the bucket does not exist";
  detail.operation = "put";
  detail.key = "a/b";
  detail.provider = "s3";
  detail.service_code = "NoSuchBucket";
  detail.http_status = 404;
  detail.request_id = "7f";
  CHECK(Status(detail).ToString() == "s3 put a/b: NotFound: the bucket does not exist (NoSuchBucket, HTTP 404, id 7f)");
  detail.service_code.clear();
  detail.request_id.clear();
  CHECK(Status(detail).ToString() == "s3 put a/b: NotFound: the bucket does not exist (HTTP 404)");
  detail.http_status = 0;
  detail.key = "a\nb\x1b[2J\xff\xC3\xBC";
  CHECK(Status(detail).ToString() == "s3 put a\\x0Ab\\x1B[2J\\xFF\xC3\xBC: NotFound: the bucket does not exist");
  CHECK(Status(Code::kInternal, "").ToString() == "Internal");
  CHECK(Status(Code::kInternal, "odd").ToString() == "Internal: odd");
}

TEST_CASE("With fills what is empty and leaves what is set") {
  const Status status(Code::kNotFound, "gone");
  const Status filled = status.With("s3", "stat", "k");
  CHECK(filled.detail().provider == "s3");
  CHECK(filled.detail().operation == "stat");
  CHECK(filled.detail().key == "k");
  CHECK(filled.detail().message == "gone");
  CHECK(status.detail().provider.empty());
  const Status again = filled.With("other", "get", "x");
  CHECK(again.detail().provider == "s3");
  CHECK(again.detail().operation == "stat");
  CHECK(again.detail().key == "k");
}

TEST_CASE("a result is a value or a status") {
  Result<std::string> good(std::string("x"));
  CHECK(good.ok());
  CHECK(good.status().ok());
  CHECK(*good == "x");
  CHECK(std::move(good).value() == "x");
  const Result<int> bad(Code::kNotFound, "gone");
  CHECK_FALSE(bad.ok());
  CHECK(bad.code() == Code::kNotFound);
  CHECK(bad.status().message() == "gone");
}

TEST_CASE("errno") {
  CHECK(ErrnoStatus(ENOSPC, "write a").code() == Code::kQuotaExceeded);
  CHECK(ErrnoStatus(EDQUOT, "").code() == Code::kQuotaExceeded);
  CHECK(ErrnoStatus(EACCES, "").code() == Code::kPermissionDenied);
  CHECK(ErrnoStatus(EROFS, "").code() == Code::kPermissionDenied);
  CHECK(ErrnoStatus(ENOENT, "").code() == Code::kNotFound);
  CHECK(ErrnoStatus(EEXIST, "").code() == Code::kAlreadyExists);
  CHECK(ErrnoStatus(EIO, "").code() == Code::kUnavailable);
  CHECK(ErrnoStatus(EMFILE, "").code() == Code::kUnavailable);
  CHECK(ErrnoStatus(ENOMEM, "").code() == Code::kInternal);
  CHECK(ErrnoStatus(ENAMETOOLONG, "").code() == Code::kInvalidArgument);
  CHECK(ErrnoStatus(ENOTDIR, "").code() == Code::kInvalidArgument);
  CHECK(ErrnoStatus(ENOTSUP, "").code() == Code::kUnsupported);
  const Status status = ErrnoStatus(ENOSPC, "write a");
  CHECK(status.detail().service_code == "ENOSPC");
  CHECK(status.message() == "write a: No space left on device; free space on the device");
  CHECK(ErrnoName(ENOSPC) == "ENOSPC");
  CHECK(ErrnoStatus(99999, "x").detail().service_code == "errno 99999");
}

TEST_CASE("keys are bytes with four rules") {
  for (std::string_view key : {"a", "/", "..", "a//b", "dir/", " x ", "\xC3\xBC", "\n"}) CHECK(CheckKeyBytes(key).ok());
  CHECK(CheckKeyBytes(std::string(1024, 'x')).ok());
  CHECK(CheckKeyBytes(std::string(1025, 'x')).code() == Code::kInvalidArgument);
  CHECK(CheckKeyBytes("").code() == Code::kInvalidArgument);
  CHECK(CheckKeyBytes(std::string_view("a\0b", 3)).code() == Code::kInvalidArgument);
  CHECK(CheckKeyBytes("\xC3").code() == Code::kInvalidArgument);
}

TEST_CASE("sets of digests") {
  DigestSet set;
  CHECK(set.empty());
  set.Set(Crc64Digest(1));
  set.Set(Md5(AsBytes("a")));
  set.Set(Crc64Digest(2));
  CHECK(set.end() - set.begin() == 2);
  CHECK(Crc64Value(*set.Find(DigestKind::kCrc64Nvme)) == 2);
  CHECK(set.Find(DigestKind::kSha1) == nullptr);
  CHECK(set.mask() == 3);

  DigestSet same_md5, other_md5, sha;
  same_md5.Set(Md5(AsBytes("a")));
  other_md5.Set(Md5(AsBytes("b")));
  sha.Set(Sha256(AsBytes("a")));
  CHECK(Compare(set, same_md5) == DigestMatch::kEqual);
  CHECK(Compare(set, other_md5) == DigestMatch::kDifferent);
  CHECK(Compare(set, sha) == DigestMatch::kNothingInCommon);
  CHECK(Compare({}, {}) == DigestMatch::kNothingInCommon);
}

TEST_CASE("names of digests") {
  for (DigestKind kind : {DigestKind::kCrc64Nvme, DigestKind::kMd5, DigestKind::kSha256, DigestKind::kCrc32c, DigestKind::kCrc32, DigestKind::kSha1}) {
    CHECK(DigestKindFromName(DigestName(kind)) == kind);
    CHECK(DigestSize(kind) > 0);
  }
  CHECK(DigestKindFromName("CRC64NVME") == DigestKind::kCrc64Nvme);
  CHECK_FALSE(DigestKindFromName("crc"));
}

TEST_CASE("an arena keeps its texts where they are") {
  StringArena arena;
  std::vector<std::pair<std::string, std::string_view>> texts;
  for (int i = 0; i < 5000; ++i) {
    std::string text(static_cast<std::size_t>(i % 97), static_cast<char>('a' + i % 26));
    if (i % 500 == 499) text = std::string(70000 + static_cast<std::size_t>(i), 'L');
    texts.emplace_back(text, arena.Add(text));
  }
  StringArena moved = std::move(arena);
  for (const auto& [text, view] : texts) REQUIRE(text == view);
  CHECK(moved.Add("x") == "x");
  moved.Clear();
  CHECK(moved.Add("y") == "y");
  StringArena large_first;
  CHECK(large_first.Add(std::string(100000, 'z')).size() == 100000);
  CHECK(large_first.Add("small") == "small");
}

TEST_CASE("a context knows when to stop") {
  OpContext ctx;
  CHECK(ctx.Check().ok());
  ctx.deadline = OpContext::Clock::now() - std::chrono::seconds(1);
  CHECK(ctx.Check().code() == Code::kTimeout);
  CancelToken token;
  ctx.cancel = &token;
  CHECK(ctx.Check().code() == Code::kTimeout);
  token.Cancel();
  CHECK(ctx.Check().code() == Code::kCancelled);
  CHECK(HttpMethodName(HttpMethod::kDelete) == "DELETE");
}
