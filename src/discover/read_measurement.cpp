#include <turnpike/discover/read_measurement.h>

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include <turnpike/base/error.h>
#include <turnpike/base/options.h>
#include <turnpike/io/text.h>
#include <turnpike/io/variables.h>

#include "read_measurement_internal.h"

namespace turnpike {
namespace {

// Where in the grid a flat index lies: "x = 0.5, t = 2".
std::string place(const Measurement& measurement, std::size_t index) {
  std::string text;
  for (std::size_t k = measurement.axes.size(); k-- > 0;) {
    const GridAxis& axis = measurement.axes[k];
    const std::size_t n = axis.points.size();
    text = fmt::format("{} = {:.6g}{}{}", axis.name, axis.points[index % n], text.empty() ? "" : ", ", text);
    index /= n;
  }
  return text;
}

// Measurements of one system have the same fields over the same axes.
void require_alike(const Measurement& first, const Measurement& other) {
  const auto names = [](const Measurement& m) {
    std::string text;
    for (const Field& field : m.fields) text += (text.empty() ? "" : ", ") + field.name;
    text += " over ";
    for (std::size_t k = 0; k < m.axes.size(); ++k) text += (k ? ", " : "") + m.axes[k].name;
    return text;
  };
  if (names(first) != names(other))
    throw InputError(fmt::format("{} holds {}, but {} holds {}; experiments of one system need the same names",
                                 first.source, names(first), other.source, names(other)));
}

}  // namespace

bool is_time_name(std::string name) {
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return name == "t" || name == "tt" || name == "time";
}

Named named(const std::string& word) {
  const std::size_t equals = word.find('=');
  if (equals == std::string::npos) return {formula_name(word), word};
  return {word.substr(0, equals), word.substr(equals + 1)};
}

std::string formula_name(const std::string& variable) {
  std::string name;
  for (char c : variable.substr(variable.find_last_of("/.") + 1))
    if (std::isalnum(static_cast<unsigned char>(c))) name += c;
  return name;
}

std::optional<std::vector<double>> even_points(std::string_view text, std::int64_t n, const std::string& axis) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto start = number_in(text.substr(0, colon)), step = number_in(text.substr(colon + 1));
  if (!start || !step || !std::isfinite(*start) || !std::isfinite(*step) || !(*step > 0))
    throw InputError(fmt::format("axis {}: {} is no START:STEP of numbers with a step above 0", axis, shown(text)));
  std::vector<double> points(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < points.size(); ++i) points[i] = *start + static_cast<double>(i) * *step;
  return points;
}

std::size_t time_axis(const std::vector<std::string>& names, const std::string& asked, const std::string& source) {
  if (!asked.empty()) {
    const auto found = std::find(names.begin(), names.end(), asked);
    if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
    throw InputError(
        fmt::format("{} has no axis '{}' to be time; its axes are {}", source, asked, fmt::join(names, ", ")));
  }
  if (names.size() == 1) return 0;
  std::vector<std::size_t> likely;
  for (std::size_t k = 0; k < names.size(); ++k)
    if (is_time_name(names[k])) likely.push_back(k);
  if (likely.size() == 1) return likely[0];
  throw InputError(fmt::format("{}: which of the axes {} is time? Say --time NAME", source, fmt::join(names, ", ")));
}

std::string axis_text(const GridAxis& axis) {
  if (axis.points.size() < 2) return fmt::format("{}, {} point", axis.name, axis.points.size());
  const std::string steps = axis.uniform() ? fmt::format("in steps of {:.6g}", axis.step()) : "in uneven steps";
  return fmt::format("{}, {} points from {:.6g} to {:.6g} {}", axis.name, axis.points.size(), axis.points.front(),
                     axis.points.back(), steps);
}

void settle_holes(Measurement& measurement, const MeasurementQuery& query, std::vector<std::string>& notes) {
  if (query.mask == "nan") {
    const std::int64_t holes = mask_holes(measurement);
    notes.push_back(fmt::format("{} of {} points hold no number and are left out", holes, measurement.count()));
    return;
  }
  for (const Field& field : measurement.fields) {
    std::int64_t holes = 0;
    std::size_t first = 0;
    for (std::size_t i = field.values.size(); i-- > 0;) {
      if (!measurement.mask.empty() && !measurement.mask[i]) continue;
      if (std::isfinite(field.values[i]) && (!field.is_complex() || std::isfinite(field.imaginary[i]))) continue;
      ++holes;
      first = i;
    }
    if (holes > 0)
      throw InputError(fmt::format(
          "{}: {} of the {} values of {} are no numbers (the first at {}); say --mask nan to leave them out",
          measurement.source, holes, field.values.size(), field.name, place(measurement, first)));
  }
}

ReadMeasurements read_measurements(const std::vector<std::filesystem::path>& files, const MeasurementQuery& query) {
  require(!files.empty(), "no file to read a measurement from");
  ReadMeasurements all;
  for (const std::filesystem::path& file : files) {
    ReadMeasurements one =
        format_of_file(file) == FileFormat::text ? read_table(file, query) : read_arrays(file, query);
    for (Measurement& measurement : one.measurements) {
      settle_holes(measurement, query, one.notes);
      check_measurement(measurement);
      if (!all.measurements.empty()) require_alike(all.measurements.front(), measurement);
      all.measurements.push_back(std::move(measurement));
    }
    for (std::string& note : one.notes)
      all.notes.push_back(files.size() == 1 ? std::move(note) : file.filename().string() + ": " + note);
  }
  return all;
}

}  // namespace turnpike
