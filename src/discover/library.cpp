#include <turnpike/discover/library.h>

#include <fmt/format.h>
#include <muParser.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <optional>
#include <string_view>

#include <turnpike/base/error.h>

namespace turnpike {
namespace {

constexpr std::size_t most_candidates = 1000;

// All ways to give `slots` numbers >= 0 with sum <= total, smallest sum first.
std::vector<std::vector<int>> tuples_up_to(int slots, int total) {
  if (slots == 0) return {{}};
  std::vector<std::vector<int>> all;
  std::vector<int> tuple(static_cast<std::size_t>(slots), 0);
  const std::function<void(std::size_t, int)> fill = [&](std::size_t slot, int left) {
    if (slot + 1 == tuple.size()) {
      tuple[slot] = left;
      all.push_back(tuple);
      return;
    }
    for (int power = left; power >= 0; --power) {
      tuple[slot] = power;
      fill(slot + 1, left - power);
    }
  };
  for (int sum = 0; sum <= total; ++sum) fill(0, sum);
  return all;
}

// Products of powers. A given field (a potential) enters linearly: it is known, not expanded in.
std::vector<PointFunction> monomials(const Measurement& measurement, const LibraryOptions& options) {
  std::vector<std::pair<int, bool>> bases;  // field, is its modulus
  for (int f = 0; f < static_cast<int>(measurement.fields.size()); ++f) {
    bases.push_back({f, false});
    if (options.modulus && measurement.fields[static_cast<std::size_t>(f)].is_complex()) bases.push_back({f, true});
  }
  std::vector<PointFunction> all;
  for (const std::vector<int>& tuple : tuples_up_to(static_cast<int>(bases.size()), options.polynomial_degree)) {
    PointFunction function = {std::vector<int>(measurement.fields.size(), 0),
                              std::vector<int>(measurement.fields.size(), 0), ""};
    for (std::size_t i = 0; i < bases.size(); ++i)
      (bases[i].second ? function.moduli : function.powers)[static_cast<std::size_t>(bases[i].first)] = tuple[i];
    all.push_back(function);
  }
  return all;
}

std::vector<std::vector<int>> derivatives(const Measurement& measurement, const LibraryOptions& options) {
  const int space = measurement.space_dimensions();
  std::vector<std::vector<int>> all;
  for (const std::vector<int>& orders : tuples_up_to(space, space ? options.derivative_order : 0)) {
    const auto used = std::count_if(orders.begin(), orders.end(), [](int order) { return order > 0; });
    if (used <= 1 || options.mixed) all.push_back(orders);
  }
  return all;
}

std::string power_text(const std::string& base, int power) {
  return power == 1 ? base : fmt::format("{}^{}", base, power);
}

std::string join_factors(const std::vector<std::string>& factors) {
  return fmt::format("{}", fmt::join(factors, "*"));
}

std::vector<std::string> factors_of(const PointFunction& function, const Measurement& measurement) {
  if (!function.formula.empty()) return {function.formula};
  std::vector<std::string> factors;
  for (std::size_t f = 0; f < function.powers.size(); ++f)
    if (function.powers[f]) factors.push_back(power_text(measurement.fields[f].name, function.powers[f]));
  for (std::size_t f = 0; f < function.moduli.size(); ++f)
    if (function.moduli[f]) factors.push_back(power_text("|" + measurement.fields[f].name + "|", function.moduli[f]));
  return factors;
}

std::string subscript(const Candidate& candidate, const Measurement& measurement) {
  std::string text;
  for (std::size_t axis = 0; axis < candidate.orders.size(); ++axis)
    for (int i = 0; i < candidate.orders[axis]; ++i) text += measurement.axes[axis].name;
  return text;
}

// Orders along the space axes of "xxy"; none where it is not made of their names.
std::optional<std::vector<int>> orders_of(std::string_view subscript, const Measurement& measurement) {
  std::vector<int> orders(static_cast<std::size_t>(measurement.space_dimensions()), 0);
  while (!subscript.empty()) {
    std::size_t axis = 0;
    while (axis < orders.size() && !subscript.starts_with(measurement.axes[axis].name)) ++axis;
    if (axis == orders.size()) return std::nullopt;
    ++orders[axis];
    subscript.remove_prefix(measurement.axes[axis].name.size());
  }
  return orders;
}

// Whether the parenthesis that opens a text closes at its end.
bool is_enclosed(std::string_view text) {
  int open = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    open += (text[i] == '(') - (text[i] == ')');
    if (open == 0) return text[i] == ')' && i + 1 == text.size();
  }
  return false;
}

// A user's term: a formula, its derivative as (x*u)_x, or, among products, a formula times a derivative as x*u_x.
Candidate user_term(const std::string& text, const Measurement& measurement, bool products) {
  const std::vector<int> none(measurement.fields.size(), 0);
  Candidate term = {{none, none, text}, std::vector<int>(static_cast<std::size_t>(measurement.space_dimensions()), 0)};
  const std::size_t mark = text.rfind('_');
  try {
    PointValues(measurement, term.function);  // refuses what cannot be read
    return term;
  } catch (const InputError&) {
    const auto orders = mark == std::string::npos ? std::nullopt : orders_of(text.substr(mark + 1), measurement);
    if (!orders) throw;
    term.orders = *orders;
    const std::string before = text.substr(0, mark);
    const std::size_t times = before.rfind('*');
    if (is_enclosed(before)) {
      term.function.formula = before.substr(1, before.size() - 2);
    } else if (times == std::string::npos || (term.of = measurement.index_of(before.substr(times + 1))) < 0) {
      throw;
    } else if (!products) {
      throw InputError(
          fmt::format("the weak form takes derivatives of whole terms: instead of '{0}' write ({1})_{2}, and "
                      "what that has too many as a term of its own; or choose the strong form",
                      text, before, text.substr(mark + 1)));
    } else {
      term.function.formula = before.substr(0, times);
    }
  }
  PointValues(measurement, term.function);
  return term;
}

}  // namespace

