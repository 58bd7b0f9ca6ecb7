// conformance.h: the conformance suite, for everybody who writes a provider: does it keep the contracts of provider.h?
//
// The cases are data (tests/conformance/README.md says how they read) and are built into this library.  A case whose capability is off is skipped,
// and the case for the other side, "answers kUnsupported", runs instead.  RunConformance may be called from any thread, one call at a time per target;
// the cases themselves use the provider from many threads.
#ifndef FILEFERRY_TESTING_CONFORMANCE_H
#define FILEFERRY_TESTING_CONFORMANCE_H

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "fileferry/layers.h"
#include "fileferry/provider.h"

namespace fileferry::testing {

// A known oddity of one storage: a case of which something else than the ordinary is expected, and why.  A row that no case needed is itself a failure.
struct Quirk {
  enum class Expect {
    kKeyRefused,  // the storage cannot hold a key of the case: CheckKey says so, and every call with that key answers kInvalidArgument
    kFails        // the case fails
  };
  std::string case_name;  // the whole name, or its beginning followed by '*'
  std::string reason;
  Expect expect = Expect::kFails;
};

// What is tested.
struct Target {
  std::string name;
  // A storage for one case.  It must be empty, unless `shared`.
  std::function<Result<ProviderPtr>()> fresh;
  // Another provider object over the storage that fresh() gave last: what a restarted program would open.  Empty: the storage does not outlive its provider.
  std::function<Result<ProviderPtr>()> reopen;
  // Through which the cases write, where the provider under test refuses to (a read-only one): called after fresh().  Empty: the provider itself.
  std::function<Result<ProviderPtr>()> writer;
  // fresh() gives one and the same storage again and again: the suite empties it before the first case and after each.
  bool shared = false;
  // Called after each case: what was left behind that should not be there, one line; empty for nothing.  May be empty.
  std::function<std::string()> leftovers;
  // Names that cases may ask for, or exclude, besides capabilities: "read_only".
  std::vector<std::string> traits;
  std::vector<Quirk> quirks;
};

struct ConformanceOptions {
  std::string cases_folder;  // read the cases from here; empty: those built in
  std::string filter;        // only cases whose name contains this; unused quirks are not failures then
  std::size_t stop_after = 0;  // end after so many failures; 0: never
  std::function<void(std::string_view line)> progress;  // a line for each case; called on the calling thread
};

enum class Outcome { kPassed, kFailed, kSkipped, kQuirk };

struct CaseResult {
  std::string name;
  Outcome outcome = Outcome::kPassed;
  std::string detail;  // kFailed: which step, what was expected, what came; kSkipped: what is off; kQuirk: the row's reason
  double seconds = 0;
};

struct ConformanceReport {
  std::string target;
  std::vector<CaseResult> cases;      // in the order of the files
  std::vector<std::string> problems;  // what is wrong beside the cases: unreadable cases, unused quirks
  std::size_t run = 0;                // cases that were executed: passed + failed + quirk
  std::size_t passed = 0, failed = 0, skipped = 0, quirks = 0;

  // Something was run and nothing was wrong.
  bool ok() const { return run > 0 && failed == 0 && problems.empty(); }
  // "memory: 231 cases, 231 passed, 14 not applicable", followed by the failures, each with its trace.
  std::string ToText() const;
};

ConformanceReport RunConformance(const Target& target, const ConformanceOptions& options = {});

}  // namespace fileferry::testing

#endif  // FILEFERRY_TESTING_CONFORMANCE_H
