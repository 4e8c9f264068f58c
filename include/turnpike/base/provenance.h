// Where a result comes from: enough to run it again.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace turnpike {

struct Provenance {
  std::string version;    // of Turnpike
  std::string commit;     // of its sources, "" outside a checkout; "+" appended if the tree was changed
  std::string compiler;   // "g++ 12.2.0"
  std::string processor;  // model name
  std::string dispatch;   // dispatch_target()
  std::string started;    // ISO 8601, UTC
  int threads = 0;
};

// The instruction set that BLAS and our kernels run on: the processor's best of "avx512" (F, BW, DQ, VL), "avx2" (with
// FMA), "sse4" and "generic", or that which the environment names in TURNPIKE_DISPATCH. InputError where the processor
// does not have it.
std::string dispatch_target();

Provenance provenance(int threads);
nlohmann::ordered_json to_json(const Provenance& provenance);

}  // namespace turnpike
