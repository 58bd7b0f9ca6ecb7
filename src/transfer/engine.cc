// engine.cc: see engine.h.
#include "transfer/engine.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/clock.h"
#include "transfer/decide.h"
#include "transfer/orphans.h"

namespace fileferry {

namespace {

constexpr std::size_t kQueuePerWorker = 8;
constexpr std::size_t kLeastQueue = 128;
constexpr std::size_t kKeptForAnotherPass = 10000;
constexpr int kPasses = 3;
constexpr int kRedoChanged = 2;
constexpr int kBreaker = 20;             // failures of a storage one after the other, over all workers
constexpr auto kThrottledForLong = std::chrono::minutes(5);  // without any success
constexpr auto kTick = std::chrono::milliseconds(50);

// Failures that say more about the storage than about the object.
bool IsOfTheStorage(const Status& status) {
  switch (status.code()) {
    case Code::kUnavailable:
    case Code::kRateLimited:
    case Code::kTimeout:
    case Code::kUnauthenticated:
    case Code::kPermissionDenied:
    case Code::kQuotaExceeded:
      return true;
    case Code::kOk:
    case Code::kInternal:
    case Code::kInvalidArgument:
    case Code::kNotFound:
    case Code::kAlreadyExists:
    case Code::kPreconditionFailed:
    case Code::kUnsupported:
    case Code::kCancelled:
    case Code::kIntegrity:
    case Code::kSourceChanged:
    case Code::kForked:
    case Code::kArchived:
    case Code::kBusy:
      return false;
  }
  return false;
}

}  // namespace

Engine::Engine(const Setup& setup, Board& board, CancelToken& stop, IEngineTask* custom)
    : setup_(setup), board_(board), stop_(stop), custom_(custom),
      queue_(std::max(kLeastQueue, static_cast<std::size_t>(setup.plan.transfers) * kQueuePerWorker)), large_(setup, board, queue_) {}

Engine::~Engine() = default;

OpContext Engine::Context() const {
  OpContext ctx;
  ctx.cancel = &stop_;
  return ctx;
}

void Engine::Fatal(Status status) {
  std::lock_guard lock(mutex_);
  if (fatal_.ok()) fatal_ = std::move(status);
  stop_.Cancel();
}

void Engine::Pause(bool on) { queue_.Pause(on); }

Status Engine::Run(ISupply& supply, const std::string& phase, int workers) {
  if (setup_.destination.caps.batch && custom_ == nullptr) {
    batcher_ = std::make_unique<Batcher>(*setup_.destination.provider,
                                         [this](PendingWrite&& write, const Status& status, const ObjectInfo& info) { Committed(std::move(write), status, info); });
    if (Status status = batcher_->Start(); !status.ok()) return status;
  }
  mover_ = std::make_unique<Mover>(setup_, board_, queue_, batcher_.get(), large_);
  {
    Threads threads;
    working_ = 0;
    Status status = threads.Start("ferry-plan", [this, &supply, &phase] { Plan(supply, phase); });
    if (!status.ok()) planned_ = true;  // nobody else will
    for (int i = 0; i < std::max(1, workers) && status.ok(); ++i) {
      working_.fetch_add(1);
      const Status started = threads.Start("ferry-move", [this] { Work(); });
      if (started.ok()) continue;
      working_.fetch_sub(1);
      if (i == 0) status = started;  // with one worker the run goes on, only slower
      break;
    }
    if (!status.ok()) Fatal(status);
    std::unique_lock lock(done_mutex_);
    while (!(planned_ && working_.load() == 0)) {
      done_.wait_for(lock, kTick);
      if (stop_.cancelled()) queue_.Stop();
    }
  }
  if (batcher_ != nullptr) batcher_->Stop();
  large_.AbandonAll(setup_.recorder->durable());
  if (!stop_.cancelled() && custom_ == nullptr) (void)AbortLostUploads(Context(), setup_, false);  // a later run looks again
  Status flushed = setup_.recorder->Flush();
  std::lock_guard lock(mutex_);
  if (!fatal_.ok()) return fatal_;
  if (stop_.cancelled()) return Status(Code::kCancelled, "stopped before the end");
  if (!succeeded_.load() && !last_failure_.ok()) return last_failure_;
  if (flushed.ok() && finished_.load() != dispatched_.load()) {
    return Status(Code::kInternal, std::to_string(dispatched_.load() - finished_.load()) + " objects were neither done nor reported as failed; run again");
  }
  return flushed;
}

// ---- the planner's thread ----

void Engine::Plan(ISupply& supply, const std::string& phase) {
  board_.Phase(phase);
  Status status = Feed(supply);
  if (!status.ok() && status.code() != Code::kCancelled) Fatal(status);
  if (status.ok()) {
    board_.listing_done.store(true, std::memory_order_relaxed);
    FinishQueue();
    while (!queue_.stopped() && AnotherPass()) FinishQueue();
  }
  queue_.Close();
  std::lock_guard lock(done_mutex_);
  planned_ = true;
  done_.notify_all();
}

Status Engine::Feed(ISupply& supply) {
  const OpContext ctx = Context();
  std::vector<Item> items, moving;
  for (;;) {
    items.clear();
    if (Status status = supply.Next(ctx, &items); !status.ok()) return status;
    if (items.empty()) return {};
    moving.clear();
    for (Item& item : items) {
      if (item.decided != Outcome::kPending) {
        Ended ended;
        ended.outcome = item.decided;
        ended.status = item.why;
        ended.size = item.size;
        Record(item, &ended);
        continue;
      }
      if (item.task == Task::kMove && LimitIsReached()) {
        if (!moving.empty() && !Dispatch(&moving)) return Status(Code::kCancelled, "stopped");
        moving.clear();
        FinishQueue();  // those that were there already make room for others
        if (LimitIsReached()) break;
      }
      dispatched_.fetch_add(1, std::memory_order_relaxed);
      moving.push_back(std::move(item));
    }
    if (!moving.empty() && !Dispatch(&moving)) return Status(Code::kCancelled, "stopped");
    if (LimitIsReached()) {
      FinishQueue();
      if (LimitIsReached()) return {};
    }
    if (stop_.cancelled()) return Status(Code::kCancelled, "stopped");
  }
}

// Hands items to the workers; with a delay between batches, waits for each batch to be done first.
bool Engine::Dispatch(std::vector<Item>* items) {
  if (setup_.plan.delay.count() <= 0) return queue_.Push(items);
  const std::uint64_t size = std::max<std::uint32_t>(1, setup_.plan.batch_size);
  std::vector<Item> some;
  for (Item& item : *items) {
    some.push_back(std::move(item));
    if (++in_batch_ < size) continue;
    in_batch_ = 0;
    if (!queue_.Push(&some) || !queue_.WaitIdle()) return false;
    if (!SleepFor(Context(), setup_.plan.delay).ok()) return false;
  }
  return some.empty() || queue_.Push(&some);
}

void Engine::FinishQueue() {
  do {
    if (!queue_.WaitIdle()) return;
    if (batcher_ != nullptr) batcher_->Drain();
  } while (!queue_.Idle());
}

bool Engine::AnotherPass() {
  std::vector<FailedItem> failed;
  {
    std::lock_guard lock(mutex_);
    failed.swap(failed_);
  }
  if (failed.empty()) return false;
  board_.Phase("second pass");
  std::vector<Item> items;
  items.reserve(failed.size());
  for (FailedItem& each : failed) items.push_back(std::move(each.item));
  return queue_.Push(&items);
}

// ---- the workers ----

void Engine::Work() {
  Worker worker;
  worker.meter = board_.Lease();
  Job job;
  while (queue_.Pop(&job)) {
    if (job.large != nullptr) {
      DoPart(worker, job);
    } else {
      DoItem(worker, job.item);
    }
    job.large.reset();
    queue_.Done();
  }
  std::lock_guard lock(done_mutex_);
  working_.fetch_sub(1);
  done_.notify_all();
}

void Engine::DoItem(Worker& worker, Item& item) {
  const OpContext ctx = Context();
  Ended ended;
  ended.size = item.size;
  switch (item.task) {
    case Task::kMove:
      if (mover_->Move(ctx, worker, item, &ended) == Step::kWaits) return;
      if (ended.wrote) {
        AfterWrite(item, &ended);
      } else if (item.upload && ended.outcome != Outcome::kFailed) {
        large_.AbortOf(item);
      }
      break;
    case Task::kReadBack:
      mover_->ReadBack(ctx, item, &ended);
      break;
    case Task::kLook:
      mover_->Look(ctx, item, &ended);
      break;
    case Task::kCompare:
      mover_->CompareOnly(ctx, item, &ended);
      break;
    case Task::kCustom:
      custom_->Do(ctx, item, &ended);
      break;
  }
  Finish(item, &ended);
}

// What is still due for an object that was just stored: reading it back where everything is to be read.
void Engine::AfterWrite(Item& item, Ended* ended) {
  if (setup_.plan.verify != VerifyMode::kFull) return;  // without a digest, ReadBack reads the source for one
  item.digest = ended->digest;
  item.written = ended->token;
  item.trash = ended->trash;
  item.size = ended->size;
  item.etag = ended->source_etag;
  item.modified = ended->source_modified;
  mover_->ReadBack(Context(), item, ended);
}

void Engine::DoPart(Worker& worker, Job& job) {
  if (large_.SendPart(Context(), *job.large, job.part, &worker.buffer)) CompleteLarge(job.large);
}

void Engine::CompleteLarge(const std::shared_ptr<LargeObject>& large) {
  std::shared_ptr<Batcher::Open> open;
  if (batcher_ != nullptr) {
    Result<std::shared_ptr<Batcher::Open>> entered = batcher_->Enter();
    if (!entered.ok()) return FailLarge(large, entered.status());
    open = std::move(*entered);
  }
  ObjectInfo stored;
  WholeDigests digests;
  Status status = large_.Complete(Context(), *large, open == nullptr ? nullptr : Batcher::BatchOf(open), &stored, &digests);
  if (!status.ok()) {
    if (open != nullptr) batcher_->Leave(open, nullptr);
    return FailLarge(large, std::move(status));
  }
  Ended ended;
  FillWritten(setup_, large->item, large->source, stored, large->mode, stored.confirmed, digests.crc64 ? &*digests.crc64 : nullptr, &ended);
  if (digests.crc64) {
    const Digest* there = stored.digests.Find(DigestKind::kCrc64Nvme);
    if (there == nullptr || !(*there == *digests.crc64)) ended.outcome = Outcome::kCopied;
  }
  if (digests.asked) ended.digest = digests.asked;  // of the same bytes
  Item item = std::move(large->item);
  item.upload = std::move(large->upload);
  item.upload->parts.clear();
  large_.Forget(large);
  if (open == nullptr) {
    AfterWrite(item, &ended);
    Finish(item, &ended);
    return;
  }
  PendingWrite write{std::move(item), std::move(ended), stored.confirmed};
  write.ended.batch_key = setup_.destination.Full(write.item.to);
  queue_.Hold(1);
  batcher_->Leave(open, &write);
}

void Engine::FailLarge(const std::shared_ptr<LargeObject>& large, Status status) {
  Item item = std::move(large->item);
  const bool lost_race = !IsAtSource(status) && (status.code() == Code::kAlreadyExists || status.code() == Code::kPreconditionFailed);
  const bool useless = lost_race || IsAtSource(status) || status.code() == Code::kIntegrity || status.code() == Code::kNotFound || status.code() == Code::kInvalidArgument;
  const bool last = item.attempts + 1 >= kPasses || stop_.cancelled();
  large->item.to = item.to;
  large->item.key = item.key;
  if (useless || (last && !setup_.recorder->durable())) {
    large_.Abort(*large);
  } else {
    item.upload = large->upload;
    item.upload->parts.clear();
    for (const PartInfo& part : large->parts) {
      if (part.number != 0) item.upload->parts.push_back(part);
    }
  }
  large_.Forget(large);
  Ended ended;
  ended.size = item.size;
  ended.status = std::move(status);
  if (lost_race && item.redone < kRedoChanged) {
    ++item.redone;
    item.known = Known::kUnknown;
    item.doubt = true;
    queue_.Requeue(std::move(item));
    return;
  }
  Finish(item, &ended);
}

// On the committing thread: one write of a batch has become durable, or has not.
void Engine::Committed(PendingWrite&& write, const Status& status, const ObjectInfo& info) {
  Item& item = write.item;
  Ended& ended = write.ended;
  if (status.ok()) {
    const DigestMask confirmed = static_cast<DigestMask>(write.confirmed | info.confirmed);
    ended.token = Token::Of(info);
    if (ended.token.size == 0) ended.token.size = ended.size;
    if (ended.digest && ended.outcome == Outcome::kCopied) {
      const Digest* there = info.digests.Find(ended.digest->kind);
      if (there != nullptr && (confirmed & MaskOf(there->kind)) != 0 && *there == *ended.digest) ended.outcome = Outcome::kVerified;
    }
    if (setup_.plan.verify == VerifyMode::kFull) {
      item.task = Task::kReadBack;
      item.digest = ended.digest;
      item.written = ended.token;
      item.trash = ended.trash;
      item.size = ended.size;
      item.etag = ended.source_etag;
      item.modified = ended.source_modified;
      queue_.Requeue(std::move(item));
    } else {
      Finish(item, &ended);
    }
  } else if ((status.code() == Code::kAlreadyExists || status.code() == Code::kPreconditionFailed) && item.redone <= kRedoChanged) {
    ++item.redone;
    item.known = Known::kUnknown;
    item.doubt = true;
    queue_.Requeue(std::move(item));
  } else {
    Ended failed;
    failed.size = ended.size;
    failed.status = status;
    Finish(item, &failed);
  }
  queue_.Release(1);
}

// ---- how items end ----

// Turns a failure into the outcome that names it.
void Engine::Classify(Item& item, Ended* ended) {
  if (ended->outcome != Outcome::kFailed) return;
  if (ended->status.ok()) ended->status = Status(Code::kInternal, "failed without a reason");
  if (!IsAtSource(ended->status)) return;
  if (ended->status.code() == Code::kIntegrity) {
    ended->outcome = Outcome::kCorrupt;
    return;
  }
  if (ended->status.code() != Code::kNotFound) return;
  Result<ObjectInfo> now = setup_.source.provider->Stat(Context(), setup_.source.Full(item.key));
  if (now.code() == Code::kNotFound && item.task == Task::kMove && (item.source_deleted || item.removing)) {
    mover_->JudgeOnlyCopy(Context(), item, ended);
  } else if (now.code() == Code::kNotFound) {
    ended->outcome = item.announced ? Outcome::kMissing : Outcome::kVanished;
  } else if (now.ok()) {
    ended->status = AtSource(Status(Code::kSourceChanged, "the object was removed and written again while it was read"));
  }
}

// True: the item is under way again, or waits for the next pass.
bool Engine::TryAgain(Item& item, Ended* ended) {
  if (ended->outcome != Outcome::kFailed || stop_.cancelled()) return false;
  switch (ended->status.code()) {
    case Code::kSourceChanged:
      if (item.redone >= kRedoChanged) return false;
      ++item.redone;
      item.upload.reset();
      queue_.Requeue(std::move(item));
      return true;
    case Code::kUnavailable:
    case Code::kRateLimited:
    case Code::kTimeout:
    case Code::kIntegrity:
    case Code::kInternal:
    case Code::kPreconditionFailed:
    case Code::kAlreadyExists:
    case Code::kNotFound:
    case Code::kPermissionDenied:
    case Code::kQuotaExceeded: {  // of the source: at the destination it has ended the run
      if (item.attempts + 1 >= kPasses) return false;
      std::lock_guard lock(mutex_);
      if (failed_.size() >= kKeptForAnotherPass) return false;
      ++item.attempts;
      item.trash_unused = false;  // an answer may have been lost
      failed_.push_back({std::move(item), std::move(*ended)});
      return true;
    }
    case Code::kOk:
    case Code::kInvalidArgument:
    case Code::kUnsupported:
    case Code::kCancelled:
    case Code::kUnauthenticated:
    case Code::kForked:
    case Code::kArchived:
    case Code::kBusy:
      return false;
  }
  return false;
}

bool Engine::CountFailure(const Status& status) {
  if (!IsOfTheStorage(status)) return false;
  const bool of_one_file = status.code() == Code::kPermissionDenied && IsAtSource(status);
  const bool at_once = status.code() == Code::kUnauthenticated || (status.code() == Code::kQuotaExceeded && !IsAtSource(status)) ||
                       (status.code() == Code::kPermissionDenied && !of_one_file && !succeeded_.load());
  if (at_once) Fatal(status);
  if (at_once || of_one_file) return at_once;
  {
    std::lock_guard lock(mutex_);
    last_failure_ = status;
  }
  if (status.code() == Code::kRateLimited) {
    Throttled(status);
  } else if (failures_in_a_row_.fetch_add(1) + 1 >= kBreaker) {
    Fatal(status);
  }
  return false;
}

// A storage that asks for less gets less, and time; one that lets nothing through ends the run all the same.
void Engine::Throttled(const Status& status) {
  queue_.Narrow();
  throttled_.store(true, std::memory_order_relaxed);
  bool for_long = false;
  {
    std::lock_guard lock(mutex_);
    const auto now = SteadyNow();
    if (!throttled_since_) throttled_since_ = now;
    for_long = now - *throttled_since_ >= kThrottledForLong;
  }
  if (for_long) Fatal(status);
}

void Engine::Succeeded() {
  failures_in_a_row_.store(0, std::memory_order_relaxed);
  succeeded_.store(true, std::memory_order_relaxed);
  if (!throttled_.load(std::memory_order_relaxed)) return;
  throttled_.store(queue_.Widen(), std::memory_order_relaxed);
  std::lock_guard lock(mutex_);
  throttled_since_.reset();
}

void Engine::Finish(Item& item, Ended* ended) {
  Classify(item, ended);
  if (ended->outcome == Outcome::kFailed) {
    if (stop_.cancelled() && ended->status.code() == Code::kCancelled) return;  // stays pending
    const bool run_ends = CountFailure(ended->status);
    if (run_ends && ended->status.code() != Code::kPermissionDenied) return;  // the object stays pending
    if (TryAgain(item, ended)) return;
    if (stop_.cancelled() && IsOfTheStorage(ended->status)) return;
  } else {
    Succeeded();
  }
  if (ended->outcome == Outcome::kVerified && setup_.plan.delete_source && item.task != Task::kCompare && item.task != Task::kLook && !setup_.recorder->durable()) {
    DeleteSource(Context(), setup_, board_, item, ended);
  }
  if (ended->outcome == Outcome::kCopied && setup_.plan.delete_source && !setup_.recorder->durable()) KeepUnverified(board_, 1);
  Record(item, ended);
  finished_.fetch_add(1, std::memory_order_relaxed);
}

void Engine::Record(Item& item, Ended* ended) {
  Status written = setup_.recorder->Ended(item, *ended);
  if (written.ok() && ended->wrote && item.upload) written = setup_.recorder->UploadClosed(item, item.upload->upload_id);
  if (!written.ok()) Fatal(written);
  // Nothing was to be moved: --limit has room for another one.
  if (item.decided == Outcome::kPending && (ended->outcome == Outcome::kSame || ended->outcome == Outcome::kSameByTime || (item.announced && ended->outcome == Outcome::kMissing))) found_there_.fetch_add(1, std::memory_order_relaxed);
  board_.Count(ended->outcome, ended->size);
  board_.Worked(item.in_journal ? item.counted_size : ended->size);
  const bool planned = ended->outcome == Outcome::kSkipped;  // of a dry run
  if (OutcomeIsGood(ended->outcome) && !planned) return;
  ObjectRecord record;
  record.key = item.key;
  record.destination_key = item.to;
  record.size = ended->size;
  record.outcome = ended->outcome;
  record.code = ended->status.code();
  record.message = std::string(ended->status.message());
  record.attempts = item.attempts + 1;
  if (planned) return board_.Tell(std::move(record));
  board_.Problem(std::move(record), !setup_.recorder->durable());
}

}  // namespace fileferry
