// mover.cc: see mover.h.
#include "transfer/mover.h"

#include <utility>

#include "base/digest.h"
#include "transfer/announced.h"
#include "transfer/decide.h"

namespace fileferry {

namespace {

constexpr std::string_view kSourceMark = "read source";
constexpr int kTries = 3;  // against writers that come in between
constexpr const char* kNotWanted = "the filters leave it out, as it is now";

void End(Ended* ended, Outcome outcome, Status status = {}) {
  ended->outcome = outcome;
  ended->status = std::move(status);
}

// Writes down the upload that a copy inside a service is made of, so that a later run aborts what this one could not.
class CopyUpload : public IUploadWatch {
 public:
  CopyUpload(IRecorder& recorder, const Item& item, const std::string& attempt_id) : recorder_(recorder), item_(item), attempt_id_(attempt_id) {}
  Status Asked() override {
    ++asked_;
    return recorder_.UploadAsked(item_, attempt_id_);
  }
  Status Opened(const std::string& upload_id, bool maybe_another) override {
    OpenUpload upload;  // without a part size: nobody goes on with it
    upload.upload_id = upload_id;
    upload.size = item_.size;
    upload.attempt_id = attempt_id_;
    if (Status status = recorder_.UploadOpened(item_, upload); !status.ok()) return status;
    return maybe_another || asked_ > 1 ? Status() : recorder_.UploadClosed(item_, attempt_id_);
  }
  void Closed(const std::string& upload_id) override { (void)recorder_.UploadClosed(item_, upload_id); }

