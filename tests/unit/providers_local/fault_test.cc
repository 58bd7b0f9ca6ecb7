// fault_test.cc: system calls that fail, processes that are killed, links that are swapped, disks that are full: old or new, never a part, nothing left behind.
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include <chrono>
#include <random>
#include <thread>

#include "support.h"

using namespace ferrytest;  // NOLINT: tests
using Fsync = LocalOptions::Fsync;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitizer = true;
#elif defined(__has_feature)
constexpr bool kSanitizer = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
constexpr bool kSanitizer = false;
#endif

// Fails the k-th call, once or from then on.
class KthFails {
 public:
  KthFails(int k, bool sticky, int error, bool after) : k_(k), sticky_(sticky), error_(error), after_(after) {}
  sys::Verdict operator()(const sys::Site& site) {
    const int n = ++count_;
    if (n < k_ || (n > k_ && !sticky_)) return {};
    fired = true;
    if (Is(site, "readdir") && after_) return {};
    sys::Verdict verdict;
    verdict.error = error_;
    verdict.after = after_;
    return verdict;
  }
  bool fired = false;

 private:
  const int k_;
  const bool sticky_;
  const int error_;
  const bool after_;
  int count_ = 0;
};

const std::string kOld(3000, 'o');
const std::string kNew(5000, 'n');

struct Scenario {
  const char* name;
  std::function<Status(IStorageProvider&)> run;
};

std::vector<Scenario> Scenarios() {
  const auto complete = [](IStorageProvider& p, const char* key) -> Status {
    const Result<std::string> id = p.CreateUpload({}, key, {});
    if (!id.ok()) return id.status();
    std::vector<PartInfo> parts;
    for (std::uint32_t n = 1; n <= 2; ++n) {
      TextSource source(kNew.substr((n - 1) * 2500, 2500));
      PartSpec spec;
      spec.number = n;
      spec.offset = (n - 1) * 2500;
      spec.size = 2500;
      const Result<PartInfo> part = p.UploadPart({}, key, *id, spec, source);
      if (!part.ok()) {
        (void)p.AbortUpload({}, key, *id);
        return part.status();
      }
      parts.push_back(*part);
    }
    CompleteOptions options;
    options.size = kNew.size();
    const Result<ObjectInfo> done = p.CompleteUpload({}, key, *id, parts, options);
    if (!done.ok()) (void)p.AbortUpload({}, key, *id);
    return done.status();
  };
  const auto put = [](IStorageProvider& p, const char* key, const PutOptions& options) { return Put(p, key, kNew, options).status(); };
  PutOptions absent, big;
  absent.if_absent = true;
  for (int i = 0; i < 60; ++i) big.properties.metadata["name-" + std::to_string(i)] = std::string(200, 'v');
  return {
      {"put over", [=](IStorageProvider& p) { return put(p, "d/old", {}); }},
      {"put in new folders", [=](IStorageProvider& p) { return put(p, "x/y/z", {}); }},
      {"put if absent", [=](IStorageProvider& p) { return put(p, "d/fresh", absent); }},
      {"put if match",
       [=](IStorageProvider& p) {
         const Result<ObjectInfo> now = p.Stat({}, "d/old");
         if (!now.ok()) return now.status();
         PutOptions match;
         match.if_match = now->etag;
         return put(p, "d/old", match);
       }},
      {"put beside a folder", [=](IStorageProvider& p) { return put(p, "d", {}); }},
      {"put a hidden name", [=](IStorageProvider& p) { return put(p, "d//x/", {}); }},
      {"put with much metadata", [=](IStorageProvider& p) { return put(p, "d/old", big); }},
      {"multipart", [=](IStorageProvider& p) { return complete(p, "d/old"); }},
      {"multipart in new folders", [=](IStorageProvider& p) { return complete(p, "m/n"); }},
      {"copy", [](IStorageProvider& p) { return p.CopyFrom({}, p.Locate("d/old"), "c/copy", {}).status(); }},
      {"remove", [](IStorageProvider& p) { return p.Remove({}, "d/old", {}); }},
      {"remove the last of its folder", [](IStorageProvider& p) { return p.Remove({}, "e/f/g", {}); }},
      {"get", [](IStorageProvider& p) {
         TextSink sink;
         const Result<ObjectInfo> info = p.Get({}, "d/old", {}, sink);
         if (info.ok()) CHECK(sink.text == kOld);
         return info.status();
       }},
      {"list", [](IStorageProvider& p) {
         const Listing listing = List(p);
         if (listing.status.ok()) CHECK(listing.keys == std::vector<std::string>{"d/old", "e/f/g"});
         return listing.status;
       }},
      {"stat", [](IStorageProvider& p) { return p.Stat({}, "d/old").status(); }},
      {"set properties", [](IStorageProvider& p) {
         Properties properties;
         properties.content_type = "x/y";
         return p.SetProperties({}, "d/old", properties).status();
       }},
      {"batch", [](IStorageProvider& p) {
         Result<std::unique_ptr<IWriteBatch>> batch = p.NewBatch();
         PutOptions options;
         options.batch = batch->get();
         for (const char* key : {"d/old", "d/b1", "b/2"}) {
           if (Status s = Put(p, key, kNew, options).status(); !s.ok()) return s;
         }
         for (const BatchResult& result : (*batch)->Commit({})) {
           if (!result.status.ok()) return result.status;
         }
         return Status();
       }},
  };
}

