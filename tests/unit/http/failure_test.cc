// How exchanges fail: cuts, silence, early refusals, deadlines, forks, injected faults.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "http/fault.h"
#include "unit/http/http_fixture.h"

namespace fileferry::http {
namespace {

using std::chrono::milliseconds;
using testing::Answer;
using testing::ScriptedServer;
using testing::SeenRequest;
using SteadyClock = std::chrono::steady_clock;

Request Put(const std::string& url, ISource* source, std::size_t size) {
  Request request;
  request.method = HttpMethod::kPut;
  request.url = url;
  request.source = source;
  request.body_size = size;
  return request;
}

TEST_CASE("nobody there") {
  int port = 0;
  { port = ScriptedServer([](ScriptedServer::Connection&) {}).port(); }  // closed again
  Client client(Quick());
  Request request;
  request.method = HttpMethod::kPut;
  request.url = "http://127.0.0.1:" + std::to_string(port) + "/";
  Result<Response> response = client.Perform({}, request);
  REQUIRE(response.code() == Code::kUnavailable);
  CHECK(response.status().temporary());
  CHECK_FALSE(response.status().detail().ambiguous);
  request.url = "http://no-such-host.invalid/";
  response = client.Perform({}, request);
  REQUIRE(response.code() == Code::kUnavailable);
  CHECK_FALSE(response.status().detail().ambiguous);
  CHECK(response.status().message().find("no-such-host.invalid") != std::string_view::npos);
}

TEST_CASE("an answer cut at each byte is never taken for a whole one") {
  const std::string whole = "HTTP/1.1 200 OK\r\nContent-Length: 20\r\nETag: \"a\"\r\n\r\n01234567890123456789";
  const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
  for (const std::string& answer : {whole, chunked}) {
    std::atomic<std::size_t> cut{0};
    ScriptedServer server([&](ScriptedServer::Connection& connection) {
      SeenRequest request;
      if (connection.ReadRequest(&request)) connection.Send(answer.substr(0, cut.load()));
    });
    Client client(Quick());
    for (std::size_t i = 0; i < answer.size(); ++i) {
      // Where only the last line end of a chunked body is missing, nothing of the content is.
      if (answer == chunked && i >= answer.size() - 2) continue;
      cut = i;
      for (HttpMethod method : {HttpMethod::kGet, HttpMethod::kPut}) {
        Request request;
        request.method = method;
        request.url = server.url("/");
        const Result<Response> response = client.Perform({}, request);
        CAPTURE(i);
        REQUIRE(response.code() == Code::kUnavailable);
        CHECK(response.status().temporary());
        CHECK(response.status().detail().ambiguous == (method == HttpMethod::kPut));
      }
    }
    CHECK(server.connections() == static_cast<int>(server.seen().size()));
  }
}

TEST_CASE("a refusal counts as an answer even where its body is cut") {
  ScriptedServer server([](ScriptedServer::Connection& connection) {
    SeenRequest request;
    if (connection.ReadRequest(&request)) connection.Send("HTTP/1.1 503 Slow Down\r\nContent-Length: 1000\r\nRetry-After: 3\r\n\r\n<Error><Code>Slow");
  });
  Client client(Quick());
  Request request;
  request.method = HttpMethod::kPut;
  request.url = server.url("/");
  const Result<Response> response = client.Perform({}, request);
  REQUIRE(response.ok());
  CHECK(response->status == 503);
  CHECK(response->Find("retry-after") == "3");
  CHECK(response->body == "<Error><Code>Slow");
}

TEST_CASE("a refusal in the middle of a body is read, whatever becomes of the connection") {
  for (const bool reset : {false, true}) {
    ScriptedServer server([&](ScriptedServer::Connection& connection) {
      SeenRequest request;
      if (!connection.ReadHead(&request) || !connection.ReadBody(&request, 65536)) return;
      connection.Send(Answer(403, "<Error><Code>AccessDenied</Code></Error>", "Connection: close\r\n"));
      if (reset) connection.ResetOnClose();
    });
    Client client(Quick());
    const std::string body = Pattern(std::size_t{16} << 20);
    int refused = 0;
    for (int i = 0; i < 30; ++i) {
      TextSource source(body);
      source.piece = 300000;
      const Result<Response> response = client.Perform({}, Put(server.url("/k"), &source, body.size()));
      if (response.ok() && response->status == 403 && response->body == "<Error><Code>AccessDenied</Code></Error>") ++refused;
      if (!response.ok()) MESSAGE(response.status().ToString());
    }
    CHECK(refused == 30);
  }
}

TEST_CASE("a kept-alive connection that was closed costs one more try") {
  // Every connection answers one request, reads the next one whole, and hangs up.
  ScriptedServer server([](ScriptedServer::Connection& connection) {
    SeenRequest request;
    if (!connection.ReadRequest(&request)) return;
    connection.Send(Answer(200, "first"));
    (void)connection.ReadRequest(&request);
    connection.ResetOnClose();
  });
  Client client(Quick());
  const std::string body = Pattern(200000);
  TextSource source(body);
  Request request = Put(server.url("/k"), &source, body.size());
  REQUIRE(client.Perform({}, request).ok());
  SUBCASE("the body can rewind") {
    source = TextSource(body);
    const Result<Response> response = client.Perform({}, request);
    REQUIRE(response.ok());
    CHECK(response->status == 200);
    CHECK(response->resent);
    CHECK(response->sent == body.size());
    CHECK(source.rewinds == 1);
    REQUIRE(server.seen().size() == 3);
    CHECK((server.seen()[1].body == body));
    CHECK((server.seen()[2].body == body));
    CHECK(server.connections() == 2);
  }
  SUBCASE("the body cannot rewind") {
    source = TextSource(body);
    source.can_rewind = false;
    const Result<Response> response = client.Perform({}, request);
    REQUIRE(response.code() == Code::kUnavailable);
    CHECK(response.status().detail().ambiguous);
    CHECK(server.seen().size() == 2);
  }
  SUBCASE("no body at all") {
    request = Request();
    request.method = HttpMethod::kDelete;
    request.url = server.url("/k");
    const Result<Response> response = client.Perform({}, request);
    REQUIRE(response.ok());
    CHECK(response->resent);
    CHECK(server.seen().size() == 3);
  }
}

TEST_CASE("a new connection that is closed without an answer is not tried again") {
  ScriptedServer server([](ScriptedServer::Connection& connection) {
    SeenRequest request;
    (void)connection.ReadRequest(&request);
  });
  Client client(Quick());
  for (HttpMethod method : {HttpMethod::kPut, HttpMethod::kGet, HttpMethod::kHead, HttpMethod::kDelete, HttpMethod::kPost}) {
    const int before = server.connections();
    Request request;
    request.method = method;
    request.url = server.url("/");
    const Result<Response> response = client.Perform({}, request);
    REQUIRE(response.code() == Code::kUnavailable);
    CHECK(response.status().detail().ambiguous == (method != HttpMethod::kGet && method != HttpMethod::kHead));
    CHECK(server.connections() == before + 1);
  }
}

TEST_CASE("silence ends after the stall timeout, slowness does not") {
  ScriptedServer server([](ScriptedServer::Connection& connection) {
    SeenRequest request;
    if (!connection.ReadHead(&request)) return;
    if (request.target == "/silent") {
      (void)connection.ReadBody(&request);
      connection.Sleep(5000);
    } else if (request.target == "/hole") {
      connection.Sleep(5000);  // the body is not read
    } else if (request.target == "/stops") {
      connection.Send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
      connection.Sleep(5000);
    } else {
      connection.Send("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n");
      for (int i = 0; i < 20; ++i) {
        connection.Sleep(60);
        connection.Send(" ");
      }
    }
  });
  ClientOptions options = Quick();
  options.stall_timeout = milliseconds(400);
  Client client(options);
  const std::string body = Pattern(std::size_t{32} << 20);
  for (const char* target : {"/silent", "/hole", "/stops"}) {
    CAPTURE(target);
    TextSource source(target == std::string("/hole") ? body : std::string("x"));
    const auto start = SteadyClock::now();
    const Result<Response> response = client.Perform({}, Put(server.url(target), &source, source.text.size()));
    REQUIRE(response.code() == Code::kTimeout);
    CHECK(response.status().temporary());
    CHECK(response.status().detail().ambiguous);
    CHECK(Seconds(start) >= 0.35);
    CHECK(Seconds(start) < 3);
  }
  Request request;
  request.url = server.url("/slow");
  const auto start = SteadyClock::now();
  CHECK(client.Perform({}, request).ok());
  CHECK(Seconds(start) > 1.0);
}

TEST_CASE("deadlines and cancellation hold while bytes flow") {
  ScriptedServer server([](ScriptedServer::Connection& connection) {
    SeenRequest request;
    if (!connection.ReadHead(&request)) return;
    if (request.target == "/hints") {
      std::string hints;
      while (hints.size() < 1000000) hints += "HTTP/1.1 103 Hints\r\n\r\n";
      for (int i = 0; i < 5000; ++i) connection.Send(hints);
      return;
    }
    if (request.method == "PUT") (void)connection.ReadBody(&request);
    connection.Send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
    const std::string piece(1000000, 'x');
    for (int i = 0; i < 1000; ++i) connection.Send(piece);
  });
  struct SlowSink : TextSink {
    Status Write(Bytes bytes) override {
      std::this_thread::sleep_for(milliseconds(2));
      (void)bytes;
      return {};
    }
  };
  struct SlowSource : TextSource {
    using TextSource::TextSource;
    Result<std::size_t> Read(std::span<std::byte> out) override {
      std::this_thread::sleep_for(milliseconds(2));
      return TextSource::Read(out.first(std::min<std::size_t>(out.size(), 1000)));
    }
  };
  Client client(Quick());
  SlowSink sink;
  SlowSource source(Pattern(std::size_t{64} << 20));
  Request get;
  get.sink = &sink;
  const auto late = [&](const Request& request) {
    OpContext ctx;
    ctx.deadline = SteadyClock::now() + milliseconds(300);
    const auto start = SteadyClock::now();
    CHECK(client.Perform(ctx, request).code() == Code::kTimeout);
    CHECK(Seconds(start) < 3);
    CancelToken cancel;
    ctx = OpContext();
    ctx.cancel = &cancel;
    std::thread later([&] {
      std::this_thread::sleep_for(milliseconds(300));
      cancel.Cancel();
    });
    const auto again = SteadyClock::now();
    CHECK(client.Perform(ctx, request).code() == Code::kCancelled);
    CHECK(Seconds(again) < 3);
    later.join();
  };
  get.url = server.url("/");
  late(get);
  get.url = server.url("/hints");
  late(get);
  late(Put(server.url("/k"), &source, source.text.size()));
}

TEST_CASE("what a gateway says of a host that it has lost may hide a success") {
  ScriptedServer server([](ScriptedServer::Connection& connection) {
    SeenRequest request;
    if (!connection.ReadRequest(&request)) return;
    connection.Send("HTTP/1.1 " + request.target.substr(1, 3) + " x\r\nContent-Length: 500\r\n\r\nabc");
    if (request.target.ends_with("/stalls")) connection.Sleep(5000);
  });
  ClientOptions options = Quick();
  options.stall_timeout = milliseconds(300);
  Client client(options);
  for (const char* target : {"/504/stalls", "/403/stalls", "/504/cut", "/403/cut"}) {
    CAPTURE(target);
    TextSource source("body");
    const Result<Response> response = client.Perform({}, Put(server.url(target), &source, 4));
    REQUIRE(response.ok());  // the caller knows what such a status means for a write
    CHECK(response->status == std::stoi(std::string(target + 1, 3)));
    CHECK(response->body == "abc");
  }
  OpContext ctx;
  ctx.deadline = SteadyClock::now() + milliseconds(100);
  TextSource source("body");
  CHECK(client.Perform(ctx, Put(server.url("/504/stalls"), &source, 4)).ok());
}

TEST_CASE("a refusal with a badly framed body is a refusal, also in the middle of a body") {
  ScriptedServer server([](ScriptedServer::Connection& connection) {
    SeenRequest request;
    if (!connection.ReadHead(&request) || !connection.ReadBody(&request, 65536)) return;
    connection.Send("HTTP/1.1 403 x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzzz\r\n");
    connection.Sleep(300);
  });
  Client client(Quick());
  for (std::size_t size : {std::size_t{4}, std::size_t{32} << 20}) {
    TextSource source(Pattern(size));
    const Result<Response> response = client.Perform({}, Put(server.url("/"), &source, size));
    REQUIRE(response.ok());
    CHECK(response->status == 403);
    CHECK(response->body == "abc");
  }
}

TEST_CASE("a source that fails while its body is sent a second time: the first one may have been taken") {
  ScriptedServer server([](ScriptedServer::Connection& connection) {
    SeenRequest request;
    if (!connection.ReadRequest(&request)) return;
    connection.Send(Answer(200, "first"));
    (void)connection.ReadRequest(&request);
    connection.ResetOnClose();
  });
  struct Once : TextSource {
    using TextSource::TextSource;
    Result<std::size_t> Read(std::span<std::byte> out) override { return rewinds > 0 ? Result<std::size_t>(Status(Code::kSourceChanged, "gone")) : TextSource::Read(out); }
  };
  Client client(Quick());
  Once source("body");
  REQUIRE(client.Perform({}, Put(server.url("/"), &source, 4)).ok());
  source.at = 0;
  const Result<Response> response = client.Perform({}, Put(server.url("/"), &source, 4));
  REQUIRE(response.code() == Code::kSourceChanged);
  CHECK(response.status().detail().ambiguous);
}

TEST_CASE("deadlines and cancellation") {
  ScriptedServer server([](ScriptedServer::Connection& connection) {
    SeenRequest request;
    if (connection.ReadRequest(&request)) connection.Sleep(10000);
  });
  Client client(Quick());
  Request request;
  request.method = HttpMethod::kPost;
  request.url = server.url("/");
  OpContext ctx;
  ctx.deadline = SteadyClock::now() + milliseconds(200);
  auto start = SteadyClock::now();
  Result<Response> response = client.Perform(ctx, request);
  REQUIRE(response.code() == Code::kTimeout);
  CHECK(response.status().detail().ambiguous);
  CHECK(Seconds(start) < 2);
  response = client.Perform(ctx, request);  // already late: nothing is sent
  REQUIRE(response.code() == Code::kTimeout);
  CHECK_FALSE(response.status().detail().ambiguous);
  CHECK(server.seen().size() == 1);

  CancelToken cancel;
  ctx = OpContext();
  ctx.cancel = &cancel;
  std::thread later([&] {
    std::this_thread::sleep_for(milliseconds(200));
    cancel.Cancel();
  });
  start = SteadyClock::now();
  response = client.Perform(ctx, request);
  later.join();
  REQUIRE(response.code() == Code::kCancelled);
  CHECK(response.status().detail().ambiguous);
  CHECK(Seconds(start) < 2);
}

TEST_CASE("at most max_handles exchanges at once") {
  std::atomic<int> now{0}, most{0};
  ScriptedServer server(ScriptedServer::Serve([&](const SeenRequest&) {
    const int current = ++now;
    for (int seen = most.load(); seen < current && !most.compare_exchange_weak(seen, current);) {
    }
    std::this_thread::sleep_for(milliseconds(5));
    --now;
    return Answer(200, "x");
  }));
  ClientOptions options = Quick();
  options.max_handles = 3;
  Client client(options);
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 12; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 10; ++i) {
        Request request;
        request.url = server.url("/");
        const Result<Response> response = client.Perform({}, request);
        if (response.ok() && response->body == "x") ++good;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(good.load() == 120);
  CHECK(most.load() <= 3);
  CHECK(server.connections() <= 3);
}

TEST_CASE("a child process uses connections of its own") {
  ScriptedServer server(ScriptedServer::Serve([](const SeenRequest& seen) { return Answer(200, std::to_string(seen.connection)); }));
  Client client(Quick());
  Request request;
  request.url = server.url("/");
  REQUIRE(client.Perform({}, request)->body == "0");
  const pid_t child = ::fork();
  if (child == 0) {
    const Result<Response> first = client.Perform({}, request);
    const Result<Response> second = client.Perform({}, request);
    ::_exit(first.ok() && second.ok() && first->body == "1" && second->body == "1" ? 0 : 1);
  }
  int state = 0;
  REQUIRE(::waitpid(child, &state, 0) == child);
  CHECK(WIFEXITED(state));
  CHECK(WEXITSTATUS(state) == 0);
  CHECK(client.Perform({}, request)->body == "0");
}

TEST_CASE("a child that destroys its copy of the client leaves the parent's connections alone") {
  ScriptedServer server(ScriptedServer::Serve([](const SeenRequest& seen) { return Answer(200, std::to_string(seen.connection)); }));
  auto client = std::make_unique<Client>(Quick());
  Request request;
  request.url = server.url("/");
  REQUIRE(client->Perform({}, request)->body == "0");
  const pid_t child = ::fork();
  if (child == 0) {
    client.reset();
    ::_exit(0);
  }
  int state = 0;
  REQUIRE(::waitpid(child, &state, 0) == child);
  CHECK(WEXITSTATUS(state) == 0);
  CHECK(client->Perform({}, request)->body == "0");
}

class OneFault : public sys::IFaultHook {
 public:
  explicit OneFault(sys::Verdict verdict) : verdict_(verdict) { sys::SetFaultHook(this); }
  ~OneFault() override { sys::SetFaultHook(nullptr); }
  sys::Verdict OnCall(const sys::Site& site) override {
    if (std::string_view(site.call) != "http") return {};
    ++calls;
    line = site.line;
    return verdict_;
  }
  int calls = 0;
  unsigned line = 0;

