// Perceptrons by the kernels of the fused roll: its products, activations and costs with widths that vary from layer to
// layer. Plain data, no tensor.
//
//   x_l = sigma(W_l x_{l-1} + b_l),  l = 1 .. L - 1,      z = W_L x_{L-1} + b_L
//   J = weight sum_n g(z_n; y_n)
//
//   FusedPerceptron net{.widths = {784, 64, 10}, .activation = Activation::relu, .threads = 2};
//   fused_perceptron<float>(net, x, u, N, z);                                     // z [N, 10]
//   FusedTargets<float> y{.cost = FusedCost::cross_entropy, .classes = labels};
//   double sum = fused_perceptron_cost<float>(net, x, u, y, N, 1.0 / N, u_bar);   // sum of g, gradient of J
//
// Arrays are dense and row-major: x [N, d_0], and the parameters one after the other, W_1 [d_1, d_0], b_1 [d_1], W_2,
// ... Guarantees: equal to the reference to rounding; a NaN stays in its sample's row (but reaches the gradient, which
// sums over samples); the same bits for the same inputs, thread count and instruction set. Costs: one block of samples
// goes forward and back in the cache, so memory is that of a block and one set of gradient sums a thread. Errors:
// ContractError for fewer than two widths, sizes below 1, and missing arrays.
#pragma once

#include <cstdint>
#include <vector>

#include <turnpike/fused/roll.h>

namespace turnpike {

struct FusedPerceptron {
  std::vector<std::int64_t> widths;  // d_0, ..., d_L
  Activation activation = Activation::tanh;
  int threads = 1;

  std::int64_t n_parameters() const;
};

template <class T>
struct FusedTargets {
  FusedCost cost = FusedCost::mean_square;
  const T* values = nullptr;              // [N, d_L] of mean_square
  const std::int64_t* classes = nullptr;  // [N] of cross_entropy, 0..d_L - 1
};

// T: float or double.
template <class T>
void fused_perceptron(const FusedPerceptron& net, const T* x, const T* parameters, std::int64_t n_samples, T* z);
// The sum of g, not weighted; `gradient` is written.
template <class T>
double fused_perceptron_cost(const FusedPerceptron& net, const T* x, const T* parameters,
                             const FusedTargets<T>& targets, std::int64_t n_samples, double weight, T* gradient);

}  // namespace turnpike
