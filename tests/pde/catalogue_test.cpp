// Every simulator of the catalogue keeps the laws: exact solutions, order in time, spectral accuracy in space, what is
// conserved.
#include <turnpike/pde/catalogue.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include <turnpike/math/fit.h>
#include <turnpike/math/fourier.h>

namespace turnpike {
namespace {

using Words = std::vector<std::string>;

SimulationProblem problem_of(const std::string& name, const Words& words) {
  const Simulator& simulator = simulator_named(name);
  Options options(simulator.options);
  for (const std::string& word : words) options.set_word(word, "test");
  return simulator.make(options);
}

double distance(const std::vector<std::complex<double>>& a, const std::vector<std::complex<double>>& b) {
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(a[i] - b[i]));
  return most;
}

// The error at the last frame.
double error_of(const SimulationProblem& problem) {
  const Solution run = simulate(problem).value();
  const std::int64_t last = static_cast<std::int64_t>(run.times.size()) - 1;
  return distance(frame_of(run, last)[0], problem.exact(0, run.times[last]));
}

struct Case {
  std::string name;
  Words words;
  double bound;
  friend void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }
};

class Exact : public ::testing::TestWithParam<Case> {};
TEST_P(Exact, SolutionIsMet) {
  SimulationProblem problem = problem_of(GetParam().name, GetParam().words);
  problem.options.tolerance = 1e-11;
  EXPECT_LT(error_of(problem), GetParam().bound);
  EXPECT_LT(distance(problem.initial[0].values, problem.exact(0, 0)), 1e-13);
}
INSTANTIATE_TEST_SUITE_P(Catalogue, Exact,
                         ::testing::Values(Case{"kdv", {"c2=0", "a1=-5", "low=-40", "high=40", "T=10"}, 1e-6},
                                           Case{"burgers", {"low=-16", "high=16", "n=512"}, 1e-7},
                                           Case{"schrodinger", {"low=-15", "high=15", "T=4", "n=256"}, 1e-6},
                                           Case{"nls", {"low=-20", "high=20", "T=1", "frames=51"}, 1e-6},
                                           Case{"heat", {}, 1e-13}, Case{"heat_2d", {"n=32"}, 1e-13},
                                           Case{"wave", {}, 1e-7}, Case{"advection", {}, 1e-13},
                                           Case{"oscillator", {}, 1e-8}),
                         [](const auto& info) { return info.param.name; });

class OrderInTime : public ::testing::TestWithParam<Case> {};
TEST_P(OrderInTime, IsFour) {
  SimulationProblem problem = problem_of(GetParam().name, GetParam().words);
  problem.times = {0, problem.times.back()};
  const double end = problem.times.back(), h0 = GetParam().bound;
  problem.options.step = h0 / 32;
  const auto reference = frame_of(simulate(problem).value(), 1)[0];
  std::vector<double> steps, errors;
  for (double h = h0; h > h0 / 12; h /= 2) {
    problem.options.step = h;
    steps.push_back(end / std::ceil(end / h - 1e-9));
    errors.push_back(distance(frame_of(simulate(problem).value(), 1)[0], reference));
  }
  const LineFit fit = fit_order(steps, errors, 1e-12);
  EXPECT_EQ(fit.n_points, 4);
  EXPECT_NEAR(fit.slope, 4, 0.3) << errors[0] << " " << errors[1] << " " << errors[2] << " " << errors[3];
}
INSTANTIATE_TEST_SUITE_P(Catalogue, OrderInTime,
                         ::testing::Values(Case{"kdv", {"n=192", "c2=0", "a1=0", "T=1"}, 0.02},
                                           Case{"burgers", {"n=128", "T=2"}, 0.1},
                                           Case{"schrodinger", {"n=64", "T=1"}, 0.02},
                                           Case{"nls", {"n=128", "T=0.5", "low=-10", "high=10"}, 0.01},
                                           Case{"kuramoto_sivashinsky", {"n=192", "T=30"}, 0.03},
                                           Case{"reaction_diffusion", {"n=32", "T=1"}, 0.1},
                                           Case{"shear_layer", {"n=32", "T=1"}, 0.1},
                                           Case{"wave", {"n=64", "T=1"}, 0.05}),
                         [](const auto& info) { return info.param.name; });

