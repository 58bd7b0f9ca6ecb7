// list.cc: the two readers of listing pages.  Pure; any thread.
//
// The fast one walks the document once without a copy: each text is a view into the body; only texts with escapes are rewritten into the arena.
#include "providers/s3/list.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/text.h"
#include "codec/xml.h"

namespace fileferry::s3 {

namespace {

constexpr std::string_view kStandard = "STANDARD";

// One entry while it is read; both readers fill it and hand it over at the end of its element.
struct Draft {
  std::string_view key, etag, storage_class;
  std::uint64_t size = 0;
  std::optional<Time> modified;
  unsigned seen = 0;
};
enum Seen : unsigned { kSawKey = 1, kSawModified = 2, kSawEtag = 4, kSawSize = 8, kSawClass = 16, kSawOther = 32 };

// "2026-11-21T06:39:10Z" and "….123Z" by hand; everything else through the general function.
std::optional<Time> ParseModified(std::string_view text) {
  const auto digit = [&](std::size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(text[i])) - '0'; };
  if ((text.size() == 20 || text.size() == 24) && text[4] == '-' && text[7] == '-' && text[10] == 'T' && text[13] == ':' && text[16] == ':' && text.back() == 'Z') {
    static constexpr std::array<unsigned char, 14> kDigits{0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18};
    bool fine = text.size() == 20 || (text[19] == '.' && digit(20) < 10 && digit(21) < 10 && digit(22) < 10);
    for (const unsigned char at : kDigits) fine = fine && digit(at) < 10;
    if (fine) {
      const auto year = static_cast<int>(digit(0) * 1000 + digit(1) * 100 + digit(2) * 10 + digit(3));
      const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(digit(5) * 10 + digit(6)), std::chrono::day(digit(8) * 10 + digit(9))};
      const unsigned hour = digit(11) * 10 + digit(12), minute = digit(14) * 10 + digit(15), second = digit(17) * 10 + digit(18);
      // Nanoseconds since 1970 fit for these years only.
      if (date.ok() && year >= 1700 && year < 2262 && hour < 24 && minute < 60 && second < 60) {
        Time time = std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) + std::chrono::seconds(second);
        if (text.size() == 24) time += std::chrono::milliseconds(digit(20) * 100 + digit(21) * 10 + digit(22));
        return time;
      }
    }
  }
  return ParseIso8601(text);
}

// "unchanged?" tokens are quoted everywhere but in some services' XML.
std::string_view QuotedEtag(std::string_view etag, StringArena& arena) {
  if (etag.empty() || etag.front() == '"' || etag.starts_with("W/")) return etag;
  char* room = arena.Reserve(etag.size() + 2);
  room[0] = '"';
  std::memcpy(room + 1, etag.data(), etag.size());
  room[etag.size() + 1] = '"';
  return {room, etag.size() + 2};
}

void AddEntry(const Draft& draft, bool is_prefix, RawListPage* out) {
  ListEntry entry;
  entry.key = draft.key;
  entry.etag = QuotedEtag(draft.etag, out->page.arena);
  entry.storage_class = draft.storage_class;
  entry.size = draft.size;
  entry.modified = draft.modified;
  entry.is_prefix = is_prefix;
  out->page.entries.push_back(entry);
}

// ---- the fast reader ----

class FastReader {
 public:
  FastReader(std::string_view body, RawListPage* out) : at_(body.data()), end_(body.data() + body.size()), out_(out) {}

