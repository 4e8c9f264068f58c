// P5. Order in time, spectral accuracy in space and the laws of the seven simulators.
#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <optional>

#include <fmt/format.h>

#include <turnpike/math/fit.h>
#include <turnpike/math/fourier.h>
#include <turnpike/pde/catalogue.h>
#include <turnpike/study/study.h>

namespace turnpike::studies {
namespace {

using Complex = std::complex<double>;
using Values = std::vector<Complex>;
using Words = std::vector<std::string>;

SimulationProblem problem_of(const std::string& name, const Words& words) {
  const Simulator& simulator = simulator_named(name);
  Options options(simulator.options);
  for (const std::string& word : words) options.set_word(word, "study");
  return simulator.make(options);
}

// ---- order in time

struct TimeCase {
  const char *name, *label;
  Words words;
  double h0;
  double floor = 1e-12;  // of errors that count: rounding
};

const std::vector<TimeCase>& time_cases() {
  static const std::vector<TimeCase> cases = {{"kdv", "KdV", {"n=192", "c2=0", "a1=0", "T=1"}, 0.02},
                                              {"burgers", "Burgers", {"n=128", "T=2"}, 0.1},
                                              {"schrodinger", "Schrödinger", {"n=64", "T=1"}, 0.02},
                                              {"nls", "NLS", {"n=128", "T=0.5", "low=-10", "high=10"}, 0.01},
                                              {"kuramoto_sivashinsky",
                                               "Kuramoto-Sivashinsky",
                                               {"n=192", "T=30"},
                                               0.03,
                                               3e-10},  // chaos multiplies the rounding

                                              {"reaction_diffusion", "reaction-diffusion", {"n=32", "T=1"}, 0.1},
                                              {"shear_layer", "Navier-Stokes", {"n=32", "T=1"}, 0.1}};
  return cases;
}

// The largest difference of the first field at the end.
double distance(const Values& a, const Values& b) {
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(a[i] - b[i]));
  return most;
}

Values end_of(const SimulationProblem& problem) {
  const Solution run = simulate(problem).value();
  return frame_of(run, static_cast<std::int64_t>(run.times.size()) - 1)[0];
}

struct Convergence {
  std::vector<double> at, error;  // steps, or points
};

Convergence in_time(const TimeCase& c, int refinements) {
  SimulationProblem problem = problem_of(c.name, c.words);
  const double end = problem.times.back();
  problem.times = {0, end};
  const auto run = [&](double h) {
    problem.options.step = h;
    return end_of(problem);
  };
  const Values reference = run(c.h0 * std::ldexp(1.0, -refinements - 1));
  Convergence out;
  for (int k = 0; k < refinements; ++k) {
    const double h = c.h0 * std::ldexp(1.0, -k);
    out.at.push_back(end / std::ceil(end / h - 1e-9));
    out.error.push_back(distance(run(h), reference));
  }
  return out;
}

// ---- accuracy in space

struct SpaceCase {
  const char *name, *label;
  Words words;
  std::vector<int> points;
  int reference;  // points of the reference where there is no exact solution: a multiple of all
};

const std::vector<SpaceCase>& space_cases() {
  static const std::vector<int> line = {32, 48, 64, 96, 128, 192}, plane = {16, 24, 36, 48, 72};
  static const std::vector<SpaceCase> cases = {
      {"kdv", "KdV", {"c2=0", "a1=0", "low=-24", "high=24", "T=0.5", "frames=2"}, line, 0},
      {"burgers", "Burgers", {"low=-10", "high=10", "T=1", "frames=2", "nu=0.5"}, line, 0},
      {"schrodinger", "Schrödinger", {"low=-12", "high=12", "T=1", "frames=21"}, line, 0},
      {"nls", "NLS", {"low=-12", "high=12", "T=0.2", "frames=2"}, line, 0},
      {"kuramoto_sivashinsky", "Kuramoto-Sivashinsky", {"length=62.83185307179586", "T=10", "frames=2"}, line, 384},
      {"reaction_diffusion", "reaction-diffusion", {"T=0.2", "frames=2"}, plane, 144},
      {"shear_layer", "Navier-Stokes", {"T=0.5", "frames=2", "width=0.5"}, plane, 144}};
  return cases;
}

// Two waves where the published spiral would not be periodic.
void set_waves(SimulationProblem& problem) {
  const SpaceAxis& axis = problem.axes[0];
  const double k = 2 * std::numbers::pi / (axis.high - axis.low);
  Values u, v;
  for (const double x : axis.points()) {
    for (const double y : axis.points()) {
      u.push_back(0.4 * (std::exp(std::sin(k * x) * std::cos(k * y)) - 1));
      v.push_back(0.4 * std::sin(k * (x + y)) / (1.5 + std::cos(k * x)));
    }
  }
  problem.initial = {{u}, {v}};
}

// A field on n points along each axis, at the points of the problem's coarser grid. The first points of both are one
// step after 0 where the domain begins there (Kuramoto-Sivashinsky), else the same.
Values thinned(const SimulationProblem& problem, const Values& fine, std::int64_t n) {
  const SpaceAxis& axis = problem.axes[0];
  const std::int64_t every = n / axis.n, shift = std::abs(axis.low - axis.step()) < 1e-12 ? 1 : 0;
  const auto index = [&](std::int64_t i) { return (i + shift) * every - shift; };
  Values out;
  for (std::int64_t i = 0; i < axis.n; ++i) {
    if (problem.axes.size() == 1) out.push_back(fine[index(i)]);
    for (std::int64_t j = 0; j < axis.n && problem.axes.size() == 2; ++j) out.push_back(fine[index(i) * n + index(j)]);
  }
  return out;
}

Convergence in_space(const SpaceCase& c, bool published) {
  const auto run = [&](int n) {
    Words words = c.words;
    words.push_back(fmt::format("n={}", n));
    SimulationProblem problem = problem_of(c.name, words);
    problem.options.tolerance = 1e-11;
    if (c.name == std::string("reaction_diffusion") && !published) set_waves(problem);
    return std::pair(problem, end_of(problem));
  };
  Values reference;
  if (c.reference > 0) reference = run(c.reference).second;
  Convergence out;
  for (const int n : c.points) {
    const auto [problem, values] = run(n);
    out.at.push_back(n);
    out.error.push_back(distance(
        values, c.reference == 0 ? problem.exact(0, problem.times.back()) : thinned(problem, reference, c.reference)));
  }
  return out;
}

// The largest order log(e_1 / e_2) / log(n_2 / n_1) from one grid to the next, as long as the finer one is above
// rounding.
double largest_order(const Convergence& c) {
  double largest = 0;
  for (std::size_t i = 1; i < c.at.size(); ++i)
    if (c.error[i] > 1e-10)
      largest = std::max(largest, std::log(c.error[i - 1] / c.error[i]) / std::log(c.at[i] / c.at[i - 1]));
  return largest;
}

// ---- laws

// Integral of |D^m u|^2 with |k|^(2 m) in Fourier modes: m = 0 the square, 1 the gradient, 2 the Laplacian.
double seminorm(const SimulationProblem& problem, const Values& values, int m) {
  std::vector<std::int64_t> shape;
  double volume = 1;
  for (const SpaceAxis& axis : problem.axes) shape.push_back(axis.n), volume *= axis.high - axis.low;
  const Fourier transform(shape);
  Values modes = values;
  transform.forward(modes);
  double sum = 0;
  for (std::size_t at = 0; at < modes.size(); ++at) {
    std::size_t rest = at;
    double square = 0;
    for (std::size_t a = shape.size(); a-- > 0; rest /= static_cast<std::size_t>(shape[a])) {
      const std::int64_t j = static_cast<std::int64_t>(rest) % shape[a], half = shape[a] / 2;
      const double k = 2 * std::numbers::pi * static_cast<double>(j <= half ? j : j - shape[a]) /
                       (problem.axes[a].high - problem.axes[a].low);
      square += k * k;
    }
    sum += std::pow(square, m) * std::norm(modes[at]);
  }
  const double n = static_cast<double>(modes.size());
  return volume * sum / (n * n);
}

// d/dt of a quantity is a rate: the quantity's change is the rate's integral.
struct Balance {
  const char* text;
  std::function<double(const SimulationProblem&, const Frame&)> quantity, rate;
};

struct LawCase {
  const char *name, *label;
  Words words;
  double end;  // of the published data; times the setting "length"
  std::int64_t frames;
  std::optional<Balance> balance{};
};

double coefficient(const SimulationProblem& problem, std::size_t term) {
  return problem.equation.fields[0].terms[term].coefficient.real();
}

std::vector<LawCase> law_cases() {
  const auto square = [](const SimulationProblem& p, const Frame& f) { return seminorm(p, f[0], 0) / 2; };
  return {
      {"kdv", "KdV", {"c2=0", "a1=-10"}, 20, 101},
      {"burgers",
       "Burgers",
       {},
       10,
       401,
       Balance{"$\\frac{d}{dt}\\int u^2/2 = -\\nu\\int u_x^2$", square,
               [](const SimulationProblem& p, const Frame& f) { return -coefficient(p, 1) * seminorm(p, f[0], 1); }}},
      {"schrodinger", "Schrödinger", {"low=-12", "high=12", "n=384"}, 10, 401},
      {"nls", "NLS", {"low=-16", "high=16"}, std::numbers::pi, 501},
      {"kuramoto_sivashinsky",
       "Kuramoto-Sivashinsky",
       {"n=512"},
       100,
       1001,
       Balance{"$\\frac{d}{dt}\\int u^2/2 = \\int u_x^2 - u_{xx}^2$", square,
               [](const SimulationProblem& p, const Frame& f) { return seminorm(p, f[0], 1) - seminorm(p, f[0], 2); }}},
      {"reaction_diffusion",
       "reaction-diffusion",
       {"n=64", "low=-5", "high=5"},
       10,
       401,
       Balance{
           "$\\frac{d}{dt}\\int A^2/2 = \\int A^2 - A^4 - d\\,|\\nabla (u, v)|^2$",
           [](const SimulationProblem& p, const Frame& f) { return (seminorm(p, f[0], 0) + seminorm(p, f[1], 0)) / 2; },
           [](const SimulationProblem& p, const Frame& f) {
             double reaction = 0;
             for (std::size_t i = 0; i < f[0].size(); ++i) {
               const double a = std::norm(f[0][i]) + std::norm(f[1][i]);
               reaction += (a - a * a) * p.axes[0].step() * p.axes[1].step();
             }
             return reaction - coefficient(p, 0) * (seminorm(p, f[0], 1) + seminorm(p, f[1], 1));
           }}},
      {"shear_layer",
       "Navier-Stokes",
       {"n=96", "Re=200"},
       10,
       101,
       Balance{
           "$\\frac{d}{dt}\\int |v|^2/2 = -\\frac{1}{Re}\\int \\omega^2$",
           [](const SimulationProblem& p, const Frame& f) { return (seminorm(p, f[1], 0) + seminorm(p, f[2], 0)) / 2; },
           [](const SimulationProblem& p, const Frame& f) { return -coefficient(p, 2) * seminorm(p, f[0], 0); }}}};
}

// The change of the quantity less the integral of its rate (Simpson over the frames), over the largest quantity.
double imbalance(const Balance& balance, const SimulationProblem& problem, const Solution& run) {
  const std::size_t n = run.times.size() - (run.times.size() + 1) % 2;  // an odd number of frames
  std::vector<double> rate;
  double largest = 0, first = 0, last = 0;
  for (std::size_t t = 0; t < n; ++t) {
    const Frame frame = frame_of(run, static_cast<std::int64_t>(t));
    last = balance.quantity(problem, frame);
    if (t == 0) first = last;
    largest = std::max(largest, std::abs(last));
    rate.push_back(balance.rate(problem, frame));
  }
  double sum = 0;
  for (std::size_t t = 0; t + 2 < n; t += 2)
    sum += (rate[t] + 4 * rate[t + 1] + rate[t + 2]) * (run.times[t + 1] - run.times[t]) / 3;
  return std::abs(last - first - sum) / largest;
}

// ---- pictures

// The first field, of a complex one the modulus: over space and time, or over the plane at the end.
void draw(Figure& figure, const LawCase& c, const SimulationProblem& problem, const Solution& run) {
  const SimulatedField& field = run.fields[0];
  const std::size_t n_t = run.times.size();
  const bool plane = problem.axes.size() == 2;
  const std::vector<double> x = problem.axes[0].points();
  const std::vector<double> y = plane ? problem.axes[1].points() : run.times;
  const std::size_t skip_x = std::max<std::size_t>(1, x.size() / 128),
                    skip_y = std::max<std::size_t>(1, y.size() / 128);
  Grid grid{.x_low = x.front(), .x_high = x.back(), .y_low = y.front(), .y_high = y.back()};
  double low = 0, high = 0;
  for (std::size_t j = 0; j < y.size(); j += skip_y) {
    ++grid.n_y;
    for (std::size_t i = 0; i < x.size(); i += skip_x) {
      const std::size_t at = plane ? (i * y.size() + j) * n_t + n_t - 1 : i * n_t + j;
      const double value =
          field.imaginary.empty() ? field.values[at] : std::hypot(field.values[at], field.imaginary[at]);
      grid.values.push_back(value);
      low = std::min(low, value), high = std::max(high, value);
    }
  }
  grid.n_x = static_cast<long>(grid.values.size()) / grid.n_y;
  const double most = std::max(-low, high);
  Heat heat{.label = field.imaginary.empty() ? field.name : "|" + field.name + "|"};
  if (low < -0.2 * high) heat = {.label = heat.label, .map = ColourMap::diverging, .low = -most, .high = most};
  Panel& panel = figure.panel(c.label);
  panel.x({.label = "x"}).y({.label = plane ? "y" : "t"}).heat(std::move(grid), heat);
  if (plane) panel.equal_aspect();
}

}  // namespace

