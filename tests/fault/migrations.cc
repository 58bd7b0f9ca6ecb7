// migrations.cc: copy, retry and rollback of whole migrations; see kth.h.
#include <sys/stat.h>

#include "fault/kth.h"

namespace kth {
namespace {

std::string JournalPath() { return (world.folder / "journal.db").string(); }

struct RunEnd {
  Status status;
  int exit = 3;
};

RunEnd Drive(const std::function<Result<std::unique_ptr<IRun>>(MigrationRunner&)>& make, const OpenedStorage& from, const OpenedStorage& to,
             const std::function<void(CopyPlan&)>& change = {}) {
  MigrationRunner::Options options;
  options.journal = JournalPath();
  options.plan.transfers = 2;
  options.plan.verify = VerifyMode::kChecksum;
  options.plan.tuning.multipart_threshold = 5 << 20;
  options.plan.tuning.part_size = 5 << 20;
  if (change) change(options.plan);
  Result<std::unique_ptr<MigrationRunner>> runner = MigrationRunner::Open(from, to, options);
  if (!runner.ok()) return {runner.status(), 3};
  Result<std::unique_ptr<IRun>> run = make(**runner);
  if (!run.ok()) return {run.status(), 3};
  if (Status started = (*run)->Start(); !started.ok()) return {started, 3};
  while (!(*run)->Wait(std::chrono::milliseconds(1000))) {
  }
  return {(*run)->Result(), ExitStatusOf(**run)};
}
RunEnd Copy(const OpenedStorage& from, const OpenedStorage& to) {
  return Drive([](MigrationRunner& r) { return r.Copy(); }, from, to);
}

void RemoveJournal() {
  for (const char* tail : {"", "-wal", "-shm", ".lock", "-journal"}) {
    std::error_code ignored;
    fs::remove(JournalPath() + tail, ignored);
  }
}

enum class Job { kCopy, kRetry, kRollback };

Scenario MigrateScenario(const std::string& name, bool to_s3, Job job) {
  const fs::path local = world.folder / (name + "-local");
  const std::string s3 = world.S3(name + "/");
  const std::string from_text = to_s3 ? "file://" + local.string() + "/" : s3;
  const std::string to_text = to_s3 ? s3 : "file://" + local.string() + "/";
  auto source = std::make_shared<std::map<std::string, std::string>>();
  for (unsigned i = 0; i < 20; ++i) (*source)["folder" + std::to_string(i % 3) + "/file" + std::to_string(i) + ".jpg"] = Pattern(i == 0 ? 0 : 50 * i, 100 + i);
  (*source)["film.mp4"] = Pattern((5 << 20) + 12345, 7);

  auto fill_source = [=] {
    OpenedStorage from = world.Open(from_text);
    for (const auto& [key, text] : *source) {
      if (to_s3) {
        WriteFile(local / key, text);
      } else if (Result<ObjectInfo> put = WriteAll(*from.provider, {}, from.path + key, text); !put.ok()) {
        Fail("prepare: " + put.status().ToString());
      }
    }
  };
  fill_source();
  auto destination = [=] { return Objects(world.Open(to_text), job == Job::kRetry); };
  auto damage = [=] {  // three objects of the destination rot
    int n = 0;
    for (const auto& [key, text] : *source) {
      if (text.empty() || ++n > 3) continue;
      if (!to_s3) {
        struct stat st {};
        std::string rotten = text;
        rotten[rotten.size() / 2] ^= 1;
        (void)::stat((local / key).c_str(), &st);
        std::fstream(local / key, std::ios::in | std::ios::out | std::ios::binary).write(rotten.data(), static_cast<std::streamsize>(rotten.size()));
        const timespec times[2] = {st.st_atim, st.st_mtim};
        (void)::utimensat(AT_FDCWD, (local / key).c_str(), times, 0);
      }
    }
  };
  Scenario s;
  s.name = name;
  s.prepare = [=] {
    RemoveJournal();
    OpenedStorage to = world.Open(to_text);
    Empty(to);
    if (!to_s3) fs::remove_all(local);
    if (job == Job::kCopy) return;
    if (RunEnd end = Copy(world.Open(from_text), to); end.exit != 0) Fail(name + ": prepare: " + end.status.ToString());
    if (job == Job::kRetry) {
      damage();
      RunEnd end = Drive([](MigrationRunner& r) { return r.Verify(VerifyMode::kFull); }, world.Open(from_text), to);
      if (end.exit != 1) Fail(name + ": the damage was not found: " + end.status.ToString());
    }
  };
  auto go = [=] {
    return Drive(
        [job](MigrationRunner& r) {
          switch (job) {
            case Job::kCopy: return r.Copy();
            case Job::kRetry: return r.Retry();
            case Job::kRollback: return r.Rollback();
          }
          return r.Copy();
        },
        world.Open(from_text), world.Open(to_text));
  };
  s.run = [=] { return go().exit == 0; };
  s.judge = [=](bool reported) {
    auto there = destination();
    if (Objects(world.Open(from_text)) != *source) Fail(name + ": the source was changed");
    for (const auto& [key, text] : there) {
      auto original = source->find(key);
      if (original == source->end()) {
        Fail(name + ": appeared " + key);
      } else if (job != Job::kRetry && original->second != text) {
        Fail(name + ": half-written or wrong: " + key);
      }
    }
    if (!reported) return;
    if (job == Job::kRollback ? !there.empty() : there != *source) Fail(name + ": success was reported over a hole");
  };
  s.complete = [=] {
    RunEnd end = go();
    if (end.exit != 0) Fail(name + ": the run without faults ended with " + std::to_string(end.exit) + " " + end.status.ToString());
    auto there = destination();
    if (job == Job::kRollback ? !there.empty() : there != *source) Fail(name + ": the end is not complete: " + std::to_string(there.size()) + " objects");
    if (std::size_t open = OpenUploads(world.Open(to_text)); open != 0) Fail(name + ": " + std::to_string(open) + " uploads left open");
  };
  return s;
}

// What replaces objects of the destination, or removes those of the source into an archive, and is taken back at the end of each round.
Scenario TakenBackScenario(const std::string& name, bool to_s3, bool moves) {
  using Map = std::map<std::string, std::string>;
  const fs::path local = world.folder / (name + "-local"), archive = world.folder / (name + "-archive");
  const std::string folder = "file://" + local.string() + "/", s3 = world.S3(name + "/"), archive_text = "file://" + archive.string() + "/";
  const std::string from_text = to_s3 ? folder : s3, to_text = to_s3 ? s3 : folder;
  const auto source = std::make_shared<Map>(Map{{"a", Pattern(300, 1)}, {"d/b", Pattern(200, 2)}});
  const auto before = std::make_shared<Map>(Map{{"theirs", "t"}});
  for (unsigned i = 0; i < 7 && !moves; ++i) {  // enough calls that not every one meets every kind of fault
    const std::string key = "r/" + std::to_string(i);
    (*source)[key] = Pattern(100 * i, 10 + i);
    (*before)[key] = Pattern(90 * i + 1, 20 + i);
  }
  const auto seen = [](const Map& all) {  // without what the trash keeps
    Map some;
    for (const auto& [key, text] : all) {
      if (!key.starts_with(".fileferry/trash/")) some.emplace(key, text);
    }
    return some;
  };
  const auto fill = [](const OpenedStorage& storage, const Map& objects) {
    Empty(storage);
    for (const auto& [key, text] : objects) {
      if (Result<ObjectInfo> put = WriteAll(*storage.provider, {}, storage.path + key, text); !put.ok()) Fail("prepare: " + put.status().ToString());
    }
  };
  const auto change = [=](CopyPlan& plan) {
    plan.transfers = 1;
    plan.overwrite = Overwrite::kAlways;
    if (!moves) return;
    plan.archive = archive_text;
    plan.archive_storage = std::make_shared<OpenedStorage>(world.Open(archive_text));
    plan.delete_source = plan.confirmed = true;
  };
  const auto copy = [=] { return Drive([](MigrationRunner& r) { return r.Copy(); }, world.Open(from_text), world.Open(to_text), change); };
  const auto rollback = [=] { return Drive([](MigrationRunner& r) { return r.Rollback(); }, world.Open(from_text), world.Open(to_text), change); };
  const auto arrived = [=] {
    Map all = *source;
    all.insert(before->begin(), before->end());
    return all;
  };
  Scenario s;
  s.name = name;
  s.prepare = [=] {
    RemoveJournal();
    fs::remove_all(archive);
    fill(world.Open(from_text), *source);
    fill(world.Open(to_text), *before);
  };
  s.run = [=] { return copy().exit == 0; };
  s.judge = [=](bool reported) {
    const Map here = Objects(world.Open(from_text)), all = Objects(world.Open(to_text)), there = seen(all);
    const Map kept = moves ? Objects(world.Open(archive_text)) : Map();
    for (const auto& [key, text] : *source) {
      const auto at = here.find(key);
      if (at != here.end() ? at->second != text : !(moves && there.count(key) != 0 && there.at(key) == text && kept.count(key) != 0 && kept.at(key) == text)) {
        Fail(name + ": the source lost " + key);
      }
    }
    for (const auto& [key, text] : *before) {
      const auto at = there.find(key);
      const bool in_trash = std::any_of(all.begin(), all.end(), [&](const auto& each) { return each.first.starts_with(".fileferry/trash/") && each.second == text; });
      if ((at == there.end() || at->second != text) && !in_trash) Fail(name + ": the destination lost " + key);
    }
    if (reported && (there != arrived() || (moves && !here.empty()))) Fail(name + ": success was reported over a hole");
  };
  s.complete = [=] {
    if (RunEnd end = copy(); end.exit != 0) Fail(name + ": the run without faults ended with " + std::to_string(end.exit) + " " + end.status.ToString());
    if (seen(Objects(world.Open(to_text))) != arrived()) Fail(name + ": the end is not complete");
    if (moves && !Objects(world.Open(from_text)).empty()) Fail(name + ": sources were left");
    if (RunEnd end = rollback(); end.exit != 0) Fail(name + ": the rollback ended with " + std::to_string(end.exit) + " " + end.status.ToString());
    if (Objects(world.Open(to_text)) != *before) Fail(name + ": the destination is not as it was");
    if (Objects(world.Open(from_text)) != *source) Fail(name + ": the source is not as it was");
  };
  return s;
}

}  // namespace

Scenarios MigrationScenarios() {
  const auto migrate = [](std::string name, bool to_s3, Job job) { return std::pair<std::string, Make>(name, [=] { return MigrateScenario(name, to_s3, job); }); };
  return {
      migrate("migrate-to-s3", true, Job::kCopy),
      migrate("migrate-to-folder", false, Job::kCopy),
      migrate("retry-in-folder", false, Job::kRetry),
      migrate("rollback-in-folder", false, Job::kRollback),
      migrate("rollback-in-s3", true, Job::kRollback),
      {"replace-in-s3", [] { return TakenBackScenario("replace-in-s3", true, false); }},
      {"replace-in-folder", [] { return TakenBackScenario("replace-in-folder", false, false); }},
      {"move-from-s3", [] { return TakenBackScenario("move-from-s3", false, true); }},
  };
}

}  // namespace kth
