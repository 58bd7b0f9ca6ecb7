// multipart.cc: the upload calls.  Thread-safe; blocks.  Nothing is kept between calls: an upload can go on after a restart.
#include <algorithm>
#include <map>

#include "base/digest.h"
#include "base/text.h"
#include "codec/xml.h"
#include "providers/s3/provider.h"
#include "providers/s3/results.h"

namespace fileferry::s3 {

namespace {

std::string QuoteFree(std::string_view etag) {
  Result<std::string> escaped = codec::XmlEscape(etag);
  return escaped.ok() ? *escaped : std::string();
}

class PartsHandler : public codec::IXmlHandler {
 public:
  struct Listed {
    PartInfo part;
    std::optional<Time> modified;
  };
  void OnStart(std::string_view name, int depth) override {
    if (depth == 1) root_ = name;
    if (depth == 2) listed_ = Listed{};
  }
  void OnEnd(std::string_view name, int depth, std::string_view text) override {
    if (depth == 3) {
      PartInfo& part = listed_.part;
      if (name == "PartNumber") part.number = static_cast<std::uint32_t>(ParseUint(Trim(text)).value_or(0));
      if (name == "Size") part.size = ParseUint(Trim(text)).value_or(0);
      if (name == "ETag") part.etag = QuotedEtag(Trim(text));
      if (name == "LastModified") listed_.modified = ParseIso8601(Trim(text));
      if (name == "ChecksumCRC64NVME") part.crc64 = DigestFromBase64(DigestKind::kCrc64Nvme, Trim(text));
    }
    if (depth != 2) return;
    if (name == "Part" && listed_.part.number != 0) parts.push_back(std::move(listed_));
    if (name == "IsTruncated") truncated = Trim(text) == "true";
    if (name == "NextPartNumberMarker") next = ParseUint(Trim(text)).value_or(0);
  }
  bool is_list() const { return root_.starts_with("ListParts"); }
  std::vector<Listed> parts;
  bool truncated = false;
  std::uint64_t next = 0;

 private:
  std::string root_;
  Listed listed_;
};

class UploadsHandler : public codec::IXmlHandler {
 public:
  void OnStart(std::string_view name, int depth) override {
    if (depth == 1) root_ = name;
    if (depth == 2) entry_ = UploadEntry{};
  }
  void OnEnd(std::string_view name, int depth, std::string_view text) override {
    if (depth == 3) {
      if (name == "Key") entry_.key = text;
      if (name == "UploadId") entry_.upload_id = Trim(text);
      if (name == "Initiated") entry_.initiated = ParseIso8601(Trim(text));
    }
    if (depth != 2) return;
    if (name == "Upload" && !entry_.upload_id.empty()) page.entries.push_back(std::move(entry_));
    if (name == "IsTruncated") truncated = Trim(text) == "true";
    if (name == "NextKeyMarker") key_marker = text;
    if (name == "NextUploadIdMarker") id_marker = Trim(text);
    if (name == "EncodingType") url_encoded = Trim(text) == "url";
  }
  bool is_list() const { return root_.starts_with("ListMultipartUploads"); }
  UploadPage page;
  std::string key_marker, id_marker;
  bool truncated = false, url_encoded = false;

