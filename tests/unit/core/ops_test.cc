// ops_test.cc: the conveniences of ops.h.
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <set>

#include "core/content_types.h"
#include "core/properties.h"
#include "support.h"

using namespace fileferry;
using testing::FaultKind;

namespace {

constexpr std::uint64_t kMiB = 1 << 20;

std::string Drain(ISource& source) {
  std::string out;
  const auto sink = StringSink(&out);
  CHECK(source.SendTo(*sink).ok());
  return out;
}

// Of unknown size, not rewindable.
class Pipe final : public ISource {
 public:
  explicit Pipe(std::string text) : text_(std::move(text)) {}
  std::optional<std::uint64_t> size() const override { return std::nullopt; }
  Result<std::size_t> Read(std::span<std::byte> out) override {
    const std::size_t n = std::min({out.size(), text_.size() - at_, std::size_t{65536}});
    std::memcpy(out.data(), text_.data() + at_, n);
    at_ += n;
    return n;
  }
  Status Rewind() override { return at_ == 0 ? Status() : Status(Code::kUnsupported, "a pipe"); }
  std::optional<Bytes> Memory() const override { return std::nullopt; }
  Status SendTo(ISink& sink) override { return SendByReading(*this, sink); }

 private:
  const std::string text_;
  std::size_t at_ = 0;
};

// Says one size and has another.
class Liar final : public ISource {
 public:
  Liar(std::string text, std::uint64_t size) : pipe_(std::move(text)), size_(size) {}
  std::optional<std::uint64_t> size() const override { return size_; }
  Result<std::size_t> Read(std::span<std::byte> out) override { return pipe_.Read(out); }
  Status Rewind() override { return pipe_.Rewind(); }
  std::optional<Bytes> Memory() const override { return std::nullopt; }
  Status SendTo(ISink& sink) override { return SendByReading(*this, sink); }

 private:
  Pipe pipe_;
  const std::uint64_t size_;
};

TransferTuning Small() {
  TransferTuning tuning;
  tuning.multipart_threshold = kMiB;
  tuning.part_size = kMiB;
  return tuning;
}

// A storage whose listing is broken in one way.
class BadLister final : public layers::Around<NoHooks> {
 public:
  BadLister(ProviderPtr inner, std::function<ListPage(const ListQuery&)> list) : Around(std::move(inner)), list_(std::move(list)) {}
  Result<ListPage> List(const OpContext&, const ListQuery& query) override { return list_(query); }

 private:
  const std::function<ListPage(const ListQuery&)> list_;
};

// Replaces the object before one of its Gets.
struct Replace : layers::PlainHooks {
  Replace(std::shared_ptr<IStorageProvider> m, const std::string* t, int w) : memory(std::move(m)), text(t), when(w) {}
  template <typename R, typename F>
  R Around(const layers::CallInfo& call, F&& next) {
    if (call.operation == Operation::kGet && gets.fetch_add(1) == when) CHECK(WriteAll(*memory, kCtx, "k", *text).ok());
    return next(call.ctx, call.body);
  }
  std::shared_ptr<IStorageProvider> memory;
  const std::string* text;
  const int when;
  std::atomic<int> gets{0};
};

}  // namespace

TEST_CASE("sources over memory and text") {
  const std::string text = Pattern(100);
  const auto bytes = MemorySource(AsBytes(text));
  CHECK(bytes->size() == 100);
  CHECK(AsText(*bytes->Memory()) == text);
  std::byte buffer[60];
  CHECK(*bytes->Read(buffer) == 60);
  CHECK(Drain(*bytes) == text.substr(60));
  CHECK(*bytes->Read(buffer) == 0);
  REQUIRE(bytes->Rewind().ok());
  CHECK(Drain(*bytes) == text);
  const auto owned = StringSource("own");
  CHECK(Drain(*owned) == "own");
  CHECK(Drain(*StringSource("")).empty());
}

