// resuming_sink.cc: see resuming_sink.h.
#include "layers/resuming_sink.h"

#include <algorithm>

#include "core/kept.h"

namespace fileferry::layers {

// What is wanted, and what the storage's own digest can be compared with.
DigestMask ResumingSink::KindsFor(const ObjectInfo& object) const {
  if (!whole_) return 0;
  if (!asked_.verify) return asked_.digests;
  // A storage may not have said yet what it keeps.
  return static_cast<DigestMask>(asked_.digests | (object.key.empty() ? MaskOf(DigestKind::kCrc64Nvme) : ToCompare(object, asked_.digests)));
}

ResumingSink::ResumingSink(const GetOptions& asked, ISink& sink, bool can_match)
    : asked_(asked), sink_(sink), can_match_(can_match), whole_(asked.offset == 0 && !asked.length), next_(asked), hasher_(0) {
  // What the caller wants computed or compared is computed here, once.
  next_.digests = 0;
  next_.head = &head_;
}

std::uint64_t ResumingSink::wanted() const {
  const std::uint64_t rest = head_.size - std::min(head_.size, asked_.offset);
  return std::min(asked_.length.value_or(UINT64_MAX), rest);
}

Status ResumingSink::Write(Bytes bytes) {
  if (received_ == 0) {
    if (asked_.head != nullptr && !head_.key.empty()) *asked_.head = head_;
    hasher_ = Hasher(KindsFor(head_));
  }
  if (Status s = sink_.Write(bytes); !s.ok()) {
    sink_failure_ = s;
    return s;
  }
  received_ += bytes.size();
  if (whole_) hasher_.Update(bytes);
  return {};
}

Status ResumingSink::Restart() {
  if (Status s = sink_.Restart(); !s.ok()) return s;
  received_ = 0;
  hasher_.Reset();
  resumed_ = false;
  return {};
}

const GetOptions& ResumingSink::Next() {
  next_.offset = asked_.offset + received_;
  resumed_ = received_ > 0;
  if (resumed_) {
    next_.length = wanted() - received_;
    next_.if_match = head_.etag;
    next_.if_none_match.clear();
    next_.verify = false;
  } else {
    next_.length = asked_.length;
    next_.if_match = asked_.if_match;
    next_.if_none_match = asked_.if_none_match;
    next_.verify = asked_.verify && !whole_;
    head_ = {};
  }
  return next_;
}

Status ResumingSink::Prepare() {
  if (received_ == 0 || (can_match_ && known() && received_ < wanted())) return {};
  return Restart();
}

Status ResumingSink::StartAnew() { return Restart(); }

Result<ObjectInfo> ResumingSink::Finish(ObjectInfo info, IStorageProvider& provider, const OpContext& ctx, std::string_view key) {
  if (resumed_) {
    for (const Digest& digest : head_.digests) info.digests.Set(digest);
    info.confirmed = static_cast<DigestMask>(info.confirmed | head_.confirmed);
  }
  if (received_ != wanted() && known()) {
    return Status(Code::kIntegrity, "the storage sent " + std::to_string(received_) + " bytes of an object or range of " + std::to_string(wanted()));
  }
  if (whole_) {
    if (received_ == 0) hasher_ = Hasher(KindsFor(info));
    const DigestSet computed = hasher_.Finish();
    if (asked_.verify) {
      if (Status s = CheckKept(provider, ctx, key, computed, &info); !s.ok()) return s;
    }
    for (const Digest& digest : computed) info.digests.Set(digest);
  }
  if (asked_.head != nullptr) *asked_.head = info;
  return info;
}

}  // namespace fileferry::layers
