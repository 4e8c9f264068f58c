#include <turnpike/discover/measurement.h>

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <set>

#include <turnpike/base/error.h>
#include <turnpike/base/seed.h>
#include <turnpike/math/random.h>

namespace turnpike {
namespace {

constexpr std::size_t most_fields = 8, most_axes = 4;

bool can_stand_in_a_formula(const std::string& name) {
  if (name.empty() || !std::isalpha(static_cast<unsigned char>(name[0]))) return false;
  return std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c); });
}

bool measured_at(const Measurement& measurement, std::size_t index) {
  return measurement.mask.empty() || measurement.mask[index];
}

void check_axis(const GridAxis& axis, const std::string& source) {
  if (axis.points.size() < 2)
    throw InputError(fmt::format("{}: axis {} has {} points; a derivative along it needs more", source, axis.name,
                                 axis.points.size()));
  for (std::size_t i = 0; i < axis.points.size(); ++i) {
    if (!std::isfinite(axis.points[i]))
      throw InputError(fmt::format("{}: point {} of axis {} is not a number", source, i, axis.name));
    if (i && !(axis.points[i] > axis.points[i - 1]))
      throw InputError(fmt::format("{}: axis {} does not increase at point {} ({} after {}); sort the data along it",
                                   source, axis.name, i, axis.points[i], axis.points[i - 1]));
  }
}

void check_field(const Measurement& measurement, const Field& field) {
  const std::size_t count = static_cast<std::size_t>(measurement.count());
  if (field.values.size() != count || (field.is_complex() && field.imaginary.size() != count))
    throw InputError(fmt::format("{}: field {} has {} values, its axes have {} points", measurement.source, field.name,
                                 field.values.size(), count));
  for (std::size_t i = 0; i < count; ++i)
    if (measured_at(measurement, i) &&
        !(std::isfinite(field.values[i]) && (!field.is_complex() || std::isfinite(field.imaginary[i]))))
      throw InputError(fmt::format("{}: field {} has a value that is not a number at index {}; mask such holes",
                                   measurement.source, field.name, i));
}

}  // namespace

bool GridAxis::uniform() const {
  const double mean = step();
  for (std::size_t i = 1; i < points.size(); ++i)
    if (std::abs(points[i] - points[i - 1] - mean) > 1e-4 * mean) return false;
  return true;
}

double GridAxis::step() const {
  return (points.back() - points.front()) / static_cast<double>(points.size() - 1);
}

std::int64_t Measurement::count() const {
  std::int64_t product = 1;
  for (const GridAxis& axis : axes) product *= axis.size();
  return product;
}

std::vector<std::int64_t> Measurement::shape() const {
  std::vector<std::int64_t> sizes;
  for (const GridAxis& axis : axes) sizes.push_back(axis.size());
  return sizes;
}

bool Measurement::is_complex() const {
  return std::any_of(fields.begin(), fields.end(), [](const Field& field) { return field.is_complex(); });
}

int Measurement::index_of(const std::string& field) const {
  for (std::size_t i = 0; i < fields.size(); ++i)
    if (fields[i].name == field) return static_cast<int>(i);
  return -1;
}

void check_measurement(const Measurement& measurement) {
  if (measurement.axes.empty() || measurement.axes.size() > most_axes)
    throw InputError(fmt::format("{}: {} axes; a measurement has a time axis and up to three in space",
                                 measurement.source, measurement.axes.size()));
  if (measurement.fields.empty() || measurement.fields.size() > most_fields)
    throw InputError(fmt::format("{}: {} fields; one to {} can be searched together", measurement.source,
                                 measurement.fields.size(), most_fields));
  std::set<std::string> names;
  const auto check_name = [&](const std::string& name) {
    if (!can_stand_in_a_formula(name))
      throw InputError(
          fmt::format("{}: the name '{}' cannot stand in a formula; use letters and digits, a letter first",
                      measurement.source, name));
    if (!names.insert(name).second)
      throw InputError(fmt::format("{}: the name '{}' is used twice", measurement.source, name));
  };
  for (const GridAxis& axis : measurement.axes) {
    check_name(axis.name);
    check_axis(axis, measurement.source);
  }
  if (!measurement.mask.empty() && static_cast<std::int64_t>(measurement.mask.size()) != measurement.count())
    throw InputError(fmt::format("{}: the mask has {} entries, the grid {} points", measurement.source,
                                 measurement.mask.size(), measurement.count()));
  for (const Field& field : measurement.fields) {
    check_name(field.name);
    check_field(measurement, field);
  }
}

std::int64_t mask_holes(Measurement& measurement) {
  std::int64_t holes = 0;
  for (const Field& field : measurement.fields)
    for (std::size_t i = 0; i < field.values.size(); ++i) {
      if (std::isfinite(field.values[i]) && (!field.is_complex() || std::isfinite(field.imaginary[i]))) continue;
      if (measurement.mask.empty()) measurement.mask.assign(field.values.size(), 1);
      holes += measurement.mask[i];
      measurement.mask[i] = 0;
    }
  return holes;
}

void add_noise(Measurement& measurement, double level, std::uint64_t seed, NoiseScale scale) {
  for (Field& field : measurement.fields) {
    if (field.given) continue;
    double sum = 0, sum_imaginary = 0, squares = 0;
    std::size_t n = 0;
    for (std::size_t i = 0; i < field.values.size(); ++i) {
      if (!measured_at(measurement, i)) continue;
      const double real = field.values[i], imaginary = field.is_complex() ? field.imaginary[i] : 0;
      sum += real;
      sum_imaginary += imaginary;
      squares += real * real + imaginary * imaginary;
      ++n;
    }
    if (!n) continue;
    const double count = static_cast<double>(n);
    double variance = squares / count;
    if (scale == NoiseScale::deviation) variance -= (sum * sum + sum_imaginary * sum_imaginary) / (count * count);
    const double sigma = level * std::sqrt(std::max(variance, 0.0) / (field.is_complex() ? 2 : 1));
    Random random(seed_for(seed, "noise " + field.name));
    for (double& value : field.values) value += sigma * random.normal();
    for (double& value : field.imaginary) value += sigma * random.normal();
  }
}

}  // namespace turnpike
