// names.h: the grammar of names (docs/local-layout.md): where a key lies below the root, and which key a path is.
//
// Two places exist.  The plain place holds every key whose path a file system can hold, as it is.  The keys folder (.fileferry/keys) holds the others, and a key
// whose plain place is taken by a folder, or that would need a folder where a file is.  Pure functions; any thread.
#ifndef FILEFERRY_PROVIDERS_LOCAL_NAMES_H_
#define FILEFERRY_PROVIDERS_LOCAL_NAMES_H_

#include <optional>
#include <string>
#include <string_view>

#include "fileferry/local.h"

namespace fileferry::local {

inline constexpr std::string_view kHiddenFolder = ".fileferry";
inline constexpr std::string_view kKeysFolder = ".fileferry/keys";
inline constexpr std::string_view kPropertiesFolder = ".fileferry/properties";
inline constexpr std::string_view kUploadsFolder = ".fileferry/uploads";

// Names of files that are being written: ".fileferry-<26 of 0-9a-z>.tmp".  Never an object.
std::string TemporaryName();
// A temporary name for a draft: its file is locked (flock) as long as somebody may still publish it, so that what a dead process left can be told from what is being written.
std::string DraftName();
bool IsDraftName(std::string_view name);
// A temporary name for somebody's object that is held for a moment: after a crash it may be the only place of its bytes, so only SweepTemporary removes it, by age.
std::string HeldName();
bool IsHeldName(std::string_view name);
bool IsTemporaryName(std::string_view name);

// One name of a file or folder as text of a key, and back.  A name that is UTF-8 is itself (unless it looks like a marked one); in others
// every byte that is not becomes "%!XX".
std::string SegmentFromName(std::string_view name);
std::string NameFromSegment(std::string_view segment);

// The plain place of key, relative to the root; absent when key has none.  REQUIRES: CheckKeyBytes(key).ok()
std::optional<std::string> PlainPath(std::string_view key, LocalOptions::Layout layout);
// The key at a plain path; absent when that is no place of an object.
std::optional<std::string> KeyFromPlainPath(std::string_view path, LocalOptions::Layout layout);

// The place of key in the keys folder, relative to the root; every key has one.
std::string KeysPath(std::string_view key);
// The key at a path below the keys folder (relative to it); absent when KeysPath never makes it.
std::optional<std::string> KeyFromKeysPath(std::string_view path);

// "a/b/c" -> ("a/b", "c"); "c" -> ("", "c")
struct SplitPath {
  std::string_view folder, leaf;
};
SplitPath SplitLeaf(std::string_view path);
SplitPath SplitLeaf(std::string&&) = delete;  // the answer views the path

}  // namespace fileferry::local

#endif  // FILEFERRY_PROVIDERS_LOCAL_NAMES_H_
