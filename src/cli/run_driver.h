// run_driver.h: drives a run to its end: progress, signals, closing words.  Main thread only.
#ifndef FILEFERRY_CLI_RUN_DRIVER_H_
#define FILEFERRY_CLI_RUN_DRIVER_H_

#include <string>

#include "fileferry/migration.h"
#include "json.h"
#include "options.h"
#include "session.h"

namespace fileferry::cli {

struct RunWords {
  std::string verb;       // "copy", "migration", ...
  std::string again;      // the command that goes on after a stop; may be empty
  std::string more;       // the command that takes what is pending after a run that ended well; may be empty
  std::string after;      // what to do next when all went well; may be empty
  std::string mend;       // what to do when some objects did not end well; may be empty
  std::string relist;     // what to do of what the source could not list, where that is another thing than `mend`; may be empty
  std::string replace;    // what to do where the destination holds something else, besides `mend`; may be empty
  bool keeps_same = false;  // sources are removed, but not those of which the destination held the same before
  bool list_problems = true;
  bool dry_run = false;   // what would be copied is listed, and all problems, not only the first few
  bool own_work = false;  // the outcomes are those of the whole migration, this run looked at Progress::ended of them
};

// Starts the run, shows it, and prints what became of it: text or one JSON document with `more` merged in.  The exit status.
int DriveRun(Session& session, const Parsed& parsed, IRun& run, const RunWords& words, Json more = Json::object());

// "verified 1,234 (1.2 GiB)" a line for each outcome that occurred.
std::string OutcomeLines(const Progress& progress);
// "photos/a.jpg: failed: the object ..." 
std::string ProblemLine(const ObjectRecord& record);
// The command line as it was typed.
std::string CommandLine(const Parsed& parsed);

}  // namespace fileferry::cli

#endif  // FILEFERRY_CLI_RUN_DRIVER_H_
