// yaml.h: reading YAML into a tree that knows its lines.  The only user of yaml-cpp.  No exception leaves; a tree is a plain value.
#ifndef FILEFERRY_CODEC_YAML_H_
#define FILEFERRY_CODEC_YAML_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fileferry/status.h"

namespace fileferry::codec {

class YamlNode {
 public:
  enum class Kind : std::uint8_t { kNull, kScalar, kList, kMap };
  struct Member;

  Kind kind = Kind::kNull;
  int line = 0;                    // 1-based, where the node begins
  // Of a scalar: its text, unquoted, as written ("true", "012", "~" is kNull).
  std::string text;
  bool quoted = false;             // a scalar in quotes or a block: a text whatever it looks like
  std::vector<YamlNode> items;     // of a list
  std::vector<Member> members;     // of a map, in the document's order; keys are scalars, each once; merge keys ("<<") are resolved, the map's own keys win

  bool IsScalar() const { return kind == Kind::kScalar; }
  bool IsMap() const { return kind == Kind::kMap; }
  bool IsList() const { return kind == Kind::kList; }
  std::string_view KindName() const;  // "nothing", "a value", "a list", "a map": for messages
  const YamlNode* Find(std::string_view name) const;  // nullptr when there is none or this is no map
};
struct YamlNode::Member {
  std::string key;
  int line = 0;  // of the key
  YamlNode value;
};

// The document of the text; a null node when there is none.  kInvalidArgument with "line N: " in front of what is wrong.  Refused: more than 4 MiB, more than
// 32 levels, more than 100,000 nodes (counted with every alias spelt out), a key that comes twice or is no scalar, an unknown alias, more than one document,
// invalid UTF-8.  Tags are ignored.
Result<YamlNode> ParseYaml(std::string_view text);

}  // namespace fileferry::codec

#endif  // FILEFERRY_CODEC_YAML_H_
