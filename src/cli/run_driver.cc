// run_driver.cc: drives a run to its end.  Main thread only.
#include "run_driver.h"

#include <algorithm>

#include "fileferry/config.h"
#include "plan_options.h"
#include "progress.h"
#include "signals.h"
#include "text.h"

namespace fileferry::cli {
namespace {

constexpr auto kPoll = std::chrono::milliseconds(20);
constexpr std::size_t kProblemsShown = 20, kProblemsInJson = 10000;

std::string SummaryLine(const Progress& progress, const RunWords& words, const Status& result) {
  std::uint64_t done = 0;
  for (std::size_t i = 0; i < kOutcomeCount; i++) {
    const auto outcome = static_cast<Outcome>(i);
    if (outcome != Outcome::kPending && outcome != Outcome::kInFlight) done += progress.objects[i];
  }
  if (words.own_work) done = progress.ended;
  std::string line = words.verb + (result.ok() ? ": " : " stopped: ") + Objects(done) + " in " + FormatDuration(progress.seconds);
  if (progress.bytes_moved > 0) {
    line += ", " + SizeText(progress.bytes_moved) + " moved";
    if (progress.seconds > 0) line += " (" + Rate(static_cast<double>(progress.bytes_moved) / progress.seconds) + ")";
  } else if (result.ok() && (words.verb == "copy" || words.verb == "migration")) {
    line += ", 0 B through this machine";
  }
  return line;
}

std::string ExtraLines(const Progress& progress, const RunWords& words) {
  std::string text;
  const auto line = [&](std::uint64_t number, std::string_view what, std::string_view one = {}) {
    if (number > 0) text += "  " + PadLeft(Count(number), 12) + "  " + std::string(number == 1 && !one.empty() ? one : what) + "\n";
  };
  line(progress.filtered, "left out by filters");
  line(progress.skipped_links, "symbolic links skipped", "symbolic link skipped");
  line(progress.kept_sources, "sources not removed", "source not removed");
  if (words.keeps_same) {
    line(progress.objects[static_cast<std::size_t>(Outcome::kSame)] + progress.objects[static_cast<std::size_t>(Outcome::kSameByTime)],
         "sources not removed: the destination held the same before, and only what was copied and verified goes", "source not removed: the destination held the same before, and only what was copied and verified goes");
  }
  line(progress.empty_folders, "empty folders, which are not objects", "empty folder, which is no object");
  line(progress.extra, "at the destination only");
  if (progress.bytes_sent_again > 0) text += "  " + PadLeft(SizeText(progress.bytes_sent_again), 12) + "  sent a second time\n";
  for (const std::string& note : progress.notes) text += "  note: " + Printable(note) + "\n";
  return text;
}

// What a dry run tells as it goes: what would be copied is printed, or kept for the one document; problems are kept for the end.
class Trial {
 public:
  Trial(Session& session, IRun& run) : session_(session), run_(run) {}
  void Take() {
    for (ObjectRecord& record : run_.TakeProblems()) {
      if (record.outcome != Outcome::kSkipped) {
        problems.push_back(std::move(record));
      } else if (session_.json()) {
        operations.push_back({{"operation", "copy"}, {"key", record.key}, {"to", record.destination_key}, {"size", record.size}});
      } else if (!session_.quiet()) {
        session_.out().Write("would copy " + Printable(record.key) + (record.destination_key == record.key ? "" : " to " + Printable(record.destination_key)) + " (" + SizeText(record.size) + ")\n");
      }
    }
  }
  std::vector<ObjectRecord> problems;
  Json operations = Json::array();