  bool Read() {
    SkipSpace();
    if (Accept("<?xml ")) {
      const char* close = Find("?>");
      if (close == nullptr || std::string_view(at_, static_cast<std::size_t>(close - at_)).find_first_of("<&\r") != std::string_view::npos) return false;
      const std::string_view declaration(at_, static_cast<std::size_t>(close - at_));
      if (declaration != R"(version="1.0" encoding="UTF-8")" && declaration != R"(version="1.0" encoding="utf-8")" && declaration != R"(version="1.0")") return false;
      at_ = close + 2;
      SkipSpace();
    }
    if (!Accept("<ListBucketResult")) return false;
    if (!Accept(">") && !Accept(R"( xmlns="http://s3.amazonaws.com/doc/2006-03-01/">)")) return false;
    while (!Accept("</ListBucketResult>")) {
      if (!ReadChild()) return false;
    }
    SkipSpace();
    return at_ == end_;
  }

 private:
  bool Accept(std::string_view text) {
    if (static_cast<std::size_t>(end_ - at_) < text.size() || std::memcmp(at_, text.data(), text.size()) != 0) return false;
    at_ += text.size();
    return true;
  }
  void SkipSpace() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r')) ++at_;
  }
  const char* Find(std::string_view text) {
    const std::string_view rest(at_, static_cast<std::size_t>(end_ - at_));
    const std::size_t found = rest.find(text);
    return found == std::string_view::npos ? nullptr : at_ + found;
  }

  // The name of the start tag at the position; empty when there is something else (attributes, comments, end tags ...).
  std::string_view OpenTag(bool* is_empty) {
    SkipSpace();
    if (at_ == end_ || *at_ != '<') return {};
    const char* start = at_ + 1;
    const char* p = start;
    while (p != end_ && ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z'))) ++p;
    if (p == start || p == end_) return {};
    const std::string_view name(start, static_cast<std::size_t>(p - start));
    *is_empty = *p == '/';
    if (*is_empty) ++p;
    if (p == end_ || *p != '>') return {};
    at_ = p + 1;
    return name;
  }

  // The text up to </name>, escapes resolved; false on anything that is not plain text.
  bool Text(std::string_view name, std::string_view* text) {
    const char* close = static_cast<const char*>(std::memchr(at_, '<', static_cast<std::size_t>(end_ - at_)));
    if (close == nullptr) return false;
    const std::string_view raw(at_, static_cast<std::size_t>(close - at_));
    at_ = close;
    if (!Accept("</") || !Accept(name) || !Accept(">")) return false;
    unsigned char bits = 0;
    bool odd = false;
    for (const char c : raw) {
      const auto byte = static_cast<unsigned char>(c);
      bits |= byte;
      odd = odd || byte < 0x20 || byte == '&' || byte == ']';
    }
    if ((bits & 0x80) != 0 && (!IsValidUtf8(raw) || raw.find("\xEF\xBF") != std::string_view::npos)) return false;  // not UTF-8; U+FFFD and the noncharacters
    if (!odd) {
      *text = raw;
      return true;
    }
    return Unescape(raw, text);
  }

  bool Unescape(std::string_view raw, std::string_view* text) {
    struct Escape {
      std::string_view name;
      char value;
    };
    static constexpr std::array<Escape, 7> kEscapes{{{"&quot;", '"'}, {"&#34;", '"'}, {"&amp;", '&'}, {"&apos;", '\''}, {"&#39;", '\''}, {"&lt;", '<'}, {"&gt;", '>'}}};
    char* room = out_->page.arena.Reserve(raw.size());
    std::size_t size = 0;
    for (std::size_t i = 0; i < raw.size();) {
      const auto byte = static_cast<unsigned char>(raw[i]);
      if (byte < 0x20 || byte == ']') return false;
      if (byte != '&') {
        room[size++] = raw[i++];
        continue;
      }
      const auto* found = std::find_if(kEscapes.begin(), kEscapes.end(), [&](const Escape& escape) { return raw.substr(i).starts_with(escape.name); });
      if (found == kEscapes.end()) return false;
      room[size++] = found->value;
      i += found->name.size();
    }
    *text = {room, size};
    return true;
  }

  bool ReadChild() {
    bool is_empty = false;
    const std::string_view name = OpenTag(&is_empty);
    if (name.empty()) return false;
    if (name == "Contents") return !is_empty && ReadObject();
    if (name == "CommonPrefixes") return !is_empty && ReadPrefixes();
    std::string_view text;
    if (!is_empty && !Text(name, &text)) return false;
    return Scalar(name, text);
  }

  bool Once(unsigned bit) {
    if ((seen_ & bit) != 0) return false;
    seen_ |= bit;
    return true;
  }

  bool Scalar(std::string_view name, std::string_view text) {
    if (name == "IsTruncated") {
      if (!Once(1) || (text != "true" && text != "false")) return false;
      out_->truncated = text == "true";
    } else if (name == "EncodingType") {
      if (!Once(2)) return false;
      out_->url_encoded = text == "url";
    } else if (name == "NextContinuationToken") {
      if (!Once(4)) return false;
      out_->next_token = text;
    } else if (name == "NextMarker") {
      if (!Once(8)) return false;
      out_->next_marker = text;
    } else if (name == "KeyCount") {
      out_->has_key_count = true;
    } else if (name == "Name" || name == "Prefix" || name == "MaxKeys") {
      out_->has_names = true;
    } else if (name != "Marker" && name != "Delimiter" && name != "ContinuationToken" && name != "StartAfter") {
      return false;
    }
    return true;
  }

  bool ReadObject() {
    Draft draft;
    while (!Accept("</Contents>")) {
      bool is_empty = false;
      const std::string_view name = OpenTag(&is_empty);
      if (name.empty()) return false;
      if (name == "Owner") {
        if (!is_empty && !SkipOwner()) return false;
        continue;
      }
      std::string_view text;
      if (!is_empty && !Text(name, &text)) return false;
      if (!Field(name, text, &draft)) return false;
    }
    if ((draft.seen & (kSawKey | kSawSize)) != (kSawKey | kSawSize)) return false;
    AddEntry(draft, false, out_);
    return true;
  }

  bool Field(std::string_view name, std::string_view text, Draft* draft) {
    const auto once = [&](unsigned bit) { return (draft->seen & bit) == 0 ? (draft->seen |= bit, true) : false; };
    if (name == "Key") {
      draft->key = text;
      return once(kSawKey);
    }
    if (name == "ETag") {
      draft->etag = text;
      return once(kSawEtag);
    }
    if (name == "Size") {
      const std::optional<std::uint64_t> size = ParseUint(text);
      if (!size) return false;
      draft->size = *size;
      return once(kSawSize);
    }
    if (name == "LastModified") {
      if (text != last_time_text_) {  // runs of objects have one time
        last_time_ = ParseModified(text);
        if (!last_time_) return false;
        last_time_text_ = text;
      }
      draft->modified = last_time_;
      return once(kSawModified);
    }
    if (name == "StorageClass") {
      draft->storage_class = text;
      return once(kSawClass);
    }
    return name == "ChecksumAlgorithm" || name == "ChecksumType" || name == "Type";
  }

  bool SkipOwner() {
    while (!Accept("</Owner>")) {
      bool is_empty = false;
      const std::string_view name = OpenTag(&is_empty);
      std::string_view text;
      if ((name != "ID" && name != "DisplayName") || (!is_empty && !Text(name, &text))) return false;
    }
    return true;
  }

  bool ReadPrefixes() {
    while (!Accept("</CommonPrefixes>")) {
      bool is_empty = false;
      Draft draft;
      if (OpenTag(&is_empty) != "Prefix" || is_empty || !Text("Prefix", &draft.key)) return false;
      AddEntry(draft, true, out_);
    }
    return true;
  }

  const char* at_;
  const char* end_;
  RawListPage* out_;
  unsigned seen_ = 0;
  std::string_view last_time_text_;
  std::optional<Time> last_time_;
};

// ---- the general reader ----

class ListHandler : public codec::IXmlHandler {
 public:
  explicit ListHandler(RawListPage* out) : out_(out) {}

  void OnStart(std::string_view name, int depth) override {
    if (depth == 1) root_ = name;
    if (depth == 2) {
      section_ = name;
      draft_ = Draft{};
    }
  }

  void OnEnd(std::string_view name, int depth, std::string_view text) override {
    if (depth == 3 && section_ == "Contents") Field(name, text);
    if (depth == 3 && section_ == "CommonPrefixes" && name == "Prefix") {
      Draft prefix;
      prefix.key = out_->page.arena.Add(text);
      AddEntry(prefix, true, out_);
    }
    if (depth == 2) EndSection(name, text);
  }

  Status Finish() const {
    if (root_ != "ListBucketResult") return {Code::kUnavailable, "the answer is not a listing: check `endpoint`, and whether a proxy answers in its place"};
    return problem_;
  }

 private:
  void Field(std::string_view name, std::string_view text) {
    if (name == "Key") {
      draft_.key = out_->page.arena.Add(text);
      draft_.seen |= kSawKey;
    } else if (name == "ETag") {
      draft_.etag = out_->page.arena.Add(text);
    } else if (name == "Size") {
      const std::optional<std::uint64_t> size = ParseUint(Trim(text));
      if (!size) problem_ = Status(Code::kIntegrity, "the listing holds a size that is not a number");
      draft_.size = size.value_or(0);
      draft_.seen |= kSawSize;
    } else if (name == "LastModified") {
      draft_.modified = ParseModified(Trim(text));
    } else if (name == "StorageClass") {
      draft_.storage_class = out_->page.arena.Add(text);
    }
  }

  void EndSection(std::string_view name, std::string_view text) {
    if (name == "Contents") {
      if ((draft_.seen & (kSawKey | kSawSize)) != (kSawKey | kSawSize)) problem_ = Status(Code::kIntegrity, "the listing holds an object without key or size");
      AddEntry(draft_, false, out_);
    } else if (name == "IsTruncated") {
      out_->truncated = Trim(text) == "true";
    } else if (name == "EncodingType") {
      out_->url_encoded = Trim(text) == "url";
    } else if (name == "NextContinuationToken") {
      out_->next_token = text;
    } else if (name == "NextMarker") {
      out_->next_marker = text;
    } else if (name == "KeyCount") {
      out_->has_key_count = true;
    } else if (name == "Name" || name == "Prefix" || name == "MaxKeys") {
      out_->has_names = true;
    }
  }

  RawListPage* out_;
  std::string root_, section_;
  Draft draft_;
  Status problem_;
};

// Form decoding in the arena; nullopt for a malformed escape.
std::optional<std::string_view> UrlDecode(std::string_view text, StringArena& arena) {
  if (text.find_first_of("%+") == std::string_view::npos) return text;
  const auto hex = [](char c) -> int {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
  };
  char* room = arena.Reserve(text.size());
  std::size_t size = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '+') {
      c = ' ';
    } else if (c == '%') {
      if (text.size() - i < 3 || hex(text[i + 1]) < 0 || hex(text[i + 2]) < 0) return std::nullopt;
      c = static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2]));
      i += 2;
    }
    room[size++] = c;
  }
  return std::string_view(room, size);
}

