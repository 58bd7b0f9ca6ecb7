// download.cc: DownloadToFile: an object into a file beside its final name, checked as a whole, durable, then renamed.  Any thread.
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <mutex>
#include <vector>

#include "base/clock.h"
#include "base/digest.h"
#include "base/errno_status.h"
#include "base/text.h"
#include "core/file.h"
#include "core/kept.h"
#include "core/parallel.h"
#include "fileferry/ops.h"

namespace fileferry {
namespace {

Status NoPlainFile(const std::string& path, const char* what) {
  return Status(Code::kInvalidArgument, Printable(path) + " is " + what + ": name a regular file, or standard output as -");
}

// The file that path stands for: what a symbolic link points to is written, not the link; devices, pipes and sockets are left alone.
Result<std::string> FileBehind(const std::string& path) {
  struct stat known = {};
  if (sys::FStatAt(AT_FDCWD, path.c_str(), &known, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return path;  // new, or told better when it is made
    return ErrnoStatus(errno, "cannot look at " + Printable(path));
  }
  if (S_ISREG(known.st_mode) || S_ISDIR(known.st_mode)) return path;
  if (!S_ISLNK(known.st_mode)) return NoPlainFile(path, "a device, pipe or socket");
  std::error_code error;
  std::string target = std::filesystem::canonical(path, error).string();
  if (error) return NoPlainFile(path, "a symbolic link to nothing");
  if (sys::FStatAt(AT_FDCWD, target.c_str(), &known, AT_SYMLINK_NOFOLLOW) != 0) return ErrnoStatus(errno, "cannot look at " + Printable(target));
  if (!S_ISREG(known.st_mode)) return NoPlainFile(path, "a symbolic link to what is no regular file");
  return target;
}

// A file that vanishes unless it is published under its final name.
class Draft {
 public:
  static Result<Draft> Create(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
    std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
    if (name.empty() || name == "." || name == "..") return Status(Code::kInvalidArgument, Printable(path) + " names a folder; give the name of a file");
    UniqueFd parent(sys::OpenAt(AT_FDCWD, folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0));
    if (!parent.valid()) return ErrnoStatus(errno, "cannot open the folder " + Printable(folder));
    std::string temporary = ".fileferry-" + RandomId() + ".tmp";
    UniqueFd fd(sys::OpenAt(parent.get(), temporary.c_str(), O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR | O_CLOEXEC, 0666));
    if (!fd.valid()) return ErrnoStatus(errno, "cannot create a file in " + Printable(folder));
    return Draft(std::move(parent), std::move(fd), std::move(temporary), std::move(name), Printable(path));
  }
  Draft(Draft&&) noexcept = default;
  Draft& operator=(Draft&&) = delete;
  ~Draft() {
    if (fd_.valid()) (void)sys::UnlinkAt(parent_.get(), temporary_.c_str(), 0);
  }

  int fd() const { return fd_.get(); }
  const std::string& shown() const { return shown_; }

  Status Publish(const std::optional<Time>& mtime) {
    if (mtime) {
      const auto seconds = std::chrono::floor<std::chrono::seconds>(*mtime);
      const struct timespec time = {seconds.time_since_epoch().count(), static_cast<long>((*mtime - seconds).count())};
      const struct timespec times[2] = {time, time};
      if (sys::FUtimens(fd_.get(), times) != 0) return ErrnoStatus(errno, "cannot set the time of " + shown_);
    }
    if (sys::Fsync(fd_.get()) != 0) return ErrnoStatus(errno, "cannot write " + shown_ + " to disk");
    if (sys::RenameAt(parent_.get(), temporary_.c_str(), parent_.get(), name_.c_str(), 0) != 0) return ErrnoStatus(errno, "cannot rename to " + shown_);
    fd_.Reset();
    if (sys::Fsync(parent_.get()) != 0) return ErrnoStatus(errno, "cannot write the folder of " + shown_ + " to disk");
    return {};
  }

 private:
  Draft(UniqueFd parent, UniqueFd fd, std::string temporary, std::string name, std::string shown)
      : parent_(std::move(parent)), fd_(std::move(fd)), temporary_(std::move(temporary)), name_(std::move(name)), shown_(std::move(shown)) {}

  UniqueFd parent_;
  UniqueFd fd_;
  std::string temporary_, name_, shown_;
};

// A stretch of the file, hashed as it is written.
class StretchSink final : public ISink {
 public:
  StretchSink(const Draft& draft, std::uint64_t offset) : draft_(draft), offset_(offset) {}
  Status Write(Bytes bytes) override {
    if (Status s = WriteFully(draft_.fd(), bytes, static_cast<std::int64_t>(offset_ + written_), draft_.shown()); !s.ok()) return s;
    written_ += bytes.size();
    crc_ = Crc64Nvme(crc_, bytes);
    return {};
  }
  Status Restart() override {
    if (offset_ == 0 && sys::FTruncate(draft_.fd(), 0) != 0) return ErrnoStatus(errno, "cannot truncate " + draft_.shown());
    written_ = 0;
    crc_ = 0;
    return {};
  }
  std::uint64_t written() const { return written_; }
  std::uint64_t crc() const { return crc_; }

 private:
  const Draft& draft_;
  const std::uint64_t offset_;
  std::uint64_t written_ = 0;
  std::uint64_t crc_ = 0;
};

struct Stretch {
  std::uint64_t offset = 0, size = 0, crc = 0;
};

// One stretch of the version that info describes.
Status GetStretch(IStorageProvider& provider, const OpContext& ctx, std::string_view key, const ObjectInfo& info, const Draft& draft, Stretch* stretch) {
  StretchSink sink(draft, stretch->offset);
  GetOptions options;
  options.offset = stretch->offset;
  options.length = stretch->size;
  options.if_match = info.etag;
  Result<ObjectInfo> got = provider.Get(ctx, key, options, sink);
  if (got.code() == Code::kPreconditionFailed || (got.ok() && (got->size != info.size || got->etag != info.etag))) {
    return Status(Code::kSourceChanged, "the object was replaced while it was read");
  }
  if (!got.ok()) return got.status();
  if (sink.written() != stretch->size) return Status(Code::kIntegrity, "the storage sent " + std::to_string(sink.written()) + " bytes of " + std::to_string(stretch->size));
  stretch->crc = sink.crc();
  return {};
}

Result<ObjectInfo> GetInStretches(IStorageProvider& provider, const OpContext& ctx, std::string_view key, ObjectInfo info, const Draft& draft, std::uint64_t part_size, int width) {
  std::vector<Stretch> stretches;
  for (std::uint64_t offset = 0; offset < info.size; offset += part_size) stretches.push_back({offset, std::min(part_size, info.size - offset), 0});
  std::mutex mutex;
  std::size_t next = 0;
  Status status;
  RunOnThreads(std::max(1, width), [&] {
    while (true) {
      Stretch* stretch = nullptr;
      {
        const std::lock_guard lock(mutex);
        if (!status.ok() || next == stretches.size()) return;
        stretch = &stretches[next++];
      }
      if (Status s = GetStretch(provider, ctx, key, info, draft, stretch); !s.ok()) {
        const std::lock_guard lock(mutex);
        if (status.ok()) status = s;
      }
    }
  });
  if (!status.ok()) return status;
  std::uint64_t crc = 0;
  for (const Stretch& stretch : stretches) crc = Crc64NvmeCombine(crc, stretch.crc, stretch.size);
  DigestSet computed;
  computed.Set(Crc64Digest(crc));
  if (Status s = CheckKept(provider, ctx, key, computed, &info); !s.ok()) return s;
  return info;
}

Result<ObjectInfo> GetAtOnce(IStorageProvider& provider, const OpContext& ctx, std::string_view key, const Draft& draft) {
  StretchSink sink(draft, 0);
  GetOptions options;
  options.digests = MaskOf(DigestKind::kCrc64Nvme);
  Result<ObjectInfo> info = provider.Get(ctx, key, options, sink);
  if (!info.ok()) return info;
  if (sink.written() != info->size) return Status(Code::kIntegrity, "the storage sent " + std::to_string(sink.written()) + " bytes of " + std::to_string(info->size));
  const Digest* told = info->digests.Find(DigestKind::kCrc64Nvme);
  if (told != nullptr && Crc64Value(*told) != sink.crc()) return Status(Code::kIntegrity, "the bytes that arrived do not have the digest that the storage keeps");
  info->digests.Set(Crc64Digest(sink.crc()));
  return info;
}

}  // namespace

Result<ObjectInfo> DownloadToFile(IStorageProvider& provider, const OpContext& ctx, std::string_view key, const std::string& path, const TransferTuning& tuning) {
  Result<ObjectInfo> info = provider.Stat(ctx, key);
  if (!info.ok()) return info;
  const Result<std::string> file = FileBehind(path);
  if (!file.ok()) return file.status().With({}, "download", key);
  Result<Draft> draft = Draft::Create(*file);
  if (!draft.ok()) return draft.status().With({}, "download", key);
  if (info->size > 0 && sys::FAllocate(draft->fd(), 0, static_cast<off_t>(info->size)) != 0 && (errno == ENOSPC || errno == EDQUOT)) {
    return ErrnoStatus(errno, "cannot write " + draft->shown()).With({}, "download", key);
  }
  const bool pinned = provider.Caps().conditional_get && !info->etag.empty();
  const std::uint64_t part = std::max<std::uint64_t>(tuning.part_size, 1);
  Result<ObjectInfo> got = pinned && info->size >= tuning.multipart_threshold && info->size > part
                               ? GetInStretches(provider, ctx, key, std::move(info).value(), *draft, part, tuning.parallel_parts)
                               : GetAtOnce(provider, ctx, key, *draft);
  if (!got.ok()) return got.status().With(provider.Name(), "get", key);
  if (Status s = draft->Publish(got->properties.mtime); !s.ok()) return s.With({}, "download", key);
  return got;
}

}  // namespace fileferry
