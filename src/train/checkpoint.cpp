#include <turnpike/train/checkpoint.h>

#include "history_internal.h"

#include <fmt/format.h>
#include <torch/types.h>
#include <nlohmann/json.hpp>

#include <turnpike/base/error.h>
#include <turnpike/data/convert.h>
#include <turnpike/io/safetensors.h>
#include <string_view>
#include <utility>

namespace turnpike {
namespace {

constexpr int checkpoint_schema = 1;
constexpr const char* phase_names[] = {"first order", "polish"};

void put(Safetensors& file, const std::string& prefix, const NamedTensors& tensors) {
  for (const auto& [name, tensor] : tensors) file.tensors[prefix + name] = array_of(tensor);
}

NamedTensors take(const Safetensors& file, std::string_view prefix) {
  NamedTensors out;
  for (const auto& [name, array] : file.tensors)
    if (name.starts_with(prefix)) out[name.substr(prefix.size())] = tensor_of(array);
  return out;
}

const Tensor& find(const NamedTensors& tensors, const std::string& name) {
  const auto found = tensors.find(name);
  if (found == tensors.end()) throw InputError(fmt::format("the tensor '{}' is missing", name));
  return found->second;
}

Checkpoint read_checkpoint(const Safetensors& file, Model model) {
  const auto text = file.metadata.find("training");
  if (text == file.metadata.end()) throw InputError("it is not a checkpoint (metadata 'training' is missing)");
  const auto json = nlohmann::json::parse(text->second);
  if (json.at("schema").get<int>() > checkpoint_schema) throw InputError("it was written by a newer Turnpike");

  Checkpoint checkpoint;
  checkpoint.model = std::move(model);
  checkpoint.phase = json.at("phase").get<std::string>() == phase_names[1] ? Phase::polish : Phase::first_order;
  checkpoint.epoch = json.at("epoch").get<std::int64_t>();
  checkpoint.step = json.at("step").get<std::int64_t>();
  checkpoint.settings = json.at("settings").get<std::map<std::string, std::string>>();
  checkpoint.best = take(file, "best.");
  checkpoint.optimiser = take(file, "optimiser.");
  const NamedTensors own = take(file, "training.");
  checkpoint.history = history_of(find(own, "history"));
  const Tensor sums = find(own, "sums"), stopping = find(own, "stopping");
  require_shape(sums, {5}, "the tensor 'training.sums'");
  require_shape(stopping, {2}, "the tensor 'training.stopping'");
  for (int i = 0; i < 5; ++i) checkpoint.sums[i] = sums[i].item<double>();
  checkpoint.stopping = {stopping[0].item<double>(), static_cast<std::int64_t>(stopping[1].item<double>())};
  return checkpoint;
}

}  // namespace

void save_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint) {
  Safetensors file = pack_model(checkpoint.model);
  put(file, "best.", checkpoint.best);
  put(file, "optimiser.", checkpoint.optimiser);
  const auto& s = checkpoint.sums;
  put(file, "training.",
      {{"history", tensor_of(checkpoint.history)},
       {"sums", at::tensor({s[0], s[1], s[2], s[3], s[4]}, at::kDouble)},
       {"stopping",
        at::tensor({checkpoint.stopping.best, static_cast<double>(checkpoint.stopping.best_epoch)}, at::kDouble)}});
  nlohmann::ordered_json json;
  json["schema"] = checkpoint_schema;
  json["phase"] = phase_names[checkpoint.phase == Phase::polish];
  json["epoch"] = checkpoint.epoch;
  json["step"] = checkpoint.step;
  json["settings"] = checkpoint.settings;
  file.metadata["training"] = json.dump();
  write_safetensors(path, file);
}

Checkpoint load_checkpoint(const std::filesystem::path& path) {
  const Safetensors file = read_safetensors(path);
  Model model = unpack_model(file, path.string());
  try {
    return read_checkpoint(file, std::move(model));
  } catch (const nlohmann::json::exception&) {
    throw InputError(fmt::format("'{}' cannot be resumed: its metadata 'training' are damaged", path.string()));
  } catch (const Error& error) {
    throw InputError(fmt::format("'{}' cannot be resumed: {}", path.string(), error.what()));
  }
}

void require_resumable(const Checkpoint& checkpoint, const std::map<std::string, std::string>& settings) {
  const bool polishing = checkpoint.phase == Phase::polish;
  const auto may_change = [&](const std::string& name) {
    if (name == "patience" || name == "polish.iterations") return true;
    if (name == "polish.tolerance" || name == "polish.history") return !polishing;
    if (name == "epochs") return !polishing && checkpoint.settings.at("schedule") != "cosine";
    return false;
  };
  std::vector<std::string> changed;
  for (const auto& [name, value] : settings) {
    const auto old = checkpoint.settings.find(name);
    const std::string before = old == checkpoint.settings.end() ? "not set" : old->second;
    if (before != value && !may_change(name))
      changed.push_back(fmt::format("{} was {} and is now {}", name, before, value));
  }
  if (!changed.empty())
    throw InputError(
        fmt::format("cannot resume: {}; resume with the old settings, or start a new run", fmt::join(changed, ", ")));
}

}  // namespace turnpike
