// preserve_test.cc: --preserve acl,tags carries what a stat does not tell.
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
