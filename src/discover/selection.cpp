#include <turnpike/discover/selection.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include <turnpike/base/error.h>
#include <turnpike/math/fit.h>

namespace turnpike {
namespace {

constexpr std::int64_t most_boxes = 200;
constexpr double significance = 0.001;
constexpr double clearly_preferred = 3;  // deviations
constexpr int rivals_a_size = 8;
constexpr double twice = 2;  // the error of the derivatives that finer ones see

double log_binomial(double n, double k) {
  return std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1);
}

std::vector<std::int64_t> lattice_index(std::int64_t point, const std::vector<std::int64_t>& lattice) {
  std::vector<std::int64_t> index(lattice.size());
  for (std::size_t axis = lattice.size(); axis-- > 0;) {
    index[axis] = point % lattice[axis];
    point /= lattice[axis];
  }
  return index;
}

// The side of a box along each axis, in lattice points.
std::vector<std::int64_t> box_sides(const RowBlock& block, std::int64_t most) {
  std::vector<std::int64_t> sides;
  for (const double length : block.correlation) sides.push_back(std::max<std::int64_t>(1, std::llround(length)));
  for (;;) {
    std::int64_t count = 1;
    std::size_t finest = 0;
    double most_along = 0;
    for (std::size_t axis = 0; axis < sides.size(); ++axis) {
      const std::int64_t along = (block.lattice[axis] + sides[axis] - 1) / sides[axis];
      count *= along;
      if (static_cast<double>(along) > most_along) {
        most_along = static_cast<double>(along);
        finest = axis;
      }
    }
    if (count <= most) return sides;
    sides[finest] += std::max<std::int64_t>(1, sides[finest] / 4);
  }
}

// Rows of the block, box by box.
std::vector<std::vector<std::size_t>> boxes_of(const RowBlock& block, std::int64_t most) {
  const std::vector<std::int64_t> sides = box_sides(block, most);
  std::map<std::vector<std::int64_t>, std::vector<std::size_t>> boxes;
  const std::size_t n = block.points.size();
  for (std::size_t r = 0; r < n; ++r) {
    std::vector<std::int64_t> index = lattice_index(block.points[r], block.lattice);
    for (std::size_t axis = 0; axis < sides.size(); ++axis) index[axis] /= sides[axis];
    std::vector<std::size_t>& rows = boxes[index];
    for (int c = 0; c < block.components; ++c) rows.push_back(block.first_row + static_cast<std::size_t>(c) * n + r);
  }
  std::vector<std::vector<std::size_t>> all;
  for (auto& [index, rows] : boxes) all.push_back(std::move(rows));
  return all;
}

NormalEquations normal_equations(const Matrix& augmented, const std::vector<bool>& left_out) {
  const std::size_t p = augmented.columns() - 1;
  NormalEquations system = {Matrix(p, p), std::vector<double>(p, 0)};
  const auto length = [&](std::size_t j) { return std::sqrt(augmented(j, j)); };
  const auto usable = [&](std::size_t j) { return augmented(j, j) > 0 && !left_out[j]; };
  for (std::size_t j = 0; j < p; ++j) {
    if (!usable(j)) continue;
    for (std::size_t i = 0; i < p; ++i)
      if (usable(i)) system.gram(i, j) = i == j ? 1 : augmented(i, j) / (length(i) * length(j));
    if (augmented(p, p) > 0) system.right[j] = augmented(j, p) / (length(j) * length(p));
  }
  return system;
}

std::vector<double> transposed_product(const Matrix& g, std::span<const double> b) {
  std::vector<double> product;
  for (std::size_t j = 0; j < g.columns(); ++j) product.push_back(dot(g.column(j), b));
  return product;
}

// w * s along one axis of the lattice, w given from the lag -reach to reach.
void convolve_along(std::vector<double>& values, const std::vector<std::int64_t>& lattice, std::size_t axis,
                    const std::vector<double>& w) {
  std::int64_t after = 1;
  for (std::size_t a = axis + 1; a < lattice.size(); ++a) after *= lattice[a];
  const std::int64_t n = lattice[axis], reach = static_cast<std::int64_t>(w.size() / 2);
  std::vector<double> line(static_cast<std::size_t>(n));
  for (std::int64_t start = 0; start < static_cast<std::int64_t>(values.size()); ++start) {
    if (start / after % n != 0) continue;
    for (std::int64_t i = 0; i < n; ++i)
      line[static_cast<std::size_t>(i)] = values[static_cast<std::size_t>(start + i * after)];
    for (std::int64_t i = 0; i < n; ++i) {
      double sum = 0;
      for (std::int64_t j = std::max<std::int64_t>(0, i - reach); j <= std::min(n - 1, i + reach); ++j)
        sum += w[static_cast<std::size_t>(j - i + reach)] * line[static_cast<std::size_t>(j)];
      values[static_cast<std::size_t>(start + i * after)] = sum;
    }
  }
}

// 1 - |lag| / reach
std::vector<double> triangle(double reach, std::int64_t n) {
  const std::int64_t lags = std::min<std::int64_t>(n - 1, static_cast<std::int64_t>(std::ceil(reach)) - 1);
  std::vector<double> w;
  for (std::int64_t lag = -lags; lag <= lags; ++lag) w.push_back(1 - static_cast<double>(std::abs(lag)) / reach);
  return w;
}

// One component of the rows on the whole lattice; zero where no row is.
template <class Value>
std::vector<double> on_lattice(const RowBlock& block, int component, Value&& value) {
  std::int64_t lattice_points = 1;
  for (const std::int64_t count : block.lattice) lattice_points *= count;
  std::vector<double> field(static_cast<std::size_t>(lattice_points), 0);
  const std::size_t n = block.points.size();
  for (std::size_t r = 0; r < n; ++r)
    field[static_cast<std::size_t>(block.points[r])] =
        value(block.first_row + static_cast<std::size_t>(component) * n + r);
  return field;
}

// G' C G of one block, added to `meat`.
void add_meat(const RowBlock& block, const Matrix& g, const std::vector<double>& residual, Matrix& meat) {
  const std::size_t k = g.columns(), n = block.points.size();
  std::vector<std::vector<double>> scores(k), smooth;
  for (std::size_t j = 0; j < k; ++j)
    for (int c = 0; c < block.components; ++c) {
      const std::vector<double> part = on_lattice(block, c, [&](std::size_t row) { return g(row, j) * residual[row]; });
      scores[j].resize(part.size(), 0);
      for (std::size_t i = 0; i < part.size(); ++i) scores[j][i] += part[i];
    }
  // With noise taken out of the normal equations the scores sum to what was taken out, not to zero.
  for (std::vector<double>& field : scores) {
    double sum = 0;
    for (const std::int64_t point : block.points) sum += field[static_cast<std::size_t>(point)];
    for (const std::int64_t point : block.points)
      field[static_cast<std::size_t>(point)] -= sum / static_cast<double>(n);
  }
  smooth = scores;
  for (std::vector<double>& field : smooth)
    for (std::size_t axis = 0; axis < block.lattice.size(); ++axis)
      convolve_along(field, block.lattice, axis, triangle(std::max(1.0, block.reach[axis]), block.lattice[axis]));
  for (std::size_t a = 0; a < k; ++a)
    for (std::size_t b = 0; b < k; ++b) meat(a, b) += dot(scores[a], smooth[b]);
}

// The same with the C that the model of the noise predicts.
void add_predicted_meat(const RowBlock& block, const std::vector<NoiseKernel>& kernels, const Matrix& g, Matrix& meat) {
  const std::size_t n = block.points.size();
  for (int c = 0; c < block.components; ++c)
    for (std::size_t b = 0; b < g.columns(); ++b)
      for (const NoiseKernel& kernel : kernels) {
        std::vector<double> smooth = on_lattice(block, c, [&](std::size_t row) { return g(row, b); });
        for (std::size_t axis = 0; axis < block.lattice.size(); ++axis)
          convolve_along(smooth, block.lattice, axis, kernel.along[axis]);
        for (std::size_t a = 0; a < g.columns(); ++a) {
          double sum = 0;
          for (std::size_t r = 0; r < n; ++r)
            sum += kernel.weight[r] * g(block.first_row + static_cast<std::size_t>(c) * n + r, a) *
                   smooth[static_cast<std::size_t>(block.points[r])];
          meat(a, b) += sum / block.components / 2;
          meat(b, a) += sum / block.components / 2;
        }
      }
}

}  // namespace

