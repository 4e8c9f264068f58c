// The laws that schemes, fields and operators obey, as checks that you can run on your own. They need no test
// framework:
//
//   Law law = expect_field(*my_field, /*seed=*/1);
//   if (!law.holds) throw std::runtime_error(law.text);       // or EXPECT_TRUE(law.holds) << law.text;
//
// All compute in float64.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <turnpike/core/linear_operator.h>
#include <turnpike/flow/flow.h>

namespace turnpike {

struct Law {
  bool holds = false;
  std::string text;  // what was claimed, what was measured
  double measured = 0;
  explicit operator bool() const { return holds; }
};

// All of several laws: holds if each does; the text is that of the first that fails.
Law all_of(const std::vector<Law>& laws);

// error(h) ~ C h^order: the slope of log error against log h over the five finest of h0, h0/ratio, ... whose error is
// above `floor` (round-off). Passes within 0.15.
Law expect_order(const std::string& what, const std::function<double(double h)>& error, double order, double h0,
                 int steps = 7, double floor = 1e-12, double ratio = 2);

// The scheme's declared order on a nonlinear, non-autonomous, vector-valued problem (partitioned, so that every scheme
// runs it).
Law expect_order(const Scheme& scheme);
// The order of its quadrature for the running cost, on the same problem.
Law expect_quadrature_order(const Scheme& scheme);
// Dense output between steps: the local error at theta = 0.4 has order min(order, 3) + 1, of dopri5 5.
Law expect_dense_order(const Scheme& scheme);

// inverse(step(x)) = x to `tolerance` times the states' size, where the scheme declares it.
Law expect_reversible(const Scheme& scheme, double tolerance = 1e-12);

// A symplectic scheme's Jacobian M satisfies M' J M = J, to `tolerance`.
Law expect_symplectic(const Scheme& scheme, double tolerance = 1e-11);

// <A v, w> = <v, A' w> for random v, w, relative to |A v| |w|.
Law expect_adjoint(const LinearOperator& a, std::uint64_t seed, double tolerance = 1e-12);

// f(x + e v) - f(x) - e <grad f, v> = O(e^2): the Taylor remainder's slope is 2 within 0.1.
Law expect_gradient(const std::function<Tensor(const Tensor&)>& f, const Tensor& x, std::uint64_t seed);
// The same one derivative up: <grad f(x + e v) - grad f(x) - e H v, w> has slope 2.
Law expect_hessian(const std::function<Tensor(const Tensor&)>& f, const Tensor& x, std::uint64_t seed);

// The quantity stays within `tolerance` (relative to its first value, or absolute below 1) of its first value.
Law expect_conserves(const std::string& what, const std::vector<double>& values, double tolerance);

// Everything a field promises: shapes, samples independent of each other, finite values, derivatives by Taylor slope,
// each declared fact (rest, homogeneity, partition) and the Lipschitz bound on random pairs.
Law expect_field(const VectorField& field, std::uint64_t seed);

// Two gradients of one flow agree: relative difference of all derivatives (x0, control) below `tolerance`.
Law expect_same_gradient(const Flow& a, const Flow& b, const Tensor& x0, const Tensor& control, double tolerance);

}  // namespace turnpike
