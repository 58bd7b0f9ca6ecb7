// support.h: what the tests of core share: a storage in memory whose calls can fail and whose capabilities can be switched off.
#ifndef FILEFERRY_TESTS_UNIT_CORE_SUPPORT_H_
#define FILEFERRY_TESTS_UNIT_CORE_SUPPORT_H_

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/digest.h"
#include "fileferry/memory.h"
#include "fileferry/ops.h"
#include "fileferry/store.h"
#include "fileferry/testing/fault_provider.h"
#include "layers/around.h"

namespace fileferry {

inline const OpContext kCtx;

inline std::string Pattern(std::size_t size, std::uint32_t state = 1) {
  std::string text(size, '\0');
  for (char& c : text) {
    state = state * 1664525 + 1013904223;
    c = static_cast<char>(state >> 24);
  }
  return text;
}

struct NoHooks : layers::PlainHooks {
  template <typename R, typename F>
  R Around(const layers::CallInfo& call, F&& next) {
    return next(call.ctx, call.body);
  }
};

// Shows other capabilities than the storage has.
class Limited final : public layers::Around<NoHooks> {
 public:
  Limited(ProviderPtr inner, const Capabilities& caps) : Around(std::move(inner)), caps_(caps) {}
  Capabilities Caps() const override { return caps_; }
  Result<ObjectInfo> CopyFrom(const OpContext& ctx, const Location& from, std::string_view to, const CopyOptions& options) override {
    if (!caps_.server_copy) return Status(Code::kUnsupported, "switched off");
    return Around::CopyFrom(ctx, from, to, options);
  }
  Result<std::unique_ptr<ISource>> Open(const OpContext& ctx, std::string_view key, const GetOptions& options, ObjectInfo* info) override {
    if (!caps_.open) return Status(Code::kUnsupported, "switched off");
    return Around::Open(ctx, key, options, info);
  }
  Result<ObjectInfo> Put(const OpContext& ctx, std::string_view key, ISource& source, const PutOptions& options) override {
    CHECK((source.size().has_value() || caps_.put_unknown_size));
    CHECK(source.size().value_or(0) <= caps_.max_put_size);
    return Around::Put(ctx, key, source, options);
  }
  Result<std::string> CreateUpload(const OpContext& ctx, std::string_view key, const UploadOptions& options) override {
    CHECK(caps_.multipart);
    return Around::CreateUpload(ctx, key, options);
  }

 private:
  const Capabilities& caps_;
};

struct Over {
  std::shared_ptr<IStorageProvider> memory = MemoryStorageProvider::Create("shelf");
  std::shared_ptr<testing::Faults> faults = std::make_shared<testing::Faults>();
  Capabilities caps = memory->Caps();
  ProviderPtr provider = std::make_shared<Limited>(testing::WithFaults(memory, faults), caps);
};

// A folder that goes with its owner.
class Folder {
 public:
  Folder() : path_(std::filesystem::temp_directory_path() / ("fileferry-test-" + RandomId())) { std::filesystem::create_directory(path_); }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path_), std::filesystem::directory_iterator()));
  }

 private:
  const std::filesystem::path path_;
};

inline void WriteFile(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }
inline std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace fileferry

#endif  // FILEFERRY_TESTS_UNIT_CORE_SUPPORT_H_
