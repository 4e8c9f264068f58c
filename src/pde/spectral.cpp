#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "spectral_internal.h"

namespace turnpike {
namespace {

using Complex = std::complex<double>;
using Shape = std::vector<std::int64_t>;

std::int64_t product(const Shape& shape) {
  std::int64_t count = 1;
  for (const std::int64_t n : shape) count *= n;
  return count;
}

// The smallest even number >= n without prime factors above 5: fast transforms.
std::int64_t fast_length(std::int64_t n) {
  for (n += n % 2;; n += 2) {
    std::int64_t left = n;
    for (const int p : {2, 3, 5})
      while (left % p == 0) left /= p;
    if (left == 1) return n;
  }
}

// Transforms of real or complex fields on one grid behind one face.
class Transform {
 public:
  Transform(const Shape& shape, bool complex) : shape_(shape), count_(product(shape)) {
    if (complex)
      complex_.emplace(shape);
    else
      real_.emplace(shape);
  }

  std::int64_t count() const { return count_; }
  bool complex() const { return complex_.has_value(); }
  Shape mode_shape() const {
    Shape shape = shape_;
    if (real_) shape.back() = shape.back() / 2 + 1;
    return shape;
  }
  std::int64_t n_modes() const { return real_ ? real_->n_modes() : count_; }

  // Complex fields: values and modes are one array.
  void forward(std::vector<Complex>& modes) const { complex_->forward(modes); }
  void inverse(std::vector<Complex>& modes) const { complex_->inverse(modes); }
  void forward(const std::vector<double>& values, std::vector<Complex>& modes) const { real_->forward(values, modes); }
  void inverse(const std::vector<Complex>& modes, std::vector<double>& values) const { real_->inverse(modes, values); }

