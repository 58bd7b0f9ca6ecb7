// mapping.h: what a key is called at the destination.
//
//   same            the same
//   prefix+TEXT     TEXT in front
//   prefix-TEXT     without TEXT in front; a key that does not begin with it is refused
//   activestorage   between the two forms of Active Storage: a key of the disk layout ("ab/cd/abcdef…", two folders of two characters that the rest begins
//                   with) becomes flat ("abcdef…"), a flat key (no '/', at least four characters) gets its two folders; any other key is refused
//   re:P=>R         the first match of P (RE2) replaced by R (\1 … \9, \0 the whole match); a key without a match is refused.  P ends at the first "=>"
//   file:PATH       by a file of lines "source<TAB>destination"; a key that is not in it is refused
//
// Refused keys are named and counted, never copied under a guessed name.  Whether two keys get the same name is for the engine to find.
//
// Immutable after Create; any thread.  A file is read once for an index of 16 bytes a line, and its lines when they are needed.
#ifndef FILEFERRY_TRANSFER_MAPPING_H_
#define FILEFERRY_TRANSFER_MAPPING_H_

#include <memory>
#include <string>
#include <string_view>

#include "fileferry/status.h"

namespace fileferry {

class KeyMap {
 public:
  // kInvalidArgument naming the rule; for file: also the line.
  static Result<std::shared_ptr<const KeyMap>> Create(const std::string& rule);
  virtual ~KeyMap() = default;

  // The name at the destination; kInvalidArgument naming key and rule where the rule does not fit the key or the name is no key.
  Result<std::string> Map(std::string_view key) const;
  // The key whose name this is.  kUnsupported for re: and file:.
  Result<std::string> Reverse(std::string_view name) const;
  // Keys in order get names in order, and different keys different names.
  virtual bool order_preserving() const = 0;
  // Different keys get different names.
  virtual bool one_to_one() const = 0;

 protected:
  explicit KeyMap(std::string rule) : rule_(std::move(rule)) {}
  // "" where the rule does not fit.
  virtual Result<std::string> DoMap(std::string_view key) const = 0;
  virtual Result<std::string> DoReverse(std::string_view name) const = 0;
  const std::string& rule() const { return rule_; }

 private:
  const std::string rule_;
};

}  // namespace fileferry

#endif  // FILEFERRY_TRANSFER_MAPPING_H_
