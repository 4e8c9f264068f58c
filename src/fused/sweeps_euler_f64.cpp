#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sweeps_euler_f64.cpp"
#define HWY_DISABLED_TARGETS (HWY_AVX3_DL | HWY_SSSE3)
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "dispatch_internal.h"
#include "sweeps_body_internal.h"

HWY_BEFORE_NAMESPACE();
namespace turnpike {
namespace HWY_NAMESPACE {

const SweepKernels<double>* find_euler_f64(bool inner, Activation activation) {
  return find_sweeps<double, true>(inner, activation);
}

}  // namespace HWY_NAMESPACE
}  // namespace turnpike
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace turnpike {
HWY_EXPORT(find_euler_f64);

template <>
const SweepKernels<double>* euler_sweeps<double>(bool inner, Activation activation) {
  limit_targets();
  return HWY_DYNAMIC_DISPATCH(find_euler_f64)(inner, activation);
}

}  // namespace turnpike
#endif
