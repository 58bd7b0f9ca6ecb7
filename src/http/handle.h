// handle.h: one libcurl easy handle with a multi handle of its own, which keeps its connection.  Used by one thread at a time; leased from the pool.
#ifndef FILEFERRY_HTTP_HANDLE_H_
#define FILEFERRY_HTTP_HANDLE_H_

#include <curl/curl.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/client.h"

namespace fileferry::http {

// What libcurl calls while a transfer runs; an exchange implements it.
class ITransfer {
 public:
  virtual ~ITransfer() = default;
  virtual std::size_t OnRead(char* out, std::size_t room) = 0;  // CURL_READFUNC_ABORT to stop
  virtual bool OnRewind() = 0;
  virtual bool OnHeader(std::string_view line) = 0;             // false stops
  virtual bool OnWrite(std::string_view bytes) = 0;
  virtual void OnConnect() = 0;                                 // a new socket is opened
  virtual void OnClose(curl_socket_t socket) = 0;               // a socket is about to be closed
};

class Handle {
 public:
  // nullptr when libcurl has no memory.
  static std::unique_ptr<Handle> Create(const ClientOptions& options);
  ~Handle();
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  CURL* easy() const { return easy_; }
  CURLM* multi() const { return multi_; }
  std::string_view error() const { return error_; }  // libcurl's words about the last failure

  // Makes the handle ready for one transfer.  `request` was checked before.
  void Prepare(const Request& request, std::uint64_t body_size, bool has_body, bool fresh_connection, ITransfer* transfer);
  void Detach() { transfer_ = nullptr; }

 private:
  enum class Shape : unsigned char { kUnset, kGet, kHead, kUpload };

  Handle(CURL* easy, CURLM* multi) : easy_(easy), multi_(multi) {}
  void SetUp(const ClientOptions& options);
  void SetHeaders(const Request& request);

  static std::size_t ReadCallback(char* out, std::size_t size, std::size_t count, void* self);
  static std::size_t WriteCallback(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t HeaderCallback(char* data, std::size_t size, std::size_t count, void* self);
  static int SeekCallback(void* self, curl_off_t offset, int origin);
  static curl_socket_t OpenCallback(void* self, curlsocktype purpose, struct curl_sockaddr* address);
  static int CloseCallback(void* self, curl_socket_t socket);

  CURL* easy_;
  CURLM* multi_;
  ITransfer* transfer_ = nullptr;
  Shape shape_ = Shape::kUnset;
  const char* custom_method_ = nullptr;
  bool fresh_ = false;
  std::string header_text_;             // the lines, each ended by NUL; kept for its capacity
  std::vector<std::size_t> header_at_;
  std::vector<curl_slist> header_list_;
  char error_[CURL_ERROR_SIZE] = "";
};

}  // namespace fileferry::http

#endif  // FILEFERRY_HTTP_HANDLE_H_
