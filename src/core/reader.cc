// reader.cc: Reader over ranged Gets of one version.  Used by one thread at a time.
#include <algorithm>
#include <cstring>

#include "fileferry/store.h"

namespace fileferry {
namespace {

constexpr std::uint64_t kFirstWindow = std::uint64_t{64} << 10;

// Into memory of the caller.
class SpanSink final : public ISink {
 public:
  explicit SpanSink(std::span<std::byte> out) : out_(out) {}
  Status Write(Bytes bytes) override {
    if (bytes.size() > out_.size() - size_) return Status(Code::kIntegrity, "the storage sent more bytes than were asked for");
    std::memcpy(out_.data() + size_, bytes.data(), bytes.size());
    size_ += bytes.size();
    return {};
  }
  Status Restart() override {
    size_ = 0;
    return {};
  }
  std::size_t size() const { return size_; }

 private:
  const std::span<std::byte> out_;
  std::size_t size_ = 0;
};

class RangeReader final : public Reader {
 public:
  RangeReader(ProviderPtr provider, std::string key, ObjectInfo info, const ReaderOptions& options)
      : provider_(std::move(provider)), key_(std::move(key)), info_(std::move(info)), options_(options), pinned_(provider_->Caps().conditional_get && !info_.etag.empty()) {}

  const ObjectInfo& info() const override { return info_; }
  std::uint64_t position() const override { return position_; }

  Status Seek(std::uint64_t position) override {
    if (position > info_.size) return Status(Code::kInvalidArgument, "position " + std::to_string(position) + " lies past the end of the object").With(provider_->Name(), "seek", key_);
    position_ = position;
    return {};
  }

  Result<std::size_t> Read(const OpContext& ctx, std::span<std::byte> out) override {
    std::size_t done = 0;
    while (done < out.size() && position_ < info_.size) {
      if (position_ < begin_ || position_ >= begin_ + window_.size()) {
        const std::span<std::byte> rest = out.subspan(done, static_cast<std::size_t>(std::min<std::uint64_t>(out.size() - done, info_.size - position_)));
        if (rest.size() >= options_.read_ahead) {  // larger than any window: straight to the caller
          if (Status s = Get(ctx, rest); !s.ok()) return s;
          position_ += rest.size();
          return done + rest.size();
        }
        if (Status s = Fetch(ctx, rest.size()); !s.ok()) return s;
      }
      const auto at = static_cast<std::size_t>(position_ - begin_);
      const std::size_t size = std::min(out.size() - done, window_.size() - at);
      std::memcpy(out.data() + done, window_.data() + at, size);
      done += size;
      position_ += size;
    }
    return done;
  }

 private:
  Status Fetch(const OpContext& ctx, std::size_t asked) {
    // Reading on where the last window ended doubles the read-ahead; a jump begins small again.
    const bool onward = !window_.empty() && position_ == begin_ + window_.size();
    ahead_ = std::min(onward ? ahead_ * 2 : kFirstWindow, options_.read_ahead);
    const std::uint64_t size = std::min(info_.size - position_, std::max<std::uint64_t>(asked, ahead_));
    window_.resize(static_cast<std::size_t>(size));
    begin_ = position_;
    Status status = Get(ctx, std::as_writable_bytes(std::span(window_)));
    if (!status.ok()) window_.clear();
    return status;
  }

  // The bytes from the position on, of the version that was opened.
  Status Get(const OpContext& ctx, std::span<std::byte> out) {
    GetOptions get;
    get.offset = position_;
    get.length = out.size();
    if (pinned_) get.if_match = info_.etag;
    SpanSink sink(out);
    Result<ObjectInfo> got = provider_->Get(ctx, key_, get, sink);
    if (!got.ok()) return got.code() == Code::kPreconditionFailed || got.code() == Code::kInvalidArgument ? Replaced() : got.status();
    if (got->size != info_.size || got->etag != info_.etag || got->modified != info_.modified) return Replaced();
    if (sink.size() == out.size()) return {};
    return Status(Code::kIntegrity, "the storage sent " + std::to_string(sink.size()) + " bytes of " + std::to_string(out.size())).With(provider_->Name(), "get", key_);
  }
  Status Replaced() const { return Status(Code::kSourceChanged, "the object was replaced while it was read").With(provider_->Name(), "get", key_); }

  const ProviderPtr provider_;
  const std::string key_;
  const ObjectInfo info_;
  const ReaderOptions options_;
  const bool pinned_;
  std::uint64_t position_ = 0;
  std::string window_;
  std::uint64_t begin_ = 0;
  std::uint64_t ahead_ = kFirstWindow;
};

}  // namespace

Result<std::unique_ptr<Reader>> Store::OpenReader(const OpContext& ctx, std::string_view key, const ReaderOptions& options) {
  Result<ObjectInfo> info = Stat(ctx, key);
  if (!info.ok()) return info.status();
  return std::unique_ptr<Reader>(std::make_unique<RangeReader>(provider_, std::string(key), std::move(info).value(), options));
}

}  // namespace fileferry
