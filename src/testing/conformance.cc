// conformance.cc: chooses the cases that apply to a target, runs them, and accounts for quirks.  See conformance.h.
#include "fileferry/testing/conformance.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "testing/conformance_run.h"

namespace fileferry::testing {
namespace {

bool Matches(const std::string& pattern, const std::string& name) {
  if (!pattern.empty() && pattern.back() == '*') return name.starts_with(pattern.substr(0, pattern.size() - 1));
  return pattern == name;
}

// Why the case does not apply, or empty.  `wrong` receives what is wrong with the case.
std::string NotApplicable(const CaseData& one, const Target& target, const Capabilities& caps, std::string* wrong) {
  for (const char* side : {"needs", "off"}) {
    for (const Json& entry : one.json.value(side, Json::array())) {
      const std::string name = entry.get<std::string>();
      std::optional<std::uint64_t> value = CapabilityValue(caps, name);
      if (name == "read_only" || name == "reopen") {
        const bool trait = std::find(target.traits.begin(), target.traits.end(), name) != target.traits.end();
        value = trait || (name == "reopen" && target.reopen) ? 1 : 0;
      }
      if (!value.has_value()) *wrong = "the case is wrong: there is no capability \"" + name + "\"";
      if (side == std::string_view("needs") && value == 0U) return name + " is off";
      if (side == std::string_view("off") && value.value_or(0) != 0) return name + " is on";
    }
  }
  return {};
}

// Every key that is written in the steps, as far as it is known before they run.
void CollectKeys(const Json& json, const Capabilities& caps, std::vector<std::string>* out) {
  if (json.is_array()) {
    for (const Json& one : json) CollectKeys(one, caps, out);
    return;
  }
  if (!json.is_object()) return;
  const std::string op = json.value("op", std::string());
  for (const auto& [name, raw] : json.items()) {
    if (name == "steps" || name == "step" || name == "branches" || name == "during") {
      CollectKeys(raw, caps, out);
      continue;
    }
    const Json value = Resolve(raw, {}, caps);
    if (name == "key" || name == "from" || name == "to") {
      if (value.is_string() && !value.get<std::string>().empty()) out->push_back(value.get<std::string>());
    } else if ((name == "keys" && value.is_array()) || (name == "values" && op == "each" && json.value("as", std::string()) == "key")) {
      for (const std::string& key : KeyList(value)) out->push_back(key);
    }
  }
}

std::vector<std::string> RefusedKeys(const CaseData& one, const IStorageProvider& provider, const Capabilities& caps) {
  std::vector<std::string> keys, refused;
  if (one.json.value("bad_keys", false)) return {};
  CollectKeys(one.json["steps"], caps, &keys);
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  for (const std::string& key : keys) {
    if (!provider.CheckKey(key).ok()) refused.push_back(key);
  }
  return refused;
}

// The steps without the refused keys, where these are only in lists of round trips; nothing otherwise.
Json WithoutKeys(const Json& steps, const std::vector<std::string>& refused) {
  Json out = Json::array();
  for (const Json& step : steps) {
    if (step.value("op", std::string()) != "round_trip") return Json::array();
    Json keys = Json::array();
    for (const std::string& key : KeyList(step["keys"])) {
      if (std::find(refused.begin(), refused.end(), key) == refused.end()) keys.push_back(key);
    }
    if (!keys.empty()) out.push_back({{"op", "round_trip"}, {"keys", keys}});
  }
  return out;
}

// A key that the storage cannot hold is refused before any write, by every call that would make an object.
std::string CheckRefusal(const Target& target, Suite& suite, const ProviderPtr& provider, const ProviderPtr& writer, const std::string& key) {
  CaseRun run(target, suite, provider, writer);
  Json steps = Json::array();
  steps.push_back({{"op", "check_key"}, {"key", key}, {"expect", {{"code", "InvalidArgument"}}}});
  steps.push_back({{"op", "put"}, {"key", key}, {"body", {{"text", "x"}}}, {"expect", {{"code", "InvalidArgument"}}}});
  steps.push_back({{"op", "stat"}, {"key", key}, {"expect", {{"code", {"InvalidArgument", "NotFound"}}}}});
  steps.push_back({{"op", "get"}, {"key", key}, {"expect", {{"code", {"InvalidArgument", "NotFound"}}}}});
  const Capabilities caps = provider->Caps();
  if (caps.multipart) steps.push_back({{"op", "create_upload"}, {"key", key}, {"expect", {{"code", "InvalidArgument"}}}});
  steps.push_back({{"op", "put"}, {"key", "plain"}, {"body", {{"text", "x"}}}});
  if (caps.server_copy) steps.push_back({{"op", "copy"}, {"from", "plain"}, {"to", key}, {"expect", {{"code", "InvalidArgument"}}}});
  steps.push_back({{"op", "list_all"}, {"expect", {{"keys", {"plain"}}}}});
  steps.push_back({{"op", "remove"}, {"key", "plain"}});
  return run.Run(steps);
}

Status EmptyStorage(IStorageProvider& provider) {
  OpContext ctx;
  for (int round = 0; round < 1000; ++round) {
    Result<ListPage> page = provider.List(ctx, {});
    if (!page.ok()) return page.status();
    if (page->entries.empty() && page->next_token.empty()) break;
    std::vector<std::string> keys;
    for (const ListEntry& entry : page->entries) keys.emplace_back(entry.key);
    for (const RemoveResult& result : provider.RemoveMany(ctx, keys)) {
      if (!result.status.ok()) return result.status;
    }
  }
  if (!provider.Caps().multipart) return {};
  for (int round = 0; round < 1000; ++round) {
    Result<UploadPage> page = provider.ListUploads(ctx, "", "");
    if (!page.ok()) return page.status();
    if (page->entries.empty()) return {};
    for (const UploadEntry& entry : page->entries) {
      Status status = provider.AbortUpload(ctx, entry.key, entry.upload_id);
      if (!status.ok()) return status;
    }
  }
  return {Code::kInternal, "the storage does not become empty"};
}

class Runner {
 public:
  Runner(const Target& target, const ConformanceOptions& options) : target_(target), options_(options), used_(target.quirks.size(), false) {}

