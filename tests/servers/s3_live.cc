// s3_live.cc: the S3 provider against a real server, which servers.py starts: FILEFERRY_S3_ENDPOINT, FILEFERRY_S3_BUCKET and the keys of the environment.  Without them it fails.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <set>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/digest.h"
#include "fileferry/ops.h"
#include "fileferry/s3.h"

namespace fileferry {
namespace {

const OpContext kCtx{};

std::string Need(const char* name) {
  const char* value = std::getenv(name);
  INFO("tests/servers/servers.py sets " << name);
  REQUIRE(value != nullptr);
  return value;
}

class EnvironmentKeys final : public IS3CredentialSource {
 public:
  Result<S3Credentials> Get(const OpContext&) override {
    S3Credentials credentials;
    credentials.access_key_id = Need("AWS_ACCESS_KEY_ID");
    credentials.secret_access_key = Need("AWS_SECRET_ACCESS_KEY");
    credentials.origin = "environment";
    return credentials;
  }
  void Invalidate() override {}
};

S3Options Options() {
  S3Options options;
  options.endpoint = Need("FILEFERRY_S3_ENDPOINT");
  options.bucket = Need("FILEFERRY_S3_BUCKET");
  options.region = "us-east-1";
  options.credentials = std::make_shared<EnvironmentKeys>();
  return options;
}
std::unique_ptr<S3StorageProvider> Open(S3Options options = Options()) {
  Result<std::unique_ptr<S3StorageProvider>> made = S3StorageProvider::Create(std::move(options));
  REQUIRE(made.ok());
  return std::move(*made);
}
Result<ObjectInfo> Put(IStorageProvider& provider, std::string_view key, std::string_view text, const PutOptions& options = {}) {
  const std::unique_ptr<ISource> source = MemorySource(AsBytes(text));
  return provider.Put(kCtx, key, *source, options);
}
Result<std::string> Get(IStorageProvider& provider, std::string_view key, const GetOptions& options = {}) {
  std::string text;
  const std::unique_ptr<ISink> sink = StringSink(&text);
  Result<ObjectInfo> info = provider.Get(kCtx, key, options, *sink);
  if (!info.ok()) return info.status();
  return text;
}
std::vector<std::string> Keys(IStorageProvider& provider, ListQuery query) {
  std::vector<std::string> keys;
  const Status status = ForEach(provider, kCtx, query, [&](const ListEntry& entry) {
    keys.emplace_back(std::string(entry.is_prefix ? "P:" : "") + std::string(entry.key));
    return Status();
  });
  INFO(status.ToString());
  REQUIRE(status.ok());
  return keys;
}
std::string Pattern(std::size_t size, unsigned seed) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>((i * 2654435761u + seed) >> 13);
  return text;
}
#define REQUIRE_OK(expression)                      \
  do {                                              \
    const auto& checked = (expression);             \
    INFO(checked.status().ToString());              \
    REQUIRE(checked.ok());                          \
  } while (false)

TEST_CASE("live: the server is recognised and healthy") {
  const auto provider = Open();
  const HealthReport report = provider->Health(kCtx);
  INFO(report.status.ToString());
  REQUIRE(report.status.ok());
  std::string vendor;
  for (const auto& [name, value] : report.details) {
    if (name == "vendor") vendor = value;
    CHECK(value.find(Need("AWS_SECRET_ACCESS_KEY")) == std::string::npos);
  }
  CHECK(vendor == Need("FILEFERRY_S3_EXPECT_VENDOR") + " (found out)");
}

TEST_CASE("live: put, stat, get, ranges, remove, with every way of signing") {
  for (const PayloadSigning signing : {PayloadSigning::kAlways, PayloadSigning::kNever, PayloadSigning::kAuto}) {
    S3Options options = Options();
    options.payload_signing = signing;
    const auto provider = Open(options);
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{65536}, std::size_t{3} << 20}) {
      const std::string text = Pattern(size, 1);
      const Result<ObjectInfo> put = Put(*provider, "basic/object", text);
      REQUIRE_OK(put);
      CHECK(put->size == size);
      REQUIRE(put->digests.Find(DigestKind::kCrc64Nvme) != nullptr);
      CHECK(*put->digests.Find(DigestKind::kCrc64Nvme) == Crc64Digest(Crc64NvmePortable(0, AsBytes(text))));
      const Result<ObjectInfo> info = provider->Stat(kCtx, "basic/object");
      REQUIRE_OK(info);
      CHECK(info->size == size);
      CHECK(info->etag == put->etag);
      REQUIRE(info->digests.Find(DigestKind::kCrc64Nvme) != nullptr);
      CHECK(*info->digests.Find(DigestKind::kCrc64Nvme) == *put->digests.Find(DigestKind::kCrc64Nvme));
      CHECK(info->properties.content_type.empty());
      const Result<std::string> got = Get(*provider, "basic/object");
      REQUIRE_OK(got);
      CHECK(*got == text);
      GetOptions range;
      range.offset = size / 2;
      range.length = 100;
      const Result<std::string> part = Get(*provider, "basic/object", range);
      REQUIRE_OK(part);
      CHECK(*part == text.substr(size / 2, 100));
      if (size != 0) {
        range.offset = size;
        CHECK(Get(*provider, "basic/object", range).code() == Code::kInvalidArgument);
      }
    }
    CHECK(provider->Remove(kCtx, "basic/object", {}).ok());
    CHECK(provider->Remove(kCtx, "basic/object", {}).ok());
    CHECK(provider->Stat(kCtx, "basic/object").code() == Code::kNotFound);
    CHECK(Get(*provider, "basic/object").code() == Code::kNotFound);
  }
}

