// filter.cc: patterns become regular expressions of RE2, which match in time linear in the key whatever the pattern is.
#include "transfer/filter.h"

#include <re2/re2.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "base/errno_status.h"
#include "base/sys.h"
#include "base/text.h"
#include "base/unique_fd.h"

namespace fileferry {
namespace {

constexpr std::size_t kMostBytes = std::size_t{16} << 20;  // of a filter file

using Regex = std::unique_ptr<const re2::RE2>;

Result<Regex> CompilePattern(std::string_view pattern) {
  Result<std::string> regex = PatternToRegex(pattern);
  if (!regex.ok()) return regex.status();
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_dot_nl(true);  // a line end in a key is a byte like others
  auto compiled = std::make_unique<const re2::RE2>(*regex, options);
  if (!compiled->ok()) return Status(Code::kInvalidArgument, "the pattern \"" + Printable(pattern) + "\" cannot be used: " + compiled->error());
  return compiled;
}

bool Matches(const Regex& regex, std::string_view key) { return re2::RE2::PartialMatch(re2::StringPiece(key.data(), key.size()), *regex); }

Status CompileAll(const std::vector<std::string>& patterns, std::vector<Regex>* out) {
  for (const std::string& pattern : patterns) {
    Result<Regex> regex = CompilePattern(pattern);
    if (!regex.ok()) return regex.status();
    out->push_back(*std::move(regex));
  }
  return {};
}

Result<std::string> ReadFilterFile(const std::string& path) {
  const std::string what = "the filter file \"" + Printable(path) + "\"";
  UniqueFd fd(sys::OpenAt(AT_FDCWD, path.c_str(), O_RDONLY | O_CLOEXEC, 0));
  if (!fd.valid()) return ErrnoStatus(errno, what);
  std::string text;
  while (text.size() <= kMostBytes) {
    char buffer[16384];
    const ssize_t got = sys::Read(fd.get(), buffer, sizeof buffer);
    if (got < 0) return ErrnoStatus(errno, what);
    if (got == 0) return text;
    text.append(buffer, static_cast<std::size_t>(got));
  }
  return Status(Code::kInvalidArgument, what + " is larger than 16 MiB");
}

// A media type without its parameters, in lower case.
std::string PlainType(std::string_view type) { return ToLower(Trim(type.substr(0, type.find(';')))); }

// The folder of a pattern that means a folder with everything in it.
void AddFolder(std::string_view pattern, std::vector<Regex>* folders, bool* all) {
  if (pattern.ends_with("**")) pattern.remove_suffix(2);
  if (pattern.empty() || pattern == "/") {
    *all = true;
  } else if (pattern.ends_with('/') && !pattern.ends_with("\\/")) {
    if (Result<Regex> regex = CompilePattern(pattern.substr(0, pattern.size() - 1)); regex.ok()) folders->push_back(*std::move(regex));
  }
}

}  // namespace

struct Filter::Impl {
  struct Line {
    bool keep;
    Regex regex;
  };
  std::vector<Regex> include, exclude, types;
  std::vector<Regex> folders, line_folders;  // that `exclude`, and filter_from before its first "+", leave out with all that is in them
  bool all = false, all_lines = false;       // all folders
  std::vector<Line> lines;  // of filter_from
  bool any_type = true;
  std::optional<std::uint64_t> min_size, max_size;
  std::optional<Time> newer_than, older_than;

  Status ReadLines(const std::string& path) {
    Result<std::string> text = ReadFilterFile(path);
    if (!text.ok()) return text.status();
    std::size_t number = 0;
    bool kept = false;
    for (const std::string& whole : Split(*text, '\n')) {
      ++number;
      const std::string_view line = Trim(whole);
      if (line.empty() || line[0] == '#' || line[0] == ';') continue;
      const std::string place = Printable(path) + ":" + std::to_string(number) + ": ";
      if (line == "!") {  // rclone: forget what was said so far
        lines.clear();
        line_folders.clear();
        all_lines = kept = false;
        continue;
      }
      if (line.size() < 3 || (line[0] != '+' && line[0] != '-') || line[1] != ' ') {
        return Status(Code::kInvalidArgument, place + "a line is \"+ pattern\", \"- pattern\", \"!\" or a comment with #");
      }
      Result<Regex> regex = CompilePattern(Trim(line.substr(2)));
      if (!regex.ok()) return Status(Code::kInvalidArgument, place + std::string(regex.status().message()));
      lines.push_back({line[0] == '+', *std::move(regex)});
      kept = kept || line[0] == '+';
      if (!kept) AddFolder(Trim(line.substr(2)), &line_folders, &all_lines);
    }
    return {};
  }

