// basic_test.cc: single objects: put, get, stat, list, remove, conditions, properties.
#include "support.h"

using namespace ferrytest;  // NOLINT: tests

TEST_CASE("what is put is a plain file, and is read back") {
  Scratch scratch;
  auto p = Open(At(scratch / "root", LocalOptions::Fsync::kFull));
  const Result<ObjectInfo> put = Put(*p, "photos/2024/a b.jpg", "hello");
  REQUIRE_MESSAGE(put.ok(), put.status().ToString());
  CHECK(ReadFile(scratch / "root/photos/2024/a b.jpg") == "hello");
  CHECK(Get(*p, "photos/2024/a b.jpg") == "hello");
  const Result<ObjectInfo> stat = p->Stat({}, "photos/2024/a b.jpg");
  REQUIRE(stat.ok());
  CHECK(stat->size == 5);
  CHECK(stat->etag == put->etag);
  CHECK(stat->digests.Find(DigestKind::kCrc64Nvme) != nullptr);
  CHECK(*stat->digests.Find(DigestKind::kCrc64Nvme) == *put->digests.Find(DigestKind::kCrc64Nvme));
  CHECK(List(*p).keys == std::vector<std::string>{"photos/2024/a b.jpg"});
  CHECK(Files(scratch / "root").size() == 1);
  struct stat st = {};
  REQUIRE(::stat((scratch / "root/photos/2024/a b.jpg").c_str(), &st) == 0);
  CHECK((st.st_mode & 07777) == 0644);
  CHECK(p->Remove({}, "photos/2024/a b.jpg", {}).ok());
  CHECK(p->Remove({}, "photos/2024/a b.jpg", {}).ok());
  CHECK(p->Stat({}, "photos/2024/a b.jpg").code() == Code::kNotFound);
  CHECK(fs::exists(scratch / "root"));
  CHECK(fs::is_empty(scratch / "root"));
}

TEST_CASE("conditions") {
  Scratch scratch;
  auto p = Open(At(scratch.path()));
  PutOptions absent;
  absent.if_absent = true;
  REQUIRE(Put(*p, "k", "1", absent).ok());
  CHECK(Put(*p, "k", "2", absent).code() == Code::kAlreadyExists);
  const std::string etag = p->Stat({}, "k")->etag;
  PutOptions match;
  match.if_match = etag;
  REQUIRE(Put(*p, "k", "3", match).ok());
  CHECK(Put(*p, "k", "4", match).code() == Code::kPreconditionFailed);
  CHECK(Get(*p, "k") == "3");
  match.if_match = "\"nothing\"";
  CHECK(Put(*p, "other", "4", match).code() == Code::kPreconditionFailed);
  CHECK(p->Stat({}, "other").code() == Code::kNotFound);
  RemoveOptions remove;
  remove.if_match = etag;
  CHECK(p->Remove({}, "k", remove).code() == Code::kPreconditionFailed);
  remove.if_match = p->Stat({}, "k")->etag;
  CHECK(p->Remove({}, "k", remove).ok());
  CHECK(p->Remove({}, "k", remove).code() == Code::kPreconditionFailed);
  CHECK(Files(scratch.path()).empty());
}

TEST_CASE("ranges and conditional reads") {
  Scratch scratch;
  auto p = Open(At(scratch.path()));
  REQUIRE(Put(*p, "k", "0123456789").ok());
  GetOptions options;
  options.offset = 3;
  options.length = 4;
  CHECK(Get(*p, "k", options) == "3456");
  options.length = 400;
  CHECK(Get(*p, "k", options) == "3456789");
  options.offset = 10;
  CHECK(Get(*p, "k", options) == "!InvalidArgument");
  GetOptions conditional;
  conditional.if_none_match = p->Stat({}, "k")->etag;
  CHECK(Get(*p, "k", conditional) == "!PreconditionFailed");
  conditional.if_match = std::exchange(conditional.if_none_match, "");
  CHECK(Get(*p, "k", conditional) == "0123456789");
  REQUIRE(Put(*p, "k", "other").ok());
  CHECK(Get(*p, "k", conditional) == "!PreconditionFailed");
}

