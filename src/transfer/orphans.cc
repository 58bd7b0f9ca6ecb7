// orphans.cc: see orphans.h.
#include "transfer/orphans.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace fileferry {

namespace {

constexpr auto kClocksDiffer = std::chrono::minutes(15);  // between here and the storage, at most

using Asked = std::unordered_multimap<std::string, AskedUpload>;  // by the key in the storage

// The listed uploads at keys of which any was asked for about then.
Status ListCandidates(const OpContext& ctx, const Setup& setup, const Asked& asked, const std::vector<std::string>& known, std::vector<UploadEntry>* found) {
  std::string token;
  do {
    Result<UploadPage> page = setup.destination.provider->ListUploads(ctx, setup.destination.prefix, token);
    if (!page.ok()) return page.status();
    for (UploadEntry& entry : page->entries) {
      const auto [first, last] = asked.equal_range(entry.key);
      const bool then = std::any_of(first, last, [&](const auto& each) {
        return entry.initiated && *entry.initiated >= each.second.since - kClocksDiffer && *entry.initiated <= each.second.since + kClocksDiffer;
      });
      if (then && std::find(known.begin(), known.end(), entry.upload_id) == known.end()) found->push_back(std::move(entry));
    }
    if (page->next_token == token) break;
    token = page->next_token;
  } while (!token.empty());
  return {};
}

}  // namespace

Result<std::uint64_t> AbortLostUploads(const OpContext& ctx, const Setup& setup, bool everywhere) {
  std::vector<std::string> known;
  Result<std::vector<AskedUpload>> open = setup.recorder->UploadsAsked(&known);
  if (!open.ok()) return open.status();
  if (open->empty()) return std::uint64_t{0};
  IStorageProvider& to = *setup.destination.provider;
  Asked asked;
  for (AskedUpload& each : *open) {
    std::string key = setup.destination.Full(each.to);
    asked.emplace(std::move(key), std::move(each));
  }
  std::vector<UploadEntry> found;
  if (Status status = ListCandidates(ctx, setup, asked, known, &found); !status.ok()) return status;
  std::uint64_t count = 0;
  for (const UploadEntry& entry : found) {
    bool ours = everywhere;
    if (!ours) {
      const Result<ObjectInfo> there = to.Stat(ctx, entry.key);
      ours = there.ok() && setup.IsOurAttempt(there->attempt_id);
    }
    bool done = false;
    if (ours) {
      const Result<std::vector<PartInfo>> parts = to.ListParts(ctx, entry.key, entry.upload_id);
      const bool lost = parts.ok() && parts->empty();
      done = parts.ok() ? !lost || to.AbortUpload(ctx, entry.key, entry.upload_id).ok() : parts.code() == Code::kNotFound;
      if (lost && done) ++count;
    }
    if (!done) asked.erase(entry.key);  // stays asked for: a later run looks again
  }
  for (const auto& [key, each] : asked) {
    if (Status status = setup.recorder->UploadClosed({}, each.attempt_id); !status.ok()) return status;
  }
  return count;
}

}  // namespace fileferry
