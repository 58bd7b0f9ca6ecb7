// parts.cc: sending and copying objects in parts.  Any thread; the state of one transfer is on the stack of its caller.
#include "core/parts.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "base/clock.h"
#include "base/digest.h"
#include "core/parallel.h"

namespace fileferry {
namespace {

// What parts of one transfer may hold at once.
constexpr std::uint64_t kMemory = std::uint64_t{64} << 20;

// An upload that is aborted unless it was completed.
class OpenUpload {
 public:
  static Result<OpenUpload> Create(IStorageProvider& to, const OpContext& ctx, std::string_view key, const PutOptions& options, std::optional<std::uint64_t> size,
                                   std::uint64_t part_size) {
    UploadOptions create;
    create.properties = options.properties;
    create.size = size;
    create.part_size = part_size;
    create.attempt_id = options.attempt_id.empty() ? RandomId() : options.attempt_id;
    Result<std::string> id = to.CreateUpload(ctx, key, create);
    if (!id.ok()) return id.status();
    return OpenUpload(to, std::string(key), std::move(id).value(), std::move(create));
  }
  OpenUpload(OpenUpload&& other) noexcept
      : to_(std::exchange(other.to_, nullptr)), key_(std::move(other.key_)), id_(std::move(other.id_)), create_(std::move(other.create_)) {}
  OpenUpload& operator=(OpenUpload&&) = delete;
  ~OpenUpload() {
    if (to_ == nullptr) return;
    OpContext last;  // of its own: a cancelled transfer must not leave its parts behind
    last.deadline = SteadyNow() + std::chrono::seconds(30);
    (void)to_->AbortUpload(last, key_, id_);
  }

  const std::string& id() const { return id_; }

  Result<ObjectInfo> Complete(const OpContext& ctx, const std::vector<PartInfo>& parts, const PutOptions& options, std::uint64_t size, const std::optional<Digest>& crc) {
    CompleteOptions complete;
    complete.if_absent = options.if_absent;
    complete.if_match = options.if_match;
    complete.size = size;
    complete.crc64 = crc;
    complete.attempt_id = create_.attempt_id;
    complete.properties = create_.properties;
    complete.batch = options.batch;
    Result<ObjectInfo> info = to_->CompleteUpload(ctx, key_, id_, parts, complete);
    if (info.ok()) to_ = nullptr;
    return info;
  }

 private:
  OpenUpload(IStorageProvider& to, std::string key, std::string id, UploadOptions create)
      : to_(&to), key_(std::move(key)), id_(std::move(id)), create_(std::move(create)) {}

  IStorageProvider* to_;
  std::string key_;
  std::string id_;
  UploadOptions create_;
};

// Hands pieces to workers and gathers what became of them.
class Sending {
 public:
  Sending(IStorageProvider& to, const OpContext& ctx, std::string_view key, const std::string& upload_id, IPartFeed& feed)
      : to_(to), ctx_(ctx), key_(key), upload_id_(upload_id), feed_(feed) {}

  void Work() {
    while (std::optional<Piece> piece = Take()) {
      Result<PartInfo> part = to_.UploadPart(ctx_, key_, upload_id_, piece->spec, *piece->source);
      if (part.ok() && !part->crc64 && piece->bytes) part->crc64 = Crc64Digest(Crc64Nvme(0, *piece->bytes));
      const std::uint64_t memory = piece->memory;
      piece.reset();
      Give(std::move(part), memory);
    }
  }
  Status status() const { return status_; }
  std::vector<PartInfo> TakeParts() {
    std::sort(parts_.begin(), parts_.end(), [](const PartInfo& a, const PartInfo& b) { return a.number < b.number; });
    return std::move(parts_);
  }

 private:
  std::optional<Piece> Take() {
    std::unique_lock lock(mutex_);
    // The feed is asked by one worker at a time; the others wait here for their turn, or for memory.
    ready_.wait(lock, [&] { return ended_ || (!feeding_ && (memory_ == 0 || memory_ + feed_.memory_of_next() <= kMemory)); });
    if (ended_) return std::nullopt;
    feeding_ = true;
    lock.unlock();
    Status stop = ctx_.Check();
    Result<std::optional<Piece>> piece = stop.ok() ? feed_.Next() : Result<std::optional<Piece>>(stop);
    lock.lock();
    feeding_ = false;
    std::optional<Piece> taken;
    if (!piece.ok()) {
      Fail(piece.status());
    } else if (!piece->has_value()) {
      ended_ = true;
    } else {
      memory_ += (*piece)->memory;
      taken = std::move(**piece);
    }
    ready_.notify_all();
    if (ended_) return std::nullopt;
    return taken;
  }
  void Give(Result<PartInfo> part, std::uint64_t memory) {
    const std::lock_guard lock(mutex_);
    memory_ -= memory;
    if (part.ok()) {
      parts_.push_back(std::move(part).value());
    } else {
      Fail(part.status());
    }
    ready_.notify_all();
  }
  void Fail(const Status& status) {
    if (status_.ok()) status_ = status;
    ended_ = true;
  }

