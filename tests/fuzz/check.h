// check.h: what a fuzzer does when something is not as it must be.
#ifndef FILEFERRY_TESTS_FUZZ_CHECK_H_
#define FILEFERRY_TESTS_FUZZ_CHECK_H_

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

// Ends the process, which libFuzzer reports with the input that led here.
#define FUZZ_CHECK(condition)                                                  \
  do {                                                                         \
    if (!(condition)) {                                                        \
      std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                            \
    }                                                                          \
  } while (false)

inline std::string_view FuzzText(const std::uint8_t* data, std::size_t size) { return {reinterpret_cast<const char*>(data), size}; }

// Takes what comes before the first occurrence of `separator` from *text.
inline std::string_view FuzzTake(std::string_view* text, char separator) {
  const std::string_view part = text->substr(0, text->find(separator));
  text->remove_prefix(part.size() == text->size() ? part.size() : part.size() + 1);
  return part;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

#endif  // FILEFERRY_TESTS_FUZZ_CHECK_H_
