// object_source.cc: a source whose bytes come from Get: pushed without a copy, or pulled through a window of bounded memory.  Used by one thread at a time.
#include <algorithm>
#include <cstring>

#include "base/digest.h"
#include "core/kept.h"
#include "fileferry/ops.h"

namespace fileferry {
namespace {

constexpr std::uint64_t kWindow = std::uint64_t{16} << 20;

class CountingSink final : public ISink {
 public:
  explicit CountingSink(ISink& inner) : inner_(inner) {}
  Status Write(Bytes bytes) override {
    Status status = inner_.Write(bytes);
    if (status.ok()) count_ += bytes.size();
    return status;
  }
  Status Restart() override {
    Status status = inner_.Restart();
    if (status.ok()) count_ = 0;
    return status;
  }
  std::uint64_t count() const { return count_; }

 private:
  ISink& inner_;
  std::uint64_t count_ = 0;
};

class GetSource final : public ISource {
 public:
  GetSource(IStorageProvider& provider, const OpContext& ctx, std::string key, GetOptions options, std::uint64_t size)
      : provider_(provider), ctx_(ctx), key_(std::move(key)), options_(std::move(options)), size_(size), whole_(options_.offset == 0 && !options_.length) {
    options_.head = nullptr;
  }

  std::optional<std::uint64_t> size() const override { return size_; }

  Result<std::size_t> Read(std::span<std::byte> out) override {
    if (out.empty() || position_ == size_) return std::size_t{0};
    if (position_ < window_begin_ || position_ >= window_begin_ + window_.size()) {
      if (Status s = Fetch(); !s.ok()) return s;
    }
    const std::size_t at = static_cast<std::size_t>(position_ - window_begin_);
    const std::size_t size = std::min(out.size(), window_.size() - at);
    std::memcpy(out.data(), window_.data() + at, size);
    position_ += size;
    return size;
  }

  Status Rewind() override {
    position_ = 0;
    return {};
  }
  std::optional<Bytes> Memory() const override {
    if (size_ == 0 || window_.size() != size_) return std::nullopt;
    return AsBytes(window_);
  }

  Status SendTo(ISink& sink) override {
    if (position_ == size_) return {};
    CountingSink counting(sink);
    Result<ObjectInfo> info = provider_.Get(ctx_, key_, Range(position_, size_ - position_), counting);
    if (Status s = Check(info, counting.count(), size_ - position_); !s.ok()) return s;
    position_ = size_;
    return {};
  }

 private:
  // The options for bytes [begin, begin + size) of this source.  Everything at once, of a whole object, is asked for as such, so that the provider verifies it.
  GetOptions Range(std::uint64_t begin, std::uint64_t size) const {
    GetOptions range = options_;
    if (whole_ && begin == 0 && size == size_) return range;
    range.offset += begin;
    range.length = size;
    range.digests = 0;
    if (!etag_.empty()) range.if_match = etag_;
    return range;
  }

  Status Check(const Result<ObjectInfo>& info, std::uint64_t got, std::uint64_t wanted) {
    if (!info.ok()) {
      const bool replaced = info.code() == Code::kPreconditionFailed && !etag_.empty() && options_.if_match.empty();
      if (replaced) return Changed("the object was replaced while it was read");
      return info.status();
    }
    if (whole_ && info->size != size_) return Changed("the object has " + std::to_string(info->size) + " bytes and not the " + std::to_string(size_) + " it had");
    if (!etag_.empty() && !info->etag.empty() && info->etag != etag_) return Changed("the object was replaced while it was read");
    if (got != wanted) return Changed("the storage sent " + std::to_string(got) + " bytes of " + std::to_string(wanted));
    etag_ = info->etag;
    return {};
  }
  Status Changed(std::string message) const { return Status(Code::kSourceChanged, std::move(message)).With(provider_.Name(), "get", key_); }

  Status Fetch() {
    const std::uint64_t size = std::min(kWindow, size_ - position_);
    window_.clear();
    window_begin_ = position_;
    const std::unique_ptr<ISink> sink = StringSink(&window_, size);
    Result<ObjectInfo> info = provider_.Get(ctx_, key_, Range(position_, size), *sink);
    if (Status s = Check(info, window_.size(), size); !s.ok()) {
      window_.clear();
      return s;
    }
    stored_ = std::move(*info);
    return Verify();
  }

  // Windows of a whole object, fetched in order, add up to its digest.
  Status Verify() {
    if (!whole_ || !options_.verify) return {};
    if (window_begin_ == 0) crc_ = crc_end_ = 0;
    if (window_begin_ != crc_end_) return {};
    crc_ = Crc64Nvme(crc_, AsBytes(window_));
    crc_end_ += window_.size();
    if (crc_end_ != size_) return {};
    DigestSet computed;
    computed.Set(Crc64Digest(crc_));
    const Status status = CheckKept(provider_, ctx_, key_, computed, &stored_);
    if (status.ok()) return {};
    window_.clear();
    return status.With(provider_.Name(), "get", key_);
  }

  IStorageProvider& provider_;
  const OpContext ctx_;
  const std::string key_;
  GetOptions options_;
  const std::uint64_t size_;
  const bool whole_;
  std::uint64_t position_ = 0;
  std::string window_;
  std::uint64_t window_begin_ = 0;
  std::string etag_;   // of the version that is read
  ObjectInfo stored_;  // as the last answer told
  std::uint64_t crc_ = 0, crc_end_ = 0;
};

}  // namespace

std::unique_ptr<ISource> ObjectSource(IStorageProvider& provider, const OpContext& ctx, std::string key, GetOptions options, std::uint64_t size) {
  return std::make_unique<GetSource>(provider, ctx, std::move(key), std::move(options), size);
}

}  // namespace fileferry
