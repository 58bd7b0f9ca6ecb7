// config.cc: a local storage from configuration values.  No I/O; any thread.
#include <charconv>

#include "base/text.h"
#include "fileferry/config.h"
#include "fileferry/local.h"

namespace fileferry {
namespace {

Status Wrong(const StorageConfig& config, const std::string& key, std::string_view accepted) {
  const ConfigValue& value = config.values.at(key);
  return Status(Code::kInvalidArgument, value.origin.ToString() + ": " + key + " is \"" + Printable(value.text) + "\"; " + std::string(accepted));
}

Status ReadMode(const StorageConfig& config, const std::string& key, std::uint32_t* mode) {
  if (!config.Has(key)) return {};
  const std::string text = config.Get(key);
  const char* begin = text.data() + (text.starts_with("0o") ? 2 : 0);
  const char* end = text.data() + text.size();
  std::uint32_t value = 0;
  const auto parsed = std::from_chars(begin, end, value, 8);
  if (begin == end || parsed.ec != std::errc() || parsed.ptr != end || value > 07777U) return Wrong(config, key, "it must be an octal mode such as 0640");
  *mode = value;
  return {};
}

template <typename T>
Status ReadChoice(const StorageConfig& config, const std::string& key, std::initializer_list<std::pair<std::string_view, T>> choices, T* out) {
  if (!config.Has(key)) return {};
  const std::string text = config.Get(key);
  std::string names;
  for (const auto& [name, value] : choices) {
    if (name == text) {
      *out = value;
      return {};
    }
    names.append(names.empty() ? "" : ", ").append(name);
  }
  return Wrong(config, key, "it must be one of " + names);
}

}  // namespace

Result<std::unique_ptr<LocalStorageProvider>> LocalStorageProvider::FromConfig(const StorageConfig& config) {
  LocalOptions options;
  options.root = config.Get("root");
  options.name = config.name;
  options.url_base = config.Get("url_base");
  options.url_secret = config.Get("url_secret");
  if (options.root.empty()) return Status(Code::kInvalidArgument, "a local storage needs `root`, the path of its folder");
  using Layout = LocalOptions::Layout;
  using Fsync = LocalOptions::Fsync;
  using Links = LocalOptions::Links;
  Status status = ReadChoice<Layout>(config, "layout", {{"plain", Layout::kPlain}, {"activestorage", Layout::kActiveStorage}}, &options.layout);
  if (status.ok()) status = ReadChoice<Fsync>(config, "fsync", {{"none", Fsync::kNone}, {"file", Fsync::kFile}, {"full", Fsync::kFull}}, &options.fsync);
  if (status.ok()) status = ReadChoice<Links>(config, "links", {{"skip", Links::kSkip}, {"follow", Links::kFollow}, {"error", Links::kError}}, &options.links);
  if (status.ok()) status = ReadChoice<bool>(config, "create_root", {{"true", true}, {"false", false}}, &options.create_root);
  if (status.ok()) status = ReadMode(config, "file_mode", &options.file_mode);
  if (status.ok()) status = ReadMode(config, "folder_mode", &options.folder_mode);
  if (!status.ok()) return status;
  if (config.Has("min_free") && config.Get("min_free") != "off") {
    const Result<std::uint64_t> size = ParseSize(config.Get("min_free"));
    if (!size.ok()) return Wrong(config, "min_free", size.status().message());
    options.min_free = *size;
  }
  return Create(std::move(options));
}

}  // namespace fileferry