TEST_CASE("a file source notices what happens to its file") {
  Folder folder;
  const std::string path = folder / "f";
  WriteFile(path, Pattern(100000));
  {
    std::optional<Time> modified;
    auto source = *FileSource(path, &modified);
    CHECK(source->size() == 100000);
    CHECK(modified.has_value());
    CHECK(Drain(*source) == Pattern(100000));
    REQUIRE(source->Rewind().ok());
    CHECK(Drain(*source) == Pattern(100000));
  }
  {
    auto source = *FileSource(path);
    std::filesystem::resize_file(path, 50000);
    CHECK(SendByReading(*source, *NullSink()).code() == Code::kSourceChanged);
  }
  {
    auto source = *FileSource(path);
    std::filesystem::resize_file(path, 60000);
    CHECK(SendByReading(*source, *NullSink()).code() == Code::kSourceChanged);
  }
  {
    auto source = *FileSource(path);
    std::filesystem::last_write_time(path, std::filesystem::last_write_time(path) + std::chrono::seconds(10));
    CHECK(SendByReading(*source, *NullSink()).code() == Code::kSourceChanged);
  }
  CHECK(FileSource(folder / "none").code() == Code::kNotFound);
  CHECK(FileSource(folder / ".").code() == Code::kInvalidArgument);
}

TEST_CASE("descriptors: once through") {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const auto sink = DescriptorSink(ends[1]);
  CHECK(sink->Restart().ok());
  REQUIRE(sink->Write(AsBytes("through")).ok());
  CHECK(sink->Restart().code() == Code::kUnsupported);
  ::close(ends[1]);
  const auto source = DescriptorSource(ends[0]);
  CHECK(source->Rewind().ok());
  CHECK_FALSE(source->size().has_value());
  CHECK(Drain(*source) == "through");
  CHECK(source->Rewind().code() == Code::kUnsupported);
  ::close(ends[0]);
  CHECK_FALSE(DescriptorSink(-1)->Write(AsBytes("x")).ok());
}

TEST_CASE("a text sink keeps its limit and what was there before") {
  std::string out = "before ";
  const auto sink = StringSink(&out, 5);
  CHECK(sink->Write(AsBytes("abc")).ok());
  CHECK(sink->Write(AsBytes("def")).code() == Code::kInvalidArgument);
  CHECK(sink->Restart().ok());
  CHECK(sink->Write(AsBytes("fives")).ok());
  CHECK(out == "before fives");
}

TEST_CASE("an object source pushes, pulls by windows, and verifies") {
  Over over;
  const std::string text = Pattern(40 * kMiB + 17);
  REQUIRE(WriteAll(*over.memory, kCtx, "k", text).ok());
  auto source = ObjectSource(*over.provider, kCtx, "k", {}, text.size());
  std::string pulled;
  REQUIRE(SendByReading(*source, *StringSink(&pulled)).ok());
  CHECK(pulled == text);
  CHECK(over.faults->calls(Operation::kGet) == 3);
  REQUIRE(source->Rewind().ok());
  CHECK(Drain(*source) == text);
  auto range = ObjectSource(*over.provider, kCtx, "k", {.offset = 100, .length = 50}, 50);
  CHECK(Drain(*range) == text.substr(100, 50));

  // A wrong bit in the second of three windows.
  over.faults->Arm({.kind = FaultKind::kFlipBit, .at = 2, .at_byte = 9});
  auto flipped = ObjectSource(*over.provider, kCtx, "k", {}, text.size());
  CHECK(SendByReading(*flipped, *NullSink()).code() == Code::kIntegrity);
  over.faults->Arm({.kind = FaultKind::kShort, .at_byte = 9});
  auto cut = ObjectSource(*over.provider, kCtx, "k", {}, text.size());
  CHECK(SendByReading(*cut, *NullSink()).code() == Code::kSourceChanged);

  // Replaced between two windows.
  over.faults->Disarm();
  auto replaced = ObjectSource(*over.provider, kCtx, "k", {}, text.size());
  std::vector<std::byte> some(1000);
  REQUIRE(replaced->Read(some).ok());
  REQUIRE(WriteAll(*over.memory, kCtx, "k", Pattern(text.size(), 2)).ok());
  CHECK(SendByReading(*replaced, *NullSink()).code() == Code::kSourceChanged);
  auto other_size = ObjectSource(*over.provider, kCtx, "k", {}, text.size() + 1);
  CHECK(SendByReading(*other_size, *NullSink()).code() != Code::kOk);
}

