// writer.cc: PUBLISH, step by step.  Thread-safe as writer.h says.
#include "providers/local/writer.h"

#include <sys/file.h>

#include <linux/fs.h>

#include <cerrno>
#include <thread>

namespace fileferry::local {
namespace {

constexpr std::uint64_t kReserveFrom = std::uint64_t{1} << 20;      // fallocate objects from this size
constexpr std::uint64_t kFreeCheckEvery = std::uint64_t{32} << 20;  // look at the free space again after so many bytes

Status Taken() { return Status(Code::kAlreadyExists, "an object with this key exists already"); }
Status Changed() { return Status(Code::kPreconditionFailed, "the object is not the version that was asked for"); }

Status LinkInTheWay(const Tree& tree, std::string_view path) {
  return Status(Code::kPermissionDenied, "a symbolic link is in the path " + tree.Display(path) + "; replace it by a folder, or set links: follow");
}

std::string FileOf(const Draft& draft) { return draft.folder_path.empty() ? draft.leaf : draft.folder_path + "/" + draft.leaf; }

}  // namespace

Status FileSink::Write(Bytes bytes) {
  if (Status s = ctx_.Check(); !s.ok()) return s;
  const std::uint64_t at = hasher_.count();
  if (bytes.size() > limit_ - at) return Status(Code::kSourceChanged, "the source gave more than the " + std::to_string(limit_) + " bytes that it announced");
  if (tree_.options().min_free != 0 && at + bytes.size() >= checked_free_ + kFreeCheckEvery) {
    if (Status s = CheckFree(bytes.size()); !s.ok()) return s;
    checked_free_ = at;
  }
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = sys::PWrite(file_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset_ + at + done));
    if (n <= 0) return tree_.Error(n == 0 ? EIO : errno, "cannot write", path_);
    done += static_cast<std::size_t>(n);
  }
  hasher_.Update(bytes);
  return {};
}

Status FileSink::CheckFree(std::uint64_t more) {
  struct statvfs vfs = {};
  if (sys::FStatVfs(file_, &vfs) != 0) return tree_.Error(errno, "cannot ask for the free space of", path_);
  if (std::uint64_t{vfs.f_bavail} * vfs.f_frsize < tree_.options().min_free + more) {
    return Status(Code::kQuotaExceeded, "less than min_free would be left on the file system of " + tree_.Display(path_) + "; free space");
  }
  return {};
}

Status FileSink::Restart() {
  if (offset_ == 0 && limit_ == UINT64_MAX && sys::FTruncate(file_, 0) != 0) return tree_.Error(errno, "cannot cut", path_);
  hasher_.Reset();
  checked_free_ = 0;
  return {};
}

Status Writer::CheckFree(int fd, std::uint64_t size) {
  if (tree_->options().min_free == 0) return {};
  struct statvfs vfs = {};
  if (sys::FStatVfs(fd, &vfs) != 0) return tree_->Error(errno, "cannot ask for the free space of", {});
  const std::uint64_t free = std::uint64_t{vfs.f_bavail} * vfs.f_frsize;
  std::uint64_t wanted = 0;
  if (__builtin_add_overflow(tree_->options().min_free, size, &wanted) || free < wanted) {
    return Status(Code::kQuotaExceeded, "the file system of " + tree_->options().root + " has " + std::to_string(free) + " bytes free; " + std::to_string(size) +
                                            " more would leave less than min_free (" + std::to_string(tree_->options().min_free) + "); free space");
  }
  return {};
}

// Opens the folder that the object goes to: the plain one, or the keys folder where a file is in the way.
Status Writer::OpenPlace(Draft* draft, bool batch) {
  const bool durable = tree_->durable_folders();
  for (int attempt = 0; attempt < kFolderAttempts; ++attempt) {
    Result<RootRef> root = tree_->GetOrMake();
    if (!root.ok()) return root.status();
    draft->root = *root;
    std::optional<std::string> path = PlainPath(draft->key, tree_->options().layout);
    draft->in_keys = !path;
    while (true) {
      if (draft->in_keys) path = KeysPath(draft->key);
      const SplitPath split = SplitLeaf(*path);
      draft->folder_path = split.folder;
      draft->leaf = split.leaf;
      draft->folder = UniqueFd(tree_->OpenOrMakeFolder(draft->root->get(), split.folder, batch && durable, &draft->deferred_folders));
      if (draft->folder.valid()) {
        draft->sync_ancestors = durable && !batch && tree_->unsynced().any();
        return {};
      }
      if (errno != ENOTDIR || draft->in_keys) break;
      draft->in_keys = true;
    }
    const int error = errno;
    if (error == ELOOP) return LinkInTheWay(*tree_, draft->folder_path);
    if (error != ENOENT) return tree_->Error(error, "cannot open the folder", draft->folder_path);
    (void)tree_->ForgetIfRemoved(draft->root);  // or a folder that another thread found empty and removed: make it again
  }
  return tree_->Error(ENOENT, "cannot open the folder", draft->folder_path);
}

