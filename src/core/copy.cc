// copy.cc: CopyBetween: one object from any storage to any other.  Any thread.
#include <algorithm>

#include "core/parts.h"

namespace fileferry {
namespace {

// The properties that travel with an object: where its bytes are and how they are encrypted there stays behind, and what the other side has no place for.
Properties Carried(Properties properties, const Capabilities& caps) {
  properties.storage_class.clear();
  properties.sse.clear();
  properties.sse_kms_key.clear();
  properties.acl.clear();
  properties.tags.clear();
  if (caps.metadata) return properties;
  Properties only_time;
  only_time.mtime = properties.mtime;
  return only_time;
}

struct Job {
  IStorageProvider& from;
  std::string_view from_key;
  IStorageProvider& to;
  std::string_view to_key;
  const OpContext& ctx;
  const TransferTuning& tuning;
  const Capabilities caps;   // of to
  ObjectInfo source;         // with the digests that its storage answers for
  bool recorded = false;     // and it has others, which only a whole read compares
  PutOptions options;
  bool replace = false;      // the caller gave properties
};

// kUnsupported where the service cannot do it after all.
Result<ObjectInfo> CopyInside(const Job& job) {
  const Location from = job.from.Locate(job.from_key);
  if (job.source.size > job.caps.max_put_size) {
    if (!job.caps.part_copy || !job.caps.multipart) return Status(Code::kUnsupported, "the object is too large for a copy inside the service");
    // Few large parts: no byte passes through the client.
    const std::uint64_t part = PartSizeFor(job.caps, job.source.size, std::max(job.tuning.part_size, std::uint64_t{512} << 20));
    return CopyParts(job.to, job.ctx, job.to_key, from, job.source, job.options, part, job.tuning.parallel_parts);
  }
  CopyOptions copy;
  copy.if_absent = job.options.if_absent;
  copy.if_match = job.options.if_match;
  copy.source_if_match = job.source.etag;
  copy.attempt_id = job.options.attempt_id;
  if (job.replace) copy.replace = job.options.properties;
  Result<ObjectInfo> info = job.to.CopyFrom(job.ctx, from, job.to_key, copy);
  if (!info.ok()) return info;
  Result<ObjectInfo> checked = CheckStored(std::move(info).value(), job.source.digests, job.source.size);
  if (!checked.ok()) return checked.status().With(job.to.Name(), "copy", job.to_key);
  return checked;
}

// Small: got as a whole, verified on the way, and put with the digest it must have.
Result<ObjectInfo> CopySmall(const Job& job) {
  std::string bytes;
  const std::unique_ptr<ISink> sink = StringSink(&bytes, job.source.size);
  GetOptions get;
  if (job.from.Caps().conditional_get) get.if_match = job.source.etag;
  get.digests = MaskOf(DigestKind::kCrc64Nvme);
  Result<ObjectInfo> info = job.from.Get(job.ctx, job.from_key, get, *sink);
  if (!info.ok()) return info;
  if (bytes.size() != info->size) return Status(Code::kIntegrity, "fewer bytes arrived than the object has").With(job.from.Name(), "get", job.from_key);
  PutOptions put = job.options;
  const Digest* read = info->digests.Find(DigestKind::kCrc64Nvme);
  if (read != nullptr && put.expected.Find(DigestKind::kCrc64Nvme) == nullptr) put.expected.Set(*read);  // what the caller asks for stays as it is
  const std::unique_ptr<ISource> source = MemorySource(AsBytes(bytes));
  return job.to.Put(job.ctx, job.to_key, *source, put);
}

// The bytes of the version that was examined, one after the other.
Result<std::unique_ptr<ISource>> SourceOf(const Job& job) {
  GetOptions get;
  if (job.from.Caps().conditional_get) get.if_match = job.source.etag;
  if (job.from.Caps().open) return job.from.Open(job.ctx, job.from_key, get, nullptr);
  return ObjectSource(job.from, job.ctx, std::string(job.from_key), get, job.source.size);
}

// Large, to a storage that takes it in one go.
Result<ObjectInfo> CopyStreaming(const Job& job) {
  Result<std::unique_ptr<ISource>> source = SourceOf(job);
  if (!source.ok()) return source.status();
  Result<ObjectInfo> info = job.to.Put(job.ctx, job.to_key, **source, job.options);
  if (!info.ok()) return info;
  Result<ObjectInfo> checked = CheckStored(std::move(info).value(), job.source.digests, job.source.size);
  if (!checked.ok()) return checked.status().With(job.to.Name(), "put", job.to_key);
  return checked;
}

// Large, in parts: ranges got in parallel, or, where only a pass over all bytes gives a digest that is wanted, one after the other.
Result<ObjectInfo> CopyInParts(const Job& job) {
  const std::uint64_t part_size = PartSizeFor(job.caps, job.source.size, job.tuning.part_size);
  const auto one_pass = static_cast<DigestMask>((job.options.digests | job.options.expected.mask()) & ~MaskOf(DigestKind::kCrc64Nvme));
  std::unique_ptr<ISource> source;
  std::unique_ptr<IPartFeed> feed;
  if (one_pass == 0 && !job.recorded && job.from.Caps().conditional_get && !job.source.etag.empty()) {
    feed = RangeFeed(job.from, job.ctx, std::string(job.from_key), job.source, part_size);
  } else {
    Result<std::unique_ptr<ISource>> opened = SourceOf(job);
    if (!opened.ok()) return opened.status();
    source = std::move(opened).value();
    feed = SequentialFeed(*source, job.source.size, part_size, job.caps, one_pass);
  }
  return SendParts(job.to, job.ctx, job.to_key, *feed, job.options, job.source.size, part_size, job.tuning.parallel_parts);
}

}  // namespace

Result<ObjectInfo> CopyBetween(IStorageProvider& from, std::string_view from_key, IStorageProvider& to, std::string_view to_key, const OpContext& ctx,
                               const PutOptions& options, const TransferTuning& tuning) {
  if (Status s = to.CheckKey(to_key); !s.ok()) return s;
  Result<ObjectInfo> source = from.Stat(ctx, from_key);
  if (!source.ok()) return source;
  Job job{from, from_key, to, to_key, ctx, tuning, to.Caps(), std::move(source).value(), false, options, options.properties != Properties{}};
  const DigestSet answered = ConfirmedDigests(job.source);
  job.recorded = answered.empty() && !job.source.digests.empty();
  job.source.digests = answered;
  if (!job.replace) job.options.properties = Carried(job.source.properties, job.caps);
  const DigestMatch expected = Compare(options.expected, answered);
  if (expected == DigestMatch::kDifferent) {
    return Status(Code::kIntegrity, "the object does not have the expected digest; nothing was stored").With(from.Name(), "copy", from_key);
  }
  const Digest* crc = job.source.digests.Find(DigestKind::kCrc64Nvme);
  if (crc != nullptr && job.options.expected.Find(DigestKind::kCrc64Nvme) == nullptr) job.options.expected.Set(*crc);

  // A service that copies by itself shows nobody the bytes: only its own word for their digest will do.
  const bool service_knows = options.expected.empty() || expected == DigestMatch::kEqual;
  if (job.caps.server_copy && service_knows && options.batch == nullptr && from.Locate(from_key).service == to.Locate(to_key).service) {
    Result<ObjectInfo> info = CopyInside(job);
    if (info.ok() || info.code() != Code::kUnsupported) return info;
  }
  const std::uint64_t size = job.source.size;
  const bool large = size >= tuning.multipart_threshold || size > job.caps.max_put_size;
  if (!large || size == 0) return CopySmall(job);
  return job.caps.multipart ? CopyInParts(job) : CopyStreaming(job);
}

}  // namespace fileferry
