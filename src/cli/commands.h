// commands.h: the functions behind the commands.  Each returns the exit status and prints its own errors.  Main thread only.
#ifndef FILEFERRY_CLI_COMMANDS_H_
#define FILEFERRY_CLI_COMMANDS_H_

namespace fileferry::cli {

class Session;
struct Parsed;

int RunLs(Session& session, const Parsed& parsed);
int RunStat(Session& session, const Parsed& parsed);
int RunCat(Session& session, const Parsed& parsed);
int RunPut(Session& session, const Parsed& parsed);
int RunGet(Session& session, const Parsed& parsed);
int RunRm(Session& session, const Parsed& parsed);
int RunCp(Session& session, const Parsed& parsed);
int RunUrl(Session& session, const Parsed& parsed);
int RunStats(Session& session, const Parsed& parsed);
int RunCopy(Session& session, const Parsed& parsed);
int RunPlan(Session& session, const Parsed& parsed);
int RunVerify(Session& session, const Parsed& parsed);
int RunMissing(Session& session, const Parsed& parsed);
int RunMigrate(Session& session, const Parsed& parsed);
int RunStatus(Session& session, const Parsed& parsed);
int RunReport(Session& session, const Parsed& parsed);
int RunRetry(Session& session, const Parsed& parsed);
int RunCleanup(Session& session, const Parsed& parsed);
int RunRollback(Session& session, const Parsed& parsed);
int RunCheck(Session& session, const Parsed& parsed);
int RunConfigShow(Session& session, const Parsed& parsed);
int RunConfigValidate(Session& session, const Parsed& parsed);
int RunCompletion(Session& session, const Parsed& parsed);

}  // namespace fileferry::cli

#endif  // FILEFERRY_CLI_COMMANDS_H_
