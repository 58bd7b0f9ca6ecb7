// mock_http.h: an HTTP/1.1 server for tests that answers what a function says, keeps every request, and can misbehave: cut answers, exact bytes, early answers.
// One thread for each connection; the destructor ends them all.  Loopback and a free port only.
#ifndef FILEFERRY_TESTS_SUPPORT_MOCK_HTTP_H_
#define FILEFERRY_TESTS_SUPPORT_MOCK_HTTP_H_

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace fileferry::test {

struct MockRequest {
  std::string method, target, path, query;      // path and query as on the wire
  std::map<std::string, std::string> headers;   // names in lower case
  std::string body;
  bool complete = true;                         // false: the connection ended within the body
  std::string Header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string() : found->second;
  }
  bool Has(const std::string& name) const { return headers.count(name) != 0; }
};

struct MockAnswer {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::size_t cut = SIZE_MAX;       // close the connection after so many bytes of the body
  bool length = true;               // send Content-Length
  std::string raw;                  // exactly these bytes instead, then close
  bool drop = false;                // close without a byte
  bool close = false;               // close after the answer
};

class MockServer {
 public:
  using Handler = std::function<MockAnswer(const MockRequest&)>;

  explicit MockServer(Handler handler) : handler_(std::move(handler)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (listener_ < 0 || ::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, 64) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      std::abort();
    }
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { Accept(); });
  }
  ~MockServer() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      stopping_ = true;
      for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
    }
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    for (std::thread& thread : connections_) thread.join();
    ::close(listener_);
  }
  MockServer(const MockServer&) = delete;
  MockServer& operator=(const MockServer&) = delete;

  int port() const { return port_; }
  std::string endpoint() const { return "http://127.0.0.1:" + std::to_string(port_); }
  std::vector<MockRequest> requests() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return requests_;
  }
  std::size_t connections() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return accepted_;
  }

 private:
  void Accept() {
    for (;;) {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      const std::lock_guard<std::mutex> lock(mutex_);
      if (fd < 0 || stopping_) {
        if (fd >= 0) ::close(fd);
        if (stopping_) return;
        continue;
      }
      ++accepted_;
      open_.insert(fd);
      connections_.emplace_back([this, fd] {
        Serve(fd);
        const std::lock_guard<std::mutex> inner(mutex_);
        open_.erase(fd);
        ::close(fd);
      });
    }
  }

  static bool Fill(int fd, std::string* buffer) {
    char block[65536];
    const ssize_t got = ::recv(fd, block, sizeof block, 0);
    if (got <= 0) return false;
    buffer->append(block, static_cast<std::size_t>(got));
    return true;
  }
  static bool SendAll(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  static bool ReadHead(int fd, std::string* buffer, MockRequest* request) {
    std::size_t end;
    while ((end = buffer->find("\r\n\r\n")) == std::string::npos) {
      if (!Fill(fd, buffer)) return false;
    }
    const std::string head = buffer->substr(0, end + 2);
    buffer->erase(0, end + 4);
    std::size_t at = head.find("\r\n");
    const std::string line = head.substr(0, at);
    const std::size_t first = line.find(' '), last = line.rfind(' ');
    if (first == std::string::npos || last <= first) return false;
    request->method = line.substr(0, first);
    request->target = line.substr(first + 1, last - first - 1);
    const std::size_t question = request->target.find('?');
    request->path = request->target.substr(0, question);
    if (question != std::string::npos) request->query = request->target.substr(question + 1);
    for (at += 2; at < head.size();) {
      const std::size_t next = head.find("\r\n", at);
      const std::string field = head.substr(at, next - at);
      const std::size_t colon = field.find(':');
      if (colon != std::string::npos) {
        std::string name = field.substr(0, colon);
        std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        std::size_t value = colon + 1;
        while (value < field.size() && field[value] == ' ') ++value;
        request->headers[name] = field.substr(value);
      }
      at = next + 2;
    }
    return true;
  }

  void Serve(int fd) {
    std::string buffer;
    for (;;) {
      MockRequest request;
      if (!ReadHead(fd, &buffer, &request)) return;
      if (request.Header("expect") == "100-continue" && !SendAll(fd, "HTTP/1.1 100 Continue\r\n\r\n")) return;
      const std::size_t size = static_cast<std::size_t>(std::strtoull(request.Header("content-length").c_str(), nullptr, 10));
      while (buffer.size() < size && Fill(fd, &buffer)) {
      }
      request.complete = buffer.size() >= size;
      request.body = buffer.substr(0, size);
      buffer.erase(0, size);
      const bool complete = request.complete;
      const bool head = request.method == "HEAD";
      MockAnswer answer;
      {
        const std::lock_guard<std::mutex> lock(mutex_);
        requests_.push_back(request);
      }
      if (!complete) return;
      answer = handler_(request);
      if (answer.drop) return;
      if (!answer.raw.empty()) {
        SendAll(fd, answer.raw);
        return;
      }
      std::string text = "HTTP/1.1 " + std::to_string(answer.status) + " X\r\n";
      bool has_length = false;
      for (const auto& [name, value] : answer.headers) {
        text += name + ": " + value + "\r\n";
        has_length = has_length || ::strcasecmp(name.c_str(), "content-length") == 0;
      }
      const bool bodyless = answer.status == 204 || answer.status == 304;
      if (answer.length && !has_length && !bodyless) text += "Content-Length: " + std::to_string(answer.body.size()) + "\r\n";
      const bool close = answer.close || !answer.length || answer.cut != SIZE_MAX;
      if (close) text += "Connection: close\r\n";
      text += "\r\n";
      if (!head && !bodyless) text += answer.body.substr(0, answer.cut);
      if (!SendAll(fd, text) || close) return;
    }
  }

  const Handler handler_;
  int listener_ = -1;
  int port_ = 0;
  std::thread acceptor_;
  mutable std::mutex mutex_;
  bool stopping_ = false;
  std::size_t accepted_ = 0;
  std::list<std::thread> connections_;
  std::set<int> open_;
  std::vector<MockRequest> requests_;
};

}  // namespace fileferry::test

#endif  // FILEFERRY_TESTS_SUPPORT_MOCK_HTTP_H_
