// verified_test.cc: which evidence makes a copy "verified".
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

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
