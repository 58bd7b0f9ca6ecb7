// error_fuzz.cc: any bytes as an error document, a range, a retry delay, an endpoint: never a crash, always one line.
#include <string>

#include "fuzz/check.h"
#include "providers/s3/address.h"
#include "providers/s3/errors.h"
#include "providers/s3/properties.h"
#include "providers/s3/results.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fileferry;
  const std::string text(FuzzText(data, size));
  s3::ServiceError error;
  (void)s3::ParseServiceError(text, &error);
  (void)s3::ReadWriteResult(text, "Copy");
  http::Response response;
  response.status = 400;
  response.headers = {{"retry-after", text}, {"x-amz-request-id", text}};
  const Status status = s3::StatusOf(error, response, true);
  FUZZ_CHECK(!status.ok());
  FUZZ_CHECK(status.message().find('\n') == std::string_view::npos);
  FUZZ_CHECK(!status.message().empty());
  FUZZ_CHECK(status.detail().retry_after.count() >= 0);
  s3::ContentRange range;
  if (s3::ParseContentRange(text, &range) && !range.unsatisfied) FUZZ_CHECK(range.first <= range.last && range.last < range.total);
  if (const Result<s3::Endpoint> endpoint = s3::ParseEndpoint(text); endpoint.ok() && endpoint->custom()) {
    FUZZ_CHECK(endpoint->host.find_first_of("/?#@ \r\n") == std::string::npos);
  }
  return 0;
}
