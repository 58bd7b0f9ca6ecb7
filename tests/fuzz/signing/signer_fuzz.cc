// signer_fuzz.cc: any bytes as a request to sign: the canonical request keeps its shape, and what is sent decodes to what was asked for.
#include <algorithm>
#include <string>
#include <vector>

#include "base/text.h"
#include "fileferry/sigv4.h"
#include "fuzz/check.h"

using namespace fileferry;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text = FuzzText(data, size);
  if (text.empty()) return 0;
  const auto flags = static_cast<unsigned char>(text[0]);
  text.remove_prefix(1);
  SigV4Options options;
  options.normalize_path = (flags & 1) != 0;
  options.double_encode = (flags & 2) != 0;
  options.signed_body = (flags & 4) != 0;
  SigV4Request request;
  request.method = (flags & 8) != 0 ? "PUT" : "GET";
  request.host = "h";
  const std::string token((flags & 16) != 0 ? FuzzTake(&text, '\n') : std::string_view());
  request.path = FuzzTake(&text, '\n');
  while (!text.empty()) {
    std::string_view line = FuzzTake(&text, '\n');
    const bool is_header = !line.empty() && line[0] == ':';
    if (is_header) line.remove_prefix(1);
    const std::string name(FuzzTake(&line, '='));
    (is_header ? request.headers : request.query).emplace_back(name, std::string(line));
  }
  const SigV4Signer signer({"AK", "SK", token}, options);
  const Time now{std::chrono::seconds(1369353600)};
  const SigV4Result header = signer.Sign(request, now);
  const Result<SigV4Result> url = signer.Presign(request, now, std::chrono::seconds(1 + flags * 100));
  FUZZ_CHECK(url.ok());
  FUZZ_CHECK(signer.Sign(request, now).signature == header.signature);
  for (const SigV4Result* result : {&header, &*url}) {
    FUZZ_CHECK(result->signature.size() == 64);
    // Path and query hold nothing that would end a request line, and decode to what they were made of.
    for (const std::string* part : {&result->encoded_path, &result->encoded_query}) {
      for (char c : *part) FUZZ_CHECK(c > 0x20 && c < 0x7f);
    }
    const std::string path = request.path.empty() || request.path[0] != '/' ? "/" + request.path : request.path;
    FUZZ_CHECK(PercentDecode(result->encoded_path, false) == path);
  }
  std::vector<std::pair<std::string, std::string>> sent = ParseQuery(header.encoded_query);
  std::vector<std::pair<std::string, std::string>> asked = request.query;
  std::sort(sent.begin(), sent.end());
  std::sort(asked.begin(), asked.end());
  // An empty name cannot be told from no parameter.
  const auto unnamed = [](const auto& pair) { return pair.first.empty() && pair.second.empty(); };
  std::erase_if(sent, unnamed);
  std::erase_if(asked, unnamed);
  FUZZ_CHECK(sent == asked);
  FUZZ_CHECK(header.headers.size() == 2u + (options.signed_body ? 1 : 0) + (token.empty() ? 0 : 1));
  return 0;
}
