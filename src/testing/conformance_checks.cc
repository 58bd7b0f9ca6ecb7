// conformance_checks.cc: compares what a provider answered with what a step expects, and with what every answer must look like.  See conformance_run.h.
#include <algorithm>

#include "fileferry/layers.h"
#include "testing/conformance_run.h"

namespace fileferry::testing {
namespace {

bool IsOperation(std::string_view name) {
  for (std::size_t i = 0; i < kOperationCount; ++i) {
    if (OperationName(static_cast<Operation>(i)) == name) return true;
  }
  return false;
}

// What every error must say, whatever it is about.
std::string CheckError(const ErrorDetail& detail, std::string_view key) {
  if (detail.message.empty()) return "the error has no message";
  if (detail.message.find('\n') != std::string::npos) return "the error's message is not one line: " + detail.message;
  if (detail.message.back() == '.') return "the error's message ends with a full stop: " + detail.message;
  if (detail.operation.empty()) return "the error does not say which operation failed: " + detail.message;
  if (!IsOperation(detail.operation)) return "the error calls its operation \"" + detail.operation + "\", which is none of the names of OperationName";
  if (detail.provider.empty()) return "the error does not say which storage failed: " + detail.message;
  if (!key.empty() && detail.key != key) return "the error names the key " + ShowKey(detail.key) + " and not " + ShowKey(key) + ": " + detail.message;
  return {};
}

std::string Codes(const Json& want) {
  std::string out;
  for (const Json& one : want) out += (out.empty() ? "" : " or ") + one.get<std::string>();
  return out;
}

std::string CheckMap(std::string_view what, const std::map<std::string, std::string>& got, const Json& want) {
  const auto wanted = want.get<std::map<std::string, std::string>>();
  if (got == wanted) return {};
  return std::string(what) + " is " + Show(Json(got)) + ", expected " + Show(want);
}

}  // namespace

std::string CaseRun::Settle(Step& step, const Status& status, std::string_view key) {
  step.code = status.code();
  Json want = Json::array({"Ok"});
  if (const Json* code = step.expect.Take("code")) want = code->is_array() ? *code : Json::array({*code});
  if (!status.ok()) {
    step.settled = true;
    const std::string wrong = CheckError(status.detail(), key);
    if (!wrong.empty()) return wrong;
  }
  bool expected = false;
  for (const Json& one : want) {
    const std::string name = one.get<std::string>();
    if (name != "any" && !CodeFromName(name).has_value()) return "the case is wrong: there is no code " + name;
    expected = expected || name == "any" || name == CodeName(status.code());
  }
  if (!expected) return "expected " + Codes(want) + ", got " + status.ToString();
  if (status.ok()) return {};
  const std::string message = step.expect.Text("message");
  if (status.detail().message.find(message) == std::string::npos) return "the message is \"" + status.detail().message + "\", expected \"" + message + "\"";
  if (const Json* http = step.expect.Take("http_status")) {
    return Differs("the HTTP status of the error", static_cast<std::uint64_t>(status.detail().http_status), http->get<std::uint64_t>());
  }
  return {};
}

std::string CaseRun::CheckInfo(Step& step, const ObjectInfo& info, std::string_view key, const Body* body) {
  Fields& want = step.expect;
  if (info.key != key) return "the answer is about the key " + ShowKey(info.key) + " and not " + ShowKey(key);
  std::string failure;
  if (const Json* size = want.Take("size")) failure = Differs("the size", info.size, size->get<std::uint64_t>());
  if (failure.empty() && body != nullptr) failure = Differs("the size", info.size, body->bytes.size());
  const std::string same = want.Text("etag_is"), other = want.Text("etag_is_not");
  if (failure.empty() && want.Has("etag_is")) failure = Differs("the etag", info.etag, same);
  if (failure.empty() && want.Has("etag_is_not") && info.etag == other) failure = "the etag is still " + info.etag;
  if (failure.empty() && want.Get("etag_present", false) && info.etag.empty()) failure = "there is no etag";
  if (const Json* properties = want.Take("properties"); properties != nullptr && failure.empty()) failure = CheckProperties(*properties, info.properties);
  if (want.Get("modified", false) && failure.empty()) {
    const auto now = std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now());
    if (!info.modified.has_value()) return "there is no time of modification";
    if (*info.modified < now - std::chrono::hours(24) || *info.modified > now + std::chrono::hours(24)) failure = "the time of modification is " + ShowTime(info.modified);
  }
  if (const Json* attempt = want.Take("attempt_id"); attempt != nullptr && failure.empty()) failure = Differs("the attempt id", info.attempt_id, attempt->get<std::string>());
  if (failure.empty()) failure = CheckDigests(step, info, body);
  step.out["etag"] = info.etag;
  step.out["size"] = info.size;
  return failure;
}

