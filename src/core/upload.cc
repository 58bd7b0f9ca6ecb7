// upload.cc: Upload, and the size of parts.  Any thread.
#include <algorithm>

#include "base/digest.h"
#include "core/file.h"
#include "core/parts.h"

namespace fileferry {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

std::uint64_t UpToMiB(std::uint64_t size) { return size > UINT64_MAX - kMiB ? UINT64_MAX / kMiB * kMiB : (size + kMiB - 1) / kMiB * kMiB; }

// The first bytes of a source, then the rest of it: as if it had not been read from.
class Prepended final : public ISource {
 public:
  Prepended(std::string head, ISource& rest) : head_(StringSource(std::move(head))), rest_(rest) {}
  std::optional<std::uint64_t> size() const override { return std::nullopt; }
  Result<std::size_t> Read(std::span<std::byte> out) override {
    Result<std::size_t> got = head_->Read(out);
    if (!got.ok() || *got > 0 || out.empty()) return got;
    return rest_.Read(out);
  }
  Status Rewind() override { return Status(Code::kUnsupported, "a stream cannot be read a second time"); }
  std::optional<Bytes> Memory() const override { return std::nullopt; }
  Status SendTo(ISink& sink) override { return SendByReading(*this, sink); }

 private:
  const std::unique_ptr<ISource> head_;
  ISource& rest_;
};

// Digests that only a pass over the bytes can give; CRC-64 comes from the parts.
DigestMask MustHash(const PutOptions& options) { return static_cast<DigestMask>((options.digests | options.expected.mask()) & ~MaskOf(DigestKind::kCrc64Nvme)); }

Result<ObjectInfo> UploadParts(IStorageProvider& provider, const OpContext& ctx, std::string_view key, ISource& source, const PutOptions& options, const TransferTuning& tuning,
                               const Capabilities& caps, std::optional<std::uint64_t> size) {
  const std::uint64_t part_size = PartSizeFor(caps, size, tuning.part_size);
  const std::unique_ptr<IPartFeed> feed = SequentialFeed(source, size, part_size, caps, MustHash(options));
  return SendParts(provider, ctx, key, *feed, options, size, size ? part_size : 0, tuning.parallel_parts);
}

// Reads up to `most` bytes; *ended tells whether that was all.
Result<std::string> ReadHead(const OpContext& ctx, ISource& source, std::uint64_t most, bool* ended) {
  std::string head;
  *ended = false;
  while (head.size() < most) {
    if (Status s = ctx.Check(); !s.ok()) return s;
    const std::size_t have = head.size();
    head.resize(have + static_cast<std::size_t>(std::min<std::uint64_t>(most - have, 256 << 10)));
    Result<std::size_t> got = source.Read(std::as_writable_bytes(std::span(head)).subspan(have));
    if (!got.ok()) return got.status();
    head.resize(have + *got);
    if (*got == 0) {
      *ended = true;
      break;
    }
  }
  return head;
}

// A storage that takes neither parts nor a source of unknown size: the bytes wait in a nameless file until their number is known.
Result<ObjectInfo> UploadSpooled(IStorageProvider& provider, const OpContext& ctx, std::string_view key, ISource& source, const PutOptions& options) {
  Result<UniqueFd> fd = NamelessFile();
  if (!fd.ok()) return fd.status();
  const std::unique_ptr<ISink> sink = DescriptorSink(fd->get());
  if (Status s = source.SendTo(*sink); !s.ok()) return s;
  Result<std::unique_ptr<ISource>> spooled = SourceOverFile(std::move(fd).value(), "the temporary file");
  if (!spooled.ok()) return spooled.status();
  return provider.Put(ctx, key, **spooled, options);
}

Result<ObjectInfo> UploadStream(IStorageProvider& provider, const OpContext& ctx, std::string_view key, ISource& source, const PutOptions& options, const TransferTuning& tuning,
                                const Capabilities& caps) {
  if (caps.put_unknown_size) return provider.Put(ctx, key, source, options);
  bool ended = false;
  const std::uint64_t small = std::min(std::max<std::uint64_t>(tuning.multipart_threshold, 1), caps.max_put_size);
  Result<std::string> head = ReadHead(ctx, source, small, &ended);
  if (!head.ok()) return head.status().With(provider.Name(), "put", key);
  if (ended) {
    const std::unique_ptr<ISource> all = StringSource(std::move(head).value());
    return provider.Put(ctx, key, *all, options);
  }
  Prepended stream(std::move(head).value(), source);
  if (caps.multipart) return UploadParts(provider, ctx, key, stream, options, tuning, caps, std::nullopt);
  return UploadSpooled(provider, ctx, key, stream, options);
}

}  // namespace

std::uint64_t PartSizeFor(const Capabilities& caps, std::optional<std::uint64_t> size, std::uint64_t wanted) {
  std::uint64_t part = std::max<std::uint64_t>({wanted, caps.min_part_size, 1});
  if (size && caps.max_parts > 0) part = std::max(part, *size / caps.max_parts + (*size % caps.max_parts != 0 ? 1 : 0));
  return std::min(UpToMiB(part), caps.max_part_size);
}

Result<ObjectInfo> Upload(IStorageProvider& provider, const OpContext& ctx, std::string_view key, ISource& source, const PutOptions& options, const TransferTuning& tuning) {
  const Capabilities caps = provider.Caps();
  const std::optional<std::uint64_t> size = source.size();
  if (!size) return UploadStream(provider, ctx, key, source, options, tuning, caps);
  const bool large = *size >= tuning.multipart_threshold || *size > caps.max_put_size;
  if (large && *size > 0 && caps.multipart) return UploadParts(provider, ctx, key, source, options, tuning, caps, size);
  return provider.Put(ctx, key, source, options);
}

}  // namespace fileferry
