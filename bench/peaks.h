// What this machine can do, measured: the roofs that achieved rates are set beside.
//
//   Peaks peaks = measure_peaks(/*threads=*/2);     // half a second
//   double fraction = flops / seconds / peaks.flops(at_double);
#pragma once

#include <cstdint>

namespace turnpike {

struct Peaks {
  int threads = 1;
  double fma_f32 = 0, fma_f64 = 0;    // FLOP/s of independent multiply-adds in registers, all threads together
  double gemm_f32 = 0, gemm_f64 = 0;  // FLOP/s of BLAS, matrices of 1024 x 1024: measure_products() fills them in
  double memory = 0, cache = 0;       // bytes/s of a = b + s c: arrays far beyond the caches, and in a core's own cache
};

// The best of several short runs, by the best vector instructions of the machine.
Peaks measure_peaks(int threads);

}  // namespace turnpike
