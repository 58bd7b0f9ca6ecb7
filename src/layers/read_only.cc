// read_only.cc: a layer that refuses every call that would change something.  Any thread.
#include "layers/around.h"

namespace fileferry {
namespace {

bool Changes(const layers::CallInfo& call) {
  switch (call.operation) {
    case Operation::kPut:
    case Operation::kRemove:
    case Operation::kRemoveMany:
    case Operation::kCopyFrom:
    case Operation::kSetProperties:
    case Operation::kCreateUpload:
    case Operation::kUploadPart:
    case Operation::kUploadPartCopy:
    case Operation::kCompleteUpload:
    case Operation::kAbortUpload:
    case Operation::kCommitBatch: return true;
    case Operation::kUrl: return call.method != HttpMethod::kGet && call.method != HttpMethod::kHead;
    case Operation::kStat:
    case Operation::kGet:
    case Operation::kOpen:
    case Operation::kList:
    case Operation::kListParts:
    case Operation::kListUploads:
    case Operation::kGetAccess:
    case Operation::kHealth: return false;
  }
  return true;
}

Status Refusal() { return Status(Code::kPermissionDenied, "the storage is opened for reading only"); }

struct Hooks : layers::PlainHooks {
  explicit Hooks(std::string storage) : name(std::move(storage)) {}
  template <typename R, typename F>
  R Around(const layers::CallInfo& call, F&& next) {
    if (Changes(call)) return layers::Failed<R>(call, Refusal().With(name, OperationName(call.operation), call.key));
    return next(call.ctx, call.body);
  }
  std::string name;
};

class ReadOnly final : public layers::Around<Hooks> {
 public:
  using Around::Around;
  Result<std::unique_ptr<IWriteBatch>> NewBatch() override { return Refusal().With(Name(), "commit", {}); }
};

}  // namespace

ProviderPtr WithReadOnly(ProviderPtr inner) {
  std::string name = inner->Name();
  return std::make_shared<ReadOnly>(std::move(inner), std::move(name));
}

}  // namespace fileferry
