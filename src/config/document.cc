// document.cc: reads configuration files.  Any thread.
#include "config/document.h"

#include <cerrno>

#include "base/errno_status.h"
#include "base/sys.h"
#include "base/text.h"
#include "base/unique_fd.h"

namespace fileferry::config {
namespace {

constexpr std::size_t kMaxSize = std::size_t{4} << 20;

Status CannotRead(const std::string& path, int error) {
  const Status status = ErrnoStatus(error, "");
  std::string why(status.message());
  if (error == ENOENT) why = "there is no such file: check -c and FILEFERRY_CONFIG";
  if (error == EACCES) why = "it may not be read by this user: change its mode or owner";
  if (error == EISDIR) why = "it is a folder: name the file, e.g. config/storage.yml";
  return {Code::kInvalidArgument, "configuration " + Printable(path) + ": " + why};
}

}  // namespace

Result<std::string> ReadConfigFile(const std::string& path) {
  UniqueFd file(sys::OpenAt(AT_FDCWD, path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0));
  if (file.get() < 0) return CannotRead(path, errno);
  struct stat info {};
  if (sys::FStat(file.get(), &info) != 0) return CannotRead(path, errno);
  if (S_ISDIR(info.st_mode)) return CannotRead(path, EISDIR);
  std::string text;
  char block[16384];
  while (true) {
    const ssize_t count = sys::Read(file.get(), block, sizeof block);
    if (count < 0) return CannotRead(path, errno);
    if (count == 0) return text;
    text.append(block, static_cast<std::size_t>(count));
    if (text.size() > kMaxSize) return Status(Code::kInvalidArgument, "configuration " + Printable(path) + ": is larger than 4 MiB: is it the right file?");
  }
}

Result<Node> ParseDocument(const std::string& text, const std::string& path) {
  auto root = codec::ParseYaml(text);
  if (root.ok()) return root;
  // "line 3: ..." becomes "path:3: ..."
  const Status failed = root.status();
  const std::string_view message = failed.message();
  const auto colon = message.find(": ");
  if (message.substr(0, 5) == "line " && colon != std::string_view::npos && ParseUint(message.substr(5, colon - 5)))
    return Status(Code::kInvalidArgument, path + ":" + std::string(message.substr(5)));
  return Status(Code::kInvalidArgument, path + ": " + std::string(message));
}

}  // namespace fileferry::config
