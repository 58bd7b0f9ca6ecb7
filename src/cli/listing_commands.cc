// listing_commands.cc: ls, stats, rm: what walks over listings.
#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "commands.h"
#include "fileferry/ops.h"
#include "json.h"
#include "plan_options.h"
#include "session.h"
#include "text.h"

namespace fileferry::cli {
namespace {

// Writes entries in the form that was asked for.
class Lister {
 public:
  Lister(Session* session, const Parsed& parsed, std::size_t cut)
      : out_(session->out()), json_(session->json()), long_(parsed.Has("long")), end_(parsed.Has("null") ? '\0' : '\n'), cut_(cut),
        escape_(IsTerminal(1) && !parsed.Has("null")) {}

  void Begin(const std::string& storage) {
    if (!json_) return;
    std::string head = "{\n  \"storage\": ";
    AppendJsonString(storage, &head);
    out_.Write(head + ",\n  \"objects\": [");
  }

  void Add(const ListEntry& entry) {
    const std::string_view key = entry.key.substr(std::min(cut_, entry.key.size()));
    if (!entry.is_prefix) {
      objects_++;
      bytes_ += entry.size;
    }
    if (json_) {
      AddJson(entry, key);
      return;
    }
    if (long_) {
      std::string line = PadLeft(entry.is_prefix ? "-" : std::to_string(entry.size), 14);
      line += "  " + (entry.modified ? LocalTime(*entry.modified) : std::string(19, ' ')) + "  ";
      out_.Write(line);
    }
    if (escape_) {
      out_.Write(Printable(key));
    } else {
      out_.Write(key);
    }
    out_.Write(end_);
  }

  // A listing that has failed, or could not tell of everything, says so in its document.
  void End(const Status& status, const Json& unlisted) {
    if (!json_) return;
    out_.Write(std::string(any_ ? "\n  " : "") + "],\n  \"count\": " + std::to_string(objects_) + ",\n  \"bytes\": " + std::to_string(bytes_));
    if (!unlisted.empty()) out_.Write(",\n  \"unlisted\": " + DumpLine(unlisted));
    if (!status.ok()) out_.Write(",\n  \"result\": " + DumpLine(StatusJson(status)));
    out_.Write("\n}\n");
  }

 private:
  void AddJson(const ListEntry& entry, std::string_view key) {
    line_.assign(any_ ? ",\n    {\"key\": " : "\n    {\"key\": ");
    any_ = true;
    AppendJsonString(key, &line_);
    if (entry.is_prefix) {
      line_ += ", \"folder\": true}";
    } else {
      line_ += ", \"size\": " + std::to_string(entry.size);
      if (entry.modified) line_ += ", \"modified\": \"" + IsoTime(*entry.modified) + "\"";
      if (!entry.etag.empty()) {
        line_ += ", \"etag\": ";
        AppendJsonString(entry.etag, &line_);
      }
      line_ += "}";
    }
    out_.Write(line_);
  }

