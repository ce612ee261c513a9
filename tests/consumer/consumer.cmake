# Installs this build into a folder of the build tree, builds the project beside this file against the exported
# package, and runs its programs.
set(_folder ${PROJECT_BINARY_DIR}/consumer)
set(_flags)
if(ATELIER_SANITIZE)
  set(_flags -DCMAKE_CXX_FLAGS=-fsanitize=address,undefined)
endif()

add_test(NAME consumer.clean COMMAND ${CMAKE_COMMAND} -E rm -rf ${_folder})
add_test(NAME consumer.install COMMAND ${CMAKE_COMMAND} --install ${PROJECT_BINARY_DIR} --prefix ${_folder}/prefix)
add_test(NAME consumer.configure
         COMMAND ${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR} -B ${_folder}/build -G ${CMAKE_GENERATOR}
                 -DCMAKE_PREFIX_PATH=${_folder}/prefix -DCMAKE_CXX_COMPILER=${CMAKE_CXX_COMPILER}
                 -DCMAKE_BUILD_TYPE=${CMAKE_BUILD_TYPE} ${_flags})
add_test(NAME consumer.build COMMAND ${CMAKE_COMMAND} --build ${_folder}/build)
add_test(NAME consumer.run COMMAND ${_folder}/build/consumer)
add_test(NAME consumer.training COMMAND ${_folder}/build/training WORKING_DIRECTORY ${_folder})

set_tests_properties(consumer.clean PROPERTIES FIXTURES_SETUP consumer_clean)
set_tests_properties(consumer.install PROPERTIES FIXTURES_REQUIRED consumer_clean FIXTURES_SETUP consumer_installed)
set_tests_properties(consumer.configure PROPERTIES FIXTURES_REQUIRED consumer_installed
                                                   FIXTURES_SETUP consumer_configured)
set_tests_properties(consumer.build PROPERTIES FIXTURES_REQUIRED consumer_configured FIXTURES_SETUP consumer_built)
set_tests_properties(consumer.run consumer.training PROPERTIES FIXTURES_REQUIRED consumer_built)
set_tests_properties(consumer.clean consumer.install consumer.configure consumer.build consumer.run consumer.training
                     PROPERTIES LABELS quick TIMEOUT 300)
