// run_commands.cc: copy, plan, missing: runs without a journal.  Main thread only.
#include <algorithm>

#include "commands.h"
#include "fileferry/config.h"
#include "plan_options.h"
#include "run_driver.h"
#include "text.h"

namespace fileferry::cli {

int RunCopy(Session& session, const Parsed& parsed) {
  auto sides = OpenSides(session, parsed);
  if (!sides.ok()) return session.Fail(sides.status());
  auto plan = PlanOf(session, parsed);
  if (!plan.ok()) return session.Fail(plan.status());
  if (plan->delete_source && sides->destination.provider->Scheme() == "memory") {
    return session.Fail(Status(Code::kInvalidArgument, "memory: ends with this command, so --delete-source would lose the objects; name another destination"));
  }
  Json more{{"command", "copy"}, {"source", sides->source.text}, {"destination", sides->destination.text}};
  auto run = NewCopy(std::move(sides->source), std::move(sides->destination), *plan);
  if (!run.ok()) return session.Fail(run.status());
  RunWords words;
  words.verb = plan->dry_run ? "dry run" : "copy";
  words.dry_run = plan->dry_run;
  words.again = CommandLine(parsed);
  words.keeps_same = plan->delete_source;
  return DriveRun(session, parsed, **run, words, std::move(more));
}

namespace {

// The list of `missing`, printed as it is found: it may be as long as the source.
class MissingList {
 public:
  explicit MissingList(Session& session) : session_(session) {}

  void Add(const std::vector<ObjectRecord>& records) {
    for (const ObjectRecord& record : records) {
      if (record.outcome == Outcome::kMissingAtDestination) {
        AddKey(record);
      } else if (record.outcome != Outcome::kDifferent && ++uncompared_ <= kShown) {  // different: something is there
        session_.Complain(Status(record.code == Code::kOk ? Code::kInternal : record.code, ProblemLine(record)));
      }
    }
  }
  std::uint64_t count() const { return count_; }
  std::uint64_t uncompared() const { return uncompared_; }

  void End(const Status& result) {
    if (uncompared_ > 0) session_.Complain(Status(Code::kInternal, Objects(uncompared_) + " could not be compared" + (uncompared_ > kShown ? ", the first of them named above" : "")));
    if (!session_.json() || (!result.ok() && count_ == 0)) return;
    if (count_ == 0) session_.out().Write("{\n  \"missing\": [");
    session_.out().Write(std::string(count_ > 0 ? "\n  " : "") + "],\n  \"count\": " + std::to_string(count_) + ",\n  \"uncompared\": " + std::to_string(uncompared_) + ",\n  \"result\": " +
                         DumpLine(StatusJson(result)) + "\n}\n");
  }

 private:
  static constexpr std::uint64_t kShown = 20;

  void AddKey(const ObjectRecord& record) {
    if (!session_.json()) {
      session_.out().Write((IsTerminal(1) ? Printable(record.key) : record.key) + "\n");
    } else {
      line_.assign(count_ == 0 ? "{\n  \"missing\": [\n    {\"key\": " : ",\n    {\"key\": ");
      AppendJsonString(record.key, &line_);
      session_.out().Write(line_.append(", \"size\": ").append(std::to_string(record.size)).append("}"));
    }
    count_++;
  }

