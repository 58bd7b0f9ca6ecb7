// sorted_keys.h: a temporary table of keys outside memory (a private SQLite file that vanishes).  One thread.
#ifndef FILEFERRY_JOURNAL_SORTED_KEYS_H_
#define FILEFERRY_JOURNAL_SORTED_KEYS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "fileferry/object.h"
#include "journal/database.h"

namespace fileferry {

class SortedKeys {
 public:
  struct Entry {
    std::string etag;
    std::uint64_t size = 0;
    std::optional<Time> modified;
  };
  static Result<std::unique_ptr<SortedKeys>> Create();

  Status Add(std::string_view key, const Entry& entry);
  // Marks the key as seen.
  Result<std::optional<Entry>> Find(std::string_view key);
  Result<std::uint64_t> Unseen();
  // True when key was free, or is owner's already.
  Result<bool> Claim(std::string_view key, std::string_view owner);

 private:
  explicit SortedKeys(std::unique_ptr<Database> database) : database_(std::move(database)) {}
  Status Prepare();

  std::unique_ptr<Database> database_;
  Statement add_, find_, mark_, claim_, owner_;
};

}  // namespace fileferry

#endif  // FILEFERRY_JOURNAL_SORTED_KEYS_H_
