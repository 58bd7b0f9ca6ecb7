// verified_test.cc: which evidence makes a copy "verified".
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>

#include "fileferry/digest.h"
#include "fileferry/local.h"
#include "shaped.h"
#include "world.h"

using namespace fileferry;

namespace {

OpenedStorage LocalAt(const std::string& root) {
  LocalOptions options;
  options.root = root;
  options.fsync = LocalOptions::Fsync::kNone;
  Result<std::unique_ptr<LocalStorageProvider>> provider = LocalStorageProvider::Create(options);
  REQUIRE_MESSAGE(provider.ok(), provider.status().ToString());
  return Opened(ProviderPtr(std::move(*provider)), root);
}

void WriteFile(const std::string& path, const std::string& text) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  REQUIRE(fd >= 0);
  REQUIRE(::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  ::close(fd);
}

// One bit of the file is another, and nobody says so.
void Rot(const std::string& path) {
  struct stat st = {};
  REQUIRE(::stat(path.c_str(), &st) == 0);
  const int fd = ::open(path.c_str(), O_RDWR);
  char byte = 0;
  REQUIRE(::pread(fd, &byte, 1, 70000) == 1);
  byte = static_cast<char>(byte ^ 1);
  REQUIRE(::pwrite(fd, &byte, 1, 70000) == 1);
  const struct timespec times[2] = {st.st_atim, st.st_mtim};
  REQUIRE(::futimens(fd, times) == 0);
  ::close(fd);
}

}  // namespace

TEST_CASE("small and large objects of any pair of storages are verified, also files that nobody has hashed before") {
  TempFolder folder;
  ::mkdir((folder.path + "/src").c_str(), 0700);
  WriteFile(folder.path + "/src/large", Pattern(300 << 10, 1));
  WriteFile(folder.path + "/src/small", Pattern(1000, 2));
  const OpenedStorage files = LocalAt(folder.path + "/src"), memory = Opened(MemoryStorageProvider::Create("m:"), "m:");
  const OpenedStorage ways[][2] = {{files, LocalAt(folder.path + "/a")}, {files, memory}, {memory, LocalAt(folder.path + "/b")}, {memory, Opened(MemoryStorageProvider::Create("n:"), "n:")}};
  for (const auto& [from, to] : ways) {
    const std::string route = from.text + " -> " + to.text;
    CAPTURE(route);
    const Progress progress = MustRun(NewCopy(from, to, SmallParts()));
    CHECK(Count(progress, Outcome::kVerified) == 2);
    CHECK(Count(progress, Outcome::kCopied) == 0);
    CHECK(Contents(*to.provider) == Contents(*files.provider));
  }
}

TEST_CASE("a copy that nobody has looked at is not called verified") {
  TempFolder folder;
  const OpenedStorage from = LocalAt(folder.path + "/src"), to = LocalAt(folder.path + "/dst");
  PutText(*from.provider, "large", Pattern(300 << 10, 1));
  CopyPlan plan = SmallParts();
  plan.verify = VerifyMode::kNone;
  const Progress progress = MustRun(NewCopy(from, to, plan));
  CHECK(Count(progress, Outcome::kCopied) == 1);
  CHECK(progress.bytes_moved == 0);  // the system has copied
}

