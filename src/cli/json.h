// json.h: results as JSON.  Keys are UTF-8; what is not is replaced, never thrown at.  Pure functions.
#ifndef FILEFERRY_CLI_JSON_H_
#define FILEFERRY_CLI_JSON_H_

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "fileferry/migration.h"
#include "fileferry/object.h"

namespace fileferry::cli {

using Json = nlohmann::ordered_json;

inline std::string Dump(const Json& value) { return value.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }
inline std::string DumpLine(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }
// Appends text as a JSON string, quotes included.
void AppendJsonString(std::string_view text, std::string* out);

Json ObjectJson(const ObjectInfo& info);
Json StatusJson(const Status& status);
Json RecordJson(const ObjectRecord& record);
// What became of the objects, with bytes_moved, skipped_links … beside it.
Json ProgressJson(const Progress& progress);

}  // namespace fileferry::cli

#endif  // FILEFERRY_CLI_JSON_H_
