// board_test.cc: the figures of a run: what is due, how much of it is done, how long it will take.
#include "transfer/board.h"

#include <doctest/doctest.h>

#include <thread>

using namespace fileferry;

namespace {
void Some(int objects, std::uint64_t bytes, Board& board) {
  for (int i = 0; i < objects; ++i) {
    board.Count(Outcome::kVerified, bytes);
    board.Worked(bytes);
  }
}
TEST_CASE("problems that somebody takes are all told, and those who meet them wait for him") {
  Board board(1);
  CHECK(board.TakeProblems().empty());
  constexpr std::size_t kAll = 35000;
  std::thread meets([&board] {
    for (std::size_t i = 0; i < kAll; ++i) {
      ObjectRecord record;
      record.key = std::to_string(i);
      record.outcome = Outcome::kFailed;
      board.Problem(std::move(record), true);
    }
  });
  std::size_t next = 0;
  while (next < kAll) {
    const std::vector<ObjectRecord> taken = board.TakeProblems();
    CHECK(taken.size() <= 10000);
    for (const ObjectRecord& record : taken) REQUIRE(record.key == std::to_string(next++));
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  meets.join();
  CHECK(board.TakeProblems().empty());
  std::thread leaves([&board] {
    for (std::size_t i = 0; i < 10001; ++i) board.Problem(ObjectRecord(), true);
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  board.StopWaiting();  // nobody comes any more
  leaves.join();
  CHECK(board.Problems(SIZE_MAX).size() == 10000);
}

}  // namespace

TEST_CASE("a copy: what is listed is due, and a share of it is done") {
  Board board(2);
  board.Started();
  CHECK(board.Snapshot().share == 0);
  board.listed = 10;
  board.listed_bytes = 10 << 20;
  Some(5, 1 << 20, board);
  Progress progress = board.Snapshot();
  CHECK(progress.due == 10);
  CHECK(progress.ended == 5);
  CHECK(progress.ended_bytes == 5 << 20);
  CHECK(progress.share == doctest::Approx(0.5));
  CHECK(progress.eta == -1);  // while the listing goes on
  board.listing_done = true;
  for (int i = 0; i < 3; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
    Some(1, 1 << 20, board);
    progress = board.Snapshot();
  }
  CHECK(progress.share == doctest::Approx(0.8));
  CHECK(progress.eta > 0);
  CHECK(progress.eta < 10);
  Some(2, 1 << 20, board);
  CHECK(board.Snapshot().share == 1);
}

TEST_CASE("empty and small objects count as much as their requests") {
  Board board(1);
  board.Started();
  board.listed = 1000;
  board.listing_done = true;
  Some(250, 0, board);
  CHECK(board.Snapshot().share == doctest::Approx(0.25));
  Board mixed(1);
  mixed.listed = 1001;
  mixed.listed_bytes = 64 << 20;
  mixed.Started();
  Some(1000, 0, mixed);  // the one large object is still to come: about half
  CHECK(mixed.Snapshot().share > 0.3);
  CHECK(mixed.Snapshot().share < 0.7);
}

TEST_CASE("verify, retry and rollback: their own work, not what earlier runs have done") {
  Board board(1);
  board.Started();
  board.Preset(Outcome::kVerified, 100, 100 << 20);
  board.listed = 100;
  board.listed_bytes = 100 << 20;
  board.Worked(100 << 20, 100);
  board.listing_done = true;
  CHECK(board.Snapshot().share == 1);
  board.BeginWork(40, 40 << 20, false);
  Progress progress = board.Snapshot();
  CHECK(progress.share == 0);
  CHECK(progress.due == 40);
  for (int i = 0; i < 4; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(120));
    board.Worked(1 << 20);
    progress = board.Snapshot();
  }
  CHECK(progress.share == doctest::Approx(0.1));
  CHECK(progress.rate == 0);       // nothing is moved or read
  CHECK(progress.object_rate > 0);
  CHECK(progress.eta > 1);         // 36 more at about 8 a second
  CHECK(progress.eta < 20);
  CHECK(progress.objects[static_cast<std::size_t>(Outcome::kVerified)] == 100);
}

TEST_CASE("what is read for verification is a rate, and nothing that was moved") {
  Board board(1);
  board.Started();
  board.BeginWork(10, 10 << 20, true);
  (void)board.Snapshot();
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  board.read_back += 1 << 20;
  const Progress progress = board.Snapshot();
  CHECK(progress.rate > 0);
  CHECK(progress.bytes_moved == 0);
}

TEST_CASE("a large object under way is a part of the share") {
  Board board(1);
  board.Started();
  board.listed = 1;
  board.listed_bytes = 1 << 30;
  board.listing_done = true;
  const auto meter = board.Lease();
  meter->Begin("film", 1 << 30);
  meter->Add(1 << 29);
  CHECK(board.Snapshot().share == doctest::Approx(0.5).epsilon(0.01));
}
