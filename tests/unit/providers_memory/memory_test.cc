// memory_test.cc: the contracts of provider.h, kept by the storage in memory.
#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "base/digest.h"
#include "core/properties.h"
#include "fileferry/memory.h"

using namespace fileferry;

namespace {

const OpContext kCtx;

class Text final : public ISource {
 public:
  explicit Text(std::string text) : text_(std::move(text)), size_(text_.size()) {}
  Text(std::string text, std::optional<std::uint64_t> size) : text_(std::move(text)), size_(size) {}
  std::optional<std::uint64_t> size() const override { return size_; }
  Result<std::size_t> Read(std::span<std::byte> out) override {
    const std::size_t n = std::min({out.size(), text_.size() - at_, std::size_t{3}});
    std::memcpy(out.data(), text_.data() + at_, n);
    at_ += n;
    return n;
  }
  Status Rewind() override {
    at_ = 0;
    return {};
  }
  std::optional<Bytes> Memory() const override { return std::nullopt; }
  Status SendTo(ISink& sink) override {
    std::byte buffer[3];
    while (true) {
      Result<std::size_t> n = Read(buffer);
      if (!n.ok() || *n == 0) return n.status();
      if (Status s = sink.Write(Bytes(buffer, *n)); !s.ok()) return s;
    }
  }

 private:
  std::string text_;
  std::optional<std::uint64_t> size_;
  std::size_t at_ = 0;
};

class Collect final : public ISink {
 public:
  Status Write(Bytes bytes) override {
    text.append(AsText(bytes));
    return {};
  }
  Status Restart() override {
    text.clear();
    return {};
  }
  std::string text;
};

Result<ObjectInfo> PutText(IStorageProvider& p, std::string_view key, std::string text, const PutOptions& options = {}) {
  Text source(std::move(text));
  return p.Put(kCtx, key, source, options);
}

std::string GetText(IStorageProvider& p, std::string_view key, const GetOptions& options = {}) {
  Collect sink;
  Result<ObjectInfo> info = p.Get(kCtx, key, options, sink);
  return info.ok() ? sink.text : std::string(CodeName(info.code()));
}

std::vector<std::string> Keys(IStorageProvider& p, ListQuery query) {
  std::vector<std::string> keys;
  while (true) {
    Result<ListPage> page = p.List(kCtx, query);
    REQUIRE(page.ok());
    CHECK(page->entries.size() <= query.limit);
    for (const ListEntry& entry : page->entries) keys.push_back(std::string(entry.is_prefix ? "[" : "") + std::string(entry.key));
    if (page->next_token.empty()) return keys;
    query.token = page->next_token;
  }
}

}  // namespace

TEST_CASE("what was put is what is got") {
  auto p = MemoryStorageProvider::Create();
  Result<ObjectInfo> put = PutText(*p, "a/b", "hello");
  REQUIRE(put.ok());
  CHECK(put->size == 5);
  CHECK(GetText(*p, "a/b") == "hello");
  // CRC-64/NVME of "123456789" is the published check value.
  Result<ObjectInfo> check = PutText(*p, "check", "123456789");
  REQUIRE(check.ok());
  CHECK(ToHex(check->digests.Find(DigestKind::kCrc64Nvme)->value()) == "ae8b14860a799888");
  CHECK((check->confirmed & MaskOf(DigestKind::kCrc64Nvme)) != 0);
  CHECK(GetText(*p, "missing") == "NotFound");
  CHECK(p->Stat(kCtx, "a").code() == Code::kNotFound);
}

TEST_CASE("errors say where they come from") {
  auto p = MemoryStorageProvider::Create("shelf");
  const Status s = p->Stat(kCtx, "nothing").status();
  CHECK(s.detail().provider == "shelf");
  CHECK(s.detail().operation == "stat");
  CHECK(s.detail().key == "nothing");
}

TEST_CASE("ranges") {
  auto p = MemoryStorageProvider::Create();
  REQUIRE(PutText(*p, "k", "0123456789").ok());
  REQUIRE(PutText(*p, "empty", "").ok());
  CHECK(GetText(*p, "k", {.offset = 3}) == "3456789");
  CHECK(GetText(*p, "k", {.offset = 3, .length = 2}) == "34");
  CHECK(GetText(*p, "k", {.offset = 8, .length = 100}) == "89");
  CHECK(GetText(*p, "k", {.offset = 9, .length = UINT64_MAX}) == "9");
  CHECK(GetText(*p, "k", {.offset = 0, .length = 0}).empty());
  CHECK(GetText(*p, "k", {.offset = 10}) == "InvalidArgument");
  CHECK(GetText(*p, "k", {.offset = UINT64_MAX}) == "InvalidArgument");
  CHECK(GetText(*p, "empty").empty());
}

