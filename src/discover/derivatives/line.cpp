#include <fmt/format.h>

#include <turnpike/base/error.h>

#include "line_internal.h"

namespace turnpike {
namespace {

struct Method {
  const char* name;
  std::unique_ptr<LineDerivative> (*make)(const Line&);
};
constexpr Method methods[] = {{"finite_difference", finite_difference},
                              {"polynomial", local_polynomial},
                              {"spectral", spectral_derivative},
                              {"spline", smoothing_spline}};

class Identity : public LineDerivative {
 public:
  void apply(std::span<const double> u, std::span<double> out) const override {
    std::copy(u.begin(), u.end(), out.begin());
  }
};

}  // namespace

void Stencils::apply(std::span<const double> u, std::span<double> out) const {
  require(u.size() == rows.size() && out.size() == rows.size(),
          fmt::format("a derivative of {} points got {} and gives {}", rows.size(), u.size(), out.size()));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    double sum = 0;
    for (std::size_t k = 0; k < rows[i].weights.size(); ++k) sum += rows[i].weights[k] * u[rows[i].first + k];
    out[i] = sum;
  }
}

const std::vector<std::string>& derivative_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const Method& method : methods) all.push_back(method.name);
    return all;
  }();
  return names;
}

std::unique_ptr<LineDerivative> line_derivative(const DerivativeOptions& options, const std::string& axis,
                                                const std::vector<double>& points, int order, double noise_deviation) {
  if (order == 0) return std::make_unique<Identity>();
  for (const Method& method : methods)
    if (options.method == method.name) return method.make({options, axis, points, order, noise_deviation});
  throw InputError(
      fmt::format("unknown derivative '{}'; known are {}", options.method, fmt::join(derivative_names(), ", ")));
}

}  // namespace turnpike
