#include <turnpike/net/export.h>

#include <sstream>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <torch/csrc/jit/api/module.h>

#include <turnpike/base/files.h>

namespace turnpike {
namespace {

// Every line of `code` moved right by `spaces`.
std::string indented(const std::string& code, int spaces) {
  std::istringstream lines(code);
  std::string line, result;
  while (std::getline(lines, line)) result += std::string(spaces, ' ') + line + "\n";
  return result;
}

std::string lift_script(const ModelSpec& spec) {
  switch (spec.lift) {
    case Lift::none: return "";
    case Lift::pad: return fmt::format("x = torch.constant_pad_nd(x, [0, {}])\n", spec.width - spec.n_features);
    case Lift::linear: return "x = torch.addmm(self.lift_bias, x, self.lift_weight.t())\n";
  }
  throw ContractError("no such lift");
}

// u(t) for a time t of step k, as ControlGrid::stencil gives it.
std::string control_script(ControlKind kind) {
  switch (kind) {
    case ControlKind::constant: return "u = self.control[self.cells[k]]\n";
    case ControlKind::linear:
      return "c = self.cells[k]\n"
             "w = (t - self.knots[c]) / (self.knots[c + 1] - self.knots[c])\n"
             "u = (1.0 - w) * self.control[c] + w * self.control[c + 1]\n";
    case ControlKind::shared: return "u = self.control[0]\n";
  }
  throw ContractError("no such control");
}

// The control's cell that holds the middle of each step.
c10::List<std::int64_t> cells_of(const Flow& flow) {
  c10::List<std::int64_t> cells;
  const std::vector<double>& knots = flow.grid.knots();
  std::size_t cell = 0;
  for (std::int64_t k = 0; k < flow.mesh.steps(); ++k) {
    const double middle = (flow.mesh.times[k] + flow.mesh.times[k + 1]) / 2;
    while (cell + 2 < knots.size() && knots[cell + 1] <= middle) ++cell;
    cells.push_back(static_cast<std::int64_t>(cell));
  }
  return cells;
}

c10::List<double> list_of(const std::vector<double>& values) {
  c10::List<double> list;
  for (const double value : values) list.push_back(value);
  return list;
}

std::string script_name(std::string name) {
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
}

}  // namespace

std::string torchscript_source(const Model& model) {
  const ModelSpec& spec = model.spec;
  const std::optional<std::string> field = model.flow.field->torchscript();
  if (!field)
    throw InputError(
        fmt::format("the field '{}' cannot be exported: it has no TorchScript; a field of your own gets it by "
                    "overriding VectorField::torchscript()",
                    model.flow.field->name()));
  const std::string step = model.flow.scheme->torchscript();
  if (step.empty())
    throw InputError(
        fmt::format("the scheme '{}' cannot be exported: it has no TorchScript", model.flow.scheme->name()));
  require(!model.flow.controller,
          "a model with adaptive steps cannot be exported: give its flow the mesh that was accepted");

  const bool restores = spec.coding == TargetCoding::real && model.standardiser.target_mean.defined();
  std::string source;
  source += "def f(self, t: float, x: Tensor, u: Tensor) -> Tensor:\n" + indented(*field, 2);
  source += "def rate(self, k: int, t: float, x: Tensor) -> Tensor:\n" + indented(control_script(spec.control), 2) +
            "  return self.f(t, x, u)\n";
  source += "def forward(self, features: Tensor) -> Tensor:\n";
  // In float64 (7), as the model does it: a column of time stamps fits into float32 only once it is standardised.
  source += model.standardiser.mean.defined()
                ? "  x = ((features.to(7) - self.feature_mean) / self.feature_deviation).to(self.control.dtype)\n"
                : "  x = features.to(self.control.dtype)\n";
  source += indented(lift_script(spec), 2);
  source += "  for k in range(len(self.times) - 1):\n    t = self.times[k]\n    h = self.times[k + 1] - t\n" +
            indented(step, 4);
  source += spec.head == Head::linear ? "  z = torch.addmm(self.head_bias, x, self.head_weight.t())\n"
                                      : fmt::format("  z = x[:, {}:]\n", spec.width - spec.n_outputs);
  source += restores ? "  return z * self.target_deviation + self.target_mean\n" : "  return z\n";
  if (spec.coding != TargetCoding::real) {
    source += "def classes(self, features: Tensor) -> Tensor:\n  z = self.forward(features)\n";
    source += spec.coding == TargetCoding::signs ? "  return (z[:, 0] > 0).to(4)\n" : "  return z.argmax(1)\n";
  }
  return source;
}

void export_torchscript(const std::filesystem::path& path, const Model& model) {
  const std::string source = torchscript_source(model);
  torch::jit::Module module("turnpike");
  for (const auto& [name, tensor] : model.parameters())
    module.register_parameter(script_name(name), tensor.detach().clone().set_requires_grad(true), /*is_buffer=*/false);
  const auto buffer = [&](const std::string& name, const Tensor& tensor, c10::ScalarType dtype) {
    if (tensor.defined()) module.register_buffer(name, tensor.to(dtype));
  };
  buffer("feature_mean", model.standardiser.mean, at::kDouble);
  buffer("feature_deviation", model.standardiser.deviation, at::kDouble);
  if (model.spec.coding == TargetCoding::real) {
    buffer("target_mean", model.standardiser.target_mean, model.dtype());
    buffer("target_deviation", model.standardiser.target_deviation, model.dtype());
  }
  module.register_attribute("times", c10::ListType::ofFloats(), list_of(model.flow.mesh.times));
  module.register_attribute("knots", c10::ListType::ofFloats(), list_of(model.flow.grid.knots()));
  module.register_attribute("cells", c10::ListType::ofInts(), cells_of(model.flow));
  module.define(source);
  std::ostringstream bytes;
  module.save(bytes);
  write_file(path, bytes.str());
}

}  // namespace turnpike
