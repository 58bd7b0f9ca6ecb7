// operations.cc: what operations are called in errors, logs and metrics: the one table.  Constant.
#include "fileferry/layers.h"

namespace fileferry {

std::string_view OperationName(Operation operation) {
  switch (operation) {
    case Operation::kStat: return "stat";
    case Operation::kGet: return "get";
    case Operation::kOpen: return "open";
    case Operation::kPut: return "put";
    case Operation::kList: return "list";
    case Operation::kRemove: return "remove";
    case Operation::kRemoveMany: return "remove-many";
    case Operation::kCopyFrom: return "copy";
    case Operation::kSetProperties: return "set-properties";
    case Operation::kCreateUpload: return "create-upload";
    case Operation::kUploadPart: return "upload-part";
    case Operation::kUploadPartCopy: return "upload-part-copy";
    case Operation::kListParts: return "list-parts";
    case Operation::kCompleteUpload: return "complete-upload";
    case Operation::kAbortUpload: return "abort-upload";
    case Operation::kListUploads: return "list-uploads";
    case Operation::kCommitBatch: return "commit";
    case Operation::kHealth: return "health";
    case Operation::kUrl: return "url";
    case Operation::kGetAccess: return "get-access";
  }
  return "unknown";
}

}  // namespace fileferry
