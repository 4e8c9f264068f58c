#include <algorithm>
#include <cmath>

#include "path_internal.h"

namespace turnpike {
namespace {

// Adds the column with the highest score until `largest` are in; score(regression)[j], negative: may not join.
template <class Score>
std::vector<Support> greedy_path(const NormalEquations& system, int largest, Score score) {
  sparse::PathKeeper keeper(system, largest);
  Support support;
  while (static_cast<int>(support.size()) < keeper.largest()) {
    const auto regression = sparse::regress(system, support);
    if (!regression) break;
    const std::vector<double> scores = score(*regression);
    const int in = sparse::argmax(scores);
    if (scores[static_cast<std::size_t>(in)] < 0) break;
    support.insert(std::upper_bound(support.begin(), support.end(), in), in);
    keeper.offer(support);
  }
  // What came in early may have become superfluous: back again, the least loss first.
  while (support.size() > 1) {
    const auto regression = sparse::regress(system, support);
    if (!regression) break;
    std::size_t out = 0;
    const auto loss = [&](std::size_t a) {
      return regression->coefficients[a] * regression->coefficients[a] / regression->inverse(a, a);
    };
    for (std::size_t a = 1; a < support.size(); ++a)
      if (loss(a) < loss(out)) out = a;
    support.erase(support.begin() + static_cast<std::ptrdiff_t>(out));
    keeper.offer(support);
  }
  return keeper.path();
}

}  // namespace

std::vector<Support> frols_path(const NormalEquations& system, int largest) {
  return greedy_path(system, largest,
                     [&](const sparse::Regression& regression) { return sparse::gains(system, regression); });
}

std::vector<Support> omp_path(const NormalEquations& system, int largest) {
  return greedy_path(system, largest, [&](const sparse::Regression& regression) {
    // |G_j' (b - G xi)| of the unit columns
    std::vector<double> score = sparse::gains(system, regression);
    for (std::size_t j = 0; j < system.size(); ++j) {
      if (score[j] < 0) continue;
      double correlation = system.right[j];
      for (std::size_t a = 0; a < regression.support.size(); ++a)
        correlation -= system.gram(j, static_cast<std::size_t>(regression.support[a])) * regression.coefficients[a];
      score[j] = std::abs(correlation);
    }
    return score;
  });
}

}  // namespace turnpike