std::string criterion_text(double exact_residual) {
  return fmt::format(
      "shortest equation within one deviation of the least extended Bayesian information criterion, "
      "n log((r^2 + {0:g}) / (v + {0:g})) + k log n + 2 log C(p, k)",
      exact_residual * exact_residual);
}

double most_by_chance(double independent_rows) {
  return 1 + std::max(4 * std::sqrt(2 / std::max(independent_rows, 1.0)), 0.1);
}

double least_signal(double independent_rows) {
  return std::clamp(4 * std::sqrt(2 / std::max(independent_rows, 1.0)), 0.1, 0.5);
}

namespace {

// (xi, -1)' M (chi, -1) for the coefficients of two supports
double shared_by(const Matrix& m, const Support& first, const std::vector<double>& xi, const Support& second,
                 const std::vector<double>& chi) {
  const std::size_t p = m.rows() - 1;
  double sum = m(p, p);
  for (std::size_t i = 0; i < first.size(); ++i) {
    sum -= xi[i] * m(static_cast<std::size_t>(first[i]), p);
    for (std::size_t j = 0; j < second.size(); ++j)
      sum += xi[i] * chi[j] * m(static_cast<std::size_t>(first[i]), static_cast<std::size_t>(second[j]));
  }
  for (std::size_t j = 0; j < second.size(); ++j) sum -= chi[j] * m(p, static_cast<std::size_t>(second[j]));
  return sum;
}

}  // namespace

