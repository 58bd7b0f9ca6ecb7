// load_test.cc: config/storage.yml in both forms, storage_config.json and storages of the environment.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include "support.h"

using namespace fileferry;

namespace {

// What is wrong with a file of this text; empty when nothing is.
std::string Wrong(const std::string& text, std::map<std::string, std::string> env = {}, const std::string& environment = "") {
  Folder folder;
  const std::string path = folder.Write("config/storage.yml", text);
  const auto loaded = LoadConfiguration(path, environment, FakeEnvironment(std::move(env)));
  if (loaded.ok()) return {};
  CHECK(loaded.code() == Code::kInvalidArgument);
  std::string message(loaded.status().message());
  CHECK(message.find('\n') == std::string::npos);
  const auto at = message.find(path);
  return at == std::string::npos ? message : message.replace(at, path.size(), "F");
}

Configuration Load(const Folder& folder, const std::string& text, std::map<std::string, std::string> env = {}, const std::string& environment = "") {
  auto loaded = LoadConfiguration(folder.Write("config/storage.yml", text), environment, FakeEnvironment(std::move(env)));
  REQUIRE_MESSAGE(loaded.ok(), std::string(loaded.status().message()));
  return *loaded;
}

std::string Problem(const StorageConfig& config) { return config.problems.empty() ? std::string() : std::string(config.problems[0].message()); }

}  // namespace

TEST_CASE("Rails' own storage.yml is understood") {
  Folder folder;
  const auto configuration = Load(folder, R"(test:
  service: Disk
  root: <%= Rails.root.join("tmp/storage") %>

local:
  service: Disk
  root: <%= Rails.root.join("storage") %>

# Use bin/rails credentials:edit to set the AWS secrets (as aws:access_key_id|secret_access_key)
# amazon_old:
#   access_key_id: <%= Rails.application.credentials.dig(:aws, :access_key_id) %>
amazon:
  service: S3
  access_key_id: <%= ENV["AWS_KEY"] %>
  secret_access_key: <%= ENV.fetch('AWS_SECRET') %>
  region: <%= ENV.fetch("AWS_REGION", "us-east-1") %>
  bucket: your_own_bucket-<%= Rails.env %>
  endpoint: <%= ENV["S3_ENDPOINT"] %>
  force_path_style: true
  http_open_timeout: 5
  upload:
    server_side_encryption: aws:kms
    cache_control: "private, max-age=<%= 1.day %>"
  public: true
  something_of_rails: 1

mirror:
  service: Mirror
  primary: local
  mirrors: [ amazon, google ]
google:
  service: GCS
  project: p
  credentials: <%= Rails.root.join("path/to/keyfile.json") %>
  bucket: g
)",
                                 {{"AWS_KEY", "AKIA1"}, {"AWS_SECRET", "topsecret"}, {"RAILS_ENV", "production"}});
  CHECK(configuration.environment == "production");
  CHECK(Flat(configuration.storages.at("test")) == "layout=activestorage root=" + folder.path() + "/tmp/storage service=local");
  CHECK(Flat(configuration.storages.at("local")) == "layout=activestorage root=" + folder.path() + "/storage service=local");
  const StorageConfig& amazon = configuration.storages.at("amazon");
  CHECK(amazon.Get("bucket") == "your_own_bucket-production");
  CHECK(amazon.Get("access_key_id") == "AKIA1");
  CHECK(amazon.Get("secret_access_key") == "topsecret");
  CHECK(amazon.Get("region") == "us-east-1");
  CHECK_FALSE(amazon.Has("endpoint"));  // nil, as in Rails
  CHECK(amazon.Get("force_path_style") == "true");
  CHECK(amazon.Get("connect_timeout") == "5s");
  CHECK(amazon.Get("sse") == "aws:kms");
  CHECK(amazon.Get("acl") == "public-read");
  CHECK(amazon.values.at("access_key_id").origin.ToString() == "environment AWS_KEY in " + configuration.path + ":14");
  CHECK(amazon.values.at("force_path_style").origin.ToString() == configuration.path + ":19");
  // Ruby that only Ruby can evaluate: told when the storage is used, with its line
  CHECK(Problem(amazon) == configuration.path + ":23: cache_control: <%= 1.day %> can only be evaluated by Ruby: use <%= ENV[\"NAME\"] %> or ${NAME}");
  CHECK(Flat(configuration.storages.at("mirror")) == "read=local service=hybrid write=local,amazon,google");
  CHECK(Flat(configuration.storages.at("google")) == "bucket=g endpoint=https://storage.googleapis.com service=s3 vendor=gcs");
  REQUIRE(configuration.warnings.size() == 2);
  CHECK(configuration.warnings[0] == configuration.path + ":25: 'something_of_rails' of the Rails storage 'amazon' is not understood and left to Rails");
  CHECK(configuration.warnings[1].find(":34: 'credentials'") != std::string::npos);
}

