// factory_test.cc: shared providers, layers by configuration, fallback, services of the program's own.
#include <doctest/doctest.h>

#include "fileferry/factory.h"
#include "fileferry/memory.h"
#include "fileferry/ops.h"
#include "support.h"

using namespace fileferry;

namespace {

struct Made {
  std::shared_ptr<StorageFactory> factory;
  std::shared_ptr<std::vector<std::string>> log = std::make_shared<std::vector<std::string>>();
};

Made Make(const Folder& folder, const std::string& text, std::map<std::string, std::string> overrides = {}) {
  Made made;
  FactoryOptions options;
  options.config_path = folder.Write("config/storage.yml", text);
  options.env = FakeEnvironment({{"AWS_ACCESS_KEY_ID", "k"}, {"AWS_SECRET_ACCESS_KEY", "s"}, {"AWS_CONFIG_FILE", "/dev/null"}, {"AWS_SHARED_CREDENTIALS_FILE", "/dev/null"}});
  options.overrides = std::move(overrides);
  options.retry.attempts = 1;
  options.log_calls = false;
  options.log = [log = made.log](std::string_view line) { log->emplace_back(line); };
  auto factory = StorageFactory::Create(std::move(options));
  REQUIRE_MESSAGE(factory.ok(), std::string(factory.status().message()));
  made.factory = *factory;
  return made;
}

std::string Why(const Made& made, const std::string& text) { return std::string(made.factory->Open(text).status().message()); }

}  // namespace

TEST_CASE("equal texts share a provider, different ones do not") {
  Folder folder;
  const Made made = Make(folder, "media: { service: local, root: media }\n");
  auto a = made.factory->Open("media:photos/"), b = made.factory->Open("media:");
  REQUIRE(a.ok());
  CHECK(a->provider == b->provider);
  CHECK(a->path == "photos/");
  CHECK(a->path_is_folder);
  CHECK(b->path_is_folder);
  CHECK_FALSE(made.factory->Open("media:photos")->path_is_folder);
  CHECK(a->text == "media:photos/");
  CHECK(made.factory->Open(folder.path() + "/media")->provider != a->provider);
  made.factory->ClearCache();
  CHECK(made.factory->Open("media:")->provider != a->provider);
}

TEST_CASE("prefix and read_only of the configuration are layers") {
  Folder folder;
  const Made made = Make(folder, "all: { service: local, root: files }\nsub: { service: local, root: files, prefix: in/side }\nro: { service: local, root: files, read_only: yes }\n");
  const OpContext ctx;
  REQUIRE(WriteAll(*made.factory->Open("sub:")->provider, ctx, "a.txt", "hello").ok());
  const auto read = ReadAll(*made.factory->Open("all:")->provider, ctx, "in/side/a.txt");
  REQUIRE(read.ok());
  CHECK(*read == "hello");
  CHECK(WriteAll(*made.factory->Open("ro:")->provider, ctx, "b", "x").code() == Code::kPermissionDenied);
  CHECK(made.factory->Open("sub:x")->path == "x");
}

TEST_CASE("what a path names") {
  Folder folder;
  const Made made = Make(folder, "m: { service: local, root: files }\n");
  const OpContext ctx;
  REQUIRE(WriteAll(*made.factory->Open("m:")->provider, ctx, "dir/a.txt", "hello").ok());
  const auto object = ResolvePath(*made.factory->Open("m:dir/a.txt"), ctx);
  REQUIRE(object.ok());
  CHECK(object->is_object);
  CHECK(object->info.size == 5);
  const auto folder_path = ResolvePath(*made.factory->Open("m:dir"), ctx);
  CHECK_FALSE(folder_path->is_object);
  CHECK(folder_path->key_or_prefix == "dir/");
  CHECK(ResolvePath(*made.factory->Open("m:dir/a.txt/"), ctx)->key_or_prefix == "dir/a.txt/");
  CHECK(ResolvePath(*made.factory->Open("m:"), ctx)->key_or_prefix.empty());
}

