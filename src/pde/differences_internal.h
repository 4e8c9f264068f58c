// An equation on a grid of points, by finite differences where there are axes: y' = f(t, y). Stencils are central where
// there is room, moved inwards at an end that is not periodic, around the corner at a periodic one.
//
// The state is one vector: for each evolved field its values, then, of time order 2, those of its rate. The outermost
// points of an axis that is not periodic are not integrated: they are set from the boundary's values.
#pragma once

#include <turnpike/pde/simulate.h>

namespace turnpike {

// Weights w of sum_j w_j u(x_j) ~ d^m u / dx^m at x (Fornberg 1988, doi:10.1090/S0025-5718-1988-0935077-0).
std::vector<double> difference_weights(double x, const std::vector<double>& nodes, int m);

// One axis: for each point, where its stencil begins and its weights.
struct DifferenceRows {
  std::int64_t width = 0;
  std::vector<std::int64_t> first;  // may be negative or reach beyond the end where the axis is periodic
  std::vector<double> weights;      // [n, width]
};
DifferenceRows difference_rows(const SpaceAxis& axis, int m);

class DifferenceSystem {
 public:
  using State = std::vector<std::complex<double>>;
  enum class Part { all, without_linear };

  DifferenceSystem(const Equation& equation, const std::vector<SpaceAxis>& axes, const std::vector<FieldState>& initial,
                   const SimulateOptions& options);

  const State& initial() const { return initial_; }
  std::size_t n_slots() const { return n_slots_; }
  std::size_t points() const { return points_; }
  std::int64_t boundary_width() const { return boundary_width_; }
  bool is_boundary(std::size_t point) const { return boundary_[point]; }
  int slot_of(int field) const { return slot_[field]; }
  bool has_linear(std::size_t slot) const;

  // f(t, y), zero at the boundary; without its linear terms in the field's own derivatives where asked.
  void rate(const State& y, State& out, Part part) const;
  void set_boundary(double time, State& y) const;
  std::vector<double> sizes(const State& y) const;
  void sample(const State& y, int field, bool rate, State& values) const;
  // One axis: the coefficients of those linear terms of a slot, of point `row` on the points around it.
  void linear_row(std::size_t slot, std::size_t row, std::int64_t& first, State& weights) const;

 private:
  Equation equation_;
  std::vector<SpaceAxis> axes_;
  SimulateOptions options_;
  std::size_t points_ = 1, n_slots_ = 0;
  std::int64_t boundary_width_ = 0;
  std::vector<int> slot_, rate_slot_;
  std::vector<bool> boundary_;
  std::vector<State> given_;  // [field]
  State initial_;
  std::vector<std::vector<DifferenceRows>> rows_;  // [axis][m - 1]

  bool is_own_linear(int field, const EquationTerm& term) const;
  State differentiated(State values, const std::array<int, 3>& derivative) const;
};

}  // namespace turnpike
