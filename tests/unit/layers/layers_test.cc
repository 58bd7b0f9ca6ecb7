// layers_test.cc: prefix, read-only, throttle, timeout, metrics, logging, and the stack of all of them.
#include <atomic>
#include <thread>

#include <nlohmann/json.hpp>

#include "support.h"

using namespace fileferry;
using testing::FaultKind;

TEST_CASE("prefix: keys are rewritten both ways") {
  Faulty f;
  ProviderPtr p = WithPrefix(f.provider, "photos/");
  Result<ObjectInfo> put = WriteAll(*p, kCtx, "cat.jpg", "miau");
  REQUIRE(put.ok());
  CHECK(put->key == "cat.jpg");
  CHECK(f.memory->Stat(kCtx, "photos/cat.jpg").ok());
  CHECK(p->Stat(kCtx, "cat.jpg")->key == "cat.jpg");
  CHECK(*ReadAll(*p, kCtx, "cat.jpg") == "miau");
  const Status missing = p->Stat(kCtx, "dog.jpg").status();
  CHECK(missing.detail().key == "dog.jpg");
  CHECK(missing.code() == Code::kNotFound);
  CHECK(p->Locate("cat.jpg").key == "photos/cat.jpg");
  REQUIRE(p->CopyFrom(kCtx, p->Locate("cat.jpg"), "copy.jpg", {}).ok());
  CHECK(f.memory->Stat(kCtx, "photos/copy.jpg").ok());

  // "photos/" itself has no name below the prefix, and the empty key is not a way to it.
  REQUIRE(WriteAll(*f.memory, kCtx, "photos/", "folder").ok());
  REQUIRE(WriteAll(*f.memory, kCtx, "photos2/x", "other").ok());
  CHECK(p->Stat(kCtx, "").code() == Code::kInvalidArgument);
  CHECK(p->Remove(kCtx, "", {}).code() == Code::kInvalidArgument);
  for (std::uint32_t limit : {1u, 2u, 1000u}) {
    std::vector<std::string> keys;
    REQUIRE(ForEach(*p, kCtx, {.limit = limit}, [&](const ListEntry& entry) {
              keys.emplace_back(entry.key);
              return Status();
            }).ok());
    CHECK(keys == std::vector<std::string>{"cat.jpg", "copy.jpg"});
  }
  Result<ListPage> after = p->List(kCtx, {.prefix = "c", .start_after = "cat.jpg"});
  REQUIRE(after->entries.size() == 1);
  CHECK(after->entries[0].key == "copy.jpg");

  // Tokens work in another layer object over the same storage.
  Result<ListPage> page = p->List(kCtx, {.limit = 2});
  ListQuery next;
  next.token = page->next_token;
  REQUIRE_FALSE(next.token.empty());
  Result<ListPage> rest = WithPrefix(f.memory, "photos/")->List(kCtx, next);
  REQUIRE(rest->entries.size() == 1);
  CHECK(rest->entries[0].key == "copy.jpg");

  // Too long only together.
  CHECK(p->CheckKey(std::string(1020, 'k')).code() == Code::kInvalidArgument);
  CHECK(p->CheckKey(std::string(1017, 'k')).ok());

  const std::vector<std::string> many = {"cat.jpg", "", "none"};
  std::vector<RemoveResult> removed = p->RemoveMany(kCtx, many);
  REQUIRE(removed.size() == 3);
  CHECK((removed[0].key == "cat.jpg" && removed[0].status.ok()));
  CHECK(removed[1].status.code() == Code::kInvalidArgument);
  CHECK((removed[2].key == "none" && removed[2].status.ok()));
  CHECK(f.memory->Stat(kCtx, "photos/cat.jpg").code() == Code::kNotFound);
}

TEST_CASE("prefix: a nested prefix, uploads, batches, heads and opened sources") {
  Faulty f;
  ProviderPtr p = WithPrefix(WithPrefix(f.provider, "a/"), "a/");
  const std::string id = *p->CreateUpload(kCtx, "a/x", {});
  CHECK(p->ListUploads(kCtx, "a/", {})->entries.at(0).key == "a/x");
  CHECK(f.memory->ListUploads(kCtx, {}, {})->entries.at(0).key == "a/a/a/x");
  REQUIRE(p->AbortUpload(kCtx, "a/x", id).ok());

  auto batch = *p->NewBatch();
  PutOptions options;
  options.batch = batch.get();
  REQUIRE(WriteAll(*p, kCtx, "a/b", "bytes", options).ok());
  CHECK(batch->pending_bytes() == 5);
  f.faults->Arm({.kind = FaultKind::kError, .operation = Operation::kCommitBatch});
  BatchResult failed = batch->Commit(kCtx).at(0);
  CHECK(failed.key == "a/b");
  CHECK(failed.status.detail().key == "a/b");
  REQUIRE(WriteAll(*p, kCtx, "a/b", "bytes", options).ok());
  BatchResult good = batch->Commit(kCtx).at(0);
  CHECK(good.key == "a/b");
  CHECK(good.info.key == "a/b");
  CHECK(f.memory->Stat(kCtx, "a/a/a/b").ok());

  ObjectInfo head, info;
  GetOptions get;
  get.head = &head;
  Recorder sink;
  std::string seen;
  sink.on_write = [&] { seen = head.key; };
  REQUIRE(p->Get(kCtx, "a/b", get, sink).ok());
  CHECK(seen == "a/b");
  CHECK(head.key == "a/b");
  auto source = *p->Open(kCtx, "a/b", {}, &info);
  CHECK(info.key == "a/b");
  REQUIRE(p->Remove(kCtx, "a/b", {}).ok());
  const Status changed = SendByReading(*source, sink);
  CHECK(changed.code() == Code::kSourceChanged);
  CHECK(changed.detail().key == "a/b");
}

