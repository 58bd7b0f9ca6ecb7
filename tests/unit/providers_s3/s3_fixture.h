// s3_fixture.h: a provider over a scripted server, and the answers that S3 gives.  For tests; one thread.
#ifndef FILEFERRY_TESTS_UNIT_PROVIDERS_S3_S3_FIXTURE_H_
#define FILEFERRY_TESTS_UNIT_PROVIDERS_S3_S3_FIXTURE_H_

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "fileferry/ops.h"
#include "fileferry/s3.h"
#include "support/mock_http.h"

namespace fileferry::test {

inline constexpr const char* kCanary = "CANARY-secret-key-never-shown";

// Keys that can be renewed once.
class TestCredentials final : public IS3CredentialSource {
 public:
  explicit TestCredentials(bool renewable = false) : renewable_(renewable) {}
  Result<S3Credentials> Get(const OpContext&) override {
    S3Credentials credentials;
    credentials.access_key_id = "AKIDTEST";
    credentials.secret_access_key = kCanary;
    credentials.session_token = renewable_ ? "token-" + std::to_string(generation_.load()) : std::string();
    credentials.origin = "test";
    return credentials;
  }
  void Invalidate() override {
    ++invalidated;
    if (renewable_) ++generation_;
  }
  std::atomic<int> invalidated{0};

 private:
  const bool renewable_;
  std::atomic<int> generation_{0};
};

inline MockAnswer Ok(std::string body = {}, std::vector<std::pair<std::string, std::string>> headers = {}) {
  MockAnswer answer;
  answer.headers = std::move(headers);
  bool etag = false;
  for (const auto& header : answer.headers) etag = etag || header.first == "ETag";
  if (!etag) answer.headers.emplace_back("ETag", "\"e1\"");
  answer.headers.emplace_back("x-amz-request-id", "REQ1");
  answer.body = std::move(body);
  return answer;
}
inline MockAnswer Error(int status, const std::string& code, const std::string& extra = {}, std::vector<std::pair<std::string, std::string>> headers = {}) {
  MockAnswer answer;
  answer.status = status;
  answer.headers = std::move(headers);
  answer.headers.emplace_back("x-amz-request-id", "REQ1");
  answer.body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>" + code + "</Code><Message>words of the service</Message>" + extra + "</Error>";
  return answer;
}
inline MockAnswer Bare(int status, std::vector<std::pair<std::string, std::string>> headers = {}) {
  MockAnswer answer;
  answer.status = status;
  answer.headers = std::move(headers);
  return answer;
}
inline MockAnswer Xml(std::string body) {
  MockAnswer answer;
  answer.headers = {{"Content-Type", "application/xml"}, {"x-amz-request-id", "REQ1"}};
  answer.body = std::move(body);
  return answer;
}
inline MockAnswer Length(MockAnswer answer, std::uint64_t size) {  // of a HEAD
  answer.headers.emplace_back("Content-Length", std::to_string(size));
  return answer;
}

// A provider whose requests meet the answers one after the other; the last one is repeated.
class Script {
 public:
  explicit Script(std::vector<MockAnswer> answers, std::string vendor = "aws", bool renewable = false, const std::function<void(S3Options*)>& change = {})
      : answers_(std::move(answers)), credentials(std::make_shared<TestCredentials>(renewable)), server([this](const MockRequest& request) { return Next(request); }) {
    S3Options options;
    options.name = "store";
    options.bucket = "bkt";
    options.endpoint = server.endpoint();
    options.region = "us-east-1";
    options.vendor = std::move(vendor);
    options.addressing = "path";
    options.credentials = credentials;
    options.payload_signing = PayloadSigning::kNever;
    if (change) change(&options);
    Result<std::unique_ptr<S3StorageProvider>> made = S3StorageProvider::Create(std::move(options));
    REQUIRE(made.ok());
    provider = std::move(*made);
  }
  // By a function instead.
  explicit Script(MockServer::Handler handler, std::string vendor = "aws", const std::function<void(S3Options*)>& change = {})
      : Script(std::vector<MockAnswer>{}, std::move(vendor), false, change) {
    const std::lock_guard<std::mutex> lock(mutex_);
    handler_ = std::move(handler);
  }

  std::vector<MockRequest> seen() const { return server.requests(); }

 private:
  MockAnswer Next(const MockRequest& request) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (handler_) return handler_(request);
    if (answers_.empty()) return Bare(500);
    const MockAnswer answer = answers_[std::min(at_, answers_.size() - 1)];
    ++at_;
    return answer;
  }
  std::mutex mutex_;
  std::vector<MockAnswer> answers_;
  MockServer::Handler handler_;
  std::size_t at_ = 0;

 public:
  std::shared_ptr<TestCredentials> credentials;
  MockServer server;
  std::unique_ptr<S3StorageProvider> provider;
};

inline const OpContext kCtx{};

inline Result<ObjectInfo> PutText(IStorageProvider& provider, std::string_view key, std::string_view text, const PutOptions& options = {}) {
  const std::unique_ptr<ISource> source = MemorySource(AsBytes(text));
  return provider.Put(kCtx, key, *source, options);
}
inline Result<std::string> GetText(IStorageProvider& provider, std::string_view key, const GetOptions& options = {}) {
  std::string text;
  const std::unique_ptr<ISink> sink = StringSink(&text);
  Result<ObjectInfo> info = provider.Get(kCtx, key, options, *sink);
  if (!info.ok()) return info.status();
  return text;
}

// A source that is not memory, says one size, gives another, and may refuse to rewind.
class OddSource final : public ISource {
 public:
  OddSource(std::uint64_t says, std::uint64_t gives, bool rewinds = true) : says_(says), gives_(gives), rewinds_(rewinds) {}
  std::optional<std::uint64_t> size() const override { return says_; }
  Result<std::size_t> Read(std::span<std::byte> out) override {
    const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), gives_ - at_));
    for (std::size_t i = 0; i < wanted; ++i) out[i] = static_cast<std::byte>((at_ + i) * 131 + seed);
    at_ += wanted;
    return wanted;
  }
  Status Rewind() override {
    if (at_ != 0 && !rewinds_) return {Code::kUnsupported, "a pipe cannot rewind"};
    if (at_ != 0) seed += change_on_rewind;
    at_ = 0;
    return {};
  }
  std::optional<Bytes> Memory() const override { return std::nullopt; }
  Status SendTo(ISink& sink) override { return SendByReading(*this, sink); }
  unsigned seed = 7;
  unsigned change_on_rewind = 0;

 private:
  const std::uint64_t says_, gives_;
  const bool rewinds_;
  std::uint64_t at_ = 0;
};

}  // namespace fileferry::test

#endif  // FILEFERRY_TESTS_UNIT_PROVIDERS_S3_S3_FIXTURE_H_
