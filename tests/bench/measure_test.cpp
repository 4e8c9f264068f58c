// What is measured, and that a wrong gradient is not.
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include <ATen/ATen.h>
#include <nlohmann/json.hpp>

#include <bench/measure.h>
#include <bench/work.h>

namespace turnpike {
namespace {

constexpr PairBudget brief{.seconds = 0, .least = 7, .call_seconds = 0};
// No real machine: rates in the results are then easy to check.
constexpr Peaks given_peaks{.threads = 1, .fma_f32 = 1e9, .fma_f64 = 1e9};

class Agreement : public ::testing::TestWithParam<const char*> {};

// libtorch's gradient is written out by hand: an independent check of what is timed.
TEST_P(Agreement, LibtorchAndTurnpikeFindTheSameGradient) {
  const FlowCase flow = parse_flow_case(GetParam());
  const auto peer = make_eager_peer();
  for (const c10::ScalarType dtype : {at::kFloat, at::kDouble}) {
    const FlowProblem problem = make_flow_problem(flow, dtype);
    const Tensor theirs = peer->prepare(problem);
    ASSERT_EQ(theirs.sizes(), problem.control.sizes());
    EXPECT_LE(relative_difference(turnpike_gradient(problem), theirs), dtype == at::kDouble ? 1e-13 : 2e-5)
        << GetParam();
    EXPECT_GT(theirs.norm().item<double>(), 1e-3);
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, Agreement,
                         ::testing::Values("flow d=2 N=9 K=11", "flow d=3 N=8 K=5 rk4 gelu inner",
                                           "flow d=3 N=8 K=5 bosh3 leaky_relu",
                                           "flow d=4 N=7 K=6 heun elu antisymmetric cross_entropy",
                                           "flow d=6 N=5 K=4 verlet sigmoid hamiltonian",
                                           "flow d=6 N=5 K=4 symplectic_euler tanh hamiltonian cross_entropy",
                                           "flow d=4 N=5 K=4 midpoint softplus hamiltonian",
                                           "flow d=5 N=6 K=3 dopri5 sine bottleneck cross_entropy",
                                           "flow d=40 N=6 K=3 euler identity"));

TEST(MeasureCase, TimesARightGradient) {
  const FlowProblem problem = make_flow_problem(parse_flow_case("flow d=2 N=20 K=10"), at::kDouble);
  const auto peer = make_eager_peer();
  const CaseResult result = measure_case(problem, *peer, given_peaks, 1234, brief);
  EXPECT_TRUE(result.right());
  EXPECT_GT(result.ours_s, 0);
  EXPECT_GE(result.pairs, 7);
  EXPECT_LE(result.ratio.low, result.ratio.value);
  EXPECT_GE(result.ratio.high, result.ratio.value);
  EXPECT_NEAR(result.peak_fraction, gradient_flops(result.flow) / result.ours_s / 1e9, 1e-12);
  EXPECT_GT(result.inside, 0);
  EXPECT_LT(result.inside, 1);

  const nlohmann::ordered_json json = to_json(result);
  std::vector<std::string> keys;
  for (const auto& [key, value] : json.items()) keys.push_back(key);
  EXPECT_EQ(keys, (std::vector<std::string>{"schema", "case", "dtype", "threads", "peer", "ours_ms", "peer_ms", "ratio",
                                            "ratio_interval", "gradient_error", "peak_fraction", "peak_bytes"}));
  EXPECT_EQ(json["case"], "flow d=2 N=20 K=10 euler tanh");
  EXPECT_EQ(json["dtype"], "f64");
  EXPECT_EQ(json["peak_bytes"], 1234);
  EXPECT_EQ(json["ratio_interval"].size(), 2u);
}

TEST(MeasureCase, AWrongGradientIsNotTimed) {
  const FlowProblem problem = make_flow_problem(parse_flow_case("flow d=3 N=20 K=10"), at::kDouble);
  const auto peer = make_eager_peer();
  int calls = 0;
  const auto with = [&](const std::function<void(Tensor&)>& spoil) {
    return measure_case(problem, *peer, given_peaks, 0, brief, [&](const FlowProblem& given) {
      ++calls;
      Tensor gradient = turnpike_gradient(given);
      spoil(gradient);
      return gradient;
    });
  };
  EXPECT_TRUE(with([](Tensor&) {}).right());
  for (const std::function<void(Tensor&)>& spoil : std::vector<std::function<void(Tensor&)>>{
           [](Tensor& g) { g.neg_(); }, [](Tensor& g) { g[7][2] *= 1.0001; }, [](Tensor& g) { g.select(0, 3).zero_(); },
           [](Tensor& g) { g[0][0] = NAN; }}) {
    calls = 0;
    const CaseResult result = with(spoil);
    EXPECT_FALSE(result.right());
    EXPECT_EQ(calls, 1) << "timed a wrong gradient";
    const nlohmann::ordered_json json = to_json(result);
    for (const char* key : {"ours_ms", "peer_ms", "ratio", "peak_fraction"}) EXPECT_TRUE(json[key].is_null()) << key;
  }
}

// At kinks float32 is compared loosely: an error that hides there is found in the float64 twin.
TEST(MeasureCase, AKinkHidesNothing) {
  const FlowProblem problem = make_flow_problem(parse_flow_case("flow d=3 N=20 K=10 relu"), at::kFloat);
  const auto peer = make_eager_peer();
  EXPECT_TRUE(measure_case(problem, *peer, given_peaks, 0, brief).right());
  const CaseResult result = measure_case(problem, *peer, given_peaks, 0, brief, [](const FlowProblem& given) {
    Tensor gradient = turnpike_gradient(given);
    gradient[7][2] *= 1.001;
    return gradient;
  });
  EXPECT_FALSE(result.right());
  EXPECT_LT(result.gradient_error, 1e-2);
}

TEST(MedianOf, HasTheOrderStatisticsOfTheSignTest) {
  // n = 7: P(Bin(7, 1/2) = 0) = 1/128, P(<= 1) = 8/128 > 2.5 %: the range. n = 20: k = 6 (Conover, table A3).
  const Median seven = median_of({7, 1, 2, 6, 3, 5, 4});
  EXPECT_EQ(seven.value, 4);
  EXPECT_EQ(seven.low, 1);
  EXPECT_EQ(seven.high, 7);
  std::vector<double> twenty;
  for (int i = 20; i > 0; --i) twenty.push_back(i);
  const Median all = median_of(twenty);
  EXPECT_EQ(all.value, 10.5);
  EXPECT_EQ(all.low, 6);
  EXPECT_EQ(all.high, 15);
  EXPECT_EQ(median_of({3}).low, 3);
}

TEST(MedianOf, HoldsTheTrueMedianAtLeastAsOftenAsItSays) {
  Random random(5);
  int holds = 0;
  for (int trial = 0; trial < 2000; ++trial) {
    std::vector<double> values;
    for (int i = 0; i < 15; ++i) values.push_back(std::exp(2 * random.normal()));  // median 1, far from normal
    const Median median = median_of(values);
    holds += median.low <= 1 && median.high >= 1;
  }
  EXPECT_GE(holds, 1900);
  EXPECT_LT(holds, 2000);
}

TEST(MeasurePairs, AlternatesAndStopsWhenAsked) {
  std::string order;
  int left = 3;
  const Pairs pairs = measure_pairs([&] { return order += 'o', 1.0; }, [&] { return order += 'p', 3.0; },
                                    {.seconds = 0, .least = 2}, [&] { return left-- > 0; });
  EXPECT_EQ(order, "opopop");
  EXPECT_EQ(pairs.ratio(), (std::vector<double>{3, 3}));
  const Pairs stopped = measure_pairs([] { return 1.0; }, [] { return 1.0; }, {}, [] { return false; });
  EXPECT_TRUE(stopped.ours.empty());
}

TEST(Work, IsCountedFromTheFormulas) {
  // Euler, one sample, one step: three products of d^2 multiply-adds, 2 d for the bias, one sum forward and one back,
  // and the cost at the step's node and at the end.
  const double d = 7, cost = 4 * d + 4;
  EXPECT_DOUBLE_EQ(gradient_flops({.dimension = 7, .samples = 1, .layers = 1}), 6 * d * d + 2 * d + 4 * d + 2 * cost);
  // RK4: four evaluations, four nodes, three inner sums and four outer ones.
  EXPECT_DOUBLE_EQ(gradient_flops({.dimension = 7, .samples = 1, .layers = 1, .scheme = "rk4"}),
                   4 * (6 * d * d + 2 * d) + 7 * 4 * d + 5 * cost);
  EXPECT_DOUBLE_EQ(gradient_flops({.samples = 30, .layers = 20}), 30 * gradient_flops({.samples = 1, .layers = 20}));
  // Dormand-Prince's last stage is for its error estimate alone.
  EXPECT_DOUBLE_EQ(activations({.dimension = 5, .samples = 2, .layers = 3, .scheme = "dopri5"}), 5 * 2 * 3 * 6);
  EXPECT_DOUBLE_EQ(gradient_bytes({.dimension = 2, .samples = 10, .layers = 4}, 8),
                   8 * (2 * 4 * 6 + 2 * 10 * 2 * 4 + 30));
}

TEST(Machine, HasPeaksThatMakeSense) {
  const Peaks peaks = measure_peaks(1);
  EXPECT_GT(peaks.fma_f32, 1e9);
  EXPECT_GT(peaks.fma_f32, 1.2 * peaks.fma_f64);
  EXPECT_GT(peaks.cache, 1e9);
  EXPECT_GT(peaks.memory, 1e8);
}

TEST(PeakBytes, SeesWhatAGradientHolds) {
  // Wide enough for libtorch's operations, which keep every state: 50 * 400 * 200 numbers of 8 bytes are 32 MB.
  const FlowProblem problem = make_flow_problem({.dimension = 200, .samples = 400, .layers = 50}, at::kDouble);
  turnpike_gradient(make_flow_problem({.dimension = 200, .samples = 2, .layers = 2}, at::kDouble));
  const std::int64_t bytes = gradient_peak_bytes(problem, resident_bytes());
  EXPECT_GT(bytes, 32'000'000);
  EXPECT_LT(bytes, 200'000'000);
}

}  // namespace
}  // namespace turnpike
