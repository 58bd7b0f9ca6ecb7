// http_answer_fuzz.cc: any bytes as an HTTP answer, a header line, a URL to be shown.
#include <string>
#include <vector>

#include "fuzz/check.h"
#include "http/raw_answer.h"

using namespace fileferry;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = FuzzText(data, size);
  http::Response response;
  if (http::ParseRawAnswer(text, &response)) {
    FUZZ_CHECK(response.status >= 200 && response.status <= 999);
    FUZZ_CHECK(response.body.size() <= text.size());
    for (const http::Header& header : response.headers) {
      FUZZ_CHECK(header.value.empty() || (header.value.back() != ' ' && header.value.front() != ' '));
      for (char c : header.name) FUZZ_CHECK(c < 'A' || c > 'Z');
    }
  }
  std::vector<http::Header> headers;
  if (http::AddHeaderLine(text, &headers)) FUZZ_CHECK(headers.size() == 1 && !headers[0].name.empty());
  const std::string shown = http::RedactUrl(text);
  FUZZ_CHECK(shown.find_first_of("?#") == shown.find('?'));  // only as the mark of a control character
  for (char c : shown) FUZZ_CHECK(static_cast<unsigned char>(c) >= 0x20);
  return 0;
}
