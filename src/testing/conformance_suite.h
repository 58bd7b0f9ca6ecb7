// conformance_suite.h: the cases of the conformance suite as read from their files.
//
// Plain values, read-only after loading; any thread.
#ifndef FILEFERRY_TESTING_CONFORMANCE_SUITE_H_
#define FILEFERRY_TESTING_CONFORMANCE_SUITE_H_

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fileferry/status.h"

namespace fileferry::testing {

struct EmbeddedFile {
  std::string_view name;  // without ".json"
  std::string_view text;
};
std::span<const EmbeddedFile> EmbeddedCaseFiles();

}  // namespace fileferry::testing

#endif  // FILEFERRY_TESTING_CONFORMANCE_SUITE_H_
