// D4. Eigenvalues, energy and resonance of antisymmetric and Hamiltonian layers.
#include <algorithm>
#include <cmath>
#include <numbers>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <fmt/format.h>

#include <turnpike/flow/fields.h>
#include <turnpike/flow/flow.h>
#include <turnpike/operators/jacobian.h>
#include <turnpike/study/measure.h>
#include <turnpike/study/study.h>

namespace turnpike::studies {
namespace {

// df/dx at each sample, [N, d, d].
Tensor field_jacobians(const VectorField& field, const Tensor& x, const Tensor& u) {
  const Tensor point = x.detach().clone().requires_grad_();
  const Tensor rate = field(0, point, u);
  std::vector<Tensor> rows;
  for (std::int64_t i = 0; i < rate.size(1); ++i)
    rows.push_back(torch::autograd::grad({rate.select(1, i).sum()}, {point}, {}, true)[0]);
  return at::stack(rows, 1);
}

// q_dot = tanh(K p), p_dot = tanh(-K q): the block as it is printed, u = K.
FieldPtr printed_block(std::int64_t half) {
  return make_field("printed block", 2 * half, half * half, [half](double, const Tensor& x, const Tensor& u) -> Tensor {
    const Tensor K = u.view({half, half}), q = x.narrow(1, 0, half), p = x.narrow(1, half, half);
    return at::tanh(at::cat({at::mm(p, K.t()), -at::mm(q, K.t())}, 1));
  });
}

Tensor log_cosh(const Tensor& z) {
  const Tensor size = z.abs();
  return size + at::log1p(at::exp(-2 * size)) - std::numbers::ln2;
}

// sum ln cosh z, z the argument of the layer's tanh: [..., d] -> [...]
Tensor antisymmetric_energy(const Tensor& x, const Tensor& u) {
  const std::int64_t d = x.size(-1);
  const Tensor W = u.narrow(0, 0, d * d).view({d, d}), b = u.narrow(0, d * d, d);
  return log_cosh(at::matmul(x, (W - W.t()).t()) + b).sum(-1);
}
Tensor paired_energy(const Tensor& x, const Tensor& u) {
  const std::int64_t half = x.size(-1) / 2;
  const Tensor K = u.narrow(0, 0, half * half).view({half, half}), b = u.narrow(0, half * half, 2 * half);
  const Tensor q = x.narrow(-1, 0, half), p = x.narrow(-1, half, half);
  return log_cosh(at::cat({at::matmul(p, K.t()), -at::matmul(q, K)}, -1) + b).sum(-1);
}
using Energy = Tensor (*)(const Tensor&, const Tensor&);

struct Run {
  Tensor states;  // [steps + 1, N, d]
  Tensor energy;  // [steps + 1, N]
};
Run run(const FieldPtr& field, const char* scheme, double h, std::int64_t steps, const Tensor& x0, const Tensor& u,
        Energy energy) {
  const Flow flow = Flow::uniform(field, scheme, h * static_cast<double>(steps), steps, ControlKind::shared);
  const Tensor states = flow.roll(x0, u.unsqueeze(0), {.save = Save::all}).states;
  return {states, energy(states, u)};
}

double largest(const Tensor& values) {
  return values.max().item<double>();
}
double smallest(const Tensor& values) {
  return values.min().item<double>();
}

// Random (K, b) with |K| = 1 (largest singular value).
Tensor paired_control(std::int64_t half, Random& random) {
  const Tensor K = normal_tensor({half, half}, random);
  return at::cat({(K / at::linalg_matrix_norm(K, 2)).reshape({-1}), 0.5 * normal_tensor({2 * half}, random)});
}

struct VerletError {
  double error = 0;  // largest |E - E(0)| / E(0) of the first half
  double ratio = 0;  // of the second half's over the first's, worst start

