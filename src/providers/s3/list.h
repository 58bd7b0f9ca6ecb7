// list.h: reading one page of ListObjects (both versions).  Pure; any thread.
//
// Two readers of one grammar: ParseListFast takes the shape that services really send and declines everything else; ParseListXml is the general one.  A test and a fuzzer
// hold them equal.
#ifndef FILEFERRY_PROVIDERS_S3_LIST_H_
#define FILEFERRY_PROVIDERS_S3_LIST_H_

#include <string>
#include <string_view>

#include "fileferry/object.h"

namespace fileferry::s3 {

// A page before its names are decoded: texts are free of XML escapes, but may be URL-encoded (url_encoded).
struct RawListPage {
  ListPage page;                // entries in the order of the document: objects and prefixes
  bool truncated = false;
  bool url_encoded = false;
  bool has_key_count = false;   // an answer of version 2
  bool has_names = false;       // saw Name, Prefix or MaxKeys: the root alone is no sign of life
  std::string next_token;       // NextContinuationToken
  std::string next_marker;      // NextMarker, decoded
};

// False: not the usual shape; nothing is said about whether it is right.  *out is then unspecified.
bool ParseListFast(std::string_view body, RawListPage* out);
// kUnavailable (try again) for a document that is cut or is not a listing.
Status ParseListXml(std::string_view body, RawListPage* out);
// The one that applies, then decodes URL-encoded names.  kIntegrity for a name that cannot be right (not UTF-8, empty, U+FFFD where the service replaced what XML cannot hold).
Result<RawListPage> ParseList(std::string_view body);

}  // namespace fileferry::s3

#endif  // FILEFERRY_PROVIDERS_S3_LIST_H_
