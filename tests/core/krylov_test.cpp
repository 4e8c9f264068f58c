#include <turnpike/core/krylov.h>

#include <gtest/gtest.h>
#include <torch/types.h>

#include <turnpike/base/error.h>

namespace turnpike {
namespace {

Tensor orthogonal(std::int64_t n, std::uint64_t seed) {
  at::manual_seed(seed);
  return std::get<0>(at::linalg_qr(at::randn({n, n}, at::kDouble)));
}

Tensor symmetric(const Tensor& spectrum, std::uint64_t seed = 1) {
  Tensor q = orthogonal(spectrum.size(0), seed);
  return (q * spectrum).mm(q.t());
}

double max_difference(const Tensor& a, const Tensor& b) {
  return (a - b).abs().max().item<double>();
}

void expect_orthonormal(const Tensor& v) {
  EXPECT_LT(max_difference(v.t().mm(v), at::eye(v.size(1), v.options())), 1e-12);
}

// Residuals are honest: recomputed from the matrix.
void expect_eigenpairs(const Tensor& matrix, const EigenPairs& pairs, const Tensor& expected) {
  double scale = matrix.norm().item<double>();
  EXPECT_LE(max_difference(pairs.values, expected), 1e-11 * scale);
  expect_orthonormal(pairs.vectors);
  Tensor residuals = (matrix.mm(pairs.vectors) - pairs.vectors * pairs.values).norm(2, 0);
  EXPECT_LE(max_difference(residuals, pairs.residuals), 1e-13 * scale);
  EXPECT_LE(pairs.residuals.max().item<double>(), 1e-9 * scale);
}

TEST(Cg, SolvesLikeTheDenseSolver) {
  Tensor m = symmetric(at::logspace(-2, 2, 60, 10, at::kDouble)), b = at::randn({60}, at::kDouble);
  LinearSolution solution = cg(matrix_operator(m), b, {.tolerance = 1e-11}).value();
  EXPECT_LT((m.mv(solution.x) - b).norm().item<double>(), 1.001e-11 * b.norm().item<double>());
  Tensor dense = at::linalg_solve(m, b);
  EXPECT_LT((solution.x - dense).norm().item<double>(), 1e-11 * 1e4 * dense.norm().item<double>());  // condition 1e4
}

// The recurrence's residual drifts from the true one here: only a second start from the true one gets below the
// tolerance.
TEST(Cg, StartsAgainFromTheTrueResidual) {
  Tensor m = symmetric(at::logspace(-3, 3, 60, 10, at::kDouble)), b = at::randn({60}, at::kDouble);
  std::int64_t products = 0;
  LinearOperator a = matrix_operator(m);
  a.apply = [&](const Tensor& v) {
    ++products;
    return m.mv(v);
  };
  LinearSolution solution = cg(a, b, {.tolerance = 4e-11}).value();
  EXPECT_GE(products - solution.iterations, 4);  // two a start: its residual before and after
}

TEST(Cg, TakesAsManyIterationsAsDistinctEigenvalues) {
  Tensor spectrum =
      at::cat({at::full({30}, 1.0, at::kDouble), at::full({30}, 5.0, at::kDouble), at::full({2}, 40.0, at::kDouble)});
  Tensor b = at::randn({62}, at::kDouble);
  EXPECT_EQ(cg(matrix_operator(symmetric(spectrum)), b).value().iterations, 3);
  EXPECT_EQ(cg(matrix_operator(symmetric(spectrum)), at::zeros_like(b)).value().iterations, 0);
}

TEST(Cg, RankDeficientButConsistent) {
  Tensor spectrum = at::cat({at::zeros({10}, at::kDouble), at::linspace(1, 4, 30, at::kDouble)});
  Tensor m = symmetric(spectrum), b = m.mv(at::randn({40}, at::kDouble));
  LinearSolution solution = cg(matrix_operator(m), b).value();
  EXPECT_LT((solution.x - at::linalg_pinv(m, 1e-10).mv(b)).norm().item<double>(), 1e-8);
}

TEST(Cg, RefusesAnIndefiniteOperatorAndGivesUpInTime) {
  Tensor b = at::ones({20}, at::kDouble);
  Outcome<LinearSolution> run = cg(matrix_operator(symmetric(at::linspace(-1, 1, 20, at::kDouble))), b);
  ASSERT_FALSE(run);
  EXPECT_EQ(run.failure().kind, FailureKind::no_convergence);
  Tensor hard = symmetric(at::logspace(0, 8, 100, 10, at::kDouble));
  Outcome<LinearSolution> early = cg(matrix_operator(hard), at::ones({100}, at::kDouble), {.max_iterations = 7});
  ASSERT_FALSE(early);
  EXPECT_EQ(early.partial().iterations, 7);
  Tensor residual = hard.mv(early.partial().x) - at::ones({100}, at::kDouble);
  EXPECT_NEAR(early.partial().residual, residual.norm().item<double>() / 10, 1e-9);
}

TEST(Gmres, SolvesNonsymmetricSystemsWithAndWithoutRestart) {
  at::manual_seed(3);
  Tensor m = at::eye(80, at::kDouble) * 4 + 0.25 * at::randn({80, 80}, at::kDouble), b = at::randn({80}, at::kDouble);
  Tensor dense = at::linalg_solve(m, b);
  for (std::int64_t restart : {10, 100}) {
    LinearSolution solution = gmres(matrix_operator(m), b, {.tolerance = 1e-12, .restart = restart}).value();
    EXPECT_LT((solution.x - dense).norm().item<double>(), 1e-10 * dense.norm().item<double>());
    EXPECT_LE((m.mv(solution.x) - b).norm().item<double>(), 1.001e-12 * b.norm().item<double>());
  }
}

// The cyclic shift: no progress at all until the n-th step (Greenbaum, Ptak & Strakos 1996), so a restart below n
// stagnates.
TEST(Gmres, ShiftNeedsAllStepsAndStagnatesWhenRestarted) {
  Tensor m = at::eye(12, at::kDouble).roll(1, 0), b = at::zeros({12}, at::kDouble);
  b[0] = 1;
  EXPECT_EQ(gmres(matrix_operator(m), b).value().iterations, 12);
  Outcome<LinearSolution> stuck = gmres(matrix_operator(m), b, {.restart = 5});
  ASSERT_FALSE(stuck);
  EXPECT_EQ(stuck.partial().iterations, 5);
  EXPECT_DOUBLE_EQ(stuck.partial().residual, 1);
}

TEST(Gmres, SingularOperator) {
  Tensor m = at::diag(at::cat({at::zeros({1}, at::kDouble), at::linspace(1, 3, 9, at::kDouble)}));
  Tensor consistent = at::ones({10}, at::kDouble);
  consistent[0] = 0;
  EXPECT_LT(gmres(matrix_operator(m), consistent).value().residual, 1e-10);
  Outcome<LinearSolution> inconsistent = gmres(matrix_operator(m), at::ones({10}, at::kDouble));
  ASSERT_FALSE(inconsistent);
  EXPECT_NEAR(inconsistent.partial().residual, 1 / std::sqrt(10.0), 1e-6);  // what cannot be reached: the first entry
}

TEST(Lanczos, ExtremesOfADenseMatrix) {
  at::manual_seed(5);
  Tensor m = at::randn({70, 70}, at::kDouble);
  m = m + m.t();
  Tensor all = std::get<0>(at::linalg_eigh(m));
  expect_eigenpairs(m, lanczos(matrix_operator(m), 4, Extreme::largest).value(), all.narrow(0, 66, 4).flip(0));
  expect_eigenpairs(m, lanczos(matrix_operator(m), 4, Extreme::smallest).value(), all.narrow(0, 0, 4));
  expect_eigenpairs(m, lanczos(matrix_operator(m), 70, Extreme::smallest).value(), all);
}

TEST(Lanczos, ClusteredAndMultipleEigenvaluesComeWithTheirMultiplicity) {
  Tensor spectrum = at::cat({at::linspace(-1, 1, 50, at::kDouble), at::full({3}, 2.0, at::kDouble),
                             at::tensor({2 - 1e-6, 3.0, 3.0}, at::kDouble)});
  Tensor m = symmetric(spectrum);
  Tensor expected = at::tensor({3.0, 3.0, 2.0, 2.0, 2.0, 2 - 1e-6}, at::kDouble);
  expect_eigenpairs(m, lanczos(matrix_operator(m), 6, Extreme::largest).value(), expected);
  expect_eigenpairs(m, lanczos(matrix_operator(m), 1, Extreme::largest).value(), expected.narrow(0, 0, 1));
  Tensor identity = at::eye(9, at::kDouble);
  expect_eigenpairs(identity, lanczos(matrix_operator(identity), 9, Extreme::smallest).value(),
                    at::ones({9}, at::kDouble));
}

// One Krylov space holds each distinct eigenvalue once: the second 2 needs another look.
TEST(Lanczos, FindsADoubleEigenvalueOfALargeOperator) {
  const Tensor m = at::diag(at::cat({at::linspace(0, 1, 297, at::kDouble), at::tensor({2.0, 2.0, 1.5}, at::kDouble)}));
  const EigenPairs pairs = lanczos(matrix_operator(m), 2, Extreme::largest).value();
  expect_eigenpairs(m, pairs, at::full({2}, 2.0, at::kDouble));
  EXPECT_LT(pairs.iterations, 250);  // far from the whole space
}

TEST(Lanczos, RankDeficient) {
  Tensor spectrum = at::cat({at::zeros({37}, at::kDouble), at::tensor({1.0, 2.0, 4.0}, at::kDouble)});
  Tensor m = symmetric(spectrum);
  expect_eigenpairs(m, lanczos(matrix_operator(m), 5, Extreme::largest).value(),
                    at::tensor({4.0, 2.0, 1.0, 0.0, 0.0}, at::kDouble));
  Tensor zero = at::zeros({6, 6}, at::kDouble);
  expect_eigenpairs(zero, lanczos(matrix_operator(zero), 2, Extreme::largest).value(), at::zeros({2}, at::kDouble));
}

TEST(Lanczos, SaysWhenItDidNotConverge) {
  Tensor m = at::diag(at::linspace(0, 1, 400, at::kDouble));
  Outcome<EigenPairs> run = lanczos(matrix_operator(m), 3, Extreme::largest, {.max_iterations = 12});
  ASSERT_FALSE(run);
  EXPECT_EQ(run.partial().iterations, 12);
  EXPECT_LT(run.partial().values[0].item<double>(), 1.0);
  EXPECT_GT(run.partial().values[0].item<double>(), 0.9);
}

TEST(PowerIteration, LargestModulusWithItsSign) {
  Tensor m = symmetric(at::tensor({-5.0, -1.0, 0.5, 2.0, 3.0}, at::kDouble));
  DominantPair pair = power_iteration(matrix_operator(m)).value();
  EXPECT_NEAR(pair.value, -5, 1e-9);
  EXPECT_NEAR((m.mv(pair.vector) + 5 * pair.vector).norm().item<double>(), pair.residual, 1e-12);
  Tensor reflection = at::diag(at::tensor({1.0, -1.0}, at::kDouble));
  EXPECT_FALSE(power_iteration(matrix_operator(reflection)));
}

void expect_singular(const Tensor& m, std::int64_t k) {
  SingularTriplets triplets = svds(matrix_operator(m), k).value();
  auto [u, s, vt] = at::linalg_svd(m, false);
  EXPECT_LT(max_difference(triplets.values, s.narrow(0, 0, k)), 1e-11 * s[0].item<double>());
  expect_orthonormal(triplets.left);
  expect_orthonormal(triplets.right);
  EXPECT_LT(triplets.residuals.max().item<double>(), 1e-9 * s[0].item<double>());
  EXPECT_LT((m.mm(triplets.right) - triplets.left * triplets.values).abs().max().item<double>(),
            1e-9 * s[0].item<double>());
}

TEST(Svds, TallWideAndRankDeficient) {
  at::manual_seed(6);
  Tensor tall = at::randn({50, 30}, at::kDouble);
  expect_singular(tall, 5);
  expect_singular(tall.t(), 5);
  expect_singular(tall.narrow(1, 0, 4).mm(at::randn({4, 20}, at::kDouble)), 7);  // rank 4: three zeros asked for
}

TEST(Svds, SmallSingularValuesKeepTheirDigits) {
  Tensor m = (orthogonal(20, 1) * at::logspace(0, -6, 20, 10, at::kDouble)).mm(orthogonal(20, 2));
  SingularTriplets triplets = svds(matrix_operator(m), 20, {.tolerance = 1e-14}).value();
  EXPECT_LT(max_difference(m.mm(triplets.right), triplets.left * triplets.values), 1e-14);
  EXPECT_LT(max_difference(m.t().mm(triplets.left), triplets.right * triplets.values), 1e-14);
  Tensor relative = triplets.values / at::logspace(0, -6, 20, 10, at::kDouble) - 1;
  EXPECT_LT(relative.abs().max().item<double>(), 1e-9);  // by squares alone 1e-12 / 1e-16 would leave 1e-4
}

TEST(Krylov, SinglePrecision) {
  Tensor m = symmetric(at::linspace(1, 9, 40, at::kDouble)).to(at::kFloat), b = at::ones({40}, at::kFloat);
  EXPECT_LT(cg(matrix_operator(m), b).value().residual, 1e-5);
  EXPECT_LT(gmres(matrix_operator(m), b).value().residual, 1e-5);
  EXPECT_NEAR(lanczos(matrix_operator(m), 2, Extreme::largest).value().values[0].item<double>(), 9, 1e-4);
  EXPECT_NEAR(svds(matrix_operator(m), 2).value().values[0].item<double>(), 9, 1e-4);
}

TEST(Krylov, RefusesProductsThatAreNotFinite) {
  const Tensor one = at::ones({6}, at::kDouble);
  int calls = 0;
  LinearOperator late = matrix_operator(symmetric(at::arange(1, 7, at::kDouble)));
  const auto apply = late.apply;
  late.apply =
      late.apply_transpose = [&](const Tensor& v) -> Tensor { return ++calls < 3 ? apply(v) : apply(v) / 0.0; };
  const auto expect_error = [&](const char* method, const auto& act) {
    calls = 0;
    try {
      act();
      ADD_FAILURE() << method;
    } catch (const Error& error) {
      EXPECT_EQ(error.what(), std::string(method) + ": product 3 of the operator is not finite");
    }
  };
  expect_error("lanczos", [&] { (void)lanczos(late, 2, Extreme::largest); });
  expect_error("lanczos_quadrature", [&] { lanczos_quadrature(late, one, 6); });
  expect_error("power_iteration", [&] { (void)power_iteration(late); });
  // gmres spends the first two on its residual and a step.
  calls = 0;
  EXPECT_THROW((void)gmres(late, one), Error);
  calls = 0;
  EXPECT_THROW((void)svds(late, 2), Error);
  calls = 0;
  EXPECT_FALSE(cg(late, one));
}

TEST(Krylov, ContractsAreChecked) {
  LinearOperator wide = matrix_operator(at::ones({2, 3}, at::kDouble));
  EXPECT_THROW((void)cg(wide, at::ones({2}, at::kDouble)), ContractError);
  EXPECT_THROW((void)lanczos(wide, 1, Extreme::largest), ContractError);
  EXPECT_THROW((void)svds(wide, 3), ContractError);
  LinearOperator square = matrix_operator(at::eye(3, at::kDouble));
  EXPECT_THROW((void)gmres(square, at::ones({4}, at::kDouble)), ContractError);
  EXPECT_THROW((void)cg(square, at::ones({3}, at::kFloat)), ContractError);
  EXPECT_THROW((void)lanczos(square, 4, Extreme::smallest), ContractError);
}

}  // namespace
}  // namespace turnpike
