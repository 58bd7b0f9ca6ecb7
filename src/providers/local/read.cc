// read.cc: getting bytes out of a file that may change while it is read.  Any thread, each with its own descriptors.
#include <algorithm>
#include <cerrno>

#include "base/errno_status.h"
#include "providers/local/provider.h"

namespace fileferry::local {
namespace {

constexpr std::size_t kMaxFreeBuffers = 32;

// The file must be what it was when it was opened; current: and must not have been replaced or removed either.
Status CheckUnchanged(const Found& found, bool current) {
  struct stat now = {};
  if (sys::FStat(found.file.get(), &now) != 0) return ErrnoStatus(errno, "cannot look at " + found.path);
  if (IdentityOf(now) == IdentityOf(found.st) && (!current || now.st_nlink > 0)) return {};
  return Status(Code::kSourceChanged, "the file " + found.path + " was changed while it was read");
}

Status EndedEarly(const Found& found) { return Status(Code::kSourceChanged, "the file " + found.path + " was cut while it was read"); }

Status ReadError(const Found& found) { return ErrnoStatus(errno, "cannot read " + found.path); }

class RangeSource final : public ISource {
 public:
  RangeSource(const OpContext& ctx, Found found, ByteRange range, BufferPool* buffers) : ctx_(ctx), found_(std::move(found)), range_(range), buffers_(buffers) {}

  std::optional<std::uint64_t> size() const override { return range_.length; }

  Result<std::size_t> Read(std::span<std::byte> out) override {
    if (Status s = ctx_.Check(); !s.ok()) return s;
    const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), range_.length - done_));
    if (wanted == 0) {
      if (out.empty()) return std::size_t{0};
      if (Status s = CheckUnchanged(found_, true); !s.ok()) return s;
      return std::size_t{0};
    }
    const ssize_t n = sys::PRead(found_.file.get(), out.data(), wanted, static_cast<off_t>(range_.offset + done_));
    if (n < 0) return ReadError(found_);
    if (n == 0) return EndedEarly(found_);
    done_ += static_cast<std::uint64_t>(n);
    return static_cast<std::size_t>(n);
  }

  Status Rewind() override {
    done_ = 0;
    return {};
  }
  std::optional<Bytes> Memory() const override { return std::nullopt; }

  Status SendTo(ISink& sink) override {
    const ByteRange rest{range_.offset + done_, range_.length - done_};
    done_ = range_.length;
    if (Status s = SendRange(ctx_, found_, rest, buffers_, sink, nullptr); !s.ok()) return s;
    return CheckUnchanged(found_, true);
  }

 private:
  const OpContext ctx_;
  const Found found_;
  const ByteRange range_;
  BufferPool* const buffers_;
  std::uint64_t done_ = 0;
};

}  // namespace

BufferPool::Buffer BufferPool::Take() {
  {
    Shared& shared = shared_.Get();
    const std::scoped_lock lock(shared.mutex);
    if (!shared.free.empty()) {
      Buffer buffer = std::move(shared.free.back());
      shared.free.pop_back();
      return buffer;
    }
  }
  return Buffer(new std::byte[kSize]);
}

void BufferPool::Give(Buffer buffer) {
  Shared& shared = shared_.Get();
  const std::scoped_lock lock(shared.mutex);
  if (shared.free.size() < kMaxFreeBuffers) shared.free.push_back(std::move(buffer));
}

Status SendRange(const OpContext& ctx, const Found& found, ByteRange range, BufferPool* buffers, ISink& sink, Hasher* hasher) {
  BufferPool::Buffer buffer = buffers->Take();
  Status status;
  for (std::uint64_t done = 0; done < range.length && status.ok();) {
    if (status = ctx.Check(); !status.ok()) break;
    const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(BufferPool::kSize, range.length - done));
    const ssize_t n = sys::PRead(found.file.get(), buffer.get(), wanted, static_cast<off_t>(range.offset + done));
    if (n <= 0) {
      status = n < 0 ? ReadError(found) : EndedEarly(found);
      break;
    }
    const Bytes bytes(buffer.get(), static_cast<std::size_t>(n));
    if (hasher != nullptr) hasher->Update(bytes);
    status = sink.Write(bytes);
    done += static_cast<std::uint64_t>(n);
  }
  buffers->Give(std::move(buffer));
  return status.ok() ? CheckUnchanged(found, false) : status;
}

