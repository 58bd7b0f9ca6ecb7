// curl_status.h: what a failure of libcurl means for the caller.  Pure; any thread.
#ifndef FILEFERRY_HTTP_CURL_STATUS_H_
#define FILEFERRY_HTTP_CURL_STATUS_H_

#include <curl/curl.h>

#include <string>
#include <string_view>

#include "fileferry/status.h"

namespace fileferry::http {

// Why a connection for `url` could not be made.  `words` are libcurl's about the failure, may be empty.
ErrorDetail DescribeCurlError(CURLcode code, std::string_view words, std::string_view url, std::string_view ca_file);
// libcurl's words as one clause: no line ends, no full stop.
std::string ClauseOf(std::string_view words, CURLcode code);

// "http://host:port" of a URL, without user information.
std::string_view EndpointOf(std::string_view url);

}  // namespace fileferry::http

#endif  // FILEFERRY_HTTP_CURL_STATUS_H_
