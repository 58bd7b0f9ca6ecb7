// local_keys.cc: see local_keys.h.
#include "config/local_keys.h"

namespace fileferry::config {

const std::vector<ConfigKey>& LocalConfigKeys() {
  static const std::vector<ConfigKey> keys = {
      {"root", KeyType::kText, "", "", "the folder; in a configuration file relative to the application's root"},
      {"layout", KeyType::kChoice, "plain", "plain|activestorage", "keys as paths, or Active Storage's disk layout"},
      {"fsync", KeyType::kChoice, "full", "none|file|full", "what is on the disk when a write is done: nothing for sure, the file, or the file and its name"},
      {"links", KeyType::kChoice, "skip", "skip|follow|error", "symbolic links met in listings; follow stays below the root"},
      {"create_root", KeyType::kChoice, "true", "true|false", "make the folder at the first write"},
      {"file_mode", KeyType::kText, "0644", "", "mode of new files, octal"},
      {"folder_mode", KeyType::kText, "0755", "", "mode of new folders, octal"},
      {"min_free", KeyType::kSize, "0", "", "refuse writes that would leave less free space"},
      {"url_base", KeyType::kText, "", "", "address at which the host serves the files, for signed URLs"},
      {"url_secret", KeyType::kSecret, "", "", "key of signed URLs"},
  };
  return keys;
}

}  // namespace fileferry::config
