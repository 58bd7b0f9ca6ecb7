// batcher_test.cc: writes that become durable together, each with its own result.
#include "transfer/batcher.h"

#include "fileferry/local.h"
#include "unit/migrate/world.h"

using namespace fileferry;

TEST_CASE("two writes of one batch with one key: neither takes the other's result for its own") {
  TempFolder folder;
  LocalOptions options;
  options.root = folder.path;
  Result<std::unique_ptr<LocalStorageProvider>> to = LocalStorageProvider::Create(options);
  REQUIRE(to.ok());
  using Ends = std::map<std::string, Code>;
  Ends ends;
  Batcher batcher(**to, [&](PendingWrite&& write, const Status& status, const ObjectInfo&) { ends[write.item.key] = status.code(); });
  REQUIRE(batcher.Start().ok());
  for (const auto& [key, stored] : {std::pair("a", "one"), {"b", "one"}, {"c", "another"}}) {
    Result<std::shared_ptr<Batcher::Open>> open = batcher.Enter();
    REQUIRE(open.ok());
    PutOptions put;
    put.if_absent = true;
    put.batch = Batcher::BatchOf(*open);
    PutText(**to, stored, key, put);
    PendingWrite write;
    write.item.key = key;
    write.ended.batch_key = stored;
    batcher.Leave(*open, &write);
  }
  batcher.Drain();
  batcher.Stop();
  CHECK(ends == Ends{{"a", Code::kAlreadyExists}, {"b", Code::kAlreadyExists}, {"c", Code::kOk}});
}
