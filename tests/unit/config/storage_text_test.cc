// storage_text_test.cc: how a storage is written.  The expected values are CONTRACT's table, by hand.
#include <doctest/doctest.h>

#include <filesystem>

#include "config/storage_text.h"
#include "support.h"

using namespace fileferry;

namespace {

Configuration Named() {
  Configuration configuration;
  configuration.path = "config/storage.yml";
  StorageConfig media;
  media.name = "media";
  media.values["service"] = {"s3", {"config/storage.yml", 2}};
  media.values["bucket"] = {"acme", {"config/storage.yml", 3}};
  media.values["secret_access_key"] = {"canary", {"config/storage.yml", 4}};
  configuration.storages["media"] = media;
  return configuration;
}

Result<StorageText> Parse(const std::string& text) { return ParseStorageText(text, Named(), FakeEnvironment({})); }

std::string Why(const std::string& text) {
  const auto parsed = Parse(text);
  REQUIRE_FALSE(parsed.ok());
  const std::string message(parsed.status().message());
  CHECK(message.find('\n') == std::string::npos);
  CHECK(message.find("CANARY") == std::string::npos);
  CHECK(message.find("canary") == std::string::npos);
  return message;
}

// "values | path | /": a slash when the text ends in one.
std::string Shape(const std::string& text) {
  const auto parsed = Parse(text);
  REQUIRE_MESSAGE(parsed.ok(), std::string(parsed.status().message()));
  return Flat(parsed->config) + " | " + parsed->path + " | " + (parsed->has_trailing_slash ? "/" : "");
}

}  // namespace

TEST_CASE("names of the configuration") {
  const std::string media = "bucket=acme secret_access_key=canary service=s3";
  CHECK(Shape("media") == media + " |  | ");
  CHECK(Shape("media:") == media + " |  | ");
  CHECK(Shape("media:photos/2024/") == media + " | photos/2024/ | /");
  CHECK(Shape("media:photos") == media + " | photos | ");
  CHECK(Shape("media:a%20b%25") == media + " | a b% | ");
  CHECK(Shape("media:a?region=eu") == "bucket=acme region=eu secret_access_key=canary service=s3 | a | ");
  CHECK(Shape("media?region=eu") == "bucket=acme region=eu secret_access_key=canary service=s3 |  | ");
  CHECK(Parse("media:x")->config.values.at("bucket").origin.ToString() == "config/storage.yml:3");
  CHECK(Why("meda") == "there is no storage 'meda' in config/storage.yml: did you mean 'media'?");
  CHECK(Why("pictures:x") == "there is no storage 'pictures' in config/storage.yml: configure it, or write ./pictures for a folder");
  CHECK(Why("media/photos") == "media/photos: a path in the storage 'media' is written media:photos, a folder ./media/photos");
  CHECK(Why("media:100%.jpg") == "media:100%.jpg: a % must be followed by two hexadecimal digits: write %25 for the character itself");
}

TEST_CASE("folders") {
  Folder folder;
  const std::string file = folder.Write("in/a b.jpg", "x");
  CHECK(Shape("/srv/files") == "root=/srv/files service=local |  | ");
  CHECK(Shape("/srv//files/./x/") == "root=/srv/files/x service=local |  | /");
  CHECK(Shape("/") == "root=/ service=local |  | /");
  CHECK(Shape("./files") == "root=" + std::filesystem::current_path().string() + "/files service=local |  | ");
  CHECK(Shape("a/b%20c?d") == "root=" + std::filesystem::current_path().string() + "/a/b%20c?d service=local |  | ");  // as typed
  CHECK(Shape(folder.path() + "/in/../in") == "root=" + folder.path() + "/in service=local |  | ");
  CHECK(Shape(file) == "root=" + folder.path() + "/in service=local | a b.jpg | ");
  CHECK(Shape("file://" + folder.path() + "/in/a%20b.jpg") == "root=" + folder.path() + "/in service=local | a b.jpg | ");
  CHECK(Shape("file:///srv/storage?layout=activestorage") == "layout=activestorage root=/srv/storage service=local |  | ");
  CHECK(Shape("file://localhost/srv") == "root=/srv service=local |  | ");
  CHECK(Why("file://host/srv") == "file://host/srv: a file URL holds an absolute path: write file:///folder");
  CHECK(Why("file:///srv?layuot=plain") == "file:///srv?…: the parameter 'layuot' is not known: did you mean 'layout'?");
  CHECK(Why("file:///srv?layout=odd").find("layout: 'odd' is not one of plain, activestorage") != std::string::npos);
}

