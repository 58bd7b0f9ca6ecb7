// When credentials are fetched again: early, one at a time, after "expired", after a fork.
#include <doctest/doctest.h>
#include <sys/wait.h>

#include <thread>

#include "unit/s3_credentials/credentials_fixture.h"

namespace fileferry::s3 {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using testing::Answer;
using testing::ScriptedServer;
using testing::SeenRequest;

// A container that hands out keys numbered by the request.
struct Rotating {
  Rotating() {
    home.Set("AWS_CONTAINER_CREDENTIALS_FULL_URI", server.url("/"));
    source = NewCredentialChain(home.options());
  }
  std::string Id() {
    const Result<S3Credentials> keys = source->Get({});
    return keys.ok() ? keys->access_key_id : std::string(CodeName(keys.code()));
  }
  FakeClock clock;
  Home home;
  std::atomic<int> asked{0};
  std::atomic<int> life{60};       // minutes
  std::atomic<int> delay{0};       // milliseconds
  std::atomic<bool> broken{false};
  ScriptedServer server{ScriptedServer::Serve([this](const SeenRequest&) {
    const int number = ++asked;
    if (delay > 0) std::this_thread::sleep_for(std::chrono::milliseconds(delay.load()));
    if (broken) return Answer(403, "");
    return Answer(200, "{\"AccessKeyId\":\"K" + std::to_string(number) + "\",\"SecretAccessKey\":\"s\",\"Token\":\"t\",\"Expiration\":\"" + clock.In(minutes(life.load())) + "\"}");
  })};
  std::shared_ptr<IS3CredentialSource> source;
};

TEST_CASE("keys are kept until a quarter of an hour before their end") {
  Rotating rotating;
  for (int i = 0; i < 20; ++i) CHECK(rotating.Id() == "K1");
  rotating.clock.Advance(minutes(44));
  CHECK(rotating.Id() == "K1");
  rotating.clock.Advance(minutes(2));  // 14 minutes are left
  CHECK(rotating.Id() == "K2");
  CHECK(rotating.Id() == "K2");
  CHECK(rotating.asked.load() == 2);
}

TEST_CASE("a refresh that fails leaves the old keys in use to their end, and is not tried for each request") {
  Rotating rotating;
  CHECK(rotating.Id() == "K1");
  rotating.broken = true;
  rotating.clock.Advance(minutes(46));
  for (int i = 0; i < 20; ++i) CHECK(rotating.Id() == "K1");
  CHECK(rotating.asked.load() == 2);
  rotating.clock.Advance(seconds(61));
  CHECK(rotating.Id() == "K1");
  CHECK(rotating.asked.load() == 3);
  rotating.clock.Advance(minutes(5));  // under ten minutes: more often
  CHECK(rotating.Id() == "K1");
  rotating.clock.Advance(seconds(11));
  CHECK(rotating.Id() == "K1");
  CHECK(rotating.asked.load() == 5);
  rotating.clock.Advance(minutes(9));
  CHECK(rotating.Id() == "PermissionDenied");
  for (int i = 0; i < 20; ++i) CHECK(rotating.Id() == "PermissionDenied");
  CHECK(rotating.asked.load() == 6);
  rotating.broken = false;
  rotating.clock.Advance(seconds(61));
  CHECK(rotating.Id() == "K7");
}

TEST_CASE("while one refreshes, the others use what they have") {
  Rotating rotating;
  CHECK(rotating.Id() == "K1");
  rotating.clock.Advance(minutes(50));
  rotating.delay = 500;
  std::thread refresher([&] { CHECK(rotating.Id() == "K2"); });
  while (rotating.asked.load() < 2) std::this_thread::yield();
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 50; ++i) CHECK(rotating.Id() == "K1");
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::milliseconds(400));
  refresher.join();
  CHECK(rotating.Id() == "K2");
  CHECK(rotating.asked.load() == 2);
}

TEST_CASE("sixteen threads without keys cause one request") {
  Rotating rotating;
  rotating.delay = 100;
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([&] {
      if (rotating.Id() == "K1") ++right;
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(right.load() == 16);
  CHECK(rotating.asked.load() == 1);
}

TEST_CASE("one who waits for another's refresh can still be cancelled") {
  Rotating rotating;
  rotating.delay = 800;
  std::thread refresher([&] { CHECK(rotating.Id() == "K1"); });
  while (rotating.asked.load() < 1) std::this_thread::yield();
  CancelToken cancel;
  cancel.Cancel();
  OpContext ctx;
  ctx.cancel = &cancel;
  CHECK(rotating.source->Get(ctx).code() == Code::kCancelled);
  refresher.join();
}

TEST_CASE("a caller who gives up does not spoil it for the others") {
  Rotating rotating;
  CancelToken cancel;
  cancel.Cancel();
  OpContext ctx;
  ctx.cancel = &cancel;
  CHECK(rotating.source->Get(ctx).code() == Code::kCancelled);
  CHECK(rotating.Id() == "K1");
}

TEST_CASE("keys that the service called expired") {
  Rotating rotating;
  CHECK(rotating.Id() == "K1");
  rotating.source->Invalidate();  // said of the keys before: these are seconds old
  CHECK(rotating.Id() == "K1");
  rotating.clock.Advance(seconds(10));
  rotating.source->Invalidate();
  CHECK(rotating.Id() == "K2");
  rotating.source->Invalidate();
  CHECK(rotating.Id() == "K2");
}

TEST_CASE("keys that live shorter than the early refresh are not fetched each time") {
  Rotating rotating;
  rotating.life = 5;
  for (int i = 0; i < 10; ++i) CHECK(rotating.Id() == "K1");
  rotating.clock.Advance(seconds(11));
  CHECK(rotating.Id() == "K2");
  rotating.life = -1;
  rotating.clock.Advance(minutes(6));
  CHECK(rotating.Id() == "Unauthenticated");  // they had ended when they came
}

TEST_CASE("a file that is written later is found after a minute, or at once after Invalidate") {
  FakeClock clock;
  Home home;
  const auto source = NewCredentialChain(home.options());
  CHECK(source->Get({}).code() == Code::kUnauthenticated);
  home.Write(".aws/credentials", "[default]\naws_access_key_id = A\naws_secret_access_key = s\n");
  CHECK(source->Get({}).code() == Code::kUnauthenticated);
  clock.Advance(seconds(61));
  CHECK(source->Get({})->access_key_id == "A");
  home.Write(".aws/credentials", "[default]\naws_access_key_id = B\naws_secret_access_key = s\n");
  CHECK(source->Get({})->access_key_id == "A");
  clock.Advance(seconds(10));
  source->Invalidate();
  CHECK(source->Get({})->access_key_id == "B");
}

TEST_CASE("a child process fetches its own, also when it was forked in the middle of a refresh") {
  Rotating rotating;
  rotating.delay = 300;
  std::thread refresher([&] { CHECK(rotating.Id() == "K1"); });
  while (rotating.asked.load() < 1) std::this_thread::yield();
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(20);
    ::_exit(rotating.Id() == "K2" ? 0 : 1);
  }
  refresher.join();
  int state = 0;
  REQUIRE(::waitpid(child, &state, 0) == child);
  CHECK(WIFEXITED(state));
  CHECK(WEXITSTATUS(state) == 0);
  CHECK(rotating.Id() == "K1");
}

}  // namespace
}  // namespace fileferry::s3
