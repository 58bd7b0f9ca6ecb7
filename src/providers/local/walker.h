// walker.h: the objects below the root in the order of their keys' bytes, one folder's names in memory for each level.
//
// A Walker is used by one thread at a time; it holds a descriptor for each open folder.
#ifndef FILEFERRY_PROVIDERS_LOCAL_WALKER_H_
#define FILEFERRY_PROVIDERS_LOCAL_WALKER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "providers/local/tree.h"

namespace fileferry::local {

// Where a listing begins: keys >= lower, or > lower where it is exclusive.
struct Lower {
  std::string key;
  bool inclusive = true;
  bool Passes(std::string_view candidate) const { return inclusive ? candidate >= key : candidate > key; }
  // Whether a folder whose keys all begin with `folder` may hold a key that passes.
  bool MayPass(std::string_view folder) const { return folder >= key || std::string_view(key).starts_with(folder); }
};

struct WalkCounts {
  std::uint64_t links = 0;
  std::uint64_t empty_folders = 0;
  std::vector<std::string> notes;
  std::vector<ListProblem> problems;
  std::uint64_t more_problems = 0;  // beyond those
};

struct WalkItem {
  std::string_view key;  // valid until the next call
  bool is_prefix = false;
  struct stat st = {};
};

// The names of one folder, sorted.
class Names {
 public:
  enum class Type : std::uint8_t { kFile, kFolder, kLink, kOther };
  // The text of a folder ends in '/', except in a shard folder of the activestorage layout.
  std::string_view Text(std::size_t i) const { return {arena_.data() + entries_[i].offset, entries_[i].length}; }
  const char* CText(std::size_t i) const { return arena_.data() + entries_[i].offset; }
  Type TypeOf(std::size_t i) const { return entries_[i].type; }
  std::size_t size() const { return entries_.size(); }
  void Add(std::string_view name, Type type, bool slash);
  void Sort();
  // The first name that is not before `text`.
  std::size_t LowerBound(std::string_view text) const;

 private:
  struct Entry {
    std::uint32_t offset;
    std::uint16_t length;
    Type type;
  };
  std::string arena_;
  std::vector<Entry> entries_;
};

class Walker {
 public:
  // Begins at the first key with this prefix that passes lower.  With delimiter, folders beyond the prefix are one item each.  name_problems: as ListQuery says.
  Walker(Tree* tree, std::string prefix, bool delimiter, Lower lower, bool name_problems)
      : tree_(tree), prefix_(std::move(prefix)), delimiter_(delimiter), lower_(std::move(lower)), name_problems_(name_problems) {}

  Status Start();
  // *done tells the end; otherwise *item is the next.
  Status Next(const OpContext& ctx, WalkItem* item, bool* done);

  WalkCounts& counts() { return counts_; }
  std::size_t names() const;        // held in memory
  bool Changed() const;             // whether a folder that is open was changed since its names were read
  std::chrono::nanoseconds cost() const { return cost_; }  // of reading the names that are held

 private:
  struct Frame {
    UniqueFd folder;
    Names names;
    std::size_t next = 0;
    std::string path;      // of the folder
    std::string key;       // what the keys in it begin with
    int shard = 0;         // activestorage: 0 is the root, 1 the first level; 2 where keys begin
    bool has_object = false;
    struct stat st = {};   // from before its names were read
  };

  Status Enter(int fd, std::string path, std::string key, int shard, bool has_object);
  Status ReadNames(Frame* frame);
  Status TypeOfLink(const Frame& frame, const std::string& name, Names::Type* type);
  Status Visit(const OpContext& ctx, WalkItem* item, bool* found);
  Status VisitFolder(const OpContext& ctx, std::size_t i, WalkItem* item, bool* found);
  Status VisitFile(std::size_t i, WalkItem* item, bool* found);
  Status HasObject(const OpContext& ctx, const std::string& path, const std::string& key, bool* has);
  Status Probe(int fd, const std::string& path, int depth, std::uint64_t* folders, bool* has);
  bool IsPlaced(const Frame& frame, std::string_view segment, bool folder) const;
  void Note(std::string_view path, std::string_view what);
  void NoObject(std::string_view path, std::string_view what);  // a file or folder that can be no object
  bool GoesOn(const Status& status) const { return name_problems_ && status.code() == Code::kPermissionDenied; }
  void Name(std::string_view key, const Status& status);
  void Leave();

  Tree* const tree_;
  const std::string prefix_;
  const bool delimiter_;
  const Lower lower_;
  const bool name_problems_;
  RootRef root_;
  std::vector<Frame> frames_;
  std::string key_;
  WalkCounts counts_;
  std::chrono::nanoseconds cost_{0};
  unsigned steps_ = 0;
};

// The keys in the keys folder with this prefix that pass lower, sorted.  Names that are not of the grammar become notes.
Result<std::vector<std::string>> ReadKeysFolder(Tree& tree, std::string_view prefix, const Lower& lower, std::vector<std::string>* notes);

}  // namespace fileferry::local

#endif  // FILEFERRY_PROVIDERS_LOCAL_WALKER_H_
