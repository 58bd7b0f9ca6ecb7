// property_store.h: where records are kept: an extended attribute of the file, or a hidden record below .fileferry/properties where that does not fit.
//
// A hidden record holds several generations, each with the identity of the file it speaks of, and is published before the file: old bytes never get new
// properties, whenever the process ends.  Thread-safe.
#ifndef FILEFERRY_PROVIDERS_LOCAL_PROPERTY_STORE_H_
#define FILEFERRY_PROVIDERS_LOCAL_PROPERTY_STORE_H_

#include <optional>
#include <string>
#include <string_view>

#include "providers/local/record.h"
#include "providers/local/tree.h"

namespace fileferry::local {

inline constexpr char kAttribute[] = "user.fileferry.properties";

class PropertyStore {
 public:
  explicit PropertyStore(Tree* tree) : tree_(tree) {}

  // Ties record to the file that is, or will be, published at key.  record->identity is taken from st.
  // REQUIRES: the caller does not hold the key's lock.
  Status Write(const RootRef& root, int file, const struct stat& st, std::string_view key, Record* record);

  // The record of an open file; absent for a file that we did not write.  An error only when the answer cannot be known.
  Result<std::optional<Record>> Read(const Found& found, std::string_view key);

  // Forgets the hidden record of key, if there is one.
  Status Remove(const RootRef& root, std::string_view key);

 private:
  Status WriteHidden(const RootRef& root, std::string_view key, const Record& record);
  Result<bool> HasHidden(const UniqueFd& root) const;
  Result<std::string> ReadHidden(int root, const std::string& path);

  Tree* const tree_;
};

// The object at key as it is described by its file and record.
ObjectInfo MakeInfo(std::string_view key, const struct stat& st, const std::optional<Record>& record);

}  // namespace fileferry::local

#endif  // FILEFERRY_PROVIDERS_LOCAL_PROPERTY_STORE_H_
