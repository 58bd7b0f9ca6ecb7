// listing_test.cc: a listing read ahead: all of it, in bounds, and to its end whatever that is.
#include "transfer/listing.h"

#include <thread>

#include "unit/migrate/shaped.h"
#include "unit/migrate/world.h"

using namespace fileferry;

namespace {

std::string Key(int i) {
  const std::string number = std::to_string(i);
  return "p/" + std::string(5 - number.size(), '0') + number;
}

ProviderPtr Many(int count) {
  ProviderPtr provider = MemoryStorageProvider::Create("m:");
  for (int i = 0; i < count; ++i) PutText(*provider, Key(i), "x");
  return provider;
}

std::vector<std::string> ReadAllKeys(Listing& listing, Status* status = nullptr) {
  std::vector<std::string> keys;
  for (;;) {
    const Result<const ListEntry*> entry = listing.Peek();
    if (!entry.ok()) {
      REQUIRE_MESSAGE(status != nullptr, entry.status().ToString());
      *status = entry.status();
      return keys;
    }
    if (*entry == nullptr) return keys;
    CHECK((*listing.Peek())->key == (*entry)->key);  // looking twice moves nothing
    keys.emplace_back((*entry)->key);
    listing.Pop();
  }
}

// Lists by a script.
class Scripted : public Shaped {
 public:
  Scripted(std::vector<std::vector<std::string>> pages, bool repeats) : Shaped(MemoryStorageProvider::Create("m:")), pages_(std::move(pages)), repeats_(repeats) {}
  Result<ListPage> List(const OpContext&, const ListQuery& query) override {
    const std::size_t at = query.token.empty() ? 0 : std::stoul(query.token);
    if (at >= pages_.size()) return Status(Code::kUnavailable, "the listing broke");
    ListPage page;
    for (const std::string& key : pages_[at]) page.entries.emplace_back().key = page.arena.Add(key);
    page.next_token = std::to_string(repeats_ ? 1 : at + 1);
    return page;
  }

 private:
  const std::vector<std::vector<std::string>> pages_;
  const bool repeats_;
};

}  // namespace

TEST_CASE("every key once, without the prefix, and the folder itself is no object in it") {
  ProviderPtr provider = Many(2500);
  PutText(*provider, "p/", "a marker");
  PutText(*provider, "o", "before");
  PutText(*provider, "q", "behind");
  Listing listing({}, *provider, "p/", {}, {});
  const std::vector<std::string> keys = ReadAllKeys(listing);
  REQUIRE(keys.size() == 2500);
  for (int i = 0; i < 2500; ++i) REQUIRE("p/" + keys[static_cast<std::size_t>(i)] == Key(i));
  CHECK(listing.in_order());
  CHECK(*listing.Peek() == nullptr);  // the end stays the end
}

TEST_CASE("it goes on after a key, or with a token of an earlier process") {
  ProviderPtr provider = Many(2500);
  Listing after({}, *provider, "p/", {}, Key(2000));
  CHECK(ReadAllKeys(after).size() == 499);
  ListQuery query;
  query.prefix = "p/";
  const Result<ListPage> first = provider->List({}, query);
  REQUIRE(first.ok());
  Listing rest({}, *provider, "p/", first->next_token, {});
  CHECK(ReadAllKeys(rest).size() == 2500 - first->entries.size());
}

TEST_CASE("at most two pages wait for the reader") {
  Counted counted(Many(8000));
  Listing listing({}, *counted.provider, "p/", {}, {});
  REQUIRE(listing.NextPage().ok());
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  CHECK(counted.faults->calls(Operation::kList) <= 4);  // in hand, two waiting, and one that waits for room
  CHECK(counted.faults->calls(Operation::kList) >= 3);
}

TEST_CASE("what came before a failure is read, then the failure") {
  Scripted storage({{"a", "b"}, {"c"}}, false);
  Listing listing({}, storage, {}, {}, {});
  Status status;
  CHECK(ReadAllKeys(listing, &status) == std::vector<std::string>{"a", "b", "c"});
  CHECK(status.code() == Code::kUnavailable);
  CHECK(listing.Peek().code() == Code::kUnavailable);  // it stays one
}

TEST_CASE("a storage that repeats a page is an error and no endless loop") {
  Scripted storage({{"a"}, {"b"}}, true);
  Listing listing({}, storage, {}, {}, {});
  Status status;
  CHECK(ReadAllKeys(listing, &status) == std::vector<std::string>{"a", "b"});
  CHECK(status.code() == Code::kUnavailable);
}

TEST_CASE("an order that is not the promised one is noticed") {
  Scripted storage({{"a", "c"}, {"b"}}, false);
  Listing listing({}, storage, {}, {}, {});
  Status status;
  CHECK(ReadAllKeys(listing, &status).size() == 3);
  CHECK_FALSE(listing.in_order());
}

TEST_CASE("a listing that nobody reads to its end is left without waiting for it") {
  ProviderPtr provider = Many(8000);
  for (int i = 0; i < 20; ++i) {
    Listing unread({}, *provider, "p/", {}, {});
    Listing begun({}, *provider, "p/", {}, {});
    REQUIRE(begun.Peek().ok());
  }
}
