// board.cc: see board.h.
#include "transfer/board.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace fileferry {

namespace {
constexpr std::size_t kKeptProblems = 10000;
constexpr std::size_t kLastErrors = 5;
constexpr std::size_t kShown = 16;
constexpr auto kRateWindow = std::chrono::seconds(8);
constexpr double kObjectCost = 64 << 10;  // what an object costs beside its bytes, in bytes

double CostOf(std::uint64_t objects, std::uint64_t bytes, bool by_bytes) {
  return static_cast<double>(objects) * kObjectCost + (by_bytes ? static_cast<double>(bytes) : 0);
}
}  // namespace

void Meter::Begin(std::string_view key, std::uint64_t size) {
  std::lock_guard lock(mutex_);
  key_.assign(key);
  size_ = size;
  done_.store(0, std::memory_order_relaxed);
  busy_ = true;
}

void Meter::End() {
  std::lock_guard lock(mutex_);
  busy_ = false;
}

bool Meter::Show(Transfer* out) const {
  std::lock_guard lock(mutex_);
  if (!busy_) return false;
  *out = {key_, size_, std::min(size_, done_.load(std::memory_order_relaxed))};
  return true;
}

Board::Board(std::size_t meters) {
  meters_.reserve(meters);
  for (std::size_t i = 0; i < meters; ++i) meters_.push_back(std::make_shared<Meter>());
}

void Board::Phase(std::string phase) {
  std::lock_guard lock(mutex_);
  phase_ = std::move(phase);
}

void Board::Pause(std::string text) {
  std::lock_guard lock(mutex_);
  paused_ = std::move(text);
}

void Board::Preset(Outcome outcome, std::uint64_t objects, std::uint64_t bytes) {
  objects_[Index(outcome)].store(objects, std::memory_order_relaxed);
  bytes_[Index(outcome)].store(bytes, std::memory_order_relaxed);
}

void Board::BeginWork(std::uint64_t objects, std::uint64_t bytes, bool by_bytes) {
  due_ = objects;
  due_bytes_ = bytes;
  worked_ = worked_bytes_ = 0;
  by_bytes_ = by_bytes;
  own_work_ = true;
  std::lock_guard lock(mutex_);
  samples_.clear();
}

void Board::Worked(std::uint64_t bytes, std::uint64_t objects) {
  worked_.fetch_add(objects, std::memory_order_relaxed);
  worked_bytes_.fetch_add(bytes, std::memory_order_relaxed);
}

void Board::Count(Outcome outcome, std::uint64_t bytes) {
  objects_[Index(outcome)].fetch_add(1, std::memory_order_relaxed);
  bytes_[Index(outcome)].fetch_add(bytes, std::memory_order_relaxed);
}

void Board::Uncount(Outcome outcome, std::uint64_t bytes) {
  objects_[Index(outcome)].fetch_sub(1, std::memory_order_relaxed);
  bytes_[Index(outcome)].fetch_sub(bytes, std::memory_order_relaxed);
}

void Board::Problem(ObjectRecord record, bool keep) {
  std::unique_lock lock(mutex_);
  problems_.fetch_add(1, std::memory_order_relaxed);
  std::string line = Printable(record.key);
  line += ": ";
  line += OutcomeName(record.outcome);
  if (!record.message.empty()) line += ": " + record.message;
  last_.push_back(std::move(line));
  if (last_.size() > kLastErrors) last_.pop_front();
  if (keep) Keep(&lock, std::move(record));
}

void Board::Tell(ObjectRecord record) {
  std::unique_lock lock(mutex_);
  if (taking_) Keep(&lock, std::move(record));
}

void Board::Keep(std::unique_lock<std::mutex>* lock, ObjectRecord record) {
  taken_.wait(*lock, [this] { return !taking_ || kept_.size() < kKeptProblems; });
  if (kept_.size() < kKeptProblems) kept_.push_back(std::move(record));
}

std::vector<ObjectRecord> Board::TakeProblems() {
  std::lock_guard lock(mutex_);
  taking_ = true;
  taken_.notify_all();
  return std::exchange(kept_, {});
}

void Board::StopWaiting() {
  std::lock_guard lock(mutex_);
  taking_ = false;
  taken_.notify_all();
}

void Board::Note(std::string note) {
  std::lock_guard lock(mutex_);
  if (std::find(notes_.begin(), notes_.end(), note) == notes_.end()) notes_.push_back(std::move(note));
}

std::vector<ObjectRecord> Board::Problems(std::size_t max) const {
  std::lock_guard lock(mutex_);
  return {kept_.end() - static_cast<std::ptrdiff_t>(std::min(max, kept_.size())), kept_.end()};
}

std::shared_ptr<Meter> Board::Lease() {
  std::lock_guard lock(mutex_);
  for (const auto& meter : meters_) {
    if (meter.use_count() == 1) return meter;
  }
  return std::make_shared<Meter>();
}

