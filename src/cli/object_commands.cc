// object_commands.cc: stat, cat, put, get, cp, url: one object at a time.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "commands.h"
#include "fileferry/ops.h"
#include "json.h"
#include "plan_options.h"
#include "session.h"
#include "signals.h"
#include "text.h"

namespace fileferry::cli {
namespace {

// A text that must name an object: the storage and the key.
struct Place {
  OpenedStorage storage;
  std::string key;
};

Result<Place> OpenObject(Session& session, const std::string& text) {
  auto storage = session.Open(text);
  if (!storage.ok()) return storage.status();
  const Status there = FolderIsThere(*storage, text, true);
  if (!there.ok()) return there;
  if (storage->path_is_folder) {
    const bool whole = storage->path.empty();
    return Status(Code::kInvalidArgument, "'" + text.substr(0, text.find('?')) + "' names a " + (whole ? "storage" : "folder") + ", not an object: add a key" +
                                              (whole ? ", for example " + storage->provider->Name() + (storage->config.name.empty() ? "/" : ":") + "a.jpg" : ""));
  }
  Place place{*std::move(storage), {}};
  place.key = place.storage.path;
  return place;
}

// Where a single object goes: a folder takes the object under `name`.
Result<Place> OpenTarget(Session& session, const std::string& text, const std::string& name) {
  auto storage = session.Open(text);
  if (!storage.ok()) return storage.status();
  if (storage->path.empty()) {  // a local path that is not there yet, without a trailing slash, names the file to be made
    auto factory = session.Factory();
    if (!factory.ok()) return factory.status();
    if (auto object = (*factory)->OpenObject(text); object.ok()) storage = std::move(object);
  }
  if (const Status plain = IsPlainTarget(*storage); !plain.ok()) return plain;
  Place place{*std::move(storage), {}};
  place.key = place.storage.path_is_folder ? place.storage.path + name : place.storage.path;
  return place;
}

std::string LastName(std::string_view path) {
  const auto slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

std::string StatText(const Place& place, const ObjectInfo& info) {
  std::string text = Printable(place.storage.provider->Name()) + ": " + Printable(place.key) + "\n";
  const auto line = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) text += "  " + PadRight(std::string(name), 20) + Printable(value) + "\n";
  };
  line("size", Count(info.size) + " bytes" + (info.size >= 1024 ? " (" + SizeText(info.size) + ")" : ""));
  if (info.properties.mtime) line("content modified", LocalTime(*info.properties.mtime));
  if (info.modified) line("stored", LocalTime(*info.modified));
  line("content type", info.properties.content_type);
  line("cache control", info.properties.cache_control);
  line("content disposition", info.properties.content_disposition);
  line("content encoding", info.properties.content_encoding);
  line("content language", info.properties.content_language);
  line("etag", info.etag);
  line("version", info.version_id);
  line("storage class", info.properties.storage_class);
  line("encryption", info.properties.sse);
  line("acl", info.properties.acl);
  for (const Digest& digest : info.digests) line(DigestName(digest.kind), ToHex(digest.value()));
  for (const auto& [name, value] : info.properties.metadata) line("meta " + name, value);
  for (const auto& [name, value] : info.properties.tags) line("tag " + name, value);
  return text;
}

Result<std::uint64_t> SizeOption(const Parsed& parsed, std::string_view name) {
  auto size = ParseSize(parsed.Get(name));
  if (!size.ok()) return Status(Code::kInvalidArgument, "--" + std::string(name) + ": " + std::string(size.status().message()));
  return size;
}

Result<Properties> PropertiesOf(const Parsed& parsed) {
  Properties properties;
  properties.content_type = parsed.Get("content-type");
  properties.cache_control = parsed.Get("cache-control");
  properties.content_disposition = parsed.Get("content-disposition");
  properties.content_encoding = parsed.Get("content-encoding");
  properties.content_language = parsed.Get("content-language");
  properties.acl = parsed.Get("acl");
  properties.storage_class = parsed.Get("storage-class");
  properties.sse = parsed.Get("sse");
  properties.sse_kms_key = parsed.Get("sse-kms-key");
  for (const char* option : {"meta", "tag"}) {
    for (const std::string& pair : parsed.All(option)) {
      const auto equals = pair.find('=');
      if (equals == std::string::npos || equals == 0)
        return Status(Code::kInvalidArgument, std::string("--") + option + " '" + Printable(pair) + "' is not NAME=VALUE");
      std::string name = pair.substr(0, equals);
      auto& map = std::strcmp(option, "meta") == 0 ? properties.metadata : properties.tags;
      if (&map == &properties.metadata) std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c); });
      map[name] = pair.substr(equals + 1);
    }
  }
  return properties;
}

Status FileStatus(const std::string& path, int error) {
  const char* mend = error == ENOENT ? ": check the name" : error == EACCES ? ": let this user read it" : error == EISDIR ? ": for folders use fileferry copy" : "";
  return {Code::kInvalidArgument, "the file " + Printable(path) + " cannot be read: " + std::strerror(error) + mend};
}

