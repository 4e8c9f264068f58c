# turnpike-equations: the same words as turnpike, for the verbs that need no libtorch and so start at once. A verb is equations/*_job.cpp.
file(GLOB turnpike_equation_sources CONFIGURE_DEPENDS equations/*.cpp)
add_library(turnpike_equation_jobs STATIC ${turnpike_equation_sources})
target_link_libraries(turnpike_equation_jobs PUBLIC turnpike_engine_main turnpike_discover turnpike_report PRIVATE fmt::fmt turnpike_flags)

add_executable(turnpike-equations equations_engine.cpp)
target_link_libraries(turnpike-equations PRIVATE turnpike_equation_jobs fmt::fmt turnpike_flags)
target_link_options(turnpike-equations PRIVATE -Wl,--as-needed)
set_target_properties(turnpike-equations PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
