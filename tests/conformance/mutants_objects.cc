// mutants_objects.cc: seeded bugs in reading and writing objects.  See mutants.h.
#include <chrono>
#include <thread>

#include "conformance/forward.h"
#include "conformance/mutants.h"
#include "fileferry/ops.h"

namespace fileferry::conformance {
namespace {

// Everything that source gives, up to its end or failure.
std::string Slurp(ISource& source, Status* status) {
  std::string out;
  std::vector<std::byte> buffer(4096);
  for (;;) {
    Result<std::size_t> got = source.Read(buffer);
    if (!got.ok()) {
      *status = got.status();
      return out;
    }
    if (*got == 0) return out;
    out.append(AsText(Bytes(buffer.data(), *got)));
  }
}

#define FERRY_PUT Result<ObjectInfo> Put(const OpContext& ctx, std::string_view key, ISource& source, const PutOptions& options) override
#define FERRY_GET Result<ObjectInfo> Get(const OpContext& ctx, std::string_view key, const GetOptions& options, ISink& sink) override

struct IfAbsentOverwrites : Forward {
  using Forward::Forward;
  FERRY_PUT {
    PutOptions changed = options;
    changed.if_absent = false;
    return inner_->Put(ctx, key, source, changed);
  }
};

struct IfAbsentChecksFirst : Forward {
  using Forward::Forward;
  FERRY_PUT {
    if (!options.if_absent || options.batch != nullptr) return inner_->Put(ctx, key, source, options);
    if (inner_->Stat(ctx, key).ok()) return Status(Code::kAlreadyExists, "the object exists").With(Name(), "put", key);
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
    PutOptions changed = options;
    changed.if_absent = false;
    return inner_->Put(ctx, key, source, changed);
  }
};

struct OverwriteRemovesFirst : Forward {
  using Forward::Forward;
  FERRY_PUT {
    if (!options.if_absent && options.if_match.empty() && options.batch == nullptr) {
      (void)inner_->Remove(ctx, key, {});
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return inner_->Put(ctx, key, source, options);
  }
};

struct PutIfMatchIgnored : Forward {
  using Forward::Forward;
  FERRY_PUT {
    PutOptions changed = options;
    changed.if_match.clear();
    return inner_->Put(ctx, key, source, changed);
  }
};

struct ExpectedIgnored : Forward {
  using Forward::Forward;
  FERRY_PUT {
    PutOptions changed = options;
    changed.expected = {};
    return inner_->Put(ctx, key, source, changed);
  }
};

struct DeclaredSizeNotCounted : Forward {
  using Forward::Forward;
  FERRY_PUT {
    Status status;
    std::string bytes = Slurp(source, &status);
    if (!status.ok()) return status.With(Name(), "put", key);
    return inner_->Put(ctx, key, *StringSource(std::move(bytes)), options);
  }
};

struct StoresHalfOnFailure : Forward {
  using Forward::Forward;
  FERRY_PUT {
    Status status;
    std::string bytes = Slurp(source, &status);
    PutOptions changed = options;
    if (!status.ok()) changed.expected = {};
    Result<ObjectInfo> stored = inner_->Put(ctx, key, *StringSource(std::move(bytes)), changed);
    if (!status.ok()) return status.With(Name(), "put", key);
    return stored;
  }
};

struct SourceErrorReplaced : Forward {
  using Forward::Forward;
  FERRY_PUT {
    Result<ObjectInfo> stored = inner_->Put(ctx, key, source, options);
    if (stored.code() == Code::kPermissionDenied) return Status(Code::kInternal, "the upload failed").With(Name(), "put", key);
    return stored;
  }
};

struct EmptyObjectsLost : Forward {
  using Forward::Forward;
  FERRY_PUT {
    if (source.size() == 0U && options.batch == nullptr && options.expected.empty() && !options.if_absent) {
      ObjectInfo info;
      info.key = key;
      return info;
    }
    return inner_->Put(ctx, key, source, options);
  }
};

struct WrongDigest : Forward {
  using Forward::Forward;
  FERRY_PUT {
    Result<ObjectInfo> stored = inner_->Put(ctx, key, source, options);
    if (stored.ok() && stored->digests.Find(DigestKind::kMd5) != nullptr) {
      Digest digest = *stored->digests.Find(DigestKind::kMd5);
      digest.bytes[15] ^= std::byte{1};
      stored->digests.Set(digest);
    }
    return stored;
  }
};

struct CancelIgnored : Forward {
  using Forward::Forward;
  FERRY_PUT {
    (void)ctx;
    return inner_->Put(OpContext(), key, source, options);
  }
};

struct LosesMetadata : Forward {
  using Forward::Forward;
  FERRY_PUT {
    PutOptions changed = options;
    changed.properties.metadata.clear();
    return inner_->Put(ctx, key, source, changed);
  }
};

struct LosesLanguage : Forward {
  using Forward::Forward;
  FERRY_PUT {
    PutOptions changed = options;
    changed.properties.content_language.clear();
    return inner_->Put(ctx, key, source, changed);
  }
};

struct KeepsOldMetadata : Forward {
  using Forward::Forward;
  FERRY_PUT {
    PutOptions changed = options;
    if (Result<ObjectInfo> old = inner_->Stat(ctx, key); old.ok()) changed.properties.metadata.merge(old->properties.metadata);
    return inner_->Put(ctx, key, source, changed);
  }
};

struct MtimeInSeconds : Forward {
  using Forward::Forward;
  FERRY_PUT {
    PutOptions changed = options;
    if (changed.properties.mtime.has_value()) changed.properties.mtime = std::chrono::floor<std::chrono::seconds>(*changed.properties.mtime);
    return inner_->Put(ctx, key, source, changed);
  }
};

struct RangeEndOffByOne : Forward {
  using Forward::Forward;
  FERRY_GET {
    GetOptions changed = options;
    if (changed.length.has_value() && *changed.length > 0) changed.length = *changed.length - 1;
    return inner_->Get(ctx, key, changed, sink);
  }
};

struct RangePastTheEndIsEmpty : Forward {
  using Forward::Forward;
  FERRY_GET {
    Result<ObjectInfo> info = inner_->Stat(ctx, key);
    if (info.ok() && options.offset >= info->size && info->size > 0) return info;
    return inner_->Get(ctx, key, options, sink);
  }
};

struct RangeOverflows : Forward {
  using Forward::Forward;
  FERRY_GET {
    GetOptions changed = options;
    if (changed.length.has_value() && changed.offset + *changed.length < changed.offset) changed.length = 0;
    return inner_->Get(ctx, key, changed, sink);
  }
};

struct GetIfMatchIgnored : Forward {
  using Forward::Forward;
  FERRY_GET {
    GetOptions changed = options;
    changed.if_match.clear();
    return inner_->Get(ctx, key, changed, sink);
  }
};

struct SwallowsSinkError : Forward {
  using Forward::Forward;
  class Deaf : public ISink {
   public:
    explicit Deaf(ISink& sink) : sink_(sink) {}
    Status Write(Bytes bytes) override {
      if (!failed_ && !sink_.Write(bytes).ok()) failed_ = true;
      return {};
    }
    Status Restart() override { return sink_.Restart(); }

