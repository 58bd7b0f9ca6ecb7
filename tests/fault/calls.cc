// calls.cc: the operations that puts, gets and migrations do not come past: a folder's rarer calls, files of the host, settings, reading a journal; see kth.h.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault/kth.h"
#include "fileferry/local.h"
#include "fileferry/memory.h"
#include "providers/local/names.h"

namespace kth {
namespace {

const std::string kAbsent = "(absent)";

// What may be at each key after steps of which some failed: a step that failed has happened or has not.
class Model {
 public:
  void Write(const Status& status, const std::string& key, const std::set<std::string>& now) {
    std::set<std::string>& may = may_.try_emplace(key, std::set<std::string>{kAbsent}).first->second;
    if (status.ok()) may.clear();
    may.insert(now.begin(), now.end());
    Only(status);
  }
  void Only(const Status& status) { all_ok_ = all_ok_ && status.ok(); }
  std::set<std::string> At(const std::string& key) const {
    auto found = may_.find(key);
    return found == may_.end() ? std::set<std::string>{kAbsent} : found->second;
  }
  bool all_ok() const { return all_ok_; }
  void Judge(const std::string& name, const std::map<std::string, std::string>& there) const {
    for (const auto& [key, may] : may_) {
      auto found = there.find(key);
      if (may.count(found == there.end() ? kAbsent : found->second) == 0) Fail(name + ": neither old nor new: " + key);
    }
    for (const auto& [key, text] : there) {
      if (may_.count(key) == 0) Fail(name + ": appeared " + key);
    }
  }

 private:
  std::map<std::string, std::set<std::string>> may_;
  bool all_ok_ = true;
};

// A source that begins anew once, as a resumed download does, and does not know its size.
class RestartingSource final : public ISource {
 public:
  explicit RestartingSource(std::string text) : text_(std::move(text)) {}
  std::optional<std::uint64_t> size() const override { return std::nullopt; }
  Result<std::size_t> Read(std::span<std::byte> out) override {
    const std::size_t n = std::min(out.size(), text_.size() - at_);
    std::memcpy(out.data(), text_.data() + at_, n);
    at_ += n;
    return n;
  }
  Status Rewind() override {
    at_ = 0;
    return {};
  }
  std::optional<Bytes> Memory() const override { return std::nullopt; }
  Status SendTo(ISink& sink) override {
    if (Status s = sink.Write(AsBytes(std::string_view(text_).substr(0, text_.size() / 2))); !s.ok()) return s;
    if (Status s = sink.Restart(); !s.ok()) return s;
    return sink.Write(AsBytes(text_));
  }

