#include <turnpike/train/trainer.h>

#include "history_internal.h"
#include "optimiser_internal.h"
#include "polish_internal.h"
#include "problem_internal.h"

#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <torch/types.h>

#include <turnpike/base/error.h>
#include <turnpike/base/files.h>
#include <turnpike/base/provenance.h>
#include <turnpike/base/seed.h>
#include <turnpike/core/device.h>
#include <turnpike/math/random.h>
#include <turnpike/train/checkpoint.h>
#include <turnpike/train/evaluate.h>
#include <chrono>
#include <cmath>
#include <fstream>
#include <string_view>
#include <utility>

namespace turnpike {
namespace {

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string hash_of(const Dataset& data) {
  const auto hash = [](const Tensor& tensor) {
    const Tensor dense = tensor.cpu().contiguous();
    return hash_bytes({static_cast<const char*>(dense.data_ptr()), dense.nbytes()});
  };
  return fmt::format("{} rows, {}/{}", data.size(), hash(data.x), hash(data.y));
}

// Everything that a run's numbers depend on, and the settings that may change, by name.
std::map<std::string, std::string> settings_of(const Model& model, const Objective& objective, const Dataset& data,
                                               const Dataset* validation, const TrainOptions& options) {
  const ModelSpec& spec = model.spec;
  const OptimiserOptions& optimiser = options.optimiser;
  std::map<std::string, std::string> out;
  const auto put = [&](const char* name, const auto& value) { out[name] = fmt::format("{}", value); };
  put("data", hash_of(data));
  put("validation data", validation ? hash_of(*validation) : "none");
  put("threads", at::get_num_threads());
  put("dtype", name_of(model.dtype()));
  put("field", fmt::format("{} {} hidden {} gamma {}", spec.field.kind, facts_of(spec.field.activation).name,
                           spec.field.hidden, spec.field.gamma));
  put("width", spec.width);
  put("lift", name_of(spec.lift));
  put("head", name_of(spec.head));
  put("scheme", spec.scheme);
  put("horizon", spec.horizon);
  put("layers", spec.layers);
  put("control", name_of(spec.control));
  put("adjoint", name_of(spec.adjoint.kind));
  put("kernel", name_of(model.flow.adjoint.kernel));
  put("instruction set", dispatch_target());
  put("coding", name_of(spec.coding));
  put("cost", objective.cost->name());
  put("running", objective.running);
  put("terminal", objective.terminal);
  put("penalty", name_of(objective.penalty.kind));
  put("lambda", objective.penalty.weight);
  put("bound", objective.penalty.bound);
  put("optimiser", name_of(optimiser.kind));
  put("rate", optimiser.rate);
  put("momentum", optimiser.momentum);
  put("beta1", optimiser.beta1);
  put("beta2", optimiser.beta2);
  put("epsilon", optimiser.epsilon);
  put("weight_decay", optimiser.weight_decay);
  put("history", optimiser.history);
  put("iterations", optimiser.iterations);
  put("tolerance", optimiser.tolerance);
  put("schedule", name_of(options.schedule.kind));
  put("schedule.decay", options.schedule.decay);
  put("schedule.every", options.schedule.every);
  put("schedule.floor", options.schedule.floor);
  put("batch", options.batch);
  put("seed", options.seed);
  put("clip", options.clip);
  put("epochs", options.epochs);
  put("patience", options.patience);
  put("polish.iterations", options.polish.iterations);
  put("polish.tolerance", options.polish.tolerance);
  put("polish.history", options.polish.history);
  return out;
}

void check_options(const Model& model, const Objective& objective, const TrainOptions& options) {
  const auto refuse_unless = [](bool condition, const std::string& message) {
    if (!condition) throw InputError(message);
  };
  require(objective.cost != nullptr, "training needs a cost, as make_cost(\"mean_square\")");
  refuse_unless(options.epochs >= 0, fmt::format("epochs must not be negative, got {}", options.epochs));
  refuse_unless(options.batch >= 0,
                fmt::format("batch must not be negative, got {} (0: the full batch)", options.batch));
  const OptimiserKind kind = options.optimiser.kind;
  const char* name = name_of(kind);
  refuse_unless(
      takes_mini_batches(kind) || options.batch == 0,
      fmt::format(
          "the optimiser {} searches along lines of one function: it needs the full batch (batch = 0), or choose adam",
          name));
  refuse_unless(kind != OptimiserKind::lbfgs || objective.penalty.smooth(),
                "the optimiser lbfgs needs a smooth objective: with an L1 penalty or a bound choose proximal");
  refuse_unless(!(kind == OptimiserKind::proximal || options.polish.iterations > 0) ||
                    objective.penalty.kind != PenaltyKind::l1 || model.spec.control != ControlKind::linear,
                "the proximal optimiser treats the L1 penalty of constant and shared controls only: choose another "
                "control or penalty");
  refuse_unless(options.optimiser.rate > 0, fmt::format("the rate must be positive, got {}", options.optimiser.rate));
}

class Trainer {
 public:
  Trainer(Model& model, const Objective& objective, const Dataset& data, const Dataset* validation,
          const TrainOptions& options, Progress& progress)
      : model_(model),
        objective_(objective),
        data_(data),
        validation_(validation),
        options_(options),
        progress_(progress) {
    check_options(model, objective, options);
    check_data(model, data, "training");
    if (validation) check_data(model, *validation, "validation");
    if (!options.folder.empty()) {
      unpack_model(pack_model(model),
                   checkpoint_path().string());  // what cannot be saved is refused before the work, not after
      state_.settings = settings_of(model, objective, data, validation, options);
    }
    batch_ = options.batch == 0 ? data.size() : std::min(options.batch, data.size());
    last_save_ = seconds_now();
  }

