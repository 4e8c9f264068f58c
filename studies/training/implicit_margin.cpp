// T14. Descent on the exponential loss of linear networks against the solved margin programs.
#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <turnpike/base/error.h>
#include <turnpike/math/dense.h>
#include <turnpike/study/measure.h>
#include <turnpike/study/study.h>

#include "margin_data.h"

namespace turnpike::studies {
namespace {

using Numbers = std::vector<double>;

// Away from degenerate programs; an unused frequency dies out like log(1/loss)^-slack.
constexpr double general_position = 0.12, least_clearance = 0.1, frequency_slack = 0.5;
constexpr std::int64_t most_steps = 800'000'000;
constexpr double held_within = 1e-6;       // of its size, a net whose direction is followed: margins within 1e-3
constexpr double settled_log_loss = 1000;  // of the size at which descent goes on: weights are within 1/1000 of theirs
constexpr double start_size = 0.1;         // of a layer's rows; from small starts the limit is reached earlier

// Points z_i and f(x) = beta'x with beta a product of layers: what descent on log sum_i exp(-z_i'beta) asks of either
// net. Plain numbers, since a step costs less than a call of libtorch.
struct Pull {
  double square = 0;       // |g|^2, g = sum_i weight_i z_i, minus the gradient in beta
  double sensitivity = 0;  // a bound on |d beta / d layers|^2
  double change = 0;       // the largest |gradient| over |layer|
};

// Matrices d x d, the last 1 x d, row by row. beta depends on layer l by above[l] layer below[l], so that the gradient
// of g'beta is above[l]' (below[l] g)'.
class FullyConnected {
 public:
  FullyConnected(const Tensor& z, std::int64_t depth, Random& random)
      : d_(static_cast<std::size_t>(z.size(1))), z_(numbers(z.flatten())), below_(depth), above_(depth), slope_(depth) {
    for (std::int64_t l = 0; l < depth; ++l)
      layers_.push_back(numbers(start_size / std::sqrt(static_cast<double>(d_)) *
                                normal_tensor({(l + 1 == depth ? 1 : z.size(1)) * z.size(1)}, random)));
    multiply_out();
  }

  Tensor beta() const { return at::tensor(beta_, at::kDouble); }
  void margins(Numbers& out) const { out = times(z_, beta_, d_); }
  Pull pull(const Numbers& weights) {
    const Numbers g = times(weights, z_, weights.size());
    Pull pull{.square = dot(g, g)};
    for (std::size_t l = 0; l < layers_.size(); ++l) {
      slope_[l] = times(above_[l], l == 0 ? g : times(below_[l], g, d_), 1);
      pull.sensitivity += dot(above_[l], above_[l]) * (l == 0 ? 1 : dot(below_[l], below_[l]));
      pull.change = std::max(pull.change, norm(slope_[l]) / norm(layers_[l]));
    }
    return pull;
  }
  void step(double eta) {
    for (std::size_t l = 0; l < layers_.size(); ++l)
      for (std::size_t i = 0; i < layers_[l].size(); ++i) layers_[l][i] += eta * slope_[l][i];
    multiply_out();
  }

 private:
  // a b of any rows and columns; `inner` is a's columns and b's rows.
  static Numbers times(const Numbers& a, const Numbers& b, std::size_t inner) {
    const std::size_t rows = a.size() / inner, columns = b.size() / inner;
    Numbers product(rows * columns, 0.0);
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t k = 0; k < inner; ++k)
        for (std::size_t j = 0; j < columns; ++j) product[i * columns + j] += a[i * inner + k] * b[k * columns + j];
    return product;
  }
  void multiply_out() {
    const std::size_t L = layers_.size();
    for (std::size_t l = 1; l < L; ++l) below_[l] = l == 1 ? layers_[0] : times(layers_[l - 1], below_[l - 1], d_);
    above_[L - 1] = {1};
    for (std::size_t l = L - 1; l-- > 0;)
      above_[l] = l + 2 == L ? layers_[l + 1] : times(above_[l + 1], layers_[l + 1], d_);
    beta_ = L == 1 ? layers_[0] : times(above_[0], layers_[0], d_);
  }

