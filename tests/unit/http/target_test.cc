// Which host is connected to, and what its request line says.
#include <doctest/doctest.h>

#include <cstdlib>

#include "http/target.h"

namespace fileferry::http {
namespace {

// Sets variables of the environment for one test.
class Environment {
 public:
  Environment() {
    for (const char* name : kNames) ::unsetenv(name);
  }
  ~Environment() {
    for (const char* name : kNames) ::unsetenv(name);
  }
  void Set(const char* name, const char* value) { ::setenv(name, value, 1); }

 private:
  static constexpr const char* kNames[] = {"http_proxy", "https_proxy", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"};
};

TEST_CASE("without a proxy") {
  Environment none;
  struct Row {
    const char *url, *origin, *host, *request;
  };
  for (const Row& row : {Row{"http://h/a/../b?c=/&d", "http://h:80", "h", "/a/../b?c=/&d"}, Row{"https://h", "https://h:443", "h", "/"}, Row{"http://h:80/x", "http://h:80", "h", "/x"},
                         Row{"https://h:80/x", "https://h:80", "h:80", "/x"}, Row{"http://[::1]:9000/", "http://[::1]:9000", "[::1]:9000", "/"}, Row{"http://u:p@h/x", "http://h:80", "h", "/x"},
                         Row{"http://h?x", "http://h:80", "h", "/?x"}, Row{"http://h/x?", "http://h:80", "h", "/x?"}}) {
    CAPTURE(row.url);
    const Result<Target> target = FindTarget(row.url, true);
    REQUIRE(target.ok());
    CHECK(target->origin == row.origin);
    CHECK(target->host == row.host);
    CHECK(target->request == row.request);
    CHECK(target->proxy_authorization.empty());
  }
  for (const char* bad : {"ftp://h/", "h/x", "", "http://", "http:///x", "http://h:0/", "http://h:99999/", "http://[::1/", "http://b\xC3\xBC" "cher.example/"}) {
    CAPTURE(bad);
    CHECK(FindTarget(bad, true).code() == Code::kInvalidArgument);
  }
}

TEST_CASE("a proxy for http:// is asked with the whole URL") {
  Environment environment;
  environment.Set("http_proxy", "http://us%40er:p%3Aw@proxy:3128/");
  Result<Target> target = FindTarget("http://user:secret@h:8333/a?b", true);
  REQUIRE(target.ok());
  CHECK(target->origin == "http://proxy:3128");
  CHECK(target->host == "h:8333");
  CHECK(target->request == "http://h:8333/a?b");
  CHECK(target->proxy_authorization == "Basic dXNAZXI6cDp3");  // us@er:p:w
  CHECK(target->tunnel == "");
  CHECK(FindTarget("http://h:8333/a", false)->origin == "http://h:8333");
  CHECK_FALSE(FindTarget("https://h/a", true)->tunnel.has_value());  // libcurl's to find
  CHECK(FindTarget("https://h/a", false)->tunnel == "");
  environment.Set("http_proxy", "proxy");
  CHECK(FindTarget("http://h/", true)->origin == "http://proxy:1080");
  environment.Set("http_proxy", "https://proxy");
  CHECK(FindTarget("http://h/", true)->origin == "https://proxy:443");
  environment.Set("http_proxy", "socks5h://proxy:1");
  target = FindTarget("http://h/x", true);
  CHECK(target->origin == "http://h:80");
  CHECK(target->request == "/x");
  CHECK(target->tunnel == "socks5h://proxy:1");
  environment.Set("http_proxy", "http://%zz@proxy");
  CHECK(FindTarget("http://h/", true).code() == Code::kInvalidArgument);
  environment.Set("http_proxy", "http://user:can/ary@proxy:1");
  CHECK(FindTarget("http://h/", true).status().ToString().find("ary") == std::string::npos);
  environment.Set("http_proxy", "http://pro xy");
  CHECK(FindTarget("http://h/", true).code() == Code::kInvalidArgument);
  environment.Set("http_proxy", "");
  environment.Set("ALL_PROXY", "http://all:1");
  CHECK(FindTarget("http://h/", true)->origin == "http://all:1");
  environment.Set("NO_PROXY", "h");
  CHECK(FindTarget("http://h/", true)->origin == "http://h:80");
}

TEST_CASE("no_proxy") {
  struct Row {
    const char *list, *host;
    bool is_in;
  };
  for (const Row& row : {Row{"*", "anything", true}, Row{"example.com", "example.com", true}, Row{"example.com", "EXAMPLE.com.", true}, Row{".example.com", "a.example.com", true},
                         Row{".example.com", "example.com", true}, Row{"example.com", "badexample.com", false}, Row{"a, b,c", "b", true}, Row{"a, b,c", "d", false}, Row{"", "d", false},
                         Row{"localhost,127.0.0.1", "127.0.0.1", true}, Row{"127.0.0.1", "127.0.0.11", false}, Row{"10.0.0.0/8", "10.2.3.4", true}, Row{"10.0.0.0/8", "11.2.3.4", false},
                         Row{"192.168.1.0/25", "192.168.1.127", true}, Row{"192.168.1.0/25", "192.168.1.128", false}, Row{"10.0.0.0/33", "10.0.0.0", false}, Row{"0.0.0.0/0", "1.2.3.4", true},
                         Row{"::1", "[::1]", true}, Row{"fe80::/10", "[fe80::1%eth0]", true}, Row{"fe80::/10", "[fd00::1]", false}, Row{"10.0.0.1", "[::1]", false}, Row{"1.2.3.4", "x1.2.3.4", false}}) {
    CAPTURE(row.list);
    CAPTURE(row.host);
    CHECK(IsInNoProxy(row.list, row.host) == row.is_in);
  }
}

}  // namespace
}  // namespace fileferry::http
