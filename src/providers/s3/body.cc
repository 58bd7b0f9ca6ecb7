// body.cc: see body.h.  One thread at a time.
#include "providers/s3/body.h"

#include <algorithm>
#include <vector>

#include "base/digest.h"
#include "fileferry/ops.h"

namespace fileferry::s3 {

namespace {

constexpr std::size_t kBlock = std::size_t{256} << 10;

Status Shorter() { return {Code::kSourceChanged, "the source ended before the size that it said: it was cut while it was read"}; }
Status Longer() { return {Code::kSourceChanged, "the source is longer than the size that it said: it grew while it was read"}; }

Status CheckEnd(ISource& source) {
  std::byte extra{};
  Result<std::size_t> more = source.Read(std::span<std::byte>(&extra, 1));
  if (!more.ok()) return more.status();
  return *more == 0 ? Status() : Longer();
}

void TakeDigests(Bytes bytes, DigestMask kinds, DigestSet* digests) {
  if (kinds == MaskOf(DigestKind::kCrc64Nvme)) {
    digests->Set(Crc64Digest(Crc64Nvme(0, bytes)));
    return;
  }
  Hasher hasher(kinds);
  hasher.Update(bytes);
  *digests = hasher.Finish();
}

}  // namespace

Result<std::size_t> GuardedSource::Read(std::span<std::byte> out) {
  const std::uint64_t left = size_ - read_;
  if (left == 0 || out.empty()) return std::size_t{0};
  const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(left, out.size()));
  Result<std::size_t> got = source_.Read(out.first(wanted));
  if (!got.ok()) return got.status();
  if (*got == 0) return Shorter();
  crc_ = Crc64Nvme(crc_, Bytes(out.data(), *got));
  read_ += *got;
  if (read_ == size_) {
    if (check_end_) {
      if (Status status = CheckEnd(source_); !status.ok()) return status;
    }
    if (expected_ && crc_ != *expected_) return Status(Code::kSourceChanged, "the source changed between its two readings");
  }
  return *got;
}

Status GuardedSource::Rewind() {
  if (Status status = source_.Rewind(); !status.ok()) return status;
  read_ = 0;
  crc_ = 0;
  return {};
}

Status GuardedSource::SendTo(ISink& sink) { return SendByReading(*this, sink); }

BlockPool::~BlockPool() {
  for (std::atomic<std::byte*>& slot : free_) Block(slot.load());
}

BlockPool::Block BlockPool::Take() {
  for (std::atomic<std::byte*>& slot : free_) {
    if (slot.load(std::memory_order_relaxed) == nullptr) continue;
    if (Block block(slot.exchange(nullptr)); block != nullptr) return block;
  }
  return Block(new std::byte[kSize]);
}

void BlockPool::Give(Block block) {
  for (std::atomic<std::byte*>& slot : free_) {
    std::byte* none = nullptr;
    if (slot.load(std::memory_order_relaxed) != nullptr || !slot.compare_exchange_strong(none, block.get())) continue;
    (void)block.release();
    return;
  }
}

Status ReadyForUpload(const OpContext& ctx, ISource& source, std::uint64_t size, DigestMask digests, bool check_end, ReadyBody* out) {
  digests = static_cast<DigestMask>(digests | MaskOf(DigestKind::kCrc64Nvme));
  out->size = size;
  if (const std::optional<Bytes> memory = source.Memory()) {
    if (memory->size() < size) return Shorter();
    if (check_end && memory->size() > size) return Longer();
    out->memory = memory->first(static_cast<std::size_t>(size));
    TakeDigests(out->memory, digests, &out->digests);
    return {};
  }
  if (size <= BlockPool::kSize) {
    out->block = out->blocks.Take();
    const std::span<std::byte> whole(out->block.get(), static_cast<std::size_t>(size));
    for (std::size_t at = 0; at < whole.size();) {
      Result<std::size_t> got = source.Read(whole.subspan(at));
      if (!got.ok()) return got.status();
      if (*got == 0) return Shorter();
      at += *got;
    }
    if (check_end) {
      if (Status status = CheckEnd(source); !status.ok()) return status;
    }
    out->memory = Bytes(whole);
    TakeDigests(out->memory, digests, &out->digests);
    return {};
  }
  Hasher hasher(digests);
  std::vector<std::byte> block(kBlock);
  GuardedSource first(source, size, std::nullopt, check_end);
  while (!first.done()) {
    if (Status status = ctx.Check(); !status.ok()) return status;
    Result<std::size_t> got = first.Read(block);
    if (!got.ok()) return got.status();
    hasher.Update(Bytes(block.data(), *got));
  }
  out->digests = hasher.Finish();
  if (Status status = source.Rewind(); !status.ok()) {
    if (status.code() != Code::kUnsupported) return status;
    return {Code::kUnsupported, "the source cannot be read twice, which an object of this size needs in one request: send it in parts"};
  }
  out->guard.emplace(source, size, first.crc64(), check_end);
  return {};
}

}  // namespace fileferry::s3
