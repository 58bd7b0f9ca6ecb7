// mapping.cc: the rules that need no file, and how a rule's text is read.  See mapping_file.cc for the other.
#include "transfer/mapping.h"

#include <re2/re2.h>

#include "base/text.h"
#include "base/utf8.h"
#include "fileferry/object.h"
#include "transfer/mapping_file.h"

namespace fileferry {
namespace {

class SameMap : public KeyMap {
 public:
  explicit SameMap(std::string rule) : KeyMap(std::move(rule)) {}
  bool order_preserving() const override { return true; }
  bool one_to_one() const override { return true; }

 protected:
  Result<std::string> DoMap(std::string_view key) const override { return std::string(key); }
  Result<std::string> DoReverse(std::string_view name) const override { return std::string(name); }
};

class PrefixMap : public KeyMap {
 public:
  PrefixMap(std::string rule, std::string prefix, bool adds) : KeyMap(std::move(rule)), prefix_(std::move(prefix)), adds_(adds) {}
  bool order_preserving() const override { return true; }
  bool one_to_one() const override { return true; }

 protected:
  Result<std::string> DoMap(std::string_view key) const override { return adds_ ? Add(key) : Remove(key); }
  Result<std::string> DoReverse(std::string_view name) const override { return adds_ ? Remove(name) : Add(name); }

 private:
  std::string Add(std::string_view key) const { return prefix_ + std::string(key); }
  std::string Remove(std::string_view key) const { return key.starts_with(prefix_) ? std::string(key.substr(prefix_.size())) : std::string(); }

  const std::string prefix_;
  const bool adds_;
};

class ActiveStorageMap : public KeyMap {
 public:
  explicit ActiveStorageMap(std::string rule) : KeyMap(std::move(rule)) {}
  bool order_preserving() const override { return false; }  // a mixture of both forms changes its order
  bool one_to_one() const override { return true; }

 protected:
  Result<std::string> DoMap(std::string_view key) const override {
    const std::string_view flat = FlatOf(key);
    if (!flat.empty()) return std::string(flat);
    return key.find('/') == std::string_view::npos ? DiskOf(key) : std::string();
  }
  Result<std::string> DoReverse(std::string_view name) const override {
    const std::string_view flat = FlatOf(name);
    if (flat.empty()) return DiskOf(name);
    return flat.find('/') == std::string_view::npos ? std::string(flat) : std::string();
  }

 private:
  // The length of the first two characters; 0 when there are no two, or one of them is '/'.
  static std::size_t TwoCharacters(std::string_view text) {
    const std::size_t first = Utf8Length(text);
    const std::size_t second = first == 0 ? 0 : Utf8Length(text.substr(first));
    return second == 0 || text.substr(0, first + second).find('/') != std::string_view::npos ? 0 : first + second;
  }
  static std::string DiskOf(std::string_view flat) {
    const std::size_t first = TwoCharacters(flat);
    const std::size_t second = first == 0 ? 0 : TwoCharacters(flat.substr(first));
    if (second == 0) return {};
    return std::string(flat.substr(0, first)) + "/" + std::string(flat.substr(first, second)) + "/" + std::string(flat);
  }
  // "abcdef" of "ab/cd/abcdef"; empty when the key is not of the disk layout.
  static std::string_view FlatOf(std::string_view key) {
    const std::size_t first = TwoCharacters(key);
    if (first == 0 || key.size() <= first || key[first] != '/') return {};
    const std::size_t second = TwoCharacters(key.substr(first + 1));
    const std::size_t folders = first + second + 2;
    if (second == 0 || key.size() <= folders || key[folders - 1] != '/') return {};
    const std::string_view flat = key.substr(folders);
    return DiskOf(flat) == key ? flat : std::string_view();
  }
};

class RegexMap : public KeyMap {
 public:
  static Result<std::shared_ptr<const KeyMap>> Create(const std::string& rule, std::string_view pattern, std::string rewrite) {
    const auto bad = [&](const std::string& why) { return Status(Code::kInvalidArgument, "the map \"" + Printable(rule) + "\" cannot be used: " + why); };
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_dot_nl(true);
    auto regex = std::make_unique<re2::RE2>(re2::StringPiece(pattern.data(), pattern.size()), options);
    if (!regex->ok()) return bad(regex->error());
    std::string error;
    if (!regex->CheckRewriteString(rewrite, &error)) return bad(error);
    return std::shared_ptr<const KeyMap>(new RegexMap(rule, std::move(regex), std::move(rewrite)));
  }
  bool order_preserving() const override { return false; }
  bool one_to_one() const override { return false; }

 protected:
  Result<std::string> DoMap(std::string_view key) const override {
    std::string name(key);
    return re2::RE2::Replace(&name, *regex_, rewrite_) ? name : std::string();
  }
  Result<std::string> DoReverse(std::string_view) const override { return Status(Code::kUnsupported, "a regular expression cannot be turned round"); }

 private:
  RegexMap(std::string rule, std::unique_ptr<re2::RE2> regex, std::string rewrite)
      : KeyMap(std::move(rule)), regex_(std::move(regex)), rewrite_(std::move(rewrite)) {}
  const std::unique_ptr<re2::RE2> regex_;
  const std::string rewrite_;
};

// The answer as a key, or why there is none.
Result<std::string> Checked(Result<std::string> name, std::string_view key, const std::string& rule) {
  if (!name.ok()) return name;
  const auto bad = [&](const std::string& why) { return Status(Code::kInvalidArgument, "the map \"" + Printable(rule) + "\" " + why).With("", "", key); };
  if (name->empty()) return bad("does not fit the key");
  if (Status status = CheckKeyBytes(*name); !status.ok()) return bad("gives no key: " + std::string(status.message()));
  return name;
}

}  // namespace

Result<std::shared_ptr<const KeyMap>> KeyMap::Create(const std::string& rule) {
  using Pointer = std::shared_ptr<const KeyMap>;
  const std::string_view text = rule;
  const auto bad = [&](const std::string& why) { return Status(Code::kInvalidArgument, "the map \"" + Printable(rule) + "\" " + why); };
  if (text.empty() || text == "same") return Pointer(std::make_shared<SameMap>(rule));
  if (text == "activestorage") return Pointer(std::make_shared<ActiveStorageMap>(rule));
  if (text.starts_with("prefix+") || text.starts_with("prefix-")) {
    const std::string_view prefix = text.substr(7);
    if (prefix.empty()) return bad("names no prefix; write prefix+TEXT or prefix-TEXT");
    if (!CheckKeyBytes(prefix).ok()) return bad("has a prefix that can begin no key");
    return Pointer(std::make_shared<PrefixMap>(rule, std::string(prefix), text[6] == '+'));
  }
  if (text.starts_with("re:")) {
    const std::size_t arrow = text.find("=>", 3);
    if (arrow == std::string_view::npos) return bad("has no \"=>\"; write re:PATTERN=>REPLACEMENT");
    return RegexMap::Create(rule, text.substr(3, arrow - 3), std::string(text.substr(arrow + 2)));
  }
  if (text.starts_with("file:")) return OpenMappingFile(rule, std::string(text.substr(5)));
  return bad("is not known; write same, prefix+TEXT, prefix-TEXT, activestorage, re:PATTERN=>REPLACEMENT or file:PATH");
}

Result<std::string> KeyMap::Map(std::string_view key) const { return Checked(DoMap(key), key, rule_); }

Result<std::string> KeyMap::Reverse(std::string_view name) const { return Checked(DoReverse(name), name, rule_); }

}  // namespace fileferry
