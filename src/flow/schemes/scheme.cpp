#include <turnpike/flow/scheme.h>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/base/options.h>

#include "schemes_internal.h"

namespace turnpike {

Tensor Scheme::inverse(const Rates&, double, double, const Tensor&) const {
  throw ContractError("the scheme '" + name() +
                      "' cannot be undone; the reversible adjoint needs symplectic_euler, verlet or "
                      "implicit_midpoint");
}

// Cubic Hermite interpolation from both ends' states and rates: error O(h^4).
Tensor Scheme::dense(const StepResult& step, const Tensor& x0, double h, double theta) const {
  require(step.stages.size() >= 2, "dense output was not asked for in this step");
  const double s = theta, s2 = s * s, s3 = s2 * s;
  return (1 - 3 * s2 + 2 * s3) * x0 + (3 * s2 - 2 * s3) * step.x1 +
         h * ((s - 2 * s2 + s3) * step.stages.front() + (s3 - s2) * step.stages.back());
}

const std::vector<SchemeEntry>& scheme_table() {
  static const std::vector<SchemeEntry> table = {
      {"euler", "explicit Euler, order 1: a residual layer", [] { return explicit_runge_kutta(euler_tableau()); }},
      {"midpoint", "explicit midpoint, order 2", [] { return explicit_runge_kutta(midpoint_tableau()); }},
      {"heun", "Heun, order 2", [] { return explicit_runge_kutta(heun_tableau()); }},
      {"rk4", "classical Runge-Kutta, order 4", [] { return explicit_runge_kutta(rk4_tableau()); }},
      {"bosh3", "Bogacki-Shampine 3(2), adaptive", [] { return explicit_runge_kutta(bogacki_shampine_tableau()); }},
      {"dopri5", "Dormand-Prince 5(4), adaptive, dense output",
       [] { return explicit_runge_kutta(dormand_prince_tableau()); }},
      {"symplectic_euler", "order 1, partitioned fields, reversible", &symplectic_euler},
      {"verlet", "velocity Verlet, order 2, partitioned fields, reversible", &verlet},
      {"implicit_euler", "order 1, L-stable: damps at every step", &implicit_euler},
      {"implicit_midpoint", "order 2, symplectic, A-stable, reversible", &implicit_midpoint},
  };
  return table;
}

std::vector<std::string> scheme_names() {
  std::vector<std::string> names;
  for (const SchemeEntry& entry : scheme_table()) names.emplace_back(entry.name);
  return names;
}

SchemePtr make_scheme(std::string_view name) {
  for (const SchemeEntry& entry : scheme_table()) {
    if (name == entry.name) return entry.make();
  }
  const std::string near = did_you_mean(name, scheme_names());
  throw InputError(fmt::format("unknown scheme '{}'; {}", name,
                               near.empty() ? fmt::format("choose one of {}", fmt::join(scheme_names(), ", "))
                                            : fmt::format("did you mean '{}'?", near)));
}

}  // namespace turnpike
