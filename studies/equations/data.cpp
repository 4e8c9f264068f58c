#include "studies/equations/data.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>

#include <turnpike/base/error.h>
#include <turnpike/discover/read_measurement.h>
#include <turnpike/pde/catalogue.h>

namespace turnpike::studies {
namespace {

std::filesystem::path published_file(const std::string& name) {
  const char* folder = std::getenv("TURNPIKE_DATA");
  return folder ? std::filesystem::path(folder) / "pde" / name : std::filesystem::path();
}

struct Published {
  std::string file, field;
  std::vector<std::string> axes;
};

// The published file, or the simulator from the same initial state.
void load(KnownSystem& system, const Published& published, const std::string& simulator, StudyContext& study) {
  const std::filesystem::path file = published_file(published.file);
  if (!file.empty() && std::filesystem::exists(file)) {
    system.data =
        read_measurements({file}, {.fields = {"u=" + published.field}, .axes = published.axes}).measurements.at(0);
    system.origin = published.file;
  } else {
    system.data = simulated(simulator, {}, study);
    system.origin = "simulator " + simulator;
  }
}

DiscoveryOptions library(int degree, int order) {
  return {.polynomial_degree = degree, .derivative_order = order, .time_order = 1, .resamples = 0};
}

}  // namespace

Measurement simulated(const std::string& name, const std::vector<std::string>& words, StudyContext& study,
                      std::int64_t first_frame) {
  const Simulator& simulator = simulator_named(name);
  Options options(simulator.options);
  for (const std::string& word : words) options.set_word(word, "the study");
  const SimulationProblem problem = simulator.make(options);
  study.at("simulating " + name, 0, 1);
  const Solution solution = simulate(problem, study.progress()).value();

  Measurement measurement = {.source = name};
  for (const SpaceAxis& axis : solution.axes) measurement.axes.push_back({axis.name, axis.points()});
  const auto n_times = static_cast<std::int64_t>(solution.times.size()), kept = n_times - first_frame;
  measurement.axes.push_back({problem.equation.time, {solution.times.begin() + first_frame, solution.times.end()}});
  const auto later = [&](const std::vector<double>& values) {
    std::vector<double> part;
    part.reserve(values.size() / static_cast<std::size_t>(n_times) * static_cast<std::size_t>(kept));
    for (std::size_t i = 0; i < values.size(); ++i)
      if (static_cast<std::int64_t>(i) % n_times >= first_frame) part.push_back(values[i]);
    return part;
  };
  for (const SimulatedField& field : solution.fields) {
    const auto& known = problem.equation.fields;
    if (std::none_of(known.begin(), known.end(), [&](const EquationField& f) { return f.name == field.name; }))
      continue;  // the rate of a field of second order
    measurement.fields.push_back(
        {.name = field.name, .values = later(field.values), .imaginary = later(field.imaginary)});
  }
  // Given fields are the same at all times.
  for (std::size_t f = 0; f < problem.equation.fields.size(); ++f) {
    const EquationField& field = problem.equation.fields[f];
    if (field.role != FieldRole::given) continue;
    Field given = {.name = field.name, .given = true};
    for (const std::complex<double>& value : problem.initial[f].values)
      given.values.insert(given.values.end(), static_cast<std::size_t>(kept), value.real());
    measurement.fields.push_back(std::move(given));
  }
  return measurement;
}

Measurement window(const Measurement& measurement, const std::string& axis, double low, double high) {
  Measurement part = measurement;
  std::size_t at = 0;
  while (measurement.axes.at(at).name != axis) ++at;
  const std::vector<double>& points = measurement.axes[at].points;
  part.axes[at].points.clear();
  std::vector<bool> kept;
  for (const double point : points) {
    kept.push_back(low <= point && point <= high);
    if (kept.back()) part.axes[at].points.push_back(point);
  }
  std::size_t stride = 1;
  for (std::size_t a = at + 1; a < measurement.axes.size(); ++a) stride *= measurement.axes[a].points.size();
  const auto cut = [&](std::vector<double>& values) {
    std::size_t n = 0;
    for (std::size_t i = 0; i < values.size(); ++i)
      if (kept[i / stride % points.size()]) values[n++] = values[i];
    values.resize(n);
  };
  for (Field& field : part.fields) {
    cut(field.values);
    cut(field.imaginary);
  }
  return part;
}

KnownSystem burgers(StudyContext& study) {
  KnownSystem system = {
      .name = "Burgers", .options = library(3, 3), .truth = {{"u_t", {{"u*u_x", -1}, {"u_xx", 0.1}}}}};
  load(system, {"burgers.mat", "usol", {"x", "t"}}, "burgers", study);
  return system;
}

KnownSystem kdv(StudyContext& study) {
  KnownSystem system = {.name = "KdV", .options = library(2, 3), .truth = {{"u_t", {{"u*u_x", -6}, {"u_xxx", -1}}}}};
  load(system, {"kdv.mat", "usol", {"x", "t"}}, "kdv", study);
  return system;
}

KnownSystem kuramoto_sivashinsky(StudyContext& study) {
  KnownSystem system = {.name = "Kuramoto-Sivashinsky",
                        .options = library(5, 5),
                        .truth = {{"u_t", {{"u*u_x", -1}, {"u_xx", -1}, {"u_xxxx", -1}}}}};
  load(system, {"kuramoto_sivishinky.mat", "uu", {"x", "t=tt"}}, "kuramoto_sivashinsky", study);
  return system;
}

KnownSystem schrodinger(StudyContext& study) {
  return {.name = "Schrödinger",
          .data = simulated("schrodinger", {}, study),
          .options = library(2, 3),
          .truth = {{"u_t", {{"u_xx", {0, 0.5}}, {"u*V", {0, -1}}}}},
          .origin = "simulator schrodinger"};
}

KnownSystem nls(StudyContext& study) {
  return {.name = "NLS",
          .data = simulated("nls", {}, study),
          .options = library(3, 3),
          .truth = {{"u_t", {{"u_xx", {0, 0.5}}, {"u*|u|^2", {0, 1}}}}},
          .origin = "simulator nls"};
}

KnownSystem reaction_diffusion(StudyContext& study, bool small) {
  const std::vector<std::string> words = small ? std::vector<std::string>{"n=128"} : std::vector<std::string>{"n=256"};
  return {
      .name = "Reaction-diffusion",
      .data = simulated("reaction_diffusion", words, study),
      .options = library(3, 2),
      .truth = {{"u_t", {{"u_xx", 0.1}, {"u_yy", 0.1}, {"u", 1}, {"u^3", -1}, {"u*v^2", -1}, {"u^2*v", 1}, {"v^3", 1}}},
                {"v_t",
                 {{"v_xx", 0.1}, {"v_yy", 0.1}, {"v", 1}, {"v^3", -1}, {"u^2*v", -1}, {"u^3", -1}, {"u*v^2", -1}}}},
      .origin = fmt::format("simulator reaction_diffusion, {}", fmt::join(words, ", "))};
}

KnownSystem navier_stokes(StudyContext& study) {
  // Periodic shear layers at Reynolds number 100; the divergence of the velocity is zero, so u w_x + v w_y is a
  // derivative.
  const std::vector<std::string> words = {"Re=100", "n=192", "T=16", "frames=161", "kick=0.3"};
  KnownSystem system = {.name = "Navier-Stokes",
                        .data = simulated("shear_layer", words, study),
                        .options = library(2, 2),
                        .truth = {{"w_t", {{"w_xx", 0.01}, {"w_yy", 0.01}, {"(w*u)_x", -1}, {"(w*v)_y", -1}}}},
                        .origin = fmt::format("simulator shear_layer, {}", fmt::join(words, ", "))};
  system.options.equations_of = {"w"};
  return system;
}

double Score::mean_error() const {
  double sum = 0;
  for (const double error : errors) sum += error;
  return errors.empty() ? INFINITY : sum / static_cast<double>(errors.size());
}

double Score::deviation() const {
  double squares = 0;
  for (const double error : errors) squares += (error - mean_error()) * (error - mean_error());
  return errors.empty() ? INFINITY : std::sqrt(squares / static_cast<double>(errors.size()));
}

double Score::worst_error() const {
  return errors.empty() ? INFINITY : *std::max_element(errors.begin(), errors.end());
}

Score score(const Discovery& discovery, const std::map<std::string, Terms>& truth) {
  Score score;
  for (const auto& [lhs, terms] : truth) {
    const auto equation = std::find_if(discovery.equations.begin(), discovery.equations.end(),
                                       [&](const FoundEquation& e) { return e.lhs == lhs && e.found; });
    int right = 0;
    if (equation != discovery.equations.end())
      for (const FoundTerm& term : equation->terms) {
        const auto known = terms.find(term.term);
        if (known == terms.end()) {
          ++score.wrong;
          continue;
        }
        ++right;
        score.errors.push_back(std::abs(term.coefficient - known->second) / std::abs(known->second));
      }
    score.right += right;
    score.missing += static_cast<int>(terms.size()) - right;
  }
  return score;
}

}  // namespace turnpike::studies
