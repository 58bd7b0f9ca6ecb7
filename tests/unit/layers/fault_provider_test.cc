// fault_provider_test.cc: the fault layer does what its header says, no more and no less.
#include "support.h"

using namespace fileferry;
using testing::FaultKind;

TEST_CASE("the k-th call of an operation fails, once or from then on") {
  Faulty f;
  REQUIRE(WriteAll(*f.provider, kCtx, "k", "x").ok());
  f.faults->Arm({.at = 2, .operation = Operation::kStat});
  CHECK(f.provider->Stat(kCtx, "k").ok());
  CHECK(ReadAll(*f.provider, kCtx, "k").ok());
  CHECK(f.provider->Stat(kCtx, "k").code() == Code::kUnavailable);
  CHECK(f.provider->Stat(kCtx, "k").ok());
  CHECK(f.faults->matched() == 3);
  CHECK(f.faults->reached() == 1);
  f.faults->Arm({.at = 2, .sticky = true, .operation = Operation::kStat, .code = Code::kRateLimited});
  CHECK(f.provider->Stat(kCtx, "k").ok());
  for (int i = 0; i < 3; ++i) CHECK(f.provider->Stat(kCtx, "k").code() == Code::kRateLimited);
  CHECK(f.faults->reached() == 3);
  f.faults->Arm({.at = 100});
  CHECK(f.provider->Stat(kCtx, "k").ok());
  CHECK(f.faults->reached() == 0);
  CHECK(f.faults->calls(Operation::kStat) == 8);
}

TEST_CASE("before the effect, after it, and in the middle of the body") {
  Faulty f;
  const std::string text = Pattern(1000);
  f.faults->Arm({.kind = FaultKind::kError});
  CHECK(WriteAll(*f.provider, kCtx, "a", text).code() == Code::kUnavailable);
  CHECK(f.memory->Stat(kCtx, "a").code() == Code::kNotFound);

  f.faults->Arm({.kind = FaultKind::kLostAnswer});
  const Status lost = WriteAll(*f.provider, kCtx, "b", text).status();
  CHECK(lost.detail().ambiguous);
  CHECK(lost.temporary());
  CHECK(*ReadAll(*f.memory, kCtx, "b") == text);

  for (std::uint64_t at : {std::uint64_t{0}, std::uint64_t{500}, std::uint64_t{5000}}) {  // the last lies past the end: breaks before the last byte
    CAPTURE(at);
    f.faults->Arm({.kind = FaultKind::kCutBody, .at_byte = at});
    CHECK(WriteAll(*f.provider, kCtx, "c", text).code() == Code::kUnavailable);
    CHECK(f.memory->Stat(kCtx, "c").code() == Code::kNotFound);
    f.faults->Arm({.kind = FaultKind::kCutBody, .at_byte = at});
    Recorder sink;
    CHECK(f.provider->Get(kCtx, "b", {}, sink).code() == Code::kUnavailable);
    CHECK(sink.text == text.substr(0, at));
    f.faults->Arm({.kind = FaultKind::kCutBody, .at_byte = at});
    auto opened = *f.provider->Open(kCtx, "b", {}, nullptr);
    Recorder pulled;
    CHECK(opened->SendTo(pulled).code() == Code::kUnavailable);
    CHECK(pulled.text == text.substr(0, at));
  }
  f.faults->Arm({.kind = FaultKind::kCutBody});
  CHECK(WriteAll(*f.provider, kCtx, "empty", "").code() == Code::kUnavailable);

  f.faults->Arm({.kind = FaultKind::kNoSpace, .at_byte = 400});
  const Status full = WriteAll(*f.provider, kCtx, "d", text).status();
  CHECK(full.code() == Code::kQuotaExceeded);
  CHECK(full.detail().service_code == "ENOSPC");
  CHECK(f.memory->Stat(kCtx, "d").code() == Code::kNotFound);
  f.faults->Arm({.kind = FaultKind::kNoSpace});
  CHECK(f.provider->Stat(kCtx, "b").ok());  // reading needs no space
  CHECK(f.faults->matched() == 0);
}

TEST_CASE("wrong and missing bytes, without a word") {
  Faulty f;
  const std::string text = Pattern(1000);
  REQUIRE(WriteAll(*f.memory, kCtx, "k", text).ok());
  f.faults->Arm({.kind = FaultKind::kFlipBit, .at_byte = 700});
  Recorder flipped;
  CHECK(f.provider->Get(kCtx, "k", {}, flipped).ok());
  REQUIRE(flipped.text.size() == text.size());
  for (std::size_t i = 0; i < text.size(); ++i) CHECK((flipped.text[i] == text[i]) == (i != 700));

  f.faults->Arm({.kind = FaultKind::kShort, .at_byte = 300});
  Recorder cut;
  CHECK(f.provider->Get(kCtx, "k", {}, cut).ok());
  CHECK(cut.text == text.substr(0, 300));
  f.faults->Arm({.kind = FaultKind::kShort, .at_byte = 300});
  CHECK(ReadAll(*f.provider, kCtx, "k").code() == Code::kIntegrity);  // counts

  f.faults->Arm({.kind = FaultKind::kShort, .at_byte = 300});
  CHECK(WriteAll(*f.provider, kCtx, "s", text).code() == Code::kSourceChanged);
  CHECK(f.memory->Stat(kCtx, "s").code() == Code::kNotFound);
  f.faults->Arm({.kind = FaultKind::kFlipBit, .at_byte = 3});
  PutOptions expected;
  expected.expected = f.memory->Stat(kCtx, "k")->digests;
  CHECK(WriteAll(*f.provider, kCtx, "s", text, expected).code() == Code::kIntegrity);
}

TEST_CASE("commits: refused ones drop the writes, lost ones keep them") {
  Faulty f;
  auto batch = *f.provider->NewBatch();
  PutOptions options;
  options.batch = batch.get();
  for (FaultKind kind : {FaultKind::kNoSpace, FaultKind::kLostAnswer}) {
    REQUIRE(WriteAll(*f.provider, kCtx, "a", "1", options).ok());
    REQUIRE(WriteAll(*f.provider, kCtx, "b", "2", options).ok());
    f.faults->Arm({.kind = kind, .operation = Operation::kCommitBatch});
    std::vector<BatchResult> results = batch->Commit(kCtx);
    REQUIRE(results.size() == 2);
    CHECK(results[1].key == "b");
    CHECK_FALSE(results[0].status.ok());
    CHECK(batch->pending() == 0);
    CHECK(f.memory->Stat(kCtx, "a").ok() == (kind == FaultKind::kLostAnswer));
  }
}
