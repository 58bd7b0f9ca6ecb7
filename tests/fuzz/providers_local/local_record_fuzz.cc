// local_record_fuzz.cc: any bytes as the value of the extended attribute; what is read is written and read again as the same.
#include <string>

#include "fuzz/check.h"
#include "providers/local/record.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = FuzzText(data, size);
  const std::optional<fileferry::local::Record> record = fileferry::local::DecodeRecord(text, "k");
  if (!record) return 0;
  const std::optional<fileferry::local::Record> again = fileferry::local::DecodeRecord(fileferry::local::EncodeRecord(*record, "k"), "k");
  FUZZ_CHECK(again.has_value());
  FUZZ_CHECK(again->properties == record->properties && again->attempt_id == record->attempt_id && again->identity == record->identity);
  FUZZ_CHECK(again->digests.mask() == record->digests.mask());
  return 0;
}
