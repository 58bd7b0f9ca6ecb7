// mapping_fuzz.cc: "rule LF key": a name is a key, and a rule that is one to one can be turned round.
#include <string>

#include "base/text.h"
#include "fileferry/object.h"
#include "fuzz/check.h"
#include "transfer/mapping.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest = FuzzText(data, size);
  const std::string rule(FuzzTake(&rest, '\n'));
  const std::string_view key = rest;
  if (rule.starts_with("file:") || !fileferry::CheckKeyBytes(key).ok()) return 0;
  const auto map = fileferry::KeyMap::Create(rule);
  if (!map.ok()) return 0;
  const fileferry::Result<std::string> name = (*map)->Map(key);
  if (!name.ok()) {
    FUZZ_CHECK(name.status().detail().key == key);
    return 0;
  }
  FUZZ_CHECK(fileferry::CheckKeyBytes(*name).ok());
  if ((*map)->one_to_one()) {
    const fileferry::Result<std::string> back = (*map)->Reverse(*name);
    FUZZ_CHECK(back.ok());
    FUZZ_CHECK(*back == key);
  }
  return 0;
}
