// Integrates x_dot = f(t, x; u(t)) and says how it went: on a given mesh, or with steps chosen from the error estimate.
//
//   Outcome<Trajectory> run = integrate({.field = f, .grid = g, .scheme = make_scheme("dopri5")}, values, x0,
//   {.save_times = {0, 1}}); if (!run) std::cerr << run.failure().text();          // run.partial() holds the
//   trajectory up to there
//
// No gradient is recorded. Failures: divergence (a state is not finite or exceeds the bound), step_underflow,
// step_limit, no_convergence (of an implicit scheme).
#pragma once

#include <optional>
#include <vector>

#include <turnpike/base/outcome.h>
#include <turnpike/flow/control.h>
#include <turnpike/flow/mesh.h>
#include <turnpike/flow/scheme.h>
#include <turnpike/flow/vector_field.h>

namespace turnpike {

// Proportional-integral control of the step: h_new = h * safety * e_n^(-0.7/q) * e_{n-1}^(0.4/q), q = embedded order +
// 1, e = max over samples of the root mean square of error / (atol + rtol max(|x0|, |x1|)). Gustafsson (1991), Hairer &
// Wanner IV.2.
struct StepController {
  double rtol = 1e-6, atol = 1e-9;
  double first_step = 0;  // 0: chosen from the rate (Hairer, Norsett & Wanner II.4)
  double safety = 0.9, max_growth = 5, max_shrink = 0.2;
  double min_step = 0;              // 0: 16 ulp of the current time
  std::int64_t max_steps = 100000;  // accepted and rejected
};

struct Dynamics {
  FieldPtr field;
  ControlGrid grid;
  SchemePtr scheme;
};

struct IntegrateOptions {
  std::optional<Mesh> mesh;  // fixed steps; otherwise `controller` chooses (embedded schemes only)
  StepController controller;
  std::vector<double> save_times;  // dense output there; empty: every accepted step
  double divergence_bound = 1e12;  // on |x|_inf
  std::vector<double> horizons;    // [N] or empty: sample i stops at horizons[i] <= T and keeps that state
};

struct Trajectory {
  std::vector<double> times;  // [n]
  Tensor states;              // [n, N, d]
  std::vector<double> mesh;   // accepted step times
  std::int64_t evaluations = 0, accepted = 0, rejected = 0;
};

Outcome<Trajectory> integrate(const Dynamics& dynamics, const Tensor& control, const Tensor& x0,
                              const IntegrateOptions& options = {});

}  // namespace turnpike
