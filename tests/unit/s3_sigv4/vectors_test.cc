// The published examples of Signature Version 4, and further ones that two independent implementations agree on.
#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "base/digest.h"
#include "base/text.h"
#include "fileferry/sigv4.h"

namespace fileferry {
namespace {

constexpr const char* kEmpty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr const char* kHost = "examplebucket.s3.amazonaws.com";

Time May24() { return std::chrono::sys_days(std::chrono::year(2013) / 5 / 24); }
SigV4Credentials Example(std::string token = {}) { return {"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", std::move(token)}; }
std::string Hash(std::string_view text) { return ToHex(Sha256(AsBytes(text)).value()); }

SigV4Request Simple(std::string path) {
  SigV4Request request;
  request.host = kHost;
  request.path = std::move(path);
  return request;
}

const std::string kOddKey = "dir/a b+c%d~e=f&g'h(i)*!@$,;:\xC3\xBC\xD1\x84.txt";

TEST_CASE("GET with a range") {
  const SigV4Signer signer(Example(), {});
  SigV4Request request = Simple("/test.txt");
  request.headers = {{"Range", "bytes=0-9"}};
  const SigV4Result result = signer.Sign(request, May24());
  CHECK(result.signed_headers == "host;range;x-amz-content-sha256;x-amz-date");
  CHECK(Hash(result.canonical_request) == "7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972");
  CHECK(result.signature == "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
  REQUIRE(result.headers.size() == 3);
  CHECK(result.headers[0].first == "Authorization");
  CHECK(result.headers[0].second ==
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
  CHECK(result.headers[1] == std::pair<std::string, std::string>("x-amz-date", "20130524T000000Z"));
  CHECK(result.headers[2] == std::pair<std::string, std::string>("x-amz-content-sha256", kEmpty));
}

TEST_CASE("PUT with a date and a storage class") {
  const SigV4Signer signer(Example(), {});
  SigV4Request request = Simple("/test$file.text");
  request.method = "PUT";
  request.headers = {{"x-amz-storage-class", "REDUCED_REDUNDANCY"}, {"Date", "Fri, 24 May 2013 00:00:00 GMT"}};
  request.payload_hash = Hash("Welcome to Amazon S3.");
  const SigV4Result result = signer.Sign(request, May24());
  CHECK(result.encoded_path == "/test%24file.text");
  CHECK(result.signed_headers == "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class");
  CHECK(Hash(result.canonical_request) == "9e0e90d9c76de8fa5b200d8c849cd5b8dc7a3be3951ddb7f6a76b4158342019d");
  CHECK(result.signature == "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

TEST_CASE("queries") {
  const SigV4Signer signer(Example(), {});
  SigV4Request request = Simple("/");
  request.query = {{"lifecycle", ""}};
  SigV4Result result = signer.Sign(request, May24());
  CHECK(Hash(result.canonical_request) == "9766c798316ff2757b517bc739a67f6213b4ab36dd5da2f94eaebf79c77395ca");
  CHECK(result.signature == "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
  CHECK(result.encoded_query == "lifecycle=");

  request.query = {{"prefix", "J"}, {"max-keys", "2"}};
  result = signer.Sign(request, May24());
  CHECK(Hash(result.canonical_request) == "df57d21db20da04d7fa30298dd4488ba3a2b47ca3a489c74750e0f1e7df1b9b7");
  CHECK(result.signature == "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");

  request.query = {{"list-type", "2"}, {"prefix", "a b/"}, {"delimiter", "/"}, {"encoding-type", "url"}, {"max-keys", "1000"}, {"continuation-token", "1/x+="}};
  result = signer.Sign(request, May24());
  CHECK(result.signature == "d70afcc37281da000870171ab4a959e3ba19b4c3844162f9e6e542406b22192f");
}

TEST_CASE("signed URLs") {
  const SigV4Signer signer(Example(), {});
  Result<SigV4Result> result = signer.Presign(Simple("/test.txt"), May24(), std::chrono::seconds(86400));
  REQUIRE(result.ok());
  CHECK(Hash(result->canonical_request) == "3bfa292879f6447bbcda7001decf97f4a54dc650c8942174ae0a9121cf58ad04");
  CHECK(result->signature == "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
  CHECK(result->encoded_query ==
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&"
        "X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
  CHECK(result->headers.empty());

  SigV4Request put = Simple("/up.bin");
  put.method = "PUT";
  put.headers = {{"Content-Type", "image/png"}, {"Content-MD5", "XrY7u+Ae7tCTyyK7j1rNww=="}};
  put.payload_hash = Hash("never looked at: the payload of a signed URL is not signed");
  result = signer.Presign(put, May24(), std::chrono::seconds(300));
  REQUIRE(result.ok());
  CHECK(result->signed_headers == "content-md5;content-type;host");
  CHECK(result->signature == "894adf812b552dd6985e3bfba246c6914435285ef4587f53d1971baa5ad3b659");

  SigV4Request get = Simple("/test.txt");
  get.query = {{"response-content-disposition", "attachment; filename=\"a b.txt\""}, {"response-content-type", "text/plain"}};
  result = signer.Presign(get, May24(), std::chrono::seconds(3600));
  REQUIRE(result.ok());
  CHECK(result->signature == "e091a1f230f39b5955687ea32c278cdf762ecfc3af842408911c46c64057b0db");
}

TEST_CASE("how long a signed URL may be valid") {
  const SigV4Signer signer(Example(), {});
  for (long seconds : {-7L, 0L, 604801L, 609901L}) CHECK(signer.Presign(Simple("/x"), May24(), std::chrono::seconds(seconds)).code() == Code::kInvalidArgument);
  for (long seconds : {1L, 604800L}) CHECK(signer.Presign(Simple("/x"), May24(), std::chrono::seconds(seconds)).ok());
}

TEST_CASE("an odd key with a session token") {
  const SigV4Signer signer(Example("SESSION/TOKEN+x=="), {});
  SigV4Request put;
  put.method = "PUT";
  put.host = "127.0.0.1:9000";
  put.path = "/bkt/" + kOddKey;
  put.headers = {{"Content-Type", "text/plain"}, {"x-amz-meta-name", "  two   spaces  "}};
  put.payload_hash = Hash("hello world");
  const SigV4Result result = signer.Sign(put, May24());
  CHECK(result.encoded_path == "/bkt/dir/a%20b%2Bc%25d~e%3Df%26g%27h%28i%29%2A%21%40%24%2C%3B%3A%C3%BC%D1%84.txt");
  CHECK(result.signed_headers == "content-type;host;x-amz-content-sha256;x-amz-date;x-amz-meta-name;x-amz-security-token");
  CHECK(result.signature == "46b53e2897b7acc62bc51c7c4b6e01d7d3f23200c3b08f88d9f868e74fc9eb26");
  CHECK(result.headers.back() == std::pair<std::string, std::string>("x-amz-security-token", "SESSION/TOKEN+x=="));

  const Result<SigV4Result> url = signer.Presign(Simple("/" + kOddKey), May24(), std::chrono::seconds(900));
  REQUIRE(url.ok());
  CHECK(url->signature == "f69c58e96731e6a004da61fbf5e6ba6074b7862ef15e64672956a0cf263529b9");
}

TEST_CASE("chunked bodies") {
  const SigV4Signer signer(Example(), {});
  const std::string first(65536, 'a');
  const std::string second(1024, 'a');
  SigV4Request put;
  put.method = "PUT";
  put.host = "s3.amazonaws.com";
  put.path = "/examplebucket/chunkObject.txt";
  put.headers = {{"content-encoding", "aws-chunked"}, {"x-amz-decoded-content-length", "66560"}, {"x-amz-storage-class", "REDUCED_REDUNDANCY"}};

  SUBCASE("without a trailer") {
    put.headers.emplace_back("content-length", "66824");
    put.payload_hash = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
    const std::string seed = signer.Sign(put, May24()).signature;
    CHECK(seed == "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9");
    const std::string chunk1 = signer.ChunkSignature(seed, AsBytes(first), May24());
    CHECK(chunk1 == "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648");
    const std::string chunk2 = signer.ChunkSignature(chunk1, AsBytes(second), May24());
    CHECK(chunk2 == "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497");
    CHECK(signer.ChunkSignature(chunk2, {}, May24()) == "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9");
  }
  SUBCASE("with a trailer") {
    put.headers.emplace_back("x-amz-trailer", "x-amz-checksum-crc32c");
    put.payload_hash = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
    const std::string seed = signer.Sign(put, May24()).signature;
    CHECK(seed == "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e");
    const std::string chunk1 = signer.ChunkSignature(seed, AsBytes(first), May24());
    CHECK(chunk1 == "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2");
    const std::string chunk2 = signer.ChunkSignature(chunk1, AsBytes(second), May24());
    CHECK(chunk2 == "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7");
    const std::string chunk3 = signer.ChunkSignature(chunk2, {}, May24());
    CHECK(chunk3 == "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992");
    CHECK(signer.TrailerSignature(chunk3, "x-amz-checksum-crc32c:sOO8/Q==\n", May24()) == "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435");
  }
}

TEST_CASE("the steps give what Sign gives") {
  const SigV4Signer signer(Example("token"), {});
  SigV4Request request = Simple("/a b");
  request.headers = {{"X-Amz-Meta-B", "2"}, {"x-amz-meta-a", "1"}};
  const SigV4Result whole = signer.Sign(request, May24());
  request.headers.insert(request.headers.end(), {{"x-amz-date", "20130524T000000Z"}, {"x-amz-content-sha256", kEmpty}, {"x-amz-security-token", "token"}});
  std::string names;
  const std::string canonical = SigV4Signer::CanonicalRequest(request, signer.options(), &names);
  CHECK(canonical == whole.canonical_request);
  CHECK(names == whole.signed_headers);
  const std::string text = SigV4Signer::StringToSign(canonical, May24(), signer.options());
  CHECK(text == whole.string_to_sign);
  CHECK(signer.Signature(text, May24()) == whole.signature);
  CHECK(signer.Scope(May24()) == "20130524/us-east-1/s3/aws4_request");
}

TEST_CASE("headers: order, case, doubles, and those that are left out") {
  const SigV4Signer signer(Example(), {});
  SigV4Request request = Simple("/x");
  request.headers = {{"X-AMZ-META-Z", " a "}, {"User-Agent", "x"}, {"accept-encoding", "identity"}, {"x-amz-meta-z", "b\t \tc"}, {"Host", "other"}, {"X-Amz-Date", "19990101T000000Z"}};
  const SigV4Result result = signer.Sign(request, May24());
  CHECK(result.canonical_request == "GET\n/x\n\nhost:examplebucket.s3.amazonaws.com\nx-amz-content-sha256:" + std::string(kEmpty) +
                                        "\nx-amz-date:20130524T000000Z\nx-amz-meta-z:a,b c\n\nhost;x-amz-content-sha256;x-amz-date;x-amz-meta-z\n" + kEmpty);
}

TEST_CASE("other services: normalised and doubly encoded paths, no payload header") {
  SigV4Options options;
  options.service = "service";
  options.normalize_path = true;
  options.double_encode = true;
  options.signed_body = false;
  const SigV4Signer signer(Example(), options);
  const auto path = [&](const char* raw) {
    const std::string canonical = signer.Sign(Simple(raw), May24()).canonical_request;
    return canonical.substr(4, canonical.find('\n', 4) - 4);
  };
  CHECK(path("") == "/");
  CHECK(path("/") == "/");
  CHECK(path("//") == "/");
  CHECK(path("/./") == "/");
  CHECK(path("/a/../..") == "/");
  CHECK(path("/a/b/..") == "/a");
  CHECK(path("/a//b/./c/") == "/a/b/c/");
  CHECK(path("/a b/\xC3\xBC") == "/a%2520b/%25C3%25BC");
  CHECK(signer.Sign(Simple("/"), May24()).signed_headers == "host;x-amz-date");
  // S3 keeps every byte.
  const std::string kept = SigV4Signer(Example(), {}).Sign(Simple("/a//b/./../c/"), May24()).encoded_path;
  CHECK(kept == "/a//b/./../c/");
}

TEST_CASE("the key of the day follows the day, for many threads at once") {
  const SigV4Signer signer(Example(), {});
  std::vector<std::string> expected;
  for (int day = 0; day < 8; ++day) expected.push_back(SigV4Signer(Example(), {}).Sign(Simple("/x"), May24() + std::chrono::hours(24 * day)).signature);
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 2000; ++i) {
        const int day = (i / (t + 1)) % 8;
        if (signer.Sign(Simple("/x"), May24() + std::chrono::hours(24 * day)).signature != expected[static_cast<std::size_t>(day)]) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong.load() == 0);
}

TEST_CASE("percent-encoding") {
  CHECK(UriEncode("", true).empty());
  CHECK(UriEncode("AZaz09-_.~/", true) == "AZaz09-_.~/");
  CHECK(UriEncode("a/b c+%", false) == "a%2Fb%20c%2B%25");
  std::string all;
  for (int c = 1; c < 256; ++c) all.push_back(static_cast<char>(c));
  const auto decoded = PercentDecode(UriEncode(all, false), false);
  REQUIRE(decoded);
  CHECK(*decoded == all);
}

}  // namespace
}  // namespace fileferry
