// retry_test.cc: when the retry layer tries again, what it waits, and what it makes of lost answers.
#include <thread>

#include "base/digest.h"
#include "layers/around.h"
#include "support.h"

using namespace fileferry;
using testing::FaultKind;

namespace {

RetryPolicy Calm() { return {}; }

}  // namespace

TEST_CASE("transient errors are tried again, others are not") {
  VirtualClock clock;
  Faulty f;
  ProviderPtr p = WithRetry(f.provider, Calm());
  REQUIRE(WriteAll(*p, kCtx, "k", "text").ok());

  f.faults->Arm({.at = 1});
  CHECK(p->Stat(kCtx, "k").ok());
  CHECK(f.faults->matched() == 2);

  f.faults->Arm({.at = 1, .sticky = true});
  const Status last = p->Stat(kCtx, "k").status();
  CHECK(f.faults->matched() == 3);
  CHECK(last.code() == Code::kUnavailable);
  CHECK(last.detail().retry == Retry::kExhausted);

  f.faults->Arm({.sticky = true, .code = Code::kPermissionDenied});
  const Status denied = p->Stat(kCtx, "k").status();
  CHECK(f.faults->matched() == 1);
  CHECK(denied.detail().retry == Retry::kNever);

  f.faults->Disarm();
  CHECK(p->Stat(kCtx, "none").code() == Code::kNotFound);
}

TEST_CASE("an exhausted error is not tried again by a second layer") {
  VirtualClock clock;
  Faulty f;
  ProviderPtr p = WithRetry(WithRetry(f.provider, Calm()), Calm());
  f.faults->Arm({.sticky = true});
  CHECK_FALSE(p->Stat(kCtx, "k").ok());
  CHECK(f.faults->matched() == 3);
}

TEST_CASE("delays: full jitter over 50 ms and 100 ms, 1 s and 2 s when throttled, capped") {
  VirtualClock clock;  // RandomUnit is 0.5
  Faulty f;
  using std::chrono::milliseconds;
  ProviderPtr p = WithRetry(f.provider, Calm());
  f.faults->Arm({.sticky = true});
  (void)p->Stat(kCtx, "k");
  CHECK(clock.sleeps() == std::vector{milliseconds(25), milliseconds(50)});

  f.faults->Arm({.sticky = true, .code = Code::kRateLimited});
  (void)p->Stat(kCtx, "k");
  CHECK(clock.sleeps() == std::vector{milliseconds(25), milliseconds(50), milliseconds(500), milliseconds(1000)});

  RetryPolicy many;
  many.attempts = 14;
  many.random = [] { return 1.0; };
  std::vector<milliseconds> waits;
  many.sleep = [&](const OpContext&, milliseconds wait) {
    waits.push_back(wait);
    return Status();
  };
  f.faults->Arm({.sticky = true});
  (void)WithRetry(f.provider, many)->Stat(kCtx, "k");
  REQUIRE(waits.size() == 13);
  CHECK(waits[0] == milliseconds(50));
  CHECK(waits[1] == milliseconds(100));
  CHECK(waits[8] == milliseconds(12800));
  CHECK(waits[9] == milliseconds(20000));
  CHECK(waits[12] == milliseconds(20000));
}

TEST_CASE("Retry-After is honoured up to five seconds over the computed delay") {
  VirtualClock clock;
  Faulty f;
  using std::chrono::milliseconds;
  ProviderPtr p = WithRetry(f.provider, {.attempts = 2});
  for (const auto& [asked, waited] : {std::pair{milliseconds(10), milliseconds(500)}, std::pair{milliseconds(3000), milliseconds(3000)}, std::pair{milliseconds(60000), milliseconds(5500)}}) {
    f.faults->Arm({.code = Code::kRateLimited, .retry_after = asked});
    (void)p->Stat(kCtx, "k");
    CHECK(clock.sleeps().back() == waited);
  }
}

TEST_CASE("a total outage: 10,000 calls cost at most 1.01 times as many requests") {
  VirtualClock clock;
  Faulty f;
  ProviderPtr p = WithRetry(f.provider, Calm());
  f.faults->Arm({.sticky = true});
  for (int i = 0; i < 10000; ++i) {
    const Status s = p->Stat(kCtx, "k").status();
    REQUIRE(s.detail().retry == Retry::kExhausted);
  }
  // 500 tokens at 14 each: 35 retries.
  CHECK(f.faults->matched() == 10035);
  CHECK(f.faults->matched() <= 10100);

  // The service is back: successes refill the quota one by one, a retried call's success gives back what it cost.
  f.faults->Disarm();
  for (int i = 0; i < 20; ++i) (void)p->Stat(kCtx, "k");  // not found: no success, no refill
  REQUIRE(WriteAll(*p, kCtx, "k", "x").ok());
  for (int i = 0; i < 20; ++i) REQUIRE(p->Stat(kCtx, "k").ok());
  for (int i = 0; i < 50; ++i) {
    f.faults->Arm({.at = 1});
    CHECK(p->Stat(kCtx, "k").ok());
  }
}

