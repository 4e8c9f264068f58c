// P1. The table of Rudy, Brunton, Proctor, Kutz 2017 (doi:10.1126/sciadv.1602614), by the weak form and by their
// recipe.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include <turnpike/study/study.h>

#include "studies/equations/data.h"

namespace turnpike::studies {
namespace {

constexpr double better_by = 5;

// Mean and deviation over the true terms, in percent.
struct Cell {
  double mean, deviation;
};

struct Row {
  KnownSystem (*system)(StudyContext&);
  Cell clean, noisy;    // of the table
  bool planar = false;  // not in quick: a coarse grid does not resolve it
};

// For noisy Kuramoto-Sivashinsky the paper prints 52 +- 1.4, the lecture 70 +- 27: the smaller.
const Row rows[] = {
    {kdv, {1, 0.2}, {7, 5}},
    {burgers, {0.15, 0.06}, {0.8, 0.6}},
    {schrodinger, {0.25, 0.01}, {10, 7}},
    {nls, {0.05, 0.01}, {3, 1}},
    {kuramoto_sivashinsky, {1.3, 1.3}, {52, 1.4}},
    {[](StudyContext& study) { return reaction_diffusion(study, true); }, {0.02, 0.01}, {3.8, 2.4}, true},
    {navier_stokes, {1, 0.2}, {7, 6}, true}};

struct Measured {
  double exact_share = 0, mean = 0, deviation = 0, seconds = 0;  // means over the runs
};

Measured run(const KnownSystem& system, double noise, StudyContext& study) {
  const int runs = noise == 0 ? 1 : study.full() ? study.seeds() : std::min(study.seeds(), 2);
  Measured measured;
  int exact = 0;
  for (int s = 0; s < runs; ++s) {
    study.at(fmt::format("{}, noise {:g} %", system.name, 100 * noise), s, runs);
    Measurement data = system.data;
    if (noise > 0)
      add_noise(data, noise, study.random("noise " + system.name, static_cast<std::uint64_t>(s)).below(1u << 30),
                NoiseScale::deviation);
    const auto start = std::chrono::steady_clock::now();
    const Score result = score(discover({data}, system.options), system.truth);
    measured.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / runs;
    exact += result.exact();
    measured.mean += 100 * result.mean_error() / runs;
    measured.deviation += 100 * result.deviation() / runs;
  }
  measured.exact_share = static_cast<double>(exact) / runs;
  return measured;
}

// The recipe that the table was made by.
struct Recipe {
  KnownSystem (*system)(StudyContext&);
  double step;                     // of its tolerance
  int half_width_x, half_width_t;  // of its polynomials
  int degree;
};
const Recipe recipes[] = {{kdv, 5, 20, 10, 5}, {burgers, 1, 10, 10, 4}, {kuramoto_sivashinsky, 5, 20, 20, 6}};

Cell by_recipe(const Recipe& recipe, const KnownSystem& system, double noise, StudyContext& study) {
  Measurement data = system.data;
  DiscoveryOptions options = system.options;
  options.form = "published";
  options.published_step = recipe.step;
  options.space.accuracy = options.time.accuracy = 2;
  if (noise > 0) {
    add_noise(data, noise, study.random("noise of the recipe").below(1u << 30), NoiseScale::deviation);
    options.space = {.method = "polynomial", .half_width = recipe.half_width_x, .degree = recipe.degree};
    options.time = {.method = "polynomial", .half_width = recipe.half_width_t, .degree = recipe.degree};
  }
  const Score result = score(discover({data}, options), system.truth);
  return {100 * result.mean_error(), 100 * result.deviation()};
}

std::string text_of(double mean, double deviation) {
  return fmt::format("{:.2g} $\\pm$ {:.2g}", mean, deviation);
}

}  // namespace

StudyReport run_seven_equations(StudyContext& study) {
  StudyReport report;
  const double noise = study.real("noise");
  Table table = {.head = {"equation", "data", "noise", "table, %", "here, %", "right terms", "seconds"}};
  std::vector<std::string> names;
  std::vector<double> index, published_clean, published_noisy, clean, noisy;
  for (const Row& row : rows) {
    if (row.planar && !study.full()) continue;
    const KnownSystem system = row.system(study);
    names.push_back(fmt::format("{} {}", names.size() + 1, system.name));
    index.push_back(static_cast<double>(names.size()));
    for (const bool with_noise : {false, true}) {
      const Cell& cell = with_noise ? row.noisy : row.clean;
      const Measured measured = run(system, with_noise ? noise : 0, study);
      const std::string where =
          fmt::format("{}, {}", system.name, with_noise ? fmt::format("{:g} % noise", 100 * noise) : "clean");
      report.checks.push_back(check_equal("P1", where + ": share of runs with the right terms and nothing else", "", 1,
                                          measured.exact_share, 0));
      report.checks.push_back(check_at_most("P1", where + ": mean error, against a fifth of the table's", "%",
                                            cell.mean / better_by, measured.mean));
      report.checks.push_back(check_at_most("P1", where + ": spread of the errors, against a fifth of the table's", "%",
                                            cell.deviation / better_by, measured.deviation));
      table.rows.push_back({system.name, system.origin, fmt::format("{:g} %", with_noise ? 100 * noise : 0),
                            text_of(cell.mean, cell.deviation), text_of(measured.mean, measured.deviation),
                            fmt::format("{:.0f} %", 100 * measured.exact_share),
                            fmt::format("{:.2f}", measured.seconds)});
      (with_noise ? published_noisy : published_clean).push_back(cell.mean);
      (with_noise ? noisy : clean).push_back(measured.mean);
    }
  }
  table.caption =
      "Mean and standard deviation over the true terms of $100\\,|\\hat\\xi - \\xi| / |\\xi|$, means over the runs.";
  report.tables.push_back(std::move(table));

  Table recipe_table = {.head = {"equation", "noise", "table, %", "the recipe here, %"}};
  for (const Recipe& recipe : recipes) {
    const KnownSystem system = recipe.system(study);
    const Row& row =
        *std::find_if(std::begin(rows), std::end(rows), [&](const Row& r) { return r.system == recipe.system; });
    for (const bool with_noise : {false, true}) {
      study.at("the published recipe on " + system.name, with_noise, 2);
      const Cell& cell = with_noise ? row.noisy : row.clean;
      const Cell found = by_recipe(recipe, system, with_noise ? noise : 0, study);
      recipe_table.rows.push_back({system.name, fmt::format("{:g} %", with_noise ? 100 * noise : 0),
                                   text_of(cell.mean, cell.deviation), text_of(found.mean, found.deviation)});
    }
  }
  recipe_table.caption =
      "The published recipe (second-order differences for clean data, local fits of Chebyshev polynomials for noisy "
      "ones, ridge "
      "regression with a trained threshold) on the same data; one run.";
  report.tables.push_back(std::move(recipe_table));

  std::string caption = "Mean error of the coefficients. ";
  for (const std::string& name : names) caption += name + (name == names.back() ? "." : ", ");
  Figure figure({.title = "Seven equations: the table and the weak form", .caption = caption});
  figure.panel()
      .x({.label = "equation", .low = 0.5, .high = static_cast<double>(names.size()) + 0.5})
      .y({.label = "mean error of the coefficients, %", .scale = Scale::log})
      .points(index, published_clean, {.label = "table, clean", .marker = Marker::circle, .size = 8})
      .points(index, published_noisy, {.label = "table, 1 % noise", .marker = Marker::square, .size = 8})
      .points(index, clean, {.label = "weak form, clean", .marker = Marker::triangle, .size = 8})
      .points(index, noisy, {.label = "weak form, 1 % noise", .marker = Marker::diamond, .size = 8});
  report.figures.push_back({"errors", std::move(figure)});

  report.method.push_back(
      "Weak form against separable test functions whose widths follow from the spectrum of the data; candidates "
      "$\\partial^a(u^b)$ with the degrees and orders of the table's libraries; best subset; number of terms by the "
      "extended "
      "Bayesian information criterion; coefficients with the bias of noise taken away. No setting differs between the "
      "equations "
      "but degree and order of the library.");
  report.method.push_back(
      "Noise as in the table: white, relative to the standard deviation of the field, in equal parts on real and "
      "imaginary part; "
      "1 % on all seven, where the table has half a per cent on reaction-diffusion. Navier-Stokes are periodic shear "
      "layers at "
      "Reynolds number 100, not the wake of a cylinder; noise is on vorticity and velocity alike.");
  report.findings.push_back(
      "The recipe, run anew, gives the table's cells for clean KdV and Burgers and noisy KdV and Kuramoto-Sivashinsky. "
      "For noisy Burgers "
      "it gives about 2 % where the table has 0.8 %; so do the coefficients 1.0097 and 0.1030 that the authors' own "
      "notebook prints. "
      "For clean Kuramoto-Sivashinsky it is better than the table.");
  if (!study.full())
    report.not_run.push_back(
        "Reaction-diffusion and Navier-Stokes: in the plane, on grids that take the minutes of --full.");
  return report;
}

}  // namespace turnpike::studies
