// preserve_test.cc: --preserve acl,tags carries what a stat does not tell.
#include <mutex>
#include <utility>

#include "fileferry/local.h"
#include "shaped.h"
#include "world.h"

using namespace fileferry;

namespace {

// As S3: ACL and tags take requests of their own.
class Discreet : public Shaped {
 public:
  using Shaped::Shaped;
  static Result<ObjectInfo> Hide(Result<ObjectInfo> info) {
    if (!info.ok()) return info;
    info->properties.acl.clear();
    info->properties.tags.clear();
    return info;
  }
  Result<ObjectInfo> Stat(const OpContext& ctx, std::string_view key) override { return Hide(Shaped::Stat(ctx, key)); }
  Result<ObjectInfo> Get(const OpContext& ctx, std::string_view key, const GetOptions& options, ISink& sink) override { return Hide(Shaped::Get(ctx, key, options, sink)); }
};

struct Pair {
  ProviderPtr from_memory = MemoryStorageProvider::Create("from:"), to_memory = MemoryStorageProvider::Create("to:");
  std::shared_ptr<Discreet> from = std::make_shared<Discreet>(from_memory);
  std::shared_ptr<testing::Faults> calls = std::make_shared<testing::Faults>();

  explicit Pair(bool server_copy) {
    from->caps.open = false;
    from->caps.server_copy = server_copy;
    PutOptions options;
    options.properties.acl = "public-read";
    options.properties.tags = {{"kind", "holiday"}};
    PutText(*from_memory, "small", "small", options);
    PutText(*from_memory, "large", Pattern(300 << 10, 1), options);
  }
  OpenedStorage Source() { return Opened(testing::WithFaults(from, calls), "from:"); }
  Properties Of(const std::string& key) {
    Result<Properties> access = to_memory->GetAccess({}, key, true, true);
    REQUIRE(access.ok());
    return *access;
  }
};

}  // namespace

TEST_CASE("ACL and tags go along where asked, in one piece, in parts and inside of the service") {
  for (const bool server_copy : {false, true}) {
    for (const int asked : {0, 1, 2, 3}) {
      CAPTURE(server_copy);
      CAPTURE(asked);
      Pair pair(server_copy);
      CopyPlan plan = SmallParts();
      if (server_copy) plan.verify = VerifyMode::kNone;
      plan.preserve_acl = (asked & 1) != 0;
      plan.preserve_tags = (asked & 2) != 0;
      MustRun(NewCopy(pair.Source(), Opened(pair.to_memory, "to:"), plan));
      CHECK(pair.calls->calls(Operation::kGetAccess) == (asked == 0 ? 0 : 2));
      for (const char* key : {"small", "large"}) {
        CHECK(pair.Of(key).acl == (plan.preserve_acl ? "public-read" : ""));
        CHECK(pair.Of(key).tags.size() == (plan.preserve_tags ? 1 : 0));
      }
    }
  }
}

TEST_CASE("a rollback puts ACL and tags of what was replaced back where they were asked for, and says so where they were not") {
  for (const bool server_copy : {false, true}) {
    for (const bool asked : {true, false}) {
      CAPTURE(server_copy);
      CAPTURE(asked);
      TempFolder folder;
      Pair pair(server_copy);
      auto to = std::make_shared<Discreet>(pair.to_memory);
      to->caps.server_copy = server_copy;
      PutOptions theirs;
      theirs.properties.acl = "public-read";
      theirs.properties.tags = {{"kind", "theirs"}};
      theirs.properties.content_type = "image/x-theirs";
      for (const char* key : {"small", "large"}) PutText(*pair.to_memory, key, "theirs", theirs);
      MigrationRunner::Options options{SmallParts(), folder.path + "/j.db"};
      options.plan.preserve_acl = options.plan.preserve_tags = asked;
      options.plan.overwrite = Overwrite::kChanged;
      const auto open = [&] {
        Result<std::unique_ptr<MigrationRunner>> runner = MigrationRunner::Open(pair.Source(), Opened(to, "to:"), options);
        REQUIRE_MESSAGE(runner.ok(), runner.status().ToString());
        return std::move(*runner);
      };
      const Progress there = MustRun(open()->Copy());
      CHECK(Count(there, Outcome::kVerified) + Count(there, Outcome::kCopied) == 2);
      CHECK(ReadAll(*pair.to_memory, {}, "small").value() == "small");
      const Progress back = MustRun(open()->Rollback());
      CHECK(Count(back, Outcome::kRolledBack) == 2);
      CHECK((back.notes.empty() == asked));
      for (const char* key : {"small", "large"}) {
        CHECK(ReadAll(*pair.to_memory, {}, key).value() == "theirs");
        CHECK(pair.to_memory->Stat({}, key)->properties.content_type == "image/x-theirs");
        if (!asked) continue;
        CHECK(pair.Of(key).acl == "public-read");
        CHECK(pair.Of(key).tags == std::map<std::string, std::string>{{"kind", "theirs"}});
      }
    }
  }
}

