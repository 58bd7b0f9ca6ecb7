// copy.cc: copies within one file system, and the upload calls of the provider.  Thread-safe.
#include <algorithm>
#include <cerrno>

#include "core/properties.h"
#include "providers/local/provider.h"

namespace fileferry::local {
namespace {

constexpr std::string_view kShardedMark = "activestorage:";

}  // namespace

std::string ContainerOf(const LocalOptions& options) {
  return (options.layout == LocalOptions::Layout::kActiveStorage ? std::string(kShardedMark) : std::string()) + options.root;
}

LocalOptions OptionsOfContainer(const std::string& container) {
  LocalOptions options;
  const bool sharded = container.starts_with(kShardedMark);
  options.root = sharded ? container.substr(kShardedMark.size()) : container;
  options.layout = sharded ? LocalOptions::Layout::kActiveStorage : LocalOptions::Layout::kPlain;
  options.create_root = false;
  return options;
}

Status Writer::CopyBytes(int from, std::string_view from_path, std::uint64_t size, Draft* draft) {
  if (Status s = CheckFree(draft->folder.get(), size); !s.ok()) return s;
  off_t in = 0, out = 0;
  while (static_cast<std::uint64_t>(out) < size) {
    const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(size - static_cast<std::uint64_t>(out), std::uint64_t{1} << 30));
    const ssize_t n = sys::CopyFileRange(from, &in, draft->file.get(), &out, wanted);
    if (n == 0) return Status(Code::kSourceChanged, "the file " + tree_->Display(from_path) + " was cut while it was copied");
    if (n < 0 && (errno == EXDEV || errno == ENOSYS || errno == EINVAL || errno == ENOTSUP || errno == EPERM)) break;
    if (n < 0) return tree_->Error(errno, "cannot copy", from_path);
  }
  std::vector<std::byte> buffer(static_cast<std::uint64_t>(out) < size ? std::size_t{256} << 10 : 0);
  while (static_cast<std::uint64_t>(out) < size) {  // a file system that cannot copy by itself
    const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(size - static_cast<std::uint64_t>(out), buffer.size()));
    const ssize_t n = sys::PRead(from, buffer.data(), wanted, out);
    if (n < 0) return tree_->Error(errno, "cannot read", from_path);
    if (n == 0) return Status(Code::kSourceChanged, "the file " + tree_->Display(from_path) + " was cut while it was copied");
    for (ssize_t done = 0; done < n;) {
      const ssize_t m = sys::PWrite(draft->file.get(), buffer.data() + done, static_cast<std::size_t>(n - done), out + done);
      if (m <= 0) return tree_->Error(m == 0 ? EIO : errno, "cannot write", draft->folder_path);
      done += m;
    }
    out += n;
  }
  if (sys::FStat(draft->file.get(), &draft->st) != 0) return tree_->Error(errno, "cannot look at", draft->folder_path);
  if (static_cast<std::uint64_t>(draft->st.st_size) != size) return Status(Code::kIntegrity, "the copy of " + tree_->Display(from_path) + " has another size");
  return {};
}

Location LocalProvider::Locate(std::string_view key) const {
  // Where the root is not there yet, it will be on the file system of the nearest folder above it.
  struct stat st = {};
  for (std::string path = tree_.options().root; sys::FStatAt(AT_FDCWD, path.c_str(), &st, 0) != 0;) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos || path == "/") break;
    path.resize(std::max<std::size_t>(slash, 1));
  }
  return {"file " + std::to_string(st.st_dev), ContainerOf(tree_.options()), std::string(key)};
}

