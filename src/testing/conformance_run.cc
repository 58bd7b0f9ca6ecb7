// conformance_run.cc: the flow of a case: one step after the other, loops, races, reopening.  See conformance_run.h.
#include "testing/conformance_run.h"

#include <latch>
#include <thread>

namespace fileferry::testing {
namespace {

// Nothing in the suite takes this long; a provider that hangs is told to stop.
constexpr std::chrono::seconds kPatience{120};

bool IsNested(const std::string& field) { return field == "steps" || field == "step" || field == "branches" || field == "during"; }

}  // namespace

std::string Differs(std::string_view what, std::string_view got, std::string_view want) {
  if (got == want) return {};
  return std::string(what) + " is " + ShowKey(got) + ", expected " + ShowKey(want);
}

std::string Differs(std::string_view what, std::uint64_t got, std::uint64_t want) {
  if (got == want) return {};
  return std::string(what) + " is " + std::to_string(got) + ", expected " + std::to_string(want);
}

CaseRun::CaseRun(const Target& target, Suite& suite, ProviderPtr provider, ProviderPtr writer)
    : target_(target), suite_(suite), provider_(std::move(provider)), writer_(std::move(writer)), caps_(provider_->Caps()) {}

CaseRun::~CaseRun() = default;

const CaseRun::OperationRow* CaseRun::FindOperation(const std::string& name) {
  static const OperationRow kRows[] = {
      {"put", &CaseRun::OpPut, true},
      {"put_many", &CaseRun::OpPutMany, true},
      {"round_trip", &CaseRun::OpRoundTrip, false},
      {"get", &CaseRun::OpGet, false},
      {"open", &CaseRun::OpOpen, false},
      {"stat", &CaseRun::OpStat, false},
      {"remove", &CaseRun::OpRemove, true},
      {"remove_many", &CaseRun::OpRemoveMany, true},
      {"copy", &CaseRun::OpCopy, true},
      {"set_properties", &CaseRun::OpSetProperties, true},
      {"get_access", &CaseRun::OpGetAccess, false},
      {"url", &CaseRun::OpUrl, false},
      {"check_key", &CaseRun::OpCheckKey, false},
      {"health", &CaseRun::OpHealth, false},
      {"identity", &CaseRun::OpIdentity, false},
      {"list", &CaseRun::OpList, false},
      {"list_all", &CaseRun::OpListAll, false},
      {"create_upload", &CaseRun::OpCreateUpload, true},
      {"upload_part", &CaseRun::OpUploadPart, true},
      {"upload_part_copy", &CaseRun::OpUploadPartCopy, true},
      {"list_parts", &CaseRun::OpListParts, false},
      {"complete", &CaseRun::OpComplete, true},
      {"abort", &CaseRun::OpAbort, true},
      {"list_uploads", &CaseRun::OpListUploads, false},
      {"batch_new", &CaseRun::OpBatchNew, true},
      {"batch_pending", &CaseRun::OpBatchPending, true},
      {"batch_commit", &CaseRun::OpBatchCommit, true},
      {"batch_drop", &CaseRun::OpBatchDrop, true},
      {"each", &CaseRun::OpEach, false},
      {"race", &CaseRun::OpRace, false},
      {"parallel", &CaseRun::OpParallel, false},
      {"reopen", &CaseRun::OpReopen, false},
  };
  for (const OperationRow& row : kRows) {
    if (name == row.name) return &row;
  }
  return nullptr;
}

std::string CaseRun::RunSteps(const Json& steps, const Vars& locals) {
  std::size_t number = 0;
  for (const Json& one : steps) {
    ++number;
    const StepResult result = RunStep(one, locals);
    if (!result.failure.empty()) return "step " + std::to_string(number) + " " + Show(one) + "\n    " + result.failure;
  }
  return {};
}

StepResult CaseRun::RunStep(const Json& json, const Vars& locals) {
  StepResult result;
  try {
    Vars vars;
    {
      const std::lock_guard lock(mutex_);
      vars = vars_;
    }
    for (const auto& [name, value] : locals) vars[name] = value;
    Json resolved = Json::object();
    for (const auto& [name, value] : json.items()) resolved[name] = IsNested(name) ? value : Resolve(value, vars, caps_);
    result = RunResolved(resolved, locals);
  } catch (const std::exception& error) {  // nlohmann's, and std::stoi's: a value of the wrong type in the case
    result.failure = std::string("the case is wrong: ") + error.what();
  }
  return result;
}

StepResult CaseRun::RunResolved(const Json& json, const Vars& locals) {
  Step step(json, json.value("expect", Json::object()));
  step.locals = locals;
  step.ctx.cancel = &step.cancel;
  step.ctx.deadline = OpContext::Clock::now() + kPatience;
  const std::string op = step.fields.Text("op");
  const std::string ctx = step.fields.Text("ctx");
  if (ctx == "cancelled") step.cancel.Cancel();
  if (ctx == "late") step.ctx.deadline = OpContext::Clock::now() - std::chrono::seconds(1);
  for (const char* known : {"expect", "save", "about", "via"}) step.fields.Take(known);

  StepResult result;
  result.failure = Dispatch(step, op);
  result.code = step.code;
  if (result.failure.empty() && !step.fields.Unknown().empty()) result.failure = "the case is wrong: \"" + step.fields.Unknown() + "\" means nothing to " + op;
  if (result.failure.empty() && !step.settled) {
    if (!step.expect.Unknown().empty()) result.failure = "the case is wrong: nothing answers the expectation \"" + step.expect.Unknown() + "\" of " + op;
    if (result.failure.empty() && json.contains("save")) result.failure = Save(json["save"], step.out);
  }
  result.out = std::move(step.out);
  return result;
}

std::string CaseRun::Dispatch(Step& step, const std::string& op) {
  const OperationRow* row = FindOperation(op);
  if (row == nullptr) return "the case is wrong: there is no operation \"" + op + "\"";
  const bool through_writer = writer_ != nullptr && row->writes && step.fields.Text("via") != "target";
  const ProviderPtr provider = through_writer || step.fields.Text("via") == "writer" ? (writer_ != nullptr ? writer_ : provider_) : provider_;
  step.provider = provider.get();
  return (this->*row->run)(step);
}

std::string CaseRun::Save(const Json& names, const Json& out) {
  const std::lock_guard lock(mutex_);
  for (const auto& [what, name] : names.items()) {
    if (!out.contains(what)) return "the case is wrong: there is no \"" + what + "\" to save";
    vars_[name.get<std::string>()] = out[what];
  }
  return {};
}

// {"op": "each", "as": "x", "values": […], "steps": […]}
std::string CaseRun::OpEach(Step& step) {
  const std::string as = step.fields.Text("as");
  const Json* values = step.fields.Take("values");
  const Json* steps = step.fields.Take("steps");
  Json expanded = Json::array();
  for (const Json& value : *values) {
    if (value.is_object() && value.contains("count")) {
      for (const std::string& key : KeyList(Json::array({value}))) expanded.push_back(key);
    } else {
      expanded.push_back(value);
    }
  }
  for (const Json& value : expanded) {
    Vars locals = step.locals;
    locals[as] = value;
    const std::string failure = RunSteps(*steps, locals);
    if (!failure.empty()) return "with " + as + " = " + Show(value) + ": " + failure;
  }
  return {};
}

// {"op": "race", "threads": n, "step": {…}, "codes": {"Ok": 1, …}}: all threads do the same at once; "thread" is the number of each.
std::string CaseRun::OpRace(Step& step) {
  const int threads = step.fields.Get("threads", 2);
  Json inner = *step.fields.Take("step");
  inner["expect"]["code"] = "any";
  std::map<std::string, int> want = step.fields.Take("codes")->get<std::map<std::string, int>>();
  std::vector<StepResult> results(static_cast<std::size_t>(threads));
  std::latch start(threads);
  {
    std::vector<std::jthread> pool;
    for (int i = 0; i < threads; ++i) {
      pool.emplace_back([&, i] {
        Vars locals = step.locals;
        locals["thread"] = static_cast<std::uint64_t>(i);
        start.arrive_and_wait();
        results[static_cast<std::size_t>(i)] = RunStep(inner, locals);
      });
    }
  }
  std::map<std::string, int> got;
  for (const StepResult& result : results) {
    if (!result.failure.empty()) return result.failure;
    ++got[std::string(CodeName(result.code))];
    if (result.code == Code::kOk) step.out = result.out;
  }
  if (got == want) return {};
  return "the threads were answered " + Show(Json(got)) + ", expected " + Show(Json(want));
}

// {"op": "parallel", "branches": [{"times": n, "steps": […]}, …]}: "turn" counts from 0 in each.
std::string CaseRun::OpParallel(Step& step) {
  const Json& branches = *step.fields.Take("branches");
  std::vector<std::string> failures(branches.size());
  std::latch start(static_cast<std::ptrdiff_t>(branches.size()));
  {
    std::vector<std::jthread> pool;
    for (std::size_t i = 0; i < branches.size(); ++i) {
      pool.emplace_back([&, i] {
        start.arrive_and_wait();
        const std::uint64_t times = branches[i].value("times", std::uint64_t{1});
        for (std::uint64_t turn = 0; turn < times && failures[i].empty(); ++turn) {
          Vars locals = step.locals;
          locals["turn"] = turn;
          failures[i] = RunSteps(branches[i].value("steps", Json::array()), locals);
        }
      });
    }
  }
  for (std::size_t i = 0; i < failures.size(); ++i) {
    if (!failures[i].empty()) return "branch " + std::to_string(i + 1) + ": " + failures[i];
  }
  return {};
}

// {"op": "round_trip", "keys": […]}: all are put with their key as their bytes, answer, are listed, and go.
std::string CaseRun::OpRoundTrip(Step& step) {
  const Json keys = KeyList(*step.fields.Take("keys"));
  Json steps = Json::array();
  steps.push_back({{"op", "put_many"}, {"keys", keys}});
  for (const Json& key : keys) {
    const std::string text = key.get<std::string>();
    steps.push_back({{"op", "stat"}, {"key", text}, {"expect", {{"size", text.size()}}}});
    steps.push_back({{"op", "get"}, {"key", text}, {"expect", {{"body", {{"text", text}}}}}});
    steps.push_back({{"op", "list_all"}, {"prefix", text}, {"expect", {{"contains", Json::array({text})}}}});
  }
  steps.push_back({{"op", "list_all"}, {"expect", {{"keys", keys}}}});
  steps.push_back({{"op", "remove"}, {"key", keys.at(0)}});
  steps.push_back({{"op", "stat"}, {"key", keys.at(0)}, {"expect", {{"code", "NotFound"}}}});
  Json others = keys;
  others.erase(0);
  steps.push_back({{"op", "list_all"}, {"expect", {{"keys", others}}}});
  steps.push_back({{"op", "remove_many"}, {"keys", others}});
  steps.push_back({{"op", "list_all"}, {"expect", {{"keys", Json::array()}}}});
  return RunSteps(steps, step.locals);
}

std::string CaseRun::OpReopen(Step&) {
  if (!target_.reopen) return {};
  {
    const std::lock_guard lock(mutex_);
    batches_.clear();
  }
  provider_.reset();
  Result<ProviderPtr> opened = target_.reopen();
  if (!opened.ok()) return "the storage cannot be opened again: " + opened.status().ToString();
  provider_ = *opened;
  return {};
}

}  // namespace fileferry::testing
