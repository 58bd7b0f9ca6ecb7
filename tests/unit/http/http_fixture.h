// http_fixture.h: sources and sinks for the tests of http.
#ifndef FILEFERRY_TESTS_UNIT_HTTP_HTTP_FIXTURE_H_
#define FILEFERRY_TESTS_UNIT_HTTP_HTTP_FIXTURE_H_

#include <algorithm>
#include <chrono>
#include <cstring>
#include <string>
#include <vector>

#include "fileferry/provider.h"
#include "http/client.h"
#include "support/scripted_server.h"

namespace fileferry::http {

class TextSink : public ISink {
 public:
  Status Write(Bytes bytes) override {
    if (text.size() + bytes.size() > fail_after) return Status(Code::kQuotaExceeded, "the sink is full");
    text.append(AsText(bytes));
    return {};
  }
  Status Restart() override {
    text.clear();
    return {};
  }
  std::string text;
  std::size_t fail_after = SIZE_MAX;
};

// Has memory of its own for the first bytes; counts those that had to be copied.
class RoomSink : public ISink {
 public:
  explicit RoomSink(std::size_t room) : memory_(room) {}
  Status Write(Bytes bytes) override {
    if (used_ < memory_.size() && bytes.data() == memory_.data() + used_) {
      used_ += bytes.size();
      return {};
    }
    copied += bytes.size();
    if (used_ < memory_.size() && rest_.empty()) {
      const std::size_t n = std::min(bytes.size(), memory_.size() - used_);
      std::memcpy(memory_.data() + used_, bytes.data(), n);
      used_ += n;
      bytes = bytes.subspan(n);
    }
    rest_.append(AsText(bytes));
    return {};
  }
  Status Restart() override {
    used_ = 0;
    rest_.clear();
    return {};
  }
  std::span<std::byte> Room() override { return std::span(memory_).subspan(used_); }
  std::string text() const { return std::string(AsText(Bytes(memory_.data(), used_))) + rest_; }
  std::size_t copied = 0;

 private:
  std::vector<std::byte> memory_;
  std::size_t used_ = 0;
  std::string rest_;
};

// Gives `text` in pieces, as a file would; never as memory.
class TextSource : public ISource {
 public:
  explicit TextSource(std::string content) : text(std::move(content)) {}
  std::optional<std::uint64_t> size() const override { return text.size(); }
  Result<std::size_t> Read(std::span<std::byte> out) override {
    if (at == fail_at) return Status(Code::kPermissionDenied, "the source is not readable");
    const std::size_t count = std::min({out.size(), piece, text.size() - at, fail_at - at});
    std::memcpy(out.data(), text.data() + at, count);
    at += count;
    return count;
  }
  Status Rewind() override {
    if (!can_rewind && at > 0) return Status(Code::kUnsupported, "the source cannot be read twice");
    at = 0;
    ++rewinds;
    return {};
  }
  std::optional<Bytes> Memory() const override { return std::nullopt; }
  Status SendTo(ISink&) override { return Status(Code::kUnsupported, "not needed here"); }
  std::string text;
  std::size_t at = 0, piece = 10000, fail_at = SIZE_MAX;
  int rewinds = 0;
  bool can_rewind = true;
};

inline std::string Pattern(std::size_t size) {
  std::string text(size, '\0');
  std::uint32_t state = 12345;
  for (char& c : text) {
    state = state * 1664525 + 1013904223;
    c = static_cast<char>(state >> 24);
  }
  return text;
}

inline ClientOptions Quick() {
  ClientOptions options;
  options.connect_timeout = std::chrono::seconds(5);
  options.stall_timeout = std::chrono::seconds(10);
  return options;
}

inline double Seconds(std::chrono::steady_clock::time_point since) { return std::chrono::duration<double>(std::chrono::steady_clock::now() - since).count(); }

}  // namespace fileferry::http

#endif  // FILEFERRY_TESTS_UNIT_HTTP_HTTP_FIXTURE_H_
