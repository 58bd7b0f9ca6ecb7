// document.h: a configuration file read into a tree with line numbers.  Any thread.
#ifndef FILEFERRY_CONFIG_DOCUMENT_H_
#define FILEFERRY_CONFIG_DOCUMENT_H_

#include <string>

#include "codec/yaml.h"
#include "fileferry/status.h"

namespace fileferry::config {

using Node = codec::YamlNode;

// The whole file; kInvalidArgument that says why it cannot be read.
Result<std::string> ReadConfigFile(const std::string& path);
// YAML or JSON (which is read as YAML, so that lines are known).  kInvalidArgument names path and line.
Result<Node> ParseDocument(const std::string& text, const std::string& path);

}  // namespace fileferry::config

#endif  // FILEFERRY_CONFIG_DOCUMENT_H_
