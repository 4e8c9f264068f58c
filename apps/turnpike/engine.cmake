# turnpike-engine: the same words as turnpike, with libtorch. The jobs are a library, so that tests can call them.
file(GLOB turnpike_job_sources CONFIGURE_DEPENDS *_job.cpp run_*.cpp diagnosis*.cpp predictions.cpp train_report.cpp bench_report.cpp
     bench_accuracy.cpp bench_run_pages.cpp bench_share.cpp)
add_library(turnpike_jobs STATIC ${turnpike_job_sources})
target_include_directories(turnpike_jobs SYSTEM PRIVATE ${NLOHMANN_JSON_INCLUDE})
target_link_libraries(turnpike_jobs PUBLIC turnpike_verbs turnpike_analysis turnpike_tangent turnpike_studies turnpike_bench turnpike_report turnpike_torch
                      PRIVATE fmt::fmt turnpike_flags)
turnpike_precompile(turnpike_jobs)

add_executable(turnpike-engine engine.cpp)
target_include_directories(turnpike-engine SYSTEM PRIVATE ${NLOHMANN_JSON_INCLUDE})
target_link_options(turnpike-engine PRIVATE -Wl,--as-needed)
target_link_libraries(turnpike-engine PRIVATE turnpike_jobs turnpike_engine_main fmt::fmt turnpike_flags)
turnpike_precompile(turnpike-engine)
set_target_properties(turnpike-engine PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
