// Measurements from data files: arrays with their axes (MAT, HDF5, NPZ, NPY), or tables of text with a column for each
// axis and field. Axes are named, or found from lengths that leave one choice; how they were found is said in `notes`.
//
//   ReadMeasurements data = read_measurements({"burgers.mat"}, {.fields = {"usol"}, .axes = {"x", "t"}});
//   data.measurements[0].axes[0].name         // "x"
//   data.notes[0]                             // "usol [256, 101]: x, 256 points from -8 to 7.9375 in steps of ..."
//
// Several experiments become several measurements: one or more from each file. A complex field whose imaginary part is
// zero is read as real. Memory: the field twice while it is turned into order, then once.
//
// Errors: InputError, one sentence with what to write instead, for a name that is not there, an axis that no variable
// gives or that several could give, axes in another order than the array's, holes that no mask names.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <turnpike/discover/measurement.h>

namespace turnpike {

struct MeasurementQuery {
  // "usol", or "u=usol" to call it u. None: the one array that has axes; of a table, every column that is no axis.
  std::vector<std::string> fields;
  // Along the dimensions of the array, in its order: "x"; "t=tt", the points from tt under the name t; "x=0:0.1",
  // points from 0 in steps of 0.1; "each", experiments one beside the other; "component", the parts of a vector u: u1,
  // u2, ... Of a table: its columns; "each=run" where the column run numbers the experiments.
  std::vector<std::string> axes;
  std::string time;                // name of the axis that is time; none: t, tt or time, or the only one
  std::string mask;                // a variable that is 0 where nothing was measured; "nan": where a value is no number
  std::vector<std::string> given;  // further fields, known and without an equation of their own, as a potential
};

struct ReadMeasurements {
  std::vector<Measurement> measurements;
  std::vector<std::string> notes;
};

ReadMeasurements read_measurements(const std::vector<std::filesystem::path>& files, const MeasurementQuery& query = {});

}  // namespace turnpike
