// thread_pool_test.cc: workers, order, limits, forks.
#include "runtime/thread_pool.h"

#include <doctest/doctest.h>
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <future>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "runtime/thread.h"

#if defined(__SANITIZE_THREAD__)
#define FERRY_UNDER_TSAN
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define FERRY_UNDER_TSAN
#endif
#endif

using namespace fileferry;
using namespace std::chrono_literals;

namespace {

std::size_t ThreadsOfThisProcess() {
  DIR* tasks = ::opendir("/proc/self/task");
  std::size_t count = 0;
  while (const struct dirent* entry = ::readdir(tasks)) count += entry->d_name[0] != '.' ? 1 : 0;
  ::closedir(tasks);
  return count;
}

// Lets tasks wait until it is opened.
class Gate {
 public:
  void Open() { promise_.set_value(); }
  void Wait() const { future_.wait(); }

 private:
  std::promise<void> promise_;
  std::shared_future<void> future_ = promise_.get_future().share();
};

}  // namespace

TEST_CASE("every task runs once") {
  std::atomic<int> sum{0};
  {
    ThreadPool pool("test", 4);
    for (int i = 1; i <= 10000; ++i) REQUIRE(pool.Submit([&sum, i] { sum += i; }).ok());
  }
  CHECK(sum == 50005000);
}

TEST_CASE("no thread before the first task, never more than allowed, none left behind") {
  const std::size_t before = ThreadsOfThisProcess();
  {
    ThreadPool pool("test", 3);
    CHECK(pool.threads() == 3);
    CHECK(ThreadsOfThisProcess() == before);
    REQUIRE(pool.Submit([] {}).ok());
    REQUIRE(pool.WaitIdle(10s));
    CHECK(ThreadsOfThisProcess() == before + 1);
    std::atomic<int> at_once{0}, most{0};
    for (int i = 0; i < 50; ++i) {
      REQUIRE(pool.Submit([&] {
        const int now = ++at_once;
        for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
        }
        std::this_thread::sleep_for(1ms);
        --at_once;
      }).ok());
    }
    REQUIRE(pool.WaitIdle(10s));
    CHECK(most == 3);
    CHECK(ThreadsOfThisProcess() == before + 3);
  }
  CHECK(ThreadsOfThisProcess() == before);
}

TEST_CASE("one worker keeps the order") {
  std::vector<int> order;
  {
    ThreadPool pool("test", 0);  // at least one
    CHECK(pool.threads() == 1);
    for (int i = 0; i < 1000; ++i) REQUIRE(pool.Submit([&order, i] { order.push_back(i); }).ok());
  }
  REQUIRE(order.size() == 1000);
  for (int i = 0; i < 1000; ++i) CHECK(order[static_cast<std::size_t>(i)] == i);
}

TEST_CASE("waiting for room and for the end") {
  ThreadPool pool("test", 2);
  Gate gate;
  for (int i = 0; i < 6; ++i) REQUIRE(pool.Submit([&gate] { gate.Wait(); }).ok());
  while (pool.running() < 2) std::this_thread::sleep_for(1ms);
  CHECK(pool.waiting() == 4);
  CHECK_FALSE(pool.WaitForRoom(4, 20ms));
  CHECK(pool.WaitForRoom(5, 0ms));
  CHECK_FALSE(pool.WaitIdle(20ms));
  gate.Open();
  CHECK(pool.WaitForRoom(1, 10s));
  CHECK(pool.WaitIdle(10s));
  CHECK(pool.running() == 0);
}

TEST_CASE("tasks may submit tasks, also while the pool is being destroyed") {
  std::atomic<int> done{0};
  {
    ThreadPool pool("test", 2);
    std::function<void(int)> split = [&](int depth) {
      ++done;
      if (depth == 0) return;
      for (int i = 0; i < 2; ++i) CHECK(pool.Submit([&split, depth] { split(depth - 1); }).ok());
    };
    REQUIRE(pool.Submit([&] { split(9); }).ok());
    REQUIRE(pool.WaitIdle(30s));
    CHECK(done == 1023);
    REQUIRE(pool.Submit([&] {
      std::this_thread::sleep_for(20ms);
      CHECK(pool.Submit([&] { ++done; }).ok());
    }).ok());
  }
  CHECK(done == 1024);
}

TEST_CASE("what a task holds is released before it counts as ended") {
  ThreadPool pool("test", 2);
  for (int i = 0; i < 200; ++i) {
    auto token = std::make_shared<int>(1);
    const std::weak_ptr<int> watch = token;
    REQUIRE(pool.Submit([held = std::move(token)] {}).ok());
    REQUIRE(pool.WaitIdle(10s));
    REQUIRE(watch.expired());
  }
}

TEST_CASE("threads block signals and carry their name") {
  char name[16] = "";
  int blocked = 0;
  Result<Thread> thread = Thread::Start("ferry-with-a-long-name", [&] {
    ::pthread_getname_np(::pthread_self(), name, sizeof name);
    sigset_t mask;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    blocked = ::sigismember(&mask, SIGINT) + ::sigismember(&mask, SIGTERM) + ::sigismember(&mask, SIGUSR1);
  });
  REQUIRE(thread.ok());
  thread->Join();
  CHECK_FALSE(thread->joinable());
  CHECK(std::string(name) == "ferry-with-a-lo");
  CHECK(blocked == 3);
  sigset_t mine;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mine);
  CHECK(::sigismember(&mine, SIGINT) == 0);
}

TEST_CASE("after a fork the child has no workers and does not wait for them") {
  auto pool = std::make_unique<ThreadPool>("test", 2);
  Gate gate;
  for (int i = 0; i < 4; ++i) REQUIRE(pool->Submit([&gate] { gate.Wait(); }).ok());
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(20);  // a child that hangs is killed, and the test sees it
    const bool refused = pool->Submit([] {}).code() == Code::kForked && pool->waiting() == 0 && !pool->WaitIdle(10ms);
    pool.reset();
    bool works = true;
#ifndef FERRY_UNDER_TSAN  // which ends a child that starts a thread
    ThreadPool own("child", 1);
    std::atomic<bool> ran{false};
    works = own.Submit([&ran] { ran = true; }).ok() && own.WaitIdle(10s) && ran;
#endif
    ::_exit(refused && works ? 0 : 1);
  }
  gate.Open();
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(pool->WaitIdle(10s));
}
