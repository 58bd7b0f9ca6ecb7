// answer.h: reads HTTP/1.1 answers out of the bytes of a connection: the head, and where the body begins and ends (RFC 9112).  Pure: no I/O; one thread.
#ifndef FILEFERRY_HTTP_ANSWER_H_
#define FILEFERRY_HTTP_ANSWER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "http/client.h"

namespace fileferry::http {

constexpr std::size_t kMaxHead = std::size_t{256} << 10;

// "HTTP/1.1 404 Not Found" -> 404; 0 when that is no status line of HTTP/1.
int ParseStatusLine(std::string_view line);
// Adds the header of one line ("Name: value", with or without line end) to headers; a folded line continues the last one.  False: not a header.
bool AddHeaderLine(std::string_view line, std::vector<Header>* headers);

class AnswerReader {
 public:
  enum class Step : unsigned char {
    kMore,      // nothing (more) can be understood without more bytes
    kContinue,  // an informational answer was passed: 100, or a hint
    kHead,      // response is filled up to its headers; comes once
    kBody,      // *piece is the next piece of the body
    kEnd,       // the answer is complete; what is left of *bytes does not belong to it
    kBad,       // this is not an answer of HTTP/1.1, or its body is framed wrongly; see error()
  };

  // `method` of the request that is answered: the answer to a HEAD has no body.  response must outlive the reader.
  AnswerReader(HttpMethod method, Response* response) : method_(method), response_(response) {}

  // Takes from the front of *bytes what it understands; what it leaves must be given again with more behind it.
  Step Next(std::string_view* bytes, std::string_view* piece);
  // The connection has ended: whether that is how this answer ends.
  bool EndsWithConnection() const { return state_ == State::kToClose || state_ == State::kDone; }
  // How many bytes of the body follow as they are; 0 where that is not known.
  std::uint64_t plain_left() const { return state_ == State::kPlain ? left_ : 0; }
  // So many of plain_left() were taken from the connection without passing here.
  void Skip(std::uint64_t bytes);

  bool head_done() const { return state_ != State::kHead; }
  bool done() const { return state_ == State::kDone; }
  // After kEnd: whether the connection can take another request.
  bool keep_alive() const { return keep_alive_; }
  std::uint64_t announced() const { return announced_; }  // Content-Length, 0 without
  const std::string& error() const { return error_; }
  bool head_too_large() const { return head_too_large_; }

 private:
  enum class State : unsigned char { kHead, kPlain, kToClose, kChunkSize, kChunkData, kChunkEnd, kTrailer, kDone };

  Step Head(std::string_view* bytes);
  Step Frame(bool http_1_0);
  Step Bad(std::string why);

  const HttpMethod method_;
  Response* const response_;
  State state_ = State::kHead;
  std::uint64_t left_ = 0, announced_ = 0;
  std::size_t looked_ = 0;  // of an unfinished head: no end before here
  std::size_t trailer_ = 0;
  bool keep_alive_ = true, head_too_large_ = false;
  std::string error_;
};

}  // namespace fileferry::http

#endif  // FILEFERRY_HTTP_ANSWER_H_