TEST_CASE("conditions") {
  auto p = MemoryStorageProvider::Create();
  const std::string first = PutText(*p, "k", "1")->etag;
  CHECK(PutText(*p, "k", "2", {.if_absent = true}).code() == Code::kAlreadyExists);
  CHECK(PutText(*p, "k", "2", {.if_match = "\"other\""}).code() == Code::kPreconditionFailed);
  CHECK(PutText(*p, "new", "2", {.if_match = first}).code() == Code::kPreconditionFailed);
  Result<ObjectInfo> second = PutText(*p, "k", "2", {.if_match = first});
  REQUIRE(second.ok());
  CHECK(second->etag != first);
  CHECK(GetText(*p, "k", {.if_match = first}) == "PreconditionFailed");
  CHECK(GetText(*p, "k", {.if_match = second->etag}) == "2");
  Collect sink;
  Result<ObjectInfo> same = p->Get(kCtx, "k", {.if_none_match = second->etag}, sink);
  CHECK(same.code() == Code::kPreconditionFailed);
  CHECK(same.status().detail().http_status == 304);
  CHECK(p->Remove(kCtx, "k", {.if_match = first}).code() == Code::kPreconditionFailed);
  CHECK(p->Remove(kCtx, "k", {.if_match = second->etag}).ok());
  CHECK(p->Remove(kCtx, "k", {.if_match = second->etag}).ok());  // is not there: fine
  CHECK(p->Remove(kCtx, "k", {.version_id = "1"}).code() == Code::kUnsupported);
}

TEST_CASE("a source that is not as long as it says stores nothing") {
  auto p = MemoryStorageProvider::Create();
  Text shorter("abc", 4), longer("abcdefgh", 4), unknown("abcdefgh", std::nullopt);
  CHECK(p->Put(kCtx, "k", shorter, {}).code() == Code::kSourceChanged);
  CHECK(p->Put(kCtx, "k", longer, {}).code() == Code::kSourceChanged);
  CHECK(p->Stat(kCtx, "k").code() == Code::kNotFound);
  CHECK(p->Put(kCtx, "k", unknown, {}).ok());
  CHECK(GetText(*p, "k") == "abcdefgh");
}

TEST_CASE("expected digests") {
  auto p = MemoryStorageProvider::Create();
  PutOptions options;
  options.expected.Set(*DigestFromHex(DigestKind::kMd5, "900150983cd24fb0d6963f7d28e17f72"));  // RFC 1321: MD5 of "abc"
  CHECK(PutText(*p, "k", "abd", options).code() == Code::kIntegrity);
  CHECK(p->Stat(kCtx, "k").code() == Code::kNotFound);
  CHECK(PutText(*p, "k", "abc", options).ok());
  REQUIRE(p->Stat(kCtx, "k")->digests.Find(DigestKind::kMd5) != nullptr);
}

TEST_CASE("properties are kept and checked") {
  auto p = MemoryStorageProvider::Create();
  PutOptions options;
  options.properties.content_type = "image/png";
  options.properties.metadata = {{"colour", "grün"}};
  options.properties.tags = {{"a", "b"}};
  options.properties.acl = "public-read";
  options.properties.storage_class = "COLD";
  options.properties.mtime = Time(std::chrono::seconds(1687000000));
  options.attempt_id = "try1";
  REQUIRE(PutText(*p, "k", "x", options).ok());
  Result<ObjectInfo> info = p->Stat(kCtx, "k");
  CHECK(info->properties == options.properties);
  CHECK(info->attempt_id == "try1");
  Result<ListPage> page = p->List(kCtx, {});
  REQUIRE(page->entries.size() == 1);
  CHECK(page->entries[0].modified == options.properties.mtime);
  CHECK(page->entries[0].storage_class == "COLD");

  const std::string before = info->etag;
  Properties changed;
  changed.cache_control = "no-store";
  REQUIRE(p->SetProperties(kCtx, "k", changed).ok());
  info = p->Stat(kCtx, "k");
  CHECK(info->properties == changed);
  CHECK(info->etag != before);
  CHECK(GetText(*p, "k") == "x");

  for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{
           {"Upper", "x"}, {"", "x"}, {"a b", "x"}, {"a:b", "x"}, {"mtime", "1"}, {"ferry-attempt", "x"}, {"ok", "line\nbreak"}, {"ok", std::string("\0", 1)}, {"ok", "\xff"}}) {
    PutOptions bad;
    bad.properties.metadata = {{name, value}};
    const std::string shown = name + ": " + value;
    CAPTURE(shown);
    CHECK(PutText(*p, "bad", "x", bad).code() == Code::kInvalidArgument);
  }
  PutOptions full, over;
  full.properties.metadata = {{"k", std::string(2047, 'v')}};
  over.properties.metadata = {{"k", std::string(2048, 'v')}};
  CHECK(PutText(*p, "full", "x", full).ok());
  CHECK(PutText(*p, "over", "x", over).code() == Code::kInvalidArgument);
}

