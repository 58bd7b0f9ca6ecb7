// json_fuzz.cc: any bytes as JSON; what can be read can be written and reads back the same.
#include <string>

#include "base/text.h"
#include "codec/json.h"
#include "fuzz/check.h"

using fileferry::codec::JsonOut;
using fileferry::codec::JsonValue;

namespace {

JsonOut Copy(const JsonValue& value) {
  switch (value.kind()) {
    case JsonValue::Kind::kNull: return {};
    case JsonValue::Kind::kBool: return *value.AsBool();
    case JsonValue::Kind::kInteger: return *value.AsInteger();
    case JsonValue::Kind::kDouble: return *value.AsDouble();
    case JsonValue::Kind::kText: return value.AsText();
    case JsonValue::Kind::kList: {
      JsonOut list = JsonOut::List();
      for (const JsonValue& item : value.items()) list.Add(Copy(item));
      return list;
    }
    case JsonValue::Kind::kObject: {
      JsonOut object = JsonOut::Object();
      for (const JsonValue::Member& member : value.members()) object.Set(member.first, Copy(member.second));
      return object;
    }
  }
  return {};
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = FuzzText(data, size);
  const fileferry::Result<JsonValue> value = fileferry::codec::ParseJson(text);
  if (!value.ok()) {
    FUZZ_CHECK(value.code() == fileferry::Code::kInvalidArgument);
    FUZZ_CHECK(!value.status().message().empty());
  } else {
    const std::string written = Copy(*value).Text();
    const fileferry::Result<JsonValue> again = fileferry::codec::ParseJson(written);
    FUZZ_CHECK(again.ok());
    FUZZ_CHECK(Copy(*again).Text() == written);
    FUZZ_CHECK(fileferry::codec::ParseJson(Copy(*value).Text(true)).ok());
  }
  // Any text as name and value.
  const fileferry::Result<JsonValue> back = fileferry::codec::ParseJson(JsonOut::Object().Set(text, text).Text());
  FUZZ_CHECK(back.ok());
  if (fileferry::IsValidUtf8(text)) FUZZ_CHECK(back->Text(text) == text);
  return 0;
}
