// A model as TorchScript, written without Python: loads with torch.jit.load in PyTorch and with torch::jit::load in
// C++.
//
//   export_torchscript("model.pt", model);
//   >>> module = torch.jit.load("model.pt")
//   >>> z = module(features)            # [N, n_features] in the units of the data -> [N, n_outputs] in original units
//   >>> c = module.classes(features)    # [N] class numbers (classification only)
//
// The module holds standardisation, lift, flow and head. Features are the network's inputs in the order of
// DataSchema::input_names(): a categorical column is one 0 / 1 entry a category, bytes are already divided by 255.
// Outputs of a classification are the scores (before softmax). The trained tensors are its parameters: control,
// lift_weight, ...
//
// Guarantees: equal to Model::outputs to rounding (1e-12 in float64, 1e-6 in float32, relative to the output's size).
// Errors: InputError for a field of your own, and for a field or scheme without TorchScript (implicit_midpoint).
#pragma once

#include <filesystem>
#include <string>

#include <turnpike/net/model.h>

namespace turnpike {

void export_torchscript(const std::filesystem::path& path, const Model& model);  // atomic
std::string torchscript_source(const Model& model);                              // the code that the module runs

}  // namespace turnpike
