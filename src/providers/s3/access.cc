// access.cc: ACL and tags of an object, each by a request of its own.  Thread-safe; blocks.
#include <map>
#include <set>

#include "base/text.h"
#include "codec/xml.h"
#include "providers/s3/provider.h"

namespace fileferry::s3 {

namespace {

constexpr std::string_view kEverybody = "http://acs.amazonaws.com/groups/global/AllUsers";
constexpr std::string_view kEverybodyKnown = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers";

class TagHandler : public codec::IXmlHandler {
 public:
  void OnStart(std::string_view name, int depth) override {
    if (depth == 1) complete = name == "Tagging";
  }
  void OnEnd(std::string_view name, int depth, std::string_view text) override {
    if (depth == 4 && name == "Key") key_ = text;
    if (depth == 4 && name == "Value") value_ = text;
    if (depth == 3 && name == "Tag") tags[std::move(key_)] = std::move(value_);
  }
  std::map<std::string, std::string> tags;
  bool complete = false;

 private:
  std::string key_, value_;
};

class AclHandler : public codec::IXmlHandler {
 public:
  void OnStart(std::string_view name, int depth) override {
    if (depth == 1) complete = name == "AccessControlPolicy";
  }
  void OnEnd(std::string_view name, int depth, std::string_view text) override {
    if (depth == 3 && name == "ID") owner_ = Trim(text);
    if (depth == 5 && (name == "ID" || name == "URI")) who_ = Trim(text);
    if (depth == 4 && name == "Permission") what_ = Trim(text);
    if (depth == 3 && name == "Grant") grants_.emplace(std::move(who_), std::move(what_));
  }
  // The canned ACL that grants just this; empty: none does.
  std::string Canned() const {
    using Grants = std::set<std::pair<std::string, std::string>>;
    Grants others = grants_;
    others.erase({owner_, "FULL_CONTROL"});
    if (others.size() + 1 != grants_.size()) return {};
    const std::string all(kEverybody), known(kEverybodyKnown);
    if (others.empty()) return "private";
    if (others == Grants{{all, "READ"}}) return "public-read";
    if (others == Grants{{all, "READ"}, {all, "WRITE"}}) return "public-read-write";
    if (others == Grants{{known, "READ"}}) return "authenticated-read";
    return {};
  }
  bool complete = false;

 private:
  std::string owner_, who_, what_;
  std::set<std::pair<std::string, std::string>> grants_;
};

Status NoAnswer() {
  ErrorDetail detail;
  detail.code = Code::kUnavailable;
  detail.retry = Retry::kTemporary;
  detail.message = "the answer of the service is cut or not an S3 service's";
  return Status(std::move(detail));
}

}  // namespace

Result<Properties> S3Provider::GetAccess(const OpContext& ctx, std::string_view key, bool acl, bool tags) {
  constexpr std::string_view kOperation = "get-access";
  Result<const Dialect*> entered = Enter(ctx, kOperation, key);
  if (!entered.ok()) return entered.status();
  const Dialect& dialect = **entered;
  if (acl && !dialect.acl) return Fail(kOperation, key, Code::kUnsupported, std::string(dialect.title) + " has no ACLs of objects");
  if (tags && !dialect.tags) return Fail(kOperation, key, Code::kUnsupported, std::string(dialect.title) + " has no tags");
  Properties access;
  if (acl) {
    Call call;
    call.operation = kOperation;
    call.key = key;
    call.query.emplace_back("acl", "");
    const Result<http::Response> answer = api_->Send(ctx, call);
    if (!answer.ok()) return answer.status();
    AclHandler handler;
    if (!codec::ParseXml(answer->body, handler).ok() || !handler.complete) return Fail(kOperation, key, NoAnswer());
    access.acl = handler.Canned();
    if (access.acl.empty()) {
      return Fail(kOperation, key, Code::kUnsupported, "its ACL is none of the canned ones (private, public-read, public-read-write, authenticated-read); leave acl out of --preserve");
    }
  }
  if (tags) {
    Result<std::map<std::string, std::string>> found = TagsOf(ctx, key, std::nullopt);
    if (!found.ok()) return found.status();
    access.tags = std::move(*found);
  }
  return access;
}

Result<std::map<std::string, std::string>> S3Provider::TagsOf(const OpContext& ctx, std::string_view key, const std::optional<std::string>& bucket) {
  Call call;
  call.operation = "get-access";
  call.key = key;
  call.bucket = bucket;
  call.query.emplace_back("tagging", "");
  const Result<http::Response> answer = api_->Send(ctx, call);
  if (!answer.ok() && !answer.status().detail().service_code.starts_with("NoSuchTagSet")) return answer.status();
  TagHandler handler;
  if (answer.ok() && (!codec::ParseXml(answer->body, handler).ok() || !handler.complete)) return Fail("get-access", key, NoAnswer());
  return std::move(handler.tags);
}

}  // namespace fileferry::s3
