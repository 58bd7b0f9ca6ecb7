// key_index.cc: see key_index.h.
#include "migrate/key_index.h"

#include <utility>

#include "journal/sorted_keys.h"

namespace fileferry {

namespace {

class KeyIndex : public IKeyIndex {
 public:
  explicit KeyIndex(std::unique_ptr<SortedKeys> keys) : keys_(std::move(keys)) {}

  Status Add(std::string_view key, const Token& token) override { return keys_->Add(key, {token.etag, token.size, token.modified}); }
  Result<bool> Find(std::string_view key, Token* token) override {
    Result<std::optional<SortedKeys::Entry>> found = keys_->Find(key);
    if (!found.ok()) return found.status();
    if (!found->has_value()) return false;
    *token = Token{std::move((*found)->etag), {}, (*found)->size, (*found)->modified};
    return true;
  }
  Result<std::uint64_t> Unseen() override { return keys_->Unseen(); }
  Result<bool> Claim(std::string_view key, std::string_view owner) override { return keys_->Claim(key, owner); }

 private:
  const std::unique_ptr<SortedKeys> keys_;
};

}  // namespace

Result<std::unique_ptr<IKeyIndex>> NewKeyIndex() {
  Result<std::unique_ptr<SortedKeys>> keys = SortedKeys::Create();
  if (!keys.ok()) return keys.status();
  return std::unique_ptr<IKeyIndex>(std::make_unique<KeyIndex>(std::move(*keys)));
}

}  // namespace fileferry
