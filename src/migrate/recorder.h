// recorder.h: the engine's recorder over a journal.  What workers tell is gathered and written in transactions of many by a thread of its own; what must be durable before work goes on waits for
// the next of them.
//
// Thread-safe.
#ifndef FILEFERRY_MIGRATE_RECORDER_H_
#define FILEFERRY_MIGRATE_RECORDER_H_

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "journal/journal.h"
#include "transfer/board.h"
#include "transfer/item.h"
#include "transfer/threads.h"

namespace fileferry {

class JournalRecorder : public IRecorder {
 public:
  // Both must outlive it.  run: the number of this run.
  JournalRecorder(Journal& journal, Board& board, std::string nonce, int run);
  ~JournalRecorder() override;
  Status Start();

  const std::string& attempt_prefix() const override { return nonce_; }
  bool durable() const override { return true; }
  Status UploadAsked(const Item& item, const std::string& attempt_id) override;
  Result<std::vector<AskedUpload>> UploadsAsked(std::vector<std::string>* known) override;
  Status UploadOpened(const Item& item, const OpenUpload& upload) override;
  Status PartDone(const Item& item, const std::string& upload_id, const PartInfo& part) override;
  Status UploadClosed(const Item& item, const std::string& upload_id) override;
  Status Replacing(const Item& item, const std::string& trash) override;
  Status Ended(const Item& item, const struct Ended& ended) override;
  Status Flush() override;

 private:
  Status Tell(JournalChange change, bool wait);
  void Run();

  Journal& journal_;
  Board& board_;
  const std::string nonce_;
  const int run_;
  std::mutex mutex_;
  std::condition_variable told_, written_;
  std::vector<JournalChange> changes_;
  std::uint64_t told_count_ = 0, written_count_ = 0;
  std::size_t waiting_ = 0;
  bool stop_ = false;
  Status broken_;
  Threads threads_;
};

// Between the two vocabularies.
JournalToken ToJournal(const Token& token);
Token FromJournal(const JournalToken& token);
Item ItemOf(const JournalRow& row);

}  // namespace fileferry

#endif  // FILEFERRY_MIGRATE_RECORDER_H_
