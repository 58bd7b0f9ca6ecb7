// options.h: the context and the options of storage operations.
//
// A default-constructed options value means "the plain operation".  Options are read during the call and never kept.
#ifndef FILEFERRY_OPTIONS_H
#define FILEFERRY_OPTIONS_H

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fileferry/object.h"

namespace fileferry {

// Asks operations to stop.  Cancel() may be called from any thread and from a signal handler.
class CancelToken {
 public:
  void Cancel() { cancelled_.store(true, std::memory_order_relaxed); }
  bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }

 private:
  std::atomic<bool> cancelled_{false};
};

// Travels through every call, first parameter everywhere.  Cheap to copy.  `cancel` is not owned and must outlive the call.
struct OpContext {
  using Clock = std::chrono::steady_clock;
  const CancelToken* cancel = nullptr;
  Clock::time_point deadline = Clock::time_point::max();

  bool cancelled() const { return cancel != nullptr && cancel->cancelled(); }
  // kCancelled, kTimeout, or OK.
  Status Check() const;
};

struct GetOptions {
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> length;  // absent: to the end
  std::string if_match;                 // etag; kPreconditionFailed when the object is another version
  std::string if_none_match;            // etag; kPreconditionFailed with HTTP status 304 when it is still this version
  std::string version_id;
  DigestMask digests = 0;               // compute these over the delivered bytes (whole-object reads only)
  // Compare a whole-object read with the digest that the storage keeps (one that is computed anyway, or CRC-64): kIntegrity when they differ.
  bool verify = true;
  // Where not nullptr: filled with what is known of the object (at least size and etag) before the first byte is written, so that a Get that fails half-way can go on
  // with the same version.  Not owned.
  ObjectInfo* head = nullptr;
};

// Collects writes that are to become durable together; made by IStorageProvider::NewBatch, see provider.h.
class IWriteBatch;

struct PutOptions {
  Properties properties;
  bool if_absent = false;   // create only; kAlreadyExists when the key is taken
  std::string if_match;     // replace only this etag; kPreconditionFailed otherwise
  DigestMask digests = MaskOf(DigestKind::kCrc64Nvme);  // compute these over the bytes sent; they are in the answer
  DigestSet expected;       // what the bytes must have: kIntegrity, and nothing is stored, when they do not
  std::string attempt_id;   // stored as reserved metadata, so that a lost answer can be told from a failure; may be empty
  IWriteBatch* batch = nullptr;  // not owned.  See IWriteBatch
};

struct ListQuery {
  std::string prefix;       // bytes, not a pattern
  std::string start_after;  // keys greater than this; ignored when token is set
  std::string token;        // next_token of the page before, with the same prefix and delimiter
  bool delimiter = false;   // fold everything below the next '/' into one entry with is_prefix
  std::uint32_t limit = 1000;  // at most so many entries; a page may hold fewer although more follow
  // A listing is complete or fails, and a file whose name can be no key is a note.  With this, a folder that may not be read and a file that can be no object are named in ListPage::problems, and
  // all else is listed: for those who report them, and call nothing complete that is not.
  bool name_problems = false;
};

// Where an object lies, for copies inside one service.  Two locations with the same service and credentials scope can be copied between by the service.
struct Location {
  std::string service;    // e.g. "s3 https://s3.eu-west-1.amazonaws.com AKIA…"; equal texts mean "the same service"; never a secret
  std::string container;  // bucket or root folder
  std::string key;
  std::string region{};   // where the container is, if known: keys for encryption belong to a service and a region
};

// Told of an upload in parts that a copy is made of, by who could not abort it later if the process died meanwhile.  Called on the thread of the call.
class IUploadWatch {
 public:
  virtual ~IUploadWatch() = default;
  // One is about to be asked for, with the copy's attempt id.  Not OK: it is not, and nothing is copied.
  virtual Status Asked() = 0;
  // It has no part yet.  maybe_another: as UploadOptions::maybe_another.  Not OK: it is aborted.
  virtual Status Opened(const std::string& upload_id, bool maybe_another) = 0;
  // Completed or aborted.
  virtual void Closed(const std::string& upload_id) = 0;
};

struct CopyOptions {
  bool if_absent = false;
  std::string if_match;           // of the destination
  std::string source_if_match;    // etag of the source: kPreconditionFailed when it changed
  std::string source_version_id;
  std::optional<Properties> replace;  // absent: the properties are copied
  std::string attempt_id;
  IUploadWatch* uploads = nullptr;  // not owned
};

struct RemoveOptions {
  std::string if_match;    // remove only this etag: kPreconditionFailed when it is another version.  kUnsupported without Capabilities::conditional_remove
  std::string version_id;  // remove this version for good
};

enum class HttpMethod : std::uint8_t { kGet, kPut, kHead, kPost, kDelete };
std::string_view HttpMethodName(HttpMethod method);

struct UrlOptions {
  HttpMethod method = HttpMethod::kGet;                // kGet, kHead or kPut
  std::chrono::seconds expires = std::chrono::hours(1);  // 1 s to 7 days
  bool is_public = false;         // unsigned: a public or custom-domain URL; expires is ignored
  // For kPut: enforced by the signature where set.
  std::string content_type;
  std::optional<std::uint64_t> content_length;
  std::string content_md5;        // base64
  // For kGet: what the answer shall carry instead of the stored properties.
  std::string response_content_type;
  std::string response_content_disposition;
};

struct SignedUrl {
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;  // must be sent with the request, verbatim
  std::optional<Time> expires;  // when it ends; earlier than asked where the credentials end first
};

// ---- multipart upload ----

struct UploadOptions {
  Properties properties;
  std::optional<std::uint64_t> size;  // of the whole object, if known
  std::uint64_t part_size = 0;        // of all parts but the last; 0 when parts grow
  std::string attempt_id;
  // Where not nullptr: set to true when an attempt whose answer was lost may have opened an upload besides the returned one.  Not owned.
  bool* maybe_another = nullptr;
};

struct PartSpec {
  std::uint32_t number = 1;   // 1 … max_parts
  std::uint64_t offset = 0;   // of the part in the object
  std::uint64_t size = 0;
};

struct PartInfo {
  std::uint32_t number = 0;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::string etag;
  std::optional<Digest> crc64;  // of the part's bytes; absent in ListParts where the storage does not keep it
  bool confirmed = false;       // the answer to the part confirmed its bytes
};

struct CompleteOptions {
  bool if_absent = false;
  std::string if_match;
  std::uint64_t size = 0;          // of the whole object
  std::optional<Digest> crc64;     // of the whole object: combined from the parts
  DigestSet digests;               // others of the whole object, of the bytes that crc64 is of: kept where the storage keeps digests of objects in parts.  Ignored without crc64
  std::string attempt_id;          // the one given at CreateUpload
  Properties properties;           // those given at CreateUpload
  IWriteBatch* batch = nullptr;
};

struct UploadEntry {
  std::string key;
  std::string upload_id;
  std::optional<Time> initiated;
  // Nobody can go on with it, because the process that wrote it is gone: safe to abort for everybody.  Only where the storage can tell.
  bool abandoned = false;
};

struct UploadPage {
  std::vector<UploadEntry> entries;
  std::string next_token;
};

}  // namespace fileferry

#endif  // FILEFERRY_OPTIONS_H