Result<Draft> Writer::BeginPlace(std::string_view key, const Conditions& conditions, bool batch) {
  Draft draft;
  draft.key = key;
  draft.conditions = conditions;
  if (Status s = OpenPlace(&draft, batch); !s.ok()) {
    tree_->unsynced().Add(-draft.deferred_folders);
    return s;
  }
  return draft;
}

bool LockDraft(int file) {
  struct stat st = {};
  if (sys::FLock(file, LOCK_EX | LOCK_NB) != 0) return errno != EWOULDBLOCK;  // a file system without locks: its drafts are never taken for abandoned
  return sys::FStat(file, &st) != 0 || st.st_nlink > 0;
}

Result<Draft> Writer::Begin(std::string_view key, const Conditions& conditions, bool batch) {
  for (int attempt = 0;; ++attempt) {
    Result<Draft> made = BeginPlace(key, conditions, batch);
    if (!made.ok()) return made;
    Draft& draft = *made;
    std::string name = DraftName();
    const mode_t mode = tree_->options().file_mode & 0777;  // what the umask takes away, Seal gives back
    draft.file = UniqueFd(sys::OpenAt(draft.folder.get(), name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
    if (draft.file.valid() && attempt < 16 && !LockDraft(draft.file.get())) {  // a sweep came in between creating and locking
      (void)sys::UnlinkAt(draft.folder.get(), name.c_str(), 0);
      draft.file.Reset();
      continue;
    }
    if (draft.file.valid()) {
      draft.temporary_folder = draft.folder_path;
      draft.temporary = std::move(name);
      return made;
    }
    const int error = errno;
    Discard(&draft);
    if (error != ENOENT || attempt >= 16) return tree_->Error(error, "cannot create a file in", draft.folder_path);
    (void)tree_->ForgetIfRemoved(draft.root);
  }
}

// Whether the object lies in the keys folder although its plain place is free now.
Status Writer::CheckKeysTwin(const Draft& draft, bool* has_twin) {
  *has_twin = false;
  if (draft.in_keys || !tree_->HasKeysFolder(draft.root->get())) return {};
  const std::string path = KeysPath(draft.key);
  const UniqueFd file(tree_->Open(draft.root->get(), path, O_PATH | O_NOFOLLOW));
  struct stat st = {};
  if (!file.valid()) return errno == ENOENT || errno == ENOTDIR ? Status() : tree_->Error(errno, "cannot look at", path);
  if (sys::FStat(file.get(), &st) != 0) return tree_->Error(errno, "cannot look at", path);
  *has_twin = S_ISREG(st.st_mode);
  return {};
}

Status Writer::CheckEarly(const Draft& draft) {
  if (!draft.conditions.if_absent && draft.conditions.if_match.empty()) return {};
  struct stat st = {};
  const bool is_free = draft.conditions.if_absent && !draft.in_keys && sys::FStatAt(draft.folder.get(), draft.leaf.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT;
  if (is_free && !tree_->HasKeysFolder(draft.root->get())) return {};
  const Result<Found> found = tree_->Find(draft.key);
  if (!found.ok() && found.code() != Code::kNotFound) return found.status();
  if (draft.conditions.if_absent) return found.ok() ? Taken() : Status();
  return found.ok() && EtagOf(found->st) == draft.conditions.if_match ? Status() : Changed();
}

Status Writer::Fill(const OpContext& ctx, Draft* draft, ISource& source, DigestMask digests, const DigestSet& expected) {
  const std::optional<std::uint64_t> size = source.size();
  if (Status s = CheckFree(draft->folder.get(), size.value_or(0)); !s.ok()) return s;
  if (size && *size > static_cast<std::uint64_t>(INT64_MAX)) return Status(Code::kInvalidArgument, "no file can have " + std::to_string(*size) + " bytes");
  if (size && *size >= kReserveFrom && sys::FAllocate(draft->file.get(), 0, static_cast<off_t>(*size)) != 0) {
    if (errno == ENOSPC || errno == EDQUOT || errno == EFBIG || errno == EIO) return tree_->Error(errno, "cannot reserve space for", FileOf(*draft));
  }
  const std::string path = FileOf(*draft);
  FileSink sink(ctx, *tree_, draft->file.get(), path, 0, size.value_or(UINT64_MAX), static_cast<DigestMask>(digests | expected.mask()));
  if (Status s = source.SendTo(sink); !s.ok()) return s;
  if (size && sink.count() != *size) {
    return Status(Code::kSourceChanged, "the source ended after " + std::to_string(sink.count()) + " of the " + std::to_string(*size) + " bytes that it announced");
  }
  draft->record.digests = sink.Finish();
  if (Compare(draft->record.digests, expected) == DigestMatch::kDifferent) {
    return Status(Code::kIntegrity, "the bytes do not have the digest that was announced for them");
  }
  if (sys::FStat(draft->file.get(), &draft->st) != 0) return tree_->Error(errno, "cannot look at", path);
  if (static_cast<std::uint64_t>(draft->st.st_size) != sink.count()) {
    return Status(Code::kIntegrity, "the file has " + std::to_string(draft->st.st_size) + " bytes after " + std::to_string(sink.count()) + " were written to it");
  }
  return {};
}

Status Writer::SealInPlace(Draft* draft, const Properties& properties, const std::string& attempt_id) {
  const int file = draft->file.get();
  if (properties.mtime) {
    const std::int64_t ns = properties.mtime->time_since_epoch().count();
    std::int64_t seconds = ns / 1'000'000'000, rest = ns % 1'000'000'000;
    if (rest < 0) {
      rest += 1'000'000'000;
      --seconds;
    }
    struct timespec times[2] = {};
    times[0].tv_nsec = UTIME_OMIT;
    times[1].tv_sec = seconds;
    times[1].tv_nsec = rest;
    if (sys::FUtimens(file, times) != 0) return tree_->Error(errno, "cannot set the time of", FileOf(*draft));
    if (sys::FStat(file, &draft->st) != 0) return tree_->Error(errno, "cannot look at", FileOf(*draft));
  }
  draft->record.properties = properties;
  draft->record.attempt_id = attempt_id;
  return properties_->Write(draft->root, file, draft->st, draft->key, &draft->record);
}

Status Writer::Seal(Draft* draft, const Properties& properties, const std::string& attempt_id) {
  if (Status s = SealInPlace(draft, properties, attempt_id); !s.ok()) return s;
  const mode_t mode = tree_->options().file_mode;
  if ((draft->st.st_mode & 07777) != mode && sys::FChmod(draft->file.get(), mode) != 0) return tree_->Error(errno, "cannot set the mode of", FileOf(*draft));
  return {};
}

Status Writer::Flush(const Draft& draft) {
  if (!tree_->durable() || sys::Fsync(draft.file.get()) == 0) return {};
  return tree_->Error(errno, "cannot flush", FileOf(draft));
}

Writer::Outcome Writer::RenameIfMatch(Draft* draft, int to, Status* status) {
  const int from = draft->folder.get();
  const char* temporary = draft->temporary.c_str();
  const char* leaf = draft->leaf.c_str();
  struct stat st = {};
  if (sys::FStatAt(to, leaf, &st, AT_SYMLINK_NOFOLLOW) != 0) {
    *status = errno == ENOENT ? Changed() : tree_->Error(errno, "cannot look at", FileOf(*draft));
    return Outcome::kFailed;
  }
  if (S_ISDIR(st.st_mode)) return Outcome::kBlocked;
  if (!S_ISREG(st.st_mode) || EtagOf(st) != draft->conditions.if_match) {
    *status = Changed();
    return Outcome::kFailed;
  }
  // Exchange instead of replace: what was displaced is looked at afterwards, and put back if it is not what was expected.  From here on the temporary name may hold somebody's only copy.
  std::string held = HeldName();
  if (sys::RenameAt(from, temporary, from, held.c_str(), RENAME_NOREPLACE) == 0) draft->temporary = std::move(held);
  temporary = draft->temporary.c_str();
  struct stat placed = draft->st, displaced = {};
  for (int attempt = 0; attempt < 64; ++attempt) {
    if (sys::RenameAt(from, temporary, to, leaf, RENAME_EXCHANGE) != 0) {
      const int error = errno;
      if (attempt == 0 && (error == EINVAL || error == ENOSYS || error == ENOTSUP) && sys::RenameAt(from, temporary, to, leaf, 0) == 0) return Outcome::kDone;
      if (attempt == 1 && error == ENOENT && sys::RenameAt(from, temporary, to, leaf, RENAME_NOREPLACE) == 0) break;
      draft->keep_temporary = attempt > 0;  // it holds another writer's bytes
      *status = attempt == 0 && error == ENOENT ? Changed() : tree_->Error(error, "cannot publish", FileOf(*draft));
      return Outcome::kFailed;
    }
    struct stat now = {};
    if (sys::FStatAt(from, temporary, &now, AT_SYMLINK_NOFOLLOW) != 0) {
      draft->keep_temporary = true;
      *status = tree_->Error(errno, "cannot look at what was displaced from", FileOf(*draft));
      return Outcome::kFailed;
    }
    if (attempt == 0 && S_ISREG(now.st_mode) && EtagOf(now) == draft->conditions.if_match) {
      (void)sys::UnlinkAt(from, temporary, 0);
      return Outcome::kDone;
    }
    // What comes back is what was placed the time before, unless yet another writer published meanwhile: then that is the newest and goes back in turn.
    if (attempt > 0 && now.st_ino == placed.st_ino && now.st_dev == placed.st_dev) break;
    if (attempt > 0) placed = displaced;
    displaced = now;
  }
  *status = Changed();
  return Outcome::kFailed;
}

Writer::Outcome Writer::Rename(Draft* draft, int to, Status* status) {
  const int from = draft->folder.get();
  const char* temporary = draft->temporary.c_str();
  const char* leaf = draft->leaf.c_str();
  if (!draft->conditions.if_match.empty()) return RenameIfMatch(draft, to, status);
  int error = 0;
  if (draft->conditions.if_absent) {
    if (sys::RenameAt(from, temporary, to, leaf, RENAME_NOREPLACE) == 0) return Outcome::kDone;
    error = errno;
    if (error == EINVAL || error == ENOSYS || error == ENOTSUP) {
      if (sys::LinkAt(from, temporary, to, leaf, 0) == 0) {
        (void)sys::UnlinkAt(from, temporary, 0);
        return Outcome::kDone;
      }
      error = errno;
    }
    if (error == EEXIST) {
      struct stat st = {};
      if (sys::FStatAt(to, leaf, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode)) return Outcome::kBlocked;
      *status = Taken();
      return Outcome::kFailed;
    }
  } else {
    if (sys::RenameAt(from, temporary, to, leaf, 0) == 0) return Outcome::kDone;
    error = errno;
    if (error == EISDIR || error == ENOTEMPTY || error == EEXIST) return Outcome::kBlocked;
  }
  *status = tree_->Error(error, "cannot publish", FileOf(*draft));
  return Outcome::kFailed;
}

// Renames into draft->folder_path, which is made where the temporary file lies elsewhere; others may remove that folder while it is empty.
Writer::Outcome Writer::RenameToPlace(Draft* draft, Status* status) {
  if (draft->temporary_folder == draft->folder_path) return Rename(draft, draft->folder.get(), status);
  Outcome outcome = Outcome::kFailed;
  for (int attempt = 0; attempt < kFolderAttempts; ++attempt) {
    UniqueFd opened(tree_->OpenOrMakeFolder(draft->root->get(), draft->folder_path, false, &draft->deferred_folders));
    if (!opened.valid()) {
      const bool removed = errno == ENOENT;
      *status = tree_->Error(errno, "cannot open the folder", draft->folder_path);
      if (!removed) return Outcome::kFailed;
      std::this_thread::yield();
      continue;
    }
    outcome = Rename(draft, opened.get(), status);
    if (outcome == Outcome::kDone) draft->folder = std::move(opened);
    if (outcome != Outcome::kFailed || status->code() != Code::kNotFound) return outcome;
  }
  return outcome;
}

Status Writer::PublishInKeys(Draft* draft) {
  const std::string path = KeysPath(draft->key);
  draft->in_keys = true;
  draft->folder_path = SplitLeaf(path).folder;
  draft->leaf = SplitLeaf(path).leaf;
  Status status;
  switch (RenameToPlace(draft, &status)) {
    case Outcome::kDone: return {};
    case Outcome::kBlocked: return tree_->Error(EISDIR, "cannot publish", FileOf(*draft));
    case Outcome::kFailed: return status;
  }
  return status;
}

Status Writer::PublishPlain(Draft* draft) {
  bool has_twin = false;
  if (Status s = CheckKeysTwin(*draft, &has_twin); !s.ok()) return s;
  if (has_twin && draft->conditions.if_absent) return Taken();
  if (has_twin && !draft->conditions.if_match.empty()) {  // the version that is asked for can only be the twin: replace it where it is
    return PublishInKeys(draft);
  }
  Status status;
  switch (RenameToPlace(draft, &status)) {
    case Outcome::kDone:
      if (has_twin) {
        bool removed = false;
        status = UnlinkObject(*tree_, draft->root->get(), KeysPath(draft->key), &removed);
      }
      return status;
    case Outcome::kFailed: return status;
    case Outcome::kBlocked: break;
  }
  return PublishInKeys(draft);
}

Status Writer::Publish(Draft* draft) {
  const std::scoped_lock lock(tree_->LockOf(draft->key));
  Status status = draft->in_keys ? PublishInKeys(draft) : PublishPlain(draft);
  if (status.ok()) draft->temporary.clear();
  return status;
}

Status Writer::FlushName(const Draft& draft) {
  if (!tree_->durable_folders()) return {};
  const bool failed = sys::Fsync(draft.folder.get()) != 0 || (draft.sync_ancestors && tree_->SyncAncestors(draft.root->get(), draft.folder_path) != 0);
  if (!failed) return {};
  ErrorDetail detail = tree_->Error(errno, "cannot flush the folder", draft.folder_path).detail();
  detail.ambiguous = true;
  return Status(std::move(detail));
}

void Writer::Discard(Draft* draft) {
  tree_->unsynced().Add(-std::exchange(draft->deferred_folders, 0));
  draft->file.Reset();
  if (draft->temporary.empty() || draft->keep_temporary) return;
  if (!draft->folder.valid() && draft->root != nullptr) draft->folder = UniqueFd(tree_->OpenFolder(draft->root->get(), draft->temporary_folder));
  if (draft->folder.valid()) (void)sys::UnlinkAt(draft->folder.get(), draft->temporary.c_str(), 0);
  draft->temporary.clear();
  if (!draft->folder_path.empty()) RemoveEmptyParents(*tree_, draft->root->get(), draft->folder_path + "/x");
}

Status UnlinkObject(const Tree& tree, int root, const std::string& path, bool* removed) {
  *removed = false;
  const SplitPath split = SplitLeaf(path);
  const UniqueFd folder(tree.OpenFolder(root, split.folder));
  if (!folder.valid()) {
    return errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == EXDEV ? Status() : tree.Error(errno, "cannot open the folder", split.folder);
  }
  const std::string leaf(split.leaf);
  struct stat st = {};
  if (sys::FStatAt(folder.get(), leaf.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) return errno == ENOENT ? Status() : tree.Error(errno, "cannot look at", path);
  const bool link_as_object = S_ISLNK(st.st_mode) && tree.options().links == LocalOptions::Links::kFollow;
  if (!S_ISREG(st.st_mode) && !link_as_object) return {};
  if (sys::UnlinkAt(folder.get(), leaf.c_str(), 0) != 0) return errno == ENOENT ? Status() : tree.Error(errno, "cannot remove", path);
  *removed = true;
  return {};
}

void RemoveEmptyParents(const Tree& tree, int root, std::string_view path) {
  for (SplitPath split = SplitLeaf(path); !split.folder.empty(); split = SplitLeaf(split.folder)) {
    const SplitPath up = SplitLeaf(split.folder);
    const UniqueFd parent(tree.OpenFolder(root, up.folder));
    if (!parent.valid() || sys::UnlinkAt(parent.get(), std::string(up.leaf).c_str(), AT_REMOVEDIR) != 0) return;
  }
}

}  // namespace fileferry::local
