// Numerical derivatives along one axis, for the strong form.
//
//   finite_difference  central, of any order of accuracy, on any grid (Fornberg 1988,
//   doi:10.1090/S0025-5718-1988-0935077-0) polynomial         least squares through the points around (Savitzky, Golay
//   1964; the same as a local fit of Chebyshev
//                      polynomials), on any grid; averages noise
//   spectral           Fourier; the field must be periodic along the axis, steps equal
//   spline             cubic smoothing spline (Reinsch 1967), as smooth as the noise seen allows; up to the third
//   derivative
//
//   auto d = line_derivative({.method = "polynomial", .half_width = 10}, axis.points, /*order=*/2);
//   d->apply(u, u_xx);                          // [n] -> [n]; zero within `margin` points of the ends
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace turnpike {

struct DerivativeOptions {
  std::string method = "finite_difference";  // derivative_names()
  int accuracy = 6;                          // finite differences: even, 2 to 12
  int half_width = 10;                       // polynomial: points on either side
  int degree = 4;                            // polynomial: of the fit, above the order of the derivative
  bool one_sided_ends = false;               // finite differences: one-sided where a central one does not fit
  bool published = false;  // as Rudy et al. 2017: orders above 3 as derivatives of the third; windows of
                           // 2 half_width points, one more on the left
};

class LineDerivative {
 public:
  virtual ~LineDerivative() = default;
  virtual void apply(std::span<const double> u, std::span<double> out) const = 0;
  std::int64_t margin = 0;        // points at either end without a derivative
  bool needs_whole_line = false;  // holes cannot be stepped around
};

const std::vector<std::string>& derivative_names();

// `noise_deviation` is what the spline smooths away. InputError where the method cannot do that order on that axis (too
// few points, unequal steps), in a sentence that names `axis`.
std::unique_ptr<LineDerivative> line_derivative(const DerivativeOptions& options, const std::string& axis,
                                                const std::vector<double>& points, int order,
                                                double noise_deviation = 0);

// A second one, to see the error of the first by: where it at least halves that error, twice the difference of the two
// bounds it. Finite differences two orders better (of order 12: two worse), polynomials two degrees higher, finite
// differences of a line that is a quarter as smoothed for splines, and of order 12 for Fourier, which is blind to an
// end that does not meet the beginning. InputError as above.
std::unique_ptr<LineDerivative> finer_derivative(const DerivativeOptions& options, const std::string& axis,
                                                 const std::vector<double>& points, int order,
                                                 double noise_deviation = 0);

}  // namespace turnpike
