if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/time_to_quality.cpp)
  add_executable(time_to_quality time_to_quality.cpp)
  target_link_libraries(time_to_quality PRIVATE atelier_models atelier_warnings fmt::fmt nlohmann_json::nlohmann_json CLI11::CLI11)
endif()