TEST_CASE("a source that is not what it said stores nothing and leaves nothing") {
  Scratch scratch;
  auto p = Open(At(scratch.path()));
  REQUIRE(Put(*p, "d/k", "old").ok());
  for (const std::uint64_t announced : {std::uint64_t{2}, std::uint64_t{9}, std::uint64_t{2} << 20}) {
    TextSource source("12345", announced);
    CHECK(p->Put({}, "d/k", source, {}).code() == Code::kSourceChanged);
    TextSource fresh("12345", announced);
    CHECK(p->Put({}, "new/folder/k", fresh, {}).code() == Code::kSourceChanged);
  }
  TextSource unknown("12345", std::nullopt);
  PutOptions expected;
  Digest wrong;
  expected.expected.Set(wrong);
  CHECK(p->Put({}, "d/k", unknown, expected).code() == Code::kIntegrity);
  CHECK(Files(scratch.path()) == std::map<std::string, std::string>{{"d/k", "old"}});
  CHECK_FALSE(fs::exists(scratch / "new"));
}

TEST_CASE("properties are kept, also over an edit by a plain tool; digests are not") {
  Scratch scratch("/tmp");
  auto p = Open(At(scratch.path()));
  PutOptions options;
  options.properties.content_type = "text/x-odd";
  options.properties.cache_control = "no-store";
  options.properties.content_disposition = "attachment; filename=\"\xC3\xA9.txt\"";
  options.properties.content_encoding = "gzip";
  options.properties.content_language = "ru";
  options.properties.metadata = {{"author", "\xD0\x9C\xD0\xB8\xD1\x80 \"q\" \\ /"}, {"b", "2"}};
  options.properties.tags = {{"t", "1"}};
  options.properties.acl = "public-read";
  options.properties.mtime = Time(std::chrono::nanoseconds(1'600'000'000'123'456'789));
  options.attempt_id = "try-1";
  options.digests = MaskOf(DigestKind::kSha256) | MaskOf(DigestKind::kMd5);
  REQUIRE(Put(*p, "k.txt", "abc", options).ok());
  Result<ObjectInfo> stat = p->Stat({}, "k.txt");
  REQUIRE(stat.ok());
  CHECK(stat->properties == options.properties);
  CHECK(stat->attempt_id == "try-1");
  CHECK(ToHex(stat->digests.Find(DigestKind::kMd5)->value()) == "900150983cd24fb0d6963f7d28e17f72");
  CHECK(stat->modified == options.properties.mtime);
  Properties other;
  other.content_type = "text/plain";
  REQUIRE(p->SetProperties({}, "k.txt", other).ok());
  stat = p->Stat({}, "k.txt");
  CHECK(stat->properties.metadata.empty());
  CHECK(stat->digests.Find(DigestKind::kMd5) != nullptr);
  REQUIRE(p->SetProperties({}, "k.txt", options.properties).ok());
  {
    std::ofstream edit(scratch / "k.txt", std::ios::app);
    edit << "def";
  }
  stat = p->Stat({}, "k.txt");
  CHECK(stat->size == 6);
  CHECK(stat->digests.empty());
  CHECK(stat->attempt_id.empty());
  CHECK(stat->properties.metadata == options.properties.metadata);
  CHECK(Get(*p, "k.txt") == "abcdef");
}

TEST_CASE("a flipped bit is not handed out as the object") {
  Scratch scratch;
  auto p = Open(At(scratch.path()));
  REQUIRE(Put(*p, "k", "precious bytes").ok());
  const auto before = fs::last_write_time(scratch / "k");
  {
    std::fstream file(scratch / "k", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(3);
    file.put('X');
  }
  fs::last_write_time(scratch / "k", before);
  CHECK(Get(*p, "k") == "!Integrity");
  GetOptions unchecked;
  unchecked.verify = false;
  CHECK(Get(*p, "k", unchecked) == "preXious bytes");
}
