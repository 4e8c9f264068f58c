#include <turnpike/flow/vector_field.h>

#include <cmath>

#include <ATen/ATen.h>

#include <turnpike/base/error.h>

#include "fields/field_internal.h"

namespace turnpike {

Tensor VectorField::first_rate(double, const Tensor&, const Tensor&) const {
  throw ContractError("the field '" + name() +
                      "' is not partitioned into q and p; symplectic schemes need a field that is");
}

Tensor VectorField::second_rate(double, const Tensor&, const Tensor&) const {
  throw ContractError("the field '" + name() +
                      "' is not partitioned into q and p; symplectic schemes need a field that is");
}

Tensor VectorField::initial_control(std::int64_t slots, double scale, Random& random) const {
  return random_normal(slots, n_parameters(), scale / std::sqrt(static_cast<double>(dimension())), random);
}

Tensor random_normal(std::int64_t rows, std::int64_t cols, double deviation, Random& random) {
  Tensor values = at::empty({rows, cols}, at::kDouble);
  double* entry = values.data_ptr<double>();
  for (std::int64_t i = 0; i < rows * cols; ++i) entry[i] = deviation * random.normal();
  return values;
}

namespace {

class FunctionField final : public VectorField {
 public:
  using Function = std::function<Tensor(double, const Tensor&, const Tensor&)>;
  FunctionField(std::string name, std::int64_t dimension, std::int64_t n_parameters, Function function)
      : name_(std::move(name)), dimension_(dimension), n_parameters_(n_parameters), function_(std::move(function)) {}

  std::string name() const override { return name_; }
  std::int64_t dimension() const override { return dimension_; }
  std::int64_t n_parameters() const override { return n_parameters_; }
  Tensor operator()(double t, const Tensor& x, const Tensor& u) const override { return function_(t, x, u); }

 private:
  std::string name_;
  std::int64_t dimension_, n_parameters_;
  Function function_;
};

}  // namespace

FieldPtr make_field(std::string name, std::int64_t dimension, std::int64_t n_parameters,
                    std::function<Tensor(double, const Tensor&, const Tensor&)> function) {
  require(dimension > 0 && n_parameters >= 0, "make_field: dimension must be > 0 and n_parameters >= 0");
  return std::make_shared<FunctionField>(std::move(name), dimension, n_parameters, std::move(function));
}

}  // namespace turnpike
