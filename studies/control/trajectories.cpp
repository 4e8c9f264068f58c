// C5. The lecture's three figures: trajectories at T = 16, 36, 81 with T^(3/2) layers.
#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <turnpike/base/seed.h>
#include <turnpike/data/generators.h>
#include <turnpike/study/measure.h>
#include <turnpike/study/steering.h>
#include <turnpike/study/study.h>
#include <turnpike/train/continuation.h>

namespace turnpike::studies {
namespace {

constexpr double depths[] = {16, 36, 81};

std::int64_t layers_at(double T) {
  return static_cast<std::int64_t>(std::floor(std::pow(T, 1.5) + 1e-9));
}

Objective terminal_cost(double lambda) {
  return {.cost = make_cost("mean_square"), .running = 0, .terminal = 1, .penalty = {.weight = lambda}};
}

// A ball inside a shell in the plane, a zero coordinate appended that is to reach -1 or 1.
Steering ball_and_shell(std::int64_t rows, std::uint64_t seed) {
  Steering task;
  task.data = generate("spheres", rows, -1, seed, 2);
  task.data.y = (task.data.y.to(at::kDouble) * 2 - 1).unsqueeze(1);
  task.data.schema.task = Task::regress;
  task.data.schema.classes.clear();
  task.spec.n_features = 2;
  task.spec.width = 3;
  task.spec.lift = Lift::pad;
  task.spec.field = {.kind = "inner", .dimension = 3};
  task.spec.initial_scale = 0.3;
  return task;
}

struct Trained {
  std::vector<Model> models;  // one a depth
  std::vector<double> phi, J, residual;
};

Trained train_at_all_depths(const Steering& task, double lambda, std::int64_t starts, std::int64_t iterations,
                            std::uint64_t seed, const StudyContext& study) {
  const Objective objective = terminal_cost(lambda);
  ModelSpec spec = task.spec;
  spec.horizon = depths[0];
  spec.layers = layers_at(depths[0]);
  spec.initial_scale = 4 / depths[0];
  Trained trained;
  Model model =
      optimum(spec, objective, task.data,
              {.starts = starts, .seed = seed, .iterations = iterations, .tolerance = 1e-13}, study.progress())
          .model;
  for (const double T : depths) {
    model = with_horizon(model, T, layers_at(T), Stretch::rescale);
    const PolishReport report =
        polish(model, objective, task.data, {.iterations = iterations, .tolerance = 1e-13}, study.progress());
    trained.models.push_back(model.clone());
    trained.phi.push_back(optimum_profile(model, objective, task.data).phi.back());
    trained.J.push_back(report.objective);
    trained.residual.push_back(report.residual);
  }
  return trained;
}

Tensor states_of(const Model& model, const Dataset& data) {
  at::NoGradGuard no_gradient;
  return model.flow.roll(model.lift(data.x), model.control, {.save = Save::all}).states;
}

// Largest distance between the trajectories of two depths at eight equal fractions of the depth, over the largest
// state.
double picture_gap(const Tensor& a, const Tensor& b) {
  double gap = 0;
  for (int k = 1; k <= 8; ++k) {
    const auto at_fraction = [k](const Tensor& states) {
      const double layer = static_cast<double>(states.size(0) - 1) * k / 8;
      const auto below = std::min<std::int64_t>(static_cast<std::int64_t>(layer), states.size(0) - 2);
      const double weight = layer - static_cast<double>(below);
      return (1 - weight) * states[below] + weight * states[below + 1];
    };
    gap = std::max(gap, (at_fraction(a) - at_fraction(b)).abs().max().item<double>());
  }
  return gap / b.abs().max().item<double>();
}

}  // namespace

StudyReport run_trajectories(StudyContext& study) {
  const double lambda = study.real("lambda");
  StudyReport report;
  Table table{.head = {"draw", "$T$", "layers", "$h$", "$\\varphi(x(T))$", "wrong side [%]", "$J_T$", "$T\\,|u^T|$",
                       "$|\\nabla J|$"},
              .caption = "Ball and shell: training error at each depth."};
  Figure plane({.title = "Through the network",
                .caption = "First draw: trajectories of 40 points in the plane of the first input and the output. "
                           "Dashed, the two targets.",
                .columns = 3});
  Figure time({.title = "Output along the depth",
               .caption = "The same points: the coordinate that is to reach $\\pm 1$.",
               .columns = 3});
  std::vector<double> steps, error_ratios, cost_ratios, growth, gaps, accuracies;
  for (int s = 0; s < study.seeds(); ++s) {
    const Steering task = ball_and_shell(study.integer("rows"), seed_for(study.seed(), "trajectories/points", s));
    study.at("draws", s, study.seeds());
    const Trained trained = train_at_all_depths(task, lambda, study.integer("starts"), study.integer("iterations"),
                                                seed_for(study.seed(), "trajectories/starts", s), study);
    std::vector<Tensor> states;
    std::vector<double> scaled;
    for (int i = 0; i < 3; ++i) {
      const Model& model = trained.models[i];
      const double T = depths[i], h = T / static_cast<double>(model.spec.layers);
      states.push_back(states_of(model, task.data));
      const Tensor output = states.back()[-1].select(1, 2), label = task.data.y.squeeze(1);
      const double wrong = (output * label <= 0).to(at::kDouble).mean().item<double>();
      scaled.push_back(std::sqrt(T * model.flow.grid.l2_squared(model.control).item<double>()));
      steps.push_back(h * std::sqrt(T));
      accuracies.push_back(wrong);
      if (i > 0) {
        error_ratios.push_back(trained.phi[i] / trained.phi[i - 1]);
        cost_ratios.push_back(trained.J[i] / trained.J[i - 1]);
        growth.push_back(scaled[i] / scaled[i - 1]);
      }
      table.rows.push_back({Cell(s), Cell(T), Cell(static_cast<long>(model.spec.layers)), Cell(h), Cell(trained.phi[i]),
                            Cell(100 * wrong, 3), Cell(trained.J[i]), Cell(scaled.back()),
                            Cell(trained.residual[i], 2)});
      if (s > 0) continue;
      Panel& portrait = plane.panel(fmt::format("$T = {:g}$, {} layers", T, model.spec.layers));
      Panel& course = time.panel(fmt::format("$T = {:g}$, {} layers", T, model.spec.layers));
      portrait.x({.label = "$x_1$"}).y({.label = "output $x_3$"});
      course.x({.label = "depth $t$"}).y({.label = "output $x_3(t)$"});
      std::vector<std::vector<double>> xs, ys, ts;
      std::vector<int> labels;
      const std::int64_t shown = std::min<std::int64_t>(40, task.data.size());
      for (std::int64_t j = 0; j < shown; ++j) {
        xs.push_back(numbers(states.back().select(1, j).select(1, 0)));
        ys.push_back(numbers(states.back().select(1, j).select(1, 2)));
        ts.push_back(model.flow.mesh.times);
        labels.push_back(label[j].item<double>() > 0 ? 1 : 0);
      }
      const std::vector<std::string> names =
          i == 0 ? std::vector<std::string>{"ball", "shell"} : std::vector<std::string>{};
      portrait.trajectories(xs, ys, labels, names);
      course.trajectories(ts, ys, labels, names);
      for (Panel* panel : {&portrait, &course}) panel->y_mark(1).y_mark(-1);
    }
    gaps.push_back(picture_gap(states[1], states[2]) / picture_gap(states[0], states[2]));
  }
  report.checks.push_back(check_each_equal("C5", "$h\\sqrt T$", "", 1, steps, 1e-12));
  report.checks.push_back(
      check_each_at_most("C5", "training error over that of the depth before, largest", "", 1, error_ratios, -1e-3));
  report.checks.push_back(
      check_each_at_most("C5", "cost $J_T$ over that of the depth before, largest", "", 1, cost_ratios, -1e-3));
  report.checks.push_back(check_each_at_least("C5", "$T|u^T|$ over that of the depth before, least", "", 1, growth));
  report.checks.push_back(
      check_each_at_most("C5", "distance of the pictures 36 and 81 over that of 16 and 81", "", 1, gaps, -1e-3));

  // Three points in four dimensions at the same depths and layers, where the rate is known.
  std::vector<double> ratios, residuals;
  for (int s = 0; s < study.seeds(); ++s) {
    study.at("three points", s, study.seeds());
    Random random = study.random("points", s);
    const Steering task = few_points(3, 3, random);
    const Trained trained = train_at_all_depths(task, 0.01, study.integer("starts"), 1500,
                                                seed_for(study.seed(), "trajectories/few", s), study);
    for (int i = 1; i < 3; ++i)
      ratios.push_back(trained.phi[i] / trained.phi[i - 1] * std::pow(depths[i] / depths[i - 1], 2));
    residuals.insert(residuals.end(), trained.residual.begin(), trained.residual.end());
  }
  report.checks.push_back(check_each_equal("C5", "three points in $R^4$: $T^2\\varphi$ over that of the depth before",
                                           "", 1, ratios, 0.05));
  report.checks.push_back(
      check_each_at_most("C5", "three points in $R^4$: $|\\nabla J|$, largest", "", 1e-10, residuals));
  report.figures.push_back({"trajectories", plane});
  report.figures.push_back({"output_along_depth", time});
  report.tables.push_back(table);
  report.findings.push_back(
      fmt::format("Points on the wrong side at the end: {:.1f} % at most over all depths and draws. Ball and shell are "
                  "far from interpolated at these prices $\\lambda/T$: "
                  "the error falls, but not like $T^{{-2}}$.",
                  100 * *std::max_element(accuracies.begin(), accuracies.end())));
  report.method.push_back(
      fmt::format("{} draws of {} points, a ball inside a shell in the plane, a zero coordinate appended; $\\lambda = "
                  "{:g}$; 64, 216 and 729 Euler layers. "
                  "Best of {} starts at $T = 16$ by L-BFGS (up to {} iterations a depth), then 36 and 81, each from "
                  "the one before by time scaling. Three points: as in C2 with $\\lambda = 0.01$.",
                  study.seeds(), study.integer("rows"), lambda, study.integer("starts"), study.integer("iterations")));
  return report;
}

}  // namespace turnpike::studies
