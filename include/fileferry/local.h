// local.h: LocalStorageProvider, a folder as a storage.
//
// Publishes files atomically and durably, follows nothing out of its root, and stores names that a file system cannot hold in a reversible escaped form
// (docs/local-layout.md).  The tree stays readable by plain tools, and trees that fileferry did not write can be read.
#ifndef FILEFERRY_LOCAL_H
#define FILEFERRY_LOCAL_H

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "fileferry/config.h"
#include "fileferry/provider.h"

namespace fileferry {

struct LocalOptions {
  enum class Layout { kPlain, kActiveStorage };
  enum class Fsync { kNone, kFile, kFull };          // kFull: also the folder entries
  enum class Links { kSkip, kFollow, kError };       // symbolic links met in listings; kFollow stays below the root
  std::string root;                  // made when missing, at the first write, if create_root
  std::string name;                  // for messages; empty: the root
  Layout layout = Layout::kPlain;
  Fsync fsync = Fsync::kFull;
  Links links = Links::kSkip;
  bool create_root = true;
  std::uint32_t file_mode = 0644, folder_mode = 0755;
  std::uint64_t min_free = 0;        // refuse writes (kQuotaExceeded) that would leave fewer bytes free
  std::string url_base;              // e.g. "https://shop.example/files": Url() makes <base>/<key>?expires=…&signature=…
  std::string url_secret;            // HMAC-SHA256 key for signed URLs
};

class LocalStorageProvider : public IStorageProvider {
 public:
  static Result<std::unique_ptr<LocalStorageProvider>> Create(LocalOptions options);
  static Result<std::unique_ptr<LocalStorageProvider>> FromConfig(const StorageConfig& config);

  // For hosts that serve the files: whether a URL made by Url() is genuine and not expired at `now`, and what it allows.
  struct CheckedUrl {
    std::string key;
    HttpMethod method = HttpMethod::kGet;
    // Of a PUT, where signed: the host must refuse a request with another Content-Type, Content-Length or Content-MD5, or whose body is not what these say.
    std::string content_type;
    std::optional<std::uint64_t> content_length;
    std::string content_md5;  // base64
    // Of a GET or HEAD, where signed: what the answer shall carry instead of the stored properties.
    std::string response_content_type;
    std::string response_content_disposition;
  };
  virtual Result<CheckedUrl> CheckUrl(std::string_view url, HttpMethod method, Time now) const = 0;
  // Removes temporary files of writes that were cut off, older than `age`; the number of files.
  virtual Result<std::uint64_t> SweepTemporary(const OpContext& ctx, std::chrono::seconds age) = 0;

 protected:
  LocalStorageProvider() = default;
};

// The published grammar of names (docs/local-layout.md): the relative path for a key, and back.  Inverse of each other; two keys never have one path.
Result<std::string> LocalPathForKey(std::string_view key, LocalOptions::Layout layout);
Result<std::string> LocalKeyForPath(std::string_view path, LocalOptions::Layout layout);

}  // namespace fileferry

#endif  // FILEFERRY_LOCAL_H