// The error falls faster than any power: by a factor for every few points more, down to rounding.
class SpectralInSpace : public ::testing::TestWithParam<Case> {};
TEST_P(SpectralInSpace, ErrorFallsExponentially) {
  std::vector<double> ns, errors;
  for (const int n : {32, 48, 64, 96, 128}) {
    Words words = GetParam().words;
    words.push_back("n=" + std::to_string(n));
    SimulationProblem problem = problem_of(GetParam().name, words);
    problem.options.tolerance = 1e-11;
    ns.push_back(n);
    errors.push_back(error_of(problem));
  }
  const DecayFit fit = fit_decay(ns, errors, 1e-9);
  EXPECT_GT(fit.rate_low, 0);
  EXPECT_GT(fit.r_squared, 0.9);
  EXPECT_LT(errors.back(), GetParam().bound);
  // Beyond any power: an order above 8 between the last two grids that are not yet at rounding.
  EXPECT_GT(std::log(errors[1] / errors[2]) / std::log(64.0 / 48), 6);
}
INSTANTIATE_TEST_SUITE_P(
    Catalogue, SpectralInSpace,
    ::testing::Values(Case{"kdv", {"c2=0", "a1=0", "low=-24", "high=24", "T=0.5", "frames=2"}, 1e-6},
                      Case{"burgers", {"low=-10", "high=10", "T=1", "frames=2", "nu=0.5"}, 1e-7},
                      Case{"nls", {"low=-12", "high=12", "T=0.2", "frames=2"}, 1e-3}),
    [](const auto& info) { return info.param.name; });

