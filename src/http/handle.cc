// handle.cc: the options of a libcurl handle, set once, and the few that change from request to request.
#include "http/handle.h"

#include <sys/socket.h>
#include <unistd.h>

namespace fileferry::http {
namespace {

// Allocated once for each handle by libcurl, on first use.
constexpr long kUploadBuffer = 256L << 10;
// Allocated for each transfer anew: the answer to an upload is small.
constexpr long kReceiveBuffer = 128L << 10;
constexpr long kSmallReceiveBuffer = 16L << 10;
// One handle talks to one host; a redirect to another region makes it two for a moment.
constexpr long kConnectionsKept = 1;

const char* MethodText(HttpMethod method) {
  switch (method) {
    case HttpMethod::kGet: return "GET";
    case HttpMethod::kPut: return "PUT";
    case HttpMethod::kHead: return "HEAD";
    case HttpMethod::kPost: return "POST";
    case HttpMethod::kDelete: return "DELETE";
  }
  return "GET";
}

// libcurl is initialised once in the process, and never cleaned up: the host may use it too.
bool InitOnce() {
  static const bool ok = curl_global_init(CURL_GLOBAL_ALL) == CURLE_OK;
  return ok;
}

}  // namespace

std::unique_ptr<Handle> Handle::Create(const ClientOptions& options) {
  if (!InitOnce()) return nullptr;
  CURL* easy = curl_easy_init();
  CURLM* multi = curl_multi_init();
  if (easy == nullptr || multi == nullptr) {
    curl_easy_cleanup(easy);
    curl_multi_cleanup(multi);
    return nullptr;
  }
  std::unique_ptr<Handle> handle(new Handle(easy, multi));
  handle->SetUp(options);
  return handle;
}

Handle::~Handle() {
  curl_easy_cleanup(easy_);
  curl_multi_cleanup(multi_);
}

void Handle::SetUp(const ClientOptions& options) {
  const auto set = [this](CURLoption option, auto value) { (void)curl_easy_setopt(easy_, option, value); };
  curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, kConnectionsKept);
  set(CURLOPT_ERRORBUFFER, error_);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_NOPROGRESS, 1L);
  set(CURLOPT_PATH_AS_IS, 1L);
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  set(CURLOPT_ACCEPT_ENCODING, static_cast<const char*>(nullptr));
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  set(CURLOPT_SSL_VERIFYPEER, 1L);
  set(CURLOPT_SSL_VERIFYHOST, 2L);
  if (!options.ca_file.empty()) set(CURLOPT_CAINFO, options.ca_file.c_str());
  if (!options.use_proxy) set(CURLOPT_PROXY, "");
  set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set(CURLOPT_UPLOAD_BUFFERSIZE, kUploadBuffer);
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout.count()));
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  if (!options.user_agent.empty()) set(CURLOPT_USERAGENT, options.user_agent.c_str());
  set(CURLOPT_READFUNCTION, &Handle::ReadCallback);
  set(CURLOPT_READDATA, static_cast<void*>(this));
  set(CURLOPT_SEEKFUNCTION, &Handle::SeekCallback);
  set(CURLOPT_SEEKDATA, static_cast<void*>(this));
  set(CURLOPT_WRITEFUNCTION, &Handle::WriteCallback);
  set(CURLOPT_WRITEDATA, static_cast<void*>(this));
  set(CURLOPT_HEADERFUNCTION, &Handle::HeaderCallback);
  set(CURLOPT_HEADERDATA, static_cast<void*>(this));
  set(CURLOPT_OPENSOCKETFUNCTION, &Handle::OpenCallback);
  set(CURLOPT_OPENSOCKETDATA, static_cast<void*>(this));
  set(CURLOPT_CLOSESOCKETFUNCTION, &Handle::CloseCallback);
  set(CURLOPT_CLOSESOCKETDATA, static_cast<void*>(this));
}

