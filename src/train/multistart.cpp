#include <turnpike/train/multistart.h>

#include <fmt/format.h>
#include <torch/types.h>

#include <turnpike/base/error.h>
#include <turnpike/base/seed.h>
#include <turnpike/train/evaluate.h>
#include <optional>

namespace turnpike {

double objective_on(const Model& model, const Objective& objective, const Dataset& data) {
  at::NoGradGuard no_grad;
  return evaluate(model, objective, data).loss + objective.penalty.value(model.flow.grid, model.control).item<double>();
}

Starts multistart(const std::function<Model(std::uint64_t seed)>& make, std::int64_t n, std::uint64_t seed,
                  const Objective& objective, const Dataset& data, const Dataset* validation,
                  const TrainOptions& options, Progress& progress) {
  require(n > 0, fmt::format("multistart needs at least one start, got {}", n));
  require(options.folder.empty(), "multistart runs in memory: leave options.folder empty");
  std::optional<Starts> best;
  std::vector<double> objectives;
  std::string lost;
  for (std::int64_t k = 0; k < n; ++k) {
    TrainOptions own = options;
    own.seed = seed_for(seed, "start", static_cast<std::uint64_t>(k));
    Model model = make(own.seed);
    double value = not_measured;
    try {
      TrainResult result = train(model, objective, data, validation, own, progress);
      value = objective_on(model, objective, data);
      if (!best || value < best->objectives[0]) best = Starts{std::move(model), std::move(result), k, {value}};
    } catch (const Interrupted&) {
      throw;
    } catch (const InputError&) {
      throw;
    } catch (const ContractError&) {
      throw;
    } catch (const Error& error) {
      lost = error.what();
    }
    objectives.push_back(value);
    progress.note(fmt::format("start {} of {}: objective {:.6g}", k + 1, n, value));
  }
  if (!best) throw Error(fmt::format("all {} starts were lost; the last: {}", n, lost));
  best->objectives = std::move(objectives);
  return std::move(*best);
}

}  // namespace turnpike
