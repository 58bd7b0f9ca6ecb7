// conformance_data.cc: reads the cases and makes their values.  Any thread.
#include "testing/conformance_data.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "base/digest.h"
#include "testing/conformance_suite.h"

namespace fileferry::testing {
namespace {

void AddFile(const std::string& name, std::string_view text, Suite* suite) {
  if (name == "bodies") {
    const std::string problem = suite->bodies.Load(text);
    if (!problem.empty()) suite->problems.push_back(problem);
    return;
  }
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("cases") || !json["cases"].is_array()) {
    suite->problems.push_back("the file of cases " + name + " is not JSON of the form {\"cases\": [...]}");
    return;
  }
  for (const Json& one : json["cases"]) {
    if (!one.is_object() || !one.contains("name") || !one["name"].is_string() || !one.contains("steps") || !one["steps"].is_array() || one["steps"].empty()) {
      suite->problems.push_back("a case without name or steps in " + name);
      continue;
    }
    suite->cases.push_back({name + "." + one["name"].get<std::string>(), one});
  }
}

std::string ReadText(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

const std::pair<std::string_view, bool Capabilities::*> kFlags[] = {
    {"sorted_list", &Capabilities::sorted_list},
    {"delimited_list", &Capabilities::delimited_list},
    {"conditional_get", &Capabilities::conditional_get},
    {"conditional_put", &Capabilities::conditional_put},
    {"replace_if_match", &Capabilities::replace_if_match},
    {"conditional_remove", &Capabilities::conditional_remove},
    {"metadata", &Capabilities::metadata},
    {"acl", &Capabilities::acl},
    {"tags", &Capabilities::tags},
    {"storage_class", &Capabilities::storage_class},
    {"server_copy", &Capabilities::server_copy},
    {"conditional_copy", &Capabilities::conditional_copy},
    {"set_properties", &Capabilities::set_properties},
    {"multipart", &Capabilities::multipart},
    {"part_copy", &Capabilities::part_copy},
    {"batch", &Capabilities::batch},
    {"open", &Capabilities::open},
    {"presign_get", &Capabilities::presign_get},
    {"presign_put", &Capabilities::presign_put},
    {"public_url", &Capabilities::public_url},
    {"versions", &Capabilities::versions},
    {"put_unknown_size", &Capabilities::put_unknown_size},
    {"keeps_mtime", &Capabilities::keeps_mtime},
    {"confirms_digest", &Capabilities::confirms_digest},
};

Json ResolveVar(const Json& value, const Vars& vars) {
  const auto found = vars.find(value["var"].get<std::string>());
  if (found == vars.end()) return value;
  if (!value.contains("field")) return found->second;
  return found->second.at(value["field"].get<std::string>());
}

std::string TextOf(const Json& value) { return value.is_number_unsigned() ? std::to_string(value.get<std::uint64_t>()) : value.get<std::string>(); }

}  // namespace

Digest Body::DigestOf(DigestKind kind) const {
  Hasher hasher(MaskOf(kind));
  hasher.Update(AsBytes(bytes));
  const DigestSet set = hasher.Finish();
  return *set.Find(kind);
}

std::string GenerateBytes(std::uint64_t seed, std::size_t size) {
  std::string out;
  out.reserve(size + 32);
  for (std::uint64_t block = 0; out.size() < size; ++block) {
    const Digest digest = Sha256(AsBytes(std::to_string(seed) + ":" + std::to_string(block)));
    out.append(AsText(digest.value()));
  }
  out.resize(size);
  return out;
}

std::string Bodies::Load(std::string_view text) {
  Json json = Json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("bodies")) return "bodies.json is not of the form {\"bodies\": {...}}";
  rows_ = std::move(json["bodies"]);
  return {};
}

