# Sources of the SIMT executor, for runtime/CMakeLists.txt: they belong to atelier_runtime where CUDA's headers
# were found (ATELIER_WITH_SIMT). The checking build's half (checker.cpp, access_hooks.cpp) is the library
# atelier_simt_checker of tests/simt.
set(ATELIER_SIMT_RUNTIME_SOURCES)
if(ATELIER_WITH_SIMT)
  foreach(_name IN ITEMS async_copy block failure fiber grid memory options schedule shared symbol warp
                         watchdog worker_pool)
    list(APPEND ATELIER_SIMT_RUNTIME_SOURCES ${CMAKE_CURRENT_LIST_DIR}/${_name}.cpp)
  endforeach()
  set_source_files_properties(${ATELIER_SIMT_RUNTIME_SOURCES} PROPERTIES
                              COMPILE_OPTIONS "-fno-strict-aliasing;-isystem;${ATELIER_CUDA_HEADERS}")
endif()
