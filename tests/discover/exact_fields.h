// Exact solutions as measurements.
#pragma once

#include <array>
#include <cmath>
#include <complex>
#include <functional>
#include <vector>

#include <turnpike/discover/measurement.h>

namespace turnpike::exact {

inline std::vector<double> grid(double from, double to, int n) {
  std::vector<double> points;
  for (int i = 0; i < n; ++i) points.push_back(from + (to - from) * i / (n - 1));
  return points;
}

inline Measurement field(const std::string& source, std::vector<double> x, std::vector<double> t,
                         const std::function<double(double, double)>& u) {
  Measurement m = {.source = source, .axes = {{"x", x}, {"t", t}}, .fields = {{.name = "u"}}};
  for (const double xi : x)
    for (const double ti : t) m.fields[0].values.push_back(u(xi, ti));
  return m;
}

// u_t = D u_xx: three modes.
inline Measurement heat(double diffusivity = 0.5) {
  return field("heat", grid(0, 6.2, 128), grid(0, 2, 81), [=](double x, double t) {
    double sum = 0.3;
    for (int k = 1; k <= 3; ++k) sum += std::exp(-diffusivity * k * k * t) * std::sin(k * x + k * k) / k;
    return sum;
  });
}

// u_t = (u_xx + u_yy) / 5 on a coarse grid: five modes.
inline Measurement plane_heat(int n = 32) {
  Measurement m = {.source = "plane",
                   .axes = {{"x", grid(0, 10, n)}, {"y", grid(0, 10, n)}, {"t", grid(0, 5, n)}},
                   .fields = {{.name = "u"}}};
  constexpr std::array<std::array<double, 2>, 5> modes = {{{1, 0}, {0, 1}, {2, 1}, {1, 3}, {4, 2}}};
  for (const double x : m.axes[0].points)
    for (const double y : m.axes[1].points)
      for (const double t : m.axes[2].points) {
        double u = 0;
        for (const auto& [a, b] : modes)
          u += std::exp(-0.2 * 0.39 * (a * a + b * b) * t) * std::sin(std::sqrt(0.39) * (a * x + b * y) + a + 2 * b) /
               (a + b);
        m.fields[0].values.push_back(u);
      }
  return m;
}

// u_t = -6 u u_x - u_xxx: two solitons, u = 2 d_x^2 log F (Hirota 1971).
inline Measurement kdv() {
  return field("kdv", grid(-15, 15, 256), grid(-4, 4, 121), [](double x, double t) {
    const double k1 = 0.8, k2 = 1.3, a = std::pow((k1 - k2) / (k1 + k2), 2);
    const double e1 = std::exp(k1 * (x - k1 * k1 * t)), e2 = std::exp(k2 * (x - k2 * k2 * t)), both = a * e1 * e2;
    const double f = 1 + e1 + e2 + both, fx = k1 * e1 + k2 * e2 + (k1 + k2) * both;
    const double fxx = k1 * k1 * e1 + k2 * k2 * e2 + (k1 + k2) * (k1 + k2) * both;
    return 2 * (fxx / f - fx * fx / (f * f));
  });
}

// u_t = (i/2) u_xx + i |u|^2 u: the breather from 2 sech x (Satsuma, Yajima 1974).
inline Measurement nls() {
  Measurement m = field("nls", grid(-5, 5, 200), grid(0, 3.14, 201), [](double, double) { return 0; });
  m.fields[0].values.clear();
  for (const double x : m.axes[0].points)
    for (const double t : m.axes[1].points) {
      using namespace std::complex_literals;
      const std::complex<double> u = 4.0 * std::exp(0.5i * t) *
                                     (std::cosh(3 * x) + 3.0 * std::exp(4i * t) * std::cosh(x)) /
                                     (std::cosh(4 * x) + 4 * std::cosh(2 * x) + 3 * std::cos(4 * t));
      m.fields[0].values.push_back(u.real());
      m.fields[0].imaginary.push_back(u.imag());
    }
  return m;
}

// x_t = 10 (y - x), y_t = x (28 - z) - y, z_t = x y - 8/3 z, by the classical Runge-Kutta scheme.
inline Measurement lorenz(std::array<double, 3> state = {-8, 7, 27}, int n = 5000, double step = 0.002) {
  const auto rate = [](const std::array<double, 3>& s) {
    return std::array<double, 3>{10 * (s[1] - s[0]), s[0] * (28 - s[2]) - s[1], s[0] * s[1] - 8.0 / 3 * s[2]};
  };
  Measurement m = {.source = "lorenz",
                   .axes = {{"t", grid(0, step * (n - 1), n)}},
                   .fields = {{.name = "x"}, {.name = "y"}, {.name = "z"}}};
  for (int i = 0; i < n; ++i) {
    for (std::size_t f = 0; f < 3; ++f) m.fields[f].values.push_back(state[f]);
    const auto moved = [&](const std::array<double, 3>& k, double h) {
      return std::array<double, 3>{state[0] + h * k[0], state[1] + h * k[1], state[2] + h * k[2]};
    };
    const auto k1 = rate(state), k2 = rate(moved(k1, step / 2)), k3 = rate(moved(k2, step / 2)),
               k4 = rate(moved(k3, step));
    for (std::size_t f = 0; f < 3; ++f) state[f] += step / 6 * (k1[f] + 2 * k2[f] + 2 * k3[f] + k4[f]);
  }
  return m;
}

}  // namespace turnpike::exact
