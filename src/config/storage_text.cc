// storage_text.cc: "s3://bucket/prefix?endpoint=…", "./folder", "media:photos/", "memory:".  Looks at the file system only to tell a file from a folder.  Any thread.
#include "config/storage_text.h"

#include <algorithm>
#include <filesystem>

#include "base/text.h"
#include "config/keys.h"
#include "fileferry/local.h"

namespace fileferry {
namespace config {
namespace {

constexpr std::string_view kOrigin = "storage text";

Status Bad(std::string message) { return {Code::kInvalidArgument, std::move(message)}; }

// The text as messages show it: without parameters, which might hold a secret by mistake.
std::string Shown(std::string_view text) {
  const auto query = text.find('?');
  std::string shown = Printable(text.substr(0, query));
  return query == std::string_view::npos ? shown : shown + "?…";
}

void Set(StorageConfig* config, std::string_view key, std::string_view value) { config->values[std::string(key)] = {std::string(value), {std::string(kOrigin), 0}}; }

// Names that are written by people who put a secret where it must not be.
bool LooksSecret(std::string_view key) {
  const std::string name = ToLower(key);
  for (std::string_view word : {"secret", "password", "token", "credential"}) {
    if (name.find(word) != std::string::npos) return true;
  }
  return false;
}

Status SecretInText(std::string_view key, std::string_view service) {
  const std::string mend = service == "s3" ? "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name a profile, or put it into config/storage.yml"
                                           : "put it into config/storage.yml";
  return Bad(Printable(key) + " is a secret and must not be part of a storage text: " + mend);
}

// Parameters of the text over the values of *config.
Status AddParameters(std::string_view query, const std::vector<ConfigKey>* keys, StorageConfig* config, std::string_view shown) {
  if (query.empty()) return Status::Ok();
  const std::string service = config->Get("service");
  std::vector<std::string> seen;
  for (auto& [name, value] : ParseQuery(query)) {
    if (name.empty()) return Bad(std::string(shown) + ": a parameter has no name: write ?key=value&key=value");
    if (keys == nullptr && LooksSecret(name)) return SecretInText(name, service);
    if (keys != nullptr) {
      const ConfigKey* key = FindKey(*keys, name);
      if ((key != nullptr && key->type == KeyType::kSecret) || (key == nullptr && LooksSecret(name))) return SecretInText(name, service);
      if (key == nullptr || name == "service") return Bad(std::string(shown) + ": the parameter '" + Printable(name) + "' is not known: " + KeyHint(name, *keys));
      const Status status = CheckValue(*key, {value, {}});
      if (!status.ok()) return Bad(std::string(shown) + ": the parameter " + Printable(name) + ": " + std::string(status.message()));
      if (name == "endpoint" && value.find('@') != std::string::npos) return SecretInText("a user name in endpoint", service);
    }
    if (std::find(seen.begin(), seen.end(), name) != seen.end()) return Bad(std::string(shown) + ": the parameter " + Printable(name) + " is given twice");
    seen.push_back(name);
    Set(config, name, value);
  }
  return Status::Ok();
}

Result<std::string> Decode(std::string_view path, std::string_view shown) {
  auto decoded = PercentDecode(path, false);
  if (!decoded) return Bad(std::string(shown) + ": a % must be followed by two hexadecimal digits: write %25 for the character itself");
  if (decoded->find('\0') != std::string::npos) return Bad(std::string(shown) + ": a path cannot hold the character NUL");
  return *std::move(decoded);
}

Status SetPath(std::string_view path, StorageText* text, std::string_view shown) {
  auto decoded = Decode(path, shown);
  if (!decoded.ok()) return decoded.status();
  text->path = *std::move(decoded);
  text->has_trailing_slash = !path.empty() && path.back() == '/';
  if (!IsValidUtf8(text->path)) return Bad(std::string(shown) + ": the path is not UTF-8");
  return Status::Ok();
}

// Parts a path into the folder, which becomes the root, and the key of the file in it.
Status SplitRoot(const std::string& path, StorageText* text) {
  const auto slash = path.rfind('/');
  const auto layout = text->config.Get("layout") == "activestorage" ? LocalOptions::Layout::kActiveStorage : LocalOptions::Layout::kPlain;
  auto key = LocalKeyForPath(path.substr(slash + 1), layout);
  if (!key.ok()) return key.status();
  text->path = *std::move(key);
  Set(&text->config, "root", slash == 0 ? "/" : path.substr(0, slash));
  return Status::Ok();
}

// A folder, or one file in a folder where the path names an existing file.
Result<StorageText> FromFolder(std::string_view folder, std::string_view query, std::string_view shown) {
  StorageText text;
  Set(&text.config, "service", "local");
  const Status status = AddParameters(query, ConfigKeysOf("local"), &text.config, shown);
  if (!status.ok()) return status;
  if (folder.find('\0') != std::string_view::npos) return Bad(std::string(shown) + ": a path cannot hold the character NUL");
  const std::string root = AbsoluteFolder(folder);
  std::error_code error;
  const bool is_folder = folder.back() == '/';
  text.has_trailing_slash = is_folder;
  Set(&text.config, "root", root);
  if (!is_folder && std::filesystem::is_regular_file(root, error) && !error) {
    if (const Status split = SplitRoot(root, &text); !split.ok()) return Bad(std::string(shown) + ": " + std::string(split.message()));
  }
  return text;
}

Result<StorageText> FromFileUrl(std::string_view rest, std::string_view shown) {
  const auto question = rest.find('?');
  std::string_view path = rest.substr(0, question);
  const std::string_view query = question == std::string_view::npos ? std::string_view() : rest.substr(question + 1);
  if (path.substr(0, 10) == "localhost/") path.remove_prefix(9);
  if (path.substr(0, 1) != "/") return Bad(std::string(shown) + ": a file URL holds an absolute path: write file:///folder");
  auto decoded = Decode(path, shown);
  if (!decoded.ok()) return decoded.status();
  return FromFolder(*decoded, query, shown);
}

Status CheckBucket(std::string_view bucket, std::string_view scheme, std::string_view shown) {
  if (bucket.empty()) return Bad(std::string(scheme) + " names no bucket: write " + std::string(scheme) + "bucket/prefix");
  if (bucket.find('@') != std::string_view::npos) return SecretInText("what stands before @", "s3");
  for (char c : bucket) {
    const bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
    if (!fine || bucket.size() > 255)
      return Bad(std::string(shown) + ": '" + Printable(bucket) + "' cannot be the name of a bucket: 3 to 63 characters a-z, 0-9, '-' and '.'");
  }
  return Status::Ok();
}

Result<StorageText> FromBucket(std::string_view scheme, std::string_view rest, std::string_view shown) {
  StorageText text;
  const auto question = rest.find('?');
  const std::string_view place = rest.substr(0, question);
  const auto slash = place.find('/');
  const std::string_view bucket = place.substr(0, slash);
  Status status = CheckBucket(bucket, scheme, shown);
  if (!status.ok()) return status;
  Set(&text.config, "service", "s3");
  Set(&text.config, "bucket", bucket);
  if (scheme == "gs://") {
    Set(&text.config, "vendor", "gcs");
    Set(&text.config, "endpoint", "https://storage.googleapis.com");
  }
  if (question != std::string_view::npos) status = AddParameters(rest.substr(question + 1), ConfigKeysOf("s3"), &text.config, shown);
  if (!status.ok()) return status;
  status = SetPath(slash == std::string_view::npos ? std::string_view() : place.substr(slash + 1), &text, shown);
  if (!status.ok()) return status;
  return text;
}

// rest: "path?key=value".
Result<StorageText> FromPlace(StorageConfig config, const std::vector<ConfigKey>* keys, std::string_view rest, std::string_view shown) {
  StorageText text;
  text.config = std::move(config);
  const auto question = rest.find('?');
  Status status = AddParameters(question == std::string_view::npos ? std::string_view() : rest.substr(question + 1), keys, &text.config, shown);
  if (status.ok()) status = SetPath(rest.substr(0, question), &text, shown);
  if (!status.ok()) return status;
  return text;
}

Result<StorageText> FromName(const StorageConfig& config, std::string_view rest, std::string_view shown) {
  return FromPlace(config, ConfigKeysOf(config.Get("service")), rest, shown);
}

Status UnknownName(std::string_view name, const Configuration& configuration) {
  std::string message = "there is no storage '" + Printable(name) + "'";
  if (!configuration.path.empty()) message += " in " + configuration.path;
  if (!configuration.environment.empty() && !configuration.environments.empty()) message += ", environment " + Printable(configuration.environment);
  std::vector<std::string_view> names;
  for (const auto& [known, config] : configuration.storages) names.push_back(known);
  const std::string nearest = NearestName(name, names);
  const std::vector<std::string>& all = configuration.environments;
  if (!nearest.empty()) {
    message += ": did you mean '" + nearest + "'?";
  } else if (!all.empty() && std::find(all.begin(), all.end(), configuration.environment) == all.end()) {
    std::string list;
    for (const std::string& environment : all) list += (list.empty() ? "" : ", ") + Printable(environment);
    message += ": the file has the environments " + list + ": choose one with -e or FILEFERRY_ENV";
  } else {
    message += std::string(": configure it") + (configuration.path.empty() ? " in config/storage.yml" : "") + ", or write ./" + Printable(name) + " for a folder";
  }
  return Bad(std::move(message));
}

bool IsFolderText(std::string_view text) {
  return text.front() == '/' || text == "." || text == ".." || text.substr(0, 2) == "./" || text.substr(0, 3) == "../";
}

Result<StorageText> FromScheme(std::string_view text, std::string_view shown) {
  const auto colon = text.find("://");
  const std::string scheme = ToLower(text.substr(0, colon));
  const std::string_view rest = text.substr(colon + 3);
  if (scheme == "s3" || scheme == "gs") return FromBucket(scheme + "://", rest, shown);
  if (scheme == "file") return FromFileUrl(rest, shown);
  if (scheme == "http" || scheme == "https") return Bad(std::string(shown) + ": an address is not a storage: write s3://bucket/prefix?endpoint=" + scheme + "://host");
  if (scheme == "gcs") return Bad(std::string(shown) + ": Google Cloud Storage is written gs://bucket/prefix");
  const std::string nearest = NearestName(scheme, {"s3", "gs", "file"});
  return Bad(std::string(shown) + ": there is no storage scheme '" + Printable(scheme) + "://': " +
             (nearest.empty() ? "write s3://bucket, gs://bucket, file:///folder, a folder, or a configured name" : "did you mean '" + nearest + "://'?"));
}

}  // namespace

Result<StorageText> ParseServiceText(std::string_view service, const std::vector<ConfigKey>& keys, std::string_view text) {
  StorageConfig config;
  Set(&config, "service", service);
  return FromPlace(std::move(config), &keys, text.substr(service.size() + 1), Shown(text));
}

Status NameObject(StorageText* text) {
  if (!text->path.empty() && !text->has_trailing_slash) return Status::Ok();
  const std::string root = text->config.Get("root");
  std::error_code error;
  const bool new_file = text->path.empty() && text->config.name.empty() && text->config.Get("service") == "local" && text->config.Get("layout") != "activestorage" && !text->has_trailing_slash &&
                        std::filesystem::symlink_status(root, error).type() == std::filesystem::file_type::not_found;
  return new_file ? SplitRoot(root, text) : Bad("the text names a folder or a whole storage, not one object");
}

std::string EncodePath(std::string_view path) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string encoded;
  for (char c : path) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '~' || c == '/';
    if (plain) {
      encoded += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      encoded += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return encoded;
}

std::string AbsoluteFolder(std::string_view folder) {
  std::error_code error;
  const std::filesystem::path written{std::string(folder)};
  std::filesystem::path path = std::filesystem::absolute(written, error);
  if (error) path = written;
  const bool has_parent = std::find(path.begin(), path.end(), "..") != path.end();
  // ".." behind a symbolic link is not the folder above in the text: let the file system say.
  std::filesystem::path normal = has_parent ? std::filesystem::weakly_canonical(path, error) : path.lexically_normal();
  if (has_parent && error) normal = path.lexically_normal();
  std::string text = normal.string();
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  return text;
}

std::string NormalisedText(const StorageText& text) {
  const StorageConfig& config = text.config;
  const std::string service = config.Get("service");
  const std::vector<ConfigKey>* keys = ConfigKeysOf(service);
  std::string base;
  std::vector<std::string_view> in_base = {"service"};
  if (!config.name.empty()) {
    base = config.name + ":" + EncodePath(text.path);
  } else if (service == "local") {
    std::string folder = config.Get("root");
    if (!text.path.empty()) folder += (folder == "/" ? "" : "/") + LocalPathForKey(text.path, LocalOptions::Layout::kPlain).value();
    base = "file://" + EncodePath(folder) + (text.has_trailing_slash && folder != "/" ? "/" : "");
    in_base.push_back("root");
  } else if (service == "s3") {
    base = "s3://" + config.Get("bucket") + (text.path.empty() ? "" : "/" + EncodePath(text.path));
    in_base.push_back("bucket");
  } else {
    base = service + ":" + EncodePath(text.path);
  }
  std::string parameters;
  for (const auto& [name, value] : config.values) {
    if (value.origin.what != kOrigin || std::find(in_base.begin(), in_base.end(), name) != in_base.end()) continue;
    const ConfigKey* key = keys == nullptr ? nullptr : FindKey(*keys, name);
    if (key != nullptr && key->type == KeyType::kSecret) continue;
    parameters += (parameters.empty() ? "?" : "&") + name + "=" + EncodePath(value.text);
  }
  return base + parameters;
}

}  // namespace config

Result<StorageText> ParseStorageText(std::string_view text, const Configuration& configuration, const Environment& env) {
  using namespace config;  // NOLINT
  static_cast<void>(env);
  if (text.empty()) return Bad("a storage text is empty: write a folder, s3://bucket, or a configured name");
  if (text.find('\0') != std::string_view::npos) return Bad("a storage text cannot hold the character NUL");
  const std::string shown = Shown(text);
  if (IsFolderText(text)) return FromFolder(text, {}, shown);
  const auto special = text.find_first_of(":/?");
  const std::string_view name = text.substr(0, special);
  if (special != std::string_view::npos && text.substr(special, 3) == "://") return FromScheme(text, shown);
  const bool colon = special != std::string_view::npos && text[special] == ':';
  const auto found = configuration.storages.find(std::string(name));
  if (found != configuration.storages.end()) {
    if (special == std::string_view::npos) return FromName(found->second, {}, shown);
    if (colon) return FromName(found->second, text.substr(special + 1), shown);
    if (text[special] == '?') return FromName(found->second, text.substr(special), shown);
    return Bad(shown + ": a path in the storage '" + Printable(name) + "' is written " + Printable(name) + ":" + Printable(text.substr(special + 1)) +
               ", a folder ./" + Printable(text));
  }
  if (colon && name == "memory") return ParseServiceText("memory", *ConfigKeysOf("memory"), text);
  if (colon && name == "yadisk") return ComesLaterStatus("yandex_disk", shown);
  if (colon && name == "file") return FromFileUrl(text.substr(special + 1), shown);
  if (colon && (name == "s3" || name == "gs")) return Bad(shown + ": a bucket is written " + std::string(name) + "://bucket/prefix");
  if (!colon && special != std::string_view::npos && text[special] == '/') return FromFolder(text, {}, shown);
  return UnknownName(name, configuration);
}

}  // namespace fileferry
