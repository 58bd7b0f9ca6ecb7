// content_type.cc: the content type of an object by its name, else by its first bytes.  Any thread; libmagic is loaded at the first unknown name and used by one thread at a time.
#include <algorithm>
#include <memory>
#include <mutex>

#include "core/content_types.h"
#include "fileferry/ops.h"

#ifdef FILEFERRY_HAVE_LIBMAGIC
#include <magic.h>
#endif

namespace fileferry {
namespace {

constexpr bool Sorted() {
  return std::is_sorted(std::begin(kContentTypes), std::end(kContentTypes), [](const ContentTypeRow& a, const ContentTypeRow& b) { return a.extension < b.extension; });
}
static_assert(Sorted(), "the table is searched by halving");

constexpr std::string_view kUnknown = "application/octet-stream";
constexpr std::size_t kLongestExtension = 16;

#ifdef FILEFERRY_HAVE_LIBMAGIC
class Magic {
 public:
  std::string TypeOf(Bytes head) {
    const std::lock_guard lock(mutex_);
    if (!tried_) Load();
    if (cookie_ == nullptr) return {};
    const char* type = ::magic_buffer(cookie_.get(), head.data(), head.size());
    return type == nullptr ? std::string() : std::string(type);
  }

 private:
  struct Close {
    void operator()(magic_t cookie) const { ::magic_close(cookie); }
  };
  void Load() {
    tried_ = true;
    cookie_.reset(::magic_open(MAGIC_MIME_TYPE | MAGIC_NO_CHECK_COMPRESS | MAGIC_NO_CHECK_TAR | MAGIC_NO_CHECK_CDF));
    if (cookie_ != nullptr && ::magic_load(cookie_.get(), nullptr) != 0) cookie_.reset();
  }

  std::mutex mutex_;
  bool tried_ = false;
  std::unique_ptr<std::remove_pointer_t<magic_t>, Close> cookie_;
};
#endif

std::string TypeByBytes([[maybe_unused]] Bytes head) {
#ifdef FILEFERRY_HAVE_LIBMAGIC
  static Magic magic;
  return head.empty() ? std::string() : magic.TypeOf(head);
#else
  return {};
#endif
}

}  // namespace

std::string_view ContentTypeByName(std::string_view key) {
  const std::string_view name = key.substr(key.rfind('/') + 1);
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos || dot == 0 || name.size() - dot - 1 > kLongestExtension) return {};
  char lower[kLongestExtension];
  const std::string_view extension = name.substr(dot + 1);
  std::transform(extension.begin(), extension.end(), lower, [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
  const std::string_view wanted(lower, extension.size());
  const auto* row = std::lower_bound(std::begin(kContentTypes), std::end(kContentTypes), wanted,
                                     [](const ContentTypeRow& a, std::string_view b) { return a.extension < b; });
  return row != std::end(kContentTypes) && row->extension == wanted ? row->type : std::string_view();
}

std::string ContentType(std::string_view key, Bytes head) {
  if (const std::string_view type = ContentTypeByName(key); !type.empty()) return std::string(type);
  std::string type = TypeByBytes(head);
  const bool useful = type.find('/') != std::string::npos && !type.starts_with("inode/") && type != "application/x-empty";
  return useful ? type : std::string(kUnknown);
}

}  // namespace fileferry
