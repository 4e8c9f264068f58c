#include <turnpike/net/examples.h>

namespace turnpike {

Examples examples_of(const Batch& batch, const Standardiser& standardiser, TargetCoding coding,
                     std::int64_t n_classes) {
  Examples examples{standardiser.apply(batch.x), {}, batch.y};
  if (batch.y.defined())
    examples.y = encode_target(standardiser.apply_target(batch.y), coding, n_classes, batch.x.scalar_type());
  return examples;
}

}  // namespace turnpike