// Standard input, which a stop reaches while nothing comes.
class StandardInput : public ISource {
 public:
  std::optional<std::uint64_t> size() const override { return inner_->size(); }
  Result<std::size_t> Read(std::span<std::byte> out) override {
    if (!WaitToRead(STDIN_FILENO)) return Status(Code::kCancelled, "stopped as asked");
    return inner_->Read(out);
  }
  Status Rewind() override { return inner_->Rewind(); }
  std::optional<Bytes> Memory() const override { return inner_->Memory(); }
  Status SendTo(ISink& sink) override { return SendByReading(*this, sink); }

 private:
  const std::unique_ptr<ISource> inner_ = DescriptorSource(STDIN_FILENO);
};

// The file to be put: its source, time and first bytes.
Result<std::unique_ptr<ISource>> OpenFile(const std::string& path, Properties* properties, const std::string& key) {
  if (path == "-") {
    if (properties->content_type.empty()) properties->content_type = std::string(ContentTypeByName(key));
    return std::unique_ptr<ISource>(std::make_unique<StandardInput>());
  }
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return FileStatus(path, errno);
  struct stat info {};
  std::array<std::byte, 4096> head{};
  const int failed = ::fstat(fd, &info) != 0 ? errno : 0;
  const ssize_t count = failed == 0 && S_ISREG(info.st_mode) ? ::pread(fd, head.data(), head.size(), 0) : 0;
  ::close(fd);
  if (failed != 0) return FileStatus(path, failed);
  if (S_ISDIR(info.st_mode)) return FileStatus(path, EISDIR);
  if (!S_ISREG(info.st_mode)) return Status(Code::kInvalidArgument, "the file " + Printable(path) + " is no regular file: pipe it in and write - for the file");
  if (properties->content_type.empty()) properties->content_type = ContentType(key, Bytes(head.data(), count > 0 ? static_cast<std::size_t>(count) : 0));
  properties->mtime = Time(std::chrono::seconds(info.st_mtim.tv_sec) + std::chrono::nanoseconds(info.st_mtim.tv_nsec));
  return FileSource(path);
}

int PrintStored(Session& session, const Place& place, const ObjectInfo& info, std::string_view verb) {
  if (session.json()) {
    Json json = ObjectJson(info);
    json["key"] = place.key;
    session.out().Write(Dump(json));
  } else {
    session.Note(std::string(verb) + " " + Printable(place.storage.provider->Name()) + ": " + Printable(place.key) + " (" + SizeText(info.size) + ")");
  }
  return session.Finish(0);
}

}  // namespace

int RunStat(Session& session, const Parsed& parsed) {
  int exit_status = 0;
  Json all = Json::array();
  for (const std::string& text : parsed.arguments) {
    auto place = OpenObject(session, text);
    if (!place.ok()) {
      exit_status = std::max(exit_status, session.Fail(place.status()));
      continue;
    }
    auto info = place->storage.provider->Stat(session.ctx(), place->key);
    if (!info.ok()) {
      exit_status = std::max(exit_status, session.Fail(info.status().With(place->storage.provider->Name(), "stat", place->key)));
      continue;
    }
    info->key = place->key;
    if (session.json()) {
      all.push_back(ObjectJson(*info));
    } else {
      session.out().Write(StatText(*place, *info));
    }
  }
  if (session.json()) session.out().Write(Dump(parsed.arguments.size() == 1 && all.size() == 1 ? all[0] : all));
  return session.Finish(exit_status);
}

int RunCat(Session& session, const Parsed& parsed) {
  GetOptions options;
  if (parsed.Has("offset")) {
    auto offset = SizeOption(parsed, "offset");
    if (!offset.ok()) return session.Fail(offset.status());
    options.offset = *offset;
  }
  if (parsed.Has("length")) {
    auto length = SizeOption(parsed, "length");
    if (!length.ok()) return session.Fail(length.status());
    options.length = *length;
  }
  session.out().Use();  // by bytes that are no document
  for (const std::string& text : parsed.arguments) {
    auto place = OpenObject(session, text);
    if (!place.ok()) return session.Fail(place.status());
    const auto sink = DescriptorSink(STDOUT_FILENO);
    auto info = place->storage.provider->Get(session.ctx(), place->key, options, *sink);
    if (!info.ok()) return session.Fail(info.status().With(place->storage.provider->Name(), "get", place->key));
  }
  return session.Finish(0);
}

int RunPut(Session& session, const Parsed& parsed) {
  const std::string& path = parsed.arguments[0];
  auto target = OpenTarget(session, parsed.arguments[1], path == "-" ? "" : LastName(path));
  if (!target.ok()) return session.Fail(target.status());
  if (target->key.empty() || target->key.back() == '/')
    return session.Fail(Status(Code::kInvalidArgument, "standard input has no name: name the object, for example " + parsed.arguments[1] + "name.bin"));
  auto properties = PropertiesOf(parsed);
  if (!properties.ok()) return session.Fail(properties.status());
  IStorageProvider& provider = *target->storage.provider;
  const Status fits = provider.CheckKey(target->key);
  if (!fits.ok()) return session.Fail(fits.With(provider.Name(), "put", target->key));
  PutOptions options;
  options.properties = *properties;
  options.if_absent = parsed.Has("if-absent");
  auto source = OpenFile(path, &options.properties, target->key);
  if (!source.ok()) return session.Fail(source.status());
  auto info = Upload(provider, session.ctx(), target->key, **source, options);
  if (!info.ok()) return session.Fail(info.status().With(provider.Name(), "put", target->key));
  return PrintStored(session, *target, *info, "stored");
}