  std::size_t d_;
  Numbers z_, beta_;
  std::vector<Numbers> layers_, below_, above_, slope_;
};

// Circular convolutions of vectors [d], by their Fourier coefficients: those of beta are the products of the layers',
// and the gradient of g'beta has conj(the product of the others) g^.
class Convolutional {
 public:
  Convolutional(const Tensor& z, std::int64_t depth, Random& random) : d_(z.size(1)) {
    for (std::int64_t k = 0; 2 * k <= d_; ++k)  // a coefficient and its conjugate count once each
      share_.push_back((k == 0 || 2 * k == d_ ? 1.0 : 2.0) / static_cast<double>(d_));
    for (std::int64_t i = 0; i < z.size(0); ++i) z_.push_back(coefficients(z[i]));
    for (std::int64_t l = 0; l < depth; ++l)
      layers_.push_back(coefficients(start_size / std::sqrt(static_cast<double>(d_)) * normal_tensor({d_}, random)));
    others_ = slope_ = layers_;
    g_ = beta_ = slope_[0];
    multiply_out();
  }

  Tensor beta() const { return at::fft_irfft(spectrum(), d_, -1, "ortho"); }
  Tensor spectrum() const {  // of a unitary transform
    return at::tensor(std::vector<c10::complex<double>>(beta_.begin(), beta_.end()), at::kComplexDouble) /
           std::sqrt(static_cast<double>(d_));
  }
  void margins(Numbers& out) const {
    for (std::size_t i = 0; i < z_.size(); ++i) {
      out[i] = 0;
      for (std::size_t k = 0; k < beta_.size(); ++k)
        out[i] += share_[k] * (z_[i][k].real() * beta_[k].real() + z_[i][k].imag() * beta_[k].imag());
    }
  }
  Pull pull(const Numbers& weights) {
    std::fill(g_.begin(), g_.end(), 0.0);
    for (std::size_t i = 0; i < z_.size(); ++i)
      for (std::size_t k = 0; k < g_.size(); ++k) g_[k] += weights[i] * z_[i][k];
    Pull pull{.square = square(g_)};
    for (std::size_t l = 0; l < layers_.size(); ++l) {
      double largest = 0;
      for (std::size_t k = 0; k < g_.size(); ++k) {
        largest = std::max(largest, std::norm(others_[l][k]));
        slope_[l][k] = std::conj(others_[l][k]) * g_[k];
      }
      pull.sensitivity += largest;
      pull.change = std::max(pull.change, std::sqrt(square(slope_[l]) / square(layers_[l])));
    }
    return pull;
  }
  void step(double eta) {
    for (std::size_t l = 0; l < layers_.size(); ++l)
      for (std::size_t k = 0; k < share_.size(); ++k) layers_[l][k] += eta * slope_[l][k];
    multiply_out();
  }
  double size() const { return std::sqrt(square(beta_)); }  // |beta|
  void multiply(double factor) {                            // beta, by all layers alike
    const double root = std::pow(factor, 1 / static_cast<double>(layers_.size()));
    for (Coefficients& layer : layers_)
      for (std::complex<double>& value : layer) value *= root;
    multiply_out();
  }

 private:
  using Coefficients = std::vector<std::complex<double>>;  // [d / 2 + 1]
  static Coefficients coefficients(const Tensor& v) {
    const Tensor hat = at::view_as_real(at::fft_rfft(v)).contiguous();
    Coefficients out;
    for (std::int64_t k = 0; k < hat.size(0); ++k) out.emplace_back(hat[k][0].item<double>(), hat[k][1].item<double>());
    return out;
  }
  void multiply_out() {
    const std::size_t L = layers_.size();
    for (std::size_t k = 0; k < share_.size(); ++k) {
      std::complex<double> below = 1, above = 1;  // products of the layers
      for (std::size_t l = 0; l < L; below *= layers_[l++][k]) others_[l][k] = below;
      for (std::size_t l = L; l-- > 0; above *= layers_[l][k]) others_[l][k] *= above;
      beta_[k] = below;
    }
  }
  double square(const Coefficients& v) const {  // of the vector
    double sum = 0;
    for (std::size_t k = 0; k < v.size(); ++k) sum += share_[k] * std::norm(v[k]);
    return sum;
  }

