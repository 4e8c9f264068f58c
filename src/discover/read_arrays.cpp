// Measurements from files of named arrays.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <numeric>
#include <utility>

#include <turnpike/base/error.h>
#include <turnpike/io/text.h>
#include <turnpike/io/variables.h>

#include "read_measurement_internal.h"

namespace turnpike {
namespace {

constexpr const char *each = "each", *component = "component";

using Shape = std::vector<std::int64_t>;

// MATLAB's vectors are matrices of one row or column: such dimensions say nothing.
Shape without_ones(const Shape& shape) {
  Shape out;
  for (std::int64_t n : shape)
    if (n != 1) out.push_back(n);
  return out;
}

bool is_row_of_points(const Variable& variable) {
  return variable.dtype && !is_complex(*variable.dtype) && without_ones(variable.shape).size() == 1 &&
         without_ones(variable.shape)[0] >= 2;
}

// One dimension of the field, as the file stores it.
struct Dimension {
  std::int64_t length = 0;
  std::string name;      // of the axis; each; component
  std::string variable;  // whose values are the points; "" where `points` are known
  std::vector<double> points;
  bool turned = false;  // the points fall along the file
  bool is_axis() const { return name != each && name != component; }
};

// How a run of indices steps through an array.
struct Walk {
  std::int64_t start = 0;
  std::vector<std::pair<std::int64_t, std::int64_t>> loops;  // count, stride; the last one is the innermost
};

// Real or complex doubles, whatever they were.
Array as_doubles(Array array) {
  if (array.dtype == DType::f64 || array.dtype == DType::c128) return array;
  if (is_complex(array.dtype)) return array_of(array.shape, to_complex(array));
  return array_of(array.shape, to_doubles(array));
}

// Every `width`-th double of the array, in the order of the walk, from the `part`-th on.
std::vector<double> gather(const Array& array, const Walk& walk, std::size_t width, std::size_t part) {
  std::size_t count = 1;
  for (const auto& [n, stride] : walk.loops) count *= static_cast<std::size_t>(n);
  std::vector<double> out(count);
  std::vector<std::int64_t> index(walk.loops.size(), 0);
  std::int64_t at = walk.start;
  for (double& value : out) {
    std::memcpy(&value, array.bytes.data() + (static_cast<std::size_t>(at) * width + part) * sizeof(double),
                sizeof value);
    for (std::size_t k = index.size(); k-- > 0;) {
      at += walk.loops[k].second;
      if (++index[k] < walk.loops[k].first) break;
      at -= walk.loops[k].second * walk.loops[k].first;
      index[k] = 0;
    }
  }
  return out;
}

double largest(const Array& array, std::size_t part) {
  double most = 0;
  for (std::size_t i = part; i < array.bytes.size() / sizeof(double); i += 2) {
    double value;
    std::memcpy(&value, array.bytes.data() + i * sizeof(double), sizeof value);
    most = std::max(most, std::abs(value));
  }
  return most;
}

class ArrayFile {
 public:
  ArrayFile(const std::filesystem::path& path, const MeasurementQuery& query)
      : path_(path), source_(path.string()), query_(query), variables_(list_variables(path)) {}

  ReadMeasurements read() {
    choose_fields();
    choose_dimensions();
    const std::size_t time = time_dimension();
    read_values();
    turn_falling_axes();
    say_what_was_read();
    order_.clear();
    for (std::size_t k = 0; k < dimensions_.size(); ++k)
      if (dimensions_[k].is_axis() && k != time) order_.push_back(k);
    order_.push_back(time);
    ReadMeasurements out;
    const std::size_t stacked = index_of_role(each);
    const std::int64_t n = stacked < dimensions_.size() ? dimensions_[stacked].length : 1;
    for (std::int64_t experiment = 0; experiment < n; ++experiment)
      out.measurements.push_back(measurement(experiment, n));
    out.notes = std::move(notes_);
    return out;
  }

 private:
  std::filesystem::path path_;
  std::string source_;
  const MeasurementQuery& query_;
  std::vector<Variable> variables_;
  std::vector<Named> fields_, given_;
  std::vector<Dimension> dimensions_;    // of the first field, without those of length one
  std::vector<std::size_t> order_;       // of the axes in a measurement: space, then time
  std::map<std::string, Array> values_;  // by variable
  std::vector<std::string> notes_;

  const Variable& variable(const std::string& name) const { return variable_named(variables_, name, source_); }
  Shape shape_of(const std::string& name) const { return without_ones(variable(name).shape); }

