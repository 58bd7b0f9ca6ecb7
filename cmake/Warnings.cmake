# The project's own code compiles without a warning on g++ and clang.
add_library(ferry_warnings INTERFACE)
target_compile_options(ferry_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Wcast-qual -Woverloaded-virtual -Werror
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety> $<$<CXX_COMPILER_ID:GNU>:-Wno-missing-field-initializers>
  # g++ 12 is wrong about these two in optimised code: GCC bugs 105651 (std::string + text) and 80635 (std::optional).
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict -Wno-maybe-uninitialized>
  $<$<CXX_COMPILER_ID:Clang>:-Wno-missing-field-initializers>)
if(FILEFERRY_SANITIZE)
  add_compile_options(-fsanitize=${FILEFERRY_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all -g1)
  add_link_options(-fsanitize=${FILEFERRY_SANITIZE})
endif()
if(FILEFERRY_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(NOT FILEFERRY_SANITIZE)
  add_compile_options(-fstack-protector-strong)
  add_compile_definitions($<$<CONFIG:Release>:_FORTIFY_SOURCE=2>)
endif()