  TrainResult run() {
    if (options_.resume) resume();
    if (state_.phase == Phase::first_order) first_order();
    if (options_.polish.iterations > 0 || state_.phase == Phase::polish) polish();
    result_.history = state_.history;
    result_.best_epoch = validation_ ? state_.stopping.best_epoch : 0;
    return result_;
  }

 private:
  std::filesystem::path checkpoint_path() const { return options_.folder / checkpoint_name; }
  std::filesystem::path metrics_path() const { return options_.folder / metrics_name; }

  void resume() {
    require(!options_.folder.empty(), "a run without a folder cannot be resumed");
    Checkpoint checkpoint = load_checkpoint(checkpoint_path());
    require_resumable(checkpoint, state_.settings);
    if (checkpoint.phase == Phase::polish) convert(model_, at::kDouble);
    const auto stored = checkpoint.model.parameters();
    const auto own = model_.parameters();
    require(stored.size() == own.size(), "the checkpoint is of another model");
    for (std::size_t i = 0; i < own.size(); ++i) {
      require(stored[i].second.sizes() == own[i].second.sizes() && stored[i].second.dtype() == own[i].second.dtype(),
              fmt::format("the checkpoint's {} is {}, the model's {}", own[i].first, describe(stored[i].second),
                          describe(own[i].second)));
      Tensor(own[i].second).copy_(stored[i].second);
    }
    // The settings of the run as it is now: those that may change have changed.
    checkpoint.settings = state_.settings;
    state_ = std::move(checkpoint);
    std::string lines;
    for (const EpochRecord& record : state_.history) lines += json_line(record, score_name(model_));
    write_file(metrics_path(), lines);
    resumed_ = true;
  }

  // What a file holds of an optimiser need not fit: another version's names, or another's numbers.
  void load_optimiser(const std::function<void(const NamedTensors&)>& load) const {
    try {
      load(state_.optimiser);
    } catch (const ContractError& error) {
      throw InputError(
          fmt::format("'{}' cannot be resumed: {}; start a new run", checkpoint_path().string(), error.what()));
    }
  }

  // ---- first order: epochs ----

  void first_order() {
    Problem problem(model_, objective_, options_.optimiser.kind == OptimiserKind::proximal);
    auto optimiser =
        make_optimiser(options_.optimiser, problem.parameters(),
                       options_.optimiser.kind == OptimiserKind::proximal ? problem.non_smooth() : NonSmooth{});
    if (resumed_)
      load_optimiser([&](const NamedTensors& state) { optimiser->load(state); });
    else if (!options_.folder.empty())
      write_file(metrics_path(), "");
    problem.project();

    const bool full = batch_ == data_.size();
    Examples inputs;
    if (full) inputs = model_.examples(data_.all(model_.dtype()));
    while (!finished(*optimiser)) {
      NamedTensors start = problem.values();
      try {
        epoch(problem, *optimiser, full ? &inputs : nullptr);
      } catch (const NotFiniteStart&) {
        const std::string why = explain();
        problem.assign_values(start);
        throw Error(why);
      }
      if (!options_.folder.empty() && seconds_now() - last_save_ >= options_.checkpoint_seconds) save(*optimiser);
    }
    if (!options_.folder.empty()) save(*optimiser);
    if (validation_ && !state_.best.empty()) problem.assign_values(state_.best);
  }