StudyReport run_simulators(StudyContext& study) {
  StudyReport report;
  const auto add = [&](Check check) { report.checks.push_back(std::move(check)); };
  const std::int64_t n_units = static_cast<std::int64_t>(time_cases().size() + space_cases().size()) + 8;
  std::int64_t done = 0;

  Figure time(
      {.title = "Order in time",
       .caption =
           "Largest error of the field at the end over the step, against a much smaller step. Kuramoto-Sivashinsky "
           "ends in "
           "rounding, which its chaos multiplies; such points are not fitted. Burgers lies under reaction-diffusion."});
  Panel& time_panel = time.panel();
  time_panel.x({.label = "step h", .scale = Scale::log}).y({.label = "error", .scale = Scale::log});
  for (const TimeCase& c : time_cases()) {
    study.at("order in time", done++, n_units, c.label);
    const Convergence errors = in_time(c, static_cast<int>(study.integer("refinements")));
    const LineFit fit = fit_order(errors.at, errors.error, c.floor);
    add(check_equal("P5", fmt::format("order in time, {}", c.label), "", 4, fit.slope, 0.3)
            .with(fit.slope_low, fit.slope_high));
    time_panel.line(errors.at, errors.error, {.label = c.label, .marker = Marker::circle, .size = 4});
  }
  const std::vector<double> h = {0.002, 0.1};
  time_panel.line(h, {2 * std::pow(h[0], 4), 2 * std::pow(h[1], 4)},
                  {.label = "order 4", .colour = ink::muted, .dash = Dash::dashed});

  Figure space({.title = "Accuracy in space",
                .caption = "Largest error of the field over the points along an axis, against the exact solution or a "
                           "much finer grid. Straight lines on these axes fall exponentially, until rounding or (NLS) "
                           "the tails that the "
                           "domain cuts off. Dashed: the published "
                           "state of reaction-diffusion, which is neither periodic nor smooth at its centre."});
  Panel& space_panel = space.panel();
  space_panel.x({.label = "points along an axis"}).y({.label = "error", .scale = Scale::log});
  for (const SpaceCase& c : space_cases()) {
    study.at("accuracy in space", done++, n_units, c.label);
    const Convergence errors = in_space(c, false);
    add(check_at_least("P5", fmt::format("largest order in space, {}", c.label), "", 8, largest_order(errors)));
    space_panel.line(errors.at, errors.error, {.label = c.label, .marker = Marker::circle, .size = 4});
  }
  study.at("accuracy in space", done++, n_units, "null");
  const Convergence kinked = in_space(space_cases()[5], true);
  add(check_at_most("P5", "null: the same for a state with kinks (the published spiral)", "", 5,
                    largest_order(kinked)));
  space_panel.line(
      kinked.at, kinked.error,
      {.label = "published spiral", .colour = ink::muted, .dash = Dash::dashed, .marker = Marker::circle, .size = 4});

  Figure gallery({.title = "The seven fields",
                  .caption = "Over space and time; in the plane (the last two) at the end.",
                  .columns = 2});
  Table table{.head = {"equation", "law", "first", "last", "relative change"},
              .rows = {},
              .caption = "Quantities that are constant."};
  for (const LawCase& c : law_cases()) {
    study.at("laws", done++, n_units, c.label);
    Words words = c.words;
    words.push_back(fmt::format("T={}", c.end * study.real("length")));
    words.push_back(fmt::format("frames={}", c.frames));
    SimulationProblem problem = problem_of(c.name, words);
    problem.options.tolerance = problem.axes.size() == 2 ? 1e-9 : 1e-10;
    if (c.name == std::string("reaction_diffusion")) set_waves(problem);
    const Solution run = simulate(problem).value();
    const Frame start = frame_of(run, 0), end = frame_of(run, static_cast<std::int64_t>(run.times.size()) - 1);
    for (const Invariant& invariant : simulator_named(c.name).invariants) {
      if (invariant.behaviour != Behaviour::constant) continue;
      const double first = invariant.value(problem, start), last = invariant.value(problem, end);
      const double change = std::abs(last - first) / (std::abs(first) > 1e-8 ? std::abs(first) : 1);
      add(check_equal("P5", fmt::format("{} conserved, {}", invariant.name, c.label), "relative", 0, change, 1e-6));
      table.rows.push_back({c.label, fmt::format("`{}`", invariant.formula), {first, 8}, {last, 8}, {change, 2}});
    }
    if (c.balance)
      add(check_equal("P5", fmt::format("balance of {}: {}", c.label, c.balance->text), "relative", 0,
                      imbalance(*c.balance, problem, run), 1e-6));
    draw(gallery, c, problem, run);
  }
  report.figures = {{"time", time}, {"space", space}, {"fields", gallery}};
  report.tables.push_back(table);
  report.method = {
      "Fourier modes, linear terms exactly, the rest by ETDRK4 with products free of aliasing. Order in time: fixed "
      "steps "
      "against one at most a quarter of the smallest. The tolerance 0.3 is for the stiff linear terms, which lower the "
      "order while their modes are not yet resolved by the step.",
      "Accuracy in space: adapted steps of tolerance $10^{-11}$. The largest order between two grids whose finer error "
      "is "
      "above $10^{-10}$ must reach 8: no method of a fixed order below 8 can, whatever its constant.",
      "Laws: the lengths of the published runs (in --quick a quarter). Where nothing is conserved the balance is: the "
      "change of a quantity "
      "against its rate's integral (Simpson's rule over the frames)."};
  if (!study.full()) report.not_run.push_back("Laws over the whole length of the published runs need --full.");
  return report;
}

}  // namespace turnpike::studies
