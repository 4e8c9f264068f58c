#include <turnpike/study/measure.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include <ATen/ATen.h>

#include <turnpike/base/error.h>

namespace turnpike {

OrderMeasurement measure_order(const std::function<double(double h)>& error, double h0, int refinements, double floor,
                               int points) {
  OrderMeasurement result;
  std::vector<double> h, e;
  for (int k = 0; k < refinements; ++k) {
    result.h.push_back(std::ldexp(h0, -k));
    result.error.push_back(error(result.h.back()));
    if (result.error.back() > floor) {
      h.push_back(result.h.back());
      e.push_back(result.error.back());
    }
  }
  if (static_cast<int>(h.size()) > points) {
    h.erase(h.begin(), h.end() - points);
    e.erase(e.begin(), e.end() - points);
  }
  require(static_cast<int>(h.size()) == points, "too few refinements lie above round-off to measure an order");
  result.fit = fit_order(h, e);
  return result;
}

std::function<Tensor(double t)> smooth_control(const VectorField& field, double horizon, double scale, Random& random) {
  const Tensor parts = field.initial_control(3, scale, random);
  return [parts, horizon](double t) -> Tensor {
    const double phase = 2 * std::numbers::pi * t / horizon;
    return parts[0] + std::sin(phase) * parts[1] + std::cos(phase) * parts[2];
  };
}

FieldPtr controlled(FieldPtr field, std::function<Tensor(double t)> control) {
  return make_field(field->name(), field->dimension(), 1,
                    [field, control = std::move(control)](double t, const Tensor& x, const Tensor&) {
                      return (*field)(t, x, control(t));
                    });
}

Tensor normal_tensor(std::vector<std::int64_t> shape, Random& random) {
  Tensor tensor = at::empty(shape, at::kDouble);
  double* values = tensor.data_ptr<double>();
  for (std::int64_t i = 0; i < tensor.numel(); ++i) values[i] = random.normal();
  return tensor;
}

namespace {

// The value with the largest badness; NaN if there is none or one is not a number.
template <class Badness>
double worst_of(const std::vector<double>& values, Badness badness) {
  double worst = std::numeric_limits<double>::quiet_NaN();
  for (const double value : values) {
    if (std::isnan(value)) return value;
    if (!(badness(value) < badness(worst))) worst = value;
  }
  return worst;
}

Check with_mean(Check check, const std::vector<double>& measured) {
  if (measured.size() < 2 || !std::isfinite(check.measured)) return check;
  const Interval interval = mean_interval(measured);
  return std::move(check).with(interval.low, interval.high);
}

}  // namespace

Check check_each_equal(std::string claim, std::string quantity, std::string unit, double predicted,
                       const std::vector<double>& measured, double tolerance) {
  const double worst = worst_of(measured, [=](double value) { return std::abs(value - predicted); });
  return with_mean(check_equal(std::move(claim), std::move(quantity), std::move(unit), predicted, worst, tolerance),
                   measured);
}

Check check_each_at_most(std::string claim, std::string quantity, std::string unit, double bound,
                         const std::vector<double>& measured, double tolerance) {
  const double worst = worst_of(measured, [](double value) { return value; });
  return check_at_most(std::move(claim), std::move(quantity), std::move(unit), bound, worst, tolerance);
}

Check check_each_at_least(std::string claim, std::string quantity, std::string unit, double bound,
                          const std::vector<double>& measured, double tolerance) {
  const double worst = worst_of(measured, [](double value) { return -value; });
  return check_at_least(std::move(claim), std::move(quantity), std::move(unit), bound, worst, tolerance);
}

std::vector<double> numbers(const Tensor& tensor) {
  const Tensor flat = tensor.detach().to(at::kDouble).contiguous().view({-1});
  return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()};
}

}  // namespace turnpike
