// Certificates are verified: only a valid one of a trusted authority for this host is accepted, over TLS 1.2 or later.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <sstream>

#include "unit/http/http_fixture.h"

namespace fileferry::http {
namespace {

class TlsServers {
 public:
  TlsServers() {
    int in[2];
    int out[2];
    if (::pipe(in) != 0 || ::pipe(out) != 0) return;
    const std::string script = std::string(FERRY_SOURCE_FOLDER) + "/tests/unit/http/tls_servers.py";
    child_ = ::fork();
    if (child_ == 0) {
      ::dup2(in[0], 0);
      ::dup2(out[1], 1);
      ::close(in[1]);
      ::close(out[0]);
      ::execlp("python3", "python3", script.c_str(), static_cast<char*>(nullptr));
      ::_exit(127);
    }
    ::close(in[0]);
    ::close(out[1]);
    stdin_ = in[1];
    FILE* lines = ::fdopen(out[0], "r");
    char line[1000] = "";
    if (std::fgets(line, sizeof line, lines) != nullptr) std::istringstream(line) >> ca >> other_ca >> good >> expired >> wrong_host >> self_signed >> tls11 >> proxy;
    std::fclose(lines);
  }
  ~TlsServers() {
    ::close(stdin_);
    (void)::waitpid(child_, nullptr, 0);
  }
  std::string ca, other_ca;
  int good = 0, expired = 0, wrong_host = 0, self_signed = 0, tls11 = 0, proxy = 0;

