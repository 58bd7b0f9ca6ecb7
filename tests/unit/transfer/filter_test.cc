// filter_test.cc: rclone's documented examples, the order of rules, sizes, times and types.
#include "transfer/filter.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

using namespace fileferry;

namespace {

bool Match(const std::string& pattern, std::string_view key) {
  FilterOptions options;
  options.include = {pattern};
  auto filter = Filter::Create(options);
  REQUIRE_MESSAGE(filter.ok(), filter.status().ToString());
  return (*filter)->WantsKey(key);
}

Code CodeOf(const std::string& pattern) {
  FilterOptions options;
  options.exclude = {pattern};
  return Filter::Create(options).code();
}

struct TextFile {
  explicit TextFile(std::string_view text) {
    char name[] = "/tmp/ferry-filter-XXXXXX";
    const int fd = ::mkstemp(name);
    path = name;
    REQUIRE(::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    ::close(fd);
  }
  ~TextFile() { ::unlink(path.c_str()); }
  std::string path;
};

std::shared_ptr<const Filter> Make(const FilterOptions& options) {
  auto filter = Filter::Create(options);
  REQUIRE_MESSAGE(filter.ok(), filter.status().ToString());
  return *filter;
}

Time Day(int day) { return Time(std::chrono::hours(24 * day)); }

}  // namespace

TEST_CASE("the examples of rclone's manual") {
  CHECK(Match("file.jpg", "file.jpg"));
  CHECK(Match("file.jpg", "directory/file.jpg"));
  CHECK_FALSE(Match("file.jpg", "afile.jpg"));
  CHECK_FALSE(Match("file.jpg", "directory/afile.jpg"));
  CHECK(Match("/file.jpg", "file.jpg"));
  CHECK_FALSE(Match("/file.jpg", "afile.jpg"));
  CHECK_FALSE(Match("/file.jpg", "directory/file.jpg"));
  CHECK(Match("*.jpg", "file.jpg"));
  CHECK(Match("*.jpg", "directory/file.jpg"));
  CHECK_FALSE(Match("*.jpg", "file.jpg/anotherfile.png"));
  CHECK(Match("dir/**", "dir/anything/below"));
  CHECK(Match("dir/**", "a/dir/x"));
  CHECK_FALSE(Match("dir/**", "adir/x"));
  CHECK(Match("dir/", "dir/a/b"));
  CHECK_FALSE(Match("dir/", "dir"));
  CHECK(Match("*.jp?", "file.jpg"));
  CHECK(Match("*.jp?", "file.jpe"));
  CHECK_FALSE(Match("*.jp?", "file.jp"));
  CHECK_FALSE(Match("a?b", "a/b"));
  CHECK(Match("f[ao]o", "foo"));
  CHECK_FALSE(Match("f[ao]o", "fuo"));
  CHECK(Match("[a-h]x", "cx"));
  CHECK_FALSE(Match("[a-h]x", "ix"));
  CHECK(Match("h{a,ello,ell}o", "hao"));
  CHECK(Match("h{a,ello,ell}o", "helloo"));
  CHECK(Match("*.{jpg,png}", "x/y.png"));
  CHECK_FALSE(Match("*.{jpg,png}", "x/y.gif"));
  CHECK(Match("\\*.jpg", "*.jpg"));
  CHECK_FALSE(Match("\\*.jpg", "a.jpg"));
  CHECK(Match("\\\\.jpg", "\\.jpg"));
  CHECK(Match("\\[one\\].jpg", "[one].jpg"));
  CHECK(Match("*.{{jpe?g}}", "a.jpeg"));
  CHECK(Match("*.{{jpe?g}}", "a.jpg"));
  CHECK(Match("/dir/**.jpg", "dir/a/b.jpg"));
  CHECK(Match("*", "a/b"));
  CHECK_FALSE(Match("/*", "a/b"));
  CHECK(Match("/**", "a/b"));
  CHECK(Match("/a/*/c", "a/b/c"));
  CHECK_FALSE(Match("/a/*/c", "a/b/b/c"));
  CHECK(Match("/a/**/c", "a/b/b/c"));
}

TEST_CASE("what means something in a regular expression is itself here") {
  CHECK(Match("a+b(c)|d^e$f.g", "a+b(c)|d^e$f.g"));
  CHECK_FALSE(Match("a.b", "axb"));
  CHECK_FALSE(Match("a+", "aa"));
  CHECK(Match("a,b", "a,b"));
  CHECK(Match("\\d", "d"));
  CHECK_FALSE(Match("\\d", "5"));
  CHECK(Match("[\\d]", "d"));
  CHECK_FALSE(Match("[\\d]", "5"));
  CHECK(Match("[[]", "["));
  CHECK(Match("[]a]", "]"));
  CHECK(Match("[a^]", "^"));
  CHECK(Match("[[:digit:]]x", "5x"));
  CHECK(Match("\xC3\xBC?", "\xC3\xBC\xE2\x82\xAC"));
  CHECK(Match("[\xC3\xA4\xC3\xBC]", "\xC3\xBC"));
  CHECK(Match("*.txt", "a\nb.txt"));
  CHECK(Match("**", "a\nb"));
  CHECK(Match("*", " "));
}

TEST_CASE("a set of all others never reaches across a level") {
  CHECK(Match("a[^b]c", "axc"));
  CHECK(Match("a[!b]c", "axc"));
  CHECK_FALSE(Match("a[^b]c", "abc"));
  CHECK_FALSE(Match("a[^b]c", "a/c"));
  CHECK_FALSE(Match("a[!b]c", "a/c"));
}

TEST_CASE("patterns that cannot be used name themselves") {
  for (const char* bad : {"", "[", "[]", "a[b", "a]", "{", "{a", "a}", "{a,{b}}", "***", "a\\", "{{(}}", "{{a", "[z-a]", "{{a)(b}}", "\xFF"}) {
    CAPTURE(bad);
    CHECK(CodeOf(bad) == Code::kInvalidArgument);
  }
  FilterOptions options;
  options.include = {"ok", "b[ad"};
  CHECK(Filter::Create(options).status().message().find("b[ad") != std::string_view::npos);
}

TEST_CASE("a pattern that kills backtracking matchers is harmless") {
  std::string pattern;
  for (int i = 0; i < 40; ++i) pattern += "*a";
  const std::string key(900, 'a');
  CHECK(Match(pattern, key));
  CHECK_FALSE(Match(pattern + "b", key));
}

TEST_CASE("exclude beats include; with any include the rest is out") {
  FilterOptions options;
  options.include = {"*.jpg", "/keep/**"};
  options.exclude = {"tmp/**", "*.bak.jpg"};
  const auto filter = Make(options);
  CHECK(filter->WantsKey("a.jpg"));
  CHECK(filter->WantsKey("keep/x"));
  CHECK_FALSE(filter->WantsKey("a.png"));
  CHECK_FALSE(filter->WantsKey("tmp/a.jpg"));
  CHECK_FALSE(filter->WantsKey("keep/tmp/x"));
  CHECK_FALSE(filter->WantsKey("a.bak.jpg"));
  CHECK_FALSE(filter->empty());
  CHECK(Make({})->empty());
  CHECK(Make({})->WantsKey("anything"));
}

TEST_CASE("a filter file: the first match wins") {
  const TextFile file("# pictures\n\n+ /a/keep.jpg\n- /a/**\r\n; also a comment\n  + *.jpg  \n- *\n");
  FilterOptions options;
  options.filter_from = file.path;
  const auto filter = Make(options);
  CHECK(filter->WantsKey("a/keep.jpg"));
  CHECK_FALSE(filter->WantsKey("a/other.jpg"));
  CHECK(filter->WantsKey("b/other.jpg"));
  CHECK_FALSE(filter->WantsKey("b/other.png"));
  options.exclude = {"keep.jpg"};
  CHECK_FALSE(Make(options)->WantsKey("a/keep.jpg"));
}

TEST_CASE("a key that no line of the file matches goes on to the includes") {
  const TextFile file("+ /a/**\n");
  FilterOptions options;
  options.filter_from = file.path;
  CHECK(Make(options)->WantsKey("b"));
  options.include = {"c"};
  CHECK(Make(options)->WantsKey("a/x"));
  CHECK(Make(options)->WantsKey("c"));
  CHECK_FALSE(Make(options)->WantsKey("b"));
}

TEST_CASE("'!' forgets the lines before") {
  const TextFile file("- *\n!\n- x\n");
  FilterOptions options;
  options.filter_from = file.path;
  CHECK(Make(options)->WantsKey("a"));
  CHECK_FALSE(Make(options)->WantsKey("x"));
}

TEST_CASE("errors of a filter file name file and line") {
  for (const char* line : {"*.jpg", "+", "+*.jpg", "* x", "+ [", "!x"}) {
    const TextFile file(std::string("# one\n") + line + "\n");
    FilterOptions options;
    options.filter_from = file.path;
    const Status status = Filter::Create(options).status();
    CAPTURE(line);
    CHECK(status.code() == Code::kInvalidArgument);
    CHECK(status.message().find(file.path + ":2: ") != std::string_view::npos);
  }
  FilterOptions options;
  options.filter_from = "/nonexistent/filter";
  CHECK(Filter::Create(options).code() == Code::kNotFound);
}

TEST_CASE("sizes and times include their limits") {
  FilterOptions options;
  options.min_size = 10;
  options.max_size = 20;
  const auto sizes = Make(options);
  CHECK(sizes->Decide("k", 9, {}) == Filter::Decision::kLeftOut);
  CHECK(sizes->Decide("k", 10, {}) == Filter::Decision::kWanted);
  CHECK(sizes->Decide("k", 20, {}) == Filter::Decision::kWanted);
  CHECK(sizes->Decide("k", 21, {}) == Filter::Decision::kLeftOut);
  FilterOptions times;
  times.newer_than = Day(10);
  times.older_than = Day(20);
  const auto filter = Make(times);
  CHECK(filter->Decide("k", 0, Day(9)) == Filter::Decision::kLeftOut);
  CHECK(filter->Decide("k", 0, Day(10)) == Filter::Decision::kWanted);
  CHECK(filter->Decide("k", 0, Day(20)) == Filter::Decision::kWanted);
  CHECK(filter->Decide("k", 0, Day(21)) == Filter::Decision::kLeftOut);
  CHECK(filter->Decide("k", 0, {}) == Filter::Decision::kLeftOut);
  options.min_size = 21;
  CHECK(Filter::Create(options).code() == Code::kInvalidArgument);
  times.newer_than = Day(21);
  CHECK(Filter::Create(times).code() == Code::kInvalidArgument);
}

TEST_CASE("content types by extension, else by what the storage keeps") {
  FilterOptions options;
  options.content_types = {"image/*", "Text/HTML"};
  const auto filter = Make(options);
  CHECK(filter->Decide("a/b.png", 1, {}) == Filter::Decision::kWanted);
  CHECK(filter->Decide("a/b.JPG", 1, {}) == Filter::Decision::kWanted);
  CHECK(filter->Decide("index.html", 1, {}) == Filter::Decision::kWanted);
  CHECK(filter->Decide("a/b.pdf", 1, {}) == Filter::Decision::kLeftOut);
  CHECK(filter->Decide("a/b", 1, {}) == Filter::Decision::kNeedsType);
  CHECK(filter->WantsType("image/webp"));
  CHECK(filter->WantsType("text/html; charset=utf-8"));
  CHECK_FALSE(filter->WantsType("text/plain"));
  CHECK_FALSE(filter->WantsType("x-image/png"));
  CHECK_FALSE(filter->WantsType(""));
  options.exclude = {"b"};
  CHECK(Make(options)->Decide("a/b", 1, {}) == Filter::Decision::kLeftOut);
  CHECK(Make({})->WantsType("anything"));
  options.content_types = {"*/*"};
  CHECK(Make(options)->Decide("x", 1, {}) == Filter::Decision::kWanted);
  for (const char* bad : {"", "image", "image/", "/png", "a/b/c"}) {
    options.content_types = {bad};
    CAPTURE(bad);
    CHECK(Filter::Create(options).code() == Code::kInvalidArgument);
  }
}

TEST_CASE("a folder is excluded as a whole only where that is certain") {
  FilterOptions options;
  CHECK_FALSE((*Filter::Create(options))->ExcludesFolder("a/"));
  options.include = {"*.jpg"};
  CHECK_FALSE((*Filter::Create(options))->ExcludesFolder("a/"));
  options.exclude = {"secret/**", "/top/", "*.tmp", "some/*"};
  const auto filter = *Filter::Create(options);
  for (const char* folder : {"secret/", "a/secret/", "secret/below/", "top/", "top/a/b/"}) {
    CAPTURE(folder);
    CHECK(filter->ExcludesFolder(folder));
  }
  for (const char* folder : {"a/", "secrets/", "a/top/", "x.tmp/", "some/", "some/more/"}) {
    CAPTURE(folder);
    CHECK_FALSE(filter->ExcludesFolder(folder));
  }
  options = {};
  options.exclude = {"**"};
  CHECK((*Filter::Create(options))->ExcludesFolder("a/"));
  const TextFile lines("- gone/**\n+ *.jpg\n- late/**\n");
  options = {};
  options.filter_from = lines.path;
  CHECK((*Filter::Create(options))->ExcludesFolder("gone/"));
  CHECK_FALSE((*Filter::Create(options))->ExcludesFolder("late/"));  // late/x.jpg is kept
}
