// text_test.cc: texts for people, and the block of progress.
#include <doctest/doctest.h>

#include "cli/json.h"
#include "cli/progress.h"
#include "cli/session.h"
#include "cli/text.h"

using namespace fileferry;
using namespace fileferry::cli;

TEST_CASE("nothing in a key is obeyed by a terminal") {
  CHECK(Printable("a b/ü.jpg") == "a b/ü.jpg");
  CHECK(Printable("a\nb\x1b[31m\x7f") == "a\\x0Ab\\x1B[31m\\x7F");
  CHECK(Printable("\xff\xc0\x80") == "\\xFF\\xC0\\x80");
  CHECK(Printable("\xc2\x9b") == "\\xC2\\x9B");                  // C1: CSI
  CHECK(Printable("\xe2\x80\xae") == "\\xE2\\x80\\xAE");          // right-to-left override
  CHECK(Printable("\xed\xa0\x80") == "\\xED\\xA0\\x80");          // a surrogate
}

TEST_CASE("columns") {
  CHECK(DisplayWidth("abc") == 3);
  CHECK(DisplayWidth("日本") == 4);
  CHECK(DisplayWidth("e\xcc\x81") == 1);
  CHECK(Clip("abcdefghij", 10) == "abcdefghij");
  CHECK(Clip("abcdefghijk", 10) == "ab..fghijk");
  CHECK(DisplayWidth(Clip("日本日本日本日本", 9)) <= 9);
  CHECK(PadLeft("7", 3) == "  7");
}

TEST_CASE("numbers, times and words") {
  CHECK(Count(0) == "0");
  CHECK(Count(999) == "999");
  CHECK(Count(1234567) == "1,234,567");
  CHECK(Objects(1) == "1 object");
  CHECK(ShellQuote("a-b_c.jpg") == "a-b_c.jpg");
  CHECK(ShellQuote("it's; rm") == "'it'\\''s; rm'");
  CHECK(ShellQuote("") == "''");
  const Time now = Time(std::chrono::seconds(1'800'000'000));
  CHECK(*ParseWhen("7d", now) == now - std::chrono::hours(7 * 24));
  CHECK(IsoTime(*ParseWhen("2026-05-24T11:02:11Z", now)) == "2026-05-24T11:02:11Z");
  CHECK(*ParseWhen("2026-05-24T11:02:11.000000005Z", now) == *ParseWhen("2026-05-24T11:02:11Z", now) + std::chrono::nanoseconds(5));
  CHECK(LocalTime(*ParseWhen("2026-05-24", now)) == "2026-05-24 00:00:00");
  for (const char* bad : {"", "yesterday", "2026-13-01", "2026-02-30", "2026-05-24T25:00:00Z", "2026-05-24x", "7q"}) CHECK_FALSE(ParseWhen(bad, now).ok());
  CHECK(ParseWhen("99999w", now)->time_since_epoch().count() == 0);
}

TEST_CASE("JSON strings hold any key") {
  std::string out;
  AppendJsonString("a\"b\\c\n\x01ü", &out);
  CHECK(out == "\"a\\\"b\\\\c\\u000a\\u0001ü\"");
  CHECK(Json::parse(out).get<std::string>() == "a\"b\\c\n\x01ü");
}

TEST_CASE("an error is one line: storage, thing, facts, mend") {
  ErrorDetail detail;
  detail.code = Code::kNotFound;
  detail.provider = "s3://acme";
  detail.message = "the bucket does not exist: create it or check the name";
  detail.service_code = "NoSuchBucket";
  detail.http_status = 404;
  CHECK(ErrorText(Status(detail)) == "s3://acme: the bucket does not exist (NoSuchBucket, HTTP 404): create it or check the name");
  CHECK(ExitStatus(Status(detail)) == 3);
  detail.key = "a\nb";
  detail.service_code = "NoSuchKey";
  detail.message = "there is no such object";
  CHECK(ErrorText(Status(detail)) == "s3://acme: a\\x0Ab: there is no such object (NoSuchKey, HTTP 404): see what is there with fileferry ls");
  CHECK(ExitStatus(Status(detail)) == 1);
  CHECK(ExitStatus(Status(Code::kCancelled, "x")) == 4);
  CHECK(ExitStatus(Status(Code::kUnauthenticated, "x")) == 3);
  CHECK(ExitStatus(Status()) == 0);
}

TEST_CASE("the block of progress keeps to the width and shows at most four transfers") {
  Progress progress;
  progress.phase = "copying";
  progress.due = 2370;
  progress.due_bytes = 1000 << 20;
  progress.ended = 1234;
  progress.ended_bytes = 500 << 20;
  progress.share = 0.5;
  progress.rate = 85 << 20;
  progress.eta = 12;
  progress.errors = 3;
  progress.seconds = 61;
  progress.last_errors = {"first", "second\x1b[31m: a long message that goes on and on, far beyond what a narrow terminal could show in one line of text"};
  for (int i = 0; i < 6; i++) progress.under_way.push_back({"photos/2024/a very long name of a picture \n number " + std::to_string(i) + ".jpg", 100, static_cast<std::uint64_t>(i * 20)});
  for (const std::size_t width : {20u, 40u, 79u, 200u}) {
    for (const bool utf8 : {true, false}) {
      const auto lines = BlockLines(progress, width, utf8);
      CHECK(lines.size() == 8);  // head, counts, four transfers, "and 2 more", the last error
      for (const std::string& line : lines) {
        CHECK_MESSAGE(DisplayWidth(line) <= width, line);
        CHECK(line.find('\x1b') == std::string::npos);
        CHECK(line.find('\n') == std::string::npos);
      }
    }
  }
  const auto lines = BlockLines(progress, 120, false);
  CHECK(lines[0].find("copying  [####################--------------------] listing  85 MiB/s") == 0);
  CHECK(lines[1] == "  1,234 of at least 2,370 objects, 500 MiB of at least 1000 MiB, 1m01s, 3 errors");
  CHECK(lines[6] == "    and 2 more under way");
  progress.listing_done = true;
  CHECK(ProgressLine(progress) == "copying: 1,234 of 2,370 objects, 500 MiB of 1000 MiB, 85 MiB/s, ETA 12s, 3 errors");
  CHECK(BlockLines(progress, 120, false)[0].find("--------------------]  50 %  85 MiB/s  ETA 12s") != std::string::npos);
  CHECK(BlockLines(progress, 120, false)[2].find('%') == std::string::npos);  // a small object is there or not
  progress.under_way = {{"film.mp4", 100 << 20, 43 << 20}};
  CHECK(BlockLines(progress, 120, false)[2].find("]  43 %") != std::string::npos);
  progress.rate = 0;
  progress.object_rate = 1500;
  progress.due_bytes = 0;
  CHECK(ProgressLine(progress) == "copying: 1,234 of 2,370 objects, 1,500 objects/s, ETA 12s, 3 errors");
}