TEST_CASE("environments at the top: the one that was asked for is read") {
  Folder folder;
  const std::string text = R"(defaults: &defaults
  base: { service: local, root: base }
development:
  <<: *defaults
  media: { service: local, root: storage }
production:
  <<: *defaults
  local:   { service: local, root: /srv/storage, layout: activestorage }
  spaces:  { service: s3, bucket: acme, region: ams3, endpoint: "https://ams3.digitaloceanspaces.com",
             access_key_id: "${SPACES_KEY}", secret_access_key: "${SPACES_SECRET:-fallback}" }
  hybrid:  { service: hybrid, read: [local, spaces], write: [local, spaces], heal: true }
  tenants: { service: router, default: spaces,
             routes: [ { tenant: acme, content_type: "video/*", storage: local } ] }
test: ~
)";
  const auto development = Load(folder, text);
  CHECK(development.environment == "development");
  CHECK(development.environments == std::vector<std::string>{"defaults", "development", "production", "test"});
  CHECK(development.storages.size() == 2);
  CHECK(development.storages.at("media").Get("root") == folder.path() + "/storage");

  const auto production = Load(folder, text, {{"SPACES_KEY", "K"}, {"RAILS_ENV", "test"}}, "production");
  CHECK(production.storages.size() == 5);
  CHECK(production.storages.at("spaces").Get("access_key_id") == "K");
  CHECK(production.storages.at("spaces").Get("secret_access_key") == "fallback");
  CHECK(production.storages.at("hybrid").Get("write") == "local,spaces");
  CHECK(production.storages.at("tenants").Get("routes") == "{tenant: acme,content_type: video/*,storage: local}");

  CHECK(Load(folder, text, {{"FILEFERRY_ENV", "production"}, {"SPACES_KEY", "K"}}).storages.size() == 5);
  CHECK(Load(folder, text, {{"RAILS_ENV", "test"}}).storages.empty());
  // a variable that is not set is told by the storage that needs it, not by its neighbours
  const auto unset = Load(folder, text, {}, "production");
  CHECK(unset.storages.at("local").problems.empty());
  CHECK(Problem(unset.storages.at("spaces")) ==
        unset.path + ":10: access_key_id: the environment variable SPACES_KEY is not set: set it, or write ${SPACES_KEY:-default}");
  CHECK(Wrong(text, {}, "producton") == "F: there is no environment 'producton': did you mean 'production'?");
  CHECK(Wrong(text, {{"RAILS_ENV", "live"}}) == "F: there is no environment 'live': the file has defaults, development, production, test");
}

TEST_CASE("a default environment that the file has not is no error before a name of it is used") {
  Folder folder;
  const auto configuration = Load(folder, "production:\n  media: { service: local, root: a }\n");
  CHECK(configuration.storages.empty());
  REQUIRE(configuration.warnings.size() == 1);
  const auto parsed = ParseStorageText("media:", configuration, FakeEnvironment({}));
  CHECK(std::string(parsed.status().message()) == "there is no storage 'media' in " + configuration.path +
                                                      ", environment development: the file has the environments production: choose one with -e or FILEFERRY_ENV");
}

