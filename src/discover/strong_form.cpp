#include <turnpike/discover/strong_form.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include <turnpike/base/error.h>
#include <turnpike/base/progress.h>
#include <turnpike/base/seed.h>
#include <turnpike/math/random.h>

namespace turnpike {
namespace {

using Orders = std::vector<int>;     // of the derivative along each axis, time last
using Values = std::vector<double>;  // on the grid

// One derivative operator for each axis and order that is needed.
class Differentiation {
 public:
  using Make = decltype(line_derivative);  // or finer_derivative

  Differentiation(const Measurement& measurement, const StrongOptions& options, double noise, Make* make)
      : measurement_(measurement), options_(options), noise_(noise), make_(make) {}

  const LineDerivative& along(std::size_t axis, int order) {
    auto& made = made_[{axis, order}];
    const bool time = axis + 1 == measurement_.axes.size();
    if (!made)
      made = make_(time ? options_.time : options_.space, measurement_.axes[axis].name, measurement_.axes[axis].points,
                   order, noise_);
    return *made;
  }

  Values operator()(Values values, const Orders& orders) {
    const std::vector<std::int64_t> shape = measurement_.shape();
    for (std::size_t axis = 0; axis < orders.size(); ++axis) {
      if (!orders[axis]) continue;
      const LineDerivative& derivative = along(axis, orders[axis]);
      const auto n = static_cast<std::size_t>(shape[axis]);
      std::int64_t stride = 1;
      for (std::size_t a = axis + 1; a < shape.size(); ++a) stride *= shape[a];
      Values line(n), out(n);
      for (std::int64_t start = 0; start < measurement_.count(); ++start) {
        if (start / stride % shape[axis]) continue;
        if (start % 4096 == 0 && stop_requested()) throw Interrupted("stopped while differentiating");
        for (std::size_t i = 0; i < n; ++i)
          line[i] = values[static_cast<std::size_t>(start) + i * static_cast<std::size_t>(stride)];
        derivative.apply(line, out);
        for (std::size_t i = 0; i < n; ++i)
          values[static_cast<std::size_t>(start) + i * static_cast<std::size_t>(stride)] = out[i];
      }
    }
    return values;
  }

 private:
  const Measurement& measurement_;
  const StrongOptions& options_;
  double noise_;
  Make* make_;
  std::map<std::pair<std::size_t, int>, std::unique_ptr<LineDerivative>> made_;
};

Orders with_time(const std::vector<int>& space, int time) {
  Orders orders = space;
  orders.push_back(time);
  return orders;
}

struct Layout {
  RowBlock block;
  std::vector<std::int64_t> grid_points;  // of each row
};

bool near_a_hole(const Measurement& measurement, std::int64_t point, const std::vector<std::int64_t>& margins) {
  const std::vector<std::int64_t> shape = measurement.shape();
  std::int64_t stride = 1;
  for (std::size_t axis = shape.size(); axis-- > 0;) {
    for (std::int64_t k = -margins[axis]; k <= margins[axis]; ++k)
      if (!measurement.mask[static_cast<std::size_t>(point + k * stride)]) return true;
    stride *= shape[axis];
  }
  return false;
}

// Points that have every derivative, thinned until there are at most `most`.
Layout lay_out(const Measurement& measurement, const std::vector<std::int64_t>& margins, std::int64_t most) {
  Layout layout;
  const std::vector<std::int64_t> shape = measurement.shape();
  std::vector<std::int64_t> strides(shape.size(), 1);
  const auto count_all = [&] {
    layout.block.lattice.clear();
    std::int64_t count = 1;
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
      layout.block.lattice.push_back(
          std::max<std::int64_t>(0, (shape[axis] - 2 * margins[axis] - 1) / strides[axis] + 1));
      if (shape[axis] <= 2 * margins[axis])
        throw InputError(
            fmt::format("{}: axis {} has {} points, fewer than its derivatives need; measure more, or lower their "
                        "order or width",
                        measurement.source, measurement.axes[axis].name, shape[axis]));
      count *= layout.block.lattice.back();
    }
    return count;
  };
  while (count_all() > most) {
    const auto longest = std::max_element(layout.block.lattice.begin(), layout.block.lattice.end());
    ++strides[static_cast<std::size_t>(longest - layout.block.lattice.begin())];
  }
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    const double width = static_cast<double>(2 * margins[axis] + 1) / static_cast<double>(strides[axis]);
    layout.block.reach.push_back(std::max(1.0, width));
    layout.block.correlation.push_back(std::max(1.0, width / 2));
  }
  std::int64_t count = 1;
  for (const std::int64_t n : layout.block.lattice) count *= n;
  for (std::int64_t k = 0; k < count; ++k) {
    std::int64_t point = 0, stride = 1, place = k;
    for (std::size_t axis = shape.size(); axis-- > 0;) {
      point += (margins[axis] + place % layout.block.lattice[axis] * strides[axis]) * stride;
      place /= layout.block.lattice[axis];
      stride *= shape[axis];
    }
    if (!measurement.mask.empty() && near_a_hole(measurement, point, margins)) continue;
    layout.block.points.push_back(k);
    layout.grid_points.push_back(point);
  }
  return layout;
}

