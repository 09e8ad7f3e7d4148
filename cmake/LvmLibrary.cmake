# lvm_library(<target> [FILES glob...] [LINKS lib...]): the static library of one folder, warnings as errors.
# The project's own includes are written from the top folder ("ir/tensor/tensor.h").
function(lvm_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Werror)
  # g++ 12 reports false positives inside inlined std:: code at -O2; clang-19 checks the same code without them.
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${target} PRIVATE -Wno-maybe-uninitialized -Wno-restrict -Wno-dangling-reference
                           -Wno-array-bounds -Wno-stringop-overflow)
  endif()
endfunction()

function(lvm_library target)
  cmake_parse_arguments(A "" "" "FILES;LINKS;PRIVATE_LINKS" ${ARGN})
  if(NOT A_FILES)
    set(A_FILES "*.cpp")
  endif()
  file(GLOB sources CONFIGURE_DEPENDS ${A_FILES})
  if(NOT sources)
    # A folder that is still empty builds to an empty library.
    set(sources ${CMAKE_CURRENT_BINARY_DIR}/empty.cpp)
    file(TOUCH ${sources})
  endif()
  add_library(${target} STATIC ${sources})
  set_target_properties(${target} PROPERTIES LINKER_LANGUAGE CXX)
  target_include_directories(${target} PUBLIC ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/include)
  target_link_libraries(${target} PUBLIC fmt::fmt ${A_LINKS} PRIVATE ${A_PRIVATE_LINKS})
  lvm_warnings(${target})
endfunction()

# lvm_test(<target> LINKS lib...): every *.cpp of the calling folder is one test program beside the shared Catch2 main.
function(lvm_test target)
  cmake_parse_arguments(A "" "" "FILES;LINKS" ${ARGN})
  if(NOT A_FILES)
    set(A_FILES "*.cpp")
  endif()
  file(GLOB sources CONFIGURE_DEPENDS ${A_FILES})
  add_executable(${target} ${sources})
  target_link_libraries(${target} PRIVATE lvm_test_main ${A_LINKS})
  # Tests run in the project's folder, so that their objects do not depend on where it lies (ccache serves every clone).
  target_compile_definitions(${target} PRIVATE LVM_SOURCE_DIR=".")
  lvm_warnings(${target})
  # Test code is compiled far more often than it is run: -O1 halves its time.
  target_compile_options(${target} PRIVATE -O1)
  catch_discover_tests(${target} TEST_PREFIX "${target}: " WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
                       PROPERTIES TIMEOUT 600)
endfunction()
