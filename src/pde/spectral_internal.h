// An equation on a periodic grid, in Fourier modes: v' = L v + N(v), L diagonal.
//
// The state is one vector: for each evolved field its modes, then, of time order 2, those of its rate. The highest mode
// of an even number of points is left out. Products are formed on a finer grid, large enough that no mode of theirs is
// mistaken for one that is kept: (degree + 1) / 2 times as many points.
#pragma once

#include <memory>

#include <turnpike/math/fourier.h>
#include <turnpike/pde/etdrk4.h>
#include <turnpike/pde/simulate.h>

namespace turnpike {

using Modes = EtdRk4::Modes;

class SpectralSystem {
 public:
  SpectralSystem(const Equation& equation, const std::vector<SpaceAxis>& axes, const std::vector<FieldState>& initial);
  ~SpectralSystem();

  const Modes& initial() const;
  const Modes& linear() const;
  void rate(const Modes& v, Modes& out);  // N(v)
  // Of each slot (evolved field or rate): the root mean square of its values.
  std::vector<double> sizes(const Modes& v) const;
  // Of a field (index in Equation::fields) or its rate, the values on the grid.
  void sample(const Modes& v, int field, bool rate, std::vector<std::complex<double>>& values) const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace turnpike
