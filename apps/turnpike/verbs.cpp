#include "verbs.h"

#include <fmt/format.h>

#include <studies/catalogue.h>
#include <turnpike/math/activation.h>
#include <turnpike/pde/catalogue.h>

#include "bench_words.h"
#include "simulate_words.h"
#include "study_words.h"

namespace turnpike {
namespace {

void add_quiet_and_json(OptionSchema& flags) {
  flags.boolean("json", false, "JSON lines on standard output");
  flags.boolean("quiet", false, "no progress on standard error");
}

void add_threads(OptionSchema& flags, int standard = 0) {
  flags.integer("threads", standard, "threads of the computation; 0: all cores").named("N").at_least(0).at_most(4096);
}

OptionSchema train_flags() {
  OptionSchema flags;
  flags.text("data", "", "CSV, NPY, NPZ, or a folder of IDX files; without it a generator's points").named("FILE");
  flags.text("target", "", "column to predict, by name or number; default: the last").named("COL");
  flags.text("labels", "", "labels in a file of their own").named("FILE");
  flags.choice("task", "auto", {"auto", "classify", "regress"}, "auto: from the target's values").named("TASK");
  flags.text("split", "", "given parts: row numbers of the test part").named("FILE");
  flags.text("config", "", "settings in TOML; key=value words win over it").named("FILE");
  flags.integer("seed", 0, "root of every random number of the run").named("N").at_least(0);
  add_threads(flags);
  flags.text("out", "runs", "where the run's folder is made").named("DIR");
  flags.text("resume", "", "go on with an interrupted run, from its folder").named("DIR");
  add_quiet_and_json(flags);
  return flags;
}

Verb train() {
  Verb verb;
  verb.name = "train";
  verb.summary = "train a deep flow, draw what its depth does, and cut it to the layers it needs";
  verb.usage = "[--data FILE] [--target COL] [flags] [key=value ...]";
  verb.about =
      "Trains x' = f(x; u(t)) as a deep network. Without --data: on the generator's points. Leaves a folder with\n"
      "the report, figures, data, the model, and a smaller model that does the same.";
  verb.example = "turnpike train generator=moons T=10 layers=50 epochs=100";
  verb.flags = train_flags();
  verb.recorded_flags = {"data", "target", "labels", "task", "split", "seed", "threads"};
  verb.options = train_options();
  return verb;
}

Verb predict() {
  Verb verb;
  verb.name = "predict";
  verb.summary = "apply a trained model to new data";
  verb.usage = "MODEL --data FILE [flags]";
  verb.about =
      "Reads rows without a target and writes CSV: class names and probabilities, or values in original units.\n"
      "MODEL is a model's file or a run's folder.";
  verb.example = "turnpike predict runs/2025-01-31-spirals/model.safetensors --data new.csv --out predicted.csv";
  verb.positionals = {"MODEL"};
  verb.flags.text("data", "", "rows to predict, with the columns of the training data").named("FILE");
  verb.flags.text("out", "", "where to write; default: standard output").named("FILE");
  add_threads(verb.flags);
  add_quiet_and_json(verb.flags);
  verb.needed_flags = {"data"};
  return verb;
}

Verb analyze() {
  Verb verb;
  verb.name = "analyze";
  verb.summary = "draw the diagnosis of a saved model on given data";
  verb.usage = "MODEL --data FILE [flags]";
  verb.about =
      "Depth profile, decay rates, singular values of the Jacobian and the layer cut, as a report of its own.\n"
      "With labels also the curvature of the loss (eigenvalues of the Hessian, whole and by layer, the largest\n"
      "stable step) and the tangent kernel (spectrum, effective rank, alignment with the labels, the training\n"
      "it predicts by modes). MODEL is a model's file or a run's folder.";
  verb.example = "turnpike analyze runs/2025-01-31-spirals/model.safetensors --data labelled.csv --target class";
  verb.positionals = {"MODEL"};
  verb.flags.text("data", "", "rows with the columns of the training data").named("FILE");
  verb.flags.text("target", "", "column that holds the truth, by name or number").named("COL");
  verb.flags.text("labels", "", "labels in a file of their own").named("FILE");
  verb.flags.text("out", "runs", "where the report's folder is made").named("DIR");
  add_threads(verb.flags);
  add_quiet_and_json(verb.flags);
  verb.needed_flags = {"data"};
  return verb;
}

Verb export_verb() {
  Verb verb;
  verb.name = "export";
  verb.summary = "write a model for other programs: safetensors or TorchScript";
  verb.usage = "MODEL [--format FORMAT] [--out FILE]";
  verb.about =
      "The TorchScript loads in PyTorch with torch.jit.load and gives the same outputs. MODEL is a model's file or\n"
      "a run's folder.";
  verb.example = "turnpike export runs/2025-01-31-spirals/model.safetensors --format torchscript --out model.pt";
  verb.positionals = {"MODEL"};
  verb.flags.choice("format", "safetensors", {"safetensors", "torchscript"}, "of the file").named("FORMAT");
  verb.flags.text("out", "", "where to write; default: beside MODEL").named("FILE");
  add_quiet_and_json(verb.flags);
  return verb;
}

OptionSchema discover_options() {
  OptionSchema options;
  options.group("candidate terms");
  options.integer("degree", 3, "of the products of fields").at_least(0).at_most(8);
  options.integer("derivatives", 4, "highest order in space").at_least(0).at_most(8);
  options.boolean("modulus", true, "complex fields: powers of |u|");
  options.boolean("trigonometric", false, "sin and cos of the fields");
  options.text("terms", "", "further ones, as \"exp(-x)*u; (x*u)_x\"; strong form: x*u_x");
  options.group("method");
  options.choice("form", "weak", {"weak", "strong", "published"}, "integrals; derivatives at points; Rudy et al. 2017");
  options.choice("derivative", "finite_difference", {"finite_difference", "polynomial", "spectral", "spline"},
                 "how the strong form takes them; spectral: in space");
  options.integer("accuracy", 6, "order of the finite differences").at_least(2).at_most(12);
  options.integer("half_width", 10, "of local polynomials, points on either side").at_least(1);
  options.integer("fit_degree", 4, "of local polynomials").at_least(1);
  options.real("published_step", 1, "of its tolerance: 1 for Burgers, 5 for KdV").at_least(0, Bound::open);
  options.choice("solver", "best_subset", {"best_subset", "threshold", "omp", "frols", "sr3"},
                 "of the sparse regression");
  options.integer("time_order", 0, "left side u_t (1) or u_tt (2); 0: u_t, and u_tt where that finds nothing")
      .at_least(0)
      .at_most(2);
  options.text("equations_of", "", "fields whose equations are wanted; default: all that are not given");
  options.integer("resamples", 100, "behind the inclusion probabilities; 0: none").at_least(0);
  options.choice("noise_scale", "rms", {"rms", "deviation"}, "what --noise is a share of");
  options.group("check and report");
  options.boolean("simulate", true, "integrate what was found from the first frame and compare");
  options.boolean("report", true, "a folder with the page, its figures and data");
  return options;
}

Verb discover() {
  Verb verb;
  verb.name = "discover";
  verb.summary = "find the differential equation behind measured fields";
  verb.usage = "FILE ... [--field NAMES] [--axes NAMES] [flags] [key=value ...]";
  verb.about =
      "Reads fields on a grid (MAT, HDF5, NPZ, NPY) or trajectories (CSV), finds their equation with intervals on its\n"
      "coefficients, and integrates it to see how far it holds. Several files are several experiments.";
  verb.example = "turnpike discover burgers.mat --field u=usol --axes x,t";
  verb.positionals = {"FILE"};
  verb.repeated = true;
  verb.engine = "turnpike-equations";
  verb.flags.text("field", "", "variables that the equations are about: u,v or u=usol").named("NAMES");
  verb.flags.text("axes", "", "along the array's dimensions: x,t or t=tt or x=0:0.1,t or each,x,t").named("NAMES");
  verb.flags.text("time", "", "the axis that is time; default: t, tt or time").named("NAME");
  verb.flags.text("given", "", "fields without an equation of their own, as a potential").named("NAMES");
  verb.flags.text("mask", "", "variable that is 0 where nothing was measured; nan: no numbers").named("NAME");
  verb.flags.real("noise", 0, "noise to add to the data, as a share of their size").named("LEVEL").at_least(0);
  verb.flags.integer("seed", 0, "root of every random number").named("N").at_least(0);
  add_threads(verb.flags, 1);  // of products so small that threads wait for each other longer than they work
  verb.flags.text("config", "", "settings in TOML; key=value words win over it").named("FILE");
  verb.flags.text("out", "runs", "where the run's folder is made").named("DIR");
  add_quiet_and_json(verb.flags);
  verb.recorded_flags = {"field", "axes", "time", "given", "mask", "noise", "seed", "threads"};
  verb.options = discover_options();
  return verb;
}

Verb simulate_verb() {
  Verb verb;
  verb.name = "simulate";
  verb.summary = "integrate a named differential equation";
  verb.usage = "NAME | --list [flags] [key=value ...]";
  verb.about =
      "Fields on a grid as NPZ, with a picture, what is conserved, and the exact solution where there is one.\n"
      "turnpike simulate NAME --help lists the settings: grid, initial state, parameters, times.";
  verb.example = "turnpike simulate burgers nu=0.05 T=5";
  verb.engine = "turnpike-equations";
  verb.flags.boolean("list", false, "the equations that there are");
  verb.flags.text("config", "", "settings in TOML; key=value words win over it").named("FILE");
  verb.flags.text("out", "runs", "where the run's folder is made").named("DIR");
  add_quiet_and_json(verb.flags);
  for (const Simulator& simulator : simulator_catalogue()) verb.words.emplace_back(simulator.name);
  verb.settle = &settle_simulate;
  return verb;
}

Verb study() {
  Verb verb;
  verb.name = "study";
  verb.summary = "measure what the theory claims, beside its prediction";
  verb.usage = "STUDY ... | --all | --list [flags] [key=value ...]";
  verb.about =
      "Each study runs the real computation, sets what it measured beside what a claim predicts, and can fail:\n"
      "exit code 3. A study is called by its name or its claim; turnpike study STUDY --help lists its settings.";
  verb.example = "turnpike study orders --quick";
  verb.flags.boolean("list", false, "the studies, with their claims and expected seconds");
  verb.flags.boolean("all", false, "every study, and an atlas of their results");
  verb.flags.boolean("quick", false, "a smaller problem with its own prediction");
  verb.flags.boolean("full", false, "the claim to the letter (the default)");
  verb.flags.integer("seed", 0, "root of every random number").named("N").at_least(0);
  verb.flags.integer("seeds", 0, "repetitions of a random study; 0: as many as it asks for").named("K").at_least(0);
  add_threads(verb.flags);
  verb.flags.text("config", "", "settings of an earlier run; words win over it").named("FILE");
  verb.flags.text("out", "runs", "where the folders are made").named("DIR");
  add_quiet_and_json(verb.flags);
  for (const StudyRecord* record : study_catalogue()) verb.words.emplace_back(record->name);
  verb.settle = &settle_study;
  return verb;
}

Verb bench() {
  Verb verb;
  verb.name = "bench";
  verb.summary = "time a gradient beside other programs, on this machine";
  verb.usage = "[--case NAME] [flags]";
  verb.about =
      "Times one gradient of a training objective, paired with the same work by others, once the two agree. A\n"
      "case is a shape, 'flow d=5 N=777 K=123 rk4 gelu': dimension, samples, layers, scheme and activation, then a\n"
      "field and a loss if not outer and mean_square. Without one: the cases that have goals, in some minutes.";
  verb.example = "turnpike bench --dtype f32";
  verb.flags.text("case", "", "a shape in quotes; default: the cases that have goals").named("NAME");
  verb.flags.choice("dtype", "both", {"f32", "f64", "both"}, "of the numbers").named("TYPE");
  verb.flags.choice("peer", "libtorch", {"libtorch", "torchdiffeq", "diffrax", "all"}, "beside whom").named("PEER");
  verb.flags.boolean("growth", false, "the case with other K, N, d and threads: how its time grows");
  verb.flags.boolean("accuracy", false, "trainings to a stated accuracy, beside PyTorch");
  verb.flags.boolean("share", false, "how much of a training and of a study is outside the kernels");
  add_threads(verb.flags);
  verb.flags.text("out", "runs", "where the report's folder is made").named("DIR");
  add_quiet_and_json(verb.flags);
  verb.settle = &settle_bench;
  return verb;
}

}  // namespace

OptionSchema train_options() {
  OptionSchema options;

  options.group("data");
  options.choice("generator", "spirals",
                 {"spirals", "moons", "circles", "spheres", "gaussians", "xor", "chess2", "chess3", "swiss_roll",
                  "peaks", "ellipses", "playground_circle", "playground_spiral", "playground_xor", "playground_gauss",
                  "playground_plane", "playground_gaussians", "digits"},
                 "points to draw when there is no --data");
  options.integer("samples", 0, "points to draw; 0: as many as the generator's own default").at_least(0);
  options.real("noise", -1, "of the generator; below 0: its own default").at_least(-1);
  options.boolean("standardise", true, "features to mean 0 and deviation 1, learned on the training part");
  options.real("validation", 0.15, "fraction of the rows").at_least(0).at_most(1, Bound::open);
  options.real("test", 0.15, "fraction of the rows").at_least(0).at_most(1, Bound::open);

  options.group("flow");
  options.choice("field", "inner", {"outer", "inner", "bottleneck", "antisymmetric", "hamiltonian"},
                 "x' = s(Wx+b), W s(x)+b, W2 s(W1 x+b1)+b2, s((W-W'-gI)x+b), Hamiltonian pair");
  options.choice("activation", "tanh", activation_names(), "s");
  options.integer("width", 0, "dimension of the state; 0: chosen from the data").at_least(0);
  options.integer("hidden", 0, "inner width of bottleneck; 0: the width").at_least(0);
  options.real("gamma", 0, "g, the damping of antisymmetric").at_least(0);
  options.choice("scheme", "euler",
                 {"euler", "midpoint", "heun", "rk4", "bosh3", "dopri5", "symplectic_euler", "verlet", "implicit_euler",
                  "implicit_midpoint"},
                 "of integration");
  options.real("T", 10, "horizon: the depth as a time").at_least(0, Bound::open);
  options.integer("layers", 100, "steps of the scheme").at_least(1);
  options.choice("control", "constant", {"constant", "linear", "shared"}, "u(t): piecewise, or one for all depths");
  options.choice("adjoint", "discrete", {"discrete", "autograd", "checkpointed", "reversible", "continuous"},
                 "how gradients are computed");
  options.choice("kernel", "automatic", {"automatic", "reference", "fused"},
                 "who rolls the flow: fused kernels where they can, or always one of the two");
  options.real("budget_mb", 64, "memory of the checkpointed adjoint, MB").at_least(0, Bound::open);
  options.choice("lift", "auto", {"auto", "pad", "linear", "none"}, "from the features to the state");
  options.choice("head", "auto", {"auto", "fixed", "linear"}, "from the state to the output");
  options.real("max_control", 0, "bound on |u(t)|; 0: none").at_least(0);

  options.group("cost");
  options.choice("loss", "auto",
                 {"auto", "mean_square", "absolute", "distance", "cross_entropy", "binary_cross_entropy", "logistic"},
                 "phi; auto: from the task");
  options.real("running", 1, "weight of the integral of phi(x(t))").at_least(0);
  options.real("terminal", 0, "weight of phi(x(T))").at_least(0);
  options.real("lambda", 0.003, "weight of the penalty on u").at_least(0);
  options.choice("penalty", "L2", {"L2", "L1", "H1", "jump"}, "on u");

  options.group("optimiser");
  options.choice("optimiser", "adam", {"adam", "adamw", "sgd", "lbfgs", "proximal"}, "of the first phase");
  options.real("rate", 0, "learning rate; 0: chosen by the size of the steps' batches").at_least(0);
  options.real("momentum", 0.9, "of sgd").at_least(0).at_most(1, Bound::open);
  options.integer("batch", 0, "samples a step; 0: all, or 256 of many rows").at_least(0);
  options.integer("epochs", 0, "passes over the training part; 0: chosen from the number of rows").at_least(0);
  options.choice("schedule", "cosine", {"constant", "cosine", "step", "exponential"}, "of the rate");
  options.real("clip", 0, "bound on the norm of the gradient; 0: none").at_least(0);
  options.integer("patience", 0, "epochs without progress before an early stop; 0: never").at_least(0);
  options.boolean("polish", true, "finish with L-BFGS");
  options.real("gradient_tolerance", 1e-7, "at which the polish stops").at_least(0);
  options.integer("polish_iterations", 6000, "at most").at_least(0);
  options.integer("starts", 1, "initial controls to try; the best is kept").at_least(1);
  options.choice("dtype", "auto", {"auto", "f64", "f32"}, "of the numbers");

  options.group("report");
  options.real("cut_epsilon", 0.005, "change of the validation score that a layer cut may cost").at_least(0);
  options.real("checkpoint_seconds", 30, "between two checkpoints").at_least(0);
  options.boolean("baselines", true, "train a linear model and a perceptron beside the flow");
  return options;
}

const std::vector<Verb>& verb_catalogue() {
  static const std::vector<Verb> catalogue = {train(), predict(),  analyze(),       export_verb(),
                                              study(), discover(), simulate_verb(), bench()};
  return catalogue;
}

const Verb& verb_named(std::string_view name) {
  std::vector<std::string> names;
  for (const Verb& verb : verb_catalogue()) {
    if (verb.name == name) return verb;
    names.push_back(verb.name);
  }
  std::string nearest = did_you_mean(name, names);
  throw InputError(fmt::format("unknown verb '{}'; {}", name,
                               nearest.empty() ? fmt::format("choose one of {}", fmt::join(names, ", "))
                                               : fmt::format("did you mean '{}'?", nearest)));
}

}  // namespace turnpike