// A function of the point or a field as real and imaginary values on the grid.
struct ComplexValues {
  Values re, im;  // im: none where all is real
};

ComplexValues grid_values(const Measurement& measurement, const PointFunction& function) {
  const auto n = static_cast<std::size_t>(measurement.count());
  PointValues values(measurement, function);
  ComplexValues out = {Values(n), {}};
  if (!measurement.is_complex()) {
    values(0, measurement.count(), out.re.data());
    return out;
  }
  out.im.resize(n);
  std::vector<std::complex<double>> part(4096);
  for (std::size_t begin = 0; begin < n; begin += part.size()) {
    const std::size_t count = std::min(part.size(), n - begin);
    values(static_cast<std::int64_t>(begin), static_cast<std::int64_t>(count), part.data());
    for (std::size_t i = 0; i < count; ++i) {
      out.re[begin + i] = part[i].real();
      out.im[begin + i] = part[i].imag();
    }
  }
  return out;
}

using RowValues = std::vector<std::complex<double>>;

RowValues at_rows(const ComplexValues& values, const std::vector<std::int64_t>& points) {
  RowValues rows;
  rows.reserve(points.size());
  for (const std::int64_t point : points)
    rows.emplace_back(values.re[static_cast<std::size_t>(point)],
                      values.im.empty() ? 0 : values.im[static_cast<std::size_t>(point)]);
  return rows;
}

PointFunction power_of_field(const Measurement& measurement, int field) {
  PointFunction function = {std::vector<int>(measurement.fields.size(), 0),
                            std::vector<int>(measurement.fields.size(), 0), ""};
  function.powers[static_cast<std::size_t>(field)] = 1;
  return function;
}

// Derivatives of functions of the point at the rows, each made once.
class RowDerivatives {
 public:
  RowDerivatives(const Measurement& measurement, Differentiation& differentiation,
                 const std::vector<std::int64_t>& points)
      : measurement_(measurement), differentiation_(differentiation), points_(points) {}

  const RowValues& operator()(const PointFunction& function, const Orders& orders) {
    for (const auto& [known, value] : cache_)
      if (known.first == function && known.second == orders) return value;
    ComplexValues values = grid_values(measurement_, function);
    if (std::any_of(orders.begin(), orders.end(), [](int order) { return order > 0; })) {
      values.re = differentiation_(std::move(values.re), orders);
      if (!values.im.empty()) values.im = differentiation_(std::move(values.im), orders);
    }
    cache_.push_back({{function, orders}, at_rows(values, points_)});
    return cache_.back().second;
  }

