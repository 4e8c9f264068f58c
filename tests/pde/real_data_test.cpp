// From the published initial data to the published files.
#include "../io/real_data.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>

#include <turnpike/io/mat.h>
#include <turnpike/math/fourier.h>
#include <turnpike/pde/catalogue.h>

namespace turnpike {
namespace {

using Complex = std::complex<double>;

class RealDataPde : public testing::RealDataTest {
 protected:
  // Fields stored complex have no imaginary part.
  std::vector<double> read(const std::string& file, const std::string& field) {
    const Array array = read_mat(folder / "pde" / file, {field}).at(0);
    if (!is_complex(array.dtype)) return to_doubles(array);
    std::vector<double> values(static_cast<std::size_t>(array.count()));
    const double* from = reinterpret_cast<const double*>(array.bytes.data());
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = from[2 * i];
    return values;
  }

  static SimulationProblem published(const std::string& name) {
    const Simulator& simulator = simulator_named(name);
    return simulator.make(Options(simulator.options));
  }

  static void expect_start(const SimulationProblem& problem, const std::vector<double>& file) {
    for (std::int64_t i = 0; i < problem.axes[0].n; ++i)
      EXPECT_NEAR(problem.initial[0].values[i].real(), file[i * problem.times.size()], 4e-15);
  }

  // Largest difference over the frames from `first` to `last`.
  static double difference(const std::vector<double>& a, const std::vector<double>& b, std::size_t n_times,
                           std::size_t first, std::size_t last) {
    double most = 0;
    for (std::size_t i = 0; i < a.size(); i += n_times)
      for (std::size_t t = first; t <= last; ++t) most = std::max(most, std::abs(a[i + t] - b[i + t]));
    return most;
  }
};

TEST_F(RealDataPde, Burgers) {
  const std::vector<double> file = read("burgers.mat", "usol");
  SimulationProblem problem = published("burgers");
  problem.options.tolerance = 1e-9;
  expect_start(problem, file);
  const Solution run = simulate(problem).value();
  ASSERT_EQ(run.fields[0].values.size(), file.size());
  EXPECT_LT(difference(run.fields[0].values, file, 101, 0, 100), 1e-7);
}

// The published Kuramoto-Sivashinsky field is the solution by steps of 1/40; with these it is met over all its chaos.
// The solution itself leaves it as chaos lets errors grow: 1e-6 up to t = 40.
TEST_F(RealDataPde, KuramotoSivashinsky) {
  const std::vector<double> file = read("kuramoto_sivishinky.mat", "uu");
  SimulationProblem problem = published("kuramoto_sivashinsky");
  expect_start(problem, file);
  problem.options.step = 0.025;
  ASSERT_EQ(problem.initial[0].values.size() * 251, file.size());
  EXPECT_LT(difference(simulate(problem).value().fields[0].values, file, 251, 0, 250), 1e-9);
  problem.options.step = 0.0125;
  const Solution finer = simulate(problem).value();
  EXPECT_LT(difference(finer.fields[0].values, file, 251, 0, 100), 1e-6);
  EXPECT_GT(difference(finer.fields[0].values, file, 251, 240, 250), 1e-6);
}

// The published state jumps by 9e-5 where its domain closes, and the file carries the jump's debris with the errors of
// its own time steps: what is smooth, the modes below 64 (waves longer than 0.94, soliton widths 2 and 2.8), agrees.
TEST_F(RealDataPde, KortewegDeVries) {
  const std::vector<double> file = read("kdv.mat", "usol");
  SimulationProblem problem = published("kdv");
  problem.options.step = 0.004;
  expect_start(problem, file);
  const Solution run = simulate(problem).value();
  ASSERT_EQ(run.fields[0].values.size(), file.size());
  const Fourier transform({512});
  double smooth = 0, all = 0;
  for (std::size_t t = 0; t <= 200; ++t) {
    std::vector<Complex> rest(512);
    for (std::size_t i = 0; i < 512; ++i) rest[i] = run.fields[0].values[i * 201 + t] - file[i * 201 + t];
    for (const Complex& z : rest) all = std::max(all, std::abs(z));
    transform.forward(rest);
    for (std::size_t k = 64; k <= 512 - 64; ++k) rest[k] = 0;
    transform.inverse(rest);
    for (const Complex& z : rest) smooth = std::max(smooth, std::abs(z));
  }
  EXPECT_LT(smooth, 1e-6);
  EXPECT_LT(all, 3e-5);
}

}  // namespace
}  // namespace turnpike
