#include <turnpike/discover/weak_form.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <functional>
#include <map>

#include <turnpike/base/error.h>
#include <turnpike/base/seed.h>
#include <turnpike/math/random.h>

namespace turnpike {
namespace {

constexpr double few_rows = 40;

using Orders = std::vector<int>;  // of the derivative along each axis, time last

// The lattice of test functions along one axis.
struct Comb {
  TestFunction test;
  std::int64_t n = 0, stride = 1, count = 0;  // points of the grid; step and size of the lattice

  std::int64_t width() const { return 2 * test.half_width + 1; }
};

// ---- contraction of a slab, axis by axis

template <class T>
T weighted_sum(const double* w, const T* values, std::int64_t n) {
  T a{}, b{}, c{}, d{};
  std::int64_t i = 0;
  for (; i + 4 <= n; i += 4) {
    a += w[i] * values[i];
    b += w[i + 1] * values[i + 1];
    c += w[i + 2] * values[i + 2];
    d += w[i + 3] * values[i + 3];
  }
  for (; i < n; ++i) a += w[i] * values[i];
  return (a + b) + (c + d);
}

// in [before, n, after] -> out [before, count, after]
template <class T>
std::vector<T> contract(const std::vector<T>& in, std::int64_t after, const Comb& comb,
                        const std::vector<double>& weights) {
  const std::int64_t before = static_cast<std::int64_t>(in.size()) / (comb.n * after);
  std::vector<T> out(static_cast<std::size_t>(before * comb.count * after), T{});
  for (std::int64_t b = 0; b < before; ++b)
    for (std::int64_t k = 0; k < comb.count; ++k) {
      const T* from = in.data() + (b * comb.n + k * comb.stride) * after;
      T* to = out.data() + (b * comb.count + k) * after;
      if (after == 1) {
        *to = weighted_sum(weights.data(), from, comb.width());
        continue;
      }
      for (std::int64_t i = 0; i < comb.width(); ++i)
        for (std::int64_t a = 0; a < after; ++a) to[a] += weights[static_cast<std::size_t>(i)] * from[i * after + a];
    }
  return out;
}

// Against all test functions at once: `outputs` derivatives of psi, each [lattice].
class Projection {
 public:
  using Weights = std::function<std::vector<double>(const Comb&, int axis, int order)>;

  Projection(const std::vector<Comb>& combs, const Weights& weights, std::vector<Orders> outputs)
      : combs_(combs), outputs_(std::move(outputs)) {
    for (std::size_t axis = 0; axis < combs.size(); ++axis)
      for (const Orders& orders : outputs_)
        weights_[{axis, orders[axis]}] = weights(combs[axis], static_cast<int>(axis), orders[axis]);
  }

  // values(begin, count, out): the function of the point on the grid.
  template <class T, class Values>
  std::vector<std::vector<T>> operator()(Values&& values) const {
    std::int64_t slab_points = 1, slab_lattice = 1;
    for (std::size_t axis = 1; axis < combs_.size(); ++axis) {
      slab_points *= combs_[axis].n;
      slab_lattice *= combs_[axis].count;
    }
    const Comb& first = combs_[0];
    std::vector<std::vector<T>> out(outputs_.size(),
                                    std::vector<T>(static_cast<std::size_t>(first.count * slab_lattice), T{}));
    std::vector<T> slab(static_cast<std::size_t>(slab_points));
    for (std::int64_t i = 0; i < first.n; ++i) {
      values(i * slab_points, slab_points, slab.data());
      const std::map<Orders, std::vector<T>> parts = contract_slab(slab);
      // psi_k reaches point i for k stride <= i < k stride + width.
      const std::int64_t low = std::max<std::int64_t>(0, (i - first.width() + first.stride) / first.stride);
      const std::int64_t high = std::min(first.count - 1, i / first.stride);
      for (std::size_t o = 0; o < outputs_.size(); ++o) {
        const std::vector<T>& part = parts.at(Orders(outputs_[o].begin() + 1, outputs_[o].end()));
        const std::vector<double>& w = weights_.at({0, outputs_[o][0]});
        for (std::int64_t k = low; k <= high; ++k) {
          const double weight = w[static_cast<std::size_t>(i - k * first.stride)];
          T* to = out[o].data() + k * slab_lattice;
          for (std::int64_t a = 0; a < slab_lattice; ++a) to[a] += weight * part[static_cast<std::size_t>(a)];
        }
      }
    }
    return out;
  }