TEST_CASE("live: properties survive") {
  const auto provider = Open();
  PutOptions options;
  options.properties.content_type = "text/plain; charset=utf-8";
  options.properties.cache_control = "max-age=3600";
  options.properties.content_disposition = "attachment; filename=\"x.txt\"";
  options.properties.content_encoding = "gzip";
  options.properties.content_language = "de";
  options.properties.metadata = {{"plain", "value"}, {"unicode", "gr\xC3\xBC\xC3\x9F \xF0\x9F\x98\x80"}, {"upper-case", "MiXed"}};
  options.properties.mtime = Time(std::chrono::nanoseconds(1687000000123456789));
  options.attempt_id = "attempt-of-the-test";
  REQUIRE_OK(Put(*provider, "props/object", "not gzip at all", options));
  Result<ObjectInfo> info = provider->Stat(kCtx, "props/object");
  REQUIRE_OK(info);
  CHECK(info->properties == options.properties);
  CHECK(info->attempt_id == "attempt-of-the-test");
  CHECK(*Get(*provider, "props/object") == "not gzip at all");   // never decompressed

  Properties changed = options.properties;
  changed.content_type = "image/png";
  changed.metadata = {{"only", "this"}};
  REQUIRE_OK(provider->SetProperties(kCtx, "props/object", changed));
  info = provider->Stat(kCtx, "props/object");
  REQUIRE_OK(info);
  CHECK(info->properties == changed);
  CHECK(info->attempt_id == "attempt-of-the-test");
  CHECK(info->digests.Find(DigestKind::kCrc64Nvme) != nullptr);
  CHECK(*Get(*provider, "props/object") == "not gzip at all");
}