std::string CaseRun::CheckDigests(Step& step, const ObjectInfo& info, const Body* body) {
  if ((info.confirmed & ~info.digests.mask()) != 0) return "the storage confirmed a digest that is not in the answer";
  const bool confirmed = step.expect.Get("confirmed", false);
  const bool stored = step.expect.Get("stored_digests", false);
  const Json kinds = step.expect.Get("digests", Json::array());
  if (confirmed && info.confirmed == 0) return "the storage confirmed no digest";
  if (stored && (info.digests.mask() & caps_.stored_digests) != caps_.stored_digests) return "not all digests that the capabilities promise are in the answer";
  for (const Json& name : kinds) {
    const auto kind = DigestKindFromName(name.get<std::string>());
    if (!kind.has_value()) return "the case is wrong: there is no digest " + name.get<std::string>();
    if (info.digests.Find(*kind) == nullptr) return "the " + name.get<std::string>() + " is not in the answer";
  }
  if (body == nullptr) return {};
  for (const Digest& digest : info.digests) {  // whatever is told must be true
    const Digest right = body->DigestOf(digest.kind);
    if (digest == right) continue;
    return "the " + std::string(DigestName(digest.kind)) + " is " + ToHex(digest.value()) + ", expected " + ToHex(right.value());
  }
  return {};
}

std::string CaseRun::CheckProperties(const Json& want, const Properties& got) {
  const std::pair<const char*, const std::string*> texts[] = {{"content_type", &got.content_type},
                                                              {"cache_control", &got.cache_control},
                                                              {"content_disposition", &got.content_disposition},
                                                              {"content_encoding", &got.content_encoding},
                                                              {"content_language", &got.content_language},
                                                              {"acl", &got.acl},
                                                              {"storage_class", &got.storage_class}};
  for (const auto& [name, value] : want.items()) {
    std::string failure = "the case is wrong: there is no property " + name;
    for (const auto& [text_name, text] : texts) {
      if (name == text_name) failure = Differs(name, *text, value.get<std::string>());
    }
    if (name == "metadata") failure = CheckMap("metadata", got.metadata, value);
    if (name == "tags") failure = CheckMap("tags", got.tags, value);
    if (name == "mtime") failure = got.mtime == TimeFrom(value) ? "" : "mtime is " + ShowTime(got.mtime) + ", expected " + ShowTime(TimeFrom(value));
    if (!failure.empty()) return failure;
  }
  return {};
}

std::string CaseRun::CheckBytes(Step& step, const std::string& got, BodyPtr* matched) {
  std::string failure;
  if (const Json* one_of = step.expect.Take("one_of")) {
    for (const Json& expression : *one_of) {
      const BodyPtr body = suite_.bodies.Find(expression, &failure);
      if (body == nullptr) return failure;
      if (body->bytes == got) *matched = body;
    }
    return *matched != nullptr ? "" : "the " + std::to_string(got.size()) + " bytes that came are none of those expected";
  }
  const BodyPtr body = BodyOf(step, "body", &failure);
  if (!failure.empty() || body == nullptr) return failure;
  *matched = body;
  if (got == body->bytes) return {};
  if (got.size() != body->bytes.size()) return Differs("the number of bytes that came", got.size(), body->bytes.size());
  const auto first = std::mismatch(got.begin(), got.end(), body->bytes.begin());
  return "the bytes differ from byte " + std::to_string(first.first - got.begin());
}

// {"body": …} of the expectation, or nullptr where there is none.
BodyPtr CaseRun::BodyOf(Step& step, const char* field, std::string* failure) {
  const Json* expression = step.expect.Take(field);
  return expression == nullptr ? nullptr : suite_.bodies.Find(*expression, failure);
}

std::string CaseRun::CheckPage(const ListQuery& query, const ListPage& page) {
  if (page.entries.size() > query.limit) return "the page has " + std::to_string(page.entries.size()) + " entries, more than " + std::to_string(query.limit);
  std::string_view last;
  for (const ListEntry& entry : page.entries) {
    if (!entry.key.starts_with(query.prefix)) return "the entry " + ShowKey(entry.key) + " is not under the prefix";
    if (caps_.sorted_list && !last.empty() && entry.key <= last) return "the entry " + ShowKey(entry.key) + " comes after " + ShowKey(last);
    if (entry.is_prefix && (!query.delimiter || entry.key.back() != '/')) return "the entry " + ShowKey(entry.key) + " says that it is a common prefix";
    const std::string_view rest = entry.key.substr(query.prefix.size());
    if (query.delimiter && !entry.is_prefix && rest.find('/') != std::string_view::npos) return "the entry " + ShowKey(entry.key) + " should be folded";
    last = entry.key;
  }
  return {};
}

std::string CaseRun::CheckPart(Step& step, const PartInfo& part, const PartSpec& spec, const Body* body) {
  std::string failure = Differs("the number of the part", part.number, spec.number);
  if (failure.empty()) failure = Differs("the size of the part", part.size, spec.size);
  if (failure.empty()) failure = Differs("the offset of the part", part.offset, spec.offset);
  if (!failure.empty()) return failure;
  if (part.crc64.has_value() && body != nullptr && !(*part.crc64 == body->DigestOf(DigestKind::kCrc64Nvme))) return "the part's CRC-64 is wrong";
  Json out = {{"number", part.number}, {"offset", part.offset}, {"size", part.size}, {"etag", part.etag}};
  if (part.crc64.has_value()) out["crc64"] = std::string(AsText(part.crc64->value()));
  step.out["part"] = out;
  return {};
}

}  // namespace fileferry::testing
