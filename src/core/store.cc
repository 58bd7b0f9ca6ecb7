// store.cc: Store and Lister, thin over the provider and ops.h.
#include "fileferry/store.h"

#include "base/errno_status.h"
#include "core/file.h"

namespace fileferry {
namespace {

PutOptions Typed(const PutOptions& options, std::string_view key) {
  PutOptions typed = options;
  if (typed.properties.content_type.empty()) typed.properties.content_type = ContentTypeByName(key);
  return typed;
}

}  // namespace

Lister::Lister(ProviderPtr provider, OpContext ctx, ListQuery query) : provider_(std::move(provider)), ctx_(ctx), query_(std::move(query)) {}

bool Lister::Next() {
  while (status_.ok()) {
    if (next_ < page_.entries.size()) {
      ++next_;
      return true;
    }
    if (last_page_) return false;
    Result<ListPage> page = provider_->List(ctx_, query_);
    if (!page.ok()) {
      status_ = page.status();
      return false;
    }
    if (!page->next_token.empty() && page->next_token == query_.token) {
      status_ = Status(Code::kUnavailable, "the listing is broken: the storage sends the same page again").With(provider_->Name(), "list", query_.prefix);
      return false;
    }
    page_ = std::move(page).value();
    next_ = 0;
    last_page_ = page_.next_token.empty();
    query_.token = page_.next_token;
  }
  return false;
}

Result<ObjectInfo> Store::Put(const OpContext& ctx, std::string_view key, std::string_view bytes, const PutOptions& options) {
  const std::unique_ptr<ISource> source = MemorySource(AsBytes(bytes));
  return Put(ctx, key, *source, options);
}

Result<ObjectInfo> Store::Put(const OpContext& ctx, std::string_view key, ISource& source, const PutOptions& options) {
  if (Status s = provider_->CheckKey(key); !s.ok()) return s;
  return Upload(*provider_, ctx, key, source, provider_->Caps().metadata ? Typed(options, key) : options, tuning_);
}

Result<ObjectInfo> Store::PutFile(const OpContext& ctx, std::string_view key, const std::string& path, const PutOptions& options) {
  std::optional<Time> modified;
  Result<std::unique_ptr<ISource>> source = FileSource(path, &modified);
  if (!source.ok()) return source.status().With({}, "put", key);
  PutOptions put = options;
  if (!put.properties.mtime) put.properties.mtime = modified;
  return Put(ctx, key, **source, put);
}

Result<std::string> Store::Get(const OpContext& ctx, std::string_view key, std::uint64_t max_size) {
  if (Status s = provider_->CheckKey(key); !s.ok()) return s;
  return ReadAll(*provider_, ctx, key, max_size);
}

Result<ObjectInfo> Store::Get(const OpContext& ctx, std::string_view key, ISink& sink, const GetOptions& options) {
  if (Status s = provider_->CheckKey(key); !s.ok()) return s;
  return provider_->Get(ctx, key, options, sink);
}

Result<ObjectInfo> Store::GetFile(const OpContext& ctx, std::string_view key, const std::string& path) {
  if (Status s = provider_->CheckKey(key); !s.ok()) return s;
  return DownloadToFile(*provider_, ctx, key, path, tuning_);
}

Result<ObjectInfo> Store::Stat(const OpContext& ctx, std::string_view key) {
  if (Status s = provider_->CheckKey(key); !s.ok()) return s;
  return provider_->Stat(ctx, key);
}

Result<bool> Store::Exists(const OpContext& ctx, std::string_view key) {
  if (Status s = provider_->CheckKey(key); !s.ok()) return s;
  return fileferry::Exists(*provider_, ctx, key);
}

Status Store::Remove(const OpContext& ctx, std::string_view key) {
  if (Status s = provider_->CheckKey(key); !s.ok()) return s;
  return provider_->Remove(ctx, key, {});
}

Lister Store::List(const OpContext& ctx, std::string_view prefix, bool delimiter) {
  ListQuery query;
  query.prefix = prefix;
  query.delimiter = delimiter;
  return {provider_, ctx, std::move(query)};
}

Result<ObjectInfo> Store::Copy(const OpContext& ctx, std::string_view from, std::string_view to, const PutOptions& options) {
  if (Status s = provider_->CheckKey(from); !s.ok()) return s;
  return CopyBetween(*provider_, from, *provider_, to, ctx, options, tuning_);
}

Result<ObjectInfo> Store::Move(const OpContext& ctx, std::string_view from, std::string_view to, const PutOptions& options) {
  if (from == to) return Stat(ctx, from);
  if (Status s = provider_->CheckKey(from); !s.ok()) return s;
  Result<ObjectInfo> source = provider_->Stat(ctx, from);
  if (!source.ok()) return source;
  Result<ObjectInfo> copied = CopyBetween(*provider_, from, *provider_, to, ctx, options, tuning_);
  if (!copied.ok()) return copied;
  RemoveOptions remove;
  if (provider_->Caps().conditional_remove) remove.if_match = source->etag;
  Status removed = provider_->Remove(ctx, from, remove);
  if (removed.ok()) return copied;
  ErrorDetail detail = removed.detail();
  detail.message = "the object was copied, but the original could not be removed: " + detail.message;
  return Status(std::move(detail));
}

Result<SignedUrl> Store::Url(std::string_view key, const UrlOptions& options) {
  if (Status s = provider_->CheckKey(key); !s.ok()) return s;
  return provider_->Url(key, options);
}

}  // namespace fileferry
