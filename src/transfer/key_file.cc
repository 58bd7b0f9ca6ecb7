// key_file.cc: see key_file.h.
#include "transfer/key_file.h"

#include <cerrno>
#include <utility>

#include "base/errno_status.h"
#include "base/sys.h"

namespace fileferry {

namespace {
constexpr std::size_t kChunk = std::size_t{64} << 10;
constexpr std::size_t kLongest = std::size_t{1} << 20;
}  // namespace

Result<std::unique_ptr<KeyFile>> KeyFile::Open(const std::string& path) {
  UniqueFd fd(sys::OpenAt(AT_FDCWD, path.c_str(), O_RDONLY | O_CLOEXEC, 0));
  if (!fd.valid()) return ErrnoStatus(errno, "the list of keys '" + path + "'");
  std::unique_ptr<KeyFile> file(new KeyFile(std::move(fd), path));
  if (Status status = file->Fill(); !status.ok()) return status;
  if (file->buffer_.find('\0') != std::string::npos) file->separator_ = '\0';
  return file;
}

Status KeyFile::Fill() {
  buffer_.erase(0, at_);
  at_ = 0;
  const std::size_t have = buffer_.size();
  if (have > kLongest) return Status(Code::kInvalidArgument, "the list of keys '" + path_ + "' holds a line of more than 1 MiB");
  buffer_.resize(have + kChunk);
  const ssize_t got = sys::Read(fd_.get(), buffer_.data() + have, kChunk);
  buffer_.resize(have + static_cast<std::size_t>(got > 0 ? got : 0));
  if (got < 0) return ErrnoStatus(errno, "the list of keys '" + path_ + "'");
  ended_ = got == 0;
  return {};
}

Result<std::optional<std::string>> KeyFile::Next() {
  for (;;) {
    const std::size_t end = buffer_.find(separator_, at_);
    if (end == std::string::npos && !ended_) {
      if (Status status = Fill(); !status.ok()) return status;
      continue;
    }
    const std::size_t stop = end == std::string::npos ? buffer_.size() : end;
    std::string key = buffer_.substr(at_, stop - at_);
    at_ = end == std::string::npos ? buffer_.size() : end + 1;
    if (separator_ == '\n' && !key.empty() && key.back() == '\r') key.pop_back();
    if (!key.empty()) return std::optional<std::string>(std::move(key));
    if (end == std::string::npos) return std::optional<std::string>();
  }
}

}  // namespace fileferry
