// retry.cc: waiting and trying again, in this one place.  Any thread.
//
// Calls without a body are repeated as they are.  By hand: Get goes on where it stopped, Put and UploadPart rewind their source, RemoveMany repeats what failed, and an effect that came about
// although its answer was lost is recognised by the attempt id that the object carries.  Not repeated: the flush of a batch (never a second fsync on data whose first failed), health
// checks, and the reading of an opened source.
#include <algorithm>

#include "base/clock.h"
#include "base/digest.h"
#include "layers/around.h"
#include "layers/bodies.h"
#include "layers/resuming_sink.h"
#include "layers/retry_state.h"

namespace fileferry {
namespace {

using layers::Attempts;
using layers::CallInfo;
using layers::Exhausted;

struct Hooks : layers::PlainHooks {
  explicit Hooks(RetryPolicy policy) : state(std::move(policy)) {}

  template <typename R, typename F>
  R Around(const CallInfo& call, F&& next) {
    if (call.operation == Operation::kCommitBatch || call.operation == Operation::kHealth || call.operation == Operation::kUrl) return next(call.ctx, call.body);
    Attempts attempts(state, call.ctx);
    while (true) {
      R result = next(call.ctx, call.body);
      Status status = layers::StatusOf(result);
      if (status.ok()) {
        attempts.Succeeded();
        return result;
      }
      if (!attempts.Again(&status)) return layers::Failed<R>(call, status);
    }
  }

  layers::RetryState state;
};

class HashingSink final : public ISink {
 public:
  explicit HashingSink(DigestMask kinds) : hasher_(kinds) {}
  Status Write(Bytes bytes) override {
    hasher_.Update(bytes);
    return {};
  }
  Status Restart() override {
    hasher_.Reset();
    return {};
  }
  DigestSet Finish() { return hasher_.Finish(); }

 private:
  Hasher hasher_;
};

// Computes what the caller wanted of the bytes sent and a Stat does not tell.
void AddDigests(ISource& source, DigestMask wanted, ObjectInfo* info) {
  const auto missing = static_cast<DigestMask>(wanted & ~info->digests.mask());
  if (missing == 0 || !source.Rewind().ok()) return;
  HashingSink sink(missing);
  if (!source.SendTo(sink).ok()) return;
  for (const Digest& digest : sink.Finish()) info->digests.Set(digest);
}

bool LostRace(Code code) { return code == Code::kAlreadyExists || code == Code::kPreconditionFailed; }

class RetryLayer final : public layers::Around<Hooks> {
 public:
  RetryLayer(ProviderPtr inner, RetryPolicy policy) : Around(std::move(inner), std::move(policy)) {}

  Result<ObjectInfo> Get(const OpContext& ctx, std::string_view key, const GetOptions& options, ISink& sink) override;
  Result<ObjectInfo> Put(const OpContext& ctx, std::string_view key, ISource& source, const PutOptions& options) override;
  Result<ObjectInfo> CopyFrom(const OpContext& ctx, const Location& from, std::string_view to, const CopyOptions& options) override;
  Result<std::string> CreateUpload(const OpContext& ctx, std::string_view key, const UploadOptions& options) override;
  Result<PartInfo> UploadPart(const OpContext& ctx, std::string_view key, const std::string& upload_id, const PartSpec& part, ISource& source) override;
  Result<ObjectInfo> CompleteUpload(const OpContext& ctx, std::string_view key, const std::string& upload_id, const std::vector<PartInfo>& parts,
                                    const CompleteOptions& options) override;
  std::vector<RemoveResult> RemoveMany(const OpContext& ctx, std::span<const std::string> keys) override;

