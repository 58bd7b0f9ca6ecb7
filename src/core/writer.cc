// writer.cc: Writer: in memory while small; then in parts, or in a nameless file where the storage has no parts.  Used by one thread at a time.
#include <algorithm>

#include "base/clock.h"
#include "base/digest.h"
#include "core/file.h"
#include "core/parts.h"
#include "fileferry/store.h"

namespace fileferry {
namespace {

class PieceWriter final : public Writer {
 public:
  PieceWriter(ProviderPtr provider, std::string key, PutOptions options, const TransferTuning& tuning)
      : provider_(std::move(provider)), caps_(provider_->Caps()), key_(std::move(key)), options_(std::move(options)), threshold_(std::max<std::uint64_t>(tuning.multipart_threshold, 1)),
        part_size_(PartSizeFor(caps_, std::nullopt, tuning.part_size)),
        hashed_(static_cast<DigestMask>((options_.digests | options_.expected.mask()) & ~MaskOf(DigestKind::kCrc64Nvme))), hasher_(hashed_) {
    if (options_.attempt_id.empty()) options_.attempt_id = RandomId();
  }
  ~PieceWriter() override {
    OpContext last;
    last.deadline = SteadyNow() + std::chrono::seconds(30);
    (void)Discard(last);
  }

  std::uint64_t position() const override { return position_; }

  Status Write(const OpContext& ctx, Bytes bytes) override {
    if (closed_) return Closed();
    if (!failure_.ok()) return failure_;
    if (!pristine()) return failure_ = Add(ctx, bytes);
    if (buffer_.size() + bytes.size() < std::min(threshold_, caps_.max_put_size)) {
      buffer_.append(AsText(bytes));
      position_ += bytes.size();
      return {};
    }
    failure_ = Begin(ctx);
    if (failure_.ok()) failure_ = Add(ctx, bytes);
    return failure_;
  }

  Result<ObjectInfo> Commit(const OpContext& ctx) override {
    if (closed_) return Closed();
    Result<ObjectInfo> info = failure_.ok() ? Finish(ctx) : Result<ObjectInfo>(failure_);
    if (info.ok()) {
      upload_id_.clear();
      closed_ = true;
      return info;
    }
    OpContext last;
    last.deadline = SteadyNow() + std::chrono::seconds(30);
    (void)Discard(last);
    return info;
  }

  Status Discard(const OpContext& ctx) override {
    closed_ = true;
    buffer_ = {};
    spool_ = {};
    if (upload_id_.empty()) return {};
    Status status = provider_->AbortUpload(ctx, key_, upload_id_);
    if (status.ok()) upload_id_.clear();
    return status;
  }

 private:
  bool pristine() const { return upload_id_.empty() && !spool_.valid(); }
  Status Closed() const { return Status(Code::kInvalidArgument, "the writer was committed or discarded already").With(provider_->Name(), "write", key_); }

  // Leaves memory for parts or a file.
  Status Begin(const OpContext& ctx) {
    if (!caps_.multipart) {
      Result<UniqueFd> fd = NamelessFile();
      if (!fd.ok()) return fd.status();
      spool_ = std::move(fd).value();
      const std::string head = std::exchange(buffer_, {});
      return WriteFully(spool_.get(), AsBytes(head), -1, "the temporary file");
    }
    UploadOptions create;
    create.properties = options_.properties;
    create.attempt_id = options_.attempt_id;
    Result<std::string> id = provider_->CreateUpload(ctx, key_, create);
    if (!id.ok()) return id.status();
    upload_id_ = std::move(id).value();
    const std::string head = std::exchange(buffer_, {});
    position_ = 0;
    return Add(ctx, AsBytes(head));
  }

