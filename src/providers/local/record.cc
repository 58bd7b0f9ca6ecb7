// record.cc: records to JSON and back, and the tokens made of a file's state.  No state; any thread.
#include "providers/local/record.h"

#include <charconv>

#include "base/digest.h"
#include "fileferry/ops.h"

namespace fileferry::local {
namespace {

Time FromNs(std::int64_t ns) { return Time(std::chrono::nanoseconds(ns)); }

}  // namespace

void WriteProperties(const Properties& properties, std::string_view key, JsonWriter* writer) {
  if (properties.content_type != ContentTypeByName(key)) writer->Text("ct", properties.content_type);
  writer->Text("cc", properties.cache_control);
  writer->Text("cd", properties.content_disposition);
  writer->Text("ce", properties.content_encoding);
  writer->Text("cl", properties.content_language);
  writer->Text("acl", properties.acl);
  writer->Text("class", properties.storage_class);
  writer->Map("meta", properties.metadata);
  writer->Map("tags", properties.tags);
  if (properties.mtime) writer->Number("mt", properties.mtime->time_since_epoch().count());
}

Properties ReadProperties(const JsonObject& object, std::string_view key) {
  Properties properties;
  properties.content_type = object.Text("ct");
  if (properties.content_type.empty()) properties.content_type = ContentTypeByName(key);
  properties.cache_control = object.Text("cc");
  properties.content_disposition = object.Text("cd");
  properties.content_encoding = object.Text("ce");
  properties.content_language = object.Text("cl");
  properties.acl = object.Text("acl");
  properties.storage_class = object.Text("class");
  if (const auto found = object.maps.find("meta"); found != object.maps.end()) properties.metadata = found->second;
  if (const auto found = object.maps.find("tags"); found != object.maps.end()) properties.tags = found->second;
  if (const std::optional<std::int64_t> mtime = object.Number("mt")) properties.mtime = FromNs(*mtime);
  return properties;
}

std::string EncodeRecord(const Record& record, std::string_view key) {
  JsonWriter writer;
  writer.Number("v", 1);
  if (record.elsewhere) writer.Number("else", 1);
  WriteProperties(record.properties, key, &writer);
  writer.Text("at", record.attempt_id);
  for (const Digest& digest : record.digests) writer.Text(DigestName(digest.kind), ToHex(digest.value()));
  if (record.unread) writer.Number("unread", 1);
  if (record.identity.inode != 0) writer.Number("ino", static_cast<std::int64_t>(record.identity.inode));
  writer.Number("size", static_cast<std::int64_t>(record.identity.size));
  writer.Number("time", record.identity.mtime_ns);
  return writer.Finish();
}

std::optional<Record> DecodeRecord(std::string_view text, std::string_view key) {
  const std::optional<JsonObject> object = ParseJsonObject(text);
  if (!object || object->Number("v") != 1) return std::nullopt;
  const std::optional<std::int64_t> size = object->Number("size"), time = object->Number("time");
  if (!size || !time) return std::nullopt;
  Record record;
  record.properties = ReadProperties(*object, key);
  record.attempt_id = object->Text("at");
  record.elsewhere = object->Number("else") == 1;
  for (const DigestKind kind : {DigestKind::kCrc64Nvme, DigestKind::kMd5, DigestKind::kSha256, DigestKind::kCrc32c, DigestKind::kCrc32, DigestKind::kSha1}) {
    if (const std::optional<Digest> digest = DigestFromHex(kind, object->Text(DigestName(kind)))) record.digests.Set(*digest);
  }
  record.unread = object->Number("unread") == 1;
  record.identity = {static_cast<std::uint64_t>(object->Number("ino").value_or(0)), static_cast<std::uint64_t>(*size), *time};
  return record;
}

std::int64_t MtimeOf(const struct stat& st) {
  std::int64_t ns = 0;
  if (__builtin_mul_overflow(static_cast<std::int64_t>(st.st_mtim.tv_sec), 1'000'000'000, &ns) || __builtin_add_overflow(ns, st.st_mtim.tv_nsec, &ns)) {
    return st.st_mtim.tv_sec < 0 ? INT64_MIN : INT64_MAX;  // a file from before 1678 or after 2261
  }
  return ns;
}

Identity IdentityOf(const struct stat& st) { return {st.st_ino, static_cast<std::uint64_t>(st.st_size), MtimeOf(st)}; }

std::size_t FormatEtag(const struct stat& st, char* out) {
  char* at = out;
  *at++ = '"';
  at = std::to_chars(at, at + 16, static_cast<std::uint64_t>(st.st_size), 16).ptr;
  *at++ = '-';
  at = std::to_chars(at, at + 16, static_cast<std::uint64_t>(MtimeOf(st)), 16).ptr;
  *at++ = '-';
  at = std::to_chars(at, at + 16, static_cast<std::uint64_t>(st.st_ino), 16).ptr;
  *at++ = '"';
  return static_cast<std::size_t>(at - out);
}

std::string EtagOf(const struct stat& st) {
  char buffer[kEtagMax];
  return std::string(buffer, FormatEtag(st, buffer));
}

}  // namespace fileferry::local
