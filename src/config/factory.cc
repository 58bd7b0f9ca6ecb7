// factory.cc: StorageFactory: one provider for equal configurations, stacked in its layers, with a declared fallback.  Thread-safe.
#include "fileferry/factory.h"

#include <mutex>
#include <utility>

#include "base/text.h"
#include "config/keys.h"
#include "config/storage_text.h"
#include "fileferry/local.h"
#include "fileferry/memory.h"
#include "fileferry/s3.h"

namespace fileferry {
namespace config {
namespace {

constexpr auto kHealthTimeout = std::chrono::seconds(20);
constexpr auto kHealthPeriod = std::chrono::seconds(60);  // a decision about a fallback holds so long

bool IsLoopback(std::string_view host) { return host == "localhost" || host.substr(0, 4) == "127." || host == "[::1]" || host == "::1"; }

bool CallsForFallback(Code code) { return code == Code::kUnavailable || code == Code::kTimeout || code == Code::kUnauthenticated; }

bool IsTrue(std::string_view text) {
  const std::string word = ToLower(text);
  return word == "true" || word == "yes" || word == "on" || word == "1";
}

class Factory final : public StorageFactory {
 public:
  using Overrides = std::map<std::string, std::string>;

  Factory(FactoryOptions options, Configuration configuration) : options_(std::move(options)), configuration_(std::move(configuration)) {}

  Result<OpenedStorage> Open(std::string_view text) override { return OpenAt(text, {}, 0, false); }
  Result<OpenedStorage> OpenObject(std::string_view text) override { return OpenAt(text, {}, 0, true); }
  Result<OpenedStorage> OpenWith(std::string_view text, const Overrides& overrides, bool as_object) override { return OpenAt(text, overrides, 0, as_object); }
  const Configuration& configuration() const override { return configuration_; }

  void ClearCache() override {
    std::lock_guard lock(mutex_);
    providers_.clear();
    health_.clear();
  }

  void Register(std::string service, std::vector<ConfigKey> keys, Maker make) override {
    for (const ConfigKey& key : CommonKeys()) {
      if (FindKey(keys, key.name) == nullptr) keys.push_back(key);
    }
    std::lock_guard lock(mutex_);
    custom_[std::move(service)] = Custom{std::move(keys), std::move(make)};
  }

 private:
  struct Custom {
    std::vector<ConfigKey> keys;
    Maker make;
  };
  struct Health {
    std::chrono::steady_clock::time_point checked;
    Status status;
  };

  void Log(std::string_view line) const {
    if (options_.log) options_.log(line);
  }

  std::optional<Custom> FindCustom(std::string_view service) {
    std::lock_guard lock(mutex_);
    const auto found = custom_.find(service);
    if (found == custom_.end()) return std::nullopt;
    return found->second;
  }

  Result<StorageText> Parse(std::string_view text) {
    const auto colon = text.find_first_of(":/?");
    if (colon != std::string_view::npos && text[colon] == ':' && configuration_.storages.count(std::string(text.substr(0, colon))) == 0) {
      if (const auto custom = FindCustom(text.substr(0, colon))) return ParseServiceText(text.substr(0, colon), custom->keys, text);
    }
    return ParseStorageText(text, configuration_, options_.env);
  }

  void ApplyOverrides(const Overrides& overrides, StorageConfig* config) {
    const std::vector<ConfigKey>* keys = ConfigKeysOf(config->Get("service"));
    for (const auto& [name, text] : overrides) {
      if (keys != nullptr && FindKey(*keys, name) != nullptr) config->values[name] = {text, {"option", 0}};
    }
  }

  // Everything that is wrong with it, as one Status.
  Status Check(const StorageConfig& config) {
    const std::string service = config.Get("service");
    std::vector<Status> findings;
    if (const auto custom = FindCustom(service)) {
      findings = CheckAgainst(config, custom->keys);
    } else if (ComesLater(service) && config.problems.empty()) {
      return ComesLaterStatus(service, config.name.empty() ? "" : "storage '" + Printable(config.name) + "'");
    } else {
      findings = CheckConfig(config);
    }
    return findings.empty() ? Status::Ok() : findings.front();
  }

