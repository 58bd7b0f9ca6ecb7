// run.h: what every run has in common: its own thread, stopping, pausing by hand and by the clock, limits that follow a timetable, figures.
//
// Thread-safe as IRun says.
#ifndef FILEFERRY_TRANSFER_RUN_H_
#define FILEFERRY_TRANSFER_RUN_H_

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "fileferry/layers.h"
#include "transfer/engine.h"
#include "transfer/threads.h"
#include "transfer/timetable.h"

namespace fileferry {

class Run : public IRun {
 public:
  // The work; called once on the run's own thread.  Its status is the run's.
  using Body = std::function<Status(Run& run)>;
  // meters: how many objects can be shown as under way.
  static fileferry::Result<std::unique_ptr<Run>> Create(const CopyPlan& plan, Body body);
  ~Run() override;

  Status Start() override;
  bool Wait(std::chrono::milliseconds timeout) override;
  Status Result() const override;
  void Cancel() override;
  void Pause(bool on) override;
  Progress Snapshot() const override;
  std::vector<ObjectRecord> Problems(std::size_t max) const override;
  std::vector<ObjectRecord> TakeProblems() override { return board_.TakeProblems(); }

  // ---- for bodies ----
  Board& board() { return board_; }
  CancelToken& stop() { return stop_; }
  OpContext context() const;
  const CopyPlan& plan() const { return plan_; }
  // Limits the storages as the plan says: body bytes at the destination (both where `both`), requests everywhere.
  void Throttle(Side* source, Side* destination, bool both);
  // Engine::Run with pauses.
  Status Work(const Setup& setup, ISupply& supply, const std::string& phase, int workers, IEngineTask* custom = nullptr);
  // Where problem rows come from instead of memory.
  void SetProblems(std::function<std::vector<ObjectRecord>(std::size_t)> problems);

 private:
  Run(const CopyPlan& plan, Timetable timetable, Window window, Body body);
  void Main();
  void Watch();   // the clock's thread: pauses and rates
  void Look();

  const CopyPlan plan_;
  const Timetable timetable_;
  const Window window_;
  Body body_;
  CancelToken stop_;
  Board board_;
  std::atomic<bool> paused_{false};
  std::shared_ptr<RateLimiter> bytes_, requests_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Engine* engine_ = nullptr;
  bool started_ = false, ended_ = false, engine_paused_ = false;
  Status result_;
  std::function<std::vector<ObjectRecord>(std::size_t)> problems_;
  const long pid_;
  Threads main_, watch_;
};

}  // namespace fileferry

#endif  // FILEFERRY_TRANSFER_RUN_H_
