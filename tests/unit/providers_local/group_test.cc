// group_test.cc: batches, uploads in parts, copies, sources, URLs, health, configuration.
#include <algorithm>
#include <random>
#include <thread>

#include "base/digest.h"
#include "fileferry/config.h"
#include "support.h"

using namespace ferrytest;  // NOLINT: tests
using Fsync = LocalOptions::Fsync;

namespace {

std::string Pattern(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string out(size, '\0');
  for (char& c : out) c = static_cast<char>(random());
  return out;
}

Result<PartInfo> PutPart(IStorageProvider& p, const std::string& key, const std::string& id, std::uint32_t number, std::uint64_t offset, const std::string& bytes) {
  TextSource source(bytes);
  PartSpec part;
  part.number = number;
  part.offset = offset;
  part.size = bytes.size();
  return p.UploadPart({}, key, id, part, source);
}

}  // namespace

TEST_CASE("a batch is invisible before Commit, and one flush makes it durable") {
  Scratch scratch;
  for (const int count : {3, 40}) {
    auto p = Open(At(scratch / std::to_string(count), Fsync::kFull));
    REQUIRE(Put(*p, "root", "made").ok());
    REQUIRE(p->Remove({}, "root", {}).ok());
    std::map<std::string, int> calls;
    std::string order;
    std::vector<BatchResult> results;
    {
      auto batch = p->NewBatch();
      REQUIRE(batch.ok());
      PutOptions options;
      options.batch = batch->get();
      std::mutex mutex;
      Hook hook([&](const sys::Site& site) {
        const std::scoped_lock lock(mutex);
        ++calls[site.call];
        if (Is(site, "fsync")) order += "f";
        if (Is(site, "syncfs")) order += "S";
        if (Is(site, "renameat2")) order += "r";
        return sys::Verdict{};
      });
      for (int i = 0; i < count; ++i) REQUIRE(Put(*p, "d" + std::to_string(i % 3) + "/" + std::to_string(i), "bytes", options).ok());
      CHECK((*batch)->pending() == static_cast<std::size_t>(count));
      CHECK((*batch)->pending_bytes() == static_cast<std::uint64_t>(count) * 5);
      CHECK(List(*p).keys.empty());
      CHECK(calls["fsync"] + calls["syncfs"] == 0);
      results = (*batch)->Commit({});
      CHECK((*batch)->pending() == 0);
    }
    CHECK(results.size() == static_cast<std::size_t>(count));
    for (const BatchResult& result : results) {
      CHECK(result.status.ok());
      CHECK(result.info.etag == p->Stat({}, result.key)->etag);
    }
    CHECK(List(*p).keys.size() == static_cast<std::size_t>(count));
    CHECK(order.find('r') != std::string::npos);
    CHECK(order.front() != 'r');
    CHECK(order.back() != 'r');
    CHECK(std::is_sorted(order.begin(), std::find(order.begin(), order.end(), 'r')));
    if (count > 10) CHECK(calls["syncfs"] + calls["fsync"] <= 5);
    for (const auto& [path, bytes] : Files(scratch / std::to_string(count))) CHECK(bytes == "bytes");
  }
}

TEST_CASE("a batch decides conditions when it commits, and leaves nothing when it is dropped") {
  Scratch scratch;
  auto p = Open(At(scratch.path(), Fsync::kFull));
  {
    auto batch = std::move(*p->NewBatch());
    PutOptions options;
    options.batch = batch.get();
    options.if_absent = true;
    REQUIRE(Put(*p, "d/a", "batch", options).ok());
    REQUIRE(Put(*p, "d/b", "batch", options).ok());
    REQUIRE(Put(*p, "d/c/d", "batch", options).ok());
    REQUIRE(Put(*p, "d/a", "first").ok());
    REQUIRE(Put(*p, "d/c", "in the way").ok());
    for (const BatchResult& result : batch->Commit({})) {
      CHECK(result.status.code() == (result.key == "d/a" ? Code::kAlreadyExists : Code::kOk));
    }
    CHECK(batch->Commit({}).empty());
    REQUIRE(Put(*p, "again", "x", options).ok());
    CHECK(batch->Commit({}).size() == 1);
  }
  CHECK(Get(*p, "d/a") == "first");
  CHECK(Get(*p, "d/c") == "in the way");
  CHECK(Get(*p, "d/c/d") == "batch");
  {
    auto batch = std::move(*p->NewBatch());
    PutOptions options;
    options.batch = batch.get();
    for (int i = 0; i < 20; ++i) REQUIRE(Put(*p, "dropped/" + std::to_string(i), "x", options).ok());
  }
  CHECK_FALSE(fs::exists(scratch / "dropped"));
  auto other = Open(At(scratch.path()));
  auto foreign = std::move(*other->NewBatch());
  PutOptions options;
  options.batch = foreign.get();
  CHECK(Put(*p, "k", "x", options).code() == Code::kInvalidArgument);
}

