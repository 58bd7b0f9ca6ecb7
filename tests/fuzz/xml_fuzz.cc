// xml_fuzz.cc: any bytes as an XML document; and any text, written into one, reads back.
#include <string>
#include <vector>

#include "codec/xml.h"
#include "fuzz/check.h"

namespace {

// Checks the promises of IXmlHandler: elements are nested, depth counts them, no name is empty.
struct Checker : fileferry::codec::IXmlHandler {
  std::vector<std::string> open;
  std::string last_text;
  int roots = 0;
  void OnStart(std::string_view name, int depth) override {
    FUZZ_CHECK(!name.empty());
    FUZZ_CHECK(depth == static_cast<int>(open.size()) + 1);
    FUZZ_CHECK(depth <= 32);
    roots += depth == 1 ? 1 : 0;
    open.emplace_back(name);
  }
  void OnEnd(std::string_view name, int depth, std::string_view text) override {
    FUZZ_CHECK(depth == static_cast<int>(open.size()));
    FUZZ_CHECK(open.back() == name);
    open.pop_back();
    last_text = text;
  }
};

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = FuzzText(data, size);
  Checker checker;
  if (fileferry::codec::ParseXml(text, checker).ok()) {
    FUZZ_CHECK(checker.open.empty());
    FUZZ_CHECK(checker.roots == 1);
  }
  const fileferry::Result<std::string> escaped = fileferry::codec::XmlEscape(text);
  if (escaped.ok()) {
    Checker back;
    FUZZ_CHECK(fileferry::codec::ParseXml("<?xml version=\"1.0\" encoding=\"UTF-8\"?><r><k>" + *escaped + "</k></r>", back).ok());
    Checker inner;
    FUZZ_CHECK(fileferry::codec::ParseXml("<k>" + *escaped + "</k>", inner).ok());
    FUZZ_CHECK(inner.last_text == text);
  }
  return 0;
}
