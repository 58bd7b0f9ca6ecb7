// names.cc: the grammar of names.  No state; any thread.
#include "providers/local/names.h"

#include <algorithm>
#include <cstdint>

#include "base/clock.h"

namespace fileferry::local {
namespace {

constexpr std::size_t kNameMax = 255;
constexpr std::size_t kChunk = 240;  // of an escaped key, in one name of the keys folder
constexpr std::string_view kTemporaryPrefix = ".fileferry-";
constexpr std::string_view kTemporarySuffix = ".tmp";
constexpr std::size_t kTemporaryRandom = 26;
constexpr char kHex[] = "0123456789ABCDEF";

unsigned Byte(char c) { return static_cast<unsigned char>(c); }

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool IsTail(std::string_view text, std::size_t at) { return at < text.size() && (Byte(text[at]) & 0xC0U) == 0x80U; }

// The length of the UTF-8 sequence that begins at `at`, 0 when none does.
std::size_t Utf8Length(std::string_view text, std::size_t at) {
  const unsigned a = Byte(text[at]);
  const unsigned b = at + 1 < text.size() ? Byte(text[at + 1]) : 0U;
  if (a < 0x80) return 1;
  if (a < 0xC2 || a > 0xF4) return 0;
  if (!IsTail(text, at + 1)) return 0;
  if (a < 0xE0) return 2;
  if ((a == 0xE0 && b < 0xA0) || (a == 0xED && b > 0x9F) || (a == 0xF0 && b < 0x90) || (a == 0xF4 && b > 0x8F)) return 0;
  if (!IsTail(text, at + 2)) return 0;
  if (a < 0xF0) return 3;
  return IsTail(text, at + 3) ? 4 : 0;
}

bool IsUtf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = Utf8Length(text, i);
    if (length == 0) return false;
    i += length;
  }
  return true;
}

void AppendMarked(std::string* out, unsigned byte) { out->append("%!").append({kHex[byte >> 4], kHex[byte & 15]}); }

// Every byte that is not UTF-8, and every '%' before a '!', as "%!XX".
std::string MarkBytes(std::string_view name) {
  std::string out;
  for (std::size_t i = 0; i < name.size();) {
    const std::size_t length = Utf8Length(name, i);
    if (length == 0) {
      AppendMarked(&out, Byte(name[i++]));
    } else if (name[i] == '%' && i + 1 < name.size() && name[i + 1] == '!') {
      AppendMarked(&out, Byte(name[i++]));
    } else {
      out.append(name.substr(i, length));
      i += length;
    }
  }
  return out;
}

std::string UnmarkBytes(std::string_view segment) {
  std::string out;
  for (std::size_t i = 0; i < segment.size(); ++i) {
    if (segment[i] == '%' && i + 3 < segment.size() && segment[i + 1] == '!') {
      const int high = HexValue(segment[i + 2]), low = HexValue(segment[i + 3]);
      const int byte = high < 0 || low < 0 ? -1 : high * 16 + low;
      if (byte >= 0x80 || byte == '%') {
        out += static_cast<char>(static_cast<unsigned char>(byte));
        i += 3;
        continue;
      }
    }
    out += segment[i];
  }
  return out;
}

bool IsLegalName(std::string_view name) {
  return !name.empty() && name.size() <= kNameMax && name != "." && name != ".." && !IsTemporaryName(name);
}

// Appends the names of key's segments to *out; false when one of them cannot be a name.
bool AppendNames(std::string_view key, std::string* out) {
  for (std::size_t begin = 0;;) {
    const std::size_t slash = key.find('/', begin);
    const std::string_view segment = key.substr(begin, slash == std::string_view::npos ? slash : slash - begin);
    if (segment.find("%!") == std::string_view::npos) {
      if (!IsLegalName(segment)) return false;
      out->append(segment);
    } else {
      const std::string name = NameFromSegment(segment);
      if (!IsLegalName(name)) return false;
      out->append(name);
    }
    if (slash == std::string_view::npos) return true;
    *out += '/';
    begin = slash + 1;
  }
}

// Rails' folder_for: characters 0–1 and 2–3 of the key, each a folder; "ab/" and "a/" for keys of one or two characters.  Empty when the key has no such place.
std::string ShardOf(std::string_view key) {
  std::size_t ends[5] = {0, 0, 0, 0, 0};
  std::size_t count = 0;
  for (std::size_t i = 0; i < key.size() && count < 4;) {
    const std::size_t length = Utf8Length(key, i);
    if (length == 0 || key[i] == '/') return {};
    ends[++count] = i += length;
  }
  const std::string_view first = key.substr(0, ends[std::min<std::size_t>(count, 2)]);
  const std::string_view second = count <= 2 ? std::string_view() : key.substr(ends[2], ends[count] - ends[2]);
  if (!IsLegalName(first) || (!second.empty() && !IsLegalName(second))) return {};
  std::string out(first);
  out += '/';
  if (!second.empty()) out.append(second) += '/';
  return out;
}

std::string KeyOfNames(std::string_view path) {
  if (path.find("%!") == std::string_view::npos && IsUtf8(path)) return std::string(path);
  std::string key;
  for (std::size_t begin = 0;;) {
    const std::size_t slash = path.find('/', begin);
    key += SegmentFromName(path.substr(begin, slash == std::string_view::npos ? slash : slash - begin));
    if (slash == std::string_view::npos) return key;
    key += '/';
    begin = slash + 1;
  }
}

}  // namespace