TEST_CASE("entries of service Fileferry: a provider with its keys, or a storage text") {
  Folder folder;
  const auto configuration = Load(folder, R"(a:
  service: Fileferry
  provider: s3
  bucket: acme
  path_style: true
b:
  service: Fileferry
  storage: "s3://other/pre/fix?endpoint=http://127.0.0.1:1&region=eu-west-1"
  read_only: true
c: { service: Fileferry, storage: "a:photos/" }
d: { service: Fileferry, storage: d }
e: { service: Fileferry, storage: "nowhere:" }
)");
  CHECK(Flat(configuration.storages.at("a")) == "bucket=acme path_style=true service=s3");
  CHECK(Flat(configuration.storages.at("b")) == "bucket=other endpoint=http://127.0.0.1:1 prefix=pre/fix read_only=true region=eu-west-1 service=s3");
  CHECK(configuration.storages.at("b").values.at("region").origin.ToString() == configuration.path + ":8");
  CHECK(Flat(configuration.storages.at("c")) == "bucket=acme path_style=true prefix=photos/ service=s3");
  CHECK(Problem(configuration.storages.at("d")).find("there is no storage 'd'") != std::string::npos);
  CHECK(Problem(configuration.storages.at("e")).find("there is no storage 'nowhere'") != std::string::npos);
}

TEST_CASE("what is wrong is named with file, line and the nearest key") {
  CHECK(Wrong("media:\n  service: s3\n  buckt: acme\n") == "F:3: storage 'media' has an unknown key 'buckt': did you mean 'bucket'?");
  CHECK(Wrong("media:\n  servce: s3\n  bucket: acme\nb: {service: local, root: x}\n") == "F:2: storage 'media' has an unknown key 'servce': did you mean 'service'?");
  CHECK(Wrong("media: { service: local, root: a, layout: activstorage }\n") ==
        "F:1: storage 'media': layout: 'activstorage' is not one of plain, activestorage: did you mean 'activestorage'?");
  CHECK(Wrong("media: { service: local, root: a, min_free: lots }\n").find("F:1: storage 'media': min_free: \"lots\" is not a size") == 0);
  CHECK(Wrong("media: { service: s3, bucket: a, attempts: many }\n") == "F:1: storage 'media': attempts: 'many' is not a number");
  CHECK(Wrong("media: { service: s3, bucket: a, read_only: maybe }\n") == "F:1: storage 'media': read_only: 'maybe' is neither true nor false");
  CHECK(Wrong("media: { service: s3, bucket: a }\nmedia: { service: local, root: b }\n").find("F:2") == 0);
  CHECK(Wrong("media: { service: s3, bucket: a\n").find("F:") == 0);
  CHECK(Wrong("- a\n- b\n") == "F:1: the file does not hold a map of storages or environments");
  CHECK(Wrong("\"a:b\": { service: local, root: x }\n").find("F:1: 'a:b' cannot be the name of a storage") == 0);
  CHECK(Wrong("<% if ENV['X'] %>\na: {service: local, root: b}\n<% end %>\n").find("F:1: <% if ENV['X'] %> can only be run by Ruby") == 0);
  CHECK(Wrong("a:\n  service: local\n  root: <%= ENV[\"X\" \n").find("F:3: <% is not closed") == 0);
  CHECK(Wrong("production:\n  a: { service: local, root: b }\nb: { service: local, root: c }\n").find("F:1: storage 'production'") == 0);
  CHECK(Wrong("a: { service: Fileferry }\n").find("F:1: storage 'a' needs either provider:") == 0);
  CHECK(Wrong("").empty());
  CHECK(Wrong("# nothing\n").empty());
}

