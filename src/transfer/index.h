// index.h: a set of keys outside memory, for what cannot be merged as it streams: unsorted listings, and maps that may send two keys to one.
//
// One thread.
#ifndef FILEFERRY_TRANSFER_INDEX_H_
#define FILEFERRY_TRANSFER_INDEX_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "transfer/item.h"

namespace fileferry {

class IKeyIndex {
 public:
  virtual ~IKeyIndex() = default;
  virtual Status Add(std::string_view key, const Token& token) = 0;
  // Whether key was added; fills *token, and marks the key as seen.
  virtual Result<bool> Find(std::string_view key, Token* token) = 0;
  virtual Result<std::uint64_t> Unseen() = 0;
  // True when key belongs to nobody else: it was free, or is owner's already.
  virtual Result<bool> Claim(std::string_view key, std::string_view owner) = 0;
};
using KeyIndexMaker = std::function<Result<std::unique_ptr<IKeyIndex>>()>;

}  // namespace fileferry

#endif  // FILEFERRY_TRANSFER_INDEX_H_
