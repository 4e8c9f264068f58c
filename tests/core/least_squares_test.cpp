#include <turnpike/core/least_squares.h>

#include <gtest/gtest.h>
#include <torch/types.h>

#include <limits>

#include <turnpike/base/error.h>

namespace turnpike {
namespace {

TEST(MinimumNorm, IsThePseudoInverseTallSquareAndWide) {
  for (const std::int64_t p : {3, 7, 12}) {
    const Tensor a = at::randn({4, 7, p}, at::kDouble), b = at::randn({4, 7, 2}, at::kDouble);
    const Tensor x = minimum_norm(a, b);
    EXPECT_TRUE(at::allclose(x, at::matmul(at::linalg_pinv(a), b), 1e-9, 1e-11)) << p;
    // normal equations, and interpolation where there are enough columns
    EXPECT_LE(at::matmul(a.mT(), at::matmul(a, x) - b).abs().max().item<double>(), 1e-11) << p;
    if (p >= 7) {
      EXPECT_LE((at::matmul(a, x) - b).abs().max().item<double>(), 1e-11) << p;
    }
  }
}

TEST(MinimumNorm, ABatchIsItsMembers) {
  const Tensor a = at::randn({5, 4, 9}, at::kDouble), b = at::randn({4, 1}, at::kDouble);
  const Tensor x = minimum_norm(a, b);
  EXPECT_EQ(x.sizes(), at::IntArrayRef({5, 9, 1}));
  for (std::int64_t i = 0; i < 5; ++i) EXPECT_TRUE(at::allclose(x[i], minimum_norm(a[i], b), 1e-12, 1e-13));
}

TEST(MinimumNorm, DoesNotSquareTheConditionNumber) {
  // Condition 1e10, b in the range: an error of 1e-6 at most; normal equations would lose all digits.
  const auto [q, r] = at::linalg_qr(at::randn({6, 6}, at::kDouble));
  const Tensor a = at::matmul(q, at::diag(at::logspace(0, -10, 6, 10, at::kDouble))),
               truth = at::ones({6, 1}, at::kDouble);
  EXPECT_TRUE(at::allclose(minimum_norm(a, at::matmul(a, truth)), truth, 1e-5, 0));
}

TEST(MinimumNorm, RefusesWhatHasNoAnswer) {
  const Tensor a = at::randn({3, 5}, at::kDouble), b = at::randn({3, 1}, at::kDouble);
  EXPECT_THROW(minimum_norm(a, at::randn({4, 1}, at::kDouble)), ContractError);
  EXPECT_THROW(minimum_norm(a, at::randn({3}, at::kDouble)), ContractError);
  EXPECT_THROW(minimum_norm(at::zeros({0, 5}, at::kDouble), at::zeros({0, 1}, at::kDouble)), ContractError);
  EXPECT_THROW(minimum_norm(Tensor(), b), ContractError);
  Tensor broken = a.clone();
  broken[1][2] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW(minimum_norm(broken, b), ContractError);
  Tensor twice = a.clone();
  twice[2].copy_(twice[0]);
  EXPECT_THROW(minimum_norm(twice, b), ContractError);
  EXPECT_THROW(minimum_norm(at::zeros({3, 2}, at::kDouble), b), ContractError);
}

}  // namespace
}  // namespace turnpike