TEST_CASE("buckets") {
  CHECK(Shape("s3://acme") == "bucket=acme service=s3 |  | ");
  CHECK(Shape("s3://acme/") == "bucket=acme service=s3 |  | ");
  CHECK(Shape("s3://acme/pre/fix/?endpoint=http://127.0.0.1:8333&region=us-east-1&path_style=true&profile=p") ==
        "bucket=acme endpoint=http://127.0.0.1:8333 path_style=true profile=p region=us-east-1 service=s3 | pre/fix/ | /");
  CHECK(Shape("s3://acme//x") == "bucket=acme service=s3 | /x | ");
  CHECK(Shape("S3://acme/a%2Fb") == "bucket=acme service=s3 | a/b | ");
  CHECK(Shape("gs://acme/x") == "bucket=acme endpoint=https://storage.googleapis.com service=s3 vendor=gcs | x | ");
  CHECK(Shape("s3://a?endpoint=http%3A%2F%2Fh%3A1") == "bucket=a endpoint=http://h:1 service=s3 |  | ");
  CHECK(Why("s3://") == "s3:// names no bucket: write s3://bucket/prefix");
  CHECK(Why("s3://a b").find("'a b' cannot be the name of a bucket") != std::string::npos);
  CHECK(Why("s3://acme?payload_signing=sometimes").find("payload_signing: 'sometimes' is not one of auto, always, never") != std::string::npos);
  CHECK(Why("s3://acme?region=a&region=b") == "s3://acme?…: the parameter region is given twice");
  CHECK(Why("s3://acme?service=local").find("the parameter 'service' is not known") != std::string::npos);
  CHECK(Why("s3:acme") == "s3:acme: a bucket is written s3://bucket/prefix");
}

TEST_CASE("secrets are not taken, and not repeated") {
  CHECK(Why("s3://acme?secret_access_key=CANARY").find("secret_access_key is a secret and must not be part of a storage text") == 0);
  CHECK(Why("s3://acme?session_token=CANARY").find("session_token is a secret") == 0);
  CHECK(Why("s3://AKIA:CANARY@acme/x").find("is a secret and must not be part of a storage text") != std::string::npos);
  CHECK(Why("s3://acme?endpoint=http://user:CANARY@host").find("is a secret") != std::string::npos);
  CHECK(Why("s3://acme?aws_secret_key=CANARY").find("is a secret") != std::string::npos);
  CHECK(Why("file:///srv?url_secret=CANARY").find("url_secret is a secret") == 0);
}

TEST_CASE("other texts") {
  CHECK(Shape("memory:") == "service=memory |  | ");
  CHECK(Shape("memory:a/b") == "service=memory | a/b | ");
  CHECK(Parse("yadisk:/folder").code() == Code::kUnsupported);
  CHECK(Why("yadisk:/folder") == "yadisk:/folder: Yandex.Disk comes in a later version: use a local or s3 storage");
  CHECK(Why("") == "a storage text is empty: write a folder, s3://bucket, or a configured name");
  CHECK(Why("https://host/bucket").find("an address is not a storage: write s3://bucket/prefix?endpoint=https://host") != std::string::npos);
  CHECK(Why("s4://acme") == "s4://acme: there is no storage scheme 's4://': did you mean 's3://'?");
  CHECK(Why(std::string("s3://a\0b", 8)) == "a storage text cannot hold the character NUL");
  CHECK(Why("s3://acme/%ff").find("is not UTF-8") != std::string::npos);
}

TEST_CASE("normalised texts open the same again") {
  Folder folder;
  folder.Write("in/a b.jpg", "x");
  const char* const texts[] = {"media:photos/2024/", "media:a%20b%3F", "/srv/fi les?x", "file:///srv/storage?layout=activestorage", "s3://acme/pre%25/?endpoint=http://h:1&path_style=true",
                               "gs://acme/x", "memory:a/b", "/"};
  std::vector<std::string> all(std::begin(texts), std::end(texts));
  all.push_back(folder.path() + "/in/a b.jpg");
  for (const std::string& text : all) {
    const auto parsed = Parse(text);
    REQUIRE(parsed.ok());
    const std::string normal = config::NormalisedText(*parsed);
    CHECK(normal.find("canary") == std::string::npos);
    const auto again = Parse(normal);
    REQUIRE_MESSAGE(again.ok(), normal << ": " << std::string(again.status().message()));
    CHECK(Flat(again->config) == Flat(parsed->config));
    CHECK(again->path == parsed->path);
    CHECK(again->has_trailing_slash == parsed->has_trailing_slash);
    CHECK(config::NormalisedText(*again) == normal);
  }
}
