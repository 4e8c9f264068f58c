// The methods behind turnpike/discover/derivative.h.
#pragma once

#include <turnpike/discover/derivative.h>

namespace turnpike {

struct Line {
  const DerivativeOptions& options;
  const std::string& axis;
  const std::vector<double>& points;
  int order;
  double noise_deviation;
};

std::unique_ptr<LineDerivative> finite_difference(const Line& line);
std::unique_ptr<LineDerivative> local_polynomial(const Line& line);
std::unique_ptr<LineDerivative> spectral_derivative(const Line& line);
std::unique_ptr<LineDerivative> smoothing_spline(const Line& line);

// The outer one of what the inner one gives.
std::unique_ptr<LineDerivative> composed(std::unique_ptr<LineDerivative> inner, std::unique_ptr<LineDerivative> outer);

// out_i = sum_k weight_ik u_(first_i + k); rows without weights give zero.
class Stencils : public LineDerivative {
 public:
  struct Row {
    std::size_t first = 0;
    std::vector<double> weights;
  };
  std::vector<Row> rows;
  void apply(std::span<const double> u, std::span<double> out) const override;
};

}  // namespace turnpike