  std::size_t index_of_role(const char* role) const {
    const auto found =
        std::find_if(dimensions_.begin(), dimensions_.end(), [&](const Dimension& d) { return d.name == role; });
    return static_cast<std::size_t>(found - dimensions_.begin());
  }

  bool has_other_use(const std::string& name) const {
    const auto names_it = [&](const std::string& word) { return named(word).variable == name; };
    return name == query_.mask || std::any_of(query_.given.begin(), query_.given.end(), names_it) ||
           std::any_of(query_.axes.begin(), query_.axes.end(), names_it);
  }

  void choose_fields() {
    for (const std::string& word : query_.given) given_.push_back(named(word));
    for (const std::string& word : query_.fields) fields_.push_back(named(word));
    if (fields_.empty()) find_fields();
    const Shape first = shape_of(fields_[0].variable);
    if (first.empty())
      throw InputError(fmt::format("{}: {} is a single number, no field", source_, fields_[0].variable));
    for (const Named& field : fields_)
      if (shape_of(field.variable) != first)
        throw InputError(fmt::format("{}: {} is {}, but {} is {}; fields of one equation need one shape", source_,
                                     fields_[0].variable, shape_text(first), field.variable,
                                     shape_text(shape_of(field.variable))));
  }

  // The one array of two or more dimensions; without any, the vectors beside the one that is time.
  void find_fields() {
    std::vector<std::string> grids, rows, all;
    for (const Variable& v : variables_) {
      all.push_back(fmt::format("{} {}", v.name, v.dtype ? shape_text(v.shape) : v.type));
      if (!v.dtype || has_other_use(v.name)) continue;
      if (without_ones(v.shape).size() >= 2) grids.push_back(v.name);
      if (without_ones(v.shape).size() == 1) rows.push_back(v.name);
    }
    if (grids.empty()) grids = trajectories(rows);
    if (grids.empty() && variables_.size() == 1 && rows.size() == 1) grids = rows;
    if (grids.empty())
      throw InputError(fmt::format("{} holds no array over two or more axes; name the field with --field. It holds {}",
                                   source_, all.empty() ? "nothing" : fmt::format("{}", fmt::join(all, ", "))));
    if (grids.size() > 1 && !shape_of(grids[0]).empty() && shape_of(grids[0]).size() >= 2)
      throw InputError(
          fmt::format("{} holds several arrays that could be the field: {}; name one, or all that belong to the "
                      "equations: --field {} or --field {},{}",
                      source_, fmt::join(grids, ", "), grids[0], grids[0], grids[1]));
    for (const std::string& name : grids) fields_.push_back(named(name));
  }

  std::vector<std::string> trajectories(const std::vector<std::string>& rows) const {
    std::size_t time = rows.size();
    for (std::size_t k = 0; k < rows.size(); ++k)
      if (rows[k] == query_.time || (query_.time.empty() && is_time_name(rows[k]))) time = k;
    if (time == rows.size()) {
      // --axes names it.
      if (query_.axes.size() != 1) return {};
      return rows;
    }
    std::vector<std::string> fields;
    for (std::size_t k = 0; k < rows.size(); ++k)
      if (k != time && shape_of(rows[k]) == shape_of(rows[time])) fields.push_back(rows[k]);
    return fields;
  }

  void choose_dimensions() {
    const Shape shape = shape_of(fields_[0].variable);
    for (std::int64_t n : shape) dimensions_.push_back({.length = n});
    if (!query_.axes.empty()) return take_named_axes();
    if (take_axes_of_file()) return;
    find_axes_by_length();
  }

  std::string field_text() const {
    return fmt::format("{} {}", fields_[0].variable, shape_text(shape_of(fields_[0].variable)));
  }

  void take_named_axes() {
    const std::vector<std::string>& words = query_.axes;
    if (words.size() != dimensions_.size())
      throw InputError(fmt::format("{}: {} has {} dimension{}, but --axes names {}: {}", source_, field_text(),
                                   dimensions_.size(), dimensions_.size() == 1 ? "" : "s", words.size(),
                                   fmt::join(words, ",")));
    std::vector<std::int64_t> lengths;  // -1: any
    for (std::size_t k = 0; k < words.size(); ++k) {
      Dimension& dimension = dimensions_[k];
      const Named axis = named(words[k]);
      dimension.name = axis.name;
      if (words[k] == each || words[k] == component) {
        lengths.push_back(-1);
      } else if (auto points = even_points(axis.variable, dimension.length, axis.name)) {
        dimension.points = std::move(*points);
        lengths.push_back(-1);
      } else {
        const Variable& found = variable(axis.variable);
        if (!is_row_of_points(found))
          throw InputError(fmt::format("{}: {} is {} {}, no row of points that could be an axis", source_, found.name,
                                       found.type, shape_text(found.shape)));
        dimension.variable = found.name;
        lengths.push_back(without_ones(found.shape)[0]);
      }
    }
    require_lengths(words, lengths);
  }

