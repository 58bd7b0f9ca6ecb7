// profile_fuzz.cc: any bytes as an AWS shared file: parsed or refused with a line, and parsing what was parsed gives the same.
#include <string>

#include "fuzz/check.h"
#include "providers/s3/profile.h"

using namespace fileferry;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = FuzzText(data, size);
  const Result<s3::IniFile> parsed = s3::ParseIni(text, "f");
  if (!parsed.ok()) {
    FUZZ_CHECK(parsed.code() == Code::kInvalidArgument);
    FUZZ_CHECK(parsed.status().message().substr(0, 2) == "f:");
    return 0;
  }
  std::string again;
  bool simple = true;  // quotes and comment signs are not written as they are read
  for (const auto& [name, section] : parsed.value()) {
    FUZZ_CHECK(!name.empty());
    FUZZ_CHECK(section.line > 0);
    simple = simple && name.find_first_of("\"'[]\r\v\f\t") == std::string::npos && name.find("  ") == std::string::npos && name.front() != ' ' && name.back() != ' ';
    again += "[" + name + "]\n";
    for (const auto& [key, value] : section.values) {
      FUZZ_CHECK(!key.empty());
      FUZZ_CHECK(value.line > 0);
      simple = simple && value.text.find_first_of("\n#;\r\v\f") == std::string::npos && key.find_first_of("[#;:\r\v\f") == std::string::npos && key.find('=') == std::string::npos;
      again += key + " = " + value.text + "\n";
    }
  }
  if (!simple) return 0;
  const Result<s3::IniFile> second = s3::ParseIni(again, "f");
  FUZZ_CHECK(second.ok());
  FUZZ_CHECK(second.value().size() == parsed.value().size());
  for (const auto& [name, section] : parsed.value()) {
    for (const auto& [key, value] : section.values) FUZZ_CHECK(second.value().at(name).Get(key) == value.text);
  }
  return 0;
}
