// basic.cc: the small conveniences of ops.h.  No state; any thread.
#include <optional>

#include "fileferry/ops.h"

namespace fileferry {
namespace {

// Notices a storage whose pages go round in circles: the token is compared with one kept from the last power of two (Brent), so that any cycle is found.
class Progress {
 public:
  explicit Progress(bool sorted) : sorted_(sorted) {}

  Status Check(const ListPage& page) {
    for (const ListEntry& entry : page.entries) {
      if (sorted_ && last_ && entry.key <= std::string_view(*last_)) return Stuck("keys that do not advance");
      last_ = entry.key;
    }
    if (page.next_token.empty()) return {};
    if (page.next_token == kept_) return Stuck("the same page again");
    empty_ = page.entries.empty() ? empty_ + 1 : 0;
    if (empty_ > 100000) return Stuck("nothing but empty pages");
    if (++pages_ == next_kept_) {
      kept_ = page.next_token;
      next_kept_ *= 2;
    }
    return {};
  }

 private:
  static Status Stuck(std::string_view what) {
    ErrorDetail detail;
    detail.code = Code::kUnavailable;
    detail.operation = "list";
    detail.message = "the listing is broken: the storage sends " + std::string(what);
    return Status(std::move(detail));
  }

  const bool sorted_;
  std::optional<std::string> last_;
  std::string kept_;
  std::uint64_t pages_ = 0, next_kept_ = 1, empty_ = 0;
};

}  // namespace

bool IsInTrash(std::string_view key) {
  for (std::size_t at = key.find(kTrashPrefix); at != std::string_view::npos; at = key.find(kTrashPrefix, at + 1)) {
    if (at == 0 || key[at - 1] == '/') return true;
  }
  return false;
}

Result<bool> Exists(IStorageProvider& provider, const OpContext& ctx, std::string_view key) {
  Result<ObjectInfo> info = provider.Stat(ctx, key);
  if (info.ok()) return true;
  if (info.code() == Code::kNotFound) return false;
  return info.status();
}

Result<std::string> ReadAll(IStorageProvider& provider, const OpContext& ctx, std::string_view key, std::uint64_t max_size) {
  std::string text;
  const std::unique_ptr<ISink> sink = StringSink(&text, max_size);
  Result<ObjectInfo> info = provider.Get(ctx, key, {}, *sink);
  if (!info.ok()) return info.status();
  if (info->size != text.size()) return Status(Code::kIntegrity, "fewer bytes arrived than the object has").With(provider.Name(), "get", key);
  return text;
}

Result<ObjectInfo> WriteAll(IStorageProvider& provider, const OpContext& ctx, std::string_view key, std::string_view text, const PutOptions& options) {
  const std::unique_ptr<ISource> source = MemorySource(AsBytes(text));
  return provider.Put(ctx, key, *source, options);
}

Status ForEach(IStorageProvider& provider, const OpContext& ctx, const ListQuery& query, const std::function<Status(const ListEntry&)>& each,
               const std::function<void(const ListProblem&)>& problem) {
  Progress progress(provider.Caps().sorted_list);
  ListQuery next = query;
  if (problem) next.name_problems = true;
  while (true) {
    if (Status s = ctx.Check(); !s.ok()) return s;
    Result<ListPage> page = provider.List(ctx, next);
    if (!page.ok()) return page.status();
    if (Status s = progress.Check(*page); !s.ok()) return s.With(provider.Name(), "list", query.prefix);
    for (const ListEntry& entry : page->entries) {
      if (Status s = each(entry); !s.ok()) return s;
    }
    if (problem) {
      for (const ListProblem& each_problem : page->problems) problem(each_problem);
    }
    if (page->next_token.empty()) return {};
    next.token = std::move(page->next_token);
  }
}

}  // namespace fileferry
