// batch.cc: group commit.  Thread-safe as batch.h says.
#include "providers/local/batch.h"

#include <algorithm>
#include <cerrno>
#include <set>

namespace fileferry::local {
namespace {

constexpr std::size_t kFewFiles = 8;    // up to so many are flushed one by one
constexpr std::size_t kFewFolders = 4;

}  // namespace

Batch::~Batch() {
  if (process_ != ::getpid()) return;  // a forked child's copy: the files are the parent's
  for (Pending& write : writes_) provider_->writer().Discard(&write.draft);
}

std::size_t Batch::pending() const {
  const std::scoped_lock lock(mutex_);
  return writes_.size();
}

std::uint64_t Batch::pending_bytes() const {
  const std::scoped_lock lock(mutex_);
  return bytes_;
}

Status Batch::Prepare(const RootRef& root) {
  const std::scoped_lock lock(mutex_);
  if (sync_fd_.valid()) return {};
  sync_fd_ = UniqueFd(provider_->tree().OpenFolder(root->get(), {}));
  return sync_fd_.valid() ? Status() : provider_->tree().Error(errno, "cannot open", {});
}

void Batch::Add(Draft draft, const ObjectInfo& info, const std::string& upload_id) {
  draft.folder.Reset();  // the file stays open: its lock says that it is going to be published
  const std::scoped_lock lock(mutex_);
  bytes_ += info.size;
  writes_.push_back({std::move(draft), info, upload_id, {}});
}

Status Batch::FlushOne(const Pending& write) {
  const Tree& tree = provider_->tree();
  const std::string path = write.draft.temporary_folder.empty() ? write.draft.temporary : write.draft.temporary_folder + "/" + write.draft.temporary;
  const UniqueFd file(tree.Open(write.draft.root->get(), path, O_RDONLY | O_NONBLOCK));
  if (!file.valid() || sys::Fsync(file.get()) != 0) return tree.Error(errno, "cannot flush", path);
  return {};
}

// A failure of the flush is the status of all: which bytes are lost is not known, and a second flush would not tell.
Status Batch::FlushBytes(std::vector<Pending>* writes, int sync_fd) {
  Tree& tree = provider_->tree();
  if (!tree.durable() || writes->empty()) return {};
  struct stat root = {};
  if (sys::FStat(sync_fd, &root) != 0) return tree.Error(errno, "cannot flush", {});
  const bool few = writes->size() <= kFewFiles;
  if (!few && sys::SyncFs(sync_fd) != 0) return tree.Error(errno, "cannot flush", {});
  for (const Pending& write : *writes) {
    if (!few && write.draft.st.st_dev == root.st_dev) continue;  // a mounted folder is not reached by syncfs
    if (Status s = FlushOne(write); !s.ok()) return s;
  }
  return {};
}

void Batch::PublishAll(std::vector<Pending>* writes) {
  Tree& tree = provider_->tree();
  std::vector<Pending*> order;
  for (Pending& write : *writes) order.push_back(&write);
  std::stable_sort(order.begin(), order.end(), [](const Pending* a, const Pending* b) { return a->draft.temporary_folder < b->draft.temporary_folder; });
  Draft* holder = nullptr;  // the draft before, whose descriptor is moved along
  for (Pending* write : order) {
    Draft& draft = write->draft;
    if (holder != nullptr && holder->temporary_folder == draft.temporary_folder && holder->root == draft.root && holder->temporary.empty() &&
        holder->folder_path == holder->temporary_folder) {
      draft.folder = std::move(holder->folder);
    } else {
      draft.folder = UniqueFd(tree.OpenFolder(draft.root->get(), draft.temporary_folder));
    }
    holder = &draft;
    write->status = draft.folder.valid() ? provider_->writer().Publish(&draft) : tree.Error(errno, "cannot open the folder", draft.temporary_folder);
    if (write->status.ok() && !write->upload_id.empty()) write->status = provider_->uploads().End(write->upload_id);
  }
  for (Pending& write : *writes) write.draft.folder.Reset();
}

Status Batch::FlushNames(const std::vector<Pending>& writes, int sync_fd) {
  Tree& tree = provider_->tree();
  if (!tree.durable_folders()) return {};
  std::set<std::string> folders;
  bool made = false, elsewhere = false;
  struct stat root = {};
  if (sys::FStat(sync_fd, &root) != 0) return tree.Error(errno, "cannot flush", {});
  for (const Pending& write : writes) {
    if (!write.status.ok()) continue;
    folders.insert(write.draft.folder_path);
    made = made || write.draft.deferred_folders > 0;
    elsewhere = elsewhere || write.draft.st.st_dev != root.st_dev;
  }
  if (folders.empty()) return {};
  const bool few = folders.size() <= kFewFolders && !made && !tree.unsynced().any();
  if (!few && sys::SyncFs(sync_fd) != 0) return tree.Error(errno, "cannot flush the names in", {});
  if (!few && !elsewhere) return {};
  for (const std::string& path : folders) {
    const UniqueFd folder(tree.OpenFolder(writes.front().draft.root->get(), path));
    if (!folder.valid() || sys::Fsync(folder.get()) != 0) return tree.Error(errno, "cannot flush the folder", path);
  }
  return {};
}

std::vector<BatchResult> Batch::Commit(const OpContext& ctx) {
  std::vector<Pending> writes;
  {
    const std::scoped_lock lock(mutex_);
    writes.swap(writes_);
    bytes_ = 0;
  }
  Status all = ctx.Check();
  UniqueFd sync_fd;
  if (all.ok() && !writes.empty()) {
    const std::scoped_lock lock(mutex_);
    sync_fd = std::move(sync_fd_);
    if (!sync_fd.valid()) all = Status(Code::kInternal, "the batch has writes but no descriptor to flush them");
  }
  if (all.ok()) all = FlushBytes(&writes, sync_fd.get());
  bool published = false;
  if (all.ok() && !writes.empty()) {
    PublishAll(&writes);
    published = true;
    all = FlushNames(writes, sync_fd.get());
  }
  std::vector<BatchResult> results;
  results.reserve(writes.size());
  for (Pending& write : writes) {
    Status status = write.status.ok() ? all : write.status;
    if (!all.ok() && published && write.status.ok()) {
      ErrorDetail detail = all.detail();
      detail.ambiguous = true;
      status = Status(std::move(detail));
      write.draft.deferred_folders = 0;  // never taken off the count: their entries may be lost
    }
    provider_->writer().Discard(&write.draft);
    results.push_back({write.draft.key, status.With(provider_->Name(), "put", write.draft.key), status.ok() ? std::move(write.info) : ObjectInfo()});
  }
  return results;
}

}  // namespace fileferry::local
