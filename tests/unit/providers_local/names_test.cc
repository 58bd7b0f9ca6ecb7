// names_test.cc: the grammar of names: the published vectors, and that keys and paths are one to one.
#include <algorithm>
#include <random>
#include <set>
#include <unordered_map>

#include "providers/local/names.h"
#include "support.h"

using namespace ferrytest;  // NOLINT: tests
using Layout = LocalOptions::Layout;

namespace {

// The text of a cell of the table: \xNN is a byte, \d{N}c is N times the character c.
std::string Cell(std::string_view cell) {
  std::string out;
  for (std::size_t i = 0; i < cell.size(); ++i) {
    if (cell.substr(i, 2) == "\\x") {
      out += static_cast<char>(std::stoi(std::string(cell.substr(i + 2, 2)), nullptr, 16));
      i += 3;
    } else if (cell.substr(i, 2) == "\\{") {
      const std::size_t close = cell.find('}', i);
      const auto count = static_cast<std::size_t>(std::stoi(std::string(cell.substr(i + 2, close - i - 2))));
      out.append(count, cell[close + 1]);
      i = close + 1;
    } else {
      out += cell[i];
    }
  }
  return out;
}

struct Vector {
  std::string layout, key, path;
};

std::vector<Vector> Published() {
  const fs::path docs = fs::path(FERRY_SOURCE_FOLDER) / "docs" / "local-layout.md";
  std::ifstream in(docs);
  std::vector<Vector> out;
  std::string line;
  bool inside = false;
  while (std::getline(in, line)) {
    if (line == "<!-- vectors -->") inside = true;
    if (line == "<!-- end of vectors -->") inside = false;
    if (!inside || !line.starts_with("| `")) continue;
    std::vector<std::string> cells;
    for (std::size_t at = 0;;) {
      const std::size_t open = line.find('`', at);
      if (open == std::string::npos) break;
      const std::size_t close = line.find('`', open + 1);
      cells.push_back(line.substr(open + 1, close - open - 1));
      at = close + 1;
    }
    if (cells.size() == 3) out.push_back({cells[0], Cell(cells[1]), Cell(cells[2])});
  }
  return out;
}

std::string RandomKey(std::mt19937& random) {
  static const std::vector<std::string> pieces = {"a",  "b",   "/",  "//", ".",   "..",         "%",     "%!",   "%!FF", "%!25", "%2F",  "%25",     "\xC3\xA9", "\xF0\x9F\x98\x80",
                                                  " ",  "A",   "~",  "\n", "\\",  ".fileferry", "keys",  ".tmp", "0",    "ab",   "%!C3", "%!C3%!A9", "*",        "\x7F",
                                                  "-",  "%!80", "%!7F", "%!ff", "+", ".fileferry-00000000000000000000000000.tmp"};
  std::string key;
  const int n = static_cast<int>(random() % 8) + 1;
  for (int i = 0; i < n; ++i) key += pieces[random() % pieces.size()];
  if (random() % 50 == 0) key.append(random() % 400, 'x');
  if (random() % 50 == 0) key.insert(key.size() / 2, std::string(random() % 300, '.'));
  if (!CheckKeyBytes(key).ok()) key.resize(std::min<std::size_t>(key.size(), 5)), key = CheckKeyBytes(key).ok() ? key : "k";
  return key;
}

std::string RandomName(std::mt19937& random) {
  static const std::vector<std::string> pieces = {"a", "%", "!", "%!", "%!FF", "\xFF", "\xC3", "\xA9", "\xC3\xA9", "25", "%!25", "\xED\xA0\x80", "F0", "\xF0\x9F", ".", " "};
  std::string name;
  const int n = static_cast<int>(random() % 7) + 1;
  for (int i = 0; i < n; ++i) name += pieces[random() % pieces.size()];
  return name == "." || name == ".." ? "x" : name;
}

}  // namespace

TEST_CASE("the published vectors") {
  const std::vector<Vector> vectors = Published();
  REQUIRE(vectors.size() >= 50);
  for (const Vector& vector : vectors) {
    CAPTURE(vector.key);
    const Layout layout = vector.layout == "activestorage" ? Layout::kActiveStorage : Layout::kPlain;
    const Result<std::string> path = LocalPathForKey(vector.key, layout);
    REQUIRE(path.ok());
    CHECK(*path == vector.path);
    const Result<std::string> back = LocalKeyForPath(vector.path, layout);
    REQUIRE_MESSAGE(back.ok(), vector.path);
    CHECK(*back == vector.key);
  }
}

TEST_CASE("random keys have one path each, below the root, and come back") {
  std::mt19937 random(20240611);
  for (const Layout layout : {Layout::kPlain, Layout::kActiveStorage}) {
    std::unordered_map<std::string, std::string> seen;
    for (int i = 0; i < 100'000; ++i) {
      const std::string key = RandomKey(random);
      const Result<std::string> path = LocalPathForKey(key, layout);
      REQUIRE_MESSAGE(path.ok(), key);
      const std::string& owner = seen.emplace(*path, key).first->second;
      REQUIRE_MESSAGE(owner == key, key, " and ", owner, " share ", *path);
      REQUIRE(path->size() < 4096);
      for (const fs::path& name : fs::path(*path)) {
        REQUIRE(!name.empty());
        REQUIRE(name != ".");
        REQUIRE(name != "..");
        REQUIRE(name.string().size() <= 255);
        REQUIRE_FALSE(local::IsTemporaryName(name.string()));
      }
      REQUIRE(path->front() != '/');
      REQUIRE(path->find("//") == std::string::npos);
      const Result<std::string> back = LocalKeyForPath(*path, layout);
      REQUIRE_MESSAGE(back.ok(), *path);
      REQUIRE(*back == key);
      const std::string keys_path = local::KeysPath(key);
      REQUIRE(local::KeyFromKeysPath(std::string_view(keys_path).substr(local::kKeysFolder.size() + 1)) == key);
    }
  }
}