TEST_CASE("live: conditions") {
  const auto provider = Open();
  const Capabilities caps = provider->Caps();
  PutOptions create;
  create.if_absent = true;
  CHECK(provider->Remove(kCtx, "cond/object", {}).ok());
  if (!caps.conditional_put) {
    const Code code = Put(*provider, "cond/object", "a", create).code();  // the capability tells what the service was found to do, if it was asked
    CHECK(code == (provider->Caps().conditional_put ? Code::kOk : Code::kUnsupported));
    return;
  }
  create.attempt_id = "first";
  const Result<ObjectInfo> first = Put(*provider, "cond/object", "a", create);
  REQUIRE_OK(first);
  REQUIRE_OK(Put(*provider, "cond/object", "a", create));  // our own, sent again: the answer was lost
  create.attempt_id = "second";
  CHECK(Put(*provider, "cond/object", "b", create).code() == Code::kAlreadyExists);
  CHECK(*Get(*provider, "cond/object") == "a");
  PutOptions replace;
  replace.if_match = "\"0123456789abcdef0123456789abcdef\"";
  CHECK(Put(*provider, "cond/object", "b", replace).code() == Code::kPreconditionFailed);
  CHECK(Put(*provider, "cond/nothing", "b", replace).code() == Code::kPreconditionFailed);
  replace.if_match = first->etag;
  REQUIRE_OK(Put(*provider, "cond/object", "b", replace));
  GetOptions get;
  get.if_match = first->etag;
  CHECK(Get(*provider, "cond/object", get).code() == Code::kPreconditionFailed);
  GetOptions changed;
  changed.if_none_match = provider->Stat(kCtx, "cond/object")->etag;
  const Result<std::string> same = Get(*provider, "cond/object", changed);
  CHECK(same.code() == Code::kPreconditionFailed);
  CHECK(same.status().detail().http_status == 304);
  RemoveOptions remove;
  remove.if_match = first->etag;
  CHECK(provider->Remove(kCtx, "cond/object", remove).code() == Code::kPreconditionFailed);
  remove.if_match = changed.if_none_match;
  CHECK(provider->Remove(kCtx, "cond/object", remove).ok());
  CHECK(provider->Remove(kCtx, "cond/object", remove).ok());
}

TEST_CASE("live: a server whose kind is not told is asked whether it creates only what is absent, and nothing of that stays") {
  S3Options options = Options();
  options.vendor = "other";
  const auto provider = Open(std::move(options));
  CHECK(provider->Caps().conditional_put_unknown);
  PutOptions create;
  create.if_absent = true;
  const std::string folder = "probe-" + RandomId() + "/";
  REQUIRE_OK(Put(*provider, folder + "a", "a", create));
  CHECK(provider->Caps().conditional_put);
  CHECK(Put(*provider, folder + "a", "b", create).code() == Code::kAlreadyExists);
  ListQuery query;
  query.prefix = folder;
  const Result<ListPage> page = provider->List(kCtx, query);
  REQUIRE_OK(page);
  REQUIRE(page->entries.size() == 1);
  CHECK(page->entries[0].key == folder + "a");
  CHECK(provider->Remove(kCtx, folder + "a", {}).ok());
}

