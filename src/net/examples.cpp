#include <turnpike/net/examples.h>

namespace turnpike {

Examples examples_of(const Dataset& data, const Standardiser& standardiser, TargetCoding coding,
                     std::span<const std::int64_t> rows, c10::ScalarType dtype) {
  const Batch batch = data.batch(rows, dtype);
  Examples examples{standardiser.apply(batch.x), {}};
  if (batch.y.defined())
    examples.y = encode_target(standardiser.apply_target(batch.y), coding,
                               static_cast<std::int64_t>(data.schema.classes.size()), dtype);
  return examples;
}

}  // namespace turnpike