 private:
  // From the last axis to the second; what several outputs share is done once.
  template <class T>
  std::map<Orders, std::vector<T>> contract_slab(const std::vector<T>& slab) const {
    std::map<Orders, std::vector<T>> parts = {{Orders{}, slab}};
    std::int64_t after = 1;
    for (std::size_t axis = combs_.size() - 1; axis >= 1; --axis) {
      std::map<Orders, std::vector<T>> next;
      for (const Orders& output : outputs_) {
        const Orders suffix(output.begin() + static_cast<std::ptrdiff_t>(axis), output.end());
        if (next.count(suffix)) continue;
        next[suffix] = contract(parts.at(Orders(suffix.begin() + 1, suffix.end())), after, combs_[axis],
                                weights_.at({axis, suffix[0]}));
      }
      parts = std::move(next);
      after *= combs_[axis].count;
    }
    return parts;
  }

  std::vector<Comb> combs_;
  std::vector<Orders> outputs_;
  std::map<std::pair<std::size_t, int>, std::vector<double>> weights_;
};

// ---- choice of test functions and lattice

void check_uniform(const Measurement& measurement) {
  for (const GridAxis& axis : measurement.axes)
    if (!axis.uniform())
      throw InputError(
          fmt::format("{}: the steps of axis {} differ (mean {:.4g}); the weak form needs equal ones: choose "
                      "the strong form, or resample the data",
                      measurement.source, axis.name, axis.step()));
}

// The mean over the fields that are searched, as their spectra may differ.
TestFunction choose_for_axis(const Measurement& measurement, const DataSpectrum& spectrum, int axis, int highest_order,
                             double factor) {
  const int n = static_cast<int>(measurement.axes[static_cast<std::size_t>(axis)].size());
  const int widest = std::max(highest_order + 2, (n - 1) / 4);
  double half_width = 0;
  int fields = 0;
  for (const std::vector<double>& amplitude : spectrum.amplitude[static_cast<std::size_t>(axis)]) {
    if (amplitude.empty()) continue;
    half_width += choose_test_function(amplitude, n, highest_order, widest).half_width;
    ++fields;
  }
  const double wanted = factor * half_width / std::max(fields, 1);
  const int m = std::clamp(static_cast<int>(std::lround(wanted)), std::min(highest_order + 2, widest), widest);
  return test_function_of_width(m, highest_order);
}

std::vector<TestFunction> choose_test_functions(const Measurement& measurement, const DataSpectrum& spectrum,
                                                const Orders& highest, const std::vector<double>& factors) {
  std::vector<TestFunction> chosen;
  for (std::size_t axis = 0; axis < measurement.axes.size(); ++axis)
    chosen.push_back(choose_for_axis(measurement, spectrum, static_cast<int>(axis), highest[axis],
                                     factors.empty() ? 1.0 : factors[axis]));
  return chosen;
}

// The lattice for given test functions.
std::vector<Comb> choose_combs(const Measurement& measurement, const std::vector<TestFunction>& test_functions,
                               const WeakOptions& options) {
  std::vector<Comb> combs;
  for (std::size_t axis = 0; axis < measurement.axes.size(); ++axis) {
    Comb comb;
    comb.n = measurement.axes[axis].size();
    comb.test = test_functions[axis];
    if (comb.n < comb.width())
      throw InputError(fmt::format(
          "{}: axis {} has {} points, fewer than one test function needs ({}); measure more, or use the strong form",
          measurement.source, measurement.axes[axis].name, comb.n, comb.width()));
    comb.stride = std::max(1, comb.test.half_width / options.per_width);
    combs.push_back(comb);
  }
  const auto count_all = [&] {
    std::int64_t rows = 1;
    for (Comb& comb : combs) {
      comb.count = (comb.n - comb.width()) / comb.stride + 1;
      rows *= comb.count;
    }
    return rows;
  };
  while (count_all() > options.most_rows) {
    auto densest =
        std::max_element(combs.begin(), combs.end(), [](const Comb& a, const Comb& b) { return a.count < b.count; });
    densest->stride += std::max<std::int64_t>(1, densest->stride / 4);
  }
  return combs;
}

// sum over lags of rho^2, rho the autocorrelation of white noise seen through the test function: grid points that count
// as one independent row.
double correlation_length(const std::vector<double>& w) {
  const auto n = static_cast<std::int64_t>(w.size());
  double at_zero = 0, sum = 0;
  for (std::int64_t lag = 0; lag < n; ++lag) {
    double product = 0;
    for (std::int64_t i = 0; i + lag < n; ++i)
      product += w[static_cast<std::size_t>(i)] * w[static_cast<std::size_t>(i + lag)];
    if (lag == 0) at_zero = product;
    const double rho = product / at_zero;
    sum += (lag ? 2 : 1) * rho * rho;
  }
  return sum;
}

// ---- assembly

Orders with_time(const std::vector<int>& space, int time) {
  Orders orders = space;
  orders.push_back(time);
  return orders;
}

std::vector<std::int64_t> rows_without_holes(const Measurement& measurement, const std::vector<Comb>& combs) {
  std::int64_t lattice = 1;
  for (const Comb& comb : combs) lattice *= comb.count;
  std::vector<std::int64_t> rows;
  if (measurement.mask.empty()) {
    for (std::int64_t k = 0; k < lattice; ++k) rows.push_back(k);
    return rows;
  }
  const Projection count_holes(
      combs,
      [](const Comb& comb, int, int) { return std::vector<double>(static_cast<std::size_t>(comb.width()), 1.0); },
      {Orders(combs.size(), 0)});
  const auto holes = count_holes.operator()<double>([&](std::int64_t begin, std::int64_t count, double* out) {
    for (std::int64_t i = 0; i < count; ++i) out[i] = measurement.mask[static_cast<std::size_t>(begin + i)] ? 0 : 1;
  });
  for (std::int64_t k = 0; k < lattice; ++k)
    if (holes[0][static_cast<std::size_t>(k)] < 0.5) rows.push_back(k);
  return rows;
}

double real_part(double value) {
  return value;
}
double real_part(std::complex<double> value) {
  return value.real();
}
double imaginary_part(double) {
  return 0;
}
double imaginary_part(std::complex<double> value) {
  return value.imag();
}

// Writes the rows of one column: real parts, then imaginary parts, of value or i value.
template <class T>
void write_column(const std::vector<T>& values, const RowBlock& block, bool imaginary_unit, std::span<double> column) {
  const std::size_t n = block.points.size();
  for (std::size_t r = 0; r < n; ++r) {
    const T value = values[static_cast<std::size_t>(block.points[r])];
    const double re = real_part(value), im = imaginary_part(value);
    column[block.first_row + r] = imaginary_unit ? -im : re;
    if (block.components == 2) column[block.first_row + n + r] = imaginary_unit ? re : im;
  }
}

struct Assembly {
  const Measurement& measurement;
  std::vector<Comb> combs;
  RowBlock block;
  std::vector<double> noise_variance;  // of each field
};

// d^order phi on the grid, with the sign of the integration by parts.
std::vector<double> weights_of(const Measurement& measurement, const Comb& comb, std::size_t axis, int order) {
  std::vector<double> w = comb.test.values(order, measurement.axes[axis].step());
  if (order % 2)
    for (double& value : w) value = -value;
  return w;
}

// Test functions overlap evenly but for the rim: points are drawn from where rows reach, evenly.
NoiseModel noise_model(const Assembly& part, const Orders& highest, int sample) {
  const Measurement& measurement = part.measurement;
  NoiseModel noise = {.variance = part.noise_variance};
  noise.test_functions = static_cast<double>(part.block.points.size());
  for (std::size_t axis = 0; axis < part.combs.size(); ++axis) {
    noise.strides.push_back(part.combs[axis].stride);
    noise.weights.emplace_back();
    for (int order = 0; order <= highest[axis]; ++order)
      noise.weights.back().push_back(weights_of(measurement, part.combs[axis], axis, order));
  }
  const auto fields_at = [&](std::int64_t point) {
    std::vector<std::complex<double>> values;
    for (const Field& field : measurement.fields)
      values.emplace_back(field.values[static_cast<std::size_t>(point)],
                          field.is_complex() ? field.imaginary[static_cast<std::size_t>(point)] : 0);
    return values;
  };
  // The point of the grid `off` away from the middle of a row's test function, along each axis.
  const auto point_of = [&](std::int64_t row, const std::vector<double>& off) {
    std::int64_t point = 0, stride = 1;
    for (std::size_t axis = part.combs.size(); axis-- > 0;) {
      const Comb& comb = part.combs[axis];
      const std::int64_t middle = row % comb.count * comb.stride + comb.test.half_width;
      point += std::clamp<std::int64_t>(middle + std::llround(off[axis]), 0, comb.n - 1) * stride;
      stride *= comb.n;
      row /= comb.count;
    }
    return point;
  };
  const std::vector<double> nowhere(part.combs.size(), 0.0);
  for (const std::int64_t row : part.block.points) noise.middles.push_back(fields_at(point_of(row, nowhere)));

  Random random(seed_for(0, "sample of the noise model"));
  for (int i = 0; i < sample && !part.block.points.empty(); ++i) {
    const std::int64_t row = part.block.points[random.below(part.block.points.size())];
    std::vector<double> off(part.combs.size());
    for (std::size_t axis = part.combs.size(); axis-- > 0;) {
      // As phi^2 weighs them: about a Gaussian of deviation m / sqrt(4 p + 3)
      const TestFunction& test = part.combs[axis].test;
      off[axis] = test.half_width / std::sqrt(4.0 * test.power + 3) * random.normal();
    }
    const std::int64_t point = point_of(row, off);
    if (measurement.mask.empty() || measurement.mask[static_cast<std::size_t>(point)])
      noise.sample.push_back(fields_at(point));
  }
  return noise;
}

template <class T>
void assemble(const Assembly& part, LinearSystem& system, Progress& progress) {
  const Measurement& measurement = part.measurement;
  std::map<std::pair<int, int>, std::vector<double>> known_weights;
  const auto weights = [&](const Comb& comb, int axis, int order) {
    const auto [entry, is_new] = known_weights.try_emplace({axis, order});
    if (is_new) entry->second = weights_of(measurement, comb, static_cast<std::size_t>(axis), order);
    return entry->second;
  };
  // Candidates and left sides grouped by their function of the point, which is evaluated and projected once.
  struct Use {
    std::size_t index;
    bool left;
  };
  std::vector<std::pair<PointFunction, std::vector<Use>>> groups;
  const auto group_of = [&](const PointFunction& function) -> std::vector<Use>& {
    for (auto& [other, uses] : groups)
      if (other == function) return uses;
    groups.push_back({function, {}});
    return groups.back().second;
  };
  for (std::size_t s = 0; s < system.left_sides.size(); ++s) {
    PointFunction field = {std::vector<int>(measurement.fields.size(), 0),
                           std::vector<int>(measurement.fields.size(), 0), ""};
    field.powers[static_cast<std::size_t>(system.left_sides[s].field)] = 1;
    group_of(field).push_back({s, true});
  }
  for (std::size_t j = 0; j < system.candidates.size(); ++j)
    group_of(system.candidates[j].function).push_back({j, false});

  std::int64_t done = 0;
  for (const auto& [function, uses] : groups) {
    progress.update("projecting", done++, static_cast<std::int64_t>(groups.size()), "");
    if (stop_requested()) throw Interrupted("stopped while projecting onto the test functions");
    const auto orders_of = [&](const Use& use) {
      return use.left ? with_time(std::vector<int>(static_cast<std::size_t>(measurement.space_dimensions()), 0),
                                  system.left_sides[use.index].order)
                      : with_time(system.candidates[use.index].orders, 0);
    };
    std::vector<Orders> outputs;
    for (const Use& use : uses)
      if (std::find(outputs.begin(), outputs.end(), orders_of(use)) == outputs.end()) outputs.push_back(orders_of(use));
    PointValues values(measurement, function, part.noise_variance);
    const auto projected = Projection(part.combs, weights, outputs).template operator()<T>(values);
    for (const Use& use : uses) {
      const auto at =
          static_cast<std::size_t>(std::find(outputs.begin(), outputs.end(), orders_of(use)) - outputs.begin());
      if (use.left)
        write_column(projected[at], part.block, false, system.rhs[use.index]);
      else
        write_column(projected[at], part.block, system.candidates[use.index].imaginary_unit,
                     system.columns.column(use.index));
    }
  }
}

// Rows of all measurements; their columns are still to be filled.
std::vector<Assembly> lay_out(const std::vector<Measurement>& measurements,
                              const std::vector<std::vector<TestFunction>>& tests,
                              const std::vector<LeftSide>& left_sides, const WeakOptions& options) {
  std::vector<Assembly> parts;
  std::size_t rows = 0;
  for (std::size_t i = 0; i < measurements.size(); ++i) {
    const Measurement& measurement = measurements[i];
    Assembly part = {measurement, choose_combs(measurement, tests[i], options), {}, {}};
    RowBlock& block = part.block;
    block.first_row = rows;
    block.components = measurement.is_complex() ? 2 : 1;
    block.points = rows_without_holes(measurement, part.combs);
    for (std::size_t axis = 0; axis < part.combs.size(); ++axis) {
      const Comb& comb = part.combs[axis];
      block.lattice.push_back(comb.count);
      const double stride = static_cast<double>(comb.stride);
      block.reach.push_back(static_cast<double>(comb.width()) / stride);
      const int order = axis + 1 == part.combs.size() ? left_sides[0].order : 0;
      block.correlation.push_back(std::max(1.0, correlation_length(comb.test.values(order, 1)) / stride));
    }
    rows += block.rows();
    parts.push_back(std::move(part));
  }
  return parts;
}

double effective_rows(const std::vector<Assembly>& parts) {
  double sum = 0;
  for (const Assembly& part : parts) sum += part.block.effective_rows();
  return sum;
}

// A fifth narrower along each axis; false: none can be.
bool narrow(std::vector<std::vector<TestFunction>>& tests, const Orders& highest) {
  bool narrower = false;
  for (std::vector<TestFunction>& test : tests)
    for (std::size_t axis = 0; axis < test.size(); ++axis) {
      const int m = std::max(highest[axis] + 2, test[axis].half_width * 4 / 5);
      if (m >= test[axis].half_width) continue;
      test[axis] = test_function_of_width(m, highest[axis]);
      narrower = true;
    }
  return narrower;
}

}  // namespace

std::vector<DataSpectrum> data_spectra(const std::vector<Measurement>& measurements) {
  std::vector<DataSpectrum> spectra;
  for (const Measurement& measurement : measurements) {
    DataSpectrum spectrum;
    for (const Field& field : measurement.fields) {
      const double deviation = field.given ? 0 : noise_deviation(measurement, field);
      spectrum.noise_variance.push_back(deviation * deviation);
    }
    for (std::size_t axis = 0; axis < measurement.axes.size(); ++axis) {
      spectrum.amplitude.emplace_back();
      for (const Field& field : measurement.fields)
        spectrum.amplitude.back().push_back(field.given ? std::vector<double>{}
                                                        : mean_amplitude(measurement, field, static_cast<int>(axis)));
    }
    spectra.push_back(std::move(spectrum));
  }
  return spectra;
}

LinearSystem weak_system(const std::vector<Measurement>& measurements, const std::vector<Candidate>& candidates,
                         const std::vector<LeftSide>& left_sides, const WeakOptions& options, Progress& progress) {
  check_together(measurements);
  LinearSystem system = {.candidates = candidates, .left_sides = left_sides};

  Orders highest(measurements[0].axes.size(), 0);
  for (const Candidate& candidate : candidates) {
    if (candidate.of >= 0) throw InputError("the weak form takes candidates d^a f(u), not f(u) d^a u");
    for (std::size_t a = 0; a < candidate.orders.size(); ++a) highest[a] = std::max(highest[a], candidate.orders[a]);
  }
  for (const LeftSide& side : left_sides) highest.back() = std::max(highest.back(), side.order);

  std::vector<std::vector<TestFunction>> tests;
  const std::vector<DataSpectrum> spectra = options.spectra.empty() ? data_spectra(measurements) : options.spectra;
  for (std::size_t i = 0; i < measurements.size(); ++i) {
    check_uniform(measurements[i]);
    tests.push_back(options.test_functions.empty()
                        ? choose_test_functions(measurements[i], spectra[i], highest, options.width_factors)
                        : options.test_functions);
  }
  std::vector<Assembly> parts = lay_out(measurements, tests, left_sides, options);
  // Few data, or many holes: narrower test functions give more rows, at the price of more noise in each.
  while (options.test_functions.empty() && effective_rows(parts) < few_rows) {
    if (!narrow(tests, highest)) break;
    parts = lay_out(measurements, tests, left_sides, options);
  }
  const std::size_t rows = parts.back().block.first_row + parts.back().block.rows();
  if (rows == 0)
    throw InputError(
        fmt::format("{}: every test function touches a hole of the mask; use the strong form", measurements[0].source));
  system.columns = Matrix(rows, candidates.size());
  system.rhs.assign(left_sides.size(), std::vector<double>(rows, 0.0));
  for (std::size_t i = 0; i < parts.size(); ++i) {
    Assembly& part = parts[i];
    part.noise_variance = spectra[i].noise_variance;
    if (!options.correct_noise) part.noise_variance.assign(part.noise_variance.size(), 0.0);
    if (part.block.components == 2)
      assemble<std::complex<double>>(part, system, progress);
    else
      assemble<double>(part, system, progress);
    std::vector<std::string> widths;
    for (std::size_t axis = 0; axis < part.combs.size(); ++axis) {
      const Comb& comb = part.combs[axis];
      widths.push_back(fmt::format("{} points along {} (p = {}, every {})", comb.width(),
                                   part.measurement.axes[axis].name, comb.test.power, comb.stride));
    }
    system.notes.push_back(fmt::format("{}: test functions of {}; {} of them, {:.0f} independent",
                                       part.measurement.source, fmt::join(widths, ", "), part.block.points.size(),
                                       part.block.effective_rows()));
    if (options.correct_noise) system.noise.push_back(noise_model(part, highest, options.noise_sample));
    system.blocks.push_back(std::move(part.block));
  }
  return system;
}

}  // namespace turnpike
