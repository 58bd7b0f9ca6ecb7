// Heads, and the three ways in which a body ends, in whatever pieces the bytes come.
#include <doctest/doctest.h>

#include "http/answer.h"

namespace fileferry::http {
namespace {

using Step = AnswerReader::Step;

struct Read {
  Response response;
  std::string body, left, error;
  int continues = 0;
  bool whole = false, bad = false, ends_with_connection = false, keep_alive = false;
};

// Gives the bytes in pieces of `piece`.
Read ReadAnswer(std::string_view bytes, std::size_t piece, HttpMethod method = HttpMethod::kGet) {
  Read out;
  AnswerReader reader(method, &out.response);
  std::string pending;
  while (!bytes.empty() && !out.whole && !out.bad) {
    const std::string_view more = bytes.substr(0, piece);
    bytes.remove_prefix(more.size());
    pending.append(more);
    std::string_view view = pending, part;
    for (bool going = true; going;) {
      switch (reader.Next(&view, &part)) {
        case Step::kMore: going = false; break;
        case Step::kContinue: ++out.continues; break;
        case Step::kHead: break;
        case Step::kBody: out.body.append(part); break;
        case Step::kEnd: out.whole = true, going = false; break;
        case Step::kBad: out.bad = true, going = false; break;
      }
    }
    pending = std::string(view);
  }
  out.left = pending + std::string(bytes);
  out.error = reader.error();
  out.ends_with_connection = reader.EndsWithConnection();
  out.keep_alive = reader.keep_alive();
  return out;
}

TEST_CASE("the same answer in pieces of any size") {
  struct Row {
    const char* text;
    HttpMethod method;
    int status, continues;
    const char* body;
    const char* left;
    bool keep_alive;
  };
  const Row rows[] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX-A:  b \r\n\r\nabcd", HttpMethod::kGet, 200, 0, "abc", "d", true},
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 403 Forbidden\r\nX-A: b\r\nContent-Length: 0\r\n\r\n", HttpMethod::kPut, 403, 2, "", "", true},
      {"HTTP/1.1 200 OK\nContent-Length: 2\nX-A: b\n\nab", HttpMethod::kGet, 200, 0, "ab", "", true},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\nX-A: b\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\nrest", HttpMethod::kGet, 200, 0, "abc0123456789", "rest", true},
      {"HTTP/1.1 200 OK\r\nConnection: foo, Close\r\nX-A: b\r\nContent-Length: 1\r\n\r\nx", HttpMethod::kGet, 200, 0, "x", "", false},
      {"HTTP/1.0 200 OK\r\nX-A: b\r\nContent-Length: 1\r\n\r\nx", HttpMethod::kGet, 200, 0, "x", "", false},
      {"HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 500\r\n\r\n", HttpMethod::kHead, 200, 0, "", "", true},
      {"HTTP/1.1 204 None\r\nX-A: b\r\n\r\n", HttpMethod::kDelete, 204, 0, "", "", true},
      {"HTTP/1.1 304 Same\r\nX-A: b\r\nContent-Length: 7\r\n\r\n", HttpMethod::kGet, 304, 0, "", "", true},
      {"HTTP/1.1 200 OK\r\nX-A: a\r\nContent-Length: 4\r\nContent-Length: 4\r\nno header\r\n\r\nabcd", HttpMethod::kGet, 200, 0, "abcd", "", true},
      {"HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", HttpMethod::kGet, 200, 0, "a", "", false},
  };
  for (const Row& row : rows) {
    for (std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{7}, std::size_t{1000}}) {
      CAPTURE(row.text);
      CAPTURE(piece);
      const Read read = ReadAnswer(row.text, piece, row.method);
      CHECK(read.whole);
      CHECK(read.response.status == row.status);
      CHECK(read.continues == row.continues);
      CHECK(read.body == row.body);
      CHECK(read.left == row.left);
      CHECK(read.keep_alive == row.keep_alive);
      CHECK(!read.response.Find("x-a").empty());
    }
  }
}

TEST_CASE("a body without a length ends with the connection") {
  const Read read = ReadAnswer("HTTP/1.1 200 OK\r\n\r\nas much as comes", 5);
  CHECK_FALSE(read.whole);
  CHECK(read.ends_with_connection);
  CHECK(read.body == "as much as comes");
  CHECK_FALSE(read.keep_alive);
  CHECK_FALSE(ReadAnswer("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", 5).ends_with_connection);
  CHECK_FALSE(ReadAnswer("HTTP/1.1 200 OK\r\n", 5).ends_with_connection);
  CHECK_FALSE(ReadAnswer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", 5).ends_with_connection);
}

TEST_CASE("what is no answer of HTTP/1.1") {
  for (const char* bad : {"<html>\r\n\r\n", "HTTP/2 200 OK\r\n\r\n", "HTTP/1.1 abc OK\r\n\r\n", "HTTP/1.1 99 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n", "SSH-2.0-x\r\n", "HTTP/1.1 101 Switching\r\n\r\n", "HTTP/1.1200 OK\r\n\r\n",
                          "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n",
                          "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
                          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1 2\r\na\r\n",
                          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1000000000000000\r\n"}) {
    for (std::size_t piece : {std::size_t{1}, std::size_t{1000}}) {
      CAPTURE(bad);
      const Read read = ReadAnswer(bad, piece);
      CHECK(read.bad);
      CHECK_FALSE(read.whole);
      CHECK_FALSE(read.error.empty());
    }
  }
  CHECK(ReadAnswer("HTTP/1.1 200 OK\r\nA: " + std::string(300000, 'x'), 65536).bad);
  CHECK(ReadAnswer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;" + std::string(20000, 'x'), 4096).bad);
}

TEST_CASE("lines of a head") {
  CHECK(ParseStatusLine("HTTP/1.0 404") == 404);
  CHECK(ParseStatusLine("HTTP/1.1 503 Slow Down\r\n") == 503);
  CHECK(ParseStatusLine("HTTP/1.1") == 0);
  std::vector<Header> headers;
  CHECK(AddHeaderLine("X-Folded: a\r\n", &headers));
  CHECK(AddHeaderLine("  b\r\n", &headers));
  CHECK(headers.at(0).name == "x-folded");
  CHECK(headers.at(0).value == "a b");
  CHECK_FALSE(AddHeaderLine(": x", &headers));
  CHECK_FALSE(AddHeaderLine("no colon", &headers));
  headers.clear();
  CHECK_FALSE(AddHeaderLine(" b", &headers));
}

}  // namespace
}  // namespace fileferry::http
