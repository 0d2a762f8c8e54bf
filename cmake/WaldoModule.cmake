# SPDX-License-Identifier: MIT
# waldo_module(NAME USES MODULE... PACKAGES TARGET... SOURCES FILE...
#              HEADERS FILE...)
#
# One object library, waldo_NAME, and its share in libwaldo. USES are the
# modules below that it includes from: an object library does not pass their
# objects on, so whoever links a module names those below it too, and the
# linker proves the order.
function(waldo_module name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "USES;PACKAGES;SOURCES;HEADERS")

  add_library(waldo_${name} OBJECT ${arg_SOURCES})
  target_include_directories(waldo_${name} PRIVATE ${PROJECT_SOURCE_DIR})
  if(arg_HEADERS)
    target_include_directories(waldo_${name} PUBLIC include)
    target_sources(waldo
      PUBLIC FILE_SET HEADERS BASE_DIRS include FILES ${arg_HEADERS})
  endif()
  list(TRANSFORM arg_USES PREPEND waldo_)
  target_link_libraries(waldo_${name}
    PUBLIC ${arg_USES}
    PRIVATE waldo_flags ${arg_PACKAGES})

  target_sources(waldo PRIVATE $<TARGET_OBJECTS:waldo_${name}>)
  target_link_libraries(waldo PRIVATE ${arg_PACKAGES})
endfunction()
