// yaml_test.cc: configurations as people write them, lines of errors, aliases and merges, limits.
#include "codec/yaml.h"

#include <doctest/doctest.h>

using namespace fileferry;
using codec::ParseYaml;
using codec::YamlNode;

namespace {

// The tree on one line; quoted scalars in quotes.
std::string Show(const YamlNode& node) {
  std::string out;
  switch (node.kind) {
    case YamlNode::Kind::kNull: return "~";
    case YamlNode::Kind::kScalar: return node.quoted ? "'" + node.text + "'" : node.text;
    case YamlNode::Kind::kList:
      for (const YamlNode& item : node.items) out += (out.empty() ? "" : " ") + Show(item);
      return "[" + out + "]";
    case YamlNode::Kind::kMap:
      for (const YamlNode::Member& member : node.members) out += (out.empty() ? "" : " ") + member.key + ":" + Show(member.value);
      return "{" + out + "}";
  }
  return out;
}

std::string Read(std::string_view text) {
  const Result<YamlNode> node = ParseYaml(text);
  return node.ok() ? Show(*node) : std::string(node.status().message());
}

}  // namespace

TEST_CASE("a Rails storage.yml") {
  const std::string_view text =
      "# disks\n"
      "local:\n"
      "  service: Disk\n"
      "  root: /var/app storage\n"
      "\n"
      "amazon:\n"
      "  service: S3\n"
      "  bucket: \"acme-{prod}\"\n"
      "  http_open_timeout: 5\n"
      "  upload:\n"
      "    cache_control: 'max-age=1'\n"
      "  mirrors: [ a, b ]\n"
      "  nothing:\n";
  const YamlNode root = ParseYaml(text).value();
  CHECK(Show(root) == "{local:{service:Disk root:/var/app storage} amazon:{service:S3 bucket:'acme-{prod}' http_open_timeout:5 upload:{cache_control:'max-age=1'} mirrors:[a b] nothing:~}}");
  CHECK(root.members[0].line == 2);
  CHECK(root.Find("amazon")->Find("bucket")->line == 8);
  CHECK(root.Find("amazon")->members[2].line == 9);
  CHECK(root.Find("amazon")->Find("upload")->Find("cache_control")->line == 11);
  CHECK(root.Find("amazon")->Find("mirrors")->items[1].line == 12);
  CHECK(root.Find("none") == nullptr);
}

TEST_CASE("scalars keep their text") {
  CHECK(Read("[true, yes, 012, 1e3, 'null', null, ~, \"\", 'a''b', \"a\\tb\"]") == "[true yes 012 1e3 'null' ~ ~ '' 'a'b' 'a\tb']");
  CHECK(Read("a: |\n  x\n  y\nb: >\n  x\n  y\n") == "{a:'x\ny\n' b:'x y\n'}");
  CHECK(Read("a: !ruby/object:Foo bar") == "{a:bar}");
  CHECK(Read("a: !!str 12") == "{a:'12'}");
}

TEST_CASE("nothing at all") {
  for (std::string_view text : {"", "\n\n", "# only a comment\n", "---\n", "--- ~\n"}) {
    CAPTURE(text);
    CHECK(Read(text) == "~");
  }
}

TEST_CASE("errors name the line") {
  CHECK(Read("a: 1\nb: [1, 2\nc: 3\n").starts_with("line "));
  CHECK(Read("a: 1\n b: 2\n").starts_with("line 2: "));
  CHECK(Read("a: 1\n\tb: 2\n").starts_with("line 2: "));
  CHECK(Read("a: 1\nb: 2\na: 3\n") == "line 3: the key \"a\" comes twice; it is also on line 1");
  CHECK(Read("x:\n  [1]: 2\n").starts_with("line 2: the key of a map"));
  CHECK(Read("x:\n  ~: 2\n").starts_with("line 2: the key of a map"));
  CHECK(Read("a: *none\n").starts_with("line 1: "));
  CHECK(Read("a: 1\n---\nb: 2\n").starts_with("line 2: a second document"));
  CHECK(Read("a: \xFF\n") == "the file is not valid UTF-8");
}

TEST_CASE("aliases and merge keys") {
  CHECK(Read("d: &d {a: 1, b: 2}\np:\n  <<: *d\n  b: 3\n  c: 4\n") == "{d:{a:1 b:2} p:{b:3 c:4 a:1}}");
  CHECK(Read("x: &x {a: 1}\ny: &y {a: 2, b: 2}\nz: {<<: [*x, *y]}\n") == "{x:{a:1} y:{a:2 b:2} z:{a:1 b:2}}");
  CHECK(Read("a: &t text\nb: *t\n") == "{a:text b:text}");
  CHECK(Read("'<<': {a: 1}\n") == "{<<:{a:1}}");
  CHECK(Read("<<: 5\n").starts_with("line 1: \"<<\" needs a map"));
  CHECK(Read("<<: [1]\n").starts_with("line 1: \"<<\" needs a map"));
  CHECK(Read("a: &a [1, *a]\n").starts_with("line 1: "));
  CHECK(Read("- &k name\n- {*k : 1}\n") == "[name {name:1}]");
  CHECK(Read("a: {<<: {x: 1}, b: {<<: {y: 2}, c: 3}}") == "{a:{b:{c:3 y:2} x:1}}");
}

TEST_CASE("a billion laughs is refused in no time") {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 20; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) text += (j == 0 ? "" : ", ") + before;
    text += "]\n";
  }
  CHECK(Read(text).find("100000 nodes") != std::string::npos);
  std::string long_text = "a: &a '" + std::string(1 << 20, 'x') + "'\nb: [";
  for (int j = 0; j < 100; ++j) long_text += (j == 0 ? "" : ", ") + std::string("*a");
  CHECK(Read(long_text + "]\n").find("16 MiB") != std::string::npos);
}

TEST_CASE("limits of depth and size") {
  const auto nested = [](std::size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); };
  CHECK(ParseYaml(nested(32)).ok());
  CHECK(Read(nested(33)).find("32 levels") != std::string::npos);
  CHECK_FALSE(ParseYaml(nested(3000)).ok());
  CHECK_FALSE(ParseYaml(std::string(3000, '{')).ok());
  CHECK(Read("a: " + std::string(std::size_t{4} << 20, 'x')).find("4 MiB") != std::string::npos);
  CHECK(Read("a: &a " + nested(31) + "\nb: [*a]\n").find("32 levels") != std::string::npos);
}