  Numbers share_;
  std::vector<Coefficients> z_, layers_, others_, slope_;  // others: the product of the other layers
  Coefficients beta_, g_;
  std::int64_t d_;
};

struct Snapshot {
  double log_loss = 0;  // log(1/loss)
  Tensor beta;
  Tensor weights;     // of the losses, sum 1: where the gradient's weight is
  Tensor spectrum{};  // beta^, where a net knows it: to all digits of small ones
};

// Gradient descent on log sum_i exp(-z_i'beta), whose gradient is that of the exponential loss over the loss. Its
// curvature in beta is the covariance of the z_i under the weights; a step of 1 over its trace is stable, and the 0.1
// |g|^2 keeps the margins from growing by more than about 10 where that is small. At first no layer changes by more
// than a tenth.
template <class Net>
class Descent {
 public:
  Net net;

  Descent(Net start, const Tensor& z)
      : net(std::move(start)), squares_(numbers(z.square().sum(1))), margins_(squares_.size()), weights_(margins_) {
    look();
  }
  double log_loss() const { return log_loss_; }
  Snapshot here() const { return {log_loss_, net.beta(), at::tensor(weights_, at::kDouble)}; }
  void step() {
    const Pull pull = net.pull(weights_);
    const double spread = dot(weights_, squares_) - pull.square;
    const double eta = 1 / ((spread + 0.1 * pull.square) * pull.sensitivity);
    net.step(log_loss_ < 5 ? std::min(eta, 0.1 / pull.change) : eta);
    look();
  }
  void look() {
    net.margins(margins_);
    const double least = *std::min_element(margins_.begin(), margins_.end());
    double sum = 0;
    for (std::size_t i = 0; i < margins_.size(); ++i) sum += weights_[i] = std::exp(least - margins_[i]);
    for (double& weight : weights_) weight /= sum;
    log_loss_ = least - std::log(sum / static_cast<double>(margins_.size()));
  }

