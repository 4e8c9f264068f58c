#include <turnpike/core/device.h>

#include <gtest/gtest.h>
#include <torch/types.h>

#include <ATen/Parallel.h>
#include <dlfcn.h>
#include <torch/csrc/autograd/custom_function.h>

#include <limits>

#include <turnpike/base/error.h>
#include <turnpike/core/tensor.h>

namespace turnpike {
namespace {

constexpr std::int64_t mebibyte = 1 << 20;

Tensor block(std::int64_t n_bytes) {
  return at::zeros({n_bytes / 8}, at::kDouble);
}

TEST(Threads, SetBothLibtorchAndBlas) {
  for (int n : {1, 2}) {
    EXPECT_EQ(set_threads(n), n);
    EXPECT_EQ(at::get_num_threads(), n);
    if (void* symbol = dlsym(RTLD_DEFAULT, "openblas_get_num_threads")) {
      EXPECT_EQ(reinterpret_cast<int (*)()>(symbol)(), n);
    }
  }
  EXPECT_GE(set_threads(0), 1);
}

TEST(Reproducible, SameSeedSameNumbersAndNoDenormals) {
  make_reproducible(7);
  Tensor first = at::randn({5}, at::kDouble);
  make_reproducible(7);
  EXPECT_TRUE(at::equal(first, at::randn({5}, at::kDouble)));
  double tiny = std::numeric_limits<double>::min();
  EXPECT_EQ((at::full({1}, tiny, at::kDouble) * 0.5).item<double>(), 0.0);
  at::globalContext().setFlushDenormal(false);
  at::globalContext().setDeterministicAlgorithms(false, false);
}

TEST(DType, NamesBothWays) {
  EXPECT_EQ(dtype_named("f32"), at::kFloat);
  EXPECT_EQ(dtype_named("f64"), at::kDouble);
  EXPECT_STREQ(name_of(at::kDouble), "f64");
  EXPECT_THROW(dtype_named("f16"), InputError);
  EXPECT_THROW(name_of(at::kLong), ContractError);
}

TEST(PeakMemory, IsThePeakNotTheSum) {
  Tensor before = block(8 * mebibyte);
  PeakMemory peak;
  EXPECT_EQ(peak.bytes(), 0);
  block(3 * mebibyte);
  Tensor kept = block(mebibyte);
  block(2 * mebibyte);
  EXPECT_EQ(peak.bytes(), 3 * mebibyte);
  before.reset();  // a block from before its start lowers nothing
  Tensor more = block(5 * mebibyte);
  EXPECT_EQ(peak.bytes(), 6 * mebibyte);
}

TEST(PeakMemory, Nests) {
  PeakMemory outer;
  Tensor kept = block(mebibyte);
  {
    PeakMemory inner;
    block(2 * mebibyte);
    EXPECT_EQ(inner.bytes(), 2 * mebibyte);
  }
  block(mebibyte);
  EXPECT_EQ(outer.bytes(), 3 * mebibyte);
}

struct Greedy : torch::autograd::Function<Greedy> {
  static Tensor forward(torch::autograd::AutogradContext*, const Tensor& x) { return x.clone(); }
  static torch::autograd::tensor_list backward(torch::autograd::AutogradContext*, torch::autograd::tensor_list g) {
    block(7 * mebibyte);
    return {g[0].clone()};
  }
};

TEST(PeakMemory, CountsTheBackwardPass) {
  Tensor x = at::ones({4}, at::kDouble).requires_grad_();
  Tensor y = Greedy::apply(x).sum();
  PeakMemory peak;
  y.backward();
  EXPECT_GE(peak.bytes(), 7 * mebibyte);
  EXPECT_LT(peak.bytes(), 7 * mebibyte + 4096);
}

}  // namespace
}  // namespace turnpike