TEST_CASE("a rotten file that the system copied is found by a verification, also after its properties were changed") {
  TempFolder folder;
  const OpenedStorage from = LocalAt(folder.path + "/src"), to = LocalAt(folder.path + "/dst");
  PutText(*from.provider, "large", Pattern(300 << 10, 1));
  Rot(folder.path + "/src/large");
  MigrationRunner::Options options{SmallParts(), folder.path + "/j.db"};
  options.plan.verify = VerifyMode::kNone;
  Result<std::unique_ptr<MigrationRunner>> runner = MigrationRunner::Open(from, to, options);
  REQUIRE_MESSAGE(runner.ok(), runner.status().ToString());
  CHECK(Count(MustRun((*runner)->Copy()), Outcome::kCopied) == 1);
  const auto found = [&] {
    Result<std::unique_ptr<IRun>> verify = (*runner)->Verify(VerifyMode::kChecksum);
    REQUIRE(verify.ok());
    CHECK(Finish(**verify).ok());
    return Count((*verify)->Snapshot(), Outcome::kDifferent);
  };
  CHECK(to.provider->Stat({}, "large")->confirmed == 0);
  CHECK(found() == 1);
  Properties properties = to.provider->Stat({}, "large")->properties;
  properties.cache_control = "no-store";
  REQUIRE(to.provider->SetProperties({}, "large", properties).ok());
  CHECK(to.provider->Stat({}, "large")->confirmed == 0);
  CHECK(found() == 1);
}

namespace {

// As an S3 service without digests of its own: what it tells of an object's bytes was written beside them; a Put may be confirmed by another kind than the plan's.
class Recorded : public Shaped {
 public:
  using Shaped::Shaped;
  Result<ObjectInfo> Stat(const OpContext& ctx, std::string_view key) override { return Told(key, Shaped::Stat(ctx, key)); }
  Result<ObjectInfo> Get(const OpContext& ctx, std::string_view key, const GetOptions& options, ISink& sink) override {
    Result<ObjectInfo> info = Shaped::Get(ctx, key, options, sink);
    if (!info.ok() || options.length || !options.verify) return Told(key, std::move(info));
    if (records.count(std::string(key)) != 0 && !stale) return Status(Code::kIntegrity, "damaged");
    info->confirmed = 0;
    return info;
  }
  Result<ObjectInfo> Put(const OpContext& ctx, std::string_view key, ISource& source, const PutOptions& options) override {
    PutOptions more = options;
    more.digests = static_cast<DigestMask>(more.digests | MaskOf(DigestKind::kSha256));
    Result<ObjectInfo> info = Shaped::Put(ctx, key, source, more);
    if (info.ok()) info->confirmed = confirms;
    return info;
  }
  std::map<std::string, Digest> records;  // of other bytes
  bool stale = true;                      // the provider finds out that the record is wrong, and not the bytes
  DigestMask confirms = 0;

 private:
  Result<ObjectInfo> Told(std::string_view key, Result<ObjectInfo> info) {
    if (!info.ok()) return info;
    info->confirmed = 0;
    const auto record = records.find(std::string(key));
    if (record != records.end()) info->digests.Set(record->second);
    return info;
  }
};

std::shared_ptr<Recorded> NewRecorded(const char* name) {
  auto storage = std::make_shared<Recorded>(MemoryStorageProvider::Create(name));
  storage->caps.server_copy = storage->caps.batch = storage->caps.open = false;
  return storage;
}

}  // namespace

TEST_CASE("any digest that the storage confirmed proves a copy; a record that we wrote beside it does not") {
  const OpenedStorage from = Opened(MemoryStorageProvider::Create("m:"), "m:");
  PutText(*from.provider, "k", "bytes");
  for (const bool confirms : {false, true}) {
    CAPTURE(confirms);
    TempFolder folder;
    auto to = NewRecorded("n:");
    to->confirms = confirms ? MaskOf(DigestKind::kSha256) : DigestMask{0};
    Result<std::unique_ptr<MigrationRunner>> runner = MigrationRunner::Open(from, Opened(to, "n:"), {CopyPlan{}, folder.path + "/j.db"});
    REQUIRE_MESSAGE(runner.ok(), runner.status().ToString());
    CHECK(Count(MustRun((*runner)->Copy()), confirms ? Outcome::kVerified : Outcome::kCopied) == 1);
    int reads = 0;
    to->OnCall([&](Operation operation, const std::string&) {
      if (operation == Operation::kGet) ++reads;
      return Status();
    });
    CHECK(Count(MustRun((*runner)->Verify(VerifyMode::kChecksum)), Outcome::kVerified) == 1);
    CHECK(reads == 1);
  }
}