int PointFunction::degree() const {
  return std::accumulate(powers.begin(), powers.end(), 0) + std::accumulate(moduli.begin(), moduli.end(), 0);
}

int Candidate::order() const {
  return std::accumulate(orders.begin(), orders.end(), 0);
}

std::vector<Candidate> candidate_library(const Measurement& measurement, const LibraryOptions& options) {
  std::vector<Candidate> library;
  const auto functions = monomials(measurement, options);
  for (const std::vector<int>& orders : derivatives(measurement, options))
    for (const PointFunction& function : functions) {
      const Candidate candidate = {function, orders};
      const bool constant = function.degree() == 0;
      if (candidate.order() == 0) {
        if (!constant || options.constant) library.push_back(candidate);
      } else if (options.products) {
        for (std::size_t f = 0; f < measurement.fields.size(); ++f)
          if (!measurement.fields[f].given) library.push_back({function, orders, static_cast<int>(f)});
      } else if (!constant) {
        library.push_back(candidate);
      }
    }
  std::vector<std::string> formulas = options.formulas;
  if (options.trigonometric)
    for (const Field& field : measurement.fields)
      for (const char* wave : {"sin", "cos"}) formulas.push_back(fmt::format("{}({})", wave, field.name));
  for (const std::string& formula : formulas) library.push_back(user_term(formula, measurement, options.products));
  if (std::any_of(measurement.fields.begin(), measurement.fields.end(),
                  [](const Field& f) { return f.is_complex(); })) {
    std::vector<Candidate> doubled;
    for (Candidate& candidate : library) {
      doubled.push_back(candidate);
      candidate.imaginary_unit = true;
      doubled.push_back(candidate);
    }
    library = std::move(doubled);
  }
  if (library.size() > most_candidates)
    throw InputError(fmt::format("{} candidate terms are more than {}; lower the degree or the order of derivatives",
                                 library.size(), most_candidates));
  return library;
}

TermText term_text(const Candidate& candidate, const Measurement& measurement) {
  TermText term;
  std::vector<std::string> factors = factors_of(candidate.function, measurement);
  const std::string below = subscript(candidate, measurement);
  if (!below.empty() && candidate.of >= 0) {
    factors.push_back(measurement.fields[static_cast<std::size_t>(candidate.of)].name + "_" + below);
  } else if (!below.empty()) {
    const PointFunction& function = candidate.function;
    const auto field = std::find_if(function.powers.begin(), function.powers.end(), [](int p) { return p > 0; });
    const bool power_of_one = field != function.powers.end() && *field == function.degree();
    if (power_of_one && (*field == 1 || candidate.order() == 1)) {
      const std::string& name = measurement.fields[static_cast<std::size_t>(field - function.powers.begin())].name;
      term.factor = *field;
      factors.clear();
      if (*field > 1) factors.push_back(power_text(name, *field - 1));
      factors.push_back(name + "_" + below);
    } else {
      factors = {"(" + join_factors(factors) + ")_" + below};
    }
  }
  if (factors.empty()) factors = {"1"};
  if (candidate.imaginary_unit) factors.insert(factors.begin(), "i");
  term.text = join_factors(factors);
  return term;
}

// A formula of fields and axes, evaluated point by point.
struct PointValues::Formula {
  mu::Parser parser;
  std::vector<double> fields, axes;  // what its variables are bound to

  Formula(const Measurement& measurement, const std::string& text)
      : fields(measurement.fields.size()), axes(measurement.axes.size()) {
    try {
      for (std::size_t f = 0; f < fields.size(); ++f)
        if (!measurement.fields[f].is_complex()) parser.DefineVar(measurement.fields[f].name, &fields[f]);
      for (std::size_t a = 0; a < axes.size(); ++a) parser.DefineVar(measurement.axes[a].name, &axes[a]);
      parser.SetExpr(text);
      parser.Eval();
    } catch (const mu::Parser::exception_type& error) {
      throw InputError(fmt::format("the term '{}' cannot be read: {}", text, error.GetMsg()));
    }
  }

