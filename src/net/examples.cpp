#include <turnpike/net/examples.h>

namespace turnpike {

Examples examples_of(const Batch& batch, const Standardiser& standardiser, TargetCoding coding, std::int64_t n_classes,
                     c10::ScalarType dtype) {
  Examples examples{standardiser.apply(batch.x).to(dtype), {}, batch.y};
  if (batch.y.defined()) examples.y = encode_target(standardiser.apply_target(batch.y), coding, n_classes, dtype);
  return examples;
}

}  // namespace turnpike