 private:
  const Measurement& measurement_;
  Differentiation& differentiation_;
  const std::vector<std::int64_t>& points_;
  std::vector<std::pair<std::pair<PointFunction, Orders>, RowValues>> cache_;
};

void write_column(const RowValues& values, const RowBlock& block, bool imaginary_unit, std::span<double> column) {
  for (std::size_t r = 0; r < values.size(); ++r) {
    const std::complex<double> value =
        imaginary_unit ? std::complex<double>(-values[r].imag(), values[r].real()) : values[r];
    column[block.first_row + r] = value.real();
    if (block.components == 2) column[block.first_row + values.size() + r] = value.imag();
  }
}

// The columns of one experiment and, after them, its left sides: [rows of the block, candidates + left sides].
Matrix columns_of(const Measurement& measurement, const Layout& layout, Differentiation& differentiation,
                  const LinearSystem& system) {
  RowBlock block = layout.block;
  block.first_row = 0;
  Matrix columns(block.rows(), system.candidates.size() + system.left_sides.size());
  RowDerivatives derivative(measurement, differentiation, layout.grid_points);
  const Orders none(measurement.axes.size(), 0);
  for (std::size_t j = 0; j < system.candidates.size(); ++j) {
    const Candidate& candidate = system.candidates[j];
    const Orders orders = with_time(candidate.orders, 0);
    RowValues value;
    if (candidate.of < 0) {
      value = derivative(candidate.function, orders);
    } else {
      value = derivative(candidate.function, none);
      const RowValues& factor = derivative(power_of_field(measurement, candidate.of), orders);
      for (std::size_t r = 0; r < value.size(); ++r) value[r] *= factor[r];
    }
    write_column(value, block, candidate.imaginary_unit, columns.column(j));
  }
  for (std::size_t s = 0; s < system.left_sides.size(); ++s)
    write_column(derivative(power_of_field(measurement, system.left_sides[s].field),
                            with_time(Orders(none.begin() + 1, none.end()), system.left_sides[s].order)),
                 block, false, columns.column(system.candidates.size() + s));
  return columns;
}

// Side by side: the columns, and their errors as finer derivatives see them. [rows of the block, 2 (candidates + left
// sides)]
Matrix with_errors(const Matrix& columns, const Matrix& finer) {
  Matrix both(columns.rows(), 2 * columns.columns());
  for (std::size_t j = 0; j < columns.columns(); ++j)
    for (std::size_t r = 0; r < columns.rows(); ++r) {
      both(r, j) = columns(r, j);
      both(r, columns.columns() + j) = columns(r, j) - finer(r, j);
    }
  return both;
}

// The same measurement with as much noise once more.
Measurement noisier(const Measurement& measurement) {
  Measurement noisier = measurement;
  Random random(seed_for(0, "noise once more"));
  for (Field& field : noisier.fields) {
    if (field.given) continue;
    const double deviation = noise_deviation(measurement, field) / (field.is_complex() ? std::sqrt(2.0) : 1.0);
    for (double& value : field.values) value += deviation * random.normal();
    for (double& value : field.imaginary) value += deviation * random.normal();
  }
  return noisier;
}

// What noise and the derivatives' errors add to the products of the columns. Noise stands in the errors too, and is
// known by what as much of it once more makes of them.
void add_uncertainty(const Measurement& measurement, const Layout& layout, Differentiation& derivatives,
                     Differentiation& finer, const Matrix& columns, LinearSystem& system) {
  const Matrix both = with_errors(columns, columns_of(measurement, layout, finer, system));
  const Measurement again = noisier(measurement);
  Matrix change = with_errors(columns_of(again, layout, derivatives, system), columns_of(again, layout, finer, system));
  for (std::size_t i = 0; i < change.rows() * change.columns(); ++i) change.data()[i] -= both.data()[i];
  const Matrix products = gram(both), noise = gram(change);
  const std::size_t q = columns.columns();
  for (std::size_t a = 0; a < q; ++a)
    for (std::size_t b = 0; b < q; ++b) {
      system.noise_products(a, b) += noise(a, b);
      system.error_products(a, b) += products(q + a, q + b) - noise(q + a, q + b);
      system.error_overlap(a, b) += products(a, q + b) - noise(a, q + b);
    }
}

}  // namespace

