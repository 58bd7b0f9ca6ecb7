// text_test.cc: texts, numbers, URLs, header values, times and units.
#include "base/text.h"

#include <doctest/doctest.h>

#include <random>

#include "fileferry/config.h"

using namespace fileferry;
using namespace std::chrono_literals;

namespace {
Time At(std::int64_t seconds, long nanos = 0) { return TimeFromTimespec(seconds, nanos); }
}  // namespace

TEST_CASE("UTF-8: the edges of every range") {
  for (std::string_view good : {"", "a", "\x7F", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80", "\xEF\xBF\xBF", "\xF0\x90\x80\x80",
      "\xF4\x8F\xBF\xBF", "12345678\xC3\xBC"}) {
    CAPTURE(good);
    CHECK(IsValidUtf8(good));
  }
  for (std::string_view bad : {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xC2", "\xC2\x41", "\xE0\x9F\xBF", "\xE0\xA0", "\xED\xA0\x80", "\xED\xBF\xBF",
      "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF",
                               "1234567\xC3", "12345678\xC3", "\xF0\x9F\x98"}) {
    CAPTURE(bad);
    CHECK_FALSE(IsValidUtf8(bad));
  }
  CHECK(IsValidUtf8(std::string_view("a\0b", 3)));
}

TEST_CASE("printable: one line, nothing that a terminal obeys") {
  CHECK(Printable("a b\xC3\xBC\\") == "a b\xC3\xBC\\");
  CHECK(Printable("a\n\r\t\x1b\x7f") == "a\\x0A\\x0D\\x09\\x1B\\x7F");
  CHECK(Printable(std::string_view("\0", 1)) == "\\x00");
  CHECK(Printable("\xC2\x9B" "31m") == "\\xC2\\x9B" "31m");  // CSI in one character
  CHECK(Printable("\xC2\xA0") == "\xC2\xA0");
  CHECK(Printable("\xE2\x80\xA8") == "\\xE2\\x80\\xA8");
  CHECK(Printable("\xFFx\xE2\x82") == "\\xFFx\\xE2\\x82");
}

TEST_CASE("small things") {
  CHECK(ToLower("AZaz09-\xC3\x9C") == "azaz09-\xC3\x9C");
  CHECK(EqualsIgnoreCase("ETag", "etaG"));
  CHECK_FALSE(EqualsIgnoreCase("etag", "etags"));
  CHECK(Trim(" \t\r\na b\n ") == "a b");
  CHECK(Trim(" \n ").empty());
  CHECK(Split("a,,b", ',') == std::vector<std::string>{"a", "", "b"});
  CHECK(Split("", ',') == std::vector<std::string>{""});
  CHECK(SecretEquals("abc", "abc"));
  CHECK_FALSE(SecretEquals("abc", "abd"));
  CHECK_FALSE(SecretEquals("abc", "ab"));
}

TEST_CASE("numbers: the whole text or nothing") {
  CHECK(ParseUint("0") == 0U);
  CHECK(ParseUint("18446744073709551615") == UINT64_MAX);
  for (std::string_view bad : {"", " 1", "1 ", "+1", "-1", "-0", "1x", "0x10", "18446744073709551616", "1.0"}) {
    CAPTURE(bad);
    CHECK_FALSE(ParseUint(bad));
  }
}

TEST_CASE("the name that was meant") {
  const std::vector<std::string_view> names = {"bucket", "endpoint", "region", "root"};
  CHECK(NearestName("buket", names) == "bucket");
  CHECK(NearestName("bukcet", names) == "bucket");
  CHECK(NearestName("Endpoint", names) == "endpoint");
  CHECK(NearestName("end_point", names) == "endpoint");
  CHECK(NearestName("regoin", names) == "region");
  CHECK(NearestName("rot", names) == "root");
  CHECK(NearestName("colour", names).empty());
  CHECK(NearestName("x", names).empty());
  CHECK(NearestName("", names).empty());
}

TEST_CASE("percent-decoding") {
  CHECK(PercentDecode("a%20b%2Bc+d%c3%BC", false) == "a b+c+d\xC3\xBC");
  CHECK(PercentDecode("a+b", true) == "a b");
  CHECK(PercentDecode("%00", false) == std::string(1, '\0'));
  CHECK(PercentDecode("%2520", false) == "%20");
  for (std::string_view bad : {"%", "%2", "%g0", "%0g", "a%"}) {
    CAPTURE(bad);
    CHECK_FALSE(PercentDecode(bad, false));
  }
}

