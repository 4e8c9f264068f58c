# What `cmake --install` copies: headers, static libraries with their targets, the package files of find_package(Turnpike), and the
# two programs. A user links Turnpike::turnpike (everything) or single areas (Turnpike::flow), and Turnpike::laws to check own fields.
include(CMakePackageConfigHelpers)

get_property(areas GLOBAL PROPERTY TURNPIKE_AREAS)
add_library(turnpike_all INTERFACE)
set_target_properties(turnpike_all PROPERTIES EXPORT_NAME turnpike)
foreach(area ${areas})
  string(REGEX REPLACE "^turnpike_" "" name ${area})
  set_target_properties(${area} PROPERTIES EXPORT_NAME ${name})
  if(NOT name STREQUAL "laws")
    target_link_libraries(turnpike_all INTERFACE ${area})
  endif()
endforeach()

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/Turnpike)
install(TARGETS turnpike_all ${areas} EXPORT TurnpikeTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT TurnpikeTargets NAMESPACE Turnpike:: DESTINATION ${package_dir})
install(DIRECTORY include/turnpike DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} PATTERN "*_internal.h" EXCLUDE)
configure_package_config_file(cmake/TurnpikeConfig.cmake.in ${CMAKE_BINARY_DIR}/TurnpikeConfig.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/TurnpikeConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/TurnpikeConfig.cmake ${CMAKE_BINARY_DIR}/TurnpikeConfigVersion.cmake
        DESTINATION ${package_dir})

foreach(program turnpike turnpike-engine turnpike-equations)
  if(TARGET ${program})
    install(TARGETS ${program} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  endif()
endforeach()
install(FILES LICENSE README.md DESTINATION ${CMAKE_INSTALL_DOCDIR} OPTIONAL)
# What `turnpike bench` runs beside itself.
install(DIRECTORY bench/peers DESTINATION ${CMAKE_INSTALL_DATADIR}/turnpike USE_SOURCE_PERMISSIONS
        PATTERN __pycache__ EXCLUDE)