TEST_CASE("read-only: nothing changes") {
  Faulty f;
  REQUIRE(WriteAll(*f.memory, kCtx, "k", "x").ok());
  ProviderPtr p = WithReadOnly(f.provider);
  const std::uint64_t before = f.faults->calls();
  const auto source = StringSource("y");
  CHECK(p->Put(kCtx, "k", *source, {}).code() == Code::kPermissionDenied);
  CHECK(p->Remove(kCtx, "k", {}).code() == Code::kPermissionDenied);
  const std::vector<std::string> keys = {"k", "l"};
  std::vector<RemoveResult> removed = p->RemoveMany(kCtx, keys);
  REQUIRE(removed.size() == 2);
  CHECK(removed[1].key == "l");
  CHECK(removed[1].status.code() == Code::kPermissionDenied);
  CHECK(p->CopyFrom(kCtx, p->Locate("k"), "l", {}).code() == Code::kPermissionDenied);
  CHECK(p->SetProperties(kCtx, "k", {}).code() == Code::kPermissionDenied);
  CHECK(p->CreateUpload(kCtx, "k", {}).code() == Code::kPermissionDenied);
  CHECK(p->UploadPart(kCtx, "k", "id", {1, 0, 1}, *source).code() == Code::kPermissionDenied);
  CHECK(p->UploadPartCopy(kCtx, "k", "id", {1, 0, 1}, p->Locate("k"), {}).code() == Code::kPermissionDenied);
  CHECK(p->CompleteUpload(kCtx, "k", "id", {}, {}).code() == Code::kPermissionDenied);
  CHECK(p->AbortUpload(kCtx, "k", "id").code() == Code::kPermissionDenied);
  CHECK(p->NewBatch().code() == Code::kPermissionDenied);
  CHECK(p->Url("k", {.method = HttpMethod::kPut}).code() == Code::kPermissionDenied);
  CHECK(f.faults->calls() == before);
  CHECK(p->Url("k", {}).code() == Code::kUnsupported);  // asked of the storage
  CHECK(*ReadAll(*p, kCtx, "k") == "x");
  CHECK(p->List(kCtx, {})->entries.size() == 1);
}

TEST_CASE("throttle: bytes a second within five per cent, live changes, a fair share") {
  VirtualClock clock;
  Faulty f;
  auto limiter = NewRateLimiter(1e6);
  ProviderPtr p = WithThrottle(f.provider, {limiter, nullptr});
  const std::string text = Pattern(2000000);
  const auto seconds = [&](auto work) {
    const auto start = clock.now();
    work();
    return std::chrono::duration<double>(clock.now() - start).count();
  };
  Stream stream(text);
  CHECK(seconds([&] { REQUIRE(p->Put(kCtx, "k", stream, {}).ok()); }) == doctest::Approx(2.0).epsilon(0.05));
  CHECK(seconds([&] { CHECK(*ReadAll(*p, kCtx, "k") == text); }) == doctest::Approx(2.0).epsilon(0.05));
  CHECK(seconds([&] {
          for (int i = 0; i < 20; ++i) REQUIRE(WriteAll(*p, kCtx, "small", std::string_view(text).substr(0, 100000)).ok());
        }) == doctest::Approx(2.0).epsilon(0.05));
  limiter->SetRate(4e6);
  CHECK(seconds([&] { CHECK(*ReadAll(*p, kCtx, "k") == text); }) == doctest::Approx(0.5).epsilon(0.05));
  limiter->SetRate(0);
  CHECK(seconds([&] { CHECK(*ReadAll(*p, kCtx, "k") == text); }) == 0);
  CHECK(limiter->rate() == 0);
  auto source = *p->Open(kCtx, "k", {}, nullptr);
  limiter->SetRate(1e6);
  Recorder sink;
  CHECK(seconds([&] { REQUIRE(source->SendTo(sink).ok()); }) == doctest::Approx(2.0).epsilon(0.05));
}

