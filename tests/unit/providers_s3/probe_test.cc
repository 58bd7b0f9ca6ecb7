// probe_test.cc: a service of no known kind is asked once whether it creates only what is absent.
#include "s3_fixture.h"

#include <functional>
#include <set>

namespace fileferry::test {
namespace {

// A service of no known kind that keeps names, and what it makes of conditions and removals.
struct Unknown {
  enum class Habit { kHonours, kIgnores, kRefuses, kIsBusy };
  Habit habit = Habit::kHonours;
  bool may_remove = true;
  std::set<std::string> names;

  MockAnswer operator()(const MockRequest& request) {
    if (request.method == "DELETE") {
      if (!may_remove) return Error(403, "AccessDenied");
      names.erase(request.path);
      return Bare(204);
    }
    if (request.method == "HEAD") return Bare(404);
    const bool conditional = request.Header("if-none-match") == "*";
    if (conditional && habit == Habit::kIsBusy) return Error(503, "SlowDown");
    if (conditional && habit == Habit::kRefuses) return Error(501, "NotImplemented");
    if (conditional && habit == Habit::kHonours && names.contains(request.path)) return Error(412, "PreconditionFailed");
    names.insert(request.path);
    return Ok();
  }
};

PutOptions Create() {
  PutOptions create;
  create.if_absent = true;
  return create;
}

}  // namespace

TEST_CASE("whether an unknown service creates only what is absent is asked once, beside the first key") {
  Unknown service;
  Script script(std::ref(service), "other");
  CHECK_FALSE(script.provider->Caps().conditional_put);
  CHECK(script.provider->Caps().conditional_put_unknown);
  CHECK(PutText(*script.provider, "a/b/k", "v", Create()).ok());
  std::vector<MockRequest> seen = script.seen();
  REQUIRE(seen.size() == 4);  // made, made again, removed; then the object
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(seen[i].path.starts_with("/bkt/a/b/.fileferry-probe-"));
    CHECK(seen[i].path == seen[0].path);
  }
  CHECK(seen[1].Header("if-none-match") == "*");
  CHECK(seen[2].method == "DELETE");
  CHECK(seen[3].path == "/bkt/a/b/k");
  CHECK(seen[3].Header("if-none-match") == "*");
  CHECK(service.names == std::set<std::string>{"/bkt/a/b/k"});
  CHECK(script.provider->Caps().conditional_put);
  CHECK_FALSE(script.provider->Caps().conditional_put_unknown);
  CHECK(PutText(*script.provider, "a/b/k", "w", Create()).code() == Code::kAlreadyExists);
  CHECK(PutText(*script.provider, "other", "w", Create()).ok());
  CHECK(script.seen().size() == 7);  // the lost race is looked at once
}

TEST_CASE("an unknown service that ignores or refuses the condition is not asked again; one that is busy is") {
  for (const Unknown::Habit habit : {Unknown::Habit::kIgnores, Unknown::Habit::kRefuses}) {
    Unknown service{habit, true, {}};
    Script script(std::ref(service), "other");
    CHECK(PutText(*script.provider, "k", "v", Create()).code() == Code::kUnsupported);
    const std::size_t asked = script.seen().size();
    CHECK(asked == (habit == Unknown::Habit::kIgnores ? 3 : 1));
    CHECK(service.names.empty());
    CHECK_FALSE(script.provider->Caps().conditional_put);
    CHECK_FALSE(script.provider->Caps().conditional_put_unknown);
    CHECK(PutText(*script.provider, "k", "v", Create()).code() == Code::kUnsupported);
    CHECK(script.seen().size() == asked);
    CHECK(PutText(*script.provider, "k", "v").ok());
  }
  Unknown service{Unknown::Habit::kIsBusy, true, {}};
  Script script(std::ref(service), "other");
  CHECK(PutText(*script.provider, "k", "v", Create()).code() == Code::kUnsupported);
  CHECK(script.provider->Caps().conditional_put_unknown);
  service.habit = Unknown::Habit::kHonours;
  CHECK(PutText(*script.provider, "k", "v", Create()).ok());
  CHECK(script.provider->Caps().conditional_put);
}

TEST_CASE("credentials that may not remove objects, and keys too long for a neighbour, break no write") {
  Unknown service{Unknown::Habit::kHonours, false, {}};
  Script script(std::ref(service), "other");
  const std::string longest = "f/" + std::string(1022, 'k');
  CHECK(PutText(*script.provider, longest, "v", Create()).ok());
  CHECK(script.provider->Caps().conditional_put);
  const std::string folder = std::string(1022, 'f') + "/k";
  Script none(std::ref(service), "other");
  CHECK(PutText(*none.provider, folder, "v", Create()).code() == Code::kUnsupported);
  CHECK(none.seen().empty());
  CHECK(none.provider->Caps().conditional_put_unknown);
}

}  // namespace fileferry::test
