// What the files of equations/ share. Each defines one simulator; catalogue.cpp lists them.
#pragma once

#include <cmath>
#include <initializer_list>
#include <numbers>
#include <utility>

#include <turnpike/pde/catalogue.h>

namespace turnpike {

Simulator advection_simulator();
Simulator burgers_simulator();
Simulator cylinder_simulator();
Simulator heat_simulator();
Simulator heat_2d_simulator();
Simulator kdv_simulator();
Simulator kuramoto_sivashinsky_simulator();
Simulator lorenz_simulator();
Simulator nls_simulator();
Simulator oscillator_simulator();
Simulator reaction_diffusion_simulator();
Simulator schrodinger_simulator();
Simulator shear_layer_simulator();
Simulator wave_simulator();

namespace equations {

using Complex = std::complex<double>;
using Values = std::vector<Complex>;

// Options that all share: the grid, as n points on [low, high), and `frames` times from 0 to T.
void add_axis_options(OptionSchema& schema, std::int64_t n, double low, double high);
void add_time_options(OptionSchema& schema, double end, std::int64_t frames);
SpaceAxis axis_of(const Options& options, const char* name);
std::vector<double> times_of(const Options& options);

// Terms in the equation's own names, added to a field.
void add_terms(Equation& equation, int field, std::initializer_list<std::pair<const char*, Complex>> terms);

// f at each point of the grid.
template <class F>
Values on_grid(const SpaceAxis& axis, F f) {
  Values values;
  for (const double x : axis.points()) values.push_back(f(x));
  return values;
}
template <class F>
Values on_grid(const SpaceAxis& first, const SpaceAxis& second, F f) {
  Values values;
  for (const double x : first.points())
    for (const double y : second.points()) values.push_back(f(x, y));
  return values;
}

// sum over the periods of f(x + j (high - low)): f on the line made periodic.
template <class F>
double wrapped(const SpaceAxis& axis, double x, F f) {
  const double period = axis.high - axis.low, y = x - period * std::floor((x - axis.low) / period);
  double sum = 0;
  for (int j = -3; j <= 3; ++j) sum += f(y + j * period);
  return sum;
}

// Integral over a periodic domain: the trapezoidal rule, spectrally accurate.
double integral(const SimulationProblem& problem, const Values& values);
// Derivative along the axis of a periodic field in one dimension.
Values derivative(const SimulationProblem& problem, const Values& values);
Values squared(const Values& values);  // |u|^2

Invariant mass();                       // integral of u, constant
Invariant square(Behaviour behaviour);  // integral of |u|^2

}  // namespace equations
}  // namespace turnpike
