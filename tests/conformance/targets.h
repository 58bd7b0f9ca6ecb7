// targets.h: the storages that the conformance suite runs over.
#ifndef FILEFERRY_TESTS_CONFORMANCE_TARGETS_H_
#define FILEFERRY_TESTS_CONFORMANCE_TARGETS_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "fileferry/testing/conformance.h"

namespace fileferry::conformance {

using testing::Target;

// The names of all targets that need no server: memory, local, activestorage, retry, ...
std::vector<std::string> TargetNames();
// With the rows of quirks_path that are about it; exits the program with a message when something is missing.
Target MakeTarget(const std::string& name, const std::string& quirks_path);
// Another place to look for targets by name; answers a target without `fresh` for names that it does not know.
bool AddMaker(std::function<Target(const std::string&)> maker);
[[noreturn]] void Die(const std::string& message);
// A memory storage for each case, seen through `wrap`.
Target OverMemory(std::string name, std::function<ProviderPtr(ProviderPtr)> wrap);

}  // namespace fileferry::conformance

#endif  // FILEFERRY_TESTS_CONFORMANCE_TARGETS_H_
