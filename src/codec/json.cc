// json.cc: JsonValue over simdjson and JsonOut over nlohmann-json.  Both libraries are used through their calls that return errors; nothing is shared between
// threads.
#include "codec/json.h"

#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

namespace fileferry::codec {
namespace {

constexpr std::size_t kMostBytes = std::size_t{4} << 20;
constexpr std::size_t kMostLevels = 32;
constexpr const char* kTooDeep = "it is nested more than 32 levels deep";

// Finds the place of an error: simdjson does not tell it.
class Locator : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return true; }
  bool key(string_t&) override { return true; }
  bool end_object() override { return true; }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    position_ = position;
    return false;
  }
  std::size_t position() const { return position_; }

 private:
  std::size_t position_ = 0;  // 1-based; 0: no error
};

// "line 3, column 7: " of the first error of the document; empty when only simdjson objects.
std::string PlaceOfError(std::string_view document) {
  Locator locator;
  nlohmann::json::sax_parse(document.begin(), document.end(), &locator);
  if (locator.position() == 0) return {};
  const std::string_view before = document.substr(0, locator.position() - 1);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const std::size_t column = before.size() - (before.rfind('\n') + 1) + 1;  // npos + 1 is 0
  return "line " + std::to_string(line) + ", column " + std::to_string(column) + ": ";
}

Status Refuse(std::string text) { return Status(Code::kInvalidArgument, "the JSON document cannot be used: " + std::move(text)); }

// The first name that comes twice.
const std::string* Duplicate(const std::vector<JsonValue::Member>& members) {
  std::vector<const std::string*> names;
  names.reserve(members.size());
  for (const JsonValue::Member& member : members) names.push_back(&member.first);
  std::sort(names.begin(), names.end(), [](const std::string* a, const std::string* b) { return *a < *b; });
  const auto twice = std::adjacent_find(names.begin(), names.end(), [](const std::string* a, const std::string* b) { return *a == *b; });
  return twice == names.end() ? nullptr : *twice;
}

std::string NumberText(double value) {
  char buffer[32];
  const auto result = std::to_chars(buffer, buffer + sizeof buffer, value);
  return {buffer, result.ptr};
}

}  // namespace

class JsonReader {
 public:
  static Status Convert(const simdjson::dom::element& element, std::size_t levels_above, JsonValue* out) {
    using Type = simdjson::dom::element_type;
    switch (element.type()) {
      case Type::NULL_VALUE: out->kind_ = JsonValue::Kind::kNull; return {};
      case Type::BOOL: out->kind_ = JsonValue::Kind::kBool; return Of(element.get(out->bool_));
      case Type::INT64: out->kind_ = JsonValue::Kind::kInteger; return Of(element.get(out->integer_));
      case Type::UINT64:  // only above INT64_MAX
      case Type::DOUBLE: out->kind_ = JsonValue::Kind::kDouble; return Of(element.get(out->double_));
      case Type::STRING: {
        std::string_view text;
        const Status status = Of(element.get(text));
        out->kind_ = JsonValue::Kind::kText;
        out->text_ = text;
        return status;
      }
      case Type::ARRAY: return List(element, levels_above + 1, out);
      case Type::OBJECT: return Object(element, levels_above + 1, out);
    }
    return Refuse("a value of an unknown kind");
  }

 private:
  static Status Of(simdjson::error_code error) { return error == simdjson::SUCCESS ? Status() : Refuse(simdjson::error_message(error)); }

  static Status List(const simdjson::dom::element& element, std::size_t level, JsonValue* out) {
    if (level > kMostLevels) return Refuse(kTooDeep);
    simdjson::dom::array list;
    Status status = Of(element.get(list));
    if (!status.ok()) return status;
    out->kind_ = JsonValue::Kind::kList;
    for (const simdjson::dom::element& item : list) {
      out->items_.emplace_back();
      status = Convert(item, level, &out->items_.back());
      if (!status.ok()) return status;
    }
    return {};
  }

  static Status Object(const simdjson::dom::element& element, std::size_t level, JsonValue* out) {
    if (level > kMostLevels) return Refuse(kTooDeep);
    simdjson::dom::object object;
    Status status = Of(element.get(object));
    if (!status.ok()) return status;
    out->kind_ = JsonValue::Kind::kObject;
    for (const simdjson::dom::key_value_pair& field : object) {
      out->members_.emplace_back(std::string(field.key), JsonValue());
      status = Convert(field.value, level, &out->members_.back().second);
      if (!status.ok()) return status;
    }
    const std::string* twice = Duplicate(out->members_);
    return twice == nullptr ? Status() : Refuse("the name \"" + *twice + "\" comes twice in one object");
  }
};

std::string_view JsonValue::KindName() const {
  switch (kind_) {
    case Kind::kNull: return "null";
    case Kind::kBool: return "a boolean";
    case Kind::kInteger:
    case Kind::kDouble: return "a number";
    case Kind::kText: return "a text";
    case Kind::kList: return "a list";
    case Kind::kObject: return "an object";
  }
  return "nothing";
}

