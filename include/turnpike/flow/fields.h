// The fields that come with Turnpike. u holds the matrices row by row, then the biases, in the order of the formula.
//
//   FieldPtr field = make_field(FieldSpec{.kind = "inner", .dimension = 2, .activation = Activation::tanh});
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <turnpike/flow/vector_field.h>
#include <turnpike/math/activation.h>

namespace turnpike {

struct FieldSpec {
  std::string kind = "inner";
  std::int64_t dimension = 2;                // d
  Activation activation = Activation::tanh;  // sigma
  std::int64_t hidden = 0;                   // r, rows of W1 (bottleneck) and of the Hamiltonian's network; 0: d
  double gamma = 0;                          // damping of the antisymmetric layer
};

// f = sigma(W x + b)                                   P = d^2 + d      homogeneous of degree 1 in u if sigma is
FieldPtr outer_field(const FieldSpec& spec);
// f = W sigma(x) + b                                   P = d^2 + d      homogeneous of degree 1 in u
FieldPtr inner_field(const FieldSpec& spec);
// f = W2 sigma(W1 x + b1) + b2                         P = 2 r d + r + d
FieldPtr bottleneck_field(const FieldSpec& spec);
// f = sigma((W - W' - gamma I) x + b)                  P = d^2 + d      Re(eig J) <= 0 for non-decreasing sigma
FieldPtr antisymmetric_field(const FieldSpec& spec);
// q_dot = sigma(K p + b_q), p_dot = sigma(-K' q + b_p) P = d^2/4 + d    d even; Haber & Ruthotto, arXiv:1705.03341
FieldPtr paired_hamiltonian_field(const FieldSpec& spec);
// x_dot = J grad H(x; u), J = (0 I; -I 0), H = a . sigma(W x + b)       P = r d + 2 r   d even
FieldPtr hamiltonian_network_field(const FieldSpec& spec);
// x_dot = J grad H(x; u) for any H: [N, d], [P] -> [N]
FieldPtr hamiltonian_field(std::string name, std::int64_t dimension, std::int64_t n_parameters,
                           std::function<Tensor(const Tensor&, const Tensor&)> hamiltonian);

// The registry: one line a field. The laws run over it; `--help` lists it.
struct FieldEntry {
  const char* kind;
  const char* formula;
  FieldPtr (*make)(const FieldSpec&);
};
const std::vector<FieldEntry>& field_table();
FieldPtr make_field(const FieldSpec& spec);  // by kind; InputError with did-you-mean

}  // namespace turnpike
