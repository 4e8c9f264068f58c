#include "commit_internal.h"

#include "commit_text.h"  // written by src/base/commit.cmake at every build: TURNPIKE_COMMIT

namespace turnpike {

const char* source_commit() {
  return TURNPIKE_COMMIT;
}

}  // namespace turnpike