// Whatever happened: every object is entirely old or entirely new, and a sweep leaves nothing else.
void CheckWhole(const std::string& root, const std::string& context) {
  INFO(context);
  auto p = Open(At(root, Fsync::kFull));
  const Listing listing = List(*p);
  REQUIRE(listing.status.ok());
  for (const std::string& key : listing.keys) {
    const std::string bytes = Get(*p, key);
    REQUIRE_MESSAGE((bytes == kOld || bytes == kNew), key, " has ", bytes.size(), " bytes: ", bytes.substr(0, 40));
  }
  const Result<UploadPage> uploads = p->ListUploads({}, "", {});
  REQUIRE(uploads.ok());
  for (const UploadEntry& upload : uploads->entries) REQUIRE(p->AbortUpload({}, upload.key, upload.upload_id).ok());
  REQUIRE(p->SweepTemporary({}, std::chrono::seconds(0)).ok());
  std::size_t objects = 0;
  for (const auto& file : Files(root)) {
    const std::string& path = file.first;
    if (path.starts_with(".fileferry/properties/")) continue;
    REQUIRE_MESSAGE((path.find(".tmp") == std::string::npos && !path.starts_with(".fileferry/uploads")), path);
    ++objects;
  }
  REQUIRE(objects == listing.keys.size());
}

int Descriptors() {
  int n = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator("/proc/self/fd")) ++n;
  return n;
}

}  // namespace

TEST_CASE("the k-th system call fails, for every k") {
  Scratch scratch;
  int runs = 0;
  const int descriptors = Descriptors();
  for (const Scenario& scenario : Scenarios()) {
    for (const bool sticky : {false, true}) {
      for (const bool after : {false, true}) {
        for (const int error : {EIO, ENOSPC}) {
          for (int k = 1;; ++k) {
            const std::string root = scratch / "r";
            fs::remove_all(root);
            {
              auto setup = Open(At(root));
              REQUIRE(Put(*setup, "d/old", kOld).ok());
              REQUIRE(Put(*setup, "e/f/g", kOld).ok());
            }
            KthFails fails(k, sticky, error, after);
            const std::string context = std::string(scenario.name) + " k=" + std::to_string(k) + (sticky ? " sticky" : " once") + (after ? " after " : " before ") + std::to_string(error);
            Status status;
            {
              auto p = Open(At(root, Fsync::kFull));
              std::mutex mutex;
              Hook hook([&](const sys::Site& site) {
                const std::scoped_lock lock(mutex);
                return fails(site);
              });
              status = scenario.run(*p);
            }
            if (!fails.fired) {
              REQUIRE_MESSAGE(status.ok(), context, ": ", status.ToString());
              break;
            }
            ++runs;
            CheckWhole(root, context + ": " + (status.ok() ? "ok" : status.ToString()));
            auto p = Open(At(root));
            if (status.ok()) {  // an acknowledged write is there
              const std::string name = scenario.name;
              if (name == "put over" || name == "put if match" || name == "multipart" || name == "batch") REQUIRE_MESSAGE(Get(*p, "d/old") == kNew, context);
              if (name == "put in new folders") REQUIRE_MESSAGE(Get(*p, "x/y/z") == kNew, context);
              if (name == "put beside a folder") REQUIRE_MESSAGE(Get(*p, "d") == kNew, context);
              if (name == "remove") REQUIRE_MESSAGE(Get(*p, "d/old") == "!NotFound", context);
            } else if (std::string_view(scenario.name) != "remove") {
              REQUIRE_MESSAGE(p->Stat({}, "d/old").ok(), context);  // what was there is there, old or new
            }
            REQUIRE_MESSAGE(k < 400, context);
          }
        }
      }
    }
  }
  CHECK(Descriptors() == descriptors);
  MESSAGE(runs << " runs with a fault");
  CHECK(runs > 2000);
}