TEST_CASE("a failed flush of a batch fails every write of it, and nothing of it is there") {
  Scratch scratch;
  for (const int count : {3, 40}) {
    auto p = Open(At(scratch.path(), Fsync::kFull));
    auto batch = std::move(*p->NewBatch());
    PutOptions options;
    options.batch = batch.get();
    for (int i = 0; i < count; ++i) REQUIRE(Put(*p, std::to_string(i), "x", options).ok());
    std::atomic<int> flushes{0};
    {
      Hook hook([&](const sys::Site& site) {
        if ((Is(site, "fsync") || Is(site, "syncfs")) && flushes.fetch_add(1) == 0) return sys::Verdict{EIO};
        return sys::Verdict{};
      });
      for (const BatchResult& result : batch->Commit({})) CHECK(result.status.code() == Code::kUnavailable);
    }
    CHECK(flushes == 1);  // never a second flush of what failed
    CHECK(Files(scratch.path()).empty());
  }
}

TEST_CASE("many threads put into one batch") {
  Scratch scratch;
  auto p = Open(At(scratch.path(), Fsync::kFull));
  auto batch = std::move(*p->NewBatch());
  std::vector<std::thread> threads;
  std::atomic<int> failed{0};
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 100; ++i) {
        TextSource source("bytes");
        PutOptions options;
        options.batch = batch.get();
        if (!p->Put({}, "d" + std::to_string(i % 5) + "/" + std::to_string(t) + "-" + std::to_string(i), source, options).ok()) ++failed;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(failed == 0);
  for (const BatchResult& result : batch->Commit({})) CHECK(result.status.ok());
  CHECK(List(*p).keys.size() == 800);
}

