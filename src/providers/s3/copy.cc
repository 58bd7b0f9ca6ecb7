// copy.cc: CopyObject inside one service, and properties replaced by copying an object onto itself.  Thread-safe; blocks.
#include <algorithm>

#include "base/clock.h"
#include "base/text.h"
#include "codec/xml.h"
#include "fileferry/ops.h"
#include "providers/s3/provider.h"
#include "providers/s3/results.h"

namespace fileferry::s3 {

namespace {

std::string CopySource(std::string_view bucket, std::string_view key, std::string_view version_id) {
  std::string source = "/" + UriEncode(bucket, false) + "/" + UriEncode(key, true);
  if (!version_id.empty()) source += "?versionId=" + UriEncode(version_id, false);
  return source;
}

// What was written down of the source's bytes travels with the copy, whatever else is replaced.
DigestSet Carried(const Dialect& dialect, const ObjectInfo& source) {
  DigestSet kept;
  for (const Digest& digest : source.digests) {
    if (digest.kind == DigestKind::kCrc64Nvme && dialect.keeps_crc64) continue;
    kept.Set(digest);
  }
  return kept;
}

}  // namespace

Location S3Provider::Locate(std::string_view key) const {
  OpContext ctx;
  Status ignored;
  const S3Credentials credentials = api_->CredentialsForDisplay(ctx, &ignored);
  Location location;
  location.service = "s3 " + place_ + " " + (credentials.anonymous() ? std::string("anonymous") : credentials.access_key_id);
  location.container = api_->options().bucket;
  location.key = key;
  location.region = api_->region();
  return location;
}

Result<ObjectInfo> S3Provider::CopyFrom(const OpContext& ctx, const Location& from, std::string_view to, const CopyOptions& options) {
  Result<const Dialect*> entered = Enter(ctx, "copy", to);
  if (!entered.ok()) return entered.status();
  const Dialect& dialect = **entered;
  if (!dialect.server_copy || from.service != Locate(to).service) return Fail("copy", to, Code::kUnsupported, "the source lies in another service: send the bytes instead");
  const bool conditional = options.if_absent || !options.if_match.empty();
  if (options.if_absent && !(Caps().conditional_put && CopiesConditionally(dialect))) {
    return Fail("copy", to, Code::kUnsupported, std::string(dialect.title) + " is not known to honour If-None-Match on copies: send the bytes instead");
  }
  if (!options.if_match.empty() && !(dialect.replace_if_match && CopiesConditionally(dialect))) {
    return Fail("copy", to, Code::kUnsupported, std::string(dialect.title) + " is not known to honour If-Match on copies: send the bytes instead");
  }
  if (Status status = CheckKeyBytes(from.key); !status.ok()) return Fail("copy", to, status);

  // A look at the source: where it is checked that it is the version that was meant, and where something must be carried over.
  const bool in_parts = conditional && !dialect.conditional_copy;  // CopyObject would not look at the condition, a completion does
  const bool check_here = !options.source_if_match.empty() && !dialect.conditional_copy;
  ObjectInfo source;
  if (options.replace || check_here || in_parts) {
    Result<ObjectInfo> found = Head(ctx, "copy", from.key, from.container, options.source_version_id);
    if (!found.ok()) return found;
    source = std::move(*found);
    if (!options.source_if_match.empty() && !SameEtag(options.source_if_match, source.etag)) {
      return Fail("copy", to, Code::kPreconditionFailed, "the source is another version than the one that was meant");
    }
  }
  if (in_parts) return CopyOnCondition(ctx, from, to, source, options);
  Call call;
  call.operation = "copy";
  call.method = HttpMethod::kPut;
  call.key = to;
  call.write = true;
  call.xml = true;
  const std::string attempt_id = options.attempt_id.empty() ? RandomId() : options.attempt_id;
  if (options.replace) {
    const DigestSet kept = Carried(dialect, source);
    if (Status status = AppendProperties(dialect, WithDefaults(*options.replace), {attempt_id, &kept, source.size}, &call.headers); !status.ok()) return Fail("copy", to, status);
    call.headers.emplace_back("x-amz-metadata-directive", "REPLACE");
    if (!options.replace->tags.empty()) call.headers.emplace_back("x-amz-tagging-directive", "REPLACE");
  } else {
    call.headers.emplace_back("x-amz-metadata-directive", "COPY");
    const S3Options& defaults = api_->options();
    if (!defaults.acl.empty()) call.headers.emplace_back("x-amz-acl", defaults.acl);
    if (!defaults.storage_class.empty()) call.headers.emplace_back("x-amz-storage-class", defaults.storage_class);
    if (!defaults.sse.empty()) call.headers.emplace_back("x-amz-server-side-encryption", defaults.sse);
    if (!defaults.sse_kms_key.empty()) call.headers.emplace_back("x-amz-server-side-encryption-aws-kms-key-id", defaults.sse_kms_key);
  }
  call.headers.emplace_back("x-amz-copy-source", CopySource(from.container, from.key, options.source_version_id));
  if (!options.source_if_match.empty()) call.headers.emplace_back("x-amz-copy-source-if-match", options.source_if_match);
  if (options.if_absent) call.headers.emplace_back("if-none-match", "*");
  if (!options.if_match.empty()) call.headers.emplace_back("if-match", options.if_match);
  Result<http::Response> response = api_->Send(ctx, call);
  if (!response.ok()) {
    const Status status = response.status();
    if (status.detail().http_status != 412) return status;
    Result<ObjectInfo> there = Head(ctx, "copy", to, std::nullopt, {});
    if (options.replace && there.ok() && there->attempt_id == attempt_id && there->size == source.size) return there;
    // Copied properties carry no id of ours, and equal bytes may be another claimant's: the key counts as taken.
    if (options.if_absent && there.ok()) {
      ErrorDetail taken = status.detail();
      taken.code = Code::kAlreadyExists;
      taken.message = "there is an object at this key already";
      return Status(std::move(taken));
    }
    return status;
  }
  const Result<WriteResult> result = ReadWriteResult(response->body, "CopyObject");
  if (!result.ok()) return Fail("copy", to, result.status());
  const std::string_view version = response->Find("x-amz-version-id");
  Result<ObjectInfo> there = Head(ctx, "copy", to, std::nullopt, version == "null" ? std::string() : std::string(version));
  if (!there.ok() && there.code() != Code::kNotFound) return there;
  // What another writer put there right after the copy is not what was copied.
  const bool ours = there.ok() && (result->etag.empty() || SameEtag(result->etag, there->etag)) && (!options.replace || there->attempt_id == attempt_id);
  if (!ours) return Fail("copy", to, options.if_absent ? Code::kAlreadyExists : Code::kPreconditionFailed, "another writer replaced or removed the copy right after it was made");
  return there;
}

// Where CopyObject does not look at conditions and a completion does: no byte passes through the client, and the write is atomic.
Result<ObjectInfo> S3Provider::CopyOnCondition(const OpContext& ctx, const Location& from, std::string_view to, const ObjectInfo& source, const CopyOptions& options) {
  Properties properties;
  if (options.replace) {
    properties = *options.replace;
  } else {  // what CopyObject would take along
    properties = source.properties;
    properties.storage_class.clear();
    properties.sse.clear();
    properties.sse_kms_key.clear();
    if (api_->Vendor().tags) {
      Result<std::map<std::string, std::string>> tags = TagsOf(ctx, from.key, from.container);
      if (!tags.ok()) return tags.status();
      properties.tags = std::move(*tags);
    }
  }
  if (source.size > 0) return CopyInParts(ctx, from, to, source, properties, options);
  PutOptions put;  // an upload has no part without bytes
  put.properties = std::move(properties);
  put.if_absent = options.if_absent;
  put.if_match = options.if_match;
  put.attempt_id = options.attempt_id;
  const std::unique_ptr<ISource> nothing = MemorySource({});
  return Put(ctx, to, *nothing, put);
}

Result<ObjectInfo> S3Provider::SetProperties(const OpContext& ctx, std::string_view key, const Properties& properties) {
  Result<const Dialect*> entered = Enter(ctx, "set-properties", key);
  if (!entered.ok()) return entered.status();
  const Dialect& dialect = **entered;
  if (!dialect.server_copy) return Fail("set-properties", key, Code::kUnsupported, std::string(dialect.title) + " has no server-side copy");
  Result<ObjectInfo> now = Head(ctx, "set-properties", key, std::nullopt, {});
  if (!now.ok()) return now;
  const Location self{Locate(key).service, api_->options().bucket, std::string(key)};
  CopyOptions options;
  options.source_if_match = now->etag;
  options.replace = properties;
  // Who wrote the bytes does not change with their properties.
  options.attempt_id = now->attempt_id;
  if (now->size > dialect.max_copy) return CopyInParts(ctx, self, key, *now, properties, options);
  Result<ObjectInfo> changed = CopyFrom(ctx, self, key, options);
  if (!changed.ok()) return changed.status().With(api_->options().name, "set-properties", key);
  return changed;
}

Result<ObjectInfo> S3Provider::CopyInParts(const OpContext& ctx, const Location& from, std::string_view to, const ObjectInfo& source, const Properties& properties,
                                           const CopyOptions& options) {
  const Dialect& dialect = api_->Vendor();
  if (!dialect.part_copy) return Fail("copy", to, Code::kUnsupported, "the object is too large for one copy, and " + std::string(dialect.title) + " copies no parts: send the bytes instead");
  UploadOptions upload;
  upload.properties = properties;
  upload.size = source.size;
  upload.attempt_id = options.attempt_id.empty() ? RandomId() : options.attempt_id;
  upload.part_size = std::min<std::uint64_t>(std::max<std::uint64_t>(source.size / dialect.max_parts + 1, std::uint64_t{1} << 30), dialect.max_part);
  const DigestSet kept = Carried(dialect, source);
  bool maybe_another = false;
  upload.maybe_another = &maybe_another;
  if (options.uploads != nullptr) {
    if (Status status = options.uploads->Asked(); !status.ok()) return status;
  }
  Result<std::string> id = NewUpload(ctx, to, upload, {upload.attempt_id, &kept, source.size});
  if (!id.ok()) return id.status();
  std::vector<PartInfo> parts;
  Status problem;
  if (options.uploads != nullptr) problem = options.uploads->Opened(*id, maybe_another);
  for (std::uint64_t at = 0; problem.ok() && at < source.size; at += upload.part_size) {
    PartSpec part{static_cast<std::uint32_t>(parts.size() + 1), at, std::min(upload.part_size, source.size - at)};
    Result<PartInfo> done = UploadPartCopy(ctx, to, *id, part, from, source.etag);
    if (done.ok()) parts.push_back(std::move(*done));
    else problem = done.status();
  }
  if (problem.ok()) {
    CompleteOptions complete;
    complete.size = source.size;
    complete.attempt_id = upload.attempt_id;
    complete.properties = properties;
    complete.if_absent = options.if_absent;
    complete.if_match = options.if_match;
    const Digest* crc64 = source.digests.Find(DigestKind::kCrc64Nvme);
    if (crc64 != nullptr && (source.confirmed & MaskOf(DigestKind::kCrc64Nvme)) != 0) complete.crc64 = *crc64;
    Result<ObjectInfo> done = CompleteUpload(ctx, to, *id, parts, complete);
    if (done.ok()) {
      if (options.uploads != nullptr) options.uploads->Closed(*id);
      return done;
    }
    problem = done.status();
  }
  if (AbortUpload(OpContext{}, to, *id).ok() && options.uploads != nullptr) options.uploads->Closed(*id);
  return problem;
}

}  // namespace fileferry::s3
