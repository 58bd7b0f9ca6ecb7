# cmake -DFOLDER=<folder of *.json> -DOUTPUT=<file.cc> -P EmbedCases.cmake
# Writes the files, which are pure ASCII, as byte arrays; see src/testing/conformance_suite.h.
file(GLOB files ${FOLDER}/*.json)
list(SORT files)
set(arrays "")
set(table "")
set(number 0)
foreach(file ${files})
  get_filename_component(name ${file} NAME_WE)
  file(READ ${file} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)" "\\1\n" bytes "${bytes}")
  string(APPEND arrays "const char kFile${number}[] = {\n${bytes}};\n")
  string(APPEND table "    {\"${name}\", std::string_view(kFile${number}, sizeof(kFile${number}))},\n")
  math(EXPR number "${number} + 1")
endforeach()
file(WRITE ${OUTPUT}.new "// conformance_embedded.cc: generated from tests/conformance/cases; do not edit.
#include \"testing/conformance_suite.h\"

namespace fileferry::testing {
namespace {
${arrays}
const EmbeddedFile kFiles[] = {
${table}};
}  // namespace

std::span<const EmbeddedFile> EmbeddedCaseFiles() { return kFiles; }

}  // namespace fileferry::testing
")
execute_process(COMMAND ${CMAKE_COMMAND} -E copy_if_different ${OUTPUT}.new ${OUTPUT})
file(REMOVE ${OUTPUT}.new)
# The output is younger than its inputs even when its text is the same.
file(TOUCH ${OUTPUT})
