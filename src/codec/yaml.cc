// yaml.cc: a tree built from yaml-cpp's events.  Aliases are copied by us, against a budget, so that a small text cannot become a large tree.  Nothing is
// shared between threads.
#include "codec/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "base/text.h"

namespace fileferry::codec {
namespace {

constexpr std::size_t kMostBytes = std::size_t{4} << 20;
constexpr std::size_t kMostText = std::size_t{16} << 20;  // with aliases spelt out
constexpr std::size_t kMostNodes = 100'000;
constexpr std::size_t kMostLevels = 32;

Status Refuse(int line, const std::string& what) {
  return Status(Code::kInvalidArgument, (line > 0 ? "line " + std::to_string(line) + ": " : std::string()) + what);
}

struct Extent {
  std::size_t nodes = 1, text = 0, levels = 1;
};

Extent Measure(const YamlNode& node) {
  Extent extent;
  extent.text = node.text.size();
  std::size_t below = 0;
  const auto add = [&](const YamlNode& child) {
    const Extent inner = Measure(child);
    extent.nodes += inner.nodes;
    extent.text += inner.text;
    below = std::max(below, inner.levels);
  };
  for (const YamlNode& item : node.items) add(item);
  for (const YamlNode::Member& member : node.members) {
    extent.text += member.key.size();
    add(member.value);
  }
  extent.levels += below;
  return extent;
}

// Builds the tree.  After the first problem every event is ignored: the parser cannot be stopped without throwing.
class Builder : public YAML::EventHandler {
 public:
  const Status& status() const { return status_; }
  YamlNode& root() { return root_; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) Fail(Line(mark), "a second document begins; one is allowed");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { Place(MakeNode(YamlNode::Kind::kNull, mark), anchor); }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (!status_.ok()) return;
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) return Fail(Line(mark), "an alias stands inside the node that it names");
    if (open_.size() + found->second.extent.levels > kMostLevels) return Fail(Line(mark), "nested more than 32 levels deep");
    if (!Charge(found->second.extent, Line(mark))) return;
    Place(YamlNode(found->second.node), 0);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& value) override {
    YamlNode node = MakeNode(YamlNode::Kind::kScalar, mark);
    node.text = value;
    node.quoted = tag == "!" || tag == "tag:yaml.org,2002:str";
    Place(std::move(node), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    Open(MakeNode(YamlNode::Kind::kList, mark), anchor);
  }
  void OnSequenceEnd() override { CloseTop(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    Open(MakeNode(YamlNode::Kind::kMap, mark), anchor);
  }
  void OnMapEnd() override {
    if (status_.ok()) FinishMap(&open_.back().node);
    CloseTop();
  }

 private:
  struct Frame {
    YamlNode node;
    YAML::anchor_t anchor = 0;
    bool has_key = false;  // of a map: a key was read and waits for its value
  };
  struct Anchor {
    YamlNode node;
    Extent extent;
  };

  static int Line(const YAML::Mark& mark) { return mark.is_null() ? 0 : mark.line + 1; }

  static YamlNode MakeNode(YamlNode::Kind kind, const YAML::Mark& mark) {
    YamlNode node;
    node.kind = kind;
    node.line = Line(mark);
    return node;
  }

  void Fail(int line, const std::string& what) {
    if (status_.ok()) status_ = Refuse(line, what);
  }

  bool Charge(const Extent& extent, int line) {
    nodes_ += extent.nodes;
    text_ += extent.text;
    if (nodes_ > kMostNodes || text_ > kMostText) Fail(line, "more than 100000 nodes, or 16 MiB, with every alias spelt out");
    return status_.ok();
  }

  void Open(YamlNode node, YAML::anchor_t anchor) {
    if (!status_.ok()) return;
    if (open_.size() == kMostLevels) return Fail(node.line, "nested more than 32 levels deep");
    if (!open_.empty() && open_.back().node.IsMap() && !open_.back().has_key) return Fail(node.line, "the key of a map must be a plain value");
    Frame frame;
    frame.node = std::move(node);
    frame.anchor = anchor;
    open_.push_back(std::move(frame));
  }

  void CloseTop() {
    if (!status_.ok()) return;
    Frame frame = std::move(open_.back());
    open_.pop_back();
    Place(std::move(frame.node), frame.anchor);
  }

  // Puts a complete node where it belongs.
  void Place(YamlNode node, YAML::anchor_t anchor) {
    if (!status_.ok()) return;
    Extent own;
    own.text = node.text.size();
    if (!Charge(own, node.line)) return;
    if (anchor != 0) {
      const Extent extent = Measure(node);
      if (!Charge(extent, node.line)) return;
      anchors_[anchor] = Anchor{node, extent};
    }
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& top = open_.back();
    if (top.node.IsList()) {
      top.node.items.push_back(std::move(node));
    } else if (!top.has_key) {
      if (!node.IsScalar()) return Fail(node.line, "the key of a map must be a plain value");
      YamlNode::Member member;
      member.key = std::move(node.text);
      member.line = node.line;
      member.value.quoted = node.quoted;  // of the key, until the value comes: "<<" in quotes is an ordinary key
      top.node.members.push_back(std::move(member));
      top.has_key = true;
    } else {
      YamlNode::Member& member = top.node.members.back();
      const bool merge = member.key == "<<" && !member.value.quoted;
      member.value = std::move(node);
      if (merge) merges_[open_.size()].push_back(top.node.members.size() - 1);
      top.has_key = false;
    }
  }

  // Refuses double keys and fills in what "<<" names.
  void FinishMap(YamlNode* map) {
    const std::vector<std::size_t> merges = std::exchange(merges_[open_.size()], {});
    std::vector<YamlNode::Member> own;
    std::vector<YamlNode> sources;
    for (std::size_t i = 0; i < map->members.size(); ++i) {
      YamlNode::Member& member = map->members[i];
      if (!std::binary_search(merges.begin(), merges.end(), i)) {
        own.push_back(std::move(member));
      } else if (member.value.IsMap()) {
        sources.push_back(std::move(member.value));
      } else if (member.value.IsList()) {
        for (YamlNode& item : member.value.items) sources.push_back(std::move(item));
      } else {
        return Fail(member.line, "\"<<\" needs a map, or a list of maps");
      }
    }
    std::map<std::string, int, std::less<>> lines;  // of the keys so far
    for (const YamlNode::Member& member : own) {
      const auto [place, is_new] = lines.emplace(member.key, member.line);
      if (!is_new) return Fail(member.line, "the key \"" + Printable(member.key) + "\" comes twice; it is also on line " + std::to_string(place->second));
    }
    for (YamlNode& source : sources) {
      if (!source.IsMap()) return Fail(source.line, "\"<<\" needs a map, or a list of maps");
      for (YamlNode::Member& member : source.members) {
        if (lines.emplace(member.key, member.line).second) own.push_back(std::move(member));
      }
    }
    map->members = std::move(own);
  }

  Status status_;
  YamlNode root_;
  int documents_ = 0;
  std::vector<Frame> open_;
  std::map<std::size_t, std::vector<std::size_t>> merges_;  // by depth: the members of the open map that are merges
  std::map<YAML::anchor_t, Anchor> anchors_;
  std::size_t nodes_ = 0, text_ = 0;
};

}  // namespace

std::string_view YamlNode::KindName() const {
  switch (kind) {
    case Kind::kNull: return "nothing";
    case Kind::kScalar: return "a value";
    case Kind::kList: return "a list";
    case Kind::kMap: return "a map";
  }
  return "nothing";
}

const YamlNode* YamlNode::Find(std::string_view name) const {
  for (const Member& member : members) {
    if (member.key == name) return &member.value;
  }
  return nullptr;
}

Result<YamlNode> ParseYaml(std::string_view text) {
  if (text.size() > kMostBytes) return Refuse(0, "the file is larger than 4 MiB");
  if (!IsValidUtf8(text)) return Refuse(0, "the file is not valid UTF-8");
  Builder builder;
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    while (builder.status().ok() && parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& error) {
    return Refuse(error.mark.is_null() ? 0 : error.mark.line + 1, error.msg);
  } catch (const std::exception& error) {
    return Refuse(0, error.what());
  }
  if (!builder.status().ok()) return builder.status();
  return std::move(builder.root());
}

}  // namespace fileferry::codec