TEST_CASE("a record of other bytes is no damage where the storage shows that it is the record that is wrong") {
  for (const bool stale : {true, false}) {
    CAPTURE(stale);
    auto from = NewRecorded("m:");
    PutText(*from, "large", Pattern(300 << 10, 1));
    PutText(*from, "small", "small");
    const Digest other = [] {
      Hasher hasher(MaskOf(DigestKind::kCrc64Nvme));
      hasher.Update(AsBytes("other bytes"));
      return *hasher.Finish().begin();
    }();
    from->records = {{"large", other}, {"small", other}};
    from->stale = stale;
    const OpenedStorage to = Opened(MemoryStorageProvider::Create("n:"), "n:");
    Result<std::unique_ptr<IRun>> run = NewCopy(Opened(from, "m:"), to, SmallParts());
    REQUIRE(run.ok());
    CHECK(Finish(**run).ok());
    CHECK(Count((*run)->Snapshot(), Outcome::kVerified) == (stale ? 2 : 0));
    CHECK(Count((*run)->Snapshot(), Outcome::kCorrupt) == (stale ? 0 : 2));
    CHECK(Contents(*to.provider).size() == (stale ? 2 : 0));
  }
}

TEST_CASE("records of other bytes beside objects that fill the memory for bodies do not hold up the run") {
  auto from = NewRecorded("m:"), to = NewRecorded("n:");
  const std::string bytes = Pattern(40u << 20, 1);  // more than half of it
  const Digest other = [] {
    Hasher hasher(MaskOf(DigestKind::kCrc64Nvme));
    hasher.Update(AsBytes("other bytes"));
    return *hasher.Finish().begin();
  }();
  for (const char* key : {"a", "b"}) {
    PutText(*from, key, bytes);
    from->records.emplace(key, other);
  }
  CopyPlan plan;
  plan.tuning.multipart_threshold = 64u << 20;
  Result<std::unique_ptr<IRun>> run = NewCopy(Opened(from, "m:"), Opened(to, "n:"), plan);
  REQUIRE(run.ok());
  REQUIRE((*run)->Start().ok());
  REQUIRE((*run)->Wait(std::chrono::seconds(60)));
  CHECK((*run)->Result().ok());
  CHECK(Count((*run)->Snapshot(), Outcome::kCopied) == 2);
  CHECK(Contents(*to) == Contents(*from));
}

TEST_CASE("a service that copies, but not conditionally, is looked at first; one that does not copy after all gets the bytes") {
  for (const bool copies : {true, false}) {
    CAPTURE(copies);
    const ProviderPtr memory = MemoryStorageProvider::Create("n:");
    const OpenedStorage from = Opened(MemoryStorageProvider::Create("m:"), "m:");
    auto to = std::make_shared<Shaped>(memory);
    to->caps.batch = to->caps.conditional_copy = false;
    for (int i = 0; i < 8; ++i) PutText(*from.provider, "k" + std::to_string(i), "bytes");
    PutText(*memory, "k0", "other");
    std::atomic<int> asked{0};
    to->OnCall([&](Operation operation, const std::string&) {
      if (operation != Operation::kCopyFrom) return Status();
      ++asked;
      return copies ? Status() : Status(Code::kUnsupported, "no copies today");
    });
    CopyPlan plan;
    plan.transfers = 1;
    Result<std::unique_ptr<IRun>> run = NewCopy(from, Opened(to, "n:"), plan);
    REQUIRE(run.ok());
    CHECK(Finish(**run).ok());
    const Progress progress = (*run)->Snapshot();
    CHECK(Count(progress, Outcome::kVerified) == 7);
    CHECK(Count(progress, Outcome::kConflict) == 1);
    CHECK(asked == (copies ? 7 : 1));
    CHECK((progress.bytes_moved == 0) == copies);
    CHECK(Contents(*memory)["k0"] == "other");
  }
}

