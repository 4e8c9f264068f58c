// Measurements from tables of text: a column for each axis and each field, a row for each point of the grid.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include <turnpike/base/error.h>
#include <turnpike/io/csv.h>
#include <turnpike/io/text.h>

#include "read_measurement_internal.h"

namespace turnpike {
namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();

class TableFile {
 public:
  TableFile(const std::filesystem::path& path, const MeasurementQuery& query)
      : source_(path.string()), query_(query), table_(read_csv(path)) {}

  ReadMeasurements read() {
    if (query_.mask != "" && query_.mask != "nan")
      throw InputError(fmt::format("{}: a table marks what was not measured by empty cells: say --mask nan", source_));
    choose_axes();
    choose_fields();
    ReadMeasurements out;
    for (const auto& [number, rows] : experiments()) {
      out.measurements.push_back(measurement(rows));
      if (!each_.variable.empty()) out.measurements.back().source += fmt::format(", {} {}", each_.variable, number);
    }
    out.notes.push_back(note(out.measurements));
    return out;
  }

 private:
  std::string source_;
  const MeasurementQuery& query_;
  TextTable table_;
  std::vector<Named> axes_, fields_, given_;
  Named each_;  // the column that numbers experiments; of no variable: there is none

  std::int64_t column(const Named& which) const { return table_.column_named(which.variable); }

  void choose_axes() {
    std::vector<std::string> names;
    for (const std::string& word : query_.axes) {
      const Named axis = named(word);
      if (word == "component" || word == "each")
        throw InputError(
            fmt::format("{}: in a table, write each=COLUMN for the column that numbers the experiments, and name "
                        "the components as fields",
                        source_));
      if (axis.name == "each")
        each_ = axis;
      else
        axes_.push_back(axis);
    }
    if (axes_.empty()) axes_.push_back(named(table_.names[time_column()]));
    for (const Named& axis : axes_) names.push_back(axis.name);
    const std::size_t time = time_axis(names, query_.time, source_);
    std::rotate(axes_.begin() + static_cast<std::ptrdiff_t>(time),
                axes_.begin() + static_cast<std::ptrdiff_t>(time) + 1, axes_.end());
    if (axes_.back().name == "tt") axes_.back().name = "t";
  }

  std::size_t time_column() const {
    if (!table_.had_header)
      throw InputError(fmt::format(
          "{} has no line of names; name the columns by their numbers: --axes t=1 --field x=2,y=3", source_));
    if (table_.names.size() == 1)
      throw InputError(fmt::format("{} has one column; a trajectory has a time and a value", source_));
    return time_axis(table_.names, query_.time, source_);
  }

  void choose_fields() {
    for (const std::string& word : query_.given) given_.push_back(named(word));
    for (const std::string& word : query_.fields) fields_.push_back(named(word));
    if (!fields_.empty()) return;
    std::vector<std::int64_t> taken;
    for (const std::vector<Named>* group : {&axes_, &given_})
      for (const Named& name : *group) taken.push_back(column(name));
    if (!each_.variable.empty()) taken.push_back(column(each_));
    for (std::int64_t k = 0; k < table_.columns(); ++k)
      if (std::find(taken.begin(), taken.end(), k) == taken.end())
        fields_.push_back(named(table_.names[static_cast<std::size_t>(k)]));
    if (fields_.empty()) throw InputError(fmt::format("{} has no column beside its axes", source_));
  }

  double number(std::int64_t row, const Named& which) const {
    const std::int64_t k = column(which);
    const std::string_view cell = table_.cell(row, k);
    if (const auto value = number_in(cell)) return *value;
    if (is_missing(cell)) return none;
    throw InputError(fmt::format("{}: {} is no number", table_.where(row, k), shown(cell)));
  }

  std::map<double, std::vector<std::int64_t>> experiments() const {
    std::map<double, std::vector<std::int64_t>> rows;
    for (std::int64_t row = 0; row < table_.rows(); ++row)
      rows[each_.variable.empty() ? 0 : number(row, each_)].push_back(row);
    return rows;
  }

  Measurement measurement(const std::vector<std::int64_t>& rows) const {
    Measurement out;
    out.source = source_;
    std::vector<std::vector<double>> at;  // [axis][row]
    std::size_t count = 1;
    for (const Named& axis : axes_) {
      at.emplace_back();
      for (std::int64_t row : rows) {
        at.back().push_back(number(row, axis));
        if (!std::isfinite(at.back().back()))
          throw InputError(fmt::format("{}: an axis needs a number in every row", table_.where(row, column(axis))));
      }
      std::vector<double> points = at.back();
      std::sort(points.begin(), points.end());
      points.erase(std::unique(points.begin(), points.end()), points.end());
      count *= points.size();
      out.axes.push_back({axis.name, std::move(points)});
    }
    if (count > 4 * rows.size() + 64)
      throw InputError(
          fmt::format("{}: its {} rows cover little of the {} points of a grid over {}; are these its axes?", source_,
                      rows.size(), count, axis_names()));
    for (const std::vector<Named>* group : {&fields_, &given_})
      for (const Named& field : *group)
        out.fields.push_back(
            {.name = field.name, .values = std::vector<double>(count, none), .given = group == &given_});
    lay(rows, at, out);
    return out;
  }

  void lay(const std::vector<std::int64_t>& rows, const std::vector<std::vector<double>>& at, Measurement& out) const {
    std::vector<std::int64_t> row_at(out.fields[0].values.size(), -1);
    for (std::size_t r = 0; r < rows.size(); ++r) {
      std::size_t index = 0;
      for (std::size_t k = 0; k < at.size(); ++k) {
        const std::vector<double>& points = out.axes[k].points;
        index = index * points.size() +
                static_cast<std::size_t>(std::lower_bound(points.begin(), points.end(), at[k][r]) - points.begin());
      }
      if (row_at[index] >= 0)
        throw InputError(fmt::format(
            "{} and line {} are at the same {}; if the rows are several experiments, name the column that "
            "numbers them: --axes each=COLUMN,{}; if space is a column too: --axes x,{}",
            table_.where(rows[r], column(axes_[0])), table_.line_of_row[static_cast<std::size_t>(row_at[index])],
            axis_names(), axes_.back().name, axes_.back().name));
      row_at[index] = rows[r];
      std::size_t k = 0;
      for (const std::vector<Named>* group : {&fields_, &given_})
        for (const Named& field : *group) out.fields[k++].values[index] = number(rows[r], field);
    }
  }

  std::string axis_names() const {
    std::vector<std::string> names;
    for (const Named& axis : axes_) names.push_back(axis.name);
    return fmt::format("{}", fmt::join(names, ", "));
  }

  std::string note(const std::vector<Measurement>& measurements) const {
    std::vector<std::string> names, axes;
    for (const Named& field : fields_) names.push_back(field.name);
    for (const GridAxis& axis : measurements.front().axes) axes.push_back(axis_text(axis));
    std::string text = fmt::format("{} from {} rows: {}", fmt::join(names, ", "), table_.rows(), fmt::join(axes, "; "));
    if (measurements.size() > 1) text += fmt::format("; {} experiments", measurements.size());
    return text;
  }
};

}  // namespace

ReadMeasurements read_table(const std::filesystem::path& path, const MeasurementQuery& query) {
  return TableFile(path, query).read();
}

}  // namespace turnpike
