// uploads.cc: uploads in parts, kept in folders that survive the process.  Thread-safe.
#include "providers/local/uploads.h"

#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <map>

#include "base/clock.h"
#include "base/digest.h"
#include "base/text.h"
#include "core/properties.h"
#include "providers/local/record.h"

namespace fileferry::local {
namespace {

constexpr std::uint64_t kMaxState = std::uint64_t{1} << 20;
constexpr std::uint64_t kMaxPartsText = std::uint64_t{256} << 20;
constexpr std::uint32_t kMaxParts = 1'000'000;

Status NoUpload() { return Status(Code::kNotFound, "there is no such upload; it was completed or aborted"); }

bool IsId(std::string_view id) {
  return id.size() == 26 && std::all_of(id.begin(), id.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z'); });
}

std::string FolderOf(std::string_view id) { return std::string(kUploadsFolder) + "/" + std::string(id); }

// After a crash of the machine bytes may be gone that a part's line speaks of; after one of the process they are not.
const std::string& BootId() {
  static const std::string id = [] {
    const UniqueFd file(sys::OpenAt(AT_FDCWD, "/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC, 0));
    char text[64];
    const ssize_t n = file.valid() ? sys::Read(file.get(), text, sizeof text) : 0;
    std::string out;
    for (ssize_t i = 0; i < n; ++i) {
      if (text[i] != '\n' && text[i] != '-') out += text[i];
    }
    return out.empty() ? std::string("unknown") : out;
  }();
  return id;
}

std::string Hex32(std::uint32_t value) {
  char out[8];
  for (int i = 7; i >= 0; --i, value >>= 4) out[i] = "0123456789abcdef"[value & 15U];
  return {out, 8};
}

std::string PartLine(const PartInfo& part) {
  std::string line = std::to_string(part.number) + " " + std::to_string(part.offset) + " " + std::to_string(part.size) + " " + ToHex(part.crc64->value()) + " " + BootId();
  const std::string check = Hex32(Crc32c(0, AsBytes(line)));
  return "\n" + line + " " + check + "\n";
}

std::string PartEtag(const Digest& crc64) { return "\"" + ToHex(crc64.value()) + "\""; }

std::optional<PartInfo> ParsePartLine(std::string_view line) {
  const std::vector<std::string> words = Split(line, ' ');
  if (words.size() != 6 || line.size() < 9 || words[5] != Hex32(Crc32c(0, AsBytes(line.substr(0, line.size() - 9)))) || words[4] != BootId()) return std::nullopt;
  const std::optional<std::uint64_t> number = ParseUint(words[0]), offset = ParseUint(words[1]), size = ParseUint(words[2]);
  const std::optional<Digest> crc64 = DigestFromHex(DigestKind::kCrc64Nvme, words[3]);
  if (!number || !offset || !size || !crc64 || *number == 0 || *number > kMaxParts) return std::nullopt;
  PartInfo part;
  part.number = static_cast<std::uint32_t>(*number);
  part.offset = *offset;
  part.size = *size;
  part.crc64 = *crc64;
  part.etag = PartEtag(*crc64);
  return part;
}

Status WriteText(const Tree& tree, int file, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const ssize_t n = sys::Write(file, text.data(), text.size());
    if (n <= 0) return tree.Error(n == 0 ? EIO : errno, "cannot write", path);
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

Result<std::string> ReadText(const Tree& tree, int folder, const char* name, std::uint64_t max, const std::string& path) {
  const UniqueFd file(sys::OpenAt(folder, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC, 0));
  if (!file.valid()) return tree.Error(errno, "cannot open", path);
  struct stat st = {};
  if (sys::FStat(file.get(), &st) != 0) return tree.Error(errno, "cannot read", path);
  if (!S_ISREG(st.st_mode) || st.st_size < 0 || static_cast<std::uint64_t>(st.st_size) > max) return Status(Code::kIntegrity, path + " is not what fileferry wrote");
  std::string text(static_cast<std::size_t>(st.st_size), '\0');
  std::size_t have = 0;
  while (have < text.size()) {
    const ssize_t n = sys::Read(file.get(), text.data() + have, text.size() - have);
    if (n < 0) return tree.Error(errno, "cannot read", path);
    if (n == 0) break;
    have += static_cast<std::size_t>(n);
  }
  text.resize(have);
  return text;
}

}  // namespace

Result<std::string> Uploads::Create(std::string_view key, const UploadOptions& options) {
  const Result<RootRef> root = tree_->GetOrMake();
  if (!root.ok()) return root.status();
  const std::string id = RandomId();
  const std::string path = FolderOf(id);
  int deferred = 0;
  UniqueFd folder;
  for (int attempt = 0; attempt < kFolderAttempts && !folder.valid(); ++attempt) {  // the end of another upload may remove the folder above, found empty
    folder = UniqueFd(tree_->OpenOrMakeFolder((*root)->get(), path, false, &deferred));
    if (!folder.valid() && errno != ENOENT) break;
  }
  if (!folder.valid()) return tree_->Error(errno, "cannot make the folder", path);
  const UniqueFd data(sys::OpenAt(folder.get(), "data", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (data.valid()) (void)LockDraft(data.get());  // until the state is there: what a dead process left half-made can be told from what is being made
  Status status = data.valid() ? writer_->CheckFree(folder.get(), options.size.value_or(0)) : tree_->Error(errno, "cannot create a file in", path);
  if (status.ok() && options.size && *options.size > 0 && *options.size <= static_cast<std::uint64_t>(INT64_MAX)) {
    const bool failed = sys::FAllocate(data.get(), 0, static_cast<off_t>(*options.size)) != 0;
    if (failed && (errno == ENOSPC || errno == EDQUOT || errno == EFBIG || errno == EIO)) status = tree_->Error(errno, "cannot reserve space for", key);
  }
  if (status.ok()) {
    JsonWriter writer;
    writer.Number("v", 1);
    writer.Text("key", key);
    writer.Number("part_size", static_cast<std::int64_t>(options.part_size));
    if (options.size) writer.Number("size", static_cast<std::int64_t>(*options.size));
    writer.Text("at", options.attempt_id);
    writer.Number("initiated", Now().time_since_epoch().count());
    WriteProperties(options.properties, key, &writer);
    const std::string temporary = TemporaryName();
    const UniqueFd state(sys::OpenAt(folder.get(), temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    status = state.valid() ? WriteText(*tree_, state.get(), writer.Finish(), path + "/state") : tree_->Error(errno, "cannot create a file in", path);
    if (status.ok() && tree_->durable() && sys::Fsync(state.get()) != 0) status = tree_->Error(errno, "cannot flush", path + "/state");
    if (status.ok() && sys::RenameAt(folder.get(), temporary.c_str(), folder.get(), "state", 0) != 0) status = tree_->Error(errno, "cannot publish", path + "/state");
    if (status.ok() && tree_->durable_folders() && sys::Fsync(folder.get()) != 0) status = tree_->Error(errno, "cannot flush the folder", path);
    if (!status.ok()) (void)sys::UnlinkAt(folder.get(), temporary.c_str(), 0);
  }
  if (status.ok()) return id;
  (void)End(id);
  return status;
}

Result<Uploads::State> Uploads::ReadState(int folder, const std::string& path) {
  const Result<std::string> text = ReadText(*tree_, folder, "state", kMaxState, path + "/state");
  if (!text.ok()) return text.code() == Code::kNotFound ? NoUpload() : text.status();
  const std::optional<JsonObject> object = ParseJsonObject(*text);
  if (!object || object->Number("v") != 1 || object->Text("key").empty()) return Status(Code::kIntegrity, path + "/state is not what fileferry wrote; abort the upload");
  State state;
  state.key = object->Text("key");
  state.options.part_size = static_cast<std::uint64_t>(object->Number("part_size").value_or(0));
  if (const std::optional<std::int64_t> size = object->Number("size")) state.options.size = static_cast<std::uint64_t>(*size);
  state.options.attempt_id = object->Text("at");
  state.options.properties = ReadProperties(*object, state.key);
  state.initiated = Time(std::chrono::nanoseconds(object->Number("initiated").value_or(0)));
  return state;
}

Result<Uploads::OpenUpload> Uploads::OpenIt(std::string_view key, const std::string& id) {
  if (!IsId(id)) return NoUpload();
  const Result<RootRef> root = tree_->Get();
  if (!root.ok()) return root.code() == Code::kNotFound ? NoUpload() : root.status();
  OpenUpload upload;
  upload.root = *root;
  upload.folder = UniqueFd(tree_->OpenFolder((*root)->get(), FolderOf(id)));
  if (!upload.folder.valid()) return errno == ENOENT ? NoUpload() : tree_->Error(errno, "cannot open", FolderOf(id));
  Result<State> state = ReadState(upload.folder.get(), FolderOf(id));
  if (!state.ok()) return state.status();
  if (state->key != key) return NoUpload();
  upload.state = std::move(*state);
  return upload;
}

Result<PartInfo> Uploads::Write(const OpContext& ctx, std::string_view key, const std::string& id, const PartSpec& part, ISource& source) {
  const Result<OpenUpload> upload = OpenIt(key, id);
  if (!upload.ok()) return upload.status();
  const UploadOptions& options = upload->state.options;
  std::uint64_t end = 0;
  if (part.number == 0 || part.number > kMaxParts) return Status(Code::kInvalidArgument, "parts are numbered from 1 to " + std::to_string(kMaxParts));
  if (__builtin_add_overflow(part.offset, part.size, &end) || end > static_cast<std::uint64_t>(INT64_MAX) || (options.size && end > *options.size)) {
    return Status(Code::kInvalidArgument, "part " + std::to_string(part.number) + " reaches past the end of the object");
  }
  if (options.part_size != 0 && part.offset != (part.number - std::uint64_t{1}) * options.part_size) {
    return Status(Code::kInvalidArgument, "part " + std::to_string(part.number) + " does not begin where parts of " + std::to_string(options.part_size) + " bytes put it");
  }
  if (const std::optional<std::uint64_t> size = source.size(); size && *size != part.size) {
    return Status(Code::kSourceChanged, "the source has " + std::to_string(*size) + " bytes, the part " + std::to_string(part.size));
  }
  const std::string path = FolderOf(id);
  const UniqueFd data(sys::OpenAt(upload->folder.get(), "data", O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0));
  if (!data.valid()) return errno == ENOENT ? NoUpload() : tree_->Error(errno, "cannot open", path + "/data");
  const std::string data_path = path + "/data";
  FileSink sink(ctx, *tree_, data.get(), data_path, part.offset, part.size, MaskOf(DigestKind::kCrc64Nvme));
  if (Status s = source.SendTo(sink); !s.ok()) return s;
  if (sink.count() != part.size) {
    return Status(Code::kSourceChanged, "the source ended after " + std::to_string(sink.count()) + " of the " + std::to_string(part.size) + " bytes of the part");
  }
  PartInfo info;
  info.number = part.number;
  info.offset = part.offset;
  info.size = part.size;
  info.crc64 = *sink.Finish().Find(DigestKind::kCrc64Nvme);
  info.etag = PartEtag(*info.crc64);
  const UniqueFd parts(sys::OpenAt(upload->folder.get(), "parts", O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!parts.valid()) return tree_->Error(errno, "cannot open", path + "/parts");
  if (Status s = WriteText(*tree_, parts.get(), PartLine(info), path + "/parts"); !s.ok()) return s;
  return info;
}

Result<std::vector<PartInfo>> Uploads::ReadParts(const OpenUpload& upload, const std::string& id) {
  const Result<std::string> text = ReadText(*tree_, upload.folder.get(), "parts", kMaxPartsText, FolderOf(id) + "/parts");
  if (!text.ok()) return text.code() == Code::kNotFound ? Result<std::vector<PartInfo>>(std::vector<PartInfo>()) : text.status();
  struct stat st = {};
  if (sys::FStatAt(upload.folder.get(), "data", &st, AT_SYMLINK_NOFOLLOW) != 0) return errno == ENOENT ? NoUpload() : tree_->Error(errno, "cannot look at", FolderOf(id));
  std::map<std::uint32_t, PartInfo> parts;
  for (std::string_view rest = *text; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    std::optional<PartInfo> part = line.empty() ? std::nullopt : ParsePartLine(line);
    if (part && part->offset + part->size <= static_cast<std::uint64_t>(st.st_size)) parts[part->number] = std::move(*part);
  }
  std::vector<PartInfo> out;
  out.reserve(parts.size());
  for (auto& [number, part] : parts) out.push_back(std::move(part));
  return out;
}

Result<std::vector<PartInfo>> Uploads::Parts(std::string_view key, const std::string& id) {
  const Result<OpenUpload> upload = OpenIt(key, id);
  if (!upload.ok()) return upload.status();
  return ReadParts(*upload, id);
}

// Every part that is named must be there as it is named, and together they must be the object.
Status Uploads::CheckParts(const std::vector<PartInfo>& have, const std::vector<PartInfo>& parts, const CompleteOptions& options, Digest* crc64) {
  std::uint64_t end = 0, crc = 0;
  std::uint32_t last = 0;
  for (const PartInfo& part : parts) {
    if (part.number <= last) return Status(Code::kInvalidArgument, "the parts are not in ascending order");
    last = part.number;
    const auto found = std::lower_bound(have.begin(), have.end(), part.number, [](const PartInfo& a, std::uint32_t number) { return a.number < number; });
    if (found == have.end() || found->number != part.number || found->size != part.size || (!part.etag.empty() && part.etag != found->etag)) {
      return Status(Code::kInvalidArgument, "part " + std::to_string(part.number) + " is not in the upload as it is named; send it again");
    }
    if (found->offset != end) return Status(Code::kInvalidArgument, "part " + std::to_string(part.number) + " does not begin where the part before it ends");
    end += found->size;
    crc = Crc64NvmeCombine(crc, Crc64Value(*found->crc64), found->size);
  }
  if (end != options.size) return Status(Code::kInvalidArgument, "the parts have " + std::to_string(end) + " bytes, the object " + std::to_string(options.size));
  *crc64 = Crc64Digest(crc);
  if (options.crc64 && !(*options.crc64 == *crc64)) return Status(Code::kIntegrity, "the parts do not have the digest that was announced for the object");
  return {};
}

Result<Draft> Uploads::Complete(std::string_view key, const std::string& id, const std::vector<PartInfo>& parts, const CompleteOptions& options, bool batch) {
  Result<OpenUpload> upload = OpenIt(key, id);
  if (!upload.ok()) return upload.status();
  const Result<std::vector<PartInfo>> have = ReadParts(*upload, id);
  if (!have.ok()) return have.status();
  Digest crc64;
  if (Status s = CheckParts(*have, parts, options, &crc64); !s.ok()) return s;
  const std::string path = FolderOf(id);
  UniqueFd data(sys::OpenAt(upload->folder.get(), "data", O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0));
  if (!data.valid()) return errno == ENOENT ? NoUpload() : tree_->Error(errno, "cannot open", path + "/data");
  if (sys::FTruncate(data.get(), static_cast<off_t>(options.size)) != 0) return tree_->Error(errno, "cannot cut", path + "/data");  // also gives reserved space back
  Result<Draft> draft = writer_->BeginPlace(key, {options.if_absent, options.if_match}, batch);
  if (!draft.ok()) return draft;
  struct stat target = {};
  Status status = writer_->CheckEarly(*draft);
  if (status.ok() && (sys::FStat(draft->folder.get(), &target) != 0 || sys::FStat(data.get(), &draft->st) != 0)) status = tree_->Error(errno, "cannot look at", path);
  if (status.ok() && target.st_dev != draft->st.st_dev) {  // the object's folder is a mount of its own: a rename cannot cross it
    writer_->Discard(&*draft);
    draft = writer_->Begin(key, {options.if_absent, options.if_match}, batch);
    if (!draft.ok()) return draft;
    status = writer_->CopyBytes(data.get(), path + "/data", options.size, &*draft);
  } else if (status.ok()) {
    draft->temporary_folder = path;
    draft->temporary = "data";
    draft->keep_temporary = true;
    draft->folder = std::move(upload->folder);
    draft->file = std::move(data);
  }
  draft->record.digests.Set(crc64);
  if (options.crc64) {  // which the parts have just been found to have
    for (const Digest& digest : options.digests) draft->record.digests.Set(digest);
  }
  const std::string& attempt = upload->state.options.attempt_id.empty() ? options.attempt_id : upload->state.options.attempt_id;
  if (status.ok()) status = writer_->Seal(&*draft, upload->state.options.properties, attempt);
  if (status.ok()) return draft;
  writer_->Discard(&*draft);
  return status;
}

Status Uploads::End(const std::string& id) {
  if (!IsId(id)) return {};
  const Result<RootRef> root = tree_->Get();
  if (!root.ok()) return root.code() == Code::kNotFound ? Status() : root.status();
  const std::string path = FolderOf(id);
  const UniqueFd folder(tree_->OpenFolder((*root)->get(), path));
  if (!folder.valid()) return errno == ENOENT ? Status() : tree_->Error(errno, "cannot open", path);
  for (const char* name : {"state", "parts", "data"}) {  // without its state an upload is gone; the rest can also be swept
    if (sys::UnlinkAt(folder.get(), name, 0) != 0 && errno != ENOENT) return tree_->Error(errno, "cannot remove", path + "/" + name);
  }
  if (tree_->durable_folders() && sys::Fsync(folder.get()) != 0) return tree_->Error(errno, "cannot flush the folder", path);
  RemoveEmptyParents(*tree_, (*root)->get(), path + "/x");
  return {};
}

namespace {

Status ReadIds(const Tree& tree, int root, std::vector<std::string>* ids) {
  const int fd = tree.OpenFolder(root, kUploadsFolder);
  if (fd < 0) return errno == ENOENT || errno == ENOTDIR ? Status() : tree.Error(errno, "cannot list", kUploadsFolder);
  DIR* dir = sys::FdOpenDir(fd);
  if (dir == nullptr) {
    const int error = errno;
    (void)sys::Close(fd);
    return tree.Error(error, "cannot list", kUploadsFolder);
  }
  while (const struct dirent* entry = sys::ReadDir(dir)) {
    if (IsId(entry->d_name)) ids->emplace_back(entry->d_name);
  }
  const int error = errno;
  ::closedir(dir);
  return error == 0 ? Status() : tree.Error(error, "cannot list", kUploadsFolder);
}

}  // namespace

Result<UploadPage> Uploads::List(const OpContext& ctx, std::string_view prefix, const std::string& token) {
  constexpr std::size_t kLimit = 1000;
  std::optional<std::string> after;
  if (!token.empty()) {
    if (token[0] == 'u') after = FromHex(std::string_view(token).substr(1));
    if (!after) return Status(Code::kInvalidArgument, "the listing token is not of this listing");
  }
  const Result<RootRef> root = tree_->Get();
  if (!root.ok()) return root.code() == Code::kNotFound ? Result<UploadPage>(UploadPage()) : root.status();
  std::vector<std::string> ids;
  if (Status s = ReadIds(*tree_, (*root)->get(), &ids); !s.ok()) return s;
  std::map<std::string, UploadEntry> sorted;  // by key, NUL, id
  for (const std::string& id : ids) {
    if (Status s = ctx.Check(); !s.ok()) return s;
    const UniqueFd folder(tree_->OpenFolder((*root)->get(), FolderOf(id)));
    if (!folder.valid()) {
      if (errno == ENOENT) continue;
      return tree_->Error(errno, "cannot open", FolderOf(id));
    }
    struct stat st = {};
    Result<State> state = ReadState(folder.get(), FolderOf(id));
    if (!state.ok()) {
      if (state.code() == Code::kNotFound || state.code() == Code::kIntegrity) continue;  // being made or removed; or swept later
      return state.status();
    }
    if (sys::FStatAt(folder.get(), "data", &st, AT_SYMLINK_NOFOLLOW) != 0) continue;  // published, and cut off before its end was written down
    if (state->key.starts_with(prefix)) sorted.emplace(state->key + '\0' + id, UploadEntry{state->key, id, state->initiated});
  }
  UploadPage page;
  for (auto at = after ? sorted.upper_bound(*after) : sorted.begin(); at != sorted.end(); ++at) {
    if (page.entries.size() >= kLimit) {
      page.next_token = "u" + ToHex(AsBytes(std::prev(at)->first));
      break;
    }
    page.entries.push_back(std::move(at->second));
  }
  return page;
}

// Left by a process that died before the state was there, or after the data was published: nobody goes on with it.
bool Uploads::IsHalfMade(int root, const std::string& id) {
  const UniqueFd folder(tree_->OpenFolder(root, FolderOf(id)));
  struct stat st = {};
  if (!folder.valid()) return false;
  const bool has_state = sys::FStatAt(folder.get(), "state", &st, AT_SYMLINK_NOFOLLOW) == 0;
  const UniqueFd data(sys::OpenAt(folder.get(), "data", O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC, 0));
  if (!data.valid() && errno == ENOENT) {  // published, and its end was cut off; an empty folder may be one that is just being made
    return has_state || sys::FStatAt(folder.get(), "parts", &st, AT_SYMLINK_NOFOLLOW) == 0;
  }
  return data.valid() && !has_state && sys::FLock(data.get(), LOCK_EX | LOCK_NB) == 0 && sys::FStatAt(folder.get(), "state", &st, AT_SYMLINK_NOFOLLOW) != 0;
}

Status Uploads::ListHalfMade(const OpContext& ctx, std::vector<std::string>* found) {
  const Result<RootRef> root = tree_->Get();
  if (!root.ok()) return root.code() == Code::kNotFound ? Status() : root.status();
  std::vector<std::string> ids;
  if (Status s = ReadIds(*tree_, (*root)->get(), &ids); !s.ok()) return s;
  for (const std::string& id : ids) {
    if (Status s = ctx.Check(); !s.ok()) return s;
    if (IsHalfMade((*root)->get(), id)) found->push_back(id);
  }
  return {};
}

Status Uploads::RemoveHalfMade(const std::string& id) {
  const Result<RootRef> root = tree_->Get();
  if (!root.ok()) return root.code() == Code::kNotFound ? Status() : root.status();
  if (!IsId(id) || !IsHalfMade((*root)->get(), id)) return {};
  const std::string path = FolderOf(id);
  const int fd = tree_->OpenFolder((*root)->get(), path);
  if (fd < 0) return errno == ENOENT ? Status() : tree_->Error(errno, "cannot open", path);
  DIR* dir = sys::FdOpenDir(fd);
  if (dir == nullptr) {
    const int error = errno;
    (void)sys::Close(fd);
    return tree_->Error(error, "cannot list", path);
  }
  while (const struct dirent* entry = sys::ReadDir(dir)) {
    if (IsTemporaryName(entry->d_name)) (void)sys::UnlinkAt(::dirfd(dir), entry->d_name, 0);
  }
  ::closedir(dir);
  return End(id);
}

Result<std::uint64_t> Uploads::Sweep(const OpContext& ctx, std::int64_t before_ns) {
  const Result<RootRef> root = tree_->Get();
  if (!root.ok()) return root.code() == Code::kNotFound ? Result<std::uint64_t>(std::uint64_t{0}) : root.status();
  std::vector<std::string> ids;
  if (Status s = ReadIds(*tree_, (*root)->get(), &ids); !s.ok()) return s;
  std::uint64_t count = 0;
  for (const std::string& id : ids) {
    if (Status s = ctx.Check(); !s.ok()) return s;
    const UniqueFd folder(tree_->OpenFolder((*root)->get(), FolderOf(id)));
    struct stat st = {}, data = {};
    if (!folder.valid() || sys::FStat(folder.get(), &st) != 0) continue;
    const bool old = static_cast<std::int64_t>(st.st_ctim.tv_sec) * 1'000'000'000 + st.st_ctim.tv_nsec <= before_ns;
    const Result<State> state = ReadState(folder.get(), FolderOf(id));
    const bool whole = state.ok() && sys::FStatAt(folder.get(), "data", &data, AT_SYMLINK_NOFOLLOW) == 0;
    const bool unknown = !state.ok() && state.code() != Code::kNotFound && state.code() != Code::kIntegrity;
    if (whole || unknown || !old) continue;
    if (Status s = End(id); !s.ok()) return s;
    ++count;
  }
  return count;
}

}  // namespace fileferry::local
