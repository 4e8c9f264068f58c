#include <turnpike/pde/etdrk4.h>

#include <cmath>
#include <numbers>

#include <turnpike/base/error.h>

namespace turnpike {
namespace {

using Complex = std::complex<double>;

constexpr std::size_t lengths_kept = 4;

struct Functions {
  Complex phi, f1, f2, f3;
};

Functions direct(Complex z) {
  const Complex e = std::exp(z), cube = z * z * z;
  return {(std::exp(z / 2.0) - 1.0) / z, (-4.0 - z + e * (4.0 - 3.0 * z + z * z)) / cube,
          (2.0 + z + e * (z - 2.0)) / cube, (-4.0 - 3.0 * z - z * z + e * (4.0 - z)) / cube};
}

// An analytic function is its mean over a circle; the trapezoidal rule converges there faster than any power.
Functions circle_mean(Complex z) {
  constexpr int n = 32;
  constexpr double radius = 2;
  Functions mean{};
  for (int j = 0; j < n; ++j) {
    const Functions f = direct(z + std::polar(radius, 2 * std::numbers::pi * (j + 0.5) / n));
    mean.phi += f.phi, mean.f1 += f.f1, mean.f2 += f.f2, mean.f3 += f.f3;
  }
  const double w = 1.0 / n;
  return {mean.phi * w, mean.f1 * w, mean.f2 * w, mean.f3 * w};
}

Functions functions_at(Complex z) {
  const Functions f = std::abs(z) < 1 ? circle_mean(z) : direct(z);
  if (z.imag() != 0) return f;
  return {f.phi.real(), f.f1.real(), f.f2.real(), f.f3.real()};
}

}  // namespace

EtdCoefficients etd_coefficients(std::span<const Complex> linear, double h) {
  const std::size_t n = linear.size();
  EtdCoefficients c;
  for (std::vector<Complex>* all : {&c.whole, &c.half, &c.phi, &c.f1, &c.f2, &c.f3}) all->resize(n);
  for (std::size_t i = 0; i < n; ++i) {
    const Complex z = h * linear[i];
    // Entries often repeat from one to the next: all zero, or fields with the same operator.
    if (i > 0 && linear[i] == linear[i - 1]) {
      for (std::vector<Complex>* all : {&c.whole, &c.half, &c.phi, &c.f1, &c.f2, &c.f3}) (*all)[i] = (*all)[i - 1];
      continue;
    }
    const Functions f = functions_at(z);
    c.whole[i] = std::exp(z);
    c.half[i] = std::exp(z / 2.0);
    c.phi[i] = h * f.phi;
    c.f1[i] = h * f.f1;
    c.f2[i] = h * f.f2;
    c.f3[i] = h * f.f3;
  }
  return c;
}

EtdRk4::EtdRk4(Modes linear, Nonlinearity nonlinearity)
    : linear_(std::move(linear)), nonlinearity_(std::move(nonlinearity)) {
  for (Modes* work : {&a_, &b_, &c_, &n_a_, &n_b_, &n_c_}) work->resize(linear_.size());
}

const EtdCoefficients& EtdRk4::coefficients(double h) {
  for (auto known = known_.begin(); known != known_.end(); ++known) {
    if (known->first != h) continue;
    known_.splice(known_.begin(), known_, known);
    return known_.front().second;
  }
  if (known_.size() == lengths_kept) known_.pop_back();
  known_.emplace_front(h, etd_coefficients(linear_, h));
  return known_.front().second;
}

void EtdRk4::step(double h, const Modes& v, const Modes& n_v, Modes& out) {
  const std::size_t n = linear_.size();
  require(v.size() == n && n_v.size() == n && out.size() == n, "a step needs as many values as the operator has");
  const EtdCoefficients& c = coefficients(h);
  for (std::size_t i = 0; i < n; ++i) a_[i] = c.half[i] * v[i] + c.phi[i] * n_v[i];
  rate(a_, n_a_);
  for (std::size_t i = 0; i < n; ++i) b_[i] = c.half[i] * v[i] + c.phi[i] * n_a_[i];
  rate(b_, n_b_);
  for (std::size_t i = 0; i < n; ++i) c_[i] = c.half[i] * a_[i] + c.phi[i] * (2.0 * n_b_[i] - n_v[i]);
  rate(c_, n_c_);
  for (std::size_t i = 0; i < n; ++i)
    out[i] = c.whole[i] * v[i] + c.f1[i] * n_v[i] + 2.0 * c.f2[i] * (n_a_[i] + n_b_[i]) + c.f3[i] * n_c_[i];
}

}  // namespace turnpike