 private:
  Shape shape_;
  std::int64_t count_;
  std::optional<Fourier> complex_;
  std::optional<RealFourier> real_;
};

// For every mode that is kept of the grid: where it stands among the modes of the grid, of the finer grid, and its
// wave vector.
struct KeptModes {
  std::vector<std::int64_t> coarse, fine;
  std::vector<std::array<double, 3>> k;
  std::vector<double> weight;  // 2 for a real field's modes that stand for their conjugates too
};

KeptModes kept_modes(const std::vector<SpaceAxis>& axes, const Transform& coarse, const Transform& fine) {
  const Shape from = coarse.mode_shape(), to = fine.mode_shape();
  const std::size_t d = axes.size();
  KeptModes kept;
  for (std::int64_t at = 0; at < product(from); ++at) {
    std::array<double, 3> k{};
    std::int64_t rest = at, target = 0, stride = 1;
    bool keep = true;
    double weight = 1;
    for (std::size_t a = d; a-- > 0;) {
      const std::int64_t n = axes[a].n, j = rest % from[a];
      const std::int64_t signed_j = j <= (n - 1) / 2 ? j : j - n;
      rest /= from[a];
      keep = keep && 2 * std::abs(signed_j) < n;
      k[a] = 2 * std::numbers::pi * static_cast<double>(signed_j) / (axes[a].high - axes[a].low);
      target += (signed_j < 0 ? signed_j + to[a] : signed_j) * stride;
      stride *= to[a];
      if (a + 1 == d && !coarse.complex() && j > 0) weight = 2;
    }
    if (!keep) continue;
    kept.coarse.push_back(at);
    kept.fine.push_back(target);
    kept.k.push_back(k);
    kept.weight.push_back(weight);
  }
  return kept;
}

// A field or a derivative of it, needed on the finer grid.
struct Quantity {
  int field;
  std::array<int, 3> derivative;
  bool operator<(const Quantity& other) const {
    return std::tie(field, derivative) < std::tie(other.field, other.derivative);
  }
};

struct Product {
  Complex coefficient;
  struct Factor {
    std::size_t quantity;
    int power;
    FactorFunction function;
  };
  std::vector<Factor> factors;
};

// Products whose sum is differentiated and added to the rate of a slot.
struct Group {
  std::size_t slot;
  std::array<int, 3> derivative;
  std::vector<Product> products;
};

// A linear term that couples slots: rate_to += multiplier v_from, mode by mode.
struct Coupling {
  std::size_t from, to;
  Modes multiplier;
};

// In the evolved fields. A given one counts nothing where it stands alone with them: V u is then formed at the points
// themselves, where V is known, rough as it may be.
int degree_of(const EquationTerm& term, const Equation& equation) {
  int degree = 0;
  for (const EquationFactor& factor : term.factors) {
    if (equation.fields[factor.field].role == FieldRole::given) continue;
    const bool transcendental = factor.function == FactorFunction::sine || factor.function == FactorFunction::cosine;
    degree += factor.power * (transcendental ? 3 : 1);
  }
  return degree;
}

template <class T>
T applied(FactorFunction function, T value) {
  switch (function) {
    case FactorFunction::value: return value;
    case FactorFunction::modulus: return std::abs(value);
    case FactorFunction::sine: return std::sin(value);
    case FactorFunction::cosine: return std::cos(value);
  }
  return value;
}

template <class T>
T scalar_of(Complex z) {
  if constexpr (std::is_same_v<T, double>)
    return z.real();
  else
    return z;
}

}  // namespace

struct SpectralSystem::Parts {
  const Equation equation;
  const std::vector<SpaceAxis> axes;
  std::optional<Transform> coarse, fine;
  KeptModes kept;
  std::size_t n = 0;                 // modes of a slot
  std::vector<int> slot, rate_slot;  // of a field; -1: none
  std::size_t n_slots = 0;
  Modes initial, linear;
  std::vector<Coupling> couplings;
  std::vector<std::pair<std::size_t, Complex>> constants;  // slot, value
  std::map<Quantity, std::size_t> quantity_index;
  std::vector<Quantity> quantities;
  std::vector<Modes> multipliers;  // of each quantity; none of a given field
  std::vector<Group> groups;
  // Work space on the finer grid. Real fields use the first, complex ones the second.
  std::vector<std::vector<double>> real_values;
  std::vector<std::vector<Complex>> complex_values;
  std::vector<double> real_sum;
  std::vector<Complex> complex_sum, fine_modes;
  mutable std::vector<Complex> coarse_modes;
  mutable std::vector<double> coarse_values;

  Parts(const Equation& given_equation, const std::vector<SpaceAxis>& given_axes)
      : equation(given_equation), axes(given_axes) {}

  bool complex() const { return coarse->complex(); }

  void prepare(const std::vector<FieldState>& state) {
    int degree = 1;
    for (const EquationField& field : equation.fields)
      for (const EquationTerm& term : field.terms) degree = std::max(degree, degree_of(term, equation));
    Shape shape, finer;
    for (const SpaceAxis& axis : axes) {
      shape.push_back(axis.n);
      finer.push_back(degree == 1 ? axis.n : fast_length((axis.n * (std::min(degree, 5) + 1) + 1) / 2));
    }
    coarse.emplace(shape, equation.is_complex());
    fine.emplace(finer, equation.is_complex());
    kept = kept_modes(axes, *coarse, *fine);
    n = kept.k.size();
    coarse_modes.resize(coarse->n_modes());
    fine_modes.resize(fine->n_modes());
    if (!complex()) coarse_values.resize(coarse->count());
    place_slots();
    initial.assign(n_slots * n, 0.0);
    linear.assign(n_slots * n, 0.0);
    for (std::size_t f = 0; f < equation.fields.size(); ++f) {
      if (slot[f] >= 0) to_modes(state[f].values, &initial[slot[f] * n]);
      if (rate_slot[f] >= 0 && !state[f].rate.empty()) to_modes(state[f].rate, &initial[rate_slot[f] * n]);
    }
    for (std::size_t f = 0; f < equation.fields.size(); ++f) compile(static_cast<int>(f));
    prepare_quantities(state);
  }

