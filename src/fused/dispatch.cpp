#include "dispatch_internal.h"

#include <cstdint>
#include <string>

#include <hwy/targets.h>

#include <turnpike/base/provenance.h>

namespace turnpike {

void limit_targets() {
  static const bool done = [] {
    const std::string target = dispatch_target();
    std::int64_t without = 0;
    if (target != "avx512") without |= HWY_AVX3 | HWY_AVX3_DL;
    if (target != "avx512" && target != "avx2") without |= HWY_AVX2;
    if (target == "generic") without |= HWY_SSE4 | HWY_SSSE3;
    hwy::DisableTargets(without);
    return true;
  }();
  static_cast<void>(done);
}

}  // namespace turnpike