  Result<OpenedStorage> OpenAt(std::string_view text, const Overrides& overrides, int depth, bool as_object) {
    auto parsed = Parse(text);
    if (!parsed.ok()) return parsed.status();
    ApplyOverrides(options_.overrides, &parsed->config);
    ApplyOverrides(overrides, &parsed->config);
    Status status = Check(parsed->config);
    if (status.ok() && as_object) status = NameObject(&*parsed);
    if (!status.ok()) return status;
    auto provider = Provider(parsed->config);
    if (!provider.ok()) return provider.status();
    const std::string fallback = parsed->config.Get("fallback");
    if (!fallback.empty()) {
      const Status health = HealthOf(parsed->config, **provider);
      if (CallsForFallback(health.code())) return OpenFallback(*parsed, fallback, health, overrides, depth, as_object);
    }
    OpenedStorage opened;
    opened.text = NormalisedText(*parsed);
    opened.provider = *std::move(provider);
    opened.path = std::move(parsed->path);
    opened.path_is_folder = opened.path.empty() || parsed->has_trailing_slash;
    opened.is_object = as_object;
    opened.config = std::move(parsed->config);
    return opened;
  }

  Result<OpenedStorage> OpenFallback(const StorageText& text, const std::string& fallback, const Status& health, const Overrides& overrides, int depth, bool as_object) {
    const std::string name = text.config.name.empty() ? NormalisedText(text) : text.config.name;
    if (depth >= 4) return Status(Code::kInvalidArgument, "the fallbacks of '" + Printable(name) + "' form a circle: let the last one have none");
    Log("warning: storage '" + Printable(name) + "' is unhealthy (" + std::string(health.message()) + "): using its fallback '" + Printable(fallback) + "'");
    const bool has_place = fallback.find(':') != std::string::npos || fallback.find('/') != std::string::npos;
    auto opened = OpenAt(has_place ? fallback : fallback + ":" + EncodePath(text.path), overrides, depth + 1, as_object && !has_place);
    if (!opened.ok())
      return Status(opened.code(), "the fallback '" + Printable(fallback) + "' of '" + Printable(name) + "' cannot be used: " + std::string(opened.status().message()));
    if (has_place) {
      opened->path += (opened->path.empty() || opened->path.back() == '/' ? "" : "/") + text.path;
      opened->path_is_folder = opened->path.empty() || text.path.empty() || text.has_trailing_slash;
      opened->is_object = as_object;
    }
    return opened;
  }

  Status HealthOf(const StorageConfig& config, IStorageProvider& provider) {
    const std::string key = CacheKey(config);
    const auto now = std::chrono::steady_clock::now();
    {
      std::lock_guard lock(mutex_);
      const auto found = health_.find(key);
      if (found != health_.end() && now - found->second.checked < kHealthPeriod) return found->second.status;
    }
    OpContext ctx;
    ctx.deadline = now + kHealthTimeout;
    const HealthReport report = provider.Health(ctx);
    std::lock_guard lock(mutex_);
    health_[key] = {std::chrono::steady_clock::now(), report.status};
    return report.status;
  }

  // Secrets are a part of the key: two users of one bucket do not share a provider.  The key never leaves this object.
  static std::string CacheKey(const StorageConfig& config) {
    std::string key = config.name;
    for (const auto& [name, value] : config.values) {
      key += '\0' + name + '=';
      key += std::to_string(value.text.size()) + ':' + value.text;
    }
    return key;
  }

  Result<ProviderPtr> Provider(const StorageConfig& config) {
    const std::string key = CacheKey(config);
    {
      std::lock_guard lock(mutex_);
      const auto found = providers_.find(key);
      if (found != providers_.end()) return found->second;
    }
    auto made = Make(config);
    if (!made.ok()) return made;
    WarnOfPlainHttp(config);
    std::lock_guard lock(mutex_);
    return providers_.try_emplace(key, Stack(config, *std::move(made))).first->second;
  }

  Result<ProviderPtr> Make(const StorageConfig& config) {
    const std::string service = config.Get("service");
    if (const auto custom = FindCustom(service)) return custom->make(config);
    if (service == "local") return Share(LocalStorageProvider::FromConfig(config));
    if (service == "s3") return Share(S3StorageProvider::FromConfig(config, options_.env));
    if (service == "memory") return Share(MemoryStorageProvider::FromConfig(config));
    return ComesLaterStatus(service, "");
  }

  template <typename T>
  static Result<ProviderPtr> Share(Result<std::unique_ptr<T>> made) {
    if (!made.ok()) return made.status();
    return ProviderPtr(*std::move(made));
  }

