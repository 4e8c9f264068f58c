#include <cmath>

#include "path_internal.h"

namespace turnpike {
namespace {

constexpr double ridge = 1e-5;
constexpr int n_thresholds = 60, most_rounds = 20;

// Fits, drops what is below the threshold, until nothing is dropped.
Support threshold_once(const NormalEquations& system, double threshold) {
  Support support;
  for (std::size_t j = 0; j < system.size(); ++j)
    if (system.gram(j, j) > 0) support.push_back(static_cast<int>(j));
  for (int round = 0; round < most_rounds && !support.empty(); ++round) {
    Matrix gram(support.size(), support.size());
    std::vector<double> right(support.size());
    for (std::size_t a = 0; a < support.size(); ++a) {
      right[a] = system.right[static_cast<std::size_t>(support[a])];
      for (std::size_t b = 0; b < support.size(); ++b)
        gram(a, b) = system.gram(static_cast<std::size_t>(support[a]), static_cast<std::size_t>(support[b])) +
                     (a == b ? ridge : 0);
    }
    const auto xi = solve_cholesky(gram, right);
    if (!xi) return {};
    Support kept;
    for (std::size_t a = 0; a < support.size(); ++a)
      if (std::abs((*xi)[a]) >= threshold) kept.push_back(support[a]);
    if (kept.size() == support.size()) break;
    support = std::move(kept);
  }
  return support;
}

}  // namespace

std::vector<Support> threshold_path(const NormalEquations& system, int largest) {
  // Unit columns and |b| = 1: a coefficient is the share of b that its term makes up. From 1e-4 to 10.
  sparse::PathKeeper keeper(system, largest);
  for (int i = 0; i < n_thresholds; ++i)
    keeper.offer(threshold_once(system, std::pow(10.0, -4 + 5.0 * i / (n_thresholds - 1))));
  return keeper.path();
}

}  // namespace turnpike