  void require_lengths(const std::vector<std::string>& words, const std::vector<std::int64_t>& lengths) const {
    const auto fits = [&](const std::vector<std::size_t>& order) {
      for (std::size_t k = 0; k < order.size(); ++k)
        if (lengths[order[k]] >= 0 && lengths[order[k]] != dimensions_[k].length) return false;
      return true;
    };
    std::vector<std::size_t> order(words.size());
    std::iota(order.begin(), order.end(), 0);
    if (fits(order)) return;
    std::vector<std::string> has;
    for (std::size_t k = 0; k < words.size(); ++k)
      if (lengths[k] >= 0) has.push_back(fmt::format("{} has {} points", words[k], lengths[k]));
    std::string advice = "name those it is measured on";
    while (std::next_permutation(order.begin(), order.end()))
      if (fits(order)) {
        std::vector<std::string> right;
        for (std::size_t k : order) right.push_back(words[k]);
        advice = fmt::format("they stand in another order: --axes {}", fmt::join(right, ","));
        break;
      }
    throw InputError(
        fmt::format("{}: {} does not lie on these axes ({}); {}", source_, field_text(), fmt::join(has, ", "), advice));
  }

  // HDF5 and netCDF can say which variable an axis is.
  bool take_axes_of_file() {
    const Variable& field = variable(fields_[0].variable);
    if (field.axes.empty()) return false;
    std::size_t at = 0;
    std::vector<Dimension> found = dimensions_;
    for (std::size_t k = 0; k < field.shape.size(); ++k) {
      if (field.shape[k] == 1) continue;
      const auto scale = std::find_if(variables_.begin(), variables_.end(), [&](const Variable& v) {
        return v.name == field.axes[k] && is_row_of_points(v);
      });
      if (scale == variables_.end() || without_ones(scale->shape)[0] != field.shape[k]) return false;
      found[at].variable = scale->name;
      found[at++].name = formula_name(scale->name);
    }
    dimensions_ = std::move(found);
    notes_.emplace_back("the axes are those that the file names");
    return true;
  }

  void find_axes_by_length() {
    std::vector<std::vector<std::string>> choices(dimensions_.size());
    const auto is_field = [&](const std::string& name) {
      const auto it = [&](const Named& field) { return field.variable == name; };
      return std::any_of(fields_.begin(), fields_.end(), it) || std::any_of(given_.begin(), given_.end(), it);
    };
    for (const Variable& v : variables_) {
      if (!is_row_of_points(v) || is_field(v.name) || v.name == query_.mask) continue;
      for (std::size_t k = 0; k < dimensions_.size(); ++k)
        if (without_ones(v.shape)[0] == dimensions_[k].length) choices[k].push_back(v.name);
    }
    for (std::size_t k = 0; k < dimensions_.size(); ++k) refuse_unclear(choices, k);
    for (std::size_t k = 0; k < dimensions_.size(); ++k) {
      dimensions_[k].variable = choices[k][0];
      dimensions_[k].name = formula_name(choices[k][0]);
    }
    notes_.emplace_back("the axes were found by their lengths");
  }

  void refuse_unclear(const std::vector<std::vector<std::string>>& choices, std::size_t k) const {
    const auto example = [&] {
      std::vector<std::string> words;
      for (const char* axis : {"x", "y", "z"})
        if (words.size() + 1 < dimensions_.size()) words.push_back(fmt::format("{}=0:0.1", axis));
      words.emplace_back("t=0:0.01");
      return fmt::format("--axes {}", fmt::join(words, ","));
    };
    if (choices[k].empty())
      throw InputError(fmt::format(
          "{}: no variable gives the {} points along dimension {} of {}; name every axis, or its start and step: {}",
          source_, dimensions_[k].length, k + 1, field_text(), example()));
    std::vector<std::size_t> same;
    for (std::size_t j = 0; j < dimensions_.size(); ++j)
      if (dimensions_[j].length == dimensions_[k].length) same.push_back(j + 1);
    if (choices[k].size() == 1 && same.size() == 1) return;
    throw InputError(
        fmt::format("{}: the axes of {} are not clear from their lengths: {} points have {}; say which lies "
                    "along which dimension, as --axes {}",
                    source_, field_text(), dimensions_[k].length, fmt::join(choices[k], ", "),
                    fmt::join(one_order_of(choices), ",")));
  }

