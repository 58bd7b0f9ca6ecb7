// json.cc: the small JSON of records: one object of texts, integers and objects of texts.  Any thread.
#include <charconv>

#include "providers/local/record.h"

namespace fileferry::local {
namespace {

constexpr char kHex[] = "0123456789abcdef";

void AppendQuoted(std::string_view text, std::string* out) {
  *out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      *out += '\\';
      *out += c;
    } else if (byte < 0x20) {
      out->append("\\u00").append({kHex[byte >> 4], kHex[byte & 15]});
    } else {
      *out += c;
    }
  }
  *out += '"';
}

// Reads one value after another; every method answers false at the first thing that is not as JsonWriter writes it.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  bool Object(JsonObject* out) {
    if (!Take('{')) return false;
    if (Take('}')) return AtEnd();
    while (true) {
      std::string name;
      if (!String(&name) || !Take(':') || !Value(name, out)) return false;
      if (Take('}')) return AtEnd();
      if (!Take(',')) return false;
    }
  }

 private:
  bool AtEnd() {
    Space();
    return at_ == text_.size();
  }
  void Space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r')) ++at_;
  }
  bool Take(char c) {
    Space();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool Value(const std::string& name, JsonObject* out) {
    Space();
    if (at_ >= text_.size()) return false;
    if (text_[at_] == '"') return String(&out->texts[name]);
    if (text_[at_] == '{') return Map(&out->maps[name]);
    const std::size_t begin = at_;
    while (at_ < text_.size() && ((text_[at_] >= '0' && text_[at_] <= '9') || text_[at_] == '-')) ++at_;
    out->texts[name] = std::string(text_.substr(begin, at_ - begin));
    return at_ > begin;
  }
  bool Map(std::map<std::string, std::string>* out) {
    if (!Take('{')) return false;
    if (Take('}')) return true;
    while (true) {
      std::string name;
      if (!String(&name) || !Take(':') || !String(&(*out)[name])) return false;
      if (Take('}')) return true;
      if (!Take(',')) return false;
    }
  }
  bool String(std::string* out) {
    if (!Take('"')) return false;
    out->clear();
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '"') return true;
      if (c != '\\') {
        *out += c;
      } else if (!Escape(out)) {
        return false;
      }
    }
    return false;
  }
  bool Escape(std::string* out) {
    if (at_ >= text_.size()) return false;
    const char c = text_[at_++];
    if (c == '"' || c == '\\') {
      *out += c;
      return true;
    }
    if (c != 'u' || at_ + 4 > text_.size()) return false;
    unsigned value = 0;
    const char* end = text_.data() + at_ + 4;
    if (std::from_chars(text_.data() + at_, end, value, 16).ptr != end || value >= 0x20) return false;
    *out += static_cast<char>(value);
    at_ += 4;
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

void JsonWriter::Name(std::string_view name) {
  if (out_.size() > 1) out_ += ',';
  AppendQuoted(name, &out_);
  out_ += ':';
}

void JsonWriter::Text(std::string_view name, std::string_view value) {
  if (value.empty()) return;
  Name(name);
  AppendQuoted(value, &out_);
}

void JsonWriter::Number(std::string_view name, std::int64_t value) {
  Name(name);
  out_ += std::to_string(value);
}

void JsonWriter::Map(std::string_view name, const std::map<std::string, std::string>& values) {
  if (values.empty()) return;
  Name(name);
  char separator = '{';
  for (const auto& [key, value] : values) {
    out_ += separator;
    AppendQuoted(key, &out_);
    out_ += ':';
    AppendQuoted(value, &out_);
    separator = ',';
  }
  out_ += '}';
}

std::string JsonWriter::Finish() {
  out_ += '}';
  return std::move(out_);
}

std::string_view JsonObject::Text(std::string_view name) const {
  const auto found = texts.find(name);
  return found == texts.end() ? std::string_view() : std::string_view(found->second);
}

std::optional<std::int64_t> JsonObject::Number(std::string_view name) const {
  const std::string_view text = Text(name);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<JsonObject> ParseJsonObject(std::string_view text) {
  JsonObject object;
  if (!Parser(text).Object(&object)) return std::nullopt;
  return object;
}

}  // namespace fileferry::local