std::optional<NoisyEquations::Misfit> NoisyEquations::misfit(const Support& support) const {
  const std::size_t k = support.size(), p = products.size();
  Matrix gram(k, k), corrected(k, k), telling(k, k);
  std::vector<double> right(k), corrected_right(k);
  const double least = least_signal(independent_rows);
  for (std::size_t a = 0; a < k; ++a) {
    const auto i = static_cast<std::size_t>(support[a]);
    right[a] = products.right[i];
    corrected_right[a] = right[a] - noise(i, p);
    for (std::size_t b = 0; b < k; ++b) {
      const auto j = static_cast<std::size_t>(support[b]);
      gram(a, b) = products.gram(i, j);
      corrected(a, b) = gram(a, b) - noise(i, j);
      telling(a, b) = corrected(a, b) - least * gram(a, b);
    }
  }
  // No combination of the columns may be noise alone: its coefficient would be free, and could explain anything.
  if (!solve_cholesky(telling, right)) return std::nullopt;
  const auto xi = solve_cholesky(corrected, corrected_right);
  if (!xi) return std::nullopt;
  // r^2 = |b - G xi|^2
  double r_square = 1;
  for (std::size_t a = 0; a < k; ++a) {
    r_square -= 2 * (*xi)[a] * right[a];
    for (std::size_t b = 0; b < k; ++b) r_square += (*xi)[a] * (*xi)[b] * gram(a, b);
  }
  const double v = shared_by(noise, support, *xi, support, *xi), w = shared_by(errors, support, *xi, support, *xi);
  return Misfit{std::max(r_square, 0.0), std::max(v, 0.0) + std::max(w, 0.0), *xi};
}

double NoisyEquations::criterion(const Support& support) const {
  const auto fit = misfit(support);
  if (!fit) return INFINITY;
  const double e_square = exact_residual * exact_residual, v = fit->accounted_square;
  const double k = static_cast<double>(support.size()), p = static_cast<double>(products.size());
  return independent_rows * std::log((std::max(fit->residual_square, v) + e_square) / (v + e_square)) +
         k * std::log(independent_rows) + 2 * log_binomial(p, k);
}

