// queue_test.cc: who gets which job when, who waits for whom, and that everybody comes home.
#include "transfer/queue.h"

#include <doctest/doctest.h>

#include <atomic>
#include <set>
#include <thread>

#include "transfer/large.h"

using namespace fileferry;

namespace {

std::vector<Item> Items(std::initializer_list<const char*> keys) {
  std::vector<Item> items;
  for (const char* key : keys) items.emplace_back().key = key;
  return items;
}

std::string PopOne(JobQueue& queue) {
  Job job;
  REQUIRE(queue.Pop(&job));
  return job.large != nullptr ? "part " + std::to_string(job.part) : job.item.key;
}

// Long enough for a thread that could go on to have gone on.
void Breathe() { std::this_thread::sleep_for(std::chrono::milliseconds(30)); }

}  // namespace

TEST_CASE("objects in their order, what comes again first, parts before all") {
  JobQueue queue(10);
  auto items = Items({"a", "b", "c"});
  REQUIRE(queue.Push(&items));
  CHECK(items.empty());
  CHECK(PopOne(queue) == "a");
  Item again;
  again.key = "a again";
  queue.Requeue(again);
  queue.AddParts(std::make_shared<LargeObject>(), {0, 1});
  queue.AddParts(std::make_shared<LargeObject>(), {7});
  queue.AddParts(std::make_shared<LargeObject>(), {});
  for (const char* expected : {"part 0", "part 1", "part 7", "a again", "b", "c"}) CHECK(PopOne(queue) == expected);
  CHECK_FALSE(queue.Idle());
  for (int i = 0; i < 7; ++i) queue.Done();
  CHECK(queue.Idle());
}

TEST_CASE("dropped parts are those that nobody has begun, of that object alone") {
  JobQueue queue(10);
  auto one = std::make_shared<LargeObject>(), other = std::make_shared<LargeObject>();
  queue.AddParts(one, {0, 1, 2});
  queue.AddParts(other, {5});
  CHECK(PopOne(queue) == "part 0");
  CHECK(queue.DropParts(one.get()) == 2);
  CHECK(queue.DropParts(one.get()) == 0);
  CHECK(PopOne(queue) == "part 5");
}

TEST_CASE("a full queue makes the planner wait, and half an empty one lets it go on") {
  JobQueue queue(4);
  std::atomic<bool> pushed{false};
  std::thread planner([&] {
    auto items = Items({"1", "2", "3", "4", "5", "6"});
    CHECK(queue.Push(&items));
    pushed = true;
  });
  Breathe();
  CHECK_FALSE(pushed);
  CHECK(PopOne(queue) == "1");
  CHECK(PopOne(queue) == "2");
  planner.join();
  CHECK(pushed);
  for (const char* expected : {"3", "4", "5", "6"}) CHECK(PopOne(queue) == expected);
}

TEST_CASE("a stop lets everybody go: planner, workers and who waits for the end") {
  JobQueue queue(1);
  auto first = Items({"1"});
  REQUIRE(queue.Push(&first));
  CHECK(PopOne(queue) == "1");
  std::thread worker([&] {
    Job job;
    CHECK_FALSE(queue.Pop(&job));
  });
  std::thread waits([&] { CHECK_FALSE(queue.WaitIdle()); });
  Breathe();
  queue.Stop();
  worker.join();
  waits.join();
  auto more = Items({"2", "3"});
  CHECK_FALSE(queue.Push(&more));
  CHECK(queue.stopped());
}

TEST_CASE("a closed queue ends only when nothing is queued, under way or held") {
  JobQueue queue(10);
  auto items = Items({"1"});
  REQUIRE(queue.Push(&items));
  queue.Hold(1);
  CHECK(PopOne(queue) == "1");
  queue.Close();
  std::atomic<bool> ended{false};
  std::thread worker([&] {
    Job job;
    CHECK(queue.Pop(&job));  // what the held one became
    CHECK(job.item.key == "again");
    queue.Done();
    CHECK_FALSE(queue.Pop(&job));
    ended = true;
  });
  queue.Done();
  CHECK(queue.WaitIdle());  // held ones apart
  Breathe();
  CHECK_FALSE(ended);
  Item again;
  again.key = "again";
  queue.Requeue(again);
  queue.Release(1);
  worker.join();
  CHECK(ended);
}

TEST_CASE("a paused queue gives out nothing") {
  JobQueue queue(10);
  queue.Pause(true);
  auto items = Items({"1"});
  REQUIRE(queue.Push(&items));
  std::atomic<bool> got{false};
  std::thread worker([&] {
    CHECK(PopOne(queue) == "1");
    got = true;
  });
  Breathe();
  CHECK_FALSE(got);
  queue.Pause(false);
  worker.join();
  CHECK(got);
}

TEST_CASE("many workers and one planner: every object once") {
  JobQueue queue(16);
  std::mutex mutex;
  std::multiset<std::string> seen;
  std::vector<std::thread> workers;
  for (int i = 0; i < 8; ++i) {
    workers.emplace_back([&] {
      Job job;
      while (queue.Pop(&job)) {
        {
          std::lock_guard lock(mutex);
          seen.insert(job.item.key);
        }
        queue.Done();
      }
    });
  }
  for (int page = 0; page < 50; ++page) {
    std::vector<Item> items(40);
    for (int i = 0; i < 40; ++i) items[static_cast<std::size_t>(i)].key = std::to_string(page * 40 + i);
    REQUIRE(queue.Push(&items));
  }
  CHECK(queue.WaitIdle());
  queue.Close();
  for (std::thread& worker : workers) worker.join();
  CHECK(seen.size() == 2000);
  CHECK(std::set<std::string>(seen.begin(), seen.end()).size() == 2000);
}

TEST_CASE("a narrowed queue gives out less at a time, and more again when jobs go well") {
  JobQueue queue(200);
  std::vector<Item> items(150);
  REQUIRE(queue.Push(&items));
  for (int i = 0; i < 4; ++i) PopOne(queue);
  queue.Narrow();  // to two
  queue.Narrow();  // of those under way: they are as many as before
  queue.Done();
  queue.Done();
  std::atomic<int> got{0};
  std::thread waiting([&] {
    PopOne(queue);
    ++got;
  });
  Breathe();
  CHECK(got == 0);
  queue.Done();
  waiting.join();
  CHECK(got == 1);
  bool narrow = true;
  int well = 0;
  while (narrow && well < 100) {
    ++well;
    narrow = queue.Widen();
  }
  CHECK(well == 32);  // to three, and to the four of the beginning
  for (int i = 0; i < 10; ++i) PopOne(queue);
  for (int i = 0; i < 12; ++i) queue.Done();
}
