// kth.h: the hook that makes the k-th call fail, and the loop over every k.  One scenario a process.
#ifndef FILEFERRY_TESTS_FAULT_KTH_H_
#define FILEFERRY_TESTS_FAULT_KTH_H_

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/sys.h"
#include "fileferry/fileferry.h"
#include "http/fault.h"

namespace kth {

using namespace fileferry;
namespace fs = std::filesystem;

inline std::uint64_t runs = 0, fired_total = 0;
inline int failures = 0;
inline std::set<std::string> sites;

inline void Fail(const std::string& what) {
  if (++failures <= 30) std::printf("FAIL %s\n", what.c_str());
  if (failures > 200) {
    std::printf("too many failures\n");
    std::_Exit(1);
  }
}

constexpr unsigned kKinds = 8;  // of faults that Choose knows

// Counts calls and makes the k-th one fail.
class KthHook : public sys::IFaultHook {
 public:
  void Arm(std::uint64_t k, bool sticky, unsigned kind) {
    count_ = 0;
    fired_ = 0;
    k_ = k;
    sticky_ = sticky;
    kind_ = kind;
    where_.clear();
  }
  // Calls that fail in every run, as on a system that has them not: call -> errno.  Not counted.
  void Lacks(std::map<std::string, int> calls) { lacks_ = std::move(calls); }
  bool sticky() const { return sticky_; }
  bool fired() const { return fired_ > 0; }
  std::uint64_t count() const { return count_; }
  std::string where() const { return where_; }

  sys::Verdict OnCall(const sys::Site& site) override {
    std::lock_guard lock(mutex_);
    std::string file = site.file;
    if (std::size_t src = file.rfind("src/"); src != std::string::npos) file = file.substr(src);
    sites.insert(std::string(site.call) + " " + file + ":" + std::to_string(site.line));
    if (auto lacked = lacks_.find(site.call); lacked != lacks_.end()) {
      sys::Verdict verdict;
      verdict.error = lacked->second;
      return verdict;
    }
    ++count_;
    if (k_ == 0 || count_ < k_ || (count_ > k_ && !sticky_)) return {};
    ++fired_;
    sys::Verdict verdict = Choose(site.call);
    if (fired_ == 1) where_ = std::string(site.call) + " at " + file + ":" + std::to_string(site.line) + " error " + std::to_string(verdict.error) + (verdict.after ? " after" : "");
    return verdict;
  }

 private:
  sys::Verdict Choose(const char* call) const {
    sys::Verdict v;
    if (std::strcmp(call, "http") == 0) {
      const int kinds[] = {http::kRefuse, http::kLoseAnswer, http::kStatus503, http::kCutAnswer};
      v.error = kinds[kind_ % 4];
      return v;
    }
    if (std::strcmp(call, "thread") == 0) {
      v.error = EAGAIN;
      return v;
    }
    if (std::strncmp(call, "sqlite", 6) == 0) {
      const int kinds[] = {13 /* SQLITE_FULL */, 10 /* SQLITE_IOERR */, 5 /* SQLITE_BUSY */};
      v.error = kinds[kind_ % 3];
      return v;
    }
    const bool transfer = std::strcmp(call, "read") == 0 || std::strcmp(call, "pread") == 0 || std::strcmp(call, "write") == 0 || std::strcmp(call, "pwrite") == 0;
    if (transfer && kind_ % 4 == 3) {
      v.limit = sticky_ ? 1000 : 1;  // a short transfer is no failure: it must simply go on
      return v;
    }
    const int kinds[] = {EIO, ENOSPC, EACCES, EMFILE};
    v.error = kinds[kind_ % 4];
    if (kind_ % 4 == 1 && std::strcmp(call, "flock") == 0) v.error = EWOULDBLOCK;
    if (kind_ % 8 == 2 && std::strcmp(call, "renameat2") == 0) v.error = EINVAL;  // a file system without RENAME_NOREPLACE, RENAME_EXCHANGE
    if (kind_ % 8 == 2 && std::strcmp(call, "copy_file_range") == 0) v.error = EXDEV;
    v.after = kind_ % kKinds >= 4 && (std::strcmp(call, "renameat2") == 0 || std::strcmp(call, "linkat") == 0 || std::strcmp(call, "unlinkat") == 0 || std::strcmp(call, "mkdirat") == 0);
    if (v.after) v.error = EIO;
    return v;
  }

