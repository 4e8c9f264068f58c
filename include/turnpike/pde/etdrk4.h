// Exponential time differencing of order 4 for v' = L v + N(v) with a diagonal L, as a Fourier method gives it: stiff
// linear terms cost nothing, the step is chosen for N alone.
//
//   a = e^(hL/2) v + h phi N(v),  b = e^(hL/2) v + h phi N(a),  c = e^(hL/2) a + h phi (2 N(b) - N(v)),
//   v1 = e^(hL) v + h (f1 N(v) + 2 f2 (N(a) + N(b)) + f3 N(c)),        phi = (e^(z/2) - 1) / z, z = h L, and
//   f1 = (-4 - z + e^z (4 - 3z + z^2)) / z^3,  f2 = (2 + z + e^z (z - 2)) / z^3,  f3 = (-4 - 3z - z^2 + e^z (4 - z)) /
//   z^3
//
// Near z = 0 these are means over a circle around z, where the formulas themselves would lose all digits. With L = 0 it
// is the classical Runge-Kutta scheme. Guarantees: order 4; exact where N = 0; four evaluations of N a step. Cost: the
// coefficients of a step length are computed once and kept for the lengths used last.
// Sources: Cox and Matthews 2002, doi:10.1006/jcph.2002.6995; Kassam and Trefethen 2005, doi:10.1137/S1064827502410633.
#pragma once

#include <complex>
#include <functional>
#include <list>
#include <span>
#include <vector>

namespace turnpike {

struct EtdCoefficients {
  std::vector<std::complex<double>> whole, half, phi, f1, f2, f3;  // of each entry; phi and f carry the factor h
};
EtdCoefficients etd_coefficients(std::span<const std::complex<double>> linear, double h);

class EtdRk4 {
 public:
  using Modes = std::vector<std::complex<double>>;
  using Nonlinearity = std::function<void(const Modes& v, Modes& rate)>;  // sets all of rate

  EtdRk4(Modes linear, Nonlinearity nonlinearity);

  void rate(const Modes& v, Modes& out) { nonlinearity_(v, out), ++evaluations_; }
  // One step from v with N(v) given; `out` may be v.
  void step(double h, const Modes& v, const Modes& rate_of_v, Modes& out);
  long evaluations() const { return evaluations_; }

 private:
  Modes linear_;
  Nonlinearity nonlinearity_;
  std::list<std::pair<double, EtdCoefficients>> known_;  // the one used last in front
  Modes a_, b_, c_, n_a_, n_b_, n_c_;
  long evaluations_ = 0;
  const EtdCoefficients& coefficients(double h);
};

}  // namespace turnpike
