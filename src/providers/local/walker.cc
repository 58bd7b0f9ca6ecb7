// walker.cc: walks folders in the order of keys.  One thread at a time.
#include "providers/local/walker.h"

#include <algorithm>
#include <cerrno>

#include "base/clock.h"

namespace fileferry::local {
namespace {

constexpr std::size_t kMaxNotes = 100;
constexpr std::size_t kMaxProblems = 10'000;  // named of one page
constexpr int kMaxProbeDepth = 512;

class Folder {  // owns a DIR
 public:
  explicit Folder(int fd) : dir_(fd < 0 ? nullptr : sys::FdOpenDir(fd)) {}
  ~Folder() {
    if (dir_ != nullptr) ::closedir(dir_);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  bool valid() const { return dir_ != nullptr; }
  struct dirent* Next() { return sys::ReadDir(dir_); }
  int fd() const { return ::dirfd(dir_); }

 private:
  DIR* const dir_;
};

bool IsDots(const char* name) { return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0')); }

Names::Type TypeOfMode(mode_t mode) {
  if (S_ISREG(mode)) return Names::Type::kFile;
  if (S_ISDIR(mode)) return Names::Type::kFolder;
  return S_ISLNK(mode) ? Names::Type::kLink : Names::Type::kOther;
}

// -1 where the file system does not tell and the file is gone.
int TypeOfEntry(int folder, const struct dirent& entry) {
  switch (entry.d_type) {
    case DT_REG: return static_cast<int>(Names::Type::kFile);
    case DT_DIR: return static_cast<int>(Names::Type::kFolder);
    case DT_LNK: return static_cast<int>(Names::Type::kLink);
    case DT_UNKNOWN: break;
    default: return static_cast<int>(Names::Type::kOther);
  }
  struct stat st = {};
  if (sys::FStatAt(folder, entry.d_name, &st, AT_SYMLINK_NOFOLLOW) != 0) return -1;
  return static_cast<int>(TypeOfMode(st.st_mode));
}

std::string Below(const std::string& path, std::string_view name) {
  std::string out;
  out.reserve(path.size() + name.size() + 1);
  if (!path.empty()) out.append(path) += '/';
  return out.append(name);
}

}  // namespace

void Names::Add(std::string_view name, Type type, bool slash) {
  entries_.push_back({static_cast<std::uint32_t>(arena_.size()), static_cast<std::uint16_t>(name.size() + (slash ? 1 : 0)), type});
  arena_.append(name);
  if (slash) arena_ += '/';
  arena_ += '\0';
}

void Names::Sort() {
  const char* base = arena_.data();
  std::sort(entries_.begin(), entries_.end(), [base](const Entry& a, const Entry& b) {
    return std::string_view(base + a.offset, a.length) < std::string_view(base + b.offset, b.length);
  });
}

std::size_t Names::LowerBound(std::string_view text) const {
  const auto found = std::lower_bound(entries_.begin(), entries_.end(), text, [this](const Entry& entry, std::string_view value) {
    return std::string_view(arena_.data() + entry.offset, entry.length) < value;
  });
  return static_cast<std::size_t>(found - entries_.begin());
}

std::size_t Walker::names() const {
  std::size_t sum = 0;
  for (const Frame& frame : frames_) sum += frame.names.size();
  return sum;
}

bool Walker::Changed() const {
  return std::any_of(frames_.begin(), frames_.end(), [](const Frame& frame) {
    struct stat now = {};
    return sys::FStat(frame.folder.get(), &now) != 0 || now.st_nlink == 0 || now.st_mtim.tv_sec != frame.st.st_mtim.tv_sec ||
           now.st_mtim.tv_nsec != frame.st.st_mtim.tv_nsec;
  });
}

Status Walker::Start() {
  Result<RootRef> root = tree_->Get();
  if (root.ok() && tree_->ForgetIfRemoved(*root)) root = tree_->Get();
  if (!root.ok()) return root.code() == Code::kNotFound ? Status() : root.status();
  root_ = *root;
  const bool sharded = tree_->options().layout == LocalOptions::Layout::kActiveStorage;
  const std::size_t slash = sharded ? std::string::npos : prefix_.rfind('/');
  if (slash == std::string::npos) return Enter(tree_->OpenFolder(root_->get(), {}), {}, {}, sharded ? 0 : 2, true);
  if (slash == 0) return {};
  std::optional<std::string> path = PlainPath(std::string_view(prefix_).substr(0, slash), tree_->options().layout);
  if (!path) return {};
  const int fd = tree_->OpenFolder(root_->get(), *path);
  if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == EXDEV)) return {};
  return Enter(fd, std::move(*path), prefix_.substr(0, slash + 1), 2, slash + 1 != prefix_.size());  // a folder asked for by its name counts where it is empty
}

Status Walker::Enter(int fd, std::string path, std::string key, int shard, bool has_object) {
  if (fd < 0) return tree_->Error(errno, "cannot list", path);
  Frame frame;
  frame.folder = UniqueFd(fd);
  frame.path = std::move(path);
  frame.key = std::move(key);
  frame.shard = shard;
  frame.has_object = has_object || std::string_view(lower_.key).starts_with(frame.key);
  if (frame.shard < 2) frame.has_object = true;
  if (sys::FStat(fd, &frame.st) != 0) return tree_->Error(errno, "cannot list", frame.path);
  if (tree_->options().links == LocalOptions::Links::kFollow) {
    for (const Frame& above : frames_) {
      if (above.st.st_ino != frame.st.st_ino || above.st.st_dev != frame.st.st_dev) continue;
      Note(frame.path, "a symbolic link to a folder above it is not followed");
      return {};
    }
  }
  if (Status s = ReadNames(&frame); !s.ok()) return s;
  if (frame.shard == 2) {  // go straight to where the listing begins
    const std::string& from = std::max(prefix_, lower_.key);
    if (std::string_view(from).starts_with(frame.key)) {
      const std::string_view rest = std::string_view(from).substr(frame.key.size());
      frame.next = frame.names.LowerBound(rest.substr(0, rest.find('/') == std::string_view::npos ? rest.size() : rest.find('/') + 1));
    }
  }
  frames_.push_back(std::move(frame));
  return {};
}

Status Walker::TypeOfLink(const Frame& frame, const std::string& name, Names::Type* type) {
  switch (tree_->options().links) {
    case LocalOptions::Links::kSkip: return {};
    case LocalOptions::Links::kError:
      return Status(Code::kInvalidArgument, "a symbolic link: " + tree_->Display(Below(frame.path, name)) + "; choose links: skip or follow");
    case LocalOptions::Links::kFollow: break;
  }
  const UniqueFd target(tree_->Open(root_->get(), Below(frame.path, name), O_PATH));
  struct stat st = {};
  if (!target.valid()) {
    if (errno == ENOENT || errno == ELOOP || errno == EXDEV || errno == ENOTDIR || errno == EACCES) return {};
    return tree_->Error(errno, "cannot follow the link", Below(frame.path, name));
  }
  if (sys::FStat(target.get(), &st) != 0) return tree_->Error(errno, "cannot follow the link", Below(frame.path, name));
  *type = TypeOfMode(st.st_mode);
  return {};
}

Status Walker::ReadNames(Frame* frame) {
  const auto begin = SteadyNow();
  const int copy = sys::OpenAt(frame->folder.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  Folder folder(copy);
  if (!folder.valid()) {
    const int error = errno;
    if (copy >= 0) (void)sys::Close(copy);
    if (error == ENOENT) return {};
    return tree_->Error(error, "cannot list", frame->path);
  }
  while (const struct dirent* entry = folder.Next()) {
    const std::string_view name(entry->d_name);
    if (name[0] == '.' && (IsDots(entry->d_name) || IsTemporaryName(name) || (frame->path.empty() && name == kHiddenFolder))) continue;
    const int number = TypeOfEntry(frame->folder.get(), *entry);
    if (number < 0) continue;
    auto type = static_cast<Names::Type>(number);
    if (type == Names::Type::kLink) {
      if (Status s = TypeOfLink(*frame, std::string(name), &type); !s.ok()) return s;
    }
    const std::string segment = SegmentFromName(name);
    if (segment.size() > 1024) {
      NoObject(Below(frame->path, name), "its key would have more than 1024 bytes");
      continue;
    }
    const bool folder_type = type == Names::Type::kFolder;
    if (frame->shard == 1 && type == Names::Type::kFile && std::string_view(segment) == frame->key) {
      frame->names.Add({}, type, false);  // the key is the folder's own name
    } else {
      frame->names.Add(segment, type, folder_type && frame->shard == 2);
    }
  }
  if (errno != 0 && errno != ENOENT) return tree_->Error(errno, "cannot list", frame->path);
  frame->names.Sort();
  cost_ += SteadyNow() - begin;
  return {};
}

void Walker::Note(std::string_view path, std::string_view what) {
  if (counts_.notes.size() < kMaxNotes) counts_.notes.push_back(tree_->Display(path) + ": " + std::string(what));
}

void Walker::NoObject(std::string_view path, std::string_view what) {
  if (!name_problems_) return Note(path, what);
  Name(path, Status(Code::kInvalidArgument, std::string(what)));
}

void Walker::Name(std::string_view key, const Status& status) {
  if (counts_.problems.size() < kMaxProblems) {
    counts_.problems.push_back({std::string(key), status});
  } else {
    ++counts_.more_problems;
  }
  if (!frames_.empty()) frames_.back().has_object = true;  // nobody can say that it is empty
}

// Whether an entry of a folder of the activestorage layout is where a key with this first segment lies.
bool Walker::IsPlaced(const Frame& frame, std::string_view segment, bool folder) const {
  const std::string key = folder ? std::string(segment) + "/x" : std::string(segment);
  const std::optional<std::string> path = PlainPath(key, LocalOptions::Layout::kActiveStorage);
  return path && *path == Below(frame.path, NameFromSegment(segment)) + (folder ? "/x" : "");
}

void Walker::Leave() {
  const bool has_object = frames_.back().has_object;
  frames_.pop_back();
  if (has_object && !frames_.empty()) frames_.back().has_object = true;
  if (!has_object) ++counts_.empty_folders;
}

Status Walker::Next(const OpContext& ctx, WalkItem* item, bool* done) {
  *done = false;
  for (bool found = false; !found;) {
    if ((++steps_ & 255U) == 0) {
      if (Status s = ctx.Check(); !s.ok()) return s;
    }
    if (frames_.empty()) {
      *done = true;
      return {};
    }
    if (frames_.back().next >= frames_.back().names.size()) {
      Leave();
      continue;
    }
    if (Status s = Visit(ctx, item, &found); !s.ok()) return s;
  }
  return {};
}

Status Walker::Visit(const OpContext& ctx, WalkItem* item, bool* found) {
  Frame& frame = frames_.back();
  const std::size_t i = frame.next++;
  key_.assign(frame.key).append(frame.names.Text(i));
  const Names::Type type = frame.names.TypeOf(i);
  const bool wanted = std::string_view(key_).starts_with(prefix_) || (type == Names::Type::kFolder && std::string_view(prefix_).starts_with(key_));
  if (!wanted) {
    if (key_ > prefix_ && frame.shard == 2) frame.next = frame.names.size();  // nothing later begins with the prefix
    return {};
  }
  if (type == Names::Type::kFolder) return lower_.MayPass(key_) ? VisitFolder(ctx, i, item, found) : Status();
  return lower_.Passes(key_) ? VisitFile(i, item, found) : Status();
}

Status Walker::VisitFolder(const OpContext& ctx, std::size_t i, WalkItem* item, bool* found) {
  Frame& frame = frames_.back();
  std::string_view segment = frame.names.Text(i);
  if (frame.shard == 2) segment.remove_suffix(1);
  std::string path = Below(frame.path, NameFromSegment(segment));
  const bool top = frame.shard == 2 && frame.key.empty() && tree_->options().layout == LocalOptions::Layout::kActiveStorage;
  if (top && !IsPlaced(frame, segment, true)) {
    NoObject(path + "/", "not where the layout activestorage puts an object");
    return {};
  }
  if (key_.size() > 1023) {
    NoObject(path + "/", "the keys in it would have more than 1024 bytes");
    return {};
  }
  if (delimiter_ && frame.shard == 2 && key_.size() > prefix_.size()) {
    bool has = false;
    Status s = HasObject(ctx, path, key_, &has);
    if (GoesOn(s)) {
      Name(key_, s);
      return {};
    }
    if (!s.ok()) return s;
    if (!has) return {};
    frame.has_object = true;
    item->key = key_;
    item->is_prefix = true;
    *found = true;
    return {};
  }
  const int fd = tree_->OpenFolder(root_->get(), path);
  if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == EXDEV)) return {};  // removed or replaced since
  std::string key = frame.shard == 1 ? std::string() : key_;
  const std::string name = frame.shard == 2 ? key_ : path + "/";
  const Status s = Enter(fd, std::move(path), std::move(key), std::min(frame.shard + 1, 2), false);
  if (!GoesOn(s)) return s;
  Name(name, s);
  return {};
}

