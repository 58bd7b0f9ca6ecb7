// large.h: large objects in parts: many workers send the parts of one object, the last of them completes it.
//
// Thread-safe.
#ifndef FILEFERRY_TRANSFER_LARGE_H_
#define FILEFERRY_TRANSFER_LARGE_H_

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "transfer/batcher.h"
#include "transfer/bodies.h"
#include "transfer/queue.h"

namespace fileferry {

// How a write protects what is at the destination.
struct WriteMode {
  bool if_absent = true;
  std::string if_match;      // of the object that is replaced; with if_absent == false
  Token replaces;            // the same for storages without if_match
  std::string trash;         // where the replaced object was kept
  bool finds_out = false;    // written with if_absent although the storage does not promise to honour it: it refuses when it cannot
};

// What is known of a large object's bytes when it is complete.
struct WholeDigests {
  std::optional<Digest> crc64;   // of the bytes that were sent
  std::optional<Digest> asked;   // the plan's kind where that is another: found by reading the source once more, of the same bytes
};

struct LargeObject {
  Item item;
  WriteMode mode;
  ObjectInfo source;
  OpenUpload upload;
  Properties properties;
  bool by_server = false;              // parts are copied inside the service
  std::vector<PartInfo> parts;         // by index; number 0: not there yet
  std::shared_ptr<Meter> meter;
  std::mutex mutex;
  std::size_t unfinished = 0;
  Status failure;
};

class LargeObjects {
 public:
  LargeObjects(const Setup& setup, Board& board, JobQueue& queue) : setup_(setup), board_(board), queue_(queue) {}

  // Opens the upload, or goes on with the one in item.upload, and hands its parts to the queue.  *ready: no part is missing, complete it now.
  Result<std::shared_ptr<LargeObject>> Begin(const OpContext& ctx, const Item& item, const WriteMode& mode, bool by_server, bool* ready);
  // Sends one part; true: it was the last one under way, Complete (or Fail) is due.
  bool SendPart(const OpContext& ctx, LargeObject& large, std::size_t part, BodyBuffer* small_buffer);
  // After the last part.  Fills stored; the status is the failure of a part or of the completion.
  Status Complete(const OpContext& ctx, LargeObject& large, IWriteBatch* batch, ObjectInfo* stored, WholeDigests* digests);
  // The upload is of no more use.
  void Abort(LargeObject& large);
  void AbortOf(Item& item);
  // Ends what a stopped run leaves: aborts the uploads unless they are kept for a later run.
  void AbandonAll(bool keep);
  void Forget(const std::shared_ptr<LargeObject>& large);

 private:
  Status Resume(const OpContext& ctx, LargeObject& large);
  Status Create(const OpContext& ctx, LargeObject& large);
  Status SendBytes(const OpContext& ctx, LargeObject& large, const PartSpec& spec, BodyBuffer* small_buffer, PartInfo* info);
  Status CheckSource(const OpContext& ctx, const LargeObject& large);
  PartSpec SpecOf(const LargeObject& large, std::size_t part) const;
  Result<std::uint64_t> WholeCrc(const OpContext& ctx, LargeObject& large);
  Result<Digest> ReadAgain(const OpContext& ctx, const LargeObject& large, const Digest& crc64);

  const Setup& setup_;
  Board& board_;
  JobQueue& queue_;
  std::mutex mutex_;
  std::unordered_set<std::shared_ptr<LargeObject>> open_;
};

}  // namespace fileferry

#endif  // FILEFERRY_TRANSFER_LARGE_H_