  bool finished(const Optimiser& optimiser) {
    const bool searching = !takes_mini_batches(options_.optimiser.kind);
    if (state_.step > 0) return false;
    if (state_.epoch >= options_.epochs)
      result_.stopped = StopReason::epochs;
    else if (state_.stopping.exhausted(options_.patience, state_.epoch))
      result_.stopped = StopReason::patience;
    else if (searching && optimiser.residual() <= options_.optimiser.tolerance)
      result_.stopped = StopReason::tolerance;
    else if (searching && optimiser.stalled())
      result_.stopped = StopReason::stalled;
    else
      return false;
    return true;
  }

  void epoch(Problem& problem, Optimiser& optimiser, const Examples* all) {
    const double start = seconds_now();
    const double rate = options_.schedule.rate(options_.optimiser.rate, state_.epoch, options_.epochs);
    if (takes_mini_batches(options_.optimiser.kind)) optimiser.set_rate(rate);
    std::vector<std::int64_t> order;
    if (!all)
      order = Random(seed_for(options_.seed, "shuffle", static_cast<std::uint64_t>(state_.epoch)))
                  .permutation(data_.size());
    const std::int64_t steps = (data_.size() + batch_ - 1) / batch_;
    for (; state_.step < steps; ++state_.step) {
      if (stop_requested()) interrupted(optimiser);
      Examples rows;
      if (!all) {
        const std::int64_t first = state_.step * batch_, count = std::min(batch_, data_.size() - first);
        rows = model_.examples(data_.batch(std::span(order).subspan(first, count), model_.dtype()));
      }
      step(problem, optimiser, all ? *all : rows);
      if (steps > 1) show(state_.epoch, fmt::format("step {} of {}", state_.step + 1, steps), /*throttled=*/true);
    }
    close_epoch(rate, steps, start);
  }

  void step(Problem& problem, Optimiser& optimiser, const Examples& inputs) {
    const bool simple = takes_mini_batches(options_.optimiser.kind);
    bool first = true;  // a line search evaluates more than once: what is recorded is where the step started
    optimiser.step([&](bool gradient) {
      const Measured measured = problem.evaluate(inputs, gradient, simple ? options_.clip : 0);
      if (std::exchange(first, false)) {
        last_ = measured;
        // A line search judges its points itself.
        if (simple && !(std::isfinite(measured.objective) && std::isfinite(measured.gradient_norm)))
          throw NotFiniteStart("");
        const auto n = static_cast<double>(inputs.x.size(0));
        const double add[] = {n * measured.objective, n * measured.loss, measured.score_sum, measured.gradient_norm, n};
        for (int i = 0; i < 5; ++i) state_.sums[i] += add[i];
      }
      return measured.value;
    });
    if (simple) problem.project();
  }

  void close_epoch(double rate, std::int64_t steps, double start) {
    const auto& sums = state_.sums;
    EpochRecord record{.epoch = ++state_.epoch, .rate = rate};
    record.objective = sums[0] / sums[4];
    record.loss = sums[1] / sums[4];
    record.score = score_of(model_, sums[2], static_cast<std::int64_t>(sums[4]));
    record.gradient_norm = sums[3] / static_cast<double>(steps);
    if (validation_) {
      const Evaluation evaluation = evaluate(model_, objective_, *validation_);
      record.validation_loss = evaluation.loss;
      record.validation_score = evaluation.score;
    }
    record.seconds = seconds_now() - start;
    if (state_.stopping.better(validation_ ? record.validation_loss : record.objective, state_.epoch) && validation_) {
      state_.best.clear();
      for (const auto& [name, tensor] : model_.parameters()) state_.best[name] = tensor.detach().clone();
    }
    state_.history.push_back(record);
    state_.step = 0;
    state_.sums = {};
    append(json_line(record, score_name(model_)));
    std::string line =
        fmt::format("loss {:.4g}  {} {}", record.loss, score_name(model_), score_text(model_, record.score));
    if (validation_)
      line +=
          fmt::format("  validation {:.4g}, {}", record.validation_loss, score_text(model_, record.validation_score));
    show(state_.epoch, line, /*throttled=*/false);
  }

  // ---- polish ----

