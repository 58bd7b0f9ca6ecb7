// run.cc: see run.h.
#include "transfer/run.h"

#include <unistd.h>

#include <utility>

#include "base/clock.h"

namespace fileferry {

namespace {
constexpr auto kLook = std::chrono::milliseconds(200);

// Two parts are never more than this many meters: more cannot be shown.
std::size_t Meters(const CopyPlan& plan) { return static_cast<std::size_t>(plan.transfers) + 16; }
}  // namespace

fileferry::Result<std::unique_ptr<Run>> Run::Create(const CopyPlan& plan, Body body) {
  fileferry::Result<Timetable> timetable = Timetable::Create(plan.bwlimit);
  if (!timetable.ok()) return timetable.status();
  fileferry::Result<Window> window = Window::Create(plan.window);
  if (!window.ok()) return window.status();
  return std::unique_ptr<Run>(new Run(plan, std::move(*timetable), std::move(*window), std::move(body)));
}

Run::Run(const CopyPlan& plan, Timetable timetable, Window window, Body body)
    : plan_(plan), timetable_(std::move(timetable)), window_(std::move(window)), body_(std::move(body)), board_(Meters(plan)), pid_(::getpid()) {}

Run::~Run() {
  if (::getpid() != pid_) return;  // a child's copy: the threads are the parent's
  Cancel();
  main_.Join();
  {
    std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }
  watch_.Join();
}

OpContext Run::context() const {
  OpContext ctx;
  ctx.cancel = &stop_;
  return ctx;
}

Status Run::Start() {
  if (::getpid() != pid_) return Status(Code::kForked, "the run belongs to the process that made it");
  std::lock_guard lock(mutex_);
  if (started_) return Status(Code::kInvalidArgument, "a run can be started once");
  started_ = true;
  board_.Started();
  Status status = main_.Start("ferry-run", [this] { Main(); });
  if (status.ok()) status = watch_.Start("ferry-clock", [this] { Watch(); });
  if (!status.ok()) {
    stop_.Cancel();
    ended_ = main_.empty();
    result_ = status;
  }
  return status;
}

void Run::Main() {
  Status status = body_(*this);
  board_.Pause({});
  board_.Ended();
  board_.Phase(status.ok() ? "done" : (status.code() == Code::kCancelled ? "stopped" : "failed"));
  std::lock_guard lock(mutex_);
  if (result_.ok()) result_ = std::move(status);
  ended_ = true;
  changed_.notify_all();
}

bool Run::Wait(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, timeout, [this] { return ended_; });
}

Status Run::Result() const {
  std::lock_guard lock(mutex_);
  return result_;
}

void Run::Cancel() {
  stop_.Cancel();
  board_.StopWaiting();
}

void Run::Pause(bool on) { paused_.store(on, std::memory_order_relaxed); }

Progress Run::Snapshot() const { return board_.Snapshot(); }

std::vector<ObjectRecord> Run::Problems(std::size_t max) const { return problems_ ? problems_(max) : board_.Problems(max); }

void Run::SetProblems(std::function<std::vector<ObjectRecord>(std::size_t)> problems) { problems_ = std::move(problems); }

void Run::Throttle(Side* source, Side* destination, bool both) {
  const double rate = timetable_.At(Now()).value;
  ThrottlePolicy here, there;
  std::lock_guard lock(mutex_);
  if (!plan_.bwlimit.empty()) {
    bytes_ = NewRateLimiter(rate);
    there.bytes = bytes_;
    if (both) here.bytes = bytes_;
  }
  if (plan_.tpslimit > 0) {
    requests_ = NewRateLimiter(plan_.tpslimit);
    here.requests = there.requests = requests_;
  }
  if (source != nullptr && (here.bytes != nullptr || here.requests != nullptr)) source->provider = WithThrottle(source->provider, here);
  if (destination != nullptr && (there.bytes != nullptr || there.requests != nullptr)) destination->provider = WithThrottle(destination->provider, there);
}

Status Run::Work(const Setup& setup, ISupply& supply, const std::string& phase, int workers, IEngineTask* custom) {
  Engine engine(setup, board_, stop_, custom);
  {
    std::lock_guard lock(mutex_);
    engine_ = &engine;
    engine_paused_ = false;
  }
  Look();
  Status status = engine.Run(supply, phase, workers);
  std::lock_guard lock(mutex_);
  engine_ = nullptr;
  return status;
}

void Run::Watch() {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      if (changed_.wait_for(lock, kLook, [this] { return ended_; })) return;
    }
    Look();
  }
}

void Run::Look() {
  const Time now = Now();
  const bool closed = !window_.IsOpen(now);
  const bool pause = closed || paused_.load(std::memory_order_relaxed);
  std::lock_guard lock(mutex_);
  if (bytes_ != nullptr) {
    const double rate = timetable_.At(now).value;
    if (rate != bytes_->rate()) bytes_->SetRate(rate);
  }
  if (engine_ == nullptr || pause == engine_paused_) return;
  engine_paused_ = pause;
  engine_->Pause(pause);
  const std::optional<Time> opens = closed ? window_.NextChange(now) : std::nullopt;
  board_.Pause(!pause ? std::string() : opens ? "paused until " + LocalClock(*opens) : "paused");
}

int ExitStatusOf(const IRun& run) {
  const Status status = run.Result();
  if (!status.ok()) return CodeExitStatus(status.code());
  const Progress progress = run.Snapshot();
  for (std::size_t i = 0; i < kOutcomeCount; ++i) {
    const auto outcome = static_cast<Outcome>(i);
    if (outcome == Outcome::kPending || outcome == Outcome::kInFlight) continue;  // beyond --limit
    if (progress.objects[i] > 0 && !OutcomeIsGood(outcome)) return 1;
  }
  return progress.kept_sources > 0 || progress.unfinished ? 1 : 0;
}

}  // namespace fileferry