  ConformanceReport Run() {
    report_.target = target_.name;
    suite_ = LoadSuite(options_.cases_folder);
    report_.problems = suite_->problems;
    for (const CaseData& one : suite_->cases) {
      if (!options_.filter.empty() && one.name.find(options_.filter) == std::string::npos) continue;
      RunCase(one);
      if (options_.stop_after != 0 && report_.failed >= options_.stop_after) return std::move(report_);
    }
    for (std::size_t i = 0; i < used_.size() && options_.filter.empty(); ++i) {
      if (!used_[i]) report_.problems.push_back("the quirk of " + target_.quirks[i].case_name + " is not needed: " + target_.quirks[i].reason);
    }
    return std::move(report_);
  }

 private:
  void RunCase(const CaseData& one) {
    const auto start = std::chrono::steady_clock::now();
    CaseResult result{one.name, Outcome::kPassed, {}, 0};
    try {
      Execute(one, &result);
    } catch (const std::exception& error) {  // nlohmann's: a value of the wrong type in the case
      result.outcome = Outcome::kFailed;
      result.detail = std::string("the case is wrong: ") + error.what();
    }
    result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    report_.run += result.outcome == Outcome::kSkipped ? 0 : 1;
    switch (result.outcome) {
      case Outcome::kPassed: ++report_.passed; break;
      case Outcome::kFailed: ++report_.failed; break;
      case Outcome::kSkipped: ++report_.skipped; break;
      case Outcome::kQuirk: ++report_.quirks; break;
    }
    static const char* const kWords[] = {"ok      ", "FAILED  ", "skipped ", "quirk   "};
    char seconds[32];
    std::snprintf(seconds, sizeof seconds, " (%.2f s)", result.seconds);
    if (options_.progress) options_.progress(kWords[static_cast<int>(result.outcome)] + one.name + seconds + (result.detail.empty() ? "" : "\n    " + result.detail));
    report_.cases.push_back(std::move(result));
  }

