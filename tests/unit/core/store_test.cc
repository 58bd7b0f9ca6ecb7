// store_test.cc: Store, Lister, Reader and Writer over the storage in memory.
#include "support.h"

using namespace fileferry;
using testing::FaultKind;

TEST_CASE("a store puts, gets, lists, copies, moves and removes") {
  Over over;
  Store store(over.provider);
  REQUIRE(store.Put(kCtx, "a/cat.JPG", "miau").ok());
  CHECK(store.Stat(kCtx, "a/cat.JPG")->properties.content_type == "image/jpeg");
  CHECK(*store.Get(kCtx, "a/cat.JPG") == "miau");
  CHECK(store.Get(kCtx, "a/cat.JPG", 3).code() == Code::kInvalidArgument);
  CHECK(store.Get(kCtx, "none").code() == Code::kNotFound);
  CHECK(*store.Exists(kCtx, "a/cat.JPG"));
  CHECK_FALSE(*store.Exists(kCtx, "a/dog.JPG"));
  over.faults->Arm({.code = Code::kPermissionDenied});
  CHECK(store.Exists(kCtx, "a/cat.JPG").code() == Code::kPermissionDenied);
  over.faults->Disarm();
  CHECK(store.Put(kCtx, "", "x").code() == Code::kInvalidArgument);
  CHECK(store.Put(kCtx, "\xff", "x").code() == Code::kInvalidArgument);

  REQUIRE(store.Copy(kCtx, "a/cat.JPG", "b/cat").ok());
  CHECK(store.Copy(kCtx, "a/cat.JPG", "b/cat", {.if_absent = true}).code() == Code::kAlreadyExists);
  CHECK(store.Stat(kCtx, "b/cat")->properties.content_type == "image/jpeg");
  REQUIRE(store.Move(kCtx, "b/cat", "c").ok());
  CHECK(store.Get(kCtx, "b/cat").code() == Code::kNotFound);
  CHECK(*store.Get(kCtx, "c") == "miau");
  REQUIRE(store.Move(kCtx, "c", "c").ok());
  CHECK(*store.Get(kCtx, "c") == "miau");
  over.faults->Arm({.operation = Operation::kRemove, .code = Code::kPermissionDenied});
  CHECK(store.Move(kCtx, "c", "d").status().message().find("was copied") != std::string::npos);
  CHECK(*store.Get(kCtx, "c") == "miau");
  CHECK(*store.Get(kCtx, "d") == "miau");

  std::vector<std::string> names;
  Lister all = store.List(kCtx);
  while (all.Next()) names.emplace_back(all.entry().key);
  CHECK(all.status().ok());
  CHECK(names == std::vector<std::string>{"a/cat.JPG", "c", "d"});
  Lister folded = store.List(kCtx, {}, true);
  REQUIRE(folded.Next());
  CHECK((folded.entry().is_prefix && folded.entry().key == "a/"));
  over.faults->Arm({.operation = Operation::kList});
  Lister broken = store.List(kCtx);
  CHECK_FALSE(broken.Next());
  CHECK(broken.status().code() == Code::kUnavailable);
  CHECK(store.Remove(kCtx, "c").ok());
  CHECK(store.Remove(kCtx, "c").ok());
  CHECK(store.Url("d").code() == Code::kUnsupported);
}

TEST_CASE("a reader seeks, reads ahead and never mixes versions") {
  Over over;
  Store store(over.provider);
  const std::string text = Pattern(3000000);
  REQUIRE(store.Put(kCtx, "k", text).ok());
  auto reader = *store.OpenReader(kCtx, "k", {.read_ahead = 1 << 20});
  CHECK(reader->size() == text.size());
  std::string all(text.size() + 10, '\0');
  CHECK(*reader->Read(kCtx, std::as_writable_bytes(std::span(all))) == text.size());
  all.resize(text.size());
  CHECK(all == text);
  CHECK(*reader->Read(kCtx, std::as_writable_bytes(std::span(all))) == 0);

  // Small reads straight on: few requests.
  REQUIRE(reader->Seek(0).ok());
  const std::uint64_t before = over.faults->calls(Operation::kGet);
  std::string again;
  char buffer[777];
  while (true) {
    Result<std::size_t> n = reader->Read(kCtx, std::as_writable_bytes(std::span(buffer)));
    REQUIRE(n.ok());
    if (*n == 0) break;
    again.append(buffer, *n);
  }
  CHECK(again == text);
  CHECK(over.faults->calls(Operation::kGet) - before == 6);  // 64 KiB, 128, 256, 512, 1 MiB, the rest

  for (std::uint64_t at : {std::uint64_t{2999999}, std::uint64_t{0}, std::uint64_t{1234567}, std::uint64_t{64 << 10}, std::uint64_t{(64 << 10) - 1}}) {
    REQUIRE(reader->Seek(at).ok());
    const std::size_t n = *reader->Read(kCtx, std::as_writable_bytes(std::span(buffer)));
    CHECK(std::string(buffer, n) == text.substr(at, sizeof buffer));
    CHECK(reader->position() == at + n);
  }
  CHECK(reader->Seek(3000001).code() == Code::kInvalidArgument);
  CHECK(reader->Seek(3000000).ok());
  CHECK(*reader->Read(kCtx, std::as_writable_bytes(std::span(buffer))) == 0);

  REQUIRE(reader->Seek(0).ok());
  REQUIRE(store.Put(kCtx, "k", Pattern(3000001)).ok());
  CHECK(reader->Read(kCtx, std::as_writable_bytes(std::span(buffer))).code() == Code::kSourceChanged);
  REQUIRE(store.Put(kCtx, "empty", "").ok());
  CHECK(*(*store.OpenReader(kCtx, "empty"))->Read(kCtx, std::as_writable_bytes(std::span(buffer))) == 0);
}

