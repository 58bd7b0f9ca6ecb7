// properties.h: the properties of an object as headers, and back; and the reserved metadata that fileferry keeps beside the user's.  Pure; any thread.
//
// Reserved: "mtime" (as rclone writes it), "ferry-attempt", "ferry-crc64", "ferry-sha256", "ferry-md5", and "ferry-size": of how many bytes these digests are.  Hidden from
// Properties::metadata, counted in the metadata limit.
#ifndef FILEFERRY_PROVIDERS_S3_PROPERTIES_H_
#define FILEFERRY_PROVIDERS_S3_PROPERTIES_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fileferry/object.h"
#include "http/client.h"
#include "providers/s3/dialect.h"

namespace fileferry::s3 {

using Headers = std::vector<std::pair<std::string, std::string>>;

// What is sent for a content type that is not set, and what AWS itself stores then; reads back as "not set".
inline constexpr std::string_view kNoContentType = "binary/octet-stream";

struct Reserved {
  std::string_view attempt_id;
  const DigestSet* digests = nullptr;  // those to be kept as metadata
  std::uint64_t size = 0;              // of the object, beside digests
};

// Appends the headers of a new object.  kInvalidArgument for what cannot be sent, kUnsupported for what the service has no place for.
Status AppendProperties(const Dialect& dialect, const Properties& properties, const Reserved& reserved, Headers* headers);

// The object that the headers of a GET, HEAD or 206 answer describe.  `size` is taken from Content-Range or Content-Length.
// Checksums of the service are `confirmed` where the dialect says that it checks them.  Digests of reserved metadata never are: they are what somebody wrote beside the bytes, and are left
// out where size or ETag tell that it was beside others.
Result<ObjectInfo> InfoFromHeaders(const Dialect& dialect, std::string_view key, const http::Response& response);

// "bytes a-b/total"; false for anything else.  "bytes */total": *first = *last = 0 and *unsatisfied.
struct ContentRange {
  std::uint64_t first = 0, last = 0, total = 0;
  bool unsatisfied = false;
};
bool ParseContentRange(std::string_view text, ContentRange* range);

// With quotes where a service leaves them out.
std::string QuotedEtag(std::string_view etag);
// Without quotes and "W/".
std::string_view Unquoted(std::string_view etag);
// Equal apart from these.
bool SameEtag(std::string_view a, std::string_view b);

}  // namespace fileferry::s3

#endif  // FILEFERRY_PROVIDERS_S3_PROPERTIES_H_