  Session& session_;
  std::uint64_t count_ = 0, uncompared_ = 0;
  std::string line_;
};

}  // namespace

int RunMissing(Session& session, const Parsed& parsed) {
  auto sides = OpenSides(session, parsed);
  if (!sides.ok()) return session.Fail(sides.status());
  auto plan = PlanOf(session, parsed);
  if (!plan.ok()) return session.Fail(plan.status());
  // Only what is there counts: no digest, no read.
  plan->verify = VerifyMode::kNone;
  auto run = NewCompare(std::move(sides->source), std::move(sides->destination), *plan);
  if (!run.ok()) return session.Fail(run.status());
  MissingList list(session);
  list.Add((*run)->TakeProblems());
  const Status started = (*run)->Start();
  if (!started.ok()) return session.Fail(started);
  bool cancelled = false;
  while (!(*run)->Wait(std::chrono::milliseconds(20))) {
    if (!cancelled && (session.ctx().cancelled() || !session.out().status().ok())) (*run)->Cancel();
    cancelled = cancelled || session.ctx().cancelled();
    list.Add((*run)->TakeProblems());
  }
  list.Add((*run)->TakeProblems());
  const Status result = (*run)->Result();
  list.End(result);
  if (!result.ok()) return session.Fail(result);
  if (!session.json()) session.Note(list.count() > 0 ? Objects(list.count()) + " missing at the destination" : list.uncompared() > 0 ? "nothing else is missing" : "nothing is missing");
  return session.Finish(list.count() == 0 && list.uncompared() == 0 ? 0 : 1);
}

namespace {

Json AnalysisJson(const Analysis& analysis) {
  Json json{{"objects", analysis.objects},
            {"bytes", analysis.bytes},
            {"filtered", analysis.filtered},
            {"skipped_links", analysis.skipped_links},
            {"empty_folders", analysis.empty_folders},
            {"already_there", analysis.already_there},
            {"conflicts", analysis.conflicts},
            {"left", analysis.left},
            {"left_bytes", analysis.left_bytes},
            {"refused", analysis.refused_count},
            {"unlisted", analysis.unlisted_count},
            {"requests_write", analysis.requests_write},
            {"requests_read", analysis.requests_read},
            {"requests_list", analysis.requests_list},
            {"cost_usd", analysis.cost_usd},
            {"cost_note", analysis.cost_note},
            {"types", Json::array()},
            {"sizes", Json::array()},
            {"largest", Json::array()},
            {"refused_keys", Json::array()},
            {"unlisted_keys", Json::array()}};
  for (const auto& group : analysis.types) json["types"].push_back({{"type", group.name}, {"objects", group.objects}, {"bytes", group.bytes}});
  for (const auto& group : analysis.sizes) json["sizes"].push_back({{"size", group.name}, {"objects", group.objects}, {"bytes", group.bytes}});
  for (const auto& record : analysis.largest) json["largest"].push_back({{"key", record.key}, {"size", record.size}});
  for (const auto& record : analysis.refused) json["refused_keys"].push_back({{"key", record.key}, {"message", record.message}});
  for (const auto& record : analysis.unlisted) json["unlisted_keys"].push_back({{"key", record.key}, {"message", record.message}});
  return json;
}

std::string GroupLines(const std::vector<Analysis::Group>& groups, std::size_t most) {
  std::string text;
  for (std::size_t i = 0; i < std::min(groups.size(), most); i++) {
    if (groups[i].objects == 0) continue;
    text += "    " + PadRight(Clip(Printable(groups[i].name), 36), 38) + PadLeft(Count(groups[i].objects), 12) + PadLeft(SizeText(groups[i].bytes), 12) + "\n";
  }
  if (groups.size() > most) text += "    … and " + Count(groups.size() - most) + " more\n";
  return text;
}

std::string AnalysisText(const Analysis& analysis, bool with_destination, const std::string& bwlimit) {
  std::string text = Objects(analysis.objects) + ", " + SizeText(analysis.bytes) + "\n";
  const auto line = [&](std::uint64_t number, std::string_view what) {
    if (number > 0) text += "  " + PadLeft(Count(number), 12) + "  " + std::string(what) + "\n";
  };
  line(analysis.filtered, "left out by filters");
  line(analysis.skipped_links, "symbolic links, skipped");
  line(analysis.empty_folders, "empty folders, which are not objects");
  if (with_destination) {
    line(analysis.already_there, "already at the destination");
    line(analysis.conflicts, "conflicts: the destination holds something else");
  }
  line(analysis.refused_count, "keys that the destination cannot hold");
  for (const ObjectRecord& record : analysis.refused) text += "    " + Printable(record.key) + ": " + Printable(record.message) + "\n";
  if (analysis.refused_count > analysis.refused.size()) text += "    … and " + Count(analysis.refused_count - analysis.refused.size()) + " more\n";
  line(analysis.unlisted_count, "not counted: the source cannot list them");
  for (std::size_t i = 0; i < std::min<std::size_t>(analysis.unlisted.size(), 10); i++)
    text += "    " + Printable(analysis.unlisted[i].key) + ": " + Printable(analysis.unlisted[i].message) + "\n";
  if (!analysis.types.empty()) text += "  types\n" + GroupLines(analysis.types, 12);
  if (!analysis.sizes.empty()) text += "  sizes\n" + GroupLines(analysis.sizes, 12);
  if (!analysis.largest.empty()) text += "  largest\n";
  for (const ObjectRecord& record : analysis.largest) text += "    " + PadRight(Clip(Printable(record.key), 60), 62) + SizeText(record.size) + "\n";
  text += "  requests: " + Count(analysis.requests_write) + " writing, " + Count(analysis.requests_read) + " reading, " + Count(analysis.requests_list) + " listing\n";
  const bool bare = bwlimit.find_first_not_of("0123456789.") == std::string::npos;  // then KiB a second, as everywhere
  const auto rate = bwlimit.empty() || bwlimit.find_first_of(" ,") != std::string::npos ? Result<std::uint64_t>(std::uint64_t{0}) : ParseSize(bwlimit + (bare ? "k" : ""));
  text += "  time: ";
  if (rate.ok() && *rate > 0) text += FormatDuration(analysis.seconds_at(static_cast<double>(*rate))) + " at " + Rate(static_cast<double>(*rate)) + ", ";
  text += FormatDuration(analysis.seconds_at(10e6 / 8)) + " at 10 Mbit/s, " + FormatDuration(analysis.seconds_at(100e6 / 8)) + " at 100 Mbit/s, " +
          FormatDuration(analysis.seconds_at(1e9 / 8)) + " at 1 Gbit/s\n";
  char cost[64];
  std::snprintf(cost, sizeof cost, "  cost: %.2f USD", analysis.cost_usd);
  return text + cost + (analysis.cost_note.empty() ? "" : " (" + Printable(analysis.cost_note) + ")") + "\n";
}

}  // namespace

int RunPlan(Session& session, const Parsed& parsed) {
  auto plan = PlanOf(session, parsed);
  if (!plan.ok()) return session.Fail(plan.status());
  auto factory = session.Factory(OverridesOf(parsed));
  if (!factory.ok()) return session.Fail(factory.status());
  auto source = (*factory)->Open(parsed.arguments[0]);
  if (!source.ok()) return session.Fail(source.status());
  const Status there = FolderIsThere(*source, parsed.arguments[0]);
  if (!there.ok()) return session.Fail(there);
  std::optional<OpenedStorage> destination;
  if (parsed.arguments.size() > 1) {
    auto sides = OpenSides(session, parsed);
    if (!sides.ok()) return session.Fail(sides.status());
    destination = std::move(sides->destination);
  }
  auto analysis = Analyse(session.ctx(), *std::move(source), destination, *plan);
  if (!analysis.ok()) return session.Fail(analysis.status());
  session.out().Write(session.json() ? Dump(AnalysisJson(*analysis)) : AnalysisText(*analysis, destination.has_value(), plan->bwlimit));
  return session.Finish(analysis->unlisted_count > 0 ? 1 : 0);
}

}  // namespace fileferry::cli