// The products without what noise adds to them. A support tells something where no combination of its columns may be
// noise.
NormalEquations NoisyEquations::without_noise() const {
  const std::size_t p = products.size();
  Matrix left(p + 1, p + 1);
  std::vector<bool> left_out(p);
  for (std::size_t j = 0; j < p; ++j) {
    left_out[j] = products.gram(j, j) == 0;
    for (std::size_t i = 0; i < p; ++i) left(i, j) = products.gram(i, j) - noise(i, j);
    left(j, p) = products.right[j] - noise(j, p);
  }
  left(p, p) = 1 - noise(p, p);
  NormalEquations system = normal_equations(left, left_out);
  const double least = least_signal(independent_rows);
  system.telling = Matrix(p, p);
  for (std::size_t j = 0; j < p; ++j)
    for (std::size_t i = 0; i < p; ++i)
      if (system.gram(i, i) > 0 && system.gram(j, j) > 0)
        system.telling(i, j) = (left(i, j) - least * products.gram(i, j)) / std::sqrt(left(i, i) * left(j, j));
  return system;
}

std::vector<Support> NoisyEquations::path(const std::string& solver, int largest,
                                          const std::vector<Support>& start) const {
  std::vector<Support> best = sparse_path(solver, products, largest, start);
  double most_noise = 0;
  for (std::size_t j = 0; j <= products.size(); ++j) most_noise = std::max(most_noise, noise(j, j));
  if (most_noise <= exact_residual * exact_residual) return best;
  for (Support& support : sparse_path(solver, without_noise(), largest, start)) {
    const auto same_size =
        std::find_if(best.begin(), best.end(), [&](const Support& other) { return other.size() >= support.size(); });
    if (same_size == best.end() || same_size->size() > support.size())
      best.insert(same_size, std::move(support));
    else if (criterion(support) < criterion(*same_size))
      *same_size = std::move(support);
  }
  return best;
}

// Residuals of variance one and correlation c: n (r_1^2 - r_2^2) has the variance 4 n (1 - c^2) (Vuong 1989).
double NoisyEquations::preference(const Support& first, const Support& second) const {
  const auto a = misfit(first), b = misfit(second);
  if (!a || !b) return a ? INFINITY : -INFINITY;
  const double shared = shared_by(noise, first, a->coefficients, second, b->coefficients) +
                        shared_by(errors, first, a->coefficients, second, b->coefficients);
  const double e_square = exact_residual * exact_residual;
  const double c_square =
      std::pow(shared + e_square, 2) / ((a->accounted_square + e_square) * (b->accounted_square + e_square));
  const double deviation = 2 * std::sqrt(independent_rows * std::max(1e-6, 1 - c_square));
  return (criterion(second) - criterion(first)) / deviation;
}

// n log(r^2 / v) varies by sqrt(2 n); the price of having looked is the criterion's.
double NoisyEquations::noise_left_by(const std::vector<Support>& path) const {
  double share = 1;
  const double e_square = exact_residual * exact_residual, n = independent_rows;
  for (const Support& support : path) {
    const auto fit = misfit(support);
    const double k = static_cast<double>(support.size());
    if (!fit || k + 1 > n) continue;
    const double left = (fit->residual_square + e_square) / (fit->accounted_square + e_square);
    const double price = k * std::log(n) + 2 * log_binomial(static_cast<double>(products.size()), k);
    if (left < 0.5 && n * std::log(left) + price < -4 * std::sqrt(2 * n))
      share = std::min(share, fit->residual_square / fit->accounted_square * n / (n - k));
  }
  return share;
}

bool NoisyEquations::refutes(const Support& support) const {
  const auto fit = misfit(support);
  return !fit || fit->residual_square >
                     most_by_chance(independent_rows) * (fit->accounted_square + exact_residual * exact_residual);
}

std::vector<Support> NoisyEquations::rivals_of(const Support& support) const {
  std::vector<Support> others;
  const auto size = static_cast<int>(support.size());
  for (const NormalEquations& system : {products, without_noise()}) {
    for (Support& other : best_supports(system, size, rivals_a_size)) others.push_back(std::move(other));
    for (Support& other : neighbours(system, support, rivals_a_size)) others.push_back(std::move(other));
  }
  std::vector<std::pair<double, Support>> rivals;
  for (Support& other : others) {
    if (std::includes(support.begin(), support.end(), other.begin(), other.end()) || refutes(other)) continue;
    const double value = preference(support, other);
    if (value < clearly_preferred) rivals.emplace_back(value, std::move(other));
  }
  std::sort(rivals.begin(), rivals.end());
  rivals.erase(std::unique(rivals.begin(), rivals.end()), rivals.end());
  std::vector<Support> nearest;
  for (auto& [value, rival] : rivals) nearest.push_back(std::move(rival));
  return nearest;
}

