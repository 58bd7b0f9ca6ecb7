// text.h: texts for people: escaping, columns, numbers, times.  Pure functions; any thread.
#ifndef FILEFERRY_CLI_TEXT_H_
#define FILEFERRY_CLI_TEXT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fileferry/object.h"

namespace fileferry::cli {

// Control characters, invalid UTF-8 and characters that turn the direction of text, as \xNN: one line, and nothing that a terminal obeys.
std::string Printable(std::string_view text);
// Columns on a terminal: combining marks take none, East Asian wide characters two.
std::size_t DisplayWidth(std::string_view text);
// At most `width` columns; what is too long loses its middle.  REQUIRES: text is Printable.
std::string Clip(std::string_view text, std::size_t width);
std::string PadRight(std::string text, std::size_t width);
std::string PadLeft(std::string text, std::size_t width);

std::string Count(std::uint64_t number);                                     // "1,234"
std::string Objects(std::uint64_t number);                                   // "1 object", "1,234 objects"
std::string SizeText(std::uint64_t bytes);                                   // FormatSize
std::string Rate(double bytes_per_second);                                   // "85.0 MiB/s"
std::string LocalTime(Time time);                                            // "2026-05-24 13:02:11" in local time
std::string IsoTime(Time time);                                              // "2026-05-24T11:02:11Z"
// "7d" (so long ago), "2026-05-24", "2026-05-24T11:02:11Z"; kInvalidArgument otherwise.
Result<Time> ParseWhen(std::string_view text, Time now);

std::optional<std::uint64_t> ParseNumber(std::string_view text);
// The candidate that is near enough to be what was meant; empty otherwise.
std::string Nearest(std::string_view name, const std::vector<std::string>& candidates);
// A word that a POSIX shell reads back unchanged.
std::string ShellQuote(std::string_view word);

}  // namespace fileferry::cli

#endif  // FILEFERRY_CLI_TEXT_H_
