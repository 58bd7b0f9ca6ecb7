// state.cc: what a memory storage holds, and how a write becomes visible.  Any thread.
#include <atomic>
#include <cstdio>
#include <cstring>

#include "base/clock.h"
#include "base/digest.h"
#include "providers/memory/provider.h"

namespace fileferry::memory {
namespace {

struct Registry {
  std::mutex mutex;
  std::map<std::string, std::weak_ptr<State>, std::less<>> states;
};

Registry& TheRegistry() {
  static Registry& registry = *new Registry;  // outlives every storage, whatever the order of destruction at exit
  return registry;
}

class ObjectReader final : public ISource {
 public:
  ObjectReader(const OpContext& ctx, std::shared_ptr<State> state, ObjectPtr object, std::uint64_t offset, std::uint64_t length)
      : ctx_(ctx), state_(std::move(state)), object_(std::move(object)), range_(std::string_view(*object_->bytes).substr(offset, length)) {}

  std::optional<std::uint64_t> size() const override { return range_.size(); }
  Result<std::size_t> Read(std::span<std::byte> out) override {
    if (Status s = ctx_.Check(); !s.ok()) return s;
    const std::size_t size = std::min(out.size(), range_.size() - position_);
    if (size == 0 && !out.empty()) {
      if (Status s = CheckUnchanged(); !s.ok()) return s;
    }
    if (size > 0) std::memcpy(out.data(), range_.data() + position_, size);
    position_ += size;
    return size;
  }
  Status Rewind() override {
    position_ = 0;
    return {};
  }
  std::optional<Bytes> Memory() const override { return std::nullopt; }  // a reader of these bytes would miss kSourceChanged
  Status SendTo(ISink& sink) override {
    while (position_ < range_.size()) {
      if (Status s = ctx_.Check(); !s.ok()) return s;
      const std::string_view piece = range_.substr(position_, std::size_t{1} << 20);
      if (Status s = sink.Write(AsBytes(piece)); !s.ok()) return s;
      position_ += piece.size();
    }
    return CheckUnchanged();
  }

 private:
  Status CheckUnchanged() const {
    const ObjectPtr now = state_->Find(object_->info.key);
    if (now == object_) return {};
    ErrorDetail detail;
    detail.code = Code::kSourceChanged;
    detail.message = now == nullptr ? "the object was removed while it was read" : "the object was replaced while it was read";
    detail.key = object_->info.key;
    return Status(std::move(detail));
  }

  const OpContext ctx_;
  const std::shared_ptr<State> state_;
  const ObjectPtr object_;
  const std::string_view range_;
  std::size_t position_ = 0;
};

}  // namespace

void Register(const std::shared_ptr<State>& state) {
  static std::atomic<std::uint64_t> next{1};
  state->id = "memory-" + std::to_string(next.fetch_add(1, std::memory_order_relaxed));
  Registry& registry = TheRegistry();
  const std::lock_guard lock(registry.mutex);
  std::erase_if(registry.states, [](const auto& row) { return row.second.expired(); });
  registry.states[state->id] = state;
}

std::shared_ptr<State> FindState(std::string_view id) {
  Registry& registry = TheRegistry();
  const std::lock_guard lock(registry.mutex);
  const auto found = registry.states.find(id);
  return found == registry.states.end() ? nullptr : found->second.lock();
}

std::string NewEtag() {
  static std::atomic<std::uint64_t> next{1};
  char text[32];
  std::snprintf(text, sizeof text, "\"m%016llx\"", static_cast<unsigned long long>(next.fetch_add(1, std::memory_order_relaxed)));
  return text;
}

ObjectPtr State::Find(std::string_view key) const {
  const std::shared_lock lock(mutex);
  const auto found = objects.find(key);
  return found == objects.end() ? nullptr : found->second;
}

Status State::CheckLocked(std::string_view key, const Conditions& conditions) const {
  if (!conditions.if_absent && conditions.if_match.empty()) return {};
  const auto found = objects.find(key);
  if (conditions.if_absent && found != objects.end()) return Status(Code::kAlreadyExists, "the object exists already");
  if (conditions.if_match.empty()) return {};
  if (found == objects.end()) return Status(Code::kPreconditionFailed, "the object to replace does not exist");
  if (found->second->info.etag != conditions.if_match) return Status(Code::kPreconditionFailed, "the object is another version than the one to replace");
  return {};
}

Result<ObjectInfo> State::Publish(Object object, const Conditions& conditions) {
  const std::unique_lock lock(mutex);
  return PublishLocked(std::move(object), conditions);
}

Result<ObjectInfo> State::PublishLocked(Object object, const Conditions& conditions) {
  if (Status s = CheckLocked(object.info.key, conditions); !s.ok()) return s;
  object.info.etag = NewEtag();
  object.info.modified = Now();
  const ObjectPtr stored = std::make_shared<const Object>(std::move(object));
  objects.insert_or_assign(stored->info.key, stored);
  return stored->info;
}

Result<std::pair<std::uint64_t, std::uint64_t>> RangeOf(const GetOptions& options, std::uint64_t size) {
  if (size > 0 && options.offset >= size) {
    return Status(Code::kInvalidArgument, "offset " + std::to_string(options.offset) + " is not inside the object, which has " + std::to_string(size) + " bytes");
  }
  const std::uint64_t offset = std::min(options.offset, size);
  return std::pair(offset, std::min(options.length.value_or(UINT64_MAX), size - offset));
}

std::unique_ptr<ISource> OpenObject(const OpContext& ctx, std::shared_ptr<State> state, ObjectPtr object, std::uint64_t offset, std::uint64_t length) {
  return std::make_unique<ObjectReader>(ctx, std::move(state), std::move(object), offset, length);
}

std::size_t Batch::pending() const {
  const std::lock_guard lock(mutex_);
  return writes_.size();
}

std::uint64_t Batch::pending_bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

void Batch::Add(Object object, Conditions conditions) {
  const std::lock_guard lock(mutex_);
  bytes_ += object.info.size;
  writes_.emplace_back(std::move(object), std::move(conditions));
}

std::vector<BatchResult> Batch::Commit(const OpContext& ctx) {
  decltype(writes_) writes;
  {  // not held while publishing: an upload that is completed into the batch takes the state's lock first
    const std::lock_guard lock(mutex_);
    writes.swap(writes_);
    bytes_ = 0;
  }
  const Status stopped = ctx.Check();
  std::vector<BatchResult> results;
  results.reserve(writes.size());
  for (auto& [object, conditions] : writes) {
    BatchResult& result = results.emplace_back();
    result.key = object.info.key;
    result.status = stopped.With(name_, "commit", result.key);
    if (!stopped.ok()) continue;
    if (Result<ObjectInfo> info = state_->Publish(std::move(object), conditions); info.ok()) {
      result.info = std::move(info).value();
    } else {
      result.status = info.status().With(name_, "commit", result.key);
    }
  }
  return results;
}

}  // namespace fileferry::memory