TEST_CASE("listings that do not advance end with an error") {
  const auto entry = [](ListPage* page, std::string_view key) {
    ListEntry& e = page->entries.emplace_back();
    e.key = page->arena.Add(key);
  };
  int pages = 0;
  const auto run = [&](std::function<ListPage(const ListQuery&)> list) {
    pages = 0;
    BadLister bad(MemoryStorageProvider::Create(), std::move(list));
    return ForEach(bad, kCtx, {}, [](const ListEntry&) { return Status(); }).code();
  };
  // Always the same token; tokens that go in a circle of three, with ever new keys; keys that go back.
  CHECK(run([&](const ListQuery&) {
          ListPage page;
          entry(&page, "k" + std::to_string(1000 + ++pages));
          page.next_token = "t";
          return page;
        }) == Code::kUnavailable);
  CHECK(run([&](const ListQuery&) {
          ListPage page;
          entry(&page, "k" + std::to_string(1000 + ++pages));
          page.next_token = std::string(1, static_cast<char>('a' + pages % 3));
          return page;
        }) == Code::kUnavailable);
  CHECK(pages < 20);
  CHECK(run([&](const ListQuery&) {
          ListPage page;
          entry(&page, "b");
          page.next_token = "t" + std::to_string(++pages);
          return page;
        }) == Code::kUnavailable);
  CHECK(pages == 2);
  // An early stop is what the caller said.
  Over over;
  REQUIRE(WriteAll(*over.memory, kCtx, "k", "x").ok());
  CHECK(ForEach(*over.memory, kCtx, {}, [](const ListEntry&) { return Status(Code::kQuotaExceeded, "enough"); }).code() == Code::kQuotaExceeded);
}

TEST_CASE("part sizes") {
  Capabilities caps;
  caps.max_parts = 10000;
  caps.min_part_size = 5 * kMiB;
  caps.max_part_size = 5120 * kMiB;
  CHECK(PartSizeFor(caps, 0, 8 * kMiB) == 8 * kMiB);
  CHECK(PartSizeFor(caps, 80000 * kMiB, 8 * kMiB) == 8 * kMiB);
  CHECK(PartSizeFor(caps, 80000 * kMiB + 1, 8 * kMiB) == 9 * kMiB);
  CHECK(PartSizeFor(caps, {}, 1) == 5 * kMiB);
  CHECK(PartSizeFor(caps, 100, 8 * kMiB + 1) == 9 * kMiB);
  CHECK(PartSizeFor(caps, UINT64_MAX, 8 * kMiB) == 5120 * kMiB);
  const std::uint64_t largest = std::uint64_t{48} << 40;
  CHECK(PartSizeFor(caps, largest, 8 * kMiB) * 10000 >= largest);
}

TEST_CASE("uploads of every size, with and without parts, known and unknown") {
  for (const bool multipart : {true, false}) {
    for (const bool known : {true, false}) {
      for (const bool takes_unknown : {true, false}) {
        Over over;
        over.caps.multipart = multipart;
        over.caps.put_unknown_size = takes_unknown;
        for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{1}, kMiB - 1, kMiB, kMiB + 1, 5 * kMiB, 5 * kMiB + 3}) {
          CAPTURE(multipart);
          CAPTURE(known);
          CAPTURE(takes_unknown);
          CAPTURE(size);
          const std::string text = Pattern(size);
          Pipe pipe(text);
          const auto memory = MemorySource(AsBytes(text));
          PutOptions options;
          options.properties.content_type = "a/b";
          options.digests |= MaskOf(DigestKind::kSha256);
          options.expected.Set(Md5(AsBytes(text)));
          Result<ObjectInfo> info = Upload(*over.provider, kCtx, "k", known ? *memory : pipe, options, Small());
          REQUIRE(info.ok());
          CHECK(info->size == size);
          CHECK(*info->digests.Find(DigestKind::kCrc64Nvme) == Crc64Digest(Crc64NvmePortable(0, AsBytes(text))));
          CHECK(*info->digests.Find(DigestKind::kSha256) == Sha256(AsBytes(text)));
          CHECK(*ReadAll(*over.memory, kCtx, "k") == text);
          CHECK(over.memory->Stat(kCtx, "k")->properties.content_type == "a/b");
        }
        CHECK(over.memory->ListUploads(kCtx, {}, {})->entries.empty());
      }
    }
  }
}