TEST_CASE("throttle: requests a second") {
  VirtualClock clock;
  Faulty f;
  ProviderPtr p = WithThrottle(f.provider, {nullptr, NewRateLimiter(10)});
  const auto start = clock.now();
  for (int i = 0; i < 101; ++i) (void)p->Stat(kCtx, "k");
  CHECK(std::chrono::duration<double>(clock.now() - start).count() == doctest::Approx(10.0).epsilon(0.05));
}

TEST_CASE("throttle: sixteen threads on the real clock share one limit and stop when cancelled") {
  auto limiter = NewRateLimiter(4e6);
  std::atomic<std::uint64_t> passed{0};
  std::array<std::atomic<std::uint64_t>, 16> shares{};
  CancelToken cancel;
  OpContext ctx;
  ctx.cancel = &cancel;
  std::vector<std::thread> threads;
  const auto start = OpContext::Clock::now();
  for (std::size_t t = 0; t < shares.size(); ++t) {
    threads.emplace_back([&, t] {
      while (limiter->Acquire(ctx, 10000).ok()) {
        passed += 10000;
        shares[t] += 10000;
      }
    });
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(1000));
  cancel.Cancel();
  for (std::thread& thread : threads) thread.join();
  const double seconds = std::chrono::duration<double>(OpContext::Clock::now() - start).count();
  CHECK(static_cast<double>(passed.load()) <= 4e6 * seconds * 1.05 + 80000);
  CHECK(static_cast<double>(passed.load()) >= 4e6 * 0.8);
  for (const auto& share : shares) CHECK(share.load() * 32 > passed.load());  // nobody has less than half a fair share
}

TEST_CASE("timeout: a call that hangs, a body that crawls, a consumer that is slow") {
  VirtualClock clock;
  Faulty f;
  ProviderPtr p = WithTimeout(f.provider, {std::chrono::milliseconds(1000), 1000});
  REQUIRE(WriteAll(*f.memory, kCtx, "k", Pattern(1 << 20)).ok());

  // The memory storage sees the deadline after the sleep.
  f.faults->Arm({.kind = FaultKind::kSlow, .delay = std::chrono::milliseconds(900)});
  CHECK(p->Stat(kCtx, "k").ok());
  f.faults->Arm({.kind = FaultKind::kSlow, .delay = std::chrono::milliseconds(1100)});
  CHECK(p->Stat(kCtx, "k").code() == Code::kTimeout);
  // 500 bytes in memory have half a second more.
  f.faults->Arm({.kind = FaultKind::kSlow, .delay = std::chrono::milliseconds(1400)});
  CHECK(WriteAll(*p, kCtx, "small", std::string(500, 'x')).ok());
  f.faults->Arm({.kind = FaultKind::kSlow, .delay = std::chrono::milliseconds(1600)});
  CHECK(WriteAll(*p, kCtx, "small", std::string(500, 'x')).code() == Code::kTimeout);
  // Before the first byte of an answer.
  Recorder sink;
  f.faults->Arm({.kind = FaultKind::kSlow, .delay = std::chrono::milliseconds(1100)});
  CHECK(p->Get(kCtx, "k", {}, sink).code() == Code::kTimeout);
  // A slow consumer is not the storage's fault.
  f.faults->Disarm();
  Recorder slow;
  slow.on_write = [] { (void)SleepFor(kCtx, std::chrono::hours(1)); };
  CHECK(p->Get(kCtx, "k", {}, slow).ok());
}

TEST_CASE("metrics count calls, errors, bytes and times") {
  VirtualClock clock;
  Faulty f;
  std::shared_ptr<Metrics> metrics;
  ProviderPtr p = WithMetrics(f.provider, &metrics);
  REQUIRE(WriteAll(*p, kCtx, "k", std::string(1000, 'x')).ok());
  for (int i = 0; i < 100; ++i) {
    f.faults->Arm({.kind = FaultKind::kSlow, .delay = std::chrono::milliseconds(i + 1)});
    CHECK(ReadAll(*p, kCtx, "k").ok());
  }
  (void)p->Stat(kCtx, "none");
  auto opened = *p->Open(kCtx, "k", {}, nullptr);
  Recorder sink;
  REQUIRE(opened->SendTo(sink).ok());
  const OperationMetrics get = metrics->Of(Operation::kGet);
  CHECK(get.calls == 100);
  CHECK(get.errors == 0);
  CHECK(get.bytes == 100000);
  CHECK(get.max_ms == doctest::Approx(100));
  CHECK((get.p50_ms >= 50 && get.p50_ms <= 63));
  CHECK((get.p90_ms >= 90 && get.p90_ms <= 100));
  CHECK((get.p99_ms >= 99 && get.p99_ms <= 100));
  CHECK(metrics->Of(Operation::kStat).errors == 1);
  CHECK(metrics->Of(Operation::kPut).bytes == 1000);
  CHECK(metrics->Of(Operation::kOpen).bytes == 1000);

  const auto json = nlohmann::json::parse(metrics->Json());
  CHECK(json["get"]["calls"] == 100);
  CHECK(json["stat"]["errors"] == 1);
  CHECK_FALSE(json.contains("list"));
  const std::string text = metrics->Prometheus("my \"disk\"");
  CHECK(text.find("fileferry_calls_total{storage=\"my \\\"disk\\\"\",operation=\"get\"} 100\n") != std::string::npos);
  CHECK(text.find("fileferry_call_seconds_count{storage=\"my \\\"disk\\\"\",operation=\"get\"} 100\n") != std::string::npos);
}

