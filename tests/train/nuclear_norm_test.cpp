#include <turnpike/train/nuclear_norm.h>

#include <gtest/gtest.h>
#include <torch/types.h>
#include <cmath>
#include <limits>

#include <turnpike/base/error.h>
#include <turnpike/math/random.h>

#include "normal.h"

namespace turnpike {
namespace {

// (1 ?; ? 1): zeros off the diagonal give 2, the trace, and no completion gives less.
// (1 2; 3 x): convex in x, minimised by sections.
TEST(NuclearNorm, OfTwoByTwoMatrices) {
  const Tensor diagonal = at::eye(2, at::kBool);
  const NuclearNorm flat = least_nuclear_norm(diagonal, at::eye(2, at::kDouble)).value();
  EXPECT_NEAR(flat.norm, 2, 1e-6);
  EXPECT_LE(flat.gap, 2e-6);
  EXPECT_GE(flat.gap, -1e-12);

  const Tensor values = at::tensor({1.0, 2.0, 3.0, 0.0}).to(at::kDouble).view({2, 2});
  const Tensor observed = at::tensor({1, 1, 1, 0}).view({2, 2}).to(at::kBool);
  const auto norm_at = [&](double x) {
    Tensor matrix = values.clone();
    matrix[1][1] = x;
    return singular_value_sum(matrix);
  };
  double low = -10, high = 10;
  for (int i = 0; i < 100; ++i) {
    const double a = low + 0.382 * (high - low), c = low + 0.618 * (high - low);
    (norm_at(a) < norm_at(c) ? high : low) = norm_at(a) < norm_at(c) ? c : a;
  }
  const NuclearNorm least = least_nuclear_norm(observed, values, {.tolerance = 1e-9}).value();
  EXPECT_NEAR(least.norm, norm_at(low), 1e-8);
  EXPECT_NEAR(least.matrix[1][1].item<double>(), low, 1e-3);
}

TEST(NuclearNorm, RecoversALowRankMatrixFromManyEntriesAndCertifiesIt) {
  const Tensor truth = normal({20, 1}, 1).mm(normal({1, 16}, 2));
  Random random(3);
  Tensor observed = at::zeros({20, 16}, at::kBool);
  for (std::int64_t i = 0; i < observed.numel(); ++i) observed.data_ptr<bool>()[i] = random.uniform() < 0.7;
  const NuclearNorm least = least_nuclear_norm(observed, truth, {.tolerance = 1e-8}).value();
  EXPECT_LT((least.matrix - truth).norm().item<double>(), 1e-3 * truth.norm().item<double>());
  EXPECT_NEAR(least.norm, truth.norm().item<double>(), 1e-5);
  const Tensor off = at::where(observed, least.matrix - truth, at::zeros({}, at::kDouble));
  EXPECT_EQ(off.abs().max().item<double>(), 0) << "the given entries are kept exactly";
}

TEST(NuclearNorm, IsBelowEveryOtherCompletionByNoMoreThanTheGapAllows) {
  const Tensor truth = normal({12, 12}, 4);
  Random random(5);
  Tensor observed = at::zeros({12, 12}, at::kBool);
  for (std::int64_t i = 0; i < observed.numel(); ++i) observed.data_ptr<bool>()[i] = random.uniform() < 0.4;
  const NuclearNorm least = least_nuclear_norm(observed, truth).value();
  EXPECT_LE(least.gap, 1e-6 * least.norm);
  for (std::uint64_t s = 0; s < 20; ++s) {
    const Tensor other = at::where(observed, least.matrix, least.matrix + 0.1 * normal({12, 12}, 100 + s));
    EXPECT_GE(singular_value_sum(other), least.norm - least.gap);
  }
}

TEST(NuclearNorm, EdgesAndErrors) {
  const Tensor all = at::ones({3, 2}, at::kBool), values = normal({3, 2}, 6);
  EXPECT_NEAR(least_nuclear_norm(all, values).value().norm, singular_value_sum(values), 1e-12);
  EXPECT_EQ(least_nuclear_norm(all, at::zeros({3, 2}, at::kDouble)).value().norm, 0);
  EXPECT_FALSE(least_nuclear_norm(at::eye(3, at::kBool), normal({3, 3}, 7), {.tolerance = 1e-14, .max_iterations = 2}));
  EXPECT_THROW((void)least_nuclear_norm(all, values.t()), ContractError);
  EXPECT_THROW((void)least_nuclear_norm(values, values), ContractError);
  EXPECT_THROW((void)least_nuclear_norm(at::zeros({3, 2}, at::kBool), values), ContractError);
  EXPECT_THROW((void)least_nuclear_norm(all, at::full({3, 2}, std::numeric_limits<double>::quiet_NaN(), at::kDouble)),
               ContractError);
}

}  // namespace
}  // namespace turnpike
