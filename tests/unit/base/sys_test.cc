// sys_test.cc: the hook around system calls, and the clock.
#include "base/sys.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/unique_fd.h"

using namespace fileferry;

namespace {

// Gives the verdicts in turn to calls of one name, and notes every call.
class Script : public sys::IFaultHook {
 public:
  explicit Script(std::string call, std::vector<sys::Verdict> verdicts = {}) : call_(std::move(call)), verdicts_(std::move(verdicts)) {
    sys::SetFaultHook(this);
  }
  ~Script() override { sys::SetFaultHook(nullptr); }
  sys::Verdict OnCall(const sys::Site& site) override {
    if (call_ != site.call) return {};
    lines.push_back(site.line);
    file = site.file;
    return lines.size() <= verdicts_.size() ? verdicts_[lines.size() - 1] : sys::Verdict{};
  }
  std::vector<unsigned> lines;
  std::string file;

 private:
  std::string call_;
  std::vector<sys::Verdict> verdicts_;
};

struct Folder {
  Folder() {
    char name[] = "/tmp/ferry-sys-XXXXXX";
    path = ::mkdtemp(name);
    fd = UniqueFd(sys::OpenAt(AT_FDCWD, path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0));
  }
  ~Folder() { (void)!std::system(("rm -rf " + path).c_str()); }
  bool Has(const char* name) const { return ::faccessat(fd.get(), name, F_OK, AT_SYMLINK_NOFOLLOW) == 0; }
  std::string path;
  UniqueFd fd;
};

std::size_t OpenDescriptors() {
  std::size_t count = 0;
  for (int fd = 0; fd < 256; ++fd) count += ::fcntl(fd, F_GETFD) != -1 ? 1 : 0;
  return count;
}

}  // namespace

TEST_CASE("the plain calls do what their names say") {
  Folder folder;
  UniqueFd file(sys::OpenAt(folder.fd.get(), "a", O_RDWR | O_CREAT | O_EXCL, 0600));
  REQUIRE(file.valid());
  CHECK(sys::Write(file.get(), "hello", 5) == 5);
  CHECK(sys::PWrite(file.get(), "J", 1, 0) == 1);
  char buffer[8] = {};
  CHECK(sys::PRead(file.get(), buffer, 8, 0) == 5);
  CHECK(std::string(buffer) == "Jello");
  CHECK(sys::Fsync(file.get()) == 0);
  CHECK(sys::FTruncate(file.get(), 2) == 0);
  struct stat info = {};
  CHECK(sys::FStat(file.get(), &info) == 0);
  CHECK(info.st_size == 2);
  CHECK(sys::FChmod(file.get(), 0640) == 0);
  const struct timespec times[2] = {{1, 2}, {3, 4}};
  CHECK(sys::FUtimens(file.get(), times) == 0);
  CHECK(sys::FStatAt(folder.fd.get(), "a", &info, AT_SYMLINK_NOFOLLOW) == 0);
  CHECK((info.st_mode & 0777) == 0640);
  CHECK(info.st_mtim.tv_sec == 3);
  CHECK(sys::LinkAt(folder.fd.get(), "a", folder.fd.get(), "b", 0) == 0);
  CHECK(sys::LinkAt(folder.fd.get(), "a", folder.fd.get(), "b", 0) == -1);
  CHECK(errno == EEXIST);
  CHECK(sys::RenameAt(folder.fd.get(), "b", folder.fd.get(), "c", 0) == 0);
  CHECK(sys::MkdirAt(folder.fd.get(), "d", 0700) == 0);
  CHECK(sys::UnlinkAt(folder.fd.get(), "d", AT_REMOVEDIR) == 0);
  struct statvfs space = {};
  CHECK(sys::FStatVfs(file.get(), &space) == 0);
  CHECK(space.f_bsize > 0);
  CHECK(sys::SyncFs(file.get()) == 0);

  DIR* listing = sys::FdOpenDir(::dup(folder.fd.get()));
  REQUIRE(listing != nullptr);
  std::set<std::string> names;
  while (const struct dirent* entry = sys::ReadDir(listing)) names.insert(entry->d_name);
  CHECK(errno == 0);
  CHECK(names == std::set<std::string>{".", "..", "a", "c"});
  ::closedir(listing);
}

