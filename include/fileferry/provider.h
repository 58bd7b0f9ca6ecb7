// provider.h: an IStorageProvider gives access to one storage: a folder, a bucket, a disk.  Applications use Store (store.h);
// implement this interface to add a storage (docs/adding-a-provider.md) and run the conformance suite over it (testing/conformance.h).
//
// All methods are safe to call from any number of threads at once.  All of them block until done, cancelled (ctx.cancel) or
// late (ctx.deadline).  Calls are stateless: tokens and upload ids are texts that survive a restart of the process.
//
// Every method is pure virtual on purpose: a layer that forgets to forward a new one must fail to compile.  Conveniences are
// free functions in ops.h.
//
// Errors carry provider, operation and key.  A method whose capability is off returns kUnsupported, and never does where it is on.
#ifndef FILEFERRY_PROVIDER_H
#define FILEFERRY_PROVIDER_H

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fileferry/object.h"
#include "fileferry/options.h"
#include "fileferry/status.h"

namespace fileferry {

// Takes the bytes of one Get, in order.  Used by one thread at a time.
class ISink {
 public:
  virtual ~ISink() = default;
  // A failure stops the transfer, and is what the transfer returns.
  virtual Status Write(Bytes bytes) = 0;
  // Forget what was written and begin anew (a Get that is tried again).  kUnsupported where that is not possible.
  virtual Status Restart() = 0;
  // Memory that the next bytes may be put into, from its front, to save a copy: whoever does so calls Write with just these bytes next.  Empty where the sink has none; valid until the next
  // call.  Nobody need make use of it.
  virtual std::span<std::byte> Room() { return {}; }
};

// Gives the bytes of one object or part.  Used by one thread at a time.
class ISource {
 public:
  virtual ~ISource() = default;
  // The exact number of bytes; absent when not known before the end.
  virtual std::optional<std::uint64_t> size() const = 0;
  // Up to out.size() bytes, at least one unless the end is reached (0).  kSourceChanged when the source turns out not to be what it was when it was opened.
  virtual Result<std::size_t> Read(std::span<std::byte> out) = 0;
  // Back to the first byte.  kUnsupported where that is not possible; a source that was not read yet can always rewind.
  virtual Status Rewind() = 0;
  // All bytes, where they lie in memory already (then nobody needs to copy them); otherwise absent.  Does not move the position.
  virtual std::optional<Bytes> Memory() const = 0;
  // Writes everything that is left to sink, by pushing: the way without a copy where the bytes come from a Get.  Equivalent to a loop
  // of Read and Write (see SendByReading in ops.h).
  virtual Status SendTo(ISink& sink) = 0;
};

// What a provider promises.  A promise in both directions: on = works, off = kUnsupported.
struct Capabilities {
  bool sorted_list = false;         // listings are sorted by the bytes of the key
  bool delimited_list = false;      // ListQuery::delimiter
  bool conditional_get = false;     // GetOptions::if_match, if_none_match
  bool conditional_put = false;     // if_absent is atomic
  bool conditional_put_unknown = false;  // while it is off: the next Put with if_absent finds out; it works or is kUnsupported, and Caps() says so from then on
  bool replace_if_match = false;    // PutOptions::if_match
  bool conditional_remove = false;  // RemoveOptions::if_match
  bool metadata = false;            // Properties::metadata and the five headers are kept
  bool acl = false;
  bool tags = false;
  bool storage_class = false;
  bool server_copy = false;         // CopyFrom within the same service
  bool conditional_copy = false;    // CopyOptions::if_absent where conditional_put is on, if_match where replace_if_match is on, both atomic; off: both are kUnsupported in CopyFrom
  bool set_properties = false;
  bool multipart = false;           // the upload calls
  bool part_copy = false;           // UploadPartCopy
  bool batch = false;               // NewBatch
  bool open = false;                // Open
  bool presign_get = false;
  bool presign_put = false;
  bool public_url = false;
  bool versions = false;
  bool put_unknown_size = false;    // Put takes a source whose size is not known
  bool keeps_mtime = false;         // Properties::mtime is kept and listed as ListEntry::modified
  bool confirms_digest = false;     // Put and CompleteUpload answer with a digest that the storage computed itself
  std::uint64_t max_put_size = UINT64_MAX;   // of one Put, in bytes
  std::uint64_t min_part_size = 0;           // of all parts but the last
  std::uint64_t max_part_size = UINT64_MAX;
  std::uint32_t max_parts = 0;
  std::uint32_t max_remove_many = 1;         // keys per request of RemoveMany; it takes any number
  std::uint32_t max_metadata_bytes = 2048;   // names and values of user metadata
  // Whose storage classes and encryption the storage has ("aws", or one service where its administrator names them): a migration carries them between storages with the same.  Empty: it has none.  Lives as
  // long as the storage.
  std::string_view class_vendor, encryption_vendor;
  bool sets_class = false, sets_encryption = false;  // the configuration gives all new objects one: nothing is carried to it
  std::string_view default_encryption;       // Properties::sse of every object that asked for none; empty: none
  DigestMask stored_digests = 0;             // kinds that Stat can answer for objects that were put with them
};

struct RemoveResult {
  std::string key;
  Status status;
};

struct HealthReport {
  Status status;                                             // OK: the storage can be used
  std::chrono::milliseconds latency{0};
  std::vector<std::pair<std::string, std::string>> details;  // name and value, in order, for people; never a secret
};

struct BatchResult {
  std::string key;
  Status status;
  ObjectInfo info;  // where status is OK
};

// Writes that become visible and durable together, at the price of one flush (local: temporary files, one syncfs, renames, fsync
// of folders).  A Put with PutOptions::batch has checked and taken the bytes when it returns, but the object is not visible before Commit.
// Put and CompleteUpload may be called by many threads with one batch, but not while Commit runs.
// Destroying a batch that was not committed discards its writes.
class IWriteBatch {
 public:
  virtual ~IWriteBatch() = default;
  virtual std::size_t pending() const = 0;
  virtual std::uint64_t pending_bytes() const = 0;
  // One result for each write since the last Commit, in any order (a create-only write may find its key taken by now).  A failure of the
  // flush itself is the status of all of them.  The batch is empty and usable again afterwards.
  virtual std::vector<BatchResult> Commit(const OpContext& ctx) = 0;
};

class IStorageProvider {
 public:
  virtual ~IStorageProvider() = default;

