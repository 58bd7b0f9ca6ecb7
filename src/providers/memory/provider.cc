// provider.cc: MemoryStorageProvider.  Any thread; callers' sources and sinks are never used under a lock.
#include "providers/memory/provider.h"

#include "base/clock.h"
#include "base/digest.h"
#include "core/properties.h"

namespace fileferry {
namespace memory {
namespace {

constexpr std::string_view kService = "memory";
constexpr std::uint32_t kMaxParts = 10000;
constexpr DigestMask kAllDigests = MaskOf(DigestKind::kCrc64Nvme) | MaskOf(DigestKind::kMd5) | MaskOf(DigestKind::kSha256) | MaskOf(DigestKind::kCrc32c) |
                                   MaskOf(DigestKind::kCrc32) | MaskOf(DigestKind::kSha1);

Capabilities TheCapabilities() {
  Capabilities caps;
  caps.sorted_list = caps.delimited_list = true;
  caps.conditional_get = caps.conditional_put = caps.replace_if_match = caps.conditional_remove = true;
  caps.metadata = caps.acl = caps.tags = caps.storage_class = true;
  caps.server_copy = caps.conditional_copy = caps.set_properties = caps.multipart = caps.part_copy = true;
  caps.batch = caps.open = caps.put_unknown_size = caps.keeps_mtime = caps.confirms_digest = true;
  caps.max_parts = kMaxParts;
  caps.max_remove_many = 1000;
  caps.stored_digests = kAllDigests;
  return caps;
}

Status CheckEncryption(const Properties& properties) {
  if (properties.sse.empty() && properties.sse_kms_key.empty()) return {};
  return Status(Code::kUnsupported, "the memory storage does not encrypt; leave the encryption unset");
}

// Takes at most `limit` bytes of a source, hashing them.
class Collector final : public ISink {
 public:
  Collector(const OpContext& ctx, std::optional<std::uint64_t> limit, DigestMask digests) : ctx_(ctx), limit_(limit), hasher_(digests) {}
  Status Write(Bytes bytes) override {
    if (Status s = ctx_.Check(); !s.ok()) return s;
    if (limit_ && bytes.size() > *limit_ - text_->size()) {
      return Status(Code::kSourceChanged, "the source has more than the " + std::to_string(*limit_) + " bytes it was announced with");
    }
    text_->append(AsText(bytes));
    hasher_.Update(bytes);
    return {};
  }
  Status Restart() override {
    text_->clear();
    hasher_.Reset();
    return {};
  }
  std::shared_ptr<std::string> text() const { return text_; }
  DigestSet digests() { return hasher_.Finish(); }

 private:
  const OpContext& ctx_;
  const std::optional<std::uint64_t> limit_;
  std::shared_ptr<std::string> text_ = std::make_shared<std::string>();
  Hasher hasher_;
};

struct Taken {
  Contents bytes;
  DigestSet digests;
};

// All of source, checked against the size it says or is announced with.
Result<Taken> Take(const OpContext& ctx, ISource& source, std::optional<std::uint64_t> size, DigestMask digests) {
  Collector collector(ctx, size, digests);
  if (const std::optional<Bytes> all = source.Memory()) {
    if (Status s = collector.Write(*all); !s.ok()) return s;
  } else if (Status s = source.SendTo(collector); !s.ok()) {
    return s;
  }
  if (size && collector.text()->size() < *size) {
    return Status(Code::kSourceChanged, "the source ended after " + std::to_string(collector.text()->size()) + " of the " + std::to_string(*size) + " bytes it was announced with");
  }
  return Taken{collector.text(), collector.digests()};
}

class Provider final : public MemoryStorageProvider {
 public:
  explicit Provider(std::string name) : name_(std::move(name)), state_(std::make_shared<State>()) { Register(state_); }

  std::string_view Scheme() const override { return "memory"; }
  std::string Name() const override { return name_; }
  Capabilities Caps() const override { return TheCapabilities(); }
  Status CheckKey(std::string_view key) const override { return CheckKeyBytes(key).With(name_, {}, key); }