 private:
  IRecorder& recorder_;
  const Item& item_;
  const std::string& attempt_id_;
  int asked_ = 0;
};

}  // namespace

Status AtSource(Status status) {
  if (status.ok()) return status;
  ErrorDetail detail = status.detail();
  detail.operation = kSourceMark;
  return Status(std::move(detail));
}

bool IsAtSource(const Status& status) { return !status.ok() && (status.detail().operation == kSourceMark || status.detail().operation == "compare source"); }

void FillWritten(const Setup& setup, const Item& item, const ObjectInfo& source, const ObjectInfo& stored, const WriteMode& mode, DigestMask confirmed, const Digest* bytes, Ended* ended) {
  ended->wrote = true;
  ended->size = stored.size;
  ended->token = Token::Of(stored);
  ended->source_written = true;
  ended->trash = mode.trash;
  if (bytes != nullptr) {
    ended->digest = *bytes;
  } else if (const Digest* digest = stored.digests.Find(setup.plan.digest)) {
    ended->digest = *digest;
  } else if (const Digest* crc = stored.digests.Find(DigestKind::kCrc64Nvme)) {
    ended->digest = *crc;
  }
  // The listing's words are kept where they are of the version that was moved, so that a later listing compares equal.
  const bool as_listed = item.etag.empty() || source.etag.empty() || item.etag == source.etag;
  ended->source_etag = as_listed && !item.announced ? item.etag : source.etag;
  ended->source_modified = as_listed && item.modified ? item.modified : ListedTime(source, setup.source.caps);
  End(ended, ended->digest && confirmed != 0 ? Outcome::kVerified : Outcome::kCopied);
}

// ---- what the listings left open ----

bool Mover::Announced(const OpContext& ctx, Item& item, Ended* ended) {
  const Side& to = setup_.destination;
  if (const Status held = to.provider->CheckKey(to.Full(item.to)); !held.ok()) {
    End(ended, Outcome::kRefused, held);
    return true;
  }
  Result<ObjectInfo> info = setup_.source.provider->Stat(ctx, setup_.source.Full(item.key));
  if (info.code() == Code::kNotFound && (item.source_deleted || item.removing)) {
    JudgeOnlyCopy(ctx, item, ended);
    return true;
  }
  if (info.code() == Code::kNotFound) {
    End(ended, Outcome::kMissing, info.status());
    return true;
  }
  if (!info.ok()) {
    End(ended, Outcome::kFailed, AtSource(info.status()));
    return true;
  }
  if (!IsWanted(setup_, item, *info)) {
    End(ended, Outcome::kVanished, Status(Code::kNotFound, kNotWanted));
    return true;
  }
  item.size = info->size;
  item.modified = ListedTime(*info, setup_.source.caps);
  item.etag = info->etag;
  ended->size = item.size;
  board_.listed_bytes.fetch_add(item.size, std::memory_order_relaxed);
  return false;
}

bool Mover::Meet(const OpContext& ctx, Item& item, WriteMode* mode, Ended* ended) {
  *mode = {};
  Result<ObjectInfo> there = setup_.destination.provider->Stat(ctx, setup_.destination.Full(item.to));
  if (there.code() == Code::kNotFound && item.ours) {  // a removal is somebody's wish as much as a write
    End(ended, Outcome::kMissingAtDestination, Status(Code::kNotFound, "it was removed at the destination after it was copied; retry sends it again"));
    return true;
  }
  if (there.code() == Code::kNotFound) {
    item.known = Known::kAbsent;
    return false;
  }
  if (!there.ok()) {
    End(ended, Outcome::kFailed, there.status());
    return true;
  }
  return OnPresent(ctx, item, *there, mode, ended);
}

bool Mover::OnPresent(const OpContext& ctx, Item& item, const ObjectInfo& there, WriteMode* mode, Ended* ended) {
  const bool ours = item.ours && IsStill(item.written, there);
  // Written by an attempt that was cut off before it could write that down.  Good enough to claim equal bytes, not to replace others: they may be a writer's who kept our mark.
  const bool marked = !ours && item.doubt && setup_.IsOurAttempt(there.attempt_id);
  const CopyPlan& plan = setup_.plan;
  bool write = ours ? item.mend : plan.overwrite == Overwrite::kAlways && !marked;
  if (!write) {
    Result<ObjectInfo> here = setup_.source.provider->Stat(ctx, setup_.source.Full(item.key));
    if (!here.ok()) {
      End(ended, Outcome::kFailed, AtSource(here.status()));
      return true;
    }
    Evidence evidence;
    evidence.by_time = !ours && !marked && TrustsTimes(plan);
    evidence.read_both = item.mend || plan.verify == VerifyMode::kFull;
    Result<Comparison> compared = CompareObjects(ctx, setup_, setup_.source.Full(item.key), *here, setup_.destination.Full(item.to), there, evidence);
    if (!compared.ok()) {
      End(ended, Outcome::kFailed, compared.status());
      return true;
    }
    switch (compared->content) {
      case Content::kEqual:
        if (ours || marked) {
          item.trash = item.trash.empty() ? ended->trash : item.trash;
          mode->trash = item.trash;
          FillWritten(setup_, item, *here, there, *mode, MaskOf(compared->digest->kind), &*compared->digest, ended);
        } else {
          ended->source_written = true;
          End(ended, Outcome::kSame);
        }
        ended->size = there.size;
        return true;
      case Content::kEqualByTime:
        ended->source_written = true;
        End(ended, Outcome::kSameByTime);
        return true;
      case Content::kUnknown:  // not where bytes may be read
      case Content::kDifferent:
        write = ours || plan.overwrite != Overwrite::kNever;
        if (!write) {
          End(ended, Outcome::kConflict,
              Status(Code::kAlreadyExists, "the destination holds something else: " + compared->why + "; replace it with --overwrite changed"));
          return true;
        }
        break;
    }
  }
  mode->if_absent = false;
  mode->if_match = there.etag;
  mode->replaces = Token::Of(there);
  mode->trash = item.trash;
  return !ours && KeepReplaced(ctx, item, there, marked, mode, ended);
}

// Before somebody's object is replaced in a migration that can be rolled back.  What is kept is never written over, and a rollback puts back what this migration replaced first: what comes later
// (a cut-off attempt's own write, or somebody's over a write of ours) is kept beside it, for people.  True: *ended.
bool Mover::KeepReplaced(const OpContext& ctx, Item& item, const ObjectInfo& there, bool marked, WriteMode* mode, Ended* ended) {
  if (!setup_.recorder->durable() || setup_.plan.dry_run) return false;
  const Side& to = setup_.destination;
  const std::string key = to.Full(item.to);
  const auto fail = [&](const Status& status) {
    End(ended, Outcome::kFailed, status);
    return true;
  };
  bool beside = marked;
  std::string unused;
  if (!item.trash.empty() && item.trash != kSwept) {
    const std::string kept_key = to.prefix + item.trash;
    Result<ObjectInfo> kept = to.provider->Stat(ctx, kept_key);
    if (!kept.ok() && kept.code() != Code::kNotFound) return fail(kept.status());
    if (kept.ok()) {
      Result<bool> same = SameBytes(ctx, setup_, to, kept_key, *kept, key, there);
      if (!same.ok()) return fail(same.status());
      if (*same) return false;  // kept already
      if (!item.trash_unused) {
        beside = true;
      } else {
        unused = kept_key;  // its owner has replaced it before we could
      }
    }
  }
  PutOptions options;  // without properties: the object's own go with it
  options.attempt_id = setup_.NextAttempt();
  const std::string trash = std::string(kTrashPrefix) + options.attempt_id + "/" + item.to;  // a place that nothing else has
  if (Status status = to.provider->CheckKey(to.prefix + trash); !status.ok()) return fail(status);
  if (beside) {
    board_.Note("objects that were replaced once more are kept beside those that a rollback puts back, in " + std::string(kTrashPrefix) + " of the destination");
  } else {
    if (Status status = setup_.recorder->Replacing(item, trash); !status.ok()) return fail(status);
    item.trash = trash;
    item.trash_unused = true;
  }
  if (Result<ObjectInfo> kept = CopyWithin(ctx, setup_, to, key, to.prefix + trash, options); !kept.ok()) return fail(kept.status());
  if (!unused.empty()) (void)to.provider->Remove(ctx, unused, {});
  mode->trash = item.trash;
  return false;
}

// True: *ended without a write; false: write as *mode says.
bool Mover::Settle(const OpContext& ctx, Item& item, WriteMode* mode, Ended* ended) {
  const Capabilities& to = setup_.destination.caps;
  switch (item.known) {
    case Known::kUnknown:
      if (item.doubt || item.mend || item.ours || !to.conditional_put || setup_.plan.overwrite != Overwrite::kNever || !item.announced) return Meet(ctx, item, mode, ended);
      return false;
    case Known::kAbsent:
      return false;
    case Known::kPresent:
      return Meet(ctx, item, mode, ended);
  }
  return false;
}

// Whether a write in one request is sent without a look before, because the storage itself finds out whether it can protect it.
bool Mover::FindsOut(const Item& item, const WriteMode& mode) const {
  const Capabilities& caps = setup_.destination.caps;
  if (!mode.if_absent || caps.conditional_put || !caps.conditional_put_unknown || no_conditions_.load(std::memory_order_relaxed)) return false;
  return !setup_.server_copy && item.size < setup_.plan.tuning.multipart_threshold && item.size <= caps.max_put_size;
}

// Where the storage cannot protect the write itself.
Status Mover::CheckThenWrite(const OpContext& ctx, const Item& item, const WriteMode& mode) {
  const Capabilities& caps = setup_.destination.caps;
  if (mode.if_absent ? caps.conditional_put || mode.finds_out : (caps.replace_if_match && !mode.if_match.empty())) return {};
  board_.Note(setup_.destination.provider->Name() + ": the storage cannot write conditionally; each key is looked at right before it is written");
  return LookBefore(ctx, item, mode);
}

Status Mover::LookBefore(const OpContext& ctx, const Item& item, const WriteMode& mode) {
  Result<ObjectInfo> there = setup_.destination.provider->Stat(ctx, setup_.destination.Full(item.to));
  if (there.code() == Code::kNotFound) return mode.if_absent ? Status() : Status(Code::kPreconditionFailed, "the object was removed meanwhile");
  if (!there.ok()) return there.status();
  if (mode.if_absent) return Status(Code::kAlreadyExists, "the object was written meanwhile");
  return IsStill(mode.replaces, *there) ? Status() : Status(Code::kPreconditionFailed, "the object was changed meanwhile");
}

Step Mover::Move(const OpContext& ctx, Worker& worker, Item& item, Ended* ended) {
  ended->size = item.size;
  if (setup_.one_container && setup_.source.Full(item.key) == setup_.destination.Full(item.to)) {
    End(ended, Outcome::kRefused, Status(Code::kInvalidArgument, "it is mapped onto itself; change --map or the destination"));
    return Step::kEnded;
  }
  if (item.announced && Announced(ctx, item, ended)) return Step::kEnded;
  if (item.attempts > 0 || item.redone > 0) item.doubt = true;
  WriteMode mode;
  bool over = Settle(ctx, item, &mode, ended);
  for (int round = 0; !over; ++round) {
    *ended = {};
    ended->size = item.size;
    if (setup_.plan.dry_run) {
      End(ended, Outcome::kSkipped);
      return Step::kEnded;
    }
    mode.finds_out = FindsOut(item, mode);
    if (Status status = CheckThenWrite(ctx, item, mode); !status.ok()) {
      End(ended, Outcome::kFailed, status);
    } else if (Write(ctx, worker, item, mode, ended) == Step::kWaits) {
      return Step::kWaits;
    }
    const Code code = ended->outcome == Outcome::kFailed && !IsAtSource(ended->status) ? ended->status.code() : Code::kOk;
    if (code == Code::kUnsupported && mode.finds_out) {
      no_conditions_.store(true, std::memory_order_relaxed);
      continue;
    }
    if ((code != Code::kAlreadyExists && code != Code::kPreconditionFailed) || round >= kTries) return Step::kEnded;
    over = Meet(ctx, item, &mode, ended);  // somebody was faster
  }
  return Step::kEnded;
}

// ---- writing ----

Step Mover::Write(const OpContext& ctx, Worker& worker, Item& item, const WriteMode& mode, Ended* ended) {
  const Capabilities& caps = setup_.destination.caps;
  const bool parts_possible = caps.multipart && item.size > 0;
  const bool whole_too_large = item.size > caps.max_put_size;
  // Bytes that this machine copies anyway are read and hashed on the way, so that the copy is verified and a damaged source is found.
  const bool hashed = setup_.plan.verify == VerifyMode::kChecksum || setup_.plan.verify == VerifyMode::kFull;
  const bool by_server = setup_.server_copy && !no_server_copy_.load(std::memory_order_relaxed) && !(batcher_ != nullptr && (hashed || item.size < setup_.plan.tuning.multipart_threshold));
  if (by_server && !whole_too_large) {
    if (CopyInside(ctx, worker, item, mode, ended)) return Step::kEnded;
    no_server_copy_.store(true, std::memory_order_relaxed);
    return Write(ctx, worker, item, mode, ended);
  }
  if (parts_possible && (whole_too_large || item.size >= setup_.plan.tuning.multipart_threshold)) {
    bool ready = false;
    Result<std::shared_ptr<LargeObject>> large = large_.Begin(ctx, item, mode, by_server && caps.part_copy, &ready);
    if (!large.ok()) {
      End(ended, Outcome::kFailed, large.status());
      return Step::kEnded;
    }
    if (ready) {  // an earlier run has sent every part: an empty handful completes it
      (*large)->unfinished = 1;
      queue_.AddParts(*large, {(*large)->parts.size()});
    }
    return Step::kWaits;
  }
  return PutSmall(ctx, worker, item, mode, ended);
}

Step Mover::PutSmall(const OpContext& ctx, Worker& worker, Item& item, const WriteMode& mode, Ended* ended) {
  bool stale = false;
  const Step step = PutOnce(ctx, worker, item, mode, true, &stale, ended);
  // The first attempt has given its body's memory back: the second one waits for its own.
  return stale ? PutOnce(ctx, worker, item, mode, false, &stale, ended) : step;
}

Step Mover::PutOnce(const OpContext& ctx, Worker& worker, Item& item, const WriteMode& mode, bool believes, bool* stale, Ended* ended) {
  const Side& to = setup_.destination;
  Body body;
  if (Status status = OpenBody(ctx, setup_, setup_.source.Full(item.key), item.size, 0, std::nullopt, {}, nullptr, &worker.buffer, &body); !status.ok()) {
    End(ended, Outcome::kFailed, AtSource(std::move(status)));
    return Step::kEnded;
  }
  // As much as was listed has arrived, or the source says that it is another size by now: an answer that does not tell its length may have ended early.
  if (const std::optional<std::uint64_t> size = body.source->size(); size && *size != item.size) {
    const Result<ObjectInfo> now = setup_.source.provider->Stat(ctx, setup_.source.Full(item.key));
    Status status = now.status();
    if (now.ok() && now->size != *size) status = Status(Code::kSourceChanged, std::to_string(*size) + " bytes arrived of an object of " + std::to_string(now->size));
    if (!status.ok()) {
      End(ended, Outcome::kFailed, AtSource(std::move(status)));
      return Step::kEnded;
    }
  }
  PutOptions put;
  put.properties = PropertiesToCarry(setup_, body.info);
  if (Status status = AddAccess(ctx, setup_.source, setup_.source.Full(item.key), setup_.destination, setup_.plan, &put.properties); !status.ok()) {
    End(ended, Outcome::kFailed, AtSource(std::move(status)));
    return Step::kEnded;
  }
  put.if_absent = mode.if_absent && (to.caps.conditional_put || mode.finds_out);
  if (!mode.if_absent && to.caps.replace_if_match) put.if_match = mode.if_match;
  put.digests = static_cast<DigestMask>(MaskOf(DigestKind::kCrc64Nvme) | MaskOf(setup_.plan.digest));
  bool recorded = false;  // a record that the storage does not answer for is among what is expected
  for (const Digest& digest : body.info.digests) {
    const bool answered = (body.info.confirmed & MaskOf(digest.kind)) != 0;
    if ((put.digests & MaskOf(digest.kind)) == 0 || !(answered || believes)) continue;
    put.expected.Set(digest);
    recorded = recorded || !answered;
  }
  if (put.expected.empty()) {  // the source's storage knows another kind, which is computed only then
    if (const auto kind = CheapestOf(static_cast<DigestMask>(body.info.confirmed & body.info.digests.mask()))) put.expected.Set(*body.info.digests.Find(*kind));
  }
  put.attempt_id = setup_.NextAttempt();
  std::shared_ptr<Batcher::Open> open;
  if (batcher_ != nullptr) {
    Result<std::shared_ptr<Batcher::Open>> entered = batcher_->Enter();
    if (!entered.ok()) {
      End(ended, Outcome::kFailed, entered.status());
      return Step::kEnded;
    }
    open = std::move(*entered);
    put.batch = Batcher::BatchOf(open);
  }
  worker.meter->Begin(item.key, item.size);
  CountedSource counted(*body.source, *worker.meter, board_);
  std::string key = to.Full(item.to);
  Result<ObjectInfo> stored = to.provider->Put(ctx, key, counted, put);
  if (stored.ok()) counted.CountAll(stored->size);
  if (item.attempts > 0 || item.redone > 0) board_.again.fetch_add(item.size, std::memory_order_relaxed);
  worker.meter->End();
  if (!stored.ok()) {
    if (open != nullptr) batcher_->Leave(open, nullptr);
    Status status = counted.failure().ok() ? stored.status() : AtSource(counted.failure());
    if (stored.code() == Code::kSourceChanged) status = AtSource(stored.status());
    // What the bytes had to be came from the source: a mismatch is the source's where the storage has not spoken.
    if (stored.code() == Code::kIntegrity && !put.expected.empty() && stored.status().detail().http_status == 0) {
      // A whole read of the source decides whether the bytes or a record beside them are wrong.
      *stale = recorded && ReadDigest(ctx, setup_, setup_.source, setup_.source.Full(item.key), DigestKind::kCrc64Nvme, body.info.etag).ok();
      if (*stale) return Step::kEnded;
      status = AtSource(stored.status());
    }
    End(ended, Outcome::kFailed, std::move(status));
    return Step::kEnded;
  }
  FillWritten(setup_, item, body.info, *stored, mode, stored->confirmed, nullptr, ended);
  if (open == nullptr) return Step::kEnded;
  PendingWrite write{std::move(item), std::move(*ended), stored->confirmed};
  write.ended.batch_key = std::move(key);
  queue_.Hold(1);
  batcher_->Leave(open, &write);
  return Step::kWaits;
}

bool Mover::CopyInside(const OpContext& ctx, Worker& worker, Item& item, const WriteMode& mode, Ended* ended) {
  const Side& to = setup_.destination;
  const auto end = [ended](Outcome outcome, Status status) {
    End(ended, outcome, std::move(status));
    return true;
  };
  Result<ObjectInfo> source = setup_.source.provider->Stat(ctx, setup_.source.Full(item.key));
  if (!source.ok()) return end(Outcome::kFailed, AtSource(source.status()));
  CopyOptions options;
  options.if_absent = mode.if_absent && to.caps.conditional_put;
  if (!mode.if_absent && to.caps.replace_if_match) options.if_match = mode.if_match;
  if (!to.caps.conditional_copy && (options.if_absent || !options.if_match.empty())) {
    board_.Note(to.provider->Name() + ": the storage cannot copy conditionally; each key is looked at right before it is copied to");
    if (Status status = LookBefore(ctx, item, mode); !status.ok()) return end(Outcome::kFailed, std::move(status));
    options.if_absent = false;
    options.if_match.clear();
  }
  if (setup_.source.caps.conditional_get) options.source_if_match = source->etag;
  options.replace = PropertiesToCarry(setup_, *source);
  if (Status status = AddAccess(ctx, setup_.source, setup_.source.Full(item.key), setup_.destination, setup_.plan, &*options.replace); !status.ok()) {
    return end(Outcome::kFailed, AtSource(std::move(status)));
  }
  options.attempt_id = setup_.NextAttempt();
  if (item.upload) large_.AbortOf(item);  // of a copy that was cut off
  CopyUpload upload(*setup_.recorder, item, options.attempt_id);
  options.uploads = &upload;
  worker.meter->Begin(item.key, item.size);
  Result<ObjectInfo> stored = to.provider->CopyFrom(ctx, setup_.source.provider->Locate(setup_.source.Full(item.key)), to.Full(item.to), options);
  worker.meter->End();
  if (stored.code() == Code::kUnsupported) return false;
  if (!stored.ok()) {
    const bool changed = stored.code() == Code::kPreconditionFailed && mode.if_absent;
    return end(Outcome::kFailed, changed ? AtSource(Status(Code::kSourceChanged, "the object was replaced while it was copied"))
                                         : (stored.code() == Code::kNotFound ? AtSource(stored.status()) : stored.status()));
  }
  if (stored->size == 0) stored->size = source->size;
  // The service copied the bytes: its digest of the copy against the source's.  Where it answers for both, they are proven; where for one, it is what a verification must find; a
  // record that was copied with the bytes says nothing about them.
  DigestSet known;
  DigestMask confirmed = 0;
  for (const ObjectInfo* side : {&*source, &*stored}) {
    for (const Digest& digest : ConfirmedDigests(*side)) {
      const Digest* other = known.Find(digest.kind);
      if (other != nullptr && !(*other == digest)) return end(Outcome::kFailed, Status(Code::kIntegrity, "the service's copy has another digest than its source"));
      if (other != nullptr) confirmed |= MaskOf(digest.kind);
      known.Set(digest);
    }
  }
  stored->digests = known;
  FillWritten(setup_, item, *source, *stored, mode, confirmed, nullptr, ended);
  return true;
}

// ---- reading back, comparing, removing ----

void Mover::ReadBack(const OpContext& ctx, Item& item, Ended* ended) {
  const Side& to = setup_.destination;
  const std::string key = to.Full(item.to);
  const DigestKind kind = item.digest ? item.digest->kind : DigestKind::kCrc64Nvme;
  ended->wrote = true;
  ended->source_written = true;  // the source was read
  ended->token = item.written;
  ended->trash = item.trash;
  ended->size = item.size;
  ended->source_etag = item.etag;
  ended->source_modified = item.modified;
  Digest expected;
  if (item.digest) {
    expected = *item.digest;
  } else {  // the service copied the bytes, and has told nothing of them
    Result<Digest> here = ReadDigest(ctx, setup_, setup_.source, setup_.source.Full(item.key), kind, item.etag);
    if (here.code() == Code::kPreconditionFailed || here.code() == Code::kNotFound) return End(ended, Outcome::kCopied);  // another one by now
    if (!here.ok()) return End(ended, Outcome::kFailed, AtSource(here.status()));
    expected = *here;
  }
  ended->digest = expected;
  Result<Digest> there = ReadDigest(ctx, setup_, to, key, kind, {});
  if (there.ok() && *there == expected) return End(ended, Outcome::kVerified);
  if (there.code() == Code::kNotFound) return End(ended, Outcome::kMissingAtDestination, there.status());
  if (there.ok() || there.code() == Code::kIntegrity) {
    return End(ended, Outcome::kDifferent, Status(Code::kIntegrity, "the destination does not give back the bytes that were written; mend it with retry"));
  }
  End(ended, Outcome::kFailed, there.status());
}

void Mover::Look(const OpContext& ctx, Item& item, Ended* ended) {
  const std::string key = setup_.destination.Full(item.to);
  ended->size = item.size;  // Ended::wrote stays false: the recorder keeps what the earlier run wrote
  Result<ObjectInfo> there = setup_.destination.provider->Stat(ctx, key);
  if (there.code() == Code::kNotFound) {
    return End(ended, Outcome::kMissingAtDestination, Status(Code::kNotFound, "it was removed at the destination after it was copied; retry sends it again"));
  }
  if (!there.ok()) return End(ended, Outcome::kFailed, there.status());
  if (item.ours && IsStill(item.written, *there)) return End(ended, item.counted);
  bool equal = there->size == item.size;
  if (equal && item.digest) {
    const Digest* kept = there->digests.Find(item.digest->kind);
    if (kept != nullptr && (there->confirmed & MaskOf(kept->kind)) != 0) {
      equal = *kept == *item.digest;
    } else {
      Result<Digest> read = ReadDigest(ctx, setup_, setup_.destination, key, item.digest->kind, there->etag);
      if (!read.ok() && read.code() != Code::kIntegrity) return End(ended, Outcome::kFailed, read.status());
      equal = read.ok() && *read == *item.digest;
    }
  } else if (equal) {
    Result<ObjectInfo> here = setup_.source.provider->Stat(ctx, setup_.source.Full(item.key));
    if (!here.ok()) return End(ended, Outcome::kFailed, AtSource(here.status()));
    Evidence evidence;
    evidence.by_time = false;
    Result<Comparison> compared = CompareObjects(ctx, setup_, setup_.source.Full(item.key), *here, key, *there, evidence);
    if (!compared.ok()) return End(ended, Outcome::kFailed, compared.status());
    equal = compared->content == Content::kEqual;
  }
  if (equal) return End(ended, Outcome::kSame);
  End(ended, Outcome::kDifferent, Status(Code::kIntegrity, "it was changed at the destination after it was copied, and is left alone; see retry"));
}

void Mover::JudgeOnlyCopy(const OpContext& ctx, const Item& item, Ended* ended) {
  const Result<ObjectInfo> there = setup_.destination.provider->Stat(ctx, setup_.destination.Full(item.to));
  if (!there.ok() && there.code() != Code::kNotFound) return End(ended, Outcome::kFailed, there.status());
  if (item.ours) ended->size = item.written.size;
  if (!there.ok()) {
    return End(ended, Outcome::kMissingAtDestination, Status(Code::kNotFound, "its source was removed after it was copied, and the copy is gone; rollback restores it from the archive, if there is one"));
  }
  if (item.ours && IsStill(item.written, *there) && item.counted != Outcome::kDifferent) return End(ended, Outcome::kSourceDeleted);
  End(ended, Outcome::kDifferent,
      Status(Code::kIntegrity, "its source was removed after it was copied, and the copy was changed or is damaged; rollback restores it from the archive, if there is one"));
}

void Mover::CompareOnly(const OpContext& ctx, Item& item, Ended* ended) {
  const CopyPlan& plan = setup_.plan;
  ended->size = item.size;
  Result<ObjectInfo> here = setup_.source.provider->Stat(ctx, setup_.source.Full(item.key));
  if (!here.ok()) {
    if (here.code() == Code::kNotFound) return End(ended, item.announced ? Outcome::kMissing : Outcome::kVanished, item.announced ? here.status() : Status());
    return End(ended, Outcome::kFailed, AtSource(here.status()));
  }
  if (!IsWanted(setup_, item, *here)) return End(ended, Outcome::kVanished, Status(Code::kNotFound, kNotWanted));
  ended->size = here->size;
  Result<ObjectInfo> there = setup_.destination.provider->Stat(ctx, setup_.destination.Full(item.to));
  if (there.code() == Code::kNotFound) return End(ended, Outcome::kMissingAtDestination, there.status());
  if (!there.ok()) return End(ended, Outcome::kFailed, there.status());
  if (plan.verify == VerifyMode::kSize || plan.verify == VerifyMode::kNone) {
    if (here->size == there->size) return End(ended, Outcome::kSame);
    return End(ended, Outcome::kDifferent, Status(Code::kIntegrity, std::to_string(there->size) + " bytes instead of " + std::to_string(here->size)));
  }
  Evidence evidence;
  evidence.by_time = false;
  evidence.read_both = plan.verify == VerifyMode::kFull;
  evidence.properties = !item.was_there;
  Result<Comparison> compared = CompareObjects(ctx, setup_, setup_.source.Full(item.key), *here, setup_.destination.Full(item.to), *there, evidence);
  if (!compared.ok()) {
    if (IsAtSource(compared.status()) && compared.code() == Code::kIntegrity) return End(ended, Outcome::kCorrupt, compared.status());
    return End(ended, Outcome::kFailed, compared.status());
  }
  if (compared->content == Content::kDifferent) return End(ended, Outcome::kDifferent, Status(Code::kIntegrity, compared->why));
  End(ended, compared->content == Content::kEqual ? Outcome::kVerified : Outcome::kSameByTime);
}

namespace {

// Every write carries an attempt id of its own: two objects with one are one object, seen through two names of its storage.
bool IsOneObject(const ObjectInfo& a, const ObjectInfo& b) {
  if (!a.attempt_id.empty() || !b.attempt_id.empty()) return a.attempt_id == b.attempt_id;
  return !a.etag.empty() && a.etag == b.etag && a.modified == b.modified;
}

// Copies an object that is about to be removed into the archive, proven by its digest.  What the archive holds already is never replaced: the same bytes will do.
Status Archive(const OpContext& ctx, const Setup& setup, const Item& item, const ObjectInfo& now, const Ended& ended) {
  const Side &from = setup.source, &archive = *setup.archive;
  const std::string key = from.Full(item.key), to = archive.prefix + item.key;
  if (!ended.digest) return Status(Code::kIntegrity, "the digest of what was moved is not known");
  const DigestKind kind = ended.digest->kind;
  Result<ObjectInfo> before = archive.provider->Stat(ctx, to);
  if (!before.ok() && before.code() != Code::kNotFound) return before.status();
  if (!before.ok()) {
    PutOptions put;
    put.properties = PropertiesToCarry(now, from, archive, setup.plan);
    if (Status status = AddAccess(ctx, from, key, archive, setup.plan, &put.properties); !status.ok()) return status;
    put.attempt_id = setup.NextAttempt();
    put.if_absent = archive.caps.conditional_put;
    put.expected.Set(*ended.digest);
    Result<ObjectInfo> kept = CopyBetween(*from.provider, key, *archive.provider, to, ctx, put, setup.plan.tuning);
    if (!kept.ok()) return kept.status();
    const Digest* stored = kept->digests.Find(kind);
    if (stored != nullptr && (kept->confirmed & MaskOf(kind)) != 0 && *stored == *ended.digest) return {};
  } else if (IsOneObject(now, *before)) {
    return Status(Code::kInvalidArgument, "source and archive are one object, under two names of its storage");
  }
  Result<Digest> read = ReadDigest(ctx, setup, archive, to, kind, {});
  if (!read.ok()) return read.status();
  if (*read == *ended.digest) return {};
  return before.ok() ? Status(Code::kAlreadyExists, "the archive holds another object of this name") : Status(Code::kIntegrity, "its copy in the archive has other bytes");
}

}  // namespace

void KeepUnverified(Board& board, std::uint64_t objects) {
  if (objects == 0) return;
  board.kept_sources.fetch_add(objects, std::memory_order_relaxed);
  board.Note("sources whose copies are not verified were not removed; fileferry verify --verify full verifies them, then run again");
}

void DeleteSource(const OpContext& ctx, const Setup& setup, Board& board, const Item& item, Ended* ended) {
  const Side& from = setup.source;
  const std::string key = from.Full(item.key);
  // The copy is not what was moved any more: that is how the object ends.
  const auto no_copy = [&](Outcome outcome, Code code, const char* why) {
    ended->outcome = outcome;
    ended->status = Status(code, std::string(why) + "; the source was not removed");
    board.kept_sources.fetch_add(1, std::memory_order_relaxed);
  };
  const auto keep = [&](const Status& status) {
    ended->status = status;
    board.kept_sources.fetch_add(1, std::memory_order_relaxed);
    board.Problem({item.key, item.to, ended->size, ended->outcome, status.code(), "the source was not removed: " + std::string(status.message()), item.attempts}, true);
  };
  Result<ObjectInfo> there = setup.destination.provider->Stat(ctx, setup.destination.Full(item.to));
  Result<ObjectInfo> now = from.provider->Stat(ctx, key);  // as late as can be
  if (now.code() == Code::kNotFound) {
    if (item.removing) ended->outcome = Outcome::kSourceDeleted;  // by the run that was cut off
    return;
  }
  if (!now.ok()) return keep(now.status());
  ended->source_written = true;
  Token moved{ended->source_etag, {}, ended->size, ended->source_modified};
  ObjectInfo listed = *now;
  listed.modified = ListedTime(*now, from.caps);
  const bool same_time = moved.modified && listed.modified && SameTime(*moved.modified, *listed.modified);
  const bool same_etag = !moved.etag.empty() && moved.etag == now->etag;
  if (now->size != ended->size || !(same_etag || (moved.etag.empty() && same_time))) {
    return keep(Status(Code::kSourceChanged, "it was changed after it was copied"));
  }
  if (there.code() == Code::kNotFound) return no_copy(Outcome::kMissingAtDestination, Code::kNotFound, "its copy is gone");
  if (!there.ok()) return keep(there.status());
  if (!ended->wrote || !IsStill(ended->token, *there)) return no_copy(Outcome::kDifferent, Code::kPreconditionFailed, "its copy was changed at the destination");
  // The token may be of a write of the same key that was taken for this one.
  const Digest* stored = ended->digest ? there->digests.Find(ended->digest->kind) : nullptr;
  if (stored != nullptr && !(*stored == *ended->digest)) return no_copy(Outcome::kDifferent, Code::kIntegrity, "its copy has other bytes");
  if (IsOneObject(*now, *there)) return keep(Status(Code::kInvalidArgument, "source and destination are one object, under two names of its storage"));
  if (setup.archive) {
    if (Status status = Archive(ctx, setup, item, *now, *ended); !status.ok()) return keep(status);
  }
  RemoveOptions options;
  if (from.caps.conditional_remove) {
    options.if_match = now->etag;
  } else {
    board.Note(from.provider->Name() + ": the storage cannot remove conditionally; each source is looked at right before it is removed");
    if (setup.archive) {  // that took its time
      const Result<ObjectInfo> still = from.provider->Stat(ctx, key);
      if (!still.ok()) return keep(still.status());
      if (!IsStill(Token::Of(*now), *still)) return keep(Status(Code::kSourceChanged, "it was changed while it was archived"));
    }
  }
  const Status removed = from.provider->Remove(ctx, key, options);
  if (!removed.ok()) {
    ended->removing = removed.code() != Code::kPreconditionFailed;
    return keep(removed);
  }
  ended->outcome = Outcome::kSourceDeleted;
}

}  // namespace fileferry
