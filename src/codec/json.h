// json.h: reading and writing JSON.  Reading is simdjson's, writing nlohmann-json's; both are hidden behind these two types.
//
// Values are plain: read on any thread once built.  No exception leaves.
#ifndef FILEFERRY_CODEC_JSON_H_
#define FILEFERRY_CODEC_JSON_H_

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "fileferry/status.h"

namespace fileferry::codec {

// A value of a document that was read.
class JsonValue {
 public:
  enum class Kind : std::uint8_t { kNull, kBool, kInteger, kDouble, kText, kList, kObject };
  using Member = std::pair<std::string, JsonValue>;

  Kind kind() const { return kind_; }
  bool IsText() const { return kind_ == Kind::kText; }
  bool IsObject() const { return kind_ == Kind::kObject; }
  bool IsList() const { return kind_ == Kind::kList; }
  // "null", "a boolean", "a number", "a text", "a list", "an object": for messages.
  std::string_view KindName() const;

  // Of the kind that is asked for; otherwise nothing.
  std::optional<bool> AsBool() const;
  std::optional<std::int64_t> AsInteger() const;  // also an unsigned number up to INT64_MAX
  std::optional<double> AsDouble() const;         // any number
  const std::string& AsText() const;              // "" when it is no text
  // A scalar as a configuration would write it: text as it is, "true", "12", "1.5", "" for null; nothing for lists and objects.
  std::optional<std::string> AsScalar() const;

  const std::vector<JsonValue>& items() const { return items_; }       // of a list
  const std::vector<Member>& members() const { return members_; }      // of an object, in the document's order
  // The member of that name; nullptr when there is none or this is no object.
  const JsonValue* Find(std::string_view name) const;
  // The text at a member; `fallback` when there is none or it is no text.
  std::string Text(std::string_view name, std::string_view fallback = {}) const;

 private:
  friend class JsonReader;
  Kind kind_ = Kind::kNull;
  bool bool_ = false;
  std::int64_t integer_ = 0;
  double double_ = 0;
  std::string text_;
  std::vector<JsonValue> items_;
  std::vector<Member> members_;
};

// The document; kInvalidArgument naming line and column where it can.  Refused: more than 4 MiB, more than 32 levels, a name that comes twice in an object,
// invalid UTF-8, an integer beyond 64 bits.
Result<JsonValue> ParseJson(std::string_view document);

// A value to be written; one that was moved from may only be assigned to or destroyed.  Objects keep the order in which members were set.  Texts that are not
// valid UTF-8 are written with U+FFFD in the place of what is not.
class JsonOut {
 public:
  JsonOut();                          // null
  JsonOut(bool value);                // NOLINT: values convert on purpose
  template <std::integral Integer>
  JsonOut(Integer value) : JsonOut() {  // NOLINT
    if constexpr (std::is_signed_v<Integer>) {
      SetSigned(value);
    } else {
      SetUnsigned(value);
    }
  }
  JsonOut(double value);              // NOLINT.  Not finite: null
  JsonOut(const char* value);         // NOLINT
  JsonOut(std::string_view value);    // NOLINT
  JsonOut(const std::string& value);  // NOLINT
  JsonOut(const JsonOut& other);
  JsonOut(JsonOut&& other) noexcept;
  JsonOut& operator=(JsonOut other) noexcept;
  ~JsonOut();

  static JsonOut Object();
  static JsonOut List();
  JsonOut& Set(std::string_view name, JsonOut value);  // makes this an object; replaces a member of that name
  JsonOut& Add(JsonOut value);                         // makes this a list
  // On one line, or with two spaces of indentation for each level.
  std::string Text(bool pretty = false) const;

 private:
  struct Impl;
  void SetSigned(std::int64_t value);
  void SetUnsigned(std::uint64_t value);
  std::unique_ptr<Impl> impl_;
};

}  // namespace fileferry::codec

#endif  // FILEFERRY_CODEC_JSON_H_