TEST_CASE("uploads that must not succeed leave nothing behind") {
  Over over;
  over.caps.put_unknown_size = false;
  const std::string text = Pattern(5 * kMiB);
  Liar shorter(text, text.size() + 1), longer(text, text.size() - 1);
  CHECK(Upload(*over.provider, kCtx, "k", shorter, {}, Small()).code() == Code::kSourceChanged);
  CHECK(Upload(*over.provider, kCtx, "k", longer, {}, Small()).code() == Code::kSourceChanged);
  for (const Digest& wrong : {Crc64Digest(1), Sha256(AsBytes("other"))}) {
    PutOptions options;
    options.expected.Set(wrong);
    const auto source = MemorySource(AsBytes(text));
    CHECK(Upload(*over.provider, kCtx, "k", *source, options, Small()).code() == Code::kIntegrity);
  }
  REQUIRE(WriteAll(*over.memory, kCtx, "taken", "x").ok());
  const auto source = MemorySource(AsBytes(text));
  CHECK(Upload(*over.provider, kCtx, "taken", *source, {.if_absent = true}, Small()).code() == Code::kAlreadyExists);
  CancelToken cancel;
  cancel.Cancel();
  OpContext cancelled;
  cancelled.cancel = &cancel;
  CHECK(Upload(*over.provider, cancelled, "k", *source, {}, Small()).code() == Code::kCancelled);
  CHECK(over.memory->Stat(kCtx, "k").code() == Code::kNotFound);
  CHECK(*ReadAll(*over.memory, kCtx, "taken") == "x");
  CHECK(over.memory->ListUploads(kCtx, {}, {})->entries.empty());
}

TEST_CASE("the k-th call of an upload, download or copy fails, for every k and kind") {
  const std::string text = Pattern(3 * kMiB + 5);
  std::uint64_t runs = 0;
  for (const FaultKind kind : {FaultKind::kError, FaultKind::kLostAnswer, FaultKind::kCutBody, FaultKind::kFlipBit, FaultKind::kShort, FaultKind::kNoSpace}) {
    for (const bool sticky : {false, true}) {
      for (std::uint64_t k = 1;; ++k) {
        CAPTURE(static_cast<int>(kind));
        CAPTURE(k);
        ++runs;
        Over from, to;
        to.caps.server_copy = false;
        from.caps.open = runs % 2 == 0;
        Folder folder;
        REQUIRE(WriteAll(*from.memory, kCtx, "src", text).ok());
        const testing::FaultPlan plan{.kind = kind, .at = k, .sticky = sticky, .at_byte = 1000};
        const auto arm = [&] {
          from.faults->Arm(plan);
          to.faults->Arm(plan);
        };
        std::uint64_t reached = 0;
        arm();
        const auto source = MemorySource(AsBytes(text));
        PutOptions expected;
        expected.expected.Set(Crc64Digest(Crc64NvmePortable(0, AsBytes(text))));
        const bool uploaded = Upload(*to.provider, kCtx, "up", *source, expected, Small()).ok();
        reached += to.faults->reached();
        arm();
        const bool copied = CopyBetween(*from.provider, "src", *to.provider, "copy", kCtx, {}, Small()).ok();
        reached += from.faults->reached() + to.faults->reached();
        arm();
        const bool downloaded = DownloadToFile(*from.provider, kCtx, "src", folder / "file", Small()).ok();
        reached += from.faults->reached();
        // No false success, and nothing in between.
        if (uploaded) CHECK(*ReadAll(*to.memory, kCtx, "up") == text);
        if (copied) CHECK(*ReadAll(*to.memory, kCtx, "copy") == text);
        if (downloaded) CHECK(ReadFile(folder / "file") == text);
        for (const char* key : {"up", "copy"}) {
          if (Result<std::string> there = ReadAll(*to.memory, kCtx, key); there.ok()) CHECK(*there == text);
        }
        CHECK(folder.files() == (downloaded ? 1 : 0));
        if (!sticky) CHECK(to.memory->ListUploads(kCtx, {}, {})->entries.size() <= (kind == FaultKind::kLostAnswer ? 1 : 0));
        if (reached == 0) {
          CHECK((uploaded && copied && downloaded));
          break;
        }
      }
    }
  }
  CHECK(runs > 50);
}

