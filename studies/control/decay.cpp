// C6. Optima of the problem with running cost: how fast errors and weights vanish along depth.
#include <algorithm>
#include <cmath>
#include <limits>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/analysis/decay.h>
#include <turnpike/base/seed.h>
#include <turnpike/data/generators.h>
#include <turnpike/math/fit.h>
#include <turnpike/study/measure.h>
#include <turnpike/study/steering.h>
#include <turnpike/study/study.h>
#include <turnpike/train/continuation.h>
#include <turnpike/train/trainer.h>

namespace turnpike::studies {
namespace {

constexpr double horizons[] = {10, 20, 40};
constexpr double smallest_phi = 1e-20;  // errors of 1e-10, of states of order 1
constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();

Objective running_cost(double lambda) {
  return {.cost = make_cost("mean_square"), .running = 1, .terminal = 0, .penalty = {.weight = lambda}};
}

std::int64_t layers_of(double T, double h) {
  return std::llround(T / h);
}

// Part (a): an optimum and what is predicted of it.
struct Measured {
  OptimumProfile profile;
  double J = 0, mu = 0;
  std::size_t start = 0, end = 0;  // the window: layers start .. end - 1
  DecayFit phi, u;                 // on the window
  double phi_end = 1, u_end = 1;   // what the end of the horizon makes of mu and mu / 2 there
  double stationary = nan_value;   // largest |dJ/du_k| / (2 lambda h |u_k|) there
  double decades = 0;              // of phi, over all of [0, T]
  bool has_window() const { return end >= start + 6; }
};

Measured measure(const Model& model, const Dataset& data, double lambda, double J) {
  Measured m{.profile = optimum_profile(model, running_cost(lambda), data), .J = J};
  const OptimumProfile& p = m.profile;
  const auto n = static_cast<double>(data.size());

  // e_ddot = (kappa / (N lambda)) e near the end state, kappa = [tanh(x_i) . tanh(x_j) + 1]: each eigenvector is a
  // mode.
  const Tensor features = at::tanh(p.end);
  const auto [kappa, modes] = at::linalg_eigh(features.matmul(features.t()) + 1);
  m.mu = 2 * std::sqrt(kappa[0].item<double>() / (n * lambda));
  const Tensor amplitude = (p.outputs.squeeze(2) - data.y.squeeze(1)).matmul(modes).square();  // [K + 1, N]
  const std::vector<double> others = numbers(1 - amplitude.select(1, 0) / amplitude.sum(1));

  const double T = p.times.back();
  const std::size_t layers = p.u.size();
  while (m.end < layers && p.times[m.end] <= T - 3 / m.mu && p.phi[m.end] > smallest_phi) ++m.end;
  m.start = m.end;
  while (m.start > 0 && others[m.start - 1] < 0.01) --m.start;
  m.decades = std::log10(p.phi.front() / std::max(p.phi.back(), 1e-300));
  if (!m.has_window()) return m;
  const auto window = [&](const std::vector<double>& values) {
    return std::span(values).subspan(m.start, m.end - m.start);
  };
  m.phi = fit_decay(window(p.times), window(p.phi));
  m.u = fit_decay(window(p.times), window(p.u));
  // With e_dot(T) = 0 the slowest mode is e ~ cosh(mu (T - t) / 2): phi = e^2 and |u| ~ |e_dot|, at the middle of a
  // cell.
  std::vector<double> error, speed;
  for (std::size_t k = m.start; k < m.end; ++k) {
    error.push_back(std::pow(std::cosh(m.mu * (T - p.times[k]) / 2), 2));
    speed.push_back(std::sinh(m.mu * (T - (p.times[k] + p.times[k + 1]) / 2) / 2));
  }
  m.phi_end = fit_decay(window(p.times), error).rate / m.mu;
  m.u_end = fit_decay(window(p.times), speed).rate / (m.mu / 2);
  m.stationary = *std::max_element(p.residual.begin() + static_cast<std::ptrdiff_t>(m.start),
                                   p.residual.begin() + static_cast<std::ptrdiff_t>(m.end));
  return m;
}

// max |lambda |u|^2 - (phi - phi(T))| / phi(0), u_k against phi at the cell's left end.
double energy_gap(const OptimumProfile& p, double lambda) {
  double gap = 0;
  for (std::size_t k = 0; k < p.u.size(); ++k)
    gap = std::max(gap, std::abs(lambda * p.u[k] * p.u[k] - (p.phi[k] - p.phi.back())));
  return gap / p.phi.front();
}

// Part (b): a data set with many more points than dimensions.
struct DataCurve {
  std::string title;
  OptimumProfile profile;
  PolishReport polish;
  Decay decay;
};

DataCurve data_curve(const std::string& set, const char* title, Lift lift, std::int64_t width, std::int64_t rows,
                     std::int64_t iterations, const StudyContext& study) {
  Dataset data = generate(set, rows, -1, seed_for(study.seed(), "decay/" + set), 2);
  const Tensor labels = data.y.to(at::kDouble) * 2 - 1;
  data.y = labels.unsqueeze(1);
  data.schema.task = Task::regress;
  data.schema.classes.clear();
  ModelSpec spec;
  spec.n_features = 2;
  spec.width = width;
  spec.lift = lift;
  spec.field = {.kind = "inner", .dimension = width};
  spec.horizon = 20;
  spec.layers = 100;
  const Objective objective = running_cost(0.1);
  Optimum best = optimum(
      spec, objective, data,
      {.starts = 2, .seed = seed_for(study.seed(), "decay/" + set), .iterations = iterations, .tolerance = 1e-9},
      study.progress());
  DataCurve curve{.title = title, .profile = optimum_profile(best.model, objective, data), .polish = best.polish};
  curve.decay = find_decay(curve.profile.times, curve.profile.phi);
  return curve;
}

}  // namespace

StudyReport run_decay(StudyContext& study) {
  const double lambda = study.real("lambda"), h = study.real("h");
  const std::int64_t n = study.integer("samples");
  StudyReport report;
  Figure figure(
      {.title = "Twenty decades of a turnpike",
       .caption = fmt::format(
           "The first draw of points. Errors and weights at $T = 10$, 20 and 40 lie on one another until the end of "
           "each is near; dashed, lines of the predicted rates $\\mu$ and $\\mu/2$ through the window's start. Double "
           "precision ends near "
           "$\\varphi = 10^{{-30}}$.")});
  Panel& phi_panel = figure.panel("training error");
  phi_panel.x({.label = "depth $t$"}).y({.label = "$\\varphi(x(t))$", .scale = Scale::log, .low = 1e-32});
  Panel& u_panel = figure.panel("weights");
  u_panel.x({.label = "depth $t$"}).y({.label = "$|u(t)|$", .scale = Scale::log, .low = 1e-16});
  Figure rates({.title = "Predicted and measured rates",
                .caption = "Each mark is an optimum: the rate at which its error decays in the window against "
                           "$2\\sqrt{\\kappa_{\\min}/(N\\lambda)}$ "
                           "at its end state; the line is equality."});
  Panel& rate_panel = rates.panel();
  rate_panel.x({.label = "predicted $\\mu$ [1/time]"}).y({.label = "measured rate of $\\varphi$ [1/time]"});
  Figure energies({.title = "The energy along an optimum",
                   .caption = "Largest distance of $\\lambda|u|^2$ to $\\varphi - \\varphi(T)$ against the step, a "
                              "colour for each draw of points."});
  Panel& energy_panel = energies.panel();
  energy_panel.x({.label = "step $h$", .scale = Scale::log})
      .y({.label = "energy gap $/\\,\\varphi(0)$", .scale = Scale::log});
  Table table{
      .head = {"draw", "$T$", "$J_T$", "$\\mu$", "rate of $\\varphi$", "of $|u|$", "window", "decades", "residual"},
      .caption =
          "One line for each optimum: the rate of $\\varphi$ over $\\mu$, that of $|u|$ over $\\mu/2$, and the largest "
          "$|dJ/du_k|$ in the window over $2\\lambda h|u_k|$."};

  std::vector<double> phi_ratios, u_ratios, stationary, growth, converging, orders, decades;
  std::vector<double> predicted[3], measured[3];
  double largest = 0;
  for (int s = 0; s < study.seeds(); ++s) {
    Random random = study.random("points", s);
    const Steering task = few_points(n, study.integer("features"), random);
    ModelSpec spec = task.spec;
    spec.horizon = horizons[0];
    spec.layers = layers_of(horizons[0], h);
    study.at("draws", s, study.seeds(), "starts");
    const Optimum first =
        optimum(spec, running_cost(lambda), task.data,
                {.starts = study.integer("starts"), .seed = seed_for(study.seed(), "starts", s), .tolerance = 1e-14});
    Model model = first.model.clone();
    std::vector<double> J;
    for (int i = 0; i < 3; ++i) {
      const double T = horizons[i];
      study.at("draws", s, study.seeds(), fmt::format("T = {:g}", T));
      model = with_horizon(model, T, layers_of(T, h), Stretch::extend);
      const PolishReport polished =
          polish(model, running_cost(lambda), task.data, {.iterations = 3000, .tolerance = 1e-14});
      const Measured m = measure(model, task.data, lambda, polished.objective);
      J.push_back(m.J);
      // phi(T) / phi(0) = 1 / cosh^2(mu T / 2) at most: a slow mode cannot fall by eight decades in time.
      if (T >= 20) decades.push_back(m.decades / std::min(8.0, 2 * std::log10(std::cosh(m.mu * T / 2))));
      if (m.has_window()) {
        phi_ratios.push_back(m.phi.rate / m.mu / m.phi_end);
        u_ratios.push_back(m.u.rate / (m.mu / 2) / m.u_end);
        stationary.push_back(m.stationary);
        predicted[i].push_back(m.mu);
        measured[i].push_back(m.phi.rate);
        largest = std::max(largest, m.mu);
      } else {
        report.not_run.push_back(
            fmt::format("rates of draw {} at $T = {:g}$: the slowest mode is alone only when the end is near "
                        "($\\mu = {:.3g}$), so there is no window",
                        s, T, m.mu));
        // At T >= 20 that would be no excuse.
        if (T >= 20) phi_ratios.push_back(nan_value);
      }
      table.rows.push_back(
          {Cell(s), Cell(T), Cell(m.J, 9), Cell(m.mu), m.has_window() ? Cell(m.phi.rate / m.mu) : Cell("none"),
           m.has_window() ? Cell(m.u.rate / (m.mu / 2)) : Cell("none"),
           m.has_window() ? fmt::format("{:.1f} to {:.1f}", m.profile.times[m.start], m.profile.times[m.end - 1])
                          : "none",
           Cell(m.decades, 3), Cell(m.stationary, 2)});
      if (s == 0) {
        const OptimumProfile& p = m.profile;
        const std::vector<double> left(p.times.begin(), p.times.end() - 1);
        phi_panel.line(p.times, p.phi, {.label = fmt::format("$T = {:g}$", T), .colour = i});
        u_panel.line(left, p.u, {.label = fmt::format("$T = {:g}$", T), .colour = i});
        if (i == 2 && m.has_window()) {
          const double from = p.times[m.start], to = p.times[m.end - 1];
          const auto law = [&](double value, double rate) {
            return std::vector<double>{value, value * std::exp(-rate * (to - from))};
          };
          phi_panel.line({from, to}, law(p.phi[m.start], m.mu),
                         {.label = fmt::format("$\\mu = {:.4g}$", m.mu), .colour = ink::text, .dash = Dash::dashed});
          u_panel.line(
              {from, to}, law(p.u[m.start], m.mu / 2),
              {.label = fmt::format("$\\mu/2 = {:.4g}$", m.mu / 2), .colour = ink::text, .dash = Dash::dashed});
        }
      }
    }
    // The sum of a thousand costs of order 1 is exact to about 1e-14.
    growth.push_back((J[1] - J[0]) / J[0]);
    growth.push_back((J[2] - J[1]) / J[1]);
    converging.push_back((J[2] - J[1]) / J[2]);

    // lambda |u|^2 = phi - phi(T) to O(h), at T = 5.
    Model fine = with_horizon(first.model, 5, layers_of(5, h), Stretch::extend);
    const OrderMeasurement order = measure_order(
        [&](double step) {
          study.at("draws", s, study.seeds(), fmt::format("h = {:g}", step));
          fine = with_horizon(fine, 5, layers_of(5, step), Stretch::extend);
          polish(fine, running_cost(lambda), task.data, {.iterations = 2000, .tolerance = 1e-12});
          return energy_gap(optimum_profile(fine, running_cost(lambda), task.data), lambda);
        },
        h, 5);
    orders.push_back(order.fit.slope);
    energy_panel.line(order.h, order.error, {.colour = s, .marker = Marker::circle, .size = 4});
  }

  report.checks.push_back(
      check_each_at_most("C6", "$|dJ/du_k|$ over $2\\lambda h|u_k|$, largest in all windows", "", 1e-2, stationary));
  report.checks.push_back(
      check_each_equal("C6", "rate of $\\varphi$ over $\\mu$, end of the horizon included", "", 1, phi_ratios, 0.05));
  report.checks.push_back(check_each_equal("C6", "rate of $|u|$ over $\\mu/2$, the same", "", 1, u_ratios, 0.05));
  report.checks.push_back(check_each_at_least(
      "C6", "decades that $\\varphi$ falls over 8 (or what $\\mu T$ allows), $T = 20$ and 40, least", "", 1, decades));
  report.checks.push_back(
      check_each_at_least("C6", "growth of $J_T$ from $T = 10$ to 20 to 40, least", "relative", 0, growth, 1e-13));
  report.checks.push_back(check_each_at_most("C6", "growth of $J_T$ from $T = 20$ to 40, largest: it has converged",
                                             "relative", 1e-6, converging));
  report.checks.push_back(
      check_each_equal("C6", "order in $h$ of $\\lambda|u|^2 = \\varphi - \\varphi(T)$", "", 1, orders, 0.15));

  const char* names[] = {"$T = 10$", "$T = 20$", "$T = 40$"};
  const Marker markers[] = {Marker::circle, Marker::square, Marker::triangle};
  for (int i = 0; i < 3; ++i)
    rate_panel.points(predicted[i], measured[i], {.label = names[i], .colour = i, .marker = markers[i]});
  rate_panel.line({0, 1.1 * largest}, {0, 1.1 * largest},
                  {.label = "equal", .colour = ink::text, .dash = Dash::dashed});
  report.figures.push_back({"decay", figure});
  report.figures.push_back({"rates", rates});
  report.figures.push_back({"energy", energies});
  report.tables.push_back(table);
  report.method.push_back(
      fmt::format("(a) {} draws of {} normal points in dimension {}, a zero coordinate appended that is to reach $\\pm "
                  "1$; Euler layers of step "
                  "{:g}, $\\lambda = {:g}$. Best of {} random starts at $T = 10$, polished by L-BFGS as far as double "
                  "precision goes; then "
                  "$T = 20$ and 40, each from the one before, at rest beyond its end. Rates by a line through the "
                  "logarithm in the window. The rate of "
                  "the Euler layers, $(4/h)\\,\\mathrm{{asinh}}(h\\mu/4)$, is below $\\mu$ by less than 0.5 % here.",
                  study.seeds(), n, study.integer("features"), h, lambda, study.integer("starts")));

  const std::int64_t rows = study.integer("rows");
  if (rows == 0) {
    report.not_run.push_back("(b) data sets with more points than dimensions");
    return report;
  }
  Figure sets(
      {.title = "More points than dimensions",
       .caption = fmt::format(
           "Data sets of {} points at $T = 20$, 100 layers: the theorem's hypothesis fails, and nothing is predicted.",
           rows)});
  Panel& set_phi = sets.panel("training error");
  set_phi.x({.label = "depth $t$"}).y({.label = "$\\varphi(x(t))$", .scale = Scale::log});
  Panel& set_u = sets.panel("weights");
  set_u.x({.label = "depth $t$"}).y({.label = "$|u(t)|$", .scale = Scale::log});
  Table set_table{.head = {"data", "$\\varphi(x(T))$", "residual", "what the curve is"},
                  .caption = "Part (b), reported as it is."};
  struct Set {
    const char *name, *title;
    Lift lift;
    std::int64_t width;
  };
  int colour = 0;
  for (const Set& set : {Set{"spheres", "spheres, $d = 2$", Lift::none, 2},
                         {"spheres", "spheres, $d = 3$", Lift::pad, 3},
                         {"moons", "moons, $d = 3$", Lift::pad, 3}}) {
    study.at("data sets", colour, 3, set.title);
    const DataCurve curve =
        data_curve(set.name, set.title, set.lift, set.width, rows, study.integer("iterations"), study);
    const OptimumProfile& p = curve.profile;
    set_phi.line(p.times, p.phi, {.label = set.title, .colour = colour});
    set_u.line(std::vector<double>(p.times.begin(), p.times.end() - 1), p.u, {.label = set.title, .colour = colour});
    set_table.rows.push_back({set.title, Cell(p.phi.back(), 3), Cell(curve.polish.residual, 2), curve.decay.text});
    ++colour;
  }
  report.figures.push_back({"data_sets", sets});
  report.tables.push_back(set_table);
  report.findings.push_back(
      "(b) With more points than dimensions the tail need not be exponential: the table of data sets says what each "
      "curve is, by the rule of `find_decay`.");
  report.method.push_back(
      fmt::format("(b) {} points, labels $\\pm 1$ on the last coordinate, $\\lambda = 0.1$, $T = 20$, 100 Euler "
                  "layers; best of two random starts, up to {} iterations of L-BFGS each and again "
                  "on the better.",
                  rows, study.integer("iterations")));
  return report;
}

}  // namespace turnpike::studies