TEST_CASE("keys are bytes") {
  auto p = MemoryStorageProvider::Create();
  const std::vector<std::string> keys = {"..", "/x", "a//b", "dir/", " x ", "a\x01z", std::string(1024, 'k'), "gr\xc3\xbcn", "\xf0\x9f\x98\x80"};
  for (const std::string& key : keys) {
    REQUIRE(PutText(*p, key, "=" + key).ok());
  }
  for (const std::string& key : keys) CHECK(GetText(*p, key) == "=" + key);
  for (const std::string& key : {std::string(), std::string(1025, 'k'), std::string("a\0b", 3), std::string("\xff")}) {
    CHECK(p->CheckKey(key).code() == Code::kInvalidArgument);
    CHECK(PutText(*p, key, "x").code() == Code::kInvalidArgument);
    CHECK(p->Stat(kCtx, key).code() == Code::kInvalidArgument);
  }
}

TEST_CASE("listings are sorted, paged and folded") {
  auto p = MemoryStorageProvider::Create();
  for (const char* key : {"b", "a", "a/1", "a/2", "a/b/3", "a0", "\xc3\xa4", "a-"}) REQUIRE(PutText(*p, key, "x").ok());
  for (std::uint32_t limit : {1u, 2u, 3u, 1000u}) {
    CAPTURE(limit);
    CHECK(Keys(*p, {.limit = limit}) == std::vector<std::string>{"a", "a-", "a/1", "a/2", "a/b/3", "a0", "b", "\xc3\xa4"});
    CHECK(Keys(*p, {.delimiter = true, .limit = limit}) == std::vector<std::string>{"a", "a-", "[a/", "a0", "b", "\xc3\xa4"});
    CHECK(Keys(*p, {.prefix = "a/", .delimiter = true, .limit = limit}) == std::vector<std::string>{"a/1", "a/2", "[a/b/"});
    CHECK(Keys(*p, {.prefix = "a/", .start_after = "a/1", .limit = limit}) == std::vector<std::string>{"a/2", "a/b/3"});
    CHECK(Keys(*p, {.start_after = "a/2", .delimiter = true, .limit = limit}) == std::vector<std::string>{"[a/", "a0", "b", "\xc3\xa4"});
    CHECK(Keys(*p, {.prefix = "zz", .limit = limit}).empty());
  }
  CHECK(p->List(kCtx, {.token = "rubbish"}).code() == Code::kInvalidArgument);
  CHECK(p->List(kCtx, {.limit = 0}).code() == Code::kInvalidArgument);
}

TEST_CASE("copies inside the service") {
  auto one = MemoryStorageProvider::Create("one"), two = MemoryStorageProvider::Create("two");
  PutOptions options;
  options.properties.content_type = "text/plain";
  const std::string etag = PutText(*one, "k", "bytes", options)->etag;
  CHECK(one->Locate("k").service == two->Locate("k").service);
  REQUIRE(two->CopyFrom(kCtx, one->Locate("k"), "copy", {.source_if_match = etag}).ok());
  CHECK(GetText(*two, "copy") == "bytes");
  CHECK(two->Stat(kCtx, "copy")->properties.content_type == "text/plain");
  CHECK(two->CopyFrom(kCtx, one->Locate("k"), "copy", {.if_absent = true}).code() == Code::kAlreadyExists);
  CHECK(two->CopyFrom(kCtx, one->Locate("k"), "c2", {.source_if_match = "\"no\""}).code() == Code::kPreconditionFailed);
  CHECK(two->CopyFrom(kCtx, one->Locate("none"), "c2", {}).code() == Code::kNotFound);
  CHECK(two->CopyFrom(kCtx, {"elsewhere", "b", "k"}, "c2", {}).code() == Code::kUnsupported);
  const Location gone = one->Locate("k");
  one.reset();
  CHECK(two->CopyFrom(kCtx, gone, "c2", {}).code() == Code::kNotFound);
}

