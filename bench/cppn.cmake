add_executable(bench_cppn cppn.cpp)
atelier_vector_objects(bench_cppn multiply_add_peak.cpp)
target_link_libraries(bench_cppn PRIVATE atelier_kernels atelier_warnings benchmark::benchmark fmt::fmt)