TEST_CASE("an upload in parts survives the provider, by any number of threads, and is one rename at the end") {
  Scratch scratch;
  const std::string bytes = Pattern(5'300'000, 1);
  const std::size_t part_size = 1 << 20;
  const std::string key = "deep/er/object.bin";
  std::string id;
  UploadOptions options;
  options.size = bytes.size();
  options.part_size = part_size;
  options.attempt_id = "try";
  options.properties.content_type = "application/x-big";
  options.properties.mtime = Time(std::chrono::seconds(1'400'000'000));
  {
    auto p = Open(At(scratch.path(), Fsync::kFull));
    Result<std::string> made = p->CreateUpload({}, key, options);
    REQUIRE(made.ok());
    id = *made;
    std::vector<std::thread> threads;
    std::atomic<int> failed{0};
    for (std::uint32_t t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (std::uint32_t n = t; n < 5; n += 4) {
          TextSource source(bytes.substr(n * part_size, part_size));
          PartSpec part;
          part.number = n + 1;
          part.offset = n * part_size;
          part.size = part_size;
          if (!p->UploadPart({}, key, id, part, source).ok()) ++failed;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(failed == 0);
  }
  auto p = Open(At(scratch.path(), Fsync::kFull));
  CHECK(List(*p).keys.empty());
  Result<UploadPage> uploads = p->ListUploads({}, "deep/", {});
  REQUIRE(uploads.ok());
  REQUIRE(uploads->entries.size() == 1);
  CHECK(uploads->entries[0].key == key);
  CHECK(uploads->entries[0].upload_id == id);
  CHECK(p->ListUploads({}, "other", {})->entries.empty());
  Result<std::vector<PartInfo>> parts = p->ListParts({}, key, id);
  REQUIRE(parts.ok());
  REQUIRE(parts->size() == 5);
  CompleteOptions complete;
  complete.size = bytes.size();
  complete.crc64 = Crc64Digest(Crc64Nvme(0, AsBytes(bytes)));
  CHECK(p->CompleteUpload({}, key, id, *parts, complete).code() == Code::kInvalidArgument);  // the last part is missing
  CHECK(PutPart(*p, key, id, 6, 5 * part_size, bytes.substr(5 * part_size) + "more").code() == Code::kInvalidArgument);
  CHECK(PutPart(*p, key, id, 6, 1, "x").code() == Code::kInvalidArgument);
  CHECK(PutPart(*p, "other", id, 6, 5 * part_size, bytes.substr(5 * part_size)).code() == Code::kNotFound);
  CHECK(PutPart(*p, key, "../../../../etc", 6, 5 * part_size, bytes.substr(5 * part_size)).code() == Code::kNotFound);
  REQUIRE(PutPart(*p, key, id, 6, 5 * part_size, bytes.substr(5 * part_size)).ok());
  REQUIRE(PutPart(*p, key, id, 6, 5 * part_size, bytes.substr(5 * part_size)).ok());
  parts = p->ListParts({}, key, id);
  REQUIRE(parts->size() == 6);
  CompleteOptions wrong = complete;
  wrong.crc64 = Crc64Digest(1);
  CHECK(p->CompleteUpload({}, key, id, *parts, wrong).code() == Code::kIntegrity);
  std::vector<PartInfo> reversed(parts->rbegin(), parts->rend());
  CHECK(p->CompleteUpload({}, key, id, reversed, complete).code() == Code::kInvalidArgument);
  const Result<ObjectInfo> done = p->CompleteUpload({}, key, id, *parts, complete);
  REQUIRE_MESSAGE(done.ok(), done.status().ToString());
  CHECK(*done->digests.Find(DigestKind::kCrc64Nvme) == *complete.crc64);
  CHECK(done->attempt_id == "try");
  CHECK(Get(*p, key) == bytes);
  CHECK(p->Stat({}, key)->properties == options.properties);
  CHECK(p->Stat({}, key)->etag == done->etag);
  CHECK(p->CompleteUpload({}, key, id, *parts, complete).code() == Code::kNotFound);
  CHECK(p->AbortUpload({}, key, id).ok());
  CHECK(p->ListUploads({}, "", {})->entries.empty());
  CHECK(Files(scratch.path()).size() == 1);
}

TEST_CASE("a part whose line was torn, or that is not in the data, is not told; an aborted upload is gone") {
  Scratch scratch;
  auto p = Open(At(scratch.path()));
  const std::string id = *p->CreateUpload({}, "k", {});
  REQUIRE(PutPart(*p, "k", id, 1, 0, "aaaa").ok());
  REQUIRE(PutPart(*p, "k", id, 2, 4, "bbbb").ok());
  const std::string parts = scratch / (".fileferry/uploads/" + id + "/parts");
  const std::string text = ReadFile(parts);
  WriteFile(parts, text.substr(0, text.size() - 7));
  CHECK(p->ListParts({}, "k", id)->size() == 1);
  REQUIRE(PutPart(*p, "k", id, 3, 8, "cccc").ok());
  CHECK(p->ListParts({}, "k", id)->size() == 2);
  REQUIRE(PutPart(*p, "k", id, 2, 4, "bbbb").ok());
  CHECK(p->ListParts({}, "k", id)->size() == 3);
  fs::resize_file(scratch / (".fileferry/uploads/" + id + "/data"), 9);
  CHECK(p->ListParts({}, "k", id)->size() == 2);
  TextSource shorter("cc", 4);
  PartSpec part;
  part.number = 3;
  part.offset = 8;
  part.size = 4;
  CHECK(p->UploadPart({}, "k", id, part, shorter).code() == Code::kSourceChanged);
  CHECK(p->ListParts({}, "k", id)->size() == 2);
  CHECK(p->AbortUpload({}, "k", id).ok());
  CHECK(p->AbortUpload({}, "k", id).ok());
  CHECK(p->ListParts({}, "k", id).code() == Code::kNotFound);
  CHECK(PutPart(*p, "k", id, 1, 0, "aaaa").code() == Code::kNotFound);
  CHECK(fs::is_empty(scratch.path()));
}

TEST_CASE("uploads respect conditions and can end in a batch") {
  Scratch scratch;
  auto p = Open(At(scratch.path(), Fsync::kFull));
  auto batch = std::move(*p->NewBatch());
  std::vector<std::string> ids;
  for (const char* key : {"x/a", "x/b"}) {
    ids.push_back(*p->CreateUpload({}, key, {}));
    const PartInfo part = *PutPart(*p, key, ids.back(), 1, 0, "part");
    CompleteOptions complete;
    complete.size = 4;
    complete.if_absent = true;
    complete.batch = batch.get();
    REQUIRE(p->CompleteUpload({}, key, ids.back(), {part}, complete).ok());
  }
  CHECK(List(*p).keys.empty());
  REQUIRE(Put(*p, "x/b", "other").ok());
  for (const BatchResult& result : batch->Commit({})) CHECK(result.status.code() == (result.key == "x/a" ? Code::kOk : Code::kAlreadyExists));
  CHECK(Get(*p, "x/a") == "part");
  CHECK(Get(*p, "x/b") == "other");
  const Result<UploadPage> open = p->ListUploads({}, "", {});
  REQUIRE(open->entries.size() == 1);  // the one that lost can be completed otherwise, or aborted
  CHECK(open->entries[0].key == "x/b");
  CHECK(p->AbortUpload({}, "x/b", ids[1]).ok());
}

TEST_CASE("copies inside one file system carry everything") {
  Scratch scratch;
  LocalOptions sharded = At(scratch / "two");
  sharded.layout = LocalOptions::Layout::kActiveStorage;
  auto one = Open(At(scratch / "one"));
  auto two = Open(sharded);
  PutOptions options;
  options.properties.metadata = {{"a", "b"}};
  options.properties.content_type = "x/y";
  options.properties.mtime = Time(std::chrono::seconds(1'400'000'000));
  const std::string bytes = Pattern(3'000'000, 2);
  const Result<ObjectInfo> put = Put(*one, "from//here", bytes, options);
  REQUIRE(put.ok());
  const Location from = one->Locate("from//here");
  CHECK(from.service == two->Locate("x").service);
  Result<ObjectInfo> copied = two->CopyFrom({}, from, "to-there", {});
  REQUIRE_MESSAGE(copied.ok(), copied.status().ToString());
  CHECK(Get(*two, "to-there") == bytes);
  CHECK(two->Stat({}, "to-there")->properties == options.properties);
  CHECK(*two->Stat({}, "to-there")->digests.Find(DigestKind::kCrc64Nvme) == *put->digests.Find(DigestKind::kCrc64Nvme));
  REQUIRE(one->CopyFrom({}, two->Locate("to-there"), "back", {}).ok());
  CHECK(Get(*one, "back") == bytes);
  CopyOptions absent;
  absent.if_absent = true;
  CHECK(one->CopyFrom({}, two->Locate("to-there"), "back", absent).code() == Code::kAlreadyExists);
  CopyOptions changed;
  changed.source_if_match = "\"x\"";
  CHECK(one->CopyFrom({}, two->Locate("to-there"), "back", changed).code() == Code::kPreconditionFailed);
  CHECK(one->CopyFrom({}, two->Locate("missing"), "back", {}).code() == Code::kNotFound);
  Location elsewhere = from;
  elsewhere.service = "s3 https://x";
  CHECK(one->CopyFrom({}, elsewhere, "back", {}).code() == Code::kUnsupported);
  WriteFile(scratch / "one/foreign", "no digest yet");
  copied = one->CopyFrom({}, one->Locate("foreign"), "foreign2", {});
  REQUIRE(copied.ok());
  CHECK(copied->digests.Find(DigestKind::kCrc64Nvme) != nullptr);
  {
    Hook hook([](const sys::Site& site) { return Is(site, "copy_file_range") ? sys::Verdict{EXDEV} : sys::Verdict{}; });
    REQUIRE(two->CopyFrom({}, from, "by-hand", {}).ok());
  }
  CHECK(Get(*two, "by-hand") == bytes);
  const std::string id = *two->CreateUpload({}, "assembled", {});
  PartSpec part;
  part.size = bytes.size();
  const Result<PartInfo> info = two->UploadPartCopy({}, "assembled", id, part, from, put->etag);
  REQUIRE(info.ok());
  CompleteOptions complete;
  complete.size = bytes.size();
  complete.crc64 = *put->digests.Find(DigestKind::kCrc64Nvme);
  CHECK(two->CompleteUpload({}, "assembled", id, {*info}, complete).ok());
}

TEST_CASE("an open source notices every change of its object") {
  Scratch scratch;
  auto p = Open(At(scratch.path()));
  const std::string bytes = Pattern(100'000, 3);
  const auto read = [](ISource& source) {
    TextSink sink;
    return source.SendTo(sink);
  };
  REQUIRE(Put(*p, "k", bytes).ok());
  GetOptions range;
  range.offset = 70'000;
  range.length = 1000;
  Result<std::unique_ptr<ISource>> part = p->Open({}, "k", range, nullptr);
  TextSink sink;
  REQUIRE((*part)->SendTo(sink).ok());
  CHECK(sink.text == bytes.substr(70'000, 1000));
  REQUIRE((*part)->Rewind().ok());
  CHECK(read(**part).ok());
  Result<std::unique_ptr<ISource>> whole = p->Open({}, "k", {}, nullptr);
  REQUIRE(Put(*p, "k", bytes).ok());
  CHECK(read(**whole).code() == Code::kSourceChanged);
  whole = p->Open({}, "k", {}, nullptr);
  REQUIRE(p->Remove({}, "k", {}).ok());
  CHECK(read(**whole).code() == Code::kSourceChanged);
  REQUIRE(Put(*p, "k", bytes).ok());
  whole = p->Open({}, "k", {}, nullptr);
  fs::resize_file(scratch / "k", 10);
  CHECK(read(**whole).code() == Code::kSourceChanged);
  REQUIRE(Put(*p, "k", bytes).ok());
  whole = p->Open({}, "k", {}, nullptr);
  {
    std::ofstream out(scratch / "k", std::ios::app);
    out << "longer";
  }
  CHECK(read(**whole).code() == Code::kSourceChanged);
}

TEST_CASE("signed URLs: genuine, altered, late, for another method") {
  Scratch scratch;
  LocalOptions options = At(scratch.path());
  CHECK(Open(options)->Url("k", {}).code() == Code::kUnsupported);
  options.url_base = "https://shop.example/files/";
  options.url_secret = "s3cret-canary";
  auto p = Open(options);
  const Time now = std::chrono::floor<std::chrono::nanoseconds>(std::chrono::system_clock::now());
  for (const std::string& key : {std::string("a b/c+d%&=?#.jpg"), std::string("../../x"), std::string("/"), std::string("\xD0\x9C"), std::string("a//b/")}) {
    const Result<SignedUrl> url = p->Url(key, {});
    REQUIRE(url.ok());
    CHECK(url->url.find("canary") == std::string::npos);
    CHECK(url->url.find("/../") == std::string::npos);
    Result<LocalStorageProvider::CheckedUrl> checked = p->CheckUrl(url->url, HttpMethod::kGet, now);
    REQUIRE_MESSAGE(checked.ok(), url->url);
    CHECK(checked->key == key);
    CHECK(p->CheckUrl(url->url.substr(url->url.find("/files/")), HttpMethod::kGet, now).ok());
    CHECK(p->CheckUrl(url->url, HttpMethod::kHead, now).ok());
    CHECK(p->CheckUrl(url->url, HttpMethod::kPut, now).code() == Code::kPermissionDenied);
    CHECK(p->CheckUrl(url->url, HttpMethod::kGet, now + std::chrono::hours(2)).code() == Code::kPermissionDenied);
    const std::size_t begin = std::string("https://shop.example/files").size();
    for (std::size_t i = begin; i < url->url.size(); ++i) {
      std::string altered = url->url;
      altered[i] = altered[i] == '1' ? '2' : '1';
      checked = p->CheckUrl(altered, HttpMethod::kGet, now);
      REQUIRE_MESSAGE(!checked.ok(), altered);
    }
    CHECK_FALSE(p->CheckUrl(url->url + "&x=y", HttpMethod::kGet, now).ok());
  }
  UrlOptions put;
  put.method = HttpMethod::kPut;
  put.content_type = "image/png";
  put.content_length = 12;
  const Result<SignedUrl> upload = p->Url("k", put);
  REQUIRE(upload.ok());
  const Result<LocalStorageProvider::CheckedUrl> signed_for = p->CheckUrl(upload->url, HttpMethod::kPut, now);
  REQUIRE(signed_for.ok());
  CHECK(signed_for->content_type == "image/png");
  CHECK(signed_for->content_length == 12);
  CHECK(signed_for->content_md5.empty());
  UrlOptions get;
  get.response_content_disposition = "attachment; filename=\"a & b\"";
  CHECK(p->CheckUrl(p->Url("k", get)->url, HttpMethod::kGet, now)->response_content_disposition == get.response_content_disposition);
  CHECK_FALSE(p->CheckUrl(upload->url, HttpMethod::kGet, now).ok());
  LocalOptions other = options;
  other.url_secret = "another";
  CHECK_FALSE(Open(other)->CheckUrl(upload->url, HttpMethod::kPut, now).ok());
  UrlOptions bad;
  bad.expires = std::chrono::hours(24 * 8);
  CHECK(p->Url("k", bad).code() == Code::kInvalidArgument);
  UrlOptions plain;
  plain.is_public = true;
  CHECK(p->Url("a b/c", plain)->url == "https://shop.example/files/a%20b/c");
}

TEST_CASE("health tells whether the file system folds case") {
  Scratch scratch;
  auto p = Open(At(scratch / "root"));
  REQUIRE(Put(*p, "k", "x").ok());
  const auto names = [&] {
    const HealthReport report = p->Health({});
    CHECK(report.status.ok());
    for (const auto& [name, value] : report.details) {
      if (name == "names") return value;
    }
    return std::string();
  };
  CHECK(names() == "A and a are two files");
  std::string folded;
  {
    Hook hook([&](const sys::Site& site) {  // the file gets its other name when that is about to be looked at
      if (std::string_view(site.call) != "fstatat" || !std::string_view(site.file).ends_with("local/health.cc")) return sys::Verdict{};
      for (const fs::directory_entry& entry : fs::directory_iterator(scratch / "root")) {
        std::string name = entry.path().filename().string();
        if (!name.ends_with(".tmp")) continue;
        std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
        folded = (fs::path(scratch / "root") / name).string();
        fs::create_hard_link(entry.path(), folded);
        break;
      }
      return sys::Verdict{};
    });
    CHECK(names().starts_with("A and a are one file here"));
  }
  REQUIRE(fs::remove(folded));
  CHECK(Files(scratch / "root").size() == 1);
}

TEST_CASE("health and configuration") {
  Scratch scratch;
  auto p = Open(At(scratch / "later"));
  CHECK(p->Health({}).status.ok());
  CHECK_FALSE(fs::exists(scratch / "later"));
  LocalOptions strict = At(scratch / "later");
  strict.create_root = false;
  CHECK(Open(strict)->Health({}).status.code() == Code::kNotFound);
  CHECK(Put(*Open(strict), "k", "x").code() == Code::kNotFound);
  WriteFile(scratch / "file", "x");
  CHECK_FALSE(Open(At(scratch / "file"))->Health({}).status.ok());
  REQUIRE(Put(*p, "k", "x").ok());
  CHECK(p->Health({}).status.ok());
  CHECK(Files(scratch / "later").size() == 1);
  LocalOptions full = At(scratch / "later");
  full.min_free = UINT64_MAX / 4;
  auto f = Open(full);
  CHECK(f->Health({}).status.code() == Code::kQuotaExceeded);
  CHECK(Put(*f, "d/k", "x").code() == Code::kQuotaExceeded);
  CHECK(Files(scratch / "later").size() == 1);
  fs::remove_all(scratch / "later");
  REQUIRE(Put(*p, "k2", "again").ok());  // the root came back
  CHECK(Get(*p, "k2") == "again");
  CHECK(Get(*p, "k") == "!NotFound");

  StorageConfig config;
  config.name = "media";
  const auto set = [&config](const char* key, const char* value) { config.values[key] = {value, {"test", 0}}; };
  CHECK_FALSE(LocalStorageProvider::FromConfig(config).ok());
  set("root", (scratch / "configured").c_str());
  set("layout", "activestorage");
  set("fsync", "file");
  set("links", "error");
  set("file_mode", "0600");
  set("folder_mode", "700");
  set("min_free", "1M");
  Result<std::unique_ptr<LocalStorageProvider>> made = LocalStorageProvider::FromConfig(config);
  REQUIRE_MESSAGE(made.ok(), made.status().ToString());
  CHECK((*made)->Name() == "media");
  REQUIRE(Put(**made, "abcdef", "x").ok());
  struct stat st = {};
  REQUIRE(::stat((scratch / "configured/ab/cd/abcdef").c_str(), &st) == 0);
  CHECK((st.st_mode & 07777) == 0600);
  REQUIRE(::stat((scratch / "configured/ab").c_str(), &st) == 0);
  CHECK((st.st_mode & 07777) == 0700);
  for (const auto& [key, value] : {std::pair{"layout", "odd"}, std::pair{"fsync", "yes"}, std::pair{"links", ""}, std::pair{"file_mode", "99"}, std::pair{"file_mode", "0"},
                                   std::pair{"min_free", "lots"}}) {
    StorageConfig wrong = config;
    wrong.values[key] = {value, {"test", 0}};
    made = LocalStorageProvider::FromConfig(wrong);
    CHECK(made.code() == Code::kInvalidArgument);
    CHECK(made.status().message().find(key) != std::string::npos);
  }
}