 private:
  const std::string text_;
  std::size_t at_ = 0;
};

Result<std::unique_ptr<LocalStorageProvider>> OpenFolder(const fs::path& root) {
  LocalOptions options;
  options.root = root.string();
  options.links = LocalOptions::Links::kFollow;
  options.min_free = 1;
  return LocalStorageProvider::Create(options);
}

// One of each call that LocalStorageProvider offers, each going on although the one before failed.
void FolderSteps(LocalStorageProvider& p, Model& model) {
  const OpContext ctx;
  const auto put = [&](const std::string& key, const std::string& text, const PutOptions& options = {}) {
    std::unique_ptr<ISource> source = MemorySource(AsBytes(text));
    Result<ObjectInfo> info = p.Put(ctx, key, *source, options);
    model.Write(info.status(), key, {text});
    return info.ok() ? info->etag : std::string();
  };
  PutOptions wide;
  wide.properties.metadata["note"] = std::string(1500, 'n');
  const std::string first = put("a", "first", wide);
  PutOptions absent;
  absent.if_absent = true;
  (void)put("b", "created", absent);
  (void)put("below", "beside the folder below", absent);
  if (!first.empty()) {
    PutOptions replace;
    replace.if_match = first;
    (void)put("a", "second", replace);
  }
  const std::set<std::string> a = model.At("a");
  if (a.count(kAbsent) == 0) {
    model.Write(p.CopyFrom(ctx, p.Locate("a"), "copy", {}).status(), "copy", a);
    Properties huge;
    huge.metadata["note"] = std::string(60000, 'h');
    model.Only(p.SetProperties(ctx, "a", huge).status());
    Result<ObjectInfo> stat = p.Stat(ctx, "a");
    model.Only(stat.status());
    if (stat.ok()) model.Write(p.Remove(ctx, "a", {.if_match = stat->etag, .version_id = {}}), "a", {kAbsent});
  }
  model.Write(p.CopyFrom(ctx, p.Locate("foreign.txt"), "copy of foreign", {}).status(), "copy of foreign", model.At("foreign.txt"));
  (void)put("d/e", "below");
  (void)put("d", "beside");
  model.Write(p.Remove(ctx, "d/e", {}), "d/e", {kAbsent});
  (void)put("d", "in its plain place");
  (void)put("large", Pattern((1 << 20) + 1, 9));
  RestartingSource restarting(Pattern(3000, 8));
  model.Write(p.Put(ctx, "restarted", restarting, {}).status(), "restarted", {Pattern(3000, 8)});

  Result<std::unique_ptr<IWriteBatch>> batch = p.NewBatch();
  model.Only(batch.status());
  if (batch.ok()) {
    std::vector<std::string> keys;
    for (int i = 0; i < 10; ++i) {
      const std::string key = "batch" + std::to_string(i) + "/x";
      PutOptions batched;
      batched.batch = batch->get();
      std::unique_ptr<ISource> source = StringSource(key);
      const Status taken = p.Put(ctx, key, *source, batched).status();
      model.Only(taken);
      if (taken.ok()) keys.push_back(key);
    }
    std::vector<BatchResult> done = (*batch)->Commit(ctx);
    if (done.size() != keys.size()) Fail("a batch answers for " + std::to_string(done.size()) + " of " + std::to_string(keys.size()));
    for (std::size_t i = 0; i < done.size() && i < keys.size(); ++i) model.Write(done[i].status, keys[i], {keys[i]});
    for (const RemoveResult& removed : p.RemoveMany(ctx, keys)) model.Write(removed.status, removed.key, {kAbsent});
  }

  Result<std::string> id = p.CreateUpload(ctx, "parts", {});
  model.Only(id.status());
  if (id.ok()) {
    Result<PartInfo> one = p.UploadPartCopy(ctx, "parts", *id, {1, 0, 7}, p.Locate("foreign.txt"), {});
    std::unique_ptr<ISource> part = StringSource(" and ours");
    Result<PartInfo> two = p.UploadPart(ctx, "parts", *id, {2, 7, 9}, *part);
    model.Only(one.status());
    model.Only(two.status());
    model.Only(p.ListParts(ctx, "parts", *id).status());
    if (one.ok() && two.ok()) {
      model.Write(p.CompleteUpload(ctx, "parts", *id, {*one, *two}, {.size = 16}).status(), "parts", {"foreign and ours"});
    } else {
      model.Only(p.AbortUpload(ctx, "parts", *id));
    }
  }
  Result<UploadPage> uploads = p.ListUploads(ctx, "", "");
  model.Only(uploads.status());
  if (uploads.ok()) {
    for (const UploadEntry& entry : uploads->entries) model.Only(p.AbortUpload(ctx, entry.key, entry.upload_id));
  }
  std::string token;
  do {
    Result<ListPage> page = p.List(ctx, {.token = token, .limit = 2});
    model.Only(page.status());
    token = page.ok() ? page->next_token : "";
  } while (!token.empty());
  model.Only(p.List(ctx, {.delimiter = true}).status());
  model.Only(p.Health(ctx).status);
  Result<std::string> open = p.CreateUpload(ctx, "left open", {});
  model.Only(open.status());
  model.Only(p.SweepTemporary(ctx, std::chrono::seconds(0)).status());
  if (open.ok()) {  // somebody may go on with it: it was not swept
    model.Only(p.ListParts(ctx, "left open", *open).status());
    model.Only(p.AbortUpload(ctx, "left open", *open));
  }
}

Scenario FolderScenario(const std::string& name, std::map<std::string, int> kernel_lacks) {
  const fs::path root = world.folder / name;
  auto model = std::make_shared<Model>();
  Scenario s;
  s.name = name;
  s.prepare = [=] {
    hook.Lacks(kernel_lacks);
    fs::remove_all(root);
    *model = Model();
    WriteFile(root / "foreign.txt", "foreign");
    WriteFile(root / "below" / "target.txt", "linked to");
    fs::create_symlink("below/target.txt", root / "link.txt");
    for (const auto& [key, text] : std::map<std::string, std::string>{{"foreign.txt", "foreign"}, {"below/target.txt", "linked to"}, {"link.txt", "linked to"}}) model->Write({}, key, {text});
    // What killed processes leave: a temporary file, a draft whose lock nobody holds, an upload without a state.
    WriteFile(root / local::TemporaryName(), "cut off");
    WriteFile(root / "below" / local::DraftName(), "abandoned");
    const fs::path upload = root / ".fileferry" / "uploads" / "0123456789abcdefghijklmnop";
    WriteFile(upload / "data", "");
    WriteFile(upload / local::TemporaryName(), "");
    fs::create_directories(root / ".fileferry" / "uploads" / "1123456789abcdefghijklmnop");
    WriteFile(root / ".fileferry" / "uploads" / "2123456789abcdefghijklmnop" / "parts", "");  // published, its end cut off
  };
  s.run = [=] {
    Result<std::unique_ptr<LocalStorageProvider>> p = OpenFolder(root);
    if (!p.ok()) return false;
    FolderSteps(**p, *model);
    return model->all_ok();
  };
  auto objects = [=] {
    OpenedStorage opened;
    Result<std::unique_ptr<LocalStorageProvider>> p = OpenFolder(root);
    if (!p.ok()) return Fail(name + ": " + p.status().ToString()), std::map<std::string, std::string>();
    opened.provider = std::move(*p);
    return Objects(opened);
  };
  s.judge = [=](bool) { model->Judge(name, objects()); };
  s.complete = [=] {
    Result<std::unique_ptr<LocalStorageProvider>> p = OpenFolder(root);
    for (const auto& [key, text] : objects()) {
      if (Status status = (*p)->Remove({}, key, {}); !status.ok()) Fail(name + ": removing: " + status.ToString());
    }
    if (Result<UploadPage> uploads = (*p)->ListUploads({}, "", ""); uploads.ok()) {
      for (const UploadEntry& entry : uploads->entries) (void)(*p)->AbortUpload({}, entry.key, entry.upload_id);
    }
    if (Result<std::uint64_t> swept = (*p)->SweepTemporary({}, std::chrono::seconds(0)); !swept.ok()) Fail(name + ": sweeping: " + swept.status().ToString());
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root)) {
      const std::string file = entry.path().filename().string();
      if (entry.is_regular_file() && (local::IsTemporaryName(file) || file == "data" || file == "parts" || file == "state")) Fail(name + ": left behind " + entry.path().string());
    }
    hook.Lacks({});
  };
  return s;
}

