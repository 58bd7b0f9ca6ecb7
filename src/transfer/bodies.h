// bodies.h: sources and sinks between the two sides of a transfer.  Each is used by one thread at a time.
#ifndef FILEFERRY_TRANSFER_BODIES_H_
#define FILEFERRY_TRANSFER_BODIES_H_

#include <cstdint>
#include <memory>
#include <string>

#include "transfer/board.h"
#include "transfer/body_buffer.h"
#include "transfer/setup.h"

namespace fileferry {

// Counts what passes, and remembers whether a failure came from the source: a Put that fails does not say which side it was.
class CountedSource : public ISource {
 public:
  CountedSource(ISource& inner, Meter& meter, Board& board) : inner_(inner), meter_(meter), board_(board) {}

  std::optional<std::uint64_t> size() const override { return inner_.size(); }
  Result<std::size_t> Read(std::span<std::byte> out) override;
  Status Rewind() override;
  std::optional<Bytes> Memory() const override;
  Status SendTo(ISink& sink) override;

  const Status& failure() const { return failure_; }  // of the source; OK when it did not fail
  // A provider that took the bytes from Memory() has not read them here.
  void CountAll(std::uint64_t size);

 private:
  class Tap;
  void Count(std::uint64_t bytes);
  void Uncount();
  Status Failed(Status status) {
    failure_ = status;
    return status;
  }

  ISource& inner_;
  Meter& meter_;
  Board& board_;
  std::uint64_t counted_ = 0;
  Status failure_;
};

// Keeps a body in memory that is reused from object to object.  kSourceChanged beyond the limit.
class BufferSink : public ISink {
 public:
  BufferSink(BodyBuffer* buffer, std::uint64_t limit) : buffer_(buffer), limit_(limit) { buffer_->Clear(); }
  Status Write(Bytes bytes) override;
  Status Restart() override {
    buffer_->Clear();
    return {};
  }
  std::span<std::byte> Room() override { return buffer_->room(); }

 private:
  BodyBuffer* const buffer_;
  const std::uint64_t limit_;
};

// Part of a memory budget, given back at the end.
class BudgetLease {
 public:
  explicit BudgetLease(Budget& budget) : budget_(budget) {}
  ~BudgetLease() {
    if (size_ > 0) budget_.Give(size_);
  }
  BudgetLease(const BudgetLease&) = delete;
  BudgetLease& operator=(const BudgetLease&) = delete;
  Status Take(const OpContext& ctx, std::uint64_t size) {
    std::uint64_t wanted = size;
    Status status = budget_.Take(ctx, &wanted);
    if (status.ok()) size_ = wanted;
    return status;
  }

 private:
  Budget& budget_;
  std::uint64_t size_ = 0;
};

// A body on its way: where it comes from, kept alive until it was sent.
struct Body {
  ObjectInfo info;                 // of the source object
  std::unique_ptr<ISource> source;
  BodyBuffer own_buffer;           // where it is too large for the worker's
  std::unique_ptr<BudgetLease> lease;
};
// Opens the source's object, or the range of it (length absent: all of it), in the way that costs least for this pair of storages.  small_buffer is the worker's.
// if_match: of the source; empty for any version.  known: the object's description where it was asked for already, otherwise nullptr.
Status OpenBody(const OpContext& ctx, const Setup& setup, const std::string& full_key, std::uint64_t expected_size, std::uint64_t offset, std::optional<std::uint64_t> length,
                const std::string& if_match, const ObjectInfo* known, BodyBuffer* small_buffer, Body* body);

}  // namespace fileferry

#endif  // FILEFERRY_TRANSFER_BODIES_H_