TEST_CASE("throttling costs 5 tokens: 100 retries") {
  VirtualClock clock;
  Faulty f;
  ProviderPtr p = WithRetry(f.provider, Calm());
  f.faults->Arm({.sticky = true, .code = Code::kRateLimited});
  for (int i = 0; i < 1000; ++i) (void)p->Stat(kCtx, "k");
  CHECK(f.faults->matched() == 1100);
}

TEST_CASE("a deadline that would pass while waiting ends the call at once; cancelling ends the wait") {
  VirtualClock clock;
  Faulty f;
  ProviderPtr p = WithRetry(f.provider, Calm());
  f.faults->Arm({.sticky = true, .code = Code::kRateLimited});
  OpContext soon;
  soon.deadline = clock.now() + std::chrono::milliseconds(100);
  CHECK(p->Stat(soon, "k").status().detail().retry == Retry::kExhausted);
  CHECK(clock.sleeps().empty());

  CancelToken cancel;
  OpContext ctx;
  ctx.cancel = &cancel;
  RetryPolicy policy;
  policy.sleep = [&](const OpContext& c, std::chrono::milliseconds) {
    cancel.Cancel();
    return c.Check();
  };
  CHECK(WithRetry(f.provider, policy)->Stat(ctx, "k").code() == Code::kCancelled);
}

TEST_CASE("a Get goes on at the byte it reached") {
  VirtualClock clock;
  Faulty f;
  ProviderPtr p = WithRetry(f.provider, Calm());
  const std::string text = Pattern(3 << 20);
  REQUIRE(WriteAll(*p, kCtx, "k", text).ok());
  for (std::uint64_t cut : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{777777}, std::uint64_t{text.size() - 1}}) {
    CAPTURE(cut);
    Recorder once(false);  // cannot restart: only going on helps
    f.faults->Arm({.kind = FaultKind::kCutBody, .at_byte = cut});
    GetOptions options;
    options.digests = MaskOf(DigestKind::kSha256);
    Result<ObjectInfo> info = p->Get(kCtx, "k", options, once);
    REQUIRE(info.ok());
    CHECK(once.text == text);
    CHECK(*info->digests.Find(DigestKind::kSha256) == Sha256(AsBytes(text)));
    CHECK(f.faults->matched() == 2);
  }
  // A range goes on inside the range.
  Recorder range(false);
  f.faults->Arm({.kind = FaultKind::kCutBody, .at_byte = 5});
  REQUIRE(p->Get(kCtx, "k", {.offset = 100, .length = 20}, range).ok());
  CHECK(range.text == text.substr(100, 20));
  // Every byte had arrived when the answer was lost.
  Recorder full(false);
  f.faults->Arm({.kind = FaultKind::kLostAnswer});
  REQUIRE(p->Get(kCtx, "k", {}, full).ok());
  CHECK(full.text == text);
  CHECK(f.faults->matched() == 1);
}

TEST_CASE("the whole is verified although it came in two pieces") {
  VirtualClock clock;
  Faulty wire;  // below: flips a bit of the rest; above it: cuts the first answer
  auto cuts = std::make_shared<testing::Faults>();
  ProviderPtr p = WithRetry(testing::WithFaults(wire.provider, cuts), Calm());
  const std::string text = Pattern(1 << 20);
  REQUIRE(WriteAll(*p, kCtx, "k", text).ok());
  cuts->Arm({.kind = FaultKind::kCutBody, .at_byte = 1000});
  wire.faults->Arm({.kind = FaultKind::kFlipBit, .at = 2, .at_byte = 5});
  Recorder sink;
  CHECK(p->Get(kCtx, "k", {}, sink).code() == Code::kIntegrity);
  CHECK(wire.faults->reached() == 1);
}

