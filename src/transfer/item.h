// item.h: the engine's vocabulary: one object to be moved, how it ended, and who writes that down.
//
// Plain values.  IRecorder is called by the engine's threads as each method says.
#ifndef FILEFERRY_TRANSFER_ITEM_H_
#define FILEFERRY_TRANSFER_ITEM_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fileferry/migration.h"

namespace fileferry {

// What tells one version of a stored object from another.
struct Token {
  std::string etag;
  std::string version_id;
  std::uint64_t size = 0;
  std::optional<Time> modified;

  static Token Of(const ObjectInfo& info) { return {info.etag, info.version_id, info.size, info.modified}; }
};
// Whether info is still the version that token describes.  By version and etag where both know them, else by size and time.
bool IsStill(const Token& token, const ObjectInfo& info);
bool IsStill(const Token& token, const ListEntry& entry);
// Whether a listing, which may tell less than the storage knows, shows something else than what token describes.
bool ListsOther(const Token& token, const Token& listed);

// What the destination is known to hold at an item's key.
enum class Known : std::uint8_t {
  kUnknown,  // ask before writing
  kAbsent,   // a listing of this run did not have it
  kPresent   // Item::there describes it
};

// An upload that an earlier run left open.
struct OpenUpload {
  std::string upload_id;
  std::uint64_t part_size = 0;
  std::uint64_t size = 0;
  std::string source_etag;
  std::optional<Time> source_modified;
  std::string attempt_id;
  std::vector<PartInfo> parts;  // as written down; the storage is asked as well
};

// An upload that was asked for: the storage may hold one whose id is not known here.
struct AskedUpload {
  std::string to;
  std::string attempt_id;
  Time since{};
};

enum class Task : std::uint8_t {
  kMove,      // copy to the destination
  kReadBack,  // written by this run: read the destination and compare with `digest`
  kCompare,   // compare both sides, move nothing
  kLook,      // written by an earlier run, and a listing shows it otherwise: find out, write nothing
  kCustom     // IEngineTask decides
};

// One object to be worked on.  Keys are relative to the folders that the storages' texts name.
struct Item {
  std::string key;
  std::string to;                      // key at the destination
  std::uint64_t size = 0;
  std::optional<Time> modified;        // as the source lists it
  std::string etag;
  Task task = Task::kMove;
  Outcome decided = Outcome::kPending; // the listings tell already: nothing is to be done but to write it down
  Status why;                          // of `decided`
  bool announced = false;              // comes from a list of keys: the source was not listed, size is not known
  Known known = Known::kUnknown;
  Token there;                         // where known == kPresent
  bool ours = false;                   // `written` is what this migration wrote
  bool was_there = false;              // compared: what is at the destination was there before the migration, which has not written it
  Token written;                       // where ours: the destination's token after our write
  bool mend = false;                   // write again where the destination is still ours, although it looks right or damaged
  bool doubt = false;                  // an earlier, cut-off run may have written it: ask before writing
  bool in_journal = false;             // counted as `counted` until it ends
  Outcome counted = Outcome::kPending;
  std::uint64_t counted_size = 0;
  int attempts = 0;
  int redone = 0;                      // because the source changed while it was read
  std::optional<OpenUpload> upload;
  std::optional<Digest> digest;        // of the bytes, where known from an earlier write
  std::string trash;                   // an earlier attempt has put the replaced object there
  bool trash_unused = false;           // and has certainly not replaced anything since
  bool source_deleted = false;         // an earlier run of this migration has removed the source
  bool removing = false;               // or was about to, and was cut off
};

// How the work on one item ended.
struct Ended {
  Outcome outcome = Outcome::kFailed;
  Status status;                       // why, where it did not end well
  std::uint64_t size = 0;              // of the object as it was moved
  bool wrote = false;                  // `token` is what this run wrote
  Token token;                         // of the destination, after the write
  std::optional<Digest> digest;        // of the bytes
  std::string trash;                   // where the replaced object is kept (relative to the destination); empty: nothing was replaced
  std::optional<Time> source_modified; // as moved
  std::string source_etag;
  bool source_written = false;         // the source, deleted before, is there again: it was read, restored, or seen
  bool removing = false;               // whether the source was removed is not known
  std::string batch_key;               // the key that was put, while it waits for its batch
};

// Who writes down what happens, so that a later run can go on: a journal, or nobody.  All methods may be called from any thread of the engine.  A failure stops the run.
class IRecorder {
 public:
  virtual ~IRecorder() = default;
  // What every write of this migration carries as the beginning of its attempt id.
  virtual const std::string& attempt_prefix() const = 0;
  virtual bool durable() const = 0;  // false: uploads are not kept for a later run, replaced objects are not kept in the trash
  // An upload to item.to is about to be asked for: durable when this returns.  Until UploadClosed(attempt_id), for as long as the storage may hold one of which nobody knows.
  virtual Status UploadAsked(const Item& item, const std::string& attempt_id) = 0;
  // Those that are not closed, of earlier runs too; *known: the ids of uploads that are open and known.
  virtual Result<std::vector<AskedUpload>> UploadsAsked(std::vector<std::string>* known) = 0;
  // The upload is about to be used: durable when this returns.
  virtual Status UploadOpened(const Item& item, const OpenUpload& upload) = 0;
  virtual Status PartDone(const Item& item, const std::string& upload_id, const PartInfo& part) = 0;
  virtual Status UploadClosed(const Item& item, const std::string& upload_id) = 0;
  // The object at item.to is about to be replaced, and is kept at trash: durable when this returns.
  virtual Status Replacing(const Item& item, const std::string& trash) = 0;
  virtual Status Ended(const Item& item, const struct Ended& ended) = 0;
  // Everything told so far is durable when this returns.
  virtual Status Flush() = 0;
};

// Gives the engine its items; called by one thread.
class ISupply {
 public:
  virtual ~ISupply() = default;
  // Appends the next items to out; nothing appended: the end.
  virtual Status Next(const OpContext& ctx, std::vector<Item>* out) = 0;
};

// One side of a transfer: a storage and the folder in it that the text names.
struct Side {
  ProviderPtr provider;
  Capabilities caps;
  std::string prefix;           // "" or ends in '/'
  std::string text;             // for messages
  std::string key_ring;         // service and region whose keys encrypt its objects; empty: not known
  std::string single;           // the text names exactly this one object (its key in the storage); empty otherwise

  std::string Full(const std::string& relative) const { return single.empty() ? prefix + relative : single; }
};
// Item::trash of an object whose kept predecessor was swept from there: it cannot be put back.
inline constexpr std::string_view kSwept = "swept";

}  // namespace fileferry

#endif  // FILEFERRY_TRANSFER_ITEM_H_
