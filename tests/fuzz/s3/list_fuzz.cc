// list_fuzz.cc: any bytes as a listing page: what the fast reader takes, the general one reads the same way; and a decoded page holds keys only.
#include <string>

#include "fuzz/check.h"
#include "providers/s3/list.h"

namespace {

using fileferry::ListEntry;
using fileferry::s3::RawListPage;

bool Same(const RawListPage& a, const RawListPage& b) {
  if (a.truncated != b.truncated || a.url_encoded != b.url_encoded || a.has_key_count != b.has_key_count || a.has_names != b.has_names) return false;
  if (a.next_token != b.next_token || a.next_marker != b.next_marker || a.page.entries.size() != b.page.entries.size()) return false;
  for (std::size_t i = 0; i < a.page.entries.size(); ++i) {
    const ListEntry& x = a.page.entries[i];
    const ListEntry& y = b.page.entries[i];
    if (x.key != y.key || x.etag != y.etag || x.storage_class != y.storage_class || x.size != y.size || x.modified != y.modified || x.is_prefix != y.is_prefix) return false;
  }
  return true;
}

void Check(std::string_view body) {
  RawListPage fast, slow;
  if (fileferry::s3::ParseListFast(body, &fast)) {
    FUZZ_CHECK(fileferry::s3::ParseListXml(body, &slow).ok());
    FUZZ_CHECK(Same(fast, slow));
  }
  const fileferry::Result<RawListPage> page = fileferry::s3::ParseList(body);
  if (!page.ok()) return;
  for (const ListEntry& entry : page->page.entries) FUZZ_CHECK(!entry.key.empty());
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(FuzzText(data, size));
  Check(text);
  Check("<ListBucketResult>" + text + "</ListBucketResult>");
  Check("<ListBucketResult><EncodingType>url</EncodingType><Contents><Size>1</Size><Key>" + text + "</Key></Contents></ListBucketResult>");
  return 0;
}
