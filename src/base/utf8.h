// utf8.h: one UTF-8 character at a time.  Pure functions; any thread.
#ifndef FILEFERRY_BASE_UTF8_H_
#define FILEFERRY_BASE_UTF8_H_

#include <cstddef>
#include <string_view>

namespace fileferry {

// The length in bytes of the first character of text; 0 when text is empty or does not begin with a valid one (overlong forms, surrogates and values above
// U+10FFFF are not valid).
std::size_t Utf8Length(std::string_view text);

}  // namespace fileferry

#endif  // FILEFERRY_BASE_UTF8_H_