LinearSystem strong_system(const std::vector<Measurement>& measurements, const std::vector<Candidate>& candidates,
                           const std::vector<LeftSide>& left_sides, const StrongOptions& options) {
  check_together(measurements);
  LinearSystem system = {.candidates = candidates, .left_sides = left_sides, .exact_residual = 1e-2};
  std::vector<Layout> layouts;
  std::vector<std::unique_ptr<Differentiation>> differentiations, finer;
  std::size_t rows = 0;
  for (const Measurement& measurement : measurements) {
    double noise = 0;
    if (options.space.method == "spline" || options.time.method == "spline")
      for (const Field& field : measurement.fields)
        if (!field.given) noise = std::max(noise, noise_deviation(measurement, field));
    differentiations.push_back(std::make_unique<Differentiation>(measurement, options, noise, line_derivative));
    finer.push_back(std::make_unique<Differentiation>(measurement, options, noise, finer_derivative));
    std::vector<std::int64_t> margins(measurement.axes.size(), 0);
    const auto widen = [&](const Orders& orders) {
      for (std::size_t axis = 0; axis < orders.size(); ++axis) {
        const LineDerivative& derivative = differentiations.back()->along(axis, orders[axis]);
        margins[axis] = std::max(margins[axis], derivative.margin);
        if (options.see_errors) margins[axis] = std::max(margins[axis], finer.back()->along(axis, orders[axis]).margin);
        if (derivative.needs_whole_line && !measurement.mask.empty())
          throw InputError(
              fmt::format("{}: there are holes along axis {}; use the weak form, finite differences or polynomials",
                          measurement.source, measurement.axes[axis].name));
      }
    };
    for (const Candidate& candidate : candidates) widen(with_time(candidate.orders, 0));
    for (const LeftSide& side : left_sides) widen(with_time(Orders(margins.size() - 1, 0), side.order));
    Layout layout = lay_out(measurement, margins, options.most_rows / static_cast<std::int64_t>(measurements.size()));
    layout.block.first_row = rows;
    layout.block.components = measurement.is_complex() ? 2 : 1;
    rows += layout.block.rows();
    layouts.push_back(std::move(layout));
  }
  if (rows == 0)
    throw InputError(fmt::format("{}: every point is too close to a hole for its derivatives", measurements[0].source));

  system.columns = Matrix(rows, candidates.size());
  system.rhs.assign(left_sides.size(), std::vector<double>(rows, 0.0));
  const std::size_t p = candidates.size();
  if (options.see_errors)
    system.noise_products = system.error_products = system.error_overlap =
        Matrix(p + left_sides.size(), p + left_sides.size());
  for (std::size_t i = 0; i < measurements.size(); ++i) {
    const Measurement& measurement = measurements[i];
    const RowBlock& block = layouts[i].block;
    const Matrix part = columns_of(measurement, layouts[i], *differentiations[i], system);
    for (std::size_t j = 0; j < part.columns(); ++j)
      std::copy(part.column(j).begin(), part.column(j).end(),
                (j < p ? system.columns.column(j).data() : system.rhs[j - p].data()) + block.first_row);
    if (options.see_errors) add_uncertainty(measurement, layouts[i], *differentiations[i], *finer[i], part, system);
    system.notes.push_back(fmt::format("{}: derivatives by {} in space, {} in time, at {} points", measurement.source,
                                       options.space.method, options.time.method, block.points.size()));
    system.blocks.push_back(std::move(layouts[i].block));
  }
  return system;
}

}  // namespace turnpike
