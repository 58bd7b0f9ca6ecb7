// health.cc: whether the folder can be used, and the removal of what cut-off writes left behind.  Thread-safe.
#include <sys/file.h>

#include <cerrno>

#include "base/clock.h"
#include "fileferry/config.h"
#include "providers/local/provider.h"

namespace fileferry::local {
namespace {

using Details = std::vector<std::pair<std::string, std::string>>;

std::string LayoutName(LocalOptions::Layout layout) {
  switch (layout) {
    case LocalOptions::Layout::kPlain: return "plain";
    case LocalOptions::Layout::kActiveStorage: return "activestorage";
  }
  return {};
}

std::string FsyncName(LocalOptions::Fsync fsync) {
  switch (fsync) {
    case LocalOptions::Fsync::kNone: return "none";
    case LocalOptions::Fsync::kFile: return "file";
    case LocalOptions::Fsync::kFull: return "full";
  }
  return {};
}

// Whether the file has its name in upper case as well: the file system does not tell A from a.
bool FoldsCase(int root, int file, std::string name) {
  for (char& c : name) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  struct stat here = {}, there = {};
  if (sys::FStat(file, &here) != 0 || sys::FStatAt(root, name.c_str(), &there, AT_SYMLINK_NOFOLLOW) != 0) return false;
  return here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

// Makes and removes a temporary file, as a write would.
Status TryToWrite(const Tree& tree, int root, Details* details) {
  const std::string name = TemporaryName();
  const UniqueFd file(sys::OpenAt(root, name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file.valid()) return tree.Error(errno, "cannot create a file in", {});
  const bool attributes = sys::FSetXattr(file.get(), kAttribute, "{}", 2, 0) == 0;
  details->emplace_back("properties", attributes ? "extended attributes" : "hidden folder .fileferry/properties");
  details->emplace_back("names", FoldsCase(root, file.get(), name) ? "A and a are one file here: of keys that differ in case alone the first is kept, the others are conflicts"
                                                                  : "A and a are two files");
  if (sys::UnlinkAt(root, name.c_str(), 0) != 0) return tree.Error(errno, "cannot remove", name);
  return {};
}

// The lock is taken for a moment: nobody holds it, hence nobody is going to publish the file.
bool IsAbandoned(int folder, const char* name) {
  const UniqueFd file(sys::OpenAt(folder, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC, 0));
  return file.valid() && sys::FLock(file.get(), LOCK_EX | LOCK_NB) == 0;
}

bool IsOlder(const struct stat& st, Time before) {
  // The time of the last change of any kind: the modification time is set to the source's.
  const Time changed = Time(std::chrono::seconds(st.st_ctim.tv_sec)) + std::chrono::nanoseconds(st.st_ctim.tv_nsec);
  return changed <= before;
}

// Walks the whole tree, and removes old temporary files or (with abandoned) lists the drafts whose writer is gone.
class Sweeper {
 public:
  Sweeper(const OpContext& ctx, const Tree& tree, int root, Time before, std::vector<std::string>* abandoned = nullptr)
      : ctx_(ctx), tree_(tree), root_(root), before_(before), abandoned_(abandoned) {}

  Status Folder(const std::string& path) {
    if (Status s = ctx_.Check(); !s.ok()) return s;
    const int fd = tree_.OpenFolder(root_, path);
    if (fd < 0) return errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == EXDEV ? Status() : tree_.Error(errno, "cannot list", path);
    DIR* dir = sys::FdOpenDir(fd);
    if (dir == nullptr) {
      const int error = errno;
      (void)sys::Close(fd);
      return tree_.Error(error, "cannot list", path);
    }
    std::vector<std::string> below;
    Status status = Entries(dir, path, &below);
    ::closedir(dir);
    for (const std::string& name : below) {
      if (!status.ok()) return status;
      status = Folder(path.empty() ? name : path + "/" + name);
    }
    return status;
  }

  std::uint64_t count() const { return count_; }

 private:
  Status Entries(DIR* dir, const std::string& path, std::vector<std::string>* below) {
    while (const struct dirent* entry = sys::ReadDir(dir)) {
      const std::string_view name(entry->d_name);
      if (name == "." || name == "..") continue;
      struct stat st = {};
      const bool temporary = IsTemporaryName(name);
      if (!temporary && entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN) continue;
      if (entry->d_type == DT_DIR) {
        below->emplace_back(name);
        continue;
      }
      if (abandoned_ != nullptr && temporary) {
        if (IsDraftName(name) && IsAbandoned(::dirfd(dir), entry->d_name)) abandoned_->push_back(path.empty() ? std::string(name) : path + "/" + std::string(name));
        continue;
      }
      if (sys::FStatAt(::dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT) continue;
        return tree_.Error(errno, "cannot look at", path + "/" + entry->d_name);
      }
      if (S_ISDIR(st.st_mode)) below->emplace_back(name);
      if (!temporary || !S_ISREG(st.st_mode) || !IsOlder(st, before_)) continue;
      if (sys::UnlinkAt(::dirfd(dir), entry->d_name, 0) == 0) {
        ++count_;
      } else if (errno != ENOENT) {
        return tree_.Error(errno, "cannot remove", path + "/" + entry->d_name);
      }
    }
    return errno == 0 ? Status() : tree_.Error(errno, "cannot list", path);
  }

  const OpContext& ctx_;
  const Tree& tree_;
  const int root_;
  const Time before_;
  std::vector<std::string>* const abandoned_;
  std::uint64_t count_ = 0;
};

}  // namespace

HealthReport LocalProvider::Health(const OpContext& ctx) {
  HealthReport report;
  const auto begin = SteadyNow();
  const LocalOptions& options = tree_.options();
  report.details.emplace_back("root", options.root);
  report.details.emplace_back("layout", LayoutName(options.layout));
  report.details.emplace_back("fsync", FsyncName(options.fsync));
  report.status = ctx.Check();
  Result<RootRef> root = report.status.ok() ? tree_.Get() : Result<RootRef>(report.status);
  if (root.ok() && tree_.ForgetIfRemoved(*root)) root = tree_.Get();
  if (!root.ok() && root.code() == Code::kNotFound && options.create_root) {
    report.details.emplace_back("state", "the root does not exist yet; the first write makes it");
  } else if (!root.ok()) {
    report.status = root.status();
  } else {
    const int fd = (*root)->get();
    struct statvfs vfs = {};
    if (sys::FStatVfs(fd, &vfs) == 0) {
      const std::uint64_t free = std::uint64_t{vfs.f_bavail} * vfs.f_frsize;
      report.details.emplace_back("free", FormatSize(free));
      if (free < options.min_free) {
        report.status = Status(Code::kQuotaExceeded, "only " + FormatSize(free) + " are free, less than min_free (" + FormatSize(options.min_free) + "); free space");
      }
    }
    const UniqueFd beneath(sys::OpenBeneath(fd, ".", O_PATH | O_CLOEXEC, 0, false));
    report.details.emplace_back("paths", beneath.valid() ? "openat2" : "walked one by one (the kernel has no openat2)");
    if (report.status.ok()) report.status = TryToWrite(tree_, fd, &report.details);
  }
  report.status = Say(report.status, "health", {});
  report.latency = std::chrono::duration_cast<std::chrono::milliseconds>(SteadyNow() - begin);
  return report;
}

Status LocalProvider::ListAbandoned(const OpContext& ctx, std::vector<std::string>* paths) {
  const Result<RootRef> root = tree_.Get();
  if (!root.ok()) return root.code() == Code::kNotFound ? Status() : root.status();
  Sweeper sweeper(ctx, tree_, (*root)->get(), Time::min(), paths);
  return sweeper.Folder({});
}

Status LocalProvider::RemoveAbandoned(const std::string& path) {
  const SplitPath split = SplitLeaf(path);
  if (!IsDraftName(split.leaf)) return Status(Code::kInvalidArgument, "the upload id is not one of this storage");
  const Result<RootRef> root = tree_.Get();
  if (!root.ok()) return root.code() == Code::kNotFound ? Status() : root.status();
  const std::string leaf(split.leaf);
  const UniqueFd folder(tree_.OpenFolder((*root)->get(), split.folder));
  if (!folder.valid()) return errno == ENOENT || errno == ENOTDIR ? Status() : tree_.Error(errno, "cannot open the folder", split.folder);
  const UniqueFd file(sys::OpenAt(folder.get(), leaf.c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC, 0));
  if (!file.valid()) return errno == ENOENT ? Status() : tree_.Error(errno, "cannot open", path);
  if (sys::FLock(file.get(), LOCK_EX | LOCK_NB) != 0) return Status(Code::kBusy, "the file is being written");
  if (sys::UnlinkAt(folder.get(), leaf.c_str(), 0) != 0 && errno != ENOENT) return tree_.Error(errno, "cannot remove", path);
  return {};
}

Result<std::uint64_t> LocalProvider::SweepTemporary(const OpContext& ctx, std::chrono::seconds age) {
  const Result<RootRef> root = tree_.Get();
  if (!root.ok()) return root.code() == Code::kNotFound ? Result<std::uint64_t>(std::uint64_t{0}) : Say(root.status(), "sweep", {});
  const Time before = Now() - age;
  const Result<std::uint64_t> uploads = uploads_.Sweep(ctx, before.time_since_epoch().count());  // first: removing files makes their folders look new
  if (!uploads.ok()) return Say(uploads.status(), "sweep", {});
  Sweeper sweeper(ctx, tree_, (*root)->get(), before);
  if (Status s = sweeper.Folder({}); !s.ok()) return Say(s, "sweep", {});
  return sweeper.count() + *uploads;
}

}  // namespace fileferry::local