TEST_CASE("ENV.fetch without a value, and ${}") {
  Folder folder;
  const auto configuration = Load(folder, R"(a:
  service: local
  root: "<%= ENV.fetch("MEDIA") %>/x"
b: { service: local, root: "$${HOME}/${SUB:-s}-${EMPTY:-e}", fsync: "${EMPTY}" }
c: { service: local, root: "<%= ENV['NONE'] || ENV['SUB2'] || "c" %>" }
)",
                                 {{"EMPTY", ""}, {"SUB2", "two: [x]"}});
  CHECK(Problem(configuration.storages.at("a")) == configuration.path + ":3: root: the environment variable MEDIA is not set: set it, or give ENV.fetch a default");
  CHECK(configuration.storages.at("b").Get("root") == folder.path() + "/${HOME}/s-e");
  // a value cannot change the structure of the file
  CHECK(configuration.storages.at("c").Get("root") == folder.path() + "/two: [x]");
}

TEST_CASE("unknown services are told when the storage is used") {
  Folder folder;
  const auto configuration = Load(folder, "a: { service: lokal, root: b }\nb: { service: AzureStorage, container: c }\n");
  const auto findings = CheckConfig(configuration.storages.at("a"));
  REQUIRE(findings.size() == 1);
  CHECK(std::string(findings[0].message()) == "storage 'a': there is no service 'lokal': did you mean 'local'?");
  CHECK(CheckConfig(configuration.storages.at("b")).at(0).code() == Code::kUnsupported);
}

TEST_CASE("required keys") {
  StorageConfig config;
  config.name = "m";
  config.values["service"] = {"s3", {"f", 1}};
  REQUIRE(CheckConfig(config).size() == 1);
  CHECK(std::string(CheckConfig(config)[0].message()) == "storage 'm': bucket is missing: name the bucket");
  config.values["bucket"] = {"acme", {"f", 2}};
  CHECK(CheckConfig(config).empty());
  config.values["vendor"] = {"amazn", {"f", 3}};
  config.values["reigon"] = {"x", {"f", 4}};
  const auto findings = CheckConfig(config);
  REQUIRE(findings.size() == 2);
  CHECK(std::string(findings[0].message()) == "f:4: storage 'm': reigon is not known: did you mean 'region'?");
}

TEST_CASE("storage_config.json") {
  Folder folder;
  const std::string path = folder.Write("storage_config.json", R"({
  "minio": {"endpoint": "minio:9000", "access_key": "K", "secret_key": "S", "bucket": "b"},
  "yandex_disk": {"oauth_token": "T", "enabled": true},
  "backup_settings": {"max": 7},
  "content_types": {"portraits": {"storage_type": "minio"}, "videos": {"storage_type": "local"}, "nft": {"storage_type": "yandex_disk"}},
  "own": 1
})");
  const auto configuration = LoadConfiguration(path, "", FakeEnvironment({}));
  REQUIRE_MESSAGE(configuration.ok(), std::string(configuration.status().message()));
  CHECK(Flat(configuration->storages.at("minio")) == "access_key_id=K bucket=b endpoint=http://minio:9000 secret_access_key=S service=s3");
  CHECK(Flat(configuration->storages.at("portraits")) == Flat(configuration->storages.at("minio")));
  CHECK(Flat(configuration->storages.at("videos")) == "root=" + folder.path() + "/storage service=local");
  CHECK(configuration->storages.at("nft").Get("service") == "yandex_disk");
  const auto bad = [&](const std::string& text) {
    const auto loaded = LoadConfiguration(folder.Write("bad.json", text), "", FakeEnvironment({}));
    REQUIRE_FALSE(loaded.ok());
    return std::string(loaded.status().message()).substr((folder.path() + "/bad.json").size());
  };
  CHECK(bad("{\n\"minio\": {\"endpont\": \"x\"}}") == ":2: 'minio' has an unknown key 'endpont': did you mean 'endpoint'?");
  CHECK(bad("{\"minio\": {},\n\"content_types\": {\"a\": {\"storage_type\": \"mino\"}}}") == ":2: there is no section for storage_type 'mino': did you mean 'minio'?");
  CHECK(bad("{\"minio\": {\"bucket\": }").find(":1") == 0);
}

