// journal_commands.cc: migrate, verify, status, report, retry, cleanup, rollback: runs with a journal.  Main thread only.
#include <algorithm>

#include "commands.h"
#include "fileferry/config.h"
#include "plan_options.h"
#include "run_driver.h"
#include "text.h"

namespace fileferry::cli {
namespace {

std::string JournalOption(const std::string& journal) { return " --journal " + ShellQuote(journal); }

// as_typed: with the filters and the map of this command line, not the journal's.
Result<std::unique_ptr<MigrationRunner>> Reopen(Session& session, const Parsed& parsed, const std::string& journal, bool as_typed = false) {
  auto factory = session.Factory();
  if (!factory.ok()) return factory.status();
  auto plan = PlanOf(session, parsed);
  if (!plan.ok()) return plan.status();
  return MigrationRunner::Reopen(journal, **factory, [&](CopyPlan& begun) {  // only what was typed
    const auto take = [&](std::string_view option, auto member) {
      if (parsed.Has(option)) begun.*member = (*plan).*member;
    };
    take("transfers", &CopyPlan::transfers);
    take("checkers", &CopyPlan::checkers);
    take("bwlimit", &CopyPlan::bwlimit);
    take("tpslimit", &CopyPlan::tpslimit);
    take("window", &CopyPlan::window);
    take("delay", &CopyPlan::delay);
    take("batch-size", &CopyPlan::batch_size);
    take("part-size", &CopyPlan::tuning);
    take("verify", &CopyPlan::verify);
    take("digest", &CopyPlan::digest);
    take("overwrite", &CopyPlan::overwrite);
    take("limit", &CopyPlan::limit);
    if (!as_typed) return;
    begun.filter = plan->filter;
    begun.map = plan->map;
    begun.shard = plan->shard;
    begun.shards = plan->shards;
    take("links", &CopyPlan::links);
  });
}

Json Describe(const MigrationRunner& runner, std::string_view command) { return {{"command", command}, {"journal", runner.journal()}, {"identity", runner.identity()}}; }

RunWords Words(const Parsed& parsed, const MigrationRunner& runner, std::string verb) {
  RunWords words;
  words.verb = std::move(verb);
  words.again = CommandLine(parsed);
  const std::string journal = parsed.Has("journal") ? JournalOption(runner.journal()) : "";
  words.mend = "see fileferry report" + journal + ", then fileferry retry" + journal;
  words.relist = "what was not listed is named with the reason; once that is mended, fileferry migrate lists it again";
  return words;
}

// Of a migration that was taken back there is nothing to mend.  Runs that look at its rows alone say so in their notes.
bool TakenBack(MigrationRunner& runner) {
  const auto state = runner.GetState();
  return state.ok() && (state->phase == "rolled back" || state->phase.find("rolling back") != std::string::npos);
}

// What names SRC DST and a journal: both storages, and the journal brought up to date.
int DriveCompare(Session& session, const Parsed& parsed, MigrationRunner& runner) {
  if (!session.json()) session.Note("journal: " + Printable(runner.journal()));
  auto run = runner.Compare(VerifyOf(parsed));
  if (!run.ok()) return session.Fail(run.status());
  RunWords words = Words(parsed, runner, "verify");
  words.mend = TakenBack(runner) ? "the migration was taken back: fileferry migrate copies it again" : "fileferry migrate brings what is new at the source; fileferry retry" + (parsed.Has("journal") ? JournalOption(runner.journal()) : "") + " mends what it had copied before";
  return DriveRun(session, parsed, **run, words, Describe(runner, "verify"));
}

int DriveVerify(Session& session, const Parsed& parsed, MigrationRunner& runner) {
  auto run = runner.Verify(VerifyOf(parsed));
  if (!run.ok()) return session.Fail(run.status());
  RunWords words = Words(parsed, runner, "verify");
  words.own_work = true;
  if (TakenBack(runner)) words.mend.clear();
  return DriveRun(session, parsed, **run, words, Describe(runner, "verify"));
}

Result<std::string> JournalOf(const Parsed& parsed) {
  if (parsed.Has("journal")) return parsed.Get("journal");
  return MigrationRunner::NewestJournal();
}

// The journal that a command is about to work on, told before it does.
Result<std::string> JournalToWorkOn(Session& session, const Parsed& parsed) {
  auto journal = JournalOf(parsed);
  if (!journal.ok()) return journal;
  const auto state = MigrationRunner::ReadState(*journal);
  if (!state.ok()) return state.status();
  session.Note("journal: " + Printable(*journal) + ": " + Printable(state->source) + " -> " + Printable(state->destination));
  return journal;
}

}  // namespace

int RunMigrate(Session& session, const Parsed& parsed) {
  auto sides = OpenSides(session, parsed);
  if (!sides.ok()) return session.Fail(sides.status());
  auto plan = PlanOf(session, parsed);
  if (!plan.ok()) return session.Fail(plan.status());
  if (!plan->dry_run && sides->destination.provider->Scheme() == "memory") {
    return session.Fail(Status(Code::kInvalidArgument, "memory: ends with this command, and a migration shall not; name another destination, or try with --dry-run"));
  }
  MigrationRunner::Options options{*plan, parsed.Get("journal")};
  auto runner = MigrationRunner::Open(std::move(sides->source), std::move(sides->destination), std::move(options));
  if (!runner.ok()) return session.Fail(runner.status());
  if (!session.json() && !(*runner)->journal().empty()) session.Note("journal: " + Printable((*runner)->journal()));
  auto run = (*runner)->Copy();
  if (!run.ok()) return session.Fail(run.status());
  RunWords words = Words(parsed, **runner, plan->dry_run ? "dry run" : "migration");
  words.dry_run = plan->dry_run;
  words.keeps_same = plan->delete_source;
  const std::string journal = parsed.Has("journal") ? JournalOption((*runner)->journal()) : "";
  if (!plan->dry_run) words.more = words.again;
  if (!plan->dry_run) words.after = "next: fileferry verify --verify full" + journal + " reads every byte again; fileferry rollback" + journal + " takes it back";
  return DriveRun(session, parsed, **run, words, Describe(**runner, "migrate"));
}

int RunVerify(Session& session, const Parsed& parsed) {
  if (parsed.arguments.size() == 1) return session.Fail(Status(Code::kInvalidArgument, "verify needs one more argument: write fileferry verify SRC DST"));
  if (parsed.arguments.empty()) {
    if (ChoosesKeys(parsed) || parsed.Has("limit")) return session.Fail(Status(Code::kInvalidArgument, "verify of a migration takes every object: name SRC and DST to choose keys"));
    const auto journal = JournalToWorkOn(session, parsed);
    if (!journal.ok()) return session.Fail(journal.status());
    auto runner = Reopen(session, parsed, *journal);
    if (!runner.ok()) return session.Fail(runner.status());
    return DriveVerify(session, parsed, **runner);
  }
  auto sides = OpenSides(session, parsed);
  if (!sides.ok()) return session.Fail(sides.status());
  auto plan = PlanOf(session, parsed);
  if (!plan.ok()) return session.Fail(plan.status());
  const bool named = parsed.Has("journal");
  if (named && parsed.Has("limit")) return session.Fail(Status(Code::kInvalidArgument, "--limit compares a part, and --journal is of the whole: leave one of them out"));
  const std::string journal = named ? parsed.Get("journal") : parsed.Has("limit") ? "" : MigrationRunner::FindJournal(sides->source, sides->destination, ChoosesKeys(parsed) ? &*plan : nullptr);
  if (named) {
    const auto state = MigrationRunner::ReadState(journal);
    if (!state.ok()) return session.Fail(state.status());
    if (state->source != sides->source.text || state->destination != sides->destination.text) {
      return session.Fail(Status(Code::kInvalidArgument, "the journal " + Printable(journal) + " is of " + Printable(state->source) + " -> " + Printable(state->destination) +
                                                                 ": name these two, or verify without it"));
    }
  }
  if (!journal.empty()) {
    auto runner = Reopen(session, parsed, journal, !named || ChoosesKeys(parsed));
    if (runner.ok()) return DriveCompare(session, parsed, **runner);
    if (named) return session.Fail(runner.status());
    session.Warn(runner.code() == Code::kBusy ? "the migration of these storages is running: they are compared without its journal"
                                              : "the two storages are compared without their journal: " + std::string(runner.status().message()));
  }
  Json more{{"command", "verify"}, {"source", sides->source.text}, {"destination", sides->destination.text}};
  auto run = NewCompare(std::move(sides->source), std::move(sides->destination), *plan);
  if (!run.ok()) return session.Fail(run.status());
  RunWords words;
  words.verb = "verify";
  words.mend = "fileferry copy SRC DST brings what is missing; with --overwrite changed --verify checksum also what has other bytes, with --overwrite always whatever differs";
  return DriveRun(session, parsed, **run, words, std::move(more));
}

int RunStatus(Session& session, const Parsed& parsed) {
  const auto journal = JournalOf(parsed);
  if (!journal.ok()) return session.Fail(journal.status());
  const auto state = MigrationRunner::ReadState(*journal);
  if (!state.ok()) return session.Fail(state.status());
  if (session.json()) {
    Json json{{"journal", state->journal}, {"identity", state->identity}, {"source", state->source}, {"destination", state->destination},
              {"phase", state->phase},     {"running", state->running},   {"runs", state->runs}};
    for (const auto& [name, time] : {std::pair("created", state->created), std::pair("updated", state->updated), std::pair("finished", state->finished)}) {
      if (time) json[name] = IsoTime(*time);
    }
    const Json progress = ProgressJson(state->progress);
    for (const auto& [name, value] : progress.items()) {
      if (name != "phase") json[name] = value;
    }
    session.out().Write(Dump(json));
    return session.Finish(0);
  }
  std::string text = Printable(state->source) + " -> " + Printable(state->destination) + "\n";
  text += "  journal   " + Printable(state->journal) + "\n";
  text += "  phase     " + Printable(state->phase) + (state->running ? ", running now" : "") + (state->runs > 1 ? ", run " + std::to_string(state->runs) : "") + "\n";
  if (state->created) text += "  created   " + LocalTime(*state->created) + "\n";
  if (state->updated) text += "  updated   " + LocalTime(*state->updated) + "\n";
  if (state->finished) text += "  finished  " + LocalTime(*state->finished) + "\n";
  text += "  listed    " + Objects(state->progress.listed) + ", " + SizeText(state->progress.listed_bytes) + (state->progress.listing_done || state->phase == "rolled back" ? "" : " so far") + "\n";
  text += OutcomeLines(state->progress);
  session.out().Write(text);
  if (!state->running && !state->finished) {
    std::string again = "to go on: fileferry";
    for (const std::string& word : state->again) again += " " + ShellQuote(word);
    session.Note(again);
  }
  return session.Finish(0);
}

namespace {

std::vector<Outcome> OutcomesOf(const Parsed& parsed, Status* status) {
  std::vector<Outcome> outcomes;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < kOutcomeCount; i++) {
    std::string name(OutcomeName(static_cast<Outcome>(i)));
    std::replace(name.begin(), name.end(), ' ', '-');
    names.push_back(std::move(name));
  }
  for (std::string asked : parsed.All("outcome")) {
    std::replace(asked.begin(), asked.end(), ' ', '-');
    std::replace(asked.begin(), asked.end(), '_', '-');
    const auto found = std::find(names.begin(), names.end(), asked);
    if (found == names.end()) {
      std::string all;
      for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
      const std::string nearest = Nearest(asked, names);
      *status = Status(Code::kInvalidArgument, "--outcome cannot be '" + Printable(asked) + "': " + (nearest.empty() ? "it is one of " + all : "did you mean '" + nearest + "'?"));
      return {};
    }
    outcomes.push_back(static_cast<Outcome>(found - names.begin()));
  }
  if (!outcomes.empty() || parsed.Has("all")) return outcomes;
  for (std::size_t i = 0; i < kOutcomeCount; i++) {
    const auto outcome = static_cast<Outcome>(i);
    if (!OutcomeIsGood(outcome) || outcome == Outcome::kPending || outcome == Outcome::kInFlight) outcomes.push_back(outcome);
  }
  return outcomes;
}

}  // namespace