  Output& out_;
  const bool json_, long_;
  const char end_;
  const std::size_t cut_;
  const bool escape_;
  bool any_ = false;
  std::uint64_t objects_ = 0, bytes_ = 0;
  std::string line_;
};

ListEntry EntryOf(const ObjectInfo& info) {
  ListEntry entry;
  entry.key = info.key;
  entry.etag = info.etag;
  entry.size = info.size;
  entry.modified = info.properties.mtime ? info.properties.mtime : info.modified;
  return entry;
}

// One level of a storage that cannot list by level: what lies deeper is folded here.
Status ListFolded(IStorageProvider& provider, const OpContext& ctx, const std::string& prefix, bool hidden, Lister* lister, const std::function<void(const ListProblem&)>& problem) {
  std::set<std::string> folders;
  ListQuery query;
  query.prefix = prefix;
  return ForEach(provider, ctx, query, [&](const ListEntry& entry) {
    if (!hidden && IsInTrash(entry.key.substr(prefix.size()))) return Status::Ok();
    const auto slash = entry.key.find('/', prefix.size());
    if (slash == std::string_view::npos) {
      lister->Add(entry);
    } else if (const auto made = folders.emplace(entry.key.substr(0, slash + 1)); made.second) {
      ListEntry folder;
      folder.key = *made.first;
      folder.is_prefix = true;
      lister->Add(folder);
    }
    return Status::Ok();
  }, problem);
}

constexpr std::string_view kOwnFolder = kTrashPrefix.substr(0, kTrashPrefix.find('/') + 1);

// Whether a folder kOwnFolder holds nothing but a trash.
Result<bool> HoldsOnlyTrash(IStorageProvider& provider, const OpContext& ctx, std::string_view folder) {
  ListQuery query;
  query.prefix = folder;
  query.delimiter = true;
  bool only = true;
  const Status status = ForEach(provider, ctx, query, [&](const ListEntry& entry) {
    only = IsInTrash(entry.key.substr(folder.size() - kOwnFolder.size()));
    return only ? Status::Ok() : Status(Code::kCancelled, "enough");
  });
  if (only && !status.ok()) return status;
  return only;
}

// What a listing cannot tell of, named as it is met; the exit status is 1 then.
class Unlisted {
 public:
  explicit Unlisted(Session* session) : session_(session) {}
  std::function<void(const ListProblem&)> Namer() {
    return [this](const ListProblem& problem) {
      if (++count_ <= kTold && session_->json()) told_.push_back({{"key", problem.key}, {"code", CodeName(problem.status.code())}, {"message", std::string(problem.status.message())}});
      session_->Complain(Status(problem.status.code(), Printable(problem.key) + ": not listed: " + Printable(problem.status.message())));
    };
  }
  int Finish() { return session_->Finish(count_ > 0 ? 1 : 0); }
  std::uint64_t count() const { return count_; }
  const Json& told() const { return told_; }  // for the document