 private:
  Session& session_;
  IRun& run_;
};

void NoteMends(Session& session, const Progress& progress, const RunWords& words) {
  const auto count = [&](Outcome outcome) { return progress.objects[static_cast<std::size_t>(outcome)]; };
  std::uint64_t bad = progress.kept_sources + (progress.unfinished ? 1 : 0);
  for (std::size_t i = 0; i < kOutcomeCount; i++) {
    const auto outcome = static_cast<Outcome>(i);
    const bool told = (outcome == Outcome::kUnlisted && !words.relist.empty()) || (outcome == Outcome::kConflict && !words.replace.empty());
    if (!told && !OutcomeIsGood(outcome) && outcome != Outcome::kPending && outcome != Outcome::kInFlight) bad += count(outcome);
  }
  if (bad > 0 && !words.mend.empty()) session.Note(words.mend);
  if (count(Outcome::kUnlisted) > 0 && !words.relist.empty()) session.Note(words.relist);
  if (count(Outcome::kConflict) > 0 && !words.replace.empty()) session.Note(words.replace);
}

void PrintText(Session& session, const IRun& run, const RunWords& words, const Trial* trial, int exit_status) {
  const Progress progress = run.Snapshot();
  const Status result = run.Result();
  std::string text;
  if (!session.quiet()) text += SummaryLine(progress, words, result) + "\n" + (words.own_work ? "the whole migration by now:\n" : "") + OutcomeLines(progress) + ExtraLines(progress, words);
  session.out().Write(text);
  if (words.list_problems) {
    const std::size_t most = trial != nullptr ? SIZE_MAX : kProblemsShown;
    const std::vector<ObjectRecord> problems = trial != nullptr ? trial->problems : run.Problems(most + 1);
    session.out().Flush();
    for (std::size_t i = 0; i < std::min(problems.size(), most); i++) session.Complain(Status(problems[i].code == Code::kOk ? Code::kInternal : problems[i].code, ProblemLine(problems[i])));
    if (problems.size() > most) session.Note("… and more" + std::string(words.mend.empty() ? "" : ": " + words.mend));
  }
  const std::uint64_t pending = progress.objects[static_cast<std::size_t>(Outcome::kPending)] + progress.objects[static_cast<std::size_t>(Outcome::kInFlight)];
  if (result.ok() && pending > 0 && !words.more.empty()) {
    session.Note(Objects(pending) + " pending; to go on: " + words.more);
  } else if (exit_status == 0 && !words.after.empty()) {
    session.Note(words.after);
  }
  if (exit_status == 1) NoteMends(session, progress, words);
}

void PrintJson(Session& session, const IRun& run, const Trial* trial, Json document) {
  const Json progress = ProgressJson(run.Snapshot());
  for (const auto& [name, value] : progress.items()) document[name] = value;
  Json problems = Json::array();
  for (const ObjectRecord& record : trial != nullptr ? trial->problems : run.Problems(kProblemsInJson)) problems.push_back(RecordJson(record));
  if (trial != nullptr) document["operations"] = trial->operations;
  document["problems"] = std::move(problems);
  document["result"] = StatusJson(run.Result());
  session.out().Write(Dump(document));
}

}  // namespace

std::string OutcomeLines(const Progress& progress) {
  std::string text;
  for (std::size_t i = 0; i < kOutcomeCount; i++) {
    if (progress.objects[i] == 0) continue;
    text += "  " + PadLeft(Count(progress.objects[i]), 12) + "  " + PadRight(std::string(OutcomeName(static_cast<Outcome>(i))), 24) + SizeText(progress.bytes[i]) + "\n";
  }
  return text;
}

std::string ProblemLine(const ObjectRecord& record) {
  std::string line = Printable(record.key) + ": " + std::string(OutcomeName(record.outcome));
  if (!record.destination_key.empty() && record.destination_key != record.key) line += " (at the destination " + Printable(record.destination_key) + ")";
  if (!record.message.empty()) line += ": " + Printable(record.message);
  return line;
}

std::string CommandLine(const Parsed& parsed) {
  std::string line = "fileferry";
  for (const std::string& word : parsed.words) line += " " + ShellQuote(word);
  return line;
}

int DriveRun(Session& session, const Parsed& parsed, IRun& run, const RunWords& words, Json more) {
  Trial dry(session, run);
  const Trial* const trial = words.dry_run ? &dry : nullptr;
  if (words.dry_run) dry.Take();
  const Status started = run.Start();
  if (!started.ok()) return session.Fail(started);
  {
    ProgressView view(ProgressStyleOf(session, parsed));
    bool cancelled = false;
    while (!run.Wait(kPoll)) {
      if (StopWasAsked() && !cancelled) {
        cancelled = true;
        run.Cancel();
      }
      if (words.dry_run) dry.Take();
      view.Update(run.Snapshot());
    }
    if (words.dry_run) dry.Take();
    view.Finish(run.Snapshot());
  }
  const Status result = run.Result();
  int exit_status = ExitStatusOf(run);
  if (!result.ok()) exit_status = ExitStatus(result);
  if (session.json()) {
    PrintJson(session, run, trial, std::move(more));
  } else {
    PrintText(session, run, words, trial, exit_status);
  }
  session.out().Flush();
  if (!result.ok()) {
    if (result.code() == Code::kCancelled) {
      session.Note("fileferry: stopped as asked" + (words.again.empty() ? "" : "; to go on: " + words.again));
    } else {
      session.Complain(result);
      if (!words.again.empty() && exit_status == 4) session.Note("to go on: " + words.again);
    }
  }
  return session.Finish(exit_status);
}

}  // namespace fileferry::cli
