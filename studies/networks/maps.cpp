// N1. Perceptrons, NN1, NN2, ResNets and maxout against their definitions.
#include <algorithm>
#include <cmath>
#include <functional>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/base/seed.h>
#include <turnpike/core/activation.h>
#include <turnpike/flow/fields.h>
#include <turnpike/flow/flow.h>
#include <turnpike/net/feed_forward.h>
#include <turnpike/study/measure.h>
#include <turnpike/study/study.h>

namespace turnpike::studies {
namespace {

using Vector = std::vector<double>;

// ---- the definitions, number by number ----

Vector affine(const FeedForward& net, std::size_t layer, const Vector& x) {
  const Vector W = numbers(net.weights[layer]), b = numbers(net.biases[layer]);
  Vector z = b;
  for (std::size_t i = 0; i < z.size(); ++i)
    for (std::size_t j = 0; j < x.size(); ++j) z[i] += W[i * x.size() + j] * x[j];
  return z;
}

Vector bend(const FeedForwardSpec& spec, const Vector& z) {
  Vector y;
  if (spec.pieces > 0) {
    const std::size_t width = z.size() / static_cast<std::size_t>(spec.pieces);
    for (std::size_t i = 0; i < width; ++i) {
      double largest = z[i];
      for (std::size_t j = i; j < z.size(); j += width) largest = std::max(largest, z[j]);
      y.push_back(largest);
    }
  } else {
    for (double value : z) y.push_back(value_of(spec.activation, value));
  }
  return y;
}

// x, and what each elementary map makes of it.
std::vector<Vector> by_definition(const FeedForward& net, const Vector& x) {
  const FeedForwardSpec& spec = net.spec;
  std::vector<Vector> g = {x};
  for (std::size_t l = 0; l < net.weights.size(); ++l) {
    const bool last = l + 1 == net.weights.size();
    if (spec.form == LayerForm::outer) {
      g.push_back(affine(net, l, g.back()));
      if (!(last && spec.affine_end)) g.push_back(bend(spec, g.back()));
    } else if (spec.form == LayerForm::inner) {
      g.push_back(bend(spec, g.back()));
      g.push_back(affine(net, l, g.back()));
    } else {
      const Vector rate = bend(spec, affine(net, l, g.back()));
      Vector next = g.back();
      for (std::size_t i = 0; i < next.size(); ++i) next[i] += spec.step * rate[i];
      g.push_back(next);
    }
  }
  return g;
}

FeedForward random_network(const FeedForwardSpec& spec, std::uint64_t seed, Random& random) {
  FeedForward net = FeedForward::make(spec, at::kDouble, seed);
  for (Tensor& bias : net.biases) bias = normal_tensor({bias.size(0)}, random);
  return net;
}

double largest(const Tensor& values) {
  return values.abs().max().item<double>();
}

// ---- checks ----

struct Form {
  const char* title;
  FeedForwardSpec spec;  // with tanh; every activation in turn
};

void check_definitions(StudyContext& study, StudyReport& report) {
  const Form forms[] = {
      {"MLP $(3, 5, 4, 2)$", {.widths = {3, 5, 4, 2}}},
      {"NN1 $(3, 5, 4, 2)$", {.widths = {3, 5, 4, 2}, .affine_end = false}},
      {"NN2 $(3, 5, 4, 2)$", {.widths = {3, 5, 4, 2}, .form = LayerForm::inner}},
      {"ResNet $(4, 4, 4, 4, 4)$, $h = 0.3$", {.widths = {4, 4, 4, 4, 4}, .form = LayerForm::residual, .step = 0.3}},
  };
  Table table{.head = {"network", "parameters", "intermediate outputs", "largest difference from the definition"},
              .caption = "Every intermediate output, every activation and maxout with three pieces (not NN2)."};
  const std::int64_t n = study.integer("samples");
  for (const Form& form : forms) {
    std::vector<FeedForwardSpec> specs;
    for (const ActivationFacts& sigma : activation_table()) {
      specs.push_back(form.spec);
      specs.back().activation = sigma.kind;
    }
    if (form.spec.form != LayerForm::inner) {
      specs.push_back(form.spec);
      specs.back().pieces = 3;
    }
    double difference = 0, miscounted = 0;
    std::size_t outputs = 0;
    for (int s = 0; s < study.seeds(); ++s)
      for (const FeedForwardSpec& spec : specs) {
        study.at("definitions", s, study.seeds(), form.title);
        Random random = study.random(form.title, static_cast<std::uint64_t>(s));
        const FeedForward net =
            random_network(spec, seed_for(study.seed(), form.title, static_cast<std::uint64_t>(s)), random);
        const Tensor x = normal_tensor({n, spec.widths[0]}, random);
        const std::vector<Tensor> g = net.intermediate(x);
        outputs = g.size();
        for (std::int64_t i = 0; i < n; ++i) {
          const std::vector<Vector> expected = by_definition(net, numbers(x[i]));
          if (expected.size() != g.size()) difference = 1;
          for (std::size_t l = 0; l < std::min(g.size(), expected.size()); ++l) {
            const Vector found = numbers(g[l][i]);
            if (found.size() != expected[l].size()) difference = 1;
            for (std::size_t j = 0; j < std::min(found.size(), expected[l].size()); ++j)
              difference =
                  std::max(difference, std::abs(found[j] - expected[l][j]) / std::max(1.0, std::abs(found[j])));
          }
        }
        difference = std::max(difference, largest(net.forward(x) - g.back()));
        std::int64_t predicted = 0;  // sum of rows (d_{l-1} + 1)
        for (std::size_t l = 1; l < spec.widths.size(); ++l) {
          const bool affine_end = form.spec.form == LayerForm::outer && spec.affine_end && l + 1 == spec.widths.size();
          const std::int64_t rows = spec.widths[l] * (spec.pieces > 0 && !affine_end ? spec.pieces : 1);
          predicted += rows * (spec.widths[l - 1] + 1);
        }
        miscounted += std::abs(static_cast<double>(net.n_parameters() - predicted)) +
                      std::abs(static_cast<double>(count_parameters(spec) - predicted));
      }
    table.rows.push_back(
        {form.title, fmt::format("{}", count_parameters(form.spec)), fmt::format("{}", outputs), Cell(difference)});
    report.checks.push_back(
        check_equal("N1", fmt::format("{}: outputs and intermediate outputs against the definition", form.title),
                    "relative", 0, difference, 1e-13));
    report.checks.push_back(
        check_equal("N1", fmt::format("{}: parameters counted minus $\\sum_l d_l(d_{{l-1}} + 1)$", form.title), "", 0,
                    miscounted, 0));
  }
  report.checks.push_back(check_equal("N1", "parameters of $(784, 20, 20, 10)$", "", 16330,
                                      static_cast<double>(count_parameters({.widths = {784, 20, 20, 10}})), 0));
  report.checks.push_back(
      check_equal("N1", "maps of an MLP of depth $L = 3$: intermediate outputs $g^{(0)}, \\ldots, g^{(2L-1)}$", "", 6,
                  static_cast<double>(FeedForward::make({.widths = {3, 5, 4, 2}}, at::kDouble, 1)
                                          .intermediate(at::zeros({1, 3}, at::kDouble))
                                          .size()),
                  0));
  report.tables.push_back(table);
}

void check_relations(StudyContext& study, StudyReport& report) {
  const std::int64_t n = study.integer("samples");
  double conjugate = 0, euler = 0, collapsed = 0, bent = 1e300, relu = 0, absolute = 0, maximum = 0;
  for (int s = 0; s < study.seeds(); ++s) {
    Random random = study.random("relations", static_cast<std::uint64_t>(s));
    const std::uint64_t seed = seed_for(study.seed(), "relations", static_cast<std::uint64_t>(s));
    // y = sigma(x) carries NN2 into NN1.
    const FeedForward inner = random_network({.widths = {3, 5, 4, 2}, .form = LayerForm::inner}, seed, random);
    FeedForward outer = inner;
    outer.spec.form = LayerForm::outer;
    outer.spec.affine_end = false;
    const Tensor x = normal_tensor({n, 3}, random);
    conjugate = std::max(conjugate, largest(at::tanh(inner.forward(x)) - outer.forward(at::tanh(x))));
    // ResNet = Euler.
    const FeedForward residual = random_network(
        {.widths = std::vector<std::int64_t>(9, 3), .form = LayerForm::residual, .step = 0.125}, seed, random);
    std::vector<Tensor> rows;
    for (std::size_t l = 0; l < 8; ++l)
      rows.push_back(at::cat({residual.weights[l].reshape({-1}), residual.biases[l]}));
    const Flow flow = Flow::uniform(outer_field({.dimension = 3}), "euler", 1, 8);
    euler = std::max(euler, largest(residual.forward(x) - flow.roll(x, at::stack(rows)).end));
    // f(x/2 + y/2) - f(x)/2 - f(y)/2: 0 for affine maps, and compositions of affine maps are affine.
    const Tensor y = normal_tensor({n, 3}, random);
    for (const ActivationFacts& sigma : activation_table()) {
      const FeedForward net = random_network({.widths = {3, 5, 4, 2}, .activation = sigma.kind}, seed, random);
      const double defect =
          largest(net.forward((x + y) / 2) - (net.forward(x) + net.forward(y)) / 2) / largest(net.forward(x));
      if (sigma.kind == Activation::identity)
        collapsed = std::max(collapsed, defect);
      else
        bent = std::min(bent, defect);
    }
    const Tensor u = normal_tensor({n, 4}, random), v = normal_tensor({n, 4}, random);
    relu = std::max(relu, largest(maxout(at::cat({u, at::zeros_like(u)}, 1), 2) - at::relu(u)));
    absolute = std::max(absolute, largest(maxout(at::cat({u, -u}, 1), 2) - u.abs()));
    maximum = std::max(maximum, largest(maxout(at::cat({u, v}, 1), 2) - (u + at::relu(v - u))));
  }
  report.checks.push_back(check_equal("N1", "$\\sigma(\\mathrm{NN2}(x)) - \\mathrm{NN1}(\\sigma(x))$, same weights", "",
                                      0, conjugate, 1e-14));
  report.checks.push_back(check_equal("N1", "ResNet minus Euler steps of $\\tanh(Wx + b)$", "", 0, euler, 1e-14));
  report.checks.push_back(check_equal("N1", "identity activation: the network is affine, midpoint defect", "relative",
                                      0, collapsed, 1e-14));
  report.checks.push_back(
      check_at_least("N1", "the same, least over all other activations: nonlinear", "relative", 1e-3, bent));
  report.checks.push_back(check_equal("N1", "maxout$(x, 0) - $relu$(x)$", "", 0, relu, 0));
  report.checks.push_back(check_equal("N1", "maxout$(x, -x) - |x|$", "", 0, absolute, 0));
  report.checks.push_back(check_equal("N1", "maxout$(x, y) - (x + $relu$(y - x))$", "", 0, maximum, 1e-15));
}

struct Reference {
  Activation kind;
  const char* title;
  double at_one, at_minus_one;
};

void check_activations(StudyReport& report) {
  // sigma(1), sigma(-1) from closed forms: 1/(1+1/e), tanh 1, 1 - 1/e, ln(1+e), Phi(1), sin 1.
  const Reference references[] = {
      {Activation::sigmoid, "sigmoid", 0.7310585786300049, 0.2689414213699951},
      {Activation::tanh, "tanh", 0.7615941559557649, -0.7615941559557649},
      {Activation::relu, "ReLU", 1, 0},
      {Activation::leaky_relu, "leaky ReLU", 1, -0.01},
      {Activation::elu, "ELU", 1, -0.6321205588285577},
      {Activation::softplus, "softplus", 1.3132616875182228, 0.31326168751822286},
      {Activation::gelu, "GELU", 0.8413447460685429, -0.15865525393145705},
      {Activation::sine, "sine", 0.8414709848078965, -0.8414709848078965},
  };
  Figure figure({.title = "Activations",
                 .caption = "$\\sigma$ (solid) and $\\sigma'$ (dashed). Maxout, the ninth, is the larger of two affine "
                            "functions: here of $x/2$ and $-x$.",
                 .panel_height = 150,
                 .columns = 3});
  double value_error = 0, slope_error = 0, fact_error = 0;
  const Tensor x = at::linspace(-5, 5, 2001, at::kDouble) + 1e-4;  // off the kinks
  const Vector xs = numbers(x);
  for (const Reference& reference : references) {
    const ActivationFacts& facts = facts_of(reference.kind);
    const Tensor points = at::tensor({1.0, -1.0}, at::kDouble);
    const Tensor values = activate(reference.kind, points);
    value_error = std::max({value_error, std::abs(values[0].item<double>() - reference.at_one),
                            std::abs(values[1].item<double>() - reference.at_minus_one)});
    const Tensor variable = x.clone().requires_grad_();
    const Tensor y = activate(reference.kind, variable);
    y.sum().backward();
    const Tensor slope = activation_slope(reference.kind, x);
    slope_error = std::max(slope_error, largest(variable.grad() - slope));
    // Facts: the largest slope is the Lipschitz constant (approached on the grid), its sign says monotone or not.
    const double steepest = largest(slope);
    fact_error = std::max(fact_error, steepest - facts.lipschitz);
    if (reference.kind != Activation::softplus) fact_error = std::max(fact_error, facts.lipschitz - steepest - 1e-3);
    if ((slope.min().item<double>() >= 0) != facts.monotone) fact_error = 1;
    if ((value_of(reference.kind, 0) == 0) != facts.zero_at_zero) fact_error = 1;
    figure.panel(reference.title)
        .x({.label = "$x$", .low = -5, .high = 5})
        .line(xs, numbers(y), {.colour = 0})
        .line(xs, numbers(slope), {.colour = 1, .dash = Dash::dashed});
  }
  Vector larger;
  for (double value : xs) larger.push_back(std::max(value / 2, -value));
  figure.panel("maxout").x({.label = "$x$", .low = -5, .high = 5}).line(xs, larger, {.colour = 0});
  report.checks.push_back(
      check_equal("N1", "eight activations at 1 and -1 against closed values", "", 0, value_error, 1e-15));
  report.checks.push_back(
      check_equal("N1", "their slopes against automatic differentiation", "", 0, slope_error, 1e-14));
  report.checks.push_back(
      check_at_most("N1", "declared facts (Lipschitz constant, monotone, $\\sigma(0) = 0$): largest violation", "", 0,
                    fact_error, 1e-12));
  report.figures.push_back({"activations", figure});
}

// A lattice of the plane after each map of a network of widths 2.
void draw_lattice(StudyContext& study, StudyReport& report) {
  Random random = study.random("lattice");
  const FeedForward net = random_network({.widths = {2, 2, 2, 2}}, seed_for(study.seed(), "lattice"), random);
  Figure figure({.title = "Where a network takes the plane",
                 .caption = "The square $[-2, 2]^2$ with its lattice, and its images under each of the maps of an MLP "
                            "$(2, 2, 2, 2)$ with tanh: affine, bent, affine, bent, affine.",
                 .columns = 3});
  const Tensor along = at::linspace(-2, 2, 81, at::kDouble);
  std::vector<std::vector<Tensor>> lines;  // for each line its images
  std::vector<int> colours;
  for (int k = 0; k <= 8; ++k) {
    const Tensor fixed = at::full_like(along, -2 + 0.5 * k);
    lines.push_back(net.intermediate(at::stack({along, fixed}, 1)));
    lines.push_back(net.intermediate(at::stack({fixed, along}, 1)));
    colours.insert(colours.end(), {0, 1});
  }
  const char* titles[] = {"$x$",
                          "$W^{(1)}x + b^{(1)}$",
                          "$\\sigma(\\cdot)$",
                          "$W^{(2)}\\cdot{} + b^{(2)}$",
                          "$\\sigma(\\cdot)$",
                          "$W^{(3)}\\cdot{} + b^{(3)}$"};
  for (std::size_t map = 0; map < 6; ++map) {
    Panel& panel = figure.panel(titles[map]);
    panel.x({.label = "$x_1$"}).y({.label = "$x_2$"});
    for (std::size_t i = 0; i < lines.size(); ++i)
      panel.line(numbers(lines[i][map].select(1, 0)), numbers(lines[i][map].select(1, 1)),
                 {.colour = colours[i], .width = 1});
  }
  report.figures.push_back({"lattice", figure});
}

}  // namespace

StudyReport run_maps(StudyContext& study) {
  StudyReport report;
  check_definitions(study, report);
  check_relations(study, report);
  check_activations(report);
  draw_lattice(study, report);
  report.method.push_back(
      fmt::format("Networks with normal weights and biases, {} normal inputs, {} seeds. The definition is evaluated "
                  "number by number "
                  "in plain C++, apart from the library's tensors.",
                  study.integer("samples"), study.seeds()));
  report.findings.push_back(
      "The slide's leaky ReLU has the slope 0.1 on the left, ours the more usual 0.01. Softplus approaches its "
      "Lipschitz "
      "constant 1 only at infinity.");
  return report;
}

}  // namespace turnpike::studies
