// Every primitive of figures and pages, at its best and at its limits: the tests assert laws over all of them, and the
// page can be looked at (the test prints where it is when TURNPIKE_GALLERY names a folder).
#pragma once

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <turnpike/math/fit.h>
#include <turnpike/report/figure.h>
#include <turnpike/report/page.h>

namespace turnpike::gallery {

using Column = std::vector<double>;
inline const double nan = std::numeric_limits<double>::quiet_NaN();

inline Figure decay() {
  std::mt19937 generator(1);
  std::normal_distribution<double> normal;
  Column t, phi, low, high, u;
  for (int k = 0; k <= 200; ++k) {
    t.push_back(0.1 * k);
    phi.push_back(1.02 * std::exp(-0.41 * t.back() + 0.1 * normal(generator)));
    low.push_back(0.7 * std::exp(-0.41 * t.back()));
    high.push_back(1.4 * std::exp(-0.41 * t.back()));
    u.push_back(2 * std::exp(-0.6 * t.back()));
  }
  DecayFit fit;
  fit.rate = 0.41, fit.rate_low = 0.397, fit.rate_high = 0.424, fit.constant = 1.02, fit.r_squared = 0.9986,
  fit.n_points = 201;
  Figure figure({.title = "State and control decay exponentially",
                 .caption = "Running cost $\\varphi(x(t))$ and control $|u(t)|$ against depth on a logarithmic axis, "
                            "with the fitted rate. "
                            "Spheres, $d = 2$, $T = 20$; the band holds 95 % of the seeds."});
  figure.panel()
      .x({.label = "time $t$"})
      .y({.label = "$\\varphi(x(t))$ and $|u(t)|_2$", .scale = Scale::log})
      .band(t, low, high, {.colour = 0})
      .line(t, phi, {.label = "$\\varphi(x(t))$", .colour = 0})
      .line(t, u, {.label = "$|u(t)|_2$", .colour = 1})
      .fit(fit, 0, 20)
      .x_mark(12.5, "cut $t^*$");
  return figure;
}

inline void spiral(int n, Column& x, Column& y, std::vector<int>& labels) {
  std::mt19937 generator(2);
  std::normal_distribution<double> normal;
  for (int i = 0; i < n; ++i) {
    int c = i % 3;
    double r = 0.2 + 0.8 * i / n, angle = 2.1 * c + 4 * r;
    x.push_back(r * std::cos(angle) + 0.03 * normal(generator));
    y.push_back(r * std::sin(angle) + 0.03 * normal(generator));
    labels.push_back(c);
  }
}

inline std::vector<Grid> spiral_scores(long n) {
  std::vector<Grid> scores(3, Grid{-1.2, 1.2, -1.2, 1.2, n, n});
  for (long j = 0; j < n; ++j) {
    for (long i = 0; i < n; ++i) {
      double x = scores[0].x(i), y = scores[0].y(j), r = std::hypot(x, y), angle = std::atan2(y, x), sum = 0, z[3];
      for (int c = 0; c < 3; ++c) sum += z[c] = std::exp(4 * std::cos(angle - 2.1 * c - 4 * r));
      for (int c = 0; c < 3; ++c) scores[c].values.push_back(z[c] / sum);
    }
  }
  return scores;
}

inline void rotations(int n, int steps, std::vector<Column>& xs, std::vector<Column>& ys, std::vector<int>& labels) {
  std::mt19937 generator(3);
  std::normal_distribution<double> normal;
  for (int i = 0; i < n; ++i) {
    double p = normal(generator), q = normal(generator);
    Column x, y;
    for (int k = 0; k < steps; ++k) {
      x.push_back(p);
      y.push_back(q);
      p += 3.0 / steps * (std::tanh(q) + i % 3 - 1);
      q -= 3.0 / steps * p;
    }
    xs.push_back(x);
    ys.push_back(y);
    labels.push_back(i % 3);
  }
}

inline Figure classification() {
  Figure figure({.title = "What the depth does",
                 .caption = "Decision regions, darker where the network is sure, and the samples' paths."});
  Column x, y;
  std::vector<int> labels;
  spiral(600, x, y, labels);
  std::vector<Column> xs, ys;
  std::vector<int> path_labels;
  rotations(150, 100, xs, ys, path_labels);
  std::vector<std::string> names{"arm A", "arm B", "arm C"};
  figure.panel("Decision regions")
      .equal_aspect()
      .x({.label = "$x_1$"})
      .y({.label = "$x_2$"})
      .regions(spiral_scores(90))
      .classes(x, y, labels, names);
  figure.panel("Paths through depth")
      .equal_aspect()
      .x({.label = "first principal axis"})
      .y({.label = "second principal axis"})
      .trajectories(xs, ys, path_labels, names);
  return figure;
}

inline Grid wave(long n_x, long n_y) {
  Grid grid{-2, 2, 0, 3, n_x, n_y};
  for (long j = 0; j < n_y; ++j) {
    for (long i = 0; i < n_x; ++i)
      grid.values.push_back(std::sin(3 * grid.x(i) - grid.y(j)) * std::exp(-0.3 * grid.y(j)));
  }
  return grid;
}

inline Figure fields() {
  Figure figure(
      {.title = "Fields",
       .caption = "A field with contours, a matrix with a hole, a landscape on a log scale, a vector field."});
  figure.panel("Field and contours")
      .x({.label = "$x$"})
      .y({.label = "$t$"})
      .heat(wave(80, 50), {.label = "$u(t, x)$", .map = ColourMap::diverging})
      .contours(wave(80, 50));
  Grid matrix{1, 8, 1, 6, 8, 6};
  for (int k = 0; k < 48; ++k) matrix.values.push_back(k == 20 ? nan : std::cos(k * k));
  figure.panel("Matrix")
      .x({.label = "column"})
      .y({.label = "row"})
      .heat(matrix, {.label = "$W_{ij}$", .map = ColourMap::diverging, .smooth = false});
  Grid loss{-2, 2, -2, 2, 60, 60};
  for (long j = 0; j < 60; ++j) {
    for (long i = 0; i < 60; ++i) {
      double a = 1 - loss.x(i), b = loss.y(j) - loss.x(i) * loss.x(i);
      loss.values.push_back(a * a + 30 * b * b);
    }
  }
  figure.panel("Landscape")
      .equal_aspect()
      .x({.label = "$\\theta_1$"})
      .y({.label = "$\\theta_2$"})
      .heat(loss, {.label = "loss", .scale = Scale::log})
      .contours(loss, {1, 10, 100});
  Column x, y, dx, dy;
  for (int i = 0; i < 15; ++i) {
    for (int j = 0; j < 15; ++j) {
      x.push_back(-2 + 4 * i / 14.0);
      y.push_back(-2 + 4 * j / 14.0);
      dx.push_back(y.back());
      dy.push_back(-std::sin(x.back()));
    }
  }
  Column q{-1.5}, p{0};
  for (int k = 0; k < 220; ++k) {
    p.push_back(p.back() - 0.03 * std::sin(q.back()));
    q.push_back(q.back() + 0.03 * p.back());
  }
  figure.panel("Phase portrait")
      .equal_aspect()
      .x({.label = "$q$"})
      .y({.label = "$p$"})
      .arrows(x, y, dx, dy)
      .line(q, p, {.label = "orbit"})
      .note(q[0], p[0], "start");
  return figure;
}

inline Figure statistics() {
  std::mt19937 generator(4);
  std::normal_distribution<double> normal;
  Column samples, h{0.1, 0.05, 0.025, 0.0125, 0.00625}, e1, e2, e4;
  for (int k = 0; k < 2000; ++k) samples.push_back(normal(generator));
  for (double step : h) {
    e1.push_back(step / 2);
    e2.push_back(step * step);
    e4.push_back(std::pow(step, 4));
  }
  Column edges, control;
  for (int k = 0; k <= 30; ++k) edges.push_back(0.5 * k);
  for (int k = 0; k < 30; ++k) control.push_back(k < 8 ? 2 + 0.4 * std::sin(k) : k < 10 ? 0.41 : 0);
  LineFit order;
  order.slope = 3.998, order.slope_low = 3.99, order.slope_high = 4.01;
  Figure figure({.title = "Numbers", .columns = 2});
  figure.panel("Scores")
      .y({.label = "accuracy"})
      .bars({"linear", "perceptron", "flow", "cut flow"}, {{.label = "training", .values = {0.71, 0.93, 0.99, 0.985}},
                                                           {.label = "test",
                                                            .values = {0.70, 0.91, 0.98, 0.98},
                                                            .low = {0.68, 0.9, 0.97, 0.97},
                                                            .high = {0.72, 0.92, 0.99, 0.99}}});
  figure.panel("Residuals").x({.label = "residual"}).y({.label = "count"}).histogram(samples);
  figure.panel("A sparse control")
      .x({.label = "time $t$"})
      .y({.label = "$|u(t)|$"})
      .steps(edges, control, {.label = "$L^1$ penalty"})
      .y_mark(2, "$M = 2$");
  figure.panel("Orders")
      .x({.label = "step $h$", .scale = Scale::log})
      .y({.label = "error", .scale = Scale::log})
      .line(h, e1, {.label = "Euler", .marker = Marker::circle})
      .line(h, e2, {.label = "Heun", .marker = Marker::square})
      .line(h, e4, {.label = "Runge-Kutta 4", .marker = Marker::triangle})
      .fit(order, 0.00625, 0.1);
  return figure;
}

inline Figure limits() {
  Figure figure({.title = "A title that is much too long, because nobody told its author that a title should be short "
                          "& <plain>, so that it must wrap",
                 .caption = "One point, a constant, NaN alone, nothing, zeros on a log axis, long labels, negative "
                            "values on a log axis, gaps, a narrow range.",
                 .columns = 3});
  figure.panel("one point").line({1}, {2}, {.label = "lonely"});
  figure.panel("constant").line({0, 1, 2}, {5, 5, 5}, {.label = "constant"});
  figure.panel("all NaN").line({0, 1}, {nan, nan});
  figure.panel("empty");
  figure.panel("zeros, log")
      .y({.label = "$e$", .scale = Scale::log})
      .line({0, 1, 2, 3, 4, 5}, {1, 0.1, 0, 0.001, 0, 0.0001}, {.label = "error"});
  figure.panel("long labels")
      .x({.label =
              "an extremely long axis label that goes on & on <with> \"quotes\" beyond all reason and sense, really"})
      .y({.label = "another long label, for the vertical axis this time, that cannot fit"})
      .line({0, 1, 2}, {1e-7, 2e-7, 5e-7},
            {.label = "a legend entry that is far too long to fit anywhere in this small panel"})
      .note(1, 2e-7, "a note that is so long that it must be set in several lines or shrink");
  figure.panel("negative, log").y({.scale = Scale::log}).line({0, 1}, {-1, -2});
  figure.panel("gaps").line({0, 1, 2, 3, 4, 5, 6}, {1, 2, nan, 1.5, nan, 2, 1}, {.label = "gaps"});
  figure.panel("narrow range").line({1e6, 2e6, 3e6}, {1.000001, 1.0000015, 1.000002});
  figure.panel("infinite").points({0, 1, 2, 3}, {1, INFINITY, -INFINITY, 2}).x_mark(1e5).y_mark(nan, "nowhere");
  figure.panel("huge and tiny").line({0, 1e-300, 1e-299}, {1e299, -1e299, 5e298});
  figure.panel("outside")
      .x({.low = 0, .high = 1})
      .y({.low = 0, .high = 1})
      .line({-5, 5, 0.5}, {-3, 4, 80}, {.label = "clipped"})
      .points({0.5, 7}, {0.5, 9});
  return figure;
}

inline Figure many_classes() {
  Figure figure({.title = "Ten classes", .caption = "Ten colours and markers: no two classes share both."});
  std::mt19937 generator(5);
  std::normal_distribution<double> normal;
  Column x, y;
  std::vector<int> labels;
  std::vector<std::string> names;
  for (int c = 0; c < 10; ++c) names.push_back("digit " + std::to_string(c));
  for (int i = 0; i < 3000; ++i) {
    labels.push_back(i % 10);
    x.push_back(4 * std::cos(0.628 * labels.back()) + normal(generator));
    y.push_back(3 * std::sin(0.628 * labels.back()) + normal(generator));
  }
  figure.panel()
      .x({.label = "first principal axis"})
      .y({.label = "second principal axis"})
      .classes(x, y, labels, names);
  return figure;
}

inline Figure many_trajectories() {
  std::vector<Column> xs, ys;
  std::vector<int> labels;
  rotations(400, 100, xs, ys, labels);
  Figure figure({.title = "400 trajectories of 100 steps"});
  figure.panel().equal_aspect().trajectories(xs, ys, labels, {"$-1$", "$0$", "$+1$"});
  return figure;
}

inline std::vector<std::pair<std::string, Figure>> figures() {
  return {{"decay", decay()},
          {"classification", classification()},
          {"fields", fields()},
          {"statistics", statistics()},
          {"limits", limits()},
          {"many-classes", many_classes()},
          {"many-trajectories", many_trajectories()},
          {"none", Figure()}};
}

inline Page page() {
  Page page("Gallery: depth as time",
            "The control decays like $e^{-0.41\\,t}$ [0.397, 0.424], as the turnpike theorem predicts, and 37 of 120 "
            "layers suffice.");
  page.status(Status::pass, "3 of 3 checks").status(Status::warning, "quick run").status(Status::neutral, "seed 7");
  page.fact({"0.41", "decay rate per unit time", "95 % interval [0.397, 0.424]", Status::pass})
      .fact({"37 / 120", "layers needed", "validation score within 0.2 %"})
      .fact({"98.2 %", "test accuracy", "perceptron 96.9 %"})
      .fact({"14 s", "on 2 cores"});
  page.section("Claim")
      .prose(
          "A residual network is a step of Euler for a **controlled differential equation**; see [Geshkovski and "
          "Zuazua, 2022](https://doi.org/10.1017/S0962492922000046).")
      .formula("\\dot x = W \\sigma(x) + b, \\qquad x(0) = x_0")
      .prose("Training minimises the running cost")
      .formula("\\int_0^T \\varphi(x(t))\\,dt + \\lambda \\int_0^T |u(t)|^2\\,dt")
      .prose("and then there are $C, \\mu > 0$, independent of $T$, with")
      .formula(
          "|u(t)| \\le C e^{-\\mu t}, \\qquad M = \\sup_{y(0) \\ne \\tilde y(0)} \\frac{|y(T)-\\tilde "
          "y(T)|}{|y(0)-\\tilde y(0)|}")
      .formula(
          "H = \\begin{pmatrix} 0 & K \\\\ -K^\\top & 0 \\end{pmatrix}, \\quad \\left\\| \\sum_{k=1}^{n} "
          "\\frac{\\partial f}{\\partial x_k} \\right\\|_{L^2} \\in \\mathbb{R}, \\quad \\hat\\theta = "
          "\\argmin_{\\theta} \\mathcal{L}(\\theta), \\quad \\sqrt[3]{x'}")
      .prose(
          "What would falsify it:\n- a rate whose interval holds 0;\n- a rate that falls with `T`;\n- costs a\\$ and "
          "b\\$ that differ.");
  page.section("Measured against predicted")
      .table({.head = {"quantity", "predicted", "measured", "95 % interval", "verdict"},
              .rows = {{"rate $\\mu$", 0.41, 0.4123, "[0.397, 0.424]", Status::pass},
                       {"$|u(T)|$", 0.0, 1.3e-8, "", Status::pass},
                       {"layers", 40, 37, "", Cell(Status::warning, "close")},
                       {"amplification $M$", 12.5, 1203.25, "[1100, 1300]", Status::fail}},
              .caption = "Three seeds, $T = 20$."});
  return page;
}

// The page with all figures, built in two steps because sections are appended to.
inline std::string page_html(Theme theme) {
  Page page = gallery::page();
  Section& section = page.section("The figures");
  for (const auto& [name, figure] : figures()) section.figure(figure, name);
  page.section("Settings")
      .definitions({{"T", "20"},
                    {"activation", "tanh"},
                    {"a `very_long_setting_name`", "with a long value that wraps on a narrow screen, as it should"}});
  page.section("Run it again").code("turnpike train --data spheres T=20 seed=7 & echo \"<done>\"");
  page.footer(Provenance{.version = "0.1.0",
                         .commit = "abc123+",
                         .compiler = "g++ 12.2.0",
                         .processor = "a processor",
                         .dispatch = "avx2",
                         .started = "2026-01-01T00:00:00Z",
                         .threads = 2});
  return page.html(theme);
}

}  // namespace turnpike::gallery