namespace {

// Counts the reads that it is asked to verify itself; may keep back what it knows before the first byte.
struct NoHooks : layers::PlainHooks {
  template <typename R, typename F>
  R Around(const layers::CallInfo& call, F&& next) {
    return next(call.ctx, call.body);
  }
};
class Reads final : public layers::Around<NoHooks> {
 public:
  explicit Reads(ProviderPtr inner, bool tells_head) : Around(std::move(inner)), tells_head_(tells_head) {}
  Result<ObjectInfo> Get(const OpContext& ctx, std::string_view key, const GetOptions& options, ISink& sink) override {
    verified += options.verify ? 1 : 0;
    GetOptions used = options;
    if (!tells_head_) used.head = nullptr;
    return Around::Get(ctx, key, used, sink);
  }
  int verified = 0;

 private:
  const bool tells_head_;
};

}  // namespace

TEST_CASE("the whole is hashed once, here, and compared with what the storage keeps whenever it says so") {
  VirtualClock clock;
  for (bool tells_head : {true, false}) {
    CAPTURE(tells_head);
    Faulty wire;
    auto reads = std::make_shared<Reads>(wire.provider, tells_head);
    ProviderPtr p = WithRetry(reads, Calm());
    REQUIRE(WriteAll(*p, kCtx, "k", Pattern(1000)).ok());
    Recorder good;
    CHECK(p->Get(kCtx, "k", {}, good).ok());
    wire.faults->Arm({.kind = FaultKind::kFlipBit, .at_byte = 5});
    Recorder bad;
    CHECK(p->Get(kCtx, "k", {}, bad).code() == Code::kIntegrity);
    CHECK(reads->verified == 0);
    wire.faults->Arm({.kind = FaultKind::kFlipBit, .at_byte = 5});
    Recorder unasked;
    CHECK(p->Get(kCtx, "k", {.verify = false}, unasked).ok());
  }
}

TEST_CASE("an object replaced while it is read is never glued together") {
  VirtualClock clock;
  for (bool restarts : {true, false}) {
    CAPTURE(restarts);
    Faulty f;
    RetryPolicy policy;
    policy.sleep = [&](const OpContext&, std::chrono::milliseconds) {  // between the attempts somebody writes
      REQUIRE(WriteAll(*f.memory, kCtx, "k", std::string(100, 'B')).ok());
      return Status();
    };
    ProviderPtr p = WithRetry(f.provider, policy);
    REQUIRE(WriteAll(*f.memory, kCtx, "k", std::string(100, 'A')).ok());
    f.faults->Arm({.kind = FaultKind::kCutBody, .at_byte = 50});
    Recorder sink(restarts);
    Result<ObjectInfo> info = p->Get(kCtx, "k", {}, sink);
    if (restarts) {
      REQUIRE(info.ok());
      CHECK(sink.text == std::string(100, 'B'));
    } else {
      CHECK(info.code() == Code::kSourceChanged);
    }
  }
}

TEST_CASE("a failing sink is not the storage's fault") {
  VirtualClock clock;
  Faulty f;
  ProviderPtr p = WithRetry(f.provider, Calm());
  REQUIRE(WriteAll(*p, kCtx, "k", "text").ok());
  Recorder sink;
  sink.failure = Status(Code::kUnavailable, "the other side is down");
  f.faults->Arm({.at = 0});
  const std::uint64_t before = f.faults->calls(Operation::kGet);
  CHECK(p->Get(kCtx, "k", {}, sink).code() == Code::kUnavailable);
  CHECK(f.faults->calls(Operation::kGet) == before + 1);
}

TEST_CASE("the version that is read is told before the first byte") {
  VirtualClock clock;
  Faulty f;
  ProviderPtr p = WithRetry(f.provider, Calm());
  const std::string etag = WriteAll(*p, kCtx, "k", "text")->etag;
  ObjectInfo head;
  GetOptions options;
  options.head = &head;
  Recorder sink;
  std::string seen;
  sink.on_write = [&] { seen = head.etag; };
  REQUIRE(p->Get(kCtx, "k", options, sink).ok());
  CHECK(seen == etag);
}

TEST_CASE("a Put rewinds its source, and is not tried again when it cannot") {
  VirtualClock clock;
  Faulty f;
  ProviderPtr p = WithRetry(f.provider, Calm());
  const std::string text = Pattern(100000);
  Stream good(text);
  f.faults->Arm({.kind = FaultKind::kCutBody, .at_byte = 50000});
  REQUIRE(p->Put(kCtx, "k", good, {}).ok());
  CHECK(good.rewound == 1);
  CHECK(*ReadAll(*f.memory, kCtx, "k") == text);

  Stream pipe(text, false);
  f.faults->Arm({.kind = FaultKind::kCutBody, .at_byte = 50000});
  const Status s = p->Put(kCtx, "pipe", pipe, {}).status();
  CHECK(s.detail().retry == Retry::kExhausted);
  CHECK(f.faults->matched() == 1);
  CHECK(f.memory->Stat(kCtx, "pipe").code() == Code::kNotFound);

  Stream broken(text);
  broken.failure = Status(Code::kUnavailable, "the source is down");
  broken.fail_at = 3000;
  f.faults->Arm({.at = 0});
  const std::uint64_t before = f.faults->calls(Operation::kPut);
  CHECK(p->Put(kCtx, "broken", broken, {}).code() == Code::kUnavailable);
  CHECK(f.faults->calls(Operation::kPut) == before + 1);
}

