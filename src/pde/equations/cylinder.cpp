#include "../equations_internal.h"

namespace turnpike {
namespace {

using namespace equations;

// 1 inside, 0 outside, over a layer of some width.
double smooth_step(double distance_inside, double width) {
  return 0.5 * (1 + std::tanh(distance_inside / width));
}

// Where the wall is felt: across a plane wall whose damping a = drag (1 - tanh(x / width)) / 2 fades, nu u'' = a u, the
// velocity outside is a straight line that would vanish at this x. By s = u' / u, s' = a / nu - s^2, from deep inside.
double felt_wall(double drag, double width, double nu) {
  const auto slope = [&](double x, double s) { return drag * smooth_step(-x, width) / nu - s * s; };
  constexpr int n = 20000;
  const double start = -6 * width, end = 12 * width, h = (end - start) / n;
  double s = std::sqrt(drag / nu);
  for (int i = 0; i < n; ++i) {
    const double x = start + i * h;
    const double k1 = slope(x, s), k2 = slope(x + h / 2, s + h / 2 * k1), k3 = slope(x + h / 2, s + h / 2 * k2);
    s += h / 6 * (k1 + 2 * k2 + 2 * k3 + slope(x + h, s + h * k3));
  }
  return end - 1 / s;
}

SimulationProblem make(const Options& options) {
  const std::int64_t per_diameter = options.integer("per_diameter");
  const double length = options.real("length"), height = options.real("height"), upstream = options.real("upstream");
  SimulationProblem problem{
      .equation = {.axes = {"x", "y"},
                   .fields = {{.name = "w"},
                              {.name = "u", .role = FieldRole::velocity_x, .vorticity = 0, .mean = 1},
                              {.name = "v", .role = FieldRole::velocity_y, .vorticity = 0},
                              {.name = "a", .role = FieldRole::given}}},
      .axes = {{"x", -upstream, length - upstream, static_cast<std::int64_t>(std::llround(length * per_diameter))},
               {"y", -height / 2, height / 2, static_cast<std::int64_t>(std::llround(height * per_diameter))}}};
  const double nu = 1 / options.real("Re"), drag = 1 / options.real("eta"), fringe = options.real("fringe");
  // -curl(a (u, v)) with a known a(x, y): -(a w + a_x v - a_y u).
  add_terms(problem.equation, 0,
            {{"u*w_x", -1}, {"v*w_y", -1}, {"w_xx", nu}, {"w_yy", nu}, {"a*w", -1}, {"a_x*v", -1}, {"a_y*u", 1}});
  const SpaceAxis x = problem.axes[0], y = problem.axes[1];
  const double edge = x.step(), radius = 0.5 - felt_wall(drag, edge, nu);
  problem.initial = {
      // A weak vortex behind the body breaks the symmetry, so that shedding sets in soon.
      {on_grid(x, y,
               [](double a, double b) { return 2 * std::exp(-4 * ((a - 1.5) * (a - 1.5) + (b - 0.3) * (b - 0.3))); })},
      {},
      {},
      {on_grid(x, y, [&](double a, double b) {
        const double body = drag * smooth_step(radius - std::hypot(a, b), edge);
        const double middle = x.high - fringe / 2;
        return body + 4 * smooth_step(fringe / 2 - std::abs(a - middle), fringe / 10);
      })}};
  problem.times = times_of(options);
  problem.options.step = options.real("step");
  return problem;
}

}  // namespace

// Flow past a cylinder of diameter 1 at speed 1, by penalisation in a periodic box: inside the body, and in a fringe at
// the end of the box, the velocity is damped by a(x, y), to rest and to the free stream.
//   w_t = -u w_x - v w_y + Laplace(w) / Re - curl(a (u, v)),    a = 1 / eta in the body
// Angot, Bruneau and Fabrie 1999, doi:10.1007/s002110050401. Of the fringe, where a depends on x alone, the free stream
// drops out of the curl. The body's edge fades over a cell; it is drawn in by as
// much as the fluid feels of that.
Simulator cylinder_simulator() {
  Simulator simulator{.name = "cylinder",
                      .title = "Navier-Stokes: flow past a cylinder",
                      .formula =
                          "\\omega_t = -u\\,\\omega_x - v\\,\\omega_y + \\tfrac{1}{Re}\\,\\Delta\\omega "
                          "- \\nabla\\times(a\\,(u,v))",
                      .source = "Re 100 as Rudy et al. 2017; box and resolution our own",
                      .options = {},
                      .make = &make};
  add_time_options(simulator.options, 80, 201);
  simulator.options.real("Re", 100, "Reynolds number").at_least(1).at_most(1000);
  simulator.options.integer("per_diameter", 16, "points along a diameter").at_least(8).at_most(128);
  simulator.options.real("length", 16, "of the box, in diameters").at_least(8);
  simulator.options.real("height", 12, "of the box, in diameters").at_least(4);
  simulator.options.real("upstream", 4, "from the box's begin to the body, in diameters").at_least(2);
  simulator.options.real("fringe", 3, "where the wake is damped, at the box's end, in diameters").at_least(1);
  simulator.options.real("eta", 0.01, "time in which the body stops the fluid").at_least(0, Bound::open);
  simulator.options.real("step", 0.02, "of the integration; 0: adapted").at_least(0);
  return simulator;
}

}  // namespace turnpike
