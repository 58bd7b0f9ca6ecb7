// http_answer_fuzz.cc: any bytes as an HTTP answer in any pieces, a header line, a URL to be shown or asked.
#include <algorithm>
#include <string>
#include <vector>

#include "fuzz/check.h"
#include "http/answer.h"
#include "http/target.h"

using namespace fileferry;
using http::AnswerReader;

namespace {

struct Read {
  http::Response response;
  std::string body;
  bool whole = false, bad = false, ends = false;
};

Read ReadInPieces(std::string_view bytes, std::size_t piece, HttpMethod method) {
  Read out;
  AnswerReader reader(method, &out.response);
  std::string pending;
  while (!bytes.empty() && !out.whole && !out.bad) {
    const std::string_view more = bytes.substr(0, piece);
    bytes.remove_prefix(more.size());
    pending.append(more);
    std::string_view view = pending, part;
    for (bool going = true; going;) {
      const std::size_t before = view.size();
      switch (reader.Next(&view, &part)) {
        case AnswerReader::Step::kMore: going = false; break;
        case AnswerReader::Step::kContinue: FUZZ_CHECK(view.size() < before); break;
        case AnswerReader::Step::kHead: FUZZ_CHECK(out.response.status >= 200 && out.response.status <= 999); break;
        case AnswerReader::Step::kBody:
          FUZZ_CHECK(!part.empty());
          out.body.append(part);
          break;
        case AnswerReader::Step::kEnd: out.whole = true, going = false; break;
        case AnswerReader::Step::kBad: out.bad = true, going = false; break;
      }
      FUZZ_CHECK(view.size() <= before);
    }
    pending.erase(0, pending.size() - view.size());
  }
  out.ends = reader.EndsWithConnection();
  return out;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = FuzzText(data, size);
  const HttpMethod method = size > 0 && data[size - 1] % 2 == 1 ? HttpMethod::kHead : HttpMethod::kGet;
  const Read whole = ReadInPieces(text, std::max<std::size_t>(size, 1), method), pieces = ReadInPieces(text, 3, method);
  FUZZ_CHECK(whole.body == pieces.body && whole.whole == pieces.whole && whole.bad == pieces.bad && whole.ends == pieces.ends);
  FUZZ_CHECK(whole.body.size() <= text.size());
  for (const http::Header& header : whole.response.headers) {
    FUZZ_CHECK(header.value.empty() || (header.value.back() != ' ' && header.value.front() != ' '));
    for (char c : header.name) FUZZ_CHECK(c < 'A' || c > 'Z');
  }
  std::vector<http::Header> headers;
  if (http::AddHeaderLine(text, &headers)) FUZZ_CHECK(headers.size() == 1 && !headers[0].name.empty());
  const std::string shown = http::RedactUrl(text);
  FUZZ_CHECK(shown.find_first_of("?#") == shown.find('?'));  // only as the mark of a control character
  for (char c : shown) FUZZ_CHECK(static_cast<unsigned char>(c) >= 0x20);
  if (const Result<http::Target> target = http::FindTarget(text, false); target.ok()) {
    FUZZ_CHECK(target->request.front() == '/' && target->origin.find("://") != std::string::npos && target->host.find('@') == std::string::npos);
  }
  (void)http::IsInNoProxy(text, text.substr(0, text.find(',')));
  return 0;
}