TEST_CASE("every name that others may have written is one segment of a key, and that segment is this name") {
  std::mt19937 random(7);
  std::unordered_map<std::string, std::string> seen;
  for (int i = 0; i < 100'000; ++i) {
    const std::string name = RandomName(random);
    const std::string segment = local::SegmentFromName(name);
    REQUIRE(CheckKeyBytes(segment).ok());
    REQUIRE(local::NameFromSegment(segment) == name);
    REQUIRE(seen.emplace(segment, name).first->second == name);
  }
}

TEST_CASE("the longest keys") {
  for (const std::string& unit : {std::string("/"), std::string("%"), std::string("."), std::string("a"), std::string("a/"), std::string("\xC3\xA9"), std::string("\x01")}) {
    for (const std::size_t size : {254UL, 255UL, 256UL, 1023UL, 1024UL}) {
      std::string key;
      while (key.size() + unit.size() <= size) key += unit;
      const Result<std::string> path = LocalPathForKey(key, Layout::kPlain);
      REQUIRE(path.ok());
      CHECK(path->size() < 4000);
      CHECK(*LocalKeyForPath(*path, Layout::kPlain) == key);
    }
  }
  CHECK_FALSE(LocalPathForKey(std::string(1025, 'a'), Layout::kPlain).ok());
  CHECK_FALSE(LocalPathForKey("", Layout::kPlain).ok());
  CHECK_FALSE(LocalPathForKey("a\xFF", Layout::kPlain).ok());
}

TEST_CASE("paths that no key has") {
  for (const char* path : {".fileferry/keys/a", ".fileferry/keys/%2f", ".fileferry/keys/%", ".fileferry/keys/a%2", ".fileferry/keys/a/b", ".fileferry/keys/", ".fileferry/trash/x", "",
                           "/a", "a//b", "a/../b", "./a", "a/", ".fileferry-00000000000000000000000000.tmp"}) {
    CAPTURE(path);
    const Result<std::string> key = LocalKeyForPath(path, Layout::kPlain);
    if (std::string_view(path) == ".fileferry/keys/a") continue;  // "a" beside a folder "a": its other place
    CHECK_FALSE(key.ok());
  }
  CHECK(*LocalKeyForPath(".fileferry/keys/a", Layout::kPlain) == "a");
  CHECK_FALSE(LocalKeyForPath("README", Layout::kActiveStorage).ok());
  CHECK_FALSE(LocalKeyForPath("ab/cd/zzzz", Layout::kActiveStorage).ok());
}

TEST_CASE("every key makes the whole trip through a folder") {
  Scratch scratch;
  for (const Layout layout : {Layout::kPlain, Layout::kActiveStorage}) {
    LocalOptions options = At(scratch / (layout == Layout::kPlain ? "plain" : "sharded"));
    options.layout = layout;
    auto p = Open(options);
    std::mt19937 random(99);
    std::set<std::string> keys = {"a", "a/b", "a/b/c", "a/", "/", "//", ".", "..", "../x", "a/../b", " x ", "x.", "100%.jpg", "%2E", ".fileferry", ".fileferry/keys/a", ".fileferry/uploads",
                                  std::string(1024, '/'), std::string(256, 'x'), std::string(1024, 'x'), std::string(255, 'y'), "a\nb", "*", "[a]", "{a,b}", "C:\\x", "caf%!E9.jpg"};
    for (int i = 0; i < 3000; ++i) keys.insert(RandomKey(random));
    std::vector<std::string> order(keys.begin(), keys.end());
    std::shuffle(order.begin(), order.end(), random);
    for (const std::string& key : order) {
      const Result<ObjectInfo> put = Put(*p, key, "bytes of " + key);
      REQUIRE_MESSAGE(put.ok(), put.status().ToString());
    }
    for (const std::string& key : order) REQUIRE_MESSAGE(Get(*p, key) == "bytes of " + key, key);
    for (const std::uint32_t limit : {1000U, 7U}) {
      ListQuery query;
      query.limit = limit;
      const Listing listing = List(*p, query);
      REQUIRE(listing.status.ok());
      REQUIRE(listing.keys == std::vector<std::string>(keys.begin(), keys.end()));
      CHECK(listing.notes.empty());
    }
    std::shuffle(order.begin(), order.end(), random);
    for (std::size_t i = 0; i < order.size(); ++i) {
      REQUIRE(p->Remove({}, order[i], {}).ok());
      REQUIRE(p->Stat({}, order[i]).code() == Code::kNotFound);
      if (i + 1 < order.size()) REQUIRE(Get(*p, order[i + 1]) == "bytes of " + order[i + 1]);
    }
    CHECK(List(*p).keys.empty());
    CHECK_MESSAGE(fs::is_empty(options.root), "something is left below the root");
  }
}
