// conformance_run.h: runs the steps of one case against one provider.
//
// A CaseRun belongs to the thread that made it; steps that say so are run by several threads of its own, which it joins.
#ifndef FILEFERRY_TESTING_CONFORMANCE_RUN_H_
#define FILEFERRY_TESTING_CONFORMANCE_RUN_H_

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "fileferry/testing/conformance.h"
#include "testing/conformance_data.h"
#include "testing/conformance_io.h"

namespace fileferry::testing {

// The fields of a JSON object, which remembers those that were asked for: a field that nobody understands is a mistake in the case.
class Fields {
 public:
  explicit Fields(Json json) : json_(std::move(json)) {}
  const Json* Take(const std::string& name) {
    taken_.insert(name);
    const auto found = json_.find(name);
    return found == json_.end() ? nullptr : &*found;
  }
  template <typename T>
  T Get(const std::string& name, T otherwise) {
    const Json* value = Take(name);
    return value == nullptr ? otherwise : value->get<T>();
  }
  std::string Text(const std::string& name) { return Get(name, std::string()); }
  bool Has(const std::string& name) const { return json_.contains(name); }
  // The first field that was not asked for, or empty.
  std::string Unknown() const {
    for (const auto& [name, value] : json_.items()) {
      if (!taken_.contains(name)) return name;
    }
    return {};
  }
  const Json& json() const { return json_; }

 private:
  Json json_;
  std::set<std::string> taken_;
};

// One step while it runs.
struct Step {
  Step(Json fields_json, Json expect_json) : fields(std::move(fields_json)), expect(std::move(expect_json)) {}
  Fields fields;
  Fields expect;
  CancelToken cancel;
  OpContext ctx;
  IStorageProvider* provider = nullptr;
  Vars locals;
  Code code = Code::kOk;   // what the operation answered
  bool settled = false;    // the operation failed as expected: there is nothing more to check
  Json out = Json::object();  // what "save" may take
};

struct StepResult {
  std::string failure;  // empty: as expected
  Code code = Code::kOk;
  Json out;
};

class CaseRun {
 public:
  CaseRun(const Target& target, Suite& suite, ProviderPtr provider, ProviderPtr writer);
  ~CaseRun();
  // What went wrong, with the step; empty when nothing did.
  std::string Run(const Json& steps) { return RunSteps(steps, {}); }
  const ProviderPtr& provider() const { return provider_; }

 private:
  using Operation = std::string (CaseRun::*)(Step&);
  struct OperationRow {
    const char* name;
    Operation run;
    bool writes;
  };
  static const OperationRow* FindOperation(const std::string& name);

  std::string RunSteps(const Json& steps, const Vars& locals);
  StepResult RunStep(const Json& json, const Vars& locals);
  StepResult RunResolved(const Json& json, const Vars& locals);
  std::string Dispatch(Step& step, const std::string& op);
  std::string Save(const Json& names, const Json& out);

  // Whether the operation's status is the one expected.  A failure text, or empty; step.settled says that it failed as expected.
  std::string Settle(Step& step, const Status& status, std::string_view key);
  std::string CheckInfo(Step& step, const ObjectInfo& info, std::string_view key, const Body* body);
  std::string CheckProperties(const Json& want, const Properties& got);
  std::string CheckDigests(Step& step, const ObjectInfo& info, const Body* body);
  std::string CheckBytes(Step& step, const std::string& got, BodyPtr* matched);
  std::string CheckPage(const ListQuery& query, const ListPage& page);
  std::string CheckListed(Step& step, const std::vector<ListEntry>& entries, bool complete);
  std::string CheckPart(Step& step, const PartInfo& part, const PartSpec& spec, const Body* body);

  PutOptions PutOptionsOf(Step& step, std::string* failure);
  GetOptions GetOptionsOf(Step& step);
  DigestMask DigestsOf(Step& step, DigestMask otherwise);
  BodyPtr BodyOf(Step& step, const char* field, std::string* failure);
  std::vector<PartInfo> PartsOf(const Json& parts);
  ListQuery QueryOf(Step& step);

  // conformance_objects.cc
  std::string OpPut(Step& step);
  std::string OpPutMany(Step& step);
  std::string OpRoundTrip(Step& step);
  std::string OpGet(Step& step);
  std::string OpOpen(Step& step);
  std::string OpStat(Step& step);
  std::string OpRemove(Step& step);
  std::string OpRemoveMany(Step& step);
  std::string OpCopy(Step& step);
  std::string OpSetProperties(Step& step);
  std::string OpGetAccess(Step& step);
  std::string OpUrl(Step& step);
  std::string OpCheckKey(Step& step);
  std::string OpHealth(Step& step);
  std::string OpIdentity(Step& step);
  // conformance_lists.cc
  std::string OpList(Step& step);
  std::string OpListAll(Step& step);
  std::string OpListUploads(Step& step);
  // conformance_uploads.cc
  std::string OpCreateUpload(Step& step);
  std::string OpUploadPart(Step& step);
  std::string OpUploadPartCopy(Step& step);
  std::string OpListParts(Step& step);
  std::string OpComplete(Step& step);
  std::string OpAbort(Step& step);
  std::string OpBatchNew(Step& step);
  std::string OpBatchPending(Step& step);
  std::string OpBatchCommit(Step& step);
  std::string OpBatchDrop(Step& step);
  // conformance_run.cc
  std::string OpEach(Step& step);
  std::string OpRace(Step& step);
  std::string OpParallel(Step& step);
  std::string OpReopen(Step& step);

  const Target& target_;
  Suite& suite_;
  ProviderPtr provider_;
  ProviderPtr writer_;
  Capabilities caps_;
  std::mutex mutex_;
  Vars vars_;                                                    // guarded by mutex_
  std::map<std::string, std::unique_ptr<IWriteBatch>> batches_;  // guarded by mutex_
};

// Empty when both are equal, else "WHAT is A, expected B".
std::string Differs(std::string_view what, std::string_view got, std::string_view want);
std::string Differs(std::string_view what, std::uint64_t got, std::uint64_t want);

}  // namespace fileferry::testing

#endif  // FILEFERRY_TESTING_CONFORMANCE_RUN_H_
