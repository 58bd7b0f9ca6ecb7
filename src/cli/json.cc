// json.cc: results as JSON.  Pure functions.
#include "json.h"

#include <cstdio>

#include "session.h"
#include "text.h"

namespace fileferry::cli {
namespace {

void SetText(Json* json, const char* name, const std::string& text) {
  if (!text.empty()) (*json)[name] = text;
}

std::string Underscored(std::string_view name) {
  std::string text(name);
  for (char& c : text) {
    if (c == ' ') c = '_';
  }
  return text;
}

}  // namespace

void AppendJsonString(std::string_view text, std::string* out) {
  out->push_back('"');
  std::size_t plain = 0;
  for (std::size_t i = 0; i < text.size(); i++) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out->append(text, plain, i - plain);
    plain = i + 1;
    if (c == '"' || c == '\\') {
      out->push_back('\\');
      out->push_back(text[i]);
    } else {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(c));
      out->append(escaped);
    }
  }
  out->append(text, plain);
  out->push_back('"');
}

Json ObjectJson(const ObjectInfo& info) {
  Json json{{"key", info.key}, {"size", info.size}};
  if (info.modified) json["modified"] = IsoTime(*info.modified);
  SetText(&json, "etag", info.etag);
  SetText(&json, "version_id", info.version_id);
  const Properties& properties = info.properties;
  SetText(&json, "content_type", properties.content_type);
  SetText(&json, "cache_control", properties.cache_control);
  SetText(&json, "content_disposition", properties.content_disposition);
  SetText(&json, "content_encoding", properties.content_encoding);
  SetText(&json, "content_language", properties.content_language);
  if (properties.mtime) json["mtime"] = IsoTime(*properties.mtime);
  SetText(&json, "acl", properties.acl);
  SetText(&json, "storage_class", properties.storage_class);
  SetText(&json, "sse", properties.sse);
  if (!properties.metadata.empty()) json["metadata"] = properties.metadata;
  if (!properties.tags.empty()) json["tags"] = properties.tags;
  if (!info.digests.empty()) {
    Json digests = Json::object();
    for (const Digest& digest : info.digests) digests[std::string(DigestName(digest.kind))] = ToHex(digest.value());
    json["digests"] = std::move(digests);
  }
  return json;
}

Json StatusJson(const Status& status) {
  if (status.ok()) return {{"ok", true}};
  const ErrorDetail& detail = status.detail();
  Json json{{"ok", false}, {"code", CodeName(detail.code)}, {"message", detail.message}};
  SetText(&json, "service_code", detail.service_code);
  if (detail.http_status != 0) json["http_status"] = detail.http_status;
  return json;
}

Json RecordJson(const ObjectRecord& record) {
  Json json{{"key", record.key}, {"size", record.size}, {"outcome", OutcomeName(record.outcome)}};
  if (!record.destination_key.empty() && record.destination_key != record.key) json["destination_key"] = record.destination_key;
  if (record.code != Code::kOk) json["code"] = CodeName(record.code);
  SetText(&json, "message", record.message);
  if (record.attempts > 0) json["attempts"] = record.attempts;
  return json;
}

Json ProgressJson(const Progress& progress) {
  Json objects = Json::object(), bytes = Json::object();
  for (std::size_t i = 0; i < kOutcomeCount; i++) {
    if (progress.objects[i] == 0) continue;
    const std::string name = Underscored(OutcomeName(static_cast<Outcome>(i)));
    objects[name] = progress.objects[i];
    bytes[name] = progress.bytes[i];
  }
  Json json{{"phase", progress.phase},
            {"objects", std::move(objects)},
            {"bytes", std::move(bytes)},
            {"listed", progress.listed},
            {"listed_bytes", progress.listed_bytes},
            {"listing_done", progress.listing_done},
            {"filtered", progress.filtered},
            {"skipped_links", progress.skipped_links},
            {"kept_sources", progress.kept_sources},
            {"unfinished", progress.unfinished},
            {"empty_folders", progress.empty_folders},
            {"extra", progress.extra},
            {"bytes_moved", progress.bytes_moved},
            {"bytes_sent_again", progress.bytes_sent_again},
            {"errors", progress.errors},
            {"seconds", progress.seconds}};
  if (!progress.notes.empty()) json["notes"] = progress.notes;
  return json;
}

}  // namespace fileferry::cli
