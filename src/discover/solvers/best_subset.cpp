#include <algorithm>
#include <cmath>

#include "path_internal.h"

namespace turnpike {
namespace {

using sparse::PathKeeper;

constexpr double most_subsets = 20000;  // regressions, each of which judges every column that could join it
constexpr double ridge =
    1e-10;  // for the start of the elimination alone, where all columns are in: they may be dependent

// The largest k for which all subsets of k columns are seen within that many regressions of k - 1.
int exhaustive_size(std::size_t n, int largest) {
  double regressions = 1, sum = 1;
  for (int k = 1; k < largest; ++k) {
    regressions *= static_cast<double>(n - static_cast<std::size_t>(k) + 1) / k;
    sum += regressions;
    if (sum > most_subsets) return k;
  }
  return largest;
}

std::vector<int> usable_columns(const NormalEquations& system) {
  std::vector<int> columns;
  for (std::size_t j = 0; j < system.size(); ++j)
    if (system.gram(j, j) > 0) columns.push_back(static_cast<int>(j));
  return columns;
}

// All supports that extend this one up to `size`: the best last column of each is found by its gain.
void try_all(const NormalEquations& system, const std::vector<int>& columns, std::size_t from, int size,
             Support& support, PathKeeper& keeper) {
  const auto regression = sparse::regress(system, support);
  if (!regression) return;
  const std::vector<double> gain = sparse::gains(system, *regression);
  const int in = sparse::argmax(gain);
  const double most = gain[static_cast<std::size_t>(in)];
  if (most >= 0 && keeper.may_take(support.size() + 1, regression->residual_square - most)) {
    Support extended = support;
    extended.push_back(in);
    keeper.offer(std::move(extended));
  }
  if (static_cast<int>(support.size()) + 1 >= size) return;
  for (std::size_t i = from; i < columns.size(); ++i) {
    support.push_back(columns[i]);
    try_all(system, columns, i + 1, size, support, keeper);
    support.pop_back();
  }
}

// Exchanges one column for one, the best exchange first, until none lowers the residual.
Support exchange(const NormalEquations& system, Support support) {
  std::sort(support.begin(), support.end());
  double residual = fit_support(system, support).residual_square;
  for (;;) {
    Support best;
    for (std::size_t out = 0; out < support.size(); ++out) {
      Support rest = support;
      rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(out));
      const auto regression = sparse::regress(system, rest);
      if (!regression) continue;
      const std::vector<double> gain = sparse::gains(system, *regression);
      const int in = sparse::argmax(gain);
      const double reached = regression->residual_square - gain[static_cast<std::size_t>(in)];
      if (gain[static_cast<std::size_t>(in)] < 0 || in == support[out] || !(reached < residual * (1 - 1e-9) - 1e-15))
        continue;
      residual = reached;
      best = rest;
      best.insert(std::upper_bound(best.begin(), best.end(), in), in);
    }
    if (best.empty()) return support;
    support = std::move(best);
  }
}

// Adds one column at a time, with exchanges, until `largest`.
void grow(const NormalEquations& system, Support support, PathKeeper& keeper) {
  while (static_cast<int>(support.size()) < keeper.largest()) {
    const auto regression = sparse::regress(system, support);
    if (!regression) return;
    const std::vector<double> gain = sparse::gains(system, *regression);
    const int in = sparse::argmax(gain);
    if (gain[static_cast<std::size_t>(in)] < 0) return;
    support.push_back(in);
    support = exchange(system, support);
    keeper.offer(support);
  }
}

// Removing column i raises |b - G xi|^2 by xi_i^2 / A_ii, A the inverse of the Gram matrix, which loses a row and a
// column.
void shrink(const NormalEquations& system, PathKeeper& keeper) {
  Support support = usable_columns(system);
  const std::size_t n = support.size();
  Matrix inverse(n, n);
  for (std::size_t a = 0; a < n; ++a)
    for (std::size_t b = 0; b < n; ++b)
      inverse(a, b) = system.gram(static_cast<std::size_t>(support[a]), static_cast<std::size_t>(support[b])) +
                      (a == b ? ridge : 0);
  const auto start = inverse_cholesky(inverse);
  if (!start) return;
  inverse = *start;
  std::vector<double> xi(n, 0);
  for (std::size_t a = 0; a < n; ++a)
    for (std::size_t b = 0; b < n; ++b) xi[a] += inverse(a, b) * system.right[static_cast<std::size_t>(support[b])];

  std::vector<bool> in(n, true);
  for (std::size_t left = n; left > 1; --left) {
    std::size_t out = n;
    double least = INFINITY;
    for (std::size_t a = 0; a < n; ++a) {
      const double loss = in[a] ? xi[a] * xi[a] / inverse(a, a) : INFINITY;
      if (loss < least) {
        least = loss;
        out = a;
      }
    }
    if (out == n) return;  // not a number: the data are degenerate
    in[out] = false;
    const double pivot = inverse(out, out), share = xi[out] / pivot;
    const std::vector<double> column(inverse.column(out).begin(), inverse.column(out).end());
    for (std::size_t b = 0; b < n; ++b) {
      if (!in[b]) continue;
      xi[b] -= column[b] * share;
      const double factor = column[b] / pivot;
      for (std::size_t a = 0; a < n; ++a) inverse(a, b) -= column[a] * factor;
    }
    if (static_cast<int>(left) - 1 <= keeper.largest()) {
      Support kept;
      for (std::size_t a = 0; a < n; ++a)
        if (in[a]) kept.push_back(support[a]);
      keeper.offer(exchange(system, kept));
    }
  }
}

void search(const NormalEquations& system, const std::vector<Support>& start, PathKeeper& keeper) {
  for (const Support& support : start)
    if (static_cast<int>(support.size()) <= keeper.largest()) keeper.offer(exchange(system, support));
  if (start.empty()) {
    const std::vector<int> columns = usable_columns(system);
    const int all = exhaustive_size(columns.size(), keeper.largest());
    Support support;
    try_all(system, columns, 0, all, support, keeper);
    if (all == keeper.largest()) return;
    if (const Support* best = keeper.of_size(static_cast<std::size_t>(all))) grow(system, *best, keeper);
  }
  grow(system, {}, keeper);
  shrink(system, keeper);
}

}  // namespace

std::vector<Support> best_subset_path(const NormalEquations& system, int largest, const std::vector<Support>& start) {
  PathKeeper keeper(system, largest);
  search(system, start, keeper);
  return keeper.path();
}

std::vector<Support> best_supports(const NormalEquations& system, int largest, int each) {
  PathKeeper keeper(system, largest, static_cast<std::size_t>(each));
  search(system, {}, keeper);
  return keeper.path();
}

std::vector<Support> neighbours(const NormalEquations& system, const Support& support, int each) {
  std::vector<Support> all;
  for (std::size_t out = 0; out < support.size(); ++out) {
    Support rest = support;
    rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(out));
    const auto regression = sparse::regress(system, rest);
    if (!regression) continue;
    std::vector<double> gain = sparse::gains(system, *regression);
    gain[static_cast<std::size_t>(support[out])] = -1;
    for (int i = 0; i < each; ++i) {
      const int in = sparse::argmax(gain);
      if (gain[static_cast<std::size_t>(in)] < 0) break;
      gain[static_cast<std::size_t>(in)] = -1;
      all.push_back(rest);
      all.back().insert(std::upper_bound(rest.begin(), rest.end(), in) - rest.begin() + all.back().begin(), in);
    }
  }
  return all;
}

}  // namespace turnpike