Result<ObjectInfo> LocalProvider::DoCopyFrom(const OpContext& ctx, const Location& from, std::string_view to, const CopyOptions& options) {
  if (Status s = ctx.Check(); !s.ok()) return s;
  if (Status s = CheckKeyBytes(to); !s.ok()) return s;
  if (Status s = CheckKeyBytes(from.key); !s.ok()) return s;
  if (from.service != Locate(to).service) return Status(Code::kUnsupported, "the source lies on another file system or service");
  if (!options.source_version_id.empty()) return Status(Code::kUnsupported, "a folder keeps no versions");
  if (options.replace) {
    if (Status s = CheckProperties(*options.replace, Caps()); !s.ok()) return s;
  }
  Tree other(OptionsOfContainer(from.container));
  PropertyStore other_properties(&other);
  Result<Found> found = other.Find(from.key);
  if (!found.ok()) return found.status();
  const Result<std::optional<Record>> record = other_properties.Read(*found, from.key);
  if (!record.ok()) return record.status();
  const ObjectInfo source = MakeInfo(from.key, found->st, *record);
  if (!options.source_if_match.empty() && options.source_if_match != source.etag) return Status(Code::kPreconditionFailed, "the source is not the version that was asked for");
  Result<Draft> draft = writer_.Begin(to, {options.if_absent, options.if_match}, false);
  if (!draft.ok()) return draft.status();
  Status status = writer_.CheckEarly(*draft);
  const bool unread = !source.digests.empty();
  if (status.ok() && !unread) {  // nothing is known of these bytes: read them, so that something is from now on
    const std::unique_ptr<ISource> bytes = FileRangeSource(ctx, std::move(*found), {0, source.size}, &buffers_);
    status = writer_.Fill(ctx, &*draft, *bytes, MaskOf(DigestKind::kCrc64Nvme), {});
  } else if (status.ok()) {
    struct stat now = {};
    status = writer_.CopyBytes(found->file.get(), found->path, source.size, &*draft);
    if (status.ok() && (sys::FStat(found->file.get(), &now) != 0 || !(IdentityOf(now) == IdentityOf(found->st)))) {
      status = Status(Code::kSourceChanged, "the file " + other.Display(found->path) + " was changed while it was copied");
    }
    draft->record.digests = source.digests;
    draft->record.unread = true;
  }
  if (status.ok()) status = writer_.Seal(&*draft, options.replace ? *options.replace : source.properties, options.attempt_id);
  if (status.ok()) return FinishDraft(std::move(*draft), nullptr, {});
  writer_.Discard(&*draft);
  return status;
}

Result<ObjectInfo> LocalProvider::CopyFrom(const OpContext& ctx, const Location& from, std::string_view to, const CopyOptions& options) {
  Result<ObjectInfo> info = DoCopyFrom(ctx, from, to, options);
  return info.ok() ? std::move(info) : Result<ObjectInfo>(Say(info.status(), "copy", to));
}

Result<std::string> LocalProvider::CreateUpload(const OpContext& ctx, std::string_view key, const UploadOptions& options) {
  Status status = ctx.Check();
  if (status.ok()) status = CheckKeyBytes(key);
  if (status.ok()) status = CheckProperties(options.properties, Caps());
  if (!status.ok()) return Say(status, "create-upload", key);
  Result<std::string> id = uploads_.Create(key, options);
  return id.ok() ? std::move(id) : Result<std::string>(Say(id.status(), "create-upload", key));
}

Result<PartInfo> LocalProvider::UploadPart(const OpContext& ctx, std::string_view key, const std::string& upload_id, const PartSpec& part, ISource& source) {
  if (Status s = ctx.Check(); !s.ok()) return Say(s, "upload-part", key);
  Result<PartInfo> info = uploads_.Write(ctx, key, upload_id, part, source);
  return info.ok() ? std::move(info) : Result<PartInfo>(Say(info.status(), "upload-part", key));
}

Result<PartInfo> LocalProvider::UploadPartCopy(const OpContext& ctx, std::string_view key, const std::string& upload_id, const PartSpec& part, const Location& from,
                                               const std::string& source_if_match) {
  Status status = ctx.Check();
  if (status.ok()) status = CheckKeyBytes(from.key);
  if (status.ok() && from.service != Locate(key).service) status = Status(Code::kUnsupported, "the source lies on another file system or service");
  if (!status.ok()) return Say(status, "upload-part-copy", key);
  Tree other(OptionsOfContainer(from.container));
  Result<Found> found = other.Find(from.key);
  if (!found.ok()) return Say(found.status(), "upload-part-copy", key);
  if (!source_if_match.empty() && source_if_match != EtagOf(found->st)) {
    return Say(Status(Code::kPreconditionFailed, "the source is not the version that was asked for"), "upload-part-copy", key);
  }
  const auto size = static_cast<std::uint64_t>(found->st.st_size);
  if (part.offset > size || part.size > size - part.offset) {
    return Say(Status(Code::kInvalidArgument, "the part reaches past the end of the source"), "upload-part-copy", key);
  }
  const std::unique_ptr<ISource> bytes = FileRangeSource(ctx, std::move(*found), {part.offset, part.size}, &buffers_);
  Result<PartInfo> info = uploads_.Write(ctx, key, upload_id, part, *bytes);
  return info.ok() ? std::move(info) : Result<PartInfo>(Say(info.status(), "upload-part-copy", key));
}