TEST_CASE("overrides apply where the service knows the key") {
  Folder folder;
  const Made made = Make(folder, "m: { service: local, root: files }\ns: { service: s3, bucket: b, region: r }\n", {{"links", "follow"}});
  CHECK(made.factory->Open("m:")->config.Get("links") == "follow");
  CHECK_FALSE(made.factory->Open("s:")->config.Has("links"));
}

TEST_CASE("a failing primary is replaced by its declared fallback, and that is told") {
  Folder folder;
  // Nobody listens on port 9 of the loopback address.
  const Made made = Make(folder,
                         "cloud: { service: s3, bucket: b, region: r, endpoint: 'http://127.0.0.1:9', fallback: disk }\n"
                         "alone: { service: s3, bucket: b, region: r, endpoint: 'http://127.0.0.1:9' }\n"
                         "disk: { service: local, root: disk }\n"
                         "round: { service: s3, bucket: b, region: r, endpoint: 'http://127.0.0.1:9', fallback: round }\n");
  auto opened = made.factory->Open("cloud:photos/");
  REQUIRE_MESSAGE(opened.ok(), std::string(opened.status().message()));
  CHECK(opened->provider->Scheme() == "file");
  CHECK(opened->path == "photos/");
  CHECK(opened->text == "disk:photos/");
  REQUIRE(made.log->size() == 1);
  CHECK(made.log->at(0).find("warning: storage 'cloud' is unhealthy") == 0);
  CHECK(made.log->at(0).find("using its fallback 'disk'") != std::string::npos);
  CHECK(made.factory->Open("cloud:")->provider == made.factory->Open("disk:")->provider);
  // without a fallback opening asks nothing of the network
  CHECK(made.factory->Open("alone:")->provider->Scheme() == "s3");
  CHECK(Why(made, "round:").find("form a circle") != std::string::npos);
}

TEST_CASE("a healthy primary is kept") {
  Folder folder;
  const Made made = Make(folder, "a: { service: local, root: a, fallback: b }\nb: { service: local, root: b }\n");
  std::filesystem::create_directories(folder.path() + "/a");
  CHECK(made.factory->Open("a:")->text == "a:");
  CHECK(made.log->empty());
}

TEST_CASE("plain HTTP to another machine is a warning") {
  Folder folder;
  const Made made = Make(folder, "far: { service: s3, bucket: b, region: r, endpoint: 'http://192.0.2.1:9000' }\nnear: { service: s3, bucket: b, region: r, endpoint: 'http://localhost:9' }\n");
  REQUIRE(made.factory->Open("near:").ok());
  CHECK(made.log->empty());
  REQUIRE(made.factory->Open("far:").ok());
  REQUIRE(made.log->size() == 1);
  CHECK(made.log->at(0).find("warning: storage 'far': http://192.0.2.1:9000 is not encrypted") == 0);
  REQUIRE(made.factory->Open("far:x").ok());
  CHECK(made.log->size() == 1);  // once
}

TEST_CASE("services of the program's own") {
  Folder folder;
  const Made made = Make(folder, "own: { service: shelf, room: \"12\" }\nbad: { service: shelf, rom: 12 }\n");
  CHECK(Why(made, "own:").find("there is no service 'shelf'") != std::string::npos);
  made.factory->Register("shelf", {{"room", KeyType::kInteger, "", "", "which room"}, {"pass", KeyType::kSecret, "", "", "its key"}},
                         [](const StorageConfig& config) -> Result<ProviderPtr> { return ProviderPtr(MemoryStorageProvider::Create("shelf " + config.Get("room"))); });
  CHECK(made.factory->Open("own:")->provider->Name() == "shelf 12");
  CHECK(made.factory->Open("shelf:a/b?room=7")->provider->Name() == "shelf 7");
  CHECK(made.factory->Open("shelf:a/b?room=7")->path == "a/b");
  CHECK(made.factory->Open("shelf:a/b?room=7")->text == "shelf:a/b?room=7");
  CHECK(Why(made, "bad:").find("rom is not known: did you mean 'room'?") != std::string::npos);
  CHECK(Why(made, "shelf:?rom=7").find("the parameter 'rom' is not known: did you mean 'room'?") != std::string::npos);
  CHECK(Why(made, "shelf:?pass=CANARY").find("pass is a secret") == 0);
}

