// mapping_file.cc: a file of pairs, indexed by the hash of the source and read line by line when asked.  Millions of lines cost 16 bytes each.
#include "transfer/mapping_file.h"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "base/errno_status.h"
#include "base/sys.h"
#include "base/text.h"
#include "base/unique_fd.h"

namespace fileferry {
namespace {

constexpr std::size_t kLongest = 2 * 1024 + 3;  // two keys, a tab, a line end

struct Pair {
  std::string_view source, destination;
};

// The two sides of a line without its end; absent for an empty line.
Result<std::optional<Pair>> ReadPair(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.empty()) return std::optional<Pair>();
  const auto bad = [](const std::string& why) { return Status(Code::kInvalidArgument, why); };
  const std::size_t tab = line.find('\t');
  if (tab == std::string_view::npos || line.find('\t', tab + 1) != std::string_view::npos) return bad("a line is source, one tab, destination");
  const Pair pair{line.substr(0, tab), line.substr(tab + 1)};
  if (Status status = CheckKeyBytes(pair.source); !status.ok()) return bad("left of the tab, " + std::string(status.message()));
  if (Status status = CheckKeyBytes(pair.destination); !status.ok()) return bad("right of the tab, " + std::string(status.message()));
  return std::optional<Pair>(pair);
}

class FileMap : public KeyMap {
 public:
  FileMap(std::string rule, std::string path, UniqueFd fd) : KeyMap(std::move(rule)), path_(std::move(path)), fd_(std::move(fd)) {}
  bool order_preserving() const override { return false; }
  bool one_to_one() const override { return false; }

  Status Index() {
    std::string buffer;
    std::uint64_t start = 0;  // of buffer in the file
    std::size_t line = 0;
    for (bool ended = false; !ended;) {
      const std::size_t have = buffer.size();
      buffer.resize(have + kChunk);
      const ssize_t got = sys::PRead(fd_.get(), buffer.data() + have, kChunk, static_cast<off_t>(start + have));
      if (got < 0) return ErrnoStatus(errno, What());
      buffer.resize(have + static_cast<std::size_t>(got));
      ended = got == 0;
      std::size_t at = 0;
      while (at < buffer.size()) {
        const std::size_t end = buffer.find('\n', at);
        if (end == std::string::npos && !ended) break;
        const std::string_view text = std::string_view(buffer).substr(at, end == std::string::npos ? std::string::npos : end - at);
        if (Status status = AddLine(text, start + at, ++line); !status.ok()) return status;
        at = end == std::string::npos ? buffer.size() : end + 1;
      }
      buffer.erase(0, at);
      start += at;
      if (buffer.size() > kLongest) return Bad(line + 1, "the line is longer than two keys can be");
    }
    return FinishIndex();
  }

 protected:
  Result<std::string> DoMap(std::string_view key) const override {
    const std::uint64_t hash = Crc64Nvme(0, AsBytes(key));
    for (auto at = std::lower_bound(index_.begin(), index_.end(), Entry{hash, 0}); at != index_.end() && at->hash == hash; ++at) {
      Result<std::string> line = LineAt(at->offset);
      if (!line.ok()) return line;
      Result<std::optional<Pair>> pair = ReadPair(*line);
      if (pair.ok() && *pair && (*pair)->source == key) return std::string((*pair)->destination);
    }
    return std::string();
  }
  Result<std::string> DoReverse(std::string_view) const override { return Status(Code::kUnsupported, "a mapping file is read in one direction only"); }

 private:
  static constexpr std::size_t kChunk = std::size_t{256} << 10;

  struct Entry {
    std::uint64_t hash, offset;
    bool operator<(const Entry& other) const { return hash != other.hash ? hash < other.hash : offset < other.offset; }
  };

  std::string What() const { return "the mapping file \"" + Printable(path_) + "\""; }
  Status Bad(std::size_t line, const std::string& why) const {
    return Status(Code::kInvalidArgument, Printable(path_) + ":" + std::to_string(line) + ": " + why);
  }

  Status AddLine(std::string_view text, std::uint64_t offset, std::size_t number) {
    Result<std::optional<Pair>> pair = ReadPair(text);
    if (!pair.ok()) return Bad(number, std::string(pair.status().message()));
    if (*pair) index_.push_back({Crc64Nvme(0, AsBytes((*pair)->source)), offset});
    return {};
  }

  // Sorts, and refuses a source that comes twice.
  Status FinishIndex() {
    std::sort(index_.begin(), index_.end());
    index_.shrink_to_fit();
    for (std::size_t i = 1; i < index_.size(); ++i) {
      for (std::size_t j = i; j > 0 && index_[j - 1].hash == index_[i].hash; --j) {
        Result<std::string> one = LineAt(index_[i].offset), other = LineAt(index_[j - 1].offset);
        if (!one.ok()) return one.status();
        if (!other.ok()) return other.status();
        const std::string source = one->substr(0, one->find('\t'));
        if (source == other->substr(0, other->find('\t'))) return Status(Code::kInvalidArgument, What() + " has two lines for \"" + Printable(source) + "\"");
      }
    }
    return {};
  }

  Result<std::string> LineAt(std::uint64_t offset) const {
    std::string line(kLongest, '\0');
    std::size_t have = 0;
    while (have < line.size()) {
      const ssize_t got = sys::PRead(fd_.get(), line.data() + have, line.size() - have, static_cast<off_t>(offset + have));
      if (got < 0) return ErrnoStatus(errno, What());
      if (got == 0) break;
      have += static_cast<std::size_t>(got);
    }
    line.resize(std::min(have, line.find('\n')));
    return line;
  }

  const std::string path_;
  const UniqueFd fd_;
  std::vector<Entry> index_;
};

}  // namespace

Result<std::shared_ptr<const KeyMap>> OpenMappingFile(const std::string& rule, const std::string& path) {
  UniqueFd fd(sys::OpenAt(AT_FDCWD, path.c_str(), O_RDONLY | O_CLOEXEC, 0));
  if (!fd.valid()) return ErrnoStatus(errno, "the mapping file \"" + Printable(path) + "\"");
  struct stat info = {};
  if (sys::FStat(fd.get(), &info) != 0) return ErrnoStatus(errno, "the mapping file \"" + Printable(path) + "\"");
  if (!S_ISREG(info.st_mode)) return Status(Code::kInvalidArgument, "the mapping file \"" + Printable(path) + "\" is not a regular file");
  auto map = std::make_shared<FileMap>(rule, path, std::move(fd));
  if (Status status = map->Index(); !status.ok()) return status;
  return std::shared_ptr<const KeyMap>(std::move(map));
}

}  // namespace fileferry
