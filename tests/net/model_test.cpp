#include <turnpike/net/model.h>

#include <filesystem>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <turnpike/base/files.h>
#include <turnpike/data/convert.h>
#include <turnpike/data/generators.h>
#include <turnpike/data/read.h>

#include "net/sample_models.h"

namespace turnpike {
namespace {

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const InputError& error) {
    return error.what();
  }
  return "no InputError";
}

void expect_same(const Model& a, const Model& b, const Tensor& x) {
  EXPECT_TRUE(at::equal(a.outputs(x), b.outputs(x)));
  ASSERT_EQ(a.parameters().size(), b.parameters().size());
  for (std::size_t i = 0; i < a.parameters().size(); ++i) {
    EXPECT_EQ(a.parameters()[i].first, b.parameters()[i].first);
    EXPECT_TRUE(at::equal(a.parameters()[i].second, b.parameters()[i].second));
  }
}

TEST(Model, LiftsAndHeadsDoAsTheirFormulas) {
  ModelSpec spec = sample_spec();
  spec.lift = Lift::pad;
  spec.width = spec.field.dimension = 4;
  spec.n_outputs = 2;
  const Model padded = Model::make(spec, at::kDouble, 1);
  const Tensor x = at::rand({5, 2}, at::kDouble);
  EXPECT_TRUE(at::equal(padded.lift(x), at::cat({x, at::zeros({5, 2}, at::kDouble)}, 1)));
  const Tensor state = at::rand({5, 4}, at::kDouble);
  EXPECT_TRUE(at::allclose(padded.readout()(state), state.narrow(1, 2, 2), 0, 0));

  spec.lift = Lift::linear;
  spec.head = Head::linear;
  const Model linear = Model::make(spec, at::kDouble, 1);
  EXPECT_TRUE(at::allclose(linear.lift(x), at::mm(x, linear.lift_weight.t()) + linear.lift_bias, 1e-14, 1e-14));
  EXPECT_TRUE(
      at::allclose(linear.readout()(state), at::mm(state, linear.head_weight.t()) + linear.head_bias, 1e-14, 1e-14));
  // 10 cells of 4^2 + 4, a lift 4 x 2 + 4, a head 2 x 4 + 2
  EXPECT_EQ(linear.n_parameters(), 10 * 20 + 12 + 10);
}

TEST(Model, AtZeroControlTheOutputIsTheReadoutOfTheLift) {
  for (const char* scheme : {"euler", "rk4"}) {
    ModelSpec spec = sample_spec();
    spec.scheme = scheme;
    Model model = Model::make(spec, at::kDouble, 3);
    model.control.zero_();
    const Tensor x = at::rand({7, 2}, at::kDouble);
    EXPECT_TRUE(at::equal(model.forward(x), model.readout()(model.lift(x))));
  }
}

TEST(Model, TheSeedDecidesAndGradientsReachEveryParameter) {
  ModelSpec spec = sample_spec();
  spec.lift = Lift::linear;
  spec.head = Head::linear;
  spec.width = spec.field.dimension = 3;
  const Tensor x = at::rand({6, 2}, at::kDouble);
  EXPECT_TRUE(at::equal(Model::make(spec, at::kDouble, 5).forward(x), Model::make(spec, at::kDouble, 5).forward(x)));
  const Model model = Model::make(spec, at::kDouble, 6);
  EXPECT_FALSE(at::equal(Model::make(spec, at::kDouble, 5).forward(x), model.forward(x)));
  for (auto [name, tensor] : model.parameters()) tensor.requires_grad_();
  model.forward(x).square().sum().backward();
  for (const auto& [name, tensor] : model.parameters()) {
    ASSERT_TRUE(tensor.grad().defined()) << name;
    EXPECT_GT(tensor.grad().abs().max().item<double>(), 0) << name;
  }
}

TEST(Model, PartsThatDoNotFitAreRefused) {
  ModelSpec spec = sample_spec();
  spec.width = 3;
  EXPECT_THROW(Model::make(spec, at::kDouble, 1), ContractError);  // the field has dimension 2
  spec.field.dimension = 3;
  EXPECT_THROW(Model::make(spec, at::kDouble, 1), ContractError);  // no lift from 2 to 3
  spec.lift = Lift::pad;
  spec.n_outputs = 4;
  EXPECT_THROW(Model::make(spec, at::kDouble, 1), ContractError);  // 4 outputs of 3 coordinates
  spec.head = Head::linear;
  EXPECT_NO_THROW(Model::make(spec, at::kDouble, 1));
  spec.n_features = 5;
  EXPECT_THROW(Model::make(spec, at::kDouble, 1), ContractError);  // padding cannot shorten
}

TEST(Model, CutIsTheStateAtThatDepth) {
  for (const ControlKind kind : {ControlKind::constant, ControlKind::linear, ControlKind::shared}) {
    ModelSpec spec = sample_spec();
    spec.control = kind;
    const Model model = Model::make(spec, at::kDouble, 2);
    const Tensor x = at::rand({4, 2}, at::kDouble);
    const Tensor states = model.flow.roll(model.lift(x), model.control, {.save = Save::all}).states;
    for (const std::int64_t layers : {1, 4, 10}) {
      const Model shorter = model.cut(layers);
      EXPECT_EQ(shorter.spec.layers, layers);
      EXPECT_TRUE(at::allclose(shorter.forward(x), model.readout()(states[layers]), 1e-13, 1e-13))
          << name_of(kind) << layers;
    }
  }
}

