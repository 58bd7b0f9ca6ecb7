// exchange.h: one request and its answer on a leased connection: HTTP/1.1 (RFC 9112), its limits, and what its end means.
// Lives on the stack of Client::Perform; one thread.
#ifndef FILEFERRY_HTTP_EXCHANGE_H_
#define FILEFERRY_HTTP_EXCHANGE_H_

#include <optional>
#include <string>
#include <string_view>

#include "http/answer.h"
#include "http/client.h"
#include "http/connection.h"

namespace fileferry::http {

class Exchange final {
 public:
  Exchange(const OpContext& ctx, const ClientOptions& options, const Target& target, const Request& request);

  // Fault injection: the answer's body ends after so many bytes; nullopt: after half of the announced length.
  void CutAnswer(std::optional<std::uint64_t> after);

  Result<Response> Run(Connection* connection);
  // After Run: whether the connection can take another request.
  bool connection_is_reusable() const { return reusable_; }
  // After Run: whether it is worth another one on a fresh connection, because the idle one turned out to be closed, or the host does not know "Expect".  True: the exchange is as new.
  bool CanRunAgain(bool was_idle);
  // There is no connection to run (again) on.
  Status WithoutConnection(Status status) const;

 private:
  enum class Wanted : unsigned char { kRead, kWrite };
  // How far the request got.
  enum class Sent : unsigned char { kAll, kAnswered, kBroken };

  void WriteHead(std::string* head) const;
  Result<Sent> SendRequest();
  Result<bool> AwaitContinue();
  Status FillSendBuffer();
  Result<Response> ReceiveAnswer(Sent sent);
  // Understands what was received: true when there is nothing more to understand.
  Result<bool> Understand();
  Status OnHead();
  Status Deliver(std::string_view bytes);

  // One attempt to receive; false: nothing came.  An end or a failure sets ended_.
  bool ReceiveSome();
  // The same, straight into the memory of the sink where that is possible.
  Result<bool> ReceiveIntoSink();
  bool Received(Connection::Io io);
  Status Check();  // cancelled, or late
  // Waits for the network at most one slice; a Status is the reason to stop.
  Status Wait(Wanted wanted, std::optional<std::chrono::milliseconds> most = std::nullopt);
  void Progress() { idle_since_ = {}; }

  Status Broken() const;
  Status WithAmbiguity(Status status) const;
  std::string Endpoint() const;
  bool is_success() const { return response_.status >= 200 && response_.status < 300; }
  bool is_refusal() const { return reader_->head_done() && !is_success(); }
  bool changes_something() const { return request_.method != HttpMethod::kGet && request_.method != HttpMethod::kHead; }
  std::string_view received() const { return {reinterpret_cast<const char*>(connection_->receive_buffer().data()) + begin_, end_ - begin_}; }

  const OpContext& ctx_;
  const ClientOptions& options_;
  const Target& target_;
  const Request& request_;
  Response response_;
  std::optional<AnswerReader> reader_;
  Connection* connection_ = nullptr;

  std::optional<Bytes> memory_;  // the body, where it lies in memory
  bool has_body_ = false, expect_ = false;
  std::uint64_t body_size_ = 0;
  Bytes unsent_{};               // of the send buffer

  std::size_t begin_ = 0, end_ = 0;  // of what was received and is not understood yet
  bool ended_ = false;               // nothing more can be received; broken_ where that was a failure
  bool broken_ = false;
  bool reusable_ = false;
  bool started_ = false;             // a byte of the request was given to the network
  bool any_answer_ = false;          // a byte of the answer came
  bool stopped_ = false;             // by us, by the source or by the sink
  bool given_up_ = false;            // the rest of a refusal is of no use
  bool continued_ = false;           // an informational answer came
  short ready_ = 0;                  // what the last wait saw

  bool cut_ = false;             // fault injection: see CutAnswer
  std::optional<std::uint64_t> cut_after_;
  OpContext::Clock::time_point idle_since_{};  // the first wait without progress
};

}  // namespace fileferry::http

#endif  // FILEFERRY_HTTP_EXCHANGE_H_