  void place_slots() {
    for (const EquationField& field : equation.fields) {
      const bool evolved = field.role == FieldRole::evolved;
      slot.push_back(evolved ? static_cast<int>(n_slots++) : -1);
      rate_slot.push_back(evolved && field.time_order == 2 ? static_cast<int>(n_slots++) : -1);
    }
  }

  void to_modes(const std::vector<Complex>& values, Complex* modes) const {
    if (complex()) {
      coarse_modes = values;
      coarse->forward(coarse_modes);
    } else {
      for (std::size_t i = 0; i < values.size(); ++i) coarse_values[i] = values[i].real();
      coarse->forward(coarse_values, coarse_modes);
    }
    const double scale = 1.0 / static_cast<double>(coarse->count());
    for (std::size_t i = 0; i < n; ++i) modes[i] = coarse_modes[kept.coarse[i]] * scale;
  }

  // (i k)^derivative, and for a velocity the Biot-Savart law before it: -Laplace psi = w, (v_x, v_y) = (psi_y, -psi_x).
  Modes multiplier_of(const Quantity& q) const {
    const FieldRole role = equation.fields[q.field].role;
    Modes m(n);
    for (std::size_t i = 0; i < n; ++i) {
      const std::array<double, 3>& k = kept.k[i];
      const double square = k[0] * k[0] + k[1] * k[1];
      Complex z = 1;
      if (role == FieldRole::velocity_x) z = square > 0 ? Complex(0, k[1] / square) : 0;
      if (role == FieldRole::velocity_y) z = square > 0 ? Complex(0, -k[0] / square) : 0;
      for (int a = 0; a < 3; ++a)
        for (int times = 0; times < q.derivative[a]; ++times) z *= Complex(0, k[a]);
      m[i] = z;
    }
    return m;
  }

  std::size_t slot_behind(int field) const {
    const EquationField& f = equation.fields[field];
    return static_cast<std::size_t>(slot[f.role == FieldRole::evolved ? field : f.vorticity]);
  }

  std::size_t quantity_of(int field, const std::array<int, 3>& derivative) {
    const auto [entry, is_new] = quantity_index.try_emplace({field, derivative}, quantities.size());
    if (is_new) quantities.push_back({field, derivative});
    return entry->second;
  }

  void compile(int f) {
    if (slot[f] < 0) return;
    const EquationField& field = equation.fields[f];
    std::size_t target = static_cast<std::size_t>(slot[f]);
    if (rate_slot[f] >= 0) {  // u' = r, r' = the terms
      const std::size_t rate = static_cast<std::size_t>(rate_slot[f]);
      couplings.push_back({rate, target, Modes(n, 1.0)});
      target = rate;
    }
    for (const EquationTerm& term : field.terms) {
      if (term.factors.empty())
        constants.emplace_back(target, term.coefficient);
      else if (is_linear(term))
        add_linear(term, target);
      else
        add_product(term, target);
    }
  }

  bool is_linear(const EquationTerm& term) const {
    const EquationFactor& factor = term.factors.front();
    const EquationField& field = equation.fields[factor.field];
    return term.factors.size() == 1 && factor.power == 1 && factor.function == FactorFunction::value &&
           field.role != FieldRole::given && field.mean == 0;
  }

  void add_linear(const EquationTerm& term, std::size_t target) {
    const EquationFactor& factor = term.factors.front();
    Modes m = multiplier_of({factor.field, factor.derivative});
    for (Complex& z : m) z *= term.coefficient;
    const std::size_t from = slot_behind(factor.field);
    if (from != target) {
      couplings.push_back({from, target, std::move(m)});
      return;
    }
    for (std::size_t i = 0; i < n; ++i) linear[target * n + i] += m[i];
  }

