// hostile_keys.cc: at least 500 hostile keys go memory -> S3 endpoint that holds every key -> folder -> memory; then keys that a destination cannot hold are refused before any write.
//   hostile_keys S3-TEXT FOLDER [no-line-feeds]        exits 0 when all is well; run by hostile_keys_test.py, which starts the endpoint
#include <cstdio>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "fileferry/fileferry.h"

using namespace fileferry;

namespace {

int failures = 0;
void Fail(const std::string& what) {
  if (++failures <= 20) std::printf("FAIL %s\n", what.c_str());
}

// Every key in it is legal: valid UTF-8, 1 to 1024 bytes, without NUL.
std::set<std::string> HostileKeys(bool line_feeds) {
  std::set<std::string> keys;
  const std::vector<std::string> pieces = {
      ".", "..", "...", " ", "  ", "a", "A", "%", "%%", "%2F", "%2f", "%25", "100%", "+", "a+b", "a b", " x ", "~", "~x", "*", "[a]", "{a,b}", "?", "#", ";", "&", "=", ":", "|", "\\",
      "a\\b", "\"", "'", "<script>", "`id`", "$(id)", "-rf", "--", "CON", "NUL", "com1.txt", ".fileferry", ".fileferry-x", ".hidden", "trailing.", "trailing ", "\t", "tab\tin", "\n", "line\nfeed",
      "\r", "cr\rlf\n", "\x01", "\x7f", "\x1b[31m", "\v", "\f", "\xc3\xa9", "e\xcc\x81", "\xd1\x84\xd0\xb0\xd0\xb9\xd0\xbb", "\xe6\x96\x87", "\xf0\x9f\x98\x80", "\xee\x80\x80", "\xef\xbf\xbf", "\xef\xbf\xbd", "\xe2\x80\xae",
      "\xc2\xa0", "\xe2\x80\x8b", "soap", "test%46.txt", "@", "!", "(", ")", ",", "^", "_", "a.", ".a", "a%", "%a", "%zz", "%d", "%s", "\xe2\x80\xa8", "\xf0\x9d\x84\x9e", "index.html", "thumbs.db", "file.tmp", "$HOME", "~user", "a=b", "50%25"};
  for (const auto& p : pieces) {
    keys.insert(p);
    keys.insert("dir/" + p);
    keys.insert(p + "/file");
    keys.insert("x" + p + "y");
    keys.insert("deep/" + p + "/" + p + "/end");
  }
  for (const char* k : {"a//b", "a///b", "//a", "/x", "/", "//", "dir/", "dir//", "a/b", "a/b/c", "a/b/c/", "./a", "../a", "a/..", "a/.", "a/../b", "a/./b", "A/b", "a/B"}) keys.insert(k);
  for (std::size_t n : {250U, 254U, 255U, 256U, 257U, 300U, 511U, 1000U, 1023U, 1024U}) {
    keys.insert(std::string(n, 'n'));
    keys.insert("d/" + std::string(n - 2, 'm'));
    std::string cyrillic;
    while (cyrillic.size() + 2 <= n) cyrillic += "\xd1\x84";
    keys.insert(cyrillic);
    std::string slashes;
    while (slashes.size() + 2 <= n) slashes += "s/";
    keys.insert(slashes + "s");
    keys.insert(std::string(n - 1, '%') + "x");
  }
  std::set<std::string> legal;
  for (const auto& k : keys) {
    if (CheckKeyBytes(k).ok() && (line_feeds || k.find('\n') == std::string::npos)) legal.insert(k);
  }
  return legal;
}

std::string Shown(const std::string& key) {
  std::string out;
  for (char c : key.substr(0, 60)) out += (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) ? '?' : c;
  return out;
}

std::map<std::string, std::string> Contents(IStorageProvider& provider, const std::string& prefix) {
  std::map<std::string, std::string> all;
  OpContext ctx;
  ListQuery query;
  query.prefix = prefix;
  Status status = ForEach(provider, ctx, query, [&](const ListEntry& entry) {
    std::string key(entry.key);
    Result<std::string> text = ReadAll(provider, ctx, key);
    if (!text.ok()) return text.status();
    all[key.substr(prefix.size())] = *text;
    return Status::Ok();
  });
  if (!status.ok()) Fail("listing: " + status.ToString());
  return all;
}

void Compare(const char* where, const std::map<std::string, std::string>& expected, const std::map<std::string, std::string>& got) {
  for (const auto& [key, value] : expected) {
    auto found = got.find(key);
    if (found == got.end()) {
      Fail(std::string(where) + ": lost " + Shown(key));
    } else if (found->second != value) {
      Fail(std::string(where) + ": other bytes under " + Shown(key));
    }
  }
  for (const auto& [key, value] : got) {
    if (!expected.contains(key)) Fail(std::string(where) + ": appeared " + Shown(key));
  }
}

OpenedStorage Wrap(ProviderPtr provider, const std::string& text) {
  OpenedStorage opened;
  opened.provider = std::move(provider);
  opened.text = text;
  return opened;
}

void Copy(const char* what, const OpenedStorage& from, const OpenedStorage& to) {
  Result<std::unique_ptr<IRun>> run = NewCopy(from, to, CopyPlan{});
  if (!run.ok()) return Fail(std::string(what) + ": " + run.status().ToString());
  if (Status started = (*run)->Start(); !started.ok()) return Fail(std::string(what) + ": " + started.ToString());
  while (!(*run)->Wait(std::chrono::seconds(1))) {
  }
  if (!(*run)->Result().ok()) Fail(std::string(what) + ": " + (*run)->Result().ToString());
  if (ExitStatusOf(**run) != 0) {
    for (const ObjectRecord& record : (*run)->Problems(5)) Fail(std::string(what) + ": " + Shown(record.key) + ": " + std::string(OutcomeName(record.outcome)) + ": " + record.message);
  }
}

// A storage that refuses some keys: what is refused is refused by name, before its write, and the run says so.
void Refusals(StorageFactory& factory, const std::string& s3_text, const OpenedStorage& source) {
  (void)s3_text;
  Result<OpenedStorage> weed = factory.Open("s3://bucket?endpoint=http://127.0.0.1:9&vendor=seaweedfs&region=us-east-1");
  if (!weed.ok()) return Fail("refusals: " + weed.status().ToString());
  Result<Analysis> analysis = Analyse(OpContext{}, source, std::nullopt, CopyPlan{});
  if (!analysis.ok()) return Fail("plan: " + analysis.status().ToString());
  std::uint64_t refused = 0;
  OpContext ctx;
  Status listed = ForEach(*source.provider, ctx, {}, [&](const ListEntry& entry) {
    if (!weed->provider->CheckKey(entry.key).ok()) ++refused;
    return Status::Ok();
  });
  if (!listed.ok()) Fail("refusals: " + listed.ToString());
  if (refused == 0) Fail("the SeaweedFS dialect refuses no key, although the server folds a//b into a/b");
  std::printf("%llu of the keys would be refused by a SeaweedFS bucket\n", static_cast<unsigned long long>(refused));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 && argc != 4) return 2;
  const bool line_feeds = argc == 3;  // "no-line-feeds": moto's routes do not match them
  Result<std::shared_ptr<StorageFactory>> factory = StorageFactory::Create({});
  if (!factory.ok()) return std::printf("FAIL %s\n", factory.status().ToString().c_str()), 1;
  std::shared_ptr<IStorageProvider> memory = MemoryStorageProvider::Create("start");
  std::map<std::string, std::string> expected;
  OpContext ctx;
  for (const std::string& key : HostileKeys(line_feeds)) {
    expected[key] = "content of " + key;
    PutOptions options;
    options.properties.content_type = "application/x-hostile";
    options.properties.metadata["note"] = "kept";
    if (Result<ObjectInfo> put = WriteAll(*memory, ctx, key, expected[key], options); !put.ok()) Fail("memory put: " + put.status().ToString());
  }
  std::printf("%zu hostile keys\n", expected.size());
  if (expected.size() < 500) Fail("fewer than 500 keys");
  Result<OpenedStorage> s3 = (*factory)->Open(argv[1]);
  Result<OpenedStorage> folder = (*factory)->Open(std::string("file://") + argv[2]);
  if (!s3.ok() || !folder.ok()) return std::printf("FAIL %s %s\n", s3.status().ToString().c_str(), folder.status().ToString().c_str()), 1;
  OpenedStorage start = Wrap(memory, "memory:start");
  OpenedStorage end = Wrap(MemoryStorageProvider::Create("end"), "memory:end");
  Copy("memory to S3", start, *s3);
  Compare("S3", expected, Contents(*s3->provider, s3->path));
  Copy("S3 to folder", *s3, *folder);
  Compare("folder", expected, Contents(*folder->provider, folder->path));
  Copy("folder to memory", *folder, end);
  Compare("memory", expected, Contents(*end.provider, ""));
  for (const auto& [key, value] : expected) {
    Result<ObjectInfo> info = end.provider->Stat(ctx, key);
    if (!info.ok()) continue;
    if (info->properties.content_type != "application/x-hostile" || info->properties.metadata != std::map<std::string, std::string>{{"note", "kept"}}) Fail("properties of " + Shown(key));
  }
  Refusals(**factory, argv[1], start);
  std::printf("%d failures\n", failures);
  return failures == 0 ? 0 : 1;
}
