// sinks.cc: sinks into memory and descriptors, and writing files.  Each is used by one thread at a time.
#include <cerrno>
#include <cstdlib>

#include "base/clock.h"
#include "base/errno_status.h"
#include "core/file.h"
#include "fileferry/ops.h"

namespace fileferry {
namespace {

class TextSink final : public ISink {
 public:
  TextSink(std::string* out, std::uint64_t max_size) : out_(out), begin_(out->size()), max_size_(max_size) {}
  Status Write(Bytes bytes) override {
    if (bytes.size() > max_size_ - (out_->size() - begin_)) {
      return Status(Code::kInvalidArgument, "the object has more than the " + std::to_string(max_size_) + " bytes that were allowed");
    }
    out_->append(AsText(bytes));
    return {};
  }
  Status Restart() override {
    out_->resize(begin_);
    return {};
  }

 private:
  std::string* const out_;
  const std::size_t begin_;
  const std::uint64_t max_size_;
};

class FdSink final : public ISink {
 public:
  explicit FdSink(int fd) : fd_(fd) {}
  Status Write(Bytes bytes) override {
    touched_ = touched_ || !bytes.empty();
    return WriteFully(fd_, bytes, -1, "descriptor " + std::to_string(fd_));
  }
  Status Restart() override { return touched_ ? Status(Code::kUnsupported, "what was written to a descriptor cannot be taken back") : Status(); }

 private:
  const int fd_;
  bool touched_ = false;
};

class Nowhere final : public ISink {
 public:
  Status Write(Bytes) override { return {}; }
  Status Restart() override { return {}; }
};

}  // namespace

std::unique_ptr<ISink> StringSink(std::string* out, std::uint64_t max_size) { return std::make_unique<TextSink>(out, max_size); }
std::unique_ptr<ISink> DescriptorSink(int fd) { return std::make_unique<FdSink>(fd); }
std::unique_ptr<ISink> NullSink() { return std::make_unique<Nowhere>(); }

Status WriteFully(int fd, Bytes bytes, std::int64_t offset, std::string_view name) {
  while (!bytes.empty()) {
    const ssize_t done = offset < 0 ? sys::Write(fd, bytes.data(), bytes.size()) : sys::PWrite(fd, bytes.data(), bytes.size(), offset);
    if (done < 0) return ErrnoStatus(errno, "cannot write to " + std::string(name));
    if (done == 0) return ErrnoStatus(ENOSPC, "cannot write to " + std::string(name));
    bytes = bytes.subspan(static_cast<std::size_t>(done));
    if (offset >= 0) offset += done;
  }
  return {};
}

Result<UniqueFd> NamelessFile() {
  const char* folder = std::getenv("TMPDIR");
  const std::string where = folder != nullptr && *folder != '\0' ? folder : "/tmp";
  UniqueFd fd(sys::OpenAt(AT_FDCWD, where.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (fd.valid()) return fd;
  // File systems without O_TMPFILE: a name that nobody can guess, gone at once.
  const std::string path = where + "/fileferry-" + RandomId();
  fd = UniqueFd(sys::OpenAt(AT_FDCWD, path.c_str(), O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR | O_CLOEXEC, 0600));
  if (!fd.valid()) return ErrnoStatus(errno, "cannot make a temporary file in " + where + " (set TMPDIR)");
  if (sys::UnlinkAt(AT_FDCWD, path.c_str(), 0) != 0) return ErrnoStatus(errno, "cannot remove the name of a temporary file in " + where);
  return fd;
}

}  // namespace fileferry