TEST_CASE("logging: one line for each call, whatever the key") {
  Faulty f;
  std::vector<std::string> lines;
  ProviderPtr p = WithLogging(f.provider, [&](std::string_view line) { lines.emplace_back(line); });
  REQUIRE(WriteAll(*p, kCtx, "new\nline\x1b[2J", "12345").ok());
  (void)p->Stat(kCtx, "none");
  REQUIRE(lines.size() == 2);
  for (const std::string& line : lines) {
    for (char c : line) CHECK(static_cast<unsigned char>(c) >= 0x20);
  }
  CHECK(lines[0].find("shelf put \"new\\x0Aline\\x1B[2J\" 5 bytes ") == 0);
  CHECK(lines[0].ends_with(" ms ok"));
  CHECK(lines[1].find("NotFound: there is no such object") != std::string::npos);
}

TEST_CASE("the stack: the order is fixed, and all of it works together") {
  VirtualClock clock;
  Faulty f;
  std::vector<std::string> lines;
  std::shared_ptr<Metrics> metrics;
  ProviderPtr p = ProviderStack(f.provider)
                      .Log([&](std::string_view line) { lines.emplace_back(line); })
                      .CollectMetrics(&metrics)
                      .Retry({})
                      .Throttle({NewRateLimiter(0), NewRateLimiter(0)})
                      .Timeout({})
                      .Prefix("root/")
                      .Build();
  f.faults->Arm({.at = 1});
  REQUIRE(WriteAll(*p, kCtx, "k", "x").ok());
  CHECK(metrics->Of(Operation::kPut).calls == 1);  // above the retry: what the application sees
  REQUIRE(lines.size() == 2);                      // below it: what was sent
  CHECK(lines[0].find("\"root/k\"") != std::string::npos);
  CHECK(f.memory->Stat(kCtx, "root/k").ok());

  auto batch = *p->NewBatch();
  PutOptions options;
  options.batch = batch.get();
  REQUIRE(WriteAll(*p, kCtx, "batched", "x", options).ok());
  CHECK(batch->pending() == 1);
  CHECK(f.memory->Stat(kCtx, "root/batched").code() == Code::kNotFound);
  CHECK(batch->Commit(kCtx).at(0).info.key == "batched");
  CHECK(f.memory->Stat(kCtx, "root/batched").ok());

  ProviderPtr read_only = ProviderStack(f.provider).ReadOnly().Prefix("root/").Build();
  const Status refused = read_only->Remove(kCtx, "k", {});
  CHECK(refused.code() == Code::kPermissionDenied);
  CHECK(refused.detail().key == "k");
}

TEST_CASE("sixteen threads through every layer at once") {
  Faulty f;
  std::shared_ptr<Metrics> metrics;
  std::atomic<int> lines{0};
  ProviderPtr p = ProviderStack(f.provider)
                      .Log([&](std::string_view) { ++lines; })
                      .CollectMetrics(&metrics)
                      .Retry({.base = std::chrono::milliseconds(1)})
                      .Throttle({NewRateLimiter(1e9), nullptr})
                      .Timeout({})
                      .Prefix("t/")
                      .Build();
  f.faults->Arm({.kind = FaultKind::kLostAnswer, .at = 50, .operation = Operation::kGet});  // a write into a batch is not repeated
  auto batch = *p->NewBatch();
  std::atomic<int> created{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 16; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i) {
        const std::string key = "k" + std::to_string(i);
        if (WriteAll(*p, kCtx, key, "same", {.if_absent = true}).ok()) ++created;
        CHECK(*ReadAll(*p, kCtx, key) == "same");
        PutOptions batched;
        batched.batch = batch.get();
        CHECK(WriteAll(*p, kCtx, "b" + std::to_string(t) + "-" + std::to_string(i), "x", batched).ok());
        (void)metrics->Json();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(created == 20);
  CHECK(batch->Commit(kCtx).size() == 320);
  CHECK(metrics->Of(Operation::kPut).calls == 640);
}