int choose_support(const NoisyEquations& equations, const std::vector<Support>& path) {
  int chosen = -1;
  double least = equations.criterion({});
  for (std::size_t i = 0; i < path.size(); ++i) {
    const double value = equations.criterion(path[i]);
    if (!(value < least)) continue;
    least = value;
    chosen = static_cast<int>(i);
  }
  if (chosen < 0) return chosen;
  const Support& best = path[static_cast<std::size_t>(chosen)];
  return static_cast<int>(
      std::find_if(path.begin(), path.end(),
                   [&](const Support& support) { return support == best || equations.preference(best, support) < 1; }) -
      path.begin());
}

BoxedEquations::BoxedEquations(const LinearSystem& system, std::size_t left_side) {
  const std::size_t p = system.columns.columns();
  const std::vector<double>& b = system.rhs[left_side];
  std::vector<double> scale;  // to unit columns, the left side last
  for (std::size_t j = 0; j <= p; ++j) {
    const double length = j < p ? norm(system.columns.column(j)) : norm(b);
    scale.push_back(length > 0 ? 1 / length : 0);
  }
  Matrix sum(p + 1, p + 1);
  const std::int64_t most = std::max<std::int64_t>(2, most_boxes / static_cast<std::int64_t>(system.blocks.size()));
  for (const RowBlock& block : system.blocks)
    for (const std::vector<std::size_t>& rows : boxes_of(block, most)) {
      Matrix part(rows.size(), p + 1);
      for (std::size_t j = 0; j <= p; ++j) {
        const std::span<const double> column = j < p ? system.columns.column(j) : std::span<const double>(b);
        for (std::size_t r = 0; r < rows.size(); ++r) part(r, j) = scale[j] * column[rows[r]];
      }
      boxes_.push_back(gram(part));
      for (std::size_t j = 0; j <= p; ++j)
        for (std::size_t i = 0; i <= p; ++i) sum(i, j) += boxes_.back()(i, j);
    }

  Support every(p);
  for (std::size_t j = 0; j < p; ++j) every[j] = static_cast<int>(j);
  all_.noise = noise_gram(system, left_side, every);
  all_.errors = part_of(system.error_products, system, left_side, every);
  overlap_ = part_of(system.error_overlap, system, left_side, every);
  for (std::size_t j = 0; j <= p; ++j)
    for (std::size_t i = 0; i <= p; ++i) {
      all_.noise(i, j) *= scale[i] * scale[j];
      all_.errors(i, j) *= twice * twice * scale[i] * scale[j];
      overlap_(i, j) *= scale[i] * scale[j];
    }
  all_.independent_rows = system.effective_rows();
  all_.exact_residual = system.exact_residual;
  const double most_noise = 1 - least_signal(all_.independent_rows);
  for (std::size_t j = 0; j < p; ++j) only_noise_.push_back(all_.noise(j, j) > most_noise);
  left_side_is_noise_ = all_.noise(p, p) > most_noise;
  all_.products = normal_equations(sum, only_noise_);
}

NoisyEquations BoxedEquations::resample(Random& random) const {
  const std::size_t n = boxes_.front().columns();
  std::vector<int> times(boxes_.size(), 0);
  for (std::size_t draw = 0; draw < boxes_.size(); ++draw) ++times[random.below(boxes_.size())];
  Matrix sum(n, n);
  for (std::size_t box = 0; box < boxes_.size(); ++box) {
    if (!times[box]) continue;
    const double weight = times[box];
    for (std::size_t i = 0; i < n * n; ++i) sum.data()[i] += weight * boxes_[box].data()[i];
  }
  return with_products(sum);
}