BodyPtr Bodies::Named(const std::string& name, std::string* error) {
  const std::lock_guard lock(mutex_);
  const auto made = made_.find(name);
  if (made != made_.end()) return made->second;
  if (!rows_.contains(name)) {
    *error = "there is no body " + name;
    return nullptr;
  }
  const Json& row = rows_[name];
  auto body = std::make_shared<Body>();
  body->bytes = row.contains("text") ? row["text"].get<std::string>() : GenerateBytes(row["seed"].get<std::uint64_t>(), row["size"].get<std::size_t>());
  for (const char* kind : {"sha256", "md5", "sha1", "crc32", "crc32c", "crc64"}) {
    if (!row.contains(kind)) continue;
    const Digest digest = body->DigestOf(*DigestKindFromName(kind));
    if (ToHex(digest.value()) != row[kind].get<std::string>()) {
      *error = "the " + std::string(kind) + " of body " + name + " is " + ToHex(digest.value()) + " and not what bodies.json says";
      return nullptr;
    }
  }
  made_[name] = body;
  return body;
}

BodyPtr Bodies::Find(const Json& expression, std::string* error) {
  if (expression.is_string()) return Named(expression.get<std::string>(), error);
  auto body = std::make_shared<Body>();
  if (expression.contains("text")) {
    body->bytes = TextOf(expression["text"]);
    return body;
  }
  if (expression.contains("concat")) {
    for (const Json& part : expression["concat"]) {
      const BodyPtr one = Find(part, error);
      if (one == nullptr) return nullptr;
      body->bytes += one->bytes;
    }
    return body;
  }
  if (expression.contains("of")) {
    const BodyPtr whole = Find(expression["of"], error);
    if (whole == nullptr) return nullptr;
    const std::size_t from = std::min(expression.value("from", std::size_t{0}), whole->bytes.size());
    body->bytes = whole->bytes.substr(from, expression.value("size", std::string::npos));
    return body;
  }
  *error = "not a body: " + Show(expression);
  return nullptr;
}

std::shared_ptr<Suite> LoadSuite(const std::string& folder) {
  auto suite = std::make_shared<Suite>();
  if (folder.empty()) {
    for (const EmbeddedFile& file : EmbeddedCaseFiles()) AddFile(std::string(file.name), file.text, suite.get());
  } else {
    std::error_code error;
    std::vector<std::filesystem::path> paths;
    for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
      if (entry.path().extension() == ".json") paths.push_back(entry.path());
    }
    if (error) suite->problems.push_back("the folder of cases " + folder + " cannot be read: " + error.message());
    std::sort(paths.begin(), paths.end());
    for (const auto& path : paths) AddFile(path.stem().string(), ReadText(path), suite.get());
  }
  if (suite->cases.empty()) suite->problems.push_back("there are no cases");
  return suite;
}

Json Resolve(const Json& value, const Vars& vars, const Capabilities& caps) {
  if (value.is_array()) {
    Json out = Json::array();
    for (const Json& one : value) out.push_back(Resolve(one, vars, caps));
    return out;
  }
  if (!value.is_object()) return value;
  if (value.contains("var")) return ResolveVar(value, vars);
  if (value.contains("hex")) {
    const std::string hex = value["hex"].get<std::string>();
    std::string out;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) out += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    return out;
  }
  if (value.contains("cap")) {
    const std::int64_t plus = value.value("plus", std::int64_t{0});
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(CapabilityValue(caps, value["cap"].get<std::string>()).value_or(0)) + plus);
  }
  if (value.contains("repeat")) {
    const std::string unit = Resolve(value["repeat"], vars, caps).get<std::string>();
    std::string out;
    for (std::uint64_t i = Resolve(value["times"], vars, caps).get<std::uint64_t>(); i > 0; --i) out += unit;
    return out;
  }
  if (value.contains("join")) {
    std::string out;
    for (const Json& part : value["join"]) {
      const Json resolved = Resolve(part, vars, caps);
      if (resolved.is_object()) return value;  // a variable that is not known yet
      out += TextOf(resolved);
    }
    return out;
  }
  Json out = Json::object();
  for (const auto& [name, one] : value.items()) out[name] = Resolve(one, vars, caps);
  return out;
}

