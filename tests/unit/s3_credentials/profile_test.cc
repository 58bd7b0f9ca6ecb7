// The syntax of the AWS shared files, and what is found in them.
#include <doctest/doctest.h>

#include "providers/s3/profile.h"
#include "unit/s3_credentials/credentials_fixture.h"

namespace fileferry::s3 {
namespace {

TEST_CASE("sections, comments, line ends, spaces") {
  const Result<IniFile> parsed = ParseIni(
      "\xEF\xBB\xBF# head\r\n; other\r\n\r\n[default]\r\nRegion=eu-west-1\r\n  output = json  \r\n"
      "[ profile   dev ] # comment\r\naws_access_key_id = AKID#1;2 # the key\r\nempty =\r\nurl = http://h:1/x=y\r\ncolon : value\r\n"
      "[profile \"two words\"]\nregion\t=\tus-west-2\t; comment\n"
      "[default]\nregion = us-east-2",
      "x");
  REQUIRE(parsed.ok());
  const IniFile& file = parsed.value();
  CHECK(file.size() == 3);
  CHECK(file.at("default").Get("region") == "us-east-2");
  CHECK(file.at("profile dev").Get("aws_access_key_id") == "AKID#1;2");
  CHECK(file.at("profile dev").values.at("aws_access_key_id").line == 8);
  CHECK(file.at("profile dev").Get("empty").empty());
  CHECK(file.at("profile dev").Get("url") == "http://h:1/x=y");
  CHECK(file.at("profile dev").Get("colon") == "value");
  CHECK(file.at("profile dev").Get("none").empty());
  CHECK(file.at("profile two words").Get("region") == "us-west-2");
}

TEST_CASE("nested blocks and continuations") {
  const Result<IniFile> parsed = ParseIni(
      "[profile a]\n  region = first\ns3 =\n  addressing_style = path # c\n\tmax_concurrent_requests=20\n# between\n  payload_signing_enabled = true\nca_bundle = /x\n  more\nregion = r\n"
      "credential_process = cmd \"a # b\" ; c\n",
      "x");
  REQUIRE(parsed.ok());
  const IniSection& section = parsed.value().at("profile a");
  CHECK(section.values.at("s3").nested == std::map<std::string, std::string>{{"addressing_style", "path"}, {"max_concurrent_requests", "20"}, {"payload_signing_enabled", "true"}});
  CHECK(section.Get("ca_bundle") == "/x\nmore");
  CHECK(section.Get("region") == "r");
  CHECK(section.Get("credential_process") == "cmd \"a # b\" ; c");
}

TEST_CASE("mistakes are named with file and line, never with what stands there") {
  const std::pair<const char*, const char*> cases[] = {{"[default\n", ":1 "},
                                                       {"[default]\nCANARY\n", ":2 "},
                                                       {"a = CANARY\n", ":1 "},
                                                       {"[]\n", ":1 "},
                                                       {"[a]\n= CANARY\n", ":2 "},
                                                       {"[a]\ns3 =\n  CANARY\n", ":3 "}};
  for (const auto& [text, where] : cases) {
    const Result<IniFile> parsed = ParseIni(text, "~/.aws/config");
    REQUIRE(parsed.code() == Code::kInvalidArgument);
    const std::string message(parsed.status().message());
    CHECK(message.find("~/.aws/config" + std::string(where)) != std::string::npos);
    CHECK(message.find("CANARY") == std::string::npos);
  }
  CHECK_FALSE(ParseIni(std::string_view("[a]\nb = \0c\n", 11), "x").ok());
}

TEST_CASE("settings and where they came from") {
  Home home;
  home.Write(".aws/config",
             "[default]\nregion = eu-west-1\nendpoint_url = http://general:1\ns3 =\n  addressing_style = path\n"
             "[profile dev]\nservices = local\nregion = eu-north-1\n[services local]\ns3 =\n  endpoint_url = http://s3:2\nsts =\n  endpoint_url = http://sts:3\n[profile plain]\noutput = json\n");
  home.Write(".aws/credentials", "[dev]\nregion = from-credentials\n");
  Result<AwsSettings> settings = FindAwsSettings(home.env(), "");
  REQUIRE(settings.ok());
  CHECK(settings->region.text == "eu-west-1");
  CHECK(settings->region.origin.ToString() == "~/.aws/config:2");
  CHECK(settings->endpoint_url.text == "http://general:1");
  CHECK(settings->addressing_style.text == "path");
  settings = FindAwsSettings(home.env(), "dev");
  REQUIRE(settings.ok());
  CHECK(settings->region.text == "from-credentials");
  CHECK(settings->endpoint_url.text == "http://s3:2");
  CHECK(settings->endpoint_url.origin.what == "~/.aws/config");
  CHECK(settings->addressing_style.text.empty());
  settings = FindAwsSettings(home.env(), "plain");
  REQUIRE(settings.ok());
  CHECK(settings->region.text.empty());
  CHECK(settings->region.origin.what.empty());
  CHECK(FindAwsSettings(home.env(), "nobody").code() == Code::kInvalidArgument);

  home.Set("AWS_PROFILE", "dev");
  CHECK(FindAwsSettings(home.env(), "")->region.text == "from-credentials");
  home.Set("AWS_DEFAULT_REGION", "d");
  CHECK(FindAwsSettings(home.env(), "")->region.text == "d");
  home.Set("AWS_REGION", "r");
  CHECK(FindAwsSettings(home.env(), "")->region.text == "r");
  CHECK(FindAwsSettings(home.env(), "")->region.origin.what == "environment AWS_REGION");
  home.Set("AWS_REGION", "");
  CHECK(FindAwsSettings(home.env(), "")->region.text == "d");
  home.Set("AWS_ENDPOINT_URL", "http://all");
  CHECK(FindAwsSettings(home.env(), "")->endpoint_url.text == "http://all");
  home.Set("AWS_ENDPOINT_URL_S3", "http://s3only");
  CHECK(FindAwsSettings(home.env(), "")->endpoint_url.text == "http://s3only");
  home.Set("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true");
  CHECK(FindAwsSettings(home.env(), "")->endpoint_url.text.empty());
}

TEST_CASE("files elsewhere, files that are missing, files that are no text") {
  Home home;
  CHECK(FindAwsSettings(home.env(), "").ok());
  home.Set("AWS_CONFIG_FILE", home.Write("elsewhere", "[default]\nregion = x\n"));
  CHECK(FindAwsSettings(home.env(), "")->region.text == "x");
  home.Set("AWS_CONFIG_FILE", "~/elsewhere");
  CHECK(FindAwsSettings(home.env(), "")->region.text == "x");
  home.Set("AWS_CONFIG_FILE", home.path + "/missing");
  CHECK(FindAwsSettings(home.env(), "")->region.text.empty());
  home.Set("AWS_CONFIG_FILE", home.path);  // a folder
  CHECK_FALSE(FindAwsSettings(home.env(), "").ok());
  home.Set("AWS_CONFIG_FILE", home.Write("large", std::string((1 << 20) + 1, '#')));
  CHECK(FindAwsSettings(home.env(), "").code() == Code::kInvalidArgument);
  home.Unset("AWS_CONFIG_FILE");
  home.Unset("HOME");
  CHECK(FindAwsSettings(home.env(), "").ok());
}

}  // namespace
}  // namespace fileferry::s3
