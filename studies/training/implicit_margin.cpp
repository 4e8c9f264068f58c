// T14. Descent on the exponential loss of linear networks against the solved margin programs.
#include <algorithm>
#include <cmath>
#include <numbers>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <turnpike/base/error.h>

#include <turnpike/study/measure.h>
#include <turnpike/study/study.h>

#include "margin_data.h"

namespace turnpike::studies {
namespace {

// Away from degenerate programs; an unused frequency dies out like log(1/loss)^-slack.
constexpr double general_position = 0.12, least_clearance = 0.1, frequency_slack = 0.5;
constexpr double far_enough = 500;  // log(1/loss) from which the slower limits are asked for
constexpr std::int64_t most_steps = 400'000;
constexpr double start_size = 0.1;  // of a layer's rows; from small starts the limit is reached earlier

// f(x) = beta'x with beta a product of layers: matrices 1 x d' ... d' x d, or circular convolutions of vectors [d].
struct LinearNet {
  bool convolutional = false;
  std::vector<Tensor> layers;

  Tensor beta() const {
    if (convolutional) {
      Tensor product = at::fft_rfft(layers[0]);
      for (std::size_t l = 1; l < layers.size(); ++l) product = product * at::fft_rfft(layers[l]);
      return at::fft_irfft(product, layers[0].size(0));
    }
    Tensor product = layers[0];
    for (std::size_t l = 1; l < layers.size(); ++l) product = layers[l].matmul(product);
    return product.squeeze(0);
  }

  // What each layer multiplies: before[l] (inputs) and after[l] (outputs); for convolutions the spectrum of all others.
  // beta depends on layer l by after[l] layer before[l], so that the gradient of g'beta is after[l]' g' before[l]'.
  struct Parts {
    std::vector<Tensor> gradient;
    double sensitivity = 0;  // a bound on |d beta / d layers|^2: the squared sizes of after[l] before[l], summed
  };

