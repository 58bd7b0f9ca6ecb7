// sources.cc: sources over memory, files and descriptors.  Each is used by one thread at a time.
#include <cerrno>
#include <cstring>

#include "base/errno_status.h"
#include "base/text.h"
#include "core/file.h"
#include "fileferry/ops.h"

namespace fileferry {
namespace {

class BytesSource : public ISource {
 public:
  explicit BytesSource(Bytes bytes) : bytes_(bytes) {}
  std::optional<std::uint64_t> size() const override { return bytes_.size(); }
  Result<std::size_t> Read(std::span<std::byte> out) override {
    const std::size_t size = std::min(out.size(), bytes_.size() - position_);
    if (size > 0) std::memcpy(out.data(), bytes_.data() + position_, size);
    position_ += size;
    return size;
  }
  Status Rewind() override {
    position_ = 0;
    return {};
  }
  std::optional<Bytes> Memory() const override { return bytes_; }
  Status SendTo(ISink& sink) override {
    const Bytes rest = bytes_.subspan(position_);
    if (rest.empty()) return {};
    Status status = sink.Write(rest);
    if (status.ok()) position_ = bytes_.size();
    return status;
  }

 private:
  const Bytes bytes_;
  std::size_t position_ = 0;
};

struct Owner {
  std::string text;
};
class OwningSource final : private Owner, public BytesSource {
 public:
  explicit OwningSource(std::string own) : Owner{std::move(own)}, BytesSource(AsBytes(text)) {}
};

// Over a regular file.  Reads by position, so that nobody else's seek matters.
class RegularFileSource final : public ISource {
 public:
  RegularFileSource(UniqueFd fd, std::string name, const struct stat& was) : fd_(std::move(fd)), name_(std::move(name)), was_(was) {}

  std::optional<std::uint64_t> size() const override { return total(); }
  Result<std::size_t> Read(std::span<std::byte> out) override {
    if (out.empty()) return std::size_t{0};
    const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), total() - position_));
    if (wanted == 0) {
      if (Status s = CheckUnchanged(); !s.ok()) return s;
      return std::size_t{0};
    }
    const ssize_t got = sys::PRead(fd_.get(), out.data(), wanted, static_cast<off_t>(position_));
    if (got < 0) return ErrnoStatus(errno, "cannot read " + name_);
    if (got == 0) return Status(Code::kSourceChanged, name_ + " was cut to " + std::to_string(position_) + " bytes while it was read");
    position_ += static_cast<std::uint64_t>(got);
    return static_cast<std::size_t>(got);
  }
  Status Rewind() override {
    position_ = 0;
    return {};
  }
  std::optional<Bytes> Memory() const override { return std::nullopt; }
  Status SendTo(ISink& sink) override { return SendByReading(*this, sink); }

 private:
  std::uint64_t total() const { return static_cast<std::uint64_t>(was_.st_size); }
  Status CheckUnchanged() const {
    struct stat now = {};
    if (sys::FStat(fd_.get(), &now) != 0) return ErrnoStatus(errno, "cannot examine " + name_);
    const bool same = now.st_size == was_.st_size && now.st_mtim.tv_sec == was_.st_mtim.tv_sec && now.st_mtim.tv_nsec == was_.st_mtim.tv_nsec;
    return same ? Status() : Status(Code::kSourceChanged, name_ + " was changed while it was read");
  }

  const UniqueFd fd_;
  const std::string name_;
  const struct stat was_;
  std::uint64_t position_ = 0;
};

class PipeSource final : public ISource {
 public:
  explicit PipeSource(int fd) : fd_(fd) {}
  std::optional<std::uint64_t> size() const override { return std::nullopt; }
  Result<std::size_t> Read(std::span<std::byte> out) override {
    touched_ = true;
    const ssize_t got = sys::Read(fd_, out.data(), out.size());
    if (got < 0) return ErrnoStatus(errno, "cannot read from descriptor " + std::to_string(fd_));
    return static_cast<std::size_t>(got);
  }
  Status Rewind() override { return touched_ ? Status(Code::kUnsupported, "a pipe cannot be read a second time") : Status(); }
  std::optional<Bytes> Memory() const override { return std::nullopt; }
  Status SendTo(ISink& sink) override { return SendByReading(*this, sink); }

 private:
  const int fd_;
  bool touched_ = false;
};

}  // namespace

std::unique_ptr<ISource> MemorySource(Bytes bytes) { return std::make_unique<BytesSource>(bytes); }

std::unique_ptr<ISource> StringSource(std::string text) { return std::make_unique<OwningSource>(std::move(text)); }

Result<std::unique_ptr<ISource>> SourceOverFile(UniqueFd fd, std::string name) {
  struct stat was = {};
  if (sys::FStat(fd.get(), &was) != 0) return ErrnoStatus(errno, "cannot examine " + name);
  if (!S_ISREG(was.st_mode)) return Status(Code::kInvalidArgument, name + " is not a regular file");
  return std::unique_ptr<ISource>(std::make_unique<RegularFileSource>(std::move(fd), std::move(name), was));
}

Result<std::unique_ptr<ISource>> FileSource(const std::string& path, std::optional<Time>* modified) {
  // Without O_NONBLOCK the opening of a FIFO would wait for its writer.
  UniqueFd fd(sys::OpenAt(AT_FDCWD, path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0));
  if (!fd.valid()) return ErrnoStatus(errno, "cannot open " + Printable(path));
  if (modified != nullptr) {
    struct stat now = {};
    if (sys::FStat(fd.get(), &now) != 0) return ErrnoStatus(errno, "cannot examine " + Printable(path));
    *modified = TimeFromTimespec(now.st_mtim.tv_sec, now.st_mtim.tv_nsec);
  }
  return SourceOverFile(std::move(fd), Printable(path));
}

std::unique_ptr<ISource> DescriptorSource(int fd) { return std::make_unique<PipeSource>(fd); }

Status SendByReading(ISource& source, ISink& sink) {
  constexpr std::size_t kBuffer = std::size_t{128} << 10;
  const auto buffer = std::make_unique_for_overwrite<std::byte[]>(kBuffer);
  while (true) {
    Result<std::size_t> got = source.Read({buffer.get(), kBuffer});
    if (!got.ok()) return got.status();
    if (*got == 0) return {};
    if (Status s = sink.Write({buffer.get(), *got}); !s.ok()) return s;
  }
}

}  // namespace fileferry
