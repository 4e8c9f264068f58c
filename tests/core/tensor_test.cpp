#include <turnpike/core/tensor.h>

#include <gtest/gtest.h>
#include <torch/types.h>

#include <turnpike/base/error.h>
#include <turnpike/core/linear_operator.h>

namespace turnpike {
namespace {

TEST(Tensor, Describe) {
  EXPECT_EQ(describe(at::zeros({3, 2}, at::kDouble)), "[3, 2] float64");
  EXPECT_EQ(describe(at::zeros({}, at::kLong)), "[] int64");
  EXPECT_EQ(describe(Tensor()), "undefined");
}

TEST(Tensor, RequireShapeSaysWhatItGot) {
  Tensor x = at::zeros({5, 2}, at::kDouble);
  EXPECT_NO_THROW(require_shape(x, {5, 2}, "x"));
  EXPECT_NO_THROW(require_shape(x, {-1, 2}, "x"));
  EXPECT_THROW(require_shape(x, {5}, "x"), ContractError);
  EXPECT_THROW(require_shape(Tensor(), {5}, "x"), ContractError);
  try {
    require_shape(x, {-1, 3}, "x0");
    FAIL();
  } catch (const ContractError& error) {
    EXPECT_STREQ(error.what(), "x0 must be [N, 3], got [5, 2] float64");
  }
}

TEST(LinearOperator, OfAMatrix) {
  Tensor m = at::arange(6, at::kDouble).view({2, 3});
  LinearOperator a = matrix_operator(m);
  EXPECT_TRUE(at::equal(to_dense(a), m));
  EXPECT_TRUE(at::equal(to_dense(normal_operator(a)), m.t().mm(m)));
  Tensor v = at::ones({3}, at::kDouble), w = at::ones({2}, at::kDouble) * 0.5;
  EXPECT_DOUBLE_EQ(a.apply(v).dot(w).item<double>(), v.dot(a.apply_transpose(w)).item<double>());
}

}  // namespace
}  // namespace turnpike
