// properties.cc: headers of objects.  Source: S3 API Reference, PutObject and HeadObject; rclone's "mtime".  Pure; any thread.
#include "providers/s3/properties.h"

#include <array>

#include "base/digest.h"
#include "base/text.h"
#include "core/properties.h"
#include "fileferry/sigv4.h"

namespace fileferry::s3 {

namespace {

constexpr std::string_view kMeta = "x-amz-meta-";

struct Checksum {
  std::string_view name;  // after "x-amz-checksum-"
  DigestKind kind;
};
constexpr std::array<Checksum, 5> kChecksums{
    {{"crc64nvme", DigestKind::kCrc64Nvme}, {"crc32c", DigestKind::kCrc32c}, {"crc32", DigestKind::kCrc32}, {"sha1", DigestKind::kSha1}, {"sha256", DigestKind::kSha256}}};
constexpr std::string_view kChecksumHeader = "x-amz-checksum-";

struct ReservedDigest {
  std::string_view name;
  DigestKind kind;
};
constexpr std::array<ReservedDigest, 3> kReservedDigests{
    {{"ferry-crc64", DigestKind::kCrc64Nvme}, {"ferry-sha256", DigestKind::kSha256}, {"ferry-md5", DigestKind::kMd5}}};

void Append(Headers* headers, std::string_view name, std::string value) { headers->emplace_back(std::string(name), std::move(value)); }

Status AppendMetadata(const Dialect& dialect, const Properties& properties, const Reserved& reserved, Headers* headers) {
  std::size_t bytes = 0;
  const auto add = [&](std::string_view name, std::string value) {
    bytes += name.size() + value.size();
    std::string header;
    header.reserve(kMeta.size() + name.size());
    header.append(kMeta).append(name);
    headers->emplace_back(std::move(header), std::move(value));
  };
  for (const auto& [name, value] : properties.metadata) add(name, EncodeHeaderText(value));
  if (properties.mtime) add("mtime", FormatUnixTime(*properties.mtime));
  if (!reserved.attempt_id.empty()) add("ferry-attempt", std::string(reserved.attempt_id));
  if (reserved.digests != nullptr) {
    for (const ReservedDigest& row : kReservedDigests) {
      if (const Digest* digest = reserved.digests->Find(row.kind)) add(row.name, ToBase64(digest->value()));
    }
    if (!reserved.digests->empty()) add("ferry-size", std::to_string(reserved.size));
  }
  if (bytes > dialect.max_metadata) {
    return {Code::kInvalidArgument, "the user metadata with what fileferry adds is " + std::to_string(bytes) + " bytes long, and " + std::string(dialect.title) + " keeps " +
                                        std::to_string(dialect.max_metadata) + ": shorten it"};
  }
  return {};
}

std::string EncodeTags(const std::map<std::string, std::string>& tags) {
  std::string text;
  for (const auto& [name, value] : tags) {
    if (!text.empty()) text += '&';
    text += UriEncode(name, false) + "=" + UriEncode(value, false);
  }
  return text;
}

// Some servers keep our own transfer coding as a property of the object.
std::string WithoutAwsChunked(std::string_view encoding) {
  if (encoding.find("aws-chunked") == std::string_view::npos) return std::string(encoding);
  std::string kept;
  for (const std::string& part : Split(encoding, ',')) {
    const std::string_view coding = Trim(part);
    if (coding.empty() || EqualsIgnoreCase(coding, "aws-chunked")) continue;
    if (!kept.empty()) kept += ", ";
    kept += coding;
  }
  return kept;
}

// A checksum of the whole object: one of parts ends in "-N" and is no base64.
void TakeChecksum(const Dialect& dialect, std::string_view name, std::string_view value, DigestSet* checksums) {
  for (const Checksum& row : kChecksums) {
    if (row.name != name || !(row.kind == DigestKind::kCrc64Nvme ? dialect.keeps_crc64 : dialect.gives_checksums)) continue;
    if (const std::optional<Digest> digest = DigestFromBase64(row.kind, value)) checksums->Set(*digest);
  }
}

// The digests of reserved metadata, and of how many bytes they are.
struct Recorded {
  DigestSet digests;
  std::optional<std::uint64_t> size;  // absent: not written down
};

// "<hex>-N" with N > 1: put together from parts, as no object is beside which digests were written.
bool IsOfManyParts(std::string_view etag) {
  const std::size_t dash = etag.rfind('-');
  return dash != std::string_view::npos && ParseUint(etag.substr(dash + 1)).value_or(0) > 1;
}

void TakeRecorded(const Recorded& recorded, ObjectInfo* info) {
  if ((recorded.size && *recorded.size != info->size) || IsOfManyParts(Unquoted(info->etag))) return;
  for (const Digest& digest : recorded.digests) {
    if (info->digests.Find(digest.kind) == nullptr) info->digests.Set(digest);
  }
}

void TakeMetadata(std::string_view name, std::string_view value, ObjectInfo* info, Recorded* recorded) {
  if (name == "mtime") {
    info->properties.mtime = ParseUnixTime(value);
    return;
  }
  if (name == "ferry-attempt") {
    info->attempt_id = value;
    return;
  }
  for (const ReservedDigest& row : kReservedDigests) {
    if (row.name != name) continue;
    if (const std::optional<Digest> digest = DigestFromBase64(row.kind, value)) recorded->digests.Set(*digest);
    return;
  }
  if (name == "ferry-size") {
    recorded->size = ParseUint(value);
    return;
  }
  info->properties.metadata.emplace(std::string(name), DecodeHeaderText(value));
}

}  // namespace

Status AppendProperties(const Dialect& dialect, const Properties& properties, const Reserved& reserved, Headers* headers) {
  if (Status status = CheckProperties(properties, CapabilitiesOf(dialect)); !status.ok()) return status;
  Append(headers, "content-type", properties.content_type.empty() ? std::string(kNoContentType) : EncodeHeaderText(properties.content_type));
  const auto add = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) Append(headers, name, EncodeHeaderText(value));
  };
  add("cache-control", properties.cache_control);
  add("content-disposition", properties.content_disposition);
  add("content-encoding", properties.content_encoding);
  add("content-language", properties.content_language);
  add("x-amz-acl", properties.acl);
  add("x-amz-storage-class", properties.storage_class);
  add("x-amz-server-side-encryption", properties.sse);
  add("x-amz-server-side-encryption-aws-kms-key-id", properties.sse_kms_key);
  if (!properties.tags.empty()) Append(headers, "x-amz-tagging", EncodeTags(properties.tags));
  return AppendMetadata(dialect, properties, reserved, headers);
}