TEST_CASE("bytes are flushed before the name, the name before the answer; never a second flush of bytes") {
  Scratch scratch;
  for (const auto& [policy, expected] : {std::pair{Fsync::kNone, "cwr"}, std::pair{Fsync::kFile, "cwfr"}, std::pair{Fsync::kFull, "cwfrf"}}) {
    auto p = Open(At(scratch / std::to_string(static_cast<int>(policy)), policy));
    REQUIRE(Put(*p, "d/first", "x").ok());
    std::string order;
    {
      Hook hook([&](const sys::Site& site) {
        if (Is(site, "openat")) order += "c";
        if (Is(site, "pwrite")) order += "w";
        if (Is(site, "fsync")) order += "f";
        if (Is(site, "renameat2")) order += "r";
        return sys::Verdict{};
      });
      REQUIRE(Put(*p, "d/k", "bytes").ok());
    }
    CHECK(order == expected);
    order.clear();
    {
      Hook hook([&](const sys::Site& site) {
        if (Is(site, "mkdirat")) order += "m";
        if (Is(site, "pwrite")) order += "w";
        if (Is(site, "fsync")) order += "f";
        if (Is(site, "renameat2")) order += "r";
        return sys::Verdict{};
      });
      REQUIRE(Put(*p, "new/inner/k", "bytes").ok());
    }
    if (policy == Fsync::kFull) CHECK(order == "mfmfwfrf");
    int flushes = 0;
    {
      Hook hook([&](const sys::Site& site) {
        if (!Is(site, "fsync")) return sys::Verdict{};
        ++flushes;
        return sys::Verdict{EIO};
      });
      const Result<ObjectInfo> put = Put(*p, "d/k", "other");
      CHECK(put.ok() == (policy == Fsync::kNone));
      if (!put.ok()) CHECK(put.code() == Code::kUnavailable);
    }
    if (policy != Fsync::kNone) {
      CHECK(flushes == 1);
      CHECK(Get(*p, "d/k") == "bytes");
    }
  }
}

TEST_CASE("short reads and writes lose nothing") {
  Scratch scratch;
  auto p = Open(At(scratch.path()));
  Hook hook([](const sys::Site& site) {
    sys::Verdict verdict;
    if (Is(site, "pwrite") || Is(site, "pread") || Is(site, "copy_file_range") || Is(site, "write") || Is(site, "read")) verdict.limit = 7;
    return verdict;
  });
  REQUIRE(Put(*p, "k", kNew).ok());
  CHECK(Get(*p, "k") == kNew);
  REQUIRE(p->CopyFrom({}, p->Locate("k"), "k2", {}).ok());
  CHECK(Get(*p, "k2") == kNew);
}

