// feeds.cc: where the bytes of parts come from.  A feed is used by one thread at a time; the sources it gives are independent.
#include <algorithm>

#include "base/digest.h"
#include "core/parts.h"

namespace fileferry {
namespace {

class Sequential final : public IPartFeed {
 public:
  Sequential(ISource& source, std::optional<std::uint64_t> size, std::uint64_t part_size, const Capabilities& caps, DigestMask digests)
      : source_(source), memory_(source.Memory()), size_(size), part_size_(part_size), caps_(caps), digests_(digests), hasher_(digests) {}

  Result<std::optional<Piece>> Next() override {
    if (done_) return std::optional<Piece>();
    if (number_ == caps_.max_parts) return Status(Code::kInvalidArgument, "the source is larger than the storage takes in " + std::to_string(caps_.max_parts) + " parts");
    Piece piece;
    piece.spec = {number_ + 1, offset_, 0};
    if (memory_) {
      piece.bytes = memory_->subspan(offset_, std::min<std::uint64_t>(wanted(), memory_->size() - offset_));
      piece.source = MemorySource(*piece.bytes);
      done_ = offset_ + piece.bytes->size() == memory_->size();
    } else if (Status s = Fill(&piece); !s.ok()) {
      return s;
    }
    piece.spec.size = piece.bytes->size();
    if (piece.spec.size == 0 && number_ > 0) return std::optional<Piece>();
    hasher_.Update(*piece.bytes);
    offset_ += piece.spec.size;
    ++number_;
    if (done_ && size_ && offset_ != *size_) {
      return Status(Code::kSourceChanged, "the source has " + std::to_string(offset_) + " bytes and not the " + std::to_string(*size_) + " it was announced with");
    }
    return std::optional<Piece>(std::move(piece));
  }
  std::uint64_t memory_of_next() const override { return memory_ || done_ ? 0 : wanted(); }
  DigestSet digests() override { return digests_ == 0 ? DigestSet() : hasher_.Finish(); }

 private:
  // Parts of an object of unknown size double ten times over the course of all parts.
  std::uint64_t wanted() const {
    if (size_) return part_size_;
    const std::uint32_t step = std::max<std::uint32_t>(1, caps_.max_parts / 10);
    return std::min(caps_.max_part_size, part_size_ << std::min<std::uint32_t>(number_ / step, 20));
  }

  Status Fill(Piece* piece) {
    std::string buffer;
    const std::uint64_t left = size_ ? *size_ - offset_ : UINT64_MAX;
    buffer.resize(static_cast<std::size_t>(std::min(wanted(), left)));
    std::size_t got = 0;
    while (got < buffer.size()) {
      Result<std::size_t> n = source_.Read(std::as_writable_bytes(std::span(buffer)).subspan(got));
      if (!n.ok()) return n.status();
      if (*n == 0) break;
      got += *n;
    }
    done_ = got < buffer.size() || got == left;
    buffer.resize(got);
    if (done_ && got == left) {
      // The source must end here; only now it tells whether it is still what it was.
      std::byte one;
      Result<std::size_t> more = source_.Read({&one, 1});
      if (!more.ok()) return more.status();
      if (*more != 0) return Status(Code::kSourceChanged, "the source has more than the " + std::to_string(*size_) + " bytes it was announced with");
    }
    piece->memory = got;
    piece->source = StringSource(std::move(buffer));
    piece->bytes = piece->source->Memory();
    return {};
  }

  ISource& source_;
  const std::optional<Bytes> memory_;
  const std::optional<std::uint64_t> size_;
  const std::uint64_t part_size_;
  const Capabilities caps_;
  const DigestMask digests_;
  Hasher hasher_;
  std::uint32_t number_ = 0;
  std::uint64_t offset_ = 0;
  bool done_ = false;
};

class Ranges final : public IPartFeed {
 public:
  Ranges(IStorageProvider& from, const OpContext& ctx, std::string key, const ObjectInfo& info, std::uint64_t part_size)
      : from_(from), ctx_(ctx), key_(std::move(key)), etag_(info.etag), size_(info.size), part_size_(part_size) {}

  Result<std::optional<Piece>> Next() override {
    if (offset_ == size_) return std::optional<Piece>();
    Piece piece;
    piece.spec = {++number_, offset_, std::min(part_size_, size_ - offset_)};
    GetOptions range;
    range.offset = offset_;
    range.length = piece.spec.size;
    range.if_match = etag_;
    piece.source = ObjectSource(from_, ctx_, key_, std::move(range), piece.spec.size);
    piece.memory = piece.spec.size;
    offset_ += piece.spec.size;
    return std::optional<Piece>(std::move(piece));
  }
  std::uint64_t memory_of_next() const override { return std::min(part_size_, size_ - offset_); }
  DigestSet digests() override { return {}; }

 private:
  IStorageProvider& from_;
  const OpContext ctx_;
  const std::string key_;
  const std::string etag_;
  const std::uint64_t size_;
  const std::uint64_t part_size_;
  std::uint32_t number_ = 0;
  std::uint64_t offset_ = 0;
};

}  // namespace

std::unique_ptr<IPartFeed> SequentialFeed(ISource& source, std::optional<std::uint64_t> size, std::uint64_t part_size, const Capabilities& caps, DigestMask digests) {
  return std::make_unique<Sequential>(source, size, part_size, caps, digests);
}

std::unique_ptr<IPartFeed> RangeFeed(IStorageProvider& from, const OpContext& ctx, std::string key, const ObjectInfo& info, std::uint64_t part_size) {
  return std::make_unique<Ranges>(from, ctx, std::move(key), info, part_size);
}

}  // namespace fileferry
