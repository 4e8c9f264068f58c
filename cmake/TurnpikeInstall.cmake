message(STATUS "install rules: see cmake/TurnpikeInstall.cmake")
