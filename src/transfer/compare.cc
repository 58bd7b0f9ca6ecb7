// compare.cc: see compare.h.
#include "transfer/compare.h"

#include "base/digest.h"
#include "transfer/decide.h"

namespace fileferry {

namespace {

// Bytes that are only looked at.
class CountingSink : public ISink {
 public:
  explicit CountingSink(Board* board) : board_(board) {}
  Status Write(Bytes bytes) override {
    if (board_ != nullptr) board_->read_back.fetch_add(bytes.size(), std::memory_order_relaxed);
    return {};
  }
  Status Restart() override { return {}; }

 private:
  Board* const board_;
};

std::string DifferentProperty(const Properties& a, const Properties& b, const Capabilities& to) {
  if (!to.metadata) return {};
  if (a.content_type != b.content_type && !a.content_type.empty()) return "content type '" + b.content_type + "' instead of '" + a.content_type + "'";
  if (a.cache_control != b.cache_control) return "a different cache control";
  if (a.content_disposition != b.content_disposition) return "a different content disposition";
  if (a.content_encoding != b.content_encoding) return "a different content encoding";
  if (a.content_language != b.content_language) return "a different content language";
  if (a.metadata != b.metadata) return "different user metadata";
  if (a.mtime && b.mtime && !SameTime(*a.mtime, *b.mtime)) return "a different time of modification";
  return {};
}

}  // namespace

Result<Digest> ReadDigest(const OpContext& ctx, const Setup& setup, const Side& side, const std::string& full_key, DigestKind kind, const std::string& if_match) {
  GetOptions get;
  get.digests = MaskOf(kind);
  if (side.caps.conditional_get) get.if_match = if_match;
  CountingSink sink(setup.board);
  Result<ObjectInfo> info = side.provider->Get(ctx, full_key, get, sink);
  if (!info.ok()) return info.status();
  const Digest* digest = info->digests.Find(kind);
  if (digest == nullptr) return Status(Code::kInternal, "a whole-object read gave no " + std::string(DigestName(kind)));
  return *digest;
}

Result<bool> SameBytes(const OpContext& ctx, const Setup& setup, const Side& side, const std::string& key_a, const ObjectInfo& a, const std::string& key_b, const ObjectInfo& b) {
  if (a.size != b.size) return false;
  const DigestMatch match = Compare(ConfirmedDigests(a), ConfirmedDigests(b));
  if (match != DigestMatch::kNothingInCommon) return match == DigestMatch::kEqual;
  Result<Digest> digest_a = ReadDigest(ctx, setup, side, key_a, DigestKind::kCrc64Nvme, a.etag);
  if (!digest_a.ok()) return digest_a.status();
  Result<Digest> digest_b = ReadDigest(ctx, setup, side, key_b, DigestKind::kCrc64Nvme, b.etag);
  if (!digest_b.ok()) return digest_b.status();
  return *digest_a == *digest_b;
}

Result<Comparison> CompareObjects(const OpContext& ctx, const Setup& setup, const std::string& source_key, const ObjectInfo& source, const std::string& destination_key,
                                  const ObjectInfo& destination, const Evidence& evidence) {
  Comparison comparison;
  if (source.size != destination.size) {
    comparison.why = std::to_string(destination.size) + " bytes instead of " + std::to_string(source.size);
    return comparison;
  }
  if (evidence.properties) {
    const Properties carried = PropertiesToCarry(source, setup.source, setup.destination, setup.plan);
    comparison.why = DifferentProperty(carried, destination.properties, setup.destination.caps);
    if (!comparison.why.empty()) return comparison;
  }
  // Only what a storage answers for stands in for its bytes.
  const DigestSet of_source = ConfirmedDigests(source), of_destination = ConfirmedDigests(destination);
  if (!evidence.read_both) {
    switch (Compare(of_source, of_destination)) {
      case DigestMatch::kEqual:
        comparison.content = Content::kEqual;
        comparison.digest = *of_source.Find(*CheapestOf(static_cast<DigestMask>(of_source.mask() & of_destination.mask())));
        return comparison;
      case DigestMatch::kDifferent:
        comparison.why = "the digests differ";
        return comparison;
      case DigestMatch::kNothingInCommon:
        break;
    }
    const std::optional<Time> there = destination.properties.mtime;
    const std::optional<Time> here = source.properties.mtime ? source.properties.mtime : source.modified;
    if (evidence.by_time && here && there && SameTime(*here, *there)) {
      comparison.content = Content::kEqualByTime;
      return comparison;
    }
  }
  if (!evidence.may_read) {
    comparison.content = Content::kUnknown;
    return comparison;
  }
  DigestKind kind = DigestKind::kCrc64Nvme;
  const Digest* kept_there = nullptr;
  const Digest* kept_here = nullptr;
  if (!evidence.read_both) {
    if (const auto best = CheapestOf(of_destination.mask())) {
      kind = *best;
      kept_there = of_destination.Find(kind);
    } else if (const auto other = CheapestOf(of_source.mask())) {
      kind = *other;
      kept_here = of_source.Find(kind);
    }
  }
  Digest here, there;
  if (kept_here != nullptr) {
    here = *kept_here;
  } else {
    Result<Digest> read = ReadDigest(ctx, setup, setup.source, source_key, kind, source.etag);
    if (!read.ok()) {
      ErrorDetail detail = read.status().detail();
      detail.operation = "compare source";
      return Status(std::move(detail));
    }
    here = *read;
  }
  if (kept_there != nullptr) {
    there = *kept_there;
  } else {
    Result<Digest> read = ReadDigest(ctx, setup, setup.destination, destination_key, kind, destination.etag);
    if (read.code() == Code::kIntegrity) {
      comparison.why = "the destination's bytes do not match its own digest";
      return comparison;
    }
    if (!read.ok()) return read.status();
    there = *read;
  }
  if (here == there) {
    comparison.content = Content::kEqual;
    comparison.digest = here;
  } else {
    comparison.why = "the bytes differ";
  }
  return comparison;
}

}  // namespace fileferry
