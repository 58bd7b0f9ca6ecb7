// merge_test.cc: the source's objects, each with what the destination holds in its place.
#include "transfer/merge.h"

#include <map>
#include <set>

#include "unit/migrate/shaped.h"
#include "unit/migrate/world.h"

using namespace fileferry;

namespace {

class MapIndex : public IKeyIndex {
 public:
  Status Add(std::string_view key, const Token& token) override {
    entries_[std::string(key)] = token;
    return {};
  }
  Result<bool> Find(std::string_view key, Token* token) override {
    const auto found = entries_.find(std::string(key));
    if (found == entries_.end()) return false;
    *token = found->second;
    seen_.insert(found->first);
    return true;
  }
  Result<std::uint64_t> Unseen() override { return std::uint64_t{entries_.size() - seen_.size()}; }
  Result<bool> Claim(std::string_view key, std::string_view owner) override { return owners_.try_emplace(std::string(key), owner).first->second == owner; }

 private:
  std::map<std::string, Token> entries_;
  std::map<std::string, std::string> owners_;
  std::set<std::string> seen_;
};

Side SideOf(ProviderPtr provider, std::string prefix = {}) {
  Side side;
  side.caps = provider->Caps();
  side.provider = std::move(provider);
  side.prefix = std::move(prefix);
  return side;
}

struct Merged {
  std::map<std::string, Item> items;  // by the destination's key
  std::vector<std::string> order;
  Progress progress;
  int indexes = 0;
};

Merged Merge(const Side& from, const Side& to, const CopyPlan& plan, MergeSupply::Start start = {}) {
  Result<std::unique_ptr<Rules>> rules = Rules::Compile(plan);
  REQUIRE_MESSAGE(rules.ok(), rules.status().ToString());
  Board board(1);
  Merged merged;
  const KeyIndexMaker maker = [&]() -> Result<std::unique_ptr<IKeyIndex>> {
    ++merged.indexes;
    return std::unique_ptr<IKeyIndex>(std::make_unique<MapIndex>());
  };
  MergeSupply supply(from, to, **rules, maker, board, start);
  std::vector<Item> items;
  for (;;) {
    items.clear();
    const Status status = supply.Next({}, &items);
    REQUIRE_MESSAGE(status.ok(), status.ToString());
    if (items.empty()) break;
    for (Item& item : items) {
      merged.order.push_back(item.key);
      merged.items[item.to + (item.decided == Outcome::kRefused ? " refused " + item.key : "")] = item;
    }
  }
  CHECK(supply.ended());
  merged.progress = board.Snapshot();
  return merged;
}

std::pair<ProviderPtr, ProviderPtr> Two() { return {MemoryStorageProvider::Create("from:"), MemoryStorageProvider::Create("to:")}; }

}  // namespace

TEST_CASE("present, absent and extra, across many pages and below folders") {
  auto [from, to] = Two();
  for (int i = 0; i < 2500; ++i) {
    if (i % 3 != 0) PutText(*from, "in/" + std::to_string(i), "source");
    if (i % 2 != 0) PutText(*to, "out/" + std::to_string(i), "there");
  }
  PutText(*to, "out/" + std::string(kTrashPrefix) + "1/x", "no object of anybody");
  PutText(*to, "elsewhere", "x");
  const Merged merged = Merge(SideOf(from, "in/"), SideOf(to, "out/"), {});
  std::uint64_t extra = 0;
  for (int i = 0; i < 2500; ++i) {
    const auto found = merged.items.find(std::to_string(i));
    REQUIRE((found != merged.items.end()) == (i % 3 != 0));
    if (i % 3 == 0) {
      extra += i % 2 != 0 ? 1 : 0;
      continue;
    }
    REQUIRE(found->second.known == (i % 2 != 0 ? Known::kPresent : Known::kAbsent));
    if (i % 2 != 0) REQUIRE(found->second.there.size == 5);
    REQUIRE(found->second.size == 6);
  }
  CHECK(merged.progress.extra == extra);
  CHECK(merged.progress.listed == merged.items.size());
  CHECK(merged.progress.listed_bytes == merged.items.size() * 6);
  CHECK(merged.indexes == 0);  // nothing is kept outside of the stream
}

TEST_CASE("the trash of a folder below is no object either, on both sides, sorted or not") {
  for (const bool sorted : {true, false}) {
    CAPTURE(sorted);
    auto [from, to] = Two();
    for (const ProviderPtr& provider : {from, to}) {
      for (const char* key : {".fileferry/trash/1/x", "a", "sub/.fileferry/trash/1/x", "sub/b"}) PutText(*provider, "top/" + std::string(key), "x");
    }
    for (const char* key : {"top/.fileferry/mine", "top/my.fileferry/trash/x"}) PutText(*from, key, "x");
    PutText(*to, "top/sub/.fileferry/trash/2/y", "x");
    auto shaped = std::make_shared<Shaped>(to);
    shaped->caps.sorted_list = sorted;
    const Merged merged = Merge(SideOf(from, "top/"), SideOf(shaped, "top/"), {});
    CHECK(merged.order == std::vector<std::string>{".fileferry/mine", "a", "my.fileferry/trash/x", "sub/b"});
    CHECK(merged.progress.extra == 0);
    const Merged named = Merge(SideOf(from, "top/sub/.fileferry/trash/"), SideOf(shaped, "none/"), {});
    CHECK(named.order == std::vector<std::string>{"1/x"});
  }
}