// Objects to and from files of the host.
Scenario FilesScenario(const std::string& name) {
  const fs::path folder = world.folder / name;
  const std::string small = Pattern(5000, 11), large = Pattern(40000, 12);
  auto left = std::make_shared<int>(0);
  Scenario s;
  s.name = name;
  s.prepare = [=] {
    fs::remove_all(folder);
    WriteFile(folder / "small", small);
    WriteFile(folder / "got small", "before");
    WriteFile(folder / "target", "before");
    fs::create_symlink("target", folder / "link");
  };
  s.run = [=] {
    const OpContext ctx;
    ProviderPtr p = MemoryStorageProvider::Create("memory:files");
    TransferTuning tuning;
    tuning.multipart_threshold = 20000;
    tuning.part_size = 15000;
    bool ok = true;
    const auto need = [&ok](const Status& status) { return ok = ok && status.ok(), status.ok(); };
    std::optional<Time> modified;
    if (Result<std::unique_ptr<ISource>> source = FileSource((folder / "small").string(), &modified); need(source.status())) {
      need(Upload(*p, ctx, "small", **source, {}, tuning).status());
    }
    if (const int fd = ::open((folder / "small").c_str(), O_RDONLY | O_CLOEXEC); fd >= 0) {
      need(Upload(*p, ctx, "from descriptor", *DescriptorSource(fd), {}, tuning).status());
      ::close(fd);
    }
    need(WriteAll(*p, ctx, "large", large).status());
    need(DownloadToFile(*p, ctx, "large", (folder / "got large").string(), tuning).status());
    if (p->Stat(ctx, "small").ok()) need(DownloadToFile(*p, ctx, "small", (folder / "got small").string(), tuning).status());
    if (p->Stat(ctx, "small").ok()) need(DownloadToFile(*p, ctx, "small", (folder / "link").string(), tuning).status());
    if (const int fd = ::open((folder / "printed").c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600); fd >= 0) {
      need(p->Get(ctx, "large", {}, *DescriptorSink(fd)).status());
      ::close(fd);
    }
    return ok;
  };
  const auto read = [=](const char* file) {
    std::ifstream in(folder / file, std::ios::binary);
    return std::string((std::istreambuf_iterator<char>(in)), {});
  };
  s.judge = [=](bool reported) {
    const std::string now_small = read("got small"), now_large = read("got large");
    if (now_small != small && now_small != "before") Fail(name + ": half of a small file");
    if (now_large != large && fs::exists(folder / "got large")) Fail(name + ": half of a large file");
    if (reported && (now_small != small || now_large != large || read("printed") != large)) Fail(name + ": success was reported, the files are others");
    if (read("small") != small) Fail(name + ": the source was changed");
    if (!fs::is_symlink(folder / "link") || (read("target") != small && (reported || read("target") != "before"))) Fail(name + ": a link was replaced, or half of what it points to");
  };
  s.complete = [=] {
    for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
      if (local::IsTemporaryName(entry.path().filename().string())) ++*left;
    }
    if (*left > 0 && !hook.sticky()) Fail(name + ": left behind a temporary file");
    *left = 0;
  };
  return s;
}