Status BadName(std::string_view key, std::string_view why) {
  return {Code::kIntegrity, "the listing holds the name \"" + Printable(key.substr(0, 200)) + "\", " + std::string(why)};
}

// Decodes the names, checks them, and moves every text that still lies in the body into the arena (in one piece).
Status Settle(std::string_view body, RawListPage* out) {
  StringArena& arena = out->page.arena;
  const char* body_end = body.data() + body.size();
  const auto in_body = [&](std::string_view text) { return !text.empty() && text.data() >= body.data() && text.data() < body_end; };
  std::size_t total = 0;
  for (ListEntry& entry : out->page.entries) {
    if (out->url_encoded) {
      const std::optional<std::string_view> decoded = UrlDecode(entry.key, arena);
      if (!decoded) return BadName(entry.key, "which is not correctly encoded");
      entry.key = *decoded;
    } else if (entry.key.find("\xEF\xBF\xBD") != std::string_view::npos) {
      return BadName(entry.key, "in which the service replaced characters that XML cannot hold; set `quirks: url_encode_list` or rename the object");
    }
    if (entry.key.empty()) return BadName(entry.key, "which is empty");
    if (entry.storage_class == kStandard) entry.storage_class = kStandard;
    if (in_body(entry.key)) total += entry.key.size();
    if (in_body(entry.etag)) total += entry.etag.size();
    if (in_body(entry.storage_class)) total += entry.storage_class.size();
  }
  char* room = total == 0 ? nullptr : arena.Reserve(total);
  const auto keep = [&](std::string_view* text) {
    if (!in_body(*text)) return;
    std::memcpy(room, text->data(), text->size());
    *text = {room, text->size()};
    room += text->size();
  };
  for (ListEntry& entry : out->page.entries) {
    // Only decoding can have made something that is not UTF-8.
    if (out->url_encoded && (entry.key.find('\0') != std::string_view::npos || !IsValidUtf8(entry.key))) return BadName(entry.key, "which is not UTF-8 and cannot be a key here");
    keep(&entry.key);
    keep(&entry.etag);
    keep(&entry.storage_class);
  }
  if (out->url_encoded && !out->next_marker.empty()) {
    const std::optional<std::string> decoded = PercentDecode(out->next_marker, true);
    if (!decoded) return BadName(out->next_marker, "which is not correctly encoded");
    out->next_marker = *decoded;
  }
  return {};
}

}  // namespace

bool ParseListFast(std::string_view body, RawListPage* out) {
  *out = RawListPage{};
  out->page.entries.reserve(std::min<std::size_t>(body.size() / 200 + 8, 1001));
  return FastReader(body, out).Read();
}

Status ParseListXml(std::string_view body, RawListPage* out) {
  *out = RawListPage{};
  ListHandler handler(out);
  if (Status status = codec::ParseXml(body, handler); !status.ok()) {
    ErrorDetail detail;
    detail.code = Code::kUnavailable;
    detail.retry = Retry::kTemporary;
    detail.message = "the listing is cut or damaged: " + std::string(status.message());
    return Status(std::move(detail));
  }
  return handler.Finish();
}

Result<RawListPage> ParseList(std::string_view body) {
  RawListPage page;
  if (!ParseListFast(body, &page)) {
    if (Status status = ParseListXml(body, &page); !status.ok()) return status;
  }
  if (Status status = Settle(body, &page); !status.ok()) return status;
  return page;
}

}  // namespace fileferry::s3
