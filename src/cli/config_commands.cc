// config_commands.cc: check, config show, config validate.  Main thread only.
#include <algorithm>
#include <set>

#include "commands.h"
#include "fileferry/config.h"
#include "fileferry/local.h"
#include "fileferry/memory.h"
#include "fileferry/s3.h"
#include "json.h"
#include "session.h"
#include "text.h"

namespace fileferry::cli {
namespace {

bool IsSecret(const StorageConfig& config, std::string_view key) {
  if (const std::vector<ConfigKey>* keys = ConfigKeysOf(config.Get("service"))) {
    for (const ConfigKey& known : *keys) {
      if (known.name == key) return known.type == KeyType::kSecret;
    }
  }
  for (std::string_view word : {"secret", "token", "password", "credential", "key"}) {
    if (key.find(word) != std::string_view::npos) return true;  // of a service that is not known: better hidden
  }
  return false;
}

// An address that carries a user name or a query may carry a secret.
std::string Shown(const StorageConfig& config, std::string_view key, const std::string& value) {
  if (IsSecret(config, key)) return value.empty() ? "" : "(hidden)";
  const auto scheme = value.find("://");
  if (scheme == std::string::npos) return value;
  std::string shown = value;
  if (const auto query = shown.find('?', scheme); query != std::string::npos) shown.replace(query + 1, std::string::npos, "(hidden)");
  if (const auto at = shown.find('@', scheme); at != std::string::npos) shown.replace(scheme + 3, at - scheme - 3, "(hidden)");
  return shown;
}

// Names that were asked for, else all of the configuration.
std::vector<std::string> NamesOf(const Parsed& parsed, const Configuration& configuration) {
  if (!parsed.arguments.empty()) return parsed.arguments;
  std::vector<std::string> names;
  for (const auto& [name, config] : configuration.storages) names.push_back(name);
  return names;
}

void WarnAll(Session& session, const Configuration& configuration) {
  for (const std::string& warning : configuration.warnings) session.Warn(warning);
}

std::string Place(const Configuration& configuration) {
  return (configuration.path.empty() ? "no configuration file" : configuration.path) + ", environment " + configuration.environment;
}

}  // namespace

int RunCheck(Session& session, const Parsed& parsed) {
  auto factory = session.Factory();
  if (!factory.ok()) return session.Fail(factory.status());
  const Configuration& configuration = (*factory)->configuration();
  WarnAll(session, configuration);
  const std::vector<std::string> names = NamesOf(parsed, configuration);
  if (names.empty())
    return session.Fail(Status(Code::kInvalidArgument, "there is no storage to check (" + Place(configuration) + "): name one, or configure it in config/storage.yml"));
  Json all = Json::array();
  int exit_status = 0;
  for (const std::string& name : names) {
    auto storage = (*factory)->Open(name);
    HealthReport report;
    std::string shown = name.substr(0, name.find('?'));
    if (storage.ok()) {
      report = storage->provider->Health(session.ctx());
      report.status = report.status.With(storage->provider->Name(), "check", "");
    } else {
      report.status = storage.status();
    }
    exit_status = std::max(exit_status, ExitStatus(report.status));
    if (session.json()) {
      Json json{{"storage", shown}, {"ok", report.status.ok()}, {"latency_ms", report.latency.count()}};
      if (!report.status.ok()) json["error"] = StatusJson(report.status);
      for (const auto& [key, value] : report.details) json["details"][key] = value;
      all.push_back(std::move(json));
      if (!report.status.ok()) session.Complain(report.status);
      continue;
    }
    session.out().Write(PadRight(Printable(shown), 24) + (report.status.ok() ? "ok      " + std::to_string(report.latency.count()) + " ms\n" : "failed\n"));
    for (const auto& [key, value] : report.details) session.out().Write("    " + PadRight(Printable(key), 24) + Printable(value) + "\n");
    session.out().Flush();
    if (!report.status.ok()) session.Complain(report.status);
  }
  if (session.json()) session.out().Write(Dump(all));
  return session.Finish(exit_status);
}

int RunConfigShow(Session& session, const Parsed& parsed) {
  auto factory = session.Factory();
  if (!factory.ok()) return session.Fail(factory.status());
  const Configuration& configuration = (*factory)->configuration();
  WarnAll(session, configuration);
  const bool origin = parsed.Has("origin");
  Json all = Json::object();
  if (!session.json()) session.out().Write("# " + Printable(Place(configuration)) + "\n");
  int exit_status = 0;
  for (const std::string& name : NamesOf(parsed, configuration)) {
    const auto text = ParseStorageText(name, configuration, ProcessEnvironment());
    if (!text.ok()) {
      exit_status = std::max(exit_status, session.Fail(text.status()));
      continue;
    }
    const StorageConfig effective = EffectiveConfig(text->config, ProcessEnvironment());
    const std::string label = name.substr(0, name.find('?'));
    if (!session.json()) session.out().Write(Printable(label) + ":\n");
    for (const auto& [key, value] : effective.values) {
      const bool is_default = value.origin.what == "default";
      if (is_default && !origin) continue;
      const std::string shown = Shown(effective, key, value.text);
      if (session.json()) {
        all[label][key] = origin ? Json{{"value", shown}, {"origin", value.origin.ToString()}} : Json(shown);
      } else {
        session.out().Write("  " + PadRight(Printable(key) + ": " + Printable(shown), 56) + (origin ? "  # " + Printable(value.origin.ToString()) : "") + "\n");
      }
    }
    for (const Status& problem : effective.problems) session.Warn(problem.message());
  }
  if (session.json()) session.out().Write(Dump({{"file", configuration.path}, {"environment", configuration.environment}, {"storages", all}}));
  return session.Finish(exit_status);
}

namespace {

// What only shows when the storage is made of its configuration, which asks nobody.
std::vector<Status> FindingsOf(const Configuration& configuration, const StorageConfig& config, const Environment& env) {
  std::vector<Status> findings = CheckConfig(config);
  if (!findings.empty()) return findings;
  const std::string service = config.Get("service"), where = "storage '" + Printable(config.name) + "': ", fallback = config.Get("fallback");
  const Status made = service == "local"    ? LocalStorageProvider::FromConfig(config).status()
                      : service == "s3"     ? S3StorageProvider::FromConfig(config, env).status()
                      : service == "memory" ? MemoryStorageProvider::FromConfig(config).status()
                                            : Status();
  if (!made.ok()) findings.emplace_back(made.code(), where + std::string(made.message()));
  const bool is_name = !fallback.empty() && fallback.find_first_of(":/") == std::string::npos;
  if (fallback == config.name && is_name) {
    findings.emplace_back(Code::kInvalidArgument, where + "`fallback` names the storage itself: name another one, or leave it out");
  } else if (is_name && configuration.storages.find(fallback) == configuration.storages.end()) {
    findings.emplace_back(Code::kInvalidArgument, where + "`fallback`: there is no storage '" + Printable(fallback) + "'");
  }
  return findings;
}

}  // namespace

int RunConfigValidate(Session& session, const Parsed& parsed) {
  const Environment env = ProcessEnvironment();
  auto first = FindConfiguration(parsed.Get("config"), parsed.Get("environment"), env);
  if (!first.ok()) return session.Fail(first.status());
  std::vector<Configuration> configurations;
  // An environment that was asked for is checked alone; otherwise all of the file.
  if (parsed.Has("environment") || first->environments.empty()) {
    configurations.push_back(*std::move(first));
  } else {
    for (const std::string& name : first->environments) {
      auto one = LoadConfiguration(first->path, name, env);
      if (!one.ok()) return session.Fail(one.status());
      configurations.push_back(*std::move(one));
    }
  }
  std::size_t storages = 0;
  Json findings = Json::array();
  std::set<std::string> told;
  int exit_status = 0;
  for (const Configuration& configuration : configurations) {
    WarnAll(session, configuration);
    for (const auto& [name, config] : configuration.storages) {
      storages++;
      for (const Status& finding : FindingsOf(configuration, config, env)) {
        if (!told.insert(std::string(finding.message())).second) continue;
        exit_status = 2;
        findings.push_back(std::string(finding.message()));
        session.Complain(finding);
      }
    }
  }
  const std::string& path = configurations.front().path;
  if (session.json()) {
    session.out().Write(Dump({{"file", path}, {"storages", storages}, {"ok", exit_status == 0}, {"findings", findings}}));
  } else if (exit_status == 0) {
    session.out().Write((path.empty() ? "no configuration file: " : Printable(path) + ": ") + Count(storages) + (storages == 1 ? " storage" : " storages") + ", no errors\n");
  }
  return session.Finish(exit_status);
}

}  // namespace fileferry::cli
