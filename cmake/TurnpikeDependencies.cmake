# Every outside library, found once. Reasons: docs/dependencies.md.
find_package(fmt REQUIRED)
find_package(Threads REQUIRED)
find_package(LibArchive REQUIRED)
find_package(tomlplusplus REQUIRED)
find_path(NLOHMANN_JSON_INCLUDE nlohmann/json.hpp REQUIRED)
find_path(CLI11_INCLUDE CLI/CLI.hpp REQUIRED)
find_path(LIBCSV_INCLUDE csv.h REQUIRED)
find_library(LIBCSV_LIBRARY csv REQUIRED)
find_path(BOOST_MATH_INCLUDE boost/math/distributions/students_t.hpp REQUIRED)
find_package(Torch REQUIRED)
if(TURNPIKE_TESTS)
  find_package(GTest REQUIRED)
endif()

# libtorch, as one target that adds nothing but its headers and its two libraries.
add_library(turnpike_torch INTERFACE)
target_include_directories(turnpike_torch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
target_link_libraries(turnpike_torch INTERFACE ${TORCH_LIBRARIES})
