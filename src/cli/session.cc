// session.cc: the storages, the log, and how errors are told.
#include "session.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "json.h"
#include "signals.h"
#include "text.h"

namespace fileferry::cli {
namespace {

CancelToken g_cancel;

std::string EnvironmentText(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

}  // namespace

std::string ErrorText(const Status& status) {
  if (status.ok()) return {};
  const ErrorDetail& detail = status.detail();
  std::string text = detail.message;
  if (detail.http_status != 0 || !detail.request_id.empty()) {
    std::string facts;
    const auto add = [&](const std::string& fact) { facts += (facts.empty() ? "" : ", ") + fact; };
    if (!detail.service_code.empty() && text.find(detail.service_code) == std::string::npos) add(detail.service_code);
    if (detail.http_status != 0 && text.find("HTTP " + std::to_string(detail.http_status)) == std::string::npos) add("HTTP " + std::to_string(detail.http_status));
    const auto mend = text.find(": ");
    if (!facts.empty()) text.insert(mend == std::string::npos ? text.size() : mend, " (" + facts + ")");
  }
  // Where the message says what is wrong and the mend is a matter of this command line.
  if (detail.code == Code::kNotFound && !detail.key.empty() && detail.service_code != "NoSuchBucket" && text.find(": ") == std::string::npos && text.find("; ") == std::string::npos)
    text += ": see what is there with fileferry ls";
  if (text.substr(0, 14) == "cannot connect" && text.find("check") == std::string::npos) text += "; check the endpoint, and that the service runs";
  std::string where = detail.provider;
  if (!detail.key.empty() && text.find(detail.key) == std::string::npos) where += (where.empty() ? "" : ": ") + detail.key;
  if (!where.empty() && text.substr(0, where.size()) != where) text = where + ": " + text;
  return Printable(text);
}

int ExitStatus(const Status& status) {
  if (status.ok()) return 0;
  // A bucket or folder that is not there, rather than an object: the storage cannot be used.
  if (status.code() == Code::kNotFound && (status.detail().key.empty() || status.detail().service_code == "NoSuchBucket")) return 3;
  return CodeExitStatus(status.code());
}

Session::Session(const Parsed& parsed)
    : json_(parsed.Has("json")),
      quiet_(parsed.Has("quiet")),
      verbose_(parsed.Has("verbose") && !parsed.Has("quiet")),
      config_(parsed.Get("config")),
      environment_(parsed.Get("environment")),
      log_path_(parsed.Get("log", EnvironmentText("FILEFERRY_LOG"))),
      out_(STDOUT_FILENO) {
  InstallSignals(&g_cancel);
}

Session::~Session() {
  if (log_fd_ >= 0) ::close(log_fd_);
}

Status Session::Start() {
  if (log_path_.empty()) return Status::Ok();
  log_fd_ = ::open(log_path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0600);  // a pipe that nobody reads is an error, no wait
  if (log_fd_ < 0 || ::fcntl(log_fd_, F_SETFL, O_APPEND) != 0) {
    const int error = errno;
    return {Code::kInvalidArgument, "the log " + Printable(log_path_) + " cannot be written: " + (error == ENXIO ? "it is a pipe that nobody reads" : std::strerror(error)) + ": check --log and FILEFERRY_LOG"};
  }
  return Status::Ok();
}

OpContext Session::ctx() const {
  OpContext ctx;
  ctx.cancel = &g_cancel;
  return ctx;
}

Result<std::shared_ptr<StorageFactory>> Session::Factory(const std::map<std::string, std::string>& overrides) {
  if (factory_ != nullptr) return factory_;
  FactoryOptions options;
  options.config_path = config_;
  options.environment = environment_;
  options.overrides = overrides;
  options.log_calls = verbose_ || log_fd_ >= 0;
  options.log = [this](std::string_view line) {
    if (line.substr(0, 9) == "warning: ") {
      Warn(line.substr(9));
    } else {
      Log(line);
    }
  };
  auto factory = StorageFactory::Create(std::move(options));
  if (!factory.ok()) return factory.status();
  factory_ = *factory;
  for (const std::string& warning : factory_->configuration().warnings) Log("warning: " + warning);
  return factory_;
}

Result<OpenedStorage> Session::Open(std::string_view text) {
  auto factory = Factory();
  if (!factory.ok()) return factory.status();
  return (*factory)->Open(text);
}

void Session::Line(std::string_view kind, std::string_view text) {
  const std::string line = "fileferry: " + std::string(kind) + std::string(text) + "\n";
  WriteAllTo(STDERR_FILENO, line);
}

void Session::Note(std::string_view line) {
  out_.Flush();
  if (!quiet_) WriteAllTo(STDERR_FILENO, std::string(line) + "\n");
  if (log_fd_ >= 0) {
    std::lock_guard lock(log_mutex_);
    WriteAllTo(log_fd_, IsoTime(std::chrono::system_clock::now()) + " " + Printable(line) + "\n");
  }
}

void Session::Warn(std::string_view line) {
  if (!quiet_) Line("warning: ", Printable(line));
  if (log_fd_ >= 0) {
    std::lock_guard lock(log_mutex_);
    WriteAllTo(log_fd_, IsoTime(std::chrono::system_clock::now()) + " warning: " + Printable(line) + "\n");
  }
}

void Session::Log(std::string_view line) {
  const std::string text = IsoTime(std::chrono::system_clock::now()) + " " + Printable(line) + "\n";
  std::lock_guard lock(log_mutex_);
  if (log_fd_ >= 0) WriteAllTo(log_fd_, text);
  if (verbose_) WriteAllTo(STDERR_FILENO, text);
}

void Session::Complain(const Status& status) {
  const std::string text = ErrorText(status);
  Line("", text);
  if (log_fd_ >= 0) {
    std::lock_guard lock(log_mutex_);
    WriteAllTo(log_fd_, IsoTime(std::chrono::system_clock::now()) + " error: " + text + "\n");
  }
}

int Session::Fail(const Status& status) {
  out_.Flush();
  if (!status.ok() && status.detail().service_code == "EPIPE") {  // the reader went away: | head
    std::signal(SIGPIPE, SIG_DFL);
    std::raise(SIGPIPE);
  }
  Complain(status);
  if (failure_.ok()) failure_ = status;
  return ExitStatus(status);
}

int Session::End(int status) {
  if (!json_ || failure_.ok() || out_.used()) return status;
  out_.Write(Dump({{"result", StatusJson(failure_)}}));
  return Finish(status);
}

int Session::Finish(int status) {
  out_.Flush();
  if (out_.status().ok()) return status;
  Complain(out_.status());
  return status == 0 ? 1 : status;
}

Status Session::Confirm(const Parsed& parsed, std::string_view question) {
  if (parsed.Has("yes")) return Status::Ok();
  if (!IsTerminal(STDIN_FILENO) || !IsTerminal(STDERR_FILENO))
    return {Code::kInvalidArgument, std::string(question) + " needs a yes: add --yes (there is no terminal to ask on)"};
  out_.Flush();
  WriteAllTo(STDERR_FILENO, Printable(question) + "? Type yes to go on: ");
  std::string answer;
  char c = 0;
  while (WaitToRead(STDIN_FILENO) && ::read(STDIN_FILENO, &c, 1) == 1 && c != '\n') answer += c;
  if (StopWasAsked()) {
    WriteAllTo(STDERR_FILENO, "\n");
    return {Code::kCancelled, std::string(question) + ": stopped as asked, nothing was done"};
  }
  if (answer == "yes" || answer == "y") return Status::Ok();
  return {Code::kInvalidArgument, std::string(question) + ": the answer was not yes, nothing was done"};
}

}  // namespace fileferry::cli
