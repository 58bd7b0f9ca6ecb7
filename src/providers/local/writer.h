// writer.h: PUBLISH: a draft is a temporary file in the folder of its object, which becomes the object by one rename, or is thrown away.
//
// Writer is thread-safe; a Draft is used by one thread at a time.
#ifndef FILEFERRY_PROVIDERS_LOCAL_WRITER_H_
#define FILEFERRY_PROVIDERS_LOCAL_WRITER_H_

#include <optional>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "providers/local/property_store.h"
#include "providers/local/tree.h"

namespace fileferry::local {

struct Conditions {
  bool if_absent = false;
  std::string if_match;
};

struct Draft {
  std::string key;
  Conditions conditions;
  RootRef root;
  std::string folder_path;       // where the object goes
  std::string leaf;
  bool in_keys = false;
  std::string temporary_folder;  // where the temporary file is; most often folder_path
  std::string temporary;
  UniqueFd folder;               // of temporary_folder
  UniqueFd file;
  bool sync_ancestors = false;
  int deferred_folders = 0;      // made on the way, not flushed yet
  bool keep_temporary = false;   // an upload's data: stays when the draft is thrown away
  struct stat st = {};
  Record record;
};

// Takes bytes for a file from an offset on, counting and hashing them.
class FileSink final : public ISink {
 public:
  FileSink(const OpContext& ctx, const Tree& tree, int file, std::string_view path, std::uint64_t offset, std::uint64_t limit, DigestMask digests)
      : ctx_(ctx), tree_(tree), file_(file), path_(path), offset_(offset), limit_(limit), hasher_(digests) {}
  Status Write(Bytes bytes) override;
  Status Restart() override;
  std::uint64_t count() const { return hasher_.count(); }
  DigestSet Finish() { return hasher_.Finish(); }

 private:
  Status CheckFree(std::uint64_t more);

  const OpContext& ctx_;
  const Tree& tree_;
  const int file_;
  const std::string_view path_;
  const std::uint64_t offset_, limit_;
  std::uint64_t checked_free_ = 0;
  Hasher hasher_;
};

class Writer {
 public:
  Writer(Tree* tree, PropertyStore* properties) : tree_(tree), properties_(properties) {}

  // A new temporary file for key.  With batch, folders that are made are not flushed.
  Result<Draft> Begin(std::string_view key, const Conditions& conditions, bool batch);
  // Only the place for key; the caller brings the temporary file.
  Result<Draft> BeginPlace(std::string_view key, const Conditions& conditions, bool batch);
  // Refuses early what Publish would refuse; Publish decides.
  Status CheckEarly(const Draft& draft);
  Status Fill(const OpContext& ctx, Draft* draft, ISource& source, DigestMask digests, const DigestSet& expected);
  // Instead of Fill: all bytes of an open file, by the file system itself where it can.  from_path is for messages.
  Status CopyBytes(int from, std::string_view from_path, std::uint64_t size, Draft* draft);
  // Gives the file its time, mode and record.  draft->record holds the digests.
  Status Seal(Draft* draft, const Properties& properties, const std::string& attempt_id);
  // The same for a file that is an object already: only its time and record change.
  Status SealInPlace(Draft* draft, const Properties& properties, const std::string& attempt_id);
  // The bytes are durable afterwards.  After a failure the draft can only be thrown away.
  Status Flush(const Draft& draft);
  // Makes the draft the object at its key.  The draft has no temporary file any more if this succeeds.
  Status Publish(Draft* draft);
  // The new name is durable afterwards.
  Status FlushName(const Draft& draft);
  void Discard(Draft* draft);

  // kQuotaExceeded where size more bytes would leave less than the options want.
  Status CheckFree(int fd, std::uint64_t size);

 private:
  enum class Outcome { kDone, kBlocked, kFailed };
  Outcome Rename(Draft* draft, int to, Status* status);
  Outcome RenameToPlace(Draft* draft, Status* status);
  Outcome RenameIfMatch(Draft* draft, int to, Status* status);
  Status PublishPlain(Draft* draft);
  Status PublishInKeys(Draft* draft);
  Status OpenPlace(Draft* draft, bool batch);
  Status CheckKeysTwin(const Draft& draft, bool* has_twin);

  Tree* const tree_;
  PropertyStore* const properties_;
};

// Marks a draft's file as being written, for as long as any descriptor of it is open; false when it was swept already.
bool LockDraft(int file);

// Removes the objects' file at path (relative to root), if it is a regular file; *removed tells.
Status UnlinkObject(const Tree& tree, int root, const std::string& path, bool* removed);
// Removes the folders of path that are empty, from the innermost up; never the root.
void RemoveEmptyParents(const Tree& tree, int root, std::string_view path);

}  // namespace fileferry::local

#endif  // FILEFERRY_PROVIDERS_LOCAL_WRITER_H_
