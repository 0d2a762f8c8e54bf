# SPDX-License-Identifier: MIT
# The one installed library, out of the modules' objects.
add_library(waldo::waldo ALIAS waldo)
set_target_properties(waldo PROPERTIES
  VERSION ${PROJECT_VERSION}
  SOVERSION ${PROJECT_VERSION_MAJOR})
target_link_libraries(waldo PRIVATE $<BUILD_INTERFACE:waldo_flags>)
# The linker goes by the objects; they are C. They lack nothing, but for what
# a sanitizer's program brings along.
set_target_properties(waldo PROPERTIES LINKER_LANGUAGE C)
if(NOT WALDO_SANITIZE)
  target_link_options(waldo PRIVATE LINKER:--no-undefined)
endif()
if(WALDO_LTO)
  # What gcc 12 sees in lengths that are known to be small, once it has put
  # everything together, is not there.
  target_link_options(waldo PRIVATE
    -O2 -flto=auto -Wno-stringop-overflow -Wno-stringop-overread)
endif()

# <waldo.h> includes whatever the modules publish.
get_target_property(headers waldo HEADER_SET)
list(TRANSFORM headers REPLACE ".*/include/(waldo/.*)" "#include <\\1>")
list(SORT headers)
list(JOIN headers "\n" WALDO_INCLUDES)
configure_file(cmake/waldo.h.in include/waldo.h @ONLY)
target_sources(waldo PUBLIC FILE_SET HEADERS
  BASE_DIRS ${PROJECT_BINARY_DIR}/include
  FILES ${PROJECT_BINARY_DIR}/include/waldo.h)

include(CMakePackageConfigHelpers)
set(WALDO_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/Waldo)
configure_package_config_file(cmake/WaldoConfig.cmake.in WaldoConfig.cmake
  INSTALL_DESTINATION ${WALDO_CMAKE_DIR})
# Before 1.0 a minor version may break; that is what SOVERSION 0 says too.
write_basic_package_version_file(WaldoConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
# Relative, so that an installed tree may be moved.
file(RELATIVE_PATH WALDO_PC_PREFIX
  /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
set(WALDO_PC_REQUIRES "libevent_core libsodium msgpack")
if(WALDO_GCRYPT)
  string(APPEND WALDO_PC_REQUIRES " libgcrypt")
endif()
configure_file(cmake/waldo.pc.in waldo.pc @ONLY)

install(TARGETS waldo EXPORT WaldoTargets FILE_SET HEADERS)
install(EXPORT WaldoTargets
  NAMESPACE waldo::
  DESTINATION ${WALDO_CMAKE_DIR})
install(FILES
  ${PROJECT_BINARY_DIR}/WaldoConfig.cmake
  ${PROJECT_BINARY_DIR}/WaldoConfigVersion.cmake
  DESTINATION ${WALDO_CMAKE_DIR})
install(FILES ${PROJECT_BINARY_DIR}/waldo.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