std::vector<std::string> KeyList(const Json& list) {
  std::vector<std::string> out;
  for (const Json& one : list) {
    if (one.is_string()) {
      out.push_back(one.get<std::string>());
    } else if (one.is_object() && one.contains("count")) {
      for (std::uint64_t i = 0; i < one["count"].get<std::uint64_t>(); ++i) {
        std::string digits = std::to_string(i);
        const std::size_t width = one.value("digits", std::size_t{0});
        if (digits.size() < width) digits.insert(0, width - digits.size(), '0');
        out.push_back(one.value("prefix", std::string()) + digits + one.value("suffix", std::string()));
      }
    }
  }
  return out;
}

std::optional<std::uint64_t> CapabilityValue(const Capabilities& caps, std::string_view name) {
  for (const auto& [flag, member] : kFlags) {
    if (flag == name) return caps.*member ? 1 : 0;
  }
  if (name == "max_put_size") return caps.max_put_size;
  if (name == "min_part_size") return caps.min_part_size;
  if (name == "max_part_size") return caps.max_part_size;
  if (name == "max_parts") return caps.max_parts;
  if (name == "max_remove_many") return caps.max_remove_many;
  if (name == "max_metadata_bytes") return caps.max_metadata_bytes;
  if (name.starts_with("stored_")) {
    const auto kind = DigestKindFromName(name.substr(7));
    if (kind.has_value()) return (caps.stored_digests & MaskOf(*kind)) != 0 ? 1 : 0;
    if (name == "stored_digests") return caps.stored_digests;
  }
  return std::nullopt;
}

std::optional<Code> CodeFromName(std::string_view name) {
  if (name == CodeName(Code::kOk)) return Code::kOk;
#define FILEFERRY_ERROR(code, number, c_name, host_class, exit_status, retry, help) \
  if (name == CodeName(Code::code)) return Code::code;
#include "fileferry/errors.def"
#undef FILEFERRY_ERROR
  return std::nullopt;
}

std::string Show(const Json& value) {
  std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  if (text.size() > 400) text = text.substr(0, 400) + "...";
  return text;
}

std::string ShowKey(std::string_view key) {
  std::string out = Show(Json(std::string(key.substr(0, 120))));
  if (key.size() > 120) out += "... (" + std::to_string(key.size()) + " bytes)";
  return out;
}

std::optional<Time> TimeFrom(const Json& json) {
  if (!json.is_string()) return std::nullopt;
  const std::string text = json.get<std::string>();
  const std::size_t point = text.find('.');
  const std::int64_t seconds = std::stoll(text.substr(0, point));
  std::string fraction = point == std::string::npos ? "" : text.substr(point + 1);
  fraction.resize(9, '0');
  return Time(std::chrono::seconds(seconds) + std::chrono::nanoseconds(std::stoll(fraction)));
}

std::string ShowTime(const std::optional<Time>& time) {
  return time.has_value() ? std::to_string(time->time_since_epoch().count()) + " ns" : std::string("none");
}

Properties PropertiesFrom(const Json& json) {
  Properties out;
  if (!json.is_object()) return out;
  out.content_type = json.value("content_type", "");
  out.cache_control = json.value("cache_control", "");
  out.content_disposition = json.value("content_disposition", "");
  out.content_encoding = json.value("content_encoding", "");
  out.content_language = json.value("content_language", "");
  if (json.contains("mtime")) out.mtime = TimeFrom(json["mtime"]);
  if (json.contains("metadata")) out.metadata = json["metadata"].get<std::map<std::string, std::string>>();
  out.acl = json.value("acl", "");
  if (json.contains("tags")) out.tags = json["tags"].get<std::map<std::string, std::string>>();
  out.storage_class = json.value("storage_class", "");
  return out;
}

}  // namespace fileferry::testing
