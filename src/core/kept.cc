// kept.cc: see kept.h.
#include "core/kept.h"

#include "base/digest.h"

namespace fileferry {

DigestMask ToCompare(const ObjectInfo& info, DigestMask computed) {
  const DigestMask kept = info.confirmed != 0 ? info.confirmed : info.digests.mask();
  const std::optional<DigestKind> kind = (kept & computed) != 0 ? std::nullopt : CheapestOf(kept);
  return kind ? MaskOf(*kind) : DigestMask{0};
}

Status CheckKept(IStorageProvider& provider, const OpContext& ctx, std::string_view key, const DigestSet& computed, ObjectInfo* info) {
  const Status differs(Code::kIntegrity, "the bytes that arrived do not have the digest that the storage keeps");
  if (Compare(computed, info->digests) == DigestMatch::kDifferent) {
    const DigestSet answered = ConfirmedDigests(*info);
    const DigestMatch match = Compare(computed, answered);
    if (match == DigestMatch::kDifferent) return differs;
    if (match == DigestMatch::kNothingInCommon) {
      GetOptions again;
      again.digests = computed.mask();
      again.version_id = info->version_id;
      if (provider.Caps().conditional_get) again.if_match = info->etag;
      const std::unique_ptr<ISink> nowhere = NullSink();
      Result<ObjectInfo> read = provider.Get(ctx, key, again, *nowhere);
      if (!read.ok() && read.code() != Code::kIntegrity) return read.status();
      if (!read.ok() || Compare(computed, read->digests) != DigestMatch::kEqual) return differs;
    }
    info->digests = answered;
  }
  for (const Digest& digest : computed) info->digests.Set(digest);
  return {};
}

}  // namespace fileferry
