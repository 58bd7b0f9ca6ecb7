// conformance_io.cc: see conformance_io.h.
#include "testing/conformance_io.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace fileferry::testing {
namespace {

// Notices when two threads are inside at once.
class InUse {
 public:
  InUse(std::atomic<int>& users, std::string& misuse) : users_(users) {
    if (users_.fetch_add(1) != 0) misuse = "was used by two threads at once";
  }
  ~InUse() { users_.fetch_sub(1); }
  InUse(const InUse&) = delete;
  InUse& operator=(const InUse&) = delete;

 private:
  std::atomic<int>& users_;
};

}  // namespace

TestSource::TestSource(BodyPtr body, const Json& options, CancelToken* cancel) : body_(std::move(body)), cancel_(cancel) {
  declared_ = body_->bytes.size();
  chunk_ = options.value("chunk", std::uint64_t{50000});
  if (options.contains("declare")) {
    declared_ = options["declare"].is_string() ? std::nullopt : std::optional(options["declare"].get<std::uint64_t>());
  }
  fails_ = options.contains("fail_at");
  fail_at_ = options.value("fail_at", std::uint64_t{0});
  code_ = CodeFromName(options.value("code", "Internal")).value_or(Code::kInternal);
  cancels_ = options.contains("cancel_at");
  cancel_at_ = options.value("cancel_at", std::uint64_t{0});
  rewindable_ = options.value("rewind", true);
  memory_ = options.value("memory", false);
}

Result<std::size_t> TestSource::Read(std::span<std::byte> out) {
  const InUse guard(users_, misuse_);
  if (out.empty()) return std::size_t{0};
  if (fails_ && position_ >= fail_at_) return Status(code_, std::string(kSourceFailure));
  if (cancels_ && position_ >= cancel_at_ && cancel_ != nullptr) cancel_->Cancel();
  std::uint64_t size = std::min<std::uint64_t>({out.size(), chunk_, body_->bytes.size() - position_});
  if (fails_) size = std::min(size, fail_at_ - position_);
  if (size > 0) std::memcpy(out.data(), body_->bytes.data() + position_, size);
  position_ += size;
  return static_cast<std::size_t>(size);
}

Status TestSource::Rewind() {
  const InUse guard(users_, misuse_);
  if (!rewindable_ && position_ > 0) return Status(Code::kUnsupported, "the source of the test cannot rewind");
  position_ = 0;
  return {};
}

std::optional<Bytes> TestSource::Memory() const {
  if (!memory_) return std::nullopt;
  return AsBytes(body_->bytes);
}

Status TestSource::SendTo(ISink& sink) {
  std::vector<std::byte> buffer(std::min<std::uint64_t>(chunk_, 65536));
  for (;;) {
    Result<std::size_t> got = Read(buffer);
    if (!got.ok()) return got.status();
    if (*got == 0) return {};
    Status status = sink.Write(Bytes(buffer.data(), *got));
    if (!status.ok()) return status;
  }
}

TestSink::TestSink(const Json& options, CancelToken* cancel) : cancel_(cancel) {
  fails_ = options.contains("fail_at");
  fail_at_ = options.value("fail_at", std::uint64_t{0});
  code_ = CodeFromName(options.value("code", "Internal")).value_or(Code::kInternal);
  cancels_ = options.contains("cancel_at");
  cancel_at_ = options.value("cancel_at", std::uint64_t{0});
  restartable_ = options.value("restart", true);
}

Status TestSink::Write(Bytes bytes) {
  const InUse guard(users_, misuse_);
  if (failed_) misuse_ = "was written to after it had failed";
  if (bytes_.empty() && !bytes.empty() && head_.size == 0) misuse_ = "was written to before the head was filled in";
  if (fails_ && bytes_.size() + bytes.size() > fail_at_) {
    failed_ = true;
    return Status(code_, std::string(kSinkFailure));
  }
  bytes_.append(AsText(bytes));
  if (cancels_ && bytes_.size() >= cancel_at_ && cancel_ != nullptr) cancel_->Cancel();
  return {};
}

Status TestSink::Restart() {
  const InUse guard(users_, misuse_);
  if (!restartable_) return Status(Code::kUnsupported, "the sink of the test cannot begin anew");
  bytes_.clear();
  failed_ = false;
  return {};
}

}  // namespace fileferry::testing
