// plan_options.h: from options to a CopyPlan, and what runs have in common on the command line.  Main thread only.
#ifndef FILEFERRY_CLI_PLAN_OPTIONS_H_
#define FILEFERRY_CLI_PLAN_OPTIONS_H_

#include <string>

#include "fileferry/migration.h"
#include "options.h"
#include "progress.h"
#include "session.h"

namespace fileferry::cli {

// kInvalidArgument names the option.  Opens the archive; asks where --delete-source needs a yes.
Result<CopyPlan> PlanOf(Session& session, const Parsed& parsed);
VerifyMode VerifyOf(const Parsed& parsed);
// Configuration keys that options stand for: --links.
std::map<std::string, std::string> OverridesOf(const Parsed& parsed);
ProgressStyle ProgressStyleOf(const Session& session, const Parsed& parsed);
// Whether an option that chooses keys or maps them was given.
bool ChoosesKeys(const Parsed& parsed);

// kNotFound when the root of a local storage, which is about to be read, is not there: a typing error is no empty storage.  `object`: the text is to name an object.
Status FolderIsThere(const OpenedStorage& storage, const std::string& text, bool object = false);

// kInvalidArgument when a path of the user's own is about to be replaced that is no regular file: a device, a pipe, a symbolic link.
Status IsPlainTarget(const OpenedStorage& storage);

// Both sides of a run, opened: see OpenDestination.
struct Sides {
  OpenedStorage source, destination;
};
Result<Sides> OpenSides(Session& session, const Parsed& parsed);

}  // namespace fileferry::cli

#endif  // FILEFERRY_CLI_PLAN_OPTIONS_H_
