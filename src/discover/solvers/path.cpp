#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include <turnpike/base/error.h>

#include "path_internal.h"

namespace turnpike {
namespace sparse {
namespace {

Matrix part_of(const Matrix& whole, const Support& support) {
  Matrix part(support.size(), support.size());
  for (std::size_t a = 0; a < support.size(); ++a)
    for (std::size_t b = 0; b < support.size(); ++b)
      part(a, b) = whole(static_cast<std::size_t>(support[a]), static_cast<std::size_t>(support[b]));
  return part;
}

// What of S_jj the columns of the support leave: S_jj - S_j' (S_support)^-1 S_j.
double pivot(const Matrix& s, const Matrix& inverse, const Support& support, std::size_t j) {
  double left = s(j, j);
  for (std::size_t a = 0; a < support.size(); ++a)
    for (std::size_t b = 0; b < support.size(); ++b)
      left -= s(j, static_cast<std::size_t>(support[a])) * inverse(a, b) * s(j, static_cast<std::size_t>(support[b]));
  return left;
}

}  // namespace

PathKeeper::PathKeeper(const NormalEquations& system, int largest, std::size_t each)
    : system_(system),
      each_(each),
      best_(static_cast<std::size_t>(std::min(largest, static_cast<int>(system.size()))) + 1) {}

bool PathKeeper::may_take(std::size_t size, double residual_square) const {
  if (size >= best_.size()) return false;
  return best_[size].size() < each_ || residual_square < best_[size].back().first * (1 + 1e-6) + 1e-12;
}

void PathKeeper::offer(Support support) {
  const std::size_t size = support.size();
  if (size == 0 || size >= best_.size()) return;
  std::sort(support.begin(), support.end());
  const double residual = fit_support(system_, support).residual_square;
  if (residual == INFINITY && size > 1) {
    // Dependent columns: those that add nothing to the ones before them are left out.
    Support independent;
    for (const int j : support) {
      independent.push_back(j);
      if (!regress(system_, independent)) independent.pop_back();
    }
    if (independent.size() < size) offer(std::move(independent));
    return;
  }
  auto& best = best_[size];
  if (best.size() == each_ && !(residual < best.back().first)) return;
  const auto place = std::upper_bound(best.begin(), best.end(), residual,
                                      [](double value, const auto& entry) { return value < entry.first; });
  if (std::any_of(best.begin(), place, [&](const auto& entry) { return entry.second == support; })) return;
  best.insert(place, {residual, std::move(support)});
  if (best.size() > each_) best.pop_back();
}

std::vector<Support> PathKeeper::path() const {
  std::vector<Support> all;
  for (const auto& best : best_)
    for (const auto& [residual, support] : best) all.push_back(support);
  return all;
}

std::optional<Regression> regress(const NormalEquations& system, const Support& support) {
  Regression regression = {support, std::vector<double>(support.size()), {}, {}, 1};
  auto inverse = inverse_cholesky(part_of(system.gram, support));
  if (!inverse) return std::nullopt;
  if (system.telling.rows() > 0) {
    auto telling = inverse_cholesky(part_of(system.telling, support));
    if (!telling) return std::nullopt;
    regression.telling_inverse = std::move(*telling);
  }
  for (std::size_t a = 0; a < support.size(); ++a) {
    if ((*inverse)(a, a) > 1 / tiny_pivot) return std::nullopt;
    for (std::size_t b = 0; b < support.size(); ++b)
      regression.coefficients[a] += (*inverse)(a, b) * system.right[static_cast<std::size_t>(support[b])];
    regression.residual_square -= regression.coefficients[a] * system.right[static_cast<std::size_t>(support[a])];
  }
  regression.residual_square = std::max(regression.residual_square, 0.0);
  regression.inverse = std::move(*inverse);
  return regression;
}

std::vector<double> gains(const NormalEquations& system, const Regression& regression) {
  const std::size_t k = regression.support.size();
  std::vector<double> gain(system.size(), -1), row(k), image(k);
  for (std::size_t j = 0; j < system.size(); ++j) {
    if (system.gram(j, j) == 0 ||
        std::binary_search(regression.support.begin(), regression.support.end(), static_cast<int>(j)))
      continue;
    for (std::size_t a = 0; a < k; ++a) row[a] = system.gram(j, static_cast<std::size_t>(regression.support[a]));
    // correlation with the residual and length of the part of column j that is orthogonal to the support
    double correlation = system.right[j], length = system.gram(j, j);
    for (std::size_t a = 0; a < k; ++a) {
      correlation -= row[a] * regression.coefficients[a];
      image[a] = 0;
      for (std::size_t b = 0; b < k; ++b) image[a] += regression.inverse(a, b) * row[b];
      length -= row[a] * image[a];
    }
    if (length <= tiny_pivot) continue;
    if (system.telling.rows() > 0 && !(pivot(system.telling, regression.telling_inverse, regression.support, j) > 0))
      continue;
    gain[j] = correlation * correlation / length;
  }
  return gain;
}

int argmax(const std::vector<double>& values) {
  return static_cast<int>(std::max_element(values.begin(), values.end()) - values.begin());
}

}  // namespace sparse

SupportFit fit_support(const NormalEquations& system, const Support& support) {
  auto regression = sparse::regress(system, support);
  if (!regression) return {std::vector<double>(support.size(), 0), INFINITY};
  return {regression->coefficients, regression->residual_square};
}

namespace {

struct Solver {
  const char* name;
  std::vector<Support> (*path)(const NormalEquations&, int largest, const std::vector<Support>& start);
};

constexpr Solver solvers[] = {
    {"best_subset", best_subset_path},
    {"threshold",
     [](const NormalEquations& s, int largest, const std::vector<Support>&) { return threshold_path(s, largest); }},
    {"omp", [](const NormalEquations& s, int largest, const std::vector<Support>&) { return omp_path(s, largest); }},
    {"frols",
     [](const NormalEquations& s, int largest, const std::vector<Support>&) { return frols_path(s, largest); }},
    {"sr3", [](const NormalEquations& s, int largest, const std::vector<Support>&) { return sr3_path(s, largest); }},
};

}  // namespace

const std::vector<std::string>& solver_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const Solver& solver : solvers) all.push_back(solver.name);
    return all;
  }();
  return names;
}

std::vector<Support> sparse_path(const std::string& solver, const NormalEquations& system, int largest,
                                 const std::vector<Support>& start) {
  for (const Solver& known : solvers)
    if (solver == known.name) return known.path(system, largest, start);
  throw InputError(fmt::format("unknown solver '{}'; known are {}", solver, fmt::join(solver_names(), ", ")));
}

}  // namespace turnpike
