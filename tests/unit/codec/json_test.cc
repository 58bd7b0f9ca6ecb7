// json_test.cc: reading what clouds and configurations hold, limits, and writing.
#include "codec/json.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace fileferry;
using codec::JsonOut;
using codec::JsonValue;
using codec::ParseJson;

TEST_CASE("values of every kind, in order") {
  const Result<JsonValue> parsed =
      ParseJson(R"( {"z": null, "b": true, "i": -42, "d": 1.5, "t": "a\u00fc\n\"", "l": [1, "x", {}], "big": 18446744073709551615} )");
  REQUIRE(parsed.ok());
  const JsonValue& value = *parsed;
  REQUIRE(value.IsObject());
  REQUIRE(value.members().size() == 7);
  CHECK(value.members()[0].first == "z");
  CHECK(value.members()[6].first == "big");
  CHECK(value.Find("z")->kind() == JsonValue::Kind::kNull);
  CHECK(value.Find("b")->AsBool() == true);
  CHECK(value.Find("i")->AsInteger() == -42);
  CHECK(value.Find("i")->AsDouble() == -42.0);
  CHECK(value.Find("d")->AsDouble() == 1.5);
  CHECK_FALSE(value.Find("d")->AsInteger());
  CHECK(value.Find("t")->AsText() == "a\xC3\xBC\n\"");
  CHECK(value.Find("l")->items().size() == 3);
  CHECK(value.Find("l")->items()[1].AsText() == "x");
  CHECK_FALSE(value.Find("big")->AsInteger());
  CHECK(value.Find("big")->AsDouble() == 18446744073709551615.0);
  CHECK(value.Find("none") == nullptr);
  CHECK(value.Text("t") == "a\xC3\xBC\n\"");
  CHECK(value.Text("i", "fallback") == "fallback");
  CHECK(value.Find("l")->Find("x") == nullptr);
}

TEST_CASE("scalars as a configuration writes them") {
  const JsonValue value = ParseJson(R"(["t", true, false, 12, 0.25, null, [], {}])").value();
  const auto scalar = [&](std::size_t i) { return value.items()[i].AsScalar(); };
  CHECK(scalar(0) == "t");
  CHECK(scalar(1) == "true");
  CHECK(scalar(2) == "false");
  CHECK(scalar(3) == "12");
  CHECK(scalar(4) == "0.25");
  CHECK(scalar(5) == "");
  CHECK_FALSE(scalar(6));
  CHECK_FALSE(scalar(7));
  CHECK(value.items()[7].KindName() == "an object");
}

TEST_CASE("refused") {
  for (std::string_view text : {"", " ", "{", "[1,]", "{\"a\":1,}", "{'a':1}", "nul", "01", "1 2", "{\"a\" 1}", "\"\x01\"", "\"\xFF\"", "[1e999]",
      "123456789012345678901234567890", "NaN", "\"\\ud800\"", "// c\n1"}) {
    CAPTURE(text);
    CHECK(ParseJson(text).code() == Code::kInvalidArgument);
  }
}

TEST_CASE("a byte order mark is skipped") { CHECK(ParseJson("\xEF\xBB\xBF{\"a\":1}").value().Find("a")->AsInteger() == 1); }

TEST_CASE("a name that comes twice") {
  const Result<JsonValue> twice = ParseJson(R"({"x": {"a": 1, "b": 2, "a": 3}})");
  REQUIRE(twice.code() == Code::kInvalidArgument);
  CHECK(twice.status().message().find("\"a\"") != std::string_view::npos);
  CHECK(ParseJson(R"({"a": {"a": 1}})").ok());
  CHECK(ParseJson(R"({"a": 1, "\u0061": 2})").code() == Code::kInvalidArgument);  // the same name, spelt differently
}

TEST_CASE("the place of an error") {
  const Status status = ParseJson("{\n  \"a\": 1,\n  \"b\": oops\n}").status();
  CAPTURE(status.ToString());
  CHECK(status.message().find("line 3") != std::string_view::npos);
}

TEST_CASE("limits of depth and size") {
  const auto nested = [](std::size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); };
  CHECK(ParseJson(nested(32)).ok());
  CHECK(ParseJson(nested(33)).code() == Code::kInvalidArgument);
  CHECK(ParseJson(nested(100000)).code() == Code::kInvalidArgument);
  std::string scalar_inside = std::string(32, '[') + "1" + std::string(32, ']');
  CHECK(ParseJson(scalar_inside).ok());
  CHECK(ParseJson("\"" + std::string((std::size_t{4} << 20) - 2, 'a') + "\"").value().AsText().size() == (std::size_t{4} << 20) - 2);
  CHECK(ParseJson("\"" + std::string((std::size_t{4} << 20) - 1, 'a') + "\"").code() == Code::kInvalidArgument);
}

TEST_CASE("writing") {
  JsonOut out = JsonOut::Object();
  out.Set("z", 1).Set("a", "t\"\n\xC3\xBC").Set("list", JsonOut::List().Add(true).Add(1.5).Add(JsonOut()));
  out.Set("n", UINT64_MAX).Set("m", INT64_MIN).Set("z", -2);
  CHECK(out.Text() == "{\"z\":-2,\"a\":\"t\\\"\\n\xC3\xBC\",\"list\":[true,1.5,null],\"n\":18446744073709551615,\"m\":-9223372036854775808}");
  CHECK(JsonOut::Object().Text() == "{}");
  CHECK(JsonOut::List().Text() == "[]");
  CHECK(JsonOut::Object().Set("a", 1).Text(true) == "{\n  \"a\": 1\n}");
  CHECK(JsonOut(std::nan("")).Text() == "null");
  CHECK(JsonOut("a\xFF" "b").Text() == "\"a\xEF\xBF\xBD" "b\"");
}

TEST_CASE("a copy is a value of its own") {
  JsonOut one = JsonOut::Object().Set("a", 1);
  JsonOut two = one;
  two.Set("a", 2);
  CHECK(one.Text() == "{\"a\":1}");
  CHECK(two.Text() == "{\"a\":2}");
  one = two;
  CHECK(one.Text() == "{\"a\":2}");
}

TEST_CASE("what was written reads back") {
  std::string text;
  for (int c = 1; c < 0x80; ++c) text.push_back(static_cast<char>(c));
  const std::string name = "na\"me\\\n";
  const JsonValue value = ParseJson(JsonOut::Object().Set(name, text).Text()).value();
  CHECK(value.Text(name) == text);
}