namespace {
std::string NameOfKind(char kind) {
  std::string name = std::string(kTemporaryPrefix) + RandomId() + std::string(kTemporarySuffix);
  name[kTemporaryPrefix.size()] = kind;
  return name;
}
bool IsOfKind(std::string_view name, char kind) { return IsTemporaryName(name) && name[kTemporaryPrefix.size()] == kind; }
}  // namespace

std::string TemporaryName() { return NameOfKind('t'); }
std::string DraftName() { return NameOfKind('d'); }
bool IsDraftName(std::string_view name) { return IsOfKind(name, 'd'); }
std::string HeldName() { return NameOfKind('h'); }
bool IsHeldName(std::string_view name) { return IsOfKind(name, 'h'); }

bool IsTemporaryName(std::string_view name) {
  if (name.size() != kTemporaryPrefix.size() + kTemporaryRandom + kTemporarySuffix.size() || !name.starts_with(kTemporaryPrefix) || !name.ends_with(kTemporarySuffix)) {
    return false;
  }
  const std::string_view random = name.substr(kTemporaryPrefix.size(), kTemporaryRandom);
  return std::all_of(random.begin(), random.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z'); });
}

// A segment is a marked form when it is what MarkBytes makes of a name that needs it: one that is not UTF-8, or that would be read as a marked form itself.
std::string NameFromSegment(std::string_view segment) {
  if (segment.find("%!") == std::string_view::npos) return std::string(segment);
  std::string name = UnmarkBytes(segment);
  if (name == segment || MarkBytes(name) != segment) return std::string(segment);
  return !IsUtf8(name) || NameFromSegment(name) != name ? name : std::string(segment);
}

std::string SegmentFromName(std::string_view name) {
  if (!IsUtf8(name)) return MarkBytes(name);
  return name.find("%!") == std::string_view::npos || NameFromSegment(name) == name ? std::string(name) : MarkBytes(name);
}

std::optional<std::string> PlainPath(std::string_view key, LocalOptions::Layout layout) {
  if (key.starts_with(kHiddenFolder) && (key.size() == kHiddenFolder.size() || key[kHiddenFolder.size()] == '/') && layout == LocalOptions::Layout::kPlain) return {};
  std::string path;
  path.reserve(key.size() + 8);
  if (layout == LocalOptions::Layout::kActiveStorage) {
    path = ShardOf(key);
    if (path.empty()) return {};
  }
  if (!AppendNames(key, &path)) return {};
  return path;
}

std::optional<std::string> KeyFromPlainPath(std::string_view path, LocalOptions::Layout layout) {
  std::string_view rest = path;
  if (layout == LocalOptions::Layout::kActiveStorage) {
    const std::size_t first = path.find('/');
    if (first == std::string_view::npos) return {};
    const std::size_t second = path.find('/', first + 1);
    rest = path.substr((second == std::string_view::npos ? first : second) + 1);
  }
  std::string key = KeyOfNames(rest);
  if (!CheckKeyBytes(key).ok()) return {};
  const std::optional<std::string> back = PlainPath(key, layout);
  if (!back || *back != path) return {};
  return key;
}

std::string KeysPath(std::string_view key) {
  std::string text;
  text.reserve(key.size() + 16);
  for (const char c : key) {
    const unsigned byte = Byte(c);
    const bool dot_first = c == '.' && text.size() % kChunk == 0;
    if (c == '/' || c == '%' || dot_first || byte < 0x20 || byte == 0x7F) {
      text.append({'%', kHex[byte >> 4], kHex[byte & 15]});
    } else {
      text += c;
    }
  }
  std::string path(kKeysFolder);
  std::size_t begin = 0;
  for (; text.size() - begin > kChunk; begin += kChunk) path.append("/").append(text, begin, kChunk).append("%");
  return path.append("/").append(text, begin);
}

std::optional<std::string> KeyFromKeysPath(std::string_view path) {
  std::string text;
  for (std::string_view rest = path;;) {
    const std::size_t slash = rest.find('/');
    if (slash == std::string_view::npos) {
      text.append(rest);
      break;
    }
    if (slash == 0 || rest[slash - 1] != '%') return {};
    text.append(rest.substr(0, slash - 1));
    rest.remove_prefix(slash + 1);
  }
  std::string key;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      key += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? HexValue(text[i + 1]) : -1, low = i + 2 < text.size() ? HexValue(text[i + 2]) : -1;
    if (high < 0 || low < 0) return {};
    key += static_cast<char>(static_cast<unsigned char>(high * 16 + low));
    i += 2;
  }
  if (!CheckKeyBytes(key).ok() || KeysPath(key).substr(kKeysFolder.size() + 1) != path) return {};
  return key;
}

SplitPath SplitLeaf(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {{}, path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

}  // namespace fileferry::local

namespace fileferry {

Result<std::string> LocalPathForKey(std::string_view key, LocalOptions::Layout layout) {
  if (Status s = CheckKeyBytes(key); !s.ok()) return s;
  if (std::optional<std::string> path = local::PlainPath(key, layout)) return std::move(*path);
  return local::KeysPath(key);
}

Result<std::string> LocalKeyForPath(std::string_view path, LocalOptions::Layout layout) {
  if (path.starts_with(local::kKeysFolder) && path.size() > local::kKeysFolder.size() && path[local::kKeysFolder.size()] == '/') {
    if (std::optional<std::string> key = local::KeyFromKeysPath(path.substr(local::kKeysFolder.size() + 1))) return std::move(*key);
  } else if (path.find('\0') == std::string_view::npos && !path.empty()) {
    if (std::optional<std::string> key = local::KeyFromPlainPath(path, layout)) return std::move(*key);
  }
  return Status(Code::kInvalidArgument, "this path is no place of an object");
}

}  // namespace fileferry
