// Whole sweeps of Runge-Kutta steps for small layers, d <= 4, tanh or ReLU: the state of a few vectors of samples stays
// in registers from step to step, the activation and the cost are inlined. The same numbers to rounding as step by step
// on strips, in a third of the time.
#pragma once

#include <cstdint>

#include "strips_internal.h"

namespace turnpike {

inline constexpr int max_sweep_dimension = 4;

// Vectors of samples in a block.
constexpr std::int64_t sweep_vectors(std::int64_t d) {
  return d == 1 ? 8 : d == 2 ? 4 : 2;
}

// What a sweep reads and writes of one block; strips as in strips_internal.h, d dimensions of `width` entries each.
template <class T>
struct SweepTask {
  const T* table = nullptr;           // parameter rows: W [d, d], b [d]
  const std::int64_t* row = nullptr;  // [K * stages] of the table
  const T* h = nullptr;               // [K]

  // The tableau: A [stages, stages], b [stages]. One stage: Euler.
  int stages = 1;
  const T *A = nullptr, *b = nullptr;

  T* x = nullptr;      // states: K + 1 strips if kept, else one that is overwritten
  T* y = nullptr;      // points of the later stages: K (stages - 1) strips, if kept
  T* aux = nullptr;    // K stages strips, if kept: what the way back needs of the activation
  T* rates = nullptr;  // of a step: `stages` strips

  // Running cost weight |P x + c - y|^2, or cross entropy of classes y; m = 0: none.
  bool entropy = false;
  std::int64_t m = 0;
  const T *P = nullptr, *c = nullptr, *target = nullptr;
  T* integral = nullptr;  // null: not wanted

  // Backward.
  T* a = nullptr;  // cotangent of the state
  const T* integral_bar = nullptr;
  T* sums = nullptr;
  const std::int64_t* sum_of = nullptr;  // [K * stages]
  T* readout_sums = nullptr;             // of P, then c; null: not wanted
};

// The largest m of a cost that a sweep computes.
inline constexpr std::int64_t max_sweep_outputs = 16;

template <class T>
struct SweepKernels {
  // Steps first .. last - 1; `kept`: the trajectory is written, and the integral left to the way back.
  using Forward = void (*)(const SweepTask<T>& task, std::int64_t first, std::int64_t last);
  using Backward = Forward;  // steps last - 1 .. first, from a kept trajectory; adds to the integral if it is wanted
  struct Dimension {
    Forward forward, forward_kept;
    Backward backward;
  };
  Dimension by_dimension[max_sweep_dimension + 1];
};

// Of one stage, and of several. Null where there is none, as on machines without vector instructions.
template <class T>
const SweepKernels<T>* euler_sweeps(bool inner, Activation activation);
template <class T>
const SweepKernels<T>* runge_kutta_sweeps(bool inner, Activation activation);
template <>
const SweepKernels<float>* euler_sweeps<float>(bool inner, Activation activation);
template <>
const SweepKernels<double>* euler_sweeps<double>(bool inner, Activation activation);
template <>
const SweepKernels<float>* runge_kutta_sweeps<float>(bool inner, Activation activation);
template <>
const SweepKernels<double>* runge_kutta_sweeps<double>(bool inner, Activation activation);

}  // namespace turnpike