TEST_CASE("live: sixteen writers want one key, one gets it") {
  const auto provider = Open();
  if (!provider->Caps().conditional_put) return;
  for (int round = 0; round < 10; ++round) {
    const std::string key = "race/" + std::to_string(round) + RandomId();
    std::atomic<int> won{0}, lost{0}, failed{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 16; ++i) {
      threads.emplace_back([&, i] {
        PutOptions create;
        create.if_absent = true;
        const Result<ObjectInfo> put = Put(*provider, key, "writer " + std::to_string(i), create);
        if (put.ok()) ++won;
        else if (put.code() == Code::kAlreadyExists) ++lost;
        else if (!put.status().temporary()) ++failed;
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(won == 1);
    CHECK(failed == 0);
  }
}

TEST_CASE("live: listing pages, prefixes, delimiter, start_after, odd keys") {
  const auto provider = Open();
  const std::vector<std::string> wanted{"l/a", "l/a b", "l/a+b", "l/a/b", "l/a/c", "l/b%41", "l/c&d<e>", "l/d\"'", "l/e\xC3\xBC", "l/f\xF0\x9F\x98\x80", "l/g?h#i;j=k", "l/z~!@$^*()", "l/ctl\x01x", "l/tab\tx"};
  std::vector<std::string> stored;
  for (const std::string& key : wanted) {
    const Result<ObjectInfo> put = Put(*provider, key, key);
    INFO(key);
    REQUIRE_OK(put);
    stored.push_back(key);
    CHECK(*Get(*provider, key) == key);
  }
  Put(*provider, "l2", "not below l/").ok();
  std::sort(stored.begin(), stored.end());
  for (const std::uint32_t limit : {1u, 3u, 1000u}) {
    ListQuery query;
    query.prefix = "l/";
    query.limit = limit;
    std::vector<std::string> keys = Keys(*provider, query);
    if (provider->Caps().sorted_list) CHECK(std::is_sorted(keys.begin(), keys.end()));
    std::sort(keys.begin(), keys.end());
    CHECK(keys == stored);
    query.start_after = "l/a b";
    keys = Keys(*provider, query);
    std::sort(keys.begin(), keys.end());
    CHECK(keys == std::vector<std::string>(std::upper_bound(stored.begin(), stored.end(), "l/a b"), stored.end()));
    query.start_after.clear();
    query.delimiter = true;
    keys = Keys(*provider, query);
    std::set<std::string> folded;
    for (const std::string& key : stored) folded.insert(key.find('/', 2) == std::string::npos ? key : "P:" + key.substr(0, key.find('/', 2) + 1));
    CHECK(std::set<std::string>(keys.begin(), keys.end()) == folded);
    CHECK(keys.size() == folded.size());
  }
  std::vector<RemoveResult> removed = provider->RemoveMany(kCtx, stored);
  for (const RemoveResult& result : removed) CHECK(result.status.ok());
  ListQuery query;
  query.prefix = "l/";
  CHECK(Keys(*provider, query).empty());
}

TEST_CASE("live: 2,500 objects in pages, by a token that another provider goes on with") {
  const auto provider = Open();
  std::vector<std::thread> threads;
  std::atomic<int> failed{0};
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = t; i < 2500; i += 8) {
        if (!Put(*provider, "many/" + std::to_string(10000 + i), "x").ok()) ++failed;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  REQUIRE(failed == 0);
  std::vector<std::string> keys;
  ListQuery query;
  query.prefix = "many/";
  int pages = 0;
  do {
    const auto fresh = Open();
    Result<ListPage> page = fresh->List(kCtx, query);
    REQUIRE_OK(page);
    for (const ListEntry& entry : page->entries) keys.emplace_back(entry.key);
    query.token = page->next_token;
    ++pages;
  } while (!query.token.empty());
  CHECK(pages == 3);
  REQUIRE(keys.size() == 2500);
  for (int i = 0; i < 2500; ++i) CHECK(keys[static_cast<std::size_t>(i)] == "many/" + std::to_string(10000 + i));
  for (const RemoveResult& result : provider->RemoveMany(kCtx, keys)) REQUIRE(result.status.ok());
}

TEST_CASE("live: multipart: parts in any order, listed, completed, conditional, aborted") {
  for (const PayloadSigning signing : {PayloadSigning::kAlways, PayloadSigning::kNever}) {
    S3Options changed = Options();
    changed.payload_signing = signing;
    const auto provider = Open(changed);
    const Result<UploadPage> before = provider->ListUploads(kCtx, "mp/", "");
    REQUIRE_OK(before);
    for (const UploadEntry& entry : before->entries) CHECK(provider->AbortUpload(kCtx, entry.key, entry.upload_id).ok());   // of a run that was cut off
    const std::string first = Pattern(5 << 20, 1), second = Pattern(5 << 20, 2), third = Pattern(1234, 3);
    UploadOptions options;
    options.properties.content_type = "video/mp4";
    options.properties.metadata = {{"a", "b"}};
    options.attempt_id = RandomId();
    options.part_size = first.size();
    const Result<std::string> id = provider->CreateUpload(kCtx, "mp/object", options);
    REQUIRE_OK(id);
    std::vector<PartInfo> parts(3);
    std::uint64_t crc = 0;
    const std::string* texts[] = {&first, &second, &third};
    for (const std::uint32_t number : {3u, 1u, 2u, 2u}) {   // out of order, and one again
      const std::string& text = *texts[number - 1];
      PartSpec spec{number, (number - 1) * first.size(), text.size()};
      const std::unique_ptr<ISource> source = MemorySource(AsBytes(text));
      const Result<PartInfo> part = provider->UploadPart(kCtx, "mp/object", *id, spec, *source);
      REQUIRE_OK(part);
      REQUIRE(part->crc64);
      CHECK(*part->crc64 == Crc64Digest(Crc64NvmePortable(0, AsBytes(text))));
      parts[number - 1] = *part;
    }
    CHECK(provider->Stat(kCtx, "mp/object").code() == Code::kNotFound);
    const Result<std::vector<PartInfo>> listed = provider->ListParts(kCtx, "mp/object", *id);
    REQUIRE_OK(listed);
    REQUIRE(listed->size() == 3);
    for (std::size_t i = 0; i < 3; ++i) {
      CHECK((*listed)[i].number == i + 1);
      CHECK((*listed)[i].size == texts[i]->size());
      CHECK((*listed)[i].offset == i * first.size());
      CHECK((*listed)[i].etag == parts[i].etag);
      crc = i == 0 ? Crc64Value(*parts[0].crc64) : Crc64NvmeCombine(crc, Crc64Value(*parts[i].crc64), parts[i].size);
    }
    const Result<UploadPage> uploads = provider->ListUploads(kCtx, "mp/", "");
    REQUIRE_OK(uploads);
    CHECK(std::any_of(uploads->entries.begin(), uploads->entries.end(), [&](const UploadEntry& entry) { return entry.key == "mp/object" && entry.upload_id == *id; }));
    CompleteOptions complete;
    complete.size = first.size() + second.size() + third.size();
    complete.crc64 = Crc64Digest(crc);
    complete.attempt_id = options.attempt_id;
    complete.properties = options.properties;
    const Result<ObjectInfo> done = provider->CompleteUpload(kCtx, "mp/object", *id, parts, complete);
    REQUIRE_OK(done);
    REQUIRE_OK(provider->CompleteUpload(kCtx, "mp/object", *id, parts, complete));   // a lost answer: asked again
    const Result<std::string> got = Get(*provider, "mp/object");
    REQUIRE_OK(got);
    CHECK(*got == first + second + third);
    const Result<ObjectInfo> info = provider->Stat(kCtx, "mp/object");
    REQUIRE_OK(info);
    CHECK(info->properties.content_type == "video/mp4");
    CHECK(info->properties.metadata.at("a") == "b");
    CHECK(info->attempt_id == options.attempt_id);
    if (provider->Caps().conditional_put) {
      options.attempt_id = RandomId();
      const Result<std::string> late = provider->CreateUpload(kCtx, "mp/object", options);
      REQUIRE_OK(late);
      const std::unique_ptr<ISource> source = MemorySource(AsBytes(third));
      const Result<PartInfo> part = provider->UploadPart(kCtx, "mp/object", *late, {1, 0, third.size()}, *source);
      REQUIRE_OK(part);
      CompleteOptions create;
      create.if_absent = true;
      create.size = third.size();
      create.attempt_id = options.attempt_id;
      CHECK(provider->CompleteUpload(kCtx, "mp/object", *late, {*part}, create).code() == Code::kAlreadyExists);
      CHECK(provider->AbortUpload(kCtx, "mp/object", *late).ok());
      CHECK(provider->AbortUpload(kCtx, "mp/object", *late).ok());
      CHECK(provider->Stat(kCtx, "mp/object")->size == complete.size);
    }
    CHECK(provider->Remove(kCtx, "mp/object", {}).ok());
    CHECK(provider->ListUploads(kCtx, "mp/", "")->entries.empty());
  }
}

TEST_CASE("live: Upload and DownloadToFile of ops.h over many parts") {
  const auto provider = Open();
  const std::string text = Pattern(23 << 20, 5);
  TransferTuning tuning;
  tuning.multipart_threshold = 6 << 20;
  tuning.part_size = 5 << 20;
  const std::unique_ptr<ISource> source = MemorySource(AsBytes(text));
  REQUIRE_OK(Upload(*provider, kCtx, "big/object", *source, {}, tuning));
  const Result<std::string> got = Get(*provider, "big/object");
  REQUIRE_OK(got);
  CHECK(*got == text);
  CHECK(provider->Remove(kCtx, "big/object", {}).ok());
}

TEST_CASE("live: copies inside the service, also by parts") {
  const auto provider = Open();
  PutOptions options;
  options.properties.content_type = "text/css";
  options.properties.metadata = {{"a", "\xC3\xBC"}};
  const Result<ObjectInfo> source = Put(*provider, "copy/so rc+e%.css", Pattern(200000, 9), options);
  REQUIRE_OK(source);
  const Location from = provider->Locate("copy/so rc+e%.css");
  CopyOptions copy;
  copy.source_if_match = source->etag;
  Result<ObjectInfo> done = provider->CopyFrom(kCtx, from, "copy/to", copy);
  REQUIRE_OK(done);
  CHECK(done->properties == options.properties);
  CHECK(*Get(*provider, "copy/to") == Pattern(200000, 9));
  copy.source_if_match = "\"0123456789abcdef0123456789abcdef\"";
  CHECK(provider->CopyFrom(kCtx, from, "copy/to2", copy).code() == Code::kPreconditionFailed);
  CopyOptions replaced;
  replaced.replace = Properties{};
  replaced.replace->content_type = "text/x";
  done = provider->CopyFrom(kCtx, from, "copy/to3", replaced);
  REQUIRE_OK(done);
  CHECK(done->properties == *replaced.replace);
  CHECK(done->digests.Find(DigestKind::kCrc64Nvme) != nullptr);
  Location elsewhere = from;
  elsewhere.service += "x";
  CHECK(provider->CopyFrom(kCtx, elsewhere, "copy/to4", {}).code() == Code::kUnsupported);
  Location missing = from;
  missing.key = "copy/nothing";
  CHECK(provider->CopyFrom(kCtx, missing, "copy/to5", {}).code() == Code::kNotFound);
  if (provider->Caps().part_copy) {
    const Result<std::string> id = provider->CreateUpload(kCtx, "copy/parts", {});
    REQUIRE_OK(id);
    const Result<PartInfo> part = provider->UploadPartCopy(kCtx, "copy/parts", *id, {1, 100, 1000}, from, source->etag);
    REQUIRE_OK(part);
    CompleteOptions complete;
    complete.size = 1000;
    REQUIRE_OK(provider->CompleteUpload(kCtx, "copy/parts", *id, {*part}, complete));
    CHECK(*Get(*provider, "copy/parts") == Pattern(200000, 9).substr(100, 1000));
  }
}

TEST_CASE("live: wrong keys, buckets and addresses are told apart") {
  if (Need("FILEFERRY_S3_EXPECT_VENDOR") == "SeaweedFS") {   // moto does not check signatures
    class WrongKeys final : public IS3CredentialSource {
     public:
      Result<S3Credentials> Get(const OpContext&) override {
        S3Credentials credentials;
        credentials.access_key_id = Need("AWS_ACCESS_KEY_ID");
        credentials.secret_access_key = "wrong";
        return credentials;
      }
      void Invalidate() override {}
    };
    S3Options options = Options();
    options.credentials = std::make_shared<WrongKeys>();
    CHECK(Put(*Open(options), "k", "v").code() == Code::kUnauthenticated);
    CHECK(Open(options)->Stat(kCtx, "k").code() == Code::kUnauthenticated);
  }
  S3Options options = Options();
  options.bucket = "no-such-bucket-here";
  const auto nowhere = Open(options);
  CHECK(Get(*nowhere, "k").code() == Code::kNotFound);
  CHECK(nowhere->List(kCtx, {}).code() == Code::kNotFound);
  const HealthReport report = nowhere->Health(kCtx);
  CHECK(report.status.code() == Code::kNotFound);
  CHECK(report.status.message().find("bucket") != std::string_view::npos);
  options.bucket = "made-by-the-test-" + RandomId().substr(0, 8);
  const auto own = Open(options);
  CHECK(own->CreateBucket(kCtx).ok());
  CHECK(own->CreateBucket(kCtx).ok());
  REQUIRE_OK(Put(*own, "k", "v"));
  CHECK_FALSE(own->RemoveBucket(kCtx).ok());
  CHECK(own->Remove(kCtx, "k", {}).ok());
  CHECK(own->RemoveBucket(kCtx).ok());
  S3Options dead = Options();
  dead.endpoint = "http://127.0.0.1:1";
  const Result<ObjectInfo> refused = Open(dead)->Stat(kCtx, "k");
  CHECK(refused.code() == Code::kUnavailable);
  CHECK(refused.status().temporary());
}

TEST_CASE("live: keys that the service would fold are refused before anything is sent") {
  const auto provider = Open();
  for (const char* key : {"a//b", "/a", "a\\b", "a/../b", "a/"}) {
    INFO(key);
    const Status allowed = provider->CheckKey(key);
    const Result<ObjectInfo> put = Put(*provider, key, "v");
    CHECK(put.code() == allowed.code());
    if (allowed.ok()) {
      CHECK(*Get(*provider, key) == "v");
      CHECK(provider->Remove(kCtx, key, {}).ok());
    } else {
      CHECK(Get(*provider, key).code() == Code::kInvalidArgument);
      CHECK(provider->Remove(kCtx, key, {}).code() == Code::kInvalidArgument);
    }
  }
}

// Left behind for other clients to read: s3_peers_test.py.
TEST_CASE("keep: objects for other clients" * doctest::skip(std::getenv("FILEFERRY_S3_KEEP") == nullptr)) {
  const auto provider = Open();
  PutOptions options;
  options.properties.content_type = "text/plain; charset=utf-8";
  options.properties.cache_control = "max-age=60";
  options.properties.metadata = {{"colour", "blue"}};
  options.properties.mtime = Time(std::chrono::nanoseconds(1687000000123456789));
  REQUIRE_OK(Put(*provider, "keep/a b+c%.txt", "hello world", options));
  REQUIRE_OK(Put(*provider, "keep/\xC3\xBC.txt", "unicode", options));
  const std::string first(5 << 20, 'a'), last(3, 'b');
  const Result<std::string> id = provider->CreateUpload(kCtx, "keep/parts.bin", {});
  REQUIRE_OK(id);
  const std::unique_ptr<ISource> a = MemorySource(AsBytes(first)), b = MemorySource(AsBytes(last));
  const Result<PartInfo> one = provider->UploadPart(kCtx, "keep/parts.bin", *id, {1, 0, first.size()}, *a);
  const Result<PartInfo> two = provider->UploadPart(kCtx, "keep/parts.bin", *id, {2, first.size(), last.size()}, *b);
  REQUIRE_OK(one);
  REQUIRE_OK(two);
  CompleteOptions complete;
  complete.size = first.size() + last.size();
  complete.crc64 = Crc64Digest(Crc64NvmePortable(0, AsBytes(first + last)));
  const Result<ObjectInfo> done = provider->CompleteUpload(kCtx, "keep/parts.bin", *id, {*one, *two}, complete);
  REQUIRE_OK(done);
  CHECK(done->confirmed == MaskOf(DigestKind::kCrc64Nvme));
}

}  // namespace
}  // namespace fileferry