TEST_CASE("downloads: durable, whole, with the time of the object") {
  Over over;
  Folder folder;
  PutOptions options;
  options.properties.mtime = Time(std::chrono::seconds(1687000000) + std::chrono::nanoseconds(5));
  for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{1}, kMiB, 7 * kMiB + 1}) {
    const std::string text = Pattern(size);
    REQUIRE(WriteAll(*over.memory, kCtx, "k", text, options).ok());
    Result<ObjectInfo> info = DownloadToFile(*over.provider, kCtx, "k", folder / "f", Small());
    REQUIRE(info.ok());
    CHECK(ReadFile(folder / "f") == text);
    CHECK(*info->digests.Find(DigestKind::kCrc64Nvme) == Crc64Digest(Crc64NvmePortable(0, AsBytes(text))));
    struct stat st = {};
    REQUIRE(::stat((folder / "f").c_str(), &st) == 0);
    CHECK(st.st_mtim.tv_sec == 1687000000);
    CHECK(st.st_mtim.tv_nsec == 5);
  }
  CHECK(DownloadToFile(*over.provider, kCtx, "none", folder / "g").code() == Code::kNotFound);
  CHECK(DownloadToFile(*over.provider, kCtx, "k", folder / "no/such/folder").code() == Code::kNotFound);
  CHECK(DownloadToFile(*over.provider, kCtx, "k", folder / "x/").code() != Code::kOk);
  CHECK(folder.files() == 1);
}

TEST_CASE("downloads write through links to files and leave what is no regular file alone") {
  Over over;
  Folder folder;
  REQUIRE(WriteAll(*over.memory, kCtx, "k", "new").ok());
  const auto link = [&](const char* to, const char* name) { REQUIRE(::symlink(to, (folder / name).c_str()) == 0); };
  const auto mode = [&](const char* name) {
    struct stat st = {};
    CHECK(::lstat((folder / name).c_str(), &st) == 0);
    return st.st_mode & S_IFMT;
  };
  WriteFile(folder / "file", "old");
  link("file", "to-file");
  link("nowhere", "to-nothing");
  link("/dev/null", "to-device");
  link(".", "to-folder");
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CHECK(DownloadToFile(*over.provider, kCtx, "k", folder / "to-file").ok());
  CHECK(mode("to-file") == S_IFLNK);
  CHECK(ReadFile(folder / "file") == "new");
  for (const char* name : {"to-nothing", "to-device", "to-folder"}) {
    CHECK(DownloadToFile(*over.provider, kCtx, "k", folder / name).code() == Code::kInvalidArgument);
    CHECK(mode(name) == S_IFLNK);
  }
  CHECK(DownloadToFile(*over.provider, kCtx, "k", folder / "pipe").code() == Code::kInvalidArgument);
  CHECK(mode("pipe") == S_IFIFO);
}

TEST_CASE("an object replaced during a parallel download is never a mixture") {
  const std::string a = Pattern(8 * kMiB, 1), b = Pattern(8 * kMiB, 2);
  int mixed = 0, changed = 0;
  for (int i = 0; i < 20; ++i) {
    Over over;
    Folder folder;
    REQUIRE(WriteAll(*over.memory, kCtx, "k", a).ok());
    layers::Around<Replace> racing(over.provider, over.memory, &b, i % 9);
    const Code code = DownloadToFile(racing, kCtx, "k", folder / "f", Small()).code();
    if (code == Code::kSourceChanged) ++changed;
    if (code == Code::kOk && ReadFile(folder / "f") != a) ++mixed;
    CHECK((code == Code::kOk || code == Code::kSourceChanged));
  }
  CHECK(mixed == 0);
  CHECK(changed > 10);
}

