// results.cc: see results.h.  Pure; any thread.
#include "providers/s3/results.h"

#include "base/text.h"
#include "codec/xml.h"
#include "providers/s3/properties.h"

namespace fileferry::s3 {

namespace {

class ResultHandler : public codec::IXmlHandler {
 public:
  explicit ResultHandler(WriteResult* out) : out_(out) {}
  void OnStart(std::string_view name, int depth) override {
    if (depth == 1) root = name;
  }
  void OnEnd(std::string_view name, int depth, std::string_view text) override {
    if (depth != 2) return;
    if (name == "ETag") out_->etag = QuotedEtag(Trim(text));
    else if (name == "UploadId") out_->upload_id = Trim(text);
    else if (name == "ChecksumCRC64NVME") out_->crc64 = Trim(text);
  }
  std::string root;

 private:
  WriteResult* out_;
};

}  // namespace

Result<WriteResult> ReadWriteResult(std::string_view body, std::string_view operation) {
  WriteResult result;
  ResultHandler handler(&result);
  const Status parsed = codec::ParseXml(body, handler);
  if (parsed.ok() && handler.root.starts_with(operation)) return result;
  ErrorDetail detail;
  detail.code = Code::kUnavailable;
  detail.retry = Retry::kTemporary;
  detail.ambiguous = true;
  detail.message = Trim(body).empty() ? "the answer of the service is empty; whether it did what was asked is not known"
                                      : "the answer of the service is cut or not an S3 service's; whether it did what was asked is not known";
  return Status(std::move(detail));
}

}  // namespace fileferry::s3