  Status ReadTypes(const std::vector<std::string>& content_types) {
    any_type = content_types.empty();
    for (const std::string& wanted : content_types) {
      const std::string type = PlainType(wanted);
      if (type == "*" || type == "*/*") {
        any_type = true;
        continue;
      }
      if (std::count(type.begin(), type.end(), '/') != 1 || type.front() == '/' || type.back() == '/') {
        return Status(Code::kInvalidArgument, "\"" + Printable(wanted) + "\" is not a content type; write image/png or image/*");
      }
      Result<Regex> regex = CompilePattern("/" + type);
      if (!regex.ok()) return regex.status();
      types.push_back(*std::move(regex));
    }
    return {};
  }
};

Filter::Filter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Filter::~Filter() = default;

Result<std::shared_ptr<const Filter>> Filter::Create(const FilterOptions& options) {
  auto impl = std::make_unique<Impl>();
  if (Status status = CompileAll(options.include, &impl->include); !status.ok()) return status;
  if (Status status = CompileAll(options.exclude, &impl->exclude); !status.ok()) return status;
  for (const std::string& pattern : options.exclude) AddFolder(pattern, &impl->folders, &impl->all);
  if (!options.filter_from.empty()) {
    if (Status status = impl->ReadLines(options.filter_from); !status.ok()) return status;
  }
  if (Status status = impl->ReadTypes(options.content_types); !status.ok()) return status;
  if (options.min_size && options.max_size && *options.min_size > *options.max_size) {
    return Status(Code::kInvalidArgument, "the least size is larger than the largest; nothing could be wanted");
  }
  if (options.newer_than && options.older_than && *options.newer_than > *options.older_than) {
    return Status(Code::kInvalidArgument, "no time is newer than the one and older than the other; nothing could be wanted");
  }
  impl->min_size = options.min_size;
  impl->max_size = options.max_size;
  impl->newer_than = options.newer_than;
  impl->older_than = options.older_than;
  return std::shared_ptr<const Filter>(new Filter(std::move(impl)));
}

bool Filter::WantsKey(std::string_view key) const {
  const auto matches = [key](const Regex& regex) { return Matches(regex, key); };
  if (std::any_of(impl_->exclude.begin(), impl_->exclude.end(), matches)) return false;
  for (const Impl::Line& line : impl_->lines) {
    if (Matches(line.regex, key)) return line.keep;
  }
  return impl_->include.empty() || std::any_of(impl_->include.begin(), impl_->include.end(), matches);
}

Filter::Decision Filter::Decide(std::string_view key, std::uint64_t size, const std::optional<Time>& modified) const {
  if (impl_->min_size && size < *impl_->min_size) return Decision::kLeftOut;
  if (impl_->max_size && size > *impl_->max_size) return Decision::kLeftOut;
  if (impl_->newer_than && (!modified || *modified < *impl_->newer_than)) return Decision::kLeftOut;
  if (impl_->older_than && (!modified || *modified > *impl_->older_than)) return Decision::kLeftOut;
  if (!WantsKey(key)) return Decision::kLeftOut;
  if (impl_->any_type) return Decision::kWanted;
  const std::string_view type = ContentTypeByName(key);
  if (type.empty()) return Decision::kNeedsType;
  return WantsType(type) ? Decision::kWanted : Decision::kLeftOut;
}

bool Filter::ExcludesFolder(std::string_view folder) const {
  if (impl_->all || impl_->all_lines) return true;
  for (std::size_t slash = folder.find('/'); slash != std::string_view::npos; slash = folder.find('/', slash + 1)) {
    const auto matches = [above = folder.substr(0, slash)](const Regex& regex) { return Matches(regex, above); };
    if (std::any_of(impl_->folders.begin(), impl_->folders.end(), matches) || std::any_of(impl_->line_folders.begin(), impl_->line_folders.end(), matches)) return true;
  }
  return false;
}

bool Filter::WantsType(std::string_view content_type) const {
  if (impl_->any_type) return true;
  const std::string type = PlainType(content_type);
  return std::any_of(impl_->types.begin(), impl_->types.end(), [&](const Regex& regex) { return Matches(regex, type); });
}

bool Filter::by_key_alone() const {
  const Impl& impl = *impl_;
  return impl.any_type && !impl.min_size && !impl.max_size && !impl.newer_than && !impl.older_than;
}

bool Filter::empty() const { return by_key_alone() && impl_->include.empty() && impl_->exclude.empty() && impl_->lines.empty(); }

}  // namespace fileferry
