// header_text.cc: Unicode in the values of HTTP headers, as the "encoded words" of RFC 2047 that S3 itself answers with.  Pure functions; any thread.
#include <algorithm>

#include "base/digest.h"
#include "base/text.h"

namespace fileferry {
namespace {

bool IsPlain(char c) { return c >= 0x20 && c < 0x7F; }

// What a "Q" word may hold as it is: also allowed where the word is part of a structured header.
bool IsSafeInWord(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '!' || c == '*' || c == '+' || c == '-' || c == '/';
}

std::string EncodeQ(std::string_view text) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (char c : text) {
    const unsigned value = static_cast<unsigned char>(c);
    if (IsSafeInWord(c)) {
      out.push_back(c);
    } else if (c == ' ') {
      out.push_back('_');
    } else {
      out += {'=', kDigits[value >> 4], kDigits[value & 15]};
    }
  }
  return out;
}

std::optional<std::string> DecodeQ(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '_') {
      out.push_back(' ');
    } else if (text[i] == '=') {
      if (text.size() - i < 3) return std::nullopt;
      const std::optional<std::string> byte = FromHex(text.substr(i + 1, 2));
      if (!byte) return std::nullopt;
      out += *byte;
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

std::string FromLatin1(std::string_view text) {
  std::string out;
  for (char c : text) {
    const unsigned value = static_cast<unsigned char>(c);
    if (value < 0x80) {
      out.push_back(c);
    } else {
      out += {static_cast<char>(0xC0 | value >> 6), static_cast<char>(0x80 | (value & 0x3F))};
    }
  }
  return out;
}

struct Word {
  std::string text;        // decoded, UTF-8 as far as the word alone can tell
  std::size_t length = 0;  // of the encoded form
};

// The encoded word "=?charset?Q or B?text?=" that `text` begins with.
std::optional<Word> ReadWord(std::string_view text) {
  if (!text.starts_with("=?")) return std::nullopt;
  const std::size_t charset_end = text.find('?', 2);
  if (charset_end == std::string_view::npos || text.size() - charset_end < 5 || text[charset_end + 2] != '?') return std::nullopt;
  const std::size_t body = charset_end + 3;
  const std::size_t end = text.find("?=", body);
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view encoded = text.substr(body, end - body);
  if (encoded.find_first_of(" \t?") != std::string_view::npos) return std::nullopt;
  std::string_view charset = text.substr(2, charset_end - 2);
  charset = charset.substr(0, charset.find('*'));  // RFC 2231: a language may follow
  const char form = text[charset_end + 1];
  std::optional<std::string> bytes;
  if (form == 'Q' || form == 'q') bytes = DecodeQ(encoded);
  if (form == 'B' || form == 'b') bytes = FromBase64(encoded);
  if (!bytes) return std::nullopt;
  Word word;
  word.length = end + 2;
  if (EqualsIgnoreCase(charset, "utf-8") || EqualsIgnoreCase(charset, "us-ascii")) {
    word.text = *std::move(bytes);
  } else if (EqualsIgnoreCase(charset, "iso-8859-1")) {
    word.text = FromLatin1(*bytes);
  } else {
    return std::nullopt;
  }
  return word;
}

}  // namespace

std::string EncodeHeaderText(std::string_view utf8) {
  const bool plain = std::all_of(utf8.begin(), utf8.end(), IsPlain) && utf8.find("=?") == std::string_view::npos;
  if (plain && (utf8.empty() || (utf8.front() != ' ' && utf8.back() != ' '))) return std::string(utf8);
  // One word, however long: a space between two words would be at the mercy of everything that trims or folds headers on the way.
  std::string q = EncodeQ(utf8);
  std::string b = ToBase64(AsBytes(utf8));
  return q.size() <= b.size() ? "=?UTF-8?Q?" + q + "?=" : "=?UTF-8?B?" + b + "?=";
}

std::string DecodeHeaderText(std::string_view value) {
  std::string out;
  std::string_view rest = value;
  bool after_word = false;
  while (!rest.empty()) {
    if (std::optional<Word> word = ReadWord(rest)) {
      out += word->text;
      rest.remove_prefix(word->length);
      after_word = true;
      continue;
    }
    if (after_word) {  // white space between two words is not part of the text
      const std::size_t next = rest.find_first_not_of(" \t");
      if (next != std::string_view::npos && next > 0 && ReadWord(rest.substr(next))) {
        rest.remove_prefix(next);
        continue;
      }
    }
    out.push_back(rest.front());
    rest.remove_prefix(1);
    after_word = false;
  }
  if (IsValidUtf8(out)) return out;
  return IsValidUtf8(value) ? std::string(value) : FromLatin1(value);
}

}  // namespace fileferry
