// local_names_fuzz.cc: key <-> path in both layouts: one to one, below the root, names a file system can hold; and any path of others is read back to itself.
#include <string>

#include "fileferry/local.h"
#include "fuzz/check.h"
#include "providers/local/names.h"

namespace {

using fileferry::LocalOptions;

void CheckPath(std::string_view path) {
  FUZZ_CHECK(!path.empty() && path.size() < 4096 && path.find('\0') == std::string_view::npos);
  for (std::string_view rest = path; !rest.empty();) {
    const std::string_view name = rest.substr(0, rest.find('/'));
    FUZZ_CHECK(!name.empty() && name.size() <= 255 && name != "." && name != "..");
    FUZZ_CHECK(!fileferry::local::IsTemporaryName(name));
    FUZZ_CHECK(rest.size() != name.size() + 1);  // no slash at the end
    rest.remove_prefix(name.size() == rest.size() ? name.size() : name.size() + 1);
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = FuzzText(data, size);
  for (const LocalOptions::Layout layout : {LocalOptions::Layout::kPlain, LocalOptions::Layout::kActiveStorage}) {
    const fileferry::Result<std::string> path = fileferry::LocalPathForKey(text, layout);
    FUZZ_CHECK(path.ok() == fileferry::CheckKeyBytes(text).ok());
    if (path.ok()) {
      CheckPath(*path);
      const fileferry::Result<std::string> key = fileferry::LocalKeyForPath(*path, layout);
      FUZZ_CHECK(key.ok() && *key == text);
    }
    // As a path that someone else made.
    const fileferry::Result<std::string> key = fileferry::LocalKeyForPath(text, layout);
    if (key.ok()) {
      FUZZ_CHECK(fileferry::CheckKeyBytes(*key).ok());
      const fileferry::Result<std::string> back = fileferry::LocalPathForKey(*key, layout);
      FUZZ_CHECK(back.ok() && (*back == text || fileferry::local::KeysPath(*key) == text));
    }
  }
  if (size > 0 && size <= 255 && text.find('/') == std::string_view::npos && text.find('\0') == std::string_view::npos) {
    const std::string segment = fileferry::local::SegmentFromName(text);
    FUZZ_CHECK(fileferry::CheckKeyBytes(segment).ok());
    FUZZ_CHECK(fileferry::local::NameFromSegment(segment) == text);
  }
  return 0;
}