Status Walker::VisitFile(std::size_t i, WalkItem* item, bool* found) {
  Frame& frame = frames_.back();
  std::string other;
  const char* name = frame.names.CText(i);
  if (key_.size() > 1024) {
    NoObject(Below(frame.path, name), "its key would have more than 1024 bytes");
    return {};
  }
  if (frame.names.Text(i).empty()) {
    name = frame.key.c_str();
  } else if (frame.names.Text(i).find("%!") != std::string_view::npos) {
    other = NameFromSegment(frame.names.Text(i));
    name = other.c_str();
  }
  switch (frame.names.TypeOf(i)) {
    case Names::Type::kLink: ++counts_.links; return {};
    case Names::Type::kOther: Note(Below(frame.path, name), "a socket, FIFO or device is not an object"); return {};
    case Names::Type::kFolder:
    case Names::Type::kFile: break;
  }
  if (tree_->options().layout == LocalOptions::Layout::kActiveStorage) {
    const bool misplaced = frame.shard == 0 || (frame.shard == 1 ? !frame.names.Text(i).empty() || !IsPlaced(frame, frame.key, false)
                                                                : frame.key.empty() && !IsPlaced(frame, frame.names.Text(i), false));
    if (misplaced && std::string_view(name) == ".keep") {  // every new Rails application has one in its storage folder
      Note(Below(frame.path, name), "not where the layout activestorage puts an object");
      return {};
    }
    if (misplaced) {
      NoObject(Below(frame.path, name), "not where the layout activestorage puts an object");
      return {};
    }
  }
  if (sys::FStatAt(frame.folder.get(), name, &item->st, AT_SYMLINK_NOFOLLOW) != 0) {
    return errno == ENOENT ? Status() : tree_->Error(errno, "cannot look at", Below(frame.path, name));
  }
  if (S_ISLNK(item->st.st_mode) && tree_->options().links == LocalOptions::Links::kFollow) {
    const UniqueFd target(tree_->Open(root_->get(), Below(frame.path, name), O_PATH));
    if (!target.valid() || sys::FStat(target.get(), &item->st) != 0) return {};  // removed since
  }
  if (!S_ISREG(item->st.st_mode)) return {};
  frame.has_object = true;
  item->key = key_;
  item->is_prefix = false;
  *found = true;
  return {};
}