void Handle::Prepare(const Request& request, std::uint64_t body_size, bool has_body, bool fresh_connection, ITransfer* transfer) {
  transfer_ = transfer;
  error_[0] = '\0';
  curl_easy_setopt(easy_, CURLOPT_URL, request.url.c_str());
  // PUT and POST always announce a length, 0 without a body.
  const bool upload = has_body || request.method == HttpMethod::kPut || request.method == HttpMethod::kPost;
  const Shape shape = upload ? Shape::kUpload : request.method == HttpMethod::kHead ? Shape::kHead : Shape::kGet;
  if (shape != shape_) {
    switch (shape) {
      case Shape::kUpload: curl_easy_setopt(easy_, CURLOPT_UPLOAD, 1L); break;
      case Shape::kHead: curl_easy_setopt(easy_, CURLOPT_NOBODY, 1L); break;
      case Shape::kGet:
      case Shape::kUnset: curl_easy_setopt(easy_, CURLOPT_HTTPGET, 1L); break;
    }
    shape_ = shape;
    curl_easy_setopt(easy_, CURLOPT_BUFFERSIZE, shape == Shape::kGet ? kReceiveBuffer : kSmallReceiveBuffer);
  }
  if (upload) curl_easy_setopt(easy_, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(body_size));
  const HttpMethod usual = upload ? HttpMethod::kPut : shape == Shape::kHead ? HttpMethod::kHead : HttpMethod::kGet;
  const char* custom = request.method == usual ? nullptr : MethodText(request.method);
  if (custom != custom_method_) curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, custom);
  custom_method_ = custom;
  if (fresh_connection != fresh_) curl_easy_setopt(easy_, CURLOPT_FRESH_CONNECT, fresh_connection ? 1L : 0L);
  fresh_ = fresh_connection;
  SetHeaders(request);
}

void Handle::SetHeaders(const Request& request) {
  header_text_.clear();
  header_at_.clear();
  const auto add = [this](std::string_view name, std::string_view separator, std::string_view value) {
    header_at_.push_back(header_text_.size());
    header_text_.append(name).append(separator).append(value).push_back('\0');
  };
  for (const Header& header : request.headers) {
    // "Name;" is libcurl's way of writing a header without a value.
    const bool empty = header.value.find_first_not_of(' ') == std::string::npos;
    add(header.name, empty ? ";" : ": ", empty ? std::string_view() : std::string_view(header.value));
  }
  // libcurl adds "Expect: 100-continue" to bodies above 1 MiB by itself, and takes it back after a 417; a header of ours would be sent again.
  if (!request.expect_continue) add("Expect", ":", "");
  add("Accept", ":", "");
  header_list_.resize(header_at_.size());
  for (std::size_t i = 0; i < header_at_.size(); ++i) {
    header_list_[i].data = header_text_.data() + header_at_[i];
    header_list_[i].next = i + 1 < header_at_.size() ? &header_list_[i + 1] : nullptr;
  }
  curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, header_list_.data());
}

std::size_t Handle::ReadCallback(char* out, std::size_t size, std::size_t count, void* self) {
  ITransfer* transfer = static_cast<Handle*>(self)->transfer_;
  return transfer == nullptr ? CURL_READFUNC_ABORT : transfer->OnRead(out, size * count);
}

std::size_t Handle::WriteCallback(char* data, std::size_t size, std::size_t count, void* self) {
  ITransfer* transfer = static_cast<Handle*>(self)->transfer_;
  const std::size_t bytes = size * count;
  if (bytes == 0) return 0;
  return transfer != nullptr && transfer->OnWrite({data, bytes}) ? bytes : 0;
}

std::size_t Handle::HeaderCallback(char* data, std::size_t size, std::size_t count, void* self) {
  ITransfer* transfer = static_cast<Handle*>(self)->transfer_;
  const std::size_t bytes = size * count;
  return transfer != nullptr && transfer->OnHeader({data, bytes}) ? bytes : 0;
}

int Handle::SeekCallback(void* self, curl_off_t offset, int origin) {
  ITransfer* transfer = static_cast<Handle*>(self)->transfer_;
  if (transfer == nullptr || offset != 0 || origin != SEEK_SET) return CURL_SEEKFUNC_CANTSEEK;
  return transfer->OnRewind() ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
}

curl_socket_t Handle::OpenCallback(void* self, curlsocktype, struct curl_sockaddr* address) {
  ITransfer* transfer = static_cast<Handle*>(self)->transfer_;
  if (transfer != nullptr) transfer->OnConnect();
  // Not inherited by programs that the host starts.
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

int Handle::CloseCallback(void* self, curl_socket_t socket) {
  ITransfer* transfer = static_cast<Handle*>(self)->transfer_;
  if (transfer != nullptr) transfer->OnClose(socket);
  return close(socket);  // a socket of libcurl: faults of the network are injected as a whole exchange (fault.h)
}

}  // namespace fileferry::http
