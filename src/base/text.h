// text.h: small functions over texts that the standard library lacks.
#ifndef FILEFERRY_BASE_TEXT_H_
#define FILEFERRY_BASE_TEXT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fileferry/object.h"

namespace fileferry {

bool IsValidUtf8(std::string_view text);
// Control characters and invalid UTF-8 as \xNN, for one line on a terminal or in a log.
std::string Printable(std::string_view text);
std::string ToLower(std::string_view text);           // ASCII
bool EqualsIgnoreCase(std::string_view a, std::string_view b);  // ASCII
std::string_view Trim(std::string_view text);         // ASCII white space
std::vector<std::string> Split(std::string_view text, char separator);
// The whole text as a number in range; nullopt otherwise (sign, spaces and leftovers refused).
std::optional<std::uint64_t> ParseUint(std::string_view text);
// The candidate with the smallest edit distance, if it is near enough to be a typing error; empty otherwise.
std::string NearestName(std::string_view name, const std::vector<std::string_view>& candidates);
// %XX decoded; nullopt on a malformed escape.  plus_is_space: also '+' to ' '.
std::optional<std::string> PercentDecode(std::string_view text, bool plus_is_space);
// Printable-ASCII-safe reversible coding for values of HTTP headers that are not ASCII (RFC 2047 "Q"/"B" words are decoded too).
std::string EncodeHeaderText(std::string_view utf8);
std::string DecodeHeaderText(std::string_view value);

std::string FormatHttpDate(Time time);                // "Fri, 24 May 2013 00:00:00 GMT"
std::optional<Time> ParseHttpDate(std::string_view text);
std::string FormatIso8601(Time time);                 // "2013-05-24T00:00:00.123456789Z", fraction only when there is one
std::optional<Time> ParseIso8601(std::string_view text);
std::string FormatAmzDate(Time time);                 // "20130524T000000Z"
// rclone's "mtime" metadata: seconds since 1970 with a fraction, "1687000000.123456789".
std::string FormatUnixTime(Time time);
std::optional<Time> ParseUnixTime(std::string_view text);
Time TimeFromTimespec(std::int64_t seconds, long nanoseconds);

// Constant-time equality for secrets.
bool SecretEquals(std::string_view a, std::string_view b);

// scheme://[user@]host[:port]/path?query, split, not decoded; the scheme in lower case, host may be a bracketed IPv6 address.  '#' has no meaning.  nullopt
// when it is none.
struct UrlParts {
  std::string scheme, host, port, path, query;
  bool has_user = false;  // user information was there; it is dropped
  std::string authority() const { return port.empty() ? host : host + ":" + port; }
};
std::optional<UrlParts> ParseUrl(std::string_view url);
std::vector<std::pair<std::string, std::string>> ParseQuery(std::string_view query);  // decoded once; '+' and malformed escapes stay as they are

}  // namespace fileferry

#endif  // FILEFERRY_BASE_TEXT_H_
