// config.h: the configuration keys of service s3, and the options that they make.  Any thread.
#ifndef FILEFERRY_PROVIDERS_S3_CONFIG_H_
#define FILEFERRY_PROVIDERS_S3_CONFIG_H_

#include <vector>

#include "fileferry/config.h"
#include "fileferry/s3.h"

namespace fileferry {

// The table of keys: documentation (docs/providers/s3.md) and check at once.
const std::vector<ConfigKey>& S3ConfigKeys();

namespace s3 {

// kInvalidArgument names the key, the value and where it was set.  Reads the AWS profile for region and endpoint where the configuration is silent; no network.
Result<S3Options> S3OptionsOf(const StorageConfig& config, const Environment& env);

}  // namespace s3
}  // namespace fileferry

#endif  // FILEFERRY_PROVIDERS_S3_CONFIG_H_
