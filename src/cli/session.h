// session.h: what every command needs: global options, the storages, the log, and how errors are told.  Main thread only, but Log().
#ifndef FILEFERRY_CLI_SESSION_H_
#define FILEFERRY_CLI_SESSION_H_

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "fileferry/factory.h"
#include "options.h"
#include "output.h"

namespace fileferry::cli {

class Session {
 public:
  explicit Session(const Parsed& parsed);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Opens the log.
  Status Start();

  bool json() const { return json_; }
  bool quiet() const { return quiet_; }
  bool verbose() const { return verbose_; }
  Output& out() { return out_; }
  OpContext ctx() const;

  // The storages of the configuration; read once, with these overrides.
  Result<std::shared_ptr<StorageFactory>> Factory(const std::map<std::string, std::string>& overrides = {});
  Result<OpenedStorage> Open(std::string_view text);

  void Note(std::string_view line);     // for people, to standard error; not with --quiet
  void Warn(std::string_view line);
  void Log(std::string_view line);      // to the log file; with --verbose to standard error.  Any thread
  // Tells the error in one line and returns its exit status.  Where the command writes no document of its own, --json makes one of the first error.
  int Fail(const Status& status);
  // The same, for one object of several: the run goes on.
  void Complain(const Status& status);
  // Writes what is buffered; `status`, or 1 when standard output failed.
  int Finish(int status);
  // When the command has ended, with this exit status: the document of a failure that has none yet.
  int End(int status);

  // OK when the user agrees: --yes, or "yes" on a terminal.  kInvalidArgument otherwise.
  Status Confirm(const Parsed& parsed, std::string_view question);

 private:
  void Line(std::string_view kind, std::string_view text);

  const bool json_, quiet_, verbose_;
  const std::string config_, environment_, log_path_;
  Output out_;
  Status failure_;
  int log_fd_ = -1;
  std::mutex log_mutex_;
  std::shared_ptr<StorageFactory> factory_;
};

// "s3://acme: photos/a.jpg: the bucket does not exist (NoSuchBucket, HTTP 404): create it or check the name"
std::string ErrorText(const Status& status);
// The exit status of a command that ended with this error.
int ExitStatus(const Status& status);

}  // namespace fileferry::cli

#endif  // FILEFERRY_CLI_SESSION_H_