 private:
  Numbers squares_, margins_, weights_;
  double log_loss_ = 0;
};

// To the target or until the steps are through, with snapshots on the way.
template <class Net>
std::vector<Snapshot> run(Descent<Net>& descent, double target, const StudyContext& study, const std::string& what) {
  std::vector<Snapshot> path;
  double next = 5;
  for (std::int64_t k = 0; k < most_steps; ++k) {
    if (descent.log_loss() >= next) {
      path.push_back(descent.here());
      if (descent.log_loss() >= target) return path;
      next = std::min(target, 1.08 * descent.log_loss());
    }
    if (k % 65536 == 0)
      study.at(what, static_cast<std::int64_t>(std::max(0.0, descent.log_loss())), static_cast<std::int64_t>(target));
    descent.step();
  }
  return path;
}

// Where descent tends to. The net is homogeneous, so that the size of beta matters for the weights alone, and those
// know the direction already: as beta is scaled back its direction goes on as if it grew, but a growth by e takes the
// same steps each time. log_loss of the snapshots is that of the grown beta, whose logarithm ends at
// `growth`.
std::vector<Snapshot> settle(Descent<Convolutional>& descent, double growth, const StudyContext& study,
                             const std::string& what) {
  std::vector<Snapshot> path;
  const double from = descent.log_loss();
  descent.net.multiply(std::min(1.0, settled_log_loss / from));
  descent.look();
  const double held = descent.net.size();
  double grown = 0;
  for (std::int64_t k = 0; k < most_steps && grown < growth; ++k) {
    if (k % 65536 == 0) study.at(what, static_cast<std::int64_t>(grown), static_cast<std::int64_t>(growth));
    descent.step();
    const double ratio = descent.net.size() / held;
    if (std::abs(ratio - 1) < held_within) continue;
    descent.net.multiply(1 / ratio);
    descent.look();
    grown += std::log(ratio);
    if (grown >= static_cast<double>(path.size() + 1)) {
      path.push_back(descent.here());
      path.back().log_loss = from * std::exp(grown);
      path.back().spectrum = descent.net.spectrum();
    }
  }
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
  const double target = study.real("log_loss"), growth = study.real("growth"), settled = 10 / settled_log_loss;
  StudyReport report;
  Figure figure({.title = "Which margin a linear network widens",
                 .caption = "First draw. Left: the angle between a fully connected net's $\\beta$ and the solved "
                            "Euclidean program falls like "
                            "$\\log(1/\\text{loss})$ to the power $-1$, or $-1/L$ in depth $L$ where the supporting "
                            "points do not see every direction. "
                            "Right: convolutional nets; depth 2 against the solved Fourier program, deeper ones by the "
                            "residual of stationarity; far to the left the size of $\\beta$ is held and the axis is "
                            "where it would be."});
  Panel& dense_panel = figure.panel("fully connected");
  dense_panel.x({.label = "1 / log(1/loss)", .scale = Scale::log}).y({.label = "angle [rad]", .scale = Scale::log});
  Panel& conv_panel = figure.panel("convolutional");
  conv_panel.x({.label = "1 / log(1/loss)", .scale = Scale::log})
      .y({.label = "angle [rad], residual", .scale = Scale::log});
  Table table{.head = {"draw", "net", "angle at the end", "missing margin / limit", "residual"},
              .caption =
                  "At the end of descent and, for convolutional nets, where it tends to; the residual is that of "
                  "stationarity in $|\\hat\\beta|_{2/L}$."};

  std::vector<double> gaps, dense_angles, dense_missing, conv_one, conv_two, powers, unseen_powers, stationary, closer,
      other_norm;
  for (int s = 0; s < study.seeds(); ++s) {
    Random random = study.random("dense", s);
    const Tensor z = separable_points(12, 5, 0.7, {groups_of(5, 5)}, general_position, random);
    const Margin l2 = largest_margin(z, groups_of(5, 5));
    gaps.push_back(l2.gap / l2.margin);
    const Tensor supports = z.index_select(0, at::nonzero(l2.alpha > general_position / 2).squeeze(1));
    const Tensor inside = at::linalg_pinv(supports).matmul(supports);  // onto the span of the supporting points
    const bool unseen = supports.size(0) < z.size(1);
    for (const std::int64_t depth : {1, 2, 3}) {
      Descent<FullyConnected> descent({z, depth, random}, z);
      const std::vector<Snapshot> path =
          run(descent, target, study, fmt::format("draw {}, fully connected, depth {}", s, depth));
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
      const std::string what = fmt::format("draw {}, convolutional, depth {}", s, depth);
      Descent<Convolutional> descent({t, depth, more}, t);
      std::vector<Snapshot> path = run(descent, target, study, what);
      const std::size_t n_descent = path.size();
      if (depth > 1 && n_descent > 0 && path.back().log_loss >= target)
        for (Snapshot& at : settle(descent, growth, study, what + ", at one size")) path.push_back(std::move(at));
      if (n_descent == 0 || path[n_descent - 1].log_loss < target ||
          (depth > 1 && path.size() < n_descent + static_cast<std::size_t>(growth))) {
        report.not_run.push_back(fmt::format("{}: {} steps are too few where the margin is {:.2g}", what, most_steps,
                                             t.mv(descent.net.beta()).min().item<double>() / descent.net.size()));
        continue;
      }
      std::vector<double> x, angles, residuals;
      for (const Snapshot& at : path) {
        x.push_back(1 / at.log_loss);
        angles.push_back(angle(at.beta, depth == 1 ? euclid.w : solved));
        residuals.push_back(stationarity(at, t, 2.0 / static_cast<double>(depth)));
      }
      if (depth == 1) conv_one.push_back(extrapolated(x, angles));
      if (depth == 2) {
        conv_two.push_back(angles.back());
        closer.push_back(angle(path.back().beta, euclid.w) / angles.back());
        // A frequency that the solution leaves out: |beta^_k| ~ |beta|^r, r = g^_k / max |g^| along beta^_k, g = sum
        // alpha_i z_i. (That of the mean can point away for long.)
        const Tensor used = spectrum(solved).abs(), b = path.back().spectrum, g = spectrum(t.t().mv(fourier.alpha)),
                     along = at::real(at::conj(b) * g) / b.abs() / g.abs().max();
        for (std::int64_t k = 0; k < used.size(0); ++k) {
          if (used[k].item<double>() > 1e-3 * used.max().item<double>()) continue;
          std::vector<double> log_a, log_u;
          for (std::size_t i = n_descent + (path.size() - n_descent) / 2; i < path.size(); ++i) {
            log_a.push_back(std::log(path[i].log_loss));
            log_u.push_back(
                std::log(path[i].log_loss * (path[i].spectrum[k].abs() / path[i].beta.norm()).item<double>()));
          }
          powers.push_back(fit_line(log_a, log_u).slope - along[k].item<double>());
        }
      }
      if (depth >= 3) {
        stationary.push_back(residuals.back());
        other_norm.push_back(stationarity(path.back(), t, 2));
      }
      const auto both = [&](const std::vector<double>& values) {
        return depth == 1 ? fmt::format("{:.2g}", values.back())
                          : fmt::format("{:.2g}, then {:.2g}", values[n_descent - 1], values.back());
      };
      table.rows.push_back(
          {Cell(s), fmt::format("convolutional, {}", depth), depth <= 2 ? both(angles) : "-", "-", both(residuals)});
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
  report.checks.push_back(
      check_each_equal("T14", "convolutional, depth 2: angle to the Fourier program, where descent tends to", "rad", 0,
                       conv_two, settled));
  report.checks.push_back(
      check_each_at_least("T14", "depth 2: angle to the Euclidean program over that to Fourier's", "", 1, closer));
  if (!powers.empty())
    report.checks.push_back(
        check_each_equal("T14", "depth 2, unused frequencies: power of $|\\beta|$ minus $\\hat g_k/\\max|\\hat g|$", "",
                         0, powers, 0.02));
  report.checks.push_back(
      check_each_equal("T14", "convolutional, depth 3, 4: residual of stationarity, where descent tends to", "relative",
                       0, stationary, settled));
  report.checks.push_back(check_at_least("T14", "depth 3, 4: largest residual of stationarity in the Euclidean norm",
                                         "relative", 0.1, *std::max_element(other_norm.begin(), other_norm.end())));
  report.figures.push_back({"implicit_margin", figure});
  report.tables.push_back(table);
  report.method.push_back(fmt::format(
      "Fully connected: 12 points in dimension 5, layers of width 5. Convolutional: 6 points in dimension 9, layers of "
      "full width. Descent on the logarithm of the exponential loss, which is descent with steps over the loss and "
      "never underflows, to a loss of $e^{{-{:g}}}$; a step is 1 over a bound on the curvature: that in $\\beta$ times "
      "the sensitivity of $\\beta$. The programs by a barrier method, with their duality gaps. Angles of fully "
      "connected "
      "nets are extrapolated by lines through the last third of the snapshots.",
      target));
  report.method.push_back(fmt::format(
      "Convolutional nets of depth 2 and more can pass by a stationary point of a smaller set of frequencies, which "
      "the missing ones leave by a small power of the logarithm of the loss only. From the stated loss on their "
      "descent therefore goes on at one size, that of a loss of $e^{{-{:g}}}$: $\\beta$ is scaled back as it "
      "grows, which changes nothing of its direction but through the losses' weights, and those are settled; until "
      "$\\beta$ "
      "would have grown by $e^{{{:g}}}$. What is left then is of the order of 1/{:g}: the tolerance is ten times that.",
      settled_log_loss, growth, settled_log_loss));
  return report;
}

}  // namespace turnpike::studies
