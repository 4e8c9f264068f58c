#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>

#include <turnpike/discover/discovery.h>
#include <turnpike/io/csv.h>
#include <turnpike/io/npy.h>
#include <turnpike/io/text.h>
#include <turnpike/math/random.h>

#include "../app/engine_process.h"
#include "verbs.h"

namespace turnpike {
namespace {

using testing::Finished;
using testing::Workplace;
using Json = nlohmann::ordered_json;

constexpr double diffusion = 0.1;

std::vector<double> grid(int n, double start, double step) {
  std::vector<double> out;
  for (int i = 0; i < n; ++i) out.push_back(start + i * step);
  return out;
}

Array row(const std::vector<double>& values) {
  return array_of<double>({static_cast<std::int64_t>(values.size())}, values);
}

// Modes of the heat equation u_t = diffusion u_xx on the circle.
double heat(double x, double t, double scale) {
  double u = 0;
  for (int k = 1; k <= 5; ++k) u += std::exp(-diffusion * k * k * t) * std::sin(k * x + 0.7 * k * k) / k;
  return scale * u;
}

template <class Value>
void write_field(const Workplace& place, const std::string& name, int n_x, int n_t, Value value) {
  const auto x = grid(n_x, 0, 2 * std::numbers::pi / n_x), t = grid(n_t, 0, 0.05);
  std::vector<double> u;
  for (double at : x)
    for (double time : t) u.push_back(value(at, time));
  write_npz(place.path() / name, {{"u", array_of<double>({n_x, n_t}, u)}, {"x", row(x)}, {"t", row(t)}});
}

void write_heat(const Workplace& place, const std::string& name = "heat.npz", double scale = 1) {
  write_field(place, name, 96, 81, [&](double x, double t) { return heat(x, t, scale); });
}

void expect_heat(const Json& result, double tolerance) {
  ASSERT_TRUE(result.at("found")) << result;
  ASSERT_EQ(result.at("terms").size(), 1u) << result;
  const Json& term = result["terms"][0];
  EXPECT_EQ(term.at("lhs"), "u_t");
  EXPECT_EQ(term.at("term"), "u_xx");
  EXPECT_NEAR(term.at("coefficient"), diffusion, tolerance);
  EXPECT_LE(term.at("interval")[0], term.at("coefficient"));
  EXPECT_GE(term.at("interval")[1], term.at("coefficient"));
  EXPECT_GE(term.at("inclusion"), 0.9);
  EXPECT_LE(term.at("inclusion"), 1.0);
}

// The largest |value| in a figure's data.
double largest_value(const std::filesystem::path& csv) {
  const TextTable table = read_csv(csv);
  double most = 0;
  for (std::int64_t row = 0; row < table.rows(); ++row)
    most = std::max(most, std::abs(number_in(table.cell(row, table.column_named("value"))).value_or(0)));
  return most;
}

TEST(Discover, TheContractOfJson) {
  const Workplace place;
  write_heat(place);
  const Finished run = place.json({"discover", "heat.npz"});
  ASSERT_EQ(run.exit, 0) << run.err;
  EXPECT_EQ(run.err, "");
  const Json result = run.last_json();
  EXPECT_EQ(result.at("schema"), 1);
  expect_heat(result, 1e-5);
  EXPECT_EQ(result.at("equation"), "u_t = 0.1000 u_xx");
  EXPECT_EQ(result.at("axes")[0].at("name"), "x");
  for (const char* key : {"criterion", "residual", "seconds"}) EXPECT_TRUE(result.contains(key)) << key;
  EXPECT_LT(result.at("simulation_error"), 1e-7);
  const auto report = place.path() / result.at("report").get<std::string>();
  EXPECT_NE(testing::text_of(report).find("How many terms"), std::string::npos);
  for (const char* name : {"field", "simulated", "error", "residual", "path", "inclusion"}) {
    EXPECT_TRUE(std::filesystem::exists(report.parent_path() / "figures" / (std::string(name) + ".svg"))) << name;
    EXPECT_TRUE(std::filesystem::exists(report.parent_path() / "data" / (std::string(name) + ".csv"))) << name;
  }
  EXPECT_TRUE(std::filesystem::exists(report.parent_path() / "manifest.json"));
  EXPECT_LT(largest_value(report.parent_path() / "data" / "residual.csv"), 1e-4);
}

TEST(Discover, TheStrongFormShowsItsResidual) {
  const Workplace place;
  write_heat(place);
  const Json result = place.json({"discover", "heat.npz", "form=strong"}).last_json();
  expect_heat(result, 1e-5);
  const auto report = place.path() / result.at("report").get<std::string>();
  EXPECT_LT(largest_value(report.parent_path() / "data" / "residual.csv"), 1e-4);
}

TEST(Discover, TheAnswerForPeople) {
  const Workplace place;
  write_heat(place);
  const Finished run = place.run({"discover", "heat.npz"});
  ASSERT_EQ(run.exit, 0) << run.err;
  for (const char* part : {"u_t = 0.1000 u_xx\n", "coefficient (95 %)", "LaTeX: u_{t} = 0.1000\\,u_{xx}",
                           "simulated from the first frame: ", "report.html"})
    EXPECT_NE(run.out.find(part), std::string::npos) << part << "\n" << run.out;
  EXPECT_NE(run.err.find("u [96, 81]: x, 96 points from 0 to 6.21774 in steps of 0.0654498; t, 81"), std::string::npos)
      << run.err;
  EXPECT_NE(run.err.find("found by their lengths"), std::string::npos);
}

TEST(Discover, NoiseComesFromTheSeed) {
  const Workplace place;
  write_heat(place);
  const auto terms = [&](const char* seed) {
    const Json result =
        place.json({"discover", "heat.npz", "--noise", "0.01", "--seed", seed, "report=false"}).last_json();
    expect_heat(result, 0.01);
    return result.at("terms");
  };
  const Json first = terms("3");
  EXPECT_EQ(first, terms("3"));
  EXPECT_NE(first, terms("4"));
}

TEST(Discover, SeveralFilesAreSeveralExperiments) {
  const Workplace place;
  write_heat(place, "a.npz");
  write_heat(place, "b.npz", 3);
  const Json result = place.json({"discover", "a.npz", "b.npz", "report=false"}).last_json();
  EXPECT_EQ(result.at("experiments"), 2);
  expect_heat(result, 1e-5);
}

TEST(Discover, HolesAreLeftOut) {
  const Workplace place;
  write_field(place, "holes.npz", 96, 81, [&](double x, double t) {
    const bool hole = std::abs(x - 3) < 0.1 && std::abs(t - 2) < 0.1;
    return hole ? std::numeric_limits<double>::quiet_NaN() : heat(x, t, 1);
  });
  const Finished refused = place.run({"discover", "holes.npz"});
  EXPECT_EQ(refused.exit, 2);
  EXPECT_NE(refused.err.find("--mask nan"), std::string::npos) << refused.err;
  expect_heat(place.json({"discover", "holes.npz", "--mask", "nan", "report=false"}).last_json(), 1e-4);
}

// Lorenz (1963): x' = 10 (y - x), y' = x (28 - z) - y, z' = x y - 8/3 z.
TEST(Discover, TrajectoriesOfOrdinaryEquations) {
  const Workplace place;
  std::string csv = "t,x,y,z\n";
  std::vector<double> s = {-8, 7, 27};
  const auto slope = [](const std::vector<double>& v) {
    return std::vector<double>{10 * (v[1] - v[0]), v[0] * (28 - v[2]) - v[1], v[0] * v[1] - 8.0 / 3 * v[2]};
  };
  const double h = 0.002;
  for (int i = 0; i < 3000; ++i) {
    csv += std::to_string(i * h);
    for (double value : s) csv += "," + fmt::format("{:.17g}", value);
    csv += "\n";
    const auto moved = [&](const std::vector<double>& k, double by) {
      std::vector<double> out = s;
      for (int c = 0; c < 3; ++c) out[c] += by * k[c];
      return out;
    };
    const auto k1 = slope(s), k2 = slope(moved(k1, h / 2)), k3 = slope(moved(k2, h / 2)), k4 = slope(moved(k3, h));
    for (int c = 0; c < 3; ++c) s[c] += h / 6 * (k1[c] + 2 * k2[c] + 2 * k3[c] + k4[c]);
  }
  place.write("lorenz.csv", csv);
  const Finished run = place.json({"discover", "lorenz.csv", "degree=2"});
  ASSERT_EQ(run.exit, 0) << run.err;
  const Json result = run.last_json();
  std::map<std::string, double> found;
  for (const Json& term : result.at("terms"))
    found[term.at("lhs").get<std::string>() + " " + term.at("term").get<std::string>()] = term.at("coefficient");
  const std::map<std::string, double> truth = {{"x_t x", -10},  {"x_t y", 10},       {"y_t x", 28}, {"y_t y", -1},
                                               {"y_t x*z", -1}, {"z_t z", -8.0 / 3}, {"z_t x*y", 1}};
  ASSERT_EQ(found.size(), truth.size()) << result.at("equation");
  for (const auto& [term, value] : truth) {
    ASSERT_TRUE(found.contains(term)) << term << " in " << result.at("equation");
    EXPECT_NEAR(found[term], value, 1e-3 * std::abs(value)) << term;
  }
}

TEST(Discover, NothingToBeFoundIsAnAnswer) {
  const Workplace place;
  Random random(5);
  write_field(place, "noise.npz", 64, 60, [&](double, double) { return random.normal(); });
  write_field(place, "constant.npz", 64, 60, [](double, double) { return 2.5; });
  for (const char* file : {"noise.npz", "constant.npz"}) {
    const Finished run = place.json({"discover", file});
    ASSERT_EQ(run.exit, 0) << run.err;
    const Json result = run.last_json();
    EXPECT_FALSE(result.at("found")) << file << ": " << result.at("equation");
    EXPECT_NE(result.at("reason"), "") << file;
    EXPECT_TRUE(result.at("terms").empty());
    EXPECT_TRUE(std::filesystem::exists(place.path() / result.at("report").get<std::string>()));
    EXPECT_NE(place.run({"discover", file, "report=false"}).out.find("no equation found for u_t"), std::string::npos);
  }
}

// Exit code 2 and one sentence that says what to do, on standard error; with --json also on standard output.
void refuses(const Workplace& place, std::vector<std::string> words, const std::vector<std::string>& parts) {
  words.insert(words.begin(), "discover");
  const Finished run = place.run(words);
  EXPECT_EQ(run.exit, 2) << run.err;
  EXPECT_EQ(testing::lines_of(run.err).back().rfind("turnpike: ", 0), 0u) << run.err;
  for (const std::string& part : parts) EXPECT_NE(run.err.find(part), std::string::npos) << part << "\n" << run.err;
  EXPECT_FALSE(std::filesystem::exists(place.path() / "runs")) << "a refused run left a folder";
}

TEST(Discover, BadInputIsRefusedInASentence) {
  const Workplace place;
  write_heat(place);
  refuses(place, {}, {"FILE is missing"});
  refuses(place, {"absent.npz"}, {"absent.npz", "No such file"});
  refuses(place, {"heat.npz", "--field", "v"}, {"heat.npz", "'v'", "t, u, x"});
  refuses(place, {"heat.npz", "--axes", "t,x"}, {"another order", "--axes x,t"});
  refuses(place, {"heat.npz", "--axes", "x"}, {"2 dimensions"});
  refuses(place, {"heat.npz", "--time", "y"}, {"no axis 'y'"});
  refuses(place, {"heat.npz", "--mask", "inside"}, {"'inside'"});
  refuses(place, {"heat.npz", "degre=2"}, {"did you mean 'degree'?"});
  refuses(place, {"heat.npz", "--feild", "u"}, {"did you mean '--field'?"});
  refuses(place, {"heat.npz", "equations_of=w"}, {"'w'"});
  place.write("empty.npz", "");
  refuses(place, {"empty.npz"}, {"empty.npz", "is empty"});
  place.write("words.txt", "nothing but words in here\n");
  refuses(place, {"words.txt"}, {"words.txt"});
  const std::string bytes = testing::text_of(place.path() / "heat.npz");
  place.write("cut.npz", bytes.substr(0, bytes.size() / 2));
  refuses(place, {"cut.npz"}, {"cut.npz"});
  place.write("cut.mat", "MATLAB 5.0 MAT-file, cut within its header");
  refuses(place, {"cut.mat"}, {"cut.mat"});
  write_field(place, "tiny.npz", 4, 3, [](double x, double t) { return x * t; });
  const Finished tiny = place.run({"discover", "tiny.npz", "report=false"});
  EXPECT_TRUE(tiny.exit == 2 || tiny.out.find("no equation found") != std::string::npos) << tiny.out << tiny.err;
}

TEST(Discover, UnevenGridsAreNamed) {
  const Workplace place;
  std::vector<double> x, t = grid(40, 0, 0.1), u;
  for (int i = 0; i < 60; ++i) x.push_back(0.002 * i * i + 0.05 * i);
  for (double at : x)
    for (double time : t) u.push_back(heat(at, time, 1));
  write_npz(place.path() / "uneven.npz", {{"u", array_of<double>({60, 40}, u)}, {"x", row(x)}, {"t", row(t)}});
  const Finished run = place.run({"discover", "uneven.npz"});
  EXPECT_EQ(run.exit, 2);
  EXPECT_NE(run.err.find("steps of axis x differ"), std::string::npos) << run.err;
}

TEST(Discover, SpectralDerivativesAreOnesInSpace) {
  const Workplace place;
  write_heat(place);
  const Finished run =
      place.json({"discover", "heat.npz", "form=strong", "derivative=spectral", "report=false", "resamples=0"});
  ASSERT_EQ(run.exit, 0) << run.err;
  expect_heat(run.last_json(), 1e-5);
  EXPECT_TRUE(run.last_json().at("equations")[0].at("inclusion").empty());  // without resamples nothing is known of it
}

TEST(Discover, HelpAndChoicesAreThoseOfTheLibrary) {
  const Workplace place;
  const Finished help = place.run({"discover", "--help"});
  EXPECT_EQ(help.exit, 0);
  for (const char* part : {"--field NAMES", "--axes NAMES", "--mask NAME", "--noise LEVEL", "degree=3"})
    EXPECT_NE(help.out.find(part), std::string::npos) << part;
  EXPECT_LE(testing::lines_of(help.out).size(), 50u);
  const OptionSchema& options = verb_named("discover").options;
  EXPECT_EQ(options.find("form")->choices, form_names());
  EXPECT_EQ(options.find("solver")->choices, solver_names());
  EXPECT_EQ(options.find("derivative")->choices, derivative_names());
  EXPECT_NE(place.run({"completion", "bash"}).out.find("discover:solver) values='best_subset"), std::string::npos);
}

}  // namespace
}  // namespace turnpike
