// errors.h: what the services' error answers mean: the table of codes, and one function that makes a Status of an answer.  Pure; any thread.
#ifndef FILEFERRY_PROVIDERS_S3_ERRORS_H_
#define FILEFERRY_PROVIDERS_S3_ERRORS_H_

#include <string>
#include <string_view>

#include "fileferry/status.h"
#include "http/client.h"

namespace fileferry::s3 {

// What a request tries again once, at once, with something changed; everything else is for the retry layer.
enum class Correction : std::uint8_t { kNone, kRegion, kClock, kToken };

// The texts of an <Error> document; empty where it has none.
struct ServiceError {
  std::string code, message, region, endpoint, request_id, bucket, key;
};
// False when the body is not an <Error> document (HEAD, proxies).
bool ParseServiceError(std::string_view body, ServiceError* error);

// The correction that may help against an answer with this code and status.
Correction CorrectionFor(const ServiceError& error, int http_status);

// The Status for an answer that is not a success.  `write`: the request may have taken effect where the server failed (5xx).
Status StatusOf(const ServiceError& error, const http::Response& response, bool write);
// The Status for one code, of an entry of a DeleteObjects answer or an <Error> inside a 200.
Status StatusOfCode(std::string_view code, std::string_view message, int http_status);

// Seconds or a date in Retry-After, milliseconds in x-amz-retry-after; at most five minutes; 0 when there is none.
std::chrono::milliseconds RetryAfter(const http::Response& response);

}  // namespace fileferry::s3

#endif  // FILEFERRY_PROVIDERS_S3_ERRORS_H_
