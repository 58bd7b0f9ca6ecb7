// list_objects.cc: ListObjects, version 2 and 1, as pages with tokens that survive a restart.  Thread-safe; blocks.
//
// A token is [f<length>:<start_after>][w<length>:<key>]<1|2>:<position>: the filter that is still to be applied, the entry up to which the service's page was given already (some
// send more entries than were asked for), the version, and the marker or continuation token of the service.
#include <algorithm>

#include "base/text.h"
#include "providers/s3/provider.h"

namespace fileferry::s3 {

namespace {

struct Token {
  std::string filter;      // keys up to this are dropped, on every page
  std::string within;      // the page at `position` goes on after this entry
  bool version_1 = false;
  std::string position;
};

std::string WriteToken(const Token& token) {
  std::string text;
  if (!token.filter.empty()) text += "f" + std::to_string(token.filter.size()) + ":" + token.filter;
  if (!token.within.empty()) text += "w" + std::to_string(token.within.size()) + ":" + token.within;
  return text + (token.version_1 ? "1:" : "2:") + token.position;
}

// <letter><length>:<text>, where it is there.
bool ReadField(char letter, std::string_view* text, std::string* field) {
  if (!text->starts_with(letter)) return true;
  const std::size_t colon = text->find(':');
  if (colon == std::string_view::npos) return false;
  const std::optional<std::uint64_t> size = ParseUint(text->substr(1, colon - 1));
  if (!size || *size > text->size() - colon - 1) return false;
  *field = text->substr(colon + 1, static_cast<std::size_t>(*size));
  text->remove_prefix(colon + 1 + static_cast<std::size_t>(*size));
  return true;
}

bool ReadToken(std::string_view text, Token* token) {
  if (!ReadField('f', &text, &token->filter) || !ReadField('w', &text, &token->within)) return false;
  if (!text.starts_with("1:") && !text.starts_with("2:")) return false;
  token->version_1 = text.front() == '1';
  token->position = text.substr(2);
  return true;
}

bool IsAfter(const ListEntry& entry, std::string_view start_after) {
  return entry.key > start_after || (entry.is_prefix && start_after.starts_with(entry.key) && start_after != entry.key);
}

// What a caller must not see: keys up to start_after, and what a service shows for its folders.
void Sieve(const Dialect& dialect, std::string_view start_after, ListPage* page) {
  const bool folders = (dialect.keys & kNoTrailingSlash) != 0;
  if (start_after.empty() && !folders) return;
  std::erase_if(page->entries, [&](const ListEntry& entry) {
    if (!start_after.empty() && !IsAfter(entry, start_after)) return true;
    if (!folders || entry.is_prefix || entry.size != 0 || !entry.key.ends_with('/')) return false;
    ++page->empty_folders;
    return true;
  });
}

Status Broken(std::string message) {
  ErrorDetail detail;
  detail.code = Code::kUnavailable;
  detail.message = std::move(message);
  return Status(std::move(detail));
}

bool SaysNotOffered(const Status& status) {
  const ErrorDetail& detail = status.detail();
  return detail.http_status == 501 || detail.http_status == 405 || detail.service_code == "NotImplemented";
}

}  // namespace

Result<RawListPage> S3Provider::ListOnce(const OpContext& ctx, const Dialect& dialect, const ListQuery& query, bool version_1, const std::string& position) {
  Call call;
  call.operation = "list";
  call.xml = true;
  if (!version_1) call.query.emplace_back("list-type", "2");
  if (dialect.url_encode_list) call.query.emplace_back("encoding-type", "url");
  if (!query.prefix.empty()) call.query.emplace_back("prefix", query.prefix);
  if (query.delimiter) call.query.emplace_back("delimiter", "/");
  call.query.emplace_back("max-keys", std::to_string(std::clamp<std::uint32_t>(query.limit, 1, 1000)));
  // Where the order is the service's own, "after" means nothing to it: all is listed and sieved here.
  const std::string_view start_after = dialect.sorted_list ? std::string_view(query.start_after) : std::string_view();
  if (version_1) {
    const std::string_view marker = position.empty() ? start_after : std::string_view(position);
    if (!marker.empty()) call.query.emplace_back("marker", marker);
  } else if (!position.empty()) {
    call.query.emplace_back("continuation-token", position);
  } else if (!start_after.empty()) {
    call.query.emplace_back("start-after", start_after);
  }
  Result<http::Response> response = api_->Send(ctx, call);
  if (!response.ok()) return response.status();
  Result<RawListPage> page = ParseList(response->body);
  if (!page.ok()) return Fail("list", query.prefix, page.status());
  return page;
}

Result<ListPage> S3Provider::List(const OpContext& ctx, const ListQuery& query) {
  Result<const Dialect*> entered = api_->FindVendor(ctx);
  if (!entered.ok()) return Fail("list", query.prefix, entered.status());
  const Dialect& dialect = **entered;
  Token token;
  token.version_1 = dialect.list_v1 || only_list_v1_.load(std::memory_order_relaxed);
  if (!query.token.empty()) {
    if (!ReadToken(query.token, &token)) return Fail("list", query.prefix, Code::kInvalidArgument, "this is not a token of a listing of this storage");
  } else if (!dialect.sorted_list) {
    token.filter = query.start_after;
  }
  Result<RawListPage> raw = ListOnce(ctx, dialect, query, token.version_1, token.position);
  if (!raw.ok() && !token.version_1 && query.token.empty() && raw.status().detail().http_status != 0 && SaysNotOffered(raw.status())) {
    token.version_1 = true;
    raw = ListOnce(ctx, dialect, query, true, token.position);
    if (raw.ok()) only_list_v1_.store(true, std::memory_order_relaxed);
  }
  if (!raw.ok()) return raw.status();

  ListPage& page = raw->page;
  for (const ListEntry& entry : page.entries) {
    if (!entry.key.starts_with(query.prefix)) {
      return Fail("list", query.prefix, Broken("the listing holds \"" + Printable(entry.key.substr(0, 200)) + "\", which is not below the prefix: check `endpoint` and `vendor`"));
    }
  }
  if (raw->truncated) {
    Token next = token;
    next.within.clear();
    next.position = raw->next_token;
    if (next.position.empty() && !raw->has_key_count) {
      // Version 1, asked for or not: without a delimiter the last key is the marker.
      next.version_1 = true;
      next.position = raw->next_marker;
      if (next.position.empty() && !page.entries.empty()) {
        const auto last = std::max_element(page.entries.begin(), page.entries.end(), [](const ListEntry& a, const ListEntry& b) { return a.key < b.key; });
        next.position = dialect.sorted_list ? last->key : page.entries.back().key;
      }
    }
    if (next.position.empty()) return Fail("list", query.prefix, Broken("the listing goes on, but the service does not say where"));
    if (next.position == token.position && next.version_1 == token.version_1) return Fail("list", query.prefix, Broken("the listing does not advance: the service repeats its token"));
    page.next_token = WriteToken(next);
  }
  // A delimited answer has objects and prefixes apart, each in order.
  if (query.delimiter && dialect.sorted_list) std::sort(page.entries.begin(), page.entries.end(), [](const ListEntry& a, const ListEntry& b) { return a.key < b.key; });
  if (!token.within.empty()) {
    const auto given = std::find_if(page.entries.begin(), page.entries.end(), [&](const ListEntry& entry) { return entry.key == token.within; });
    if (given != page.entries.end()) page.entries.erase(page.entries.begin(), given + 1);
  }
  if (const std::size_t most = std::max<std::uint32_t>(query.limit, 1); page.entries.size() > most) {
    page.entries.resize(most);
    Token next = token;
    next.within = page.entries.back().key;
    page.next_token = WriteToken(next);
  }
  const std::string_view after = !token.filter.empty() ? std::string_view(token.filter) : query.token.empty() ? std::string_view(query.start_after) : std::string_view();
  Sieve(dialect, after, &page);
  return std::move(page);
}

}  // namespace fileferry::s3
