// Measurements that several studies make.
#pragma once

#include <functional>
#include <vector>

#include <turnpike/flow/vector_field.h>
#include <turnpike/math/fit.h>
#include <turnpike/math/random.h>
#include <turnpike/study/study.h>

namespace turnpike {

// error(h) ~ C h^p on h_0, h_0/2, ...: the slope over the finest `points` refinements whose error is above the floor
// (coarser steps lie outside the asymptotic range, finer ones in round-off).
struct OrderMeasurement {
  std::vector<double> h, error;  // all refinements
  LineFit fit;                   // slope: the order
};
OrderMeasurement measure_order(const std::function<double(double h)>& error, double h0, int refinements,
                               double floor = 1e-12, int points = 5);

// u: [0, T] -> R^P smooth and random, u(t) = a + b sin(2 pi t / T) + c cos(2 pi t / T), with `field`'s initial controls
// for a, b, c; as values [1, P] at a time.
std::function<Tensor(double t)> smooth_control(const VectorField& field, double horizon, double scale, Random& random);

// x_dot = f(t, x; u(t)) as a field without control (its one parameter is not read): schemes then see u at every time
// that they ask for.
FieldPtr controlled(FieldPtr field, std::function<Tensor(double t)> control);

// Normal numbers, float64.
Tensor normal_tensor(std::vector<std::int64_t> shape, Random& random);

// Checks of a quantity that was measured in several repetitions: all of them must hold, so the check shows the worst. A
// repetition that is not a number fails it. The interval is that of the mean.
Check check_each_equal(std::string claim, std::string quantity, std::string unit, double predicted,
                       const std::vector<double>& measured, double tolerance);
Check check_each_at_most(std::string claim, std::string quantity, std::string unit, double bound,
                         const std::vector<double>& measured, double tolerance = 0);
Check check_each_at_least(std::string claim, std::string quantity, std::string unit, double bound,
                          const std::vector<double>& measured, double tolerance = 0);

// Values of a tensor as numbers, row by row.
std::vector<double> numbers(const Tensor& tensor);

}  // namespace turnpike
