// template.cc: finds and evaluates ${VAR} and ERB tags.  Pure functions; any thread.
#include "config/template.h"

#include <algorithm>

#include "base/text.h"

namespace fileferry::config {
namespace {

// A tag's place in the text: two private-use characters around its number.
constexpr std::string_view kOpen = "\xEE\x80\x80", kClose = "\xEE\x80\x81";

bool IsNameChar(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

// Reads the Ruby expressions that can be evaluated here.
class Expression {
 public:
  explicit Expression(std::string_view text) : whole_(Trim(text)), rest_(whole_) {}

  std::vector<Term> Read() {
    std::vector<Term> terms;
    do {
      Term term;
      if (!ReadTerm(&term)) return Foreign();
      terms.push_back(std::move(term));
    } while (Take("||"));
    Skip();
    return rest_.empty() ? terms : Foreign();
  }

 private:
  std::vector<Term> Foreign() const {
    Term term;
    term.kind = Term::Kind::kForeign;
    term.text = std::string(whole_);
    return {term};
  }
  void Skip() { rest_ = rest_.substr(std::min(rest_.find_first_not_of(" \t\n"), rest_.size())); }
  bool Take(std::string_view token) {
    Skip();
    if (rest_.substr(0, token.size()) != token) return false;
    rest_.remove_prefix(token.size());
    return true;
  }
  bool TakeQuoted(std::string* text) {
    Skip();
    if (rest_.empty() || (rest_[0] != '"' && rest_[0] != '\'')) return false;
    const auto end = rest_.find(rest_[0], 1);
    if (end == std::string_view::npos) return false;
    const std::string_view inner = rest_.substr(1, end - 1);
    if (inner.find_first_of("\\#\n") != std::string_view::npos) return false;  // escapes and interpolation need Ruby
    *text = std::string(inner);
    rest_.remove_prefix(end + 1);
    return true;
  }
  bool TakeNumber(std::string* text) {
    Skip();
    const auto end = std::min(rest_.find_first_not_of("0123456789"), rest_.size());
    if (end == 0) return false;
    *text = std::string(rest_.substr(0, end));
    rest_.remove_prefix(end);
    return true;
  }
  bool TakeLiteral(Term* term) {
    if (TakeQuoted(&term->text) || TakeNumber(&term->text)) {
      term->kind = Term::Kind::kText;
      return true;
    }
    for (std::string_view word : {"true", "false", "nil"}) {
      if (!Take(word)) continue;
      term->kind = word == "nil" ? Term::Kind::kNil : Term::Kind::kText;
      term->text = std::string(word);
      return true;
    }
    return false;
  }
  bool ReadTerm(Term* term) {
    if (!ReadPrimary(term)) return false;
    while (Take(".to_s") || Take(".presence")) {
    }
    return true;
  }
  bool ReadPrimary(Term* term) {
    if (Take("ENV.fetch")) {
      term->kind = Term::Kind::kVariable;
      if (!Take("(") || !TakeQuoted(&term->text)) return false;
      term->required = true;
      if (Take(",")) {
        Term fallback;
        if (!TakeLiteral(&fallback)) return false;
        term->required = false;
        if (fallback.kind == Term::Kind::kText) term->fallback = fallback.text;
      }
      return Take(")");
    }
    if (Take("ENV")) {
      term->kind = Term::Kind::kVariable;
      return Take("[") && TakeQuoted(&term->text) && Take("]");
    }
    if (Take("Rails.root.join")) {
      term->kind = Term::Kind::kRailsRoot;
      if (!Take("(")) return false;
      do {
        std::string part;
        if (!TakeQuoted(&part)) return false;
        term->text += (term->text.empty() ? "" : "/") + part;
      } while (Take(","));
      return Take(")");
    }
    if (Take("Rails.root")) {
      term->kind = Term::Kind::kRailsRoot;
      return true;
    }
    if (Take("Rails.env")) {
      term->kind = Term::Kind::kRailsEnv;
      return true;
    }
    return TakeLiteral(term);
  }

  std::string_view whole_, rest_;
};

// Whether what stands before `at` on its line makes the rest of the line a YAML comment.
bool InComment(std::string_view raw, std::size_t at) {
  const auto newline = raw.rfind('\n', at);
  const std::string_view before = raw.substr(newline == std::string_view::npos ? 0 : newline + 1, at - (newline == std::string_view::npos ? 0 : newline + 1));
  return Trim(before).substr(0, 1) == "#" || before.find(" #") != std::string_view::npos;
}

struct Value {
  std::optional<std::string> text;
  std::string variable;
  Status problem;
};

std::string At(const FillContext& context, int line, std::string_view key) {
  return context.path + ":" + std::to_string(line) + (key.empty() ? "" : ": " + Printable(key));
}

Value Evaluate(const Tag& tag, std::string_view key, const FillContext& context) {
  Value value;
  for (const Term& term : tag.terms) {
    switch (term.kind) {
      case Term::Kind::kVariable:
        value.text = (*context.env)(term.text);
        if (value.text) {
          value.variable = term.text;
        } else if (term.fallback) {
          value.text = term.fallback;
        } else if (term.required) {
          value.problem = Status(Code::kInvalidArgument, At(context, tag.line, key) + ": the environment variable " + Printable(term.text) +
                                                             " is not set: set it, or give ENV.fetch a default");
        }
        break;
      case Term::Kind::kRailsRoot:
        value.text = term.text.empty() ? context.root : context.root + "/" + term.text;
        break;
      case Term::Kind::kRailsEnv:
        value.text = context.environment;
        break;
      case Term::Kind::kText:
        value.text = term.text;
        break;
      case Term::Kind::kNil:
        break;
      case Term::Kind::kForeign:
        value.problem = Status(Code::kInvalidArgument, At(context, tag.line, key) + ": <%= " + Printable(term.text) +
                                                           " %> can only be evaluated by Ruby: use <%= ENV[\"NAME\"] %> or ${NAME}");
        break;
    }
    if (value.text || !value.problem.ok()) return value;
  }
  return value;
}

// ${NAME} or ${NAME:-default} at the front of text.
bool TakeVariable(std::string_view* text, std::string* name, std::optional<std::string>* fallback) {
  if (text->substr(0, 2) != "${") return false;
  const auto end = text->find('}');
  if (end == std::string_view::npos) return false;
  const std::string_view inner = text->substr(2, end - 2);
  const auto name_end = std::min(static_cast<std::size_t>(std::find_if_not(inner.begin(), inner.end(), IsNameChar) - inner.begin()), inner.size());
  if (name_end == 0) return false;
  const std::string_view rest = inner.substr(name_end);
  if (!rest.empty() && rest.substr(0, 2) != ":-") return false;
  *name = std::string(inner.substr(0, name_end));
  fallback->reset();
  if (!rest.empty()) *fallback = std::string(rest.substr(2));
  text->remove_prefix(end + 1);
  return true;
}

}  // namespace

Result<Template> ReadTemplate(std::string_view raw, const std::string& path) {
  Template result;
  if (raw.substr(0, 3) == "\xEF\xBB\xBF") raw.remove_prefix(3);
  std::size_t at = 0;
  int line = 1;
  while (true) {
    const auto open = raw.find("<%", at);
    const auto text = raw.substr(at, open == std::string_view::npos ? open : open - at);
    if (text.find(kOpen) != std::string_view::npos) return Status(Code::kInvalidArgument, path + ": holds the private-use character U+E000, which is reserved: remove it");
    result.text += text;
    line += static_cast<int>(std::count(text.begin(), text.end(), '\n'));
    if (open == std::string_view::npos) return result;
    const auto close = raw.find("%>", open);
    if (close == std::string_view::npos)
      return Status(Code::kInvalidArgument, path + ":" + std::to_string(line) + ": <% is not closed: add %>");
    std::string_view inner = raw.substr(open + 2, close - open - 2);
    const auto newlines = std::count(inner.begin(), inner.end(), '\n');
    if (!inner.empty() && inner.back() == '-') inner.remove_suffix(1);
    if (!inner.empty() && inner.front() == '=') {
      result.text += std::string(kOpen) + std::to_string(result.tags.size()) + std::string(kClose);
      result.tags.push_back({Expression(inner.substr(1)).Read(), line});
    } else if (inner.substr(0, 1) != "#" && inner.substr(0, 1) != "%" && !InComment(raw, open)) {
      return Status(Code::kInvalidArgument, path + ":" + std::to_string(line) + ": <% " + Printable(Trim(inner)) +
                                                " %> can only be run by Ruby: keep to <%= ENV[\"NAME\"] %>, <%= ENV.fetch(\"NAME\", \"default\") %> or ${NAME:-default}");
    }
    if (newlines > 0)
      return Status(Code::kInvalidArgument, path + ":" + std::to_string(line) + ": a tag <% %> over several lines is not understood: write it on one line");
    at = close + 2;
  }
}

Filled Fill(std::string_view scalar, int line, std::string_view key, const FillContext& context) {
  Filled filled;
  std::string_view rest = scalar;
  std::size_t parts = 0, nils = 0;
  while (!rest.empty()) {
    std::string name;
    std::optional<std::string> fallback;
    if (rest.substr(0, 3) == "$${") {
      filled.text += "${";
      rest.remove_prefix(3);
      parts += 2;
    } else if (TakeVariable(&rest, &name, &fallback)) {
      auto value = (*context.env)(name);
      if (value && (!value->empty() || !fallback)) {
        filled.text += *value;
        filled.variables.push_back(name);
      } else if (fallback) {
        filled.text += *fallback;
      } else if (filled.problem.ok()) {
        filled.problem =
            Status(Code::kInvalidArgument, At(context, line, key) + ": the environment variable " + name + " is not set: set it, or write ${" + name + ":-default}");
      }
      parts++;
    } else if (rest.substr(0, kOpen.size()) == kOpen && context.source != nullptr) {
      const auto end = rest.find(kClose);
      const auto index = ParseUint(rest.substr(kOpen.size(), end == std::string_view::npos ? 0 : end - kOpen.size()));
      if (!index || *index >= context.source->tags.size()) break;
      const Value value = Evaluate(context.source->tags[*index], key, context);
      if (value.text) {
        filled.text += *value.text;
        if (!value.variable.empty()) filled.variables.push_back(value.variable);
      } else {
        nils++;
        if (filled.problem.ok()) filled.problem = value.problem;
      }
      parts++;
      rest.remove_prefix(end + kClose.size());
    } else {
      filled.text += rest.front();
      rest.remove_prefix(1);
      parts += 2;
    }
  }
  filled.absent = parts == 1 && nils == 1 && filled.problem.ok();
  return filled;
}

}  // namespace fileferry::config
