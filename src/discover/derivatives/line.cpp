#include <fmt/format.h>

#include <algorithm>

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

class Composed : public LineDerivative {
 public:
  Composed(std::unique_ptr<LineDerivative> inner, std::unique_ptr<LineDerivative> outer)
      : inner_(std::move(inner)), outer_(std::move(outer)) {
    margin = inner_->margin + outer_->margin;
    needs_whole_line = inner_->needs_whole_line || outer_->needs_whole_line;
  }
  void apply(std::span<const double> u, std::span<double> out) const override {
    std::vector<double> between(u.size());
    inner_->apply(u, between);
    outer_->apply(between, out);
  }

 private:
  std::unique_ptr<LineDerivative> inner_, outer_;
};

}  // namespace

std::unique_ptr<LineDerivative> composed(std::unique_ptr<LineDerivative> inner, std::unique_ptr<LineDerivative> outer) {
  return std::make_unique<Composed>(std::move(inner), std::move(outer));
}

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

std::unique_ptr<LineDerivative> finer_derivative(const DerivativeOptions& options, const std::string& axis,
                                                 const std::vector<double>& points, int order, double noise_deviation) {
  if (order == 0) return std::make_unique<Identity>();
  DerivativeOptions finer = options;
  if (options.method == "finite_difference") {
    finer.accuracy += options.accuracy < 12 ? 2 : -2;
  } else if (options.method == "polynomial") {
    finer.degree += 2;
    finer.half_width = std::max(finer.half_width, finer.degree / 2 + 1);
  } else {
    finer = {.accuracy = options.method == "spline" ? 6 : 12};
  }
  auto derivative = line_derivative(finer, axis, points, order);
  if (options.method != "spline") return derivative;
  return composed(smoothing_spline({options, axis, points, 0, noise_deviation / 4}), std::move(derivative));
}

}  // namespace turnpike