TEST_CASE("multipart uploads") {
  auto p = MemoryStorageProvider::Create();
  UploadOptions create;
  create.properties.content_type = "video/mp4";
  create.attempt_id = "me";
  const std::string id = *p->CreateUpload(kCtx, "big", create);
  Text p2("world"), p1("hello "), p1_again("hello ");
  PartInfo second = *p->UploadPart(kCtx, "big", id, {2, 6, 5}, p2);
  PartInfo first = *p->UploadPart(kCtx, "big", id, {1, 0, 6}, p1);
  const PartInfo stale = first;
  first = *p->UploadPart(kCtx, "big", id, {1, 0, 6}, p1_again);
  CHECK(p->Stat(kCtx, "big").code() == Code::kNotFound);
  CHECK(p->ListParts(kCtx, "big", id)->size() == 2);
  CHECK(p->ListUploads(kCtx, "b", {})->entries.at(0).upload_id == id);
  CHECK(p->ListUploads(kCtx, "c", {})->entries.empty());

  CHECK(p->CompleteUpload(kCtx, "big", id, {second, first}, {.size = 11}).code() == Code::kInvalidArgument);
  CHECK(p->CompleteUpload(kCtx, "big", id, {stale, second}, {.size = 11}).code() == Code::kInvalidArgument);
  CHECK(p->CompleteUpload(kCtx, "big", id, {first}, {.size = 11}).code() == Code::kInvalidArgument);
  CHECK(p->CompleteUpload(kCtx, "big", id, {}, {.size = 0}).code() == Code::kInvalidArgument);
  CHECK(p->CompleteUpload(kCtx, "other", id, {first, second}, {.size = 11}).code() == Code::kNotFound);
  CompleteOptions wrong{.size = 11};
  wrong.crc64 = Crc64Digest(1);
  CHECK(p->CompleteUpload(kCtx, "big", id, {first, second}, wrong).code() == Code::kIntegrity);
  REQUIRE(PutText(*p, "big", "occupied").ok());
  CHECK(p->CompleteUpload(kCtx, "big", id, {first, second}, {.if_absent = true, .size = 11}).code() == Code::kAlreadyExists);
  CompleteOptions right{.size = 11};
  right.crc64 = Crc64Digest(Crc64NvmePortable(0, AsBytes("hello world")));
  Result<ObjectInfo> done = p->CompleteUpload(kCtx, "big", id, {first, second}, right);
  REQUIRE(done.ok());
  CHECK(done->attempt_id == "me");
  CHECK(done->properties.content_type == "video/mp4");
  CHECK(GetText(*p, "big") == "hello world");
  CHECK(p->CompleteUpload(kCtx, "big", id, {first, second}, right).code() == Code::kNotFound);
  CHECK(p->AbortUpload(kCtx, "big", id).ok());
  CHECK(p->ListUploads(kCtx, {}, {})->entries.empty());
}

TEST_CASE("parts: wrong size, copies, abort") {
  auto p = MemoryStorageProvider::Create();
  REQUIRE(PutText(*p, "src", "0123456789").ok());
  const std::string id = *p->CreateUpload(kCtx, "k", {});
  Text shorter("abc");
  CHECK(p->UploadPart(kCtx, "k", id, {1, 0, 5}, shorter).code() == Code::kSourceChanged);
  Text zero("abc");
  CHECK(p->UploadPart(kCtx, "k", id, {0, 0, 3}, zero).code() == Code::kInvalidArgument);
  CHECK(p->UploadPartCopy(kCtx, "k", id, {1, 5, 6}, p->Locate("src"), {}).code() == Code::kInvalidArgument);
  PartInfo one = *p->UploadPartCopy(kCtx, "k", id, {1, 0, 5}, p->Locate("src"), {});
  PartInfo two = *p->UploadPartCopy(kCtx, "k", id, {2, 5, 5}, p->Locate("src"), p->Stat(kCtx, "src")->etag);
  CHECK(p->UploadPartCopy(kCtx, "k", id, {2, 5, 5}, p->Locate("src"), "\"old\"").code() == Code::kPreconditionFailed);
  REQUIRE(p->CompleteUpload(kCtx, "k", id, {one, two}, {.size = 10}).ok());
  CHECK(GetText(*p, "k") == "0123456789");
  const std::string other = *p->CreateUpload(kCtx, "k", {});
  CHECK(p->AbortUpload(kCtx, "k", other).ok());
  CHECK(p->ListParts(kCtx, "k", other).code() == Code::kNotFound);
  Text late("x");
  CHECK(p->UploadPart(kCtx, "k", other, {1, 0, 1}, late).code() == Code::kNotFound);
}

