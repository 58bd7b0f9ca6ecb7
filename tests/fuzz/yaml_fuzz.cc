// yaml_fuzz.cc: any bytes as YAML: a tree within its limits and with lines inside the text, or an error.
#include <algorithm>

#include "codec/yaml.h"
#include "fuzz/check.h"

using fileferry::codec::YamlNode;

namespace {

std::size_t Walk(const YamlNode& node, int lines, int depth) {
  FUZZ_CHECK(depth <= 32 + 1);
  FUZZ_CHECK(node.line >= 0);
  FUZZ_CHECK(node.line <= lines);
  FUZZ_CHECK(node.IsList() || node.items.empty());
  FUZZ_CHECK(node.IsMap() || node.members.empty());
  std::size_t count = 1;
  for (const YamlNode& item : node.items) count += Walk(item, lines, depth + 1);
  for (const YamlNode::Member& member : node.members) {
    count += Walk(member.value, lines, depth + 1);
    FUZZ_CHECK(node.Find(member.key) == &member.value);  // no key twice
  }
  return count;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = FuzzText(data, size);
  const fileferry::Result<YamlNode> node = fileferry::codec::ParseYaml(text);
  if (!node.ok()) {
    FUZZ_CHECK(node.code() == fileferry::Code::kInvalidArgument);
    FUZZ_CHECK(!node.status().message().empty());
    return 0;
  }
  const auto ends = std::count_if(text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; });
  FUZZ_CHECK(Walk(*node, static_cast<int>(ends) + 2, 1) <= 100'000);
  return 0;
}