namespace {

// As S3: objects are encrypted by a key of a region.  Memory does not encrypt: what was asked for is kept here.
class Encrypting : public Shaped {
 public:
  using Shaped::Shaped;
  Location Locate(std::string_view key) const override {
    Location location = Shaped::Locate(key);
    location.region = region;
    return location;
  }
  Result<ObjectInfo> Stat(const OpContext& ctx, std::string_view key) override { return Told(key, Shaped::Stat(ctx, key)); }
  Result<ObjectInfo> Get(const OpContext& ctx, std::string_view key, const GetOptions& options, ISink& sink) override { return Told(key, Shaped::Get(ctx, key, options, sink)); }
  Result<ObjectInfo> Put(const OpContext& ctx, std::string_view key, ISource& source, const PutOptions& options) override {
    PutOptions plain = options;
    Keep(key, &plain.properties);
    return Shaped::Put(ctx, key, source, plain);
  }
  Result<std::string> CreateUpload(const OpContext& ctx, std::string_view key, const UploadOptions& options) override {
    UploadOptions plain = options;
    Keep(key, &plain.properties);
    return Shaped::CreateUpload(ctx, key, plain);
  }
  Result<ObjectInfo> CompleteUpload(const OpContext& ctx, std::string_view key, const std::string& id, const std::vector<PartInfo>& parts, const CompleteOptions& options) override {
    CompleteOptions plain = options;
    Keep(key, &plain.properties);
    return Shaped::CompleteUpload(ctx, key, id, parts, plain);
  }
  std::string region = "here";
  std::map<std::string, Properties, std::less<>> kept;

 private:
  void Keep(std::string_view key, Properties* properties) {
    std::lock_guard lock(mutex_);
    Properties& own = kept[std::string(key)];
    own.storage_class = std::exchange(properties->storage_class, {});
    own.sse = std::exchange(properties->sse, {});
    own.sse_kms_key = std::exchange(properties->sse_kms_key, {});
  }
  Result<ObjectInfo> Told(std::string_view key, Result<ObjectInfo> info) {
    std::lock_guard lock(mutex_);
    const auto own = kept.find(key);
    if (!info.ok() || own == kept.end()) return info;
    info->properties.storage_class = own->second.storage_class;
    info->properties.sse = own->second.sse;
    info->properties.sse_kms_key = own->second.sse_kms_key;
    return info;
  }
  std::mutex mutex_;
};

}  // namespace

TEST_CASE("storage class and encryption go along between storages of one vendor, a key within one service and region") {
  struct Row {
    const char *from, *to, *to_region;
    bool sets, carried, key;
  };
  for (const Row& row : {Row{"v", "v", "here", false, true, true}, Row{"v", "v", "there", false, true, false}, Row{"v", "v", "here", true, false, false},
                         Row{"v", "other", "here", false, false, false}, Row{"v", "", "here", false, false, false}}) {
    CAPTURE(row.to);
    CAPTURE(row.to_region);
    CAPTURE(row.sets);
    auto from = std::make_shared<Encrypting>(MemoryStorageProvider::Create("from:")), to = std::make_shared<Encrypting>(MemoryStorageProvider::Create("to:"));
    to->region = row.to_region;
    from->caps.open = from->caps.server_copy = to->caps.batch = to->caps.server_copy = false;
    from->caps.class_vendor = from->caps.encryption_vendor = row.from;
    to->caps.class_vendor = to->caps.encryption_vendor = row.to;
    to->caps.sets_class = to->caps.sets_encryption = row.sets;
    from->caps.default_encryption = to->caps.default_encryption = "plain";
    PutOptions options;
    options.properties.storage_class = "COLD";
    options.properties.sse = "kms";
    options.properties.sse_kms_key = "key";
    PutText(*from, "small", "small", options);
    PutText(*from, "large", Pattern(300 << 10, 1), options);
    options.properties = {};
    options.properties.sse = "plain";
    PutText(*from, "usual", "usual", options);
    const Progress progress = MustRun(NewCopy(Opened(from, "from:"), Opened(to, "to:"), SmallParts()));
    CHECK(progress.notes.size() == (row.key ? 0 : 1));
    for (const char* key : {"small", "large"}) {
      CHECK(to->kept[key].storage_class == (row.carried ? "COLD" : ""));
      CHECK(to->kept[key].sse == (row.carried ? "kms" : ""));
      CHECK(to->kept[key].sse_kms_key == (row.key ? "key" : ""));
    }
    CHECK(to->kept["usual"].sse.empty());
  }
}

TEST_CASE("a destination that keeps none is refused in one line, before anything is moved") {
  Pair pair(false);
  auto to = std::make_shared<Shaped>(pair.to_memory);
  to->caps.tags = false;
  CopyPlan plan;
  plan.preserve_tags = true;
  Result<std::unique_ptr<IRun>> run = NewCopy(pair.Source(), Opened(to, "to:"), plan);
  REQUIRE(run.ok());
  const Status status = Finish(**run);
  CHECK(status.code() == Code::kInvalidArgument);
  CHECK(status.message() == "--preserve tags: the destination 'to:' keeps none; leave tags out");
  CHECK(Contents(*pair.to_memory).empty());
}

TEST_CASE("an object whose ACL cannot be asked for is not copied without it") {
  Pair pair(false);
  pair.from->OnCall([](Operation operation, const std::string& key) {
    return operation == Operation::kGetAccess && key == "small" ? Status(Code::kUnsupported, "its ACL is none of the canned ones") : Status();
  });
  CopyPlan plan = SmallParts();
  plan.preserve_acl = true;
  Result<std::unique_ptr<IRun>> run = NewCopy(pair.Source(), Opened(pair.to_memory, "to:"), plan);
  REQUIRE(run.ok());
  CHECK(Finish(**run).ok());
  CHECK(Count((*run)->Snapshot(), Outcome::kFailed) == 1);
  CHECK(Contents(*pair.to_memory).size() == 1);
}
