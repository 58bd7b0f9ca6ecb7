// provider.cc: LocalProvider's operations on single objects.  Thread-safe.
#include "providers/local/provider.h"

#include <linux/fs.h>

#include <cerrno>
#include <set>

#include "core/properties.h"
#include "providers/local/batch.h"

namespace fileferry::local {

LocalProvider::LocalProvider(LocalOptions options)
    : tree_(std::move(options)),
      name_(tree_.options().name.empty() ? tree_.options().root : tree_.options().name),
      properties_(&tree_),
      writer_(&tree_, &properties_),
      uploads_(&tree_, &writer_) {}

Capabilities LocalProvider::Caps() const {
  Capabilities caps;
  caps.sorted_list = true;
  caps.delimited_list = true;
  caps.conditional_get = true;
  caps.conditional_put = true;
  caps.replace_if_match = true;
  caps.conditional_remove = true;
  caps.metadata = true;
  caps.acl = true;
  caps.tags = true;
  caps.storage_class = true;
  caps.server_copy = caps.conditional_copy = true;
  caps.set_properties = true;
  caps.multipart = true;
  caps.part_copy = true;
  caps.batch = true;
  caps.open = true;
  caps.public_url = !tree_.options().url_base.empty();
  caps.presign_get = caps.presign_put = caps.public_url && !tree_.options().url_secret.empty();
  caps.put_unknown_size = true;
  caps.keeps_mtime = true;
  caps.confirms_digest = true;
  caps.max_parts = 1'000'000;
  caps.max_metadata_bytes = 65536;
  caps.stored_digests = MaskOf(DigestKind::kCrc64Nvme) | MaskOf(DigestKind::kMd5) | MaskOf(DigestKind::kSha256) | MaskOf(DigestKind::kCrc32c) |
                        MaskOf(DigestKind::kCrc32) | MaskOf(DigestKind::kSha1);
  return caps;
}

Result<Found> LocalProvider::FindChecked(const OpContext& ctx, std::string_view key) {
  if (Status s = ctx.Check(); !s.ok()) return s;
  if (Status s = CheckKeyBytes(key); !s.ok()) return s;
  return tree_.Find(key);
}

Result<ObjectInfo> LocalProvider::DoStat(const OpContext& ctx, std::string_view key) {
  Result<Found> found = FindChecked(ctx, key);
  if (!found.ok()) return found.status();
  const Result<std::optional<Record>> record = properties_.Read(*found, key);
  if (!record.ok()) return record.status();
  return MakeInfo(key, found->st, *record);
}

Result<ObjectInfo> LocalProvider::Stat(const OpContext& ctx, std::string_view key) {
  Result<ObjectInfo> info = DoStat(ctx, key);
  return info.ok() ? std::move(info) : Result<ObjectInfo>(Say(info.status(), "stat", key));
}

Result<ObjectInfo> LocalProvider::Get(const OpContext& ctx, std::string_view key, const GetOptions& options, ISink& sink) {
  Result<ObjectInfo> info = DoGet(ctx, key, options, sink);
  return info.ok() ? std::move(info) : Result<ObjectInfo>(Say(info.status(), "get", key));
}

Status LocalProvider::PrepareBatch(IWriteBatch* batch, const RootRef& root) {
  if (batch == nullptr) return {};
  auto* ours = dynamic_cast<Batch*>(batch);
  if (ours == nullptr || ours->provider() != this) return Status(Code::kInvalidArgument, "the batch is of another storage");
  return ours->Prepare(root);
}

Result<ObjectInfo> LocalProvider::FinishDraft(Draft draft, IWriteBatch* batch, const std::string& upload_id) {
  ObjectInfo info = MakeInfo(draft.key, draft.st, draft.record);
  if (batch != nullptr) {
    static_cast<Batch*>(batch)->Add(std::move(draft), info, upload_id);  // PrepareBatch has looked
    return info;
  }
  Status status = writer_.Flush(draft);
  if (status.ok()) status = writer_.Publish(&draft);
  if (status.ok()) status = writer_.FlushName(draft);
  if (status.ok() && !upload_id.empty()) status = uploads_.End(upload_id);
  writer_.Discard(&draft);
  return status.ok() ? Result<ObjectInfo>(std::move(info)) : status;
}

Result<ObjectInfo> LocalProvider::DoPut(const OpContext& ctx, std::string_view key, ISource& source, const PutOptions& options) {
  if (Status s = ctx.Check(); !s.ok()) return s;
  if (Status s = CheckKeyBytes(key); !s.ok()) return s;
  if (Status s = CheckProperties(options.properties, Caps()); !s.ok()) return s;
  Result<Draft> draft = writer_.Begin(key, {options.if_absent, options.if_match}, options.batch != nullptr);
  if (!draft.ok()) return draft.status();
  Status status = PrepareBatch(options.batch, draft->root);
  if (status.ok()) status = writer_.CheckEarly(*draft);
  if (status.ok()) status = writer_.Fill(ctx, &*draft, source, options.digests, options.expected);
  if (status.ok()) status = writer_.Seal(&*draft, options.properties, options.attempt_id);
  if (status.ok()) return FinishDraft(std::move(*draft), options.batch, {});
  writer_.Discard(&*draft);
  return status;
}

Result<ObjectInfo> LocalProvider::Put(const OpContext& ctx, std::string_view key, ISource& source, const PutOptions& options) {
  Result<ObjectInfo> info = DoPut(ctx, key, source, options);
  return info.ok() ? std::move(info) : Result<ObjectInfo>(Say(info.status(), "put", key));
}

// Takes the file away under a temporary name, looks at what it is, and puts it back when it is not what was asked for.
Status LocalProvider::RemoveIfMatch(const RootRef& root, const std::string& path, const std::string& etag, bool* removed) {
  const Status changed(Code::kPreconditionFailed, "the object is not the version that was asked for");
  const SplitPath split = SplitLeaf(path);
  const std::string leaf(split.leaf);
  const UniqueFd folder(tree_.OpenFolder(root->get(), split.folder));
  if (!folder.valid()) return errno == ENOENT || errno == ENOTDIR ? changed : tree_.Error(errno, "cannot open the folder", split.folder);
  struct stat st = {};
  if (sys::FStatAt(folder.get(), leaf.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) return errno == ENOENT ? changed : tree_.Error(errno, "cannot look at", path);
  if (!S_ISREG(st.st_mode) || EtagOf(st) != etag) return changed;
  const std::string temporary = HeldName();
  if (sys::RenameAt(folder.get(), leaf.c_str(), folder.get(), temporary.c_str(), 0) != 0) return errno == ENOENT ? changed : tree_.Error(errno, "cannot remove", path);
  if (sys::FStatAt(folder.get(), temporary.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0 || EtagOf(st) != etag) {
    const bool back = sys::RenameAt(folder.get(), temporary.c_str(), folder.get(), leaf.c_str(), RENAME_NOREPLACE) == 0 || errno == EEXIST;
    if (!back) return tree_.Error(errno, "cannot put back", path);
    (void)sys::UnlinkAt(folder.get(), temporary.c_str(), 0);  // only there if a newer object took the name meanwhile
    return changed;
  }
  if (sys::UnlinkAt(folder.get(), temporary.c_str(), 0) != 0) return tree_.Error(errno, "cannot remove", path);
  *removed = true;
  return {};
}

Status LocalProvider::DoRemove(std::string_view key, const std::string& if_match, std::string* changed_folder, bool* removed) {
  if (Status s = CheckKeyBytes(key); !s.ok()) return s;
  Result<RootRef> root = tree_.Get();
  if (root.ok() && tree_.ForgetIfRemoved(*root)) root = tree_.Get();
  if (!root.ok()) {
    if (root.code() != Code::kNotFound) return root.status();
    return if_match.empty() ? Status() : Status(Code::kPreconditionFailed, "there is no such object");
  }
  const std::optional<std::string> plain = PlainPath(key, tree_.options().layout);
  const std::string twin = KeysPath(key);
  const std::scoped_lock lock(tree_.LockOf(key));
  std::string path = plain ? *plain : twin;
  const bool has_keys = tree_.HasKeysFolder((*root)->get());
  if (!if_match.empty()) {
    const Result<Found> found = tree_.Find(key);
    if (!found.ok()) return found.code() == Code::kNotFound ? Status(Code::kPreconditionFailed, "there is no such object") : found.status();
    path = found->path;
    if (Status s = RemoveIfMatch(*root, path, if_match, removed); !s.ok()) return s;
  } else {
    // An older twin goes first: at no moment does it show through.
    if (plain && has_keys) {
      if (Status s = UnlinkObject(tree_, (*root)->get(), twin, removed); !s.ok()) return s;
      if (*removed) RemoveEmptyParents(tree_, (*root)->get(), twin);
    }
    bool here = false;
    if (Status s = UnlinkObject(tree_, (*root)->get(), path, &here); !s.ok()) return s;
    *removed = *removed || here;
  }
  if (!*removed) return {};
  *changed_folder = SplitLeaf(path).folder;
  return properties_.Remove(*root, key);
}

// Flushes the entries of folders, or of the nearest ones above that still exist.
Status LocalProvider::SyncFolders(const std::vector<std::string>& folders) {
  if (!tree_.durable_folders() || folders.empty()) return {};
  const Result<RootRef> root = tree_.Get();
  if (!root.ok()) return root.status();
  if (folders.size() > 8) return sys::SyncFs((*root)->get()) == 0 ? Status() : tree_.Error(errno, "cannot flush", {});
  for (const std::string& path : folders) {
    for (std::string_view here = path;; here = SplitLeaf(here).folder) {
      const UniqueFd folder(tree_.OpenFolder((*root)->get(), here));
      if (!folder.valid() && errno == ENOENT && !here.empty()) continue;
      if (!folder.valid() || sys::Fsync(folder.get()) != 0) return tree_.Error(errno, "cannot flush the folder", here);
      break;
    }
  }
  return {};
}

Status LocalProvider::Remove(const OpContext& ctx, std::string_view key, const RemoveOptions& options) {
  if (Status s = ctx.Check(); !s.ok()) return Say(s, "remove", key);
  if (!options.version_id.empty()) return Say(Status(Code::kUnsupported, "a folder keeps no versions"), "remove", key);
  std::string folder;
  bool removed = false;
  Status status = DoRemove(key, options.if_match, &folder, &removed);
  if (status.ok() && removed) {
    status = SyncFolders({folder});
    if (const Result<RootRef> root = tree_.Get(); root.ok()) RemoveEmptyParents(tree_, (*root)->get(), folder + "/x");
  }
  return Say(status, "remove", key);
}

std::vector<RemoveResult> LocalProvider::RemoveMany(const OpContext& ctx, std::span<const std::string> keys) {
  std::vector<RemoveResult> results;
  results.reserve(keys.size());
  std::set<std::string> folders;
  for (const std::string& key : keys) {
    std::string folder;
    bool removed = false;
    Status status = ctx.Check();
    if (status.ok()) status = DoRemove(key, {}, &folder, &removed);
    if (removed) folders.insert(std::move(folder));
    results.push_back({key, Say(status, "remove", key)});
  }
  if (Status s = SyncFolders({folders.begin(), folders.end()}); !s.ok()) {
    for (RemoveResult& result : results) {
      if (result.status.ok()) result.status = Say(s, "remove", result.key);
    }
  }
  if (const Result<RootRef> root = tree_.Get(); root.ok()) {
    for (auto folder = folders.rbegin(); folder != folders.rend(); ++folder) RemoveEmptyParents(tree_, (*root)->get(), *folder + "/x");
  }
  return results;
}

Result<ObjectInfo> LocalProvider::DoSetProperties(const OpContext& ctx, std::string_view key, const Properties& properties) {
  if (Status s = CheckProperties(properties, Caps()); !s.ok()) return s;
  Result<Found> found = FindChecked(ctx, key);
  if (!found.ok()) return found.status();
  const Result<std::optional<Record>> before = properties_.Read(*found, key);
  if (!before.ok()) return before.status();
  const ObjectInfo now = MakeInfo(key, found->st, *before);  // digests and writer only where they are still true
  Draft draft;
  draft.key = key;
  draft.root = found->root;
  draft.folder_path = SplitLeaf(found->path).folder;
  draft.leaf = SplitLeaf(found->path).leaf;
  draft.st = found->st;
  draft.record.digests = now.digests;
  draft.record.unread = *before && (*before)->unread;
  draft.file = std::move(found->file);
  if (Status s = writer_.SealInPlace(&draft, properties, now.attempt_id); !s.ok()) return s;
  if (Status s = writer_.Flush(draft); !s.ok()) return s;
  return MakeInfo(key, draft.st, draft.record);
}

Result<Properties> LocalProvider::GetAccess(const OpContext& ctx, std::string_view key, bool acl, bool tags) {
  Result<ObjectInfo> info = DoStat(ctx, key);
  if (!info.ok()) return Say(info.status(), "get-access", key);
  Properties access;
  if (acl) access.acl = std::move(info->properties.acl);
  if (tags) access.tags = std::move(info->properties.tags);
  return access;
}

Result<ObjectInfo> LocalProvider::SetProperties(const OpContext& ctx, std::string_view key, const Properties& properties) {
  Result<ObjectInfo> info = DoSetProperties(ctx, key, properties);
  return info.ok() ? std::move(info) : Result<ObjectInfo>(Say(info.status(), "set-properties", key));
}

Result<std::unique_ptr<IWriteBatch>> LocalProvider::NewBatch() { return std::unique_ptr<IWriteBatch>(std::make_unique<Batch>(this)); }

}  // namespace fileferry::local

namespace fileferry {

Result<std::unique_ptr<LocalStorageProvider>> LocalStorageProvider::Create(LocalOptions options) {
  if (options.root.empty()) return Status(Code::kInvalidArgument, "a local storage needs a root folder");
  if (options.root.find('\0') != std::string::npos) return Status(Code::kInvalidArgument, "the root folder has a NUL byte in its name");
  if ((options.file_mode & ~07777U) != 0 || (options.file_mode & 0600U) != 0600U) {
    return Status(Code::kInvalidArgument, "file_mode must be an octal mode that lets the owner read and write, e.g. 0644");
  }
  if ((options.folder_mode & ~07777U) != 0 || (options.folder_mode & 0700U) != 0700U) {
    return Status(Code::kInvalidArgument, "folder_mode must be an octal mode that lets the owner read, write and search, e.g. 0755");
  }
  while (options.url_base.ends_with('/')) options.url_base.pop_back();
  return std::unique_ptr<LocalStorageProvider>(std::make_unique<local::LocalProvider>(std::move(options)));
}

}  // namespace fileferry
