// support.h: a scratch folder, plain-tool access to it, and hooks that fail or watch system calls.  Tests only.
#ifndef FILEFERRY_TESTS_UNIT_PROVIDERS_LOCAL_SUPPORT_H_
#define FILEFERRY_TESTS_UNIT_PROVIDERS_LOCAL_SUPPORT_H_

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/sys.h"
#include "fileferry/local.h"

namespace ferrytest {

namespace fs = std::filesystem;
using namespace fileferry;  // NOLINT: tests

class Scratch {
 public:
  explicit Scratch(const char* parent = nullptr) {
    std::string pattern = std::string(parent != nullptr ? parent : (::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp")) + "/ferry-local-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  ~Scratch() {
    std::error_code error;
    fs::remove_all(path_, error);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  const std::string& path() const { return path_; }
  std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  std::string path_;
};

inline void WriteFile(const std::string& path, std::string_view text) {
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream out(path, std::ios::binary);
  out.write(text.data(), static_cast<std::streamsize>(text.size()));
  REQUIRE(out.good());
}

inline std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

inline std::unique_ptr<LocalStorageProvider> Open(LocalOptions options) {
  Result<std::unique_ptr<LocalStorageProvider>> made = LocalStorageProvider::Create(std::move(options));
  REQUIRE(made.ok());
  return std::move(*made);
}

inline LocalOptions At(const std::string& root, LocalOptions::Fsync fsync = LocalOptions::Fsync::kNone) {
  LocalOptions options;
  options.root = root;
  options.fsync = fsync;
  return options;
}

// A source over a text, in pieces, that can announce another size than it has.
class TextSource final : public ISource {
 public:
  explicit TextSource(std::string text) : text_(std::move(text)), size_(text_.size()) {}
  TextSource(std::string text, std::optional<std::uint64_t> announced) : text_(std::move(text)), size_(announced) {}
  std::optional<std::uint64_t> size() const override { return size_; }
  Result<std::size_t> Read(std::span<std::byte> out) override {
    const std::size_t n = std::min({out.size(), text_.size() - at_, std::size_t{1000}});
    std::memcpy(out.data(), text_.data() + at_, n);
    at_ += n;
    return n;
  }
  Status Rewind() override {
    at_ = 0;
    return {};
  }
  std::optional<Bytes> Memory() const override { return std::nullopt; }
  Status SendTo(ISink& sink) override {
    std::byte buffer[4096];
    while (true) {
      Result<std::size_t> n = Read(buffer);
      if (!n.ok()) return n.status();
      if (*n == 0) return {};
      if (Status s = sink.Write(Bytes(buffer, *n)); !s.ok()) return s;
    }
  }

 private:
  std::string text_;
  std::optional<std::uint64_t> size_;
  std::size_t at_ = 0;
};

class TextSink final : public ISink {
 public:
  Status Write(Bytes bytes) override {
    text.append(AsText(bytes));
    return {};
  }
  Status Restart() override {
    text.clear();
    return {};
  }
  std::string text;
};

inline Result<ObjectInfo> Put(IStorageProvider& p, std::string_view key, std::string_view text, const PutOptions& options = {}) {
  TextSource source{std::string(text)};
  return p.Put({}, key, source, options);
}

// The object's bytes, or "!<code>".
inline std::string Get(IStorageProvider& p, std::string_view key, const GetOptions& options = {}) {
  TextSink sink;
  Result<ObjectInfo> info = p.Get({}, key, options, sink);
  return info.ok() ? sink.text : "!" + std::string(CodeName(info.code()));
}

struct Listing {
  std::vector<std::string> keys;
  std::uint64_t links = 0, empty_folders = 0, pages = 0;
  std::vector<std::string> notes, problems;
  Status status;
};
inline Listing List(IStorageProvider& p, ListQuery query = {}) {
  Listing out;
  while (true) {
    Result<ListPage> page = p.List({}, query);
    ++out.pages;
    if (!page.ok()) {
      out.status = page.status();
      return out;
    }
    for (const ListEntry& entry : page->entries) out.keys.emplace_back(entry.key);
    out.links += page->skipped_links;
    out.empty_folders += page->empty_folders;
    out.notes.insert(out.notes.end(), page->notes.begin(), page->notes.end());
    for (const ListProblem& problem : page->problems) out.problems.push_back(problem.key);
    if (page->next_token.empty()) return out;
    query.token = page->next_token;
    REQUIRE(out.pages < 100000);
  }
}

// All regular files below a folder by plain means, "relative path" -> bytes.
inline std::map<std::string, std::string> Files(const std::string& root) {
  std::map<std::string, std::string> out;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root)) {
    if (entry.is_regular_file() && !entry.is_symlink()) out[fs::relative(entry.path(), root).string()] = ReadFile(entry.path().string());
  }
  return out;
}

// Installs a hook for its life.
class Hook final : public sys::IFaultHook {
 public:
  explicit Hook(std::function<sys::Verdict(const sys::Site&)> call) : call_(std::move(call)) { sys::SetFaultHook(this); }
  ~Hook() override { sys::SetFaultHook(nullptr); }
  sys::Verdict OnCall(const sys::Site& site) override { return call_(site); }

 private:
  std::function<sys::Verdict(const sys::Site&)> call_;
};

inline bool Is(const sys::Site& site, std::string_view call) { return call == site.call; }

}  // namespace ferrytest

#endif  // FILEFERRY_TESTS_UNIT_PROVIDERS_LOCAL_SUPPORT_H_