  void polish() {
    const bool resumed = state_.phase == Phase::polish;
    state_.phase = Phase::polish;
    Polisher polisher(model_, objective_, data_, options_.polish);
    if (resumed) load_optimiser([&](const NamedTensors& state) { polisher.load(state); });
    while (!polisher.done()) {
      if (stop_requested()) interrupted(polisher);
      polisher.step();
      progress_.update("polish", polisher.report().iterations, options_.polish.iterations, polisher.progress_line());
      if (!options_.folder.empty() && seconds_now() - last_save_ >= options_.checkpoint_seconds) save(polisher);
    }
    result_.polish = polisher.report();
    append(json_line(*result_.polish));
    if (!options_.folder.empty()) save(polisher);
  }

  // ---- what is written and shown ----

  template <class Source>  // Optimiser or Polisher
  void save(const Source& source) {
    state_.optimiser = source.state();
    state_.model = model_;
    save_checkpoint(checkpoint_path(), state_);
    last_save_ = seconds_now();
  }

  template <class Source>
  [[noreturn]] void interrupted(const Source& source) {
    if (options_.folder.empty()) throw Interrupted(fmt::format("training was stopped after {} epochs", state_.epoch));
    save(source);
    throw Interrupted(fmt::format("training was stopped after {} epochs; '{}' holds its state: go on with --resume",
                                  state_.epoch, checkpoint_path().string()));
  }

  void append(const std::string& line) {
    if (options_.folder.empty()) return;
    if (!metrics_.is_open()) metrics_.open(metrics_path(), std::ios::app);
    metrics_ << line << std::flush;
    if (!metrics_) throw Error(fmt::format("cannot write '{}': is the disk full?", metrics_path().string()));
  }

  void show(std::int64_t epochs_done, const std::string& detail, bool throttled) {
    const double now = seconds_now();
    if (throttled && now - last_shown_ < 0.2) return;
    last_shown_ = now;
    progress_.update("train", epochs_done, options_.epochs, detail);
  }

  // Which layer left the finite numbers, or what else grew; what to try.
  std::string explain() {
    at::NoGradGuard no_grad;
    std::vector<std::int64_t> rows;
    for (std::int64_t i = 0; i < std::min<std::int64_t>(data_.size(), 4096); ++i) rows.push_back(i);
    const Examples inputs = model_.examples(data_.batch(rows, model_.dtype()));
    const Outcome<Trajectory> run = model_.flow.trajectory(model_.lift(inputs.x), model_.control);
    std::string why;
    if (!run) {
      why = run.failure().what;
    } else {
      const Tensor norms = run.partial().states.abs().amax({1, 2});  // [n] |x(t)|_inf
      const std::int64_t where = norms.argmax().item<std::int64_t>();
      why = fmt::format("the states stay finite (largest |x|_inf = {:.3g} at t = {:.3g}), but the {} does not",
                        norms[where].item<double>(), run.partial().times[where],
                        std::isfinite(last_.objective) ? "gradient's norm" : "objective");
    }
    const double control = model_.flow.grid.sup(model_.control).item<double>();
    std::string advice = fmt::format("lower the rate (now {:g})", options_.optimiser.rate);
    if (options_.clip == 0 && takes_mini_batches(options_.optimiser.kind)) advice += ", clip the gradient (clip = 1)";
    advice += fmt::format(" or raise lambda (now {:g})", objective_.penalty.weight);
    if (!options_.folder.empty() && std::filesystem::exists(checkpoint_path()))
      advice += fmt::format("; '{}' holds the last state that was saved", checkpoint_path().string());
    return fmt::format("training diverged in epoch {}, step {}: {}, with a largest control of |u| = {:.3g}; {}",
                       state_.epoch + 1, state_.step + 1, why, control, advice);
  }

  Model& model_;
  const Objective& objective_;
  const Dataset& data_;
  const Dataset* validation_;
  const TrainOptions& options_;
  Progress& progress_;
  std::int64_t batch_ = 0;
  Checkpoint state_;
  Measured last_;  // where the last step started
  bool resumed_ = false;
  double last_save_ = 0, last_shown_ = 0;
  std::ofstream metrics_;
  TrainResult result_;
};

}  // namespace

const char* name_of(StopReason reason) {
  switch (reason) {
    case StopReason::epochs: return "all epochs done";
    case StopReason::patience: return "no better loss within the patience";
    case StopReason::tolerance: return "stationary within the tolerance";
    case StopReason::stalled: return "no step moves the parameters any more";
  }
  return "?";
}

TrainResult train(Model& model, const Objective& objective, const Dataset& data, const Dataset* validation,
                  const TrainOptions& options, Progress& progress) {
  return Trainer(model, objective, data, validation, options, progress).run();
}

}  // namespace turnpike
