// large.cc: see large.h.
#include "transfer/large.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "base/digest.h"
#include "core/kept.h"
#include "transfer/decide.h"
#include "transfer/mover.h"

namespace fileferry {

namespace {
constexpr auto kAbortTime = std::chrono::seconds(5);

bool SourceIsAsRecorded(const OpenUpload& upload, const ObjectInfo& info, const Capabilities& caps) {
  if (upload.size != info.size) return false;
  if (!upload.source_etag.empty() && !info.etag.empty()) return upload.source_etag == info.etag;
  const std::optional<Time> listed = ListedTime(info, caps);
  return upload.source_modified && listed && SameTime(*upload.source_modified, *listed);
}
}  // namespace

PartSpec LargeObjects::SpecOf(const LargeObject& large, std::size_t part) const {
  PartSpec spec;
  spec.number = static_cast<std::uint32_t>(part + 1);
  spec.offset = part * large.upload.part_size;
  spec.size = std::min(large.upload.part_size, large.source.size - spec.offset);
  return spec;
}

Status LargeObjects::Create(const OpContext& ctx, LargeObject& large) {
  const Side& to = setup_.destination;
  OpenUpload& upload = large.upload;
  upload = {};
  upload.size = large.source.size;
  upload.part_size = PartSizeFor(to.caps, large.source.size, setup_.plan.tuning.part_size);
  upload.source_etag = large.source.etag;
  upload.source_modified = ListedTime(large.source, setup_.source.caps);
  upload.attempt_id = setup_.NextAttempt();
  UploadOptions options;
  options.properties = large.properties;
  options.size = upload.size;
  options.part_size = upload.part_size;
  options.attempt_id = upload.attempt_id;
  bool maybe_another = false;
  options.maybe_another = &maybe_another;
  if (Status status = setup_.recorder->UploadAsked(large.item, upload.attempt_id); !status.ok()) return status;
  Result<std::string> id = to.provider->CreateUpload(ctx, to.Full(large.item.to), options);
  if (!id.ok()) return id.status();  // stays asked for: there may be one all the same
  upload.upload_id = std::move(*id);
  large.parts.assign((upload.size + upload.part_size - 1) / upload.part_size, PartInfo{});
  if (Status status = setup_.recorder->UploadOpened(large.item, upload); !status.ok()) return status;
  return maybe_another ? Status() : setup_.recorder->UploadClosed(large.item, upload.attempt_id);
}

// Takes over the upload of an earlier attempt, as far as storage and notes agree.  kNotFound: there is no such upload any more.
Status LargeObjects::Resume(const OpContext& ctx, LargeObject& large) {
  const Side& to = setup_.destination;
  large.upload = *large.item.upload;
  if (!SourceIsAsRecorded(large.upload, large.source, setup_.source.caps) || large.upload.part_size == 0) {
    (void)to.provider->AbortUpload(ctx, to.Full(large.item.to), large.upload.upload_id);
    (void)setup_.recorder->UploadClosed(large.item, large.upload.upload_id);
    return Status(Code::kNotFound, "the upload is of another version of the source");
  }
  Result<std::vector<PartInfo>> listed = to.provider->ListParts(ctx, to.Full(large.item.to), large.upload.upload_id);
  if (!listed.ok()) {
    if (listed.code() == Code::kNotFound) (void)setup_.recorder->UploadClosed(large.item, large.upload.upload_id);
    return listed.status();
  }
  const std::size_t count = (large.upload.size + large.upload.part_size - 1) / large.upload.part_size;
  large.parts.assign(count, PartInfo{});
  for (PartInfo& there : *listed) {
    if (there.number == 0 || there.number > count) continue;
    const PartSpec spec = SpecOf(large, there.number - 1);
    if (there.size != spec.size) continue;
    for (const PartInfo& noted : large.upload.parts) {
      if (noted.number == there.number && noted.etag == there.etag && !there.crc64) there.crc64 = noted.crc64;
    }
    there.offset = spec.offset;
    large.parts[there.number - 1] = std::move(there);
  }
  large.upload.parts.clear();
  return {};
}

Result<std::shared_ptr<LargeObject>> LargeObjects::Begin(const OpContext& ctx, const Item& item, const WriteMode& mode, bool by_server, bool* ready) {
  auto large = std::make_shared<LargeObject>();
  large->item = item;
  large->mode = mode;
  large->by_server = by_server;
  Result<ObjectInfo> info = setup_.source.provider->Stat(ctx, setup_.source.Full(item.key));
  if (!info.ok()) return AtSource(info.status());
  large->source = std::move(*info);
  large->properties = PropertiesToCarry(setup_, large->source);
  if (Status access = AddAccess(ctx, setup_.source, setup_.source.Full(item.key), setup_.destination, setup_.plan, &large->properties); !access.ok()) return AtSource(std::move(access));
  if (large->source.size == 0) return AtSource(Status(Code::kSourceChanged, "the object is empty now"));
  Status status(Code::kNotFound, "no upload");
  if (item.upload) {
    status = Resume(ctx, *large);
    if (!status.ok() && status.code() != Code::kNotFound) return status;
  }
  if (!status.ok()) {
    status = Create(ctx, *large);
    if (!status.ok()) return status;
  }
  large->item.upload.reset();
  large->meter = board_.Lease();
  large->meter->Begin(item.key, large->source.size);
  std::vector<std::size_t> missing;
  for (std::size_t i = 0; i < large->parts.size(); ++i) {
    if (large->parts[i].number == 0) {
      missing.push_back(i);
    } else {
      large->meter->Add(large->parts[i].size);
    }
  }
  large->unfinished = missing.size();
  {
    std::lock_guard lock(mutex_);
    open_.insert(large);
  }
  *ready = missing.empty();
  queue_.AddParts(large, missing);
  return large;
}

Status LargeObjects::SendBytes(const OpContext& ctx, LargeObject& large, const PartSpec& spec, BodyBuffer* small_buffer, PartInfo* info) {
  const Side& to = setup_.destination;
  const std::string key = setup_.source.Full(large.item.key);
  Result<PartInfo> sent(Code::kInternal, "no part was sent");
  if (large.by_server) {
    sent = to.provider->UploadPartCopy(ctx, to.Full(large.item.to), large.upload.upload_id, spec, setup_.source.provider->Locate(key), large.source.etag);
    if (sent.code() == Code::kPreconditionFailed) return AtSource(Status(Code::kSourceChanged, "the object was replaced while it was read"));
    if (sent.ok()) large.meter->Add(spec.size);
  } else {
    Body body;
    if (Status status = OpenBody(ctx, setup_, key, large.source.size, spec.offset, spec.size, large.source.etag, &large.source, small_buffer, &body); !status.ok()) {
      if (status.code() == Code::kPreconditionFailed) status = Status(Code::kSourceChanged, "the object was replaced while it was read");
      return AtSource(std::move(status));
    }
    CountedSource counted(*body.source, *large.meter, board_);
    sent = to.provider->UploadPart(ctx, to.Full(large.item.to), large.upload.upload_id, spec, counted);
    if (!counted.failure().ok()) return AtSource(counted.failure());
    if (sent.code() == Code::kSourceChanged) return AtSource(sent.status());
    if (sent.ok()) counted.CountAll(spec.size);
  }
  if (!sent.ok()) return sent.status();
  *info = std::move(*sent);
  info->number = spec.number;
  info->offset = spec.offset;
  info->size = spec.size;
  return setup_.recorder->PartDone(large.item, large.upload.upload_id, *info);
}

bool LargeObjects::SendPart(const OpContext& ctx, LargeObject& large, std::size_t part, BodyBuffer* small_buffer) {
  if (part >= large.parts.size()) return true;  // nothing was missing
  bool wanted;
  {
    std::lock_guard lock(large.mutex);
    wanted = large.failure.ok();
  }
  PartInfo info;
  Status status;
  if (wanted) {
    status = SendBytes(ctx, large, SpecOf(large, part), small_buffer, &info);
    if (large.item.attempts > 0) board_.again.fetch_add(SpecOf(large, part).size, std::memory_order_relaxed);
  }
  std::size_t dropped = 0;
  if (!status.ok()) dropped = queue_.DropParts(&large);
  std::lock_guard lock(large.mutex);
  if (wanted && status.ok()) large.parts[part] = std::move(info);
  if (!status.ok() && large.failure.ok()) large.failure = status;
  large.unfinished -= 1 + dropped;
  return large.unfinished == 0;
}

// That the source is still what the parts were read from, where its reads could not be tied to that version.
Status LargeObjects::CheckSource(const OpContext& ctx, const LargeObject& large) {
  if (setup_.source.caps.conditional_get && !large.source.etag.empty()) return {};
  Result<ObjectInfo> now = setup_.source.provider->Stat(ctx, setup_.source.Full(large.item.key));
  if (!now.ok()) return AtSource(now.status());
  if (IsStill(Token::Of(large.source), *now)) return {};
  return AtSource(Status(Code::kSourceChanged, "the object was replaced while it was read"));
}

Result<std::uint64_t> LargeObjects::WholeCrc(const OpContext& ctx, LargeObject& large) {
  std::uint64_t crc = 0;
  bool first = true;
  for (PartInfo& part : large.parts) {
    if (!part.crc64) {  // sent by an earlier run that could not write the digest down: the source's bytes tell
      struct Crc : ISink {
        std::uint64_t value = 0;
        Status Write(Bytes bytes) override {
          value = Crc64Nvme(value, bytes);
          return {};
        }
        Status Restart() override {
          value = 0;
          return {};
        }
      } sink;
      GetOptions get;
      get.offset = part.offset;
      get.length = part.size;
      if (setup_.source.caps.conditional_get) get.if_match = large.source.etag;
      Result<ObjectInfo> got = setup_.source.provider->Get(ctx, setup_.source.Full(large.item.key), get, sink);
      if (!got.ok()) return AtSource(got.status());
      part.crc64 = Crc64Digest(sink.value);
    }
    const std::uint64_t value = Crc64Value(*part.crc64);
    crc = first ? value : Crc64NvmeCombine(crc, value, part.size);
    first = false;
  }
  return crc;
}

// SHA-256 and MD5 cannot be combined from parts: one more pass over the source, which must find the bytes that were sent.
Result<Digest> LargeObjects::ReadAgain(const OpContext& ctx, const LargeObject& large, const Digest& crc64) {
  const DigestKind kind = setup_.plan.digest;
  GetOptions get;
  get.digests = static_cast<DigestMask>(MaskOf(kind) | MaskOf(DigestKind::kCrc64Nvme));
  if (setup_.source.caps.conditional_get) get.if_match = large.source.etag;
  const std::unique_ptr<ISink> nowhere = NullSink();
  Result<ObjectInfo> got = setup_.source.provider->Get(ctx, setup_.source.Full(large.item.key), get, *nowhere);
  if (!got.ok()) {
    if (got.code() != Code::kPreconditionFailed) return AtSource(got.status());
    return AtSource(Status(Code::kSourceChanged, "the object was replaced while it was read"));
  }
  const Digest* again = got->digests.Find(DigestKind::kCrc64Nvme);
  const Digest* asked = got->digests.Find(kind);
  if (again == nullptr || asked == nullptr) return Status(Code::kInternal, "a whole-object read did not give the digests that were asked for");
  if (!(*again == crc64)) return AtSource(Status(Code::kSourceChanged, "the object gives other bytes when it is read again"));
  const Digest* kept = large.source.digests.Find(kind);
  if (kept != nullptr && (large.source.confirmed & MaskOf(kind)) != 0 && !(*kept == *asked)) return AtSource(Status(Code::kIntegrity, "the source's bytes do not match the digest that it keeps"));
  return *asked;
}

Status LargeObjects::Complete(const OpContext& ctx, LargeObject& large, IWriteBatch* batch, ObjectInfo* stored, WholeDigests* digests) {
  {
    std::lock_guard lock(large.mutex);
    if (!large.failure.ok()) return large.failure;
  }
  if (Status status = CheckSource(ctx, large); !status.ok()) return status;
  CompleteOptions options;
  options.if_absent = large.mode.if_absent && setup_.destination.caps.conditional_put;
  if (setup_.destination.caps.replace_if_match) options.if_match = large.mode.if_match;
  options.size = large.source.size;
  options.attempt_id = large.upload.attempt_id;
  options.properties = large.properties;
  options.batch = batch;
  const bool all_known = !large.by_server || std::all_of(large.parts.begin(), large.parts.end(), [](const PartInfo& part) { return part.crc64.has_value(); });
  if (all_known) {
    Result<std::uint64_t> crc = WholeCrc(ctx, large);
    if (!crc.ok()) return crc.status();
    options.crc64 = digests->crc64 = Crc64Digest(*crc);
    DigestSet sent;
    sent.Set(*options.crc64);
    const std::string from = setup_.source.Full(large.item.key);
    if (Status kept = CheckKept(*setup_.source.provider, ctx, from, sent, &large.source); !kept.ok()) {
      if (kept.code() != Code::kIntegrity) return AtSource(std::move(kept));
      return AtSource(Status(Code::kIntegrity, "the source's bytes do not match the digest that it keeps"));
    }
    if (setup_.plan.digest != DigestKind::kCrc64Nvme) {
      Result<Digest> asked = ReadAgain(ctx, large, *options.crc64);
      if (!asked.ok()) return asked.status();
      digests->asked = *asked;
      options.digests.Set(*asked);
    }
  }
  const std::string key = setup_.destination.Full(large.item.to);
  Result<ObjectInfo> done = setup_.destination.provider->CompleteUpload(ctx, key, large.upload.upload_id, large.parts, options);
  if (!done.ok() && done.code() == Code::kNotFound) {  // gone: completed by a request whose answer was lost, or aborted by somebody
    Result<ObjectInfo> there = setup_.destination.provider->Stat(ctx, key);
    if (there.ok() && there->attempt_id == large.upload.attempt_id && !large.upload.attempt_id.empty()) done = std::move(there);
  }
  if (!done.ok()) return done.status();
  *stored = std::move(*done);
  if (stored->size == 0) stored->size = large.source.size;
  return {};
}

void LargeObjects::Abort(LargeObject& large) {
  if (large.upload.upload_id.empty()) return;
  OpContext ctx;
  ctx.deadline = SteadyNow() + kAbortTime;
  const Status status = setup_.destination.provider->AbortUpload(ctx, setup_.destination.Full(large.item.to), large.upload.upload_id);
  if (status.ok()) (void)setup_.recorder->UploadClosed(large.item, large.upload.upload_id);
  large.upload.upload_id.clear();
}

void LargeObjects::AbortOf(Item& item) {
  LargeObject large;
  large.item.key = item.key;
  large.item.to = item.to;
  large.upload = std::move(*item.upload);
  item.upload.reset();
  Abort(large);
}

void LargeObjects::Forget(const std::shared_ptr<LargeObject>& large) {
  if (large->meter != nullptr) large->meter->End();
  large->meter.reset();
  std::lock_guard lock(mutex_);
  open_.erase(large);
}

void LargeObjects::AbandonAll(bool keep) {
  std::unordered_set<std::shared_ptr<LargeObject>> left;
  {
    std::lock_guard lock(mutex_);
    left.swap(open_);
  }
  for (const auto& large : left) {
    if (!keep) Abort(*large);
    if (large->meter != nullptr) large->meter->End();
  }
}

}  // namespace fileferry
