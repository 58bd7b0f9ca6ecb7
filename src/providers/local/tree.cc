// tree.cc: descriptors from the root to files and folders.  Thread-safe as tree.h says.
#include "providers/local/tree.h"

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "base/errno_status.h"

namespace fileferry::local {
namespace {

constexpr int kFolderFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

// Without openat2 an open with O_NOFOLLOW|O_DIRECTORY says ENOTDIR for a link as for a file; the difference matters to callers.
int LinkOrNot(int folder, const char* name, int error) {
  struct stat st = {};
  if (error == ENOTDIR && sys::FStatAt(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode)) return ELOOP;
  return error;
}

std::string Absolute(const std::string& path) {
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(path, error);
  std::string text = error ? path : absolute.lexically_normal().string();
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  return text;
}

LocalOptions WithAbsoluteRoot(LocalOptions options) {
  options.root = Absolute(options.root);
  return options;
}

}  // namespace

Tree::Tree(LocalOptions options) : options_(WithAbsoluteRoot(std::move(options))) {}

std::string Tree::Display(std::string_view path) const {
  std::string out = options_.root;
  if (!path.empty()) out.append(out == "/" ? "" : "/").append(path);
  return out;
}

Status Tree::Error(int error, std::string_view verb, std::string_view path) const { return ErrnoStatus(error, std::string(verb) + " " + Display(path)); }

Result<RootRef> Tree::Get() {
  Shared& shared = shared_.Get();
  const std::scoped_lock lock(shared.mutex);
  if (shared.root != nullptr) return shared.root;
  const int fd = sys::OpenAt(AT_FDCWD, options_.root.c_str(), kFolderFlags, 0);
  if (fd < 0) {
    const int error = errno;
    if (error == ENOENT) return Status(Code::kNotFound, "the root folder " + options_.root + " does not exist");
    if (error == ENOTDIR) return Status(Code::kInvalidArgument, "the root " + options_.root + " is not a folder");
    return ErrnoStatus(error, "cannot open the root folder " + options_.root);
  }
  shared.root = std::make_shared<const UniqueFd>(fd);
  return shared.root;
}

Result<RootRef> Tree::GetOrMake() {
  Result<RootRef> root = Get();
  if (root.ok() || root.code() != Code::kNotFound) return root;
  if (!options_.create_root) return Status(Code::kNotFound, "the root folder " + options_.root + " does not exist; make it, or set create_root");
  for (std::size_t slash = options_.root.find('/', 1);; slash = options_.root.find('/', slash + 1)) {
    const std::string path = options_.root.substr(0, slash);
    if (sys::MkdirAt(AT_FDCWD, path.c_str(), options_.folder_mode) != 0) {
      if (errno != EEXIST && errno != EROFS && errno != EACCES && errno != EPERM) return ErrnoStatus(errno, "cannot make the folder " + path);
      struct stat st = {};
      const int error = errno;
      if (sys::FStatAt(AT_FDCWD, path.c_str(), &st, 0) != 0) return ErrnoStatus(error, "cannot make the folder " + path);
    } else if (durable_folders()) {
      const std::size_t parent_end = path.rfind('/');
      const std::string parent = parent_end == 0 ? "/" : path.substr(0, parent_end);
      const UniqueFd folder(sys::OpenAt(AT_FDCWD, parent.c_str(), kFolderFlags, 0));
      if (folder.valid() && sys::Fsync(folder.get()) != 0) return ErrnoStatus(errno, "cannot flush the folder " + parent);
    }
    if (slash == std::string::npos) break;
  }
  return Get();
}

bool Tree::ForgetIfRemoved(const RootRef& root) {
  struct stat st = {};
  if (sys::FStat(root->get(), &st) != 0 || st.st_nlink != 0) return false;
  Shared& shared = shared_.Get();
  const std::scoped_lock lock(shared.mutex);
  if (shared.root == root) shared.root.reset();
  return true;
}

int Tree::Walk(int root, const std::string& path, int flags, mode_t mode) const {
  UniqueFd held;
  int folder = root;
  for (std::size_t begin = 0;;) {
    const std::size_t slash = path.find('/', begin);
    const std::string name = path.substr(begin, slash == std::string::npos ? slash : slash - begin);
    if (name.empty() || name == "..") {
      errno = EINVAL;
      return -1;
    }
    const bool last = slash == std::string::npos;
    const int fd = sys::OpenAt(folder, name.c_str(), (last ? flags : O_PATH | O_DIRECTORY) | O_NOFOLLOW | O_CLOEXEC, last ? mode : 0);
    if (fd < 0) {
      const int error = LinkOrNot(folder, name.c_str(), errno);
      held.Reset();
      errno = error;
      return -1;
    }
    if (last) return fd;
    held = UniqueFd(fd);
    folder = fd;
    begin = slash + 1;
  }
}

int Tree::Open(int root, const std::string& path, int flags, mode_t mode) const {
  const bool follow = options_.links == LocalOptions::Links::kFollow;
  const int fd = sys::OpenBeneath(root, path.c_str(), flags | O_CLOEXEC, mode, follow);
  if (fd >= 0 || (errno != ENOSYS && errno != EPERM)) return fd;
  return Walk(root, path, flags, mode);
}

int Tree::OpenFolder(int root, std::string_view path) const {
  if (path.empty()) return sys::OpenAt(root, ".", kFolderFlags, 0);
  return Open(root, std::string(path), kFolderFlags);
}

int Tree::OpenOrMakeFolder(int root, std::string_view path, bool defer, int* deferred) {
  int fd = OpenFolder(root, path);
  if (fd >= 0 || errno != ENOENT || path.empty()) return fd;
  UniqueFd parent(OpenFolder(root, {}));
  for (std::size_t begin = 0; parent.valid();) {
    const std::size_t slash = path.find('/', begin);
    const bool last = slash == std::string_view::npos;
    const std::string_view here = path.substr(0, slash);
    fd = OpenFolder(root, here);
    if (fd < 0 && errno == ENOENT) {
      const std::string name(here.substr(begin));
      unsynced_.Add(1);
      const bool made = sys::MkdirAt(parent.get(), name.c_str(), options_.folder_mode) == 0;
      if (!made && errno != EEXIST) {
        const int error = errno;
        unsynced_.Add(-1);
        errno = error;
        return -1;
      }
      fd = OpenFolder(root, here);
      const int error = errno;
      if (made && fd >= 0 && sys::FChmod(fd, options_.folder_mode) != 0 && errno != EPERM) {
        const int failure = errno;
        unsynced_.Add(-1);
        (void)sys::Close(fd);
        errno = failure;
        return -1;
      }
      if (defer && made) {
        ++*deferred;
      } else {
        if (durable_folders() && sys::Fsync(parent.get()) != 0) {
          const int failure = errno;
          if (fd >= 0) (void)sys::Close(fd);
          errno = failure;
          return -1;
        }
        unsynced_.Add(-1);
      }
      errno = error;
    }
    if (fd < 0 || last) return fd;
    parent = UniqueFd(fd);
    begin = slash + 1;
  }
  return -1;
}

int Tree::SyncAncestors(int root, std::string_view path) const {
  while (!path.empty()) {
    path = SplitLeaf(path).folder;
    const UniqueFd folder(OpenFolder(root, path));
    if (!folder.valid() || sys::Fsync(folder.get()) != 0) return -1;
  }
  return 0;
}

bool Tree::HasKeysFolder(int root) const {
  struct stat st = {};
  return sys::FStatAt(root, ".fileferry/keys", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

// 0, ENOENT when no object is there, or another errno.
int Tree::TryFind(const RootRef& root, const std::string& path, Found* found) const {
  found->file = UniqueFd(Open(root->get(), path, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  if (!found->file.valid()) {
    const bool absent = errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == EXDEV || errno == ENXIO || errno == ENODEV;
    return absent ? ENOENT : errno;
  }
  if (sys::FStat(found->file.get(), &found->st) != 0) return errno;
  if (!S_ISREG(found->st.st_mode)) return ENOENT;
  found->root = root;
  found->path = path;
  return 0;
}

Result<Found> Tree::Find(std::string_view key) {
  for (int attempt = 0;; ++attempt) {
    Result<RootRef> root = Get();
    if (!root.ok()) return root.status();
    Found found;
    int error = ENOENT;
    std::string path;
    if (std::optional<std::string> plain = PlainPath(key, options_.layout)) {
      path = std::move(*plain);
      error = TryFind(*root, path, &found);
    }
    if (error == ENOENT) {
      path = KeysPath(key);
      error = TryFind(*root, path, &found);
    }
    if (error == 0) return found;
    if (error != ENOENT) return Error(error, "cannot open", path);
    if (attempt > 0 || !ForgetIfRemoved(*root)) return Status(Code::kNotFound, "there is no such object in " + options_.root);
  }
}

}  // namespace fileferry::local