TEST_CASE("header values: plain ones stay, others become one encoded word") {
  for (std::string_view plain : {"", "max-age=1", "attachment; filename=\"a b.txt\"", "a  b", "x?=y", "=", "?="}) {
    CHECK(EncodeHeaderText(plain) == plain);
    CHECK(DecodeHeaderText(plain) == plain);
  }
  CHECK(EncodeHeaderText("caf\xC3\xA9") == "=?UTF-8?B?Y2Fmw6k=?=");
  CHECK(EncodeHeaderText("a long plain text with one \xC3\xA9") == "=?UTF-8?Q?a_long_plain_text_with_one_=C3=A9?=");
  for (std::string_view odd : {" a", "a ", " ", "=?UTF-8?Q?x?=", "\xC3\xBC", "a\tb", "a\nb", "x =?", "\xF0\x9F\x98\x80 =?utf-8?b?w6k=?= "}) {
    const std::string coded = EncodeHeaderText(odd);
    CAPTURE(odd);
    CHECK(coded.starts_with("=?UTF-8?"));
    for (char c : coded) CHECK((c > 0x20 && c < 0x7F));
    CHECK(DecodeHeaderText(coded) == odd);
  }
}

TEST_CASE("header values that others wrote") {
  CHECK(DecodeHeaderText("=?UTF-8?Q?f=C3=BCr_dich?=") == "f\xC3\xBCr dich");
  CHECK(DecodeHeaderText("=?utf-8?b?w7w=?=") == "\xC3\xBC");
  CHECK(DecodeHeaderText("=?ISO-8859-1?Q?a=FC?=") == "a\xC3\xBC");
  CHECK(DecodeHeaderText("=?US-ASCII*EN?Q?Keith?=") == "Keith");
  CHECK(DecodeHeaderText("=?UTF-8?Q?a?= =?UTF-8?Q?b?=") == "ab");    // RFC 2047, section 8
  CHECK(DecodeHeaderText("=?UTF-8?Q?a?= b") == "a b");
  CHECK(DecodeHeaderText("x =?UTF-8?Q?a?=") == "x a");
  CHECK(DecodeHeaderText("=?UTF-8?B?4oI=?= =?UTF-8?B?rA==?=") == "\xE2\x82\xAC");  // a character cut in two
  CHECK(DecodeHeaderText("=?KOI8-R?Q?a?=") == "=?KOI8-R?Q?a?=");
  CHECK(DecodeHeaderText("=?UTF-8?X?a?=") == "=?UTF-8?X?a?=");
  CHECK(DecodeHeaderText("=?UTF-8?Q?a=?=") == "=?UTF-8?Q?a=?=");
  CHECK(DecodeHeaderText("=?UTF-8?Q?=FF?=") == "=?UTF-8?Q?=FF?=");
  CHECK(DecodeHeaderText("=?UTF-8?B?###?=") == "=?UTF-8?B?###?=");
  CHECK(DecodeHeaderText("\xC3\xBC") == "\xC3\xBC");
  CHECK(DecodeHeaderText("\xFC") == "\xC3\xBC");  // Latin-1, as HTTP once had it
}

TEST_CASE("HTTP dates") {
  CHECK(FormatHttpDate(At(1369353600)) == "Fri, 24 May 2013 00:00:00 GMT");
  CHECK(FormatHttpDate(At(784111777, 999999999)) == "Sun, 06 Nov 1994 08:49:37 GMT");
  CHECK(ParseHttpDate("Sun, 06 Nov 1994 08:49:37 GMT") == At(784111777));
  CHECK(ParseHttpDate("Sunday, 06-Nov-94 08:49:37 GMT") == At(784111777));
  CHECK(ParseHttpDate("Sun Nov  6 08:49:37 1994") == At(784111777));
  CHECK(ParseHttpDate(" Tue, 29 Feb 2000 23:59:59 GMT ") == At(951868799));
  CHECK(ParseHttpDate("Thu, 01 Jan 1970 00:00:00 GMT") == At(0));
  CHECK(ParseHttpDate("Wed, 31 Dec 1969 23:59:59 GMT") == At(-1));
  for (std::string_view bad : {"", "Fri, 24 May 2013 00:00:00", "Fri, 24 May 2013 24:00:00 GMT", "Fri, 30 Feb 2013 00:00:00 GMT",
      "Fri, 24 may 2013 00:00:00 GMT", "24 May 2013 00:00:00 GMT",
                               "Fri, 24 May 2013 00:00:00 GMT x", "Fri, 24 May 2013 00:00:00 CET", "Fri, 24 May 0001 00:00:00 GMT"}) {
    CAPTURE(bad);
    CHECK_FALSE(ParseHttpDate(bad));
  }
}

