// engine.h: runs a supply of items through many workers: the heart of copy, migrate, verify, retry and rollback.
//
// Run blocks on the caller's thread; everything else may be called from any thread.  Memory does not grow with the number of items.
#ifndef FILEFERRY_TRANSFER_ENGINE_H_
#define FILEFERRY_TRANSFER_ENGINE_H_

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "transfer/mover.h"

namespace fileferry {

// What workers do with items whose task is kCustom.
class IEngineTask {
 public:
  virtual ~IEngineTask() = default;
  virtual void Do(const OpContext& ctx, Item& item, Ended* ended) = 0;  // any worker
};

class Engine {
 public:
  // setup and board must outlive the engine.  `stop` is the run's own: set by its owner to end it, and by the engine when it cannot go on.
  Engine(const Setup& setup, Board& board, CancelToken& stop, IEngineTask* custom = nullptr);
  ~Engine();

  // Works until the supply is at its end and everything is done, the run is stopped, or it cannot go on (then the reason).  `phase` while items are worked on.
  Status Run(ISupply& supply, const std::string& phase, int workers);
  void Pause(bool on);

 private:
  struct FailedItem {
    Item item;
    Ended ended;
  };
  OpContext Context() const;
  void Plan(ISupply& supply, const std::string& phase);
  Status Feed(ISupply& supply);
  // As many objects as the plan allows were moved, or may be: what turns out to be there already does not count.
  bool LimitIsReached() const { return setup_.plan.limit > 0 && dispatched_.load() - found_there_.load() >= setup_.plan.limit; }
  bool Dispatch(std::vector<Item>* items);
  void FinishQueue();
  bool AnotherPass();
  void Work();
  void DoItem(Worker& worker, Item& item);
  void DoPart(Worker& worker, Job& job);
  void CompleteLarge(const std::shared_ptr<LargeObject>& large);
  void FailLarge(const std::shared_ptr<LargeObject>& large, Status status);
  void Committed(PendingWrite&& write, const Status& status, const ObjectInfo& info);
  void AfterWrite(Item& item, Ended* ended);

  // Where every item ends: good, failed for good, or put aside for another pass.
  void Finish(Item& item, Ended* ended);
  void Classify(Item& item, Ended* ended);
  bool TryAgain(Item& item, Ended* ended);
  void Record(Item& item, Ended* ended);
  void Succeeded();
  void Throttled(const Status& status);
  bool CountFailure(const Status& status);  // true: it ended the run
  void Fatal(Status status);

  const Setup& setup_;
  Board& board_;
  CancelToken& stop_;
  IEngineTask* const custom_;
  JobQueue queue_;
  std::unique_ptr<Batcher> batcher_;
  LargeObjects large_;
  std::unique_ptr<Mover> mover_;
  std::atomic<int> failures_in_a_row_{0};
  std::atomic<bool> succeeded_{false};
  std::atomic<bool> throttled_{false};         // the storage asked for less, and fewer workers go on
  std::optional<std::chrono::steady_clock::time_point> throttled_since_;  // nothing has gone well since
  std::atomic<std::uint64_t> dispatched_{0}, finished_{0}, found_there_{0};
  std::atomic<std::size_t> working_{0};
  std::mutex mutex_;
  Status fatal_;
  Status last_failure_;            // of a storage as a whole
  std::vector<FailedItem> failed_;
  std::mutex done_mutex_;
  std::condition_variable done_;
  bool planned_ = false;
  std::uint64_t in_batch_ = 0;     // planner only: dispatched since the last delay
};

}  // namespace fileferry

#endif  // FILEFERRY_TRANSFER_ENGINE_H_
