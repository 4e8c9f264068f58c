// Which of the targets that a kernel was compiled for runs: the best that dispatch_target() allows.
//
//   static const StripKernels<float> table = (limit_targets(), HWY_DYNAMIC_DISPATCH(make_f32)());
#pragma once

namespace turnpike {

// Before the first kernel is chosen, and with it Highway's target for all of them. InputError as of dispatch_target().
void limit_targets();

}  // namespace turnpike
