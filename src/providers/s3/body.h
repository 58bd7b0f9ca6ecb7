// body.h: the body of an upload, made ready: digests that must precede it are known, and a source that is not what it said is caught before its last byte is sent.
// One thread at a time.
#ifndef FILEFERRY_PROVIDERS_S3_BODY_H_
#define FILEFERRY_PROVIDERS_S3_BODY_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include "fileferry/provider.h"

namespace fileferry::s3 {

// A source of exactly `size` bytes over another.  Gives kSourceChanged in place of the last bytes when the source is shorter or longer, or (where a CRC is expected) not the same
// bytes as before: the request then ends unfinished, and the service stores nothing.
class GuardedSource final : public ISource {
 public:
  GuardedSource(ISource& source, std::uint64_t size, std::optional<std::uint64_t> expected_crc64, bool check_end)
      : source_(source), size_(size), expected_(expected_crc64), check_end_(check_end) {}
  std::optional<std::uint64_t> size() const override { return size_; }
  Result<std::size_t> Read(std::span<std::byte> out) override;
  Status Rewind() override;
  std::optional<Bytes> Memory() const override { return std::nullopt; }
  Status SendTo(ISink& sink) override;
  std::uint64_t crc64() const { return crc_; }  // of what was read so far
  bool done() const { return read_ == size_; }

 private:
  ISource& source_;
  const std::uint64_t size_;
  const std::optional<std::uint64_t> expected_;
  const bool check_end_;
  std::uint64_t read_ = 0;
  std::uint64_t crc_ = 0;
};

// Blocks for bodies of up to kSize bytes, used again and never cleared.  Thread-safe without a lock, which a fork could leave held.
class BlockPool {
 public:
  static constexpr std::size_t kSize = std::size_t{1} << 20;
  using Block = std::unique_ptr<std::byte[]>;
  BlockPool() = default;
  ~BlockPool();
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;
  Block Take();
  void Give(Block block);

 private:
  std::array<std::atomic<std::byte*>, 32> free_{};
};

// A body whose digests are known.  Either all of it lies in `memory`, or `guard` reads it again.
struct ReadyBody {
  explicit ReadyBody(BlockPool& pool) : blocks(pool) {}
  ~ReadyBody() {
    if (block != nullptr) blocks.Give(std::move(block));
  }
  ReadyBody(const ReadyBody&) = delete;
  ReadyBody& operator=(const ReadyBody&) = delete;

  BlockPool& blocks;
  Bytes memory{};
  std::uint64_t size = 0;
  DigestSet digests;
  BlockPool::Block block;                 // owns memory where the source did not
  std::optional<GuardedSource> guard;
};

// Reads a source of `size` bytes for its digests (CRC-64 is always among them).  kSourceChanged when it is shorter or longer; kUnsupported when it is large and cannot rewind.
Status ReadyForUpload(const OpContext& ctx, ISource& source, std::uint64_t size, DigestMask digests, bool check_end, ReadyBody* out);

}  // namespace fileferry::s3

#endif  // FILEFERRY_PROVIDERS_S3_BODY_H_
