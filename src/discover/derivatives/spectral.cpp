#include <fmt/format.h>

#include <cmath>
#include <complex>

#include <turnpike/base/error.h>
#include <turnpike/math/fourier.h>

#include "line_internal.h"

namespace turnpike {
namespace {

class Spectral : public LineDerivative {
 public:
  Spectral(std::int64_t n, double step, int order)
      : fourier_({n}), factors_(static_cast<std::size_t>(fourier_.n_modes())) {
    needs_whole_line = true;
    const std::vector<double> k = wavenumbers(n, static_cast<double>(n) * step);
    for (std::size_t i = 0; i < factors_.size(); ++i) factors_[i] = std::pow(std::complex<double>(0, k[i]), order);
    if (n % 2 == 0 && order % 2) factors_.back() = 0;  // the highest mode has no odd derivative on the grid
  }
  void apply(std::span<const double> u, std::span<double> out) const override {
    std::vector<std::complex<double>> modes(factors_.size());
    fourier_.forward(u, modes);
    for (std::size_t i = 0; i < modes.size(); ++i) modes[i] *= factors_[i];
    fourier_.inverse(modes, out);
  }

 private:
  RealFourier fourier_;
  std::vector<std::complex<double>> factors_;
};

}  // namespace

std::unique_ptr<LineDerivative> spectral_derivative(const Line& line) {
  const std::size_t n = line.points.size();
  const double step = (line.points.back() - line.points.front()) / static_cast<double>(n - 1);
  for (std::size_t i = 1; i < n; ++i)
    if (std::abs(line.points[i] - line.points[i - 1] - step) > 1e-4 * step)
      throw InputError(fmt::format("the steps of axis {} differ; a spectral derivative needs equal ones", line.axis));
  return std::make_unique<Spectral>(static_cast<std::int64_t>(n), step, line.order);
}

}  // namespace turnpike