Result<ObjectInfo> InfoFromHeaders(const Dialect& dialect, std::string_view key, const http::Response& response) {
  ObjectInfo info;
  info.key = key;
  bool has_size = false, has_id = false;
  std::optional<std::uint64_t> length;
  DigestSet checksums;
  bool composite = false;
  Recorded recorded;
  Properties& properties = info.properties;
  for (const http::Header& header : response.headers) {
    const std::string_view name = header.name;
    const std::string_view value = header.value;
    if (name.starts_with(kMeta)) TakeMetadata(ToLower(name.substr(kMeta.size())), value, &info, &recorded);
    else if (name == "content-length") length = ParseUint(value);
    else if (name == "etag") info.etag = QuotedEtag(value);
    else if (name == "content-type") properties.content_type = value == kNoContentType ? std::string() : DecodeHeaderText(value);
    else if (name == "last-modified") info.modified = ParseHttpDate(value);
    else if (name == "content-range") {
      ContentRange range;
      if (ParseContentRange(value, &range) && !range.unsatisfied) {
        info.size = range.total;
        has_size = true;
      }
    }
    else if (name == "cache-control") properties.cache_control = DecodeHeaderText(value);
    else if (name == "content-disposition") properties.content_disposition = DecodeHeaderText(value);
    else if (name == "content-encoding") properties.content_encoding = WithoutAwsChunked(value);
    else if (name == "content-language") properties.content_language = DecodeHeaderText(value);
    else if (name == "x-amz-version-id") info.version_id = value == "null" ? std::string() : std::string(value);
    else if (name == "x-amz-storage-class") properties.storage_class = value;
    else if (name == "x-amz-server-side-encryption") properties.sse = value;
    else if (name == "x-amz-server-side-encryption-aws-kms-key-id") properties.sse_kms_key = value;
    else if (name == "x-amz-checksum-type") composite = value == "COMPOSITE";
    else if (name.starts_with(kChecksumHeader)) TakeChecksum(dialect, name.substr(kChecksumHeader.size()), value, &checksums);
    else if (name == "x-amz-request-id" || name == "x-amzn-requestid") has_id = true;
  }
  if (!has_size && response.status == 200 && length) {
    info.size = *length;
    has_size = true;
  }
  if (info.etag.empty() && !has_id) {
    return {Code::kUnavailable, "the answer is not what an S3 service says (no ETag): check `endpoint`, and whether a proxy answers in its place"};
  }
  if (!composite) {
    info.digests = checksums;
    info.confirmed = checksums.mask();
  }
  TakeRecorded(recorded, &info);
  return info;
}

bool ParseContentRange(std::string_view text, ContentRange* range) {
  *range = ContentRange{};
  text = Trim(text);
  if (!text.starts_with("bytes")) return false;
  text = Trim(text.substr(5));
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return false;
  const std::optional<std::uint64_t> total = ParseUint(text.substr(slash + 1));
  if (!total) return false;
  range->total = *total;
  const std::string_view part = text.substr(0, slash);
  if (part == "*") {
    range->unsatisfied = true;
    return true;
  }
  const std::size_t dash = part.find('-');
  if (dash == std::string_view::npos) return false;
  const std::optional<std::uint64_t> first = ParseUint(part.substr(0, dash));
  const std::optional<std::uint64_t> last = ParseUint(part.substr(dash + 1));
  if (!first || !last || *first > *last || *last >= *total) return false;
  range->first = *first;
  range->last = *last;
  return true;
}

std::string QuotedEtag(std::string_view etag) {
  if (etag.empty() || etag.front() == '"' || etag.starts_with("W/")) return std::string(etag);
  return "\"" + std::string(etag) + "\"";
}

std::string_view Unquoted(std::string_view etag) {
  if (etag.starts_with("W/")) etag.remove_prefix(2);
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') etag = etag.substr(1, etag.size() - 2);
  return etag;
}

bool SameEtag(std::string_view a, std::string_view b) { return Unquoted(a) == Unquoted(b); }

}  // namespace fileferry::s3
