# `bench/print` is a program in Python that runs `atelier render`; a small picture of every kind shows that it works.
find_package(Python3 COMPONENTS Interpreter QUIET)
if(ATELIER_TESTS AND Python3_FOUND AND TARGET atelier_cli)
  add_test(NAME bench.print COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/print --build ${PROJECT_BINARY_DIR}
                                    --size 96x64 --runs 1)
  set_tests_properties(bench.print PROPERTIES LABELS quick TIMEOUT 300)
endif()
