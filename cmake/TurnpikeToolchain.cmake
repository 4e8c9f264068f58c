# Language, warnings, linker and build-wide flags. Everything that changes generated code stands here.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()

# -O2 without -DNDEBUG differences: assertions of the standard library stay off, our own checks always throw.
set(CMAKE_CXX_FLAGS_RELEASE "-O2")
if(TURNPIKE_SANITIZE)
  set(CMAKE_CXX_FLAGS_RELEASE "-O1")  # instrumented code takes several times as long to compile
endif()

add_library(turnpike_flags INTERFACE)
target_compile_options(turnpike_flags INTERFACE -Wall -Wextra -Wno-unused-parameter
                       # options structs with designated initialisers leave fields at their defaults on purpose
                       -Wno-missing-field-initializers)
if(TURNPIKE_SANITIZE)
  # libtorch is not instrumented: leaks and vptr checks inside it are not ours to judge.
  # g++ 12 warns of uninitialised values in its own headers when it instruments them.
  add_compile_options(-fsanitize=address,undefined -fno-sanitize=vptr -fno-sanitize-recover=undefined
                      -fno-omit-frame-pointer -g1 -Wno-maybe-uninitialized)
  add_link_options(-fsanitize=address,undefined -fno-sanitize=vptr)
endif()

find_program(TURNPIKE_LLD ld.lld)
if(TURNPIKE_LLD)
  add_link_options(-fuse-ld=lld)
endif()
find_program(TURNPIKE_CCACHE ccache)
if(TURNPIKE_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      ${TURNPIKE_CCACHE})
  add_compile_options(-fpch-preprocess)
endif()
