// dialect.h: how the services that speak S3 differ, as a table of data.  No other file of this folder knows a vendor's name.
//
// A row says what the service holds and understands; `quirks` of the configuration override single cells.  Plain data, readable by any thread.
#ifndef FILEFERRY_PROVIDERS_S3_DIALECT_H_
#define FILEFERRY_PROVIDERS_S3_DIALECT_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "fileferry/provider.h"

namespace fileferry::s3 {

// The integrity header of a body that is not signed.  A signed body has its SHA-256 and nothing else.
enum class Integrity : std::uint8_t { kNone, kCrc64, kMd5 };

// Keys that a service cannot hold.  The folding ones are dangerous: the service takes another key for them, so that nothing may be sent for such a key at all.
enum KeyRule : std::uint16_t {
  kFoldsLeadingSlash = 1,   // "/x" is taken for "x"
  kFoldsDoubleSlash = 2,    // "a//b" is taken for "a/b"
  kFoldsBackslash = 4,      // "a\b" is listed as "a/b"
  kNoDotSegments = 8,       // "." and ".." as a segment
  kNoTrailingSlash = 16,    // "a/" is a folder without content and properties
  kSegment255 = 32,         // a segment is at most 255 bytes
  kNoControls = 64,         // listings cannot show control characters
};

struct Dialect {
  std::string_view name;             // the value of `vendor`
  std::string_view title;            // for messages
  std::string_view default_region;   // for signing when none is configured
  bool path_style = true;            // where addressing is "auto" and the endpoint is configured
  bool list_v1 = false;
  bool url_encode_list = true;       // ask for encoding-type=url; decoded only where the answer says so
  bool sorted_list = true;           // keys come in the order of their bytes
  Integrity integrity = Integrity::kMd5;
  bool keeps_crc64 = false;          // computes, checks and gives back CRC-64/NVME of whole objects, multipart ones too
  bool gives_checksums = false;      // x-amz-checksum-* of objects that were put with them, where x-amz-checksum-mode asks
  bool checks_sha256 = true;         // refuses a body that is not what x-amz-content-sha256 says
  bool etag_is_md5 = true;           // of objects put in one request and not encrypted with a key
  std::uint16_t multi_delete = 1000; // keys in one request; 0: there is no such request
  bool acl = false, tags = false, storage_class = true;
  bool one_service = true;           // a name of a class or of a kind of encryption means the same everywhere; false: each endpoint's administrator says what it means
  std::string_view default_encryption;  // of every object that asks for none
  bool server_copy = true, part_copy = true;
  bool equal_parts = false;          // all parts but the last must have one size
  bool conditional_put = false;      // If-None-Match: * on PutObject
  bool conditional_put_unknown = false;  // whether it does is asked of the service itself (probe.cc)
  bool conditional_complete = false; // and on CompleteMultipartUpload
  bool conditional_copy = false;     // and on CopyObject, and x-amz-copy-source-if-match
  bool replace_if_match = false;     // If-Match on PutObject
  bool conditional_delete = false;   // If-Match on DeleteObject
  bool versions = true;
  bool expect_continue = false;      // for bodies over 1 MiB
  bool location_constraint = false;  // CreateBucket wants the region in its body
  bool object_size_header = false;   // x-amz-mp-object-size on CompleteMultipartUpload
  std::uint64_t max_put = std::uint64_t{5} << 30;
  std::uint64_t max_copy = std::uint64_t{5} << 30;
  std::uint64_t min_part = std::uint64_t{5} << 20;
  std::uint64_t max_part = std::uint64_t{5} << 30;
  std::uint32_t max_parts = 10000;
  std::uint32_t max_metadata = 2048;
  std::uint16_t keys = 0;            // KeyRule
};

// nullptr when there is no such row.
const Dialect* FindDialect(std::string_view name);
// "aws|minio|...": for messages and the table of configuration keys.
std::string_view DialectNames();
// By the host of the endpoint ("" is AWS); nullptr when the host tells nothing.
const Dialect* DialectOfHost(std::string_view host);
// By the Server header of any answer; "other" when it tells nothing.
const Dialect& DialectOfServer(std::string_view server);
// quirks: "name=value,..." with the names of the cells (list_v1, multi_delete, ...); kInvalidArgument names what is wrong and the nearest name.
Result<Dialect> WithQuirks(const Dialect& dialect, std::string_view quirks);

// kInvalidArgument with the reason when the service cannot hold the key.  `key` satisfies CheckKeyBytes.
Status CheckDialectKey(const Dialect& dialect, std::string_view key);

// Whether a copy can be made conditional: by CopyObject itself, or as an upload of copied parts that is completed conditionally.
bool CopiesConditionally(const Dialect& dialect);

// place: whose classes and encryption an endpoint has where the dialect does not tell (one_service); it must live as long as the answer is used.
Capabilities CapabilitiesOf(const Dialect& dialect, std::string_view place = {});

}  // namespace fileferry::s3

#endif  // FILEFERRY_PROVIDERS_S3_DIALECT_H_