TEST_CASE("a large file that has rotted is named, not copied as good") {
  TempFolder folder;
  const OpenedStorage from = LocalAt(folder.path + "/src"), to = LocalAt(folder.path + "/dst");
  PutText(*from.provider, "large", Pattern(300 << 10, 1));
  Rot(folder.path + "/src/large");
  Result<std::unique_ptr<IRun>> run = NewCopy(from, to, SmallParts());
  REQUIRE(run.ok());
  CHECK(Finish(**run).ok());
  CHECK(Count((*run)->Snapshot(), Outcome::kCorrupt) == 1);
  CHECK(Contents(*to.provider).empty());
}

TEST_CASE("--digest reaches objects in parts, and the destination and the journal keep it") {
  TempFolder folder;
  const std::string bytes = Pattern(300 << 10, 1);
  for (const DigestKind kind : {DigestKind::kSha256, DigestKind::kMd5}) {
    CAPTURE(DigestName(kind));
    Hasher hasher(MaskOf(kind));
    hasher.Update(AsBytes(bytes));
    const Digest expected = *hasher.Finish().Find(kind);
    const std::string root = folder.path + "/" + std::string(DigestName(kind));
    const OpenedStorage from = Opened(MemoryStorageProvider::Create("m:"), "m:"), to = LocalAt(root);
    PutText(*from.provider, "large", bytes);
    PutText(*from.provider, "small", "small");
    MigrationRunner::Options options{SmallParts(), root + ".db"};
    options.plan.digest = kind;
    Result<std::unique_ptr<MigrationRunner>> runner = MigrationRunner::Open(from, to, options);
    REQUIRE_MESSAGE(runner.ok(), runner.status().ToString());
    CHECK(Count(MustRun((*runner)->Copy()), Outcome::kVerified) == 2);
    const Result<ObjectInfo> stored = to.provider->Stat({}, "large");
    REQUIRE(stored.ok());
    REQUIRE(stored->digests.Find(kind) != nullptr);
    CHECK(*stored->digests.Find(kind) == expected);
    CHECK(Count(MustRun((*runner)->Verify(VerifyMode::kChecksum)), Outcome::kVerified) == 2);
    Rot(root + "/large");  // the digest that was written down tells
    Result<std::unique_ptr<IRun>> verify = (*runner)->Verify(VerifyMode::kFull);
    REQUIRE(verify.ok());
    CHECK(Finish(**verify).ok());
    CHECK(Count((*verify)->Snapshot(), Outcome::kDifferent) == 1);
  }
}

TEST_CASE("a source that gives other bytes the second time is not published") {
  class Flipping : public Shaped {
   public:
    using Shaped::Shaped;
    Result<ObjectInfo> Get(const OpContext& ctx, std::string_view key, const GetOptions& options, ISink& sink) override {
      if (options.length || options.offset != 0) return Shaped::Get(ctx, key, options, sink);
      Result<ObjectInfo> info = Shaped::Get(ctx, key, options, sink);
      Hasher other(options.digests);
      other.Update(AsBytes("other bytes"));
      if (info.ok()) info->digests = other.Finish();
      return info;
    }
  };
  const OpenedStorage from = Opened(std::make_shared<Flipping>(MemoryStorageProvider::Create("m:")), "m:"), to = Opened(MemoryStorageProvider::Create("n:"), "n:");
  static_cast<Flipping&>(*from.provider).caps.server_copy = false;
  PutText(*from.provider, "large", Pattern(300 << 10, 1));
  CopyPlan plan = SmallParts();
  plan.digest = DigestKind::kSha256;
  Result<std::unique_ptr<IRun>> run = NewCopy(from, to, plan);
  REQUIRE(run.ok());
  CHECK(Finish(**run).ok());
  CHECK(Count((*run)->Snapshot(), Outcome::kFailed) == 1);
  CHECK(Contents(*to.provider).empty());
  CHECK(to.provider->ListUploads({}, "", "")->entries.empty());
}

