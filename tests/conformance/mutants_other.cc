// mutants_other.cc: seeded bugs in listings, uploads, batches, capabilities and keys.  See mutants.h.
#include <algorithm>
#include <functional>
#include <atomic>
#include <map>
#include <mutex>

#include "conformance/forward.h"
#include "conformance/mutants.h"
#include "fileferry/ops.h"

namespace fileferry::conformance {
namespace {

#define FERRY_LIST Result<ListPage> List(const OpContext& ctx, const ListQuery& query) override

struct ListUnsorted : Forward {
  using Forward::Forward;
  FERRY_LIST {
    Result<ListPage> page = inner_->List(ctx, query);
    if (page.ok()) std::reverse(page->entries.begin(), page->entries.end());
    return page;
  }
};

struct ListMissesLastOfPage : Forward {
  using Forward::Forward;
  FERRY_LIST {
    Result<ListPage> page = inner_->List(ctx, query);
    if (page.ok() && !page->next_token.empty() && page->entries.size() > 1) page->entries.pop_back();
    return page;
  }
};

struct PrefixAsFolder : Forward {
  using Forward::Forward;
  FERRY_LIST {
    Result<ListPage> page = inner_->List(ctx, query);
    if (page.ok() && !query.prefix.empty() && query.prefix.back() != '/') {
      std::erase_if(page->entries, [&](const ListEntry& entry) { return entry.key != query.prefix && !entry.key.starts_with(query.prefix + "/"); });
    }
    return page;
  }
};

struct TokenRepeats : Forward {
  using Forward::Forward;
  FERRY_LIST {
    Result<ListPage> page = inner_->List(ctx, query);
    if (page.ok() && !query.token.empty()) page->next_token = query.token;
    return page;
  }
};

struct TokensOfOneObject : Forward {
  using Forward::Forward;
  FERRY_LIST {
    ListQuery changed = query;
    const std::lock_guard lock(mutex_);
    if (!query.token.empty()) changed.token = tokens_[query.token];
    Result<ListPage> page = inner_->List(ctx, changed);
    if (page.ok() && !page->next_token.empty()) {
      const std::string name = std::to_string(tokens_.size() + 1);
      tokens_[name] = page->next_token;
      page->next_token = name;
    }
    return page;
  }
  std::mutex mutex_;
  std::map<std::string, std::string> tokens_;
};

struct LimitIgnored : Forward {
  using Forward::Forward;
  FERRY_LIST {
    ListQuery changed = query;
    changed.limit = 1000;
    return inner_->List(ctx, changed);
  }
};

struct StartAfterIncludes : Forward {
  using Forward::Forward;
  FERRY_LIST {
    ListQuery changed = query;
    if (!changed.start_after.empty()) changed.start_after.pop_back();
    return inner_->List(ctx, changed);
  }
};

struct ListedSizesWrong : Forward {
  using Forward::Forward;
  FERRY_LIST {
    Result<ListPage> page = inner_->List(ctx, query);
    if (page.ok()) {
      for (ListEntry& entry : page->entries) entry.size &= 0xffff;
    }
    return page;
  }
};

struct FoldsAtTheFirstSlash : Forward {
  using Forward::Forward;
  FERRY_LIST {
    Result<ListPage> page = inner_->List(ctx, query);
    if (page.ok() && query.delimiter) std::erase_if(page->entries, [](const ListEntry& entry) { return entry.key.find("//") != std::string_view::npos; });
    return page;
  }
};

// Keys changed on their way in.
template <std::string (*kChange)(std::string_view)>
struct KeysChanged : Forward {
  using Forward::Forward;
  Result<ObjectInfo> Stat(const OpContext& ctx, std::string_view key) override { return Named(inner_->Stat(ctx, kChange(key)), key); }
  Result<ObjectInfo> Get(const OpContext& ctx, std::string_view key, const GetOptions& options, ISink& sink) override {
    return Named(inner_->Get(ctx, kChange(key), options, sink), key);
  }
  Result<ObjectInfo> Put(const OpContext& ctx, std::string_view key, ISource& source, const PutOptions& options) override {
    return Named(inner_->Put(ctx, kChange(key), source, options), key);
  }
  Status Remove(const OpContext& ctx, std::string_view key, const RemoveOptions& options) override { return inner_->Remove(ctx, kChange(key), options); }
  static Result<ObjectInfo> Named(Result<ObjectInfo> info, std::string_view key) {
    if (info.ok()) info->key = key;
    return info;
  }
};

std::string LowerCase(std::string_view key) {
  std::string out(key);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}
std::string OneSlash(std::string_view key) {
  std::string out;
  for (char c : key) {
    if (c != '/' || out.empty() || out.back() != '/') out += c;
  }
  return out;
}
std::string Trimmed(std::string_view key) {
  while (key.size() > 1 && key.back() == ' ') key.remove_suffix(1);
  while (key.size() > 1 && key.front() == ' ') key.remove_prefix(1);
  return std::string(key);
}
std::string Decoded(std::string_view key) {
  std::string out(key);
  for (std::size_t at = out.find("%2F"); at != std::string::npos; at = out.find("%2F")) out.replace(at, 3, "/");
  return out;
}
std::string Composed(std::string_view key) {
  std::string out(key);
  for (std::size_t at = out.find("e\xcc\x81"); at != std::string::npos; at = out.find("e\xcc\x81")) out.replace(at, 3, "\xc3\xa9");
  return out;
}
std::string NoLeadingSlash(std::string_view key) { return std::string(key.size() > 1 && key.front() == '/' ? key.substr(1) : key); }

struct LongKeysRefused : Forward {
  using Forward::Forward;
  Status CheckKey(std::string_view key) const override {
    if (key.size() > 900) return {Code::kInvalidArgument, "the key is too long"};
    return inner_->CheckKey(key);
  }
};

struct BadKeysAccepted : Forward {
  using Forward::Forward;
  Result<ObjectInfo> Put(const OpContext& ctx, std::string_view key, ISource& source, const PutOptions& options) override {
    if (inner_->CheckKey(key).ok() || key.empty()) return inner_->Put(ctx, key, source, options);
    Result<ObjectInfo> info = inner_->Put(ctx, "bad", source, options);
    if (info.ok()) info->key = key;
    return info;
  }
};

struct PartsVisible : Forward {
  using Forward::Forward;
  Result<PartInfo> UploadPart(const OpContext& ctx, std::string_view key, const std::string& upload_id, const PartSpec& part, ISource& source) override {
    Result<PartInfo> info = inner_->UploadPart(ctx, key, upload_id, part, source);
    if (info.ok()) (void)inner_->Put(ctx, std::string(key) + ".part" + std::to_string(part.number), *StringSource("x"), {});
    return info;
  }
};

struct CompleteAcceptsMissingPart : Forward {
  using Forward::Forward;
  Result<ObjectInfo> CompleteUpload(const OpContext& ctx, std::string_view key, const std::string& upload_id, const std::vector<PartInfo>& parts,
                                    const CompleteOptions& options) override {
    Result<std::vector<PartInfo>> known = inner_->ListParts(ctx, key, upload_id);
    std::vector<PartInfo> there;
    CompleteOptions changed = options;
    for (const PartInfo& part : parts) {
      const bool found = known.ok() && std::any_of(known->begin(), known->end(), [&](const PartInfo& one) { return one.number == part.number; });
      if (found || !known.ok()) there.push_back(part);
      else changed.size -= part.size;
    }
    return inner_->CompleteUpload(ctx, key, upload_id, there, changed);
  }
};

struct AbortOfUnknownFails : Forward {
  using Forward::Forward;
  Status AbortUpload(const OpContext& ctx, std::string_view key, const std::string& upload_id) override {
    if (Result<std::vector<PartInfo>> parts = inner_->ListParts(ctx, key, upload_id); !parts.ok()) return parts.status();
    return inner_->AbortUpload(ctx, key, upload_id);
  }
};

struct AbortDoesNothing : Forward {
  using Forward::Forward;
  Status AbortUpload(const OpContext&, std::string_view, const std::string&) override { return {}; }
};

struct UploadsOfAllKeys : Forward {
  using Forward::Forward;
  Result<UploadPage> ListUploads(const OpContext& ctx, std::string_view, const std::string& token) override { return inner_->ListUploads(ctx, "", token); }
};

struct CompleteIgnoresIfAbsent : Forward {
  using Forward::Forward;
  Result<ObjectInfo> CompleteUpload(const OpContext& ctx, std::string_view key, const std::string& upload_id, const std::vector<PartInfo>& parts,
                                    const CompleteOptions& options) override {
    CompleteOptions changed = options;
    changed.if_absent = false;
    return inner_->CompleteUpload(ctx, key, upload_id, parts, changed);
  }
};

struct BatchVisibleEarly : Forward {
  using Forward::Forward;
  Result<ObjectInfo> Put(const OpContext& ctx, std::string_view key, ISource& source, const PutOptions& options) override {
    Result<ObjectInfo> info = inner_->Put(ctx, key, source, options);
    if (!info.ok() || options.batch == nullptr || !source.Rewind().ok()) return info;
    PutOptions now = options;
    now.batch = nullptr;
    (void)inner_->Put(ctx, key, source, now);
    return info;
  }
};

struct WorksAlthoughOff : Forward {
  using Forward::Forward;
  Capabilities Caps() const override {
    Capabilities caps = inner_->Caps();
    caps.open = false;
    return caps;
  }
};

struct OnButUnsupported : Forward {
  using Forward::Forward;
  Result<ObjectInfo> SetProperties(const OpContext&, std::string_view key, const Properties&) override {
    return Status(Code::kUnsupported, "the storage cannot change properties").With(Name(), "set-properties", key);
  }
};

struct TagsAreLost : Forward {
  using Forward::Forward;
  Result<Properties> GetAccess(const OpContext& ctx, std::string_view key, bool acl, bool tags) override {
    Result<Properties> access = Forward::GetAccess(ctx, key, acl, tags);
    if (access.ok()) access->tags.clear();
    return access;
  }
};

struct NameChanges : Forward {
  using Forward::Forward;
  std::string Name() const override { return inner_->Name() + std::to_string(++calls_); }
  mutable std::atomic<int> calls_{0};
};

struct ErrorsWithoutKey : Forward {
  using Forward::Forward;
  Result<ObjectInfo> Stat(const OpContext& ctx, std::string_view key) override {
    Result<ObjectInfo> info = inner_->Stat(ctx, key);
    if (info.ok()) return info;
    return Status(info.code(), std::string(info.status().message()));
  }
};

}  // namespace

std::vector<Mutant> OtherMutants() {
  return {
      MutantOf<ListUnsorted>("list_unsorted", "pages are not in the order of bytes"),
      MutantOf<ListMissesLastOfPage>("list_misses_last_of_page", "an object between two pages is lost"),
      MutantOf<PrefixAsFolder>("prefix_as_folder", "a prefix matches whole segments only"),
      MutantOf<TokenRepeats>("token_repeats", "the listing does not end"),
      MutantOf<TokensOfOneObject>("tokens_of_one_object", "tokens do not survive a restart"),
      MutantOf<LimitIgnored>("limit_ignored", "pages are larger than asked for"),
      MutantOf<StartAfterIncludes>("start_after_includes", "start_after itself is listed"),
      MutantOf<ListedSizesWrong>("listed_sizes_wrong", "sizes are cut to 16 bits"),
      MutantOf<FoldsAtTheFirstSlash>("folds_at_the_first_slash", "a//b vanishes from folded listings"),
      MutantOf<KeysChanged<LowerCase>>("lower_cases_keys", "keys lose their case"),
      MutantOf<KeysChanged<OneSlash>>("collapses_slashes", "a//b becomes a/b"),
      MutantOf<KeysChanged<Trimmed>>("trims_spaces", "spaces at the ends of keys vanish"),
      MutantOf<KeysChanged<Decoded>>("decodes_keys", "%2F in a key becomes a slash"),
      MutantOf<KeysChanged<Composed>>("composes_keys", "keys are normalised to NFC"),
      MutantOf<KeysChanged<NoLeadingSlash>>("drops_leading_slash", "/a becomes a"),
      MutantOf<LongKeysRefused>("long_keys_refused", "keys over 900 bytes are refused"),
      MutantOf<BadKeysAccepted>("bad_keys_accepted", "keys that are not UTF-8 are stored elsewhere"),
      MutantOf<PartsVisible>("parts_visible", "parts of uploads are listed as objects"),
      MutantOf<CompleteAcceptsMissingPart>("complete_accepts_missing_part", "an upload with a hole becomes an object"),
      MutantOf<AbortOfUnknownFails>("abort_of_unknown_fails", "aborting twice fails"),
      MutantOf<AbortDoesNothing>("abort_does_nothing", "aborted uploads stay"),
      MutantOf<UploadsOfAllKeys>("uploads_of_all_keys", "ListUploads does not look at the prefix"),
      MutantOf<CompleteIgnoresIfAbsent>("complete_ignores_if_absent", "a create-only upload overwrites"),
      MutantOf<BatchVisibleEarly>("batch_visible_early", "writes of a batch are visible before Commit"),
      MutantOf<WorksAlthoughOff>("works_although_off", "Open works although its capability is off"),
      MutantOf<OnButUnsupported>("on_but_unsupported", "SetProperties is unsupported although its capability is on"),
      MutantOf<TagsAreLost>("tags_are_lost", "GetAccess tells no tags"),
      MutantOf<NameChanges>("name_changes", "the name is not constant"),
      MutantOf<ErrorsWithoutKey>("errors_without_key", "an error of Stat does not say what it is about"),
  };
}

const std::vector<Mutant>& Mutants() {
  static const std::vector<Mutant> all = [] {
    std::vector<Mutant> out = ObjectMutants();
    for (Mutant& one : OtherMutants()) out.push_back(std::move(one));
    return out;
  }();
  return all;
}

}  // namespace fileferry::conformance
