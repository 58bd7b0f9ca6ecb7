// raw_answer.cc: status lines, header lines, and whole answers out of raw bytes.
#include "http/raw_answer.h"

#include <algorithm>

#include "base/text.h"

namespace fileferry::http {
namespace {

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

// Bytes of a chunked body, as far as they are well-formed.
std::string Dechunk(std::string_view bytes) {
  std::string out;
  while (true) {
    const std::size_t end = bytes.find("\r\n");
    if (end == std::string_view::npos) return out;
    std::size_t size = 0;
    std::size_t digits = 0;
    for (; digits < end && digits < 8; ++digits) {
      const char c = bytes[digits];
      const int value = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
      if (value < 0) break;
      size = size * 16 + static_cast<std::size_t>(value);
    }
    if (digits == 0 || size == 0) return out;
    bytes.remove_prefix(end + 2);
    out.append(bytes.substr(0, size));
    if (bytes.size() < size + 2) return out;
    bytes.remove_prefix(size + 2);
  }
}

}  // namespace

int ParseStatusLine(std::string_view line) {
  if (line.size() < 12 || line.substr(0, 5) != "HTTP/") return 0;
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos || space + 4 > line.size()) return 0;
  int status = 0;
  for (char c : line.substr(space + 1, 3)) {
    if (c < '0' || c > '9') return 0;
    status = status * 10 + (c - '0');
  }
  return status;
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
  Header& header = headers->emplace_back();
  header.name.assign(TrimBlanks(line.substr(0, colon)));
  for (char& c : header.name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  header.value.assign(TrimBlanks(line.substr(colon + 1)));
  return true;
}

bool ParseRawAnswer(std::string_view bytes, Response* out) {
  while (true) {
    const std::size_t end = bytes.find("\r\n\r\n");
    if (end == std::string_view::npos) return false;
    std::string_view head = bytes.substr(0, end + 2);
    bytes.remove_prefix(end + 4);
    const int status = ParseStatusLine(head);
    if (status == 0) return false;
    if (status < 200) continue;  // 100 Continue comes before the answer
    out->status = status;
    out->headers.clear();
    head.remove_prefix(head.find('\n') + 1);
    while (!head.empty()) {
      const std::size_t line_end = head.find('\n') + 1;
      if (!AddHeaderLine(head.substr(0, line_end), &out->headers)) return false;
      head.remove_prefix(line_end);
    }
    break;
  }
  if (EqualsIgnoreCase(out->Find("transfer-encoding"), "chunked")) {
    out->body = Dechunk(bytes);
  } else {
    const auto length = ParseUint(out->Find("content-length"));
    out->body.assign(bytes.substr(0, length ? static_cast<std::size_t>(std::min<std::uint64_t>(*length, bytes.size())) : bytes.size()));
  }
  return true;
}

}  // namespace fileferry::http