TEST_CASE("--verify full reads back what the service itself has copied, also where it keeps no digest") {
  class Mute : public Shaped {  // a service that tells no digest, and may damage what it copies
   public:
    using Shaped::Shaped;
    Result<ObjectInfo> Stat(const OpContext& ctx, std::string_view key) override { return Muted(Shaped::Stat(ctx, key)); }
    Result<ObjectInfo> CopyFrom(const OpContext& ctx, const Location& from, std::string_view to, const CopyOptions& options) override {
      Result<ObjectInfo> copied = Muted(Shaped::CopyFrom(ctx, from, to, options));
      if (!copied.ok() || !damages) return copied;
      PutText(*inner, std::string(to), "BYTES");
      return Muted(inner->Stat(ctx, to));
    }
    ProviderPtr inner;
    bool damages = false;

   private:
    static Result<ObjectInfo> Muted(Result<ObjectInfo> info) {
      if (info.ok()) info->digests = DigestSet();
      if (info.ok()) info->confirmed = 0;
      return info;
    }
  };
  for (const bool damages : {false, true}) {
    CAPTURE(damages);
    const ProviderPtr memory = MemoryStorageProvider::Create("m:");
    auto service = std::make_shared<Mute>(memory);
    service->inner = memory;
    service->damages = damages;
    service->caps.batch = false;
    PutText(*memory, "from/a", "bytes");
    CopyPlan plan;
    plan.verify = VerifyMode::kFull;
    Result<std::unique_ptr<IRun>> run = NewCopy(Opened(service, "m:from", "from/"), Opened(service, "m:to", "to/"), plan);
    REQUIRE(run.ok());
    CHECK(Finish(**run).ok());
    CHECK(Count((*run)->Snapshot(), damages ? Outcome::kDifferent : Outcome::kVerified) == 1);
  }
}

TEST_CASE("an object of which less arrives than was listed is not published, unless it is another one by now") {
  class Short : public Shaped {  // behind something that takes the length out of the answers, and ends them early
   public:
    using Shaped::Shaped;
    Result<ObjectInfo> Get(const OpContext& ctx, std::string_view key, const GetOptions& options, ISink& sink) override {
      if (replaces) PutText(*inner, std::string(key), "new");
      Result<std::string> text = ReadAll(*inner, ctx, key);
      Result<ObjectInfo> info = inner->Stat(ctx, key);
      if (!info.ok() || !text.ok()) return info;
      if (!replaces) text->resize(text->size() / 2);
      (void)options;
      if (Status status = sink.Write(AsBytes(*text)); !status.ok()) return status;
      info->size = text->size();
      info->digests = DigestSet();
      return info;
    }
    ProviderPtr inner;
    bool replaces = false;
  };
  for (const bool replaces : {false, true}) {
    CAPTURE(replaces);
    const ProviderPtr memory = MemoryStorageProvider::Create("m:");
    auto source = std::make_shared<Short>(memory);
    source->inner = memory;
    source->replaces = replaces;
    source->caps.open = source->caps.server_copy = false;
    PutText(*memory, "a", "all of the bytes");
    const OpenedStorage to = Opened(MemoryStorageProvider::Create("n:"), "n:");
    Result<std::unique_ptr<IRun>> run = NewCopy(Opened(source, "m:"), to, {});
    REQUIRE(run.ok());
    CHECK(Finish(**run).ok());
    CHECK(Count((*run)->Snapshot(), replaces ? Outcome::kVerified : Outcome::kFailed) == 1);
    CHECK(Contents(*to.provider) == (replaces ? std::map<std::string, std::string>{{"a", "new"}} : std::map<std::string, std::string>{}));
  }
}