int RunReport(Session& session, const Parsed& parsed) {
  Status status;
  const std::vector<Outcome> outcomes = OutcomesOf(parsed, &status);
  if (!status.ok()) return session.Fail(status);
  const auto journal = JournalOf(parsed);
  if (!journal.ok()) return session.Fail(journal.status());
  const auto state = MigrationRunner::ReadState(*journal);
  if (!state.ok()) return session.Fail(state.status());
  auto rows = MigrationRunner::ReadRows(*journal);
  if (!rows.ok()) return session.Fail(rows.status());
  const bool json = session.json();
  if (json) {
    Json head{{"journal", state->journal}, {"source", state->source}, {"destination", state->destination}};
    const Json progress = ProgressJson(state->progress);
    for (const auto& [name, value] : progress.items()) head[name] = value;
    std::string text = Dump(head);
    text.resize(text.size() - 3);  // "\n}\n": the objects follow
    session.out().Write(text + ",\n  \"objects_listed\": [");
  } else {
    session.out().Write(Printable(state->source) + " -> " + Printable(state->destination) + " (" + Printable(state->journal) + "): " + Printable(state->phase) + "\n" + OutcomeLines(state->progress));
  }
  std::string after;
  std::uint64_t count = 0;
  while (true) {
    auto records = (*rows)->Records(outcomes, after, 1000);
    if (!records.ok()) {
      if (json) session.out().Write(std::string(count == 0 ? "" : "\n  ") + "],\n  \"result\": " + DumpLine(StatusJson(records.status())) + "\n}\n");
      return session.Fail(records.status());
    }
    for (const ObjectRecord& record : *records) {
      session.out().Write(json ? (count == 0 ? "\n    " : ",\n    ") + DumpLine(RecordJson(record)) : ProblemLine(record) + "\n");
      count++;
    }
    if (records->size() < 1000 || session.ctx().cancelled()) break;
    after = records->back().key;
  }
  if (json) {
    session.out().Write(std::string(count == 0 ? "" : "\n  ") + "]\n}\n");
  } else if (count == 0) {
    const bool ended = state->phase == "done" || state->phase == "rolled back";
    const std::uint64_t pending = state->progress.objects[static_cast<std::size_t>(Outcome::kPending)] + state->progress.objects[static_cast<std::size_t>(Outcome::kInFlight)];
    if (pending > 0) session.out().Write(Objects(pending) + " pending\n");
    if (ended && pending == 0) session.out().Write("no problems\n");
  }
  return session.Finish(0);
}

