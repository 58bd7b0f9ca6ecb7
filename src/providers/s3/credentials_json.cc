// credentials_json.cc: keys out of the JSON that credential services answer with, and the errors that links share.
#include <algorithm>

#include "base/text.h"
#include "providers/s3/credentials_link.h"

namespace fileferry::s3 {

Result<S3Credentials> KeysFromJson(const codec::JsonValue& object, const KeyNames& names, const std::string& from) {
  S3Credentials keys;
  keys.access_key_id = object.Text(names.access_key_id);
  keys.secret_access_key = object.Text(names.secret_access_key);
  keys.session_token = object.Text(names.token);
  keys.origin = from;
  if (keys.access_key_id.empty() || keys.secret_access_key.empty()) {
    return NoKeys(from + " gave no keys: its answer has no " + (keys.access_key_id.empty() ? names.access_key_id : names.secret_access_key));
  }
  if (!IsHeaderSafe(keys.access_key_id) || !IsHeaderSafe(keys.session_token)) return NoKeys(from + " gave keys with control characters");
  const codec::JsonValue* expiration = object.Find(names.expiration);
  if (expiration != nullptr && expiration->kind() != codec::JsonValue::Kind::kNull) {
    if (const auto milliseconds = expiration->AsInteger()) {
      constexpr std::int64_t kFarthest = std::int64_t{9183110400} * 1000;  // 2261
      if (*milliseconds > 0) keys.expires = Time(std::chrono::milliseconds(std::min(*milliseconds, kFarthest)));
    } else {
      keys.expires = ParseExpiry(expiration->AsText());
    }
    if (!keys.expires) return NoKeys(from + " gave keys with an " + names.expiration + " that is not a time");
  }
  return keys;
}

std::optional<Time> ParseExpiry(std::string text) {
  // "9999-12-31T23:59:59Z" means never; a Time ends in 2262.
  if (text.size() > 4 && text[4] == '-' && text.compare(0, 4, "2261") > 0 && text[0] <= '9') text.replace(0, 4, "2261");
  return ParseIso8601(text);
}

Status NoKeys(std::string message) { return Status(Code::kUnauthenticated, std::move(message)); }

Status ServiceFailure(const std::string& from, const http::Response& response, const std::string& words) {
  ErrorDetail detail;
  const bool temporary = response.status >= 500 || response.status == 429 || response.status == 408;
  detail.code = temporary ? Code::kUnavailable : response.status == 403 ? Code::kPermissionDenied : Code::kUnauthenticated;
  detail.retry = temporary ? Retry::kTemporary : Retry::kNever;
  detail.http_status = response.status;
  detail.message = from + " gave no keys: " + (words.empty() ? "HTTP status " + std::to_string(response.status) : words);
  return Status(std::move(detail));
}

bool IsHeaderSafe(std::string_view text) {
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) return false;
  }
  return true;
}

}  // namespace fileferry::s3
