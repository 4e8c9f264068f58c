# Writes OUTPUT with the commit of the checkout SOURCE ("" outside one, "+" appended if tracked files were changed).
# Run at every build; the file is touched only when its text changes, so nothing is rebuilt otherwise.
set(commit "")
execute_process(COMMAND git -C ${SOURCE} rev-parse --show-toplevel --short=12 HEAD
                OUTPUT_VARIABLE answer ERROR_QUIET RESULT_VARIABLE failed OUTPUT_STRIP_TRAILING_WHITESPACE)
string(REPLACE "\n" ";" answer "${answer}")
if(NOT failed)
  list(GET answer 0 top)
  if(top STREQUAL SOURCE)
    list(GET answer 1 commit)
    execute_process(COMMAND git -C ${SOURCE} diff --quiet HEAD RESULT_VARIABLE changed ERROR_QUIET)
    if(changed)
      string(APPEND commit "+")
    endif()
  endif()
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT "#pragma once\n#define TURNPIKE_COMMIT \"${commit}\"\n")
