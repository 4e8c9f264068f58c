#include <turnpike/analysis/curvature.h>

#include <torch/types.h>

#include <limits>

#include <gtest/gtest.h>

#include <turnpike/base/error.h>

#include "normal.h"

namespace turnpike {
namespace {

// w'A w / 2 + the sum of sines: Hessian A - diag(sin w), A of 12 parameters, dense.
struct Case {
  Tensor A = [] {
    const Tensor B = normal({12, 12}, 1);
    return B + B.t();
  }();
  Tensor w = normal({12}, 2), H = A - at::diag(at::sin(w));
  Loss loss = [A = A](const Tensor& v) { return 0.5 * v.dot(A.mv(v)) + at::sin(v).sum(); };

  double largest(std::int64_t begin, std::int64_t end) const {
    return at::linalg_eigvalsh(H.slice(0, begin, end).slice(1, begin, end)).max().item<double>();
  }
};

TEST(Curvature, IsThatOfTheExplicitHessian) {
  const Case c;
  const Curvature found = curvature(c.loss, c.w, {{"first", {0, 5}}, {"last", {9, 12}}});
  const Tensor values = at::linalg_eigvalsh(c.H);
  ASSERT_EQ(found.top.size(), 5u);
  for (std::int64_t i = 0; i < 5; ++i)
    EXPECT_NEAR(found.top[static_cast<std::size_t>(i)], values[11 - i].item<double>(), 1e-9);
  EXPECT_NEAR(found.smallest, values[0].item<double>(), 1e-8);  // 12 steps are the whole space
  EXPECT_NEAR(found.trace.value, c.H.trace().item<double>(), 1e-11);
  EXPECT_NEAR(found.gradient, (c.A.mv(c.w) + at::cos(c.w)).norm().item<double>(), 1e-12);
  EXPECT_NEAR(found.loss, c.loss(c.w).item<double>(), 1e-12);
  ASSERT_EQ(found.blocks.size(), 2u);
  EXPECT_NEAR(found.blocks[0].largest, c.largest(0, 5), 1e-9);
  EXPECT_NEAR(found.blocks[1].largest, c.largest(9, 12), 1e-9);
}

TEST(Curvature, OfALineIsZeroAndOneParameterIsEnough) {
  const Curvature flat = curvature([](const Tensor& w) { return w.sum(); }, at::ones({3}, at::kDouble), {{"", {1, 2}}});
  EXPECT_EQ(flat.top.front(), 0);
  EXPECT_EQ(flat.blocks[0].largest, 0);
  EXPECT_NEAR(curvature([](const Tensor& w) { return w.square().sum(); }, at::ones({1}, at::kDouble)).top.front(), 2,
              1e-12);
}

TEST(Curvature, RefusesWhatIsNotFiniteOrOutside) {
  const Tensor w = at::ones({2}, at::kDouble);
  EXPECT_THROW(curvature([](const Tensor& v) { return v.sum() / 0.0; }, w), Error);
  EXPECT_THROW(curvature([](const Tensor& v) { return at::sqrt(v - 1).sum(); }, w), Error);  // slope infinite
  EXPECT_THROW(curvature([](const Tensor& v) { return v.square().sum(); }, w, {{"", {1, 3}}}), ContractError);
  EXPECT_THROW(curvature([](const Tensor& v) { return v; }, w), ContractError);
}

}  // namespace
}  // namespace turnpike