 private:
  std::string root_;
  UploadEntry entry_;
};

Status Damaged(std::string_view what) {
  ErrorDetail detail;
  detail.code = Code::kUnavailable;
  detail.retry = Retry::kTemporary;
  detail.message = std::string(what) + " is cut or not an S3 service's";
  return Status(std::move(detail));
}

// Whether the service confirmed every part's bytes, and its ETag of the whole says that it is these parts in this order: the MD5 of their MD5s.
bool AllConfirmed(const std::vector<PartInfo>& parts, std::string_view etag) {
  std::string md5s;
  for (const PartInfo& part : parts) {
    const std::optional<Digest> md5 = DigestFromHex(DigestKind::kMd5, Unquoted(part.etag));
    if (!part.confirmed || !md5) return false;
    md5s.append(AsText(md5->value()));
  }
  return SameEtag(etag, ToHex(Md5(AsBytes(md5s)).value()) + "-" + std::to_string(parts.size()));
}

// All parts of an upload but the last have one size, unless they grow; then the sizes before a part are summed as far as they are known.
void SetOffsets(std::vector<PartInfo>* parts) {
  std::uint64_t at = 0, largest = 0;
  bool equal = true;
  for (std::size_t i = 0; i < parts->size(); ++i) {
    largest = std::max(largest, (*parts)[i].size);
    if (i + 1 < parts->size() && (*parts)[i].size != parts->front().size) equal = false;
  }
  for (std::size_t i = 0; i < parts->size(); ++i) {
    PartInfo& part = (*parts)[i];
    part.offset = equal && part.number != i + 1 ? (part.number - 1) * largest : at;
    at = part.offset + part.size;
  }
}

}  // namespace

Result<std::string> S3Provider::CreateUpload(const OpContext& ctx, std::string_view key, const UploadOptions& options) {
  return NewUpload(ctx, key, options, {options.attempt_id, nullptr, 0});
}

Result<std::string> S3Provider::NewUpload(const OpContext& ctx, std::string_view key, const UploadOptions& options, const Reserved& reserved) {
  Result<const Dialect*> entered = Enter(ctx, "create-upload", key);
  if (!entered.ok()) return entered.status();
  const Dialect& dialect = **entered;
  if (dialect.equal_parts && options.part_size == 0 && (!options.size || *options.size > dialect.max_put)) {
    return Fail("create-upload", key, Code::kUnsupported, std::string(dialect.title) + " wants parts of one size: give `part_size`");
  }
  Call call;
  call.operation = "create-upload";
  call.method = HttpMethod::kPost;
  call.key = key;
  call.xml = true;
  call.query.emplace_back("uploads", "");
  if (Status status = AppendProperties(dialect, WithDefaults(options.properties), reserved, &call.headers); !status.ok()) {
    return Fail("create-upload", key, status);
  }
  if (dialect.keeps_crc64) {
    call.headers.emplace_back("x-amz-checksum-algorithm", "CRC64NVME");
    call.headers.emplace_back("x-amz-checksum-type", "FULL_OBJECT");
  }
  Result<http::Response> response = api_->Send(ctx, call);
  if (!response.ok()) return response.status();
  Result<WriteResult> result = ReadWriteResult(response->body, "InitiateMultipartUpload");
  if (!result.ok()) return Fail("create-upload", key, result.status());
  if (result->upload_id.empty()) return Fail("create-upload", key, Damaged("the answer to the new upload"));
  if (response->resent && options.maybe_another != nullptr) *options.maybe_another = true;
  return result->upload_id;
}

Result<PartInfo> S3Provider::SendPart(const OpContext& ctx, const Dialect& dialect, Call& call, const PartSpec& part, ISource& source) {
  const bool sign = api_->SignsBodies() && !api_->options().anonymous;
  const bool md5 = dialect.integrity == Integrity::kMd5 && !sign && api_->options().payload_signing != PayloadSigning::kNever;
  const std::optional<std::uint64_t> said = source.size();
  const bool check_end = !said || *said == part.size;
  std::optional<GuardedSource> stream;
  ReadyBody body(blocks_);
  if (!sign && !md5 && !source.Memory()) {
    // Nothing has to precede the body: one reading, no buffer.
    stream.emplace(source, part.size, std::nullopt, check_end);
    call.source = &*stream;
    call.body_size = part.size;
  } else {
    DigestMask digests = 0;
    if (sign) digests = static_cast<DigestMask>(digests | MaskOf(DigestKind::kSha256));
    if (md5) digests = static_cast<DigestMask>(digests | MaskOf(DigestKind::kMd5));
    if (Status status = ReadyForUpload(ctx, source, part.size, digests, check_end, &body); !status.ok()) return Fail("upload-part", call.key, status);
    call.body = body.memory;
    if (body.guard) {
      call.source = &*body.guard;
      call.body_size = part.size;
    }
    if (dialect.integrity == Integrity::kCrc64) call.headers.emplace_back("x-amz-checksum-crc64nvme", ToBase64(body.digests.Find(DigestKind::kCrc64Nvme)->value()));
    if (md5) call.headers.emplace_back("content-md5", ToBase64(body.digests.Find(DigestKind::kMd5)->value()));
    if (sign) call.sha256 = ToHex(body.digests.Find(DigestKind::kSha256)->value());
  }
  call.payload = sign ? PayloadHash::kGiven : PayloadHash::kUnsigned;
  Result<http::Response> response = api_->Send(ctx, call);
  if (!response.ok()) return response.status();
  PartInfo info;
  info.number = part.number;
  info.offset = part.offset;
  info.size = part.size;
  info.etag = QuotedEtag(response->Find("etag"));
  if (info.etag.empty()) return Fail("upload-part", call.key, Damaged("the answer to the part"));
  info.crc64 = stream ? Crc64Digest(stream->crc64()) : *body.digests.Find(DigestKind::kCrc64Nvme);
  info.confirmed = sign && dialect.checks_sha256;
  if (md5 && dialect.etag_is_md5 && SameEtag(info.etag, ToHex(body.digests.Find(DigestKind::kMd5)->value()))) info.confirmed = true;
  if (dialect.keeps_crc64) {
    const std::optional<Digest> theirs = DigestFromBase64(DigestKind::kCrc64Nvme, response->Find("x-amz-checksum-crc64nvme"));
    if (theirs && !(*theirs == *info.crc64)) {
      ErrorDetail detail;
      detail.code = Code::kIntegrity;
      detail.retry = Retry::kTemporary;
      detail.message = "the service received other bytes than were sent: the CRC-64 of the part differs";
      return Fail("upload-part", call.key, Status(std::move(detail)));
    }
    if (theirs) info.confirmed = true;
  }
  return info;
}

Result<PartInfo> S3Provider::UploadPart(const OpContext& ctx, std::string_view key, const std::string& upload_id, const PartSpec& part, ISource& source) {
  Result<const Dialect*> entered = Enter(ctx, "upload-part", key);
  if (!entered.ok()) return entered.status();
  const Dialect& dialect = **entered;
  if (part.number < 1 || part.number > dialect.max_parts) {
    return Fail("upload-part", key, Code::kInvalidArgument, "the number of a part is between 1 and " + std::to_string(dialect.max_parts));
  }
  if (part.size > dialect.max_part) return Fail("upload-part", key, Code::kInvalidArgument, "the part is larger than the service allows: lower the part size");
  Call call;
  call.operation = "upload-part";
  call.method = HttpMethod::kPut;
  call.key = key;
  call.write = true;
  call.query.emplace_back("partNumber", std::to_string(part.number));
  call.query.emplace_back("uploadId", upload_id);
  call.headers.emplace_back("content-type", kNoContentType);
  return SendPart(ctx, dialect, call, part, source);
}

Result<PartInfo> S3Provider::UploadPartCopy(const OpContext& ctx, std::string_view key, const std::string& upload_id, const PartSpec& part, const Location& from,
                                            const std::string& source_if_match) {
  Result<const Dialect*> entered = Enter(ctx, "upload-part-copy", key);
  if (!entered.ok()) return entered.status();
  const Dialect& dialect = **entered;
  if (!dialect.part_copy || from.service != Locate(key).service) return Fail("upload-part-copy", key, Code::kUnsupported, "the service does not copy this part: send the bytes instead");
  if (part.size == 0) return Fail("upload-part-copy", key, Code::kInvalidArgument, "a part that is copied has at least one byte");
  if (part.number < 1 || part.number > dialect.max_parts) {
    return Fail("upload-part-copy", key, Code::kInvalidArgument, "the number of a part is between 1 and " + std::to_string(dialect.max_parts));
  }
  bool all = false;  // some services refuse a range of a small object, also where it is all of it
  if (!source_if_match.empty() && !dialect.conditional_copy) {
    // The service does not look: a part of another version is found by the token before, and by the digest of the whole.
    Result<ObjectInfo> source = Head(ctx, "upload-part-copy", from.key, from.container, {});
    if (!source.ok()) return source.status();
    if (!SameEtag(source->etag, source_if_match)) return Fail("upload-part-copy", key, Code::kPreconditionFailed, "the source is another version than the one that was meant");
    all = part.offset == 0 && part.size == source->size;
  }
  Call call;
  call.operation = "upload-part-copy";
  call.method = HttpMethod::kPut;
  call.key = key;
  call.write = true;
  call.xml = true;
  call.query.emplace_back("partNumber", std::to_string(part.number));
  call.query.emplace_back("uploadId", upload_id);
  call.headers.emplace_back("content-type", kNoContentType);
  call.headers.emplace_back("x-amz-copy-source", "/" + UriEncode(from.container, false) + "/" + UriEncode(from.key, true));
  if (!all) call.headers.emplace_back("x-amz-copy-source-range", "bytes=" + std::to_string(part.offset) + "-" + std::to_string(part.offset + part.size - 1));
  if (!source_if_match.empty()) call.headers.emplace_back("x-amz-copy-source-if-match", source_if_match);
  Result<http::Response> response = api_->Send(ctx, call);
  if (!response.ok()) return response.status();
  Result<WriteResult> result = ReadWriteResult(response->body, "Copy");
  if (!result.ok()) return Fail("upload-part-copy", key, result.status());
  if (result->etag.empty()) return Fail("upload-part-copy", key, Damaged("the answer to the part"));
  PartInfo info;
  info.number = part.number;
  info.offset = part.offset;
  info.size = part.size;
  info.etag = result->etag;
  if (dialect.keeps_crc64) info.crc64 = DigestFromBase64(DigestKind::kCrc64Nvme, result->crc64);
  return info;
}

Result<std::vector<PartInfo>> S3Provider::ListParts(const OpContext& ctx, std::string_view key, const std::string& upload_id) {
  Result<const Dialect*> entered = Enter(ctx, "list-parts", key);
  if (!entered.ok()) return entered.status();
  // SeaweedFS shows a part that was sent again as often as it came: the last one counts.
  std::map<std::uint32_t, PartsHandler::Listed> found;
  std::uint64_t marker = 0;
  for (;;) {
    Call call;
    call.operation = "list-parts";
    call.key = key;
    call.xml = true;
    call.query.emplace_back("uploadId", upload_id);
    call.query.emplace_back("max-parts", "1000");
    if (marker != 0) call.query.emplace_back("part-number-marker", std::to_string(marker));
    Result<http::Response> response = api_->Send(ctx, call);
    if (!response.ok()) return response.status();
    PartsHandler page;
    if (Status status = codec::ParseXml(response->body, page); !status.ok() || !page.is_list()) return Fail("list-parts", key, Damaged("the list of parts"));
    std::uint64_t last = marker;
    for (PartsHandler::Listed& listed : page.parts) {
      const std::uint32_t number = listed.part.number;
      if (number <= marker) continue;
      last = std::max<std::uint64_t>(last, number);
      const auto same = found.find(number);
      if (same == found.end() || !same->second.modified || !listed.modified || *listed.modified >= *same->second.modified) found[number] = std::move(listed);
    }
    if (!page.truncated) break;
    // The marker that the service names, if it advances; else the last number that came.
    const std::uint64_t next = page.next > marker ? std::max(page.next, last) : last;
    if (next <= marker) return Fail("list-parts", key, Code::kUnavailable, "the list of parts does not advance: the service repeats itself");
    marker = next;
  }
  std::vector<PartInfo> parts;
  parts.reserve(found.size());
  for (auto& [number, listed] : found) parts.push_back(std::move(listed.part));
  SetOffsets(&parts);
  return parts;
}

Result<ObjectInfo> S3Provider::LostComplete(const OpContext& ctx, std::string_view key, const CompleteOptions& options, const Status& error) {
  Result<ObjectInfo> own = FindOwn(ctx, "complete-upload", key, options.attempt_id, options.size, error);
  if (!own.ok()) return own.code() == Code::kNotFound ? Result<ObjectInfo>(error) : own;
  if (options.crc64) {
    const Digest* theirs = own->digests.Find(DigestKind::kCrc64Nvme);
    if (theirs != nullptr && !(*theirs == *options.crc64)) {
      return Fail("complete-upload", key, Code::kIntegrity, "the service put together other bytes than were sent: its CRC-64 differs; send the object again");
    }
    own->digests.Set(*options.crc64);
  }
  return own;
}

Result<ObjectInfo> S3Provider::CompleteUpload(const OpContext& ctx, std::string_view key, const std::string& upload_id, const std::vector<PartInfo>& parts,
                                              const CompleteOptions& options) {
  Result<const Dialect*> entered = Enter(ctx, "complete-upload", key);
  if (!entered.ok()) return entered.status();
  const Dialect& dialect = **entered;
  if (options.batch != nullptr) return Fail("complete-upload", key, Code::kUnsupported, "this storage has no batches: leave `batch` out");
  if (parts.empty()) return Fail("complete-upload", key, Code::kInvalidArgument, "an upload has at least one part: put an empty object in one request");
  std::uint64_t total = 0;
  for (const PartInfo& part : parts) total += part.size;
  if (options.size != 0 && total != options.size) {
    return Fail("complete-upload", key, Code::kInvalidArgument,
                "the parts have " + std::to_string(total) + " bytes and the object was said to have " + std::to_string(options.size));
  }
  if ((options.if_absent && !Caps().conditional_put) || (!options.if_match.empty() && !dialect.replace_if_match)) {
    return Fail("complete-upload", key, Code::kUnsupported, std::string(dialect.title) + " is not known to honour conditions on writes: look first");
  }
  if ((options.if_absent || !options.if_match.empty()) && !dialect.conditional_complete) {
    // Conditional for small objects only: looked at as late as can be.
    Result<ObjectInfo> there = Head(ctx, "complete-upload", key, std::nullopt, {});
    if (!there.ok() && there.code() != Code::kNotFound) return there;
    const bool own = there.ok() && !options.attempt_id.empty() && there->attempt_id == options.attempt_id;
    if (!own && options.if_absent && there.ok()) return Fail("complete-upload", key, Code::kAlreadyExists, "there is an object at this key already");
    if (!own && !options.if_match.empty() && (!there.ok() || !SameEtag(there->etag, options.if_match))) {
      return Fail("complete-upload", key, Code::kPreconditionFailed, "the object that was to be replaced is another version or gone");
    }
  }
  std::vector<PartInfo> sorted = parts;
  std::sort(sorted.begin(), sorted.end(), [](const PartInfo& a, const PartInfo& b) { return a.number < b.number; });
  std::string body = R"(<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">)";
  for (const PartInfo& part : sorted) body += "<Part><PartNumber>" + std::to_string(part.number) + "</PartNumber><ETag>" + QuoteFree(part.etag) + "</ETag></Part>";
  body += "</CompleteMultipartUpload>";
  Call call;
  call.operation = "complete-upload";
  call.method = HttpMethod::kPost;
  call.key = key;
  call.write = true;
  call.xml = true;
  call.query.emplace_back("uploadId", upload_id);
  call.headers.emplace_back("content-type", "application/xml");
  if (options.if_absent && dialect.conditional_complete) call.headers.emplace_back("if-none-match", "*");
  if (!options.if_match.empty() && dialect.conditional_complete) call.headers.emplace_back("if-match", options.if_match);
  if (dialect.keeps_crc64 && options.crc64) {
    call.headers.emplace_back("x-amz-checksum-crc64nvme", ToBase64(options.crc64->value()));
    call.headers.emplace_back("x-amz-checksum-type", "FULL_OBJECT");
  }
  if (dialect.object_size_header) call.headers.emplace_back("x-amz-mp-object-size", std::to_string(options.size));
  call.payload = PayloadHash::kGiven;
  call.sha256 = Sha256Hex(AsBytes(body));
  call.body = AsBytes(body);
  Result<http::Response> response = api_->Send(ctx, call);
  if (!response.ok()) {
    const Status status = response.status();
    ErrorDetail detail = status.detail();
    const bool precondition = detail.http_status == 412;
    if (precondition && options.if_absent) {
      detail.code = Code::kAlreadyExists;
      detail.message = "there is an object at this key already";
    }
    const bool gone = detail.http_status == 404 && detail.service_code != "NoSuchBucket";
    if (gone && detail.service_code == "NoSuchKey" && !options.if_match.empty()) {
      return Fail("complete-upload", key, Code::kPreconditionFailed, "the object that was to be replaced is gone");
    }
    if (!precondition && !gone) return status;
    return LostComplete(ctx, key, options, Status(std::move(detail)));
  }
  Result<WriteResult> result = ReadWriteResult(response->body, "CompleteMultipartUpload");
  if (!result.ok()) return LostComplete(ctx, key, options, Fail("complete-upload", key, result.status()));
  ObjectInfo info;
  info.key = key;
  info.size = options.size;
  info.etag = result->etag;
  if (info.etag.empty()) return LostComplete(ctx, key, options, Fail("complete-upload", key, Damaged("the answer to the finished upload")));
  if (const std::string_view version = response->Find("x-amz-version-id"); version != "null") info.version_id = version;
  info.properties = WithDefaults(options.properties);
  info.attempt_id = options.attempt_id;
  if (options.crc64) {
    info.digests.Set(*options.crc64);
    const std::optional<Digest> theirs = dialect.keeps_crc64 ? DigestFromBase64(DigestKind::kCrc64Nvme, result->crc64) : std::nullopt;
    if (theirs && !(*theirs == *options.crc64)) {
      return Fail("complete-upload", key, Code::kIntegrity, "the service put together other bytes than were sent: its CRC-64 differs; send the object again");
    }
    if (theirs || (dialect.etag_is_md5 && AllConfirmed(sorted, info.etag))) info.confirmed = MaskOf(DigestKind::kCrc64Nvme);
  }
  return info;
}

