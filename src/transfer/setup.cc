// setup.cc: see setup.h.
#include "transfer/setup.h"

#include <algorithm>
#include <chrono>

#include "base/clock.h"

namespace fileferry {

Status Budget::Take(const OpContext& ctx, std::uint64_t* size) {
  *size = std::min(*size, total_);
  std::unique_lock lock(mutex_);
  while (free_ < *size) {
    if (Status status = ctx.Check(); !status.ok()) return status;
    freed_.wait_for(lock, std::chrono::milliseconds(50));
  }
  free_ -= *size;
  return {};
}

void Budget::Give(std::uint64_t size) {
  std::lock_guard lock(mutex_);
  free_ += size;
  freed_.notify_all();
}

Status NoRecorder::UploadAsked(const Item& item, const std::string& attempt_id) {
  std::lock_guard lock(mutex_);
  asked_.push_back({item.to, attempt_id, Now()});
  return {};
}

Result<std::vector<AskedUpload>> NoRecorder::UploadsAsked(std::vector<std::string>*) {
  std::lock_guard lock(mutex_);
  return asked_;
}

Status NoRecorder::UploadClosed(const Item&, const std::string& upload_id) {
  std::lock_guard lock(mutex_);
  std::erase_if(asked_, [&](const AskedUpload& asked) { return asked.attempt_id == upload_id; });
  return {};
}

std::string Setup::NextAttempt() const {
  std::string id = recorder->attempt_prefix();
  id += '-';
  id += run_id;
  id += '-';
  id += std::to_string(attempts.fetch_add(1, std::memory_order_relaxed));
  return id;
}

bool Setup::IsOurAttempt(const std::string& attempt_id) const {
  const std::string& prefix = recorder->attempt_prefix();
  return attempt_id.size() > prefix.size() && attempt_id[prefix.size()] == '-' && attempt_id.starts_with(prefix);
}

Result<Side> ResolveSide(const OpContext& ctx, const OpenedStorage& storage, bool is_source) {
  if (storage.provider == nullptr) return Status(Code::kInvalidArgument, "a storage is not open");
  Side side;
  side.provider = storage.provider;
  side.caps = storage.provider->Caps();
  if (const Location place = storage.provider->Locate("x"); !place.region.empty()) side.key_ring = place.service + " " + place.region;
  side.text = storage.text.empty() ? storage.provider->Name() : storage.text;
  side.prefix = storage.path;
  if (side.prefix.empty()) return side;
  if (storage.is_object) {
    side.single = std::move(side.prefix);
    side.prefix.clear();
    return side;
  }
  if (is_source && !storage.path_is_folder && side.prefix.back() != '/') {
    Result<ObjectInfo> info = storage.provider->Stat(ctx, side.prefix);
    if (info.ok()) {
      side.single = std::move(side.prefix);
      side.prefix.clear();
      return side;
    }
    if (info.code() != Code::kNotFound) return info.status();
  }
  if (side.prefix.back() != '/') side.prefix += '/';
  return side;
}

std::optional<Time> ListedTime(const ObjectInfo& info, const Capabilities& caps) {
  return caps.keeps_mtime && info.properties.mtime ? info.properties.mtime : info.modified;
}

Status AddAccess(const OpContext& ctx, const Side& source, const std::string& full_key, const Side& destination, const CopyPlan& plan, Properties* properties) {
  const bool acl = plan.preserve_acl && source.caps.acl && destination.caps.acl, tags = plan.preserve_tags && source.caps.tags && destination.caps.tags;
  if (!acl && !tags) return {};
  Result<Properties> access = source.provider->GetAccess(ctx, full_key, acl, tags);
  if (!access.ok()) return access.status();
  if (acl) properties->acl = std::move(access->acl);
  if (tags) properties->tags = std::move(access->tags);
  return {};
}

Result<ObjectInfo> CopyWithin(const OpContext& ctx, const Setup& setup, const Side& side, const std::string& from, const std::string& to, PutOptions options) {
  const CopyPlan& plan = setup.plan;
  if ((plan.preserve_acl && side.caps.acl) || (plan.preserve_tags && side.caps.tags)) {
    Result<ObjectInfo> info = side.provider->Stat(ctx, from);
    if (!info.ok()) return info;
    options.properties = PropertiesToCarry(*info, side, side, plan);
    if (Status status = AddAccess(ctx, side, from, side, plan, &options.properties); !status.ok()) return status;
  }
  return CopyBetween(*side.provider, from, *side.provider, to, ctx, options, plan.tuning);
}

Properties PropertiesToCarry(const Setup& setup, const ObjectInfo& info) {
  Properties carried = PropertiesToCarry(info, setup.source, setup.destination, setup.plan);
  const Properties& had = info.properties;
  const bool left = (!had.storage_class.empty() && had.storage_class != "STANDARD" && carried.storage_class.empty()) ||
                    (!had.sse.empty() && had.sse != setup.source.caps.default_encryption && carried.sse.empty()) || (!had.sse_kms_key.empty() && carried.sse_kms_key.empty());
  if (left && setup.board != nullptr && !setup.said_left_behind.exchange(true, std::memory_order_relaxed)) {
    setup.board->Note("storage classes, encryption or keys of some objects stay behind: the destination is another vendor's, account's or region's, or its configuration sets them");
  }
  return carried;
}

Properties PropertiesToCarry(const ObjectInfo& info, const Side& source, const Side& destination, const CopyPlan& plan) {
  Properties carried;
  if (destination.caps.metadata) {
    carried = info.properties;
    const Capabilities &from = source.caps, &to = destination.caps;
    if (to.sets_class || to.class_vendor.empty() || from.class_vendor != to.class_vendor) carried.storage_class.clear();
    // What every object has is not asked for: the destination may have a better default of its own.
    if (to.sets_encryption || to.encryption_vendor.empty() || from.encryption_vendor != to.encryption_vendor || carried.sse == to.default_encryption) carried.sse.clear();
    if (carried.sse.empty() || source.key_ring.empty() || source.key_ring != destination.key_ring) carried.sse_kms_key.clear();
    if (!plan.preserve_acl || !destination.caps.acl) carried.acl.clear();
    if (!plan.preserve_tags || !destination.caps.tags) carried.tags.clear();
  }
  carried.mtime = info.properties.mtime ? info.properties.mtime : info.modified;
  if (!destination.caps.metadata && !destination.caps.keeps_mtime) carried.mtime.reset();
  return carried;
}

}  // namespace fileferry
