// setup.h: what all parts of one run share: the plan, the two sides, the recorder, and the small things that hand out ids and memory.
//
// Set up once, then read by all threads of the run.
#ifndef FILEFERRY_TRANSFER_SETUP_H_
#define FILEFERRY_TRANSFER_SETUP_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "transfer/board.h"
#include "transfer/filter.h"
#include "transfer/item.h"

namespace fileferry {

// Memory for bodies that must lie in memory, shared by all workers.  Thread-safe.
class Budget {
 public:
  explicit Budget(std::uint64_t total) : total_(total), free_(total) {}
  Status Take(const OpContext& ctx, std::uint64_t* size);  // *size is cut to the total
  void Give(std::uint64_t size);

 private:
  const std::uint64_t total_;
  std::mutex mutex_;
  std::condition_variable freed_;
  std::uint64_t free_;
};

struct Setup {
  CopyPlan plan;
  Side source, destination;
  IRecorder* recorder = nullptr;       // nullptr only where nothing is moved: plan
  std::string run_id;                  // part of every attempt id
  std::optional<Side> archive;         // where deleted sources are kept
  bool server_copy = false;            // both sides are one service
  bool one_container = false;          // and one bucket or folder, so that a key may be mapped onto itself
  Board* board = nullptr;              // where bytes that are read for verification are counted; may be nullptr
  std::shared_ptr<const Filter> filter;  // of a list of keys, where it asks for more than a key tells; see announced.h

  std::string NextAttempt() const;     // unique; begins with recorder->attempt_prefix()
  bool IsOurAttempt(const std::string& attempt_id) const;

  mutable std::atomic<std::uint64_t> attempts{0};
  mutable std::atomic<bool> said_left_behind{false};
  mutable Budget budget{std::uint64_t{64} << 20};
};

// Records nothing beyond the process: runs without a journal.
class NoRecorder : public IRecorder {
 public:
  explicit NoRecorder(std::string prefix) : prefix_(std::move(prefix)) {}
  const std::string& attempt_prefix() const override { return prefix_; }
  bool durable() const override { return false; }
  Status UploadAsked(const Item& item, const std::string& attempt_id) override;
  Result<std::vector<AskedUpload>> UploadsAsked(std::vector<std::string>* known) override;
  Status UploadOpened(const Item&, const OpenUpload&) override { return {}; }
  Status PartDone(const Item&, const std::string&, const PartInfo&) override { return {}; }
  Status UploadClosed(const Item& item, const std::string& upload_id) override;
  Status Replacing(const Item&, const std::string&) override { return {}; }
  Status Ended(const Item&, const struct Ended&) override { return {}; }
  Status Flush() override { return {}; }

 private:
  const std::string prefix_;
  std::mutex mutex_;
  std::vector<AskedUpload> asked_;
};

// The folder or object that a storage's text names.  Asks the storage only where the text leaves that open.
Result<Side> ResolveSide(const OpContext& ctx, const OpenedStorage& storage, bool is_source);

// What of the source's properties goes to the destination.  The first form says once in a run that something of storage classes and encryption stays behind.
Properties PropertiesToCarry(const Setup& setup, const ObjectInfo& info);
Properties PropertiesToCarry(const ObjectInfo& info, const Side& source, const Side& destination, const CopyPlan& plan);
// Asks for what the plan's --preserve names and a stat does not tell, and adds it to the properties.
Status AddAccess(const OpContext& ctx, const Side& source, const std::string& full_key, const Side& destination, const CopyPlan& plan, Properties* properties);
// Copies an object within one side, with its properties and with the ACL and tags that the plan preserves.
Result<ObjectInfo> CopyWithin(const OpContext& ctx, const Setup& setup, const Side& side, const std::string& from, const std::string& to, PutOptions options);
// When the source was modified, in the terms of its listing.
std::optional<Time> ListedTime(const ObjectInfo& info, const Capabilities& caps);

}  // namespace fileferry

#endif  // FILEFERRY_TRANSFER_SETUP_H_
