#include "export_job.h"

#include <fmt/format.h>

#include <turnpike/net/export.h>

namespace turnpike {

JobResult run_export(const Job& job) {
  const std::filesystem::path source = job.model_path();
  const bool script = job.flag("format") == "torchscript";
  std::filesystem::path target = job.flag("out");
  if (target.empty()) target = std::filesystem::path(source).replace_extension(script ? ".pt" : ".safetensors");
  std::error_code error;
  if (std::filesystem::equivalent(source, target, error))
    throw InputError(fmt::format("'{}' is the model itself: it is in that format already; name another file with --out",
                                 source.string()));
  const Model model = load_model(source);
  if (script) {
    export_torchscript(target, model);
  } else {
    save_model(target, model);  // a checkpoint becomes a plain model
  }
  if (!job.json()) job.out(target.string());
  return {{"model", source.string()},
          {"format", job.flag("format")},
          {"file", target.string()},
          {"inputs", model.schema.input_names()},
          {"parameters", model.n_parameters()}};
}

}  // namespace turnpike