TEST_CASE("copies: by the service, by its parts, or through the client") {
  const std::string text = Pattern(5 * kMiB + 1);
  for (const std::string mode : {"service", "parts", "ranges", "one pass", "stream", "open", "small"}) {
    CAPTURE(mode);
    Over from, to;
    from.caps.open = mode == "open" || mode == "small";
    to.caps.server_copy = mode == "service" || mode == "parts";
    if (mode == "parts") to.caps.max_put_size = 2 * kMiB;
    to.caps.multipart = mode != "stream" && mode != "open";
    PutOptions put;
    put.properties.content_type = "image/png";
    put.properties.metadata = {{"a", "b"}};
    put.properties.storage_class = "COLD";
    REQUIRE(WriteAll(*from.memory, kCtx, "src", mode == "small" ? "tiny" : text, put).ok());
    PutOptions options;
    if (mode == "one pass") options.expected.Set(Sha256(AsBytes(text)));
    Result<ObjectInfo> info = CopyBetween(*from.provider, "src", *to.provider, "dst", kCtx, options, Small());
    REQUIRE(info.ok());
    CHECK(*ReadAll(*to.memory, kCtx, "dst") == (mode == "small" ? "tiny" : text));
    const Properties got = to.memory->Stat(kCtx, "dst")->properties;
    CHECK(got.content_type == "image/png");
    CHECK(got.metadata == put.properties.metadata);
    CHECK(to.faults->calls(Operation::kCopyFrom) == (mode == "service" ? 1 : 0));
    CHECK((to.faults->calls(Operation::kUploadPartCopy) > 0) == (mode == "parts"));
    CHECK((to.faults->calls(Operation::kUploadPart) > 0) == (mode == "ranges" || mode == "one pass"));
    CHECK((from.faults->calls(Operation::kGet) + from.faults->calls(Operation::kOpen) == 0) == (mode == "service" || mode == "parts"));

    PutOptions replaced;
    replaced.properties.content_type = "text/plain";
    REQUIRE(CopyBetween(*from.provider, "src", *to.provider, "dst2", kCtx, replaced, Small()).ok());
    CHECK(to.memory->Stat(kCtx, "dst2")->properties == replaced.properties);
    CHECK(CopyBetween(*from.provider, "src", *to.provider, "dst2", kCtx, {.if_absent = true}, Small()).code() == Code::kAlreadyExists);
    CHECK(CopyBetween(*from.provider, "none", *to.provider, "x", kCtx, {}, Small()).code() == Code::kNotFound);
    PutOptions wrong;
    wrong.expected.Set(Sha256(AsBytes("other")));
    CHECK(CopyBetween(*from.provider, "src", *to.provider, "x", kCtx, wrong, Small()).code() == Code::kIntegrity);
    PutOptions rotten;  // of the kind that the copy computes itself
    rotten.expected.Set(Crc64Digest(1));
    CHECK(CopyBetween(*from.provider, "src", *to.provider, "x", kCtx, rotten, Small()).code() == Code::kIntegrity);
    CHECK(to.memory->Stat(kCtx, "x").code() == Code::kNotFound);
    CHECK(to.memory->ListUploads(kCtx, {}, {})->entries.empty());
  }
}

TEST_CASE("content types") {
  CHECK(std::size(kContentTypes) >= 200);
  std::set<std::string_view> seen;
  for (const ContentTypeRow& row : kContentTypes) {
    CHECK(seen.insert(row.extension).second);
    CHECK(row.type.find('/') != std::string_view::npos);
    CHECK(ContentTypeByName("a/b." + std::string(row.extension)) == row.type);
  }
  for (const auto& [name, type] : std::vector<std::pair<std::string, std::string>>{{"a.jpg", "image/jpeg"},
                                                                                   {"A.JPEG", "image/jpeg"},
                                                                                   {"a.b/c.WebP", "image/webp"},
                                                                                   {"x.avif", "image/avif"},
                                                                                   {"x.svg", "image/svg+xml"},
                                                                                   {"x.pdf", "application/pdf"},
                                                                                   {"x.css", "text/css"},
                                                                                   {"x.js", "text/javascript"},
                                                                                   {"x.json", "application/json"},
                                                                                   {"x.woff2", "font/woff2"},
                                                                                   {"x.mp4", "video/mp4"},
                                                                                   {"x.glb", "model/gltf-binary"},
                                                                                   {"x.tar.gz", "application/gzip"},
                                                                                   {"x.csv", "text/csv"}}) {
    CHECK(ContentTypeByName(name) == type);
  }
  for (const char* name : {"", "jpg", ".jpg", "a.jpg/b", "a.", "a.unknownextension", "dir.png/", "a.jpgx"}) CHECK(ContentTypeByName(name).empty());
  CHECK(ContentType("x.png", AsBytes("%PDF-1.4")) == "image/png");
  CHECK(ContentType("noname", AsBytes("")) == "application/octet-stream");
#ifdef FILEFERRY_HAVE_LIBMAGIC
  CHECK(ContentType("noname", AsBytes("%PDF-1.4\n")) == "application/pdf");
#endif
}

TEST_CASE("properties a storage has no place for are refused") {
  Capabilities none;
  Properties p;
  CHECK(CheckProperties(p, none).ok());
  p.content_type = "a/b";
  CHECK(CheckProperties(p, none).code() == Code::kUnsupported);
  none.metadata = true;
  CHECK(CheckProperties(p, none).ok());
  p.tags = {{"a", "b"}};
  CHECK(CheckProperties(p, none).code() == Code::kUnsupported);
  p.tags.clear();
  p.cache_control = "a\r\nb";
  CHECK(CheckProperties(p, none).code() == Code::kInvalidArgument);
}
