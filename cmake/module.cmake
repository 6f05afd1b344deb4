# The parts of the house and their tests.
#
# pw_module(NAME room LEVEL number DEPS lower rooms LIBS outside libraries)
#   One static library per room from src/<room>/*.cpp, its headers compiled alone, and one test program from
#   src/<room>/*_test.cpp. A unit needs no line here: files are found by name. A file called version.cpp sees
#   PUSHWIRE_VERSION and PUSHWIRE_COMMIT, alone, so that a new commit compiles one small file anew.
#
# pw_test_program(NAME name SOURCES files LINK targets)
#   A GoogleTest program whose tests ctest knows one by one, as <prefix><name>.<Suite>.<Test>. With WHOLE the caller
#   says what ctest runs of it.
include(GoogleTest)

function(pw_test_program)
  cmake_parse_arguments(ARG "WHOLE" "NAME" "SOURCES;LINK" ${ARGN})
  add_executable(${ARG_NAME}_test ${ARG_SOURCES})
  target_link_libraries(${ARG_NAME}_test PRIVATE ${ARG_LINK} pushwire_flags GTest::gmock GTest::gtest GTest::gtest_main)
  if(PUSHWIRE_QUICK_TEST_BUILD)
    target_compile_options(${ARG_NAME}_test PRIVATE -O0)
    target_precompile_headers(${ARG_NAME}_test PRIVATE <gtest/gtest.h> <string> <vector>)
  endif()
  target_compile_definitions(${ARG_NAME}_test PRIVATE PUSHWIRE_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  if(NOT ARG_WHOLE)
    gtest_discover_tests(${ARG_NAME}_test
      TEST_PREFIX "${PUSHWIRE_TEST_PREFIX}${ARG_NAME}."
      PROPERTIES TIMEOUT 60
      DISCOVERY_TIMEOUT 60)
  endif()
  set_property(GLOBAL APPEND PROPERTY PUSHWIRE_TEST_PROGRAMS ${ARG_NAME}_test)
endfunction()

function(pw_module)
  cmake_parse_arguments(ARG "" "NAME;LEVEL" "DEPS;LIBS" ${ARGN})
  set(dir ${CMAKE_SOURCE_DIR}/src/${ARG_NAME})
  file(GLOB sources CONFIGURE_DEPENDS ${dir}/*.cpp ${dir}/*/*.cpp)
  file(GLOB headers CONFIGURE_DEPENDS ${dir}/*.h ${dir}/*/*.h)
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  if(PUSHWIRE_SANITIZE STREQUAL "thread")
    # Their libraries bring threads that the sanitizer has not seen the code of: librdkafka's crash under it, the others
    # would be blamed for what it cannot know.
    list(FILTER tests EXCLUDE REGEX "/bus/(kafka|nats|zookeeper)/")
  endif()
  list(FILTER sources EXCLUDE REGEX "(_test|/main)\\.cpp$")
  list(TRANSFORM ARG_DEPS PREPEND pushwire_ OUTPUT_VARIABLE deps)

  set(target pushwire_${ARG_NAME})
  if(sources)
    add_library(${target} STATIC ${sources})
    set(scope PUBLIC)
    target_link_libraries(${target} PRIVATE pushwire_flags)
    pw_stamp_version(${target} ${dir}/version.cpp)
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(${target} ${scope} ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(${target} ${scope} ${deps} ${ARG_LIBS} Boost::headers Threads::Threads)
  set_property(GLOBAL APPEND PROPERTY PUSHWIRE_ROOMS ${target})

  if(NOT PUSHWIRE_TESTS)
    return()
  endif()
  if(tests AND (NOT PUSHWIRE_TEST_ROOMS OR ARG_NAME IN_LIST PUSHWIRE_TEST_ROOMS))
    pw_test_program(NAME ${ARG_NAME} SOURCES ${tests} LINK ${target})
  endif()
  if(headers)
    pw_check_headers(${ARG_NAME} ${headers})
  endif()
endfunction()

# Each header must compile alone. A unit's .cpp includes its header first (tools/check_layers.py sees to that) and so is
# the proof; a header without one gets a generated .cpp that includes nothing else.
function(pw_check_headers room)
  set(checks)
  foreach(header ${ARGN})
    string(REGEX REPLACE "\\.h$" ".cpp" source ${header})
    if(EXISTS ${source})
      continue()
    endif()
    file(RELATIVE_PATH relative ${CMAKE_SOURCE_DIR}/src ${header})
    string(MAKE_C_IDENTIFIER ${relative} id)
    set(check ${CMAKE_BINARY_DIR}/header_check/${id}.cpp)
    if(NOT EXISTS ${check})
      file(WRITE ${check} "#include \"${relative}\"\n")
    endif()
    list(APPEND checks ${check})
  endforeach()
  if(NOT checks)
    return()
  endif()
  add_library(${room}_headers OBJECT EXCLUDE_FROM_ALL ${checks})
  target_link_libraries(${room}_headers PRIVATE pushwire_${room} pushwire_flags)
  set_property(GLOBAL APPEND PROPERTY PUSHWIRE_HEADER_CHECKS ${room}_headers)
endfunction()