TEST_CASE("storages that the environment names") {
  const auto configuration = FindConfiguration("", "", FakeEnvironment({{"USE_S3", "TRUE"},
                                                                         {"AWS_STORAGE_BUCKET_NAME", "shop"},
                                                                         {"AWS_S3_REGION_NAME", "eu-west-1"},
                                                                         {"AWS_S3_ENDPOINT_URL", "http://127.0.0.1:9000"},
                                                                         {"AWS_S3_CUSTOM_DOMAIN", "cdn.shop.example"},
                                                                         {"AWS_ACCESS_KEY_ID", "K"},
                                                                         {"AWS_SECRET_ACCESS_KEY", "S"},
                                                                         {"AWS_LOCATION", "all"},
                                                                         {"SOURCE_S3_BUCKET", "old"},
                                                                         {"SOURCE_S3_ACCESS_KEY", "SK"},
                                                                         {"SOURCE_S3_SECRET_KEY", "SS"},
                                                                         {"SOURCE_S3_REGION", "us-east-1"}}));
  REQUIRE(configuration.ok());
  CHECK(Flat(configuration->storages.at("default")) ==
        "access_key_id=K bucket=shop endpoint=http://127.0.0.1:9000 prefix=all public_url=https://cdn.shop.example region=eu-west-1 secret_access_key=S service=s3");
  CHECK(configuration->storages.at("media").Get("prefix") == "media");
  CHECK(configuration->storages.at("media").Get("acl") == "private");
  CHECK(configuration->storages.at("public").Get("acl") == "public-read");
  CHECK(Flat(configuration->storages.at("source")) == "access_key_id=SK bucket=old region=us-east-1 secret_access_key=SS service=s3");
  CHECK(configuration->storages.at("source").values.at("bucket").origin.ToString() == "environment SOURCE_S3_BUCKET");

  const auto off = FindConfiguration("", "", FakeEnvironment({{"USE_S3", "false"}, {"AWS_STORAGE_BUCKET_NAME", "shop"}}));
  CHECK(off->storages.empty());
  const auto half = FindConfiguration("", "", FakeEnvironment({{"USE_S3", "1"}, {"SOURCE_S3_ACCESS_KEY", "SK"}}));
  CHECK(Problem(half->storages.at("default")) == "USE_S3 is on, but AWS_STORAGE_BUCKET_NAME is not set: name the bucket, or turn USE_S3 off");
  CHECK(Problem(half->storages.at("source")) == "SOURCE_S3_BUCKET is not set: name the bucket of the storage 'source'");
}

TEST_CASE("a secret in a file that everybody reads is a warning, without the secret") {
  Folder folder;
  const std::string path = folder.Write("config/storage.yml", "a: { service: s3, bucket: b, access_key_id: K, secret_access_key: canary }\n");
  ::chmod(path.c_str(), 0644);
  auto open = LoadConfiguration(path, "", FakeEnvironment({}));
  REQUIRE(open->warnings.size() == 1);
  CHECK(open->warnings[0].find("secret_access_key") != std::string::npos);
  CHECK(open->warnings[0].find("canary") == std::string::npos);
  ::chmod(path.c_str(), 0600);
  CHECK(LoadConfiguration(path, "", FakeEnvironment({}))->warnings.empty());
}

TEST_CASE("files that cannot be read") {
  Folder folder;
  const auto why = [](const std::string& path) { return std::string(LoadConfiguration(path, "", FakeEnvironment({})).status().message()); };
  CHECK(why(folder.path() + "/none.yml") == "configuration " + folder.path() + "/none.yml: there is no such file: check -c and FILEFERRY_CONFIG");
  CHECK(why(folder.path()) == "configuration " + folder.path() + ": it is a folder: name the file, e.g. config/storage.yml");
  CHECK(FindConfiguration("", "", FakeEnvironment({{"FILEFERRY_CONFIG", folder.path() + "/x"}})).code() == Code::kInvalidArgument);
}
