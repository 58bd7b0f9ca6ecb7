// conformance_objects.cc: the steps about one object.  See conformance_run.h.
#include <algorithm>

#include "testing/conformance_run.h"

namespace fileferry::testing {
namespace {

// Reads src to its end.
Status ReadToEnd(ISource& source, std::size_t chunk, std::string* out) {
  std::vector<std::byte> buffer(chunk);
  for (;;) {
    Result<std::size_t> got = source.Read(buffer);
    if (!got.ok()) return got.status();
    if (*got == 0) return {};
    out->append(AsText(Bytes(buffer.data(), *got)));
  }
}

std::string SameCapabilities(const Capabilities& a, const Capabilities& b) {
  for (const char* name :
       {"sorted_list", "delimited_list", "conditional_get", "conditional_put", "replace_if_match", "conditional_remove", "metadata", "acl", "tags", "storage_class",
        "server_copy", "conditional_copy", "set_properties", "multipart", "part_copy", "batch", "open", "presign_get", "presign_put", "public_url", "versions", "put_unknown_size",
        "keeps_mtime", "confirms_digest", "max_put_size", "min_part_size", "max_part_size", "max_parts", "max_remove_many", "max_metadata_bytes", "stored_digests"}) {
    if (CapabilityValue(a, name) != CapabilityValue(b, name)) return std::string("the capability ") + name + " changes";
  }
  return {};
}

std::string SaneCapabilities(const Capabilities& caps) {
  if (caps.part_copy && !caps.multipart) return "part_copy is on although multipart is off";
  if (caps.multipart && caps.max_parts == 0) return "multipart is on, but no part is allowed";
  if (caps.min_part_size > caps.max_part_size) return "min_part_size is larger than max_part_size";
  if (caps.max_remove_many == 0) return "max_remove_many is 0";
  if (caps.max_put_size == 0) return "max_put_size is 0";
  if (caps.metadata && caps.max_metadata_bytes == 0) return "metadata is on, but none is allowed";
  return {};
}

}  // namespace

DigestMask CaseRun::DigestsOf(Step& step, DigestMask otherwise) {
  const Json* kinds = step.fields.Take("digests");
  if (kinds == nullptr) return otherwise;
  DigestMask mask = 0;
  for (const Json& kind : *kinds) mask = static_cast<DigestMask>(mask | MaskOf(DigestKindFromName(kind.get<std::string>()).value_or(DigestKind::kMd5)));
  return mask;
}

PutOptions CaseRun::PutOptionsOf(Step& step, std::string* failure) {
  PutOptions options;
  if (const Json* properties = step.fields.Take("properties")) options.properties = PropertiesFrom(*properties);
  options.if_absent = step.fields.Get("if_absent", false);
  options.if_match = step.fields.Text("if_match");
  options.digests = DigestsOf(step, options.digests);
  options.attempt_id = step.fields.Text("attempt_id");
  if (const Json* expected = step.fields.Take("expected")) {
    for (const auto& [kind, expression] : expected->items()) {
      const BodyPtr body = suite_.bodies.Find(expression, failure);
      if (body != nullptr) options.expected.Set(body->DigestOf(DigestKindFromName(kind).value_or(DigestKind::kMd5)));
    }
  }
  if (step.fields.Has("batch")) {
    const std::lock_guard lock(mutex_);
    const auto found = batches_.find(step.fields.Text("batch"));
    if (found == batches_.end()) *failure = "the case is wrong: no such batch";
    else options.batch = found->second.get();
  }
  return options;
}

GetOptions CaseRun::GetOptionsOf(Step& step) {
  GetOptions options;
  options.offset = step.fields.Get("offset", std::uint64_t{0});
  if (const Json* length = step.fields.Take("length")) options.length = length->get<std::uint64_t>();
  options.if_match = step.fields.Text("if_match");
  options.if_none_match = step.fields.Text("if_none_match");
  options.version_id = step.fields.Text("version_id");
  options.digests = DigestsOf(step, 0);
  options.verify = step.fields.Get("verify", true);
  return options;
}

std::string CaseRun::OpPut(Step& step) {
  const std::string key = step.fields.Text("key");
  std::string failure;
  const PutOptions options = PutOptionsOf(step, &failure);
  const Json* expression = step.fields.Take("body");
  const BodyPtr body = expression == nullptr ? nullptr : suite_.bodies.Find(*expression, &failure);
  if (body == nullptr || !failure.empty()) return failure.empty() ? "the case is wrong: no body" : failure;
  TestSource source(body, step.fields.Get("source", Json::object()), &step.cancel);
  Result<ObjectInfo> answer = step.provider->Put(step.ctx, key, source, options);
  if (!source.misuse().empty()) return "the source " + source.misuse();
  failure = Settle(step, answer.status(), key);
  if (!failure.empty() || step.settled) return failure;
  return CheckInfo(step, *answer, key, body.get());
}

// Puts each of `keys`, with the key as its bytes unless `body` is given.
std::string CaseRun::OpPutMany(Step& step) {
  const Json* expression = step.fields.Take("body");
  for (const std::string& key : KeyList(*step.fields.Take("keys"))) {
    std::string failure;
    const BodyPtr body = suite_.bodies.Find(expression == nullptr ? Json{{"text", key}} : *expression, &failure);
    if (body == nullptr) return failure;
    TestSource source(body, Json::object(), &step.cancel);
    Result<ObjectInfo> answer = step.provider->Put(step.ctx, key, source, {});
    failure = Settle(step, answer.status(), key);
    if (!failure.empty() || step.settled) return failure;
    failure = CheckInfo(step, *answer, key, body.get());
    if (!failure.empty()) return failure;
  }
  return {};
}

std::string CaseRun::OpGet(Step& step) {
  const std::string key = step.fields.Text("key");
  GetOptions options = GetOptionsOf(step);
  TestSink sink(step.fields.Get("sink", Json::object()), &step.cancel);
  options.head = sink.head();
  Result<ObjectInfo> answer = step.provider->Get(step.ctx, key, options, sink);
  if (!sink.misuse().empty()) return "the sink " + sink.misuse();
  std::string failure = Settle(step, answer.status(), key);
  if (!failure.empty() || step.settled) return failure;
  BodyPtr body;
  failure = CheckBytes(step, sink.bytes(), &body);
  if (failure.empty() && !sink.bytes().empty()) failure = Differs("the size in the head", sink.head()->size, answer->size);
  if (failure.empty() && !sink.bytes().empty()) failure = Differs("the etag in the head", sink.head()->etag, answer->etag);
  if (failure.empty() && !sink.bytes().empty()) failure = Differs("the key in the head", sink.head()->key, key);
  if (!failure.empty()) return failure;
  const bool whole = options.offset == 0 && !options.length.has_value();
  const BodyPtr all = BodyOf(step, "whole", &failure);
  if (!failure.empty()) return failure;
  return CheckInfo(step, *answer, key, whole ? body.get() : all.get());
}

// Like get, by pulling.  `during`: steps between Open and the first Read.
std::string CaseRun::OpOpen(Step& step) {
  const std::string key = step.fields.Text("key");
  const GetOptions options = GetOptionsOf(step);
  const std::size_t chunk = step.fields.Get("chunk", std::size_t{65536});
  const Json* during = step.fields.Take("during");
  const std::string then = step.fields.Text("then");
  ObjectInfo info;
  Result<std::unique_ptr<ISource>> opened = step.provider->Open(step.ctx, key, options, step.fields.Get("no_info", false) ? nullptr : &info);
  std::string got, failure;
  Status status = opened.status();
  if (status.ok()) {
    if (during != nullptr) failure = RunSteps(*during, step.locals);
    if (!failure.empty()) return failure;
    const auto size = (*opened)->size();
    status = ReadToEnd(**opened, chunk, &got);
    if (status.ok() && size.has_value() && *size != got.size()) return Differs("the number of bytes that came", got.size(), *size);
    if (status.ok() && then == "rewind") {
      got.clear();
      status = (*opened)->Rewind();
      if (status.ok()) status = ReadToEnd(**opened, chunk, &got);
    }
    if (status.ok() && then == "send") {
      TestSink sink(Json::object(), &step.cancel);
      status = (*opened)->Rewind();
      if (status.ok()) status = (*opened)->SendTo(sink);
      got = sink.bytes();
    }
    if (!status.ok()) status = status.With("source", "open", key);
  }
  failure = Settle(step, status, key);
  if (!failure.empty() || step.settled) return failure;
  BodyPtr body;
  failure = CheckBytes(step, got, &body);
  if (!failure.empty()) return failure;
  if (step.fields.Get("no_info", false)) return {};
  const bool whole = options.offset == 0 && !options.length.has_value();
  return CheckInfo(step, info, key, whole ? body.get() : nullptr);
}

std::string CaseRun::OpStat(Step& step) {
  const std::string key = step.fields.Text("key");
  Result<ObjectInfo> answer = step.provider->Stat(step.ctx, key);
  std::string failure = Settle(step, answer.status(), key);
  if (!failure.empty() || step.settled) return failure;
  const BodyPtr body = BodyOf(step, "body", &failure);
  if (!failure.empty()) return failure;
  return CheckInfo(step, *answer, key, body.get());
}

std::string CaseRun::OpRemove(Step& step) {
  const std::string key = step.fields.Text("key");
  RemoveOptions options;
  options.if_match = step.fields.Text("if_match");
  options.version_id = step.fields.Text("version_id");
  return Settle(step, step.provider->Remove(step.ctx, key, options), key);
}

// `expect.codes`: for keys whose result is not `expect.code`.
std::string CaseRun::OpRemoveMany(Step& step) {
  const std::vector<std::string> keys = KeyList(*step.fields.Take("keys"));
  const Json codes = step.expect.Get("codes", Json::object());
  const Json usual = step.expect.Get("code", Json("Ok"));
  const std::vector<RemoveResult> results = step.provider->RemoveMany(step.ctx, keys);
  std::string failure = Differs("the number of results", results.size(), keys.size());
  for (std::size_t i = 0; i < keys.size() && failure.empty(); ++i) {
    failure = Differs("the key of result " + std::to_string(i), results[i].key, keys[i]);
    if (!failure.empty()) break;
    Step one(Json::object(), Json{{"code", codes.value(keys[i], usual)}});
    failure = Settle(one, results[i].status, keys[i]);
    if (!failure.empty()) failure = ShowKey(keys[i]) + ": " + failure;
  }
  return failure;
}

std::string CaseRun::OpCopy(Step& step) {
  const std::string to = step.fields.Text("to");
  Location from = step.provider->Locate(step.fields.Text("from"));
  if (step.fields.Has("service")) from.service = step.fields.Text("service");
  CopyOptions options;
  options.if_absent = step.fields.Get("if_absent", false);
  options.if_match = step.fields.Text("if_match");
  options.source_if_match = step.fields.Text("source_if_match");
  options.attempt_id = step.fields.Text("attempt_id");
  if (const Json* replace = step.fields.Take("replace")) options.replace = PropertiesFrom(*replace);
  Result<ObjectInfo> answer = step.provider->CopyFrom(step.ctx, from, to, options);
  std::string failure = Settle(step, answer.status(), to);
  if (!failure.empty() || step.settled) return failure;
  const BodyPtr body = BodyOf(step, "body", &failure);
  if (!failure.empty()) return failure;
  return CheckInfo(step, *answer, to, body.get());
}

std::string CaseRun::OpSetProperties(Step& step) {
  const std::string key = step.fields.Text("key");
  Result<ObjectInfo> answer = step.provider->SetProperties(step.ctx, key, PropertiesFrom(step.fields.Get("properties", Json::object())));
  std::string failure = Settle(step, answer.status(), key);
  if (!failure.empty() || step.settled) return failure;
  return CheckInfo(step, *answer, key, nullptr);
}

std::string CaseRun::OpGetAccess(Step& step) {
  const std::string key = step.fields.Text("key");
  const Result<Properties> answer = step.provider->GetAccess(step.ctx, key, step.fields.Get("acl", false), step.fields.Get("tags", false));
  std::string failure = Settle(step, answer.status(), key);
  if (!failure.empty() || step.settled) return failure;
  return CheckProperties(step.expect.Get("properties", Json::object()), *answer);
}

std::string CaseRun::OpUrl(Step& step) {
  const std::string key = step.fields.Text("key");
  const std::string method = step.fields.Get("method", std::string("GET"));
  UrlOptions options;
  for (HttpMethod one : {HttpMethod::kGet, HttpMethod::kPut, HttpMethod::kHead, HttpMethod::kPost, HttpMethod::kDelete}) {
    if (method == HttpMethodName(one)) options.method = one;
  }
  options.expires = std::chrono::seconds(step.fields.Get("expires", std::int64_t{3600}));
  options.is_public = step.fields.Get("public", false);
  Result<SignedUrl> answer = step.provider->Url(key, options);
  std::string failure = Settle(step, answer.status(), key);
  if (!failure.empty() || step.settled) return failure;
  const std::string& url = answer->url;
  if (!url.starts_with("http://") && !url.starts_with("https://")) return "not a URL: " + url;
  const bool ascii = std::all_of(url.begin(), url.end(), [](char c) { return c > ' ' && c < 127 && c != '"' && c != '<' && c != '>'; });
  if (!ascii) return "the URL is not encoded: " + url;
  if (const Json* expires = step.expect.Take("expires"); expires != nullptr && answer->expires.has_value() != expires->get<bool>()) {
    return answer->expires.has_value() ? "the URL says when it ends" : "the URL does not say when it ends";
  }
  step.out["url"] = url;
  const std::string other = step.expect.Text("url_is_not");
  return !other.empty() && url == other ? "the URL is the same: " + url : "";
}

std::string CaseRun::OpCheckKey(Step& step) {
  const std::string key = step.fields.Text("key");
  const Status status = step.provider->CheckKey(key);
  // What is wrong with a key is said without I/O; the call around it adds storage and operation.
  return Settle(step, status.With("storage", "stat", key), key);
}

std::string CaseRun::OpHealth(Step& step) {
  const HealthReport report = step.provider->Health(step.ctx);
  std::string failure = Settle(step, report.status, {});
  if (!failure.empty() || step.settled) return failure;
  for (const auto& [name, value] : report.details) {
    if (name.empty()) return "a detail of the health report has no name: " + value;
  }
  return report.latency.count() < 0 ? "the latency is negative" : "";
}

// Name, scheme and capabilities are there, make sense, and never change.
std::string CaseRun::OpIdentity(Step& step) {
  IStorageProvider& provider = *step.provider;
  const std::string name = provider.Name(), scheme(provider.Scheme());
  if (name.empty()) return "the provider has no name";
  if (scheme.empty()) return "the provider has no scheme";
  std::string failure = Differs("the name", provider.Name(), name);
  if (failure.empty()) failure = Differs("the scheme", provider.Scheme(), scheme);
  if (failure.empty()) failure = SameCapabilities(provider.Caps(), caps_);
  if (failure.empty()) failure = SaneCapabilities(caps_);
  if (failure.empty()) {
    const Location a = provider.Locate("a"), again = provider.Locate("a");
    if (a.service != again.service || a.container != again.container || a.key != again.key) failure = "Locate answers differently the second time";
  }
  step.out["name"] = name;
  step.out["scheme"] = scheme;
  if (failure.empty() && step.expect.Has("name")) failure = Differs("the name", name, step.expect.Text("name"));
  if (failure.empty() && step.expect.Has("scheme")) failure = Differs("the scheme", scheme, step.expect.Text("scheme"));
  return failure;
}

}  // namespace fileferry::testing