TEST(ModelFile, GivesTheSameOutputsBitForBit) {
  const TemporaryFolder folder;
  for (const Model& model : sample_models()) {
    const Tensor x = at::randn({9, model.spec.n_features}, at::kDouble);
    const std::filesystem::path path = folder.path() / "model.safetensors";
    save_model(path, model);
    expect_same(model, load_model(path), x);
    const Model shorter = model.cut(3);
    save_model(path, shorter);
    expect_same(shorter, load_model(path), x);
  }
}

TEST(ModelFile, OfAModelMadeByHandHasNoDataSchema) {
  const TemporaryFolder folder;
  const Model model = Model::make(sample_spec(), at::kDouble, 2);
  const std::filesystem::path path = folder.path() / "model.safetensors";
  save_model(path, model);
  const Model loaded = load_model(path);
  expect_same(model, loaded, at::randn({9, model.spec.n_features}, at::kDouble));
  EXPECT_EQ(loaded.schema.n_inputs(), 0);
  EXPECT_EQ(message_of([&] { read_with_schema(path, loaded.schema, Labels::none); }),
            "the model does not say which columns it reads: it was saved without a data schema");
}

TEST(ModelFile, AModelOfSchemaOneStillLoadsWithItsOutputs) {
  // Written by this program when schema 1 was fixed: model.safetensors with inputs and the outputs it gave.
  const std::filesystem::path data = std::filesystem::path(__FILE__).parent_path() / "data";
  const Model model = load_model(data / "schema1.safetensors");
  const Safetensors expected = read_safetensors(data / "schema1_expected.safetensors");
  const Tensor x = tensor_of(expected.tensors.at("x")), z = tensor_of(expected.tensors.at("z"));
  EXPECT_LT((model.outputs(x) - z).abs().max().item<double>(), 1e-13);
  EXPECT_EQ(model.spec.coding, TargetCoding::real);
  EXPECT_EQ(model.schema.targets.at(0).name, "quality");
}

TEST(ModelFile, DamagedFilesAreRefusedInASentence) {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "model.safetensors";
  const Model model = sample_models().front();
  const auto load_changed = [&](const std::function<void(Safetensors&)>& change) {
    Safetensors file = pack_model(model);
    change(file);
    write_safetensors(path, file);
    return message_of([&] { load_model(path); });
  };
  const auto replace = [](Safetensors& file, const std::string& from, const std::string& to) {
    std::string& text = file.metadata["turnpike"];
    const std::size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
  };
  const std::string where = path.string() + ": ";
  EXPECT_EQ(load_changed([&](Safetensors& f) { replace(f, "schema = 1", "schema = 2"); }),
            where + "it has schema 2, written by a newer Turnpike; this one reads up to 1");
  EXPECT_EQ(load_changed([](Safetensors& f) { f.metadata.erase("turnpike"); }),
            where + "it is not a model of Turnpike (metadata 'turnpike' is missing)");
  EXPECT_EQ(load_changed([](Safetensors& f) { f.metadata["data"] = "{"; }), where + "the metadata 'data' are not JSON");
  EXPECT_EQ(load_changed([](Safetensors& f) { f.tensors.erase("control"); }),
            where + "the tensor 'control' is missing");
  EXPECT_EQ(load_changed([](Safetensors& f) {
              f.tensors["control"] = array_of(at::zeros({10, 5}, at::kDouble));
            }),
            where + "the tensor 'control' must be [10, 6] float64, got [10, 5] float64");
  EXPECT_EQ(load_changed([](Safetensors& f) {
              f.tensors["control"] = array_of(at::zeros({10, 6}, at::kFloat));
            }),
            where + "the tensor 'control' must be [10, 6] float64, got [10, 6] float32");
  EXPECT_EQ(load_changed([](Safetensors& f) {
              f.tensors["control"] = array_of(at::full({10, 6}, std::nan(""), at::kDouble));
            }),
            where + "the tensor 'control' holds values that are not finite");
  EXPECT_EQ(load_changed([](Safetensors& f) { f.tensors["mesh"] = array_of(at::zeros({11}, at::kDouble)); }),
            where + "the tensor 'mesh' must ascend from 0");
  EXPECT_EQ(load_changed([](Safetensors& f) { f.tensors["mesh"] = array_of(at::arange(5, at::kDouble)); }),
            where + "the mesh has 4 steps and the settings speak of 10 layers");
  EXPECT_EQ(load_changed([](Safetensors& f) { f.tensors["mesh"] = array_of(at::arange(11, at::kDouble)); }),
            where + "its mesh and its knots end at different times");
  EXPECT_EQ(load_changed([&](Safetensors& f) { replace(f, "width = 2", "width = 4000000000"); }),
            where + "its settings speak of a size of 4000000000");
  EXPECT_EQ(load_changed([&](Safetensors& f) { replace(f, "width = 2", "width = 2.5"); }),
            where + "its setting 'width' must be a whole number");
  EXPECT_EQ(load_changed([&](Safetensors& f) { replace(f, "field = \"inner\"", "field = \"iner\""); }),
            where + "unknown field 'iner'; did you mean 'inner'?");

  // Every truncation is refused, whatever is left of the file.
  const std::string bytes = safetensors_bytes(pack_model(model));
  for (std::size_t size = 0; size < bytes.size(); size += 97) {
    write_file(path, std::string_view(bytes).substr(0, size));
    EXPECT_NE(message_of([&] { load_model(path); }), "no InputError") << size;
  }
}

TEST(ModelFile, AFieldOfYourOwnIsRefused) {
  Model model = sample_models().front();
  model.flow.field = make_field("mine", 2, 6, [](double, const Tensor& x, const Tensor&) { return x; });
  EXPECT_EQ(message_of([&] { pack_model(model); }),
            "a model with a field of your own ('mine') cannot be saved: a file holds numbers, not code");
}

}  // namespace
}  // namespace turnpike