  Result<ObjectInfo> Stat(const OpContext& ctx, std::string_view key) override;
  Result<ObjectInfo> Get(const OpContext& ctx, std::string_view key, const GetOptions& options, ISink& sink) override;
  Result<std::unique_ptr<ISource>> Open(const OpContext& ctx, std::string_view key, const GetOptions& options, ObjectInfo* info) override;
  Result<ObjectInfo> Put(const OpContext& ctx, std::string_view key, ISource& source, const PutOptions& options) override;
  Result<ListPage> List(const OpContext& ctx, const ListQuery& query) override;
  Status Remove(const OpContext& ctx, std::string_view key, const RemoveOptions& options) override;
  std::vector<RemoveResult> RemoveMany(const OpContext& ctx, std::span<const std::string> keys) override;
  Location Locate(std::string_view key) const override { return {std::string(kService), state_->id, std::string(key)}; }
  Result<ObjectInfo> CopyFrom(const OpContext& ctx, const Location& from, std::string_view to, const CopyOptions& options) override;
  Result<ObjectInfo> SetProperties(const OpContext& ctx, std::string_view key, const Properties& properties) override;
  Result<Properties> GetAccess(const OpContext& ctx, std::string_view key, bool acl, bool tags) override;
  Result<SignedUrl> Url(std::string_view key, const UrlOptions& options) override;
  Result<std::string> CreateUpload(const OpContext& ctx, std::string_view key, const UploadOptions& options) override;
  Result<PartInfo> UploadPart(const OpContext& ctx, std::string_view key, const std::string& upload_id, const PartSpec& part, ISource& source) override;
  Result<PartInfo> UploadPartCopy(const OpContext& ctx, std::string_view key, const std::string& upload_id, const PartSpec& part, const Location& from,
                                  const std::string& source_if_match) override;
  Result<std::vector<PartInfo>> ListParts(const OpContext& ctx, std::string_view key, const std::string& upload_id) override;
  Result<ObjectInfo> CompleteUpload(const OpContext& ctx, std::string_view key, const std::string& upload_id, const std::vector<PartInfo>& parts,
                                    const CompleteOptions& options) override;
  Status AbortUpload(const OpContext& ctx, std::string_view key, const std::string& upload_id) override;
  Result<UploadPage> ListUploads(const OpContext& ctx, std::string_view prefix, const std::string& token) override;
  Result<std::unique_ptr<IWriteBatch>> NewBatch() override { return std::unique_ptr<IWriteBatch>(std::make_unique<Batch>(state_, Name())); }
  HealthReport Health(const OpContext& ctx) override;

 private:
  static Status Begin(const OpContext& ctx, std::string_view key) {
    if (Status s = ctx.Check(); !s.ok()) return s;
    return CheckKeyBytes(key);
  }
  // The object that a read with these options is about.
  Result<ObjectPtr> Select(const OpContext& ctx, std::string_view key, const GetOptions& options) const;
  Result<ObjectPtr> SelectSource(const Location& from, const std::string& if_match, const std::string& version_id) const;
  // The upload of that id and key.  REQUIRES: state_->mutex is held.
  Result<PendingUpload*> FindUpload(std::string_view key, const std::string& upload_id) const;
  Result<PartInfo> StorePart(std::string_view key, const std::string& upload_id, const PartSpec& spec, Contents bytes, const Digest& crc);
  // Adds to batch, which must be this storage's.
  Status AddTo(IWriteBatch* batch, Object object, const Conditions& conditions) const;
  Status Stamp(const Status& status, std::string_view operation, std::string_view key) const { return status.With(name_, operation, key); }