TEST_CASE("a site is the place of the call in the source") {
  Script script("fsync");
  (void)sys::Fsync(-1);
  const unsigned line = __LINE__ - 1;
  (void)sys::Fsync(-1);
  REQUIRE(script.lines.size() == 2);
  CHECK(script.lines[0] == line);
  CHECK(script.lines[1] == line + 2);
  CHECK(script.file.ends_with("sys_test.cc"));
}

TEST_CASE("a failure before the effect") {
  Folder folder;
  Script script("mkdirat", {{ENOSPC, false, SIZE_MAX}});
  CHECK(sys::MkdirAt(folder.fd.get(), "d", 0700) == -1);
  CHECK(errno == ENOSPC);
  CHECK_FALSE(folder.Has("d"));
  CHECK(sys::MkdirAt(folder.fd.get(), "d", 0700) == 0);
}

TEST_CASE("a failure after the effect: it happened, and no descriptor is lost") {
  Folder folder;
  {
    Script script("mkdirat", {{EIO, true, SIZE_MAX}});
    CHECK(sys::MkdirAt(folder.fd.get(), "d", 0700) == -1);
    CHECK(errno == EIO);
    CHECK(folder.Has("d"));
  }
  Script script("openat", {{EIO, true, SIZE_MAX}});
  const std::size_t before = OpenDescriptors();
  CHECK(sys::OpenAt(folder.fd.get(), "f", O_WRONLY | O_CREAT, 0600) == -1);
  CHECK(errno == EIO);
  CHECK(folder.Has("f"));
  CHECK(OpenDescriptors() == before);
}

TEST_CASE("a short transfer") {
  Folder folder;
  UniqueFd file(sys::OpenAt(folder.fd.get(), "a", O_RDWR | O_CREAT, 0600));
  {
    Script script("write", {{0, false, 3}});
    CHECK(sys::Write(file.get(), "hello", 5) == 3);
    CHECK(sys::Write(file.get(), "lo", 2) == 2);
  }
  Script script("pread", {{0, false, 1}});
  char buffer[8] = {};
  CHECK(sys::PRead(file.get(), buffer, 8, 0) == 1);
  CHECK(sys::PRead(file.get(), buffer, 8, 0) == 5);
}

TEST_CASE("an interrupted call is repeated, but not one that changes names") {
  Folder folder;
  {
    Script script("openat", {{EINTR, false, SIZE_MAX}, {EINTR, false, SIZE_MAX}});
    UniqueFd file(sys::OpenAt(folder.fd.get(), "a", O_RDWR | O_CREAT, 0600));
    CHECK(file.valid());
    CHECK(script.lines.size() == 3);
  }
  Script script("renameat2", {{EINTR, true, SIZE_MAX}});
  CHECK(sys::RenameAt(folder.fd.get(), "a", folder.fd.get(), "b", 0) == -1);
  CHECK(errno == EINTR);
  CHECK(folder.Has("b"));
  CHECK(script.lines.size() == 1);
}

TEST_CASE("close releases the descriptor whatever it answers") {
  Script script("close", {{EIO, false, SIZE_MAX}});
  const std::size_t before = OpenDescriptors();
  const int fd = ::dup(2);
  CHECK(sys::Close(fd) == -1);
  CHECK(errno == EIO);
  CHECK(OpenDescriptors() == before);
}

TEST_CASE("a failed FdOpenDir leaves the descriptor with its owner") {
  Folder folder;
  for (const bool after : {false, true}) {
    Script script("fdopendir", {{ENOMEM, after, SIZE_MAX}});
    UniqueFd copy(::dup(folder.fd.get()));
    CHECK(sys::FdOpenDir(copy.get()) == nullptr);
    CHECK(errno == ENOMEM);
    CHECK(::fcntl(copy.get(), F_GETFD) != -1);
  }
}