  Parts parts(const Tensor& g) const {
    Parts out;
    const std::size_t L = layers.size();
    if (convolutional) {
      std::vector<Tensor> spectra;
      for (const Tensor& layer : layers) spectra.push_back(at::fft_rfft(layer));
      const Tensor g_hat = at::fft_rfft(g);
      for (std::size_t l = 0; l < L; ++l) {
        Tensor others = at::ones_like(g_hat);
        for (std::size_t k = 0; k < L; ++k)
          if (k != l) others = others * spectra[k];
        out.gradient.push_back(at::fft_irfft(at::conj(others) * g_hat, g.size(0)));
        out.sensitivity += others.abs().square().max().item<double>();
      }
      return out;
    }
    std::vector<Tensor> before(L), after(L);
    for (std::size_t l = 1; l < L; ++l) before[l] = l == 1 ? layers[0] : layers[l - 1].matmul(before[l - 1]);
    for (std::size_t l = L - 1; l-- > 0;) after[l] = l + 2 == L ? layers[l + 1] : after[l + 1].matmul(layers[l + 1]);
    for (std::size_t l = 0; l < L; ++l) {
      const Tensor row = l == 0 ? g.unsqueeze(0) : g.unsqueeze(0).matmul(before[l].t());
      out.gradient.push_back(l + 1 == L ? row : after[l].t().matmul(row));
      const double in = l == 0 ? 1 : before[l].square().sum().item<double>();
      const double past = l + 1 == L ? 1 : after[l].square().sum().item<double>();
      out.sensitivity += in * past;
    }
    return out;
  }
};

LinearNet fully_connected(std::int64_t d, std::int64_t depth, Random& random) {
  LinearNet net;
  for (std::int64_t l = 0; l < depth; ++l)
    net.layers.push_back(normal_tensor({l + 1 == depth ? 1 : d, d}, random) *
                         (start_size / std::sqrt(static_cast<double>(d))));
  return net;
}

LinearNet convolutional(std::int64_t d, std::int64_t depth, Random& random) {
  LinearNet net{.convolutional = true, .layers = {}};
  for (std::int64_t l = 0; l < depth; ++l)
    net.layers.push_back(normal_tensor({d}, random) * (start_size / std::sqrt(static_cast<double>(d))));
  return net;
}

struct Snapshot {
  double log_loss = 0;  // log(1/loss)
  Tensor beta;
  Tensor weights;  // of the losses, sum 1: where the gradient's weight is
};

// Gradient descent on log sum_i exp(-z_i'beta), whose gradient is that of the exponential loss over the loss. Its
// curvature in beta is the covariance of the z_i under the weights; a step of 1 over its trace is stable, and the 0.1
// |g|^2 keeps the margins from growing by more than about 10 where that is small. At first no layer changes by more
// than a tenth. The path ends at the target or with the steps.
std::vector<Snapshot> descend(LinearNet net, const Tensor& z, double target, StudyContext& study,
                              const std::string& what) {
  std::vector<Snapshot> path;
  const Tensor squares = z.square().sum(1), zt = z.t().contiguous();
  const double log_n = std::log(static_cast<double>(z.size(0)));
  double next = 5;
  for (std::int64_t k = 0; k < most_steps; ++k) {
    const Tensor beta = net.beta(), margins = z.mv(beta), weights = at::softmax(-margins, 0);
    const double log_loss = log_n - at::logsumexp(-margins, 0).item<double>();
    if (log_loss >= next) {
      path.push_back({log_loss, beta, weights});
      if (log_loss >= target) return path;
      next = std::min(target, 1.08 * log_loss);
    }
    if (k % 500 == 0)
      study.at(what, static_cast<std::int64_t>(std::max(0.0, log_loss)), static_cast<std::int64_t>(target));
    const Tensor g = zt.mv(weights);
    const LinearNet::Parts parts = net.parts(g);
    const double pull = g.square().sum().item<double>(), spread = weights.dot(squares).item<double>() - pull;
    double eta = 1 / ((spread + 0.1 * pull) * parts.sensitivity);
    for (std::size_t l = 0; l < net.layers.size() && log_loss < 5; ++l)
      eta = std::min(eta, 0.1 * (net.layers[l].norm() / parts.gradient[l].norm()).item<double>());
    for (std::size_t l = 0; l < net.layers.size(); ++l) net.layers[l] = net.layers[l] + eta * parts.gradient[l];
  }
  if (path.empty()) throw Error(what + ": the loss does not fall");
  return path;
}

double angle(const Tensor& a, const Tensor& b) {
  const double c = (a.dot(b) / (a.norm() * b.norm())).item<double>();
  // 2 asin(|a/|a| - b/|b|| / 2), which keeps its digits at small angles.
  return c > 0 ? 2 * std::asin((a / a.norm() - b / b.norm()).norm().item<double>() / 2) : std::acos(c);
}

// Real Fourier coordinates c of beta, beta = F c with columns such that sum of |c_g| over the groups is |beta^|_1: the
// mean's column, and for each frequency cosine and sine over sqrt 2, as its coefficient counts twice (with its
// conjugate).
struct FourierBasis {
  Tensor F;  // [d, d]
  Groups groups;

