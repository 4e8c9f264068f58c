// Threads of libtorch and of BLAS (at::set_num_threads does not reach OpenBLAS), memory, and the element type of a run.
#pragma once

#include <cstdint>
#include <string_view>

#include <c10/core/ScalarType.h>

namespace turnpike {

// Sets both libtorch's and BLAS's threads; n <= 0 means the cores this process may use. Returns the number set.
int set_threads(int n);

// Flushes denormals, fixes libtorch's own seed, and asks for deterministic kernels: same seed, threads and target, same
// bits.
void make_reproducible(std::uint64_t seed);

c10::ScalarType dtype_named(std::string_view name);  // "f32" or "f64"; InputError otherwise
const char* name_of(c10::ScalarType dtype);

// Peak of the bytes that libtorch's allocator has handed out since this object began and that are still held, by this
// thread and the backward passes it starts. Blocks from before count nothing, also when they are freed. Objects nest.
//
//   PeakMemory peak;
//   objective.backward();
//   use(peak.bytes());
class PeakMemory {
 public:
  PeakMemory();
  ~PeakMemory();
  PeakMemory(const PeakMemory&) = delete;
  PeakMemory& operator=(const PeakMemory&) = delete;
  std::int64_t bytes() const;

 private:
  struct State;
  State* state_;
};

}  // namespace turnpike
