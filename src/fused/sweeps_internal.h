// Whole sweeps of Euler steps for small layers, d <= 4, tanh or ReLU: state, weights and gradient sums in registers,
// the activation and the squared cost inlined. The same numbers as the kernels on strips, in two thirds of their time.
#pragma once

#include <cstdint>

#include "strips_internal.h"

namespace turnpike {

inline constexpr int max_sweep_dimension = 4;

// What a sweep reads and writes of one block; strips as in strips_internal.h, d dimensions of `width` entries each.
template <class T>
struct SweepTask {
  std::int64_t width = 0;
  const T* table = nullptr;           // parameter rows: W [d, d], b [d]
  const std::int64_t* row = nullptr;  // [K] of the table
  const T* h = nullptr;               // [K]
  T* x = nullptr;                     // states: K + 1 strips if kept, else one that is overwritten
  T* aux = nullptr;                   // K strips, if kept: sigma(x) of an inner layer, sigma'(W x + b) of an outer one
  // Running cost weight_k |P x_k + c - y|^2; m = 0: none.
  std::int64_t m = 0;
  const T *P = nullptr, *c = nullptr, *y = nullptr, *weight = nullptr;
  T* integral = nullptr;  // null: not wanted
  // Backward.
  T* a = nullptr;  // cotangent of the state
  const T* integral_bar = nullptr;
  T* sums = nullptr;                     // null: not wanted
  const std::int64_t* sum_of = nullptr;  // [K]
  T* readout_sums = nullptr;             // of P, then c; null: not wanted
};

template <class T>
struct SweepKernels {
  // Steps first .. last - 1; `kept`: the trajectory is written, and the integral left to the way back.
  using Forward = void (*)(const SweepTask<T>& task, std::int64_t first, std::int64_t last);
  using Backward = Forward;  // steps last - 1 .. first, from a kept trajectory; adds to the integral if it is wanted
  Forward forward[max_sweep_dimension + 1], forward_kept[max_sweep_dimension + 1];
  Backward backward[max_sweep_dimension + 1];
};

// Null where there is none, as on machines without vector instructions.
template <class T>
const SweepKernels<T>* sweep_kernels(bool inner, Activation activation);
template <>
const SweepKernels<float>* sweep_kernels<float>(bool inner, Activation activation);
template <>
const SweepKernels<double>* sweep_kernels<double>(bool inner, Activation activation);

}  // namespace turnpike
