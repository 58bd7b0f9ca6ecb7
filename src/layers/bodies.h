// bodies.h: sinks and sources that layers put around those of a call.  Each is used by one thread at a time, as long as the call lasts.
#ifndef FILEFERRY_LAYERS_BODIES_H_
#define FILEFERRY_LAYERS_BODIES_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "fileferry/provider.h"

namespace fileferry::layers {

// Counts what passes, and tells a failure of the sink itself from one of the transfer.
class WatchedSink : public ISink {
 public:
  explicit WatchedSink(ISink& inner) : inner_(inner) {}
  Status Write(Bytes bytes) override {
    Status status = inner_.Write(bytes);
    if (status.ok()) count_ += bytes.size();
    failure_ = status;
    return status;
  }
  Status Restart() override {
    count_ = 0;
    return inner_.Restart();
  }
  std::span<std::byte> Room() override { return inner_.Room(); }
  std::uint64_t count() const { return count_; }
  const Status& failure() const { return failure_; }  // OK: the sink took everything

 private:
  ISink& inner_;
  std::uint64_t count_ = 0;
  Status failure_;
};

// Tells a failure of the source itself from one of the transfer.
class WatchedSource : public ISource {
 public:
  explicit WatchedSource(ISource& inner) : inner_(inner) {}
  std::optional<std::uint64_t> size() const override { return inner_.size(); }
  Result<std::size_t> Read(std::span<std::byte> out) override {
    Result<std::size_t> got = inner_.Read(out);
    if (!got.ok()) failure_ = got.status();
    return got;
  }
  Status Rewind() override { return inner_.Rewind(); }
  std::optional<Bytes> Memory() const override { return inner_.Memory(); }
  Status SendTo(ISink& sink) override {
    WatchedSink watched(sink);
    Status status = inner_.SendTo(watched);
    if (!status.ok() && watched.failure().ok()) failure_ = status;
    return status;
  }
  const Status& failure() const { return failure_; }  // OK: the source is not to blame

 private:
  ISource& inner_;
  Status failure_;
};

// An opened source that reports the bytes read from it.
class CountedSource final : public ISource {
 public:
  CountedSource(std::unique_ptr<ISource> inner, std::function<void(std::uint64_t)> count) : inner_(std::move(inner)), count_(std::move(count)) {}
  std::optional<std::uint64_t> size() const override { return inner_->size(); }
  Result<std::size_t> Read(std::span<std::byte> out) override {
    Result<std::size_t> got = inner_->Read(out);
    if (got.ok()) count_(*got);
    return got;
  }
  Status Rewind() override { return inner_->Rewind(); }
  std::optional<Bytes> Memory() const override { return inner_->Memory(); }
  Status SendTo(ISink& sink) override {
    WatchedSink watched(sink);
    Status status = inner_->SendTo(watched);
    count_(watched.count());
    return status;
  }

 private:
  const std::unique_ptr<ISource> inner_;
  const std::function<void(std::uint64_t)> count_;
};

// How many bytes a finished call moved through the client: those its sink took, or those of its source.
inline std::uint64_t BytesMoved(Operation operation, std::uint64_t sink_bytes, std::optional<std::uint64_t> known, bool ok) {
  if (operation == Operation::kGet) return sink_bytes;
  if (ok && (operation == Operation::kPut || operation == Operation::kUploadPart)) return known.value_or(0);
  return 0;
}

}  // namespace fileferry::layers

#endif  // FILEFERRY_LAYERS_BODIES_H_
