# One kernel source, several compilers. A source is never compiled twice under one name: wrappers in the build
# folder include it, so that each object has its own flags and its own namespace (runtime/backend.h).

# atelier_simt_wrappers(<variable> <folder> sources.cu…): one .cpp a .cu that g++ compiles for the executor.
function(atelier_simt_wrappers out folder)
  set(_result)
  foreach(_source IN LISTS ARGN)
    get_filename_component(_path ${_source} ABSOLUTE)
    get_filename_component(_name ${_source} NAME_WE)
    set(_wrapper ${CMAKE_CURRENT_BINARY_DIR}/${folder}/${_name}.cpp)
    file(CONFIGURE OUTPUT ${_wrapper} CONTENT "#include \"${_path}\"\n")
    list(APPEND _result ${_wrapper})
  endforeach()
  set(${out} ${_result} PARENT_SCOPE)
endfunction()

# atelier_simt_flags(<target>): what kernel code needs when g++ compiles it.
function(atelier_simt_flags target)
  target_compile_definitions(${target} PRIVATE ATELIER_SIMT_CODE)
  target_compile_options(${target} PRIVATE -fno-strict-aliasing -Wno-unknown-pragmas -Wno-sign-compare)
  target_include_directories(${target} SYSTEM PRIVATE ${ATELIER_CUDA_HEADERS})
endfunction()

# atelier_vector_objects(<target> sources.cpp…): adds each source to the target once for every instruction set
# that the compiler knows: portable everywhere, avx2 and avx512 on x86-64. ATELIER_INSTRUCTION_SET is the set's
# name; the code lives in namespace atelier::cpu::<set>. Such sources use no inline function of the standard
# library: its symbol could win over the portable one in other objects.
function(atelier_vector_objects target)
  set(_sets portable)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    list(APPEND _sets avx2 avx512)
    target_compile_definitions(${target} PRIVATE ATELIER_X86)
  endif()
  # With the sanitizers and -O3 g++ 12 works for many minutes on linear_vector.cpp; with -O1 for seconds.
  set(_optimization $<IF:$<BOOL:${ATELIER_SANITIZE}>,-O1,-O3>)
  set(_flags_portable)
  set(_flags_avx2 -mavx2 -mfma)
  set(_flags_avx512 -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx2 -mfma -mprefer-vector-width=512)
  foreach(_set IN LISTS _sets)
    add_library(${target}_${_set} OBJECT)
    foreach(_source IN LISTS ARGN)
      get_filename_component(_path ${_source} ABSOLUTE)
      get_filename_component(_name ${_source} NAME_WE)
      set(_wrapper ${CMAKE_CURRENT_BINARY_DIR}/${_set}/${_name}.cpp)
      file(CONFIGURE OUTPUT ${_wrapper} CONTENT "#include \"${_path}\"\n")
      target_sources(${target}_${_set} PRIVATE ${_wrapper})
    endforeach()
    target_compile_definitions(${target}_${_set} PRIVATE ATELIER_INSTRUCTION_SET=${_set})
    target_compile_options(${target}_${_set} PRIVATE ${_optimization} -fno-math-errno -fno-exceptions ${_flags_${_set}})
    target_include_directories(${target}_${_set} PRIVATE ${PROJECT_SOURCE_DIR})
    target_link_libraries(${target}_${_set} PRIVATE atelier_warnings)
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:${target}_${_set}>)
  endforeach()
endfunction()