  virtual std::string_view Scheme() const = 0;  // "s3", "file", "memory"; constant for the type
  virtual std::string Name() const = 0;         // for messages: "media", "s3://bucket", "/srv/files"; constant for the object, no secret
  // Constant for the object.  Where what the storage can do depends on who answers there (S3 without a configured vendor), the first of Caps, CheckKey and Locate that is called may
  // ask, once; every later call, and every call elsewhere, is without I/O.
  virtual Capabilities Caps() const = 0;

  // Whether the storage can hold this key: OK, or kInvalidArgument with the reason.  Sends nothing for the key (see Caps).
  virtual Status CheckKey(std::string_view key) const = 0;

  // kNotFound if there is no object at key.  Never answers for a prefix.
  virtual Result<ObjectInfo> Stat(const OpContext& ctx, std::string_view key) = 0;

  // Sends the object, or the asked range of it, to sink; the answer describes the whole object.  An offset at or past the end, of a non-empty object, is
  // kInvalidArgument; a range that reaches past the end is cut.  May have written some bytes to sink when it fails.
  virtual Result<ObjectInfo> Get(const OpContext& ctx, std::string_view key, const GetOptions& options, ISink& sink) = 0;

  // The pull form of Get: a source over the object or range, which must be closed (destroyed) before the provider is.  *info (may be nullptr) describes the
  // object.  The source says kSourceChanged at its end if the object changed since Open.  Only with Caps().open.
  virtual Result<std::unique_ptr<ISource>> Open(const OpContext& ctx, std::string_view key, const GetOptions& options, ObjectInfo* info) = 0;

