// mapping_test.cc: each rule, both ways where there is one, and what is refused.
#include "transfer/mapping.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>

using namespace fileferry;

namespace {

std::shared_ptr<const KeyMap> Make(const std::string& rule) {
  auto map = KeyMap::Create(rule);
  REQUIRE_MESSAGE(map.ok(), map.status().ToString());
  return *map;
}

// The name, or the name of the error.
std::string Map(const std::string& rule, std::string_view key) {
  const Result<std::string> name = Make(rule)->Map(key);
  return name.ok() ? *name : std::string(CodeName(name.code()));
}
std::string Reverse(const std::string& rule, std::string_view name) {
  const Result<std::string> key = Make(rule)->Reverse(name);
  return key.ok() ? *key : std::string(CodeName(key.code()));
}

struct TextFile {
  explicit TextFile(std::string_view text) {
    char name[] = "/tmp/ferry-map-XXXXXX";
    const int fd = ::mkstemp(name);
    path = name;
    for (std::string_view rest = text; !rest.empty();) {
      const ssize_t done = ::write(fd, rest.data(), rest.size());
      REQUIRE(done > 0);
      rest.remove_prefix(static_cast<std::size_t>(done));
    }
    ::close(fd);
  }
  ~TextFile() { ::unlink(path.c_str()); }
  std::string path;
};

}  // namespace

TEST_CASE("same") {
  CHECK(Map("same", "a//b") == "a//b");
  CHECK(Map("", "x") == "x");
  CHECK(Reverse("same", "a") == "a");
  CHECK(Make("same")->order_preserving());
}

TEST_CASE("prefixes are bytes, not folders") {
  CHECK(Map("prefix+old/", "a") == "old/a");
  CHECK(Map("prefix+x", "a") == "xa");
  CHECK(Map("prefix-old/", "old/a") == "a");
  CHECK(Map("prefix-old/", "older/a") == "InvalidArgument");
  CHECK(Map("prefix-old/", "old/") == "InvalidArgument");
  CHECK(Map("prefix+" + std::string(1000, 'p'), std::string(25, 'k')) == "InvalidArgument");
  CHECK(Reverse("prefix+old/", "old/a") == "a");
  CHECK(Reverse("prefix+old/", "a") == "InvalidArgument");
  CHECK(Reverse("prefix-old/", "a") == "old/a");
  CHECK(Make("prefix+a")->order_preserving());
  CHECK(Make("prefix-a")->one_to_one());
}

TEST_CASE("a refusal names key and rule") {
  const Status status = Make("prefix-old/")->Map("new/x").status();
  CHECK(status.detail().key == "new/x");
  CHECK(status.message().find("prefix-old/") != std::string_view::npos);
}

TEST_CASE("Active Storage: both forms, and what is neither") {
  const std::string flat = "8bhbccg8rv6q0ypgvsbp0m6iejku";
  const std::string disk = "8b/hb/8bhbccg8rv6q0ypgvsbp0m6iejku";
  CHECK(Map("activestorage", disk) == flat);
  CHECK(Map("activestorage", flat) == disk);
  CHECK(Map("activestorage", "abcd") == "ab/cd/abcd");
  CHECK(Map("activestorage", "up/lo/uploads/x.png") == "uploads/x.png");  // an own key with folders
  for (const char* neither : {"abc", "a", "photos/a.jpg", "ab/cd/abce", "ab/cd/", "ab/cd/ab", "ab/cd", "a/b/abcd", "/ab/cd/abcd", "ab//abcd",
      "ab/cd/xx/abcd"}) {
    CAPTURE(neither);
    CHECK(Map("activestorage", neither) == "InvalidArgument");
  }
  // Characters, not bytes, as Ruby counts them.
  CHECK(Map("activestorage", "\xC3\xBC" "bcdef") == "\xC3\xBC" "b/cd/\xC3\xBC" "bcdef");
  CHECK(Map("activestorage", "\xC3\xBC" "b/cd/\xC3\xBC" "bcdef") == "\xC3\xBC" "bcdef");
  for (const std::string& key : {flat, disk, std::string("up/lo/uploads/x.png")}) CHECK(Reverse("activestorage", Map("activestorage", key)) == key);
  CHECK_FALSE(Make("activestorage")->order_preserving());
  CHECK(Make("activestorage")->one_to_one());
}

