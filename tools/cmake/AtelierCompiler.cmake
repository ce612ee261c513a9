# Language level, warnings, sanitizers, ccache.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

find_program(ATELIER_CCACHE ccache)
mark_as_advanced(ATELIER_CCACHE)
if(ATELIER_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${ATELIER_CCACHE})
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${ATELIER_CCACHE})
endif()

add_library(atelier_warnings INTERFACE)
set(_warnings -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough)
if(ATELIER_WERROR)
  list(APPEND _warnings -Werror)
endif()
foreach(_flag IN LISTS _warnings)
  target_compile_options(atelier_warnings INTERFACE $<$<COMPILE_LANGUAGE:CXX>:${_flag}>)
endforeach()
target_compile_options(atelier_warnings INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wconversion>)
if(ATELIER_WERROR)
  target_compile_options(atelier_warnings INTERFACE $<$<COMPILE_LANGUAGE:CUDA>:-Werror=all-warnings>)
endif()

# A multiply and an add become one fused operation only where the source says so (std::fma): results do not
# depend on the compiler's mood.
add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-ffp-contract=off>)

if(ATELIER_SANITIZE)
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fsanitize=address,undefined>
                      $<$<COMPILE_LANGUAGE:CXX>:-fno-sanitize-recover=all>
                      $<$<COMPILE_LANGUAGE:CXX>:-fno-omit-frame-pointer>)
  add_link_options(-fsanitize=address,undefined)
endif()
