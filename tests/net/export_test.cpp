#include <turnpike/net/export.h>

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/serialization/import.h>

#include "net/sample_models.h"

namespace turnpike {
namespace {

bool exportable(const Model& model) {
  return model.flow.field->torchscript().has_value() && !model.flow.scheme->torchscript().empty();
}

void expect_equal_after_export(c10::ScalarType dtype, double tolerance) {
  const TemporaryFolder folder;
  int exported = 0;
  for (const Model& model : sample_models(dtype)) {
    const std::filesystem::path path = folder.path() / "model.pt";
    if (!exportable(model)) {
      EXPECT_THROW(export_torchscript(path, model), InputError);
      continue;
    }
    export_torchscript(path, model);
    torch::jit::Module module = torch::jit::load(path.string());
    // Features in the data's own units, as double: the module brings them to its own type.
    const Tensor x = 2 * at::randn({11, model.spec.n_features}, at::kDouble) + 1;
    const Tensor z = model.outputs(x), again = module.forward({x}).toTensor().detach();
    EXPECT_EQ(again.scalar_type(), dtype);
    EXPECT_LT((again - z).abs().max().item<double>(), tolerance * (1 + z.abs().max().item<double>()))
        << model.spec.field.kind << " " << model.spec.scheme << " " << name_of(model.spec.control) << " "
        << facts_of(model.spec.field.activation).name;
    if (model.spec.coding != TargetCoding::real) {
      EXPECT_TRUE(at::equal(module.get_method("classes")({x}).toTensor(), decide(again, model.spec.coding)));
    }
    ++exported;
  }
  EXPECT_GT(exported, 20);
}

TEST(Export, LoadedTorchScriptGivesTheSameOutputsInDouble) {
  expect_equal_after_export(at::kDouble, 1e-12);
}

TEST(Export, LoadedTorchScriptGivesTheSameOutputsInFloat) {
  expect_equal_after_export(at::kFloat, 1e-6);
}

// Time stamps of an hour are 128 s apart in float32: they must be standardised before.
TEST(Export, TimeStampsKeepTheirDigitsInAModelOfFloat32) {
  const TemporaryFolder folder;
  Model model = sample_models(at::kFloat).front();
  const std::int64_t n = model.spec.n_features;
  model.standardiser.mean = at::full({n}, 1.7e9, at::kDouble);
  model.standardiser.deviation = at::full({n}, 500, at::kDouble);
  const Tensor standard = at::randn({11, n}, at::kDouble), x = 1.7e9 + 500 * standard;
  const Tensor z = model.standardiser.invert_target(model.forward(standard.to(at::kFloat)).detach());
  const double size = z.abs().max().item<double>();
  EXPECT_LT((model.outputs(x) - z).abs().max().item<double>(), 1e-5 * size);
  export_torchscript(folder.path() / "model.pt", model);
  torch::jit::Module module = torch::jit::load((folder.path() / "model.pt").string());
  EXPECT_LT((module.forward({x}).toTensor() - z).abs().max().item<double>(), 1e-5 * size);
}

TEST(Export, ACutModelIsExportedAsItIs) {
  const TemporaryFolder folder;
  const Model model = sample_models().front().cut(4);
  export_torchscript(folder.path() / "cut.pt", model);
  torch::jit::Module module = torch::jit::load((folder.path() / "cut.pt").string());
  const Tensor x = at::randn({3, 2}, at::kDouble);
  EXPECT_LT((module.forward({x}).toTensor() - model.outputs(x)).abs().max().item<double>(), 1e-12);
}

TEST(Export, ParametersKeepTheirNamesAndGradients) {
  const TemporaryFolder folder;
  const Model model = sample_models().back();
  export_torchscript(folder.path() / "model.pt", model);
  torch::jit::Module module = torch::jit::load((folder.path() / "model.pt").string());
  module.forward({at::randn({3, 2}, at::kDouble)}).toTensor().sum().backward();
  for (const auto& parameter : module.named_parameters()) {
    EXPECT_TRUE(parameter.value.grad().defined()) << parameter.name;
  }
  EXPECT_EQ(module.named_parameters().size(), model.parameters().size());
}

TEST(Export, WhatCannotBeExportedIsRefusedInASentence) {
  const auto message_of = [](const Model& model) -> std::string {
    try {
      torchscript_source(model);
    } catch (const InputError& error) {
      return error.what();
    }
    return "no InputError";
  };
  Model model = sample_models().front();
  model.flow.field = make_field("mine", 2, 6, [](double, const Tensor& x, const Tensor&) { return x; });
  EXPECT_EQ(message_of(model),
            "the field 'mine' cannot be exported: it has no TorchScript; a field of your own gets it by overriding "
            "VectorField::torchscript()");
  model = sample_models().front();
  model.flow.scheme = make_scheme("implicit_midpoint");
  EXPECT_EQ(message_of(model), "the scheme 'implicit_midpoint' cannot be exported: it has no TorchScript");
}

}  // namespace
}  // namespace turnpike