TEST_CASE("regular expressions") {
  CHECK(Map("re:^old/(.*)\\.jpeg$=>new/\\1.jpg", "old/a.jpeg") == "new/a.jpg");
  CHECK(Map("re:^old/(.*)\\.jpeg$=>new/\\1.jpg", "old/a.png") == "InvalidArgument");
  CHECK(Map("re:a=>b", "aaa") == "baa");
  CHECK(Map("re:^=>x/", "k") == "x/k");
  CHECK(Map("re:k=>", "k") == "InvalidArgument");
  CHECK(Map("re:k=>a=>b", "k") == "a=>b");
  CHECK(Map("re:(a)(b)=>\\2\\1\\0", "ab") == "baab");
  CHECK(Map("re:.=>\\\\", "k") == "\\");
  CHECK(Reverse("re:a=>b", "b") == "Unsupported");
  for (const char* bad : {"re:a", "re:(=>b", "re:(a)=>\\2", "re:a=>\\", "re:a=>\\q"}) {
    CAPTURE(bad);
    CHECK(KeyMap::Create(bad).code() == Code::kInvalidArgument);
  }
}

TEST_CASE("rules that are none") {
  for (const char* bad : {"Same", "prefix", "prefix+", "prefix-", "rails", "prefix+\xFF"}) {
    CAPTURE(bad);
    CHECK(KeyMap::Create(bad).code() == Code::kInvalidArgument);
  }
}

TEST_CASE("a mapping file") {
  const TextFile file("old/a\tnew/a\r\n\nb c\td e\nlast\tend");
  const std::string rule = "file:" + file.path;
  CHECK(Map(rule, "old/a") == "new/a");
  CHECK(Map(rule, "b c") == "d e");
  CHECK(Map(rule, "last") == "end");
  CHECK(Map(rule, "none") == "InvalidArgument");
  CHECK(Map(rule, "old/a\tnew/a") == "InvalidArgument");
  CHECK(Reverse(rule, "end") == "Unsupported");
  CHECK_FALSE(Make(rule)->one_to_one());
}

TEST_CASE("what cannot be used in a mapping file is named by its line") {
  for (const std::string& line : {std::string("a"), std::string("a\tb\tc"), std::string("\tb"), std::string("a\t"), "a\t" + std::string(1025, 'x'),
      std::string("a\t\xFF"), std::string(5000, 'x')}) {
    const TextFile file("ok\tyes\n" + line + "\nmore\tlines\n");
    const Status status = KeyMap::Create("file:" + file.path).status();
    CAPTURE(line.substr(0, 20));
    CAPTURE(status.ToString());
    CHECK(status.code() == Code::kInvalidArgument);
    CHECK(status.message().find(file.path + ":2: ") != std::string_view::npos);
  }
  const TextFile twice("a\tb\nc\td\na\te\n");
  CHECK(KeyMap::Create("file:" + twice.path).status().message().find("two lines for \"a\"") != std::string_view::npos);
  CHECK(KeyMap::Create("file:/nonexistent/map").code() == Code::kNotFound);
  CHECK(KeyMap::Create("file:/tmp").code() == Code::kInvalidArgument);
}

TEST_CASE("a mapping file of 200000 lines, across all borders of blocks") {
  std::string text;
  for (int i = 0; i < 200000; ++i) text += "k" + std::to_string(i) + std::string(static_cast<std::size_t>(i % 37), 'x') + "\tn" + std::to_string(i * 7) + "\n";
  const TextFile file(text);
  const auto map = Make("file:" + file.path);
  for (int i = 0; i < 200000; i += 61) {
    const std::string key = "k" + std::to_string(i) + std::string(static_cast<std::size_t>(i % 37), 'x');
    REQUIRE(map->Map(key).value() == "n" + std::to_string(i * 7));
  }
}
