// list_test.cc: listing pages: the fast reader against the general one, and against pages written by hand.
#include <doctest/doctest.h>

#include <chrono>
#include <random>
#include <string>

#include "fileferry/object.h"
#include "providers/s3/list.h"

namespace fileferry::s3 {
namespace {

std::string Object(const std::string& key, const std::string& size = "3", const std::string& time = "2026-11-21T06:39:10Z", const std::string& extra = "") {
  return "<Contents><Key>" + key + "</Key><LastModified>" + time + "</LastModified><ETag>&quot;e&quot;</ETag><Size>" + size + "</Size>" + extra + "</Contents>";
}
std::string Page(const std::string& inside) {
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name>" + inside + "</ListBucketResult>";
}

std::string Describe(const RawListPage& page) {
  std::string text;
  for (const ListEntry& entry : page.page.entries) {
    text += std::string(entry.key) + "|" + std::string(entry.etag) + "|" + std::string(entry.storage_class) + "|" + std::to_string(entry.size) + "|" +
            (entry.modified ? std::to_string(entry.modified->time_since_epoch().count()) : "-") + (entry.is_prefix ? "|P\n" : "\n");
  }
  return text + (page.truncated ? "T" : "F") + (page.url_encoded ? "U" : "-") + (page.has_key_count ? "K" : "-") + (page.has_names ? "N" : "-") + page.next_token + "|" + page.next_marker;
}

// What the fast reader takes, the general one must read the same way.
void CheckAgree(const std::string& body) {
  RawListPage fast, slow;
  if (!ParseListFast(body, &fast)) return;
  INFO(body);
  const Status status = ParseListXml(body, &slow);
  REQUIRE(status.ok());
  CHECK(Describe(fast) == Describe(slow));
}

TEST_CASE("list: a page of SeaweedFS, with the encoding said at its end") {
  const std::string body = Page("<Prefix>k/</Prefix><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated>"
                                "<Contents><Key>k/%2541</Key><ETag>&#34;75e8&#34;</ETag><Size>3</Size><StorageClass>STANDARD</StorageClass><LastModified>2026-11-21T06:39:10Z</LastModified></Contents>"
                                "<Contents><Key>k/a+b</Key><ETag>&#34;0cc9&#34;</ETag><Size>18446744073709551615</Size><StorageClass>GLACIER</StorageClass><LastModified>2026-11-21T06:39:10.250Z</LastModified></Contents>"
                                "<CommonPrefixes><Prefix>k/%C3%BC/</Prefix></CommonPrefixes><EncodingType>url</EncodingType><KeyCount>3</KeyCount>");
  RawListPage raw;
  REQUIRE(ParseListFast(body, &raw));
  CheckAgree(body);
  Result<RawListPage> page = ParseList(body);
  REQUIRE(page.ok());
  REQUIRE(page->page.entries.size() == 3);
  CHECK(page->page.entries[0].key == "k/%41");
  CHECK(page->page.entries[0].etag == "\"75e8\"");
  CHECK(page->page.entries[0].storage_class == "STANDARD");
  CHECK(page->page.entries[0].modified->time_since_epoch() == std::chrono::seconds(1795243150));
  CHECK(page->page.entries[1].key == "k/a b");
  CHECK(page->page.entries[1].size == UINT64_MAX);
  CHECK(page->page.entries[1].storage_class == "GLACIER");
  CHECK(page->page.entries[1].modified->time_since_epoch() == std::chrono::milliseconds(1795243150250));
  CHECK(page->page.entries[2].key == "k/\xC3\xBC/");
  CHECK(page->page.entries[2].is_prefix);
  CHECK(page->has_key_count);
}

TEST_CASE("list: texts stay valid after the body is gone and the page has moved") {
  ListPage kept;
  {
    std::string body = Page(Object("a&amp;b") + Object("plain", "7", "2026-11-21T06:39:10Z", "<StorageClass>COLD</StorageClass>"));
    Result<RawListPage> page = ParseList(body);
    REQUIRE(page.ok());
    kept = std::move(page->page);
    body.assign(body.size(), 'X');
  }
  REQUIRE(kept.entries.size() == 2);
  CHECK(kept.entries[0].key == "a&b");
  CHECK(kept.entries[1].key == "plain");
  CHECK(kept.entries[1].etag == "\"e\"");
  CHECK(kept.entries[1].storage_class == "COLD");
}

TEST_CASE("list: the encoding is undone only where the answer says so") {
  Result<RawListPage> page = ParseList(Page(Object("a+b%20c")));
  REQUIRE(page.ok());
  CHECK(page->page.entries[0].key == "a+b%20c");
  page = ParseList(Page("<EncodingType>url</EncodingType>" + Object("a+b%20c")));
  REQUIRE(page.ok());
  CHECK(page->page.entries[0].key == "a b c");
}

TEST_CASE("list: names that cannot be right stop the listing") {
  CHECK(ParseList(Page(Object("a\xEF\xBF\xBD" "b"))).code() == Code::kIntegrity);                         // U+FFFD: the service replaced something
  CHECK(ParseList(Page("<EncodingType>url</EncodingType>" + Object("a%EF%BF%BDb"))).ok());               // here it is the name itself
  CHECK(ParseList(Page("<EncodingType>url</EncodingType>" + Object("a%ZZ"))).code() == Code::kIntegrity);
  CHECK(ParseList(Page("<EncodingType>url</EncodingType>" + Object("a%"))).code() == Code::kIntegrity);
  CHECK(ParseList(Page("<EncodingType>url</EncodingType>" + Object("a%FF"))).code() == Code::kIntegrity);  // not UTF-8
  CHECK(ParseList(Page("<EncodingType>url</EncodingType>" + Object("a%00"))).code() == Code::kIntegrity);
  CHECK(ParseList(Page(Object(""))).code() == Code::kIntegrity);
  CHECK_FALSE(ParseList(Page(Object("a\x01"))).ok());
  CHECK_FALSE(ParseList(Page(Object("a", "x"))).ok());
  CHECK_FALSE(ParseList(Page("<Contents><Key>a</Key></Contents>")).ok());
}

TEST_CASE("list: what the fast reader declines the general one reads") {
  const std::string odd[] = {
      Page("<!-- c -->" + Object("a")),
      Page("<Contents><Key><![CDATA[a<b]]></Key><Size>1</Size></Contents>"),
      Page(Object("a&#x62;")),
      "<s:ListBucketResult xmlns:s=\"urn:x\"><s:Name>b</s:Name><s:Contents><s:Key>a</s:Key><s:Size>1</s:Size></s:Contents></s:ListBucketResult>",
      Page(Object("a", "1", "2026-11-21T06:39:10Z", "<Vendor><X>1</X></Vendor>")),
      Page("<Contents a=\"1\"><Key>a</Key><Size>1</Size></Contents>"),
  };
  for (const std::string& body : odd) {
    INFO(body);
    RawListPage raw;
    CHECK_FALSE(ParseListFast(body, &raw));
    Result<RawListPage> page = ParseList(body);
    REQUIRE(page.ok());
    CHECK(page->page.entries.size() == 1);
  }
}

TEST_CASE("list: a document that is not a listing, or holds a DTD, is refused") {
  CHECK_FALSE(ParseList("").ok());
  CHECK_FALSE(ParseList("<html><body>login</body></html>").ok());
  CHECK_FALSE(ParseList("<Error><Code>x</Code></Error>").ok());
  CHECK_FALSE(ParseList("<!DOCTYPE a [<!ENTITY b \"c\">]><ListBucketResult><Contents><Key>&b;</Key><Size>1</Size></Contents></ListBucketResult>").ok());
  CHECK_FALSE(ParseList(Page(Object("a")) + "<x/>").ok());
}

TEST_CASE("list: a page that is cut anywhere is never a success") {
  const std::string body = Page("<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>" + Object("a") + Object("b") +
                                "<CommonPrefixes><Prefix>c/</Prefix></CommonPrefixes>");
  REQUIRE(ParseList(body).ok());
  for (std::size_t cut = 0; cut < body.size(); ++cut) CHECK_FALSE(ParseList(std::string_view(body).substr(0, cut)).ok());
}

TEST_CASE("list: both readers agree on 40,000 pages with random changes") {
  const std::string seeds[] = {
      Page("<IsTruncated>true</IsTruncated><NextContinuationToken>1/x+=&amp;</NextContinuationToken><EncodingType>url</EncodingType>" + Object("a%20b") + Object("c&lt;d")),
      Page("<Prefix/><Marker></Marker><NextMarker>m</NextMarker><MaxKeys>2</MaxKeys><Delimiter>/</Delimiter>" +
           Object("a", "1", "2026-11-21T06:39:10.001Z", "<Owner><ID>x</ID><DisplayName>y</DisplayName></Owner><StorageClass>STANDARD</StorageClass>") +
           "<CommonPrefixes><Prefix>a/</Prefix></CommonPrefixes>"),
      Page("<KeyCount>1</KeyCount>" + Object("\xC3\xBC", "12", "2026-11-21T06:39:10Z", "<ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType>")),
  };
  static const std::string pieces[] = {"<", ">", "&", "&amp;", "&#34;", "]]>", "/", "\r\n", "\t", " ", "<Size>1</Size>", "<Key>z</Key>", "<!--x-->", "\xEF\xBF\xBE", "\xC3", "\x7f",
                                       "true", "<IsTruncated>false</IsTruncated>", "\"", "'", std::string(1, '\0'), "<a/>", "%", "+", "9", "-", "Z"};
  std::mt19937 random(20261121);
  for (int i = 0; i < 40000; ++i) {
    std::string body = seeds[random() % std::size(seeds)];
    for (unsigned changes = 1 + random() % 3; changes != 0; --changes) {
      const std::size_t at = random() % body.size();
      switch (random() % 3) {
        case 0: body.insert(at, pieces[random() % std::size(pieces)]); break;
        case 1: body.erase(at, 1 + random() % 8); break;
        default: body[at] = static_cast<char>(random() % 256); break;
      }
    }
    CheckAgree(body);
  }
}

}  // namespace
}  // namespace fileferry::s3
