// template.h: what a configuration file leaves to be filled in: ${VAR}, ${VAR:-default} and the few forms of ERB that need no Ruby.
//
// ERB tags are cut out before YAML is parsed, so that a value can never change the structure of the file, and keep their lines.  Pure functions; any thread.
#ifndef FILEFERRY_CONFIG_TEMPLATE_H_
#define FILEFERRY_CONFIG_TEMPLATE_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fileferry/config.h"

namespace fileferry::config {

// One alternative of a tag: ENV["X"], ENV.fetch("X", "d"), Rails.root.join("a"), Rails.env, "text", or something that only Ruby understands.
struct Term {
  enum class Kind { kVariable, kRailsRoot, kRailsEnv, kText, kNil, kForeign };
  Kind kind = Kind::kNil;
  std::string text;                     // name of the variable, path below the root, the text, or the foreign expression
  std::optional<std::string> fallback;  // of ENV.fetch
  bool required = false;                // ENV.fetch without a default
};

struct Tag {
  std::vector<Term> terms;  // of a || b
  int line = 0;
};

struct Template {
  std::string text;       // for the YAML parser
  std::vector<Tag> tags;
};
// kInvalidArgument for ERB that decides what the file is (<% if ... %>), naming the line.
Result<Template> ReadTemplate(std::string_view raw, const std::string& path);

struct FillContext {
  const Template* source = nullptr;  // nullptr: no tags
  const Environment* env = nullptr;
  std::string path;         // of the file, for messages
  std::string root;         // what Rails.root is
  std::string environment;  // what Rails.env is
};

struct Filled {
  std::string text;
  bool absent = false;                // a tag that was the whole value gave nil
  std::vector<std::string> variables; // that gave a part of the value
  Status problem;                     // of a variable that must be set, or ERB that cannot be evaluated
};
Filled Fill(std::string_view scalar, int line, std::string_view key, const FillContext& context);

}  // namespace fileferry::config

#endif  // FILEFERRY_CONFIG_TEMPLATE_H_
