// key_file.h: reads a list of keys, one a line (without the line end), or each ended by NUL where the file's beginning holds one.  One thread.
#ifndef FILEFERRY_TRANSFER_KEY_FILE_H_
#define FILEFERRY_TRANSFER_KEY_FILE_H_

#include <memory>
#include <optional>
#include <string>

#include "base/unique_fd.h"
#include "fileferry/status.h"

namespace fileferry {

class KeyFile {
 public:
  static Result<std::unique_ptr<KeyFile>> Open(const std::string& path);
  // The next key that is not empty; absent at the end.
  Result<std::optional<std::string>> Next();

 private:
  explicit KeyFile(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  Status Fill();

  UniqueFd fd_;
  std::string path_;
  std::string buffer_;
  std::size_t at_ = 0;
  char separator_ = '\n';
  bool ended_ = false;
};

}  // namespace fileferry

#endif  // FILEFERRY_TRANSFER_KEY_FILE_H_