TEST_CASE("the answer of a conditional Put is lost: success is recognised") {
  VirtualClock clock;
  Faulty f;
  ProviderPtr p = WithRetry(f.provider, Calm());
  f.faults->Arm({.kind = FaultKind::kLostAnswer, .operation = Operation::kPut});
  PutOptions create{.if_absent = true};
  create.digests |= MaskOf(DigestKind::kSha256);
  Result<ObjectInfo> made = WriteAll(*p, kCtx, "k", "mine", create);
  REQUIRE(made.ok());
  CHECK(made->etag == f.memory->Stat(kCtx, "k")->etag);
  CHECK(*made->digests.Find(DigestKind::kSha256) == Sha256(AsBytes("mine")));

  // Somebody else's object is still somebody else's.
  f.faults->Arm({.at = 1, .operation = Operation::kPut});
  CHECK(WriteAll(*p, kCtx, "k", "theirs", create).code() == Code::kAlreadyExists);

  PutOptions replace{.if_match = made->etag};
  f.faults->Arm({.kind = FaultKind::kLostAnswer, .operation = Operation::kPut});
  REQUIRE(WriteAll(*p, kCtx, "k", "second", replace).ok());
  CHECK(*ReadAll(*f.memory, kCtx, "k") == "second");

  f.faults->Arm({.kind = FaultKind::kLostAnswer, .operation = Operation::kCopyFrom});
  REQUIRE(p->CopyFrom(kCtx, p->Locate("k"), "copy", {.if_absent = true}).ok());
}

TEST_CASE("lost and raced at once: the other writer wins, and that is what is said") {
  VirtualClock clock;
  Faulty f;
  RetryPolicy policy;
  policy.sleep = [&](const OpContext&, std::chrono::milliseconds) {
    REQUIRE(f.memory->Remove(kCtx, "k", {}).ok());
    REQUIRE(WriteAll(*f.memory, kCtx, "k", "other").ok());
    return Status();
  };
  f.faults->Arm({.kind = FaultKind::kLostAnswer, .operation = Operation::kPut});
  const Status s = WriteAll(*WithRetry(f.provider, policy), kCtx, "k", "mine", {.if_absent = true}).status();
  CHECK(s.code() == Code::kAlreadyExists);
  CHECK(s.detail().ambiguous);
  CHECK(*ReadAll(*f.memory, kCtx, "k") == "other");
}

TEST_CASE("the answer of Complete is lost") {
  VirtualClock clock;
  Faulty f;
  ProviderPtr p = WithRetry(f.provider, Calm());
  for (bool with_id : {true, false}) {
    UploadOptions create;
    if (with_id) create.attempt_id = "attempt";
    const std::string key = with_id ? "named" : "nameless";
    const std::string id = *p->CreateUpload(kCtx, key, create);
    const auto source = StringSource("part");
    PartInfo part = *p->UploadPart(kCtx, key, id, {1, 0, 4}, *source);
    f.faults->Arm({.kind = FaultKind::kLostAnswer, .operation = Operation::kCompleteUpload});
    CompleteOptions complete{.size = 4};
    complete.attempt_id = create.attempt_id;
    Result<ObjectInfo> done = p->CompleteUpload(kCtx, key, id, {part}, complete);
    if (with_id) {
      REQUIRE(done.ok());
      CHECK(done->size == 4);
    } else {
      CHECK(done.code() == Code::kNotFound);  // nobody can tell
      CHECK(done.status().detail().ambiguous);
    }
  }
}