 private:
  sys::Verdict verdict_;
};

TEST_CASE("injected faults") {
  ScriptedServer server(ScriptedServer::Serve([](const SeenRequest&) { return Answer(200, "0123456789"); }));
  Client client(Quick());
  TextSink sink;
  TextSource source("body");
  Request get;
  get.url = server.url("/");
  get.sink = &sink;
  const Request put = Put(server.url("/"), &source, 4);

  SUBCASE("refused, also by a hook that knows nothing of HTTP") {
    for (int error : {int{kRefuse}, EIO}) {
      OneFault fault({error, false, SIZE_MAX});
      const Result<Response> response = client.Perform({}, put);
      REQUIRE(response.code() == Code::kUnavailable);
      CHECK(response.status().temporary());
      CHECK_FALSE(response.status().detail().ambiguous);
      CHECK(fault.calls == 1);
      CHECK(fault.line > 0);
    }
    CHECK(server.seen().empty());
  }
  SUBCASE("answer lost") {
    int requests = 0;
    for (const sys::Verdict& verdict : {sys::Verdict{kLoseAnswer, false, SIZE_MAX}, sys::Verdict{EIO, true, SIZE_MAX}}) {
      OneFault fault(verdict);
      source = TextSource("body");
      Result<Response> response = client.Perform({}, put);
      REQUIRE(response.code() == Code::kUnavailable);
      CHECK(response.status().temporary());
      CHECK(response.status().detail().ambiguous);
      response = client.Perform({}, get);
      REQUIRE(response.code() == Code::kUnavailable);
      CHECK_FALSE(response.status().detail().ambiguous);
      requests += 2;
      CHECK(static_cast<int>(server.seen().size()) == requests);
    }
  }
  SUBCASE("slow down") {
    OneFault fault({kStatus503, false, SIZE_MAX});
    const Result<Response> response = client.Perform({}, put);
    REQUIRE(response.ok());
    CHECK(response->status == 503);
    CHECK(response->body.find("<Code>SlowDown</Code>") != std::string::npos);
    CHECK(source.at == 0);
    CHECK(server.seen().empty());
  }
  SUBCASE("answer cut") {
    {
      OneFault fault({kCutAnswer, false, SIZE_MAX});
      REQUIRE(client.Perform({}, get).code() == Code::kUnavailable);
      CHECK(sink.text == "01234");
    }
    sink.text.clear();
    {
      OneFault fault({kCutAnswer, false, 3});
      REQUIRE(client.Perform({}, get).code() == Code::kUnavailable);
      CHECK(sink.text == "012");
      const Result<Response> response = client.Perform({}, put);
      REQUIRE(response.code() == Code::kUnavailable);
      CHECK(response.status().detail().ambiguous);
    }
  }
  sink.text.clear();
  source = TextSource("body");
  CHECK(client.Perform({}, get).ok());
  CHECK(client.Perform({}, put).ok());
}

}  // namespace
}  // namespace fileferry::http
