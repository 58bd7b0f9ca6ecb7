// plan_options.cc: from options to a CopyPlan.  Main thread only.
#include "plan_options.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "text.h"

namespace fileferry::cli {
namespace {

constexpr auto kLeastInterval = std::chrono::milliseconds(100);

// Reads the values of options; keeps the first thing that is wrong.
class Reader {
 public:
  explicit Reader(const Parsed& parsed) : parsed_(parsed) {}

  const Status& status() const { return status_; }
  void Fail(std::string_view option, std::string_view message) {
    if (status_.ok()) status_ = Status(Code::kInvalidArgument, "--" + std::string(option) + ": " + std::string(message));
  }
  std::uint64_t Number(std::string_view option, std::uint64_t fallback, std::uint64_t low, std::uint64_t high) {
    if (!parsed_.Has(option)) return fallback;
    const std::string text = parsed_.Get(option);
    const auto number = ParseNumber(text);
    if (number && *number >= low && *number <= high) return *number;
    Fail(option, "'" + Printable(text) + "' is not a number from " + std::to_string(low) + " to " + std::to_string(high));
    return fallback;
  }
  std::optional<std::uint64_t> Size(std::string_view option) {
    if (!parsed_.Has(option)) return std::nullopt;
    const auto size = ParseSize(parsed_.Get(option));
    if (size.ok()) return *size;
    Fail(option, size.status().message());
    return std::nullopt;
  }
  std::optional<Time> When(std::string_view option, std::string* age) {
    if (!parsed_.Has(option)) return std::nullopt;
    const std::string text = parsed_.Get(option);
    const auto time = ParseWhen(text, std::chrono::system_clock::now());
    if (time.ok()) {
      if (ParseDurationMs(text).ok()) *age = text;
      return *time;
    }
    Fail(option, time.status().message());
    return std::nullopt;
  }
  std::chrono::milliseconds Duration(std::string_view option, std::chrono::milliseconds fallback) {
    if (!parsed_.Has(option)) return fallback;
    const auto time = ParseDurationMs(parsed_.Get(option));
    if (time.ok()) return std::chrono::milliseconds(*time);
    Fail(option, time.status().message());
    return fallback;
  }
  // A file that a run will read, said now rather than when it has begun.
  std::string File(std::string_view option) {
    const std::string path = parsed_.Get(option);
    if (parsed_.Has(option) && ::access(path.c_str(), R_OK) != 0) Fail(option, "the file '" + Printable(path) + "' cannot be read: " + std::strerror(errno) + ": check the name");
    return path;
  }
  void Shard(CopyPlan* plan) {
    if (!parsed_.Has("shard")) return;
    const std::string text = parsed_.Get("shard");
    const auto slash = text.find('/');
    const auto k = ParseNumber(text.substr(0, slash));
    const auto n = slash == std::string::npos ? std::nullopt : ParseNumber(text.substr(slash + 1));
    if (!k || !n || *n == 0 || *n > 100000 || *k >= *n) {
      Fail("shard", "'" + Printable(text) + "' is not K/N with K below N: write 0/4, 1/4, 2/4, 3/4");
      return;
    }
    plan->shard = static_cast<std::uint32_t>(*k);
    plan->shards = static_cast<std::uint32_t>(*n);
  }

