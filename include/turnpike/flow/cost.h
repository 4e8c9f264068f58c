// Pointwise costs g(t, z; y) of a readout z = P x: used inside the roll as running cost, at its end as terminal cost.
//
// Shapes: z [N, m], y [N, m] for real targets, [N] (int64, 0..m-1) for classes; the result is [N], one cost a sample.
//   mean_square           |z - y|^2                          (sum over the m outputs; the mean is over samples)
//   absolute              |z - y|_1
//   distance              |z - y|_2
//   cross_entropy         -log softmax(z)_y
//   binary_cross_entropy  -y log s(z) - (1 - y) log(1 - s(z)), s the sigmoid, summed over outputs; y in [0, 1]
//   logistic              log(1 + exp(-z y)), summed over outputs; y in {-1, 1}
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <turnpike/core/tensor.h>

namespace turnpike {

class Cost {
 public:
  virtual ~Cost() = default;
  virtual std::string name() const = 0;
  virtual bool classes() const { return false; }  // y holds class numbers
  virtual Tensor operator()(double t, const Tensor& z, const Tensor& y) const = 0;
};

using CostPtr = std::shared_ptr<const Cost>;
CostPtr make_cost(std::string_view name);  // InputError with did-you-mean
std::vector<std::string> cost_names();

// z = x weight' + bias, the head's readout P. An undefined weight is the identity, an undefined bias zero.
struct Readout {
  Tensor weight;  // [m, d]
  Tensor bias;    // [m]
  Tensor operator()(const Tensor& x) const;
};

// The running cost of a roll: int_0^T g(t, P x(t); y) dt, one value a sample.
struct RunningCost {
  CostPtr cost;
  Readout readout;
  Tensor y;
};

}  // namespace turnpike