  IStorageProvider& to_;
  const OpContext& ctx_;
  const std::string_view key_;
  const std::string& upload_id_;
  IPartFeed& feed_;
  std::mutex mutex_;
  std::condition_variable ready_;
  bool feeding_ = false, ended_ = false;
  std::uint64_t memory_ = 0;
  std::vector<PartInfo> parts_;
  Status status_;
};

// The CRC-64 of the whole, if every part told its own.
std::optional<Digest> Combined(const std::vector<PartInfo>& parts) {
  std::uint64_t crc = 0;
  for (const PartInfo& part : parts) {
    if (!part.crc64) return std::nullopt;
    crc = Crc64NvmeCombine(crc, Crc64Value(*part.crc64), part.size);
  }
  return Crc64Digest(crc);
}

}  // namespace

Result<ObjectInfo> CheckStored(ObjectInfo info, const DigestSet& known, std::uint64_t size) {
  if (info.size != size) {
    return Status(Code::kIntegrity, "the storage keeps " + std::to_string(info.size) + " bytes of the " + std::to_string(size) + " that were sent");
  }
  if (Compare(known, info.digests) == DigestMatch::kDifferent) return Status(Code::kIntegrity, "the storage keeps other bytes than those that were sent");
  for (const Digest& digest : known) info.digests.Set(digest);
  return info;
}

Result<ObjectInfo> SendParts(IStorageProvider& to, const OpContext& ctx, std::string_view key, IPartFeed& feed, const PutOptions& options, std::optional<std::uint64_t> size,
                             std::uint64_t part_size, int width) {
  Result<OpenUpload> upload = OpenUpload::Create(to, ctx, key, options, size, part_size);
  if (!upload.ok()) return upload.status();
  Sending sending(to, ctx, key, upload->id(), feed);
  RunOnThreads(std::max(1, width), [&sending] { sending.Work(); });
  if (Status s = sending.status(); !s.ok()) return s.With(to.Name(), "put", key);
  const std::vector<PartInfo> parts = sending.TakeParts();
  std::uint64_t sent = 0;
  for (const PartInfo& part : parts) sent += part.size;
  if (size && sent != *size) return Status(Code::kSourceChanged, "the source ended after " + std::to_string(sent) + " of " + std::to_string(*size) + " bytes").With(to.Name(), "put", key);
  DigestSet known = feed.digests();
  const std::optional<Digest> crc = Combined(parts);
  if (crc) known.Set(*crc);
  if (Compare(options.expected, known) == DigestMatch::kDifferent) {
    return Status(Code::kIntegrity, "the bytes do not have the expected digest; nothing was stored").With(to.Name(), "put", key);
  }
  Result<ObjectInfo> info = upload->Complete(ctx, parts, options, sent, crc);
  if (!info.ok()) return info;
  Result<ObjectInfo> checked = CheckStored(std::move(info).value(), known, sent);
  if (!checked.ok()) return checked.status().With(to.Name(), "put", key);
  return checked;
}

Result<ObjectInfo> CopyParts(IStorageProvider& to, const OpContext& ctx, std::string_view key, const Location& from, const ObjectInfo& source, const PutOptions& options,
                             std::uint64_t part_size, int width) {
  Result<OpenUpload> upload = OpenUpload::Create(to, ctx, key, options, source.size, part_size);
  if (!upload.ok()) return upload.status();
  std::mutex mutex;
  std::uint64_t offset = 0;
  std::vector<PartInfo> parts;
  Status status;
  RunOnThreads(std::max(1, width), [&] {
    while (true) {
      PartSpec spec;
      {
        const std::lock_guard lock(mutex);
        if (status.ok()) status = ctx.Check();
        if (!status.ok() || offset == source.size) return;
        spec = {static_cast<std::uint32_t>(offset / part_size + 1), offset, std::min(part_size, source.size - offset)};
        offset += spec.size;
      }
      Result<PartInfo> part = to.UploadPartCopy(ctx, key, upload->id(), spec, from, source.etag);
      const std::lock_guard lock(mutex);
      if (part.ok()) {
        parts.push_back(std::move(part).value());
      } else if (status.ok()) {
        status = part.status();
      }
    }
  });
  if (!status.ok()) return status.With(to.Name(), "copy", key);
  std::sort(parts.begin(), parts.end(), [](const PartInfo& a, const PartInfo& b) { return a.number < b.number; });
  std::optional<Digest> crc = Combined(parts);
  DigestSet known;
  if (crc) known.Set(*crc);
  if (Compare(known, source.digests) == DigestMatch::kDifferent) return Status(Code::kIntegrity, "the copied parts do not have the digest of the source").With(to.Name(), "copy", key);
  if (const Digest* stored = source.digests.Find(DigestKind::kCrc64Nvme); !crc && stored != nullptr) crc = *stored;
  Result<ObjectInfo> info = upload->Complete(ctx, parts, options, source.size, crc);
  if (!info.ok()) return info;
  Result<ObjectInfo> checked = CheckStored(std::move(info).value(), source.digests, source.size);
  if (!checked.ok()) return checked.status().With(to.Name(), "copy", key);
  return checked;
}

}  // namespace fileferry