Status S3Provider::AbortUpload(const OpContext& ctx, std::string_view key, const std::string& upload_id) {
  Result<const Dialect*> entered = Enter(ctx, "abort-upload", key);
  if (!entered.ok()) return entered.status();
  // A part that was on its way may land after the first: until there is nothing left, at most three times.
  for (int round = 0; round < 3; ++round) {
    Call call;
    call.operation = "abort-upload";
    call.method = HttpMethod::kDelete;
    call.key = key;
    call.write = true;
    call.query.emplace_back("uploadId", upload_id);
    Result<http::Response> response = api_->Send(ctx, call);
    if (!response.ok()) {
      const Status status = response.status();
      const ErrorDetail& detail = status.detail();
      if (detail.http_status == 404 && detail.service_code != "NoSuchBucket") return {};
      return status;
    }
    Call look;
    look.operation = "abort-upload";
    look.key = key;
    look.query.emplace_back("uploadId", upload_id);
    look.query.emplace_back("max-parts", "1");
    Result<http::Response> left = api_->Send(ctx, look);
    if (!left.ok()) return {};  // gone; or it cannot be known, and the first abort was accepted
    PartsHandler page;
    if (!codec::ParseXml(left->body, page).ok() || page.parts.empty()) return {};
  }
  return {};
}

