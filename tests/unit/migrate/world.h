// world.h: two storages and what tests of migrations do with them.
#ifndef FILEFERRY_TESTS_UNIT_MIGRATE_WORLD_H_
#define FILEFERRY_TESTS_UNIT_MIGRATE_WORLD_H_

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "fileferry/memory.h"
#include "fileferry/migration.h"
#include "fileferry/testing/fault_provider.h"

namespace fileferry {

inline OpenedStorage Opened(ProviderPtr provider, std::string text, std::string path = "") {
  OpenedStorage storage;
  storage.provider = std::move(provider);
  storage.text = std::move(text);
  storage.path_is_folder = path.empty() || path.back() == '/';
  storage.path = std::move(path);
  return storage;
}

inline void PutText(IStorageProvider& provider, const std::string& key, std::string_view text, PutOptions options = {}) {
  const Result<ObjectInfo> put = WriteAll(provider, {}, key, text, options);
  REQUIRE_MESSAGE(put.ok(), put.status().ToString());
}

// Everything a storage holds: key and bytes.
inline std::map<std::string, std::string> Contents(IStorageProvider& provider) {
  std::map<std::string, std::string> all;
  const Status status = ForEach(provider, {}, {}, [&](const ListEntry& entry) {
    Result<std::string> text = ReadAll(provider, {}, entry.key);
    if (!text.ok()) return text.status();
    all.emplace(entry.key, std::move(*text));
    return Status();
  });
  REQUIRE_MESSAGE(status.ok(), status.ToString());
  return all;
}

// Different for every seed, and not compressible into a pattern that hides swapped parts.
inline std::string Pattern(std::size_t size, unsigned seed) {
  std::string text(size, '\0');
  std::uint64_t state = seed * 2654435761u + 88172645463325252ull;
  for (char& c : text) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    c = static_cast<char>(state);
  }
  return text;
}

inline std::uint64_t Count(const Progress& progress, Outcome outcome) { return progress.objects[static_cast<std::size_t>(outcome)]; }

inline Status Finish(IRun& run) {
  const Status started = run.Start();
  REQUIRE_MESSAGE(started.ok(), started.ToString());
  REQUIRE(run.Wait(std::chrono::seconds(120)));
  return run.Result();
}

// A run to its end; fails the test where it does not end well.
inline Progress MustRun(Result<std::unique_ptr<IRun>> run) {
  REQUIRE_MESSAGE(run.ok(), run.status().ToString());
  const Status status = Finish(**run);
  CHECK_MESSAGE(status.ok(), status.ToString());
  const Progress progress = (*run)->Snapshot();
  for (const std::string& line : progress.last_errors) INFO(line);
  return progress;
}

struct TempFolder {
  TempFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "ferry-unit-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::string path;
};

// Counts calls without making any fail.
struct Counted {
  std::shared_ptr<testing::Faults> faults = std::make_shared<testing::Faults>();
  ProviderPtr provider;
  explicit Counted(ProviderPtr inner) : provider(testing::WithFaults(std::move(inner), faults)) {}
};

// A copy plan with small parts, so that small tests see large objects.
inline CopyPlan SmallParts() {
  CopyPlan plan;
  plan.tuning.multipart_threshold = 64 << 10;
  plan.tuning.part_size = 16 << 10;
  return plan;
}

}  // namespace fileferry

#endif  // FILEFERRY_TESTS_UNIT_MIGRATE_WORLD_H_
