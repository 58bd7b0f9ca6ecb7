// What goes over the wire and what comes back: methods, headers, bodies, digests.
#include <doctest/doctest.h>

#include <cstdlib>

#include "http/answer.h"
#include "unit/http/http_fixture.h"

namespace fileferry::http {
namespace {

using testing::Answer;
using testing::ScriptedServer;
using testing::SeenRequest;

TEST_CASE("GET into a sink") {
  const std::string body = Pattern(300000);
  ScriptedServer server(ScriptedServer::Serve([&](const SeenRequest&) { return Answer(200, body, "ETag: \"x\"\r\nX-Amz-Meta-A:   spaced  \r\nContent-Encoding: gzip\r\nX-Empty:\r\n"); }));
  Client client(Quick());
  TextSink sink;
  Request request;
  request.url = server.url("/bucket/key");
  request.sink = &sink;
  Result<Response> response = client.Perform({}, request);
  REQUIRE(response.ok());
  CHECK(response->status == 200);
  CHECK(response->received == body.size());
  CHECK((sink.text == body));
  CHECK(response->body.empty());
  CHECK(response->Find("etag") == "\"x\"");
  CHECK(response->Find("x-amz-meta-a") == "spaced");
  CHECK(response->Find("content-encoding") == "gzip");
  CHECK(response->Find("x-empty").empty());
  CHECK(response->Find("nothing").empty());
  CHECK(response->elapsed.count() > 0);
  CHECK_FALSE(response->resent);
  const std::string head = server.seen().at(0).head;
  CHECK(head == "GET /bucket/key HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(server.port()) + "\r\nUser-Agent: fileferry\r\n");
}

TEST_CASE("a body is received into the memory of its sink") {
  const std::string body = Pattern(300000);
  ScriptedServer server(ScriptedServer::Serve([&](const SeenRequest& seen) { return Answer(seen.target == "/error" ? 500 : 200, body); }));
  Client client(Quick());
  for (std::size_t room : {std::size_t{0}, std::size_t{1}, std::size_t{5000}, std::size_t{299999}, std::size_t{300000}, std::size_t{400000}}) {
    CAPTURE(room);
    RoomSink sink(room);
    Request request;
    request.url = server.url("/");
    request.sink = &sink;
    const Result<Response> response = client.Perform({}, request);
    REQUIRE(response.ok());
    CHECK(response->received == body.size());
    CHECK((sink.text() == body));
    if (room >= body.size()) CHECK(sink.copied <= 4096);
    request.url = server.url("/error");
    RoomSink untouched(room);
    request.sink = &untouched;
    CHECK((client.Perform({}, request)->body == body));
    CHECK(untouched.text().empty());
  }
  CHECK(server.connections() == 1);
}

TEST_CASE("an answer that is not 2xx goes into the body, not into the sink") {
  ScriptedServer server(ScriptedServer::Serve([&](const SeenRequest& seen) { return Answer(std::stoi(seen.target.substr(1)), "<Error/>", "Location: http://127.0.0.1:1/\r\n"); }));
  Client client(Quick());
  for (int status : {301, 302, 307, 400, 403, 404, 416, 500, 503}) {
    TextSink sink;
    Request request;
    request.url = server.url("/" + std::to_string(status));
    request.sink = &sink;
    Result<Response> response = client.Perform({}, request);
    REQUIRE(response.ok());
    CHECK(response->status == status);
    CHECK(response->body == "<Error/>");
    CHECK(sink.text.empty());
  }
  CHECK(server.connections() == 1);
}

TEST_CASE("PUT from a source, and from memory") {
  ScriptedServer server(ScriptedServer::Serve([](const SeenRequest&) { return Answer(200, ""); }));
  Client client(Quick());
  for (std::size_t size : {std::size_t{1}, std::size_t{9999}, std::size_t{65536}, std::size_t{3} << 20}) {
    const std::string body = Pattern(size);
    TextSource source(body);
    Request request;
    request.method = HttpMethod::kPut;
    request.url = server.url("/k");
    request.source = &source;
    request.body_size = size;
    request.headers = {{"X-Amz-Meta-Empty", ""}, {"x-amz-meta-blank", "  "}, {"x-amz-meta-a", "a b"}};
    Result<Response> response = client.Perform({}, request);
    REQUIRE(response.ok());
    CHECK(response->status == 200);
    CHECK(response->sent == size);
    request.source = nullptr;
    request.body = AsBytes(body);
    response = client.Perform({}, request);
    REQUIRE(response.ok());
    CHECK(response->sent == size);
    for (std::size_t i = server.seen().size() - 2; i < server.seen().size(); ++i) {
      const SeenRequest seen = server.seen()[i];
      CHECK((seen.body == body));
      CHECK(seen.head == "PUT /k HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(server.port()) +
                             "\r\nUser-Agent: fileferry\r\nX-Amz-Meta-Empty:\r\nx-amz-meta-blank:\r\nx-amz-meta-a: a b\r\nContent-Length: " + std::to_string(size) + "\r\n");
    }
  }
  CHECK(server.connections() == 1);
}

TEST_CASE("methods with and without a body, one after the other on one connection") {
  ScriptedServer server(ScriptedServer::Serve([](const SeenRequest& seen) { return seen.method == "HEAD" ? "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" : Answer(200, seen.method); }));
  Client client(Quick());
  struct Step {
    HttpMethod method;
    const char* body;
  };
  const Step steps[] = {{HttpMethod::kPut, ""},   {HttpMethod::kGet, ""},  {HttpMethod::kHead, ""},  {HttpMethod::kPost, "p"}, {HttpMethod::kDelete, ""}, {HttpMethod::kPut, "body"},
                        {HttpMethod::kHead, ""},  {HttpMethod::kPost, ""}, {HttpMethod::kGet, ""},   {HttpMethod::kDelete, "d"}, {HttpMethod::kGet, ""}, {HttpMethod::kHead, ""},
                        {HttpMethod::kDelete, ""}, {HttpMethod::kPut, ""}};
  for (const Step& step : steps) {
    Request request;
    request.method = step.method;
    request.url = server.url("/x?y=z");
    request.body = AsBytes(step.body);
    Result<Response> response = client.Perform({}, request);
    REQUIRE(response.ok());
    const SeenRequest seen = server.seen().back();
    CHECK(seen.method == HttpMethodName(step.method));
    CHECK(seen.body == step.body);
    CHECK(seen.target == "/x?y=z");
    CHECK(response->body == (step.method == HttpMethod::kHead ? "" : seen.method));
    const bool needs_length = step.method == HttpMethod::kPut || step.method == HttpMethod::kPost || step.body[0] != '\0';
    CHECK((seen.headers.count("content-length") == 1) == needs_length);
    for (const char* unwanted : {"expect", "accept", "accept-encoding", "content-type", "transfer-encoding"}) CHECK(seen.headers.count(unwanted) == 0);
  }
  CHECK(server.connections() == 1);
}

TEST_CASE("paths are sent as they are") {
  ScriptedServer server(ScriptedServer::Serve([](const SeenRequest&) { return Answer(204, ""); }));
  Client client(Quick());
  for (const char* path : {"/a/../b", "/./a", "//a//", "/..", "/a/.", "/%2E%2e/%2F", "/a?x=%20&y=/../"}) {
    Request request;
    request.url = server.url(path);
    REQUIRE(client.Perform({}, request).ok());
    CHECK(server.seen().back().target == path);
  }
}

TEST_CASE("no header can be smuggled in") {
  ScriptedServer server(ScriptedServer::Serve([](const SeenRequest&) { return Answer(200, ""); }));
  Client client(Quick());
  for (const Header& header : {Header{"x-a", "b\r\nx-c: d"}, Header{"x-a", "b\n"}, Header{"x-a", std::string("b\0c", 3)}, Header{"x-a", "b\x7f"}, Header{"x-a", "\x01"}, Header{"x-a", "a\tb"},
                               Header{"x-a: y\r\nx-b", "c"}, Header{"x a", "b"}, Header{"", "b"}, Header{"x-\xC3\xBC", "b"}}) {
    Request request;
    request.url = server.url("/");
    request.headers = {header};
    CHECK(client.Perform({}, request).code() == Code::kInvalidArgument);
  }
  for (const std::string& url : {server.url("/a b"), server.url("/a\r\nHost: x"), std::string(), server.url("/\x7f")}) {
    Request request;
    request.url = url;
    CHECK(client.Perform({}, request).code() == Code::kInvalidArgument);
  }
  for (const char* url : {"file:///etc/passwd", "gopher://127.0.0.1/", "ftp://127.0.0.1/x", "http://", "http://[::1"}) {
    Request request;
    request.url = url;
    CHECK(client.Perform({}, request).code() == Code::kInvalidArgument);
  }
  CHECK(server.connections() == 0);
}

TEST_CASE("a source that is not as long as it was") {
  std::atomic<int> complete{0};
  ScriptedServer server([&](ScriptedServer::Connection& connection) {
    SeenRequest request;
    while (connection.ReadRequest(&request)) {
      ++complete;
      connection.Send(Answer(200, ""));
    }
  });
  Client client(Quick());
  for (std::size_t announced : {std::size_t{1000}, std::size_t{700000}}) {
    for (int more : {-1, 1, 5000}) {
      TextSource source(Pattern(more < 0 ? announced - 1 : announced + static_cast<std::size_t>(more)));
      Request request;
      request.method = HttpMethod::kPut;
      request.url = server.url("/k");
      request.source = &source;
      request.body_size = announced;
      CHECK(client.Perform({}, request).code() == Code::kSourceChanged);
    }
  }
  TextSource grown("x");
  Request empty;
  empty.method = HttpMethod::kPut;
  empty.url = server.url("/k");
  empty.source = &grown;
  empty.body_size = 0;
  CHECK(client.Perform({}, empty).code() == Code::kSourceChanged);
  TextSource broken(Pattern(500000));
  broken.fail_at = 200000;
  Request request;
  request.method = HttpMethod::kPut;
  request.url = server.url("/k");
  request.source = &broken;
  request.body_size = 500000;
  CHECK(client.Perform({}, request).code() == Code::kPermissionDenied);
  CHECK(complete.load() == 0);
}

TEST_CASE("the head can be refused before the body, and the sink can refuse the body") {
  ScriptedServer server(ScriptedServer::Serve([](const SeenRequest&) { return Answer(200, Pattern(200000), "ETag: \"other\"\r\n"); }));
  Client client(Quick());
  struct Check : Request::IHeadCheck {
    Status OnHead(const Response& head) override {
      seen = std::string(head.Find("etag"));
      return refuse ? Status(Code::kPreconditionFailed, "another version") : Status();
    }
    std::string seen;
    bool refuse = true;
  } check;
  TextSink sink;
  Request request;
  request.url = server.url("/");
  request.sink = &sink;
  request.head_check = &check;
  CHECK(client.Perform({}, request).code() == Code::kPreconditionFailed);
  CHECK(check.seen == "\"other\"");
  CHECK(sink.text.empty());
  check.refuse = false;
  sink.fail_after = 50000;
  CHECK(client.Perform({}, request).code() == Code::kQuotaExceeded);
  sink.fail_after = SIZE_MAX;
  sink.text.clear();
  CHECK(client.Perform({}, request).ok());
  CHECK(sink.text.size() == 200000);
}

TEST_CASE("the size of a body in memory is limited") {
  ScriptedServer server(ScriptedServer::Serve([](const SeenRequest& seen) { return Answer(seen.target == "/error" ? 500 : 200, std::string(5000, 'x')); }));
  Client client(Quick());
  Request request;
  request.url = server.url("/");
  request.max_body = 4999;
  CHECK(client.Perform({}, request).code() == Code::kIntegrity);
  request.max_body = 5000;
  Result<Response> response = client.Perform({}, request);
  REQUIRE(response.ok());
  CHECK(response->body.size() == 5000);
  request.max_body = 100;
  request.url = server.url("/error");
  response = client.Perform({}, request);  // a refusal stays one, however long it talks
  REQUIRE(response.ok());
  CHECK(response->status == 500);
  CHECK(response->body.size() == 100);
}

TEST_CASE("an endless head is refused") {
  ScriptedServer server([](ScriptedServer::Connection& connection) {
    SeenRequest request;
    if (!connection.ReadRequest(&request)) return;
    connection.Send("HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 20000; ++i) connection.Send("X-Header-" + std::to_string(i) + ": " + std::string(40, 'v') + "\r\n");
    connection.Send("\r\n");
  });
  Client client(Quick());
  Request request;
  request.url = server.url("/");
  CHECK(client.Perform({}, request).code() == Code::kIntegrity);
}

TEST_CASE("chunked answers, trailers, folded headers, informational heads") {
  ScriptedServer server([](ScriptedServer::Connection& connection) {
    SeenRequest request;
    while (connection.ReadRequest(&request)) {
      connection.Send("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Folded: a\r\n  b\r\nX-Twice: 1\r\nX-Twice: 2\r\n\r\n");
      connection.Send("3\r\nabc\r\n4\r\ndefg\r\n0\r\nX-Trailer: t\r\n\r\n");
    }
  });
  Client client(Quick());
  for (int i = 0; i < 2; ++i) {
    Request request;
    request.url = server.url("/");
    Result<Response> response = client.Perform({}, request);
    REQUIRE(response.ok());
    CHECK(response->status == 200);
    CHECK(response->body == "abcdefg");
    CHECK(response->Find("x-folded") == "a b");
    CHECK(response->Find("x-twice") == "1");
    CHECK(response->Find("x-trailer").empty());
    CHECK(response->Find("link").empty());
  }
  CHECK(server.connections() == 1);
}

TEST_CASE("Expect: 100-continue") {
  const std::string body = Pattern(std::size_t{2} << 20);
  std::atomic<int> bodies{0};
  ScriptedServer server([&](ScriptedServer::Connection& connection) {
    SeenRequest request;
    while (connection.ReadHead(&request)) {
      const bool expects = request.headers.count("expect") == 1;
      CHECK((expects || request.target == "/unknown"));
      if (request.target == "/refuse") {
        connection.Send(Answer(403, "no", "Connection: close\r\n"));
        return;
      }
      if (request.target == "/unknown" && expects) {
        connection.Send(Answer(417, ""));
        continue;
      }
      if (expects) connection.Send("HTTP/1.1 100 Continue\r\n\r\n");
      if (!connection.ReadBody(&request)) return;
      ++bodies;
      connection.Send(Answer(request.body == body ? 200 : 500, ""));
    }
  });
  Client client(Quick());
  Request request;
  request.method = HttpMethod::kPut;
  request.expect_continue = true;
  request.body_size = body.size();
  for (const char* target : {"/ok", "/unknown"}) {
    TextSource source(body);
    request.source = &source;
    request.url = server.url(target);
    Result<Response> response = client.Perform({}, request);
    REQUIRE(response.ok());
    CHECK(response->status == 200);
  }
  CHECK(bodies.load() == 2);
  TextSource source(body);
  request.source = &source;
  request.url = server.url("/refuse");
  Client other(Quick());  // a handle that met a 417 does not ask again
  Result<Response> response = other.Perform({}, request);
  REQUIRE(response.ok());
  CHECK(response->status == 403);
  CHECK(source.at == 0);
}

TEST_CASE("proxies of the environment are used, except where told not to") {
  ScriptedServer proxy(ScriptedServer::Serve([](const SeenRequest&) { return Answer(200, "proxy"); }));
  ScriptedServer direct(ScriptedServer::Serve([](const SeenRequest&) { return Answer(200, "direct"); }));
  ::setenv("http_proxy", proxy.url().c_str(), 1);
  ::unsetenv("no_proxy");
  ::unsetenv("NO_PROXY");
  Request request;
  request.url = direct.url("/x");
  ClientOptions options = Quick();
  CHECK(Client(options).Perform({}, request)->body == "proxy");
  options.use_proxy = false;
  CHECK(Client(options).Perform({}, request)->body == "direct");
  ::unsetenv("http_proxy");
  CHECK(proxy.seen().at(0).target == direct.url("/x"));
  CHECK(proxy.seen().at(0).headers.at("host") == "127.0.0.1:" + std::to_string(direct.port()));
  CHECK(proxy.seen().at(0).headers.count("proxy-authorization") == 0);
}

TEST_CASE("URLs in messages have no secrets") {
  CHECK(RedactUrl("https://user:pw@host:9000/a/b?X-Amz-Signature=s#f") == "https://host:9000/a/b");
  CHECK(RedactUrl("http://u@p@ss@host/x@y") == "http://host/x@y");
  CHECK(RedactUrl("http://host?secret") == "http://host");
  CHECK(RedactUrl("user:pw@host/x") == "host/x");
  CHECK(RedactUrl("http://host/a\nb") == "http://host/a?b");
  CHECK(RedactUrl("").empty());
  Client client(Quick());
  Request request;
  request.url = "http://user:canary@127.0.0.1:1/x?sig=canary";
  const Result<Response> response = client.Perform({}, request);
  REQUIRE(!response.ok());
  CHECK(response.status().ToString().find("canary") == std::string::npos);
  CHECK(response.status().ToString().find("127.0.0.1:1") != std::string::npos);
}

}  // namespace
}  // namespace fileferry::http