Result<UploadPage> S3Provider::ListUploads(const OpContext& ctx, std::string_view prefix, const std::string& token) {
  Result<const Dialect*> entered = api_->FindVendor(ctx);
  if (!entered.ok()) return Fail("list-uploads", prefix, entered.status());
  Call call;
  call.operation = "list-uploads";
  call.xml = true;
  call.query.emplace_back("uploads", "");
  if ((*entered)->url_encode_list) call.query.emplace_back("encoding-type", "url");
  if (!prefix.empty()) call.query.emplace_back("prefix", prefix);
  call.query.emplace_back("max-uploads", "1000");
  if (!token.empty()) {
    // <length of the key>:<key><upload id>
    const std::size_t colon = token.find(':');
    const std::optional<std::uint64_t> size = colon == std::string::npos ? std::nullopt : ParseUint(std::string_view(token).substr(0, colon));
    if (!size || *size > token.size() - colon - 1) return Fail("list-uploads", prefix, Code::kInvalidArgument, "this is not a token of a list of uploads of this storage");
    call.query.emplace_back("key-marker", token.substr(colon + 1, static_cast<std::size_t>(*size)));
    const std::string id = token.substr(colon + 1 + static_cast<std::size_t>(*size));
    if (!id.empty()) call.query.emplace_back("upload-id-marker", id);
  }
  Result<http::Response> response = api_->Send(ctx, call);
  if (!response.ok()) return response.status();
  UploadsHandler handler;
  if (Status status = codec::ParseXml(response->body, handler); !status.ok() || !handler.is_list()) return Fail("list-uploads", prefix, Damaged("the list of uploads"));
  if (handler.url_encoded) {
    for (UploadEntry& entry : handler.page.entries) {
      std::optional<std::string> key = PercentDecode(entry.key, true);
      if (!key) return Fail("list-uploads", prefix, Damaged("the list of uploads"));
      entry.key = std::move(*key);
    }
    handler.key_marker = PercentDecode(handler.key_marker, true).value_or(handler.key_marker);
  }
  // Some services answer for the whole bucket.
  std::erase_if(handler.page.entries, [&](const UploadEntry& entry) { return !entry.key.starts_with(prefix); });
  if (handler.truncated) {
    handler.page.next_token = std::to_string(handler.key_marker.size()) + ":" + handler.key_marker + handler.id_marker;
    if (handler.key_marker.empty() || handler.page.next_token == token) return Fail("list-uploads", prefix, Code::kUnavailable, "the list of uploads does not advance");
  }
  return std::move(handler.page);
}

Result<std::unique_ptr<IWriteBatch>> S3Provider::NewBatch() { return Fail("commit", {}, Code::kUnsupported, "this storage has no batches: every Put is durable by itself"); }

}  // namespace fileferry::s3