TEST_CASE("a writer: small in one request, large in parts or through a file, all or nothing") {
  for (const bool multipart : {true, false}) {
    CAPTURE(multipart);
    Over over;
    over.caps.multipart = multipart;
    over.caps.put_unknown_size = false;
    TransferTuning tuning;
    tuning.multipart_threshold = 1 << 20;
    tuning.part_size = 1 << 20;
    Store store(over.provider, tuning);
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{(1 << 20) - 1}, std::size_t{1 << 20}, std::size_t{(1 << 20) + 1}, std::size_t{2 << 20}, std::size_t{5000000}}) {
      CAPTURE(size);
      const std::string text = Pattern(size);
      auto writer = *store.OpenWriter("dir/x.html");
      for (std::size_t at = 0; at < size; at += 300007) REQUIRE(writer->Write(kCtx, AsBytes(std::string_view(text).substr(at, 300007))).ok());
      CHECK(writer->position() == size);
      CHECK(store.Get(kCtx, "dir/x.html").code() == Code::kNotFound);
      Result<ObjectInfo> info = writer->Commit(kCtx);
      REQUIRE(info.ok());
      CHECK(info->size == size);
      CHECK(info->properties.content_type == "text/html");
      CHECK(*store.Get(kCtx, "dir/x.html") == text);
      CHECK(writer->Write(kCtx, AsBytes("x")).code() == Code::kInvalidArgument);
      CHECK(writer->Commit(kCtx).code() == Code::kInvalidArgument);
      CHECK(writer->Discard(kCtx).ok());
      CHECK(*store.Get(kCtx, "dir/x.html") == text);
      REQUIRE(store.Remove(kCtx, "dir/x.html").ok());

      auto dropped = *store.OpenWriter("dropped");
      REQUIRE(dropped->Write(kCtx, AsBytes(text)).ok());
      dropped.reset();
      CHECK(store.Get(kCtx, "dropped").code() == Code::kNotFound);
      CHECK(over.memory->ListUploads(kCtx, {}, {})->entries.empty());
    }
    // Every call fails once: either the object is there as a whole and Commit said so, or nothing is there.
    for (std::uint64_t k = 1;; ++k) {
      CAPTURE(k);
      over.faults->Arm({.at = k});
      auto writer = *store.OpenWriter("k");
      Status status = writer->Write(kCtx, AsBytes(Pattern(3000000)));
      const Result<ObjectInfo> info = writer->Commit(kCtx);
      CHECK((status.ok() || !info.ok()));
      const bool failed = over.faults->reached() > 0;
      over.faults->Disarm();
      CHECK(info.ok() == !failed);
      CHECK(store.Exists(kCtx, "k").value() == info.ok());
      writer.reset();
      CHECK(over.memory->ListUploads(kCtx, {}, {})->entries.empty());
      if (!failed) break;
    }
  }
}

TEST_CASE("a writer keeps conditions and expected digests") {
  Over over;
  over.caps.put_unknown_size = false;
  TransferTuning tuning;
  tuning.multipart_threshold = 1000;
  tuning.part_size = 1 << 20;
  Store store(over.provider, tuning);
  REQUIRE(store.Put(kCtx, "k", "old").ok());
  auto writer = *store.OpenWriter("k", {.if_absent = true});
  REQUIRE(writer->Write(kCtx, AsBytes(Pattern(5000))).ok());
  CHECK(writer->Commit(kCtx).code() == Code::kAlreadyExists);
  CHECK(*store.Get(kCtx, "k") == "old");
  CHECK(over.memory->ListUploads(kCtx, {}, {})->entries.empty());
  PutOptions expected;
  expected.expected.Set(Sha256(AsBytes("something else")));
  auto wrong = *store.OpenWriter("k", expected);
  REQUIRE(wrong->Write(kCtx, AsBytes(Pattern(5000))).ok());
  CHECK(wrong->Commit(kCtx).code() == Code::kIntegrity);
  CHECK(*store.Get(kCtx, "k") == "old");
}
