// credentials_fixture.h: an environment, files and a clock that a test makes up.
#ifndef FILEFERRY_TESTS_UNIT_S3_CREDENTIALS_CREDENTIALS_FIXTURE_H_
#define FILEFERRY_TESTS_UNIT_S3_CREDENTIALS_CREDENTIALS_FIXTURE_H_

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "base/text.h"
#include "providers/s3/credentials.h"
#include "support/scripted_server.h"

namespace fileferry::s3 {

// A home folder with its environment; nothing of the real one is seen.  Instance metadata is off until a test turns it on.
class Home {
 public:
  Home() {
    char name[] = "/tmp/fileferry-home-XXXXXX";
    path = ::mkdtemp(name);
    variables = {{"HOME", path}, {"PATH", "/usr/bin:/bin"}, {"AWS_EC2_METADATA_DISABLED", "true"}};
  }
  ~Home() { std::filesystem::remove_all(path); }
  Home(const Home&) = delete;
  Home& operator=(const Home&) = delete;

  std::string Write(const std::string& name, const std::string& text) {
    const std::filesystem::path file = std::filesystem::path(path) / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
    return file.string();
  }
  void Set(const std::string& name, const std::string& value) {
    const std::lock_guard lock(mutex);
    variables[name] = value;
  }
  void Unset(const std::string& name) {
    const std::lock_guard lock(mutex);
    variables.erase(name);
  }
  Environment env() {
    return [this](const std::string& name) -> std::optional<std::string> {
      const std::lock_guard lock(mutex);
      const auto found = variables.find(name);
      if (found == variables.end()) return std::nullopt;
      return found->second;
    };
  }
  CredentialOptions options(std::string profile = {}) {
    CredentialOptions options;
    options.env = env();
    options.profile = std::move(profile);
    return options;
  }
  Result<S3Credentials> Get(std::string profile = {}) { return NewCredentialChain(options(std::move(profile)))->Get({}); }

  std::string path;
  std::mutex mutex;
  std::map<std::string, std::string> variables;
};

class FakeClock : public IClock {
 public:
  FakeClock() { SetClock(this); }
  ~FakeClock() override { SetClock(nullptr); }
  Time Now() override { return Time(std::chrono::nanoseconds(now.load())); }
  OpContext::Clock::time_point SteadyNow() override { return OpContext::Clock::now(); }
  Status Sleep(const OpContext&, std::chrono::milliseconds) override { return {}; }
  double RandomUnit() override { return 0.5; }
  void Advance(std::chrono::seconds by) { now += std::chrono::nanoseconds(by).count(); }
  std::string In(std::chrono::minutes time) { return FormatIso8601(Now() + time); }
  std::atomic<std::int64_t> now{1700000000LL * 1000000000LL};  // 2023-11-14T22:13:20Z
};

}  // namespace fileferry::s3

#endif  // FILEFERRY_TESTS_UNIT_S3_CREDENTIALS_CREDENTIALS_FIXTURE_H_