Result<std::vector<PartInfo>> LocalProvider::ListParts(const OpContext& ctx, std::string_view key, const std::string& upload_id) {
  if (Status s = ctx.Check(); !s.ok()) return Say(s, "list-parts", key);
  Result<std::vector<PartInfo>> parts = uploads_.Parts(key, upload_id);
  return parts.ok() ? std::move(parts) : Result<std::vector<PartInfo>>(Say(parts.status(), "list-parts", key));
}

Result<ObjectInfo> LocalProvider::DoComplete(const OpContext& ctx, std::string_view key, const std::string& upload_id, const std::vector<PartInfo>& parts,
                                             const CompleteOptions& options) {
  if (Status s = ctx.Check(); !s.ok()) return s;
  if (parts.empty()) return Status(Code::kInvalidArgument, "an upload has at least one part: put an empty object in one request");
  if (options.batch != nullptr) {
    const Result<RootRef> root = tree_.GetOrMake();
    if (!root.ok()) return root.status();
    if (Status s = PrepareBatch(options.batch, *root); !s.ok()) return s;
  }
  Result<Draft> draft = uploads_.Complete(key, upload_id, parts, options, options.batch != nullptr);
  if (!draft.ok()) return draft.status();
  // The parts were written before the batch was prepared to hear of their write-back errors: they are flushed here.
  if (options.batch != nullptr) {
    if (Status s = writer_.Flush(*draft); !s.ok()) {
      writer_.Discard(&*draft);
      return s;
    }
  }
  return FinishDraft(std::move(*draft), options.batch, upload_id);
}

Result<ObjectInfo> LocalProvider::CompleteUpload(const OpContext& ctx, std::string_view key, const std::string& upload_id, const std::vector<PartInfo>& parts,
                                                 const CompleteOptions& options) {
  Result<ObjectInfo> info = DoComplete(ctx, key, upload_id, parts, options);
  return info.ok() ? std::move(info) : Result<ObjectInfo>(Say(info.status(), "complete-upload", key));
}

namespace {
constexpr std::string_view kAbandoned = "abandoned:";  // begins the id of a single write whose process is gone; the path of its draft follows
constexpr std::string_view kHalfMade = "half-made:";   // begins the id of an upload whose process died while it made it
}  // namespace

Status LocalProvider::AbortUpload(const OpContext& ctx, std::string_view key, const std::string& upload_id) {
  if (Status s = ctx.Check(); !s.ok()) return Say(s, "abort-upload", key);
  if (upload_id.starts_with(kHalfMade)) return Say(uploads_.RemoveHalfMade(upload_id.substr(kHalfMade.size())), "abort-upload", key);
  if (upload_id.starts_with(kAbandoned)) return Say(RemoveAbandoned(upload_id.substr(kAbandoned.size())), "abort-upload", key);
  const Result<std::vector<PartInfo>> parts = uploads_.Parts(key, upload_id);  // only an upload of this key
  if (!parts.ok() && parts.code() == Code::kNotFound) return {};
  return Say(uploads_.End(upload_id), "abort-upload", key);
}

Result<UploadPage> LocalProvider::ListUploads(const OpContext& ctx, std::string_view prefix, const std::string& token) {
  if (Status s = ctx.Check(); !s.ok()) return Say(s, "list-uploads", prefix);
  Result<UploadPage> page = uploads_.List(ctx, prefix, token);
  if (!page.ok()) return Say(page.status(), "list-uploads", prefix);
  if (!page->next_token.empty()) return page;
  // Last, the single writes that a process left behind when it was killed.
  std::vector<std::string> paths;
  if (Status s = ListAbandoned(ctx, &paths); !s.ok()) return Say(s, "list-uploads", prefix);
  std::vector<std::string> half_made;
  if (Status s = uploads_.ListHalfMade(ctx, &half_made); !s.ok()) return Say(s, "list-uploads", prefix);
  for (const std::string& id : half_made) {
    UploadEntry entry;
    entry.key = std::string(prefix) + id;  // its key was never written down
    entry.upload_id = std::string(kHalfMade) + id;
    entry.abandoned = true;
    page->entries.push_back(std::move(entry));
  }
  for (std::string& path : paths) {
    if (tree_.options().layout == LocalOptions::Layout::kPlain && !path.starts_with(prefix)) continue;
    UploadEntry entry;
    entry.upload_id = std::string(kAbandoned) + path;
    entry.key = std::move(path);
    entry.abandoned = true;
    page->entries.push_back(std::move(entry));
  }
  return page;
}

}  // namespace fileferry::local
