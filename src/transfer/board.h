// board.h: the figures of a run: counted by its threads without waiting for each other, read by whoever asks.
//
// Thread-safe.
#ifndef FILEFERRY_TRANSFER_BOARD_H_
#define FILEFERRY_TRANSFER_BOARD_H_

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "fileferry/migration.h"

namespace fileferry {

// One object under way, as it is shown.  Shared by the parts of a large object.
class Meter {
 public:
  void Begin(std::string_view key, std::uint64_t size);
  void End();
  void Add(std::uint64_t bytes) { done_.fetch_add(bytes, std::memory_order_relaxed); }
  void Back(std::uint64_t bytes) { done_.fetch_sub(bytes, std::memory_order_relaxed); }
  bool Show(Transfer* out) const;

 private:
  mutable std::mutex mutex_;
  std::string key_;
  std::uint64_t size_ = 0;
  bool busy_ = false;
  std::atomic<std::uint64_t> done_{0};
};

class Board {
 public:
  explicit Board(std::size_t meters);

  void Phase(std::string phase);
  // Shown instead of the phase; empty: the run is not paused (any more).
  void Pause(std::string text);
  // An earlier run's or the journal's figures, before this run adds its own.
  void Preset(Outcome outcome, std::uint64_t objects, std::uint64_t bytes);
  // The work of this run is so many objects, not what is listed; by_bytes: it reads or moves them.
  void BeginWork(std::uint64_t objects, std::uint64_t bytes, bool by_bytes);
  void Worked(std::uint64_t bytes, std::uint64_t objects = 1);  // so many of it are done
  void Count(Outcome outcome, std::uint64_t bytes);
  void Uncount(Outcome outcome, std::uint64_t bytes);
  std::uint64_t count(Outcome outcome) const { return objects_[Index(outcome)].load(std::memory_order_relaxed); }
  // Keeps the row (the first 10,000) where it is not good, and its line among the last errors.
  void Problem(ObjectRecord record, bool keep);
  // A row for TakeProblems that is no problem; dropped where nobody takes them.
  void Tell(ObjectRecord record);
  void Note(std::string note);  // once each
  std::vector<ObjectRecord> Problems(std::size_t max) const;
  // Those kept, which are kept no longer; from now on Problem waits for this call where it has kept as many as it may.
  std::vector<ObjectRecord> TakeProblems();
  void StopWaiting();  // nobody takes them any more: the run is stopping
  std::uint64_t problems() const { return problems_.load(std::memory_order_relaxed); }

  std::shared_ptr<Meter> Lease();  // a meter that nobody uses, or one that is not shown
  Progress Snapshot() const;

  std::atomic<std::uint64_t> listed{0}, listed_bytes{0}, filtered{0}, skipped_links{0}, empty_folders{0}, extra{0}, kept_sources{0}, moved{0}, again{0};
  std::atomic<std::uint64_t> read_back{0};  // for verification, without being moved
  std::atomic<bool> listing_done{false}, unfinished{false};
  void Started();
  void Ended();

 private:
  static std::size_t Index(Outcome outcome) { return static_cast<std::size_t>(outcome); }
  struct Sample {
    std::chrono::steady_clock::time_point at;
    std::uint64_t bytes, ended;
    double cost;
  };
  void Keep(std::unique_lock<std::mutex>* lock, ObjectRecord record);  // REQUIRES: *lock holds mutex_
  void FillWork(Progress* progress) const;
  void FillRates(Progress* progress, std::chrono::steady_clock::time_point now) const;

  std::array<std::atomic<std::uint64_t>, kOutcomeCount> objects_{}, bytes_{};
  std::atomic<std::uint64_t> due_{0}, due_bytes_{0}, worked_{0}, worked_bytes_{0};
  std::atomic<bool> own_work_{false}, by_bytes_{true};
  std::vector<std::shared_ptr<Meter>> meters_;
  mutable std::mutex mutex_;
  std::string phase_ = "starting", paused_;
  std::vector<ObjectRecord> kept_;
  std::condition_variable taken_;
  bool taking_ = false;
  std::deque<std::string> last_;
  std::vector<std::string> notes_;
  std::atomic<std::uint64_t> problems_{0};
  std::chrono::steady_clock::time_point start_{}, end_{};
  mutable std::deque<Sample> samples_;
};

}  // namespace fileferry

#endif  // FILEFERRY_TRANSFER_BOARD_H_
