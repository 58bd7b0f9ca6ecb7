// list_test.cc: listings: order, pages, prefixes, folders, what is passed over, foreign trees, and the time and memory they take.
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <set>

#include "support.h"

using namespace ferrytest;  // NOLINT: tests

namespace {

// The listing by definition: sort, filter, fold.
std::vector<std::string> Model(const std::set<std::string>& keys, const ListQuery& query) {
  std::vector<std::string> out;
  for (const std::string& key : keys) {
    if (!key.starts_with(query.prefix) || key <= query.start_after) continue;
    const std::size_t slash = query.delimiter ? key.find('/', query.prefix.size()) : std::string::npos;
    std::string entry = slash == std::string::npos ? key : key.substr(0, slash + 1);
    if (out.empty() || out.back() != entry) out.push_back(std::move(entry));
  }
  return out;
}

}  // namespace

TEST_CASE("every prefix, start, delimiter and page size gives what sorting the keys gives") {
  Scratch scratch;
  auto p = Open(At(scratch.path()));
  const std::set<std::string> keys = {"a",      "a!",    "a.txt", "a/b",   "a/b/c", "a/b!",   "a0",     "a/",    "a//x",  "b/c/d/e", "b/c/d0", "b/c/d",
                                      "b/c!",   "c",     "z/z/z", "z/z/y", "/x",    "..",     "\xC3\xA9/1", "\xC3\xA9" "0", "d/e/f", "d/e!f",   "%",      "a/b/c/d"};
  for (const std::string& key : keys) REQUIRE(Put(*p, key, key).ok());
  std::vector<std::string> prefixes = {"", "a", "a/", "a/b", "a/b/", "a//", "b", "b/c", "b/c/", "b/c/d", "/", ".", "zz", "z/", "nothing/", "\xC3", "a!"};
  std::vector<std::string> starts = {"", "a", "a/", "a/b", "a/b/c", "b", "b/c/d", "zzz", "A", "a/zzz", "d/e"};
  for (const bool delimiter : {false, true}) {
    for (const std::string& prefix : prefixes) {
      for (const std::string& start : starts) {
        for (const std::uint32_t limit : {1U, 2U, 3U, 1000U}) {
          ListQuery query;
          query.prefix = prefix;
          query.start_after = start;
          query.delimiter = delimiter;
          query.limit = limit;
          CAPTURE(prefix);
          CAPTURE(start);
          CAPTURE(delimiter);
          CAPTURE(limit);
          const Listing listing = List(*p, query);
          REQUIRE(listing.status.ok());
          REQUIRE(listing.keys == Model(keys, query));
        }
      }
    }
  }
}

TEST_CASE("a token is good in another provider object, and a foreign one is refused") {
  Scratch scratch;
  std::set<std::string> keys;
  {
    auto p = Open(At(scratch.path()));
    for (int i = 0; i < 50; ++i) keys.insert("d" + std::to_string(i % 7) + "/" + std::to_string(i));
    for (const std::string& key : keys) REQUIRE(Put(*p, key, "x").ok());
  }
  std::vector<std::string> got;
  ListQuery query;
  query.limit = 3;
  do {
    auto p = Open(At(scratch.path()));
    Result<ListPage> page = p->List({}, query);
    REQUIRE(page.ok());
    for (const ListEntry& entry : page->entries) got.emplace_back(entry.key);
    query.token = page->next_token;
  } while (!query.token.empty());
  CHECK(got == std::vector<std::string>(keys.begin(), keys.end()));
  auto p = Open(At(scratch.path()));
  for (const char* token : {"x", "k", "kzz", "p61", "k\xFF"}) {
    query.token = token;
    CHECK(p->List({}, query).code() == Code::kInvalidArgument);
  }
  query.token = {};
  query.limit = 0;
  CHECK(p->List({}, query).code() == Code::kInvalidArgument);
}

