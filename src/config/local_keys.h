// local_keys.h: the configuration keys of service local.  Constant data; any thread.
#ifndef FILEFERRY_CONFIG_LOCAL_KEYS_H_
#define FILEFERRY_CONFIG_LOCAL_KEYS_H_

#include <vector>

#include "fileferry/config.h"

namespace fileferry::config {

const std::vector<ConfigKey>& LocalConfigKeys();

}  // namespace fileferry::config

#endif  // FILEFERRY_CONFIG_LOCAL_KEYS_H_
