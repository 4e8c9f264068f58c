// turnpike: the thin front. It reads and checks the words, answers help and completion at once, and hands everything
// else to the engine of the verb: turnpike-engine, which carries libtorch, or turnpike-equations, which does not. The
// BLAS reads its core type and thread number from the environment while it is being loaded: that is why they are set
// here, before the engine starts.
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include <turnpike/base/error.h>
#include <turnpike/base/provenance.h>

#include "command_line.h"

namespace turnpike {
namespace {

namespace fs = std::filesystem;

void set_environment(int threads) {
  // OpenBLAS falls back to narrower kernels on processors younger than itself; a choice that the user made stands.
  const std::string target = dispatch_target();
  if (target == "avx512") ::setenv("OPENBLAS_CORETYPE", "SkylakeX", 0);
  if (target == "avx2") ::setenv("OPENBLAS_CORETYPE", "Haswell", 0);
  if (target == "sse4") ::setenv("OPENBLAS_CORETYPE", "Nehalem", 0);
  // libtorch's own kernels: it knows neither SSE4 nor less by name.
  ::setenv("ATEN_CPU_CAPABILITY", target == "avx512" || target == "avx2" ? target.c_str() : "default", 0);
  const std::string number = std::to_string(threads);
  ::setenv("OPENBLAS_NUM_THREADS", number.c_str(), 1);
  ::setenv("OMP_NUM_THREADS", number.c_str(), 1);
  // Threads that spin while they wait stall each other on busy cores.
  ::setenv("OMP_WAIT_POLICY", "PASSIVE", 0);
}

fs::path find_engine(const std::string& name) {
  std::error_code error;
  const fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (const fs::path& engine : {folder / name, folder / "../libexec/turnpike" / name})
    if (::access(engine.c_str(), X_OK) == 0) return engine;
  throw Error(fmt::format("the engine '{}' is missing beside turnpike in '{}': build or install it again", name,
                          folder.string()));
}

int run(int argc, char** argv) {
  const Invocation invocation = parse_command_line(argc, argv);
  if (!invocation.answer.empty()) {
    if (std::fputs(invocation.answer.c_str(), stdout) < 0 || std::fflush(stdout) != 0)
      throw Error(fmt::format("cannot write to standard output: {}", std::strerror(errno)));
    return static_cast<int>(ExitCode::done);
  }
  const fs::path engine = find_engine(invocation.verb->engine);
  set_environment(thread_count(invocation));
  ::execv(engine.c_str(), argv);
  throw Error(fmt::format("cannot start '{}': {}", engine.string(), std::strerror(errno)));
}

}  // namespace
}  // namespace turnpike

int main(int argc, char** argv) {
  try {
    return turnpike::run(argc, argv);
  } catch (const turnpike::Error& error) {
    fmt::print(stderr, "turnpike: {}\n", error.what());
    return static_cast<int>(error.exit_code());
  } catch (const std::exception& error) {
    fmt::print(stderr, "turnpike: {}\n", error.what());
    return static_cast<int>(turnpike::ExitCode::failed);
  }
}