  // Stores all of source at key.  No reader ever sees a part of it: either the old object or the whole new one.  Does not call source.Rewind() except to
  // read it a second time where a digest must precede the body.  A source that is shorter or longer than it said is kSourceChanged, and nothing is stored.
  virtual Result<ObjectInfo> Put(const OpContext& ctx, std::string_view key, ISource& source, const PutOptions& options) = 0;

  // One page.  Complete or failing; never a part or a temporary file.
  virtual Result<ListPage> List(const OpContext& ctx, const ListQuery& query) = 0;

  // Removing what is not there succeeds: a repeated Remove must not fail.
  virtual Status Remove(const OpContext& ctx, std::string_view key, const RemoveOptions& options) = 0;
  // One result for each key, in the order of keys.  Works everywhere; cheaper than Remove where max_remove_many > 1.
  virtual std::vector<RemoveResult> RemoveMany(const OpContext& ctx, std::span<const std::string> keys) = 0;

  // Where key lies, for CopyFrom of another provider of the same service.  May look for credentials where none were needed yet.
  virtual Location Locate(std::string_view key) const = 0;
  // Copies inside the service; no byte passes through the client.  kUnsupported if from.service is not Locate(to).service or caps.server_copy is off.  A copy that is made of an upload in parts tells
  // CopyOptions::uploads of it.
  virtual Result<ObjectInfo> CopyFrom(const OpContext& ctx, const Location& from, std::string_view to, const CopyOptions& options) = 0;

  // Replaces all properties, bytes unchanged.
  virtual Result<ObjectInfo> SetProperties(const OpContext& ctx, std::string_view key, const Properties& properties) = 0;

  // ACL (as a canned one) and tags, whichever is asked for, and no other property: what Stat leaves out where it takes requests or rights of its own.  kUnsupported for one whose capability is
  // off, and for an ACL that no canned one describes.
  virtual Result<Properties> GetAccess(const OpContext& ctx, std::string_view key, bool acl, bool tags) = 0;

  virtual Result<SignedUrl> Url(std::string_view key, const UrlOptions& options) = 0;

  // Multipart upload.  Nothing is visible before CompleteUpload; an upload that is neither completed nor aborted stays until it is found by ListUploads.
  // Parts may be sent in any order, by any number of threads, again and again with the same bytes.
  virtual Result<std::string> CreateUpload(const OpContext& ctx, std::string_view key, const UploadOptions& options) = 0;
  virtual Result<PartInfo> UploadPart(const OpContext& ctx, std::string_view key, const std::string& upload_id, const PartSpec& part, ISource& source) = 0;
  virtual Result<PartInfo> UploadPartCopy(const OpContext& ctx, std::string_view key, const std::string& upload_id, const PartSpec& part,
                                          const Location& from, const std::string& source_if_match) = 0;
  virtual Result<std::vector<PartInfo>> ListParts(const OpContext& ctx, std::string_view key, const std::string& upload_id) = 0;
  // Parts in ascending order, covering the object.  kNotFound: no such upload (any more).
  virtual Result<ObjectInfo> CompleteUpload(const OpContext& ctx, std::string_view key, const std::string& upload_id, const std::vector<PartInfo>& parts,
                                            const CompleteOptions& options) = 0;
  // Aborting what is not there succeeds.
  virtual Status AbortUpload(const OpContext& ctx, std::string_view key, const std::string& upload_id) = 0;
  virtual Result<UploadPage> ListUploads(const OpContext& ctx, std::string_view prefix, const std::string& token) = 0;

  virtual Result<std::unique_ptr<IWriteBatch>> NewBatch() = 0;

  // Whether the storage can be used, with what `fileferry check` prints.  Sends a few cheap requests.
  virtual HealthReport Health(const OpContext& ctx) = 0;
};

}  // namespace fileferry

#endif  // FILEFERRY_PROVIDER_H
