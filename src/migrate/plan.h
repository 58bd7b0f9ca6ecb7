// plan.h: a plan as text, for journals, and what makes two migrations the same one.  Any thread.
#ifndef FILEFERRY_MIGRATE_PLAN_H_
#define FILEFERRY_MIGRATE_PLAN_H_

#include <string>
#include <string_view>

#include "fileferry/migration.h"

namespace fileferry {

// One "name=value" a line; values escape '\n' and '\\'.
std::string PlanToText(const CopyPlan& plan);
// Names that are not known are ignored: a newer fileferry may have written them.
// The options that a command line needs to mean this plan again.
std::vector<std::string> OptionsOf(const CopyPlan& plan);
Result<CopyPlan> PlanFromText(std::string_view text);
// 64 hex digits over source, destination, map and filters.
std::string IdentityOf(std::string_view source, std::string_view destination, const CopyPlan& plan);

}  // namespace fileferry

#endif  // FILEFERRY_MIGRATE_PLAN_H_