Status Walker::HasObject(const OpContext& ctx, const std::string& path, const std::string& key, bool* has) {
  if (std::string_view(lower_.key).starts_with(key)) {  // the listing begins inside: only what passes counts
    Walker inside(tree_, key, false, lower_, name_problems_);
    if (Status s = inside.Start(); !s.ok()) return s;
    WalkItem item;
    bool done = false;
    Status s = inside.Next(ctx, &item, &done);
    *has = !done;
    return s;
  }
  std::uint64_t folders = 0;
  const int fd = tree_->OpenFolder(root_->get(), path);
  if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == EXDEV)) return {};
  if (Status s = Probe(fd, path, 0, &folders, has); !s.ok()) return s;
  if (!*has) counts_.empty_folders += folders;
  return {};
}

// Looks for any object below; order does not matter.
Status Walker::Probe(int fd, const std::string& path, int depth, std::uint64_t* folders, bool* has) {
  Folder folder(fd);
  if (!folder.valid()) {
    const int error = errno;
    if (fd >= 0) (void)sys::Close(fd);
    return tree_->Error(error, "cannot list", path);
  }
  ++*folders;
  std::vector<std::string> below;
  while (const struct dirent* entry = folder.Next()) {
    if (IsDots(entry->d_name) || IsTemporaryName(entry->d_name)) continue;
    const int number = TypeOfEntry(folder.fd(), *entry);
    auto type = static_cast<Names::Type>(std::max(number, 0));
    if (number < 0) continue;
    if (type == Names::Type::kLink) {
      Frame frame;
      frame.path = path;
      if (Status s = TypeOfLink(frame, entry->d_name, &type); !s.ok()) return s;
    }
    if (type == Names::Type::kFile) {
      *has = true;
      return {};
    }
    if (type == Names::Type::kFolder) below.emplace_back(entry->d_name);
  }
  if (errno != 0) return tree_->Error(errno, "cannot list", path);
  if (depth >= kMaxProbeDepth) return {};
  Status unread;
  for (const std::string& name : below) {
    const std::string inner = Below(path, name);
    const int next = tree_->OpenFolder(root_->get(), inner);
    if (next < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == EXDEV)) continue;
    Status s = Probe(next, inner, depth + 1, folders, has);
    if (GoesOn(s)) {
      unread = std::move(s);
      continue;
    }
    if (!s.ok() || *has) return s;
  }
  return unread;
}

