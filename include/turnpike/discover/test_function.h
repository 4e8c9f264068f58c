// Test functions of the weak form: products over the axes of
//
//   phi(s) = (1 - s^2)^p,  s = (x - x_k) / (m dx),  |s| <= 1
//
// m (half width in grid points) and p are chosen from the data's spectrum (Messenger, Bortz 2021, appendix A): k* is
// the corner of the accumulated amplitudes, where signal gives way to noise; m such that k* lies two deviations in the
// tail of phi's spectrum, taken as Gaussian; p such that phi has fallen to 1e-10 one point before its end. Wide test
// functions average noise away, narrow ones keep detail.
#pragma once

#include <vector>

#include <turnpike/discover/measurement.h>

namespace turnpike {

struct TestFunction {
  int half_width = 1;  // m
  int power = 1;       // p

  // d^order phi at the points -m .. m, spacing dx; order < power, so that it vanishes at both ends. Corrected, by
  // little where phi spans many points, so that sums go by parts as integrals do: exactly for polynomials up to degree
  // min(10, 2 m).
  std::vector<double> values(int order, double dx) const;  // [2 m + 1]
};

// `amplitude` [n/2 + 1]: mean |Fourier coefficient| of the data along an axis of n points, constant part first.
int spectrum_corner(const std::vector<double>& amplitude);

// p as above, larger than `highest_order`.
TestFunction test_function_of_width(int half_width, int highest_order);

// `highest_order`: of the derivatives it must bear. At most `widest`.
TestFunction choose_test_function(const std::vector<double>& amplitude, int n, int highest_order, int widest);

// Mean amplitude along an axis over a sample of lines (at most 512, evenly spread), of real and imaginary parts alike.
std::vector<double> mean_amplitude(const Measurement& measurement, const Field& field, int axis);

}  // namespace turnpike