  void Execute(const CaseData& one, CaseResult* result) {
    Result<ProviderPtr> provider = target_.fresh();
    const Result<ProviderPtr> writer = target_.writer && provider.ok() ? target_.writer() : Result<ProviderPtr>(ProviderPtr());
    if (!provider.ok() || !writer.ok()) {
      result->outcome = Outcome::kFailed;
      result->detail = "the storage cannot be opened: " + (provider.ok() ? writer : provider).status().ToString();
      return;
    }
    const Capabilities caps = (*provider)->Caps();
    std::string failure;
    const std::string skip = NotApplicable(one, target_, caps, &failure);
    if (!skip.empty() && failure.empty()) {
      result->outcome = Outcome::kSkipped;
      result->detail = skip;
      return;
    }
    if (target_.shared && !std::exchange(emptied_, true)) failure = Emptied(**provider);
    const std::vector<std::string> refused = RefusedKeys(one, **provider, caps);
    if (failure.empty() && !refused.empty()) {
      for (const std::string& key : refused) {
        if (failure.empty()) failure = CheckRefusal(target_, *suite_, *provider, *writer, key);
      }
      if (failure.empty() && !UseQuirk(one.name, Quirk::Expect::kKeyRefused, result)) failure = "the storage refuses the key " + ShowKey(refused.front());
      const Json rest = WithoutKeys(one.json["steps"], refused);
      if (failure.empty() && !rest.empty()) failure = CaseRun(target_, *suite_, *provider, *writer).Run(rest);
      if (failure.empty()) result->outcome = Outcome::kQuirk;
    } else if (failure.empty()) {
      CaseRun run(target_, *suite_, *provider, *writer);
      provider->reset();  // a step may open the storage anew; the old provider object must be gone then
      failure = run.Run(one.json["steps"]);
      *provider = run.provider();
    }
    if (target_.shared && *provider != nullptr) {
      const std::string left = Emptied(**provider);
      if (failure.empty()) failure = left;
    }
    provider->reset();
    if (failure.empty() && target_.leftovers) failure = target_.leftovers();
    Judge(one, failure, result);
  }

  void Judge(const CaseData& one, const std::string& failure, CaseResult* result) {
    if (failure.empty()) return;
    if (UseQuirk(one.name, Quirk::Expect::kFails, result)) {
      result->outcome = Outcome::kQuirk;
      return;
    }
    result->outcome = Outcome::kFailed;
    result->detail = one.json.value("about", std::string());
    result->detail += (result->detail.empty() ? "" : "\n    ") + failure;
  }

  static std::string Emptied(IStorageProvider& provider) {
    const Status status = EmptyStorage(provider);
    return status.ok() ? std::string() : "the storage cannot be emptied: " + status.ToString();
  }

  bool UseQuirk(const std::string& name, Quirk::Expect expect, CaseResult* result) {
    bool found = false;
    for (std::size_t i = 0; i < target_.quirks.size(); ++i) {
      const Quirk& quirk = target_.quirks[i];
      if (quirk.expect != expect || !Matches(quirk.case_name, name)) continue;
      used_[i] = true;
      found = true;
      result->detail = quirk.reason;
    }
    return found;
  }

  const Target& target_;
  const ConformanceOptions& options_;
  std::shared_ptr<Suite> suite_;
  std::vector<bool> used_;
  bool emptied_ = false;
  ConformanceReport report_;
};

}  // namespace

std::string ConformanceReport::ToText() const {
  std::string out = target + ": " + std::to_string(run) + " cases, " + std::to_string(passed + quirks) + " passed";
  if (quirks > 0) out += " (" + std::to_string(quirks) + " known quirks)";
  if (failed > 0) out += ", " + std::to_string(failed) + " FAILED";
  out += ", " + std::to_string(skipped) + " not applicable\n";
  for (const CaseResult& one : cases) {
    if (one.outcome == Outcome::kFailed) out += "FAILED " + target + ": " + one.name + "\n    " + one.detail + "\n";
  }
  for (const std::string& problem : problems) out += "PROBLEM " + target + ": " + problem + "\n";
  return out;
}

ConformanceReport RunConformance(const Target& target, const ConformanceOptions& options) { return Runner(target, options).Run(); }

}  // namespace fileferry::testing
