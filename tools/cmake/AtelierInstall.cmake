# Installs the libraries, their headers, the command line and a CMake package, so that another project writes
#   find_package(atelier REQUIRED)
#   target_link_libraries(painter PRIVATE atelier::models)   # or atelier::kernels, atelier::runtime
# and includes <atelier/models/presets.h>. tests/consumer is such a project. Headers of this tree include one
# another from its root ("runtime/stream.h"), hence the second include folder.
include(CMakePackageConfigHelpers)

set(_package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/atelier)

target_compile_features(atelier_runtime INTERFACE $<INSTALL_INTERFACE:cxx_std_20>)
install(TARGETS atelier_runtime atelier_kernels atelier_models
        EXPORT atelier_targets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} ${CMAKE_INSTALL_INCLUDEDIR}/atelier)
install(EXPORT atelier_targets NAMESPACE atelier:: DESTINATION ${_package_folder} FILE atelier-targets.cmake)

# What a floor shows to others; its remaining headers are its own affair. tests/consumer includes each alone.
set(_headers_runtime arena backend buffer device error event graph instruction_set parallel stream view)
set(_headers_kernels
  activation batch_one_gan counter cppn elementwise gather layer_norm linear linear_step loss noise optimizer ordering philox resolve
  small_gan)
set(_headers_models
  cache_folder data_set digits easing generator gradient_check gradient_penalty import_cppn initialize learner motion native_detail network
  palette pattern1010_sweep picture_grid picture_painter png_image presets recipe safetensors spline vary)
foreach(_floor IN ITEMS runtime kernels models)
  list(TRANSFORM _headers_${_floor} REPLACE "(.+)" "${PROJECT_SOURCE_DIR}/${_floor}/\\1.h" OUTPUT_VARIABLE _headers)
  install(FILES ${_headers} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/atelier/${_floor})
endforeach()

install(FILES ${PROJECT_SOURCE_DIR}/models/judge/judge.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/atelier/models/judge)

if(TARGET atelier_cli)
  install(TARGETS atelier_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

configure_package_config_file(${PROJECT_SOURCE_DIR}/tools/cmake/atelier-config.cmake.in
                              ${PROJECT_BINARY_DIR}/package/atelier-config.cmake
                              INSTALL_DESTINATION ${_package_folder})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/package/atelier-config-version.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/package/atelier-config.cmake
              ${PROJECT_BINARY_DIR}/package/atelier-config-version.cmake
        DESTINATION ${_package_folder})