TEST_CASE("nothing is opened outside the folder") {
  Folder folder;
  REQUIRE(sys::MkdirAt(folder.fd.get(), "d", 0700) == 0);
  REQUIRE(::symlinkat("/etc", folder.fd.get(), "out") == 0);
  REQUIRE(::symlinkat("d", folder.fd.get(), "in") == 0);
  const auto open = [&](const char* path, bool follow) { return UniqueFd(sys::OpenBeneath(folder.fd.get(), path, O_RDONLY | O_CLOEXEC, 0, follow)); };
  const bool there = open("d", false).valid();
  if (!there) {  // a kernel before 5.6: callers fall back
    CHECK(errno == ENOSYS);
    return;
  }
  CHECK(open("in", true).valid());
  CHECK_FALSE(open("in", false).valid());
  CHECK(errno == ELOOP);
  for (const bool follow : {false, true}) {
    CHECK_FALSE(open("..", follow).valid());
    CHECK_FALSE(open("d/../../x", follow).valid());
    CHECK_FALSE(open("/etc", follow).valid());
    CHECK_FALSE(open("out", follow).valid());
    CHECK_FALSE(open("out/passwd", follow).valid());
  }
  UniqueFd made(sys::OpenBeneath(folder.fd.get(), "d/new", O_WRONLY | O_CREAT | O_EXCL, 0640, false));
  CHECK(made.valid());
}

TEST_CASE("ids: 26 characters, never the same, also on both sides of a fork") {
  std::set<std::string> ids;
  for (int i = 0; i < 5000; ++i) {
    const std::string id = RandomId();
    CHECK(id.size() == 26);
    CHECK(id.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyz") == std::string::npos);
    ids.insert(id);
  }
  CHECK(ids.size() == 5000);
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t child = ::fork();
  const std::string id = RandomId();
  if (child == 0) {
    (void)!::write(ends[1], id.data(), id.size());
    ::_exit(0);
  }
  char other[26] = {};
  CHECK(::read(ends[0], other, sizeof other) == 26);
  ::waitpid(child, nullptr, 0);
  CHECK(id != std::string(other, 26));
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_CASE("random numbers fill [0, 1)") {
  double sum = 0, least = 1, most = 0;
  for (int i = 0; i < 10000; ++i) {
    const double value = RandomUnit();
    sum += value;
    least = std::min(least, value);
    most = std::max(most, value);
  }
  CHECK(least >= 0);
  CHECK(most < 1);
  CHECK(least < 0.01);
  CHECK(most > 0.99);
  CHECK(sum / 10000 == doctest::Approx(0.5).epsilon(0.05));
}

TEST_CASE("sleeping ends early when it must") {
  using namespace std::chrono_literals;
  const auto start = OpContext::Clock::now();
  OpContext ctx;
  CHECK(SleepFor(ctx, 0ms).ok());
  CHECK(SleepFor(ctx, 20ms).ok());
  CHECK(OpContext::Clock::now() - start >= 20ms);
  ctx.deadline = OpContext::Clock::now() + 20ms;
  CHECK(SleepFor(ctx, std::chrono::milliseconds::max()).code() == Code::kTimeout);
  CancelToken token;
  OpContext cancellable;
  cancellable.cancel = &token;
  std::thread other([&] {
    std::this_thread::sleep_for(30ms);
    token.Cancel();
  });
  CHECK(SleepFor(cancellable, 1h).code() == Code::kCancelled);
  other.join();
  CHECK(OpContext::Clock::now() - start < 5s);
}

TEST_CASE("a test's clock takes the place of the real one") {
  struct Fake : IClock {
    Time now{std::chrono::seconds(100)};
    Time Now() override { return now; }
    OpContext::Clock::time_point SteadyNow() override { return OpContext::Clock::time_point(now.time_since_epoch()); }
    Status Sleep(const OpContext& ctx, std::chrono::milliseconds time) override {
      now += time;
      return ctx.Check();
    }
    double RandomUnit() override { return 0.25; }
  } fake;
  SetClock(&fake);
  CHECK(SleepFor({}, std::chrono::hours(1)).ok());
  CHECK(Now() == Time(std::chrono::seconds(3700)));
  CHECK(SteadyNow().time_since_epoch() == std::chrono::seconds(3700));
  CHECK(RandomUnit() == 0.25);
  SetClock(nullptr);
  CHECK(Now() > Time(std::chrono::seconds(1'600'000'000)));
}