TEST_CASE("filters count what they leave out") {
  auto [from, to] = Two();
  for (const char* key : {"a.jpg", "b.txt", "c.jpg"}) PutText(*from, key, "x");
  CopyPlan plan;
  plan.filter.include = {"*.jpg"};
  const Merged merged = Merge(SideOf(from), SideOf(to), plan);
  CHECK(merged.order == std::vector<std::string>{"a.jpg", "c.jpg"});
  CHECK(merged.progress.filtered == 1);
}

TEST_CASE("maps that keep the order stream; others, and unsorted listings, are looked up in an index") {
  struct Way {
    const char* map;
    bool sorted;
    int indexes;
  };
  for (const Way& way : {Way{"prefix+x/", true, 0}, Way{"re:^k(.*)=>x/\\1", true, 1}, Way{"same", false, 1}}) {
    CAPTURE(way.map);
    auto [from, to] = Two();
    const Result<std::unique_ptr<Rules>> rules = [&] {
      CopyPlan plan;
      plan.map = way.map;
      return Rules::Compile(plan);
    }();
    REQUIRE(rules.ok());
    for (int i = 0; i < 1200; ++i) {
      const std::string key = "k" + std::to_string(i);
      PutText(*from, key, "x");
      if (i % 2 == 0) PutText(*to, *(*rules)->Map(key), "there");
    }
    PutText(*to, "extra", "x");
    auto shaped = std::make_shared<Shaped>(to);
    shaped->caps.sorted_list = way.sorted;
    shaped->shuffle = !way.sorted;
    CopyPlan plan;
    plan.map = way.map;
    const Merged merged = Merge(SideOf(from), SideOf(shaped), plan);
    CHECK(merged.indexes == way.indexes);
    CHECK(merged.items.size() == 1200);
    int present = 0;
    for (const auto& [key, item] : merged.items) {
      REQUIRE(item.known != Known::kUnknown);
      present += item.known == Known::kPresent ? 1 : 0;
    }
    CHECK(present == 600);
    CHECK(merged.progress.extra == 1);
  }
}

TEST_CASE("a broken promise of order is noticed: nothing is called absent that may be there") {
  auto [from, to] = Two();
  for (int i = 0; i < 100; ++i) {
    PutText(*from, "k" + std::to_string(i), "x");
    PutText(*to, "k" + std::to_string(i), "x");
  }
  for (const bool source : {false, true}) {
    CAPTURE(source);
    auto shaped = std::make_shared<Shaped>(source ? from : to);
    shaped->shuffle = true;
    const Merged merged = Merge(SideOf(source ? ProviderPtr(shaped) : from), SideOf(source ? to : ProviderPtr(shaped)), {});
    CHECK(merged.items.size() == 100);
    for (const auto& each : merged.items) CHECK_MESSAGE(each.second.known != Known::kAbsent, each.first);
    CHECK(merged.progress.notes.size() == 1);
  }
}

TEST_CASE("two keys that become one: the second is refused by name") {
  auto [from, to] = Two();
  for (const char* key : {"a-1", "b-1", "c"}) PutText(*from, key, "x");
  CopyPlan plan;
  plan.map = "re:^[a-b]-=>n";
  const Merged merged = Merge(SideOf(from), SideOf(to), plan);
  CHECK(merged.items.count("n1") == 1);
  CHECK(merged.items.count("n1 refused b-1") == 1);
  CHECK(merged.items.count("c refused c") == 1);  // no match
}

TEST_CASE("a run that was cut off goes on with its page, against the rest of the destination") {
  auto [from, to] = Two();
  for (int i = 1000; i < 3500; ++i) {
    PutText(*from, std::to_string(i), "x");
    PutText(*to, std::to_string(i), "x");
  }
  const Result<ListPage> first = from->List({}, {});
  REQUIRE(first.ok());
  MergeSupply::Start start;
  start.token = first->next_token;
  start.last_key = first->entries.back().key;
  const Merged merged = Merge(SideOf(from), SideOf(to), {}, start);
  CHECK(merged.items.size() == 2500 - first->entries.size());
  for (const auto& [key, item] : merged.items) REQUIRE(item.known == Known::kPresent);
  CHECK(merged.progress.extra == 0);
}

TEST_CASE("one object is one item, and the place of its new name is looked at") {
  auto [from, to] = Two();
  PutText(*from, "in/deep/key", "source");
  PutText(*to, "name", "there");
  Side source = SideOf(from), destination = SideOf(to);
  source.single = "in/deep/key";
  destination.single = "name";
  Merged merged = Merge(source, destination, {});
  REQUIRE(merged.order == std::vector<std::string>{"key"});
  CHECK(merged.items["key"].known == Known::kPresent);
  CHECK(merged.items["key"].there.size == 5);
  destination.single = "other";
  CHECK(Merge(source, destination, {}).items["key"].known == Known::kAbsent);
}