 private:
  const Parsed& parsed_;
  Status status_;
};

FilterOptions FilterOf(const Parsed& parsed, Reader* reader) {
  FilterOptions filter;
  filter.include = parsed.All("include");
  filter.exclude = parsed.All("exclude");
  filter.filter_from = reader->File("filter-from");
  filter.keys_from = reader->File("keys-from");
  filter.min_size = reader->Size("min-size");
  filter.max_size = reader->Size("max-size");
  filter.newer_than = reader->When("newer-than", &filter.newer_than_age);
  filter.older_than = reader->When("older-than", &filter.older_than_age);
  filter.content_types = parsed.All("content-type");
  return filter;
}

Status OpenArchive(Session& session, CopyPlan* plan) {
  if (plan->archive.empty()) return Status::Ok();
  if (!plan->delete_source) return {Code::kInvalidArgument, "--archive keeps what --delete-source removes: give both, or neither"};
  auto archive = session.Open(plan->archive);
  if (!archive.ok()) return archive.status();
  if (archive->provider->Scheme() == "memory" && !plan->dry_run) {
    return {Code::kInvalidArgument, "--archive memory: ends with this command, and what it keeps with it; name another storage"};
  }
  plan->archive = archive->text;
  plan->archive_storage = std::make_shared<OpenedStorage>(*std::move(archive));
  return Status::Ok();
}

// What CheckPlan says, with the option that it is about.
Status NameOption(const CopyPlan& plan, const Status& status) {
  if (status.message().find("--") != std::string_view::npos) return status;
  const auto alone = [&](const char* option, auto member) -> Status {
    CopyPlan one;
    one.*member = plan.*member;
    const Status found = CheckPlan(one);
    return found.ok() ? Status() : Status(Code::kInvalidArgument, std::string("--") + option + ": " + std::string(found.message()));
  };
  for (const Status& found : {alone("bwlimit", &CopyPlan::bwlimit), alone("window", &CopyPlan::window), alone("map", &CopyPlan::map), alone("links", &CopyPlan::links)}) {
    if (!found.ok()) return found;
  }
  for (const auto& [option, member] : {std::pair("filter-from", &FilterOptions::filter_from), std::pair("keys-from", &FilterOptions::keys_from)}) {
    CopyPlan one;
    one.filter.*member = plan.filter.*member;
    const Status found = CheckPlan(one);
    if (!found.ok()) return {Code::kInvalidArgument, std::string("--") + option + ": " + std::string(found.message())};
  }
  for (const auto& [option, member] : {std::pair("include", &FilterOptions::include), std::pair("exclude", &FilterOptions::exclude), std::pair("content-type", &FilterOptions::content_types)}) {
    CopyPlan one;
    one.filter.*member = plan.filter.*member;
    const Status found = CheckPlan(one);
    if (!found.ok()) return {Code::kInvalidArgument, std::string("--") + option + ": " + std::string(found.message())};
  }
  return status;
}

// The options that copy, migrate, plan, verify and missing share can be given to each, so that one line serves all; those that a command has no use for.
std::vector<std::string_view> UselessTo(std::string_view command) {
  if (command == "copy") return {"journal"};
  if (command == "plan") return {"delete-source", "archive", "dry-run", "preserve", "window", "delay", "journal"};
  if (command == "verify") return {"delete-source", "archive", "dry-run", "preserve", "overwrite"};
  if (command == "missing") return {"delete-source", "archive", "dry-run", "preserve", "overwrite", "window", "verify", "digest", "journal"};
  return {};
}

// What is given and useless is said, and taken out.
Parsed WithoutUseless(Session& session, const Parsed& parsed) {
  Parsed useful = parsed;
  if (parsed.command == nullptr) return useful;
  for (const std::string_view name : UselessTo(parsed.command->name)) {
    if (!useful.Has(name)) continue;
    session.Note("--" + std::string(name) + " says nothing to " + std::string(parsed.command->name) + ", and is passed over");
    useful.options.erase(useful.options.find(name));
  }
  return useful;
}

}  // namespace

VerifyMode VerifyOf(const Parsed& parsed) {
  const std::string text = parsed.Get("verify", "checksum");
  return text == "none" ? VerifyMode::kNone : text == "size" ? VerifyMode::kSize : text == "full" ? VerifyMode::kFull : VerifyMode::kChecksum;
}

Result<CopyPlan> PlanOf(Session& session, const Parsed& given) {
  const Parsed parsed = WithoutUseless(session, given);
  Reader reader(parsed);
  CopyPlan plan;
  plan.filter = FilterOf(parsed, &reader);
  plan.map = parsed.Get("map", "same");
  const std::string overwrite = parsed.Get("overwrite", "never");
  plan.overwrite = overwrite == "changed" ? Overwrite::kChanged : overwrite == "always" ? Overwrite::kAlways : Overwrite::kNever;
  plan.verify = VerifyOf(parsed);
  plan.verify_existing = parsed.Has("verify");
  plan.digest = DigestKindFromName(parsed.Get("digest", "crc64")).value_or(DigestKind::kCrc64Nvme);
  plan.transfers = static_cast<int>(reader.Number("transfers", 16, 1, 1024));
  plan.checkers = static_cast<int>(reader.Number("checkers", 8, 1, 1024));
  plan.limit = reader.Number("limit", 0, 1, UINT64_MAX / 2);
  plan.batch_size = static_cast<std::uint32_t>(reader.Number("batch-size", 1000, 1, 100000));
  plan.delay = reader.Duration("delay", std::chrono::milliseconds(0));
  plan.bwlimit = parsed.Get("bwlimit");
  if (parsed.Has("tpslimit")) {
    const std::string text = parsed.Get("tpslimit");
    char* end = nullptr;
    plan.tpslimit = std::strtod(text.c_str(), &end);
    if (text.empty() || *end != '\0' || !(plan.tpslimit >= 0) || plan.tpslimit > 1e6) reader.Fail("tpslimit", "'" + Printable(text) + "' is not a number of requests a second");
  }
  plan.window = parsed.Get("window");
  if (reader.Duration("stats-interval", kLeastInterval) < kLeastInterval) reader.Fail("stats-interval", "give at least 100ms");
  plan.dry_run = parsed.Has("dry-run");
  reader.Shard(&plan);
  plan.delete_source = parsed.Has("delete-source");
  plan.archive = parsed.Get("archive");
  const std::string preserve = parsed.Get("preserve");
  plan.preserve_acl = preserve.find("acl") != std::string::npos;
  plan.preserve_tags = preserve.find("tags") != std::string::npos;
  plan.links = parsed.Get("links", "skip");
  if (const auto part = reader.Size("part-size")) {
    if (*part < (std::uint64_t{5} << 20) || *part > (std::uint64_t{5} << 30)) reader.Fail("part-size", "parts have 5M to 5G");
    plan.tuning.part_size = *part;
    plan.tuning.multipart_threshold = std::max(plan.tuning.multipart_threshold, *part);
  }
  if (!reader.status().ok()) return reader.status();
  plan.confirmed = plan.delete_source;
  Status status = CheckPlan(plan);
  if (!status.ok()) return NameOption(plan, status);
  if (plan.delete_source && !plan.dry_run) {
    const std::string source = parsed.arguments.empty() ? "the source" : Printable(parsed.arguments[0].substr(0, parsed.arguments[0].find('?')));
    status = session.Confirm(parsed, "--delete-source: removing objects of " + source + " after they were copied and verified");
    if (!status.ok()) return status;
  }
  status = OpenArchive(session, &plan);
  if (!status.ok()) return status;
  return plan;
}

std::map<std::string, std::string> OverridesOf(const Parsed& parsed) {
  std::map<std::string, std::string> overrides;
  if (parsed.Has("links")) overrides["links"] = parsed.Get("links");
  return overrides;
}

ProgressStyle ProgressStyleOf(const Session& session, const Parsed& parsed) {
  ProgressStyle style;
  style.block = IsTerminal(2);
  style.shown = !session.quiet() && !parsed.Has("no-progress") && (style.block || parsed.Has("progress") || !session.json());
  // --verbose logs to the same place: lines go better with lines.
  if (session.verbose()) style.block = false;
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    std::string text(value);
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c); });
    style.utf8 = text.find("utf-8") != std::string::npos || text.find("utf8") != std::string::npos;
    break;
  }
  const char* term = std::getenv("TERM");
  if (term != nullptr && std::string_view(term) == "dumb") style.block = false;
  style.json = session.json();
  if (const auto time = ParseDurationMs(parsed.Get("stats-interval", "10s")); time.ok()) style.interval = std::chrono::milliseconds(*time);
  return style;
}

