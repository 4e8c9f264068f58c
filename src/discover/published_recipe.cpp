#include <turnpike/discover/published_recipe.h>

#include <algorithm>
#include <cmath>

#include <turnpike/base/seed.h>
#include <turnpike/math/random.h>

namespace turnpike {
namespace {

constexpr double ridge = 1e-5, share_of_test = 0.2, penalty_per_condition = 1e-3;
constexpr int tolerance_steps = 25, rounds = 10;

// Products of columns, from which every fit of the recipe follows.
struct Products {
  Matrix gram;                // G'G
  std::vector<double> right;  // G'b
};

Products products_of(const Matrix& columns, std::span<const double> b) {
  Products products = {gram(columns), {}};
  for (std::size_t j = 0; j < columns.columns(); ++j) products.right.push_back(dot(columns.column(j), b));
  return products;
}

Matrix some_rows(const Matrix& columns, const std::vector<std::int64_t>& rows) {
  Matrix part(rows.size(), columns.columns());
  for (std::size_t j = 0; j < columns.columns(); ++j)
    for (std::size_t r = 0; r < rows.size(); ++r) part(r, j) = columns(static_cast<std::size_t>(rows[r]), j);
  return part;
}

std::vector<double> solve(const Products& products, const std::vector<double>& length, const Support& support,
                          double lambda) {
  Matrix gram(support.size(), support.size());
  std::vector<double> right(support.size());
  for (std::size_t a = 0; a < support.size(); ++a) {
    const auto i = static_cast<std::size_t>(support[a]);
    right[a] = products.right[i] / length[i];
    for (std::size_t b = 0; b < support.size(); ++b) {
      const auto j = static_cast<std::size_t>(support[b]);
      gram(a, b) = products.gram(i, j) / (length[i] * length[j]) + (a == b ? lambda : 0);
    }
  }
  return least_squares(gram, right).solution;
}

class Recipe {
 public:
  Recipe(const LinearSystem& system, std::size_t left_side, const PublishedOptions& options)
      : columns_(system.columns), b_(system.rhs[left_side]), group_(system.blocks[0].components == 2 ? 2 : 1) {
    all_ = products_of(columns_, b_);
    for (std::size_t j = 0; j < columns_.columns(); ++j)
      length_.push_back(std::max(std::sqrt(all_.gram(j, j)), 1e-300));
    Random random(seed_for(options.seed, "split of the published recipe"));
    test_ = random.permutation(static_cast<std::int64_t>(b_.size()));
    test_.resize(static_cast<std::size_t>(share_of_test * static_cast<double>(b_.size())));
    test_columns_ = some_rows(columns_, test_);
    const std::vector<double> singular = singular_values(columns_);
    penalty_ = penalty_per_condition * singular.front() / std::max(singular.back(), 1e-300);
  }

  Support train(double step) const {
    Support best(columns_.columns());
    for (std::size_t j = 0; j < best.size(); ++j) best[j] = static_cast<int>(j);
    double tolerance = step, least = loss(best);
    for (int i = 0; i < tolerance_steps; ++i) {
      const Support support = threshold(tolerance);
      const double value = loss(support);
      if (value <= least) {
        least = value;
        best = support;
        tolerance += step;
      } else {
        tolerance = std::max(0.0, tolerance - 2 * step);
        step = 2 * step / (tolerance_steps - i);
        tolerance += step;
      }
    }
    return best;
  }

 private:
  // Coefficients of unit columns below the tolerance are dropped, pairs together.
  Support threshold(double tolerance) const {
    Support support(columns_.columns());
    for (std::size_t j = 0; j < support.size(); ++j) support[j] = static_cast<int>(j);
    for (int round = 0; round < rounds; ++round) {
      const std::vector<double> xi = solve(all_, length_, support, ridge);
      Support kept;
      for (std::size_t a = 0; a < support.size(); a += group_) {
        double square = 0;
        for (std::size_t k = 0; k < group_; ++k) square += xi[a + k] * xi[a + k];
        if (std::sqrt(square) < tolerance) continue;
        for (std::size_t k = 0; k < group_; ++k) kept.push_back(support[a + k]);
      }
      if (kept.size() == support.size() || kept.empty()) return support;
      support = std::move(kept);
    }
    return support;
  }

  double loss(const Support& support) const {
    const std::vector<double> xi = solve(all_, length_, support, 0);
    double square = 0;
    for (std::size_t r = 0; r < test_.size(); ++r) {
      double rest = b_[static_cast<std::size_t>(test_[r])];
      for (std::size_t a = 0; a < support.size(); ++a) {
        const auto j = static_cast<std::size_t>(support[a]);
        rest -= test_columns_(r, j) * xi[a] / length_[j];
      }
      square += rest * rest;
    }
    return std::sqrt(square) + penalty_ * static_cast<double>(support.size() / group_);
  }

  const Matrix& columns_;
  const std::vector<double>& b_;
  std::size_t group_;
  Products all_;
  std::vector<double> length_;
  std::vector<std::int64_t> test_;
  Matrix test_columns_;
  double penalty_ = 0;
};

}  // namespace

Support published_support(const LinearSystem& system, std::size_t left_side, const PublishedOptions& options) {
  return Recipe(system, left_side, options).train(options.tolerance_step);
}

}  // namespace turnpike
