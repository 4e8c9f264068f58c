// Linked into every test program of a build with TURNPIKE_SANITIZE: the sanitizers' settings, and the leaks not ours.

extern "C" const char* __asan_default_options() {
  return "detect_stack_use_after_return=1";
}

extern "C" const char* __ubsan_default_options() {
  return "print_stacktrace=1";
}

// libtorch keeps its registries and its threads' state until the process ends.
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libtorch_cpu.so\n";
}