bool ChoosesKeys(const Parsed& parsed) {
  for (const char* name : {"include", "exclude", "filter-from", "keys-from", "min-size", "max-size", "newer-than", "older-than", "content-type", "map", "shard", "links"}) {
    if (parsed.Has(name)) return true;
  }
  return false;
}

Status FolderIsThere(const OpenedStorage& storage, const std::string& text, bool object) {
  struct stat info {};
  const std::string root = storage.config.Get("root");
  if (storage.config.Get("service") != "local" || ::stat(root.c_str(), &info) == 0 || (errno != ENOENT && errno != ENOTDIR)) return Status::Ok();
  ErrorDetail detail;
  detail.code = Code::kNotFound;
  detail.message = storage.config.name.empty() ? "there is no such file or folder: check the name" : "its folder " + root + " is not there: check root in the configuration";
  detail.provider = text.substr(0, text.find('?'));
  if (object && storage.config.name.empty()) {
    detail.message = "there is no such object: check the name";
    detail.key = detail.provider;
    detail.provider.clear();
  }
  return Status(detail);
}

Status IsPlainTarget(const OpenedStorage& storage) {
  std::string path = storage.path;
  while (!path.empty() && path.back() == '/') path.pop_back();
  if (storage.config.Get("service") != "local" || !storage.config.name.empty()) return Status::Ok();
  path = storage.config.Get("root") + (path.empty() ? "" : "/" + path);
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0 || S_ISREG(info.st_mode) || S_ISDIR(info.st_mode)) return Status::Ok();
  if (!S_ISLNK(info.st_mode)) return {Code::kInvalidArgument, Printable(path) + " is a device, pipe or socket: name a regular file"};
  struct stat behind {};
  if (::stat(path.c_str(), &behind) == 0 && S_ISDIR(behind.st_mode)) return Status::Ok();
  return {Code::kInvalidArgument, Printable(path) + " is a symbolic link: name the file that it points to"};
}

Result<Sides> OpenSides(Session& session, const Parsed& parsed) {
  auto factory = session.Factory(OverridesOf(parsed));
  if (!factory.ok()) return factory.status();
  auto source = (*factory)->Open(parsed.arguments[0]);
  if (!source.ok()) return source.status();
  const Status there = FolderIsThere(*source, parsed.arguments[0]);
  if (!there.ok()) return there;
  if (const Status plain = IsPlainTarget(*source); !plain.ok() && source->config.Get("links") != "follow") return plain;
  auto destination = OpenDestination(**factory, session.ctx(), &*source, parsed.arguments[1]);
  if (!destination.ok()) return destination.status();
  if (const Status plain = IsPlainTarget(*destination); !plain.ok()) return plain;
  return Sides{*std::move(source), *std::move(destination)};
}

}  // namespace fileferry::cli
