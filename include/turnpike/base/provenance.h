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

// The best instruction set of this processor that BLAS and our kernels are written for: "avx512" (F, BW, DQ, VL),
// "avx2" (with FMA), "sse4", or "generic".
std::string dispatch_target();

Provenance provenance(int threads);
nlohmann::ordered_json to_json(const Provenance& provenance);

}  // namespace turnpike