TEST_CASE("a tree that fileferry did not write: odd names stay where they are and are read by their keys") {
  Scratch scratch;
  const std::vector<std::string> names = {"100%.jpg", "test%46.txt", "a%20b", "%2E", "%", "%!", "%!FF", "%!25!FF", "caf\xE9.jpg", "\xFF\xFE", "%!\xFF", "a\nb", " x ", "-rf", ".hidden", "%2Efileferry",
                                          "x.tmp", ".fileferry-short.tmp", "d\xC3/\xA9", std::string(255, '\xFF'), std::string(255, 'n'), "a%d", "a%", "keys"};
  for (const std::string& name : names) WriteFile(scratch / name, "bytes of " + name);
  WriteFile(scratch / ".fileferry-0123456789abcdefghijklmnop.tmp", "not yet");
  const auto before = Files(scratch.path());
  auto p = Open(At(scratch.path()));
  Listing listing = List(*p);
  REQUIRE(listing.status.ok());
  CHECK(listing.keys.size() == names.size());
  CHECK(std::is_sorted(listing.keys.begin(), listing.keys.end()));
  std::set<std::string> read;
  for (const std::string& key : listing.keys) {
    CHECK(CheckKeyBytes(key).ok());
    read.insert(Get(*p, key));
  }
  std::set<std::string> expected;
  for (const std::string& name : names) expected.insert("bytes of " + name);
  CHECK(read == expected);
  for (const std::string& key : listing.keys) REQUIRE(Put(*p, key, Get(*p, key)).ok());
  CHECK(Files(scratch.path()) == before);  // each was replaced in its place, none beside it
  const Result<ObjectInfo> stat = p->Stat({}, "100%.jpg");
  REQUIRE(stat.ok());
  CHECK(stat->properties.content_type == "image/jpeg");
}

TEST_CASE("files that can be no object are notes, or named once each where that is asked for") {
  Scratch scratch;
  const std::string far = "d/" + std::string(200, 'a') + "/" + std::string(200, 'b') + "/" + std::string(200, 'c') + "/" + std::string(200, 'd') + "/" + std::string(200, 'e');
  for (const char* name : {"/f", "/g"}) WriteFile(scratch / (far + name + std::string(100, 'x')), "far");
  for (const char* name : {"a", "d/near", "z"}) WriteFile(scratch / name, "1");
  auto p = Open(At(scratch.path()));
  for (const std::uint32_t limit : {1U, 2U, 1000U}) {
    ListQuery query;
    query.limit = limit;
    CHECK(List(*p, query).problems.empty());
    CHECK(List(*p, query).notes.size() == 2);
    query.name_problems = true;
    const Listing listing = List(*p, query);
    CHECK(listing.status.ok());
    CHECK(listing.keys == std::vector<std::string>{"a", "d/near", "z"});
    CHECK(listing.problems == std::vector<std::string>{far + "/f" + std::string(100, 'x'), far + "/g" + std::string(100, 'x')});
    CHECK(listing.notes.empty());
    CHECK(listing.empty_folders == 0);
  }
  Scratch blobs;
  for (const char* name : {"ab/cd/abcdef", ".keep", "ab/x", "wrong"}) WriteFile(blobs / name, "1");
  LocalOptions options = At(blobs.path());
  options.layout = LocalOptions::Layout::kActiveStorage;
  ListQuery query;
  query.name_problems = true;
  Listing listing = List(*Open(options), query);
  CHECK(listing.keys == std::vector<std::string>{"abcdef"});
  std::sort(listing.problems.begin(), listing.problems.end());
  CHECK(listing.problems == std::vector<std::string>{"ab/x", "wrong"});
  CHECK(listing.notes.size() == 1);
}

