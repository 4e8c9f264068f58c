// What the sparse solvers share. Symbols as in turnpike/discover/sparse.h.
#pragma once

#include <optional>

#include <turnpike/discover/sparse.h>

namespace turnpike::sparse {

constexpr double tiny_pivot =
    1e-10;  // a column this close to the span of the others adds nothing that can be told from round-off

// The best supports seen of each size, `each` at most.
class PathKeeper {
 public:
  PathKeeper(const NormalEquations& system, int largest, std::size_t each = 1);
  void offer(Support support);                                    // in any order
  bool may_take(std::size_t size, double residual_square) const;  // but for round-off
  const Support* of_size(std::size_t size) const { return best_[size].empty() ? nullptr : &best_[size][0].second; }
  std::vector<Support> path() const;  // by size, then by residual
  int largest() const { return static_cast<int>(best_.size()) - 1; }

 private:
  const NormalEquations& system_;
  std::size_t each_;
  std::vector<std::vector<std::pair<double, Support>>> best_;  // [size], by residual
};

// Least squares on a support, with what is needed to judge every further column.
struct Regression {
  Support support;
  std::vector<double> coefficients;
  Matrix inverse, telling_inverse;  // of the support's Gram matrix, and of what must stay positive definite
  double residual_square = 1;
};
std::optional<Regression> regress(const NormalEquations& system, const Support& support);  // none: dependent columns,
                                                                                           // or none that may be taken

// By how much |b - G xi|^2 falls when column j joins; -1 where j is in the support or depends on it.
std::vector<double> gains(const NormalEquations& system, const Regression& regression);

int argmax(const std::vector<double>& values);

}  // namespace turnpike::sparse