TEST_CASE("ISO 8601") {
  CHECK(FormatIso8601(At(1369353600)) == "2013-05-24T00:00:00Z");
  CHECK(FormatIso8601(At(1369353600, 123456789)) == "2013-05-24T00:00:00.123456789Z");
  CHECK(FormatIso8601(At(1369353600, 120000000)) == "2013-05-24T00:00:00.120000000Z");
  CHECK(FormatIso8601(At(-1, 1)) == "1969-12-31T23:59:59.000000001Z");
  CHECK(ParseIso8601("2013-05-24T00:00:00Z") == At(1369353600));
  CHECK(ParseIso8601("2013-05-24T00:00:00.5Z") == At(1369353600, 500000000));
  CHECK(ParseIso8601("2013-05-24T00:00:00.1234567891Z") == At(1369353600, 123456789));
  CHECK(ParseIso8601("2013-05-24T02:30:00+02:30") == At(1369353600));
  CHECK(ParseIso8601("2013-05-23T19:00:00-0500") == At(1369353600));
  CHECK(ParseIso8601("2013-05-24 00:00Z") == At(1369353600));
  CHECK(ParseIso8601("2013-05-24") == At(1369353600));
  CHECK(ParseIso8601("2016-12-31T23:59:60Z") == At(1483228800));
  for (std::string_view bad : {"", "2013", "2013-05-24T", "2013-05-24T00:00:00", "2013-02-29T00:00:00Z", "2013-13-01T00:00:00Z", "2013-05-24T25:00:00Z",
      "2013-05-24T00:60:00Z", "2013-05-24T00:00:00.Z",
                               "2013-05-24T00:00:00Zx", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2013-05-24T00:00:00+99:00"}) {
    CAPTURE(bad);
    CHECK_FALSE(ParseIso8601(bad));
  }
}

TEST_CASE("the times of AWS and of rclone") {
  CHECK(FormatAmzDate(At(1369353600)) == "20130524T000000Z");
  CHECK(FormatUnixTime(At(1687000000, 123456789)) == "1687000000.123456789");
  CHECK(FormatUnixTime(At(1687000000, 500000000)) == "1687000000.5");
  CHECK(FormatUnixTime(At(1687000000)) == "1687000000");
  CHECK(FormatUnixTime(At(-1, 500000000)) == "-0.5");
  CHECK(ParseUnixTime("1687000000.123456789") == At(1687000000, 123456789));
  CHECK(ParseUnixTime("1687000000") == At(1687000000));
  CHECK(ParseUnixTime("-0.5") == At(-1, 500000000));
  CHECK(ParseUnixTime("0") == At(0));
  for (std::string_view bad : {"", "-", ".5", "1.", "1,5", " 1", "1e9", "--1", "99999999999", "1.5x"}) {
    CAPTURE(bad);
    CHECK_FALSE(ParseUnixTime(bad));
  }
  CHECK(TimeFromTimespec(INT64_MAX, 0) == Time::max());
  CHECK(TimeFromTimespec(INT64_MIN, 0) == Time::min());
}

TEST_CASE("what was written reads back, over six centuries") {
  std::mt19937_64 random(1);
  for (int i = 0; i < 20000; ++i) {
    const Time time(std::chrono::nanoseconds(static_cast<std::int64_t>(random() % 9'000'000'000'000'000'000U) * (i % 2 == 0 ? 1 : -1)));
    CAPTURE(time.time_since_epoch().count());
    REQUIRE(ParseIso8601(FormatIso8601(time)) == time);
    REQUIRE(ParseUnixTime(FormatUnixTime(time)) == time);
    REQUIRE(ParseHttpDate(FormatHttpDate(time)) == std::chrono::floor<std::chrono::seconds>(time));
  }
}

TEST_CASE("URLs") {
  const auto parse = [](std::string_view url) {
    const std::optional<UrlParts> parts = ParseUrl(url);
    return parts ? parts->scheme + "|" + parts->host + "|" + parts->port + "|" + parts->path + "|" + parts->query + (parts->has_user ? "|user" : "")
        : std::string("none");
  };
  CHECK(parse("https://s3.example.com") == "https|s3.example.com|||");
  CHECK(parse("HTTP://h:9000/a%20b?x=1?&y") == "http|h|9000|/a%20b|x=1?&y");
  CHECK(parse("s3://bucket/key#1") == "s3|bucket||/key#1|");
  CHECK(parse("s3://bucket?x=http://a/b") == "s3|bucket|||x=http://a/b");
  CHECK(parse("http://u:p@h/") == "http|h||/||user");
  CHECK(parse("http://[::1]:80/x") == "http|[::1]|80|/x|");
  CHECK(parse("http://[fe80::1%25eth0]/") == "http|[fe80::1%25eth0]||/|");
  CHECK(parse("file:///tmp/x") == "file|||/tmp/x|");
  for (std::string_view bad : {"", "host", "://h", "1s://h", "http:/h", "http://h:/", "http://h:0", "http://h:65536", "http://h:8a", "http://h h/",
      "http://h\n/", "http://[::1", "http://[]/", "http://[x]/", "http://[::1]x/", "http://a:b:1/"}) {
    CAPTURE(bad);
    CHECK(parse(bad) == "none");
  }
  CHECK(ParseUrl("http://[::1]:80/x")->authority() == "[::1]:80");
  CHECK(ParseUrl("http://h/x")->authority() == "h");
}

TEST_CASE("queries") {
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  CHECK(ParseQuery("") == Pairs{});
  CHECK(ParseQuery("a=1&b=&c&&d=x=y") == Pairs{{"a", "1"}, {"b", ""}, {"c", ""}, {"d", "x=y"}});
  CHECK(ParseQuery("a%3D=%26%2520+") == Pairs{{"a=", "&%20+"}});
  CHECK(ParseQuery("a=%zz") == Pairs{{"a", "%zz"}});
}

TEST_CASE("sizes") {
  const auto size = [](std::string_view text) {
    const Result<std::uint64_t> parsed = ParseSize(text);
    REQUIRE_MESSAGE(parsed.ok(), text);
    return *parsed;
  };
  CHECK(size("0") == 0);
  CHECK(size("123") == 123);
  CHECK(size("10B") == 10);
  CHECK(size("512k") == 524288);
  CHECK(size("10M") == 10485760);
  CHECK(size("1G") == 1073741824);
  CHECK(size("2T") == 2199023255552);
  CHECK(size("1P") == 1125899906842624);
  CHECK(size("1kB") == 1000);
  CHECK(size("1KB") == 1000);
  CHECK(size("1GB") == 1000000000);
  CHECK(size("1KiB") == 1024);
  CHECK(size("1.5 MiB") == 1572864);
  CHECK(size(" 5 mib ") == 5242880);
  CHECK(size("off") == 0);
  CHECK(size("18446744073709551615") == UINT64_MAX);
  for (std::string_view bad : {"", "k", "-1", "+1", "1x", "1kk", "1.2.3", ".5M", "5.M", "1e3", "16777216T", "18446744073709551616", "1 0", "nan", "inf",
      "0x10"}) {
    CAPTURE(bad);
    CHECK(ParseSize(bad).code() == Code::kInvalidArgument);
  }
}

TEST_CASE("durations") {
  const auto ms = [](std::string_view text) {
    const Result<std::int64_t> parsed = ParseDurationMs(text);
    REQUIRE_MESSAGE(parsed.ok(), text);
    return *parsed;
  };
  CHECK(ms("50ms") == 50);
  CHECK(ms("30") == 30000);
  CHECK(ms("0") == 0);
  CHECK(ms("1.5s") == 1500);
  CHECK(ms("90m") == 5400000);
  CHECK(ms("1h30m") == 5400000);
  CHECK(ms("7d12h") == 648000000);
  CHECK(ms("2W") == 1209600000);
  for (std::string_view bad : {"", "h", "1x", "1h1", "30m1h", "1h1h", "-1s", "1 h", "1s 2ms", "1e3s", "9999999999999w"}) {
    CAPTURE(bad);
    CHECK(ParseDurationMs(bad).code() == Code::kInvalidArgument);
  }
}

TEST_CASE("sizes and durations for people") {
  CHECK(FormatSize(0) == "0 B");
  CHECK(FormatSize(1023) == "1023 B");
  CHECK(FormatSize(1024) == "1 KiB");
  CHECK(FormatSize(1536) == "1.5 KiB");
  CHECK(FormatSize((std::uint64_t{1} << 20) - 1) == "1 MiB");
  CHECK(FormatSize(std::uint64_t{10} << 30) == "10 GiB");
  CHECK(FormatSize(UINT64_MAX) == "16 EiB");
  CHECK(FormatDuration(0) == "0s");
  CHECK(FormatDuration(0.44) == "0.4s");
  CHECK(FormatDuration(9.97) == "10s");
  CHECK(FormatDuration(12.3) == "12s");
  CHECK(FormatDuration(59.6) == "1m00s");
  CHECK(FormatDuration(200) == "3m20s");
  CHECK(FormatDuration(3720) == "1h02m");
  CHECK(FormatDuration(183600) == "2d03h");
  CHECK(FormatDuration(-1) == "?");
}
