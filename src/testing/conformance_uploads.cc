// conformance_uploads.cc: the steps about multipart uploads and batches.  See conformance_run.h.
#include "base/digest.h"
#include "testing/conformance_run.h"

namespace fileferry::testing {

std::vector<PartInfo> CaseRun::PartsOf(const Json& parts) {
  std::vector<PartInfo> out;
  for (const Json& one : parts) {
    PartInfo part;
    part.number = one.at("number").get<std::uint32_t>();
    part.offset = one.at("offset").get<std::uint64_t>();
    part.size = one.at("size").get<std::uint64_t>();
    part.etag = one.at("etag").get<std::string>();
    if (one.contains("crc64")) {
      const std::string bytes = one["crc64"].get<std::string>();
      Digest digest;
      std::memcpy(digest.bytes.data(), bytes.data(), std::min(bytes.size(), DigestSize(digest.kind)));
      part.crc64 = digest;
    }
    out.push_back(std::move(part));
  }
  return out;
}

std::string CaseRun::OpCreateUpload(Step& step) {
  const std::string key = step.fields.Text("key");
  UploadOptions options;
  if (const Json* properties = step.fields.Take("properties")) options.properties = PropertiesFrom(*properties);
  if (const Json* size = step.fields.Take("size")) options.size = size->get<std::uint64_t>();
  options.part_size = step.fields.Get("part_size", std::uint64_t{0});
  options.attempt_id = step.fields.Text("attempt_id");
  Result<std::string> answer = step.provider->CreateUpload(step.ctx, key, options);
  std::string failure = Settle(step, answer.status(), key);
  if (!failure.empty() || step.settled) return failure;
  step.out["upload"] = *answer;
  return answer->empty() ? "the upload has no id" : "";
}

std::string CaseRun::OpUploadPart(Step& step) {
  const std::string key = step.fields.Text("key"), upload = step.fields.Text("upload");
  std::string failure;
  const BodyPtr body = suite_.bodies.Find(*step.fields.Take("body"), &failure);
  if (body == nullptr) return failure;
  PartSpec spec;
  spec.number = step.fields.Get("number", std::uint32_t{1});
  spec.offset = step.fields.Get("offset", std::uint64_t{0});
  spec.size = step.fields.Get("size", std::uint64_t{body->bytes.size()});
  TestSource source(body, step.fields.Get("source", Json::object()), &step.cancel);
  Result<PartInfo> answer = step.provider->UploadPart(step.ctx, key, upload, spec, source);
  if (!source.misuse().empty()) return "the source " + source.misuse();
  failure = Settle(step, answer.status(), key);
  if (!failure.empty() || step.settled) return failure;
  return CheckPart(step, *answer, spec, body.get());
}

std::string CaseRun::OpUploadPartCopy(Step& step) {
  const std::string key = step.fields.Text("key"), upload = step.fields.Text("upload");
  PartSpec spec;
  spec.number = step.fields.Get("number", std::uint32_t{1});
  spec.offset = step.fields.Get("offset", std::uint64_t{0});
  spec.size = step.fields.Get("size", std::uint64_t{0});
  Location from = step.provider->Locate(step.fields.Text("from"));
  if (step.fields.Has("service")) from.service = step.fields.Text("service");
  Result<PartInfo> answer = step.provider->UploadPartCopy(step.ctx, key, upload, spec, from, step.fields.Text("source_if_match"));
  std::string failure = Settle(step, answer.status(), key);
  if (!failure.empty() || step.settled) return failure;
  return CheckPart(step, *answer, spec, nullptr);
}

std::string CaseRun::OpListParts(Step& step) {
  const std::string key = step.fields.Text("key"), upload = step.fields.Text("upload");
  Result<std::vector<PartInfo>> answer = step.provider->ListParts(step.ctx, key, upload);
  std::string failure = Settle(step, answer.status(), key);
  if (!failure.empty() || step.settled) return failure;
  Json numbers = Json::array(), sizes = Json::array(), parts = Json::array();
  std::uint64_t offset = 0;
  for (const PartInfo& part : *answer) {
    numbers.push_back(part.number);
    sizes.push_back(part.size);
    Json one = {{"number", part.number}, {"offset", offset}, {"size", part.size}, {"etag", part.etag}};
    if (part.crc64.has_value()) one["crc64"] = std::string(AsText(part.crc64->value()));
    parts.push_back(one);
    offset += part.size;
  }
  step.out["parts"] = parts;
  if (const Json* want = step.expect.Take("numbers"); want != nullptr && *want != numbers) return "the parts are " + Show(numbers) + ", expected " + Show(*want);
  if (const Json* want = step.expect.Take("sizes"); want != nullptr && *want != sizes) return "the sizes are " + Show(sizes) + ", expected " + Show(*want);
  return {};
}

// `parts`: what upload_part or list_parts saved.  `body`, where given: what the whole object is; its CRC-64 is handed over unless `crc64` is false.
std::string CaseRun::OpComplete(Step& step) {
  const std::string key = step.fields.Text("key"), upload = step.fields.Text("upload");
  const std::vector<PartInfo> parts = PartsOf(*step.fields.Take("parts"));
  CompleteOptions options;
  options.if_absent = step.fields.Get("if_absent", false);
  options.if_match = step.fields.Text("if_match");
  options.attempt_id = step.fields.Text("attempt_id");
  if (const Json* properties = step.fields.Take("properties")) options.properties = PropertiesFrom(*properties);
  for (const PartInfo& part : parts) options.size += part.size;
  options.size = step.fields.Get("size", options.size);
  std::string failure;
  BodyPtr body;
  if (const Json* expression = step.fields.Take("body")) {
    body = suite_.bodies.Find(*expression, &failure);
    if (body == nullptr) return failure;
    if (step.fields.Get("crc64", true)) options.crc64 = body->DigestOf(DigestKind::kCrc64Nvme);
  }
  if (step.fields.Has("batch")) {
    const std::lock_guard lock(mutex_);
    const auto found = batches_.find(step.fields.Text("batch"));
    if (found == batches_.end()) return "the case is wrong: no such batch";
    options.batch = found->second.get();
  }
  Result<ObjectInfo> answer = step.provider->CompleteUpload(step.ctx, key, upload, parts, options);
  failure = Settle(step, answer.status(), key);
  if (!failure.empty() || step.settled) return failure;
  return CheckInfo(step, *answer, key, body.get());
}

std::string CaseRun::OpAbort(Step& step) {
  const std::string key = step.fields.Text("key");
  return Settle(step, step.provider->AbortUpload(step.ctx, key, step.fields.Text("upload")), key);
}

std::string CaseRun::OpBatchNew(Step& step) {
  const std::string name = step.fields.Text("name");
  Result<std::unique_ptr<IWriteBatch>> answer = step.provider->NewBatch();
  std::string failure = Settle(step, answer.status(), {});
  if (!failure.empty() || step.settled) return failure;
  if (*answer == nullptr) return "there is no batch in the answer";
  const std::lock_guard lock(mutex_);
  batches_[name] = std::move(*answer);
  return {};
}

std::string CaseRun::OpBatchPending(Step& step) {
  const std::lock_guard lock(mutex_);
  const auto found = batches_.find(step.fields.Text("name"));
  if (found == batches_.end()) return "the case is wrong: no such batch";
  std::string failure = Differs("the number of pending writes", found->second->pending(), step.expect.Get("count", std::uint64_t{0}));
  if (const Json* bytes = step.expect.Take("bytes"); bytes != nullptr && failure.empty()) {
    failure = Differs("the number of pending bytes", found->second->pending_bytes(), bytes->get<std::uint64_t>());
  }
  return failure;
}

// `expect.results`: the code for each key.
std::string CaseRun::OpBatchCommit(Step& step) {
  IWriteBatch* batch = nullptr;
  {
    const std::lock_guard lock(mutex_);
    const auto found = batches_.find(step.fields.Text("name"));
    if (found == batches_.end()) return "the case is wrong: no such batch";
    batch = found->second.get();
  }
  const std::vector<BatchResult> results = batch->Commit(step.ctx);
  std::map<std::string, std::vector<std::string>> got;
  for (const BatchResult& result : results) {
    got[result.key].emplace_back(CodeName(result.status.code()));
    Step one(Json::object(), Json{{"code", "any"}});
    std::string failure = Settle(one, result.status, result.key);
    if (failure.empty() && result.status.ok()) failure = CheckInfo(one, result.info, result.key, nullptr);
    if (!failure.empty()) return ShowKey(result.key) + ": " + failure;
  }
  for (auto& [key, codes] : got) std::sort(codes.begin(), codes.end());
  std::map<std::string, std::vector<std::string>> want;
  const Json wanted = step.expect.Get("results", Json::object());
  for (const auto& [key, code] : wanted.items()) {
    for (const Json& one : code.is_array() ? code : Json::array({code})) want[key].push_back(one.get<std::string>());
  }
  if (const Json* count = step.expect.Take("count")) {
    for (const auto& [key, codes] : got) {
      if (codes != std::vector<std::string>{"Ok"}) return ShowKey(key) + " was answered " + Show(Json(codes));
    }
    return Differs("the number of results", results.size(), count->get<std::uint64_t>());
  }
  if (got == want) return {};
  return "the results are " + Show(Json(got)) + ", expected " + Show(Json(want));
}

std::string CaseRun::OpBatchDrop(Step& step) {
  const std::lock_guard lock(mutex_);
  batches_.erase(step.fields.Text("name"));
  return {};
}

}  // namespace fileferry::testing
