// What making and loading a model share.
#pragma once

#include <turnpike/net/model.h>

namespace turnpike {

// Spec checked, field, scheme and adjoint in place; no grid, mesh or weights yet.
Model model_without_weights(const ModelSpec& spec);
void set_fixed_head(Model& model);

}  // namespace turnpike
