// turnpike-equations: runs the verbs about differential equations. It loads no libtorch, which alone takes half a
// second.
#include "engine_main.h"
#include "equations/discover_job.h"
#include "equations/simulate_job.h"

namespace turnpike {
namespace {

// The front has told the BLAS in the environment, which it reads while it is loaded.
int threads_as_asked(int wanted) {
  return wanted;
}

}  // namespace
}  // namespace turnpike

int main(int argc, char** argv) {
  using namespace turnpike;
  return engine_main(
      argc, argv,
      {.jobs = {{"discover", &run_discover}, {"simulate", &run_simulate}}, .set_threads = &threads_as_asked});
}
