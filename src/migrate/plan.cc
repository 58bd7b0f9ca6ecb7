// plan.cc: see plan.h and CheckPlan in migration.h.
#include "migrate/plan.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/digest.h"
#include "base/text.h"
#include "transfer/rules.h"
#include "transfer/timetable.h"

namespace fileferry {

namespace {

void Put(std::string* out, std::string_view name, std::string_view value) {
  out->append(name);
  out->push_back('=');
  for (const char c : value) {
    if (c == '\\' || c == '\n') out->push_back('\\');
    out->push_back(c == '\n' ? 'n' : c);
  }
  out->push_back('\n');
}

void PutNumber(std::string* out, std::string_view name, std::uint64_t value) { Put(out, name, std::to_string(value)); }

void PutTime(std::string* out, std::string_view name, const std::optional<Time>& time) {
  if (time) Put(out, name, FormatIso8601(*time));
}

// Of a time that counts back from now the words: its moment is another one at each run.
std::string FilterToText(const FilterOptions& filter) {
  std::string out;
  for (const std::string& each : filter.include) Put(&out, "include", each);
  for (const std::string& each : filter.exclude) Put(&out, "exclude", each);
  if (!filter.filter_from.empty()) Put(&out, "filter-from", filter.filter_from);
  if (!filter.keys_from.empty()) Put(&out, "keys-from", filter.keys_from);
  if (filter.min_size) PutNumber(&out, "min-size", *filter.min_size);
  if (filter.max_size) PutNumber(&out, "max-size", *filter.max_size);
  if (filter.newer_than_age.empty()) PutTime(&out, "newer-than", filter.newer_than);
  if (filter.older_than_age.empty()) PutTime(&out, "older-than", filter.older_than);
  for (const std::string& each : filter.content_types) Put(&out, "content-type", each);
  if (!filter.newer_than_age.empty()) Put(&out, "newer-than-age", filter.newer_than_age);
  if (!filter.older_than_age.empty()) Put(&out, "older-than-age", filter.older_than_age);
  return out;
}

std::string Unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      ++i;
      out.push_back(text[i] == 'n' ? '\n' : text[i]);
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

void ReadLine(CopyPlan* plan, std::string_view name, const std::string& value) {
  FilterOptions& filter = plan->filter;
  const std::uint64_t number = ParseUint(value).value_or(0);
  if (name == "include") filter.include.push_back(value);
  if (name == "exclude") filter.exclude.push_back(value);
  if (name == "filter-from") filter.filter_from = value;
  if (name == "keys-from") filter.keys_from = value;
  if (name == "min-size") filter.min_size = number;
  if (name == "max-size") filter.max_size = number;
  if (name == "newer-than") filter.newer_than = ParseIso8601(value);
  if (name == "older-than") filter.older_than = ParseIso8601(value);
  if (name == "newer-than-age") filter.newer_than_age = value;
  if (name == "older-than-age") filter.older_than_age = value;
  if (name == "content-type") filter.content_types.push_back(value);
  if (name == "map") plan->map = value;
  if (name == "overwrite") plan->overwrite = static_cast<Overwrite>(std::min<std::uint64_t>(number, 2));
  if (name == "verify") plan->verify = static_cast<VerifyMode>(std::min<std::uint64_t>(number, 3));
  if (name == "verify-existing") plan->verify_existing = number != 0;
  if (name == "digest") plan->digest = DigestKindFromName(value).value_or(DigestKind::kCrc64Nvme);
  if (name == "transfers") plan->transfers = static_cast<int>(std::clamp<std::uint64_t>(number, 1, 1024));
  if (name == "checkers") plan->checkers = static_cast<int>(std::clamp<std::uint64_t>(number, 1, 1024));
  if (name == "limit") plan->limit = number;
  if (name == "batch-size") plan->batch_size = static_cast<std::uint32_t>(number);
  if (name == "delay-ms") plan->delay = std::chrono::milliseconds(number);
  if (name == "bwlimit") plan->bwlimit = value;
  if (name == "tps-milli") plan->tpslimit = static_cast<double>(number) / 1000;
  if (name == "window") plan->window = value;
  if (name == "shard") plan->shard = static_cast<std::uint32_t>(number);
  if (name == "shards") plan->shards = static_cast<std::uint32_t>(std::max<std::uint64_t>(number, 1));
  if (name == "delete-source") plan->delete_source = number != 0;
  if (name == "archive") plan->archive = value;
  if (name == "preserve-acl") plan->preserve_acl = number != 0;
  if (name == "preserve-tags") plan->preserve_tags = number != 0;
  if (name == "links") plan->links = value;
  if (name == "part-size") plan->tuning.part_size = number;
  if (name == "multipart-threshold") plan->tuning.multipart_threshold = number;
}

const char* VerifyName(VerifyMode mode) {
  switch (mode) {
    case VerifyMode::kNone: return "none";
    case VerifyMode::kSize: return "size";
    case VerifyMode::kChecksum: return "checksum";
    case VerifyMode::kFull: return "full";
  }
  return "checksum";
}

std::uint64_t Milli(double number) { return static_cast<std::uint64_t>(std::llround(number * 1000)); }

// "2.5" of 2500.
std::string OfMilli(std::uint64_t milli) {
  std::string text = std::to_string(milli / 1000);
  if (milli % 1000 == 0) return text;
  text += "." + std::to_string(1000 + milli % 1000).substr(1);
  while (text.back() == '0') text.pop_back();
  return text;
}

Status Wrong(std::string message) { return Status(Code::kInvalidArgument, std::move(message)); }

}  // namespace

std::string PlanToText(const CopyPlan& plan) {
  std::string out = FilterToText(plan.filter);
  if (!plan.filter.newer_than_age.empty()) PutTime(&out, "newer-than", plan.filter.newer_than);
  if (!plan.filter.older_than_age.empty()) PutTime(&out, "older-than", plan.filter.older_than);
  Put(&out, "map", plan.map);
  PutNumber(&out, "overwrite", static_cast<std::uint64_t>(plan.overwrite));
  PutNumber(&out, "verify", static_cast<std::uint64_t>(plan.verify));
  PutNumber(&out, "verify-existing", plan.verify_existing ? 1 : 0);
  Put(&out, "digest", DigestName(plan.digest));
  PutNumber(&out, "transfers", static_cast<std::uint64_t>(plan.transfers));
  PutNumber(&out, "checkers", static_cast<std::uint64_t>(plan.checkers));
  PutNumber(&out, "limit", plan.limit);
  PutNumber(&out, "batch-size", plan.batch_size);
  PutNumber(&out, "delay-ms", static_cast<std::uint64_t>(plan.delay.count()));
  Put(&out, "bwlimit", plan.bwlimit);
  PutNumber(&out, "tps-milli", Milli(plan.tpslimit));
  Put(&out, "window", plan.window);
  PutNumber(&out, "shard", plan.shard);
  PutNumber(&out, "shards", plan.shards);
  PutNumber(&out, "delete-source", plan.delete_source ? 1 : 0);
  Put(&out, "archive", plan.archive);
  PutNumber(&out, "preserve-acl", plan.preserve_acl ? 1 : 0);
  PutNumber(&out, "preserve-tags", plan.preserve_tags ? 1 : 0);
  Put(&out, "links", plan.links);
  PutNumber(&out, "part-size", plan.tuning.part_size);
  PutNumber(&out, "multipart-threshold", plan.tuning.multipart_threshold);
  return out;
}

std::vector<std::string> OptionsOf(const CopyPlan& plan) {
  const CopyPlan usual;
  std::vector<std::string> out;
  const auto add = [&out](const char* option, const std::string& value) { out.insert(out.end(), {option, value}); };
  const auto number = [&add](const char* option, auto value, auto fallback) {
    if (value != fallback) add(option, std::to_string(value));
  };
  const auto text = [&add](const char* option, const std::string& value, const std::string& fallback) {
    if (value != fallback) add(option, value);
  };
  const auto time = [&add](const char* option, const std::optional<Time>& value, const std::string& age) {
    if (value) add(option, age.empty() ? FormatIso8601(*value) : age);
  };
  for (const std::string& each : plan.filter.include) add("--include", each);
  for (const std::string& each : plan.filter.exclude) add("--exclude", each);
  text("--filter-from", plan.filter.filter_from, "");
  text("--keys-from", plan.filter.keys_from, "");
  if (plan.filter.min_size) add("--min-size", std::to_string(*plan.filter.min_size));
  if (plan.filter.max_size) add("--max-size", std::to_string(*plan.filter.max_size));
  time("--newer-than", plan.filter.newer_than, plan.filter.newer_than_age);
  time("--older-than", plan.filter.older_than, plan.filter.older_than_age);
  for (const std::string& each : plan.filter.content_types) add("--content-type", each);
  text("--map", plan.map, usual.map);
  if (plan.shards > 1) add("--shard", std::to_string(plan.shard) + "/" + std::to_string(plan.shards));
  text("--links", plan.links, usual.links);
  if (plan.overwrite != usual.overwrite) add("--overwrite", plan.overwrite == Overwrite::kChanged ? "changed" : "always");
  if (plan.verify != usual.verify || plan.verify_existing) add("--verify", VerifyName(plan.verify));
  if (plan.digest != usual.digest) add("--digest", std::string(DigestName(plan.digest)));
  number("--transfers", plan.transfers, usual.transfers);
  number("--checkers", plan.checkers, usual.checkers);
  number("--limit", plan.limit, usual.limit);
  number("--batch-size", plan.batch_size, usual.batch_size);
  if (plan.delay != usual.delay) add("--delay", std::to_string(plan.delay.count()) + "ms");
  text("--bwlimit", plan.bwlimit, "");
  if (plan.tpslimit > 0) add("--tpslimit", OfMilli(Milli(plan.tpslimit)));
  text("--window", plan.window, "");
  number("--part-size", plan.tuning.part_size, usual.tuning.part_size);
  if (plan.delete_source) out.push_back("--delete-source");
  if (plan.delete_source) text("--archive", plan.archive, "");  // else kept for a rollback alone
  if (plan.preserve_acl || plan.preserve_tags) add("--preserve", plan.preserve_acl && plan.preserve_tags ? "acl,tags" : plan.preserve_acl ? "acl" : "tags");
  return out;
}

Result<CopyPlan> PlanFromText(std::string_view text) {
  CopyPlan plan;
  for (const std::string& line : Split(text, '\n')) {
    const std::size_t equals = line.find('=');
    if (line.empty()) continue;
    if (equals == std::string::npos) return Wrong("the journal's options hold a line that cannot be read: '" + Printable(line) + "'");
    ReadLine(&plan, std::string_view(line).substr(0, equals), Unescape(std::string_view(line).substr(equals + 1)));
  }
  return plan;
}

std::string IdentityOf(std::string_view source, std::string_view destination, const CopyPlan& plan) {
  std::string text;
  Put(&text, "source", source);
  Put(&text, "destination", destination);
  Put(&text, "map", plan.map);
  text += FilterToText(plan.filter);
  if (plan.shards > 1) {
    PutNumber(&text, "shard", plan.shard);
    PutNumber(&text, "shards", plan.shards);
  }
  return Sha256Hex(AsBytes(text));
}

Status CheckPlan(const CopyPlan& plan) {
  if (plan.transfers < 1 || plan.transfers > 1024) return Wrong("--transfers " + std::to_string(plan.transfers) + ": give a number from 1 to 1024");
  if (plan.checkers < 1 || plan.checkers > 1024) return Wrong("--checkers " + std::to_string(plan.checkers) + ": give a number from 1 to 1024");
  if (plan.shards == 0 || plan.shard >= plan.shards) {
    return Wrong("--shard " + std::to_string(plan.shard) + "/" + std::to_string(plan.shards) + ": give K/N with 0 <= K < N");
  }
  if (plan.batch_size == 0) return Wrong("--batch-size 0: give at least 1");
  if (plan.delay.count() < 0) return Wrong("--delay: give a time that is not negative");
  if (plan.tpslimit < 0) return Wrong("--tpslimit: give a number that is not negative");
  if (plan.tuning.part_size == 0) return Wrong("the part size must be at least 1 byte");
  if (plan.links != "skip" && plan.links != "follow" && plan.links != "error") return Wrong("--links '" + plan.links + "': give skip, follow or error");
  if (plan.delete_source && !plan.confirmed && !plan.dry_run) return Wrong("--delete-source removes objects at the source: confirm it with --yes");
  if (!plan.archive.empty() && !plan.delete_source) return Wrong("--archive keeps what --delete-source removes: give both or neither");
  if (plan.filter.min_size && plan.filter.max_size && *plan.filter.min_size > *plan.filter.max_size) return Wrong("--min-size is larger than --max-size: no object fits");
  if (plan.filter.newer_than && plan.filter.older_than && *plan.filter.newer_than >= *plan.filter.older_than) {
    return Wrong("--newer-than is not before --older-than: no object fits");
  }
  if (plan.digest != DigestKind::kCrc64Nvme && plan.digest != DigestKind::kSha256 && plan.digest != DigestKind::kMd5) return Wrong("--digest: give crc64, sha256 or md5");
  if (Result<Timetable> timetable = Timetable::Create(plan.bwlimit); !timetable.ok()) return timetable.status();
  if (Result<Window> window = Window::Create(plan.window); !window.ok()) return window.status();
  return Rules::Compile(plan).status();
}

}  // namespace fileferry
