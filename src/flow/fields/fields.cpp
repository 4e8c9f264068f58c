#include <turnpike/flow/fields.h>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/base/options.h>

#include "field_internal.h"

namespace turnpike {

double operator_norm(const Tensor& matrix) {
  return at::linalg_matrix_norm(matrix.detach(), 2).item<double>();
}

const std::vector<FieldEntry>& field_table() {
  static const std::vector<FieldEntry> table = {
      {"inner", "W sigma(x) + b", &inner_field},
      {"outer", "sigma(W x + b)", &outer_field},
      {"bottleneck", "W2 sigma(W1 x + b1) + b2", &bottleneck_field},
      {"antisymmetric", "sigma((W - W' - gamma I) x + b)", &antisymmetric_field},
      {"hamiltonian", "(sigma(K p + b_q), sigma(-K' q + b_p))", &paired_hamiltonian_field},
      {"hamiltonian_network", "J grad H, H = a . sigma(W x + b)", &hamiltonian_network_field},
  };
  return table;
}

FieldPtr make_field(const FieldSpec& spec) {
  std::vector<std::string> kinds;
  for (const FieldEntry& entry : field_table()) {
    if (spec.kind == entry.kind) return entry.make(spec);
    kinds.emplace_back(entry.kind);
  }
  const std::string near = did_you_mean(spec.kind, kinds);
  throw InputError(fmt::format("unknown field '{}'; {}", spec.kind,
                               near.empty() ? fmt::format("choose one of {}", fmt::join(kinds, ", "))
                                            : fmt::format("did you mean '{}'?", near)));
}

}  // namespace turnpike
