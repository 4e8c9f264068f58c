#include <turnpike/pde/etdrk4.h>

#include <gtest/gtest.h>

#include <cmath>

#include <turnpike/math/fit.h>
#include <turnpike/math/tableau.h>

namespace turnpike {
namespace {

using Complex = std::complex<double>;
using Long = std::complex<long double>;
using Modes = EtdRk4::Modes;

// phi_k(z) = sum_j z^j / (j + k)!
Long phi(int k, Long z) {
  if (std::abs(z) > 5) {  // phi_0 = e^z, phi_(k+1) = (phi_k - 1 / k!) / z
    Long value = std::exp(z);
    long double factorial = 1;
    for (int i = 0; i < k; ++i, factorial *= i) value = (value - 1 / factorial) / z;
    return value;
  }
  Long term = 1, sum = 0;
  for (int i = 1; i <= k; ++i) term /= static_cast<long double>(i);
  for (int j = 0; j < 200; ++j) sum += term, term *= z / static_cast<long double>(j + k + 1);
  return sum;
}

TEST(EtdRk4, CoefficientsAreThePhiFunctions) {
  // h phi_1(z/2) / 2;  f1 = phi_1 - 3 phi_2 + 4 phi_3,  f2 = phi_2 - 2 phi_3,  f3 = 4 phi_3 - phi_2.
  const double h = 0.3;
  for (const Complex z : {Complex(0),
                          {1e-9, 0},
                          {-0.3, 0},
                          {0, 0.5},
                          {0.999, 0},
                          {-1.001, 0},
                          {0, 1},
                          {-3, 4},
                          {-40, 0},
                          {0, 1e3},
                          {-1e6, 0}}) {
    const Modes linear = {z / h};
    const EtdCoefficients c = etd_coefficients(linear, h);
    const Long w = Long(z);
    const Long f1 = phi(1, w) - 3.0L * phi(2, w) + 4.0L * phi(3, w), f2 = phi(2, w) - 2.0L * phi(3, w),
               f3 = 4.0L * phi(3, w) - phi(2, w);
    EXPECT_LT(std::abs(Long(c.phi[0]) - 0.3L * phi(1, w / 2.0L) / 2.0L), 1e-15) << z;
    EXPECT_LT(std::abs(Long(c.f1[0]) - 0.3L * f1), 4e-15) << z;
    EXPECT_LT(std::abs(Long(c.f2[0]) - 0.3L * f2), 4e-15) << z;
    EXPECT_LT(std::abs(Long(c.f3[0]) - 0.3L * f3), 4e-15) << z;
    EXPECT_LT(std::abs(c.whole[0] - std::exp(z)), 1e-12) << z;
    EXPECT_LT(std::abs(c.half[0] * c.half[0] - c.whole[0]), 1e-12) << z;
  }
}

// A stiff, an oscillating and a resting entry, coupled.
void coupled(const Modes& v, Modes& rate) {
  rate[0] = v[1] * v[2] + 1.0;
  rate[1] = std::sin(v[0].real()) - v[1] * v[2];
  rate[2] = v[0] * v[0] - std::norm(v[1]);
}

Modes run(const Modes& linear, int n, double end) {
  EtdRk4 scheme(linear, &coupled);
  Modes v = {0.3, {0.5, 0.2}, -0.4}, rate(3);
  for (int k = 0; k < n; ++k) {
    scheme.rate(v, rate);
    scheme.step(end / n, v, rate, v);
  }
  return v;
}

TEST(EtdRk4, OrderFour) {
  const Modes linear = {-30, {0, 5}, 0}, exact = run(linear, 16384, 2);
  std::vector<double> steps, errors;
  for (int n = 256; n <= 2048; n *= 2) {
    const Modes v = run(linear, n, 2);
    double error = 0;
    for (int i = 0; i < 3; ++i) error += std::abs(v[i] - exact[i]);
    steps.push_back(2.0 / n);
    errors.push_back(error);
  }
  EXPECT_NEAR(fit_order(steps, errors, 1e-13).slope, 4, 0.15);
}

TEST(EtdRk4, WithoutLinearTermsItIsRungeKutta) {
  const Tableau& rk4 = rk4_tableau();
  Modes v = {0.3, {0.5, 0.2}, -0.4}, next = v;
  const double h = 0.1;
  std::vector<Modes> k(4, Modes(3));
  for (int s = 0; s < 4; ++s) {
    Modes stage = v;
    for (int j = 0; j < s; ++j)
      for (int i = 0; i < 3; ++i) stage[i] += h * rk4.a[s][j] * k[j][i];
    coupled(stage, k[s]);
    for (int i = 0; i < 3; ++i) next[i] += h * rk4.b[s] * k[s][i];
  }
  EtdRk4 scheme({0, 0, 0}, &coupled);
  Modes rate(3);
  scheme.rate(v, rate);
  scheme.step(h, v, rate, v);
  for (int i = 0; i < 3; ++i) EXPECT_LT(std::abs(v[i] - next[i]), 1e-15);
  EXPECT_EQ(scheme.evaluations(), 4);
}

TEST(EtdRk4, LinearEquationsAreExact) {
  EtdRk4 scheme({-1e4, {0, 7}, 0.1}, [](const Modes&, Modes& rate) { std::fill(rate.begin(), rate.end(), 0.0); });
  Modes v = {1, 1, 1}, rate(3);
  for (int k = 0; k < 10; ++k) scheme.step(0.5, v, rate, v);
  EXPECT_LT(std::abs(v[0]), 1e-300);
  EXPECT_LT(std::abs(v[1] - std::polar(1.0, 35.0)), 1e-13);
  EXPECT_NEAR(v[2].real(), std::exp(0.5), 1e-14);
}

}  // namespace
}  // namespace turnpike
