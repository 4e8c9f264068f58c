#include "run_setup.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include <turnpike/base/files.h>
#include <turnpike/base/seed.h>
#include <turnpike/core/device.h>
#include <turnpike/data/generators.h>

namespace turnpike {
namespace {

namespace fs = std::filesystem;

// Above so many inputs the state is a learned picture of them instead of them and zeros.
constexpr std::int64_t most_padded_inputs = 32;
constexpr std::int64_t lifted_width = 64;
// Above so many rows a step sees a part of them.
constexpr std::int64_t most_full_batch_rows = 5000;
// Coordinates in which samples can pass one another, besides those of the inputs and the outputs.
constexpr std::int64_t spare_coordinates = 2;
// Steps that training on parts of the rows takes at the least.
constexpr std::int64_t least_steps = 3000;

fs::path absolute(const std::string& path) {
  return path.empty() ? fs::path() : fs::absolute(path).lexically_normal();
}

std::string hash_of(const fs::path& path) {
  if (!fs::is_directory(path)) return hash_file(path);
  std::map<std::string, std::string> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(path))
    if (entry.is_regular_file()) files[entry.path().filename().string()] = hash_file(entry.path());
  std::string all;
  for (const auto& [name, hash] : files) all += name + " " + hash + "\n";
  return hash_bytes(all);
}

std::string hash_of(const Dataset& data) {
  const Tensor x = data.x.contiguous(), y = data.y.contiguous();
  return hash_bytes(hash_bytes({static_cast<const char*>(x.data_ptr()), x.nbytes()}) +
                    hash_bytes({static_cast<const char*>(y.data_ptr()), y.nbytes()}));
}

// A folder's name from a file's: letters, digits, '-' and '_' only.
std::string slug(const std::string& text) {
  std::string name;
  for (const char c : text) name += std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' ? c : '-';
  return name.empty() ? "data" : name.substr(0, 60);
}

class Preparation {
 public:
  explicit Preparation(const Invocation& invocation) {
    setup_.resolved = invocation;
    setup_.seed = static_cast<std::uint64_t>(flags().integer("seed"));
  }

  RunSetup run() {
    read_data();
    choose_model();
    choose_objective();
    choose_training();
    setup_.make_model();  // refuses widths, lifts and heads that do not fit before anything is done
    return std::move(setup_);
  }

 private:
  RunSetup setup_;
  Options& flags() { return setup_.resolved.flags; }
  Options& options() { return setup_.resolved.options; }

  void choose(const char* key, const std::string& value, const std::string& reason) {
    options().set(key, value, "chosen");
    setup_.choices.push_back(fmt::format("{} {}: {}", key, value, reason));
  }

  void read_data() {
    const SplitOptions split{.validation = options().real("validation"),
                             .test = options().real("test"),
                             .seed = seed_for(setup_.seed, "split"),
                             .file = flags().text("split")};
    Loaded loaded = flags().text("data").empty() ? drawn(split) : read(split);
    setup_.notes = std::move(loaded.notes);
    const Dataset& data = loaded.data;
    setup_.schema = data.schema;
    if (options().boolean("standardise")) setup_.standardiser = Standardiser::fit(data, loaded.split.train);
    setup_.train = data.select(loaded.split.train);
    setup_.validation = data.select(loaded.split.validation);
    setup_.test = data.select(loaded.split.test);
    if (data.schema.task == Task::classify) check_classes();
  }

  Loaded drawn(const SplitOptions& split) {
    for (const char* flag : {"target", "labels"})
      if (!flags().text(flag).empty())
        throw InputError(fmt::format("--{} speaks of a file: give one with --data", flag));
    const std::string& name = options().text("generator");
    Loaded loaded;
    loaded.data = generate(name, options().integer("samples"), options().real("noise"), seed_for(setup_.seed, "data"));
    loaded.split = make_split(loaded.data, split);
    setup_.name = name;
    setup_.source = fmt::format("{}: {} points drawn with seed {}", name, loaded.data.size(), setup_.seed);
    setup_.data_hash = hash_of(loaded.data);
    return loaded;
  }

