// batcher.cc: see batcher.h.
#include "transfer/batcher.h"

#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/clock.h"

namespace fileferry {

namespace {
constexpr std::size_t kObjects = 256;  // each holds a descriptor
constexpr std::uint64_t kBytes = std::uint64_t{32} << 20;
constexpr auto kAge = std::chrono::milliseconds(500);
constexpr std::size_t kWaiting = 2;  // sealed batches before the workers wait
constexpr auto kCommitTime = std::chrono::seconds(60);
}  // namespace

struct Batcher::Open {
  std::unique_ptr<IWriteBatch> batch;
  std::vector<PendingWrite> writes;
  std::uint64_t bytes = 0;
  std::size_t users = 0;
  std::chrono::steady_clock::time_point since = std::chrono::steady_clock::now();
};

Batcher::~Batcher() { Stop(); }

Status Batcher::Start() {
  return threads_.Start("ferry-commit", [this] { Run(); });
}

IWriteBatch* Batcher::BatchOf(const std::shared_ptr<Open>& open) { return open->batch.get(); }

void Batcher::SealLocked() {
  if (current_ == nullptr) return;
  sealed_.push_back(std::move(current_));
  current_.reset();
  ++unfinished_;
  changed_.notify_all();
}

Result<std::shared_ptr<Batcher::Open>> Batcher::Enter() {
  std::unique_lock lock(mutex_);
  if (current_ != nullptr && (current_->writes.size() + current_->users >= kObjects || current_->bytes >= kBytes)) SealLocked();
  changed_.wait(lock, [this] { return stop_ || sealed_.size() < kWaiting; });
  if (stop_) return Status(Code::kCancelled, "the run is stopping");
  if (current_ == nullptr) {
    Result<std::unique_ptr<IWriteBatch>> batch = provider_.NewBatch();
    if (!batch.ok()) return batch.status();
    current_ = std::make_shared<Open>();
    current_->batch = std::move(*batch);
  }
  ++current_->users;
  return current_;
}

void Batcher::Leave(const std::shared_ptr<Open>& open, PendingWrite* write) {
  std::lock_guard lock(mutex_);
  if (write != nullptr) {
    open->bytes += write->ended.size;
    open->writes.push_back(std::move(*write));
    if (open->writes.size() == 1) changed_.notify_all();
  }
  --open->users;
  if (open->users == 0 && open != current_) changed_.notify_all();
}

void Batcher::Run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (!sealed_.empty() && sealed_.front()->users == 0) {
      std::shared_ptr<Open> open = std::move(sealed_.front());
      sealed_.pop_front();
      changed_.notify_all();
      lock.unlock();
      Commit(*open);
      open.reset();
      lock.lock();
      --unfinished_;
      changed_.notify_all();
      continue;
    }
    if (stop_ && sealed_.empty()) {
      if (current_ == nullptr) return;
      SealLocked();
      continue;
    }
    if (current_ != nullptr && !current_->writes.empty() && sealed_.empty()) {
      const auto due = current_->since + kAge;
      if (std::chrono::steady_clock::now() >= due) {
        SealLocked();
      } else {
        changed_.wait_until(lock, due);
      }
      continue;
    }
    changed_.wait(lock);
  }
}

void Batcher::Commit(Open& open) {
  if (open.writes.empty()) return;
  OpContext ctx;
  ctx.deadline = SteadyNow() + kCommitTime;
  std::vector<BatchResult> results = open.batch->Commit(ctx);
  constexpr std::size_t kMany = SIZE_MAX;
  std::unordered_map<std::string_view, std::size_t> by_key;
  by_key.reserve(results.size());
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (const auto [at, first] = by_key.emplace(results[i].key, i); !first) at->second = kMany;
  }
  const Status lost(Code::kInternal, "the batch does not tell how this write ended");
  // The results come in any order: which of them is whose cannot be told, so each is asked for again.
  const Status shared(Code::kAlreadyExists, "two writes of one batch had the same key");
  for (PendingWrite& write : open.writes) {
    const auto found = by_key.find(write.ended.batch_key);
    if (found == by_key.end()) {
      done_(std::move(write), lost, {});
    } else if (found->second == kMany) {
      done_(std::move(write), shared, {});
    } else {
      const BatchResult& result = results[found->second];
      done_(std::move(write), result.status, result.info);
    }
  }
}

void Batcher::Drain() {
  std::unique_lock lock(mutex_);
  if (current_ != nullptr && !current_->writes.empty()) SealLocked();
  changed_.wait(lock, [this] { return unfinished_ == 0; });
}

void Batcher::Stop() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
    changed_.notify_all();
  }
  threads_.Join();
}

}  // namespace fileferry
