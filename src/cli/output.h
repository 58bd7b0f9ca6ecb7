// output.h: standard output, buffered, and whether a stream is a terminal.  Main thread only.
#ifndef FILEFERRY_CLI_OUTPUT_H_
#define FILEFERRY_CLI_OUTPUT_H_

#include <string>
#include <string_view>

#include "fileferry/status.h"

namespace fileferry::cli {

class Output {
 public:
  explicit Output(int fd) : fd_(fd) { buffer_.reserve(kBlock + 4096); }
  void Write(std::string_view text) {
    used_ = true;
    buffer_.append(text);
    if (buffer_.size() >= kBlock) Flush();
  }
  void Write(char c) {
    used_ = true;
    buffer_.push_back(c);
  }
  // Whether anything was written, here or, as Use tells, past this buffer.
  bool used() const { return used_; }
  void Use() { used_ = true; }
  // A reader that went away (| head) ends the program as it ends others: by SIGPIPE.
  void Flush();
  // kUnavailable or kQuotaExceeded once something could not be written.
  const Status& status() const { return status_; }

 private:
  static constexpr std::size_t kBlock = std::size_t{128} << 10;
  int fd_;
  std::string buffer_;
  Status status_;
  bool used_ = false;
};

bool IsTerminal(int fd);
// All of text, whatever it takes; false when it cannot be written.  Safe in a signal handler.
bool WriteAllTo(int fd, std::string_view text);

}  // namespace fileferry::cli

#endif  // FILEFERRY_CLI_OUTPUT_H_