   private:
    ISink& sink_;
    bool failed_ = false;
  };
  FERRY_GET {
    Deaf deaf(sink);
    return inner_->Get(ctx, key, options, deaf);
  }
};

struct EtagConstant : Forward {
  using Forward::Forward;
  static Result<ObjectInfo> Constant(Result<ObjectInfo> info) {
    if (info.ok()) info->etag = "\"1\"";
    return info;
  }
  FERRY_PUT { return Constant(inner_->Put(ctx, key, source, options)); }
  Result<ObjectInfo> Stat(const OpContext& ctx, std::string_view key) override { return Constant(inner_->Stat(ctx, key)); }
};

struct StatAnswersForPrefix : Forward {
  using Forward::Forward;
  Result<ObjectInfo> Stat(const OpContext& ctx, std::string_view key) override {
    Result<ObjectInfo> info = inner_->Stat(ctx, key);
    if (info.code() != Code::kNotFound) return info;
    ListQuery query;
    query.prefix = std::string(key) + "/";
    Result<ListPage> below = inner_->List(ctx, query);
    if (!below.ok() || below->entries.empty()) return info;
    ObjectInfo folder;
    folder.key = key;
    return folder;
  }
};

struct RemoveOfMissingFails : Forward {
  using Forward::Forward;
  Status Remove(const OpContext& ctx, std::string_view key, const RemoveOptions& options) override {
    if (Result<ObjectInfo> info = inner_->Stat(ctx, key); !info.ok()) return info.status();
    return inner_->Remove(ctx, key, options);
  }
};

struct RemoveRemovesPrefix : Forward {
  using Forward::Forward;
  Status Remove(const OpContext& ctx, std::string_view key, const RemoveOptions& options) override {
    ListQuery query;
    query.prefix = std::string(key) + "/";
    if (Result<ListPage> below = inner_->List(ctx, query); below.ok()) {
      for (const ListEntry& entry : below->entries) (void)inner_->Remove(ctx, entry.key, {});
    }
    return inner_->Remove(ctx, key, options);
  }
};

struct RemoveManyOutOfOrder : Forward {
  using Forward::Forward;
  std::vector<RemoveResult> RemoveMany(const OpContext& ctx, std::span<const std::string> keys) override {
    std::vector<RemoveResult> results = inner_->RemoveMany(ctx, keys);
    return {results.rbegin(), results.rend()};
  }
};

struct CopyDropsContentType : Forward {
  using Forward::Forward;
  Result<ObjectInfo> CopyFrom(const OpContext& ctx, const Location& from, std::string_view to, const CopyOptions& options) override {
    Result<ObjectInfo> copied = inner_->CopyFrom(ctx, from, to, options);
    if (!copied.ok()) return copied;
    Properties properties = copied->properties;
    properties.content_type.clear();
    return inner_->SetProperties(ctx, to, properties);
  }
};

struct SetPropertiesMerges : Forward {
  using Forward::Forward;
  Result<ObjectInfo> SetProperties(const OpContext& ctx, std::string_view key, const Properties& properties) override {
    Properties merged = properties;
    if (Result<ObjectInfo> old = inner_->Stat(ctx, key); old.ok() && merged.cache_control.empty()) merged.cache_control = old->properties.cache_control;
    return inner_->SetProperties(ctx, key, merged);
  }
};

struct OpenIgnoresChanges : Forward {
  using Forward::Forward;
  Result<std::unique_ptr<ISource>> Open(const OpContext& ctx, std::string_view key, const GetOptions& options, ObjectInfo* info) override {
    std::string bytes;
    std::unique_ptr<ISink> sink = StringSink(&bytes);
    Result<ObjectInfo> got = inner_->Get(ctx, key, options, *sink);
    if (!got.ok()) return got.status();
    if (info != nullptr) *info = *got;
    return StringSource(std::move(bytes));
  }
};

}  // namespace

std::vector<Mutant> ObjectMutants() {
  return {
      MutantOf<IfAbsentOverwrites>("if_absent_overwrites", "create-only writes overwrite"),
      MutantOf<IfAbsentChecksFirst>("if_absent_checks_first", "create-only is a check and then a write"),
      MutantOf<OverwriteRemovesFirst>("overwrite_removes_first", "readers find nothing for a moment"),
      MutantOf<PutIfMatchIgnored>("put_if_match_ignored", "any version is replaced"),
      MutantOf<ExpectedIgnored>("expected_ignored", "wrong bytes are stored"),
      MutantOf<DeclaredSizeNotCounted>("declared_size_not_counted", "a cut source is stored"),
      MutantOf<StoresHalfOnFailure>("stores_half_on_failure", "a failed put leaves what it had"),
      MutantOf<SourceErrorReplaced>("source_error_replaced", "the reason of a failure is lost"),
      MutantOf<EmptyObjectsLost>("empty_objects_lost", "objects of no bytes are not stored"),
      MutantOf<WrongDigest>("wrong_digest", "one bit of the MD5 in the answer is wrong"),
      MutantOf<CancelIgnored>("cancel_ignored", "Put does not look at its context"),
      MutantOf<LosesMetadata>("loses_metadata", "user metadata is dropped"),
      MutantOf<LosesLanguage>("loses_language", "one of the five headers is dropped"),
      MutantOf<KeepsOldMetadata>("keeps_old_metadata", "an overwrite keeps metadata of the old object"),
      MutantOf<MtimeInSeconds>("mtime_in_seconds", "the fraction of mtime is lost"),
      MutantOf<RangeEndOffByOne>("range_end_off_by_one", "ranges are a byte too short"),
      MutantOf<RangePastTheEndIsEmpty>("range_past_the_end_is_empty", "an offset past the end is no error"),
      MutantOf<RangeOverflows>("range_overflows", "offset plus length wraps around"),
      MutantOf<GetIfMatchIgnored>("get_if_match_ignored", "another version is read"),
      MutantOf<SwallowsSinkError>("swallows_sink_error", "a sink that is full goes unnoticed"),
      MutantOf<EtagConstant>("etag_constant", "all objects have one etag"),
      MutantOf<StatAnswersForPrefix>("stat_answers_for_prefix", "a folder is taken for an object"),
      MutantOf<RemoveOfMissingFails>("remove_of_missing_fails", "removing twice fails"),
      MutantOf<RemoveRemovesPrefix>("remove_removes_prefix", "what is below goes as well"),
      MutantOf<RemoveManyOutOfOrder>("remove_many_out_of_order", "results are not in the order of keys"),
      MutantOf<CopyDropsContentType>("copy_drops_content_type", "a copy has no content type"),
      MutantOf<SetPropertiesMerges>("set_properties_merges", "properties that were not given stay"),
      MutantOf<OpenIgnoresChanges>("open_ignores_changes", "a source does not tell that its object changed"),
  };
}

}  // namespace fileferry::conformance
