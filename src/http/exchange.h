// exchange.h: one request and its answer on a leased handle: the call-backs of the transfer, its limits, and what its end means.
// Lives on the stack of Client::Perform; one thread.
#ifndef FILEFERRY_HTTP_EXCHANGE_H_
#define FILEFERRY_HTTP_EXCHANGE_H_

#include <optional>
#include <string>
#include <string_view>

#include "http/client.h"
#include "http/handle.h"

namespace fileferry::http {

class Exchange final : public ITransfer {
 public:
  Exchange(const OpContext& ctx, const ClientOptions& options, const Request& request);

  // Fault injection: the answer's body ends after so many bytes; nullopt: after half of the announced length.
  void CutAnswer(std::optional<std::uint64_t> after);

  Result<Response> Run(Handle* handle);

  std::size_t OnRead(char* out, std::size_t room) override;
  bool OnRewind() override;
  bool OnHeader(std::string_view line) override;
  bool OnWrite(std::string_view bytes) override;
  void OnConnect() override;
  void OnClose(curl_socket_t socket) override;

 private:
  CURLcode Transfer(Handle* handle);
  // Waits for the network; sets failure_ when there is a reason to stop.
  bool Wait(Handle* handle);
  bool CheckStall(Handle* handle);
  bool OnHeadEnd();
  bool IntoSink(std::string_view bytes);
  bool ReadSource(char* out, std::size_t room, std::size_t* got);
  bool Fail(Status status);
  bool MayTryAgain(Handle* handle, CURLcode code);
  void ForgetAnswer();
  Result<Response> Finish(Handle* handle, CURLcode code);
  Status WithAmbiguity(Status status) const;
  bool is_success() const { return response_.status >= 200 && response_.status < 300; }
  bool changes_something() const { return request_.method != HttpMethod::kGet && request_.method != HttpMethod::kHead; }

  const OpContext& ctx_;
  const ClientOptions& options_;
  const Request& request_;
  Response response_;
  Status failure_;              // why we stopped the transfer ourselves

  std::optional<Bytes> memory_;  // the body, where it lies in memory
  bool has_body_ = false;
  std::uint64_t body_size_ = 0;

  bool head_done_ = false;
  std::size_t head_bytes_ = 0;
  bool started_ = false;         // the request's head was given to the network
  bool cut_ = false;             // fault injection: see CutAnswer
  std::optional<std::uint64_t> cut_after_;
  CURL* easy_ = nullptr;

  // For stall detection: the counters at the last look, and since when they stand still.
  std::uint64_t last_progress_ = UINT64_MAX;
  OpContext::Clock::time_point idle_since_{};

  std::string late_answer_;      // what lay unread in a socket that was closed under an unfinished request
};

}  // namespace fileferry::http

#endif  // FILEFERRY_HTTP_EXCHANGE_H_