std::unique_ptr<ISource> FileRangeSource(const OpContext& ctx, Found found, ByteRange range, BufferPool* buffers) {
  return std::make_unique<RangeSource>(ctx, std::move(found), range, buffers);
}

Result<ByteRange> CheckGet(const GetOptions& options, const ObjectInfo& info) {
  if (!options.version_id.empty()) return Status(Code::kUnsupported, "a folder keeps no versions");
  if (!options.if_match.empty() && options.if_match != info.etag) return Status(Code::kPreconditionFailed, "the object is not the version that was asked for");
  if (!options.if_none_match.empty() && options.if_none_match == info.etag) {
    ErrorDetail detail = Status(Code::kPreconditionFailed, "the object is still the version that is known").detail();
    detail.http_status = 304;
    return Status(std::move(detail));
  }
  if (info.size > 0 && options.offset >= info.size) {
    return Status(Code::kInvalidArgument, "the range begins at " + std::to_string(options.offset) + ", but the object has " + std::to_string(info.size) + " bytes");
  }
  ByteRange range{std::min(options.offset, info.size), 0};
  range.length = std::min(options.length.value_or(info.size), info.size - range.offset);
  return range;
}

Result<ObjectInfo> LocalProvider::DoGet(const OpContext& ctx, std::string_view key, const GetOptions& options, ISink& sink) {
  Result<Found> found = FindChecked(ctx, key);
  if (!found.ok()) return found.status();
  const Result<std::optional<Record>> record = properties_.Read(*found, key);
  if (!record.ok()) return record.status();
  ObjectInfo info = MakeInfo(key, found->st, *record);
  const Result<ByteRange> range = CheckGet(options, info);
  if (!range.ok()) return range.status();
  if (options.head != nullptr) *options.head = info;
  const bool whole = range->length == info.size;
  DigestMask mask = whole ? options.digests : DigestMask{0};
  const DigestMask common = static_cast<DigestMask>(mask & info.digests.mask());
  if (whole && options.verify && common == 0 && info.digests.Find(DigestKind::kCrc64Nvme) != nullptr) mask |= MaskOf(DigestKind::kCrc64Nvme);
  Hasher hasher(mask);
  if (Status s = SendRange(ctx, *found, *range, &buffers_, sink, mask == 0 ? nullptr : &hasher); !s.ok()) return s;
  if (mask == 0) return info;
  const DigestSet computed = hasher.Finish();
  if (options.verify && Compare(computed, info.digests) == DigestMatch::kDifferent) {
    return Status(Code::kIntegrity, "the bytes of " + tree_.Display(found->path) + " are not those that were stored; restore it from another copy");
  }
  for (const Digest& digest : computed) info.digests.Set(digest);
  return info;
}

Result<std::unique_ptr<ISource>> LocalProvider::Open(const OpContext& ctx, std::string_view key, const GetOptions& options, ObjectInfo* info) {
  Result<Found> found = FindChecked(ctx, key);
  if (!found.ok()) return Say(found.status(), "open", key);
  const Result<std::optional<Record>> record = properties_.Read(*found, key);
  if (!record.ok()) return Say(record.status(), "open", key);
  ObjectInfo made = MakeInfo(key, found->st, *record);
  const Result<ByteRange> range = CheckGet(options, made);
  if (!range.ok()) return Say(range.status(), "open", key);
  if (options.head != nullptr) *options.head = made;
  if (info != nullptr) *info = std::move(made);
  return FileRangeSource(ctx, std::move(*found), *range, &buffers_);
}

}  // namespace fileferry::local