// Settings and lists that a migration reads: configuration, AWS files, a filter, keys, a map; then the journal is read from outside.
Scenario SettingsScenario(const std::string& name) {
  const fs::path folder = world.folder / name;
  Scenario s;
  s.name = name;
  s.prepare = [=] {
    fs::current_path(world.folder);
    fs::remove_all(folder);
    WriteFile(folder / "config" / "storage.yml", "from:\n  service: local\n  root: " + (folder / "from").string() + "\nto:\n  service: local\n  root: " + (folder / "to").string() + "\n");
    WriteFile(folder / "aws" / "config", "[profile ferry]\nregion = us-east-1\ncredential_process = " + (folder / "keys.sh").string() + "\n");
    WriteFile(folder / "aws" / "credentials", "");
    WriteFile(folder / "keys.sh", "#!/bin/sh\necho '{\"Version\": 1, \"AccessKeyId\": \"testkey\", \"SecretAccessKey\": \"testsecret\"}'\n");
    fs::permissions(folder / "keys.sh", fs::perms::owner_all);
    for (int i = 0; i < 6; ++i) WriteFile(folder / "from" / ("k" + std::to_string(i)), "object " + std::to_string(i));
    WriteFile(folder / "filter", "- k5\n+ *\n");
    WriteFile(folder / "keys", "k1\nk2\n");
    WriteFile(folder / "map", "k1\tmapped/one\nk2\tmapped/two\n");
    fs::current_path(folder);
  };
  const auto environment = [=](const std::string& variable) -> std::optional<std::string> {
    if (variable == "AWS_CONFIG_FILE") return (folder / "aws" / "config").string();
    if (variable == "AWS_SHARED_CREDENTIALS_FILE") return (folder / "aws" / "credentials").string();
    if (variable == "AWS_PROFILE") return "ferry";
    if (variable == "PATH") return "/usr/bin:/bin";
    return std::nullopt;
  };
  const auto migrate = [=](StorageFactory& factory, const CopyPlan& plan, const char* journal) {
    Result<OpenedStorage> from = factory.Open("from:"), to = factory.Open("to:");
    if (!from.ok() || !to.ok()) return false;
    MigrationRunner::Options options;
    options.plan = plan;
    options.journal = (folder / journal).string();
    Result<std::unique_ptr<MigrationRunner>> runner = MigrationRunner::Open(*from, *to, options);
    if (!runner.ok()) return false;
    Result<std::unique_ptr<IRun>> run = (*runner)->Copy();
    if (!run.ok() || !(*run)->Start().ok()) return false;
    while (!(*run)->Wait(std::chrono::milliseconds(1000))) {
    }
    const Result<MigrationRunner::State> state = MigrationRunner::ReadState(options.journal);
    if (state.ok() && !state->running) Fail(name + ": a journal that is held is shown as free");
    return ExitStatusOf(**run) == 0 && state.ok();
  };
  s.run = [=] {
    Result<Configuration> configuration = FindConfiguration("", "", environment);  // of the working folder
    if (!configuration.ok()) return false;
    if (configuration->storages.size() < 2) Fail(name + ": a configuration with a hole");
    FactoryOptions options;
    options.config_path = (folder / "config" / "storage.yml").string();
    options.env = environment;
    options.retry.sleep = [](const OpContext&, std::chrono::milliseconds) { return Status::Ok(); };
    Result<std::shared_ptr<StorageFactory>> factory = StorageFactory::Create(options);
    if (!factory.ok()) return false;
    Result<OpenedStorage> cloud = (*factory)->Open(world.S3("settings/"));
    if (!cloud.ok() || !WriteAll(*cloud->provider, {}, cloud->path + "x", "x").ok()) return false;
    CopyPlan filtered;
    filtered.filter.filter_from = (folder / "filter").string();
    if (!migrate(**factory, filtered, "filtered.db")) return false;
    CopyPlan mapped;
    mapped.filter.keys_from = (folder / "keys").string();
    mapped.map = "file:" + (folder / "map").string();
    if (!migrate(**factory, mapped, "mapped.db")) return false;
    return MigrationRunner::ReadState((folder / "mapped.db").string()).ok();
  };
  s.judge = [=](bool reported) {
    const OpenedStorage to = world.Open("file://" + (folder / "to").string() + "/");
    const std::map<std::string, std::string> there = Objects(to);
    for (const auto& [key, text] : there) {
      const std::string of = key == "mapped/one" ? "object 1" : key == "mapped/two" ? "object 2" : "object " + key.substr(1);
      if (text != of || key == "k5") Fail(name + ": not to be copied, or wrong: " + key);
    }
    if (reported && there.size() != 7) Fail(name + ": success was reported with " + std::to_string(there.size()) + " objects");
  };
  s.complete = [=] {};
  return s;
}

}  // namespace

Scenarios CallScenarios() {
  // What older kernels and other file systems lack.
  const std::map<std::string, int> old = {{"openat2", ENOSYS}, {"copy_file_range", EXDEV}, {"fsetxattr", ENOTSUP}};
  return {
      {"folder-calls", [] { return FolderScenario("folder-calls", {}); }},
      {"folder-calls-old-kernel", [=] { return FolderScenario("folder-calls-old-kernel", old); }},
      {"files", [] { return FilesScenario("files"); }},
      {"settings", [] { return SettingsScenario("settings"); }},
  };
}

}  // namespace kth