  // A variable for each dimension, none twice, time last: where the lengths allow.
  static std::vector<std::string> one_order_of(const std::vector<std::vector<std::string>>& choices) {
    std::vector<std::string> words;
    for (std::vector<std::string> names : choices) {
      std::stable_partition(names.begin(), names.end(), [](const std::string& name) { return !is_time_name(name); });
      const auto free = std::find_if(names.begin(), names.end(), [&](const std::string& name) {
        return std::find(words.begin(), words.end(), name) == words.end();
      });
      words.push_back(free != names.end() ? *free : names.empty() ? "x=0:0.1" : names[0]);
    }
    return words;
  }

  std::size_t time_dimension() {
    std::vector<std::string> names;
    std::vector<std::size_t> at;
    for (std::size_t k = 0; k < dimensions_.size(); ++k) {
      if (!dimensions_[k].is_axis()) continue;
      names.push_back(dimensions_[k].name);
      at.push_back(k);
    }
    if (names.empty())
      throw InputError(fmt::format("{}: --axes names no axis, only experiments and components", source_));
    const std::size_t time = at[time_axis(names, query_.time, source_)];
    // u_tt would read as a second derivative.
    if (dimensions_[time].name == "tt" && std::find(names.begin(), names.end(), "t") == names.end())
      dimensions_[time].name = "t";
    return time;
  }

  void read_values() {
    std::vector<std::string> names;
    const auto want = [&](const std::string& name) {
      if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end())
        names.push_back(variable(name).name);
    };
    for (const Named& field : fields_) want(field.variable);
    for (const Named& field : given_) want(field.variable);
    for (const Dimension& dimension : dimensions_) want(dimension.variable);
    if (query_.mask != "nan") want(query_.mask);
    std::vector<Array> arrays = read_variables(path_, names);
    for (std::size_t k = 0; k < names.size(); ++k) values_[names[k]] = as_doubles(std::move(arrays[k]));
    for (Dimension& dimension : dimensions_)
      if (!dimension.variable.empty()) dimension.points = to_doubles(values_.at(dimension.variable));
    for (const std::vector<Named>* group : {&fields_, &given_})
      for (const Named& field : *group) drop_empty_imaginary(field.variable);
  }

  // Fields that came out of a spectral solver are often stored complex; what rounding put into their imaginary parts
  // grows with time, to 2e-6 in the published KdV data.
  void drop_empty_imaginary(const std::string& name) {
    Array& array = values_.at(name);
    if (array.dtype != DType::c128) return;
    const double real = largest(array, 0), imaginary = largest(array, 1);
    if (!(imaginary <= 1e-5 * real)) return;
    Walk all{0, {{array.count(), 1}}};
    array = array_of(array.shape, gather(array, all, 2, 0));
    notes_.push_back(imaginary == 0
                         ? fmt::format("{} is stored complex, its imaginary part is zero: read as real", name)
                         : fmt::format("{} is stored complex, its imaginary part is at most {:.1g} of the "
                                       "real one: read as real",
                                       name, imaginary / real));
  }

  void turn_falling_axes() {
    for (Dimension& dimension : dimensions_) {
      std::vector<double>& p = dimension.points;
      if (p.size() < 2 || !std::is_sorted(p.rbegin(), p.rend()) || p.front() == p.back()) continue;
      std::reverse(p.begin(), p.end());
      dimension.turned = true;
      notes_.push_back(fmt::format("{} falls along the file: turned around", dimension.name));
    }
  }

  void say_what_was_read() {
    std::vector<std::string> names, axes;
    for (const Named& field : fields_)
      names.push_back(field.name == field.variable ? field.name
                                                   : fmt::format("{} (called {})", field.variable, field.name));
    for (const Dimension& d : dimensions_)
      axes.push_back(d.name == each        ? fmt::format("{} experiments", d.length)
                     : d.name == component ? fmt::format("{} components", d.length)
                                           : axis_text({d.name, d.points}));
    notes_.insert(notes_.begin(), fmt::format("{} {}: {}", fmt::join(names, ", "),
                                              shape_text(shape_of(fields_[0].variable)), fmt::join(axes, "; ")));
  }

