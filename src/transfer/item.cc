// item.cc: see item.h.
#include "transfer/item.h"

#include "transfer/decide.h"

namespace fileferry {

namespace {

bool Same(const Token& token, std::string_view etag, std::string_view version_id, std::uint64_t size, const std::optional<Time>& modified) {
  if (token.size != size) return false;
  if (!token.version_id.empty() && !version_id.empty() && token.version_id != version_id) return false;
  if (!token.etag.empty() && !etag.empty()) return token.etag == etag;
  if (token.modified && modified) return *token.modified == *modified;
  return !token.version_id.empty() && token.version_id == version_id;
}

}  // namespace

bool IsStill(const Token& token, const ObjectInfo& info) { return Same(token, info.etag, info.version_id, info.size, info.modified); }
bool IsStill(const Token& token, const ListEntry& entry) { return Same(token, entry.etag, {}, entry.size, entry.modified); }

bool ListsOther(const Token& token, const Token& listed) {
  if (token.size != listed.size) return true;
  if (!token.etag.empty() && !listed.etag.empty()) return token.etag != listed.etag;
  return token.modified && listed.modified && !SameTime(*token.modified, *listed.modified);
}

}  // namespace fileferry