  void add(const VerletError& other) {
    error = std::max(error, other.error);
    ratio = std::max(ratio, other.ratio);
  }
};
VerletError verlet_error(std::int64_t half, std::int64_t starts, double h, std::int64_t steps, Random random) {
  const Tensor u = paired_control(half, random), x0 = 2 * normal_tensor({starts, 2 * half}, random);
  const Tensor E =
      run(paired_hamiltonian_field({.dimension = 2 * half}), "verlet", h, steps, x0, u, paired_energy).energy;
  const Tensor off = (E / E[0] - 1).abs();
  const Tensor first = off.slice(0, 0, steps / 2 + 1).amax(0), second = off.slice(0, steps / 2 + 1).amax(0);
  return {largest(first), largest(second / first)};
}

// ---- eigenvalues ----

struct Spectrum {
  std::vector<double> real, imaginary;  // of Jacobians, divided by their norm
  double abscissa = -1e300;             // largest real part
};

void add_eigenvalues(Spectrum& spectrum, const Tensor& jacobians, bool keep) {
  const Tensor norm = at::linalg_matrix_norm(jacobians, 2).clamp_min(1e-300).unsqueeze(1);
  const Tensor values = at::linalg_eigvals(jacobians) / norm;
  const Tensor real = at::real(values).contiguous(), imaginary = at::imag(values).contiguous();
  spectrum.abscissa = std::max(spectrum.abscissa, largest(real));
  if (!keep) return;
  for (double value : numbers(real)) spectrum.real.push_back(value);
  for (double value : numbers(imaginary)) spectrum.imaginary.push_back(value);
}

// Over antisymmetric layers with and without damping and Hamiltonian layers, widths 2 to 8, random weights and states.
Spectrum spectrum_of(StudyContext& study, Activation sigma) {
  Spectrum spectrum;
  for (int s = 0; s < study.seeds(); ++s) {
    study.at("eigenvalues", s, study.seeds(), facts_of(sigma).name);
    Random random = study.random("eigenvalues", s);
    for (std::int64_t d : {2, 4, 8}) {
      const FieldPtr fields[] = {antisymmetric_field({.dimension = d, .activation = sigma}),
                                 antisymmetric_field({.dimension = d, .activation = sigma, .gamma = 0.3}),
                                 paired_hamiltonian_field({.dimension = d, .activation = sigma})};
      for (const FieldPtr& field : fields) {
        const Tensor u = 1.5 * normal_tensor({field->n_parameters()}, random);
        const Tensor x = normal_tensor({study.integer("samples"), d}, random);
        add_eigenvalues(spectrum, field_jacobians(*field, x, u), s == 0 && d == 4);
      }
    }
  }
  return spectrum;
}

void check_eigenvalues(StudyContext& study, StudyReport& report) {
  Table table{.head = {"activation", "non-decreasing", "largest $\\operatorname{Re}\\lambda / |J|$"},
              .caption = "Eigenvalues of the layers' Jacobians, all widths, weights and states."};
  Figure figure({.title = "Where the eigenvalues lie",
                 .caption =
                     "Eigenvalues of $\\operatorname{diag}(\\sigma'(z))\\,W$ over its norm, width 4. Right of the "
                     "axis a perturbation grows. tanh never does; sine and GELU have decreasing pieces; "
                     "the last panel is the block with $-K$ where $-K'$ belongs.",
                 .columns = 2});
  const auto draw = [&](const std::string& title, const Spectrum& spectrum) {
    figure.panel(title)
        .x({.label = "$\\operatorname{Re}\\lambda / |J|$", .low = -1, .high = 1})
        .y({.label = "$\\operatorname{Im}\\lambda / |J|$", .low = -1, .high = 1})
        .equal_aspect()
        .points(spectrum.real, spectrum.imaginary, {.colour = 0, .opacity = 0.6, .marker = Marker::circle, .size = 3})
        .x_mark(0);
  };
  double worst = -1e300;
  for (const ActivationFacts& sigma : activation_table()) {
    const Spectrum spectrum = spectrum_of(study, sigma.kind);
    table.rows.push_back({sigma.name, sigma.monotone ? "yes" : "no", Cell(spectrum.abscissa)});
    if (sigma.monotone) worst = std::max(worst, spectrum.abscissa);
    if (sigma.kind == Activation::tanh) draw("tanh", spectrum);
    if (sigma.kind == Activation::gelu) draw("GELU", spectrum);
    if (sigma.kind == Activation::sine) draw("sine", spectrum);
  }
  // geev balances first, which undoes the scaling by sigma'; its error is then a few ulp of |J|.
  report.checks.push_back(check_at_most(
      "D4", "largest $\\operatorname{Re}\\lambda/|J|$, all non-decreasing activations", "", 0, worst, 1e-13));

  // W = (0 1; -1 0), z = b: diag(s1, s2) W has the eigenvalues +- sqrt(-s1 s2).
  const auto two_by_two = [](Activation sigma, double z1, double z2) {
    const FieldPtr field = antisymmetric_field({.dimension = 2, .activation = sigma});
    const Tensor u = at::tensor({0.0, 0.5, -0.5, 0.0, z1, z2}, at::kDouble);
    return largest(at::real(at::linalg_eigvals(field_jacobians(*field, at::zeros({1, 2}, at::kDouble), u))));
  };
  const double root = std::numbers::sqrt2;  // GELU is steepest at sqrt 2, and falls fastest at -sqrt 2
  const double gelu = std::sqrt(-slope_of(Activation::gelu, root) * slope_of(Activation::gelu, -root));
  report.checks.push_back(check_equal("D4", "GELU, $z = (\\sqrt{2}, -\\sqrt{2})$: an eigenvalue on the right", "", gelu,
                                      two_by_two(Activation::gelu, root, -root), 1e-12));
  report.checks.push_back(check_equal("D4", "sine, $z = (0, \\pi)$: an eigenvalue on the right", "", 1,
                                      two_by_two(Activation::sine, 0, std::numbers::pi), 1e-12));
  report.checks.push_back(
      check_at_most("D4", "tanh at the same $z$", "", 0, two_by_two(Activation::tanh, 0, std::numbers::pi), 1e-13));
  // sin z = 0 there, so that x = 0 is at rest: a perturbation grows like e^t.
  const auto rate_at_rest = [](Activation sigma, double z2) {
    const Flow flow = Flow::uniform(antisymmetric_field({.dimension = 2, .activation = sigma}), "dopri5", 4, 400,
                                    ControlKind::shared);
    const Tensor u = at::tensor({0.0, 0.5, -0.5, 0.0, 0.0, z2}, at::kDouble).unsqueeze(0);
    const Tensor J = jacobians(flow, u, at::zeros({1, 2}, at::kDouble));
    return std::log(at::linalg_matrix_norm(J, 2)[0].item<double>()) / 4;
  };
  report.checks.push_back(check_equal("D4", "sine: growth of a perturbation of the state at rest", "1/time", 1,
                                      rate_at_rest(Activation::sine, std::numbers::pi), 1e-9));
  report.checks.push_back(check_equal("D4", "tanh: growth of a perturbation of the state at rest", "1/time", 0,
                                      rate_at_rest(Activation::tanh, 0), 1e-9));

  // At x = 0, b = 0 the Jacobian is the block itself: eigenvalues +-i lambda(K), real where K's are imaginary.
  double printed_error = 0, corrected = -1e300;
  Spectrum printed;
  for (int s = 0; s < study.seeds(); ++s) {
    Random random = study.random("block", s);
    for (std::int64_t half : {2, 3, 4}) {
      const Tensor K = normal_tensor({half, half}, random), x = at::zeros({1, 2 * half}, at::kDouble);
      const Tensor J = field_jacobians(*printed_block(half), x, K.reshape({-1}));
      const double expected = largest(at::imag(at::linalg_eigvals(K)).abs());
      printed_error = std::max(printed_error,
                               std::abs(largest(at::real(at::linalg_eigvals(J))) - expected) / K.norm().item<double>());
      const Tensor u = at::cat({K.reshape({-1}), at::zeros({2 * half}, at::kDouble)});
      const Tensor paired = field_jacobians(*paired_hamiltonian_field({.dimension = 2 * half}), x, u);
      corrected = std::max(corrected, largest(at::real(at::linalg_eigvals(paired))) / K.norm().item<double>());
      if (half == 2)
        add_eigenvalues(printed,
                        field_jacobians(*printed_block(half), normal_tensor({4 * study.integer("samples"), 4}, random),
                                        K.reshape({-1})),
                        true);
    }
  }
  draw("$(0, K; -K, 0)$, tanh", printed);
  report.checks.push_back(check_equal("D4",
                                      "printed block $(0, K; -K, 0)$: largest $\\operatorname{Re}\\lambda$ minus "
                                      "$\\max|\\operatorname{Im}\\lambda(K)|$",
                                      "$|K|$", 0, printed_error, 1e-12));
  report.checks.push_back(check_at_most("D4", "corrected block $(0, K; -K', 0)$: largest $\\operatorname{Re}\\lambda$",
                                        "$|K|$", 0, corrected, 1e-13));
  const auto block_rate = [](const FieldPtr& field, const Tensor& u) {
    const Flow flow = Flow::uniform(field, "dopri5", 5, 500, ControlKind::shared);
    const Tensor J = jacobians(flow, u, at::zeros({1, 4}, at::kDouble));
    return std::log(at::linalg_matrix_norm(J, 2)[0].item<double>()) / 5;
  };
  const Tensor turn = at::tensor({0.0, -1.0, 1.0, 0.0}, at::kDouble);
  report.checks.push_back(check_equal("D4", "growth at 0 with $K = (0, -1; 1, 0)$, printed block", "1/time", 1,
                                      block_rate(printed_block(2), turn.unsqueeze(0)), 1e-9));
  report.checks.push_back(check_equal(
      "D4", "growth at 0 with $K = (0, -1; 1, 0)$, corrected block", "1/time", 0,
      block_rate(paired_hamiltonian_field({.dimension = 4}), at::cat({turn, at::zeros({4}, at::kDouble)}).unsqueeze(0)),
      1e-9));
  report.tables.push_back(table);
  report.figures.push_back({"eigenvalues", figure});
}

// ---- energy ----

void check_energy(StudyContext& study, StudyReport& report) {
  double drift = 0, symmetric_drift = 1e300;
  for (int s = 0; s < study.seeds(); ++s) {
    study.at("conservation", s, study.seeds());
    Random random = study.random("conservation", s);
    for (std::int64_t d : {2, 5}) {
      const Tensor u = normal_tensor({d * d + d}, random), x0 = normal_tensor({8, d}, random);
      const Tensor E =
          run(antisymmetric_field({.dimension = d}), "dopri5", 0.0025, 8000, x0, u, antisymmetric_energy).energy;
      drift = std::max(drift, largest((E / E[0] - 1).abs()));
      // Null case: the same E along tanh(W x + b) with the whole of W.
      const Tensor other =
          run(outer_field({.dimension = d}), "dopri5", 0.0025, 8000, x0, u, antisymmetric_energy).energy;
      symmetric_drift = std::min(symmetric_drift, largest((other / other[0] - 1).abs()));
    }
  }
  report.checks.push_back(
      check_at_most("D4", "relative drift of $E$ along $\\tanh(Wx+b)$, $T = 20$, $W' = -W$", "", 0, drift, 1e-11));
  report.checks.push_back(
      check_at_least("D4", "the same where $W$ is not antisymmetric: it is not conserved", "", 0.01, symmetric_drift));

  // Verlet: |K| = 1, so that h is h|K|.
  const std::int64_t steps = study.integer("steps");
  Table table{.head = {"$h|K|$", "one pair: error of $E$", "second over first half", "2 and 4 pairs: error of $E$",
                       "second over first half"},
              .caption = fmt::format("Verlet, {} steps: largest error of $E$ relative to $E(0)$ in the first half, and "
                                     "the ratio of the halves in the worst run.",
                                     steps)};
  double worst_pair = 0, worst_coupled = 0;
  std::vector<double> small_steps, small_errors;
  for (double h : {0.05, 0.1, 0.2, 0.4, 1.0, 1.5, 1.9}) {
    VerletError pair, coupled;
    for (int s = 0; s < study.seeds(); ++s) {
      study.at("Verlet", s, study.seeds(), fmt::format("h|K| = {:g}", h));
      pair.add(verlet_error(1, 16, h, steps, study.random("one pair", s)));
      coupled.add(verlet_error(2, 4, h, steps, study.random("two pairs", s)));
      coupled.add(verlet_error(4, 4, h, steps, study.random("four pairs", s)));
    }
    worst_pair = std::max(worst_pair, pair.ratio);
    if (h == 1.9) worst_coupled = coupled.ratio;
    if (h < 0.5) {
      small_steps.push_back(h);
      small_errors.push_back(coupled.error);
    }
    table.rows.push_back({Cell(h), Cell(pair.error), Cell(pair.ratio), Cell(coupled.error), Cell(coupled.ratio)});
  }
  report.tables.push_back(table);
  report.checks.push_back(check_at_most(
      "D4",
      fmt::format("Verlet, one pair, $h|K| \\le 1.9$, {} steps: energy error of the second half over the first's",
                  steps),
      "", 1.1, worst_pair));
  const LineFit order = fit_order(small_steps, small_errors);
  report.checks.push_back(check_equal("D4", "Verlet, 2 and 4 pairs, $h|K| \\le 0.4$: order in $h$ of the largest error",
                                      "", 2, order.slope, 0.15)
                              .with(order.slope_low, order.slope_high));
  report.checks.push_back(
      check_at_least("D4", "Verlet, 2 and 4 pairs, $h|K| = 1.9$: second half over first; the bound 1.1 does not hold",
                     "", 1.1, worst_coupled));
  report.findings.push_back(
      "The bound 1.1 on the second half's energy error belongs to one pair $(q, p)$, whose orbits are closed curves of "
      "a "
      "nearby energy for every $h|K| < 2$. Several pairs exchange energy, their orbits wander, and the largest error "
      "so far keeps growing slowly as new states are met: at small $h$ it stays $O(h^2)$; near $h|K| = 2$, far from "
      "the small steps for which a nearby energy exists, it reaches several times $E$. $h|K| < 2$ is the limit of the "
      "linear layer, no more.");

  // The limit of h|K| from a start so small that the layer is linear.
  const FieldPtr pair = paired_hamiltonian_field({.dimension = 2});
  const Tensor one = at::tensor({1.0, 0.0, 0.0}, at::kDouble),
               small = at::tensor({1e-9, 0.0}, at::kDouble).unsqueeze(0);
  double low = 1, high = 4;
  for (int i = 0; i < 30; ++i) {
    const double h = (low + high) / 2;
    (largest(run(pair, "verlet", h, 2000, small, one, paired_energy).states.abs()) < 1e-6 ? low : high) = h;
  }
  report.checks.push_back(check_equal("D4", "largest $h|K|$ at which Verlet layers stay near 0", "", 2, low, 1e-3));

  // Explicit Euler: E is convex and its gradient orthogonal to f.
  double least_gain = 1e300, least_rise = 1e300;
  for (int s = 0; s < study.seeds(); ++s) {
    Random random = study.random("Euler", s);
    for (double h : {0.01, 0.1, 0.5}) {
      const Tensor u = normal_tensor({20}, random), x0 = normal_tensor({8, 4}, random);
      const Tensor v = paired_control(2, random);
      for (const Tensor& E :
           {run(antisymmetric_field({.dimension = 4}), "euler", h, 2000, x0, u, antisymmetric_energy).energy,
            run(paired_hamiltonian_field({.dimension = 4}), "euler", h, 2000, x0, v, paired_energy).energy}) {
        least_gain = std::min(least_gain, smallest(E.slice(0, 1) / E.slice(0, 0, 2000) - 1));
        least_rise = std::min(least_rise, smallest(E[2000] / E[0] - 1));
      }
    }
  }
  report.checks.push_back(
      check_at_least("D4", "explicit Euler: smallest relative change of $E$ in a layer", "", 0, least_gain, 1e-14));
  report.checks.push_back(check_at_least("D4", "explicit Euler: smallest rise of $E$ over 2000 layers, $h \\ge 0.01$",
                                         "", 0.001, least_rise));

  Random random = study.random("picture");
  const Tensor u = paired_control(2, random), x0 = normal_tensor({1, 4}, random);
  Figure figure({.title = "Energy through depth",
                 .caption =
                     "Relative error of $E$ in one Hamiltonian network, $h|K| = 0.5$, for three schemes. Verlet's "
                     "oscillates, RK4's drifts, Euler's grows from the first layer on."});
  Panel& panel = figure.panel();
  panel.x({.label = "layers $k$", .scale = Scale::log}).y({.label = "$|E(x_k) / E(x_0) - 1|$", .scale = Scale::log});
  const std::int64_t shown = std::min<std::int64_t>(steps, 20000);
  for (const char* scheme : {"euler", "rk4", "verlet"}) {
    const Tensor E =
        run(paired_hamiltonian_field({.dimension = 4}), scheme, 0.5, shown, x0, u, paired_energy).energy.select(1, 0);
    // The largest error so far within a tenth of a decade: a curve that oscillates 20 000 times is a black band.
    std::vector<double> at, error;
    for (double k = 1; 1.26 * k < static_cast<double>(shown); k *= std::pow(10.0, 0.05)) {
      const auto from = static_cast<std::int64_t>(k), to = static_cast<std::int64_t>(k * std::pow(10.0, 0.1)) + 1;
      at.push_back(k);
      error.push_back(largest((E.slice(0, from, std::min(to, shown + 1)) / E[0] - 1).abs()));
    }
    panel.line(at, error,
               {.label = std::string(scheme) == "euler" ? "Euler"
                         : std::string(scheme) == "rk4" ? "RK4"
                                                        : "Verlet"});
  }
  report.figures.push_back({"energy", figure});
}

// ---- resonance ----

// Layers of q_dot = tanh(p + b_q), p_dot = tanh(-q + b_p), K = 1 throughout: b follows the state x* so that the slopes
// are (1, delta) in one stretch and (delta, 1) in the next. Signs of z alternate from layer to layer: x* stays where it
// is.
struct Resonance {
  double delta, h;
  std::int64_t layers_a_stretch;

