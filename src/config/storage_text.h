// storage_text.h: the inverse of ParseStorageText.  Pure functions; any thread.
#ifndef FILEFERRY_CONFIG_STORAGE_TEXT_H_
#define FILEFERRY_CONFIG_STORAGE_TEXT_H_

#include <string>
#include <string_view>
#include <vector>

#include "fileferry/config.h"

namespace fileferry::config {

// A text that opens the same storage and path again, from any working folder; no secret is in it.
std::string NormalisedText(const StorageText& text);
// "<service>:path?key=value" of a service with this table of keys.
Result<StorageText> ParseServiceText(std::string_view service, const std::vector<ConfigKey>& keys, std::string_view text);
// Makes "<folder>/<name>" of a local text that names nothing yet, so that path is the new object's key.  kInvalidArgument where the text names a folder or a whole storage.
Status NameObject(StorageText* text);
// Every byte but unreserved characters and '/' as %XX.
std::string EncodePath(std::string_view path);
// The folder as an absolute path without "." and "..", without a trailing slash.
std::string AbsoluteFolder(std::string_view folder);

}  // namespace fileferry::config

#endif  // FILEFERRY_CONFIG_STORAGE_TEXT_H_
