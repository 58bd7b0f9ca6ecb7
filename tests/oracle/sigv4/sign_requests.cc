// sign_requests: signs the requests of a text, one a line, for sigv4_test.py to compare.
//
// A line is tab-separated; every field is hex: kind ("S" header form, "P" signed URL), service, region, flags (of "nds": normalise, double encoding, signed body), access key, secret, token,
// seconds since 1970, expiry in seconds, method, host, path, payload hash, number of query pairs, name, value, ..., number of headers, name, value, ....
// Answers: signature, signed headers, path, query; tab-separated.  A signed URL that is refused answers "refused".
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include "base/digest.h"
#include "fileferry/sigv4.h"

namespace {

using namespace fileferry;

std::vector<std::string> Fields(const std::string& line) {
  std::vector<std::string> fields;
  for (std::size_t at = 0; at <= line.size();) {
    const std::size_t end = std::min(line.find('\t', at), line.size());
    fields.push_back(FromHex(std::string_view(line).substr(at, end - at)).value_or("?"));
    at = end + 1;
  }
  return fields;
}

std::vector<std::pair<std::string, std::string>> Pairs(const std::vector<std::string>& fields, std::size_t* at) {
  std::vector<std::pair<std::string, std::string>> pairs(std::stoul(fields.at((*at)++)));
  for (auto& [name, value] : pairs) {
    name = fields.at((*at)++);
    value = fields.at((*at)++);
  }
  return pairs;
}

std::string Answer(const std::vector<std::string>& f) {
  SigV4Options options;
  options.service = f.at(1);
  options.region = f.at(2);
  options.normalize_path = f.at(3).find('n') != std::string::npos;
  options.double_encode = f.at(3).find('d') != std::string::npos;
  options.signed_body = f.at(3).find('s') != std::string::npos;
  const SigV4Signer signer({f.at(4), f.at(5), f.at(6)}, options);
  const Time now{std::chrono::seconds(std::stoll(f.at(7)))};
  SigV4Request request;
  request.method = f.at(9);
  request.host = f.at(10);
  request.path = f.at(11);
  request.payload_hash = f.at(12);
  std::size_t at = 13;
  request.query = Pairs(f, &at);
  request.headers = Pairs(f, &at);
  SigV4Result result;
  if (f.at(0) == "P") {
    Result<SigV4Result> url = signer.Presign(request, now, std::chrono::seconds(std::stoll(f.at(8))));
    if (!url.ok()) return "refused";
    result = std::move(*url);
  } else {
    result = signer.Sign(request, now);
  }
  return result.signature + "\t" + result.signed_headers + "\t" + result.encoded_path + "\t" + result.encoded_query;
}

}  // namespace

int main() {
  std::ios::sync_with_stdio(false);
  std::string line;
  while (std::getline(std::cin, line)) std::cout << Answer(Fields(line)) << "\n";
  return 0;
}