TEST_CASE("without extended attributes properties are kept in the hidden folder, and old bytes never get new ones") {
  Scratch scratch;
  const auto none = [](const sys::Site& site) { return Is(site, "fsetxattr") || Is(site, "fgetxattr") ? sys::Verdict{ENOTSUP} : sys::Verdict{}; };
  PutOptions one, two;
  one.properties.metadata = {{"generation", "1"}};
  two.properties.metadata = {{"generation", "2"}};
  auto p = Open(At(scratch.path(), Fsync::kFull));
  {
    Hook hook(none);
    REQUIRE(Put(*p, "d/k", kOld, one).ok());
    CHECK(p->Stat({}, "d/k")->properties == [&] {
      Properties properties = one.properties;
      properties.content_type = p->Stat({}, "d/k")->properties.content_type;
      return properties;
    }());
    CHECK(p->Stat({}, "d/k")->digests.Find(DigestKind::kCrc64Nvme) != nullptr);
    CHECK(List(*p).keys == std::vector<std::string>{"d/k"});
  }
  for (int k = 1;; ++k) {
    KthFails fails(k, true, EIO, false);
    Status status;
    {
      Hook hook([&](const sys::Site& site) {
        const sys::Verdict verdict = fails(site);
        return verdict.error != 0 ? verdict : none(site);
      });
      status = Put(*p, "d/k", kNew, two).status();
    }
    Hook hook(none);
    const std::string bytes = Get(*p, "d/k");
    const std::string generation = p->Stat({}, "d/k")->properties.metadata["generation"];
    REQUIRE(((bytes == kOld && generation == "1") || (bytes == kNew && generation == "2")));
    if (!fails.fired) break;
    REQUIRE(Put(*p, "d/k", kOld, one).ok());
  }
  Hook hook(none);
  REQUIRE(p->Remove({}, "d/k", {}).ok());
  REQUIRE(p->SweepTemporary({}, std::chrono::seconds(0)).ok());
  CHECK(Files(scratch.path()).empty());
}

TEST_CASE("properties too large for an attribute go to the hidden folder and come back") {
  Scratch scratch("/tmp");
  auto p = Open(At(scratch.path()));
  PutOptions big, small;
  for (int i = 0; i < 200; ++i) big.properties.metadata["name-" + std::to_string(i)] = std::string(200, 'v');
  small.properties.metadata = {{"a", "b"}};
  REQUIRE(Put(*p, "k", kOld, big).ok());
  CHECK(p->Stat({}, "k")->properties.metadata == big.properties.metadata);
  REQUIRE(p->SetProperties({}, "k", small.properties).ok());
  CHECK(p->Stat({}, "k")->properties.metadata == small.properties.metadata);
  REQUIRE(p->SetProperties({}, "k", big.properties).ok());
  CHECK(p->Stat({}, "k")->properties.metadata == big.properties.metadata);
  CHECK(Get(*p, "k") == kOld);
  CHECK(List(*p).keys == std::vector<std::string>{"k"});
}

TEST_CASE("names are walked one by one where the kernel has no openat2") {
  Scratch scratch, outside;
  WriteFile(outside / "secret", "secret");
  auto p = Open(At(scratch.path(), Fsync::kFull));
  Hook hook([](const sys::Site& site) { return Is(site, "openat2") ? sys::Verdict{ENOSYS} : sys::Verdict{}; });
  for (const char* key : {"a/b/c", "a/b", "a//b", "..", "x"}) REQUIRE(Put(*p, key, key).ok());
  for (const char* key : {"a/b/c", "a/b", "a//b", "..", "x"}) CHECK(Get(*p, key) == key);
  CHECK(List(*p).keys == std::vector<std::string>{"..", "a//b", "a/b", "a/b/c", "x"});
  fs::create_directory_symlink(outside.path(), scratch / "out");
  CHECK(Put(*p, "out/x", "x").code() == Code::kPermissionDenied);
  CHECK(Get(*p, "out/secret") == "!NotFound");
  CHECK(p->Remove({}, "out/secret", {}).ok());
  CHECK(Files(outside.path()).size() == 1);
}