TEST_CASE("links, empty folders and special files are passed over and counted") {
  Scratch scratch;
  Scratch outside;
  WriteFile(outside / "secret", "secret");
  WriteFile(scratch / "d/file", "1");
  fs::create_directories(scratch / "empty/inner");
  fs::create_directories(scratch / "d/e");
  fs::create_symlink("d/file", scratch / "inside_link");
  fs::create_symlink(outside / "secret", scratch / "outside_link");
  fs::create_symlink(outside.path(), scratch / "outside_folder");
  fs::create_directory_symlink("d", scratch / "folder_link");
  REQUIRE(::mkfifo((scratch / "pipe").c_str(), 0600) == 0);
  auto p = Open(At(scratch.path()));
  for (const std::uint32_t limit : {1U, 1000U}) {
    ListQuery query;
    query.limit = limit;
    const Listing listing = List(*p, query);
    CHECK(listing.keys == std::vector<std::string>{"d/file"});
    CHECK(listing.links == 4);
    CHECK(listing.empty_folders == 3);
    REQUIRE(listing.notes.size() == 1);
    CHECK(listing.notes[0].find("pipe") != std::string::npos);
  }
  for (const char* key : {"inside_link", "outside_link", "outside_folder/secret", "folder_link/file", "pipe", "d", "empty"}) {
    CHECK(Get(*p, key) == "!NotFound");
    CHECK(p->Stat({}, key).code() == Code::kNotFound);
  }
  CHECK(Put(*p, "outside_folder/new", "x").code() == Code::kPermissionDenied);
  CHECK(p->Remove({}, "outside_folder/secret", {}).ok());
  CHECK(Files(outside.path()) == std::map<std::string, std::string>{{"secret", "secret"}});

  LocalOptions follow = At(scratch.path());
  follow.links = LocalOptions::Links::kFollow;
  auto f = Open(follow);
  std::string joined;
  for (const std::string& key : List(*f).keys) joined += key + " ";
  CHECK(joined == "d/file folder_link/file inside_link ");
  CHECK(List(*f).links == 2);
  CHECK(Get(*f, "folder_link/file") == "1");
  CHECK(Get(*f, "inside_link") == "1");
  CHECK(Get(*f, "outside_link") == "!NotFound");
  CHECK(Get(*f, "outside_folder/secret") == "!NotFound");
  CHECK_FALSE(Put(*f, "outside_folder/new", "x").ok());
  CHECK(Put(*f, "folder_link/new", "2").ok());
  CHECK(ReadFile(scratch / "d/new") == "2");
  fs::create_directory_symlink("..", scratch / "d/up");
  CHECK(List(*f).status.ok());  // a loop ends
  CHECK(Files(outside.path()).size() == 1);

  LocalOptions error = At(scratch.path());
  error.links = LocalOptions::Links::kError;
  auto e = Open(error);
  const Listing listing = List(*e);
  REQUIRE_FALSE(listing.status.ok());
  CHECK(listing.status.message().find("link") != std::string::npos);
  CHECK(listing.status.message().find(scratch.path()) != std::string::npos);
}

TEST_CASE("an entry and Stat have one etag and one time") {
  Scratch scratch;
  auto p = Open(At(scratch.path()));
  PutOptions options;
  options.properties.mtime = Time(std::chrono::nanoseconds(1'500'000'000'000'000'001));
  REQUIRE(Put(*p, "d/k", "x", options).ok());
  REQUIRE(Put(*p, "d//k", "x", options).ok());
  Result<ListPage> page = p->List({}, {});
  REQUIRE(page.ok());
  REQUIRE(page->entries.size() == 2);
  for (const ListEntry& entry : page->entries) {
    const Result<ObjectInfo> stat = p->Stat({}, entry.key);
    REQUIRE(stat.ok());
    CHECK(entry.etag == stat->etag);
    CHECK(entry.modified == stat->modified);
    CHECK(entry.size == 1);
  }
}

