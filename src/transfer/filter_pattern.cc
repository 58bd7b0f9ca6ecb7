// filter_pattern.cc: rclone's patterns as regular expressions.  Pure; any thread.
#include <re2/re2.h>

#include "base/text.h"
#include "transfer/filter.h"

namespace fileferry {
namespace {

// Translates one pattern; stops at the first problem.
class Translator {
 public:
  explicit Translator(std::string_view pattern) : pattern_(pattern), rest_(pattern) {}

  Result<std::string> Run() {
    if (rest_.empty()) return Bad("it is empty");
    if (rest_.front() == '/') {
      rest_.remove_prefix(1);
      out_ = "^";
    } else {
      out_ = "(?:^|/)";
    }
    while (!rest_.empty() && problem_.empty()) Step();
    if (!problem_.empty()) return Bad(problem_);
    if (in_braces_) return Bad("a { is not closed");
    if (pattern_.back() == '/' && !ends_escaped_) out_ += ".*";  // a folder: all below it
    return "(?:" + out_ + ")$";
  }

 private:
  Status Bad(const std::string& why) const { return Status(Code::kInvalidArgument, "the pattern \"" + Printable(pattern_) + "\" cannot be used: " + why); }

  bool Skip(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }

  void Step() {
    ends_escaped_ = false;
    if (rest_.front() == '*') return Stars();
    if (Skip("{{")) return Raw();
    const char c = rest_.front();
    rest_.remove_prefix(1);
    switch (c) {
      case '?': out_ += "[^/]"; return;
      case '[': return Set();
      case ']': problem_ = "a ] has no ["; return;
      case '\\':
        if (rest_.empty()) {
          problem_ = "it ends with a backslash";
          return;
        }
        ends_escaped_ = true;
        return Literal();
      case '{':
        if (in_braces_) problem_ = "braces cannot be nested";
        in_braces_ = true;
        out_ += "(?:";
        return;
      case '}':
        if (!in_braces_) problem_ = "a } has no {";
        in_braces_ = false;
        out_ += ")";
        return;
      case ',':
        out_ += in_braces_ ? "|" : ",";
        return;
      default:
        rest_ = std::string_view(rest_.data() - 1, rest_.size() + 1);
        return Literal();
    }
  }

  // The next byte, for itself.
  void Literal() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    if (c == '\0') {
      out_ += "\\x00";
      return;
    }
    if (static_cast<unsigned char>(c) < 0x80 && std::string_view("\\.+*?()|[]{}^$").find(c) != std::string_view::npos) out_.push_back('\\');
    out_.push_back(c);
  }

  void Stars() {
    std::size_t count = 0;
    for (; Skip("*"); ++count) {
    }
    if (count > 2) problem_ = "more than two * in a row";
    out_ += count == 1 ? "[^/]*" : ".*";
  }

  void Raw() {
    const std::size_t end = rest_.find("}}");
    if (end == std::string_view::npos) {
      problem_ = "a {{ is not closed";
      return;
    }
    const std::string regex(rest_.substr(0, end));
    const re2::RE2 alone(regex, re2::RE2::Quiet);  // so that what is open inside cannot be closed outside
    if (!alone.ok()) {
      problem_ = alone.error();
      return;
    }
    out_ += "(?:" + regex + ")";
    rest_.remove_prefix(end + 2);
  }

  // What follows a '[', to its ']'.
  void Set() {
    std::string set = "[";
    const bool negated = Skip("^") || Skip("!");
    if (negated) set += "^/";
    bool first = true;
    while (!rest_.empty()) {
      if (rest_.front() == ']' && !first) {
        rest_.remove_prefix(1);
        out_ += set + "]";
        return;
      }
      first = false;
      if (const std::size_t end = rest_.starts_with("[:") ? rest_.find(":]") : std::string_view::npos; end != std::string_view::npos) {  // [:alpha:]
        set += rest_.substr(0, end + 2);
        rest_.remove_prefix(end + 2);
        continue;
      }
      char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '\\' && !rest_.empty()) {
        c = rest_.front();
        rest_.remove_prefix(1);
        set.push_back('\\');
        if (static_cast<unsigned char>(c) >= 0x80 || IsAlphanumeric(c)) set.pop_back();  // "\d" is the letter d here
      } else if (c == '[' || c == ']' || c == '\\' || c == '^') {
        set.push_back('\\');
      }
      set.push_back(c);
    }
    problem_ = "a [ is not closed";
  }

  static bool IsAlphanumeric(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

  const std::string_view pattern_;
  std::string_view rest_;
  std::string out_;
  std::string problem_;
  bool in_braces_ = false;
  bool ends_escaped_ = false;
};

}  // namespace

Result<std::string> PatternToRegex(std::string_view pattern) { return Translator(pattern).Run(); }

}  // namespace fileferry
