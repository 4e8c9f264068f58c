#include <cmath>

#include "path_internal.h"

namespace turnpike {
namespace {

constexpr double nu = 1e-2;
constexpr int n_weights = 60, most_rounds = 500;

}  // namespace

std::vector<Support> sr3_path(const NormalEquations& system, int largest) {
  // x <- (G'G + nu I)^-1 (G'b + nu w),  w <- x where x^2 > 2 lambda / nu, else 0.
  const std::size_t n = system.size();
  sparse::PathKeeper keeper(system, largest);
  Matrix relaxed = system.gram;
  for (std::size_t j = 0; j < n; ++j) relaxed(j, j) += nu;
  const auto inverse = inverse_cholesky(relaxed);
  if (!inverse) return {};
  const std::vector<double> start = multiply(*inverse, system.right);
  for (int i = 0; i < n_weights; ++i) {
    const double lambda = std::pow(10.0, -10 + 11.0 * i / (n_weights - 1)), cut = std::sqrt(2 * lambda / nu);
    std::vector<double> x = start;
    Support support, last;
    for (int round = 0; round < most_rounds; ++round) {
      std::vector<double> right = system.right;
      last = support;
      support.clear();
      for (std::size_t j = 0; j < n; ++j)
        if (std::abs(x[j]) > cut && system.gram(j, j) > 0) {
          support.push_back(static_cast<int>(j));
          right[j] += nu * x[j];
        }
      const std::vector<double> next = multiply(*inverse, right);
      double moved = 0;
      for (std::size_t j = 0; j < n; ++j) moved = std::max(moved, std::abs(next[j] - x[j]));
      x = next;
      if (round && support == last && moved < 1e-8) break;
    }
    keeper.offer(support);
  }
  return keeper.path();
}

}  // namespace turnpike
