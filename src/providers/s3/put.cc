// put.cc: PutObject in one request, and telling a lost answer from a lost race.  Thread-safe; blocks.
#include "base/clock.h"
#include "base/digest.h"
#include "base/text.h"
#include "providers/s3/provider.h"

namespace fileferry::s3 {

namespace {

constexpr DigestMask kCrc64Mask = MaskOf(DigestKind::kCrc64Nvme);

// What protects the body of one PutObject on its way.
struct Protection {
  bool sign = false;    // the SHA-256 is part of the signature
  bool crc64 = false;   // x-amz-checksum-crc64nvme; where the service keeps it, it is also how it is told
  bool md5 = false;     // Content-MD5
};

Protection ProtectionFor(const Dialect& dialect, const Api& api) {
  Protection protection;
  protection.sign = api.SignsBodies() && !api.options().anonymous;
  protection.crc64 = dialect.integrity == Integrity::kCrc64;
  protection.md5 = dialect.integrity == Integrity::kMd5 && !protection.sign && api.options().payload_signing != PayloadSigning::kNever;
  return protection;
}

// Which of the digests the answer confirms; kIntegrity when it contradicts one.
Status Confirm(const Dialect& dialect, const Protection& protection, const http::Response& response, ObjectInfo* info) {
  const Digest* crc64 = info->digests.Find(DigestKind::kCrc64Nvme);
  if (const std::string_view text = response.Find("x-amz-checksum-crc64nvme"); !text.empty() && dialect.keeps_crc64 && crc64 != nullptr) {
    const std::optional<Digest> theirs = DigestFromBase64(DigestKind::kCrc64Nvme, text);
    if (theirs && !(*theirs == *crc64)) {
      return {Code::kIntegrity, "the service stored other bytes than were sent: its CRC-64 differs; put the object again"};
    }
    if (theirs) info->confirmed = static_cast<DigestMask>(info->confirmed | kCrc64Mask);
  }
  if (protection.sign && dialect.checks_sha256) info->confirmed = static_cast<DigestMask>(info->confirmed | MaskOf(DigestKind::kSha256));
  const Digest* md5 = info->digests.Find(DigestKind::kMd5);
  if (md5 != nullptr && dialect.etag_is_md5 && SameEtag(info->etag, ToHex(md5->value()))) info->confirmed = static_cast<DigestMask>(info->confirmed | MaskOf(DigestKind::kMd5));
  return {};
}

Status CheckExpected(const DigestSet& expected, const DigestSet& digests) {
  if (Compare(expected, digests) != DigestMatch::kDifferent) return {};
  return {Code::kIntegrity, "the bytes of the source do not have the digest that was expected of them; nothing was stored"};
}

DigestSet Chosen(const DigestSet& digests, DigestMask mask) {
  DigestSet chosen;
  for (const Digest& digest : digests) {
    if ((mask & MaskOf(digest.kind)) != 0) chosen.Set(digest);
  }
  return chosen;
}

}  // namespace

Status S3Provider::CheckKey(std::string_view key) const {
  if (Status status = CheckKeyBytes(key); !status.ok()) return status;
  return CheckDialectKey(api_->Vendor(), key);
}

Result<const Dialect*> S3Provider::Enter(const OpContext& ctx, std::string_view operation, std::string_view key) const {
  if (Status status = CheckKeyBytes(key); !status.ok()) return Fail(operation, key, status);
  Result<const Dialect*> dialect = api_->FindVendor(ctx);
  if (!dialect.ok()) return Fail(operation, key, dialect.status());
  if (Status status = CheckDialectKey(**dialect, key); !status.ok()) return Fail(operation, key, status);
  return dialect;
}

Properties S3Provider::WithDefaults(const Properties& properties) const {
  Properties full = properties;
  const S3Options& options = api_->options();
  if (full.acl.empty()) full.acl = options.acl;
  if (full.storage_class.empty()) full.storage_class = options.storage_class;
  if (full.sse.empty()) {
    full.sse = options.sse;
    if (full.sse_kms_key.empty()) full.sse_kms_key = options.sse_kms_key;
  }
  if (full.cache_control.empty()) full.cache_control = options.cache_control;
  return full;
}

Result<ObjectInfo> S3Provider::FindOwn(const OpContext& ctx, std::string_view operation, std::string_view key, const std::string& attempt_id, std::uint64_t size,
                                       const Status& error) {
  Result<ObjectInfo> there = Head(ctx, operation, key, std::nullopt, {});
  if (!there.ok()) return there;
  if (!attempt_id.empty() && there->attempt_id == attempt_id && there->size == size) return there;
  return error;
}

Result<ObjectInfo> S3Provider::Put(const OpContext& ctx, std::string_view key, ISource& source, const PutOptions& options) {
  Result<const Dialect*> entered = Enter(ctx, "put", key);
  if (!entered.ok()) return entered.status();
  const Dialect& dialect = **entered;
  if (options.batch != nullptr) return Fail("put", key, Code::kUnsupported, "this storage has no batches: leave `batch` out");
  if (options.if_absent && !CreatesOnlyIfAbsent(ctx, dialect, key)) {
    return Fail("put", key, Code::kUnsupported, std::string(dialect.title) + " is not known to honour If-None-Match: look first, or set `quirks: conditional_put=true` where it does");
  }
  if (!options.if_match.empty() && !dialect.replace_if_match) {
    return Fail("put", key, Code::kUnsupported, std::string(dialect.title) + " is not known to honour If-Match: look first, or set `quirks: replace_if_match=true` where it does");
  }
  const std::optional<std::uint64_t> size = source.size();
  if (!size) return Fail("put", key, Code::kUnsupported, "the size of the source is not known: send it in parts");
  if (*size > dialect.max_put) return Fail("put", key, Code::kInvalidArgument, "the object is too large for one request: send it in parts");

  const Protection protection = ProtectionFor(dialect, *api_);
  DigestMask digests = static_cast<DigestMask>(options.digests | options.expected.mask() | kCrc64Mask);
  if (protection.sign) digests = static_cast<DigestMask>(digests | MaskOf(DigestKind::kSha256));
  if (protection.md5) digests = static_cast<DigestMask>(digests | MaskOf(DigestKind::kMd5));
  ReadyBody body(blocks_);
  if (Status status = ReadyForUpload(ctx, source, *size, digests, true, &body); !status.ok()) return Fail("put", key, status);
  if (Status status = CheckExpected(options.expected, body.digests); !status.ok()) return Fail("put", key, status);

  // A repeated request of one's own must be told from another writer, also where the caller gave no id.
  const bool conditional = options.if_absent || !options.if_match.empty();
  const std::string attempt_id = options.attempt_id.empty() && conditional ? RandomId() : options.attempt_id;
  const DigestMask in_metadata = static_cast<DigestMask>((protection.crc64 && dialect.keeps_crc64 ? 0 : kCrc64Mask) | (options.digests & ~kCrc64Mask));
  const DigestSet kept = Chosen(body.digests, in_metadata);
  const Properties properties = WithDefaults(options.properties);

  Call call;
  call.operation = "put";
  call.method = HttpMethod::kPut;
  call.key = key;
  call.write = true;
  call.headers.reserve(12);
  if (Status status = AppendProperties(dialect, properties, {attempt_id, &kept, body.size}, &call.headers); !status.ok()) return Fail("put", key, status);
  if (options.if_absent) call.headers.emplace_back("if-none-match", "*");
  if (!options.if_match.empty()) call.headers.emplace_back("if-match", options.if_match);
  if (protection.crc64) call.headers.emplace_back("x-amz-checksum-crc64nvme", ToBase64(body.digests.Find(DigestKind::kCrc64Nvme)->value()));
  if (protection.md5) call.headers.emplace_back("content-md5", ToBase64(body.digests.Find(DigestKind::kMd5)->value()));
  call.payload = protection.sign ? PayloadHash::kGiven : PayloadHash::kUnsigned;
  if (protection.sign) call.sha256 = ToHex(body.digests.Find(DigestKind::kSha256)->value());
  call.body = body.memory;
  if (body.guard) {
    call.source = &*body.guard;
    call.body_size = body.size;
  }

  Result<http::Response> response = api_->Send(ctx, call);
  if (!response.ok()) {
    const Status status = response.status();
    if (!conditional) return status;
    const int http = status.detail().http_status;
    if (http == 404 && !options.if_match.empty() && status.detail().service_code != "NoSuchBucket") {
      return Fail("put", key, Code::kPreconditionFailed, "the object that was to be replaced is gone");
    }
    if (http != 412) return status;
    ErrorDetail lost = status.detail();
    lost.ambiguous = false;  // what is there is looked at here
    lost.code = options.if_absent ? Code::kAlreadyExists : Code::kPreconditionFailed;
    if (options.if_absent) lost.message = "there is an object at this key already";
    Result<ObjectInfo> own = FindOwn(ctx, "put", key, attempt_id, body.size, Status(lost));
    if (!own.ok()) {
      // Gone again meanwhile: the race is still lost.
      return own.code() == Code::kNotFound ? Result<ObjectInfo>(Status(lost)) : own;
    }
    if (Compare(own->digests, body.digests) == DigestMatch::kDifferent) {
      return Fail("put", key, Code::kIntegrity, "the service stored other bytes than were sent: put the object again");
    }
    for (const Digest& digest : body.digests) own->digests.Set(digest);
    return own;
  }
  ObjectInfo info;
  info.key = key;
  info.size = body.size;
  info.etag = QuotedEtag(response->Find("etag"));
  if (info.etag.empty()) {
    return Fail("put", key, Code::kUnavailable, "the answer is not what an S3 service says (no ETag): check `endpoint`, and whether a proxy answers in its place");
  }
  if (const std::string_view version = response->Find("x-amz-version-id"); version != "null") info.version_id = version;
  info.digests = body.digests;
  info.attempt_id = attempt_id;
  if (Status status = Confirm(dialect, protection, *response, &info); !status.ok()) return Fail("put", key, status);
  info.properties = properties;
  return info;
}

}  // namespace fileferry::s3