  explicit FourierBasis(std::int64_t d) {
    std::vector<Tensor> columns{at::full({d}, 1 / std::sqrt(static_cast<double>(d)), at::kDouble)};
    groups.push_back({0});
    const Tensor angle = at::arange(d, at::kDouble) * (2 * std::numbers::pi / static_cast<double>(d));
    for (std::int64_t k = 1; 2 * k < d; ++k) {
      groups.push_back({columns.size(), columns.size() + 1});
      const double size = std::sqrt(2.0 / static_cast<double>(d)) / std::numbers::sqrt2;
      columns.push_back(at::cos(angle * static_cast<double>(k)) * size);
      columns.push_back(at::sin(angle * static_cast<double>(k)) * size);
    }
    F = at::stack(columns, 1);
  }
};

// Points whose programs, the Euclidean one and that of the Fourier coefficients, are in general position.
Tensor fourier_points(const FourierBasis& basis, Random& random) {
  const auto d = static_cast<std::size_t>(basis.F.size(0));
  for (int attempt = 0; attempt < 3000; ++attempt) {
    const Tensor z = separable_points(6, basis.F.size(0), 0.7, {groups_of(d, d)}, least_clearance, random);
    const Tensor c = z.matmul(basis.F);
    const Margin solved = largest_margin(c, basis.groups);
    if (clearance(c, basis.groups, solved) < least_clearance) continue;
    const std::vector<double> w = numbers(solved.w), pull = numbers(c.t().mv(solved.alpha));
    bool apart = true;  // the dual's slack of every unused frequency
    for (const auto& group : basis.groups)
      apart = apart && (group_norm(w, {group}) > least_clearance ||
                        group_norm(pull, {group}) < (1 - frequency_slack) * solved.margin);
    if (apart) return z;
  }
  throw Error("no draw of points is in general position");
}

Tensor spectrum(const Tensor& v) {
  return at::fft_rfft(v, c10::nullopt, -1, "ortho");
}

// How far beta is from a stationary point of |beta^|_q under margins >= 1. There conj(beta^_k) g^_k = c |beta^_k|^q for
// every frequency, g = sum alpha_i z_i; the sum of the differences over that of |beta^_k|^q, with c from the sums.
double stationarity(const Snapshot& at, const Tensor& z, double q) {
  const Tensor b = spectrum(at.beta), g = spectrum(z.t().mv(at.weights));
  const Tensor pull = at::conj(b) * g, power = b.abs().pow(q);
  const double c = (at::real(pull).sum() / power.sum()).item<double>();
  return ((pull - c * power).abs().sum() / (c * power.sum()).abs()).item<double>();
}

// The value at x = 0 of the line through the last third of the points.
double extrapolated(const std::vector<double>& x, const std::vector<double>& y) {
  const std::size_t from = 2 * x.size() / 3;
  return fit_line(std::span(x).subspan(from), std::span(y).subspan(from)).intercept;
}

}  // namespace

StudyReport run_implicit_margin(StudyContext& study) {
  const double target = study.real("log_loss");
  StudyReport report;
  Figure figure({.title = "Which margin a linear network widens",
                 .caption = "First draw. Left: the angle between a fully connected net's $\\beta$ and the solved "
                            "Euclidean program falls like "
                            "$\\log(1/\\text{loss})$ to the power $-1$, or $-1/L$ in depth $L$ where the supporting "
                            "points do not see every direction. "
                            "Right: convolutional nets; depth 2 against the solved Fourier program, deeper ones by the "
                            "residual of stationarity."});
  Panel& dense_panel = figure.panel("fully connected");
  dense_panel.x({.label = "1 / log(1/loss)", .scale = Scale::log}).y({.label = "angle [rad]", .scale = Scale::log});
  Panel& conv_panel = figure.panel("convolutional");
  conv_panel.x({.label = "1 / log(1/loss)", .scale = Scale::log})
      .y({.label = "angle [rad], residual", .scale = Scale::log});
  Table table{.head = {"draw", "net", "angle at the end", "missing margin / limit", "residual"},
              .caption =
                  "At the end of descent; the residual is that of stationarity in $|\\hat\\beta|_{2/L}$, for "
                  "convolutional nets."};

  std::vector<double> gaps, dense_angles, dense_missing, conv_one, conv_two, powers, unseen_powers, stationary, closer;
  double other_norm = 0;
  for (int s = 0; s < study.seeds(); ++s) {
    Random random = study.random("dense", s);
    const Tensor z = separable_points(12, 5, 0.7, {groups_of(5, 5)}, general_position, random);
    const Margin l2 = largest_margin(z, groups_of(5, 5));
    gaps.push_back(l2.gap / l2.margin);
    const Tensor supports = z.index_select(0, at::nonzero(l2.alpha > general_position / 2).squeeze(1));
    const Tensor inside = at::linalg_pinv(supports).matmul(supports);  // onto the span of the supporting points
    const bool unseen = supports.size(0) < z.size(1);
    for (const std::int64_t depth : {1, 2, 3}) {
      const std::vector<Snapshot> path = descend(fully_connected(5, depth, random), z, target, study,
                                                 fmt::format("draw {}, fully connected, depth {}", s, depth));
      std::vector<double> x, slow, angles, missing, log_a, log_v, seen_angle, unseen_angle;
      for (const Snapshot& at : path) {
        // beta = a w* + what the supporting points see + v, which they do not.
        const double a = at.beta.dot(l2.w).item<double>();
        const Tensor span = inside.mv(at.beta);
        const double v = (at.beta - span).norm().item<double>();
        x.push_back(1 / at.log_loss);
        slow.push_back(std::pow(at.log_loss, -1.0 / static_cast<double>(depth)));
        angles.push_back(angle(at.beta, l2.w));
        seen_angle.push_back((span - a * l2.w).norm().item<double>() / a);
        unseen_angle.push_back(v / a);
        missing.push_back((l2.margin * a - z.mv(at.beta).min().item<double>()) / missing_margin(l2.alpha));
        log_a.push_back(std::log(a));
        log_v.push_back(std::log(v));
      }
      // Seen parts stay, so that their angle falls like 1/log(1/loss). Unseen ones grow with beta itself, dv / v = (1 -
      // 1/L) da / a: their angle falls like log(1/loss)^(-1/L).
      dense_angles.push_back(extrapolated(x, seen_angle));
      dense_angles.push_back(extrapolated(slow, unseen_angle));
      dense_missing.push_back(extrapolated(x, missing));
      if (unseen) {
        const std::size_t from = 2 * x.size() / 3;
        unseen_powers.push_back(fit_line(std::span(log_a).subspan(from), std::span(log_v).subspan(from)).slope -
                                (1 - 1.0 / static_cast<double>(depth)));
      }
      table.rows.push_back(
          {Cell(s), fmt::format("fully connected, {}", depth), Cell(angles.back(), 3), Cell(missing.back(), 3), "-"});
      if (s == 0)
        dense_panel.line(x, angles,
                         {.label = fmt::format("depth {}", depth),
                          .colour = static_cast<int>(depth - 1),
                          .marker = Marker::circle,
                          .size = 3});
    }

    Random more = study.random("convolutional", s);
    constexpr std::int64_t d = 9;
    const FourierBasis basis(d);
    const Tensor t = fourier_points(basis, more);
    const Margin fourier = largest_margin(t.matmul(basis.F), basis.groups), euclid = largest_margin(t, groups_of(d, d));
    gaps.push_back(fourier.gap / fourier.margin);
    gaps.push_back(euclid.gap / euclid.margin);
    const Tensor solved = basis.F.mv(fourier.w);
    for (const std::int64_t depth : {1, 2, 3, 4}) {
      const std::vector<Snapshot> path = descend(convolutional(d, depth, more), t, target, study,
                                                 fmt::format("draw {}, convolutional, depth {}", s, depth));
      std::vector<double> x, angles, residuals;
      for (const Snapshot& at : path) {
        x.push_back(1 / at.log_loss);
        angles.push_back(angle(at.beta, depth == 1 ? euclid.w : solved));
        residuals.push_back(stationarity(at, t, 2.0 / static_cast<double>(depth)));
      }
      const Snapshot& end = path.back();
      if (depth == 1) conv_one.push_back(extrapolated(x, angles));
      if (depth == 2) {
        // A frequency that the solution leaves out: |beta^_k| ~ log(1/loss)^r, r = |g^_k| / max |g^|, g = sum alpha_i
        // z_i.
        const Tensor used = spectrum(solved).abs(), g = spectrum(t.t().mv(fourier.alpha)).abs();
        double slowest = 0;
        for (std::int64_t k = 0; k < used.size(0); ++k) {
          if (used[k].item<double>() > 1e-3 * used.max().item<double>()) continue;
          const double r = (g[k] / g.max()).item<double>();
          slowest = std::max(slowest, r);
          std::vector<double> log_a, log_u;
          for (std::size_t i = 2 * path.size() / 3; i < path.size(); ++i) {
            log_a.push_back(std::log(path[i].beta.norm().item<double>()));
            log_u.push_back(std::log(spectrum(path[i].beta).abs()[k].item<double>()));
          }
          powers.push_back(fit_line(log_a, log_u).slope - r);
        }
        // The angle's slowest part is the larger of 1/log and log^(r - 1).
        std::vector<double> slow;
        for (const double value : x) slow.push_back(std::pow(value, 1 - slowest));
        conv_two.push_back(extrapolated(slow, angles));
        closer.push_back(angle(end.beta, euclid.w) / angles.back());
      }
      if (depth >= 3 && target >= far_enough && end.log_loss < far_enough) {
        const double margin = t.mv(end.beta).min().item<double>() / end.beta.norm().item<double>();
        report.not_run.push_back(fmt::format(
            "draw {}, convolutional, depth {}: this start tends to a solution of margin {:.2g} (the widest: "
            "{:.2g}), and {} steps reach a loss of $e^{{-{:.0f}}}$ only",
            s, depth, margin, euclid.margin, most_steps, end.log_loss));
      } else if (depth >= 3) {
        // An unused frequency keeps its layers' size while the others grow like log(1/loss)^(1/L).
        std::vector<double> slow;
        for (const double value : x) slow.push_back(std::pow(value, 2.0 / static_cast<double>(depth)));
        stationary.push_back(extrapolated(slow, residuals));
        other_norm = std::max(other_norm, stationarity(end, t, 2));
      }
      table.rows.push_back({Cell(s), fmt::format("convolutional, {}", depth),
                            depth <= 2 ? Cell(angles.back(), 3) : Cell("-"), "-", Cell(residuals.back(), 3)});
      if (s == 0)
        conv_panel.line(x, depth <= 2 ? angles : residuals,
                        {.label = fmt::format("depth {}{}", depth, depth <= 2 ? "" : ", residual"),
                         .colour = static_cast<int>(depth - 1),
                         .dash = depth <= 2 ? Dash::solid : Dash::dashed});
    }
  }
  report.checks.push_back(
      check_each_equal("T14", "solved programs: duality gap over the margin, largest", "relative", 0, gaps, 1e-6));
  report.checks.push_back(check_each_equal("T14", "fully connected, depth 1, 2, 3: angle, extrapolated to loss 0",
                                           "rad", 0, dense_angles, 0.02));
  report.checks.push_back(
      check_each_equal("T14", "fully connected: $\\beta'w^*\\gamma$ minus the margin, over its limit, extrapolated", "",
                       1, dense_missing, 0.1));
  if (!unseen_powers.empty())
    report.checks.push_back(
        check_each_equal("T14", "fully connected, what no supporting point sees: power of $|\\beta|$ minus $1 - 1/L$",
                         "", 0, unseen_powers, 0.1));
  report.checks.push_back(check_each_equal(
      "T14", "convolutional, depth 1: angle to the Euclidean program, extrapolated", "rad", 0, conv_one, 0.02));
  report.checks.push_back(check_at_least("T14", "depth 3, 4: largest residual of stationarity in the Euclidean norm",
                                         "relative", 0.1, other_norm));
  if (target >= far_enough) {
    report.checks.push_back(check_each_at_least(
        "T14", "depth 2: angle to the Euclidean program over that to Fourier's, at the end", "", 1, closer));
    report.checks.push_back(check_each_equal(
        "T14", "convolutional, depth 2: angle to the Fourier program, extrapolated", "rad", 0, conv_two, 0.05));
    if (!powers.empty())
      report.checks.push_back(check_each_equal(
          "T14", "depth 2, unused frequencies: power of $|\\beta|$ minus $|g_k|/max|g|$", "", 0, powers, 0.1));
    report.checks.push_back(check_each_equal("T14", "convolutional, depth 3, 4: residual of stationarity, extrapolated",
                                             "relative", 0, stationary, 0.05));
  } else {
    report.not_run.push_back(
        fmt::format("convolutional nets of depth 2 and more, extrapolated to loss 0: corrections fall like one over "
                    "the logarithm of the loss (depth 2) "
                    "or slower; asked of runs to a loss of $e^{{-{:g}}}$",
                    far_enough));
  }
  report.figures.push_back({"implicit_margin", figure});
  report.tables.push_back(table);
  report.method.push_back(fmt::format(
      "Fully connected: 12 points in dimension 5, layers of width 5. Convolutional: 6 points in dimension "
      "9, layers of full width. Descent on the logarithm of the exponential loss, "
      "which is descent with steps over the loss and never underflows, to a loss of $e^{{-{:g}}}$; a step "
      "is 1 over a bound on the curvature: that in $\\beta$ times the sensitivity of $\\beta$. The programs "
      "by a barrier method, with their duality gaps. Extrapolations: lines through the last third of the "
      "snapshots, against $1/\\log(1/\\text{{loss}})$; in convolutional depth 2 against its power $1 - r$, $r$ the "
      "largest of the unused frequencies' powers from the dual, in depth $L \\ge 3$ against the power $2/L$.",
      target));
  return report;
}

}  // namespace turnpike::studies
