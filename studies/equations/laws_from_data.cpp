// P3. Wave and heat law, oscillator, Lorenz, short data, data without a law, swapped axes.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include <turnpike/base/error.h>
#include <turnpike/study/study.h>

#include "studies/equations/data.h"

namespace turnpike::studies {
namespace {

KnownSystem system_of(StudyContext& study, const std::string& name, const std::string& simulator,
                      const std::vector<std::string>& words, int degree, int order,
                      std::map<std::string, Terms> truth) {
  return {.name = name,
          .data = simulated(simulator, words, study),
          .options = {.polynomial_degree = degree, .derivative_order = order, .resamples = 0},
          .truth = std::move(truth),
          .origin = "simulator " + simulator};
}

std::vector<KnownSystem> lawful_systems(StudyContext& study) {
  std::vector<KnownSystem> all = {
      system_of(study, "wave law, $\\partial_t^2 - \\omega^2\\partial_x^2$", "wave", {"speed=1.5"}, 2, 3,
                {{"u_tt", {{"u_xx", 2.25}}}}),
      system_of(study, "heat, the slide's $\\partial_t - \\omega^2\\partial_x^2$", "heat", {"kappa=0.2"}, 2, 3,
                {{"u_t", {{"u_xx", 0.2}}}}),
      system_of(study, "heat in two dimensions", "heat_2d", {"kappa=0.2"}, 2, 2,
                {{"u_t", {{"u_xx", 0.2}, {"u_yy", 0.2}}}}),
      system_of(study, "oscillator, its place", "oscillator", {}, 3, 0, {{"x_tt", {{"x", -2.25}}}}),
      system_of(study, "Lorenz", "lorenz", {}, 2, 0,
                {{"x_t", {{"x", -10}, {"y", 10}}},
                 {"y_t", {{"x", 28}, {"y", -1}, {"x*z", -1}}},
                 {"z_t", {{"z", -8.0 / 3}, {"x*y", 1}}}})};
  // The oscillator as two coordinates: place and velocity.
  KnownSystem phase = {.name = "oscillator, place and velocity",
                       .options = all[3].options,
                       .truth = {{"x_t", {{"v", 1}}}, {"v_t", {{"x", -2.25}}}},
                       .origin = "exact solution"};
  phase.data = {.source = "oscillator", .axes = {{"t", {}}}, .fields = {{.name = "x"}, {.name = "v"}}};
  for (int i = 0; i <= 400; ++i) {
    const double t = 0.05 * i;
    phase.data.axes[0].points.push_back(t);
    phase.data.fields[0].values.push_back(std::cos(1.5 * t));
    phase.data.fields[1].values.push_back(-1.5 * std::sin(1.5 * t));
  }
  all.push_back(std::move(phase));
  return all;
}

Measurement random_field(StudyContext& study, int seed, bool walk) {
  Measurement m = {.source = walk ? "random walk" : "white noise"};
  Random random = study.random(m.source, static_cast<std::uint64_t>(seed));
  if (!walk) m.axes.push_back({"x", {}});
  for (int i = 0; !walk && i < 128; ++i) m.axes[0].points.push_back(0.1 * i);
  m.axes.push_back({"t", {}});
  const int n_times = walk ? 2000 : 100;
  for (int i = 0; i < n_times; ++i) m.axes.back().points.push_back(0.01 * i);
  m.fields.push_back({.name = "u"});
  double state = 0;
  for (std::int64_t i = 0; i < m.count(); ++i)
    m.fields[0].values.push_back(walk ? state += random.normal() : random.normal());
  return m;
}

// The same numbers with the names of space and time exchanged.
Measurement swapped(const Measurement& m) {
  Measurement out = {
      .source = "swapped axes", .axes = {{"x", m.axes[1].points}, {"t", m.axes[0].points}}, .fields = {{.name = "u"}}};
  const std::int64_t nx = m.axes[0].size(), nt = m.axes[1].size();
  for (std::int64_t t = 0; t < nt; ++t)
    for (std::int64_t x = 0; x < nx; ++x)
      out.fields[0].values.push_back(m.fields[0].values[static_cast<std::size_t>(x * nt + t)]);
  return out;
}

}  // namespace

StudyReport run_laws_from_data(StudyContext& study) {
  StudyReport report;
  const int runs = study.full() ? study.seeds() : std::min(study.seeds(), 3);
  Table table = {.head = {"law", "found in clean data", "noise", "runs with the right terms"}};
  std::vector<KnownSystem> systems = lawful_systems(study);
  for (const KnownSystem& system : systems) {
    const Discovery clean = discover({system.data}, system.options);
    const Score result = score(clean, system.truth);
    report.checks.push_back(check_equal("P3", system.name + ": missing or superfluous terms, clean", "", 0,
                                        result.missing + result.wrong, 0));
    report.checks.push_back(check_at_most("P3", system.name + ": largest error of a coefficient, clean", "relative",
                                          1e-4, result.worst_error()));
    const double noise = system.name == "Lorenz" ? 0.02 : 0.01;
    int exact = 0;
    for (int s = 0; s < runs; ++s) {
      study.at(system.name, s, runs);
      Measurement noisy = system.data;
      add_noise(noisy, noise, study.random("noise " + system.name, static_cast<std::uint64_t>(s)).below(1u << 30));
      exact += score(discover({noisy}, system.options), system.truth).exact();
    }
    const double share = static_cast<double>(exact) / runs;
    report.checks.push_back(check_at_least(
        "P3", fmt::format("{}: share of runs with the right terms, {:g} % noise", system.name, 100 * noise), "", 0.95,
        share));
    std::string equations;
    for (const FoundEquation& equation : clean.equations)
      equations += (equations.empty() ? "$" : ", $") + equation.latex() + "$";
    table.rows.push_back(
        {system.name, equations, fmt::format("{:g} %", 100 * noise), fmt::format("{} of {}", exact, runs)});
  }
  table.caption = "The order in time is not given: first order is tried, and second where that finds nothing.";
  report.tables.push_back(std::move(table));

  // Neither law takes the other's data.
  const auto found_with_order = [](const KnownSystem& system, int order) {
    DiscoveryOptions options = system.options;
    options.time_order = order;
    return discover({system.data}, options).found;
  };
  report.checks.push_back(check_equal("P3", "equations of first order in time found in wave data", "", 0,
                                      found_with_order(systems[0], 1), 0));

  // Short data: the first frames of the heat equation.
  Table brief = {.head = {"frames of the heat equation", "answer"}};
  int wrong = 0;
  for (const std::int64_t frames : {4, 6, 9, 15, 25, 50}) {
    Measurement part =
        window(systems[1].data, "t", 0, systems[1].data.axes[1].points[static_cast<std::size_t>(frames - 1)]);
    DiscoveryOptions options = systems[1].options;
    std::string answer;
    try {
      const Discovery found = discover({part}, options);
      const Score result = score(found, systems[1].truth);
      // An answer other than the law must be that there is none.
      wrong += found.found && !result.exact();
      answer = found.found ? "$" + found.equations[0].latex() + "$" : found.reason;
    } catch (const InputError& error) {
      answer = error.what();
    }
    brief.rows.push_back({fmt::format("{}", frames), answer});
  }
  report.checks.push_back(
      check_equal("P3", "short data: answers that are neither the law nor that the data are too few", "", 0, wrong, 0));
  report.tables.push_back(std::move(brief));

  for (const bool walk : {false, true}) {
    int found = 0;
    for (int s = 0; s < runs; ++s) {
      study.at("data without a law", s, runs);
      found += discover({random_field(study, s, walk)}, {.polynomial_degree = 3, .derivative_order = 4, .resamples = 0})
                   .found;
    }
    report.checks.push_back(
        check_equal("P3", fmt::format("equations found in {}, {} seeds", walk ? "random walks" : "white noise", runs),
                    "", 0, found, 0));
  }
  Measurement constant = systems[1].data;
  std::fill(constant.fields[0].values.begin(), constant.fields[0].values.end(), 3.0);
  report.checks.push_back(
      check_equal("P3", "equations found in a constant", "", 0, discover({constant}, {.resamples = 0}).found, 0));

  // Wrong axes do not go unseen: the heat equation with time and space exchanged is of second order in what is called
  // t.
  const Discovery exchanged = discover({swapped(systems[1].data)}, systems[1].options);
  const Score as_heat = score(exchanged, systems[1].truth);
  report.checks.push_back(check_equal("P3", "heat found in heat data with exchanged axes", "", 0, as_heat.exact(), 0));
  report.findings.push_back(fmt::format(
      "With the axes of the heat data exchanged the answer is {}.",
      exchanged.found ? "$" + exchanged.equations[0].latex() + "$: the same law, solved for its second derivative"
                      : "that there is no equation: " + exchanged.reason));
  report.method.push_back(fmt::format("Weak form, best subset, the simulators' data, {} noise seeds.", runs));
  return report;
}

}  // namespace turnpike::studies
