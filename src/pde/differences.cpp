#include <algorithm>
#include <cmath>
#include <map>

#include "differences_internal.h"
#include "evolution_internal.h"

namespace turnpike {
namespace {

using Complex = std::complex<double>;

constexpr int accuracy = 6;

double root_mean_square(const Complex* values, std::size_t n) {
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += std::norm(values[i]);
  return std::sqrt(sum / static_cast<double>(n));
}

}  // namespace

std::vector<double> difference_weights(double x, const std::vector<double>& nodes, int m) {
  const int n = static_cast<int>(nodes.size());
  std::vector<std::vector<double>> w(m + 1, std::vector<double>(n, 0.0));  // [derivative, node]
  w[0][0] = 1;
  double c1 = 1, c4 = nodes[0] - x;
  for (int i = 1; i < n; ++i) {
    const int most = std::min(i, m);
    const double c5 = c4;
    double c2 = 1;
    c4 = nodes[i] - x;
    for (int j = 0; j < i; ++j) {
      const double c3 = nodes[i] - nodes[j];
      c2 *= c3;
      if (j == i - 1) {
        for (int k = most; k > 0; --k) w[k][i] = c1 * (k * w[k - 1][i - 1] - c5 * w[k][i - 1]) / c2;
        w[0][i] = -c1 * c5 * w[0][i - 1] / c2;
      }
      for (int k = most; k > 0; --k) w[k][j] = (c4 * w[k][j] - k * w[k - 1][j]) / c3;
      w[0][j] = c4 * w[0][j] / c3;
    }
    c1 = c2;
  }
  return w[m];
}

DifferenceRows difference_rows(const SpaceAxis& axis, int m) {
  DifferenceRows rows;
  const std::int64_t reach = (m + 1) / 2 - 1 + accuracy / 2;  // central stencils of m = 1, 2 have 7 points
  rows.width = std::min<std::int64_t>(2 * reach + 1, axis.n);
  const double h = axis.step();
  for (std::int64_t i = 0; i < axis.n; ++i) {
    std::int64_t first = i - reach;
    if (!axis.periodic) first = std::clamp<std::int64_t>(first, 0, axis.n - rows.width);
    std::vector<double> nodes;
    for (std::int64_t j = 0; j < rows.width; ++j) nodes.push_back(h * static_cast<double>(first + j - i));
    const std::vector<double> w = difference_weights(0, nodes, m);
    rows.first.push_back(first);
    rows.weights.insert(rows.weights.end(), w.begin(), w.end());
  }
  return rows;
}

DifferenceSystem::DifferenceSystem(const Equation& equation, const std::vector<SpaceAxis>& axes,
                                   const std::vector<FieldState>& initial, const SimulateOptions& options)
    : equation_(equation), axes_(axes), options_(options) {
  for (const SpaceAxis& axis : axes_) points_ *= static_cast<std::size_t>(axis.n);
  const int highest = equation_.highest_derivative();
  // Given ends are as wide as a stencil reaches, so that all stencils are central: moved ones let short waves grow.
  boundary_width_ = options_.boundary ? (highest + 1) / 2 - 1 + accuracy / 2 : 1;
  for (const SpaceAxis& axis : axes_) {
    rows_.emplace_back();
    for (int m = 1; m <= highest; ++m) rows_.back().push_back(difference_rows(axis, m));
  }
  boundary_.assign(points_, false);
  for (std::size_t point = 0; point < points_; ++point) {
    std::int64_t rest = static_cast<std::int64_t>(point);
    for (std::size_t a = axes_.size(); a-- > 0; rest /= axes_[a].n) {
      const std::int64_t i = rest % axes_[a].n;
      if (!axes_[a].periodic && (i < boundary_width_ || i >= axes_[a].n - boundary_width_)) boundary_[point] = true;
    }
  }
  for (std::size_t f = 0; f < equation_.fields.size(); ++f) {
    const EquationField& field = equation_.fields[f];
    const bool evolved = field.role == FieldRole::evolved, second = evolved && field.time_order == 2;
    slot_.push_back(evolved ? static_cast<int>(n_slots_++) : -1);
    rate_slot_.push_back(second ? static_cast<int>(n_slots_++) : -1);
    given_.push_back(evolved ? State{} : initial[f].values);
    if (evolved) initial_.insert(initial_.end(), initial[f].values.begin(), initial[f].values.end());
    if (!second) continue;
    initial_.resize(initial_.size() + points_);
    std::copy(initial[f].rate.begin(), initial[f].rate.end(), initial_.end() - static_cast<std::ptrdiff_t>(points_));
  }
}

bool DifferenceSystem::is_own_linear(int field, const EquationTerm& term) const {
  const EquationField& f = equation_.fields[field];
  return f.time_order == 1 && term.factors.size() == 1 && term.factors[0].field == field &&
         term.factors[0].power == 1 && term.factors[0].function == FactorFunction::value;
}

bool DifferenceSystem::has_linear(std::size_t slot) const {
  for (std::size_t f = 0; f < slot_.size(); ++f)
    if (slot_[f] == static_cast<int>(slot))
      for (const EquationTerm& term : equation_.fields[f].terms)
        if (is_own_linear(static_cast<int>(f), term)) return true;
  return false;
}

DifferenceSystem::State DifferenceSystem::differentiated(State values, const std::array<int, 3>& derivative) const {
  State out(values.size());
  std::size_t inner = 1;
  for (std::size_t a = axes_.size(); a-- > 0;) {
    const std::int64_t n = axes_[a].n;
    if (derivative[a] > 0) {
      const DifferenceRows& rows = rows_[a][derivative[a] - 1];
      for (std::size_t at = 0; at < values.size(); ++at) {
        const std::int64_t i = static_cast<std::int64_t>(at / inner) % n;
        const std::size_t start = at - static_cast<std::size_t>(i) * inner;
        Complex sum = 0;
        for (std::int64_t j = 0; j < rows.width; ++j) {
          const std::int64_t k = ((rows.first[i] + j) % n + n) % n;
          sum += rows.weights[i * rows.width + j] * values[start + static_cast<std::size_t>(k) * inner];
        }
        out[at] = sum;
      }
      values.swap(out);
    }
    inner *= static_cast<std::size_t>(n);
  }
  return values;
}

void DifferenceSystem::rate(const State& y, State& out, Part part) const {
  out.assign(y.size(), 0.0);
  std::map<std::pair<int, std::array<int, 3>>, State> known;
  const auto values_of = [&](int field, const std::array<int, 3>& derivative) -> const State& {
    const auto [entry, is_new] = known.try_emplace({field, derivative});
    if (is_new) {
      State values = given_[field];
      if (slot_[field] >= 0) {
        const Complex* from = &y[slot_[field] * points_];
        values.assign(from, from + points_);
      }
      entry->second = differentiated(std::move(values), derivative);
    }
    return entry->second;
  };
  State product(points_);
  for (std::size_t f = 0; f < equation_.fields.size(); ++f) {
    if (slot_[f] < 0) continue;
    std::size_t target = slot_[f] * points_;
    if (rate_slot_[f] >= 0) {  // u' = r, r' = the terms
      const std::size_t r = rate_slot_[f] * points_;
      for (std::size_t i = 0; i < points_; ++i) out[target + i] = y[r + i];
      target = r;
    }
    for (const EquationTerm& term : equation_.fields[f].terms) {
      if (part == Part::without_linear && is_own_linear(static_cast<int>(f), term)) continue;
      std::fill(product.begin(), product.end(), term.coefficient);
      for (const EquationFactor& factor : term.factors) {
        const State& values = values_of(factor.field, factor.derivative);
        for (std::size_t i = 0; i < points_; ++i) {
          Complex z = values[i];
          if (factor.function == FactorFunction::modulus) z = std::abs(z);
          if (factor.function == FactorFunction::sine) z = std::sin(z);
          if (factor.function == FactorFunction::cosine) z = std::cos(z);
          for (int times = 0; times < factor.power; ++times) product[i] *= z;
        }
      }
      for (std::size_t i = 0; i < points_; ++i) out[target + i] += product[i];
    }
  }
  for (std::size_t s = 0; s < n_slots_; ++s)
    for (std::size_t i = 0; i < points_; ++i)
      if (boundary_[i]) out[s * points_ + i] = 0;
}

void DifferenceSystem::set_boundary(double time, State& y) const {
  if (!options_.boundary) return;
  State values(points_);
  for (std::size_t f = 0; f < slot_.size(); ++f) {
    if (slot_[f] < 0) continue;
    options_.boundary(static_cast<int>(f), time, values);
    require(values.size() == points_, "the boundary's values must be as many as the grid has points");
    for (std::size_t i = 0; i < points_; ++i)
      if (boundary_[i]) y[slot_[f] * points_ + i] = values[i];
  }
}

std::vector<double> DifferenceSystem::sizes(const State& y) const {
  std::vector<double> sizes;
  for (std::size_t s = 0; s < n_slots_; ++s) sizes.push_back(root_mean_square(&y[s * points_], points_));
  return sizes;
}

void DifferenceSystem::sample(const State& y, int field, bool rate, State& values) const {
  const Complex* from = &y[(rate ? rate_slot_ : slot_)[field] * points_];
  values.assign(from, from + points_);
}

void DifferenceSystem::linear_row(std::size_t slot, std::size_t row, std::int64_t& first, State& weights) const {
  const DifferenceRows& widest = rows_[0].empty() ? DifferenceRows{1, {}, {}} : rows_[0].back();
  first = rows_[0].empty() ? static_cast<std::int64_t>(row) : widest.first[row];
  weights.assign(static_cast<std::size_t>(widest.width), 0.0);
  for (std::size_t f = 0; f < slot_.size(); ++f) {
    if (slot_[f] != static_cast<int>(slot)) continue;
    for (const EquationTerm& term : equation_.fields[f].terms) {
      if (!is_own_linear(static_cast<int>(f), term)) continue;
      const int m = term.factors[0].derivative[0];
      if (m == 0) {
        weights[row - static_cast<std::size_t>(first)] += term.coefficient;
        continue;
      }
      const DifferenceRows& rows = rows_[0][m - 1];
      const std::int64_t shift = rows.first[row] - first;  // narrower stencils lie inside the widest
      for (std::int64_t j = 0; j < rows.width; ++j)
        weights[static_cast<std::size_t>(shift + j)] += term.coefficient * rows.weights[row * rows.width + j];
    }
  }
}

}  // namespace turnpike