  // How to run through an array in the order of a measurement. It spans all dimensions of the field, or the space axes
  // alone, or time alone: along the others it repeats.
  Walk walk_of(const std::string& name, std::int64_t experiment, std::int64_t part) const {
    const Shape shape = shape_of(name);
    std::vector<std::size_t> all(dimensions_.size()), space(order_.begin(), order_.end() - 1), time = {order_.back()};
    std::iota(all.begin(), all.end(), 0);
    std::sort(space.begin(), space.end());
    for (const std::vector<std::size_t>& spanned : {all, space, time}) {
      const bool fits = std::equal(spanned.begin(), spanned.end(), shape.begin(), shape.end(),
                                   [&](std::size_t k, std::int64_t n) { return dimensions_[k].length == n; });
      if (!fits || spanned.empty()) continue;
      std::vector<std::int64_t> stride(dimensions_.size(), 0);
      std::int64_t product = 1;
      for (std::size_t j = spanned.size(); j-- > 0;) {
        stride[spanned[j]] = product;
        product *= shape[j];
      }
      return walk_with(stride, experiment, part);
    }
    std::vector<std::int64_t> lengths;
    for (const Dimension& d : dimensions_) lengths.push_back(d.length);
    throw InputError(fmt::format("{}: {} is {}, which spans neither the {} of the field nor its space axes alone",
                                 source_, name, shape_text(variable(name).shape), shape_text(lengths)));
  }

  Walk walk_with(const std::vector<std::int64_t>& stride, std::int64_t experiment, std::int64_t part) const {
    Walk walk;
    for (std::size_t k = 0; k < dimensions_.size(); ++k) {
      const Dimension& d = dimensions_[k];
      if (d.name == each) walk.start += experiment * stride[k];
      if (d.name == component) walk.start += part * stride[k];
      if (d.turned) walk.start += (d.length - 1) * stride[k];
    }
    for (std::size_t k : order_)
      walk.loops.emplace_back(dimensions_[k].length, dimensions_[k].turned ? -stride[k] : stride[k]);
    return walk;
  }

  Field field_of(const Named& from, const std::string& name, const Walk& walk) const {
    const Array& array = values_.at(from.variable);
    const bool complex = is_complex(array.dtype);
    Field field{.name = name, .values = gather(array, walk, complex ? 2 : 1, 0)};
    if (complex) field.imaginary = gather(array, walk, 2, 1);
    return field;
  }

  Measurement measurement(std::int64_t experiment, std::int64_t n_experiments) {
    Measurement out;
    out.source = n_experiments == 1 ? source_ : fmt::format("{}, experiment {}", source_, experiment + 1);
    for (std::size_t k : order_) out.axes.push_back({dimensions_[k].name, dimensions_[k].points});
    const std::size_t parts = index_of_role(component);
    const std::int64_t n_parts = parts < dimensions_.size() ? dimensions_[parts].length : 1;
    for (const Named& field : fields_) {
      for (std::int64_t part = 0; part < n_parts; ++part)
        out.fields.push_back(field_of(field, n_parts == 1 ? field.name : fmt::format("{}{}", field.name, part + 1),
                                      walk_of(field.variable, experiment, part)));
      if (experiment + 1 == n_experiments) values_.at(field.variable) = {};
    }
    for (const Named& field : given_) {
      out.fields.push_back(field_of(field, field.name, walk_of(field.variable, experiment, 0)));
      out.fields.back().given = true;
    }
    if (!query_.mask.empty() && query_.mask != "nan") {
      const Array& array = values_.at(query_.mask);
      if (is_complex(array.dtype)) throw InputError(fmt::format("{}: the mask {} is complex", source_, query_.mask));
      for (double value : gather(array, walk_of(query_.mask, experiment, 0), 1, 0))
        out.mask.push_back(std::isfinite(value) && value != 0);
      if (std::find(out.mask.begin(), out.mask.end(), 1) == out.mask.end())
        throw InputError(fmt::format("{}: the mask {} leaves nothing measured: it is 0 or no number at every point",
                                     source_, query_.mask));
    }
    return out;
  }
};

}  // namespace

ReadMeasurements read_arrays(const std::filesystem::path& path, const MeasurementQuery& query) {
  return ArrayFile(path, query).read();
}

}  // namespace turnpike
