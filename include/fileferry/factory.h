// factory.h: builds storages from configuration, keeps and shares them, and switches to a declared fallback.
//
// Thread-safe.  Opening does no network access, the first call does; only a storage that declares a fallback is asked for its health when it is opened.
#ifndef FILEFERRY_FACTORY_H
#define FILEFERRY_FACTORY_H

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fileferry/config.h"
#include "fileferry/layers.h"
#include "fileferry/stack.h"

namespace fileferry {

// A storage opened by a text, and the place in it that the text names.
struct OpenedStorage {
  ProviderPtr provider;     // stacked: retry, timeout, ...; keys are relative to the root of the storage
  std::string path;         // the rest of the text: "" the whole storage, "photos/" a folder, or "photos" (a folder or an object: ask ResolvePath)
  bool path_is_folder = true;  // path is empty or ends in '/' in the text
  bool is_object = false;   // path is known to name one object, there or not (see OpenObject, OpenDestination); nobody needs to ask
  StorageConfig config;     // as resolved; Describe() hides secrets
  std::string text;         // the normalised storage text, without secrets: opening it again gives the same storage
};

struct FactoryOptions {
  std::string config_path;   // empty: found as FindConfiguration does
  std::string environment;
  Environment env;           // empty: the process's
  std::map<std::string, std::string> overrides;  // configuration keys from the command line, e.g. {"links", "follow"}; applied where the service knows them
  ThrottlePolicy throttle;   // for all storages together
  RetryPolicy retry;
  std::function<void(std::string_view)> log;  // gets one line at a time, from any thread: "warning: …" and with log_calls every call to a storage; empty: none
  bool log_calls = true;
};

class StorageFactory {
 public:
  // Fails when the configuration file cannot be read or is wrong.
  static Result<std::shared_ptr<StorageFactory>> Create(FactoryOptions options);
  virtual ~StorageFactory() = default;

  // Opens a storage text or a name; equal texts share one provider.  Where the configuration of a storage declares `fallback: NAME`, a provider that is
  // unhealthy (kUnavailable, kTimeout, kUnauthenticated at its health check) is replaced by the fallback; the switch is reported through `log` and Status notes.
  virtual Result<OpenedStorage> Open(std::string_view text) = 0;
  // Opens a text as the place of one object, which need not be there yet: "./new.jpg" is the key "new.jpg" of the folder.  kInvalidArgument for a text that names a folder or a whole storage.
  virtual Result<OpenedStorage> OpenObject(std::string_view text) = 0;
  // Either of them, with more configuration keys from outside: they come before FactoryOptions::overrides.
  virtual Result<OpenedStorage> OpenWith(std::string_view text, const std::map<std::string, std::string>& overrides, bool as_object) = 0;
  virtual const Configuration& configuration() const = 0;
  virtual void ClearCache() = 0;

  // Adds a service of the program's own: `service: <name>` and "<name>:…" then open through `make`.
  using Maker = std::function<Result<ProviderPtr>(const StorageConfig&)>;
  virtual void Register(std::string service, std::vector<ConfigKey> keys, Maker make) = 0;

 protected:
  StorageFactory() = default;
};

// What a text's path names: an object when it has no trailing slash and one is there, else a folder (prefix ending in '/', or "").
struct ResolvedPath {
  bool is_object = false;
  std::string key_or_prefix;
  ObjectInfo info;  // of the object
};
Result<ResolvedPath> ResolvePath(const OpenedStorage& storage, const OpContext& ctx);

// Opens the destination of a copy or migration.  Where `source` names one object (which is asked for, and noted in source->is_object), a destination that ends in '/', or is a folder that is
// there, takes it under its own name; any other text is the object's new name, as with cp.  kInvalidArgument for a folder that is to go into an existing file.
Result<OpenedStorage> OpenDestination(StorageFactory& factory, const OpContext& ctx, OpenedStorage* source, std::string_view text);

}  // namespace fileferry

#endif  // FILEFERRY_FACTORY_H
