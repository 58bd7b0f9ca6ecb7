// tables_test.cc: dialects, addresses, the error table, properties as headers.
#include <doctest/doctest.h>

#include <string>

#include "providers/s3/address.h"
#include "providers/s3/config.h"
#include "providers/s3/dialect.h"
#include "providers/s3/errors.h"
#include "providers/s3/properties.h"
#include "providers/s3/results.h"

namespace fileferry::s3 {
namespace {

Result<Address> Find(S3Options options, std::string_view region = "eu-west-1") {
  Result<Endpoint> endpoint = ParseEndpoint(options.endpoint);
  if (!endpoint.ok()) return endpoint.status();
  const Dialect* dialect = options.vendor.empty() ? DialectOfHost(endpoint->host) : FindDialect(options.vendor);
  return AddressOf(options, *endpoint, dialect == nullptr ? *FindDialect("other") : *dialect, region, options.bucket);
}
std::string Url(S3Options options, std::string_view region = "eu-west-1") {
  Result<Address> address = Find(std::move(options), region);
  return address.ok() ? address->origin() + address->base : "error: " + std::string(address.status().message());
}
S3Options At(std::string endpoint, std::string bucket = "acme", std::string addressing = "auto") {
  S3Options options;
  options.endpoint = std::move(endpoint);
  options.bucket = std::move(bucket);
  options.addressing = std::move(addressing);
  return options;
}

TEST_CASE("address: AWS") {
  CHECK(Url(At("")) == "https://acme.s3.eu-west-1.amazonaws.com");
  CHECK(Url(At(""), "cn-north-1") == "https://acme.s3.cn-north-1.amazonaws.com.cn");
  CHECK(Url(At(""), "eusc-de-east-1") == "https://acme.s3.eusc-de-east-1.amazonaws.eu");
  CHECK(Url(At("", "ac.me")) == "https://s3.eu-west-1.amazonaws.com/ac.me");      // a dot breaks the certificate
  CHECK(Url(At("", "Acme_1")) == "https://s3.eu-west-1.amazonaws.com/Acme_1");
  CHECK(Url(At("", "soap")) == "https://s3.eu-west-1.amazonaws.com/soap");
  CHECK(Url(At("", "acme", "path")) == "https://s3.eu-west-1.amazonaws.com/acme");
  S3Options options = At("");
  options.dualstack = true;
  CHECK(Url(options) == "https://acme.s3.dualstack.eu-west-1.amazonaws.com");
  options.fips = true;
  CHECK(Url(options) == "https://acme.s3-fips.dualstack.eu-west-1.amazonaws.com");
  CHECK(Url(options, "cn-north-1").starts_with("error"));
  options.fips = false;
  options.accelerate = true;
  CHECK(Url(options) == "https://acme.s3-accelerate.dualstack.amazonaws.com");
  options.bucket = "ac.me";
  CHECK(Url(options).starts_with("error"));
}

TEST_CASE("address: custom endpoints keep host, port and base path") {
  CHECK(Url(At("http://127.0.0.1:8333")) == "http://127.0.0.1:8333/acme");
  CHECK(Url(At("http://127.0.0.1:80")) == "http://127.0.0.1/acme");               // the default port is no part of Host
  CHECK(Url(At("https://S3.Example.ORG:443/")) == "https://s3.example.org/acme");
  CHECK(Url(At("https://h:9000/s3/")) == "https://h:9000/s3/acme");
  CHECK(Url(At("http://[::1]:9000")) == "http://[::1]:9000/acme");
  CHECK(Url(At("http://h", "acme", "virtual")) == "http://acme.h");
  CHECK(Url(At("http://h", "a.b", "virtual")) == "http://a.b.h");                 // no certificate to break
  CHECK(Url(At("https://h", "a.b", "virtual")).starts_with("error"));
  CHECK(Url(At("https://ams3.digitaloceanspaces.com")) == "https://acme.ams3.digitaloceanspaces.com");
  CHECK(Url(At("https://x.r2.cloudflarestorage.com")) == "https://x.r2.cloudflarestorage.com/acme");
}

TEST_CASE("address: wrong endpoints are named") {
  for (const char* wrong : {"ftp://h", "http://", "http://h:0", "http://h:99999", "http://u:p@h", "http://h/?q", "http://h/#f", "http://h h", "://", "http://h/%zz"}) {
    INFO(wrong);
    Result<Endpoint> endpoint = ParseEndpoint(wrong);
    REQUIRE_FALSE(endpoint.ok());
    CHECK(endpoint.code() == Code::kInvalidArgument);
    CHECK(endpoint.status().message().find("`endpoint`") != std::string_view::npos);
    CHECK(endpoint.status().message().find("u:p") == std::string_view::npos);
  }
}

TEST_CASE("dialect: found by host and by Server header") {
  CHECK(DialectOfHost("")->name == "aws");
  CHECK(DialectOfHost("s3.eu-west-1.amazonaws.com")->name == "aws");
  CHECK(DialectOfHost("ams3.digitaloceanspaces.com")->name == "spaces");
  CHECK(DialectOfHost("storage.googleapis.com")->name == "gcs");
  CHECK(DialectOfHost("a.r2.cloudflarestorage.com")->name == "r2");
  CHECK(DialectOfHost("s3.us-west-004.backblazeb2.com")->name == "b2");
  CHECK(DialectOfHost("storage.yandexcloud.net")->name == "yandex");
  CHECK(DialectOfHost("evilamazonaws.com") == nullptr);
  CHECK(DialectOfHost("amazonaws.com.evil.org") == nullptr);
  CHECK(DialectOfHost("127.0.0.1") == nullptr);
  CHECK(DialectOfServer("SeaweedFS 8000GB 4.48").name == "seaweedfs");
  CHECK(DialectOfServer("MinIO").name == "minio");
  CHECK(DialectOfServer("AmazonS3").name == "aws");
  CHECK(DialectOfServer("Werkzeug/3.1.8 Python/3.11.7").name == "other");
  CHECK(DialectOfServer("").name == "other");
}

TEST_CASE("dialect: every row is complete, and every name in the list is a row") {
  std::string_view names = DialectNames();
  int rows = 0;
  while (!names.empty()) {
    const std::size_t bar = std::min(names.find('|'), names.size());
    const Dialect* dialect = FindDialect(names.substr(0, bar));
    REQUIRE(dialect != nullptr);
    CHECK_FALSE(dialect->title.empty());
    CHECK_FALSE(dialect->default_region.empty());
    CHECK(dialect->max_part <= dialect->max_put);
    CHECK(dialect->multi_delete <= 1000);
    if (dialect->keeps_crc64) CHECK(dialect->integrity == Integrity::kCrc64);
    const Capabilities caps = CapabilitiesOf(*dialect);
    CHECK(caps.max_parts >= 1000);
    CHECK_FALSE(caps.open);
    CHECK_FALSE(caps.batch);
    names.remove_prefix(std::min(bar + 1, names.size()));
    ++rows;
  }
  CHECK(rows == 10);
}

TEST_CASE("dialect: quirks override cells, and wrong ones are named") {
  Result<Dialect> changed = WithQuirks(*FindDialect("other"), "conditional_put=true, multi_delete=0,list_v1,max_parts=1000,integrity=none,min_part=67108864");
  REQUIRE(changed.ok());
  CHECK(changed->conditional_put);
  CHECK(changed->multi_delete == 0);
  CHECK(changed->list_v1);
  CHECK(changed->max_parts == 1000);
  CHECK(changed->integrity == Integrity::kNone);
  CHECK(changed->min_part == 67108864);
  for (const char* wrong : {"conditional_putt=true", "conditional_put=maybe", "multi_delete=1001", "multi_delete=x", "max_parts=0", "integrity=sha1", "=1"}) {
    INFO(wrong);
    CHECK(WithQuirks(*FindDialect("other"), wrong).code() == Code::kInvalidArgument);
  }
  CHECK(std::string(WithQuirks(*FindDialect("other"), "conditional_putt=1").status().message()).find("conditional_put") != std::string::npos);
}

TEST_CASE("dialect: keys that a service cannot hold") {
  const Dialect& weed = *FindDialect("seaweedfs");
  for (const char* key : {"/a", "a//b", "a\\b", "./a", "a/..", "a/", "a/../b", "."}) {
    INFO(key);
    CHECK(CheckDialectKey(weed, key).code() == Code::kInvalidArgument);
    CHECK(CheckDialectKey(*FindDialect("aws"), key).ok());
    CHECK(CheckDialectKey(*FindDialect("other"), key).ok());
  }
  for (const char* key : {"a", "a/b", "...", "a..b", "a b", "%41", ".hidden", "a+b", "a\nb", "a\x01"}) {
    INFO(key);
    CHECK(CheckDialectKey(weed, key).ok());
  }
  CHECK(CheckDialectKey(weed, std::string(255, 'x')).ok());
  CHECK_FALSE(CheckDialectKey(weed, "a/" + std::string(256, 'x')).ok());
  CHECK_FALSE(CheckDialectKey(*FindDialect("spaces"), "a\x01").ok());
}

TEST_CASE("errors: codes and bare statuses") {
  struct Row {
    const char* code;
    int http;
    Code status;
    bool temporary;
  };
  const Row rows[] = {{"AccessDenied", 403, Code::kPermissionDenied, false}, {"SignatureDoesNotMatch", 403, Code::kUnauthenticated, false},
                      {"ExpiredToken", 400, Code::kUnauthenticated, false},  {"NoSuchKey", 404, Code::kNotFound, false},
                      {"NoSuchBucket", 404, Code::kNotFound, false},         {"SlowDown", 503, Code::kRateLimited, true},
                      {"RequestTimeout", 400, Code::kTimeout, true},         {"BadDigest", 400, Code::kIntegrity, true},
                      {"IncompleteBody", 400, Code::kUnavailable, true},     {"InternalError", 500, Code::kUnavailable, true},
                      {"InternalError", 200, Code::kUnavailable, true},      {"PreconditionFailed", 412, Code::kPreconditionFailed, false},
                      {"ConditionalRequestConflict", 409, Code::kUnavailable, true}, {"InvalidObjectState", 403, Code::kArchived, false},
                      {"NotImplemented", 501, Code::kUnsupported, false},    {"XMinioStorageFull", 507, Code::kQuotaExceeded, false},
                      {"KMS.Whatever", 400, Code::kPermissionDenied, false}, {"NeverHeardOfIt", 418, Code::kInvalidArgument, false},
                      {"NeverHeardOfIt", 503, Code::kUnavailable, true},     {"NeverHeardOfIt", 200, Code::kUnavailable, true},
                      {"", 301, Code::kInvalidArgument, false},              {"", 304, Code::kPreconditionFailed, false},
                      {"", 401, Code::kUnauthenticated, false},              {"", 403, Code::kPermissionDenied, false},
                      {"", 404, Code::kNotFound, false},                     {"", 408, Code::kTimeout, true},
                      {"", 412, Code::kPreconditionFailed, false},           {"", 429, Code::kRateLimited, true},
                      {"", 499, Code::kUnavailable, true},                   {"", 500, Code::kUnavailable, true},
                      {"", 502, Code::kUnavailable, true},                   {"", 503, Code::kUnavailable, true},
                      {"", 507, Code::kQuotaExceeded, false},                {"", 509, Code::kUnavailable, true},
                      {"", 520, Code::kUnavailable, true}};
  for (const Row& row : rows) {
    INFO(row.code << " " << row.http);
    const Status status = StatusOfCode(row.code, "words", row.http);
    CHECK(status.code() == row.status);
    CHECK(status.temporary() == row.temporary);
    CHECK_FALSE(status.message().empty());
    CHECK_FALSE(status.message().ends_with("."));
  }
}

TEST_CASE("errors: an error document is read with and without namespace, and nothing else is one") {
  ServiceError error;
  CHECK(ParseServiceError("<?xml version=\"1.0\"?>\n<Error><Code>NoSuchKey</Code><Message>no</Message><RequestId>7f</RequestId><Region>eu-west-1</Region></Error>", &error));
  CHECK(error.code == "NoSuchKey");
  CHECK(error.region == "eu-west-1");
  CHECK(error.request_id == "7f");
  error = {};
  CHECK(ParseServiceError("  \n<Error xmlns=\"urn:x\"><Code>A</Code></Error>", &error));
  CHECK(error.code == "A");
  error = {};
  for (const char* text : {"<s:Error xmlns:s=\"urn:x\"><s:Code>A</s:Code></s:Error>", "<!-- <List> --><Error><Code>A</Code></Error>", "<?xml version=\"1.0\"?><?x y?><Error\n><Code>A</Code></Error>",
                           "<ErrorResponse><Error><Code>A</Code></Error></ErrorResponse>"}) {
    CAPTURE(text);
    ServiceError found;
    CHECK(ParseServiceError(text, &found));
    CHECK(found.code == "A");
  }
  for (const char* text : {"<ListBucketResult><Error><Code>A</Code></Error></ListBucketResult>", "<Errors><Code>A</Code></Errors>", "<Error", "<"}) CHECK_FALSE(ParseServiceError(text, &error));
  CHECK_FALSE(ParseServiceError("<html><body>Error</body></html>", &error));
  CHECK_FALSE(ParseServiceError("<Error><Code>A</Code>", &error));
  CHECK_FALSE(ParseServiceError("", &error));
}

TEST_CASE("errors: how long to wait") {
  http::Response response;
  response.headers = {{"retry-after", "7"}};
  CHECK(RetryAfter(response).count() == 7000);
  response.headers = {{"x-amz-retry-after", "250"}, {"retry-after", "7"}};
  CHECK(RetryAfter(response).count() == 250);
  response.headers = {{"date", "Fri, 24 May 2013 00:00:00 GMT"}, {"retry-after", "Fri, 24 May 2013 00:00:09 GMT"}};
  CHECK(RetryAfter(response).count() == 9000);
  response.headers = {{"retry-after", "99999999999999999999"}};
  CHECK(RetryAfter(response).count() == 0);
  response.headers = {{"retry-after", "999999"}};
  CHECK(RetryAfter(response).count() == 300000);
  response.headers = {{"retry-after", "soon"}};
  CHECK(RetryAfter(response).count() == 0);
}

TEST_CASE("properties: round trip through headers, reserved metadata hidden") {
  Properties properties;
  properties.content_type = "image/png";
  properties.cache_control = "max-age=3";
  properties.content_disposition = "attachment; filename=\"a b.png\"";
  properties.content_encoding = "gzip";
  properties.content_language = "de";
  properties.metadata = {{"plain", "v"}, {"unicode", "gr\xC3\xBC\xC3\x9F"}, {"edge", " spaces "}};
  properties.mtime = Time(std::chrono::nanoseconds(1687000000123456789));
  DigestSet digests;
  Digest crc;
  crc.bytes[7] = std::byte{5};
  digests.Set(crc);
  Headers headers;
  REQUIRE(AppendProperties(*FindDialect("other"), properties, {"attempt-1", &digests, 12}, &headers).ok());
  http::Response response;
  response.status = 200;
  for (const auto& [name, value] : headers) {
    for (const char c : value) CHECK((c >= 0x20 && c < 0x7f));
    if (name == "x-amz-meta-mtime") CHECK(value == "1687000000.123456789");  // as rclone writes it
    response.headers.push_back({name, value});
  }
  response.headers.push_back({"etag", "abc"});
  response.headers.push_back({"content-length", "12"});
  Result<ObjectInfo> info = InfoFromHeaders(*FindDialect("other"), "k", response);
  REQUIRE(info.ok());
  CHECK(info->properties == properties);
  CHECK(info->attempt_id == "attempt-1");
  CHECK(info->etag == "\"abc\"");
  CHECK(info->size == 12);
  REQUIRE(info->digests.Find(DigestKind::kCrc64Nvme) != nullptr);
  CHECK(*info->digests.Find(DigestKind::kCrc64Nvme) == crc);
  CHECK(info->confirmed == 0);  // anybody can write that
  for (http::Header& header : response.headers) {
    if (header.name == "content-length") header.value = "13";
  }
  info = InfoFromHeaders(*FindDialect("other"), "k", response);
  REQUIRE(info.ok());
  CHECK(info->digests.empty());  // it was written beside an object of 12 bytes
}

TEST_CASE("properties: checksums of whole objects are taken, of every kind, from services that check them") {
  http::Response response;
  response.status = 200;
  response.headers = {{"etag", "\"e\""}, {"content-length", "11"}, {"x-amz-checksum-crc32", "DUoRhQ=="}, {"x-amz-checksum-sha1", "Kq5sNclPz7QV2+lfQIuc6R7oRu0=-2"}};
  for (const char* vendor : {"aws", "minio"}) {
    Result<ObjectInfo> info = InfoFromHeaders(*FindDialect(vendor), "k", response);
    REQUIRE(info.ok());
    CHECK(info->digests.mask() == MaskOf(DigestKind::kCrc32));
    CHECK(info->confirmed == MaskOf(DigestKind::kCrc32));
  }
  CHECK(InfoFromHeaders(*FindDialect("other"), "k", response)->digests.empty());
  response.headers.push_back({"x-amz-checksum-type", "COMPOSITE"});
  CHECK(InfoFromHeaders(*FindDialect("aws"), "k", response)->digests.empty());
}

TEST_CASE("properties: an unset content type is sent as AWS's own default and reads as unset") {
  Headers headers;
  REQUIRE(AppendProperties(*FindDialect("aws"), {}, {}, &headers).ok());
  REQUIRE(headers.size() == 1);
  CHECK(headers[0].second == "binary/octet-stream");
  http::Response response;
  response.status = 200;
  response.headers = {{"etag", "\"e\""}, {"content-type", "binary/octet-stream"}, {"content-encoding", "aws-chunked,gzip"}};
  Result<ObjectInfo> info = InfoFromHeaders(*FindDialect("aws"), "k", response);
  REQUIRE(info.ok());
  CHECK(info->properties.content_type.empty());
  CHECK(info->properties.content_encoding == "gzip");
}

TEST_CASE("properties: what cannot be sent is refused") {
  Headers headers;
  Properties properties;
  properties.metadata = {{"a", "x\r\ny: z"}};
  CHECK(AppendProperties(*FindDialect("aws"), properties, {}, &headers).code() == Code::kInvalidArgument);
  properties.metadata = {{"mtime", "1"}};
  CHECK(AppendProperties(*FindDialect("aws"), properties, {}, &headers).code() == Code::kInvalidArgument);
  properties.metadata = {{"ferry-crc64", "1"}};
  CHECK(AppendProperties(*FindDialect("aws"), properties, {}, &headers).code() == Code::kInvalidArgument);
  properties.metadata = {{"a", std::string(2100, 'x')}};
  CHECK(AppendProperties(*FindDialect("aws"), properties, {}, &headers).code() == Code::kInvalidArgument);
  properties.metadata = {{"a", std::string(CapabilitiesOf(*FindDialect("aws")).max_metadata_bytes - 1, 'x')}};
  CHECK(AppendProperties(*FindDialect("aws"), properties, {"01234567890123456789012345", nullptr}, &headers).ok());
  properties.metadata.clear();
  properties.acl = "public-read";
  CHECK(AppendProperties(*FindDialect("r2"), properties, {}, &headers).code() == Code::kUnsupported);
}

TEST_CASE("ranges and etags") {
  ContentRange range;
  CHECK(ParseContentRange("bytes 0-3/11", &range));
  CHECK(range.last == 3);
  CHECK(range.total == 11);
  CHECK(ParseContentRange("bytes */11", &range));
  CHECK(range.unsatisfied);
  for (const char* wrong : {"", "bytes", "bytes 0-3", "bytes 3-0/11", "bytes 0-11/11", "bytes 0-3/*", "items 0-3/11", "bytes -3/11", "bytes 0-/11", "bytes 0-3/99999999999999999999"}) {
    INFO(wrong);
    CHECK_FALSE(ParseContentRange(wrong, &range));
  }
  CHECK(SameEtag("\"a\"", "a"));
  CHECK(SameEtag("W/\"a\"", "\"a\""));
  CHECK_FALSE(SameEtag("\"a\"", "\"a-1\""));
}

TEST_CASE("results: an answer that is empty, cut or something else may hide a success") {
  const std::string body = "<?xml version=\"1.0\"?>\n<CompleteMultipartUploadResult><ETag>&quot;e-2&quot;</ETag><ChecksumCRC64NVME>AAAAAAAAAAU=</ChecksumCRC64NVME></CompleteMultipartUploadResult>";
  Result<WriteResult> result = ReadWriteResult("   \n  " + body, "CompleteMultipartUpload");
  REQUIRE(result.ok());
  CHECK(result->etag == "\"e-2\"");
  CHECK(result->crc64 == "AAAAAAAAAAU=");
  for (std::size_t cut = 0; cut < body.size(); ++cut) {
    Result<WriteResult> damaged = ReadWriteResult(body.substr(0, cut), "CompleteMultipartUpload");
    REQUIRE_FALSE(damaged.ok());
    CHECK(damaged.status().temporary());
    CHECK(damaged.status().detail().ambiguous);
  }
  CHECK_FALSE(ReadWriteResult("<CopyObjectResult/>", "CompleteMultipartUpload").ok());
}

TEST_CASE("config: Rails' names, and messages that name key and place") {
  const Environment none = [](const std::string&) { return std::optional<std::string>(); };
  StorageConfig config;
  config.name = "media";
  config.values["bucket"] = {"acme", {"config/storage.yml", 4}};
  config.values["endpoint"] = {"http://127.0.0.1:1", {"config/storage.yml", 5}};
  config.values["region"] = {"us-east-1", {"config/storage.yml", 5}};
  config.values["access_key_id"] = {"AK", {"config/storage.yml", 6}};
  config.values["secret_access_key"] = {"canary-secret", {"config/storage.yml", 7}};
  config.values["force_path_style"] = {"true", {"config/storage.yml", 8}};
  config.values["connect_timeout"] = {"3s", {"config/storage.yml", 9}};
  Result<S3Options> options = S3OptionsOf(config, none);
  REQUIRE(options.ok());
  CHECK(options->addressing == "path");
  CHECK(options->connect_timeout == std::chrono::seconds(3));
  CHECK(options->name == "media");
  const auto refused = [&](const char* key, const char* value, const char* place = "config/storage.yml:12") {
    StorageConfig wrong = config;
    wrong.values[key] = {value, {"config/storage.yml", 12}};
    Result<S3Options> result = S3OptionsOf(wrong, none);
    REQUIRE_FALSE(result.ok());
    CHECK(result.code() == Code::kInvalidArgument);
    CHECK(result.status().message().find(key) != std::string_view::npos);
    CHECK(result.status().message().find(place) != std::string_view::npos);
    CHECK(result.status().ToString().find("canary-secret") == std::string::npos);
  };
  refused("payload_signing", "maybe");
  refused("dualstack", "perhaps");
  refused("stall_timeout", "x");
  refused("max_connections", "0");
  refused("access_key_id", "", "config/storage.yml:7");  // the secret is left alone
}

}  // namespace
}  // namespace fileferry::s3
