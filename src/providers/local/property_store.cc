// property_store.cc: records in extended attributes and in hidden files.  Thread-safe.
#include "providers/local/property_store.h"

#include <cerrno>
#include <vector>

#include "base/digest.h"
#include "fileferry/ops.h"

namespace fileferry::local {
namespace {

constexpr std::size_t kMaxRecord = std::size_t{1} << 20;
constexpr std::size_t kMaxGenerations = 4;

std::string HiddenPath(std::string_view key) {
  const std::string name = Sha256Hex(AsBytes(key));
  return std::string(kPropertiesFolder) + "/" + name.substr(0, 2) + "/" + name.substr(2) + ".json";
}

// Errors of fsetxattr that mean "not here": no attributes at all, or too many bytes for one.
bool DoesNotFit(int error) { return error == ENOTSUP || error == ENOSPC || error == EDQUOT || error == E2BIG || error == ERANGE || error == EPERM || error == ENOSYS; }
bool HasNone(int error) { return error == ENODATA || error == ENOTSUP || error == ENOSYS || error == EPERM; }

Status WriteAll(const Tree& tree, int file, std::string_view text, std::string_view path) {
  while (!text.empty()) {
    const ssize_t n = sys::Write(file, text.data(), text.size());
    if (n <= 0) return tree.Error(n == 0 ? EIO : errno, "cannot write", path);
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

}  // namespace

Status PropertyStore::Write(const RootRef& root, int file, const struct stat& st, std::string_view key, Record* record) {
  record->identity = IdentityOf(st);
  record->identity.inode = 0;
  record->elsewhere = false;
  const std::string text = EncodeRecord(*record, key);
  if (sys::FSetXattr(file, kAttribute, text.data(), text.size(), 0) == 0) return {};
  if (!DoesNotFit(errno)) return tree_->Error(errno, "cannot keep the properties of", key);
  record->identity.inode = st.st_ino;
  if (Status s = WriteHidden(root, key, *record); !s.ok()) return s;
  Record stub;
  stub.identity = record->identity;
  stub.elsewhere = true;
  const std::string stub_text = EncodeRecord(stub, {});
  if (sys::FSetXattr(file, kAttribute, stub_text.data(), stub_text.size(), 0) != 0 && !DoesNotFit(errno)) {
    return tree_->Error(errno, "cannot keep the properties of", key);
  }
  return {};
}

// Cheaper than a name for the key and a search for it.
Result<bool> PropertyStore::HasHidden(const UniqueFd& root) const {
  struct stat st = {};
  if (sys::FStatAt(root.get(), ".fileferry/properties", &st, AT_SYMLINK_NOFOLLOW) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  return tree_->Error(errno, "cannot look at", kPropertiesFolder);
}

Result<std::string> PropertyStore::ReadHidden(int root, const std::string& path) {
  const UniqueFd file(tree_->Open(root, path, O_RDONLY | O_NONBLOCK));
  if (!file.valid()) {
    if (errno == ENOENT || errno == ENOTDIR) return std::string();
    return tree_->Error(errno, "cannot open", path);
  }
  struct stat st = {};
  if (sys::FStat(file.get(), &st) != 0) return tree_->Error(errno, "cannot read", path);
  if (!S_ISREG(st.st_mode) || st.st_size < 0 || static_cast<std::uint64_t>(st.st_size) > kMaxRecord) return std::string();
  std::string text(static_cast<std::size_t>(st.st_size), '\0');
  std::size_t have = 0;
  while (have < text.size()) {
    const ssize_t n = sys::Read(file.get(), text.data() + have, text.size() - have);
    if (n < 0) return tree_->Error(errno, "cannot read", path);
    if (n == 0) break;
    have += static_cast<std::size_t>(n);
  }
  text.resize(have);
  return text;
}

Status PropertyStore::WriteHidden(const RootRef& root, std::string_view key, const Record& record) {
  const std::string path = HiddenPath(key);
  const SplitPath split = SplitLeaf(path);
  const std::scoped_lock lock(tree_->LockOf(key));
  Result<std::string> before = ReadHidden(root->get(), path);
  if (!before.ok()) return before.status();
  std::string text = EncodeRecord(record, key) + "\n";
  std::size_t generations = 1;
  const Result<Found> current = tree_->Find(key);
  for (std::string_view rest = *before; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const std::optional<Record> old = DecodeRecord(line, key);
    if (!old) continue;
    const bool is_current = current.ok() && old->identity == IdentityOf(current->st);
    if (!is_current && generations >= kMaxGenerations) continue;
    text.append(line).append("\n");
    ++generations;
  }
  int deferred = 0;
  const UniqueFd folder(tree_->OpenOrMakeFolder(root->get(), split.folder, false, &deferred));
  if (!folder.valid()) return tree_->Error(errno, "cannot make the folder", split.folder);
  const std::string temporary = TemporaryName();
  UniqueFd file(sys::OpenAt(folder.get(), temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file.valid()) return tree_->Error(errno, "cannot create a file in", split.folder);
  Status status = WriteAll(*tree_, file.get(), text, path);
  if (status.ok() && tree_->durable() && sys::Fsync(file.get()) != 0) status = tree_->Error(errno, "cannot flush", path);
  if (status.ok() && sys::RenameAt(folder.get(), temporary.c_str(), folder.get(), std::string(split.leaf).c_str(), 0) != 0) {
    status = tree_->Error(errno, "cannot publish", path);
  }
  if (!status.ok()) {
    (void)sys::UnlinkAt(folder.get(), temporary.c_str(), 0);
    return status;
  }
  if (tree_->durable_folders() && sys::Fsync(folder.get()) != 0) return tree_->Error(errno, "cannot flush the folder", split.folder);
  return {};
}

Result<std::optional<Record>> PropertyStore::Read(const Found& found, std::string_view key) {
  char small[1024];
  std::vector<char> large;
  char* text = small;
  ssize_t size = sys::FGetXattr(found.file.get(), kAttribute, small, sizeof small);
  if (size < 0 && errno == ERANGE) {
    large.resize(std::size_t{64} << 10);
    text = large.data();
    size = sys::FGetXattr(found.file.get(), kAttribute, text, large.size());
  }
  if (size < 0 && !HasNone(errno)) return tree_->Error(errno, "cannot read the properties of", found.path);
  if (size >= 0) {
    std::optional<Record> record = DecodeRecord({text, static_cast<std::size_t>(size)}, key);
    if (!record || !record->elsewhere) return record;
  }
  const Result<bool> has_hidden = HasHidden(*found.root);
  if (!has_hidden.ok()) return has_hidden.status();
  if (!*has_hidden) return std::optional<Record>();
  const Result<std::string> hidden = ReadHidden(found.root->get(), HiddenPath(key));
  if (!hidden.ok()) return hidden.status();
  for (std::string_view rest = *hidden; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    std::optional<Record> record = DecodeRecord(line, key);
    if (record && record->identity.inode == found.st.st_ino) return record;
  }
  return std::optional<Record>();
}

Status PropertyStore::Remove(const RootRef& root, std::string_view key) {
  const Result<bool> has_hidden = HasHidden(*root);
  if (!has_hidden.ok() || !*has_hidden) return has_hidden.status();
  const std::string path = HiddenPath(key);
  const SplitPath split = SplitLeaf(path);
  const UniqueFd folder(tree_->OpenFolder(root->get(), split.folder));
  if (!folder.valid()) return errno == ENOENT ? Status() : tree_->Error(errno, "cannot open", split.folder);
  if (sys::UnlinkAt(folder.get(), std::string(split.leaf).c_str(), 0) != 0 && errno != ENOENT) return tree_->Error(errno, "cannot remove", path);
  return {};
}

ObjectInfo MakeInfo(std::string_view key, const struct stat& st, const std::optional<Record>& record) {
  ObjectInfo info;
  info.key = key;
  info.size = static_cast<std::uint64_t>(st.st_size);
  info.modified = Time(std::chrono::nanoseconds(MtimeOf(st)));
  info.etag = EtagOf(st);
  if (!record) {
    info.properties.content_type = ContentTypeByName(key);
    info.properties.mtime = info.modified;
    return info;
  }
  info.properties = record->properties;
  const Identity now = IdentityOf(st);
  if (record->identity.size == now.size && record->identity.mtime_ns == now.mtime_ns) {
    info.digests = record->digests;
    info.confirmed = record->unread ? DigestMask{0} : record->digests.mask();
    info.attempt_id = record->attempt_id;
  } else {  // edited in place by another program: its properties are still wanted, what was said of its bytes is not
    info.properties.mtime = info.modified;
  }
  return info;
}

}  // namespace fileferry::local