TEST_CASE("storages that come later say so when they are opened") {
  Folder folder;
  const Made made = Make(folder, "h: { service: hybrid, read: [a], write: [a] }\na: { service: local, root: a }\nm: { service: Mirror, primary: a, mirrors: [] }\n");
  CHECK(made.factory->Open("a:").ok());
  CHECK(made.factory->Open("h:").code() == Code::kUnsupported);
  CHECK(Why(made, "m:") == "storage 'm': hybrid storages come in a later version: use a local or s3 storage");
}

TEST_CASE("one object opened by its place, there or not") {
  Folder folder;
  const Made made = Make(folder, "m: { service: local, root: files }\n");
  const std::string there = folder.Write("in/here.txt", "hello");
  const auto fresh = made.factory->OpenObject(folder.path() + "/in/100%.txt");
  REQUIRE_MESSAGE(fresh.ok(), std::string(fresh.status().message()));
  CHECK(fresh->is_object);
  CHECK(fresh->path == "100%.txt");
  CHECK(fresh->config.Get("root") == folder.path() + "/in");
  // The same text before and after the object is there: a journal finds its migration again.
  const std::string before = fresh->text;
  folder.Write("in/100%.txt", "x");
  CHECK(made.factory->Open(folder.path() + "/in/100%.txt")->text == before);
  CHECK(made.factory->OpenObject(before)->path == "100%.txt");
  CHECK(made.factory->OpenObject(there)->path == "here.txt");
  CHECK(made.factory->OpenObject("file://" + folder.path() + "/in/new.txt?fsync=none")->path == "new.txt");
  CHECK(made.factory->OpenObject("m:a/b")->path == "a/b");
  for (const std::string& text : {folder.path() + "/in", folder.path() + "/new/", std::string("m:"), std::string("m:a/"), "file://" + folder.path() + "/new?layout=activestorage"})
    CHECK(made.factory->OpenObject(text).code() == Code::kInvalidArgument);
}

TEST_CASE("where one object goes: into a folder, or to its new name") {
  Folder folder;
  const Made made = Make(folder, "m: { service: local, root: files }\n");
  const std::string file = folder.Write("in/here.txt", "hello");
  REQUIRE(WriteAll(*made.factory->Open("m:")->provider, {}, "photos/a.jpg", "a").ok());
  const auto open = [&](const std::string& from, const std::string& to) {
    auto source = made.factory->Open(from);
    REQUIRE(source.ok());
    return OpenDestination(*made.factory, {}, &*source, to);
  };
  for (const std::string& from : {file, std::string("m:photos/a.jpg")}) {
    const auto name = open(from, folder.path() + "/new.txt");
    REQUIRE(name.ok());
    CHECK(name->is_object);
    CHECK(name->path == "new.txt");
    CHECK_FALSE(open(from, folder.path() + "/new/")->is_object);
    CHECK_FALSE(open(from, folder.path() + "/in")->is_object);  // a folder that is there
    CHECK(open(from, file)->is_object);
    CHECK(open(from, "m:photos/a.jpg")->is_object);
    CHECK(open(from, "m:new")->is_object);
    CHECK(open(from, "m:photos")->path == "photos/");
    CHECK_FALSE(open(from, "m:photos")->is_object);
    CHECK_FALSE(open(from, "m:photo/")->is_object);
  }
  CHECK_FALSE(open("m:photos", folder.path() + "/new")->is_object);  // a folder makes a folder
  CHECK_FALSE(open("m:photos", "m:new")->is_object);
  CHECK(open("m:photos", file).code() == Code::kInvalidArgument);
}
