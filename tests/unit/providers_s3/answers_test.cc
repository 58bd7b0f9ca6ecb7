// answers_test.cc: traps of answers and errors (region, clock, token, redirects, lost answers, errors inside a 200): what a scripted server does, and what must come of it.
#include "s3_fixture.h"

#include <chrono>

#include "base/clock.h"
#include "base/text.h"

namespace fileferry::test {
namespace {

constexpr const char* kOwnHead = "mine";

MockAnswer HeadOf(const std::string& attempt, std::uint64_t size) {
  return Length(Ok({}, {{"x-amz-meta-ferry-attempt", attempt}}), size);
}
CompleteOptions Complete(std::uint64_t size) {
  CompleteOptions options;
  options.size = size;
  options.attempt_id = kOwnHead;
  return options;
}
std::vector<PartInfo> OnePart() {
  PartInfo part;
  part.number = 1;
  part.size = 3;
  part.etag = "\"p1\"";
  return {part};
}
const std::string kDone = "<?xml version=\"1.0\"?>\n<CompleteMultipartUploadResult><ETag>\"e-1\"</ETag></CompleteMultipartUploadResult>";

TEST_CASE("trap 1: an error inside a 200 is an error, for copy, part copy and complete") {
  struct Row {
    const char* code;
    Code status;
    bool temporary;
  };
  for (const Row& row : {Row{"InternalError", Code::kUnavailable, true}, Row{"SlowDown", Code::kRateLimited, true}, Row{"AccessDenied", Code::kPermissionDenied, false}}) {
    INFO(row.code);
    MockAnswer bad = Error(200, row.code);
    {
      Script script({bad});
      const Result<ObjectInfo> copied = script.provider->CopyFrom(kCtx, script.provider->Locate("from"), "to", {});
      CHECK(copied.code() == row.status);
      CHECK(copied.status().temporary() == row.temporary);
    }
    {
      Script script({bad});
      CHECK(script.provider->UploadPartCopy(kCtx, "to", "u", {1, 0, 3}, script.provider->Locate("from"), "").code() == row.status);
    }
    {
      Script script({bad});
      CHECK(script.provider->CompleteUpload(kCtx, "to", "u", OnePart(), Complete(3)).code() == row.status);
    }
  }
}

TEST_CASE("trap 2: a complete whose answer is empty or cut anywhere is looked at again by attempt id") {
  for (std::size_t cut = 0; cut < kDone.size(); cut += 7) {
    Script mine({Xml(kDone.substr(0, cut)), HeadOf(kOwnHead, 3)});
    const Result<ObjectInfo> done = mine.provider->CompleteUpload(kCtx, "k", "u", OnePart(), Complete(3));
    CHECK(done.ok());
    CHECK(mine.seen().size() == 2);
    Script other({Xml(kDone.substr(0, cut)), HeadOf("somebody else", 3)});
    const Result<ObjectInfo> lost = other.provider->CompleteUpload(kCtx, "k", "u", OnePart(), Complete(3));
    REQUIRE_FALSE(lost.ok());
    CHECK(lost.status().temporary());
    CHECK(lost.status().detail().ambiguous);
  }
}

TEST_CASE("trap 2: a cut copy answer is not a success") {
  Script script({Xml("<CopyObjectResult><ETag>\"a")});
  const Result<ObjectInfo> copied = script.provider->CopyFrom(kCtx, script.provider->Locate("from"), "to", {});
  REQUIRE_FALSE(copied.ok());
  CHECK(copied.status().temporary());
}

TEST_CASE("trap 3: white space before the document keeps the connection alive and nothing else") {
  Script script({Xml("   \n \n" + kDone)});
  const Result<ObjectInfo> done = script.provider->CompleteUpload(kCtx, "k", "u", OnePart(), Complete(3));
  REQUIRE(done.ok());
  CHECK(done->etag == "\"e-1\"");
}

TEST_CASE("trap 4: an object that looks like an error is an object") {
  const std::string object = "<Error><Code>InternalError</Code></Error>";
  Script script({Ok(object)});
  const Result<std::string> text = GetText(*script.provider, "k");
  REQUIRE(text.ok());
  CHECK(*text == object);
}

TEST_CASE("trap 5: HEAD 400 with the bucket's region is asked again, signed for that region") {
  Script script({Bare(400, {{"x-amz-bucket-region", "eu-west-1"}}), Length(Ok(), 5)});
  const Result<ObjectInfo> info = script.provider->Stat(kCtx, "k");
  REQUIRE(info.ok());
  CHECK(info->size == 5);
  REQUIRE(script.seen().size() == 2);
  CHECK(script.seen()[0].Header("authorization").find("/us-east-1/s3/") != std::string::npos);
  CHECK(script.seen()[1].Header("authorization").find("/eu-west-1/s3/") != std::string::npos);
  CHECK(script.provider->Stat(kCtx, "k").ok());   // and it is kept
  CHECK(script.seen().size() == 3);
}

TEST_CASE("trap 5: a wordless 403 whose date is far away corrects the clock") {
  const Time ahead = Now() + std::chrono::hours(3);
  Script script({Bare(403, {{"Date", FormatHttpDate(ahead)}}), Length(Ok(), 5)});
  CHECK(script.provider->Stat(kCtx, "k").ok());
  REQUIRE(script.seen().size() == 2);
  CHECK(script.seen()[1].Header("x-amz-date") > FormatAmzDate(Now() + std::chrono::hours(2)));
}

TEST_CASE("trap 5: a wordless 400 is asked for its reason by a GET, which renews the token") {
  Script script({Bare(400), Error(400, "ExpiredToken"), Ok("x", {{"Content-Range", "bytes 0-0/5"}}), Length(Ok(), 5)}, "aws", true);
  CHECK(script.provider->Stat(kCtx, "k").ok());
  CHECK(script.credentials->invalidated == 1);
}

TEST_CASE("trap 6: a forbidden HEAD is never 'not there'") {
  Script script({Bare(403), Error(403, "AccessDenied")});
  CHECK(script.provider->Stat(kCtx, "k").code() == Code::kPermissionDenied);
  Script wordless({Bare(403), Bare(403)});
  CHECK(wordless.provider->Stat(kCtx, "k").code() == Code::kPermissionDenied);
  const Result<bool> exists = Exists(*script.provider, kCtx, "k");
  CHECK_FALSE(exists.ok());
}

TEST_CASE("trap 7: a malformed-authorization answer names the region; asked again once, and no more") {
  Script script({Error(400, "AuthorizationHeaderMalformed", "<Region>ap-south-1</Region>"), Ok("text")});
  CHECK(GetText(*script.provider, "k").ok());
  CHECK(script.seen()[1].Header("authorization").find("/ap-south-1/s3/") != std::string::npos);
  int n = 0;
  Script endless([&n](const MockRequest&) { return Error(400, "AuthorizationHeaderMalformed", "<Region>r-" + std::to_string(n++) + "</Region>"); });
  CHECK(GetText(*endless.provider, "k").code() == Code::kInvalidArgument);
  CHECK(endless.seen().size() == 2);
}

TEST_CASE("trap 7: a region that is not a region name is not believed") {
  for (const char* region : {"evil.example/", "", "a b", "..", "us-east-1"}) {
    Script script([region](const MockRequest& request) {
      return request.method == "HEAD" ? Bare(404) : Error(400, "AuthorizationHeaderMalformed", std::string("<Region>") + region + "</Region>");
    });
    CHECK_FALSE(GetText(*script.provider, "k").ok());
    for (const MockRequest& request : script.seen()) CHECK(request.Header("authorization").find("/us-east-1/s3/") != std::string::npos);
  }
}

TEST_CASE("trap 7: a redirected PUT is sent again from the first byte") {
  Script script({Error(301, "PermanentRedirect", "", {{"x-amz-bucket-region", "eu-west-1"}}), Ok()});
  OddSource source(3000, 3000);
  CHECK(script.provider->Put(kCtx, "k", source, {}).ok());
  REQUIRE(script.seen().size() == 2);
  CHECK(script.seen()[0].body == script.seen()[1].body);
  CHECK(script.seen()[1].body.size() == 3000);
}

TEST_CASE("trap 7: IllegalLocationConstraint of CreateBucket is the caller's error") {
  Script script({Error(400, "IllegalLocationConstraintException", "<Region>eu-west-1</Region>")});
  CHECK(script.provider->CreateBucket(kCtx).code() == Code::kInvalidArgument);
  CHECK(script.seen().size() == 1);
}

TEST_CASE("traps 8 and 9: no redirect leads away from a custom endpoint") {
  MockServer evil([](const MockRequest&) { return Ok(); });
  const std::string place = "http://127.0.0.1:" + std::to_string(evil.port()) + "/bkt/k";
  for (const int status : {301, 302, 303, 307, 308}) {
    INFO(status);
    Script script({Error(status, "PermanentRedirect", "<Endpoint>127.0.0.1:" + std::to_string(evil.port()) + "</Endpoint>", {{"Location", place}})});
    CHECK_FALSE(GetText(*script.provider, "k").ok());
    CHECK_FALSE(PutText(*script.provider, "k", "v").ok());
    Script bare({Bare(status, {{"Location", place}})});
    CHECK_FALSE(bare.provider->Stat(kCtx, "k").ok());
  }
  CHECK(evil.connections() == 0);
}

TEST_CASE("trap 10: throttling and failures of servers and proxies are temporary, and sent once by the provider") {
  struct Row {
    int status;
    const char* code;
    Code expected;
  };
  for (const Row& row : {Row{503, "SlowDown", Code::kRateLimited}, Row{503, "SlowDownWrite", Code::kRateLimited}, Row{429, "TooManyRequests", Code::kRateLimited},
                         Row{429, "", Code::kRateLimited}, Row{408, "", Code::kTimeout}, Row{499, "", Code::kUnavailable}, Row{500, "InternalError", Code::kUnavailable},
                         Row{502, "", Code::kUnavailable}, Row{503, "", Code::kUnavailable}, Row{504, "", Code::kUnavailable}, Row{509, "", Code::kUnavailable},
                         Row{520, "", Code::kUnavailable}}) {
    INFO(row.status << row.code);
    Script script({*row.code == 0 ? Bare(row.status, {{"Retry-After", "3"}}) : Error(row.status, row.code, "", {{"Retry-After", "3"}})});
    const Result<ObjectInfo> put = PutText(*script.provider, "k", "v");
    REQUIRE_FALSE(put.ok());
    CHECK(put.code() == row.expected);
    CHECK(put.status().temporary());
    CHECK(put.status().detail().retry_after == std::chrono::seconds(3));
    CHECK(put.status().detail().http_status == row.status);
    CHECK(script.seen().size() == 1);
  }
}

TEST_CASE("trap 11: a skewed clock is corrected once, by the Date of the answer") {
  for (const auto offset : {std::chrono::minutes(20), std::chrono::minutes(-20), std::chrono::minutes(1440), std::chrono::minutes(-1440)}) {
    Script script({Error(403, "RequestTimeTooSkewed", "", {{"Date", FormatHttpDate(Now() + offset)}}), Ok("text")});
    CHECK(GetText(*script.provider, "k").ok());
    REQUIRE(script.seen().size() == 2);
    const std::string sent = script.seen()[1].Header("x-amz-date");
    CHECK(sent >= FormatAmzDate(Now() + offset - std::chrono::minutes(1)));
    CHECK(sent <= FormatAmzDate(Now() + offset + std::chrono::minutes(1)));
  }
}

TEST_CASE("trap 11: without a usable Date, or with a right clock, nothing is sent again") {
  for (const std::string& date : {std::string(), std::string("garbage"), FormatHttpDate(Now())}) {
    MockAnswer refused = Error(403, "SignatureDoesNotMatch");
    if (!date.empty()) refused.headers.emplace_back("Date", date);
    Script script({refused});
    const Result<std::string> text = GetText(*script.provider, "k");
    CHECK(text.code() == Code::kUnauthenticated);
    CHECK(script.seen().size() == 1);
    CHECK(text.status().ToString().find(kCanary) == std::string::npos);
  }
}

TEST_CASE("trap 12: 400 is not one thing") {
  Script timeout({Error(400, "RequestTimeout")});
  CHECK(PutText(*timeout.provider, "k", "v").status().temporary());
  Script digest({Error(400, "BadDigest")});
  const Result<ObjectInfo> put = PutText(*digest.provider, "k", "v");
  CHECK(put.code() == Code::kIntegrity);
  CHECK(put.status().temporary());
  Script argument({Error(400, "InvalidArgument")});
  CHECK_FALSE(PutText(*argument.provider, "k", "v").status().temporary());
}

TEST_CASE("trap 13: an expired token is renewed once, and the request signed anew") {
  Script script({Error(400, "ExpiredToken"), Ok()}, "aws", true);
  CHECK(PutText(*script.provider, "k", "v").ok());
  CHECK(script.credentials->invalidated == 1);
  CHECK(script.seen()[0].Header("x-amz-security-token") == "token-0");
  CHECK(script.seen()[1].Header("x-amz-security-token") == "token-1");
  Script dead({Error(400, "ExpiredToken")}, "aws", false);
  CHECK(PutText(*dead.provider, "k", "v").code() == Code::kUnauthenticated);
  CHECK(dead.seen().size() == 1);
  Script always({Error(400, "ExpiredToken")}, "aws", true);
  CHECK(PutText(*always.provider, "k", "v").code() == Code::kUnauthenticated);
  CHECK(always.seen().size() == 2);
}

TEST_CASE("trap 14: NoSuchUpload after a lost answer: the object carries our attempt id, or it is an error") {
  Script mine({Error(404, "NoSuchUpload"), HeadOf(kOwnHead, 3)});
  CHECK(mine.provider->CompleteUpload(kCtx, "k", "u", OnePart(), Complete(3)).ok());
  Script other({Error(404, "NoSuchUpload"), HeadOf("another", 3)});
  CHECK(other.provider->CompleteUpload(kCtx, "k", "u", OnePart(), Complete(3)).code() == Code::kNotFound);
  Script size({Error(404, "NoSuchUpload"), HeadOf(kOwnHead, 4)});
  CHECK(size.provider->CompleteUpload(kCtx, "k", "u", OnePart(), Complete(3)).code() == Code::kNotFound);
  Script gone({Error(404, "NoSuchUpload"), Bare(404)});
  CHECK(gone.provider->CompleteUpload(kCtx, "k", "u", OnePart(), Complete(3)).code() == Code::kNotFound);
  Script blind({Error(404, "NoSuchUpload"), Bare(503)});
  CHECK(blind.provider->CompleteUpload(kCtx, "k", "u", OnePart(), Complete(3)).status().temporary());
}

TEST_CASE("trap 15: 412 after a lost answer to a create-only PUT") {
  PutOptions options;
  options.if_absent = true;
  options.attempt_id = kOwnHead;
  Script mine({Error(412, "PreconditionFailed"), HeadOf(kOwnHead, 1)});
  const Result<ObjectInfo> put = PutText(*mine.provider, "k", "v", options);
  CHECK(put.ok());
  CHECK(mine.seen()[0].Header("if-none-match") == "*");
  CHECK(mine.seen()[0].Header("x-amz-meta-ferry-attempt") == kOwnHead);
  Script other({Error(412, "PreconditionFailed"), HeadOf("another", 1)});
  CHECK(PutText(*other.provider, "k", "v", options).code() == Code::kAlreadyExists);
  Script gone({Error(412, "PreconditionFailed"), Bare(404)});
  CHECK(PutText(*gone.provider, "k", "v", options).code() == Code::kAlreadyExists);
  Script blind({Error(412, "PreconditionFailed"), Bare(500)});
  CHECK(PutText(*blind.provider, "k", "v", options).status().temporary());
  Script complete({Error(412, "PreconditionFailed"), HeadOf("another", 3)});
  CompleteOptions conditional = Complete(3);
  conditional.if_absent = true;
  CHECK(complete.provider->CompleteUpload(kCtx, "k", "u", OnePart(), conditional).code() == Code::kAlreadyExists);
}

TEST_CASE("trap 15: our own object with other bytes is an integrity error, not a success") {
  PutOptions options;
  options.if_absent = true;
  options.attempt_id = kOwnHead;
  Script script({Error(412, "PreconditionFailed"), Length(Ok({}, {{"x-amz-meta-ferry-attempt", kOwnHead}, {"x-amz-checksum-crc64nvme", "AAAAAAAAAAE="}}), 1)});
  CHECK(PutText(*script.provider, "k", "v", options).code() == Code::kIntegrity);
}

TEST_CASE("a create-only copy onto a taken key says so, also where the bytes there are equal") {
  Script script({Error(412, "PreconditionFailed"), Length(Ok({}, {{"ETag", "\"e-1\""}}), 1)});
  CopyOptions options;
  options.if_absent = true;
  options.source_if_match = "\"e-1\"";
  CHECK(script.provider->CopyFrom(kCtx, script.provider->Locate("from"), "to", options).code() == Code::kAlreadyExists);
}

TEST_CASE("trap 16: 409 is another request under way, 412 a lost race") {
  PutOptions options;
  options.if_absent = true;
  Script script({Error(409, "ConditionalRequestConflict")});
  const Result<ObjectInfo> put = PutText(*script.provider, "k", "v", options);
  CHECK(put.code() == Code::kUnavailable);
  CHECK(put.status().temporary());
  PutOptions replace;
  replace.if_match = "\"old\"";
  Script missing({Error(404, "NoSuchKey")});
  CHECK(PutText(*missing.provider, "k", "v", replace).code() == Code::kPreconditionFailed);
  Script bucket({Error(404, "NoSuchBucket")});
  const Result<ObjectInfo> no_bucket = PutText(*bucket.provider, "k", "v", replace);
  CHECK(no_bucket.code() == Code::kNotFound);
  CHECK(no_bucket.status().message().find("bucket") != std::string_view::npos);
}

TEST_CASE("trap 17: DeleteObjects answers for each key") {
  Script script({Xml("<DeleteResult><Deleted><Key>a</Key></Deleted><Error><Key>b&amp;c</Key><Code>AccessDenied</Code><Message>no</Message></Error>"
                     "<Error><Key>d</Key><Code>SlowDown</Code></Error></DeleteResult>")});
  const std::vector<std::string> keys{"a", "b&c", "d", "e"};
  const std::vector<RemoveResult> results = script.provider->RemoveMany(kCtx, keys);
  REQUIRE(results.size() == 4);
  CHECK(results[0].status.ok());
  CHECK(results[1].status.code() == Code::kPermissionDenied);
  CHECK(results[2].status.code() == Code::kRateLimited);
  CHECK(results[2].status.temporary());
  CHECK(results[3].status.ok());
  REQUIRE(script.seen().size() == 1);
  const MockRequest request = script.seen()[0];
  CHECK(request.query == "delete=");
  CHECK(request.body.find("<Key>b&amp;c</Key>") != std::string::npos);
  CHECK(request.Header("content-md5") == ToBase64(Md5(AsBytes(request.body)).value()));  // trap 35
}

TEST_CASE("trap 17: pages by dialect, and a page's failure is its keys' failure") {
  Script script([](const MockRequest& request) { return request.body.find("<Key>k1000</Key>") != std::string::npos ? Bare(503) : Xml("<DeleteResult/>"); });
  std::vector<std::string> keys;
  for (int i = 0; i < 1001; ++i) keys.push_back("k" + std::to_string(i));
  const std::vector<RemoveResult> results = script.provider->RemoveMany(kCtx, keys);
  CHECK(script.seen().size() == 2);
  CHECK(results[999].status.ok());
  CHECK(results[1000].status.temporary());
  Script r2({Xml("<DeleteResult/>")}, "r2");
  CHECK(r2.provider->RemoveMany(kCtx, keys).size() == 1001);
  CHECK(r2.seen().size() == 2);  // 700 and 301
}

TEST_CASE("trap 17: a service without DeleteObjects gets single deletes, and is remembered") {
  Script script([](const MockRequest& request) { return request.method == "POST" ? Error(501, "NotImplemented") : Bare(204); });
  const std::vector<std::string> keys{"a", "b"};
  for (const RemoveResult& result : script.provider->RemoveMany(kCtx, keys)) CHECK(result.status.ok());
  CHECK(script.seen().size() == 3);
  for (const RemoveResult& result : script.provider->RemoveMany(kCtx, keys)) CHECK(result.status.ok());
  CHECK(script.seen().size() == 5);
}

TEST_CASE("trap 17: a key that XML cannot hold goes singly; CR and LF are written as references (trap 58)") {
  Script script([](const MockRequest& request) { return request.method == "POST" ? Xml("<DeleteResult/>") : Bare(204); });
  const std::vector<std::string> keys{"a\x01", "b\r\nc", "plain"};
  for (const RemoveResult& result : script.provider->RemoveMany(kCtx, keys)) CHECK(result.status.ok());
  REQUIRE(script.seen().size() == 2);
  CHECK(script.seen()[0].method == "DELETE");
  CHECK(script.seen()[0].path == "/bkt/a%01");
  CHECK(script.seen()[1].body.find('\r') == std::string::npos);
  CHECK(script.seen()[1].body.find("&#") != std::string::npos);
}

TEST_CASE("trap 17: an answer that is no DeleteResult is not a success") {
  for (const char* body : {"", "<html/>", "<DeleteResult><Deleted>"}) {
    Script script({Xml(body)});
    const std::vector<std::string> keys{"a"};
    CHECK_FALSE(script.provider->RemoveMany(kCtx, keys)[0].status.ok());
  }
}

TEST_CASE("trap 18: removing what is not there succeeds; a missing bucket does not") {
  Script gone({Bare(204)});
  CHECK(gone.provider->Remove(kCtx, "k", {}).ok());
  Script strict({Error(404, "NoSuchKey")});
  CHECK(strict.provider->Remove(kCtx, "k", {}).ok());
  Script bucket({Error(404, "NoSuchBucket")});
  CHECK(bucket.provider->Remove(kCtx, "k", {}).code() == Code::kNotFound);
  RemoveOptions version;
  version.version_id = "v/1+";
  Script versioned({Bare(204)});
  CHECK(versioned.provider->Remove(kCtx, "k", version).ok());
  CHECK(versioned.seen()[0].query == "versionId=v%2F1%2B");
}

TEST_CASE("trap 18: a conditional remove of what is gone succeeds, of another version fails") {
  RemoveOptions options;
  options.if_match = "\"e1\"";
  Script gone({Error(412, "PreconditionFailed"), Bare(404)});
  CHECK(gone.provider->Remove(kCtx, "k", options).ok());
  Script other({Error(412, "PreconditionFailed"), Length(Ok(), 1)});
  CHECK(other.provider->Remove(kCtx, "k", options).code() == Code::kPreconditionFailed);
  Script unknown({Bare(204)}, "other");
  CHECK(unknown.provider->Remove(kCtx, "k", options).code() == Code::kUnsupported);
  CHECK(unknown.seen().empty());
}

TEST_CASE("traps 19, 20, 21: locked, archived, and without the key's permission are different things") {
  Script locked({Error(403, "AccessDenied")});
  const Status removed = locked.provider->Remove(kCtx, "k", {});
  CHECK(removed.code() == Code::kPermissionDenied);
  CHECK_FALSE(removed.temporary());
  Script cold({Error(403, "InvalidObjectState")});
  CHECK(GetText(*cold.provider, "k").code() == Code::kArchived);
  Script kms({Error(400, "KMS.DisabledException")});
  CHECK(GetText(*kms.provider, "k").code() == Code::kPermissionDenied);
}

TEST_CASE("trap 22: a captive portal is not a store") {
  MockAnswer portal;
  portal.headers = {{"Content-Type", "text/html"}};
  portal.body = "<html><body>Please log in</body></html>";
  Script script({portal});
  CHECK(PutText(*script.provider, "k", "v").code() == Code::kUnavailable);
  CHECK_FALSE(script.provider->Stat(kCtx, "k").ok());
  CHECK_FALSE(GetText(*script.provider, "k").ok());
  CHECK_FALSE(script.provider->List(kCtx, {}).ok());
  CHECK_FALSE(script.provider->CreateUpload(kCtx, "k", {}).ok());
  CHECK_FALSE(script.provider->Health(kCtx).status.ok());
}

TEST_CASE("messages: the mend is named, no secret is shown, one line") {
  for (const MockAnswer& answer : {Error(403, "InvalidAccessKeyId"), Error(403, "AccessDenied"), Error(404, "NoSuchBucket"), Error(500, "InternalError"), Bare(301), Bare(418)}) {
    Script script({answer});
    const Result<ObjectInfo> put = PutText(*script.provider, "a\nkey", "v");
    REQUIRE_FALSE(put.ok());
    const std::string line = put.status().ToString();
    CHECK(line.find(kCanary) == std::string::npos);
    CHECK(line.find('\n') == std::string::npos);
    CHECK(put.status().detail().provider == "store");
    CHECK(put.status().detail().operation == "put");
    CHECK(put.status().detail().key == "a\nkey");
  }
}

}  // namespace
}  // namespace fileferry::test