 private:
  static constexpr std::uint64_t kTold = 10000;  // as many as a run tells
  Session* const session_;
  Json told_ = Json::array();
  std::uint64_t count_ = 0;
};

Status NothingThere(const OpenedStorage& storage) {
  ErrorDetail detail;
  detail.code = Code::kNotFound;
  detail.message = "there is no such object or folder: check the name with fileferry ls";
  detail.provider = storage.provider->Name();
  detail.key = storage.path;
  return Status(detail);
}

}  // namespace

int RunLs(Session& session, const Parsed& parsed) {
  auto storage = session.Open(parsed.arguments[0]);
  if (!storage.ok()) return session.Fail(storage.status());
  const Status there = FolderIsThere(*storage, parsed.arguments[0]);
  if (!there.ok()) return session.Fail(there);
  const OpContext ctx = session.ctx();
  auto place = ResolvePath(*storage, ctx);
  if (!place.ok()) return session.Fail(place.status());
  const auto slash = place->key_or_prefix.rfind('/');
  Lister lister(&session, parsed, place->is_object ? (slash == std::string::npos ? 0 : slash + 1) : place->key_or_prefix.size());
  lister.Begin(storage->text);
  std::uint64_t seen = 0;
  Unlisted unlisted(&session);
  Status status;
  if (place->is_object) {
    place->info.key = place->key_or_prefix;
    lister.Add(EntryOf(place->info));
    seen = 1;
  } else {
    ListQuery query;
    query.prefix = place->key_or_prefix;
    query.delimiter = !parsed.Has("recursive");
    if (query.delimiter && !storage->provider->Caps().delimited_list) {
      status = ListFolded(*storage->provider, ctx, query.prefix, parsed.Has("hidden"), &lister, unlisted.Namer());
      seen = 1;
    } else {
      status = ForEach(*storage->provider, ctx, query, [&](const ListEntry& entry) {
        seen++;
        if (!parsed.Has("hidden")) {
          const std::string_view key = entry.key.substr(query.prefix.size());
          if (IsInTrash(key)) return Status::Ok();
          if (entry.is_prefix && key == kOwnFolder) {
            const Result<bool> only = HoldsOnlyTrash(*storage->provider, ctx, entry.key);
            if (!only.ok()) return only.status();
            if (*only) return Status::Ok();
          }
        }
        lister.Add(entry);
        return session.out().status();
      }, unlisted.Namer());
    }
  }
  if (status.ok() && seen + unlisted.count() == 0 && !storage->path.empty()) status = NothingThere(*storage);
  lister.End(status, unlisted.told());
  if (!status.ok() && session.out().status().ok()) return session.Fail(status.With(storage->provider->Name(), "list", storage->path));
  return unlisted.Finish();
}

int RunStats(Session& session, const Parsed& parsed) {
  auto storage = session.Open(parsed.arguments[0]);
  if (!storage.ok()) return session.Fail(storage.status());
  const Status there = FolderIsThere(*storage, parsed.arguments[0]);
  if (!there.ok()) return session.Fail(there);
  const OpContext ctx = session.ctx();
  auto place = ResolvePath(*storage, ctx);
  if (!place.ok()) return session.Fail(place.status());
  struct Group {
    std::uint64_t objects = 0, bytes = 0;
  };
  Group all, trash;
  std::map<std::string, Group, std::less<>> types;
  std::string largest;
  std::uint64_t largest_size = 0;
  std::optional<Time> oldest, newest;
  const auto add = [&](const ListEntry& entry) {
    if (entry.is_prefix) return Status::Ok();
    if (!place->is_object && IsInTrash(entry.key.substr(place->key_or_prefix.size()))) {
      trash.objects++;
      trash.bytes += entry.size;
      return Status::Ok();
    }
    const std::string_view by_name = ContentTypeByName(entry.key);
    const std::string_view type = by_name.empty() ? std::string_view("unknown") : by_name;
    auto found = types.find(type);
    if (found == types.end()) found = types.emplace(std::string(type), Group()).first;
    for (Group* group : {&all, &found->second}) {
      group->objects++;
      group->bytes += entry.size;
    }
    if (entry.size > largest_size) {
      largest_size = entry.size;
      largest = entry.key;
    }
    if (entry.modified) {
      if (!oldest || *entry.modified < *oldest) oldest = entry.modified;
      if (!newest || *entry.modified > *newest) newest = entry.modified;
    }
    return Status::Ok();
  };
  Unlisted unlisted(&session);
  Status status;
  if (place->is_object) {
    place->info.key = place->key_or_prefix;
    status = add(EntryOf(place->info));
  } else {
    ListQuery query;
    query.prefix = place->key_or_prefix;
    status = ForEach(*storage->provider, ctx, query, add, unlisted.Namer());
  }
  if (!status.ok()) return session.Fail(status.With(storage->provider->Name(), "list", ""));
  if (all.objects + unlisted.count() == 0 && !storage->path.empty()) return session.Fail(NothingThere(*storage));
  std::vector<std::pair<std::string, Group>> sorted(types.begin(), types.end());
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.second.bytes > b.second.bytes; });
  if (session.json()) {
    Json json{{"storage", storage->text}, {"objects", all.objects}, {"bytes", all.bytes}, {"types", Json::array()}};
    for (const auto& [name, group] : sorted) json["types"].push_back({{"type", name}, {"objects", group.objects}, {"bytes", group.bytes}});
    if (trash.objects > 0) json["trash"] = {{"objects", trash.objects}, {"bytes", trash.bytes}};
    if (!largest.empty()) json["largest"] = {{"key", largest}, {"size", largest_size}};
    if (oldest) json["oldest"] = IsoTime(*oldest);
    if (newest) json["newest"] = IsoTime(*newest);
    if (unlisted.count() > 0) json["unlisted"] = unlisted.told();
    session.out().Write(Dump(json));
    return unlisted.Finish();
  }
  std::string text = Printable(storage->text) + ": " + Objects(all.objects) + ", " + SizeText(all.bytes) + "\n";
  for (const auto& [name, group] : sorted) text += "  " + PadRight(name, 40) + PadLeft(Count(group.objects), 12) + PadLeft(SizeText(group.bytes), 12) + "\n";
  if (trash.objects > 0) text += "besides, kept in .fileferry/trash/: " + Objects(trash.objects) + ", " + SizeText(trash.bytes) + "\n";
  if (!largest.empty()) text += "largest: " + Printable(largest) + " (" + SizeText(largest_size) + ")\n";
  if (oldest && newest) text += "modified: from " + LocalTime(*oldest) + " to " + LocalTime(*newest) + "\n";
  session.out().Write(text);
  return unlisted.Finish();
}