NoisyEquations BoxedEquations::finer() const {
  const std::size_t n = overlap_.rows();
  Matrix sum(n, n);
  for (const Matrix& box : boxes_)
    for (std::size_t i = 0; i < n * n; ++i) sum.data()[i] += box.data()[i];
  for (std::size_t j = 0; j < n; ++j)
    for (std::size_t i = 0; i < n; ++i)
      sum(i, j) += all_.errors(i, j) / (twice * twice) - overlap_(i, j) - overlap_(j, i);
  NoisyEquations finer = with_products(sum);
  for (std::size_t i = 0; i < n * n; ++i) finer.errors.data()[i] /= twice * twice;
  return finer;
}

// All but the products of columns [G b] as they are over all rows.
NoisyEquations BoxedEquations::with_products(const Matrix& products) const {
  const std::size_t n = products.rows();
  NoisyEquations equations = all_;
  equations.products = normal_equations(products, only_noise_);
  const auto rescale = [&](std::size_t j) { return products(j, j) > 0 ? 1 / std::sqrt(products(j, j)) : 0; };
  for (std::size_t j = 0; j < n; ++j)
    for (std::size_t i = 0; i < n; ++i) {
      equations.noise(i, j) *= rescale(i) * rescale(j);
      equations.errors(i, j) *= rescale(i) * rescale(j);
    }
  return equations;
}

RowFit fit_rows(const LinearSystem& system, std::size_t left_side, const Support& support, Uncertainty uncertainty) {
  const std::vector<double>& b = system.rhs[left_side];
  const std::size_t k = support.size();
  RowFit fit = {std::vector<double>(k, 0), std::vector<double>(k, INFINITY)};
  const double b_norm = norm(b);
  if (k == 0 || b_norm == 0) return fit;

  Matrix g(system.rows(), k);
  std::vector<double> scale(k);
  for (std::size_t a = 0; a < k; ++a) {
    const std::span<const double> column = system.columns.column(static_cast<std::size_t>(support[a]));
    scale[a] = norm(column);
    if (scale[a] == 0) continue;
    for (std::size_t r = 0; r < g.rows(); ++r) g(r, a) = column[r] / scale[a];
  }
  const LeastSquares solved = least_squares(g, b);
  std::vector<double> solution = solved.solution;
  Matrix curvature = gram(g);
  const Matrix noise = noise_gram(system, left_side, support);
  if (system.models_noise()) {
    // (G'G - N) xi = G'b - n
    Matrix corrected = curvature;
    std::vector<double> right(k);
    for (std::size_t i = 0; i < k; ++i) {
      right[i] = dot(g.column(i), b) - noise(i, k) / scale[i];
      for (std::size_t j = 0; j < k; ++j) corrected(i, j) -= noise(i, j) / (scale[i] * scale[j]);
    }
    for (std::size_t i = 0; i < k; ++i)
      if (corrected(i, i) < least_signal(system.effective_rows())) fit.only_noise.push_back(i);
    const auto unbiased = fit.only_noise.empty() ? solve_cholesky(corrected, right) : std::nullopt;
    if (unbiased) {
      // By its difference to least squares, which is exact where there is no noise.
      solution = *unbiased;
      const auto uncorrected = solve_cholesky(curvature, transposed_product(g, b));
      for (std::size_t i = 0; i < k; ++i) solution[i] += solved.solution[i] - (*uncorrected)[i];
      curvature = corrected;
    }
  }
  for (std::size_t a = 0; a < k; ++a)
    if (scale[a] > 0) fit.coefficients[a] = solution[a] / scale[a];

  std::vector<double> residual = multiply(g, solution);
  for (std::size_t r = 0; r < residual.size(); ++r) residual[r] = b[r] - residual[r];
  fit.residual = norm(residual) / b_norm;
  // v = (xi, -1)' N (xi, -1) / |b|^2
  const auto weight = [&](std::size_t a) { return a < k ? fit.coefficients[a] : -1; };
  const auto made_by = [&](const Matrix& m) {
    double sum = 0;
    for (std::size_t i = 0; i <= k; ++i)
      for (std::size_t j = 0; j <= k; ++j) sum += weight(i) * m(i, j) * weight(j);
    return std::max(0.0, sum / (b_norm * b_norm));
  };
  fit.noise_square = made_by(noise);
  fit.error_square = twice * twice * made_by(part_of(system.error_products, system, left_side, support));
  Matrix meat(k, k);
  if (uncertainty == Uncertainty::predicted) {
    for (std::size_t i = 0; i < system.noise.size(); ++i)
      add_predicted_meat(system.blocks[i], noise_kernels(system, i, left_side, support, fit.coefficients), g, meat);
  } else {
    for (const RowBlock& block : system.blocks) add_meat(block, g, residual, meat);
  }
  const auto bread = inverse_cholesky(curvature);
  const double freedom = system.effective_rows() - static_cast<double>(k);
  if (!bread || freedom < 1) return fit;
  fit.quantile = student_quantile(0.975, freedom);
  // G' (e_b - E xi)
  const Matrix overlap = part_of(system.error_overlap, system, left_side, support);
  std::vector<double> pull(k, 0);
  for (std::size_t i = 0; i < k; ++i)
    for (std::size_t j = 0; j <= k && scale[i] > 0; ++j) pull[i] -= overlap(i, j) * weight(j) / scale[i];
  for (std::size_t a = 0; a < k; ++a) {
    double variance = 0, moved = 0;
    for (std::size_t i = 0; i < k; ++i) {
      moved += (*bread)(a, i) * pull[i];
      for (std::size_t j = 0; j < k; ++j) variance += (*bread)(a, i) * meat(i, j) * (*bread)(j, a);
    }
    const double by_chance = std::sqrt(std::max(variance, 0.0) * system.effective_rows() / freedom);
    fit.deviations[a] = std::hypot(by_chance, moved) / scale[a];
  }
  return fit;
}