  Loaded read(const SplitOptions& split) {
    for (const char* key : {"generator", "samples", "noise"})
      if (options().is_set(key) && options().origin(key) == "command line")
        throw InputError(
            fmt::format("{} speaks of drawn points, but --data gives a file: leave one of the two out", key));
    // The run can be gone on with from any folder.
    for (const char* flag : {"data", "labels"})
      if (!flags().text(flag).empty()) flags().set(flag, absolute(flags().text(flag)).string(), "command line");
    if (!split.file.empty() && !split.file.starts_with("uci:"))
      flags().set("split", absolute(split.file).string(), "command line");
    const fs::path path = flags().text("data");
    ReadOptions how{.target = flags().text("target"), .labels = flags().text("labels"), .split = split};
    how.split.file = flags().text("split");
    if (flags().text("task") != "auto") how.task = task_named(flags().text("task"));
    Loaded loaded = read_dataset(path, how);
    const fs::path leaf = path.has_filename() ? path.filename() : path.parent_path().filename();
    // "data.txt" says less than the folder that it is in.
    const bool plain = leaf.stem() == "data" && path.has_parent_path();
    setup_.name = slug(plain ? path.parent_path().filename().string() : leaf.stem().string());
    setup_.source = fmt::format("{}: {} rows, {} input{}", leaf.string(), loaded.data.size(),
                                loaded.data.schema.n_inputs(), loaded.data.schema.n_inputs() == 1 ? "" : "s");
    setup_.data_hash = hash_of(path);
    return loaded;
  }

  void check_classes() {
    const Tensor counts = at::bincount(setup_.train.y, {}, setup_.schema.n_outputs());
    for (std::int64_t c = 0; c < counts.numel(); ++c) {
      if (counts[c].item<std::int64_t>() == 0)
        throw InputError(
            fmt::format("the class '{}' has no row in the training part: give more rows of it, or another split",
                        setup_.schema.classes[static_cast<std::size_t>(c)]));
    }
  }

  void choose_model() {
    ModelSpec& spec = setup_.spec;
    const std::int64_t n = setup_.schema.n_inputs(),
                       n_classes = static_cast<std::int64_t>(setup_.schema.classes.size());
    const bool many = n > most_padded_inputs;
    spec.n_features = n;

    // Lift and head. Few inputs: the state is the inputs and room for the outputs, which are read off it. Many: a
    // learned linear picture of them, with a learned readout.
    if (options().text("lift") == "auto") {
      const std::int64_t width = options().integer("width");
      if (many || (width > 0 && width < n))
        choose("lift", "linear", fmt::format("{} inputs are mapped to the state by a trained matrix", n));
      else if (width == n)
        choose("lift", "none", "the state is the inputs");
      else
        choose("lift", "pad", fmt::format("the state is the {} inputs and zeros", n));
    }
    spec.lift = lift_named(options().text("lift"));
    if (options().text("head") == "auto") {
      if (spec.lift == Lift::linear)
        choose("head", "linear", "the outputs are read by a trained matrix");
      else
        choose("head", "fixed", "the outputs are the last coordinates of the state");
    }
    spec.head = head_named(options().text("head"));

    if (options().text("loss") == "auto") {
      if (n_classes == 0)
        choose("loss", "mean_square", "the task is regression");
      else if (spec.head == Head::linear)
        choose("loss", "cross_entropy", fmt::format("{} classes, trained readout", n_classes));
      else
        choose("loss", "mean_square", "the state is steered to a point for each class, and can rest there");
    }
    spec.cost = options().text("loss");
    setup_.objective.cost = make_cost(spec.cost);
    spec.coding = coding_for(*setup_.objective.cost, n_classes);
    spec.n_outputs = n_outputs_of(spec.coding, n_classes, setup_.schema.n_outputs());

    spec.field.kind = options().text("field");
    if (options().integer("width") == 0) choose_width();
    spec.width = spec.field.dimension = options().integer("width");
    spec.field.activation = activation_named(options().text("activation"));
    spec.field.hidden = options().integer("hidden");
    spec.field.gamma = options().real("gamma");
    spec.scheme = options().text("scheme");
    spec.horizon = options().real("T");
    spec.layers = options().integer("layers");
    spec.control = control_kind_named(options().text("control"));
    spec.adjoint = {adjoint_named(options().text("adjoint")),
                    static_cast<std::int64_t>(options().real("budget_mb") * 1e6),
                    kernel_named(options().text("kernel"))};
    if (make_scheme(spec.scheme)->needs_partition() && spec.field.kind != "hamiltonian")
      throw InputError(fmt::format(
          "the scheme {} needs a field of two halves: set field=hamiltonian, or take another scheme", spec.scheme));
  }

