#include "margin_data.h"

#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>

#include <turnpike/base/error.h>

#include <turnpike/study/measure.h>

namespace turnpike::studies {

Margin largest_margin(const Tensor& z, const Groups& groups) {
  Matrix rows(static_cast<std::size_t>(z.size(0)), static_cast<std::size_t>(z.size(1)));
  const std::vector<double> columns = numbers(z.t().contiguous());
  std::copy(columns.begin(), columns.end(), rows.data());
  const MaxMargin best = max_margin(rows, groups);
  return {at::tensor(best.weights, at::kDouble), at::tensor(best.multipliers, at::kDouble), best.margin, best.gap};
}

double clearance(const Tensor& z, const Groups& groups, const Margin& solved) {
  const std::vector<double> margins = numbers(z.mv(solved.w)), alpha = numbers(solved.alpha), w = numbers(solved.w),
                            pull = numbers(z.t().mv(solved.alpha));
  double least = 1;
  for (std::size_t i = 0; i < alpha.size(); ++i) {
    const double excess = margins[i] / solved.margin - 1;
    least = std::min(least, std::max(alpha[i], excess));
  }
  for (const auto& group : groups) {
    const Groups alone{group};
    const double slack = 1 - group_norm(pull, alone) / solved.margin;
    least = std::min(least, std::max(group_norm(w, alone), slack));
  }
  return least;
}

Tensor separable_points(std::int64_t n, std::int64_t d, double side, const std::vector<Groups>& programs, double least,
                        Random& random) {
  for (int attempt = 0; attempt < 2000; ++attempt) {
    const Tensor teacher = normal_tensor({d}, random);
    std::vector<Tensor> rows;
    while (static_cast<std::int64_t>(rows.size()) < n) {
      const Tensor x = normal_tensor({d}, random);
      const double at = (x.dot(teacher) / teacher.norm()).item<double>();
      if (std::abs(at) > side) rows.push_back(at > 0 ? x : -x);
    }
    const Tensor z = at::stack(rows);
    if (std::all_of(programs.begin(), programs.end(),
                    [&](const Groups& groups) { return clearance(z, groups, largest_margin(z, groups)) >= least; }))
      return z;
  }
  throw Error("no draw of points is in general position");
}

double missing_margin(const Tensor& alpha) {
  return (alpha.max().log() - at::xlogy(alpha, alpha).sum()).item<double>();
}

}  // namespace turnpike::studies