int RunRetry(Session& session, const Parsed& parsed) {
  const auto journal = JournalToWorkOn(session, parsed);
  if (!journal.ok()) return session.Fail(journal.status());
  auto runner = Reopen(session, parsed, *journal);
  if (!runner.ok()) return session.Fail(runner.status());
  auto run = (*runner)->Retry();
  if (!run.ok()) return session.Fail(run.status());
  RunWords words = Words(parsed, **runner, "retry");
  words.own_work = true;
  words.mend = TakenBack(**runner) ? "" : "see fileferry report" + (parsed.Has("journal") ? JournalOption((*runner)->journal()) : "");
  if (parsed.Get("overwrite", "never") == "never") words.replace = "what the destination holds instead is overwritten only with --overwrite changed";
  return DriveRun(session, parsed, **run, words, Describe(**runner, "retry"));
}

int RunCleanup(Session& session, const Parsed& parsed) {
  const auto journal = JournalToWorkOn(session, parsed);
  if (!journal.ok()) return session.Fail(journal.status());
  std::optional<std::chrono::seconds> trash;
  if (parsed.Has("trash")) {
    const auto age = ParseDurationMs(parsed.Get("trash"));
    if (!age.ok()) return session.Fail(Status(Code::kInvalidArgument, "--trash: " + std::string(age.status().message())));
    trash = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::milliseconds(*age));
  }
  auto runner = Reopen(session, parsed, *journal);
  if (!runner.ok()) return session.Fail(runner.status());
  auto run = (*runner)->Cleanup(trash);
  if (!run.ok()) return session.Fail(run.status());
  return DriveRun(session, parsed, **run, Words(parsed, **runner, "cleanup"), Describe(**runner, "cleanup"));
}

int RunRollback(Session& session, const Parsed& parsed) {
  const auto journal = JournalToWorkOn(session, parsed);
  if (!journal.ok()) return session.Fail(journal.status());
  const auto state = MigrationRunner::ReadState(*journal);
  if (!state.ok()) return session.Fail(state.status());
  const Status agreed = session.Confirm(parsed, "rollback of " + state->source + " -> " + state->destination);
  if (!agreed.ok()) return session.Fail(agreed);
  auto runner = Reopen(session, parsed, *journal);
  if (!runner.ok()) return session.Fail(runner.status());
  auto run = (*runner)->Rollback();
  if (!run.ok()) return session.Fail(run.status());
  RunWords words = Words(parsed, **runner, "rollback");
  words.own_work = true;
  words.mend = "what is named above was left alone; see fileferry report";
  words.relist.clear();
  return DriveRun(session, parsed, **run, words, Describe(**runner, "rollback"));
}

}  // namespace fileferry::cli
