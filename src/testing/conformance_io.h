// conformance_io.h: the sources and sinks that the cases hand to a provider: short reads, failures half-way, lies about the size.
//
// One thread at a time, as the contract says; use by two at once is noticed and reported by misuse().
#ifndef FILEFERRY_TESTING_CONFORMANCE_IO_H_
#define FILEFERRY_TESTING_CONFORMANCE_IO_H_

#include <atomic>
#include <string>
#include <utility>

#include "testing/conformance_data.h"

namespace fileferry::testing {

constexpr std::string_view kSourceFailure = "the source of the test cannot be read further";
constexpr std::string_view kSinkFailure = "the sink of the test takes no more";

// {"declare": n or "unknown", "chunk": n, "fail_at": n, "code": …, "cancel_at": n, "rewind": bool, "memory": bool}
class TestSource : public ISource {
 public:
  TestSource(BodyPtr body, const Json& options, CancelToken* cancel);
  std::optional<std::uint64_t> size() const override { return declared_; }
  Result<std::size_t> Read(std::span<std::byte> out) override;
  Status Rewind() override;
  std::optional<Bytes> Memory() const override;
  Status SendTo(ISink& sink) override;
  // What the provider did that the contract forbids; empty for nothing.
  const std::string& misuse() const { return misuse_; }

 private:
  BodyPtr body_;
  std::optional<std::uint64_t> declared_;
  std::uint64_t position_ = 0, chunk_ = 0, fail_at_ = 0, cancel_at_ = 0;
  Code code_ = Code::kInternal;
  bool fails_ = false, cancels_ = false, rewindable_ = true, memory_ = false;
  CancelToken* cancel_;
  std::atomic<int> users_{0};
  std::string misuse_;
};

// {"fail_at": n, "code": …, "cancel_at": n, "restart": bool}
class TestSink : public ISink {
 public:
  TestSink(const Json& options, CancelToken* cancel);
  Status Write(Bytes bytes) override;
  Status Restart() override;
  const std::string& bytes() const { return bytes_; }
  // What GetOptions::head points to; looked at when the first byte is written.
  ObjectInfo* head() { return &head_; }
  const std::string& misuse() const { return misuse_; }

 private:
  std::string bytes_;
  std::uint64_t fail_at_ = 0, cancel_at_ = 0;
  Code code_ = Code::kInternal;
  bool fails_ = false, cancels_ = false, restartable_ = true, failed_ = false;
  CancelToken* cancel_;
  ObjectInfo head_;
  std::atomic<int> users_{0};
  std::string misuse_;
};

}  // namespace fileferry::testing

#endif  // FILEFERRY_TESTING_CONFORMANCE_IO_H_