int RunGet(Session& session, const Parsed& parsed) {
  auto place = OpenObject(session, parsed.arguments[0]);
  if (!place.ok()) return session.Fail(place.status());
  IStorageProvider& provider = *place->storage.provider;
  std::string path = parsed.arguments.size() > 1 ? parsed.arguments[1] : LastName(place->key);
  if (path == "-") {
    session.out().Use();
    const auto sink = DescriptorSink(STDOUT_FILENO);
    auto info = provider.Get(session.ctx(), place->key, {}, *sink);
    return info.ok() ? session.Finish(0) : session.Fail(info.status().With(provider.Name(), "get", place->key));
  }
  struct stat known {};
  if (!path.empty() && (path.back() == '/' || (::stat(path.c_str(), &known) == 0 && S_ISDIR(known.st_mode)))) path += (path.back() == '/' ? "" : "/") + LastName(place->key);
  if (path.empty() || path.back() == '/' || path == "." || path == "..")
    return session.Fail(Status(Code::kInvalidArgument, "the key ends in no file name: name the file, fileferry get OBJECT FILE"));
  auto info = DownloadToFile(provider, session.ctx(), place->key, path);
  if (!info.ok()) return session.Fail(info.status().With(provider.Name(), "get", place->key));
  if (session.json()) {
    Json json = ObjectJson(*info);
    json["key"] = place->key;
    json["file"] = path;
    session.out().Write(Dump(json));
  } else {
    session.Note("fetched " + Printable(path) + " (" + SizeText(info->size) + ")");
  }
  return session.Finish(0);
}

int RunCp(Session& session, const Parsed& parsed) {
  auto from = OpenObject(session, parsed.arguments[0]);
  if (!from.ok()) {
    const bool folder = from.code() == Code::kInvalidArgument && from.status().message().find("not an object") != std::string_view::npos;
    return session.Fail(folder ? Status(Code::kInvalidArgument, std::string(from.status().message()) + "; for folders use fileferry copy") : from.status());
  }
  auto to = OpenTarget(session, parsed.arguments[1], LastName(from->key));
  if (!to.ok()) return session.Fail(to.status());
  const Status fits = to->storage.provider->CheckKey(to->key);
  if (!fits.ok()) return session.Fail(fits.With(to->storage.provider->Name(), "put", to->key));
  PutOptions options;
  options.if_absent = parsed.Has("if-absent");
  auto info = CopyBetween(*from->storage.provider, from->key, *to->storage.provider, to->key, session.ctx(), options);
  if (!info.ok()) return session.Fail(info.status().With(to->storage.provider->Name(), "copy", from->key));
  return PrintStored(session, *to, *info, "stored");
}

int RunUrl(Session& session, const Parsed& parsed) {
  auto place = OpenObject(session, parsed.arguments[0]);
  if (!place.ok()) return session.Fail(place.status());
  UrlOptions options;
  options.is_public = parsed.Has("public");
  const std::string method = parsed.Get("method", "GET");
  options.method = method == "PUT" ? HttpMethod::kPut : method == "HEAD" ? HttpMethod::kHead : HttpMethod::kGet;
  if (parsed.Has("expires")) {
    const auto time = ParseDurationMs(parsed.Get("expires"));
    if (!time.ok()) return session.Fail(Status(Code::kInvalidArgument, "--expires: " + std::string(time.status().message())));
    options.expires = std::chrono::seconds(*time / 1000);
    if (options.expires < std::chrono::seconds(1) || options.expires > std::chrono::hours(24 * 7))
      return session.Fail(Status(Code::kInvalidArgument, "--expires must lie between 1s and 7d"));
  }
  if (options.method == HttpMethod::kPut) {
    options.content_type = parsed.Get("content-type");
  } else {
    options.response_content_type = parsed.Get("content-type");
    options.response_content_disposition = parsed.Get("content-disposition");
  }
  auto url = place->storage.provider->Url(place->key, options);
  if (!url.ok()) return session.Fail(url.status().With(place->storage.provider->Name(), "url", place->key));
  if (session.json()) {
    Json json{{"url", url->url}, {"headers", Json::object()}};
    for (const auto& [name, value] : url->headers) json["headers"][name] = value;
    if (url->expires) json["expires"] = IsoTime(*url->expires);
    session.out().Write(Dump(json));
  } else {
    session.out().Write(url->url + "\n");
    for (const auto& [name, value] : url->headers) session.Note("send with it: " + name + ": " + value);
  }
  return session.Finish(0);
}

}  // namespace fileferry::cli
