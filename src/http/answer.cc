// answer.cc: status lines, header lines, and the three ways in which a body ends.
#include "http/answer.h"

#include <algorithm>

#include "base/text.h"

namespace fileferry::http {
namespace {

constexpr std::size_t kMaxLine = 16384;  // of a chunk's size or a trailer

std::string_view WithoutLineEnd(std::string_view line) {
  if (!line.empty() && line.back() == '\n') line.remove_suffix(1);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

std::string_view TrimBlanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// The end of a head behind its empty line; npos when it is not there yet.  `from`: no line end was seen before.
std::size_t EndOfHead(std::string_view bytes, std::size_t from) {
  for (std::size_t at = bytes.find('\n', from); at != std::string_view::npos; at = bytes.find('\n', at + 1)) {
    if (at + 1 < bytes.size() && bytes[at + 1] == '\n') return at + 2;
    if (at + 2 < bytes.size() && bytes[at + 1] == '\r' && bytes[at + 2] == '\n') return at + 3;
  }
  return std::string_view::npos;
}

// "1a2b;extension" as a number; false when there is none, or more than 60 bits.
bool ParseChunkSize(std::string_view line, std::uint64_t* size) {
  std::size_t digits = 0;
  *size = 0;
  for (; digits < line.size(); ++digits) {
    const char c = line[digits];
    const int value = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    if (value < 0) break;
    if (digits == 15) return false;
    *size = *size * 16 + static_cast<std::uint64_t>(value);
  }
  const std::string_view rest = TrimBlanks(line.substr(digits));
  return digits > 0 && (rest.empty() || rest.front() == ';');
}

// Whether a list of tokens, as in Connection and Transfer-Encoding, names this one.
bool ListNames(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    if (EqualsIgnoreCase(TrimBlanks(list.substr(0, comma)), token)) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

}  // namespace

int ParseStatusLine(std::string_view line) {
  if (line.size() < 12 || line.substr(0, 7) != "HTTP/1." || line[8] != ' ') return 0;
  int status = 0;
  for (char c : line.substr(9, 3)) {
    if (c < '0' || c > '9') return 0;
    status = status * 10 + (c - '0');
  }
  const bool ends = line.size() == 12 || line[12] == ' ' || line[12] == '\r' || line[12] == '\n';
  return status >= 100 && ends ? status : 0;
}

bool AddHeaderLine(std::string_view line, std::vector<Header>* headers) {
  line = WithoutLineEnd(line);
  if (!line.empty() && (line.front() == ' ' || line.front() == '\t')) {
    if (headers->empty()) return false;
    const std::string_view more = TrimBlanks(line);
    std::string& value = headers->back().value;
    if (!value.empty() && !more.empty()) value.push_back(' ');
    value.append(more);
    return true;
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  const std::string_view name = TrimBlanks(line.substr(0, colon));
  if (name.empty()) return false;
  Header& header = headers->emplace_back();
  header.name.assign(name);
  for (char& c : header.name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  header.value.assign(TrimBlanks(line.substr(colon + 1)));
  return true;
}

AnswerReader::Step AnswerReader::Bad(std::string why) {
  error_ = std::move(why);
  keep_alive_ = false;
  return Step::kBad;
}

void AnswerReader::Skip(std::uint64_t bytes) {
  left_ -= std::min(left_, bytes);
  if (left_ == 0 && state_ == State::kPlain) state_ = State::kDone;
}

AnswerReader::Step AnswerReader::Head(std::string_view* bytes) {
  // What cannot become a status line any more is told at once.
  constexpr std::string_view kStart = "HTTP/1.";
  const std::size_t known = std::min(kStart.size(), bytes->size());
  if (bytes->substr(0, known) != kStart.substr(0, known)) return Bad("the answer does not begin with HTTP/1.1");
  const std::size_t end = EndOfHead(*bytes, looked_);
  if (end == std::string_view::npos ? bytes->size() >= kMaxHead : end > kMaxHead) {
    head_too_large_ = true;
    return Bad("the head of the answer is larger than 256 KiB");
  }
  if (end == std::string_view::npos) {
    looked_ = bytes->size() < 3 ? 0 : bytes->size() - 3;
    return Step::kMore;
  }
  std::string_view head = bytes->substr(0, end);
  bytes->remove_prefix(end);
  looked_ = 0;
  const int status = ParseStatusLine(head);
  if (status == 0) return Bad("the first line of the answer is no status line");
  if (status == 101) return Bad("the answer wants to change to another protocol");
  if (status < 200) return Step::kContinue;
  response_->status = status;
  response_->headers.clear();
  response_->headers.reserve(12);
  const bool http_1_0 = head[7] == '0';
  head.remove_prefix(head.find('\n') + 1);
  while (!head.empty()) {
    const std::size_t line_end = head.find('\n') + 1;
    const std::string_view line = head.substr(0, line_end);
    head.remove_prefix(line_end);
    if (!WithoutLineEnd(line).empty()) (void)AddHeaderLine(line, &response_->headers);  // a line that is no header is passed over
  }
  return Frame(http_1_0);
}

AnswerReader::Step AnswerReader::Frame(bool http_1_0) {
  keep_alive_ = !http_1_0;
  std::string_view encoding;
  bool has_length = false, has_encoding = false;
  for (const Header& header : response_->headers) {
    if (header.name == "connection") {
      if (ListNames(header.value, "close")) keep_alive_ = false;
    } else if (header.name == "transfer-encoding") {
      if (has_encoding) return Bad("the body of the answer is encoded twice");
      has_encoding = true;
      encoding = header.value;
    } else if (header.name == "content-length") {
      const std::optional<std::uint64_t> length = ParseUint(header.value);
      if (!length || (has_length && *length != announced_)) return Bad("the answer has no clear Content-Length");
      has_length = true;
      announced_ = *length;
    }
  }
  if (method_ == HttpMethod::kHead || response_->status == 204 || response_->status == 304) {
    state_ = State::kDone;
  } else if (has_encoding && !EqualsIgnoreCase(encoding, "identity")) {
    if (!EqualsIgnoreCase(encoding, "chunked")) return Bad("the body of the answer is encoded as " + Printable(encoding));
    if (has_length) keep_alive_ = false;  // of two readings of such an answer one is an attack (RFC 9112 6.3)
    announced_ = 0;
    state_ = State::kChunkSize;
  } else if (has_length) {
    left_ = announced_;
    state_ = left_ == 0 ? State::kDone : State::kPlain;
  } else {
    keep_alive_ = false;
    state_ = State::kToClose;
  }
  return Step::kHead;
}

AnswerReader::Step AnswerReader::Next(std::string_view* bytes, std::string_view* piece) {
  while (true) {
    const auto take = [&](std::uint64_t most) {
      *piece = bytes->substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(most, bytes->size())));
      bytes->remove_prefix(piece->size());
      return Step::kBody;
    };
    if (state_ == State::kDone) return Step::kEnd;
    if (bytes->empty()) return Step::kMore;
    switch (state_) {
      case State::kHead: return Head(bytes);
      case State::kDone: return Step::kEnd;
      case State::kToClose: return take(UINT64_MAX);
      case State::kPlain:
        take(left_);
        Skip(piece->size());
        return Step::kBody;
      case State::kChunkData:
        take(left_);
        left_ -= piece->size();
        if (left_ == 0) state_ = State::kChunkEnd;
        return Step::kBody;
      case State::kChunkSize:
      case State::kChunkEnd:
      case State::kTrailer: {
        const std::size_t end = bytes->find('\n');
        if (end == std::string_view::npos) return bytes->size() > kMaxLine ? Bad("a line between the chunks of the answer has no end") : Step::kMore;
        const std::string_view line = WithoutLineEnd(bytes->substr(0, end + 1));
        bytes->remove_prefix(end + 1);
        if (state_ == State::kChunkEnd) {
          if (!line.empty()) return Bad("a chunk of the answer is longer than it says");
          state_ = State::kChunkSize;
        } else if (state_ == State::kChunkSize) {
          if (!ParseChunkSize(line, &left_)) return Bad("a chunk of the answer does not say its size");
          state_ = left_ == 0 ? State::kTrailer : State::kChunkData;
        } else if (line.empty()) {
          state_ = State::kDone;
        } else if ((trailer_ += line.size()) > kMaxHead) {
          return Bad("the trailer of the answer is larger than 256 KiB");
        }
        break;
      }
    }
  }
}

}  // namespace fileferry::http
