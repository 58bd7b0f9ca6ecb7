// main.cc: the smallest provider that keeps the contracts of provider.h: a std::map in memory.  What it cannot do it says in Caps() and answers with kUnsupported.
#include <cstdio>
#include <map>
#include <mutex>

#include "fileferry/digest.h"
#include "fileferry/ops.h"
#include "fileferry/testing/conformance.h"
#include "fileferry/version.h"

namespace {

using namespace fileferry;

struct Contents {
  std::mutex mutex;
  std::map<std::string, std::string, std::less<>> objects;
};

class MapProvider final : public IStorageProvider {
 public:
  explicit MapProvider(std::shared_ptr<Contents> contents) : contents_(std::move(contents)) {}

  std::string_view Scheme() const override { return "map"; }
  std::string Name() const override { return "map:"; }
  Capabilities Caps() const override {
    Capabilities caps;
    caps.sorted_list = true;
    caps.conditional_put = true;
    caps.put_unknown_size = true;
    return caps;
  }
  Status CheckKey(std::string_view key) const override { return CheckKeyBytes(key); }

  Result<ObjectInfo> Stat(const OpContext& ctx, std::string_view key) override {
    if (Status status = Begin(ctx, key); !status.ok()) return Say(status, "stat", key);
    const std::lock_guard lock(contents_->mutex);
    const auto found = contents_->objects.find(key);
    if (found == contents_->objects.end()) return Say(Missing(), "stat", key);
    return Describe(key, found->second);
  }

  Result<ObjectInfo> Get(const OpContext& ctx, std::string_view key, const GetOptions& options, ISink& sink) override {
    if (Status status = Begin(ctx, key); !status.ok()) return Say(status, "get", key);
    if (!options.if_match.empty() || !options.if_none_match.empty() || !options.version_id.empty()) return Off("get", key);
    std::string bytes;
    {
      const std::lock_guard lock(contents_->mutex);
      const auto found = contents_->objects.find(key);
      if (found == contents_->objects.end()) return Say(Missing(), "get", key);
      bytes = found->second;
    }
    if (!bytes.empty() && options.offset >= bytes.size()) return Say({Code::kInvalidArgument, "the offset lies past the end"}, "get", key);
    const std::string_view range = std::string_view(bytes).substr(bytes.empty() ? 0 : options.offset, options.length.value_or(bytes.size()));
    ObjectInfo info = Describe(key, bytes);
    if (options.head != nullptr) *options.head = info;
    if (Status status = sink.Write(AsBytes(range)); !status.ok()) return Say(status, "get", key);
    if (range.size() < bytes.size()) return info;  // digests are of whole objects
    Hasher hasher(options.digests);
    hasher.Update(AsBytes(range));
    info.digests = hasher.Finish();
    return info;
  }

  Result<ObjectInfo> Put(const OpContext& ctx, std::string_view key, ISource& source, const PutOptions& options) override {
    if (Status status = Begin(ctx, key); !status.ok()) return Say(status, "put", key);
    if (!options.if_match.empty() || options.batch != nullptr || !Plain(options.properties)) return Off("put", key);
    Hasher hasher(static_cast<DigestMask>(options.digests | options.expected.mask()));
    std::string bytes;
    std::vector<std::byte> buffer(65536);
    for (;;) {
      if (Status status = ctx.Check(); !status.ok()) return Say(status, "put", key);
      Result<std::size_t> got = source.Read(buffer);
      if (!got.ok()) return Say(got.status(), "put", key);
      if (*got == 0) break;
      hasher.Update(Bytes(buffer.data(), *got));
      bytes.append(AsText(Bytes(buffer.data(), *got)));
    }
    if (source.size().has_value() && *source.size() != bytes.size()) return Say({Code::kSourceChanged, "the source has not the size it said"}, "put", key);
    const DigestSet digests = hasher.Finish();
    if (Compare(digests, options.expected) == DigestMatch::kDifferent) return Say({Code::kIntegrity, "the bytes are not those announced"}, "put", key);
    const std::lock_guard lock(contents_->mutex);
    if (options.if_absent && contents_->objects.contains(key)) return Say({Code::kAlreadyExists, "the object exists"}, "put", key);
    ObjectInfo info = Describe(key, bytes);
    info.digests = digests;
    contents_->objects[std::string(key)] = std::move(bytes);
    return info;
  }

  Result<ListPage> List(const OpContext& ctx, const ListQuery& query) override {
    if (Status status = ctx.Check(); !status.ok()) return Say(status, "list", query.prefix);
    if (query.delimiter) return Off("list", query.prefix);
    ListPage page;
    const std::lock_guard lock(contents_->mutex);
    for (const auto& [key, bytes] : contents_->objects) {
      if (!key.starts_with(query.prefix) || key <= (query.token.empty() ? query.start_after : query.token)) continue;
      if (page.entries.size() == query.limit) {
        page.next_token = page.entries.back().key;
        break;
      }
      ListEntry entry;
      entry.key = page.arena.Add(key);
      entry.size = bytes.size();
      entry.modified = std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now());
      page.entries.push_back(entry);
    }
    return page;
  }

