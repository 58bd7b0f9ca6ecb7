// filter.h: which objects a run is about, by name, size, time and content type.
//
// Patterns are rclone's:
//   *      any bytes within one level            **     any bytes, across levels
//   ?      one character, not '/'                [a-z]  one of a set, [^a-z] or [!a-z] one of all others but '/'
//   {a,b}  one of these                          {{re}} a regular expression (RE2)
//   \x     the character x itself
// A leading '/' anchors the pattern at the root of the copy; otherwise it may begin after any '/'.  A pattern always reaches to the end of the key; "dir/"
// means "dir/**".
//
// A key that any `exclude` matches is left out.  Otherwise the first line of filter_from that matches decides.  Otherwise, where there is an `include`, one of
// them must match.
//
// Immutable after Create; any thread.
#ifndef FILEFERRY_TRANSFER_FILTER_H_
#define FILEFERRY_TRANSFER_FILTER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "fileferry/migration.h"

namespace fileferry {

class Filter {
 public:
  enum class Decision : std::uint8_t { kWanted, kLeftOut, kNeedsType };

  // kInvalidArgument naming the pattern, or file and line; reads filter_from.  keys_from is not the filter's.
  static Result<std::shared_ptr<const Filter>> Create(const FilterOptions& options);
  ~Filter();

  // By everything that a listing tells.  kNeedsType: all else fits, and the key's extension does not tell the content type; ask WantsType with the one that the
  // storage keeps.
  // An entry without a time fits neither newer_than nor older_than.
  Decision Decide(std::string_view key, std::uint64_t size, const std::optional<Time>& modified) const;
  bool WantsType(std::string_view content_type) const;
  // The part of Decide that looks at the key alone.
  bool WantsKey(std::string_view key) const;
  // Whether Decide looks at nothing but the key.
  bool by_key_alone() const;
  // Whether everything below a folder ("a/b/") is excluded, whatever it is called: by a pattern "…/**" or "…/".  False where that is not certain.
  bool ExcludesFolder(std::string_view folder) const;
  // Whether nothing can ever be left out.
  bool empty() const;

 private:
  struct Impl;
  explicit Filter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The regular expression (RE2) of a pattern, for messages and tests.  kInvalidArgument naming the pattern.
Result<std::string> PatternToRegex(std::string_view pattern);

}  // namespace fileferry

#endif  // FILEFERRY_TRANSFER_FILTER_H_
