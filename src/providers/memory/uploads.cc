// uploads.cc: joining the parts of an upload to one object.  No state of its own; any thread.
#include "base/digest.h"
#include "providers/memory/provider.h"

namespace fileferry::memory {

Result<Object> JoinParts(const PendingUpload& upload, const std::vector<PartInfo>& parts, const CompleteOptions& options) {
  if (parts.empty()) return Status(Code::kInvalidArgument, "an upload is completed with at least one part");
  auto joined = std::make_shared<std::string>();
  std::uint32_t last = 0;
  std::uint64_t crc = 0;
  for (const PartInfo& part : parts) {
    const std::string number = std::to_string(part.number);
    if (part.number <= last) return Status(Code::kInvalidArgument, "part " + number + " is not in ascending order");
    last = part.number;
    const auto found = upload.parts.find(part.number);
    if (found == upload.parts.end()) return Status(Code::kInvalidArgument, "part " + number + " was not uploaded");
    const Part& stored = found->second;
    if (stored.info.etag != part.etag || stored.info.size != part.size) return Status(Code::kInvalidArgument, "part " + number + " is not the one that was uploaded last");
    if (part.crc64 && *part.crc64 != *stored.info.crc64) return Status(Code::kIntegrity, "part " + number + " does not have the announced digest");
    if (stored.info.offset != joined->size()) return Status(Code::kInvalidArgument, "part " + number + " does not continue the one before it");
    joined->append(*stored.bytes);
    crc = Crc64NvmeCombine(crc, Crc64Value(*stored.info.crc64), stored.info.size);
  }
  if (joined->size() != options.size) {
    return Status(Code::kInvalidArgument, "the parts have " + std::to_string(joined->size()) + " bytes, the object was announced with " + std::to_string(options.size));
  }
  if (options.crc64 && Crc64Value(*options.crc64) != crc) return Status(Code::kIntegrity, "the joined parts do not have the announced digest");
  Object object;
  object.info.key = upload.key;
  object.info.size = joined->size();
  object.info.properties = upload.options.properties;
  object.info.attempt_id = upload.options.attempt_id;
  object.info.digests.Set(Crc64Digest(crc));
  object.info.confirmed = object.info.digests.mask();
  object.bytes = std::move(joined);
  return object;
}

}  // namespace fileferry::memory