  double at(const Measurement& measurement, std::int64_t index) {
    for (std::size_t f = 0; f < fields.size(); ++f)
      fields[f] = measurement.fields[f].values[static_cast<std::size_t>(index)];
    for (std::size_t a = axes.size(); a-- > 0;) {
      const auto& points = measurement.axes[a].points;
      axes[a] = points[static_cast<std::size_t>(index) % points.size()];
      index /= static_cast<std::int64_t>(points.size());
    }
    return parser.Eval();
  }
};

double unbiased_power(double u, int m, double s) {
  // He_m by its recurrence: H_{k+1} = u H_k - k s H_{k-1}
  double last = 0, value = 1;
  for (int k = 0; k < m; ++k) {
    const double next = u * value - k * s * last;
    last = value;
    value = next;
  }
  return value;
}

std::complex<double> unbiased_power(std::complex<double> u, int m, int n, double s) {
  // sum_j (-s)^j j! C(m, j) C(n, j) u^(m-j) conj(u)^(n-j)
  const auto power = [](std::complex<double> base, int k) {
    std::complex<double> product = 1;
    for (int i = 0; i < k; ++i) product *= base;
    return product;
  };
  std::complex<double> sum = 0;
  double weight = 1;
  for (int j = 0; j <= std::min(m, n); ++j) {
    sum += weight * power(u, m - j) * power(std::conj(u), n - j);
    weight *= -s * (m - j) * (n - j) / (j + 1);
  }
  return sum;
}

PointValues::PointValues(const Measurement& measurement, const PointFunction& function,
                         std::vector<double> noise_variance)
    : measurement_(measurement), function_(function), noise_variance_(std::move(noise_variance)) {
  noise_variance_.resize(measurement.fields.size(), 0);
  if (!function.formula.empty()) formula_ = std::make_unique<Formula>(measurement, function.formula);
}

PointValues::~PointValues() = default;

namespace {

void multiply_by(const Field& field, int power, int modulus, double s, std::int64_t begin, std::int64_t count,
                 double* out) {
  require(!field.is_complex(), "a complex field among real ones");
  const double* u = field.values.data() + begin;
  if (s == 0 || modulus) {
    for (int k = 0; k < power; ++k)
      for (std::int64_t i = 0; i < count; ++i) out[i] *= u[i];
    for (int k = 0; k < modulus; ++k)
      for (std::int64_t i = 0; i < count; ++i) out[i] *= std::abs(u[i]);
  } else if (power) {
    for (std::int64_t i = 0; i < count; ++i) out[i] *= unbiased_power(u[i], power, s);
  }
}

void multiply_by(const Field& field, int power, int modulus, double s, std::int64_t begin, std::int64_t count,
                 std::complex<double>* out) {
  if (power == 0 && modulus == 0) return;
  const double* re = field.values.data() + begin;
  const double* im = field.is_complex() ? field.imaginary.data() + begin : nullptr;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::complex<double> u(re[i], im ? im[i] : 0);
    if (im && modulus % 2 == 0) {
      out[i] *= unbiased_power(u, power + modulus / 2, modulus / 2, s);
    } else {
      for (int k = 0; k < power; ++k) out[i] *= u;
      out[i] *= std::pow(std::abs(u), modulus);
    }
  }
}

template <class T>
void multiply_all(const Measurement& measurement, const PointFunction& function,
                  const std::vector<double>& noise_variance, std::int64_t begin, std::int64_t count, T* out) {
  std::fill_n(out, count, T(1));
  for (std::size_t f = 0; f < measurement.fields.size(); ++f)
    multiply_by(measurement.fields[f], function.powers[f], function.moduli[f], noise_variance[f], begin, count, out);
}

template <class T>
void clear_holes(const Measurement& measurement, std::int64_t begin, std::int64_t count, T* out) {
  if (measurement.mask.empty()) return;
  for (std::int64_t i = 0; i < count; ++i)
    if (!measurement.mask[static_cast<std::size_t>(begin + i)]) out[i] = 0;
}

}  // namespace

void PointValues::operator()(std::int64_t begin, std::int64_t count, double* out) {
  if (formula_)
    for (std::int64_t i = 0; i < count; ++i) out[i] = formula_->at(measurement_, begin + i);
  else
    multiply_all(measurement_, function_, noise_variance_, begin, count, out);
  clear_holes(measurement_, begin, count, out);
}

void PointValues::operator()(std::int64_t begin, std::int64_t count, std::complex<double>* out) {
  if (formula_)
    for (std::int64_t i = 0; i < count; ++i) out[i] = formula_->at(measurement_, begin + i);
  else
    multiply_all(measurement_, function_, noise_variance_, begin, count, out);
  clear_holes(measurement_, begin, count, out);
}

}  // namespace turnpike