TEST_CASE("a key beside a folder of its name: in every order of coming and going, and for readers meanwhile") {
  Scratch scratch;
  auto p = Open(At(scratch.path()));
  std::set<std::string> keys;
  std::mt19937 random(5);
  const std::vector<std::string> all = {"a", "a/b", "a/b/c", "a/b/c/d", "a/c", "b"};
  for (int i = 0; i < 3000; ++i) {
    const std::string& key = all[random() % all.size()];
    const std::string bytes = key + std::to_string(i);
    if (random() % 2 == 0) {
      PutOptions options;
      options.if_absent = random() % 3 == 0;
      const Result<ObjectInfo> put = Put(*p, key, bytes, options);
      if (options.if_absent && keys.contains(key)) {
        REQUIRE(put.code() == Code::kAlreadyExists);
      } else {
        REQUIRE_MESSAGE(put.ok(), put.status().ToString());
        REQUIRE(Get(*p, key) == bytes);
        keys.insert(key);
        PutOptions match;
        match.if_match = put->etag;
        const Result<ObjectInfo> again = Put(*p, key, bytes, match);
        REQUIRE_MESSAGE(again.ok(), again.status().ToString());
      }
    } else {
      REQUIRE(p->Remove({}, key, {}).ok());
      keys.erase(key);
    }
    REQUIRE(List(*p).keys == std::vector<std::string>(keys.begin(), keys.end()));
    for (const std::string& other : all) REQUIRE(p->Stat({}, other).ok() == keys.contains(other));
  }
  for (const std::string& key : all) REQUIRE(p->Remove({}, key, {}).ok());
  CHECK(fs::is_empty(scratch.path()));
}

TEST_CASE("foreign edits of such a pair: the file in its own place is the object") {
  Scratch scratch;
  auto p = Open(At(scratch.path()));
  REQUIRE(Put(*p, "a/b", "inner").ok());
  REQUIRE(Put(*p, "a", "outer").ok());
  REQUIRE(p->Remove({}, "a/b", {}).ok());
  WriteFile(scratch / "a", "by hand");
  CHECK(Get(*p, "a") == "by hand");
  CHECK(List(*p).keys == std::vector<std::string>{"a"});
  REQUIRE(p->Remove({}, "a", {}).ok());
  CHECK(Get(*p, "a") == "!NotFound");  // the older twin does not come back
  CHECK(List(*p).keys.empty());
}

TEST_CASE("an object that is written between two pages is seen by the second") {
  Scratch scratch;
  auto p = Open(At(scratch.path()));
  for (int i = 0; i < 6000; ++i) WriteFile(scratch / ("f" + std::to_string(100000 + i)), "");
  ListQuery query;
  Result<ListPage> page = p->List({}, query);
  REQUIRE(page.ok());
  REQUIRE(Put(*p, "g", "new").ok());
  REQUIRE(p->Remove({}, "f105000", {}).ok());
  query.token = page->next_token;
  const Listing rest = List(*p, query);
  CHECK(rest.keys.size() == 5000);
  CHECK(rest.keys.back() == "g");
}

TEST_CASE("100,000 files in one folder are listed in linear time, and a missing root is an empty storage") {
  Scratch scratch;
  CHECK(List(*Open(At(scratch / "nothing"))).keys.empty());
  double cpu[2] = {0, 0};  // microseconds a file, of the processor: other programs do not count
  for (const int count : {5'000, 100'000}) {
    const std::string root = scratch / std::to_string(count);
    fs::create_directories(root);
    const int fd = ::open(root.c_str(), O_DIRECTORY);
    for (int i = 0; i < count; ++i) ::close(::openat(fd, ("file-" + std::to_string((i * 7919LL) % 1'000'003) + ".jpg").c_str(), O_CREAT | O_WRONLY, 0644));
    ::close(fd);
    auto p = Open(At(root));
    struct timespec begin = {}, end = {};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
    const Listing listing = List(*p);
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    const double us = static_cast<double>(end.tv_sec - begin.tv_sec) * 1e6 + static_cast<double>(end.tv_nsec - begin.tv_nsec) / 1e3;
    CHECK(listing.keys.size() == static_cast<std::size_t>(count));
    CHECK(listing.pages == static_cast<std::uint64_t>(count) / 1000);
    CHECK(std::is_sorted(listing.keys.begin(), listing.keys.end()));
    cpu[count > 5'000] = us / count;
  }
  MESSAGE("listing: " << cpu[0] << " us a file of 5,000, " << cpu[1] << " of 100,000");
  CHECK(cpu[1] < 5 * cpu[0]);  // reading the folder again for each page would cost 20 times as much
}
