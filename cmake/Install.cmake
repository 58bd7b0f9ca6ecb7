# cmake --install: headers, libfileferry.a, libfileferry_testing.a, the CMake package "fileferry" (fileferry::fileferry, fileferry::testing),
# and fileferry.pc, fileferry-testing.pc for pkg-config --static.
include(CMakePackageConfigHelpers)

install(TARGETS fileferry fileferry_testing EXPORT fileferryTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/fileferry DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h" PATTERN "*.def")
install(FILES ${PROJECT_BINARY_DIR}/include/fileferry/version.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/fileferry)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

set(fileferry_package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/fileferry)
install(EXPORT fileferryTargets NAMESPACE fileferry:: DESTINATION ${fileferry_package_folder})
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/fileferryConfig.cmake.in ${PROJECT_BINARY_DIR}/package/fileferryConfig.cmake
  INSTALL_DESTINATION ${fileferry_package_folder})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/package/fileferryConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/package/fileferryConfig.cmake ${PROJECT_BINARY_DIR}/package/fileferryConfigVersion.cmake
  DESTINATION ${fileferry_package_folder})

# Relative to where the .pc file lies, so that an installed tree can be moved.
file(RELATIVE_PATH fileferry_pc_up /p/${CMAKE_INSTALL_LIBDIR}/pkgconfig /p)
string(REGEX REPLACE "/$" "" fileferry_pc_up "${fileferry_pc_up}")
set(fileferry_pc_prefix "\${pcfiledir}/${fileferry_pc_up}")
# The library is an archive, so its users always link what it uses.  Only what it uses itself: pkg-config --static would otherwise ask for the private
# libraries of shared ones, which distributions do not install.
set(fileferry_pc_modules libcurl libssl libcrypto libxml-2.0 sqlite3 fmt simdjson re2 yaml-cpp)
if(FILEFERRY_LIBMAGIC)
  list(APPEND fileferry_pc_modules libmagic)
endif()
pkg_check_modules(FILEFERRY_PC REQUIRED QUIET ${fileferry_pc_modules})
string(REPLACE ";" " " fileferry_pc_libs "${FILEFERRY_PC_LDFLAGS}")
foreach(name fileferry fileferry-testing)
  configure_file(${PROJECT_SOURCE_DIR}/cmake/${name}.pc.in ${PROJECT_BINARY_DIR}/package/${name}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/package/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()