void Board::Started() {
  std::lock_guard lock(mutex_);
  start_ = std::chrono::steady_clock::now();
}

void Board::Ended() {
  std::lock_guard lock(mutex_);
  end_ = std::chrono::steady_clock::now();
}

void Board::FillWork(Progress* progress) const {
  progress->due = own_work_ ? due_.load() : progress->listed;
  progress->due_bytes = own_work_ ? due_bytes_.load() : progress->listed_bytes;
  progress->ended = std::min(worked_.load(std::memory_order_relaxed), progress->due);
  progress->ended_bytes = std::min(worked_bytes_.load(std::memory_order_relaxed), progress->due_bytes);
}

// REQUIRES: mutex_ is held.
void Board::FillRates(Progress* progress, std::chrono::steady_clock::time_point now) const {
  std::uint64_t under_way = 0;
  for (const Transfer& each : progress->under_way) under_way += each.done;
  const double all = CostOf(progress->due, progress->due_bytes, by_bytes_);
  const double cost = CostOf(progress->ended, progress->ended_bytes + under_way, by_bytes_);
  progress->share = all > 0 ? std::min(1.0, cost / all) : (progress->listing_done || own_work_ ? 1.0 : 0.0);
  const Sample sample{now, moved.load(std::memory_order_relaxed) + read_back.load(std::memory_order_relaxed), progress->ended, cost};
  if (samples_.empty() || now - samples_.back().at >= std::chrono::milliseconds(100)) samples_.push_back(sample);
  while (samples_.size() > 2 && now - samples_.front().at > kRateWindow) samples_.pop_front();
  const Sample first = samples_.front();
  const double span = std::chrono::duration<double>(now - first.at).count();
  const bool early = span <= 0.2;
  const double over = early ? progress->seconds : span;
  if (over <= 0) return;
  const auto per_second = [&](double amount, double before) { return std::max(0.0, amount - (early ? 0 : before)) / over; };
  progress->rate = per_second(static_cast<double>(sample.bytes), static_cast<double>(first.bytes));
  progress->object_rate = early ? 0 : per_second(static_cast<double>(sample.ended), static_cast<double>(first.ended));
  const double cost_rate = early ? 0 : per_second(cost, first.cost);
  if ((progress->listing_done || own_work_) && cost_rate > 0) progress->eta = std::max(0.0, all - cost) / cost_rate;
}

Progress Board::Snapshot() const {
  Progress progress;
  for (std::size_t i = 0; i < kOutcomeCount; ++i) {
    progress.objects[i] = objects_[i].load(std::memory_order_relaxed);
    progress.bytes[i] = bytes_[i].load(std::memory_order_relaxed);
  }
  progress.listed = listed.load(std::memory_order_relaxed);
  progress.listed_bytes = listed_bytes.load(std::memory_order_relaxed);
  progress.listing_done = listing_done.load(std::memory_order_relaxed);
  FillWork(&progress);
  progress.filtered = filtered.load(std::memory_order_relaxed);
  progress.kept_sources = kept_sources.load(std::memory_order_relaxed);
  progress.unfinished = unfinished.load(std::memory_order_relaxed);
  progress.skipped_links = skipped_links.load(std::memory_order_relaxed);
  progress.empty_folders = empty_folders.load(std::memory_order_relaxed);
  progress.extra = extra.load(std::memory_order_relaxed);
  progress.bytes_moved = moved.load(std::memory_order_relaxed);
  progress.bytes_sent_again = again.load(std::memory_order_relaxed);
  progress.errors = problems_.load(std::memory_order_relaxed);
  Transfer transfer;
  for (const auto& meter : meters_) {
    if (meter->Show(&transfer)) progress.under_way.push_back(transfer);
  }
  std::sort(progress.under_way.begin(), progress.under_way.end(), [](const Transfer& a, const Transfer& b) { return a.size > b.size; });
  if (progress.under_way.size() > kShown) progress.under_way.resize(kShown);

  std::lock_guard lock(mutex_);
  progress.phase = paused_.empty() ? phase_ : paused_;
  progress.last_errors.assign(last_.begin(), last_.end());
  progress.notes = notes_;
  if (start_ == std::chrono::steady_clock::time_point{}) return progress;
  const bool over = end_ != std::chrono::steady_clock::time_point{};
  const auto now = over ? end_ : std::chrono::steady_clock::now();
  progress.seconds = std::chrono::duration<double>(now - start_).count();
  FillRates(&progress, now);
  if (over) {
    progress.rate = progress.seconds > 0 ? static_cast<double>(moved.load() + read_back.load()) / progress.seconds : 0;
    progress.eta = -1;
  }
  return progress;
}

}  // namespace fileferry