  // u^p u_x is (u^(p+1))_x / (p+1): one transform less, and the mean of u stays to the last digit.
  void add_product(const EquationTerm& term, std::size_t target) {
    std::array<int, 3> outer{};
    Product product{term.coefficient, {}};
    const std::vector<EquationFactor>& f = term.factors;
    const bool plain = std::all_of(
        f.begin(), f.end(), [](const EquationFactor& factor) { return factor.function == FactorFunction::value; });
    for (std::size_t i = 0; i < 2 && f.size() == 2 && plain; ++i) {
      const EquationFactor &base = f[i], &slope = f[1 - i];
      if (base.field != slope.field || base.order() != 0 || slope.order() != 1 || slope.power != 1) continue;
      product.coefficient /= base.power + 1;
      product.factors.push_back({quantity_of(base.field, {}), base.power + 1, FactorFunction::value});
      outer = slope.derivative;
      break;
    }
    if (product.factors.empty())
      for (const EquationFactor& factor : f)
        product.factors.push_back({quantity_of(factor.field, factor.derivative), factor.power, factor.function});
    for (Group& group : groups) {
      if (group.slot != target || group.derivative != outer) continue;
      group.products.push_back(std::move(product));
      return;
    }
    groups.push_back({target, outer, {std::move(product)}});
  }

  void prepare_quantities(const std::vector<FieldState>& state) {
    const std::size_t points = static_cast<std::size_t>(fine->count());
    (complex() ? complex_values.resize(quantities.size()) : real_values.resize(quantities.size()));
    for (std::size_t q = 0; q < quantities.size(); ++q) {
      const bool given = equation.fields[quantities[q].field].role == FieldRole::given;
      multipliers.push_back(multiplier_of(quantities[q]));
      if (complex())
        complex_values[q].resize(points);
      else
        real_values[q].resize(points);
      if (!given) continue;
      // Without a finer grid the values serve as they are; through modes they would lose the highest one.
      if (fine->count() == coarse->count() && quantities[q].derivative == std::array<int, 3>{}) {
        const std::vector<Complex>& values = state[quantities[q].field].values;
        for (std::size_t i = 0; i < points; ++i)
          if (complex())
            complex_values[q][i] = values[i];
          else
            real_values[q][i] = values[i].real();
        multipliers[q].clear();
        continue;
      }
      Modes modes(n);
      to_modes(state[quantities[q].field].values, modes.data());
      to_fine(q, modes.data());
      multipliers[q].clear();
    }
    if (complex())
      complex_sum.resize(points);
    else
      real_sum.resize(points);
  }

  // A quantity on the finer grid from the modes of its field.
  void to_fine(std::size_t q, const Complex* modes) {
    const double scale = static_cast<double>(fine->count());
    std::vector<Complex>& padded = complex() ? complex_values[q] : fine_modes;
    std::fill(padded.begin(), padded.end(), 0.0);
    for (std::size_t i = 0; i < n; ++i) padded[kept.fine[i]] = multipliers[q][i] * modes[i] * scale;
    const EquationField& field = equation.fields[quantities[q].field];
    if (quantities[q].derivative == std::array<int, 3>{}) padded[0] += field.mean * scale;
    if (complex())
      fine->inverse(padded);
    else
      fine->inverse(padded, real_values[q]);
  }

  // sum_j xi_j prod of powers, at every point; in blocks that stay in the cache.
  template <class T>
  static void add_products(const Group& group, const std::vector<std::vector<T>>& values, std::vector<T>& sum) {
    constexpr std::size_t block = 512;
    T term[block];
    for (std::size_t first = 0; first < sum.size(); first += block) {
      const std::size_t count = std::min(block, sum.size() - first);
      T* out = &sum[first];
      std::fill(out, out + count, T(0));
      for (const Product& product : group.products) {
        std::fill(term, term + count, scalar_of<T>(product.coefficient));
        for (const Product::Factor& factor : product.factors)
          multiply(factor, &values[factor.quantity][first], count, term);
        for (std::size_t i = 0; i < count; ++i) out[i] += term[i];
      }
    }
  }