  Status Add(const OpContext& ctx, Bytes bytes) {
    if (spool_.valid()) {
      position_ += bytes.size();
      return WriteFully(spool_.get(), bytes, -1, "the temporary file");
    }
    while (!bytes.empty()) {
      const auto room = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), PartWanted() - buffer_.size()));
      buffer_.append(AsText(bytes.first(room)));
      position_ += room;
      bytes = bytes.subspan(room);
      // A full part goes when more is known to follow, so that the last one is never empty.
      if (buffer_.size() == PartWanted() && !bytes.empty()) {
        if (Status s = SendPart(ctx); !s.ok()) return s;
      }
    }
    return {};
  }

  // Parts double ten times over the course of all of them.
  std::uint64_t PartWanted() const {
    const std::uint32_t step = std::max<std::uint32_t>(1, caps_.max_parts / 10);
    return std::min(caps_.max_part_size, part_size_ << std::min<std::size_t>(parts_.size() / step, 20));
  }

  Status SendPart(const OpContext& ctx) {
    if (parts_.size() == caps_.max_parts) return Status(Code::kInvalidArgument, "the object is larger than the storage takes in " + std::to_string(caps_.max_parts) + " parts");
    const PartSpec spec{static_cast<std::uint32_t>(parts_.size() + 1), sent_, buffer_.size()};
    const std::unique_ptr<ISource> source = MemorySource(AsBytes(buffer_));
    Result<PartInfo> part = provider_->UploadPart(ctx, key_, upload_id_, spec, *source);
    if (!part.ok()) return part.status();
    const Digest crc = Crc64Digest(Crc64Nvme(0, AsBytes(buffer_)));
    if (part->crc64 && *part->crc64 != crc) return Status(Code::kIntegrity, "part " + std::to_string(spec.number) + " was received with other bytes than were sent");
    part->crc64 = crc;
    crc_ = Crc64NvmeCombine(crc_, Crc64Value(crc), buffer_.size());
    hasher_.Update(AsBytes(buffer_));
    sent_ += buffer_.size();
    buffer_.clear();
    parts_.push_back(std::move(part).value());
    return {};
  }

  Result<ObjectInfo> Finish(const OpContext& ctx) {
    if (spool_.valid()) {
      Result<std::unique_ptr<ISource>> source = SourceOverFile(std::move(spool_), "the temporary file");
      if (!source.ok()) return source.status();
      return provider_->Put(ctx, key_, **source, options_);
    }
    if (upload_id_.empty()) {
      const std::unique_ptr<ISource> source = MemorySource(AsBytes(buffer_));
      return provider_->Put(ctx, key_, *source, options_);
    }
    if (!buffer_.empty()) {
      if (Status s = SendPart(ctx); !s.ok()) return s;
    }
    DigestSet known = hashed_ == 0 ? DigestSet() : hasher_.Finish();
    known.Set(Crc64Digest(crc_));
    if (Compare(options_.expected, known) == DigestMatch::kDifferent) {
      return Status(Code::kIntegrity, "the bytes do not have the expected digest; nothing was stored").With(provider_->Name(), "put", key_);
    }
    CompleteOptions complete;
    complete.if_absent = options_.if_absent;
    complete.if_match = options_.if_match;
    complete.size = sent_;
    complete.crc64 = Crc64Digest(crc_);
    complete.attempt_id = options_.attempt_id;
    complete.properties = options_.properties;
    complete.batch = options_.batch;
    Result<ObjectInfo> info = provider_->CompleteUpload(ctx, key_, upload_id_, parts_, complete);
    if (!info.ok()) return info;
    Result<ObjectInfo> checked = CheckStored(std::move(info).value(), known, sent_);
    if (!checked.ok()) return checked.status().With(provider_->Name(), "put", key_);
    return checked;
  }

  const ProviderPtr provider_;
  const Capabilities caps_;
  const std::string key_;
  PutOptions options_;
  const std::uint64_t threshold_;
  const std::uint64_t part_size_;
  const DigestMask hashed_;
  Hasher hasher_;
  std::string buffer_;       // what has not left memory
  UniqueFd spool_;
  std::string upload_id_;
  std::vector<PartInfo> parts_;
  std::uint64_t position_ = 0, sent_ = 0, crc_ = 0;
  Status failure_;
  bool closed_ = false;
};

}  // namespace

Result<std::unique_ptr<Writer>> Store::OpenWriter(std::string_view key, const PutOptions& options) {
  if (Status s = provider_->CheckKey(key); !s.ok()) return s;
  PutOptions typed = options;
  if (typed.properties.content_type.empty() && provider_->Caps().metadata) typed.properties.content_type = ContentTypeByName(key);
  return std::unique_ptr<Writer>(std::make_unique<PieceWriter>(provider_, std::string(key), std::move(typed), tuning_));
}

}  // namespace fileferry
