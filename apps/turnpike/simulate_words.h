// The words of `turnpike simulate`: which simulator, with which settings. Without libtorch, so that the front answers
// the list, help and mistakes at once.
#pragma once

#include "command_line.h"

namespace turnpike {

// Checks everything and leaves the simulator's settings in invocation.options; answers --list and --help. InputError in
// one sentence.
void settle_simulate(Invocation& invocation);

}  // namespace turnpike
