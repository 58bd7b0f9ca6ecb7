// support.h: a folder for one test, and an environment made of pairs.
#ifndef FILEFERRY_TESTS_UNIT_CONFIG_SUPPORT_H_
#define FILEFERRY_TESTS_UNIT_CONFIG_SUPPORT_H_

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "fileferry/config.h"

namespace fileferry {

inline Environment FakeEnvironment(std::map<std::string, std::string> values) {
  return [values = std::move(values)](const std::string& name) -> std::optional<std::string> {
    const auto found = values.find(name);
    if (found == values.end()) return std::nullopt;
    return found->second;
  };
}

class Folder {
 public:
  Folder() {
    char name[] = "/tmp/ferry-config-XXXXXX";
    path_ = ::mkdtemp(name);
  }
  ~Folder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::string& path() const { return path_; }
  // The path of the file.
  std::string Write(const std::string& name, const std::string& text) const {
    const std::filesystem::path file = std::filesystem::path(path_) / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
    return file.string();
  }

 private:
  std::string path_;
};

// The values of a storage, as "key=value" in order, for comparisons.
inline std::string Flat(const StorageConfig& config) {
  std::string text;
  for (const auto& [key, value] : config.values) text += (text.empty() ? "" : " ") + key + "=" + value.text;
  return text;
}

}  // namespace fileferry

#endif  // FILEFERRY_TESTS_UNIT_CONFIG_SUPPORT_H_