  template <class T>
  static void multiply(const Product::Factor& factor, const T* value, std::size_t count, T* term) {
    if (factor.function == FactorFunction::modulus && factor.power == 2) {
      for (std::size_t i = 0; i < count; ++i) term[i] *= std::norm(value[i]);
    } else if (factor.function == FactorFunction::value) {
      for (int times = 0; times < factor.power; ++times)
        for (std::size_t i = 0; i < count; ++i) term[i] *= value[i];
    } else {
      for (std::size_t i = 0; i < count; ++i) {
        const T f = applied(factor.function, value[i]);
        for (int times = 0; times < factor.power; ++times) term[i] *= f;
      }
    }
  }

  void rate(const Modes& v, Modes& out) {
    std::fill(out.begin(), out.end(), 0.0);
    for (const Coupling& coupling : couplings)
      for (std::size_t i = 0; i < n; ++i) out[coupling.to * n + i] += coupling.multiplier[i] * v[coupling.from * n + i];
    for (const auto& [target, value] : constants) out[target * n] += value;
    for (std::size_t q = 0; q < quantities.size(); ++q)
      if (!multipliers[q].empty()) to_fine(q, &v[slot_behind(quantities[q].field) * n]);
    const double scale = 1.0 / static_cast<double>(fine->count());
    for (const Group& group : groups) {
      if (complex()) {
        add_products(group, complex_values, complex_sum);
        fine->forward(complex_sum);
      } else {
        add_products(group, real_values, real_sum);
        fine->forward(real_sum, fine_modes);
      }
      const std::vector<Complex>& modes = complex() ? complex_sum : fine_modes;
      Complex* to = &out[group.slot * n];
      for (std::size_t i = 0; i < n; ++i) {
        Complex z = modes[kept.fine[i]] * scale;
        for (int a = 0; a < 3; ++a)
          for (int times = 0; times < group.derivative[a]; ++times) z *= Complex(0, kept.k[i][a]);
        to[i] += z;
      }
    }
  }

  void sample(const Modes& v, int f, bool rate, std::vector<Complex>& values) const {
    const Modes m = multiplier_of({f, {}});
    const Complex* modes = &v[(rate ? static_cast<std::size_t>(rate_slot[f]) : slot_behind(f)) * n];
    const double scale = static_cast<double>(coarse->count());
    std::fill(coarse_modes.begin(), coarse_modes.end(), 0.0);
    for (std::size_t i = 0; i < n; ++i) coarse_modes[kept.coarse[i]] = m[i] * modes[i] * scale;
    coarse_modes[0] += equation.fields[f].mean * scale;
    if (complex()) {
      coarse->inverse(coarse_modes);
      values = coarse_modes;
    } else {
      coarse->inverse(coarse_modes, coarse_values);
      values.assign(coarse_values.begin(), coarse_values.end());
    }
  }
};

SpectralSystem::SpectralSystem(const Equation& equation, const std::vector<SpaceAxis>& axes,
                               const std::vector<FieldState>& initial)
    : parts_(std::make_unique<Parts>(equation, axes)) {
  parts_->prepare(initial);
}

SpectralSystem::~SpectralSystem() = default;

const Modes& SpectralSystem::initial() const {
  return parts_->initial;
}

const Modes& SpectralSystem::linear() const {
  return parts_->linear;
}

void SpectralSystem::rate(const Modes& v, Modes& out) {
  parts_->rate(v, out);
}

// Parseval: the mean square of the values is the sum of the squares of the modes.
std::vector<double> SpectralSystem::sizes(const Modes& v) const {
  std::vector<double> sizes;
  for (std::size_t s = 0; s < parts_->n_slots; ++s) {
    double sum = 0;
    for (std::size_t i = 0; i < parts_->n; ++i) sum += parts_->kept.weight[i] * std::norm(v[s * parts_->n + i]);
    sizes.push_back(std::sqrt(sum));
  }
  return sizes;
}

void SpectralSystem::sample(const Modes& v, int field, bool rate, std::vector<std::complex<double>>& values) const {
  parts_->sample(v, field, rate, values);
}

}  // namespace turnpike