  std::mutex mutex_;
  std::uint64_t count_ = 0, k_ = 0, fired_ = 0;
  bool sticky_ = false;
  unsigned kind_ = 0;
  std::string where_;
  std::map<std::string, int> lacks_;
};

inline KthHook hook;

inline std::string Pattern(std::size_t size, unsigned seed) {
  std::string text(size, '\0');
  std::uint64_t x = seed * 2654435761U + 88172645463325252ULL;
  for (char& c : text) {
    x ^= x << 13, x ^= x >> 7, x ^= x << 17;
    c = static_cast<char>(x);
  }
  return text;
}

inline void WriteFile(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

struct World {
  fs::path folder;
  std::string s3_text;  // "s3://bucket/?endpoint=..." whose prefix is replaced
  std::shared_ptr<StorageFactory> factory;

  std::string S3(const std::string& prefix) const {
    std::string text = s3_text;
    return text.insert(text.find('?'), prefix);
  }
  OpenedStorage Open(const std::string& text) const {
    Result<OpenedStorage> opened = factory->Open(text);
    if (!opened.ok()) {
      std::printf("FAIL open %s: %s\n", text.c_str(), opened.status().ToString().c_str());
      std::_Exit(1);
    }
    return *opened;
  }
};
inline World world;

// What can be read.  Where rot was put into the storage, an object that it reports as damaged is "rotten".
inline std::map<std::string, std::string> Objects(const OpenedStorage& storage, bool rot = false) {
  std::map<std::string, std::string> all;
  OpContext ctx;
  ListQuery query;
  query.prefix = storage.path;
  Status status = ForEach(*storage.provider, ctx, query, [&](const ListEntry& entry) {
    std::string key(entry.key);
    Result<std::string> text = ReadAll(*storage.provider, ctx, key);
    if (!text.ok() && !(rot && text.code() == Code::kIntegrity)) return text.status();
    all[key.substr(storage.path.size())] = text.ok() ? *text : "rotten";
    return Status::Ok();
  });
  if (!status.ok()) Fail("listing: " + status.ToString());
  return all;
}

inline void Empty(const OpenedStorage& storage) {
  OpContext ctx;
  std::vector<std::string> keys;
  ListQuery query;
  query.prefix = storage.path;
  (void)ForEach(*storage.provider, ctx, query, [&](const ListEntry& entry) {
    keys.emplace_back(entry.key);
    return Status::Ok();
  });
  for (const RemoveResult& result : storage.provider->RemoveMany(ctx, keys)) {
    if (!result.status.ok()) Fail("emptying: " + result.status.ToString());
  }
  Result<UploadPage> uploads = storage.provider->ListUploads(ctx, storage.path, "");
  if (uploads.ok()) {
    for (const UploadEntry& entry : uploads->entries) (void)storage.provider->AbortUpload(ctx, entry.key, entry.upload_id);
  }
}

inline std::size_t OpenUploads(const OpenedStorage& storage) {
  Result<UploadPage> uploads = storage.provider->ListUploads(OpContext{}, storage.path, "");
  // What nobody can go on with is swept by `cleanup` and after a cut-off run; a storage that refused to remove it once is no failure of the run.
  return uploads.ok() ? static_cast<std::size_t>(std::count_if(uploads->entries.begin(), uploads->entries.end(), [](const UploadEntry& entry) { return !entry.abandoned; })) : 0;
}

// One scenario: prepared without faults, run with one, judged without.
struct Scenario {
  std::string name;
  std::function<void()> prepare;
  std::function<bool()> run;                  // true: reported complete success
  std::function<void(bool reported)> judge;   // right after the faulty run
  std::function<void()> complete;             // run again without faults, and judge the end
};

inline void Loop(const Scenario& scenario) {
  const std::uint64_t runs_before = runs;
  std::uint64_t calls = 0;
  const auto once = [&](std::uint64_t k, bool sticky, unsigned kind) {
    scenario.prepare();
    hook.Arm(k, sticky, kind);
    sys::SetFaultHook(&hook);
    const bool reported = scenario.run();
    sys::SetFaultHook(nullptr);
    if (k == 0) calls = hook.count();
    const int before = failures;
    if (k != 0) ++runs;
    if (k == 0 && !reported) Fail(scenario.name + ": no success without a fault");
    if (hook.fired()) ++fired_total;
    scenario.judge(reported);
    scenario.complete();
    if (failures != before) std::printf("  in %s, k=%llu %s: %s\n", scenario.name.c_str(), static_cast<unsigned long long>(k), sticky ? "sticky" : "once", hook.where().c_str());
    return hook.fired();
  };
  once(0, false, 0);
  // Short: every k meets every kind.  Long: every k is visited in both modes, the kinds take turns.
  const unsigned stride = calls <= 256 ? 1 : kKinds;
  for (bool sticky : {false, true}) {
    for (unsigned kind = 0; kind < kKinds; ++kind) {
      for (std::uint64_t k = stride == 1 ? 1 : kind + 1; once(k, sticky, kind + static_cast<unsigned>(k / stride)); k += stride) {
      }
    }
  }
  std::printf("%s: %llu calls, %llu runs\n", scenario.name.c_str(), static_cast<unsigned long long>(calls), static_cast<unsigned long long>(runs - runs_before));
  std::fflush(stdout);
}

using Make = std::function<Scenario()>;
using Scenarios = std::vector<std::pair<std::string, Make>>;
Scenarios ObjectScenarios();     // objects.cc: put and get on one storage
Scenarios MigrationScenarios();  // migrations.cc
Scenarios CallScenarios();       // calls.cc: the operations that those two do not come past

}  // namespace kth

#endif  // FILEFERRY_TESTS_FAULT_KTH_H_
