// All of Turnpike's library: flows and what trains them. Include the parts you use where compile time matters.
#pragma once

#include <turnpike/core/device.h>
#include <turnpike/core/linear_operator.h>
#include <turnpike/core/tensor.h>
#include <turnpike/data/generators.h>
#include <turnpike/flow/fields.h>
#include <turnpike/flow/flow.h>
#include <turnpike/net/model.h>
#include <turnpike/train/objective.h>
#include <turnpike/train/penalty.h>