namespace {

// Of |coefficient| / deviation: the level 0.1 %, shared over all candidates.
double least_certainty(const LinearSystem& system, std::size_t terms) {
  const double freedom = system.effective_rows() - static_cast<double>(terms);
  return student_quantile(1 - significance / 2 / static_cast<double>(system.candidates.size()), freedom);
}

// Whether a term of the other equation, were it added, could be told from zero.
bool lacks_a_term_of(const LinearSystem& system, std::size_t left_side, const NoisyEquations& equations,
                     const Support& support, const Support& other) {
  return std::any_of(other.begin(), other.end(), [&](int j) {
    const auto place = std::lower_bound(support.begin(), support.end(), j);
    if (place != support.end() && *place == j) return false;
    const auto at = static_cast<std::size_t>(place - support.begin());
    Support extended = support;
    extended.insert(extended.begin() + static_cast<std::ptrdiff_t>(at), j);
    if (!equations.misfit(extended)) return false;  // it may be noise
    const RowFit fit = fit_rows(system, left_side, extended);
    return fit.quantile > 0 &&
           std::abs(fit.coefficients[at]) / fit.deviations[at] >= least_certainty(system, extended.size());
  });
}

}  // namespace

RowFit fit_significant(const LinearSystem& system, std::size_t left_side, Support& support) {
  for (;;) {
    const RowFit fit = fit_rows(system, left_side, support);
    if (!fit.only_noise.empty()) {
      for (auto a = fit.only_noise.rbegin(); a != fit.only_noise.rend(); ++a)
        support.erase(support.begin() + static_cast<std::ptrdiff_t>(*a));
      continue;
    }
    if (support.empty() || fit.quantile == 0) return fit;
    std::size_t least = 0;
    const auto certainty = [&](std::size_t a) { return std::abs(fit.coefficients[a]) / fit.deviations[a]; };
    for (std::size_t a = 1; a < support.size(); ++a)
      if (certainty(a) < certainty(least)) least = a;
    if (!(certainty(least) < least_certainty(system, support.size()))) return fit;
    support.erase(support.begin() + static_cast<std::ptrdiff_t>(least));
  }
}

std::optional<Support> rival_of(const LinearSystem& system, std::size_t left_side, const NoisyEquations& equations,
                                const Support& support) {
  for (const Support& rival : equations.rivals_of(support))
    if (!lacks_a_term_of(system, left_side, equations, rival, support) ||
        lacks_a_term_of(system, left_side, equations, support, rival))
      return rival;
  return std::nullopt;
}

}  // namespace turnpike