 private:
  pid_t child_ = -1;
  int stdin_ = -1;
};

Result<Response> Get(int port, const std::string& ca, HttpMethod method = HttpMethod::kGet, const std::string& body = {}) {
  ClientOptions options = Quick();
  options.ca_file = ca;
  Client client(options);
  Request request;
  request.method = method;
  request.url = "https://localhost:" + std::to_string(port) + "/";
  request.body = AsBytes(body);
  return client.Perform({}, request);
}

TEST_CASE("certificates") {
  ::setenv("no_proxy", "localhost,127.0.0.1", 1);
  const TlsServers servers;
  REQUIRE(servers.tls11 != 0);
  const Result<Response> good = Get(servers.good, servers.ca);
  REQUIRE(good.ok());
  CHECK(good->body == "secure");
  const Result<Response> put = Get(servers.good, servers.ca, HttpMethod::kPut, Pattern(3000000));
  REQUIRE(put.ok());
  CHECK(put->body == "3000000");
  CHECK(Get(servers.self_signed, servers.other_ca).ok());  // its own authority

  const auto refused = [](const Result<Response>& response) {
    REQUIRE(response.code() == Code::kUnavailable);
    CHECK_FALSE(response.status().detail().ambiguous);
    return !response.status().temporary();
  };
  CHECK(refused(Get(servers.good, "")));  // of an authority that the system does not know
  CHECK(refused(Get(servers.good, servers.other_ca)));
  CHECK(refused(Get(servers.expired, servers.ca)));
  CHECK(refused(Get(servers.wrong_host, servers.ca)));
  CHECK(refused(Get(servers.self_signed, servers.ca)));
  CHECK(refused(Get(servers.self_signed, "")));
  CHECK_FALSE(refused(Get(servers.tls11, servers.ca)));
  CHECK(Get(servers.good, "/nonexistent/ca.pem").code() == Code::kInvalidArgument);
}

TEST_CASE("many exchanges over one TLS connection, in both framings") {
  ::setenv("no_proxy", "localhost,127.0.0.1", 1);
  const TlsServers servers;
  REQUIRE(servers.proxy != 0);
  ClientOptions options = Quick();
  options.ca_file = servers.ca;
  Client client(options);
  for (std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{70000}, std::size_t{16385}, std::size_t{5} << 20, (std::size_t{5} << 20) + 1, std::size_t{2}}) {
    CAPTURE(size);
    std::string expected(size, '\0');
    for (std::size_t i = 0; i < size; ++i) expected[i] = static_cast<char>(i % 251);
    for (const bool has_room : {false, true}) {
      TextSink text;
      RoomSink room(size / 2);
      Request request;
      request.url = "https://localhost:" + std::to_string(servers.good) + "/" + std::to_string(size);
      request.sink = has_room ? static_cast<ISink*>(&room) : &text;
      const Result<Response> response = client.Perform({}, request);
      REQUIRE(response.ok());
      CHECK(response->received == size);
      CHECK(((has_room ? room.text() : text.text) == expected));
    }
    Request put;
    put.method = HttpMethod::kPut;
    put.url = "https://localhost:" + std::to_string(servers.good) + "/";
    TextSource source(expected);
    put.source = &source;
    put.body_size = size;
    const Result<Response> response = client.Perform({}, put);
    REQUIRE(response.ok());
    CHECK(response->body == std::to_string(size));
  }
}

TEST_CASE("what comes behind an answer is not the next one") {
  ::setenv("no_proxy", "localhost,127.0.0.1", 1);
  const TlsServers servers;
  REQUIRE(servers.proxy != 0);
  ClientOptions options = Quick();
  options.ca_file = servers.ca;
  Client client(options);
  const std::string url = "https://localhost:" + std::to_string(servers.good);
  for (const bool has_room : {false, true}) {
    TextSink text;
    RoomSink room(100000);
    Request request;
    request.url = url + "/surplus";
    request.sink = has_room ? static_cast<ISink*>(&room) : &text;
    REQUIRE(client.Perform({}, request).ok());
    request = Request();
    request.url = url + "/x";
    const Result<Response> next = client.Perform({}, request);
    REQUIRE(next.ok());
    CHECK(next->body == "secure");
  }
}

TEST_CASE("a body without a length is whole only where the host has said that it ends") {
  ::setenv("no_proxy", "localhost,127.0.0.1", 1);
  const TlsServers servers;
  REQUIRE(servers.proxy != 0);
  ClientOptions options = Quick();
  options.ca_file = servers.ca;
  Client client(options);
  Request request;
  request.url = "https://localhost:" + std::to_string(servers.good) + "/closed";
  const Result<Response> closed = client.Perform({}, request);
  REQUIRE(closed.ok());
  CHECK(closed->body == "as much as comes");
  request.url = "https://localhost:" + std::to_string(servers.good) + "/cut";
  CHECK(client.Perform({}, request).code() == Code::kUnavailable);
}

TEST_CASE("https goes through a tunnel of the environment's proxy") {
  const TlsServers servers;
  REQUIRE(servers.proxy != 0);
  ::unsetenv("no_proxy");
  ::setenv("https_proxy", ("http://ferry:p%3Aw@127.0.0.1:" + std::to_string(servers.proxy)).c_str(), 1);
  CHECK(Get(servers.good, servers.ca)->body == "secure");
  CHECK(Get(servers.wrong_host, servers.ca).code() == Code::kUnavailable);
  ::setenv("https_proxy", ("http://ferry:canary@127.0.0.1:" + std::to_string(servers.proxy)).c_str(), 1);
  const Result<Response> refused = Get(servers.good, servers.ca, HttpMethod::kPut, "x");
  REQUIRE(refused.code() == Code::kUnavailable);
  CHECK_FALSE(refused.status().detail().ambiguous);
  CHECK(refused.status().ToString().find("407") != std::string::npos);
  CHECK(refused.status().ToString().find("canary") == std::string::npos);
  for (const char* bad : {"htp://user:canary@127.0.0.1:1", "http://user:can/ary@127.0.0.1:1"}) {
    ::setenv("https_proxy", bad, 1);
    const std::string words = Get(servers.good, servers.ca).status().ToString();
    CHECK(words.find("canary") == std::string::npos);
    CHECK(words.find("ary@") == std::string::npos);
  }
  ::unsetenv("https_proxy");
}

}  // namespace
}  // namespace fileferry::http
