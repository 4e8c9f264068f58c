#include <turnpike/study/measure.h>

#include <cmath>
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

std::vector<double> numbers(const Tensor& tensor) {
  const Tensor flat = tensor.detach().to(at::kDouble).contiguous().view({-1});
  return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()};
}

}  // namespace turnpike
