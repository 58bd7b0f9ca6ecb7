// resuming_sink.h: where a Get that is tried again left off.  Used by one thread, for one call.
#ifndef FILEFERRY_LAYERS_RESUMING_SINK_H_
#define FILEFERRY_LAYERS_RESUMING_SINK_H_

#include <cstdint>

#include "base/digest.h"
#include "fileferry/provider.h"

namespace fileferry::layers {

// Between the provider and the caller's sink, over all attempts.  Hashes what passed, because a provider that sends only the rest cannot check the whole.
class ResumingSink final : public ISink {
 public:
  ResumingSink(const GetOptions& asked, ISink& sink, bool can_match);

  Status Write(Bytes bytes) override;
  Status Restart() override;
  std::span<std::byte> Room() override { return sink_.Room(); }

  // The options of the next attempt.
  const GetOptions& Next();
  // Whether what failed was the caller's sink.
  const Status& sink_failure() const { return sink_failure_; }
  // Whether the next attempt asks for the rest of a version that was begun.
  bool resuming() const { return received_ > 0; }
  // Whether everything had arrived before the attempt failed.
  bool complete() const { return known() && received_ > 0 && received_ == wanted(); }
  // After a failed attempt: makes the next one possible, by going on or by starting anew; kUnsupported when the sink can do neither.
  Status Prepare();
  // After the version that was begun turned out to be gone.
  Status StartAnew();
  // Whether an answer belongs to the version that was begun.
  bool SameVersion(const ObjectInfo& info) const { return head_.etag.empty() || info.etag.empty() || info.etag == head_.etag; }
  // The answer to the caller: checked and completed with what was computed here.  Asks the provider again where only a record beside the bytes contradicts them (core/kept.h).
  Result<ObjectInfo> Finish(ObjectInfo info, IStorageProvider& provider, const OpContext& ctx, std::string_view key);
  const ObjectInfo& head() const { return head_; }

 private:
  bool known() const { return !head_.etag.empty(); }
  std::uint64_t wanted() const;
  DigestMask KindsFor(const ObjectInfo& object) const;

  const GetOptions& asked_;
  ISink& sink_;
  const bool can_match_;   // the storage honours If-Match
  const bool whole_;       // asked for the whole object
  ObjectInfo head_;        // of the version that is read
  GetOptions next_;
  Hasher hasher_;
  std::uint64_t received_ = 0;
  bool resumed_ = false;
  Status sink_failure_;
};

}  // namespace fileferry::layers

#endif  // FILEFERRY_LAYERS_RESUMING_SINK_H_
