// profile_ini.cc: the syntax of the AWS shared files.  Pure; any thread.
#include <algorithm>

#include "base/text.h"
#include "providers/s3/profile.h"

namespace fileferry::s3 {
namespace {

bool IsBlank(char c) { return c == ' ' || c == '\t'; }

// A comment begins at # or ; after white space.
std::string_view WithoutComment(std::string_view text) {
  for (std::size_t i = 1; i < text.size(); ++i) {
    if ((text[i] == '#' || text[i] == ';') && IsBlank(text[i - 1])) return text.substr(0, i);
  }
  return text;
}

// "profile   "my dev"" -> "profile my dev"
std::string SectionName(std::string_view text) {
  std::string out;
  char quote = '\0';
  for (char c : Trim(text)) {
    if (quote != '\0') {
      if (c == quote) {
        quote = '\0';
      } else {
        out.push_back(c);
      }
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (!IsBlank(c)) {
      out.push_back(c);
    } else if (!out.empty() && out.back() != ' ') {
      out.push_back(' ');
    }
  }
  return out;
}

class Parser {
 public:
  Parser(std::string_view text, std::string_view path) : text_(text), path_(path) {}

  Result<IniFile> Run() {
    if (text_.substr(0, 3) == "\xEF\xBB\xBF") text_.remove_prefix(3);
    while (!text_.empty()) {
      const std::size_t end = std::min(text_.find('\n'), text_.size());
      std::string_view line = text_.substr(0, end);
      text_.remove_prefix(std::min(end + 1, text_.size()));
      while (!line.empty() && line.back() == '\r') line.remove_suffix(1);
      ++line_;
      if (Status status = OnLine(line); !status.ok()) return status;
    }
    return std::move(file_);
  }

 private:
  Status OnLine(std::string_view line) {
    if (line.find('\0') != std::string_view::npos) return Problem("holds a NUL byte; it is not a text file");
    const std::string_view content = Trim(line);
    if (content.empty() || content.front() == '#' || content.front() == ';') return {};
    if (IsBlank(line.front()) && value_ != nullptr) return OnIndented(content);
    if (content.front() == '[') return OnSection(content);
    return OnValue(content);
  }

  Status OnSection(std::string_view content) {
    const std::size_t end = content.find(']');
    if (end == std::string_view::npos) return Problem("begins a section without the closing ]");
    const std::string name = SectionName(content.substr(1, end - 1));
    if (name.empty()) return Problem("begins a section without a name");
    section_ = &file_[name];
    if (section_->line == 0) section_->line = line_;
    value_ = nullptr;
    return {};
  }

  Status OnValue(std::string_view content) {
    std::size_t separator = content.find('=');
    if (separator == std::string_view::npos) separator = content.find(':');
    if (separator == std::string_view::npos || Trim(content.substr(0, separator)).empty()) return Problem("is neither a [section] nor a name = value");
    if (section_ == nullptr) return Problem("comes before the first [section]");
    const std::string name = ToLower(Trim(content.substr(0, separator)));
    std::string_view value = content.substr(separator + 1);
    // A command may hold what looks like a comment.
    if (name != "credential_process") value = WithoutComment(value);
    value_ = &section_->values[name];
    *value_ = IniValue{std::string(Trim(value)), line_, {}};
    return {};
  }

  // Below "name =" a block of values of its own; below "name = text" more of the text.
  Status OnIndented(std::string_view content) {
    const std::size_t separator = content.find('=');
    if (!value_->text.empty()) {
      value_->text.append("\n").append(Trim(WithoutComment(content)));
    } else if (separator == std::string_view::npos || separator == 0) {
      return Problem("is indented below a name without a value, but is no name = value");
    } else {
      value_->nested[ToLower(Trim(content.substr(0, separator)))] = std::string(Trim(WithoutComment(content.substr(separator + 1))));
    }
    return {};
  }

  Status Problem(std::string_view what) const {
    return Status(Code::kInvalidArgument, Printable(path_) + ":" + std::to_string(line_) + " " + std::string(what));
  }

  std::string_view text_, path_;
  int line_ = 0;
  IniFile file_;
  IniSection* section_ = nullptr;
  IniValue* value_ = nullptr;
};

}  // namespace

std::string IniSection::Get(const std::string& name) const {
  const auto found = values.find(name);
  return found == values.end() ? std::string() : found->second.text;
}

Result<IniFile> ParseIni(std::string_view text, std::string_view path) { return Parser(text, path).Run(); }

}  // namespace fileferry::s3
