// Lecture L4's control problem where points can be steered at will: N <= d points under x_dot = W tanh(x) + b, a zero
// coordinate appended that is to reach their labels. Several studies polish it to stationary points.
//
//   Steering task = few_points(3, 3, random);                         // 3 points in R^4
//   Optimum best = optimum(task.spec, objective, task.data, {.starts = 5, .seed = 1});
#pragma once

#include <cstdint>
#include <vector>

#include <turnpike/train/polish.h>

namespace turnpike {

struct Steering {
  Dataset data;    // x [N, n_features] standard normal, y [N, 1] = +1, -1, +1, ...
  ModelSpec spec;  // width n_features + 1, W tanh(x) + b, Euler layers; horizon and layers are the caller's
};

Steering few_points(std::int64_t n, std::int64_t n_features, Random& random);

struct OptimumOptions {
  std::int64_t starts = 5;
  std::uint64_t seed = 0;
  std::int64_t iterations = 2000;  // of the polish, a start
  double tolerance = 1e-14;        // on the residual of the best
};

struct Optimum {
  Model model;
  PolishReport polish;
  std::vector<double> starts;  // J of each
};

// Best of several random starts, then polished further. Each start's polish stops at a residual of 1e-8.
Optimum optimum(ModelSpec spec, const Objective& objective, const Dataset& data, const OptimumOptions& options,
                Progress& progress = no_progress());

// phi, |u| and how stationary each layer is, along a model's depth (piecewise constant controls, smooth objectives).
struct OptimumProfile {
  std::vector<double> times;     // [K + 1]
  std::vector<double> phi;       // [K + 1] 1/N sum |P x_i(t) - y_i|^2
  std::vector<double> u;         // [K] |u_k|
  std::vector<double> residual;  // [K] |dJ/du_k| / (2 lambda h |u_k|)
  Tensor end;                    // [N, d] x(T)
  Tensor outputs;                // [K + 1, N, m] P x_i(t)
};
OptimumProfile optimum_profile(const Model& model, const Objective& objective, const Dataset& data);

}  // namespace turnpike