TEST_CASE("a folder that is swapped for a link out of the root, all the time, leads nobody out") {
  for (const bool modern : {true, false}) {
    Scratch scratch, outside;
    WriteFile(outside / "canary", "canary");
    WriteFile(outside / "victim/canary", "canary");
    const auto before = Files(outside.path());
    fs::create_directories(scratch / "real");
    fs::create_symlink(outside.path(), scratch / ".link");
    auto p = Open(At(scratch.path()));
    std::unique_ptr<Hook> hook;
    if (!modern) hook = std::make_unique<Hook>([](const sys::Site& site) { return Is(site, "openat2") ? sys::Verdict{ENOSYS} : sys::Verdict{}; });
    std::atomic<bool> stop{false};
    std::atomic<int> swaps{0};
    std::thread racer([&] {
      const std::string real = scratch / "real", link = scratch / ".link";
      while (!stop) {
        if (::renameat2(AT_FDCWD, real.c_str(), AT_FDCWD, link.c_str(), RENAME_EXCHANGE) == 0) ++swaps;
      }
    });
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    for (int i = 0; (swaps < 12'000 || i < 400) && std::chrono::steady_clock::now() < until; ++i) {
      const std::string key = "real/" + std::to_string(i % 5);
      (void)Put(*p, key, "inside");
      (void)Put(*p, "real/victim/" + std::to_string(i % 5), "inside");
      const std::string got = Get(*p, "real/canary");
      REQUIRE((got == "!NotFound" || got.starts_with("!")));
      (void)p->Remove({}, "real/canary", {});
      (void)p->Remove({}, "real/victim/canary", {});
      for (const std::string& listed : List(*p).keys) REQUIRE(listed.find("canary") == std::string::npos);
    }
    stop = true;
    racer.join();
    CHECK(swaps >= 10'000);
    CHECK(Files(outside.path()) == before);
  }
}

TEST_CASE("a full disk is QuotaExceeded and leaves what was there") {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {  // exit status: 0 passed, 77 not permitted here, else the step that failed
    if (::unshare(CLONE_NEWNS | (::geteuid() == 0 ? 0 : CLONE_NEWUSER)) != 0) ::_exit(77);
    std::string root = "/tmp/ferry-full-XXXXXX";
    if (::mkdtemp(root.data()) == nullptr) ::_exit(1);
    if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 || ::mount("tmpfs", root.c_str(), "tmpfs", 0, "size=1m,mode=0755") != 0) {
      ::rmdir(root.c_str());
      ::_exit(77);
    }
    int failed = 0;
    {
      Result<std::unique_ptr<LocalStorageProvider>> p = LocalStorageProvider::Create(At(root, Fsync::kFull));
      const std::string chunk(100'000, 'x');
      TextSource first(chunk);
      if (!(*p)->Put({}, "kept", first, {}).ok()) failed = 2;
      int stored = 1;
      for (int i = 0; i < 40 && failed == 0; ++i) {
        TextSource source(chunk);
        const Result<ObjectInfo> put = (*p)->Put({}, "f" + std::to_string(i), source, {});
        if (put.ok()) {
          ++stored;
        } else if (put.code() != Code::kQuotaExceeded || put.status().message().find(root) == std::string::npos) {
          failed = 3;
        }
      }
      TextSource over(std::string(3'000'000, 'y'));
      if (failed == 0 && (*p)->Put({}, "kept", over, {}).code() != Code::kQuotaExceeded) failed = 4;
      UploadOptions big;
      big.size = 3'000'000;
      if (failed == 0 && (*p)->CreateUpload({}, "up", big).code() != Code::kQuotaExceeded) failed = 5;
      if (failed == 0 && (stored < 5 || List(**p).keys.size() != static_cast<std::size_t>(stored))) failed = 6;
      if (failed == 0 && Get(**p, "kept") != chunk) failed = 7;
      if (failed == 0 && Files(root).size() != static_cast<std::size_t>(stored)) failed = 8;
      if (failed == 0 && ::mount("none", root.c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, nullptr) == 0) {
        TextSource denied("x");
        const Result<ObjectInfo> put = (*p)->Put({}, "ro", denied, {});
        if (put.code() != Code::kPermissionDenied) failed = 9;
        if (Get(**p, "kept") != chunk) failed = 10;
      }
    }
    ::umount2(root.c_str(), MNT_DETACH);
    ::rmdir(root.c_str());
    ::_exit(failed);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) {
    MESSAGE("skipped: no mount namespaces here");
  } else {
    CHECK(WEXITSTATUS(status) == 0);
  }
}

TEST_CASE("kill -9 at any moment: every object is whole, what was acknowledged is there, a sweep leaves nothing else") {
  Scratch scratch;
  const std::string root = scratch / "root";
  std::map<std::string, int> acknowledged;  // by key: the last generation that the writer was told of
  std::mt19937 random(11);
  int generation = 0;
  std::size_t interrupted = 0;
  for (int kill = 0; kill < 60; ++kill) {
    int pipe_fds[2];
    REQUIRE(::pipe(pipe_fds) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      ::close(pipe_fds[0]);
      Result<std::unique_ptr<LocalStorageProvider>> p = LocalStorageProvider::Create(At(root, Fsync::kNone));
      for (int g = generation + 1;; ++g) {
        const int k = g % 9;
        const std::string key = "d" + std::to_string(k % 3) + "/" + std::to_string(k);
        TextSource source(std::to_string(g) + ":" + std::string(static_cast<std::size_t>(g) % 7 * 40'000, static_cast<char>('a' + g % 26)));
        PutOptions options;
        options.attempt_id = std::to_string(g);
        if (!(*p)->Put({}, key, source, options).ok()) ::_exit(3);
        const int line[2] = {k, g};
        if (::write(pipe_fds[1], line, sizeof line) != sizeof line) ::_exit(4);
      }
    }
    ::close(pipe_fds[1]);
    std::this_thread::sleep_for(std::chrono::microseconds(3000 + random() % 30'000));
    REQUIRE(::kill(child, SIGKILL) == 0);
    int line[2];
    std::map<int, int> told;
    while (::read(pipe_fds[0], line, sizeof line) == sizeof line) {
      told[line[0]] = line[1];
      generation = std::max(generation, line[1]);
    }
    ::close(pipe_fds[0]);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    for (const auto& [k, g] : told) acknowledged["d" + std::to_string(k % 3) + "/" + std::to_string(k)] = g;
    ++generation;  // the one that may have been under way
    auto p = Open(At(root));
    for (const auto& [path, bytes] : Files(root)) interrupted += path.find(".tmp") != std::string::npos ? 1 : 0;
    REQUIRE(p->SweepTemporary({}, std::chrono::seconds(0)).ok());
    for (const std::string& key : List(*p).keys) {
      const std::string bytes = Get(*p, key);
      const int g = std::stoi(bytes);
      REQUIRE(bytes.size() == std::to_string(g).size() + 1 + static_cast<std::size_t>(g) % 7 * 40'000);
      REQUIRE(bytes.find_first_not_of(static_cast<char>('a' + g % 26), bytes.find(':') + 1) == std::string::npos);
      REQUIRE(p->Stat({}, key)->attempt_id == std::to_string(g));
      REQUIRE(g >= acknowledged[key]);
    }
    for (const auto& [key, g] : acknowledged) REQUIRE(p->Stat({}, key).ok());
    for (const auto& [path, bytes] : Files(root)) REQUIRE(path.find(".tmp") == std::string::npos);
  }
  MESSAGE(interrupted << " of 60 kills left a temporary file");
  CHECK(generation > 100);
}

TEST_CASE("only old temporary files are swept") {
  Scratch scratch;
  auto p = Open(At(scratch.path()));
  WriteFile(scratch / "d/.fileferry-0123456789abcdefghijklmnop.tmp", "x");
  WriteFile(scratch / "d/.fileferry-mine.tmp", "x");
  CHECK(*p->SweepTemporary({}, std::chrono::hours(1)) == 0);
  CHECK(*p->SweepTemporary({}, std::chrono::seconds(0)) == 1);
  CHECK(Files(scratch.path()).size() == 1);
}

TEST_CASE("writers, removers and readers of the same keys at once: every reader sees a whole object, folders come and go") {
  Scratch scratch;
  auto p = Open(At(scratch.path()));
  std::atomic<bool> stop{false};
  std::atomic<int> torn{0}, failed{0};
  std::mutex mutex;
  std::string first;  // failure
  const auto note = [&](const Status& status) {
    if (status.ok()) return;
    ++failed;
    const std::scoped_lock lock(mutex);
    if (first.empty()) first = status.ToString();
  };
  std::vector<std::thread> threads;
  const std::vector<std::string> keys = {"a/b/c", "a/b", "a", "a/d", "e//f"};
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(static_cast<unsigned>(t));
      for (int i = 0; i < 400 && !stop; ++i) {
        const std::string& key = keys[random() % keys.size()];
        switch (random() % 4) {
          case 0:
          case 1: {
            TextSource source(std::string(random() % 20'000, static_cast<char>('a' + t)));
            note(p->Put({}, key, source, {}).status());
            break;
          }
          case 2:
            note(p->Remove({}, key, {}));
            break;
          default: {
            TextSink sink;
            const Result<ObjectInfo> info = p->Get({}, key, {}, sink);
            if (info.ok() && (sink.text.size() != info->size || (!sink.text.empty() && sink.text.find_first_not_of(sink.text[0]) != std::string::npos))) ++torn;
            if (info.code() != Code::kNotFound) note(info.status());
            note(p->List({}, {}).status());
          }
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(torn == 0);
  CHECK_MESSAGE(failed == 0, first);
  for (const std::string& key : keys) CHECK(p->Remove({}, key, {}).ok());
  CHECK(List(*p).keys.empty());
  CHECK(*p->SweepTemporary({}, std::chrono::seconds(0)) == 0);
}

TEST_CASE("a storage that was opened before a fork works on both sides, whatever other threads were doing") {
  Scratch scratch;
  auto p = Open(At(scratch.path()));
  std::atomic<bool> stop{false};
  // The allocator of a sanitizer, unlike the C library's, may be left locked in the child: there no thread is inside a call while we fork.
  std::atomic<bool> pausing{false};
  std::atomic<int> inside{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; !stop; ++i) {
        while (pausing && !stop) std::this_thread::yield();
        ++inside;
        if (pausing) {
          --inside;
          continue;
        }
        (void)Put(*p, "parent/" + std::to_string(t) + "/" + std::to_string(i % 10), "parent");
        (void)Get(*p, "parent/0/0");
        --inside;
      }
    });
  }
  auto batch = std::move(*p->NewBatch());
  PutOptions batched;
  batched.batch = batch.get();
  REQUIRE(Put(*p, "batched", "bytes", batched).ok());
  for (int i = 0; i < 100; ++i) {
    pausing = kSanitizer;
    while (pausing && inside > 0) std::this_thread::yield();
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      ::alarm(60);  // a lock that nobody gives back
      TextSource source("child");
      TextSink sink;
      const std::string key = "child/" + std::to_string(i);
      const bool ok = p->Put({}, key, source, {}).ok() && p->Get({}, key, {}, sink).ok() && sink.text == "child" && p->List({}, {}).ok() && p->Remove({}, key, {}).ok();
      batch.reset();
      ::_exit(ok ? 0 : 1);
    }
    pausing = false;
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CAPTURE(i);
    CHECK(WIFEXITED(status));  // else: a signal; SIGALRM is a lock
    if (WIFEXITED(status)) CHECK(WEXITSTATUS(status) == 0);
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  for (const BatchResult& result : batch->Commit({})) CHECK(result.status.ok());
  CHECK(Get(*p, "batched") == "bytes");
}

TEST_CASE("of many creators one wins; of many conditional writers each version is replaced once") {
  Scratch scratch;
  auto p = Open(At(scratch.path()));
  std::atomic<int> created{0}, replaced{0}, odd{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        PutOptions absent;
        absent.if_absent = true;
        const Result<ObjectInfo> put = Put(*p, "c/" + std::to_string(i), std::to_string(t), absent);
        if (put.ok()) ++created;
        if (!put.ok() && put.code() != Code::kAlreadyExists) ++odd;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(created == 50);
  REQUIRE(Put(*p, "counter", "0").ok());
  threads.clear();
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        TextSink sink;
        const Result<ObjectInfo> info = p->Get({}, "counter", {}, sink);
        if (!info.ok()) {
          ++odd;
          continue;
        }
        PutOptions match;
        match.if_match = info->etag;
        TextSource source(std::to_string(std::stoi(sink.text) + 1));
        const Result<ObjectInfo> put = p->Put({}, "counter", source, match);
        if (put.ok()) ++replaced;
        if (!put.ok() && put.code() != Code::kPreconditionFailed) ++odd;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(odd == 0);
  CHECK(Get(*p, "counter") == std::to_string(replaced.load()));
}