namespace {

// Removes everything below prefix, a thousand keys at a time.
class Remover {
 public:
  Remover(Session* session, OpenedStorage* storage) : session_(session), provider_(*storage->provider) {}

  Status Below(const std::string& prefix) {
    ListQuery query;
    query.prefix = prefix;
    Status status = ForEach(provider_, session_->ctx(), query, [&](const ListEntry& entry) {
      keys_.emplace_back(entry.key);
      return keys_.size() >= 1000 ? Flush() : Status::Ok();
    });
    if (status.ok()) status = Flush();
    return status;
  }
  std::uint64_t removed() const { return removed_; }
  std::uint64_t failed() const { return failed_; }

 private:
  Status Flush() {
    const OpContext ctx = session_->ctx();
    Status status = ctx.Check();
    if (!status.ok() || keys_.empty()) return status;
    for (const RemoveResult& result : provider_.RemoveMany(ctx, keys_)) {
      if (result.status.ok()) {
        removed_++;
      } else if (result.status.code() == Code::kCancelled) {
        status = result.status;
      } else if (++failed_ <= 20) {
        session_->Complain(result.status.With(provider_.Name(), "remove", result.key));
      }
    }
    keys_.clear();
    return status;
  }

  Session* session_;
  IStorageProvider& provider_;
  std::vector<std::string> keys_;
  std::uint64_t removed_ = 0, failed_ = 0;
};

// What rm does with one argument; adds to *removed.
Status RemoveOne(Session& session, const Parsed& parsed, const std::string& text, std::uint64_t* removed, std::uint64_t* failed) {
  auto storage = session.Open(text);
  if (!storage.ok()) return storage.status();
  const Status there = FolderIsThere(*storage, text, true);
  if (!there.ok()) return there;
  const OpContext ctx = session.ctx();
  auto place = ResolvePath(*storage, ctx);
  if (!place.ok()) return place.status();
  if (place->is_object) {
    const Status status = storage->provider->Remove(ctx, place->key_or_prefix, {});
    if (status.ok()) ++*removed;
    return status.With(storage->provider->Name(), "remove", place->key_or_prefix);
  }
  ListQuery query;
  query.prefix = place->key_or_prefix;
  query.limit = 1;
  bool any = false;
  Status status = ForEach(*storage->provider, ctx, query, [&](const ListEntry&) {
    any = true;
    return Status(Code::kCancelled, "enough");
  });
  if (!any && !status.ok()) return status;
  if (!any) return place->key_or_prefix.empty() ? Status::Ok() : NothingThere(*storage);
  const std::string what = place->key_or_prefix.empty() ? "everything in " + storage->provider->Name() : storage->provider->Name() + ": " + place->key_or_prefix;
  if (!parsed.Has("recursive")) return {Code::kInvalidArgument, "'" + Printable(text.substr(0, text.find('?'))) + "' is a folder: add --recursive to remove everything below it"};
  status = session.Confirm(parsed, "removing " + what);
  if (!status.ok()) return status;
  Remover remover(&session, &*storage);
  status = remover.Below(place->key_or_prefix);
  *removed += remover.removed();
  *failed += remover.failed();
  return status.With(storage->provider->Name(), "remove", place->key_or_prefix);
}

}  // namespace

int RunRm(Session& session, const Parsed& parsed) {
  std::uint64_t removed = 0, failed = 0;
  int exit_status = 0;
  for (const std::string& text : parsed.arguments) {
    const Status status = RemoveOne(session, parsed, text, &removed, &failed);
    if (status.ok()) continue;
    exit_status = std::max(exit_status, session.Fail(status));
    if (status.code() == Code::kCancelled || status.code() == Code::kInvalidArgument) break;
  }
  if (failed > 0) exit_status = std::max(exit_status, 1);
  if (session.json()) {
    session.out().Write(Dump({{"removed", removed}, {"failed", failed}}));
  } else if (removed + failed > 0) {
    session.Note("removed " + Objects(removed) + (failed > 0 ? ", " + Count(failed) + " could not be removed" : ""));
  }
  return session.Finish(exit_status);
}

}  // namespace fileferry::cli
