// scripted_server.h: a TCP server on loopback that does what a test tells it, byte by byte, one thread for each connection.
#ifndef FILEFERRY_TESTS_SUPPORT_SCRIPTED_SERVER_H_
#define FILEFERRY_TESTS_SUPPORT_SCRIPTED_SERVER_H_

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cctype>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace fileferry::testing {

struct SeenRequest {
  int connection = 0;                          // 0 is the first one that was accepted
  std::string method, target, head, body;      // head: everything up to the empty line, as it came
  std::map<std::string, std::string> headers;  // names in lower case
};

inline std::string Answer(int status, std::string_view body, std::string_view more_headers = {}) {
  return "HTTP/1.1 " + std::to_string(status) + " Text\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + std::string(more_headers) + "\r\n" + std::string(body);
}

class ScriptedServer {
 public:
  class Connection {
   public:
    Connection(ScriptedServer* server, int fd, int number) : server_(server), fd_(fd), number_(number) {}
    int number() const { return number_; }

    // False when the client has gone.  Without `with_body` the body is left unread.
    bool ReadHead(SeenRequest* out) {
      std::size_t end;
      while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
        if (!Fill()) return false;
      }
      *out = SeenRequest();
      out->connection = number_;
      out->head = buffer_.substr(0, end + 2);
      buffer_.erase(0, end + 4);
      std::size_t at = out->head.find("\r\n") + 2;
      const std::string line = out->head.substr(0, at - 2);
      out->method = line.substr(0, line.find(' '));
      out->target = line.substr(out->method.size() + 1, line.rfind(' ') - out->method.size() - 1);
      while (at < out->head.size()) {
        const std::size_t line_end = out->head.find("\r\n", at);
        const std::string header = out->head.substr(at, line_end - at);
        std::string name = header.substr(0, header.find(':'));
        for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        std::string value = header.substr(header.find(':') + 1);
        value.erase(0, value.find_first_not_of(' '));
        out->headers[name] = value;
        at = line_end + 2;
      }
      return true;
    }
    // Up to `most` bytes of the announced body; false when the client has gone before.
    bool ReadBody(SeenRequest* out, std::size_t most = SIZE_MAX) {
      const auto found = out->headers.find("content-length");
      const std::size_t want = std::min(most, found == out->headers.end() ? 0 : static_cast<std::size_t>(std::stoull(found->second)));
      while (buffer_.size() < want) {
        if (!Fill()) return false;
      }
      out->body = buffer_.substr(0, want);
      buffer_.erase(0, want);
      return true;
    }
    bool ReadRequest(SeenRequest* out) {
      if (!ReadHead(out) || !ReadBody(out)) return false;
      const std::lock_guard lock(server_->mutex_);
      server_->seen_.push_back(*out);
      return true;
    }
    void Send(std::string_view bytes) {
      while (!bytes.empty()) {
        const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) return;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
      }
    }
    // The next close sends a reset.
    void ResetOnClose() {
      const struct linger now = {1, 0};
      (void)::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }
    // Waits until the client closes, or the server stops.
    void WaitForClient() {
      while (Fill()) {
      }
    }
    void Sleep(int milliseconds) {
      struct pollfd nothing = {server_->stop_[0], POLLIN, 0};
      (void)::poll(&nothing, 1, milliseconds);
    }

   private:
    bool Fill() {
      struct pollfd both[2] = {{fd_, POLLIN, 0}, {server_->stop_[0], POLLIN, 0}};
      while (::poll(both, 2, -1) < 0) {
      }
      if (both[0].revents == 0) return false;
      char bytes[65536];
      const ssize_t got = ::recv(fd_, bytes, sizeof bytes, 0);
      if (got <= 0) return false;
      buffer_.append(bytes, static_cast<std::size_t>(got));
      return true;
    }
    ScriptedServer* server_;
    int fd_;
    int number_;
    std::string buffer_;
  };
  using Script = std::function<void(Connection&)>;

  // The script runs once for each connection; the connection closes when it returns.
  explicit ScriptedServer(Script script) : script_(std::move(script)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener_, reinterpret_cast<struct sockaddr*>(&address), size) != 0 || ::listen(listener_, 64) != 0 ||
        ::getsockname(listener_, reinterpret_cast<struct sockaddr*>(&address), &size) != 0 || ::pipe(stop_) != 0) {
      std::abort();
    }
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { Accept(); });
  }
  // Answers every request of every connection with what the function says.
  static ScriptedServer::Script Serve(std::function<std::string(const SeenRequest&)> answer) {
    return [answer = std::move(answer)](Connection& connection) {
      SeenRequest request;
      while (connection.ReadRequest(&request)) connection.Send(answer(request));
    };
  }
  ~ScriptedServer() {
    (void)!::write(stop_[1], "x", 1);
    acceptor_.join();
    for (std::thread& thread : threads_) thread.join();
    ::close(listener_);
    ::close(stop_[0]);
    ::close(stop_[1]);
  }
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  int port() const { return port_; }
  std::string url(std::string_view target = "") const { return "http://127.0.0.1:" + std::to_string(port_) + std::string(target); }
  int connections() const { return connections_.load(); }
  std::vector<SeenRequest> seen() const {
    const std::lock_guard lock(mutex_);
    return seen_;
  }

 private:
  void Accept() {
    while (true) {
      struct pollfd both[2] = {{listener_, POLLIN, 0}, {stop_[0], POLLIN, 0}};
      while (::poll(both, 2, -1) < 0) {
      }
      if (both[1].revents != 0) return;
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) continue;
      const int number = connections_.fetch_add(1);
      threads_.emplace_back([this, fd, number] {
        Connection connection(this, fd, number);
        script_(connection);
        ::close(fd);
      });
    }
  }

  Script script_;
  int listener_ = -1;
  int port_ = 0;
  int stop_[2] = {-1, -1};
  std::atomic<int> connections_{0};
  mutable std::mutex mutex_;
  std::vector<SeenRequest> seen_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace fileferry::testing

#endif  // FILEFERRY_TESTS_SUPPORT_SCRIPTED_SERVER_H_
