// analyse_test.cc: a plan says what the copy then meets.
#include "shaped.h"
#include "world.h"

using namespace fileferry;

namespace {

PutOptions At(std::chrono::seconds since_1970) {
  PutOptions options;
  options.properties.mtime = Time(since_1970);
  return options;
}

}  // namespace

TEST_CASE("plan and copy use one comparison") {
  ProviderPtr from = MemoryStorageProvider::Create("from:"), to = MemoryStorageProvider::Create("to:");
  using std::chrono::seconds;
  PutText(*from, "same-bytes", "equal", At(seconds(1000)));
  PutText(*to, "same-bytes", "equal", At(seconds(2000)));  // the listings do not tell, the digests do
  PutText(*from, "same-time", "equal", At(seconds(1000)));
  PutText(*to, "same-time", "equal", At(seconds(1000)));
  PutText(*from, "same-size", "abcde", At(seconds(1000)));
  PutText(*to, "same-size", "ABCDE", At(seconds(2000)));
  PutText(*from, "other-size", "abcde", At(seconds(1000)));
  PutText(*to, "other-size", "abc", At(seconds(2000)));
  PutText(*from, "new", "abcde", At(seconds(1000)));
  for (const Overwrite overwrite : {Overwrite::kNever, Overwrite::kChanged, Overwrite::kAlways}) {
    CAPTURE(static_cast<int>(overwrite));
    CopyPlan plan;
    plan.overwrite = overwrite;
    const Result<Analysis> analysis = Analyse({}, Opened(from, "from:"), Opened(to, "to:"), plan);
    REQUIRE_MESSAGE(analysis.ok(), analysis.status().ToString());
    plan.dry_run = true;
    const Progress dry = MustRun(NewCopy(Opened(from, "from:"), Opened(to, "to:"), plan));
    CHECK(analysis->objects == 5);
    CHECK(analysis->already_there == Count(dry, Outcome::kSame) + Count(dry, Outcome::kSameByTime));
    CHECK(analysis->conflicts == Count(dry, Outcome::kConflict));
    CHECK(analysis->requests_write == Count(dry, Outcome::kSkipped));
    CHECK(analysis->already_there == (overwrite == Overwrite::kAlways ? 0 : 2));
    CHECK(analysis->conflicts == (overwrite == Overwrite::kNever ? 2 : 0));
  }
}

TEST_CASE("a plan reads no bytes, and asks only where the listings do not tell") {
  Counted from(MemoryStorageProvider::Create("from:")), to(MemoryStorageProvider::Create("to:"));
  for (int i = 0; i < 50; ++i) {
    PutText(*from.provider, "k" + std::to_string(i), "equal", At(std::chrono::seconds(1000)));
    PutText(*to.provider, "k" + std::to_string(i), "equal", At(std::chrono::seconds(i < 10 ? 2000 : 1000)));
  }
  const std::uint64_t stats = from.faults->calls(Operation::kStat);
  const Result<Analysis> analysis = Analyse({}, Opened(from.provider, "from:"), Opened(to.provider, "to:"), {});
  REQUIRE_MESSAGE(analysis.ok(), analysis.status().ToString());
  CHECK(analysis->already_there == 50);
  CHECK(from.faults->calls(Operation::kStat) - stats == 10);
  CHECK(from.faults->calls(Operation::kGet) + from.faults->calls(Operation::kOpen) + to.faults->calls(Operation::kGet) == 0);
}

TEST_CASE("one object: a plan looks at its new name") {
  ProviderPtr from = MemoryStorageProvider::Create("from:"), to = MemoryStorageProvider::Create("to:");
  PutText(*from, "in/key", "equal", At(std::chrono::seconds(1000)));
  PutText(*to, "name", "equal", At(std::chrono::seconds(1000)));
  const auto there = [&](const std::string& path) {
    const Result<Analysis> analysis = Analyse({}, Opened(from, "from:in/key", "in/key"), Opened(to, "to:" + path, path), {});
    REQUIRE_MESSAGE(analysis.ok(), analysis.status().ToString());
    CHECK(analysis->objects == 1);
    return analysis->already_there;
  };
  CHECK(there("name") == 1);
  CHECK(there("other") == 0);
  CHECK(there("name/") == 0);
}
