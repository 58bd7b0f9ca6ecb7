// ops.h: conveniences over IStorageProvider, written once for all of them.  Every function is safe to call from any thread.
#ifndef FILEFERRY_OPS_H
#define FILEFERRY_OPS_H

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "fileferry/provider.h"

namespace fileferry {

// Whether an object is there.  Three-valued: yes, no, or the Status that says why it cannot be known (kPermissionDenied is never "no").
Result<bool> Exists(IStorageProvider& provider, const OpContext& ctx, std::string_view key);

// The whole object in memory; kInvalidArgument when it is larger than max_size.
Result<std::string> ReadAll(IStorageProvider& provider, const OpContext& ctx, std::string_view key, std::uint64_t max_size = UINT64_MAX);
// Puts text as one object.
Result<ObjectInfo> WriteAll(IStorageProvider& provider, const OpContext& ctx, std::string_view key, std::string_view text, const PutOptions& options = {});

// Calls `each` for every entry under prefix, page by page; stops early, with that status, when it does not return OK.  A storage that repeats a token or does not
// advance is kUnavailable, not an endless loop.  With `problem`, what cannot be listed is given to it, and the rest is listed (ListQuery::name_problems).
Status ForEach(IStorageProvider& provider, const OpContext& ctx, const ListQuery& query, const std::function<Status(const ListEntry&)>& each,
               const std::function<void(const ListProblem&)>& problem = {});

// Where migrations keep what they replaced: below the folder that is their destination, whichever that is.
inline constexpr std::string_view kTrashPrefix = ".fileferry/trash/";
// Whether a key is of such a trash, at any depth: no object of the user, and no part of a copy.  REQUIRES: key is relative to the folder that the user named, so that a trash is seen when it is
// named itself.
bool IsInTrash(std::string_view key);

// ---- sources and sinks ----

// Over bytes that the caller keeps alive.
std::unique_ptr<ISource> MemorySource(Bytes bytes);
std::unique_ptr<ISource> StringSource(std::string text);
// Over a file on disk (not an object): reads it from the start; kSourceChanged at the end if its size or time changed meanwhile.
// *modified (may be nullptr) receives its time.
Result<std::unique_ptr<ISource>> FileSource(const std::string& path, std::optional<Time>* modified = nullptr);
// Over a descriptor that cannot rewind (a pipe, standard input).  Not owned.
std::unique_ptr<ISource> DescriptorSource(int fd);
// A source whose bytes come from provider.Get: SendTo pushes them without a copy; Read keeps the range in memory.
std::unique_ptr<ISource> ObjectSource(IStorageProvider& provider, const OpContext& ctx, std::string key, GetOptions options, std::uint64_t size);
// Appends to *out, at most max_size bytes (kInvalidArgument after that).
std::unique_ptr<ISink> StringSink(std::string* out, std::uint64_t max_size = UINT64_MAX);
std::unique_ptr<ISink> DescriptorSink(int fd);
std::unique_ptr<ISink> NullSink();
// The generic ISource::SendTo.
Status SendByReading(ISource& source, ISink& sink);

// ---- whole transfers ----

struct TransferTuning {
  std::uint64_t multipart_threshold = std::uint64_t{16} << 20;  // objects from this size are sent in parts where the storage can
  std::uint64_t part_size = std::uint64_t{8} << 20;             // grows so that max_parts suffice; equal within an upload
  int parallel_parts = 4;
};

// Puts a source of any size, known or not: in one request where it is small, in parts otherwise; aborts the upload when it fails.
Result<ObjectInfo> Upload(IStorageProvider& provider, const OpContext& ctx, std::string_view key, ISource& source, const PutOptions& options,
                          const TransferTuning& tuning = {});
// Gets an object into a file beside its final name and publishes it atomically; large objects in parallel ranges of one version.
// A symbolic link to a regular file stays: that file is written.  kInvalidArgument for devices, pipes, sockets and other links.
Result<ObjectInfo> DownloadToFile(IStorageProvider& provider, const OpContext& ctx, std::string_view key, const std::string& path, const TransferTuning& tuning = {});
// Copies one object between any two storages: by the service itself where it can, else through bounded memory.  options.properties replace those of the source where any is set; otherwise
// the source's content headers, metadata and time are copied.
Result<ObjectInfo> CopyBetween(IStorageProvider& from, std::string_view from_key, IStorageProvider& to, std::string_view to_key, const OpContext& ctx,
                               const PutOptions& options, const TransferTuning& tuning = {});

// The part size for an object of this size (absent: unknown): max(wanted, size / max_parts), in whole MiB, within the limits.
std::uint64_t PartSizeFor(const Capabilities& caps, std::optional<std::uint64_t> size, std::uint64_t wanted);

// The content type by the key's extension, from the built-in table; empty when the extension is unknown.
std::string_view ContentTypeByName(std::string_view key);
// The same, else by the first bytes of the content (libmagic where it is built in), else "application/octet-stream".
std::string ContentType(std::string_view key, Bytes head);

}  // namespace fileferry

#endif  // FILEFERRY_OPS_H
