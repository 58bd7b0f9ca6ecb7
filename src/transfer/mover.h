// mover.h: moves one object: asks where the listings left something open, copies the bytes in one request or starts an upload in parts.
//
// Thread-safe: each worker brings its own Worker.
#ifndef FILEFERRY_TRANSFER_MOVER_H_
#define FILEFERRY_TRANSFER_MOVER_H_

#include <atomic>
#include <memory>
#include <string>

#include "transfer/batcher.h"
#include "transfer/bodies.h"
#include "transfer/compare.h"
#include "transfer/large.h"
#include "transfer/queue.h"

namespace fileferry {

struct Worker {
  BodyBuffer buffer;             // of small bodies
  std::shared_ptr<Meter> meter;
};

enum class Step : std::uint8_t {
  kEnded,   // *ended says how
  kWaits,   // the object's end comes from its batch or from the last of its parts
};

class Mover {
 public:
  Mover(const Setup& setup, Board& board, JobQueue& queue, Batcher* batcher, LargeObjects& large)
      : setup_(setup), board_(board), queue_(queue), batcher_(batcher), large_(large) {}

  Step Move(const OpContext& ctx, Worker& worker, Item& item, Ended* ended);
  // Compares what this run wrote with item.digest by reading it.
  void ReadBack(const OpContext& ctx, Item& item, Ended* ended);
  // What an earlier run wrote, and what a listing shows otherwise by now.
  void Look(const OpContext& ctx, Item& item, Ended* ended);
  // The source is gone because this migration has removed it: the object ends as its copy is.
  void JudgeOnlyCopy(const OpContext& ctx, const Item& item, Ended* ended);
  void CompareOnly(const OpContext& ctx, Item& item, Ended* ended);
  // A write that came second: the destination holds something.  True: *ended; false: *mode says how to write again.
  bool Meet(const OpContext& ctx, Item& item, WriteMode* mode, Ended* ended);

 private:
  bool Announced(const OpContext& ctx, Item& item, Ended* ended);
  bool Settle(const OpContext& ctx, Item& item, WriteMode* mode, Ended* ended);
  bool OnPresent(const OpContext& ctx, Item& item, const ObjectInfo& there, WriteMode* mode, Ended* ended);
  bool KeepReplaced(const OpContext& ctx, Item& item, const ObjectInfo& there, bool marked, WriteMode* mode, Ended* ended);
  Step Write(const OpContext& ctx, Worker& worker, Item& item, const WriteMode& mode, Ended* ended);
  Step PutSmall(const OpContext& ctx, Worker& worker, Item& item, const WriteMode& mode, Ended* ended);
  // believes: what was written beside the source's bytes is expected of them.  *stale: nothing was stored, and that is what was wrong; *ended is as it was.
  Step PutOnce(const OpContext& ctx, Worker& worker, Item& item, const WriteMode& mode, bool believes, bool* stale, Ended* ended);
  // False: the service does not copy, nothing was done and *ended is as it was.
  bool CopyInside(const OpContext& ctx, Worker& worker, Item& item, const WriteMode& mode, Ended* ended);
  bool FindsOut(const Item& item, const WriteMode& mode) const;
  Status CheckThenWrite(const OpContext& ctx, const Item& item, const WriteMode& mode);
  Status LookBefore(const OpContext& ctx, const Item& item, const WriteMode& mode);

  const Setup& setup_;
  Board& board_;
  JobQueue& queue_;
  Batcher* const batcher_;
  LargeObjects& large_;
  std::atomic<bool> no_server_copy_{false};  // the service said that it does not copy after all
  std::atomic<bool> no_conditions_{false};  // the destination did not know whether it can write conditionally, and cannot
};

// Removes the source of an object that was moved and verified, if it is still what was moved; archives it before where asked.  Fills *ended; what stays is named as a problem.
// So does what the copy or the archive give no proof for: Progress::kept_sources.
void DeleteSource(const OpContext& ctx, const Setup& setup, Board& board, const Item& item, Ended* ended);
// Sources whose copies are not verified stay.
void KeepUnverified(Board& board, std::uint64_t objects);

// The failure of one side, told apart by the operation that its detail names.
Status AtSource(Status status);
bool IsAtSource(const Status& status);

// Fills ended from the answer to a write.  confirmed: the digests of the bytes sent, of whatever kind, that the storage confirmed; any proves them.  bytes: their digest where stored does not tell.
void FillWritten(const Setup& setup, const Item& item, const ObjectInfo& source, const ObjectInfo& stored, const WriteMode& mode, DigestMask confirmed, const Digest* bytes, Ended* ended);

}  // namespace fileferry

#endif  // FILEFERRY_TRANSFER_MOVER_H_
