// keys.h: the tables of configuration keys, and what is checked with them.  Constant data; any thread.
#ifndef FILEFERRY_CONFIG_KEYS_H_
#define FILEFERRY_CONFIG_KEYS_H_

#include <string>
#include <string_view>
#include <vector>

#include "fileferry/config.h"

namespace fileferry::config {

// Keys that every service has: service, fallback, prefix, read_only, attempts, timeout.
const std::vector<ConfigKey>& CommonKeys();
const ConfigKey* FindKey(const std::vector<ConfigKey>& keys, std::string_view name);
// "did you mean 'bucket'?", or the known keys when none is near.
std::string KeyHint(std::string_view name, const std::vector<ConfigKey>& keys);

// All services of fileferry and those that are recognised but come later ("hybrid", "router", "yandex_disk").
bool IsKnownService(std::string_view service);
bool ComesLater(std::string_view service);
Status ComesLaterStatus(std::string_view service, std::string_view where);
std::string ServiceHint(std::string_view service);

// One value against its key; OK, or kInvalidArgument without the value where it is a secret.
Status CheckValue(const ConfigKey& key, const ConfigValue& value);
// All values of a storage against a table (its own and the common keys).
std::vector<Status> CheckAgainst(const StorageConfig& config, const std::vector<ConfigKey>& keys);

}  // namespace fileferry::config

#endif  // FILEFERRY_CONFIG_KEYS_H_
