// conformance_lists.cc: the steps that list objects and uploads.  See conformance_run.h.
#include <algorithm>

#include "testing/conformance_run.h"

namespace fileferry::testing {
namespace {

constexpr int kMaxPages = 20000;

std::string ShowKeys(const std::vector<std::string>& keys) {
  std::string out;
  for (std::size_t i = 0; i < keys.size() && i < 12; ++i) out += (i == 0 ? "" : ", ") + ShowKey(keys[i]);
  return "[" + out + (keys.size() > 12 ? ", ..." : "") + "] (" + std::to_string(keys.size()) + ")";
}

// Empty when equal; else the first difference.
std::string DifferentKeys(std::string_view what, std::vector<std::string> got, std::vector<std::string> want, bool sorted) {
  std::sort(want.begin(), want.end());
  if (!sorted) std::sort(got.begin(), got.end());
  if (got == want) return {};
  std::vector<std::string> missing, extra, ordered = got;
  std::sort(ordered.begin(), ordered.end());
  std::set_difference(want.begin(), want.end(), ordered.begin(), ordered.end(), std::back_inserter(missing));
  std::set_difference(ordered.begin(), ordered.end(), want.begin(), want.end(), std::back_inserter(extra));
  if (missing.empty() && extra.empty()) return std::string(what) + " are out of order: " + ShowKeys(got);
  return std::string(what) + ": missing " + ShowKeys(missing) + ", too many " + ShowKeys(extra);
}

}  // namespace

ListQuery CaseRun::QueryOf(Step& step) {
  ListQuery query;
  query.prefix = step.fields.Text("prefix");
  query.start_after = step.fields.Text("start_after");
  query.token = step.fields.Text("token");
  query.delimiter = step.fields.Get("delimiter", false);
  query.limit = step.fields.Get("limit", query.limit);
  return query;
}

// One page.  `more`: whether there is another; `at_most`, `at_least`: entries on it.
std::string CaseRun::OpList(Step& step) {
  const ListQuery query = QueryOf(step);
  Result<ListPage> answer = step.provider->List(step.ctx, query);
  std::string failure = Settle(step, answer.status(), {});
  if (!failure.empty() || step.settled) return failure;
  failure = CheckPage(query, *answer);
  if (!failure.empty()) return failure;
  step.out["token"] = answer->next_token;
  if (!answer->entries.empty()) step.out["last"] = std::string(answer->entries.back().key);
  if (const Json* more = step.expect.Take("more"); more != nullptr && more->get<bool>() == answer->next_token.empty()) {
    return answer->next_token.empty() ? "there is no token for the next page" : "there is a token although this was the last page";
  }
  const std::size_t count = answer->entries.size();
  if (count < step.expect.Get("at_least", std::size_t{0})) return "the page has only " + std::to_string(count) + " entries";
  const ListPage moved = std::move(*answer);  // entries stay valid
  return CheckListed(step, moved.entries, false);
}

// All pages.  `reopen`: by another provider object each.
std::string CaseRun::OpListAll(Step& step) {
  ListQuery query = QueryOf(step);
  const bool reopen = step.fields.Get("reopen", false);
  std::vector<ListPage> pages;
  std::vector<ListEntry> entries;
  std::string failure, last;
  do {
    IStorageProvider& provider = reopen ? *provider_ : *step.provider;
    Result<ListPage> answer = provider.List(step.ctx, query);
    failure = Settle(step, answer.status(), {});
    if (!failure.empty() || step.settled) return failure;
    failure = CheckPage(query, *answer);
    if (!failure.empty()) return failure;
    if (!answer->next_token.empty() && answer->next_token == query.token) return "the token for the next page is the one of this page";
    if (caps_.sorted_list && !answer->entries.empty() && !last.empty() && answer->entries.front().key <= last) {
      return "the page begins with " + ShowKey(answer->entries.front().key) + ", the one before ended with " + ShowKey(last);
    }
    if (!answer->entries.empty()) last = answer->entries.back().key;
    query.token = answer->next_token;
    pages.push_back(std::move(*answer));
    entries.insert(entries.end(), pages.back().entries.begin(), pages.back().entries.end());
    if (pages.size() > kMaxPages) return "the listing does not end";
    if (reopen && !query.token.empty()) {
      step.provider = nullptr;
      failure = OpReopen(step);
      if (!failure.empty()) return failure;
    }
  } while (!query.token.empty());
  return CheckListed(step, entries, true);
}

std::string CaseRun::CheckListed(Step& step, const std::vector<ListEntry>& entries, bool complete) {
  std::vector<std::string> keys, prefixes;
  std::map<std::string, const ListEntry*> by_key;
  for (const ListEntry& entry : entries) {
    (entry.is_prefix ? prefixes : keys).emplace_back(entry.key);
    by_key[std::string(entry.key)] = &entry;
  }
  std::string failure;
  if (complete || step.expect.Has("keys")) {
    const Json* want = step.expect.Take("keys");
    if (want != nullptr) failure = DifferentKeys("the keys", keys, KeyList(*want), caps_.sorted_list);
    const Json* folded = step.expect.Take("prefixes");
    if (failure.empty()) failure = DifferentKeys("the common prefixes", prefixes, folded == nullptr ? std::vector<std::string>() : KeyList(*folded), caps_.sorted_list);
  }
  if (const Json* contains = step.expect.Take("contains"); contains != nullptr && failure.empty()) {
    for (const std::string& key : KeyList(*contains)) {
      if (!by_key.contains(key)) failure = "there is no entry " + ShowKey(key);
    }
  }
  if (const Json* count = step.expect.Take("count"); count != nullptr && failure.empty()) failure = Differs("the number of entries", entries.size(), count->get<std::uint64_t>());
  const Json sizes = step.expect.Get("sizes", Json::object()), etags = step.expect.Get("etags", Json::object()), times = step.expect.Get("times", Json::object());
  for (const auto& [key, size] : sizes.items()) {
    if (!failure.empty()) break;
    failure = by_key.contains(key) ? Differs("the size of " + ShowKey(key), by_key[key]->size, size.get<std::uint64_t>()) : "there is no entry " + ShowKey(key);
  }
  for (const auto& [key, etag] : etags.items()) {  // a listing need not tell; what it tells must be true
    if (!failure.empty() || !by_key.contains(key) || by_key[key]->etag.empty()) continue;
    failure = Differs("the etag of " + ShowKey(key), by_key[key]->etag, etag.get<std::string>());
  }
  for (const auto& [key, time] : times.items()) {
    if (!failure.empty()) break;
    if (!by_key.contains(key)) failure = "there is no entry " + ShowKey(key);
    else if (by_key[key]->modified != TimeFrom(time)) failure = "the time of " + ShowKey(key) + " is " + ShowTime(by_key[key]->modified) + ", expected " + ShowTime(TimeFrom(time));
  }
  if (step.expect.Get("modified", false) && failure.empty()) {
    for (const ListEntry& entry : entries) {
      if (!entry.is_prefix && !entry.modified.has_value()) failure = "the entry " + ShowKey(entry.key) + " has no time";
    }
  }
  return failure;
}

// All pages of uploads.  `uploads`: the ids that must be listed, and no others; `keys`: their keys.
std::string CaseRun::OpListUploads(Step& step) {
  const std::string prefix = step.fields.Text("prefix");
  std::vector<std::string> ids, keys;
  std::string token;
  int pages = 0;
  do {
    Result<UploadPage> answer = step.provider->ListUploads(step.ctx, prefix, token);
    std::string failure = Settle(step, answer.status(), {});
    if (!failure.empty() || step.settled) return failure;
    for (const UploadEntry& entry : answer->entries) {
      if (!entry.key.starts_with(prefix)) return "the upload of " + ShowKey(entry.key) + " is not under the prefix";
      ids.push_back(entry.upload_id);
      keys.push_back(entry.key);
    }
    if (!answer->next_token.empty() && answer->next_token == token) return "the token for the next page is the one of this page";
    token = answer->next_token;
    if (++pages > kMaxPages) return "the listing does not end";
  } while (!token.empty());
  std::string failure;
  if (const Json* want = step.expect.Take("uploads")) failure = DifferentKeys("the uploads", ids, want->get<std::vector<std::string>>(), false);
  if (const Json* want = step.expect.Take("keys"); want != nullptr && failure.empty()) failure = DifferentKeys("the keys of the uploads", keys, KeyList(*want), false);
  return failure;
}

}  // namespace fileferry::testing