  Status Remove(const OpContext& ctx, std::string_view key, const RemoveOptions& options) override {
    if (Status status = Begin(ctx, key); !status.ok()) return Say(status, "remove", key);
    if (!options.if_match.empty() || !options.version_id.empty()) return Off("remove", key);
    const std::lock_guard lock(contents_->mutex);
    contents_->objects.erase(std::string(key));
    return {};
  }
  std::vector<RemoveResult> RemoveMany(const OpContext& ctx, std::span<const std::string> keys) override {
    std::vector<RemoveResult> results;
    for (const std::string& key : keys) results.push_back({key, Remove(ctx, key, {})});
    return results;
  }

  Location Locate(std::string_view key) const override { return {"map", "the map", std::string(key)}; }
  HealthReport Health(const OpContext& ctx) override {
    HealthReport report;
    report.status = Say(ctx.Check(), "health", {});
    return report;
  }

  // What Caps() says is off.
  Result<std::unique_ptr<ISource>> Open(const OpContext&, std::string_view key, const GetOptions&, ObjectInfo*) override { return Off("open", key); }
  Result<ObjectInfo> CopyFrom(const OpContext&, const Location&, std::string_view to, const CopyOptions&) override { return Off("copy", to); }
  Result<ObjectInfo> SetProperties(const OpContext&, std::string_view key, const Properties&) override { return Off("set-properties", key); }
  Result<Properties> GetAccess(const OpContext&, std::string_view key, bool, bool) override { return Off("get-access", key); }
  Result<SignedUrl> Url(std::string_view key, const UrlOptions&) override { return Off("url", key); }
  Result<std::string> CreateUpload(const OpContext&, std::string_view key, const UploadOptions&) override { return Off("create-upload", key); }
  Result<PartInfo> UploadPart(const OpContext&, std::string_view key, const std::string&, const PartSpec&, ISource&) override { return Off("upload-part", key); }
  Result<PartInfo> UploadPartCopy(const OpContext&, std::string_view key, const std::string&, const PartSpec&, const Location&, const std::string&) override {
    return Off("upload-part", key);
  }
  Result<std::vector<PartInfo>> ListParts(const OpContext&, std::string_view key, const std::string&) override { return Off("list-parts", key); }
  Result<ObjectInfo> CompleteUpload(const OpContext&, std::string_view key, const std::string&, const std::vector<PartInfo>&, const CompleteOptions&) override {
    return Off("complete-upload", key);
  }
  Status AbortUpload(const OpContext&, std::string_view key, const std::string&) override { return Off("abort-upload", key); }
  Result<UploadPage> ListUploads(const OpContext&, std::string_view, const std::string&) override { return Off("list-uploads", {}); }
  Result<std::unique_ptr<IWriteBatch>> NewBatch() override { return Off("commit", {}); }

 private:
  static Status Begin(const OpContext& ctx, std::string_view key) {
    if (Status status = ctx.Check(); !status.ok()) return status;
    return CheckKeyBytes(key);
  }
  static Status Missing() { return {Code::kNotFound, "there is no such object"}; }
  static Status Say(const Status& status, std::string_view operation, std::string_view key) { return status.With("map:", operation, key); }
  static Status Off(std::string_view operation, std::string_view key) { return Say({Code::kUnsupported, "a map cannot do that"}, operation, key); }
  static bool Plain(Properties properties) {  // a time may be dropped, whatever else is asked for may not
    properties.mtime.reset();
    return properties == Properties();
  }
  static ObjectInfo Describe(std::string_view key, const std::string& bytes) {
    ObjectInfo info;
    info.key = key;
    info.size = bytes.size();
    info.modified = std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now());
    return info;
  }

  const std::shared_ptr<Contents> contents_;
};

}  // namespace

int main() {
  auto contents = std::make_shared<std::shared_ptr<Contents>>();
  testing::Target target;
  target.name = "map";
  target.fresh = [contents]() -> Result<ProviderPtr> {
    *contents = std::make_shared<Contents>();
    return ProviderPtr(std::make_shared<MapProvider>(*contents));
  };
  target.reopen = [contents]() -> Result<ProviderPtr> { return ProviderPtr(std::make_shared<MapProvider>(*contents)); };
  const testing::ConformanceReport report = testing::RunConformance(target);
  std::printf("fileferry %s\n%s", FILEFERRY_VERSION, report.ToText().c_str());
  return report.ok() ? 0 : 1;
}