TEST_CASE("batches become visible at commit") {
  auto p = MemoryStorageProvider::Create(), q = MemoryStorageProvider::Create();
  auto batch = *p->NewBatch();
  PutOptions options{.if_absent = true};
  options.batch = batch.get();
  REQUIRE(PutText(*p, "a", "1", options).ok());
  REQUIRE(PutText(*p, "b", "22", options).ok());
  CHECK(p->Stat(kCtx, "a").code() == Code::kNotFound);
  CHECK(batch->pending() == 2);
  CHECK(batch->pending_bytes() == 3);
  CHECK(PutText(*q, "a", "1", options).code() == Code::kInvalidArgument);
  REQUIRE(PutText(*p, "b", "other").ok());
  std::vector<BatchResult> results = batch->Commit(kCtx);
  REQUIRE(results.size() == 2);
  CHECK(results[0].status.ok());
  CHECK(results[0].info.etag == p->Stat(kCtx, "a")->etag);
  CHECK(results[1].status.code() == Code::kAlreadyExists);
  CHECK(GetText(*p, "b") == "other");
  CHECK(batch->pending() == 0);
  REQUIRE(PutText(*p, "c", "3", options).ok());
  batch.reset();
  CHECK(p->Stat(kCtx, "c").code() == Code::kNotFound);
}

TEST_CASE("an opened object tells when it was replaced") {
  auto p = MemoryStorageProvider::Create();
  REQUIRE(PutText(*p, "k", "0123456789").ok());
  ObjectInfo info;
  auto source = *p->Open(kCtx, "k", {.offset = 2, .length = 3}, &info);
  CHECK(info.size == 10);
  CHECK(source->size() == 3);
  Collect sink;
  CHECK(source->SendTo(sink).ok());
  CHECK(sink.text == "234");
  REQUIRE(source->Rewind().ok());
  REQUIRE(PutText(*p, "k", "new").ok());
  std::byte buffer[8];
  CHECK(*source->Read(buffer) == 3);
  CHECK(source->Read(buffer).code() == Code::kSourceChanged);
}

TEST_CASE("cancelled and late calls change nothing") {
  auto p = MemoryStorageProvider::Create();
  CancelToken cancel;
  cancel.Cancel();
  OpContext cancelled;
  cancelled.cancel = &cancel;
  OpContext late;
  late.deadline = OpContext::Clock::now() - std::chrono::seconds(1);
  Text source("x");
  CHECK(p->Put(cancelled, "k", source, {}).code() == Code::kCancelled);
  CHECK(p->Put(late, "k", source, {}).code() == Code::kTimeout);
  CHECK(p->List(cancelled, {}).code() == Code::kCancelled);
  CHECK(p->Stat(kCtx, "k").code() == Code::kNotFound);
}

TEST_CASE("what is off answers unsupported") {
  auto p = MemoryStorageProvider::Create();
  const Capabilities caps = p->Caps();
  CHECK_FALSE(caps.presign_get);
  CHECK_FALSE(caps.presign_put);
  CHECK_FALSE(caps.public_url);
  CHECK(p->Url("k", {}).code() == Code::kUnsupported);
  CHECK(p->Url("k", {.method = HttpMethod::kPut}).code() == Code::kUnsupported);
}

TEST_CASE("sixteen threads create each key exactly once and read whole versions only") {
  auto p = MemoryStorageProvider::Create();
  constexpr int kThreads = 16, kKeys = 100;
  std::atomic<int> created{0}, torn{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int k = 0; k < kKeys; ++k) {
        const std::string key = "k" + std::to_string(k);
        if (PutText(*p, key, std::string(100, static_cast<char>('a' + t)), {.if_absent = true}).ok()) ++created;
        (void)PutText(*p, "shared", std::string(500, static_cast<char>('a' + t)));
        const std::string got = GetText(*p, "shared");
        if (got.size() != 500 || got.find_first_not_of(got[0]) != std::string::npos) ++torn;
        if (k % 10 == t % 10) (void)p->List(kCtx, {.limit = 7});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(created == kKeys);
  CHECK(torn == 0);
}
