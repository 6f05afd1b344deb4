# Version and commit for the one file per room that asks for them (version.cpp). The commit is read at build time; its
# header changes, and the file is compiled anew, only when the commit did.
set(PUSHWIRE_COMMIT "" CACHE STRING "Commit to name in `pushwire version`; empty: ask git")
set(pushwire_version_header ${CMAKE_BINARY_DIR}/generated/version_defines.h)

add_custom_target(pushwire_version
  COMMAND ${CMAKE_COMMAND} -DOUTPUT=${pushwire_version_header} -DVERSION=${PROJECT_VERSION} "-DCOMMIT=${PUSHWIRE_COMMIT}"
          -DSOURCE_DIR=${CMAKE_SOURCE_DIR} -P ${CMAKE_SOURCE_DIR}/cmake/write_version.cmake
  BYPRODUCTS ${pushwire_version_header}
  COMMENT ""
  VERBATIM)

function(pw_stamp_version target file)
  if(EXISTS ${file})
    set_source_files_properties(${file} PROPERTIES
      COMPILE_OPTIONS "-include;${pushwire_version_header}"
      OBJECT_DEPENDS ${pushwire_version_header})
    add_dependencies(${target} pushwire_version)
  endif()
endfunction()
