// remove.cc: DeleteObject and DeleteObjects.  Thread-safe; blocks.
#include <unordered_map>

#include "base/digest.h"
#include "base/text.h"
#include "codec/xml.h"
#include "providers/s3/provider.h"

namespace fileferry::s3 {

namespace {

// The answer to DeleteObjects: with Quiet only errors come.
class DeleteHandler : public codec::IXmlHandler {
 public:
  struct Failure {
    std::string key, code, message;
  };
  void OnStart(std::string_view name, int depth) override {
    if (depth == 1) root_ = name;
    if (depth == 2) failure_ = Failure{};
  }
  void OnEnd(std::string_view name, int depth, std::string_view text) override {
    if (depth == 3) {
      if (name == "Key") failure_.key = text;
      if (name == "Code") failure_.code = Trim(text);
      if (name == "Message") failure_.message = Trim(text);
    }
    if (depth == 2 && name == "Error") failures_.push_back(std::move(failure_));
  }
  bool is_result() const { return root_ == "DeleteResult" || root_ == "DeleteObjectsResult" || root_ == "DeleteResponse"; }
  const std::vector<Failure>& failures() const { return failures_; }

 private:
  std::string root_;
  Failure failure_;
  std::vector<Failure> failures_;
};

bool SaysNotOffered(const Status& status) {
  const ErrorDetail& detail = status.detail();
  return detail.http_status == 501 || detail.http_status == 405 || detail.service_code == "NotImplemented" || detail.service_code == "MalformedXML" ||
         (detail.http_status == 404 && detail.service_code.empty());
}

}  // namespace

Status S3Provider::Remove(const OpContext& ctx, std::string_view key, const RemoveOptions& options) {
  Result<const Dialect*> dialect = Enter(ctx, "remove", key);
  if (!dialect.ok()) return dialect.status();
  if (!options.if_match.empty() && !(*dialect)->conditional_delete) {
    return Fail("remove", key, Code::kUnsupported, std::string((*dialect)->title) + " is not known to honour If-Match when removing: look first");
  }
  if (!options.version_id.empty() && !(*dialect)->versions) return Fail("remove", key, Code::kUnsupported, std::string((*dialect)->title) + " keeps no versions");
  Call call;
  call.operation = "remove";
  call.method = HttpMethod::kDelete;
  call.key = key;
  call.write = true;
  if (!options.version_id.empty()) call.query.emplace_back("versionId", options.version_id);
  if (!options.if_match.empty()) call.headers.emplace_back("if-match", options.if_match);
  Result<http::Response> response = api_->Send(ctx, call);
  if (response.ok()) return {};
  const Status status = response.status();
  const ErrorDetail& detail = status.detail();
  if (detail.http_status == 404 && detail.service_code != "NoSuchBucket") return {};
  if (detail.http_status == 412 && !options.if_match.empty()) {
    // Some services say so of what is not there, which is the aim.
    Result<ObjectInfo> there = Head(ctx, "remove", key, std::nullopt, {});
    if (!there.ok() && there.code() == Code::kNotFound) return {};
  }
  return status;
}

void S3Provider::RemovePage(const OpContext& ctx, const Dialect& dialect, std::vector<RemoveResult>* results, std::span<const std::size_t> page) {
  std::string body = R"(<?xml version="1.0" encoding="UTF-8"?><Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">)";
  std::unordered_map<std::string_view, std::vector<std::size_t>> places;
  for (const std::size_t at : page) {
    const std::string& key = (*results)[at].key;
    std::vector<std::size_t>& same = places[key];
    same.push_back(at);
    if (same.size() > 1) continue;
    Result<std::string> escaped = codec::XmlEscape(key);
    if (!escaped.ok()) {  // what XML cannot hold goes singly
      (*results)[at].status = Remove(ctx, key, {});
      continue;
    }
    body += "<Object><Key>" + *escaped + "</Key></Object>";
  }
  body += "<Quiet>true</Quiet></Delete>";
  const auto set_all = [&](const Status& status) {
    for (const std::size_t at : page) (*results)[at].status = status.With(api_->options().name, "remove", (*results)[at].key);
  };
  if (body.find("<Object>") == std::string::npos) return;
  Call call;
  call.operation = "remove";
  call.method = HttpMethod::kPost;
  call.write = true;
  call.xml = true;
  call.query.emplace_back("delete", "");
  call.headers.emplace_back("content-type", "application/xml");
  call.headers.emplace_back("content-md5", ToBase64(Md5(AsBytes(body)).value()));
  call.payload = PayloadHash::kGiven;
  call.sha256 = Sha256Hex(AsBytes(body));
  call.body = AsBytes(body);
  Result<http::Response> response = api_->Send(ctx, call);
  if (!response.ok()) {
    if (response.status().detail().http_status == 0 || !SaysNotOffered(response.status())) return set_all(response.status());
    no_multi_delete_.store(true, std::memory_order_relaxed);
    for (const std::size_t at : page) (*results)[at].status = Remove(ctx, (*results)[at].key, {});
    return;
  }
  DeleteHandler handler;
  if (Status status = codec::ParseXml(response->body, handler); !status.ok() || !handler.is_result()) {
    ErrorDetail detail;
    detail.code = Code::kUnavailable;
    detail.retry = Retry::kTemporary;
    detail.ambiguous = true;
    detail.message = "the answer to the removal is cut or not an S3 service's";
    return set_all(Status(std::move(detail)));
  }
  for (const DeleteHandler::Failure& failure : handler.failures()) {
    const Status status = StatusOfCode(failure.code, failure.message, response->status);
    if (failure.code == "NoSuchKey" || failure.code == "NoSuchVersion") continue;
    const auto found = places.find(failure.key);
    if (found == places.end()) return set_all(status);  // whose failure it is cannot be told
    for (const std::size_t at : found->second) (*results)[at].status = status.With(api_->options().name, "remove", failure.key);
  }
  (void)dialect;
}

std::vector<RemoveResult> S3Provider::RemoveMany(const OpContext& ctx, std::span<const std::string> keys) {
  std::vector<RemoveResult> results;
  results.reserve(keys.size());
  for (const std::string& key : keys) results.push_back({key, {}});
  Result<const Dialect*> dialect = api_->FindVendor(ctx);
  if (!dialect.ok()) {
    for (RemoveResult& result : results) result.status = Fail("remove", result.key, dialect.status());
    return results;
  }
  std::vector<std::size_t> page;
  const auto flush = [&] {
    if (!page.empty()) RemovePage(ctx, **dialect, &results, page);
    page.clear();
  };
  for (std::size_t i = 0; i < results.size(); ++i) {
    RemoveResult& result = results[i];
    if (Status status = ctx.Check(); !status.ok()) {
      result.status = Fail("remove", result.key, status);
      continue;
    }
    if (Result<const Dialect*> entered = Enter(ctx, "remove", result.key); !entered.ok()) {
      result.status = entered.status();
    } else if ((*dialect)->multi_delete == 0 || no_multi_delete_.load(std::memory_order_relaxed)) {
      result.status = Remove(ctx, result.key, {});
    } else {
      page.push_back(i);
      if (page.size() >= (*dialect)->multi_delete) flush();
    }
  }
  flush();
  return results;
}

}  // namespace fileferry::s3