TEST_CASE("an upload that was opened twice because the answer was lost is told of") {
  VirtualClock clock;
  Faulty f;
  ProviderPtr p = WithRetry(f.provider, Calm());
  bool maybe_another = false;
  UploadOptions create;
  create.maybe_another = &maybe_another;
  REQUIRE(p->CreateUpload(kCtx, "k", create).ok());
  CHECK_FALSE(maybe_another);
  f.faults->Arm({.operation = Operation::kCreateUpload});  // refused: nothing happened
  REQUIRE(p->CreateUpload(kCtx, "k", create).ok());
  CHECK_FALSE(maybe_another);
  f.faults->Arm({.kind = FaultKind::kLostAnswer, .operation = Operation::kCreateUpload});
  REQUIRE(p->CreateUpload(kCtx, "k", create).ok());
  CHECK(maybe_another);
  CHECK(p->ListUploads(kCtx, "k", "")->entries.size() == 4);
}

TEST_CASE("RemoveMany repeats only what failed") {
  VirtualClock clock;
  Faulty f;
  ProviderPtr p = WithRetry(f.provider, Calm());
  const std::vector<std::string> keys = {"a", "b", "c"};
  for (const std::string& key : keys) REQUIRE(WriteAll(*p, kCtx, key, "x").ok());
  f.faults->Arm({.operation = Operation::kRemoveMany});
  std::vector<RemoveResult> results = p->RemoveMany(kCtx, keys);
  REQUIRE(results.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(results[i].key == keys[i]);
    CHECK(results[i].status.ok());
  }
  f.faults->Arm({.sticky = true});
  for (const RemoveResult& result : p->RemoveMany(kCtx, keys)) CHECK(result.status.detail().retry == Retry::kExhausted);
}

TEST_CASE("the flush of a batch is never tried again") {
  VirtualClock clock;
  Faulty f;
  ProviderPtr p = WithRetry(f.provider, Calm());
  auto batch = *p->NewBatch();
  PutOptions options;
  options.batch = batch.get();
  REQUIRE(WriteAll(*p, kCtx, "a", "1", options).ok());
  f.faults->Arm({.operation = Operation::kCommitBatch});
  std::vector<BatchResult> results = batch->Commit(kCtx);
  REQUIRE(results.size() == 1);
  CHECK(results[0].key == "a");
  CHECK(results[0].status.code() == Code::kUnavailable);
  CHECK(f.faults->matched() == 1);
  CHECK(batch->pending() == 0);
  CHECK(f.memory->Stat(kCtx, "a").code() == Code::kNotFound);
  // The batch is usable again.
  REQUIRE(WriteAll(*p, kCtx, "b", "2", options).ok());
  CHECK(batch->Commit(kCtx).at(0).status.ok());
  CHECK(*ReadAll(*f.memory, kCtx, "b") == "2");
}

TEST_CASE("the k-th call fails, for every k: retry hides one failure of every kind from the caller") {
  VirtualClock clock;
  std::uint64_t runs = 0;
  for (FaultKind kind : {FaultKind::kError, FaultKind::kLostAnswer, FaultKind::kCutBody}) {
    for (std::uint64_t k = 1;; ++k) {
      Faulty f;
      ProviderPtr p = WithRetry(f.provider, Calm());
      CAPTURE(k);
      f.faults->Arm({.kind = kind, .at = k, .at_byte = 300});
      const std::string text = Pattern(1000);
      REQUIRE(WriteAll(*p, kCtx, "a", text, {.if_absent = true}).ok());
      REQUIRE(p->CopyFrom(kCtx, p->Locate("a"), "b", {.if_absent = true}).ok());
      const std::string id = *p->CreateUpload(kCtx, "c", {.attempt_id = "me"});
      const auto half1 = StringSource(text.substr(0, 500)), half2 = StringSource(text.substr(500));
      std::vector<PartInfo> parts = {*p->UploadPart(kCtx, "c", id, {1, 0, 500}, *half1), *p->UploadPart(kCtx, "c", id, {2, 500, 500}, *half2)};
      CompleteOptions complete{.size = 1000};
      complete.attempt_id = "me";
      REQUIRE(p->CompleteUpload(kCtx, "c", id, parts, complete).ok());
      for (const char* key : {"a", "b", "c"}) CHECK(*ReadAll(*p, kCtx, key) == text);
      std::vector<std::string> keys;
      REQUIRE(ForEach(*p, kCtx, {.limit = 2}, [&](const ListEntry& entry) {
                keys.emplace_back(entry.key);
                return Status();
              }).ok());
      CHECK(keys == std::vector<std::string>{"a", "b", "c"});
      REQUIRE(p->Remove(kCtx, "a", {}).ok());
      CHECK(p->Stat(kCtx, "a").code() == Code::kNotFound);
      ++runs;
      if (f.faults->reached() == 0) break;
    }
  }
  CHECK(runs > 30);
}
