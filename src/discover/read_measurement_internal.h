// What the readers of arrays and of tables share.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <turnpike/discover/read_measurement.h>

namespace turnpike {

// "u=usol": u is the name in the equation, usol the variable in the file. "usol": both.
struct Named {
  std::string name, variable;
};
Named named(const std::string& word);

// "0:0.1": points from 0 in steps of 0.1; nothing for other words. InputError for a step that is none.
std::optional<std::vector<double>> even_points(std::string_view text, std::int64_t n, const std::string& axis);

bool is_time_name(std::string name);  // t, tt, time in any case

// The index of the time axis among these names. InputError where none is known to be time.
std::size_t time_axis(const std::vector<std::string>& names, const std::string& asked, const std::string& source);

// "x, 256 points from -8 to 7.9375 in steps of 0.0625".
std::string axis_text(const GridAxis& axis);

// A name that can stand in a formula: the last part of a path, without signs.
std::string formula_name(const std::string& variable);

// Refuses holes unless the mask takes them ("nan"); otherwise masks them and says so.
void settle_holes(Measurement& measurement, const MeasurementQuery& query, std::vector<std::string>& notes);

ReadMeasurements read_arrays(const std::filesystem::path& path, const MeasurementQuery& query);
ReadMeasurements read_table(const std::filesystem::path& path, const MeasurementQuery& query);

}  // namespace turnpike