namespace {

Status ReadKeysBelow(const Tree& tree, int root, const std::string& path, std::string_view prefix, const Lower& lower, std::vector<std::string>* keys,
                     std::vector<std::string>* notes) {
  const int fd = tree.OpenFolder(root, path);
  if (fd < 0) return errno == ENOENT || errno == ENOTDIR ? Status() : tree.Error(errno, "cannot list", path);
  Folder folder(fd);
  if (!folder.valid()) {
    const int error = errno;
    (void)sys::Close(fd);
    return tree.Error(error, "cannot list", path);
  }
  while (const struct dirent* entry = folder.Next()) {
    if (IsDots(entry->d_name) || IsTemporaryName(entry->d_name)) continue;
    const std::string inner = Below(path, entry->d_name);
    const int type = TypeOfEntry(folder.fd(), *entry);
    if (type < 0) continue;
    if (static_cast<Names::Type>(type) == Names::Type::kFolder) {
      if (Status s = ReadKeysBelow(tree, root, inner, prefix, lower, keys, notes); !s.ok()) return s;
      continue;
    }
    std::optional<std::string> key;
    if (static_cast<Names::Type>(type) == Names::Type::kFile) key = KeyFromKeysPath(std::string_view(inner).substr(kKeysFolder.size() + 1));
    if (!key) {
      if (notes->size() < kMaxNotes) notes->push_back(tree.Display(inner) + ": not a name that fileferry writes here");
    } else if (key->starts_with(prefix) && lower.Passes(*key)) {
      keys->push_back(std::move(*key));
    }
  }
  return errno == 0 ? Status() : tree.Error(errno, "cannot list", path);
}

}  // namespace

Result<std::vector<std::string>> ReadKeysFolder(Tree& tree, std::string_view prefix, const Lower& lower, std::vector<std::string>* notes) {
  std::vector<std::string> keys;
  Result<RootRef> root = tree.Get();
  if (!root.ok()) return root.code() == Code::kNotFound ? Result<std::vector<std::string>>(std::move(keys)) : root.status();
  if (!tree.HasKeysFolder((*root)->get())) return keys;
  if (Status s = ReadKeysBelow(tree, (*root)->get(), std::string(kKeysFolder), prefix, lower, &keys, notes); !s.ok()) return s;
  std::sort(keys.begin(), keys.end());
  return keys;
}

}  // namespace fileferry::local
