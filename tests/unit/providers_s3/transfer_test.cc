// transfer_test.cc: traps of integrity, ranges, sizes, names and listings: what a scripted server does, and what must come of it.
#include "s3_fixture.h"

#include <chrono>

#include "base/text.h"
#include "providers/s3/provider.h"

namespace fileferry::test {
namespace {

std::string Listing(const std::string& inside) { return "<ListBucketResult><Name>bkt</Name>" + inside + "</ListBucketResult>"; }
std::string Entry(const std::string& key) { return "<Contents><Key>" + key + "</Key><Size>1</Size></Contents>"; }

TEST_CASE("trap 23, 24: every shape of ETag is a token and nothing more") {
  for (const char* etag : {"\"5eb63bbbe01eeed093cb22bb8f5acdc3\"", "5eb63bbbe01eeed093cb22bb8f5acdc3", "W/\"x\"", "\"8b0be7847da5564ae08e97af63b60885-2\"", "\"-\""}) {
    INFO(etag);
    Script script({Length(Ok({}, {{"ETag", etag}}), 5)});
    const Result<ObjectInfo> info = script.provider->Stat(kCtx, "k");
    REQUIRE(info.ok());
    CHECK(info->digests.empty());
    CHECK((info->etag.front() == '"' || info->etag.starts_with("W/")));
    Script put({Ok({}, {{"ETag", etag}})});
    const Result<ObjectInfo> stored = PutText(*put.provider, "k", "other bytes");
    REQUIRE(stored.ok());
    CHECK(stored->confirmed == 0);
  }
}

TEST_CASE("digests: what the answer confirms") {
  const std::string text = "hello world";
  PutOptions options;
  options.digests = static_cast<DigestMask>(MaskOf(DigestKind::kCrc64Nvme) | MaskOf(DigestKind::kMd5));
  Script echo({Ok({}, {{"ETag", "\"5eb63bbbe01eeed093cb22bb8f5acdc3\""}, {"x-amz-checksum-crc64nvme", "jSnVw/bqjr4="}})});
  Result<ObjectInfo> put = PutText(*echo.provider, "k", text, options);
  REQUIRE(put.ok());
  CHECK(put->confirmed == options.digests);
  CHECK(echo.seen()[0].Header("x-amz-checksum-crc64nvme") == "jSnVw/bqjr4=");
  CHECK(echo.seen()[0].Header("x-amz-content-sha256") == "UNSIGNED-PAYLOAD");
  CHECK_FALSE(echo.seen()[0].Has("x-amz-meta-ferry-crc64"));   // the service keeps it
  Script other_crc({Ok({}, {{"x-amz-checksum-crc64nvme", "AAAAAAAAAAE="}})});
  CHECK(PutText(*other_crc.provider, "k", text).code() == Code::kIntegrity);
  Script unknown({Ok({}, {{"x-amz-checksum-crc64nvme", "jSnVw/bqjr4="}})}, "other");
  put = PutText(*unknown.provider, "k", text);
  REQUIRE(put.ok());
  CHECK(put->confirmed == 0);                                   // it may echo headers without looking at the bytes
  CHECK_FALSE(unknown.seen()[0].Has("x-amz-checksum-crc64nvme"));
  CHECK_FALSE(unknown.seen()[0].Has("content-md5"));            // payload_signing=never
  CHECK(unknown.seen()[0].Header("x-amz-meta-ferry-crc64") == "jSnVw/bqjr4=");
  const auto sign = [](S3Options* changed) { changed->payload_signing = PayloadSigning::kAlways; };
  Script minio({Ok()}, "minio", false, sign);
  put = PutText(*minio.provider, "k", text);
  REQUIRE(put.ok());
  CHECK(put->confirmed == MaskOf(DigestKind::kSha256));
  CHECK(minio.seen()[0].Header("x-amz-content-sha256") == "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9");
  CHECK_FALSE(minio.seen()[0].Has("content-md5"));              // one integrity header
}

TEST_CASE("digests: an expectation that fails stores nothing") {
  Script script({Ok()});
  PutOptions options;
  options.expected.Set(Md5(AsBytes("other")));
  CHECK(PutText(*script.provider, "k", "text", options).code() == Code::kIntegrity);
  CHECK(script.seen().empty());
}

TEST_CASE("a small put is one request, and a get is one") {
  Script script({Ok("v")});
  CHECK(PutText(*script.provider, "k", "v").ok());
  CHECK(GetText(*script.provider, "k").ok());
  CHECK(script.seen().size() == 2);
  CHECK(script.server.connections() == 1);
}

TEST_CASE("trap 25, 26: a source that is shorter or longer than it said stores nothing") {
  for (const std::uint64_t size : {std::uint64_t{10}, std::uint64_t{100000}, std::uint64_t{3} << 20}) {
    for (const std::uint64_t gives : {size - 1, size + 1, size / 2}) {
      INFO(size << " " << gives);
      Script script({Ok()});
      OddSource source(size, gives);
      CHECK(script.provider->Put(kCtx, "k", source, {}).code() == Code::kSourceChanged);
      for (const MockRequest& request : script.seen()) CHECK_FALSE(request.complete);
      Script part({Ok()});
      OddSource piece(size, gives);
      CHECK(part.provider->UploadPart(kCtx, "k", "u", {1, 0, size}, piece).code() == Code::kSourceChanged);
      for (const MockRequest& request : part.seen()) CHECK_FALSE(request.complete);
    }
  }
}

TEST_CASE("trap 26: a source that changes between its two readings stores nothing") {
  Script script({Ok()});
  OddSource source(3 << 20, 3 << 20);
  source.change_on_rewind = 1;
  CHECK(script.provider->Put(kCtx, "k", source, {}).code() == Code::kSourceChanged);
  for (const MockRequest& request : script.seen()) CHECK_FALSE(request.complete);
}

TEST_CASE("trap 27: a large source that cannot rewind is refused in one request, and streamed as a part") {
  Script script({Ok()});
  OddSource pipe(3 << 20, 3 << 20, false);
  CHECK(script.provider->Put(kCtx, "k", pipe, {}).code() == Code::kUnsupported);
  CHECK(script.seen().empty());
  OddSource small(1000, 1000, false);
  CHECK(script.provider->Put(kCtx, "k", small, {}).ok());
  OddSource part(3 << 20, 3 << 20, false);
  const Result<PartInfo> sent = script.provider->UploadPart(kCtx, "k", "u", {1, 0, 3 << 20}, part);
  REQUIRE(sent.ok());
  const MockRequest request = script.seen().back();
  CHECK(request.Header("content-length") == std::to_string(3 << 20));   // trap 50: never chunked
  REQUIRE(sent->crc64);
  CHECK(*sent->crc64 == Crc64Digest(Crc64NvmePortable(0, AsBytes(request.body))));
}

TEST_CASE("parts: an answer with another CRC is an integrity error") {
  Script script({Ok({}, {{"x-amz-checksum-crc64nvme", "AAAAAAAAAAE="}})});
  const std::unique_ptr<ISource> source = MemorySource(AsBytes("part"));
  CHECK(script.provider->UploadPart(kCtx, "k", "u", {1, 0, 4}, *source).code() == Code::kIntegrity);
  CHECK(script.provider->UploadPart(kCtx, "k", "u", {0, 0, 4}, *source).code() == Code::kInvalidArgument);
  CHECK(script.provider->UploadPart(kCtx, "k", "u", {10001, 0, 4}, *source).code() == Code::kInvalidArgument);
}

TEST_CASE("trap 28: a download that is cut at any byte is not a download") {
  const std::string text = "0123456789abcdef";
  for (std::size_t cut = 0; cut < text.size(); ++cut) {
    MockAnswer answer = Ok(text);
    answer.cut = cut;
    Script script({answer});
    const Result<std::string> got = GetText(*script.provider, "k");
    REQUIRE_FALSE(got.ok());
    CHECK(got.status().temporary());
  }
}

TEST_CASE("trap 29: bytes that are not what the storage keeps a digest of") {
  Script kept({Ok("hello worlD", {{"x-amz-checksum-crc64nvme", "jSnVw/bqjr4="}})});
  CHECK(GetText(*kept.provider, "k").code() == Code::kIntegrity);
  GetOptions blind;
  blind.verify = false;
  CHECK(GetText(*kept.provider, "k", blind).ok());
  Script ours({Ok("hello worlD", {{"x-amz-meta-ferry-crc64", "jSnVw/bqjr4="}})}, "other");
  CHECK(GetText(*ours.provider, "k").code() == Code::kIntegrity);
  Script sdk({Ok("hello worlD", {{"x-amz-checksum-crc32", "DUoRhQ=="}})});   // as the vendors' SDKs put it
  CHECK(GetText(*sdk.provider, "k").code() == Code::kIntegrity);
  Script good({Ok("hello world", {{"x-amz-checksum-crc32", "DUoRhQ=="}})});
  CHECK(GetText(*good.provider, "k").ok());
  Script composite({Ok("hello worlD", {{"x-amz-checksum-crc64nvme", "jSnVw/bqjr4="}, {"x-amz-checksum-type", "COMPOSITE"}})});
  CHECK(GetText(*composite.provider, "k").ok());                // not a digest of the whole
  Script short_value({Ok("hello world", {{"x-amz-checksum-crc64nvme", "1FimjA=="}})});
  CHECK(GetText(*short_value.provider, "k").ok());              // moto: four bytes under this name
}

TEST_CASE("what was written beside other bytes: the ETag tells a program that kept our metadata from damage") {
  const std::string text = "hello worlD", md5 = ToHex(Md5(AsBytes(text)).value());
  const auto answer = [&](const std::string& etag) { return Ok(text, {{"ETag", etag}, {"x-amz-meta-ferry-crc64", "jSnVw/bqjr4="}}); };
  Script replaced({answer("\"" + md5 + "\"")}, "minio");
  std::string got;
  const std::unique_ptr<ISink> sink = StringSink(&got);
  const Result<ObjectInfo> info = replaced.provider->Get(kCtx, "k", {}, *sink);
  REQUIRE_MESSAGE(info.ok(), info.status().ToString());
  CHECK(got == text);
  CHECK(info->confirmed == 0);
  CHECK(Crc64Value(*info->digests.Find(DigestKind::kCrc64Nvme)) == Crc64Nvme(0, AsBytes(text)));
  REQUIRE(replaced.seen().size() == 2);
  CHECK(replaced.seen()[1].Header("if-match") == "\"" + md5 + "\"");
  Script flipped({answer("\"5eb63bbbe01eeed093cb22bb8f5acdc3\"")}, "minio");   // of "hello world"
  CHECK(GetText(*flipped.provider, "k").code() == Code::kIntegrity);
  Script wire({answer("\"" + md5 + "\""), Ok("hello world", {{"ETag", "\"" + md5 + "\""}})}, "minio");  // not the same twice
  CHECK(GetText(*wire.provider, "k").code() == Code::kIntegrity);
  Script opaque({answer("\"kms\"")}, "minio");
  CHECK(GetText(*opaque.provider, "k").code() == Code::kIntegrity);
  CHECK(opaque.seen().size() == 1);
  Script parts({answer("\"8b0be7847da5564ae08e97af63b60885-2\"")}, "minio");  // nobody wrote digests beside that
  CHECK(GetText(*parts.provider, "k").ok());
}

TEST_CASE("trap 29: another version than asked for, from a service that ignores If-Match") {
  GetOptions options;
  options.offset = 2;
  options.if_match = "\"old\"";
  MockAnswer part = Ok("llo", {{"ETag", "\"new\""}, {"Content-Range", "bytes 2-4/5"}});
  part.status = 206;
  Script script({part});
  CHECK(GetText(*script.provider, "k", options).code() == Code::kPreconditionFailed);
}

TEST_CASE("trap 30: a service that ignores Range") {
  Script script({Ok("0123456789")});
  GetOptions options;
  options.offset = 3;
  CHECK(*GetText(*script.provider, "k", options) == "3456789");
  options.length = 4;
  CHECK(*GetText(*script.provider, "k", options) == "3456");
  options.length = 400;
  CHECK(*GetText(*script.provider, "k", options) == "3456789");
  options.offset = 10;
  CHECK(GetText(*script.provider, "k", options).code() == Code::kInvalidArgument);
  CHECK(script.seen()[0].Header("range") == "bytes=3-");
  CHECK(script.seen()[1].Header("range") == "bytes=3-6");
}

TEST_CASE("trap 30: another range than asked for") {
  GetOptions options;
  options.offset = 3;
  options.length = 4;
  for (const char* range : {"bytes 4-7/10", "bytes 3-5/10", "bytes 3-6/5", "", "bytes */10"}) {
    INFO(range);
    MockAnswer part = Ok("3456", {{"Content-Range", range}});
    part.status = 206;
    Script script({part});
    CHECK_FALSE(GetText(*script.provider, "k", options).ok());
  }
}

TEST_CASE("trap 31: 416 of an empty object is no bytes; past the end it is an error; of another version it is that") {
  GetOptions options;
  options.length = 10;
  Script empty({Error(416, "InvalidRange"), Length(Ok(), 0)});
  CHECK(*GetText(*empty.provider, "k", options) == "");
  options.offset = 20;
  Script past({Error(416, "InvalidRange"), Length(Ok(), 5)});
  CHECK(GetText(*past.provider, "k", options).code() == Code::kInvalidArgument);
  options.if_match = "\"old\"";
  Script shrunk({Error(416, "InvalidRange"), Length(Ok({}, {{"ETag", "\"new\""}}), 5)});
  CHECK(GetText(*shrunk.provider, "k", options).code() == Code::kPreconditionFailed);
}

TEST_CASE("trap 32, 36: nothing is decompressed, and our transfer coding is no property") {
  Script script({Ok("\x1f\x8b not really", {{"Content-Encoding", "aws-chunked, gzip"}})});
  std::string text;
  const std::unique_ptr<ISink> sink = StringSink(&text);
  const Result<ObjectInfo> info = script.provider->Get(kCtx, "k", {}, *sink);
  REQUIRE(info.ok());
  CHECK(text == "\x1f\x8b not really");
  CHECK(info->properties.content_encoding == "gzip");
  const MockRequest request = script.seen()[0];
  CHECK(request.Header("accept-encoding") == "identity");
  CHECK(request.Header("authorization").find("accept-encoding") == std::string::npos);   // trap 33
}

TEST_CASE("trap 34: no trailers, ever") {
  for (const char* vendor : {"aws", "minio", "gcs", "r2", "other"}) {
    Script script({Ok()}, vendor);
    CHECK(PutText(*script.provider, "k", "v").ok());
    const MockRequest request = script.seen()[0];
    CHECK_FALSE(request.Has("x-amz-trailer"));
    CHECK_FALSE(request.Has("transfer-encoding"));
    CHECK(request.Header("content-encoding").empty());
  }
}

TEST_CASE("a get tells the version before the first byte") {
  ObjectInfo head;
  GetOptions options;
  options.head = &head;
  MockAnswer cut = Ok("0123456789");
  cut.cut = 4;
  Script script({cut});
  CHECK_FALSE(GetText(*script.provider, "k", options).ok());
  CHECK(head.etag == "\"e1\"");
  CHECK(head.size == 10);
}

TEST_CASE("trap 45: abort is repeated while parts are left, and succeeds for what is gone") {
  const std::string part = "<ListPartsResult><Part><PartNumber>1</PartNumber><ETag>\"a\"</ETag><Size>5</Size></Part></ListPartsResult>";
  Script script({Bare(204), Xml(part), Bare(204), Error(404, "NoSuchUpload")});
  CHECK(script.provider->AbortUpload(kCtx, "k", "u").ok());
  CHECK(script.seen().size() == 4);
  Script gone({Error(404, "NoSuchUpload")});
  CHECK(gone.provider->AbortUpload(kCtx, "k", "u").ok());
  Script denied({Error(403, "AccessDenied")});
  CHECK(denied.provider->AbortUpload(kCtx, "k", "u").code() == Code::kPermissionDenied);
}

TEST_CASE("trap 46: parts come in pages, and a marker that stands still ends it") {
  const auto page = [](int number, bool more) {
    return "<ListPartsResult><IsTruncated>" + std::string(more ? "true" : "false") + "</IsTruncated><NextPartNumberMarker>" + std::to_string(number) + "</NextPartNumberMarker><Part><PartNumber>" +
           std::to_string(number) + "</PartNumber><ETag>\"a\"</ETag><Size>5</Size></Part></ListPartsResult>";
  };
  Script script({Xml(page(1, true)), Xml(page(2, false))});
  const Result<std::vector<PartInfo>> parts = script.provider->ListParts(kCtx, "k", "u");
  REQUIRE(parts.ok());
  REQUIRE(parts->size() == 2);
  CHECK((*parts)[1].offset == 5);
  CHECK(script.seen()[1].query.find("part-number-marker=1") != std::string::npos);
  Script endless({Xml(page(1, true))});
  CHECK_FALSE(endless.provider->ListParts(kCtx, "k", "u").ok());
  CHECK(endless.seen().size() == 2);
}

TEST_CASE("trap 48: the body of complete is sorted and escaped") {
  Script script({Xml("<CompleteMultipartUploadResult><ETag>\"e\"</ETag></CompleteMultipartUploadResult>")});
  PartInfo a, b;
  a.number = 10;
  a.etag = "\"a&b\"";
  a.size = 3;
  b.number = 2;
  b.size = 4;
  b.etag = "\"b\"";
  CompleteOptions options;
  options.size = 7;
  options.crc64 = Crc64Digest(1);
  const Result<ObjectInfo> done = script.provider->CompleteUpload(kCtx, "k", "u", {a, b}, options);
  INFO(done.status().ToString());
  REQUIRE(done.ok());
  const MockRequest request = script.seen()[0];
  CHECK(request.body.find("<PartNumber>2</PartNumber>") < request.body.find("<PartNumber>10</PartNumber>"));
  CHECK(request.body.find("a&amp;b") != std::string::npos);
  CHECK(request.Header("x-amz-checksum-crc64nvme") == "AAAAAAAAAAE=");
  CHECK(request.Header("x-amz-mp-object-size") == "7");
  CHECK(script.provider->CompleteUpload(kCtx, "k", "u", {}, options).code() == Code::kInvalidArgument);   // trap 44
  options.size = 8;
  CHECK(script.provider->CompleteUpload(kCtx, "k", "u", {a, b}, options).code() == Code::kInvalidArgument);
  CHECK(script.seen().size() == 1);
}

TEST_CASE("trap 49: the source of a copy is encoded, and a copy onto itself replaces and keeps who wrote it") {
  const std::string done = "<CopyObjectResult><ETag>\"e1\"</ETag></CopyObjectResult>";
  Script script({Xml(done), Length(Ok(), 5)});
  Location from = script.provider->Locate("a b+c%\xC3\xBC/d");
  CopyOptions options;
  options.source_version_id = "v+1";
  CHECK(script.provider->CopyFrom(kCtx, from, "to", options).ok());
  CHECK(script.seen()[0].Header("x-amz-copy-source") == "/bkt/a%20b%2Bc%25%C3%BC/d?versionId=v%2B1");
  CHECK(script.seen()[0].Header("x-amz-metadata-directive") == "COPY");
  const MockAnswer head = Length(Ok({}, {{"x-amz-meta-ferry-attempt", "writer"}, {"x-amz-meta-ferry-crc64", "AAAAAAAAAAE="}}), 5);
  Script self({head, head, Xml(done), head}, "other");
  CHECK(self.provider->SetProperties(kCtx, "k", {}).ok());
  const MockRequest request = self.seen()[2];
  CHECK(request.Header("x-amz-metadata-directive") == "REPLACE");
  CHECK(request.Header("x-amz-copy-source-if-match") == "\"e1\"");
  CHECK(request.Header("x-amz-meta-ferry-attempt") == "writer");
  CHECK(request.Header("x-amz-meta-ferry-crc64") == "AAAAAAAAAAE=");
}

TEST_CASE("a copy that another writer replaced at once is not taken for ours") {
  const std::string done = "<CopyObjectResult><ETag>\"e1\"</ETag></CopyObjectResult>";
  CopyOptions options;
  options.attempt_id = "ours";
  options.replace = Properties{};
  const MockAnswer source = Length(Ok(), 5);
  const auto copied = [&](MockAnswer there, MockAnswer answer) {
    Script script({source, std::move(answer), std::move(there)});
    Result<ObjectInfo> result = script.provider->CopyFrom(kCtx, script.provider->Locate("from"), "to", options);
    return std::pair(std::move(result), script.seen().back());
  };
  CHECK(copied(Length(Ok({}, {{"x-amz-meta-ferry-attempt", "ours"}}), 5), Xml(done)).first.ok());
  CHECK(copied(Length(Ok({}, {{"x-amz-meta-ferry-attempt", "theirs"}}), 5), Xml(done)).first.code() == Code::kPreconditionFailed);
  CHECK(copied(Length(Ok({}, {{"ETag", "\"e2\""}, {"x-amz-meta-ferry-attempt", "ours"}}), 5), Xml(done)).first.code() == Code::kPreconditionFailed);
  CHECK(copied(Bare(404), Xml(done)).first.code() == Code::kPreconditionFailed);
  MockAnswer versioned = Xml(done);
  versioned.headers.emplace_back("x-amz-version-id", "v1");
  CHECK(copied(Length(Ok({}, {{"x-amz-meta-ferry-attempt", "ours"}}), 5), versioned).second.query == "versionId=v1");
  options.if_absent = true;
  CHECK(copied(Length(Ok({}, {{"x-amz-meta-ferry-attempt", "theirs"}}), 5), Xml(done)).first.code() == Code::kAlreadyExists);
}

TEST_CASE("where CopyObject does not look at conditions, an upload of one copied part does, and no byte passes") {
  const MockAnswer head = Length(Ok({}, {{"x-amz-meta-ferry-crc64", "AAAAAAAAAAE="}, {"x-amz-meta-kind", "photo"}}), 5);
  Script script([&](const MockRequest& request) {
    if (request.method == "HEAD") return head;
    if (request.query.find("tagging") != std::string::npos) return Xml("<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>");
    if (request.query == "uploads=") return Xml("<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>");
    if (request.method == "PUT") return Xml("<CopyPartResult><ETag>\"p\"</ETag></CopyPartResult>");
    return Xml("<CompleteMultipartUploadResult><ETag>\"w-1\"</ETag></CompleteMultipartUploadResult>");
  }, "minio");
  CHECK(script.provider->Caps().conditional_copy);
  CopyOptions options;
  options.if_absent = true;
  const Result<ObjectInfo> copied = script.provider->CopyFrom(kCtx, script.provider->Locate("from"), "to", options);
  REQUIRE_MESSAGE(copied.ok(), copied.status().ToString());
  CHECK(copied->confirmed == 0);
  bool created = false, part = false;
  for (const MockRequest& request : script.seen()) {
    CHECK((request.method != "PUT" || request.body.empty()));
    if (request.query == "uploads=") {
      created = true;
      CHECK(request.Header("x-amz-meta-kind") == "photo");
      CHECK(request.Header("x-amz-tagging") == "a=b");
      CHECK(request.Header("x-amz-meta-ferry-crc64") == "AAAAAAAAAAE=");
    }
    if (request.Has("x-amz-copy-source")) part = true;
  }
  CHECK(created);
  CHECK(part);
  CHECK(script.seen().back().Header("if-none-match") == "*");

  struct Watch : IUploadWatch {
    Status Asked() override {
      said += "asked ";
      return no;
    }
    Status Opened(const std::string& upload_id, bool maybe_another) override {
      said += "opened " + upload_id + (maybe_another ? " or another " : " ");
      return late;
    }
    void Closed(const std::string& upload_id) override { said += "closed " + upload_id; }
    Status no, late;
    std::string said;
  } watch;
  options.uploads = &watch;
  CHECK(script.provider->CopyFrom(kCtx, script.provider->Locate("from"), "to", options).ok());
  CHECK(watch.said == "asked opened u closed u");
  watch.said.clear();
  watch.no = Status(Code::kInternal, "cannot be written down");
  const auto uploads = [&] {
    const std::vector<MockRequest> seen = script.seen();
    return std::count_if(seen.begin(), seen.end(), [](const MockRequest& request) { return request.query == "uploads="; });
  };
  const auto before = uploads();
  CHECK(script.provider->CopyFrom(kCtx, script.provider->Locate("from"), "to", options).code() == Code::kInternal);
  CHECK(watch.said == "asked ");
  CHECK(uploads() == before);
  watch.no = {};
  watch.late = Status(Code::kInternal, "cannot be written down");
  CHECK(script.provider->CopyFrom(kCtx, script.provider->Locate("from"), "to", options).code() == Code::kInternal);
  CHECK(uploads() == before + 1);
  Script ceph({head}, "ceph");
  CHECK_FALSE(ceph.provider->Caps().conditional_copy);
  CHECK(ceph.provider->CopyFrom(kCtx, ceph.provider->Locate("from"), "to", options).code() == Code::kUnsupported);
}

TEST_CASE("an upload is proven where every part was, and the ETag of the whole is made of theirs") {
  const std::string bytes = "hello world";
  const Digest md5 = Md5(AsBytes(bytes));
  const std::string whole = ToHex(Md5(md5.value()).value()) + "-1";
  const auto upload = [&](bool sign, const std::string& etag) {
    Script script([&](const MockRequest& request) {
      if (request.method == "PUT") return Ok({}, {{"ETag", "\"" + ToHex(md5.value()) + "\""}});
      return Xml("<CompleteMultipartUploadResult><ETag>\"" + etag + "\"</ETag></CompleteMultipartUploadResult>");
    }, "minio", [&](S3Options* options) { options->payload_signing = sign ? PayloadSigning::kAlways : PayloadSigning::kNever; });
    const std::unique_ptr<ISource> source = MemorySource(AsBytes(bytes));
    const Result<PartInfo> part = script.provider->UploadPart(kCtx, "k", "u", {1, 0, bytes.size()}, *source);
    REQUIRE(part.ok());
    CompleteOptions options;
    options.size = bytes.size();
    options.crc64 = part->crc64;
    const Result<ObjectInfo> done = script.provider->CompleteUpload(kCtx, "k", "u", {*part}, options);
    REQUIRE(done.ok());
    return done->confirmed;
  };
  CHECK(upload(true, whole) == MaskOf(DigestKind::kCrc64Nvme));
  CHECK(upload(true, "5eb63bbbe01eeed093cb22bb8f5acdc3-1") == 0);
  CHECK(upload(false, whole) == 0);
}

TEST_CASE("trap 51 to 54: keys go on the wire as they are, encoded once") {
  const std::pair<const char*, const char*> keys[] = {
      {"dir/a b+c%d~e=f&g'h(i)*!@$,;:\xC3\xBC\xD1\x84.txt", "/bkt/dir/a%20b%2Bc%25d~e%3Df%26g%27h%28i%29%2A%21%40%24%2C%3B%3A%C3%BC%D1%84.txt"},
      {"a//b", "/bkt/a//b"}, {"/x", "/bkt//x"}, {"dir/", "/bkt/dir/"}, {"./a", "/bkt/./a"}, {"a/../b", "/bkt/a/../b"}, {"..", "/bkt/.."},
      {"%2F", "/bkt/%252F"}, {"test%46.txt", "/bkt/test%2546.txt"}, {"a?b#c", "/bkt/a%3Fb%23c"}, {"\x01\x7f", "/bkt/%01%7F"}};
  Script script({Ok()});
  for (const auto& row : keys) {
    INFO(row.first);
    CHECK(PutText(*script.provider, row.first, "v").ok());
    CHECK(script.seen().back().path == row.second);
  }
}

TEST_CASE("traps 53, 65, 67: a key that cannot be held is refused before anything is sent") {
  Script script({Ok()}, "seaweedfs");
  for (const char* key : {"a//b", "/a", "a/", "a/./b", "a\\b"}) CHECK(PutText(*script.provider, key, "v").code() == Code::kInvalidArgument);
  for (const std::string& key : {std::string(), std::string(1025, 'x'), std::string("a\0b", 3), std::string("\xff")}) {
    CHECK(PutText(*script.provider, key, "v").code() == Code::kInvalidArgument);
    CHECK(script.provider->Remove(kCtx, key, {}).code() == Code::kInvalidArgument);
  }
  CHECK(script.seen().empty());
}

TEST_CASE("the vendor is asked once, of an address that tells nothing") {
  Script script([](const MockRequest& request) { return request.Has("authorization") ? Ok() : Bare(403, {{"Server", "SeaweedFS 1 4.48"}}); }, "");
  CHECK_FALSE(script.provider->Caps().sorted_list);
  CHECK(script.provider->CheckKey("a//b").code() == Code::kInvalidArgument);
  CHECK(PutText(*script.provider, "a//b", "v").code() == Code::kInvalidArgument);
  CHECK(PutText(*script.provider, "k", "v").ok());
  CHECK(script.seen().size() == 2);
}

TEST_CASE("traps 56, 57: names are decoded where the answer says so, and damage stops the listing") {
  Script script({Xml(Listing("<EncodingType>url</EncodingType>" + Entry("a%01+b")))});
  Result<ListPage> page = script.provider->List(kCtx, {});
  REQUIRE(page.ok());
  CHECK(page->entries[0].key == "a\x01 b");
  CHECK(script.seen()[0].query.find("encoding-type=url") != std::string::npos);
  Script spaces({Xml(Listing(Entry("a%01+b")))}, "spaces");
  page = spaces.provider->List(kCtx, {});
  REQUIRE(page.ok());
  CHECK(page->entries[0].key == "a%01+b");
  CHECK(spaces.seen()[0].query.find("encoding-type") == std::string::npos);
  Script damaged({Xml(Listing(Entry("a\xEF\xBF\xBD")))});
  CHECK(damaged.provider->List(kCtx, {}).code() == Code::kIntegrity);
}

TEST_CASE("trap 59: a listing that does not advance ends with an error; the token travels as it is") {
  const std::string more = "<IsTruncated>true</IsTruncated><KeyCount>1</KeyCount>";
  Script script({Xml(Listing(more + "<NextContinuationToken>1/x+=&amp;</NextContinuationToken>" + Entry("a")))});
  ListQuery query;
  Result<ListPage> page = script.provider->List(kCtx, query);
  REQUIRE(page.ok());
  query.token = page->next_token;
  CHECK_FALSE(script.provider->List(kCtx, query).ok());
  CHECK(script.seen()[1].query.find("continuation-token=1%2Fx%2B%3D%26") != std::string::npos);
  Script lost({Xml(Listing(more + Entry("a")))});
  CHECK_FALSE(lost.provider->List(kCtx, {}).ok());
  Script empty({Xml(Listing("<IsTruncated>true</IsTruncated><KeyCount>0</KeyCount><NextContinuationToken>t</NextContinuationToken>"))});
  page = empty.provider->List(kCtx, {});
  REQUIRE(page.ok());
  CHECK(page->entries.empty());
  CHECK_FALSE(page->next_token.empty());   // a page may be empty although more follow
  ListQuery wrong;
  for (const char* token : {"x", "3:a", "f9:ab", "f99999999999999999999:a2:", "w1"}) {
    wrong.token = token;
    CHECK(script.provider->List(kCtx, wrong).code() == Code::kInvalidArgument);
  }
}

TEST_CASE("trap 60: version 1, where there is no version 2 or it is ignored") {
  Script none([](const MockRequest& request) {
    if (request.query.find("list-type=2") != std::string::npos) return Error(501, "NotImplemented");
    if (request.query.find("marker=b") != std::string::npos) return Xml(Listing("<IsTruncated>false</IsTruncated>" + Entry("c")));
    return Xml(Listing("<IsTruncated>true</IsTruncated>" + Entry("a") + Entry("b")));
  });
  std::vector<std::string> keys;
  CHECK(ForEach(*none.provider, kCtx, {}, [&](const ListEntry& entry) { keys.emplace_back(entry.key); return Status(); }).ok());
  CHECK(keys == std::vector<std::string>{"a", "b", "c"});
  CHECK(none.seen().size() == 3);
  CHECK(none.provider->List(kCtx, {}).ok());
  CHECK(none.seen().size() == 4);   // remembered
  Script ignored([](const MockRequest& request) {
    return request.query.find("marker=m") != std::string::npos ? Xml(Listing("<IsTruncated>false</IsTruncated>" + Entry("z")))
                                                               : Xml(Listing("<IsTruncated>true</IsTruncated><NextMarker>m</NextMarker>" + Entry("a")));
  });
  keys.clear();
  CHECK(ForEach(*ignored.provider, kCtx, {}, [&](const ListEntry& entry) { keys.emplace_back(entry.key); return Status(); }).ok());
  CHECK(keys == std::vector<std::string>{"a", "z"});
}

TEST_CASE("trap 61: objects and prefixes of a delimited page come in one order") {
  Script script({Xml(Listing(Entry("a") + Entry("c") + "<CommonPrefixes><Prefix>b/</Prefix></CommonPrefixes>"))});
  ListQuery query;
  query.delimiter = true;
  Result<ListPage> page = script.provider->List(kCtx, query);
  REQUIRE(page.ok());
  REQUIRE(page->entries.size() == 3);
  CHECK(page->entries[1].key == "b/");
  CHECK(page->entries[1].is_prefix);
}

TEST_CASE("a page with more entries than asked for is given in pieces, none lost and none twice") {
  Script script({Xml(Listing(Entry("a") + Entry("b") + Entry("c")))});
  ListQuery query;
  query.limit = 1;
  std::vector<std::string> keys;
  do {
    Result<ListPage> page = script.provider->List(kCtx, query);
    REQUIRE(page.ok());
    CHECK(page->entries.size() <= 1);
    for (const ListEntry& entry : page->entries) keys.emplace_back(entry.key);
    query.token = page->next_token;
  } while (!query.token.empty());
  CHECK(keys == std::vector<std::string>{"a", "b", "c"});
}

TEST_CASE("trap 63, 68: folder entries of a service that makes them are passed over; a prefix is bytes") {
  Script script({Xml(Listing(Entry("a/b") + "<Contents><Key>a/c/</Key><Size>0</Size></Contents>"))}, "seaweedfs");
  Result<ListPage> page = script.provider->List(kCtx, {});
  REQUIRE(page.ok());
  CHECK(page->entries.size() == 1);
  CHECK(page->empty_folders == 1);
  Script aws({Xml(Listing("<Contents><Key>a/c/</Key><Size>0</Size></Contents>"))});
  CHECK(aws.provider->List(kCtx, {})->entries.size() == 1);
  ListQuery query;
  query.prefix = "x*";
  Script wide({Xml(Listing(Entry("y")))});
  CHECK_FALSE(wide.provider->List(kCtx, query).ok());
}

TEST_CASE("trap 75: signed URLs: limits, what is enforced, and the end of the session") {
  Script script({Ok()});
  UrlOptions options;
  for (const int seconds : {0, -7, 604801}) {
    options.expires = std::chrono::seconds(seconds);
    CHECK(script.provider->Url("k", options).code() == Code::kInvalidArgument);
  }
  options.expires = std::chrono::hours(1);
  options.method = HttpMethod::kPut;
  options.content_type = "image/png";
  options.content_length = 12;
  const Result<SignedUrl> put = script.provider->Url("a b", options);
  REQUIRE(put.ok());
  CHECK(put->url.starts_with(script.server.endpoint() + "/bkt/a%20b?"));
  CHECK(put->url.find("X-Amz-SignedHeaders=content-length%3Bcontent-type%3Bhost") != std::string::npos);
  CHECK(put->headers.size() == 2);
  CHECK(put->url.find(kCanary) == std::string::npos);
  options.method = HttpMethod::kDelete;
  CHECK(script.provider->Url("k", options).code() == Code::kUnsupported);
  CHECK(script.seen().empty());
}

TEST_CASE("public URLs: the service's own, and a custom domain with and without the bucket") {
  UrlOptions options;
  options.is_public = true;
  Script own({Ok()});
  CHECK(own.provider->Url("a b/c", options)->url == own.server.endpoint() + "/bkt/a%20b/c");
  Script cdn({Ok()}, "aws", false, [](S3Options* changed) { changed->public_url = "https://cdn.shop.example/"; });
  CHECK(cdn.provider->Url("a b/c", options)->url == "https://cdn.shop.example/a%20b/c");
  Script both({Ok()}, "aws", false, [](S3Options* changed) { changed->public_url = "https://cdn.shop.example"; changed->bucket_in_public_url = true; });
  CHECK(both.provider->Url("a", options)->url == "https://cdn.shop.example/bkt/a");
  CHECK_FALSE(own.provider->Url("a", options)->expires);
}

TEST_CASE("defaults of the configuration go to new objects; what the object says comes first") {
  Script script({Ok()}, "aws", false, [](S3Options* changed) {
    changed->acl = "public-read";
    changed->storage_class = "STANDARD_IA";
    changed->sse = "aws:kms";
    changed->sse_kms_key = "key-1";
    changed->cache_control = "max-age=1";
    changed->request_payer = "requester";
  });
  PutOptions options;
  options.properties.cache_control = "no-store";
  options.properties.tags = {{"a b", "c&d"}};
  CHECK(PutText(*script.provider, "k", "v", options).ok());
  const MockRequest request = script.seen()[0];
  CHECK(request.Header("x-amz-acl") == "public-read");
  CHECK(request.Header("x-amz-storage-class") == "STANDARD_IA");
  CHECK(request.Header("x-amz-server-side-encryption") == "aws:kms");
  CHECK(request.Header("x-amz-server-side-encryption-aws-kms-key-id") == "key-1");
  CHECK(request.Header("cache-control") == "no-store");
  CHECK(request.Header("x-amz-tagging") == "a%20b=c%26d");
  CHECK(request.Header("x-amz-request-payer") == "requester");
  Script none({Ok()});
  CHECK(PutText(*none.provider, "k", "v").ok());
  CHECK_FALSE(none.seen()[0].Has("x-amz-acl"));   // never by default
}

TEST_CASE("capabilities that are off answer unsupported, and send nothing") {
  Script script({Ok()}, "other", false, [](S3Options* changed) { changed->quirks = "conditional_put=false"; });
  PutOptions create;
  create.if_absent = true;
  CHECK(PutText(*script.provider, "k", "v", create).code() == Code::kUnsupported);
  PutOptions replace;
  replace.if_match = "\"x\"";
  CHECK(PutText(*script.provider, "k", "v", replace).code() == Code::kUnsupported);
  CHECK(script.provider->Open(kCtx, "k", {}, nullptr).code() == Code::kUnsupported);
  CHECK(script.provider->NewBatch().code() == Code::kUnsupported);
  CHECK(script.seen().empty());
  Script quirk({Ok()}, "other", false, [](S3Options* changed) { changed->quirks = "conditional_put=true"; });
  CHECK(quirk.provider->Caps().conditional_put);
  CHECK(PutText(*quirk.provider, "k", "v", create).ok());
  CHECK(quirk.seen()[0].Header("if-none-match") == "*");
}

TEST_CASE("a write that went out twice over a connection that had died: its refusal may hide its success, and its upload may have a twin") {
  int count = 0;
  MockAnswer last;
  Script script([&](const MockRequest&) {
    MockAnswer answer = ++count == 1 ? Ok() : last;
    if (count == 2) answer.drop = true;
    return answer;
  });
  REQUIRE(script.provider->Stat(kCtx, "k").ok());
  SUBCASE("a refusal") {
    last = Error(412, "PreconditionFailed");
    RemoveOptions remove;
    remove.if_match = "\"e1\"";
    const Status status = script.provider->Remove(kCtx, "k", remove);
    CHECK(status.code() == Code::kPreconditionFailed);
    CHECK(status.detail().ambiguous);
  }
  SUBCASE("an upload") {
    last = Xml("<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>");
    bool twin = false;
    UploadOptions options;
    options.maybe_another = &twin;
    CHECK(script.provider->CreateUpload(kCtx, "k", options).ok());
    CHECK(twin);
  }
  REQUIRE(script.seen().size() >= 3);
  CHECK(script.seen()[1].method == script.seen()[2].method);
}

TEST_CASE("anonymous: nothing is signed") {
  Script script({Ok("v")}, "aws", false, [](S3Options* changed) { changed->anonymous = true; });
  CHECK(GetText(*script.provider, "a b").ok());
  CHECK_FALSE(script.seen()[0].Has("authorization"));
  CHECK(script.seen()[0].path == "/bkt/a%20b");
  CHECK(script.provider->Url("k", {}).code() == Code::kUnauthenticated);
}

TEST_CASE("a bucket with something in it is not removed, whatever the service would do") {
  Script full({Xml(Listing(Entry("a")))});
  CHECK(full.provider->RemoveBucket(kCtx).code() == Code::kPreconditionFailed);
  for (const MockRequest& request : full.seen()) CHECK(request.method != "DELETE");
}

TEST_CASE("cancelling and deadlines") {
  Script script({Ok("v")});
  CancelToken token;
  token.Cancel();
  OpContext cancelled;
  cancelled.cancel = &token;
  CHECK(script.provider->Stat(cancelled, "k").code() == Code::kCancelled);
  OpContext late;
  late.deadline = OpContext::Clock::now() - std::chrono::seconds(1);
  CHECK(script.provider->Stat(late, "k").code() == Code::kTimeout);
}

TEST_CASE("storage classes and encryption are the vendor's where they mean the same everywhere, else one endpoint's") {
  for (const char* vendor : {"aws", "gcs", "r2", "yandex", "minio", "ceph", "seaweedfs", "other"}) {
    CAPTURE(vendor);
    const std::string name = vendor;
    Script here(std::vector<MockAnswer>{}, name), there(std::vector<MockAnswer>{}, name);
    Script neighbour(std::vector<MockAnswer>{}, name, false, [&](S3Options* options) { options->endpoint = here.server.endpoint(); });
    const bool everywhere = name == "aws" || name == "gcs" || name == "r2" || name == "yandex";
    CHECK(!here.provider->Caps().class_vendor.empty());
    CHECK((here.provider->Caps().class_vendor == there.provider->Caps().class_vendor) == everywhere);
    CHECK((here.provider->Caps().encryption_vendor == there.provider->Caps().encryption_vendor) == everywhere);
    CHECK(here.provider->Caps().class_vendor == neighbour.provider->Caps().class_vendor);
    CHECK(here.provider->Caps().encryption_vendor == neighbour.provider->Caps().encryption_vendor);
  }
}

}  // namespace
}  // namespace fileferry::test
