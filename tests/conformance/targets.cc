// targets.cc: see targets.h.
#include "conformance/targets.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <unistd.h>
#include <utility>

#include "conformance/flaky.h"
#include "fileferry/local.h"
#include "fileferry/memory.h"
#include "fileferry/testing/fault_provider.h"

namespace fileferry::conformance {
namespace {

std::vector<std::function<Target(const std::string&)>>& Makers() {
  static std::vector<std::function<Target(const std::string&)>> makers;
  return makers;
}

// A folder of the process, removed at its end; one sub-folder for each case.
class Folder {
 public:
  Folder() {
    std::string text = (std::filesystem::temp_directory_path() / "ferry-conformance-XXXXXX").string();
    if (::mkdtemp(text.data()) == nullptr) Die("no temporary folder can be made in " + std::filesystem::temp_directory_path().string());
    path_ = text;
  }
  ~Folder() { Clear(); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string Next() {
    std::error_code ignored;
    if (!current_.empty()) std::filesystem::remove_all(current_, ignored);
    current_ = path_ / std::to_string(++number_);
    return current_.string();
  }
  std::string current() const { return current_.string(); }

 private:
  void Clear() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::filesystem::path path_, current_;
  int number_ = 0;
};

Target Local(const std::string& name, LocalOptions::Layout layout, LocalOptions::Fsync fsync) {
  Target target;
  target.name = name;
  auto folder = std::make_shared<Folder>();
  auto open = [folder, layout, fsync]() -> Result<ProviderPtr> {
    LocalOptions options;
    options.root = folder->current();
    options.layout = layout;
    options.fsync = fsync;
    options.url_base = "https://files.example/f";
    options.url_secret = "a secret of the test";
    Result<std::unique_ptr<LocalStorageProvider>> made = LocalStorageProvider::Create(options);
    if (!made.ok()) return made.status();
    return ProviderPtr(std::move(*made));
  };
  target.fresh = [folder, open] {
    folder->Next();
    return open();
  };
  target.reopen = open;
  return target;
}

RetryPolicy AtOnce() {
  RetryPolicy policy;
  policy.sleep = [](const OpContext& ctx, std::chrono::milliseconds) { return ctx.Check(); };
  policy.quota = 1 << 20;
  return policy;
}

ThrottlePolicy Wide() { return {NewRateLimiter(1e12), NewRateLimiter(1e9)}; }

Target ReadOnly() {
  auto memory = std::make_shared<ProviderPtr>();
  Target target;
  target.name = "read_only";
  target.traits = {"read_only"};
  target.fresh = [memory]() -> Result<ProviderPtr> {
    *memory = MemoryStorageProvider::Create();
    return WithReadOnly(*memory);
  };
  target.reopen = [memory]() -> Result<ProviderPtr> { return WithReadOnly(*memory); };
  target.writer = [memory]() -> Result<ProviderPtr> { return *memory; };
  return target;
}

const std::pair<const char*, std::function<ProviderPtr(ProviderPtr)>> kLayers[] = {
    {"memory", [](ProviderPtr inner) { return inner; }},
    {"retry", [](ProviderPtr inner) { return WithRetry(std::move(inner), AtOnce()); }},
    {"throttle", [](ProviderPtr inner) { return WithThrottle(std::move(inner), Wide()); }},
    {"timeout", [](ProviderPtr inner) { return WithTimeout(std::move(inner)); }},
    {"metrics",
     [](ProviderPtr inner) {
       std::shared_ptr<Metrics> metrics;
       return WithMetrics(std::move(inner), &metrics);
     }},
    {"logging", [](ProviderPtr inner) { return WithLogging(std::move(inner), [](std::string_view) {}); }},
    {"prefix", [](ProviderPtr inner) { return WithPrefix(std::move(inner), "below/this "); }},
    {"prefix_folder", [](ProviderPtr inner) { return WithPrefix(std::move(inner), "tenants/7/"); }},
    {"fault", [](ProviderPtr inner) { return testing::WithFaults(std::move(inner), std::make_shared<testing::Faults>()); }},
    {"prefix_retry_fault",
     [](ProviderPtr inner) {
       ProviderPtr fault = testing::WithFaults(std::move(inner), std::make_shared<testing::Faults>());
       return WithPrefix(WithRetry(std::make_shared<Flaky>(std::move(fault)), AtOnce()), "p/");
     }},
    {"stack",
     [](ProviderPtr inner) {
       std::shared_ptr<Metrics> metrics;
       ProviderPtr timed = WithLogging(WithTimeout(WithThrottle(std::move(inner), Wide())), [](std::string_view) {});
       return WithPrefix(WithMetrics(WithRetry(std::move(timed), AtOnce()), &metrics), "all/");
     }},
};

void AddQuirks(const std::string& path, Target* target) {
  std::ifstream in(path);
  const nlohmann::json json = nlohmann::json::parse(in, nullptr, false);
  if (!json.is_object() || !json.contains("quirks")) Die("the table of quirks " + path + " cannot be read");
  for (const auto& row : json["quirks"]) {
    if (row.value("target", "") != target->name) continue;
    const bool refused = row.value("expect", "") == "refused";
    if (!refused && row.value("expect", "") != "fails") Die("a quirk of " + target->name + " expects neither refused nor fails");
    if (row.value("reason", "").empty()) Die("a quirk of " + target->name + " has no reason");
    target->quirks.push_back({row.value("case", ""), row.value("reason", ""), refused ? testing::Quirk::Expect::kKeyRefused : testing::Quirk::Expect::kFails});
  }
}

}  // namespace

void Die(const std::string& message) {
  std::fprintf(stderr, "conformance: %s\n", message.c_str());
  std::exit(2);
}

bool AddMaker(std::function<Target(const std::string&)> maker) {
  Makers().push_back(std::move(maker));
  return true;
}

Target OverMemory(std::string name, std::function<ProviderPtr(ProviderPtr)> wrap) {
  auto memory = std::make_shared<ProviderPtr>();
  Target target;
  target.name = std::move(name);
  target.fresh = [memory, wrap]() -> Result<ProviderPtr> {
    *memory = MemoryStorageProvider::Create();
    return wrap(*memory);
  };
  target.reopen = [memory, wrap]() -> Result<ProviderPtr> { return wrap(*memory); };
  return target;
}

std::vector<std::string> TargetNames() {
  std::vector<std::string> out;
  for (const auto& [name, wrap] : kLayers) out.emplace_back(name);
  for (const char* name : {"read_only", "local", "activestorage"}) out.emplace_back(name);
  return out;
}

Target MakeTarget(const std::string& name, const std::string& quirks_path) {
  Target target;
  for (const auto& [layer, wrap] : kLayers) {
    if (name == layer) target = OverMemory(name, wrap);
  }
  if (name == "read_only") target = ReadOnly();
  if (name == "local") target = Local(name, LocalOptions::Layout::kPlain, LocalOptions::Fsync::kFull);
  if (name == "activestorage") target = Local(name, LocalOptions::Layout::kActiveStorage, LocalOptions::Fsync::kNone);
  for (const auto& maker : Makers()) {
    if (!target.fresh) target = maker(name);
  }
  if (!target.fresh) Die("there is no target " + name);
  AddQuirks(quirks_path, &target);
  return target;
}

}  // namespace fileferry::conformance
