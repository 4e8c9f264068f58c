#include <turnpike/discover/linear_system.h>

#include <fmt/format.h>

#include <algorithm>

#include <turnpike/base/error.h>

namespace turnpike {

std::string left_side_text(const LeftSide& side, const Measurement& measurement) {
  std::string text = measurement.fields[static_cast<std::size_t>(side.field)].name + "_";
  for (int i = 0; i < side.order; ++i) text += measurement.time().name;
  return text;
}

double RowBlock::effective_rows() const {
  // Independent rows on the whole lattice, times the share of it that is kept.
  double independent = components, lattice_points = 1;
  for (std::size_t axis = 0; axis < lattice.size(); ++axis) {
    const double count = static_cast<double>(lattice[axis]);
    independent *= 1 + (count - 1) / correlation[axis];
    lattice_points *= count;
  }
  return independent * static_cast<double>(points.size()) / lattice_points;
}

double LinearSystem::effective_rows() const {
  double sum = 0;
  for (const RowBlock& block : blocks) sum += block.effective_rows();
  return sum;
}

Matrix part_of(const Matrix& products, const LinearSystem& system, std::size_t left_side,
               const std::vector<int>& support) {
  const std::size_t k = support.size();
  Matrix part(k + 1, k + 1);
  if (products.rows() == 0) return part;
  const auto at = [&](std::size_t a) {
    return a < k ? static_cast<std::size_t>(support[a]) : system.candidates.size() + left_side;
  };
  for (std::size_t a = 0; a <= k; ++a)
    for (std::size_t b = 0; b <= k; ++b) part(a, b) = products(at(a), at(b));
  return part;
}

void check_together(const std::vector<Measurement>& measurements) {
  if (measurements.empty()) throw InputError("no measurement was given; discovery needs at least one");
  const Measurement& first = measurements[0];
  for (const Measurement& other : measurements) {
    check_measurement(other);
    const bool axes_agree = std::equal(first.axes.begin(), first.axes.end(), other.axes.begin(), other.axes.end(),
                                       [](const GridAxis& a, const GridAxis& b) { return a.name == b.name; });
    const bool fields_agree =
        std::equal(first.fields.begin(), first.fields.end(), other.fields.begin(), other.fields.end(),
                   [](const Field& a, const Field& b) {
                     return a.name == b.name && a.is_complex() == b.is_complex() && a.given == b.given;
                   });
    if (!axes_agree || !fields_agree)
      throw InputError(
          fmt::format("{} and {} differ in the names or kinds of their axes or fields; experiments that are "
                      "searched together must measure the same",
                      first.source, other.source));
  }
}

}  // namespace turnpike
