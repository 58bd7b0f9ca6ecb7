// results.h: the small XML answers of writes: CopyObject, CreateMultipartUpload, CompleteMultipartUpload.  Pure; any thread.
#ifndef FILEFERRY_PROVIDERS_S3_RESULTS_H_
#define FILEFERRY_PROVIDERS_S3_RESULTS_H_

#include <string>
#include <string_view>

#include "fileferry/status.h"

namespace fileferry::s3 {

struct WriteResult {
  std::string etag;       // with quotes
  std::string upload_id;
  std::string crc64;      // base64
};

// The answer whose root element begins with `operation` ("CopyObject" for CopyObjectResult).  kUnavailable (temporary, ambiguous) when it is empty, cut or something else: the
// request may have succeeded.
Result<WriteResult> ReadWriteResult(std::string_view body, std::string_view operation);

}  // namespace fileferry::s3

#endif  // FILEFERRY_PROVIDERS_S3_RESULTS_H_