 private:
  // After a lost answer and a lost race: what lies at key, if it was written by this very call.
  std::optional<ObjectInfo> OwnWork(const OpContext& ctx, std::string_view key, const std::string& attempt_id) {
    if (attempt_id.empty()) return std::nullopt;
    Result<ObjectInfo> found = Stat(ctx, key);
    if (!found.ok() || found->attempt_id != attempt_id) return std::nullopt;
    return std::move(found).value();
  }
  bool Retries() { return hooks().state.policy().attempts > 1; }
};

Result<ObjectInfo> RetryLayer::Get(const OpContext& ctx, std::string_view key, const GetOptions& options, ISink& sink) {
  Attempts attempts(hooks().state, ctx);
  layers::ResumingSink body(options, sink, inner().Caps().conditional_get);
  int anew = 0;
  while (true) {
    const GetOptions& next = body.Next();
    const bool resumed = body.resuming();
    Result<ObjectInfo> info = inner().Get(ctx, key, next, body);
    if (info.ok() && (!resumed || body.SameVersion(*info))) {
      attempts.Succeeded();
      Result<ObjectInfo> finished = body.Finish(std::move(info).value(), inner(), ctx, key);
      if (!finished.ok()) return finished.status().With(Name(), "get", key);
      return finished;
    }
    Status status = info.status();
    if (!body.sink_failure().ok()) return status;
    const bool gone = resumed && (info.ok() || status.code() == Code::kPreconditionFailed || status.code() == Code::kInvalidArgument);
    if (gone) {
      // The version that was begun was replaced: all of the new one, or nothing.
      if (++anew < hooks().state.policy().attempts && body.StartAnew().ok()) continue;
      return Status(Code::kSourceChanged, "the object was replaced while it was read").With(Name(), "get", key);
    }
    if (status.temporary() && body.complete()) {
      Result<ObjectInfo> finished = body.Finish(body.head(), inner(), ctx, key);
      if (!finished.ok()) return finished.status().With(Name(), "get", key);
      return finished;
    }
    if (status.temporary() && !body.Prepare().ok()) return Exhausted(status, false);
    if (!attempts.Again(&status)) return status;
  }
}

Result<ObjectInfo> RetryLayer::Put(const OpContext& ctx, std::string_view key, ISource& source, const PutOptions& options) {
  const Unwrapped<PutOptions> unwrapped(options);
  PutOptions with_id;
  const PutOptions* used = &unwrapped.options();
  const bool conditional = options.if_absent || !options.if_match.empty();
  if (conditional && options.attempt_id.empty() && options.batch == nullptr && Retries()) {
    with_id = *used;
    with_id.attempt_id = RandomId();
    used = &with_id;
  }
  Attempts attempts(hooks().state, ctx);
  layers::WatchedSource watched(source);
  while (true) {
    Result<ObjectInfo> info = inner().Put(ctx, key, watched, *used);
    if (info.ok()) {
      attempts.Succeeded();
      return info;
    }
    Status status = info.status();
    attempts.Note(status);
    if (conditional && attempts.ambiguous() && LostRace(status.code())) {
      if (std::optional<ObjectInfo> own = OwnWork(ctx, key, used->attempt_id)) {
        AddDigests(source, options.digests, &*own);
        return std::move(*own);
      }
    }
    if (!watched.failure().ok()) return Exhausted(status, attempts.ambiguous() || status.detail().ambiguous);
    // A write that may be in the batch already must not be added to it a second time.
    if (options.batch != nullptr && status.detail().ambiguous) return Exhausted(status, true);
    if (status.temporary() && !source.Rewind().ok()) return Exhausted(status, attempts.ambiguous() || status.detail().ambiguous);
    if (!attempts.Again(&status)) return status;
  }
}

Result<ObjectInfo> RetryLayer::CopyFrom(const OpContext& ctx, const Location& from, std::string_view to, const CopyOptions& options) {
  CopyOptions used = options;
  const bool conditional = options.if_absent || !options.if_match.empty();
  if (conditional && used.attempt_id.empty() && Retries()) used.attempt_id = RandomId();
  Attempts attempts(hooks().state, ctx);
  while (true) {
    Result<ObjectInfo> info = inner().CopyFrom(ctx, from, to, used);
    if (info.ok()) {
      attempts.Succeeded();
      return info;
    }
    Status status = info.status();
    attempts.Note(status);
    if (conditional && attempts.ambiguous() && LostRace(status.code())) {
      if (std::optional<ObjectInfo> own = OwnWork(ctx, to, used.attempt_id)) return std::move(*own);
    }
    if (!attempts.Again(&status)) return status;
  }
}

Result<std::string> RetryLayer::CreateUpload(const OpContext& ctx, std::string_view key, const UploadOptions& options) {
  Attempts attempts(hooks().state, ctx);
  while (true) {
    Result<std::string> id = inner().CreateUpload(ctx, key, options);
    if (id.ok()) {
      if (attempts.ambiguous() && options.maybe_another != nullptr) *options.maybe_another = true;
      attempts.Succeeded();
      return id;
    }
    Status status = id.status();
    if (!attempts.Again(&status)) return status;
  }
}

Result<PartInfo> RetryLayer::UploadPart(const OpContext& ctx, std::string_view key, const std::string& upload_id, const PartSpec& part, ISource& source) {
  Attempts attempts(hooks().state, ctx);
  layers::WatchedSource watched(source);
  while (true) {
    Result<PartInfo> info = inner().UploadPart(ctx, key, upload_id, part, watched);
    if (info.ok()) {
      attempts.Succeeded();
      return info;
    }
    Status status = info.status();
    if (!watched.failure().ok()) return Exhausted(status, false);
    if (status.temporary() && !source.Rewind().ok()) return Exhausted(status, false);
    if (!attempts.Again(&status)) return status;
  }
}

Result<ObjectInfo> RetryLayer::CompleteUpload(const OpContext& ctx, std::string_view key, const std::string& upload_id, const std::vector<PartInfo>& parts,
                                              const CompleteOptions& options) {
  const Unwrapped<CompleteOptions> unwrapped(options);
  Attempts attempts(hooks().state, ctx);
  while (true) {
    Result<ObjectInfo> info = inner().CompleteUpload(ctx, key, upload_id, parts, unwrapped.options());
    if (info.ok()) {
      attempts.Succeeded();
      return info;
    }
    Status status = info.status();
    attempts.Note(status);
    if (attempts.ambiguous() && (status.code() == Code::kNotFound || LostRace(status.code()))) {
      // The upload is gone because it was completed: by this call, if the object is the one that was sent.
      if (std::optional<ObjectInfo> own = OwnWork(ctx, key, options.attempt_id)) return std::move(*own);
    }
    if (options.batch != nullptr && status.detail().ambiguous) return Exhausted(status, true);
    if (!attempts.Again(&status)) return status;
  }
}

std::vector<RemoveResult> RetryLayer::RemoveMany(const OpContext& ctx, std::span<const std::string> keys) {
  std::vector<RemoveResult> results = inner().RemoveMany(ctx, keys);
  Attempts attempts(hooks().state, ctx);
  while (true) {
    std::vector<std::string> failed;
    std::vector<std::size_t> places;
    Status worst;
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (!results[i].status.temporary()) continue;
      failed.push_back(results[i].key);
      places.push_back(i);
      if (worst.ok() || results[i].status.code() == Code::kRateLimited) worst = results[i].status;
    }
    if (failed.empty()) {
      attempts.Succeeded();
      return results;
    }
    if (!attempts.Again(&worst)) {
      for (const std::size_t place : places) results[place].status = Exhausted(results[place].status, false);
      return results;
    }
    std::vector<RemoveResult> again = inner().RemoveMany(ctx, failed);
    for (std::size_t i = 0; i < places.size() && i < again.size(); ++i) results[places[i]].status = again[i].status;
  }
}

}  // namespace

ProviderPtr WithRetry(ProviderPtr inner, RetryPolicy policy) { return std::make_shared<RetryLayer>(std::move(inner), std::move(policy)); }

}  // namespace fileferry