  Tensor control(std::int64_t stretches) const {
    const double z = std::atanh(std::sqrt(1 - delta));  // tanh'(z) = delta
    Tensor u = at::empty({stretches * layers_a_stretch, 3}, at::kDouble);
    auto entry = u.accessor<double, 2>();
    double q = 0, p = 0;
    for (std::int64_t k = 0; k < u.size(0); ++k) {
      const bool flat_q = k / layers_a_stretch % 2 == 0;  // first stretch: the slope of q_dot is delta
      const double sign = k % 2 == 0 ? 1 : -1;
      const double z_q = flat_q ? sign * z : 0, z_p = flat_q ? 0 : sign * z;
      const double b_p = q + z_p;
      const double half_way = p + h / 2 * std::tanh(z_p);
      const double b_q = z_q - half_way;
      q += h * std::tanh(z_q);
      p = half_way + h / 2 * std::tanh(-q + b_p);
      entry[k][0] = 1;
      entry[k][1] = b_q;
      entry[k][2] = b_p;
    }
    return u;
  }
};

struct Growth {
  std::vector<double> time, size, q, p;  // |dx(t)/dx_0|; the image of (1, 0), divided by its growth law
  double abscissa = 0;                   // largest Re lambda of any layer
};

Growth grow(const Resonance& resonance, std::int64_t stretches) {
  const Tensor u = resonance.control(stretches);
  const FieldPtr field = paired_hamiltonian_field({.dimension = 2});
  const Flow flow = Flow::uniform(field, "verlet", resonance.h * static_cast<double>(u.size(0)), u.size(0));
  const DepthJacobians run = jacobians_through_depth(flow, u, at::zeros({1, 2}, at::kDouble));
  Growth growth{.time = run.times, .abscissa = -1e300};
  const Tensor J = run.jacobians.select(1, 0);  // [n, 2, 2]
  growth.size = numbers(at::linalg_matrix_norm(J, 2));
  growth.q = numbers(J.select(1, 0).select(1, 0));
  growth.p = numbers(J.select(1, 1).select(1, 0));
  for (std::int64_t k = 0; k < u.size(0); ++k) {
    const Tensor layer = field_jacobians(*field, run.states[k], u[k]);
    growth.abscissa = std::max(growth.abscissa, largest(at::real(at::linalg_eigvals(layer))));
  }
  return growth;
}

void check_resonance(StudyContext& study, StudyReport& report) {
  // A stretch of slopes (delta, 1) turns x by a quarter in pi / (2 sqrt delta) and stretches it by delta^-1/2; slopes
  // (1, delta) then do the same in the other direction. delta = e^-2 has the largest rate, 2 / (pi e).
  const double delta = std::exp(-2), quarter = std::numbers::pi / (2 * std::sqrt(delta));
  const std::int64_t n = study.full() ? 200 : 100, stretches = study.integer("quarters");
  study.at("resonance", 0, 2);
  const Resonance resonance{delta, quarter / static_cast<double>(n), n};
  const Growth resonant = grow(resonance, stretches);
  study.at("resonance", 1, 2);
  // Off resonance: the slopes change four times as often.
  const Growth detuned = grow({delta, resonance.h, n / 4}, 4 * stretches);

  std::vector<double> time, size;
  for (std::int64_t k = 1; k <= stretches; ++k) {
    time.push_back(resonant.time[k * n]);
    size.push_back(resonant.size[k * n]);
  }
  const double predicted = 2 / (std::numbers::pi * std::numbers::e);
  std::vector<double> log_size;
  for (double value : size) log_size.push_back(std::log(value));
  const LineFit fit = fit_line(time, log_size);
  report.checks.push_back(check_equal("D4",
                                      "Hamiltonian layers in resonance: growth of $|\\partial x(t)/\\partial x_0|$",
                                      "1/time", predicted, fit.slope, 0.02 * predicted)
                              .with(fit.slope_low, fit.slope_high));
  report.checks.push_back(check_at_most("D4", "the same layers one by one: largest $\\operatorname{Re}\\lambda$", "", 0,
                                        resonant.abscissa, 1e-13));
  report.checks.push_back(
      check_at_most("D4", "off resonance (slopes change four times as often): largest $|\\partial x(t)/\\partial x_0|$",
                    "", 1 / std::sqrt(delta), *std::max_element(detuned.size.begin(), detuned.size.end())));

  // What remains true: without bias, along x = 0, any antisymmetric layers keep lengths.
  double farthest = 0;
  for (int s = 0; s < study.seeds(); ++s) {
    Random random = study.random("any weights", s);
    const FieldPtr field = antisymmetric_field({.dimension = 4});
    const Flow flow = Flow::uniform(field, "dopri5", 20, 1000);
    Tensor u = normal_tensor({1000, field->n_parameters()}, random);
    u.slice(1, 16).zero_();
    const Tensor sigma = at::linalg_svdvals(jacobians(flow, u, at::zeros({1, 4}, at::kDouble)));
    farthest = std::max(farthest, largest((sigma - 1).abs()));
  }
  report.checks.push_back(check_at_most(
      "D4", "any depth-varying antisymmetric layers, $b = 0$, along $x = 0$: distance of the singular values from 1",
      "", 0, farthest, 1e-6));

  Figure figure({.title = "Layers that are stable one by one, and not together",
                 .caption =
                     "Left: growth of a perturbation through Hamiltonian layers with $K = 1$, whose biases switch "
                     "the slopes every quarter turn; dashed, the predicted rate $2/(\\pi e)$. Right: the "
                     "perturbation itself, divided by that growth: each stretch turns it by a quarter, along the "
                     "ellipse that lengthens it."});
  Panel& curve = figure.panel();
  curve.x({.label = "time $t$"}).y({.label = "$|\\partial x(t) / \\partial x_0|$", .scale = Scale::log});
  curve.line(resonant.time, resonant.size, {.label = "in resonance", .colour = 1});
  curve.line(detuned.time, detuned.size, {.label = "off resonance", .colour = 0});
  std::vector<double> law;
  for (double t : resonant.time) law.push_back(std::exp(predicted * t));
  curve.line(resonant.time, law, {.colour = ink::text, .dash = Dash::dashed, .width = 1.2});
  std::vector<double> q, p;
  for (std::size_t k = 0; k < resonant.time.size(); ++k) {
    q.push_back(resonant.q[k] / law[k]);
    p.push_back(resonant.p[k] / law[k]);
  }
  Panel& orbit = figure.panel();
  orbit.equal_aspect()
      .x({.label = "$\\delta q\\,e^{-t\\,2/(\\pi e)}$"})
      .y({.label = "$\\delta p\\,e^{-t\\,2/(\\pi e)}$"});
  orbit.line(q, p, {.colour = 1, .width = 1.2});
  report.figures.push_back({"resonance", figure});
  report.findings.push_back(fmt::format(
      "\"Stable for any weights\" is true of each layer alone. {} layers, each without a growing mode, magnify a "
      "perturbation {:.0f} times, since their biases change in step with the turning. Verlet is symplectic and does "
      "not "
      "help: a symplectic map may stretch. It needs biases (or states away from 0): at $b = 0$ along $x = 0$ the "
      "layers "
      "are products of rotations.",
      stretches * n, size.back()));
}

}  // namespace

StudyReport run_stable_layers(StudyContext& study) {
  StudyReport report;
  check_eigenvalues(study, report);
  at::NoGradGuard no_gradient;
  check_energy(study, report);
  {
    at::AutoGradMode gradient(true);
    check_resonance(study, report);
  }
  report.method.push_back(fmt::format(
      "Eigenvalues: antisymmetric layers (with damping 0 and 0.3) and Hamiltonian layers of width 2, 4, 8, normal "
      "weights "
      "of deviation 1.5, {} normal states each, {} seeds. Energy: Dormand-Prince with 8000 steps to $T = 20$; Verlet "
      "with $|K| = 1$ and 1, 2, 4 pairs, normal starts of deviation 2, {} layers; Euler with 2000 layers of "
      "0.01, 0.1 and 0.5. Resonance: Verlet layers of {:.4f}, Jacobians by the variational matrix.",
      study.integer("samples"), study.seeds(), study.integer("steps"),
      std::numbers::pi / (2 * std::exp(-1)) / (study.full() ? 200 : 100)));
  return report;
}

}  // namespace turnpike::studies
