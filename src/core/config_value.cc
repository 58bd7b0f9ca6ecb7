// config_value.cc: the plain values of config.h that providers use too: origins, look-up, and the process's environment.  Any thread.
#include <cstdlib>

#include "fileferry/config.h"

namespace fileferry {

std::string Origin::ToString() const { return line > 0 ? what + ":" + std::to_string(line) : what; }

std::string StorageConfig::Get(std::string_view key, std::string_view fallback) const {
  const auto found = values.find(std::string(key));
  return found == values.end() ? std::string(fallback) : found->second.text;
}

bool StorageConfig::Has(std::string_view key) const { return values.find(std::string(key)) != values.end(); }

Environment ProcessEnvironment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) return std::nullopt;
    return std::string(value);
  };
}

}  // namespace fileferry