std::optional<bool> JsonValue::AsBool() const { return kind_ == Kind::kBool ? std::optional<bool>(bool_) : std::nullopt; }

std::optional<std::int64_t> JsonValue::AsInteger() const { return kind_ == Kind::kInteger ? std::optional<std::int64_t>(integer_) : std::nullopt; }

std::optional<double> JsonValue::AsDouble() const {
  if (kind_ == Kind::kInteger) return static_cast<double>(integer_);
  return kind_ == Kind::kDouble ? std::optional<double>(double_) : std::nullopt;
}

const std::string& JsonValue::AsText() const {
  static const std::string none;
  return kind_ == Kind::kText ? text_ : none;
}

std::optional<std::string> JsonValue::AsScalar() const {
  switch (kind_) {
    case Kind::kNull: return std::string();
    case Kind::kBool: return std::string(bool_ ? "true" : "false");
    case Kind::kInteger: return std::to_string(integer_);
    case Kind::kDouble: return NumberText(double_);
    case Kind::kText: return text_;
    case Kind::kList:
    case Kind::kObject: return std::nullopt;
  }
  return std::nullopt;
}

const JsonValue* JsonValue::Find(std::string_view name) const {
  for (const Member& member : members_) {
    if (member.first == name) return &member.second;
  }
  return nullptr;
}

std::string JsonValue::Text(std::string_view name, std::string_view fallback) const {
  const JsonValue* value = Find(name);
  return value != nullptr && value->IsText() ? value->text_ : std::string(fallback);
}

Result<JsonValue> ParseJson(std::string_view document) {
  if (document.starts_with("\xEF\xBB\xBF")) document.remove_prefix(3);
  if (document.size() > kMostBytes) return Refuse("it is larger than 4 MiB");
  simdjson::dom::parser parser;
  // Some more than our own limit: simdjson counts empty lists and scalars differently.
  simdjson::error_code error = parser.allocate(std::max<std::size_t>(document.size(), 32), kMostLevels + 2);
  if (error != simdjson::SUCCESS) return Status(Code::kInternal, "no memory for reading JSON");
  simdjson::dom::element root;
  error = parser.parse(document.data(), document.size(), true).get(root);
  if (error == simdjson::DEPTH_ERROR) return Refuse(kTooDeep);
  if (error != simdjson::SUCCESS) return Refuse(PlaceOfError(document) + simdjson::error_message(error));
  JsonValue value;
  Status status = JsonReader::Convert(root, 0, &value);
  if (!status.ok()) return status;
  return value;
}

struct JsonOut::Impl {
  nlohmann::ordered_json json;
};

JsonOut::JsonOut() : impl_(std::make_unique<Impl>()) {}
JsonOut::JsonOut(bool value) : JsonOut() { impl_->json = value; }
JsonOut::JsonOut(double value) : JsonOut() {
  if (std::isfinite(value)) impl_->json = value;
}
JsonOut::JsonOut(const char* value) : JsonOut(std::string_view(value)) {}
JsonOut::JsonOut(std::string_view value) : JsonOut() { impl_->json = value; }
JsonOut::JsonOut(const std::string& value) : JsonOut(std::string_view(value)) {}
JsonOut::JsonOut(const JsonOut& other) : impl_(std::make_unique<Impl>(*other.impl_)) {}
JsonOut::JsonOut(JsonOut&& other) noexcept = default;
JsonOut& JsonOut::operator=(JsonOut other) noexcept {
  impl_.swap(other.impl_);
  return *this;
}
JsonOut::~JsonOut() = default;

void JsonOut::SetSigned(std::int64_t value) { impl_->json = value; }
void JsonOut::SetUnsigned(std::uint64_t value) { impl_->json = value; }

JsonOut JsonOut::Object() {
  JsonOut out;
  out.impl_->json = nlohmann::ordered_json::object();
  return out;
}

JsonOut JsonOut::List() {
  JsonOut out;
  out.impl_->json = nlohmann::ordered_json::array();
  return out;
}

JsonOut& JsonOut::Set(std::string_view name, JsonOut value) {
  if (!impl_->json.is_object()) impl_->json = nlohmann::ordered_json::object();
  impl_->json[std::string(name)] = std::move(value.impl_->json);
  return *this;
}

JsonOut& JsonOut::Add(JsonOut value) {
  if (!impl_->json.is_array()) impl_->json = nlohmann::ordered_json::array();
  impl_->json.push_back(std::move(value.impl_->json));
  return *this;
}

std::string JsonOut::Text(bool pretty) const { return impl_->json.dump(pretty ? 2 : -1, ' ', false, nlohmann::ordered_json::error_handler_t::replace); }

}  // namespace fileferry::codec
