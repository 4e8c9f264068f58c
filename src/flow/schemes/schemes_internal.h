// The constructors that scheme_table() lists; one file a scheme (explicit Runge-Kutta schemes are one file and a
// tableau each).
#pragma once

#include <turnpike/flow/scheme.h>
#include <turnpike/math/tableau.h>

namespace turnpike {

SchemePtr explicit_runge_kutta(const Tableau& tableau);
SchemePtr symplectic_euler();
SchemePtr verlet();
SchemePtr implicit_midpoint();
SchemePtr implicit_euler();

// z = x0 + s f(t, z), differentiable twice; NoConvergence if Newton's method fails.
Tensor implicit_stage(const Rates& rates, double t, double s, const Tensor& x0);

}  // namespace turnpike
