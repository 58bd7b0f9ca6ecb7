// raw_answer.h: reads an HTTP/1.1 answer out of raw bytes.
//
// For one case only: a server refused a body early and closed, so that libcurl fails while sending and never reads what the server said.  Pure; any thread.
#ifndef FILEFERRY_HTTP_RAW_ANSWER_H_
#define FILEFERRY_HTTP_RAW_ANSWER_H_

#include <string_view>

#include "http/client.h"

namespace fileferry::http {

// "HTTP/1.1 404 Not Found" -> 404; 0 when that is no status line.
int ParseStatusLine(std::string_view line);
// Adds the header of one line ("Name: value", with or without line end) to headers; a folded line continues the last one.  False: not a header.
bool AddHeaderLine(std::string_view line, std::vector<Header>* headers);

// The first final answer in bytes: status, headers and as much of the body as is there.  False when the head is not complete.
bool ParseRawAnswer(std::string_view bytes, Response* out);

}  // namespace fileferry::http

#endif  // FILEFERRY_HTTP_RAW_ANSWER_H_
