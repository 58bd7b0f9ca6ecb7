// list.cc: listings of a memory storage: objects and open uploads.  Any thread; holds the lock for one page.
#include "base/digest.h"
#include "providers/memory/provider.h"

namespace fileferry::memory {
namespace {

// A token is "k" (go on after this key) or "p" (go on after everything that begins with this prefix), and the hexadecimal bytes of it.
std::string MakeToken(char kind, std::string_view text) { return kind + ToHex(AsBytes(text)); }

std::optional<std::string> TokenText(const std::string& token, std::string_view kinds) {
  if (token.size() < 3 || kinds.find(token[0]) == std::string_view::npos) return std::nullopt;
  return FromHex(std::string_view(token).substr(1));
}

// The first text that is greater than every text beginning with folder, which ends in '/'.
std::string After(std::string folder) {
  folder.back() = '/' + 1;
  return folder;
}

void AddObject(ListPage* page, const Object& object) {
  ListEntry& entry = page->entries.emplace_back();
  entry.key = page->arena.Add(object.info.key);
  entry.etag = page->arena.Add(object.info.etag);
  entry.storage_class = page->arena.Add(object.info.properties.storage_class);
  entry.size = object.info.size;
  entry.modified = object.info.properties.mtime ? object.info.properties.mtime : object.info.modified;
}

// The "folder" that key folds into, or empty.
std::string_view FoldedPrefix(std::string_view key, const ListQuery& query) {
  if (!query.delimiter) return {};
  const std::size_t slash = key.find('/', query.prefix.size());
  return slash == std::string_view::npos ? std::string_view() : key.substr(0, slash + 1);
}

}  // namespace

Result<ListPage> ListObjects(const State& state, const ListQuery& query) {
  if (query.limit == 0) return Status(Code::kInvalidArgument, "a listing needs a limit of at least 1 entry");
  std::string after = query.start_after;
  bool after_folder = false;
  if (!query.token.empty()) {
    std::optional<std::string> text = TokenText(query.token, "kp");
    if (!text || !text->starts_with(query.prefix)) return Status(Code::kInvalidArgument, "the listing token is not of this listing");
    after = std::move(*text);
    after_folder = query.token[0] == 'p';
  }
  ListPage page;
  const std::shared_lock lock(state.mutex);
  auto next = after < query.prefix ? state.objects.lower_bound(query.prefix)
              : after_folder       ? state.objects.lower_bound(After(after))
              : after.empty()      ? state.objects.begin()
                                   : state.objects.upper_bound(after);
  std::string token;
  while (next != state.objects.end() && std::string_view(next->first).starts_with(query.prefix)) {
    if (page.entries.size() >= query.limit) {
      page.next_token = std::move(token);
      break;
    }
    const std::string_view folder = FoldedPrefix(next->first, query);
    if (folder.empty()) {
      AddObject(&page, *next->second);
      token = MakeToken('k', next->first);
      ++next;
    } else {
      ListEntry& entry = page.entries.emplace_back();
      entry.key = page.arena.Add(folder);
      entry.is_prefix = true;
      token = MakeToken('p', folder);
      next = state.objects.lower_bound(After(std::string(folder)));
    }
  }
  return page;
}

Result<UploadPage> ListPending(const State& state, std::string_view prefix, const std::string& token) {
  constexpr std::size_t kLimit = 1000;
  std::optional<std::string> after;
  if (!token.empty()) {
    after = TokenText(token, "u");
    if (!after) return Status(Code::kInvalidArgument, "the listing token is not of this listing");
  }
  std::map<std::string, UploadEntry> sorted;  // by key, NUL, id
  {
    const std::shared_lock lock(state.mutex);
    for (const auto& [id, upload] : state.uploads) {
      std::string order = upload.key + '\0' + id;
      if (upload.key.starts_with(prefix) && (!after || order > *after)) sorted.emplace(std::move(order), UploadEntry{upload.key, id, upload.initiated});
    }
  }
  UploadPage page;
  std::string last;
  for (auto& [order, entry] : sorted) {
    if (page.entries.size() >= kLimit) {
      page.next_token = MakeToken('u', last);
      break;
    }
    page.entries.push_back(std::move(entry));
    last = order;
  }
  return page;
}

}  // namespace fileferry::memory