class Invariants : public ::testing::TestWithParam<Case> {};
TEST_P(Invariants, AreKeptOrFall) {
  SimulationProblem problem = problem_of(GetParam().name, GetParam().words);
  problem.options.tolerance = 1e-11;
  const Solution run = simulate(problem).value();
  const std::int64_t n = static_cast<std::int64_t>(run.times.size());
  ASSERT_FALSE(simulator_named(GetParam().name).invariants.empty());
  for (const Invariant& invariant : simulator_named(GetParam().name).invariants) {
    const double start = invariant.value(problem, frame_of(run, 0));
    double last = start;
    for (std::int64_t t = 1; t < n; t += std::max<std::int64_t>(1, n / 20)) {
      const double now = invariant.value(problem, frame_of(run, t));
      if (invariant.behaviour == Behaviour::constant)
        EXPECT_NEAR(now, start, GetParam().bound * std::max(1.0, std::abs(start))) << invariant.name;
      else
        EXPECT_LT(now, last) << invariant.name;
      last = now;
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Catalogue, Invariants,
                         ::testing::Values(Case{"kdv", {"T=2", "frames=21", "low=-60"}, 1e-7},
                                           Case{"burgers", {}, 1e-13},
                                           Case{"schrodinger", {"T=2", "n=128", "low=-10", "high=10"}, 1e-8},
                                           Case{"nls", {"T=1", "frames=101", "low=-20", "high=20"}, 1e-7},
                                           Case{"kuramoto_sivashinsky", {"n=256", "T=40"}, 1e-12},
                                           Case{"shear_layer", {"n=48", "T=4", "frames=21"}, 1e-12},
                                           Case{"heat", {}, 1e-13}, Case{"heat_2d", {"n=32"}, 1e-13},
                                           Case{"wave", {}, 1e-8}, Case{"advection", {}, 1e-13},
                                           Case{"oscillator", {}, 1e-8}),
                         [](const auto& info) { return info.param.name; });

TEST(Catalogue, EnergyOfTheFlowFallsByItsEnstrophy) {
  // d/dt int (u^2 + v^2) / 2 = -nu int w^2.
  SimulationProblem problem = problem_of("shear_layer", {"n=64", "T=2", "frames=41", "Re=100"});
  const std::vector<Invariant>& all = simulator_named("shear_layer").invariants;
  const Solution run = simulate(problem).value();
  double drained = 0;
  std::vector<double> enstrophy, energy;
  for (int t = 0; t < 41; ++t) {
    energy.push_back(all[1].value(problem, frame_of(run, t)));
    enstrophy.push_back(all[2].value(problem, frame_of(run, t)));
  }
  for (int t = 0; t + 2 < 41; t += 2)  // Simpson
    drained += (enstrophy[t] + 4 * enstrophy[t + 1] + enstrophy[t + 2]) * 0.05 / 3;
  EXPECT_NEAR(energy[0] - energy[40], 2 * 0.01 * drained, 1e-6 * energy[0]);
}

TEST(Catalogue, LorenzFromTwoTolerances) {
  SimulationProblem problem = problem_of("lorenz", {"T=5", "frames=51"});
  const Solution coarse = simulate(problem).value();
  problem.options.tolerance = 1e-13;
  const Solution fine = simulate(problem).value();
  EXPECT_LT(distance(frame_of(coarse, 50)[0], frame_of(fine, 50)[0]), 1e-6);
  EXPECT_GT(std::abs(fine.fields[2].values[50] - fine.fields[2].values[0]), 1);
}

TEST(Catalogue, TheCylinderStopsTheFlowAndShedsVorticity) {
  const SimulationProblem problem =
      problem_of("cylinder", {"per_diameter=8", "length=10", "height=6", "T=2", "frames=3"});
  const Solution run = simulate(problem).value();
  const Frame frame = frame_of(run, 2);
  const std::int64_t ny = problem.axes[1].n, ix = 4 * 8, iy = ny / 2;
  EXPECT_LT(std::abs(frame[1][ix * ny + iy]), 0.1);    // at rest in the middle of the body
  EXPECT_GT(frame[1][ix * ny + iy + 8].real(), 1.05);  // faster beside it
  EXPECT_LT(frame[0][ix * ny + iy + 5].real(), -1);    // clockwise above
  EXPECT_GT(frame[0][ix * ny + iy - 5].real(), 1);
  EXPECT_NEAR(frame[1][(problem.axes[0].n - 12) * ny].real(), 1, 0.1);  // free in the fringe
}

// A derivative of a periodic field [x, y], times (a, b) along the axes.
std::vector<std::complex<double>> derived(const SimulationProblem& problem, std::vector<std::complex<double>> values,
                                          int a, int b) {
  const SpaceAxis &x = problem.axes[0], &y = problem.axes[1];
  const Fourier transform({x.n, y.n});
  const std::vector<double> kx = wavenumbers(x.n, x.high - x.low), ky = wavenumbers(y.n, y.high - y.low);
  transform.forward(values);
  for (std::int64_t i = 0; i < x.n; ++i)
    for (std::int64_t j = 0; j < y.n; ++j)
      values[i * y.n + j] *= std::pow(std::complex<double>(0, kx[i]), a) * std::pow(std::complex<double>(0, ky[j]), b);
  transform.inverse(values);
  return values;
}

// The vorticity equation in the wake, against bumps: the damping's sharp edge leaves waves as long as two cells, which
// these do not see.
TEST(Catalogue, TheVorticityEquationHoldsInTheWake) {
  const SimulationProblem problem = problem_of(
      "cylinder", {"per_diameter=12", "length=9", "height=6", "T=1", "frames=51", "step=0.02", "fringe=1.5"});
  const Solution run = simulate(problem).value();
  const Frame before = frame_of(run, 44), now = frame_of(run, 45), after = frame_of(run, 46);
  const auto wx = derived(problem, now[0], 1, 0), wy = derived(problem, now[0], 0, 1),
             wxx = derived(problem, now[0], 2, 0), wyy = derived(problem, now[0], 0, 2);
  const std::vector<double> x = problem.axes[0].points(), y = problem.axes[1].points();
  double off = 0, size = 0;
  for (double cx = 1.5; cx < 2.5; cx += 0.3) {
    for (double cy = -1.2; cy < 1.3; cy += 0.3) {
      double residual = 0, rate = 0;
      for (std::size_t i = 0; i < x.size(); ++i) {
        for (std::size_t j = 0; j < y.size(); ++j) {
          const std::size_t at = i * y.size() + j;
          const double bump = std::exp(-(std::pow(x[i] - cx, 2) + std::pow(y[j] - cy, 2)) / (2 * 0.2 * 0.2));
          const auto w_t = (after[0][at] - before[0][at]) / 0.04;
          residual += bump * (w_t + now[1][at] * wx[at] + now[2][at] * wy[at] - (wxx[at] + wyy[at]) / 100.0).real();
          rate += bump * w_t.real();
        }
      }
      off += residual * residual;
      size += rate * rate;
    }
  }
  EXPECT_LT(std::sqrt(off / size), 5e-3);
}

TEST(Catalogue, NamesAreUniqueAndFound) {
  std::vector<std::string> names;
  for (const Simulator& simulator : simulator_catalogue()) names.emplace_back(simulator.name);
  EXPECT_EQ(names.size(), 14u);
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::unique(names.begin(), names.end()), names.end());
  try {
    simulator_named("burger");
    FAIL();
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find("did you mean 'burgers'"), std::string::npos);
  }
  EXPECT_THROW(problem_of("burgers", {"low=3", "high=2"}), InputError);
}

}  // namespace
}  // namespace turnpike