  // The bodies of the methods of the same name, without the names in their errors.
  Result<ObjectInfo> DoGet(const OpContext& ctx, std::string_view key, const GetOptions& options, ISink& sink) const;
  Result<ObjectInfo> DoPut(const OpContext& ctx, std::string_view key, ISource& source, const PutOptions& options);
  Status DoRemove(const OpContext& ctx, std::string_view key, const RemoveOptions& options);
  Result<ObjectInfo> DoCopy(const OpContext& ctx, const Location& from, std::string_view to, const CopyOptions& options);
  Result<ObjectInfo> DoSetProperties(const OpContext& ctx, std::string_view key, const Properties& properties);
  Result<std::string> DoCreate(const OpContext& ctx, std::string_view key, const UploadOptions& options);
  Result<PartInfo> DoPart(const OpContext& ctx, std::string_view key, const std::string& upload_id, const PartSpec& part, ISource& source);
  Result<PartInfo> DoPartCopy(const OpContext& ctx, std::string_view key, const std::string& upload_id, const PartSpec& part, const Location& from,
                              const std::string& source_if_match);
  Result<std::vector<PartInfo>> DoListParts(const OpContext& ctx, std::string_view key, const std::string& upload_id) const;
  Result<ObjectInfo> DoComplete(const OpContext& ctx, std::string_view key, const std::string& upload_id, const std::vector<PartInfo>& parts,
                                const CompleteOptions& options);

  template <typename T>
  Result<T> Stamp(Result<T> result, std::string_view operation, std::string_view key) const {
    if (result.ok()) return result;
    return Stamp(result.status(), operation, key);
  }