  void choose_width() {
    const ModelSpec& spec = setup_.spec;
    const bool even = spec.field.kind == "hamiltonian";
    std::int64_t width = spec.n_features;
    std::string reason = "as many as inputs";
    if (spec.lift == Lift::linear) {
      width = lifted_width;
      reason = "a picture of the inputs that is small beside their number";
    } else if (spec.lift == Lift::pad) {
      const std::int64_t spare = std::min(spare_coordinates, spec.n_features);
      width = spec.n_features + spec.n_outputs + spare;
      reason = fmt::format("{} input{}, {} output{} and {} to move in", spec.n_features,
                           spec.n_features == 1 ? "" : "s", spec.n_outputs, spec.n_outputs == 1 ? "" : "s", spare);
    }
    if (even && width % 2 == 1) {
      ++width;
      reason += ", made even";
    }
    choose("width", std::to_string(width), reason);
  }

  void choose_objective() {
    Objective& objective = setup_.objective;
    objective.running = options().real("running");
    objective.terminal = options().real("terminal");
    if (objective.running == 0 && objective.terminal == 0)
      throw InputError("running and terminal are both 0: nothing is asked of the flow; set one of them");
    objective.penalty = {penalty_named(options().text("penalty")), options().real("lambda")};
    if (const double bound = options().real("max_control"); bound > 0) objective.penalty.bound = bound;
    const bool linear = setup_.spec.control == ControlKind::linear;
    if (objective.penalty.kind == PenaltyKind::h1 && !linear)
      throw InputError("the penalty H1 needs a control with a derivative: set control=linear, or take penalty=jump");
    if (objective.penalty.kind == PenaltyKind::jump && linear)
      throw InputError("the penalty jump is of piecewise constant controls: set penalty=H1 for control=linear");
  }

  void choose_training() {
    const std::int64_t rows = setup_.train.size();
    TrainOptions& training = setup_.training;
    training.optimiser.kind = optimiser_named(options().text("optimiser"));
    const bool large = rows > most_full_batch_rows && takes_mini_batches(training.optimiser.kind);
    if (options().integer("batch") == 0) {
      if (large)
        choose("batch", "256", fmt::format("{} rows are many", rows));
      else
        choose("batch", std::to_string(rows), "all rows");
    }
    training.batch = options().integer("batch") >= rows ? 0 : options().integer("batch");
    if (options().integer("epochs") == 0) {
      const std::int64_t steps = (rows + options().integer("batch") - 1) / options().integer("batch");
      const std::int64_t epochs = steps == 1 ? 600 : std::max<std::int64_t>(10, (least_steps + steps - 1) / steps);
      choose("epochs", std::to_string(epochs), fmt::format("{} step{} each", steps, steps == 1 ? "" : "s"));
    }
    training.epochs = options().integer("epochs");
    if (options().text("dtype") == "auto")
      choose("dtype", large ? "f32" : "f64",
             large ? "rounding is far below the noise of the batches" : "decays are seen to the end");
    setup_.dtype = dtype_named(options().text("dtype"));

    training.seed = seed_for(setup_.seed, "training");
    if (options().real("rate") == 0)
      choose("rate", training.batch > 0 ? "0.005" : "0.02",
             training.batch > 0 ? "steps on parts of the rows" : "steps on all rows");
    training.optimiser.rate = options().real("rate");
    training.optimiser.momentum = options().real("momentum");
    training.schedule.kind = schedule_named(options().text("schedule"));
    training.clip = options().real("clip");
    training.patience = options().integer("patience");
    training.checkpoint_seconds = options().real("checkpoint_seconds");
    // A polish is for the optimum of all rows: on mini-batches there is none to find.
    const bool polish = options().boolean("polish") && training.batch == 0;
    training.polish = {.iterations = polish ? options().integer("polish_iterations") : 0,
                       .tolerance = options().real("gradient_tolerance")};
    setup_.starts = options().integer("starts");
    setup_.baselines = options().boolean("baselines");
    setup_.cut_epsilon = options().real("cut_epsilon");
  }
};

}  // namespace

Model RunSetup::make_model(std::uint64_t start) const {
  Model model;
  try {
    model = Model::make(spec, dtype, seed_for(seed, "model", start));
  } catch (const ContractError& error) {
    throw InputError(error.what());  // widths, lifts and heads that the user chose
  }
  model.schema = schema;
  model.standardiser = standardiser;
  return model;
}

RunSetup prepare_run(const Invocation& invocation) {
  return Preparation(invocation).run();
}

}  // namespace turnpike