  ProviderPtr Stack(const StorageConfig& config, ProviderPtr provider) const {
    ProviderStack stack(std::move(provider));
    RetryPolicy retry = options_.retry;
    if (const auto attempts = ParseUint(config.Get("attempts")); attempts && *attempts >= 1 && *attempts <= 100) retry.attempts = static_cast<int>(*attempts);
    TimeoutPolicy timeout;
    if (const auto call = ParseDurationMs(config.Get("timeout")); call.ok() && *call > 0) timeout.call = std::chrono::milliseconds(*call);
    std::string prefix = config.Get("prefix");
    if (!prefix.empty() && prefix.back() != '/') prefix += '/';
    if (!prefix.empty()) stack.Prefix(prefix);
    if (IsTrue(config.Get("read_only"))) stack.ReadOnly();
    if (options_.throttle.bytes || options_.throttle.requests) stack.Throttle(options_.throttle);
    if (options_.log && options_.log_calls) stack.Log(options_.log);
    return stack.Retry(std::move(retry)).Timeout(timeout).Build();
  }

  void WarnOfPlainHttp(const StorageConfig& config) const {
    const auto url = ParseUrl(config.Get("endpoint"));
    if (!url || url->scheme != "http" || IsLoopback(url->host)) return;
    const std::string name = config.name.empty() ? config.Get("service") + "://" + config.Get("bucket") : config.name;
    Log("warning: storage '" + Printable(name) + "': " + Printable("http://" + url->authority()) + " is not encrypted: everybody on the way can read what is transferred; use https://");
  }

  FactoryOptions options_;
  const Configuration configuration_;
  std::mutex mutex_;
  std::map<std::string, ProviderPtr> providers_;
  std::map<std::string, Health> health_;
  std::map<std::string, Custom, std::less<>> custom_;
};

}  // namespace
}  // namespace config

Result<std::shared_ptr<StorageFactory>> StorageFactory::Create(FactoryOptions options) {
  if (!options.env) options.env = ProcessEnvironment();
  auto configuration = FindConfiguration(options.config_path, options.environment, options.env);
  if (!configuration.ok()) return configuration.status();
  return std::shared_ptr<StorageFactory>(std::make_shared<config::Factory>(std::move(options), *std::move(configuration)));
}

Result<ResolvedPath> ResolvePath(const OpenedStorage& storage, const OpContext& ctx) {
  ResolvedPath resolved;
  resolved.key_or_prefix = storage.path;
  if (storage.path.empty()) return resolved;
  if (storage.path_is_folder) return resolved;
  auto info = storage.provider->Stat(ctx, storage.path);
  if (info.ok()) {
    resolved.is_object = true;
    resolved.info = *std::move(info);
    return resolved;
  }
  if (info.code() != Code::kNotFound) return info.status();
  resolved.key_or_prefix += '/';
  return resolved;
}

namespace {

// Whether a text that could be either means one object: one is there, or nothing is there by that name.
Result<bool> MeansObject(const OpenedStorage& storage, const OpContext& ctx) {
  const Result<ResolvedPath> place = ResolvePath(storage, ctx);
  if (!place.ok()) return place.status();
  if (place->is_object) return true;
  ListQuery below;
  below.prefix = storage.path + "/";
  below.limit = 1;
  const Result<ListPage> page = storage.provider->List(ctx, below);
  if (!page.ok() && page.code() != Code::kNotFound) return page.status();
  return !page.ok() || page->entries.empty();
}

}  // namespace

Result<OpenedStorage> OpenDestination(StorageFactory& factory, const OpContext& ctx, OpenedStorage* source, std::string_view text) {
  Result<OpenedStorage> opened = factory.Open(text);
  if (!opened.ok()) return opened;
  if (!source->path_is_folder && !source->is_object) {
    const Result<ResolvedPath> place = ResolvePath(*source, ctx);
    if (!place.ok()) return place.status();
    source->is_object = place->is_object;
  }
  const bool is_file = !opened->path_is_folder && opened->config.Get("service") == "local" && opened->config.name.empty();
  if (!source->is_object) {
    if (is_file) return Status(Code::kInvalidArgument, Printable(text) + " is a file, and the source is not one object: name a folder");
    return opened;
  }
  if (opened->path.empty()) {
    Result<OpenedStorage> object = factory.OpenObject(text);
    return object.ok() || object.code() != Code::kInvalidArgument ? object : opened;
  }
  if (opened->path_is_folder) return opened;
  const Result<bool> means_object = MeansObject(*opened, ctx);
  if (!means_object.ok()) return means_object.status();
  opened->is_object = *means_object;
  if (!opened->is_object) {
    opened->path += '/';
    opened->path_is_folder = true;
  }
  return opened;
}

}  // namespace fileferry