  const std::string name_;
  const std::shared_ptr<State> state_;
};

Result<ObjectPtr> Provider::Select(const OpContext& ctx, std::string_view key, const GetOptions& options) const {
  if (Status s = Begin(ctx, key); !s.ok()) return s;
  if (!options.version_id.empty()) return Status(Code::kUnsupported, "the memory storage keeps no versions");
  ObjectPtr object = state_->Find(key);
  if (object == nullptr) return Status(Code::kNotFound, "there is no such object");
  if (!options.if_match.empty() && options.if_match != object->info.etag) return Status(Code::kPreconditionFailed, "the object is another version than the one asked for");
  if (!options.if_none_match.empty() && options.if_none_match == object->info.etag) {
    ErrorDetail detail;
    detail.code = Code::kPreconditionFailed;
    detail.message = "the object is still the version that is known";
    detail.http_status = 304;
    return Status(std::move(detail));
  }
  return object;
}

Result<ObjectInfo> Provider::Stat(const OpContext& ctx, std::string_view key) {
  Result<ObjectPtr> object = Select(ctx, key, {});
  if (!object.ok()) return Stamp(object.status(), "stat", key);
  return (*object)->info;
}

Result<ObjectInfo> Provider::DoGet(const OpContext& ctx, std::string_view key, const GetOptions& options, ISink& sink) const {
  Result<ObjectPtr> object = Select(ctx, key, options);
  if (!object.ok()) return object.status();
  ObjectInfo info = (*object)->info;
  const auto range = RangeOf(options, info.size);
  if (!range.ok()) return range.status();
  const auto [offset, length] = *range;
  if (options.head != nullptr) *options.head = info;
  const bool whole = length == info.size;
  Hasher hasher(whole ? static_cast<DigestMask>(options.digests | (options.verify ? MaskOf(DigestKind::kCrc64Nvme) : 0)) : DigestMask{0});
  std::string_view rest = std::string_view(*(*object)->bytes).substr(offset, length);
  while (!rest.empty()) {
    if (Status s = ctx.Check(); !s.ok()) return s;
    const Bytes piece = AsBytes(rest.substr(0, std::size_t{256} << 10));
    hasher.Update(piece);
    if (Status s = sink.Write(piece); !s.ok()) return s;
    rest.remove_prefix(piece.size());
  }
  if (!whole) return info;
  const DigestSet computed = hasher.Finish();
  if (Compare(computed, info.digests) == DigestMatch::kDifferent) return Status(Code::kIntegrity, "the object's bytes are not those that were stored");
  for (const Digest& digest : computed) info.digests.Set(digest);
  return info;
}

Result<ObjectInfo> Provider::Get(const OpContext& ctx, std::string_view key, const GetOptions& options, ISink& sink) {
  return Stamp(DoGet(ctx, key, options, sink), "get", key);
}

Result<std::unique_ptr<ISource>> Provider::Open(const OpContext& ctx, std::string_view key, const GetOptions& options, ObjectInfo* info) {
  Result<ObjectPtr> object = Select(ctx, key, options);
  if (!object.ok()) return Stamp(object.status(), "open", key);
  const auto range = RangeOf(options, (*object)->info.size);
  if (!range.ok()) return Stamp(range.status(), "open", key);
  if (info != nullptr) *info = (*object)->info;
  if (options.head != nullptr) *options.head = (*object)->info;
  return OpenObject(ctx, state_, std::move(object).value(), range->first, range->second);
}

Status Provider::AddTo(IWriteBatch* batch, Object object, const Conditions& conditions) const {
  auto* own = dynamic_cast<Batch*>(batch);
  if (own == nullptr || own->state() != state_.get()) return Status(Code::kInvalidArgument, "the batch was made by another storage");
  own->Add(std::move(object), conditions);
  return {};
}

Result<ObjectInfo> Provider::DoPut(const OpContext& ctx, std::string_view key, ISource& source, const PutOptions& options) {
  if (Status s = Begin(ctx, key); !s.ok()) return s;
  if (options.if_absent && !options.if_match.empty()) return Status(Code::kInvalidArgument, "if_absent and if_match exclude each other");
  if (Status s = CheckProperties(options.properties, TheCapabilities()); !s.ok()) return s;
  if (Status s = CheckEncryption(options.properties); !s.ok()) return s;
  const Conditions conditions{options.if_absent, options.if_match};
  {
    const std::shared_lock lock(state_->mutex);
    if (Status s = state_->CheckLocked(key, conditions); !s.ok()) return s;
  }
  const auto digests = static_cast<DigestMask>(options.digests | options.expected.mask() | MaskOf(DigestKind::kCrc64Nvme));
  Result<Taken> taken = Take(ctx, source, source.size(), digests);
  if (!taken.ok()) return taken.status();
  if (Compare(options.expected, taken->digests) == DigestMatch::kDifferent) return Status(Code::kIntegrity, "the bytes do not have the expected digest; nothing was stored");
  if (Status s = ctx.Check(); !s.ok()) return s;
  Object object;
  object.info.key = key;
  object.info.size = taken->bytes->size();
  object.info.properties = options.properties;
  object.info.digests = taken->digests;
  object.info.confirmed = taken->digests.mask();
  object.info.attempt_id = options.attempt_id;
  object.bytes = std::move(taken->bytes);
  if (options.batch == nullptr) return state_->Publish(std::move(object), conditions);
  ObjectInfo info = object.info;
  if (Status s = AddTo(options.batch, std::move(object), conditions); !s.ok()) return s;
  return info;
}

Result<ObjectInfo> Provider::Put(const OpContext& ctx, std::string_view key, ISource& source, const PutOptions& options) {
  return Stamp(DoPut(ctx, key, source, options), "put", key);
}

Result<ListPage> Provider::List(const OpContext& ctx, const ListQuery& query) {
  if (Status s = ctx.Check(); !s.ok()) return Stamp(s, "list", query.prefix);
  return Stamp(ListObjects(*state_, query), "list", query.prefix);
}

Status Provider::DoRemove(const OpContext& ctx, std::string_view key, const RemoveOptions& options) {
  if (Status s = Begin(ctx, key); !s.ok()) return s;
  if (!options.version_id.empty()) return Status(Code::kUnsupported, "the memory storage keeps no versions");
  ObjectPtr removed;  // freed after the lock
  const std::unique_lock lock(state_->mutex);
  const auto found = state_->objects.find(key);
  if (found == state_->objects.end()) return {};
  if (!options.if_match.empty() && options.if_match != found->second->info.etag) return Status(Code::kPreconditionFailed, "the object is another version than the one to remove");
  removed = std::move(found->second);
  state_->objects.erase(found);
  return {};
}

Status Provider::Remove(const OpContext& ctx, std::string_view key, const RemoveOptions& options) { return Stamp(DoRemove(ctx, key, options), "remove", key); }

std::vector<RemoveResult> Provider::RemoveMany(const OpContext& ctx, std::span<const std::string> keys) {
  std::vector<RemoveResult> results;
  results.reserve(keys.size());
  for (const std::string& key : keys) results.push_back({key, Remove(ctx, key, {})});
  return results;
}

Result<ObjectPtr> Provider::SelectSource(const Location& from, const std::string& if_match, const std::string& version_id) const {
  if (from.service != kService) return Status(Code::kUnsupported, "the source lies in another service; copy it through the client");
  const std::shared_ptr<State> state = FindState(from.container);
  if (state == nullptr) return Status(Code::kNotFound, "the storage of the source is closed");
  if (!version_id.empty()) return Status(Code::kUnsupported, "the memory storage keeps no versions");
  ObjectPtr object = state->Find(from.key);
  if (object == nullptr) return Status(Code::kNotFound, "there is no object to copy from");
  if (!if_match.empty() && if_match != object->info.etag) return Status(Code::kPreconditionFailed, "the source is another version than the one to copy");
  return object;
}

Result<ObjectInfo> Provider::DoCopy(const OpContext& ctx, const Location& from, std::string_view to, const CopyOptions& options) {
  if (Status s = Begin(ctx, to); !s.ok()) return s;
  if (options.if_absent && !options.if_match.empty()) return Status(Code::kInvalidArgument, "if_absent and if_match exclude each other");
  if (options.replace) {
    if (Status s = CheckProperties(*options.replace, TheCapabilities()); !s.ok()) return s;
    if (Status s = CheckEncryption(*options.replace); !s.ok()) return s;
  }
  Result<ObjectPtr> source = SelectSource(from, options.source_if_match, options.source_version_id);
  if (!source.ok()) return source.status();
  Object object = **source;
  object.info.key = to;
  object.info.attempt_id = options.attempt_id;
  if (options.replace) object.info.properties = *options.replace;
  return state_->Publish(std::move(object), {options.if_absent, options.if_match});
}

Result<ObjectInfo> Provider::CopyFrom(const OpContext& ctx, const Location& from, std::string_view to, const CopyOptions& options) {
  return Stamp(DoCopy(ctx, from, to, options), "copy", to);
}

Result<ObjectInfo> Provider::DoSetProperties(const OpContext& ctx, std::string_view key, const Properties& properties) {
  if (Status s = Begin(ctx, key); !s.ok()) return s;
  if (Status s = CheckProperties(properties, TheCapabilities()); !s.ok()) return s;
  if (Status s = CheckEncryption(properties); !s.ok()) return s;
  const std::unique_lock lock(state_->mutex);
  const auto found = state_->objects.find(key);
  if (found == state_->objects.end()) return Status(Code::kNotFound, "there is no such object");
  auto changed = std::make_shared<Object>(*found->second);
  changed->info.properties = properties;
  changed->info.etag = NewEtag();
  changed->info.modified = Now();
  found->second = changed;
  return changed->info;
}

Result<Properties> Provider::GetAccess(const OpContext& ctx, std::string_view key, bool acl, bool tags) {
  Result<ObjectInfo> info = Stat(ctx, key);
  if (!info.ok()) return Stamp(info.status(), "get-access", key);
  Properties access;
  if (acl) access.acl = std::move(info->properties.acl);
  if (tags) access.tags = std::move(info->properties.tags);
  return access;
}

Result<ObjectInfo> Provider::SetProperties(const OpContext& ctx, std::string_view key, const Properties& properties) {
  return Stamp(DoSetProperties(ctx, key, properties), "set-properties", key);
}

Result<SignedUrl> Provider::Url(std::string_view key, const UrlOptions&) { return Stamp(Status(Code::kUnsupported, "objects in memory have no URL"), "url", key); }

Result<std::string> Provider::DoCreate(const OpContext& ctx, std::string_view key, const UploadOptions& options) {
  if (Status s = Begin(ctx, key); !s.ok()) return s;
  if (Status s = CheckProperties(options.properties, TheCapabilities()); !s.ok()) return s;
  if (Status s = CheckEncryption(options.properties); !s.ok()) return s;
  std::string id = RandomId();
  const std::unique_lock lock(state_->mutex);
  state_->uploads.emplace(id, PendingUpload{std::string(key), options, Now(), {}});
  return id;
}

Result<std::string> Provider::CreateUpload(const OpContext& ctx, std::string_view key, const UploadOptions& options) {
  return Stamp(DoCreate(ctx, key, options), "create-upload", key);
}

Result<PendingUpload*> Provider::FindUpload(std::string_view key, const std::string& upload_id) const {
  const auto found = state_->uploads.find(upload_id);
  if (found == state_->uploads.end() || found->second.key != key) return Status(Code::kNotFound, "there is no such upload; it was completed or aborted");
  return &found->second;
}

Result<PartInfo> Provider::StorePart(std::string_view key, const std::string& upload_id, const PartSpec& spec, Contents bytes, const Digest& crc) {
  Part part{std::move(bytes), PartInfo{spec.number, spec.offset, spec.size, NewEtag(), crc}};
  const std::unique_lock lock(state_->mutex);
  Result<PendingUpload*> upload = FindUpload(key, upload_id);
  if (!upload.ok()) return upload.status();
  PartInfo info = part.info;
  (*upload)->parts.insert_or_assign(spec.number, std::move(part));
  return info;
}

Result<PartInfo> Provider::DoPart(const OpContext& ctx, std::string_view key, const std::string& upload_id, const PartSpec& part, ISource& source) {
  if (Status s = Begin(ctx, key); !s.ok()) return s;
  if (part.number < 1 || part.number > kMaxParts) return Status(Code::kInvalidArgument, "part numbers are 1 to " + std::to_string(kMaxParts));
  {
    const std::shared_lock lock(state_->mutex);
    if (Result<PendingUpload*> upload = FindUpload(key, upload_id); !upload.ok()) return upload.status();
  }
  Result<Taken> taken = Take(ctx, source, part.size, MaskOf(DigestKind::kCrc64Nvme));
  if (!taken.ok()) return taken.status();
  return StorePart(key, upload_id, part, std::move(taken->bytes), *taken->digests.begin());
}

Result<PartInfo> Provider::UploadPart(const OpContext& ctx, std::string_view key, const std::string& upload_id, const PartSpec& part, ISource& source) {
  return Stamp(DoPart(ctx, key, upload_id, part, source), "upload-part", key);
}

Result<PartInfo> Provider::DoPartCopy(const OpContext& ctx, std::string_view key, const std::string& upload_id, const PartSpec& part, const Location& from,
                                      const std::string& source_if_match) {
  if (Status s = Begin(ctx, key); !s.ok()) return s;
  if (part.number < 1 || part.number > kMaxParts) return Status(Code::kInvalidArgument, "part numbers are 1 to " + std::to_string(kMaxParts));
  Result<ObjectPtr> source = SelectSource(from, source_if_match, {});
  if (!source.ok()) return source.status();
  const std::string& bytes = *(*source)->bytes;
  if (part.offset > bytes.size() || part.size > bytes.size() - part.offset) return Status(Code::kInvalidArgument, "the part reaches past the end of the source");
  auto copied = std::make_shared<const std::string>(bytes, part.offset, part.size);
  const Digest crc = Crc64Digest(Crc64Nvme(0, AsBytes(*copied)));
  return StorePart(key, upload_id, part, std::move(copied), crc);
}

Result<PartInfo> Provider::UploadPartCopy(const OpContext& ctx, std::string_view key, const std::string& upload_id, const PartSpec& part, const Location& from,
                                          const std::string& source_if_match) {
  return Stamp(DoPartCopy(ctx, key, upload_id, part, from, source_if_match), "upload-part-copy", key);
}

Result<std::vector<PartInfo>> Provider::DoListParts(const OpContext& ctx, std::string_view key, const std::string& upload_id) const {
  if (Status s = Begin(ctx, key); !s.ok()) return s;
  const std::shared_lock lock(state_->mutex);
  Result<PendingUpload*> upload = FindUpload(key, upload_id);
  if (!upload.ok()) return upload.status();
  std::vector<PartInfo> parts;
  for (const auto& [number, part] : (*upload)->parts) parts.push_back(part.info);
  return parts;
}

Result<std::vector<PartInfo>> Provider::ListParts(const OpContext& ctx, std::string_view key, const std::string& upload_id) {
  return Stamp(DoListParts(ctx, key, upload_id), "list-parts", key);
}

Result<ObjectInfo> Provider::DoComplete(const OpContext& ctx, std::string_view key, const std::string& upload_id, const std::vector<PartInfo>& parts,
                                        const CompleteOptions& options) {
  if (Status s = Begin(ctx, key); !s.ok()) return s;
  if (options.if_absent && !options.if_match.empty()) return Status(Code::kInvalidArgument, "if_absent and if_match exclude each other");
  PendingUpload upload;  // a copy: the parts' bytes are shared and joined without the lock
  {
    const std::shared_lock lock(state_->mutex);
    Result<PendingUpload*> found = FindUpload(key, upload_id);
    if (!found.ok()) return found.status();
    upload = **found;
  }
  Result<Object> object = JoinParts(upload, parts, options);
  if (!object.ok()) return object.status();
  const Conditions conditions{options.if_absent, options.if_match};
  const std::unique_lock lock(state_->mutex);
  if (Result<PendingUpload*> found = FindUpload(key, upload_id); !found.ok()) return found.status();
  ObjectInfo info = object->info;
  if (options.batch == nullptr) {
    Result<ObjectInfo> published = state_->PublishLocked(std::move(object).value(), conditions);
    if (!published.ok()) return published;  // the upload stays: it can be completed under another condition or aborted
    info = std::move(published).value();
  } else {
    if (Status s = state_->CheckLocked(key, conditions); !s.ok()) return s;
    if (Status s = AddTo(options.batch, std::move(object).value(), conditions); !s.ok()) return s;
  }
  state_->uploads.erase(upload_id);
  return info;
}

Result<ObjectInfo> Provider::CompleteUpload(const OpContext& ctx, std::string_view key, const std::string& upload_id, const std::vector<PartInfo>& parts,
                                            const CompleteOptions& options) {
  return Stamp(DoComplete(ctx, key, upload_id, parts, options), "complete-upload", key);
}

Status Provider::AbortUpload(const OpContext& ctx, std::string_view key, const std::string& upload_id) {
  if (Status s = Begin(ctx, key); !s.ok()) return Stamp(s, "abort-upload", key);
  const std::unique_lock lock(state_->mutex);
  if (Result<PendingUpload*> found = FindUpload(key, upload_id); found.ok()) state_->uploads.erase(upload_id);
  return {};
}

Result<UploadPage> Provider::ListUploads(const OpContext& ctx, std::string_view prefix, const std::string& token) {
  if (Status s = ctx.Check(); !s.ok()) return Stamp(s, "list-uploads", prefix);
  return Stamp(ListPending(*state_, prefix, token), "list-uploads", prefix);
}

HealthReport Provider::Health(const OpContext& ctx) {
  HealthReport report;
  report.status = Stamp(ctx.Check(), "health", {});
  std::uint64_t bytes = 0;
  const std::shared_lock lock(state_->mutex);
  for (const auto& [key, object] : state_->objects) bytes += object->info.size;
  report.details.emplace_back("objects", std::to_string(state_->objects.size()));
  report.details.emplace_back("bytes", std::to_string(bytes));
  return report;
}

}  // namespace
}  // namespace memory

std::unique_ptr<MemoryStorageProvider> MemoryStorageProvider::Create(std::string name) { return std::make_unique<memory::Provider>(std::move(name)); }

Result<std::unique_ptr<MemoryStorageProvider>> MemoryStorageProvider::FromConfig(const StorageConfig& config) {
  return Create(config.name.empty() ? "memory:" : config.name);
}

}  // namespace fileferry
