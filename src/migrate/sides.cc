// sides.cc: see sides.h.
#include "migrate/sides.h"

#include <utility>

#include "transfer/rules.h"

namespace fileferry {

namespace {

bool IsSamePlace(const Side& source, const Side& destination, const CopyPlan& plan) {
  const std::string name = source.single.empty() ? "x" : source.single.substr(source.single.rfind('/') + 1);
  const Location from = source.provider->Locate(source.Full(name));
  const Location to = destination.provider->Locate(destination.Full(name));
  return !from.service.empty() && from.service == to.service && from.container == to.container && from.key == to.key && plan.map == "same";
}

// Whether one of two folders lies in the other, by the names of their storages.
bool Overlap(const Side& a, const Side& b) {
  const Location here = a.provider->Locate(a.Full("x")), there = b.provider->Locate(b.Full("x"));
  if (here.service.empty() || here.service != there.service) return false;
  const auto path = [](const Location& of) { return of.container + "/" + of.key.substr(0, of.key.size() - 1); };
  const std::string one = path(here), other = path(there);
  return one.starts_with(other) || other.starts_with(one);
}

// A destination below the source whose objects the next run would take for new ones of the source.
bool FeedsItself(const Side& source, const Side& destination, const CopyPlan& plan) {
  if (!source.single.empty() || !plan.filter.keys_from.empty()) return false;
  const Location here = source.provider->Locate(source.Full("x")), there = destination.provider->Locate(destination.Full("x"));
  if (here.service.empty() || here.service != there.service) return false;
  const std::string from = here.container + "/" + here.key, to = there.container + "/" + there.key;
  const std::string_view folder = std::string_view(from).substr(0, from.size() - 1);
  if (to == from || !to.starts_with(folder)) return false;
  const Result<std::unique_ptr<Rules>> rules = Rules::Compile(plan);
  return rules.ok() && (*rules)->WantsKey(to.substr(folder.size()));
}

Status CanPreserve(const CopyPlan& plan, const Side& destination) {
  const char* what = plan.preserve_acl && !destination.caps.acl ? "acl" : plan.preserve_tags && !destination.caps.tags ? "tags" : nullptr;
  if (what == nullptr) return {};
  return Status(Code::kInvalidArgument, std::string("--preserve ") + what + ": the destination '" + destination.text + "' keeps none; leave " + what + " out");
}

}  // namespace

Status CheckArchive(const CopyPlan& plan) {
  if (plan.archive.empty() || plan.dry_run) return {};
  if (plan.archive_storage == nullptr || plan.archive_storage->provider == nullptr) {
    return Status(Code::kInvalidArgument, "--archive " + plan.archive + ": the storage was not opened");
  }
  return {};
}

void NameObject(const OpenedStorage& storage, const Side& source, Side* destination) {
  if (source.single.empty() || !destination->single.empty() || storage.path.empty() || storage.path_is_folder) return;
  destination->single = storage.path;
  destination->prefix.clear();
}

Result<std::shared_ptr<const Filter>> FilterOfKeys(const CopyPlan& plan) {
  if (plan.filter.keys_from.empty()) return std::shared_ptr<const Filter>();
  Result<std::shared_ptr<const Filter>> filter = Filter::Create(plan.filter);
  if (filter.ok() && (*filter)->by_key_alone()) return std::shared_ptr<const Filter>();
  return filter;
}

Status FillSetup(Run& run, const OpenedStorage& source, const OpenedStorage& destination, bool compare, Setup* setup) {
  const OpContext ctx = run.context();
  setup->plan = run.plan();
  setup->board = &run.board();
  Result<std::shared_ptr<const Filter>> filter = FilterOfKeys(setup->plan);
  if (!filter.ok()) return filter.status();
  setup->filter = std::move(*filter);
  Result<Side> from = ResolveSide(ctx, source, true);
  if (!from.ok()) return from.status();
  Result<Side> to = ResolveSide(ctx, destination, false);
  if (!to.ok()) return to.status();
  setup->source = std::move(*from);
  setup->destination = std::move(*to);
  NameObject(destination, setup->source, &setup->destination);
  if (!compare) {
    if (Status status = CanPreserve(setup->plan, setup->destination); !status.ok()) return status;
  }
  if (!compare && IsSamePlace(setup->source, setup->destination, setup->plan)) {
    return Status(Code::kInvalidArgument, "source and destination are the same place, '" + setup->source.text + "'; name two different ones");
  }
  if (!compare && FeedsItself(setup->source, setup->destination, setup->plan)) {
    return Status(Code::kInvalidArgument, "the destination '" + setup->destination.text + "' lies in the source, so each run would copy the copies: name another, or leave it out with --exclude");
  }
  const Location here = setup->source.provider->Locate("x"), there = setup->destination.provider->Locate("x");
  setup->one_container = !here.service.empty() && here.service == there.service && here.container == there.container;
  const std::string service = there.service;
  setup->server_copy = setup->destination.caps.server_copy && !service.empty() && setup->source.provider->Locate("x").service == service;
  if (setup->plan.archive_storage != nullptr && !setup->plan.archive.empty()) {
    Result<Side> archive = ResolveSide(ctx, *setup->plan.archive_storage, false);
    if (!archive.ok()) return archive.status();
    setup->archive = std::move(*archive);
    for (const Side* side : {&setup->source, &setup->destination}) {
      if (side->single.empty() && Overlap(*setup->archive, *side)) {
        return Status(Code::kInvalidArgument, "--archive '" + setup->archive->text + "' and '" + side->text + "' are one place, or one lies in the other; name another archive");
      }
    }
  }
  run.Throttle(&setup->source, &setup->destination, compare);
  return {};
}

Status CheckMet(const Setup& setup, Board& board) {
  const Side& source = setup.source;
  if (!source.single.empty() || source.prefix.empty()) return {};
  if (board.listed + board.filtered + board.skipped_links + board.empty_folders + board.count(Outcome::kUnlisted) > 0) return {};
  if (setup.plan.delete_source && board.extra > 0) {
    board.Note("there is nothing at '" + source.text + "': moved before, or mistyped");
    return {};
  }
  ErrorDetail detail;
  detail.code = Code::kNotFound;
  detail.message = "there is no such object or folder at the source: check the name with fileferry ls";
  detail.provider = source.provider->Name();
  detail.key = source.prefix;
  return Status(detail);
}

}  // namespace fileferry
