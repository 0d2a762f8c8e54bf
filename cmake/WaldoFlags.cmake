# SPDX-License-Identifier: MIT
# waldo_flags: how all of Waldo's own code is compiled. Each target links it
# privately, so that nothing of it reaches the users of the library.
add_library(waldo_flags INTERFACE)
target_compile_definitions(waldo_flags INTERFACE _GNU_SOURCE)
target_compile_options(waldo_flags INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wpedantic
  $<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes>
  $<$<BOOL:${WALDO_WERROR}>:-Werror>
  -fvisibility=hidden)

if(WALDO_SANITIZE)
  set(sanitize -fsanitize=${WALDO_SANITIZE})
  if(WALDO_FUZZ)
    string(APPEND sanitize ",fuzzer-no-link")
  endif()
  target_compile_options(waldo_flags INTERFACE
    ${sanitize} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(waldo_flags INTERFACE ${sanitize})
endif()

# A call passes through many small functions of many files: gcc makes them one.
# The objects have both forms, for whoever links the static library otherwise.
set(WALDO_LTO OFF)
if(CMAKE_C_COMPILER_ID STREQUAL GNU AND CMAKE_BUILD_TYPE MATCHES "^Rel" AND
    NOT WALDO_SANITIZE)
  set(WALDO_LTO ON)
  target_compile_options(waldo_flags INTERFACE
    $<$<COMPILE_LANGUAGE:C>:-flto=auto;-ffat-lto-objects>
    -fno-semantic-interposition)
  # It is the library that counts; a test is linked in a moment.
  target_link_options(waldo_flags INTERFACE
    $<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:-fno-lto>)
endif()

if(WALDO_COVERAGE)
  target_compile_options(waldo_flags INTERFACE
    -fprofile-instr-generate -fcoverage-mapping)
  target_link_options(waldo_flags INTERFACE -fprofile-instr-generate)
endif()
