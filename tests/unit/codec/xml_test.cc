// xml_test.cc: what an S3 client meets in XML, and what it must refuse.
#include "codec/xml.h"

#include <doctest/doctest.h>

using namespace fileferry;
using codec::ParseXml;
using codec::XmlEscape;

namespace {

// Writes every event as one text: "<name@depth" and "name@depth=text>".
struct Recorder : codec::IXmlHandler {
  std::string log;
  void OnStart(std::string_view name, int depth) override { log += "<" + std::string(name) + "@" + std::to_string(depth); }
  void OnEnd(std::string_view name, int depth, std::string_view text) override {
    log += "|" + std::string(name) + "@" + std::to_string(depth) + "=" + std::string(text) + ">";
  }
};

std::string Events(std::string_view document) {
  Recorder recorder;
  const Status status = ParseXml(document, recorder);
  return status.ok() ? recorder.log : std::string(CodeName(status.code()));
}

}  // namespace

TEST_CASE("a listing") {
  const std::string_view document =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Contents><Key>a&amp;b</Key><Size>12</Size></Contents><Empty/></ListBucketResult>\n";
  CHECK(Events(document) == "<ListBucketResult@1<Contents@2<Key@3|Key@3=a&b><Size@3|Size@3=12>|Contents@2=><Empty@2|Empty@2=>|ListBucketResult@1=>");
}

TEST_CASE("prefixes are dropped, CDATA and references are text, white space is kept") {
  CHECK(Events("<a:x xmlns:a='u'><a:y>1</a:y></a:x>") == "<x@1<y@2|y@2=1>|x@1=>");
  CHECK(Events("<x><![CDATA[<&>]]>&lt;&gt;&quot;&apos;&amp;&#65;&#x42;</x>") == "<x@1|x@1=<&><>\"'&AB>");
  CHECK(Events("<x> a <y> </y> b </x>") == "<x@1<y@2|y@2= >|x@1= a  b >");
  CHECK(Events("<x>a<!-- c -->b<?pi d?>c</x>") == "<x@1|x@1=abc>");
  CHECK(Events("<x>\xC3\xBC\xF0\x9F\x98\x80</x>") == "<x@1|x@1=\xC3\xBC\xF0\x9F\x98\x80>");
  CHECK(Events("<x>&#13;&#10;</x>") == "<x@1|x@1=\r\n>");
}

TEST_CASE("white space that keeps the connection alive comes before the declaration") {
  CHECK(Events(" \r\n\t\n<?xml version=\"1.0\"?><x>1</x>") == "<x@1|x@1=1>");
}

TEST_CASE("refused") {
  for (std::string_view document : {
           "", "   \n", "text", "<x>", "<x></y>", "<x>&nbsp;</x>", "<x/><y/>", "<x/>tail", "<x>\x01</x>", "<x>&#1;</x>", "<x>\xFF</x>", "<x a=1/>",
           "<x a='1' a='2'/>", "<x><y></x></y>",
           "<?xml version='1.0'?><!DOCTYPE x><x/>",
           "<!DOCTYPE x [<!ENTITY e \"boom\">]><x>&e;</x>",
           "<!DOCTYPE x SYSTEM \"file:///etc/passwd\"><x/>",
           "<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><x>&e;</x>",
       }) {
    CAPTURE(document);
    CHECK(Events(document) == "Integrity");
  }
}

TEST_CASE("UTF-8 whatever is declared, and nothing else") {
  CHECK(Events("<?xml version='1.0' encoding='ISO-8859-1'?><x>\xC3\xBC</x>") == "<x@1|x@1=\xC3\xBC>");
  CHECK(Events("<?xml version='1.0' encoding='UTF-7'?><x>a</x>") == "<x@1|x@1=a>");
  CHECK(Events("<?xml version='1.0' encoding='nonsense'?><x>a</x>") == "<x@1|x@1=a>");
  CHECK(Events("\xEF\xBB\xBF<x>a</x>") == "<x@1|x@1=a>");
  CHECK(Events("<?xml version='1.0' encoding='ISO-8859-1'?><x>\xFC</x>") == "Integrity");
  CHECK(Events(std::string_view("<\0x\0/\0>\0", 8)) == "Integrity");                // UTF-16 without a mark
  CHECK(Events(std::string_view("\xFF\xFE<\0x\0/\0>\0", 10)) == "Integrity");
  CHECK(Events("\x4C\x6F\xA7\x94") == "Integrity");                                 // EBCDIC
}

TEST_CASE("every cut of a document is refused") {
  const std::string document = "<?xml version=\"1.0\"?><r><k>a&amp;b</k><k>c</k></r>";
  REQUIRE(Events(document) == "<r@1<k@2|k@2=a&b><k@2|k@2=c>|r@1=>");
  for (std::size_t size = 0; size < document.size(); ++size) {
    CAPTURE(size);
    CHECK(Events(std::string_view(document).substr(0, size)) == "Integrity");
  }
}

TEST_CASE("a document type never reaches the handler, and says so") {
  Recorder recorder;
  const Status status = ParseXml("<!DOCTYPE x [<!ENTITY e \"boom\">]><x>&e;</x>", recorder);
  CHECK(recorder.log.empty());
  CHECK(status.message().find("document type") != std::string_view::npos);
}

TEST_CASE("limits of depth and size") {
  const auto nested = [](int levels) {
    std::string text;
    for (int i = 0; i < levels; ++i) text += "<e>";
    for (int i = 0; i < levels; ++i) text += "</e>";
    return text;
  };
  CHECK(Events(nested(32)).ends_with("|e@1=>"));
  CHECK(Events(nested(33)) == "Integrity");
  CHECK(Events(nested(100000)) == "Integrity");
  const std::string shell = "<x></x>";
  std::string text((std::size_t{16} << 20) - shell.size() - 100000, ' ');
  for (std::size_t i = 0; i < text.size(); i += 1000) text.replace(i, 4, "<y/>");
  CHECK(Events("<x>" + text + "</x>").size() > 10000);
  text.resize(std::size_t{16} << 20, ' ');
  CHECK(Events("<x>" + text + "</x>") == "Integrity");
}

TEST_CASE("escaping") {
  CHECK(XmlEscape("a<b>&\"'c\r\n\t").value() == "a&lt;b&gt;&amp;&quot;'c&#13;&#10;\t");
  CHECK(XmlEscape("\xC3\xBC").value() == "\xC3\xBC");
  CHECK(XmlEscape(std::string_view("\0", 1)).code() == Code::kInvalidArgument);
  CHECK(XmlEscape("\x1F").code() == Code::kInvalidArgument);
  CHECK(XmlEscape("\xEF\xBF\xBE").code() == Code::kInvalidArgument);  // U+FFFE
  CHECK(XmlEscape("\xC3").code() == Code::kInvalidArgument);
}

TEST_CASE("what was escaped reads back") {
  std::string all;
  for (char c = 0x20; c < 0x7F; ++c) all.push_back(c);
  all += "\r\n\t\r\n\xE2\x82\xAC]]>";
  Recorder recorder;
  REQUIRE(ParseXml("<x>" + XmlEscape(all).value() + "</x>", recorder).ok());
  CHECK(recorder.log == "<x@1|x@1=" + all + ">");
}
