// D2. Phase portraits and amplification of the three fields of lecture L0.
#include <algorithm>
#include <cmath>
#include <numbers>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/flow/fields.h>
#include <turnpike/flow/flow.h>
#include <turnpike/operators/jacobian.h>
#include <turnpike/study/measure.h>
#include <turnpike/study/study.h>

namespace turnpike::studies {
namespace {

constexpr double step = 0.1;

struct Field {
  const char* title;
  double w11, w12, w21, w22;

  Tensor W() const { return at::tensor({w11, w12, w21, w22}, at::kDouble).view({2, 2}); }
  Tensor control() const { return at::tensor({w11, w12, w21, w22, 0.0, 0.0}, at::kDouble).unsqueeze(0); }
};

Flow network(std::int64_t layers) {
  return Flow::uniform(outer_field({.dimension = 2}), "euler", step * layers, layers, ControlKind::shared);
}

// Largest singular value of dx(T)/dx_0 at each start, [N].
Tensor amplification(const Flow& flow, const Field& field, const Tensor& x0) {
  return at::linalg_matrix_norm(jacobians(flow, field.control(), x0), 2);
}

Tensor square_grid(double low_x, double high_x, double low_y, double high_y, std::int64_t n) {
  const Tensor x = at::linspace(low_x, high_x, n, at::kDouble), y = at::linspace(low_y, high_y, n, at::kDouble);
  return at::stack({x.repeat({n}), y.repeat_interleave(n)}, 1);  // x fastest
}

struct Peak {
  double value = 0;
  Tensor where;  // [2]
};

// sup of the amplification over |x_0| <= radius: on a grid, then on ever finer grids around its best point.
Peak largest_amplification(const Flow& flow, const Field& field, double radius, std::int64_t n) {
  Peak best;
  double x = 0, y = 0, half = radius;
  for (int round = 0; round < 6; ++round) {
    const Tensor grid = square_grid(x - half, x + half, y - half, y + half, round == 0 ? n : 21);
    const Tensor length = grid.norm(2, {1}, true);
    const Tensor inside = at::where(length > radius, grid * (radius / length), grid);  // the rim belongs to the domain
    const Tensor values = amplification(flow, field, inside);
    const std::int64_t at = values.argmax().item<std::int64_t>();
    if (values[at].item<double>() > best.value) best = {values[at].item<double>(), inside[at]};
    x = best.where[0].item<double>();
    y = best.where[1].item<double>();
    half = round == 0 ? 2 * radius / static_cast<double>(n - 1) : half / 8;
  }
  return best;
}

// Largest |x(T) - x~(T)| / |x(0) - x~(0)| over random pairs in the disc, most of them close together.
double largest_quotient(const Flow& flow, const Field& field, double radius, std::int64_t n, Random& random) {
  Tensor a = at::empty({n, 2}, at::kDouble), b = at::empty({n, 2}, at::kDouble);
  for (std::int64_t i = 0; i < n; ++i) {
    const double r = radius * std::sqrt(random.uniform()), angle = random.uniform(0, 2 * std::numbers::pi);
    const double gap = radius * std::pow(10.0, random.uniform(-5, 0)), turn = random.uniform(0, 2 * std::numbers::pi);
    a[i][0] = r * std::cos(angle);
    a[i][1] = r * std::sin(angle);
    b[i][0] = a[i][0] + gap * std::cos(turn);
    b[i][1] = a[i][1] + gap * std::sin(turn);
  }
  const Tensor length = b.norm(2, {1}, true);
  b = at::where(length > radius, b * (radius / length), b);
  const Tensor before = (a - b).norm(2, {1});
  const Tensor after = (flow.roll(a, field.control()).end - flow.roll(b, field.control()).end).norm(2, {1});
  return at::where(before > 1e-9, after / before, at::zeros_like(before)).max().item<double>();
}

}  // namespace

StudyReport run_three_fields(StudyContext& study) {
  at::NoGradGuard no_gradient;
  const std::int64_t layers = study.integer("layers"), n = study.integer("grid");
  const Field fields[] = {{"turning", 0, -1, 1, 0}, {"sinking", -2, 0, 2, -2}, {"exploding", 2, -2, 0, 2}};
  const double reference[] = {1.11, 0.061, 133}, digit[] = {0.005, 0.0005, 0.5};
  const Flow flow = network(layers);
  StudyReport report;
  Table table{.head = {"field", "$M$ on $|x_0| \\le 0.1$", "$M$ on $|x_0| \\le 5$", "$\\sigma_1$ at 0",
                       "$\\sigma_2$ at 0", "exponents at 0, $\\log(\\sigma)/T$"},
              .caption = "Amplification and singular values of the Jacobian."};
  Figure portraits({.title = "Three phase portraits",
                    .caption = "Twenty layers from a ring of starts (dots at the end), with the field as arrows.",
                    .columns = 3});
  Figure heat({.title = "Where a perturbation grows",
               .caption =
                   "Largest singular value of $\\partial x(T)/\\partial x_0$ over the starts. White: a perturbation "
                   "keeps its size in $\\log_{10}$; red: it grows; blue: it shrinks.",
               .columns = 3});

  for (int i = 0; i < 3; ++i) {
    const Field& field = fields[i];
    study.at("fields", i, 3, field.title);
    const Peak near = largest_amplification(flow, field, 0.1, n), far = largest_amplification(flow, field, 5, n);
    if (layers == 20) {
      // The exploding field's reference is a sample of pairs: a lower bound of the supremum, which lies at 0.
      const std::string quantity = fmt::format("$M$ of the {} field on $|x_0| \\le 0.1$", field.title);
      report.checks.push_back(
          i == 2 ? check_at_least("D2", quantity + ", against sampled pairs", "", reference[i], near.value)
                 : check_equal("D2", quantity, "", reference[i], near.value, digit[i]));
      if (i == 1)
        report.checks.push_back(
            check_equal("D2", "$M$ of the sinking field on $|x_0| \\le 5$", "", 1.36, far.value, 0.005));
    } else {
      report.not_run.push_back(fmt::format("reference values of the {} field: they are for 20 layers", field.title));
    }
    // At 0 the network is linear: its Jacobian is (I + hW)^K.
    const Tensor at_zero = jacobians(flow, field.control(), at::zeros({1, 2}, at::kDouble))[0];
    const Tensor power = at::linalg_matrix_power(at::eye(2, at::kDouble) + step * field.W(), layers);
    report.checks.push_back(check_equal("D2", fmt::format("Jacobian at 0 against $(I + hW)^K$, {}", field.title),
                                        "relative", 0, ((at_zero - power).norm() / power.norm()).item<double>(),
                                        1e-12));
    if (i == 2) {
      const double closed = at::linalg_svdvals(power)[0].item<double>();
      report.checks.push_back(
          check_equal("D2", "$M$ of the exploding field on $|x_0| \\le 0.1$ against $\\sigma_1((I + hW)^K)$", "",
                      closed, near.value, 1e-6 * closed));
      report.findings.push_back(
          fmt::format("The exploding field magnifies most at 0, where the network is the matrix $(I + hW)^{{20}}$ and "
                      "$M = {:.2f}$ exactly. "
                      "The printed 133 is what pairs of starts at a finite distance reach (0.005 apart: 129; 0.2 "
                      "apart: 22): a sample "
                      "of quotients bounds the supremum from below only.",
                      closed));
    }
    Random random = study.random("pairs", i);
    const double quotient = largest_quotient(flow, field, 5, study.integer("pairs"), random);
    // Differences of pairs 5e-5 apart carry rounding of 1e-11.
    report.checks.push_back(
        check_at_most("D2", fmt::format("largest quotient of random pairs over $M$ on $|x_0| \\le 5$, {}", field.title),
                      "", 1, quotient / far.value, 1e-8));
    const Tensor sigma = at::linalg_svdvals(at_zero);
    const double s1 = sigma[0].item<double>(), s2 = sigma[1].item<double>(), T = step * layers;
    table.rows.push_back({field.title, Cell(near.value), Cell(far.value), Cell(s1), Cell(s2),
                          fmt::format("{:.3f}, {:.3f}", std::log(s1) / T, std::log(s2) / T)});

    // Portrait: trajectories from two rings, arrows of the field.
    Panel& panel = portraits.panel(field.title);
    std::vector<std::vector<double>> xs, ys;
    std::vector<int> ring;
    Tensor starts = at::empty({48, 2}, at::kDouble);
    for (int k = 0; k < 48; ++k) {
      const double r = k < 24 ? 1.5 : 0.5, angle = 2 * std::numbers::pi * (k % 24) / 24;
      starts[k][0] = r * std::cos(angle);
      starts[k][1] = r * std::sin(angle);
      ring.push_back(k < 24 ? 0 : 1);
    }
    const Tensor states = flow.roll(starts, field.control(), {.save = Save::all}).states;
    for (int k = 0; k < 48; ++k) {
      xs.push_back(numbers(states.select(1, k).select(1, 0)));
      ys.push_back(numbers(states.select(1, k).select(1, 1)));
    }
    const Tensor nodes = square_grid(-4.5, 4.5, -4.5, 4.5, 13);
    const Tensor rate = at::tanh(at::matmul(nodes, field.W().t()));
    panel.equal_aspect().x({.label = "$x_1$", .low = -5, .high = 5}).y({.label = "$x_2$", .low = -5, .high = 5});
    panel.arrows(numbers(nodes.select(1, 0)), numbers(nodes.select(1, 1)), numbers(rate.select(1, 0)),
                 numbers(rate.select(1, 1)));
    panel.trajectories(xs, ys, ring, {"start on radius 1.5", "start on radius 0.5"},
                       {.width = 1.2, .opacity = 0.7, .size = 4});

    Grid map{.x_low = -5, .x_high = 5, .y_low = -5, .y_high = 5, .n_x = 81, .n_y = 81};
    map.values = numbers(amplification(flow, field, square_grid(-5, 5, -5, 5, 81)).log10());
    heat.panel(field.title)
        .equal_aspect()
        .x({.label = "$x_1$"})
        .y({.label = "$x_2$"})
        .heat(map, {.label = "$\\log_{10}\\sigma_1$", .map = ColourMap::diverging, .low = -2.2, .high = 2.2});
  }
  report.figures.push_back({"portraits", portraits});
  report.figures.push_back({"amplification", heat});
  report.tables.push_back(table);
  report.method.push_back(fmt::format(
      "The network is the Euler flow of $\\tanh(Wx)$ with {} layers. $M$ is searched on a grid of {} x {} starts in "
      "the disc "
      "and refined five times around its best point; the quotients are those of {} random pairs, at distances from "
      "$10^{{-5}}$ of the radius to all of it.",
      layers, n, n, study.integer("pairs")));
  return report;
}

}  // namespace turnpike::studies
